def noisy(x):
    print("item", x)
    return x


g = (noisy(x) * 2 for x in [1, 2, 3] if noisy(x) != 2)
print("made")
for v in g:
    print("got", v)
a = (x for x in range(5))
b = (x * x for x in a if x % 2)
print(next(b), list(a), list(b))
h = (x for x in [1, 2, 3])
print(2 in h, list(h), 2 in h)
print(list(zip(range(3), (x for x in "ab"), "xyz")))
it = iter("abc")
print(list(zip(it, it)), next(it, "end"))
it = iter([1, 2, 3, 4, 5])
for x in it:
    if x == 2:
        print("skip", next(it))
    else:
        print(x)
e = enumerate("ab")
print(next(e), list(e))
m = map(lambda a, b: a + b, [1, 2], [10, 20, 30])
print(next(m), list(m), list(m))
f = filter(lambda c: c != "b", "abc")
print(list(f))
r = reversed([1, 2, 3])
print(next(r), list(r))
k = iter({"a": 1, "b": 2})
print(next(k), list(k))
counter = iter([3, 2, 1, 0].pop, 0)
print(list(counter))
print(max((len(w), w) for w in ["aa", "b"]), min((x for x in []), default=None), sorted((x for x in [3, 1]), reverse=True))
nested = ((x, y) for x in range(2) for y in (z for z in "ab"))
print(list(nested))
n = 2
late = (x * n for x in range(3))
n = 10
print(list(late))
try:
    next(iter([]))
except StopIteration:
    print("stop")


def stop():
    return next(iter([]))


try:
    list(stop() for _ in range(3))
except RuntimeError as e:
    print(e, repr(e.__cause__))


def self_ref():
    g = (next(g) for _ in range(2))
    try:
        next(g)
    except ValueError as e:
        print(type(e).__name__, e)


self_ref()
broken = (1 // x for x in [1, 0, 2])
print(next(broken))
try:
    next(broken)
except ZeroDivisionError:
    print("broken", list(broken))
d = {1: 2}
try:
    for key in d:
        d[key + 1] = 0
except RuntimeError as e:
    print(e)
lst = [1, 2, 3]
for x in lst:
    lst.remove(x)
print(lst)
