def f(a, b=2, *args, c, d=4, **kw):
    return a, b, args, c, d, kw


print(f(1, c=3), f(1, 5, 6, 7, c=8, e=9), f(*[1, 2], **{"c": 3}), f(a=1, c=2), f(1, *(), c=0, **{}))


def pos(a, /, b, *, c=1):
    return a, b, c


print(pos(1, 2), pos(1, b=2, c=3))


def default(x, acc=[]):
    acc.append(x)
    return acc


print(default(1), default(2), default(3, []))


def nothing():
    pass


print(nothing(), (lambda: 5)(), (lambda *a, k=1, **kw: (a, k, kw))(1, 2, k=3, z=4))


def outer(x):
    def inner(y):
        def innermost(z):
            return x + y + z

        return innermost

    return inner


print(outer(1)(2)(3))


def make():
    count = 0

    def inc(by=1):
        nonlocal count
        count += by
        return count

    def get():
        return count

    return inc, get


inc, get = make()
inc()
inc(5)
print(get(), [g() for g in [lambda i=i: i for i in range(3)]], [g() for g in [lambda: i for i in range(3)]])
g = 1


def change():
    global g, new
    g += 1
    new = "n"


change()
print(g, new)


def fact(n):
    return 1 if n == 0 else n * fact(n - 1)


print(fact(30), fact.__name__)


def early(n):
    for i in range(n):
        while True:
            if i == 2:
                return "two"
            break
    else:
        return "else"


print(early(5), early(1))


def swap(pair):
    (a, b) = pair
    return b, a


print(swap((1, 2)), callable(swap), callable(1), type(swap).__name__)
compose = lambda *fs: lambda x: x if not fs else compose(*fs[1:])(fs[0](x))
print(compose(str, len)(12345))
print(sorted(["bb", "a", "ccc"], key=len, reverse=True), list(map(lambda a, b: a * b, [1, 2], [3, 4])))


def calls(k):
    for args, kwargs in [((), {}), ((1,), {}), ((1, 2, 3), {}), ((1,), {"c": 1, "zz": 2}), ((1,), {"a": 1, "c": 2})]:
        try:
            print(k(*args, **kwargs))
        except TypeError as e:
            print(e)


calls(f)


def two(a, b):
    return a


def three(a, b, c, d):
    return a


def opt(a, b=1):
    return a


def kwo(*, a, b):
    return a


def none():
    return 0


calls(two)
calls(three)
calls(opt)
calls(kwo)
calls(none)
calls(pos)
try:
    pos(a=1, b=2)
except TypeError as e:
    print(e)
try:
    kwo(1, a=2)
except TypeError as e:
    print(e)
try:
    (5)()
except TypeError as e:
    print(e)
try:
    two(1, a=2)
except TypeError as e:
    print(e)
