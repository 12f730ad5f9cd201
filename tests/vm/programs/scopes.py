x = "global"


def a():
    print(x)


def b():
    x = "local"

    def c():
        print(x)

    c()
    x = "changed"
    c()


def d():
    try:
        print(y)
    except UnboundLocalError as e:
        print(type(e).__name__, e)
    y = 1
    del y
    try:
        y
    except NameError as e:
        print(type(e).__name__, e)


def e():
    def inner():
        return late

    try:
        inner()
    except NameError as err:
        print(type(err).__name__, err)
    late = "late"
    print(inner())


a()
b()
d()
e()
try:
    undefined
except NameError as err:
    print(err)
try:
    err
except NameError as other:
    print(other)
print([x for x in "ab"], x)
fs = []
for i in range(3):
    fs.append(lambda: i)
print([f() for f in fs], i)
len = lambda v: "shadow"
print(len("abc"))
del len
print(len("abc"))


def comp(n):
    k = 10
    return [i * k + j for i in range(n) for j in range(i)], {i: (lambda: i * k)() for i in range(n)}, n


print(comp(3))


def walrus(data):
    if (n := sum(data)) > 5:
        return n
    return [y := 1, y**2, (last := y + 1)], last


print(walrus([1, 2]), walrus([3, 4]))
print([z for v in range(5) if (z := v * v) > 3], z)


def deep():
    v = 0

    def l1():
        def l2():
            nonlocal v
            v += 1
            return v

        return l2

    return l1()() + l1()()


print(deep())


def loop_cells():
    out = []
    for i in range(3):
        j = i * 10

        def f(i=i):
            return i, j

        out.append(f)
    return [f() for f in out]


print(loop_cells())
