print([x for x in range(5)], [x * y for x in range(3) for y in range(3) if x != y], {x for x in "aab"} == {"a", "b"})
print({k: v for k, v in [("a", 1), ("b", 2)]}, {v: k for k, v in {"a": 1}.items()}, list(x for x in range(3)))
print([[j for j in range(i)] for i in range(4)], [(a, b) for a, b in zip("ab", [1, 2])], [*(i for i in range(2))])
print(sum(x * x for x in range(10)), max(len(w) for w in "a bb ccc".split()), any(x > 3 for x in range(5)), all(x < 5 for x in range(5)))
print("".join(c.upper() for c in "abc"), dict((i, i) for i in range(2)), tuple(x for x in "ab"), sorted(-x for x in range(3)))
g = (print("lazy", x) or x for x in range(3))
print("made")
print(next(g), next(g), next(g), next(g, "default"))
try:
    next(g)
except StopIteration as e:
    print(repr(e), e.value)
it = iter([1, 2, 3])
print(next(it), list(it), list(it))
print([x if x % 2 else -x for x in range(5)], [i for i in range(10) if i % 2 if i % 3], [[c for c in w] for w in ("ab", "c")])
fs = [lambda: x for x in range(3)]
print([f() for f in fs])
print(list(zip(range(3), (c for c in "abc"))), list(enumerate(x for x in "ab")), list(map(lambda x: x + 1, (i for i in range(3)))))
n = 3
print([n for n in range(2)], n, [[n for _ in range(n)] for n in range(3)], n)
print([y for x in [[1, 2], [3]] for y in x], [(x, y) for x in range(3) for y in range(x)], {x: [x] for x in range(2)})


def inside(k):
    return [k + i for i in range(3)], {k: i for i in range(2)}, list(k * i for i in range(2)), [lambda: k for _ in range(1)][0]()


print(inside(5))
h = (x for x in [1, 2, 3, 4])
for v in h:
    if v == 2:
        break
print(list(h))
try:
    [x for x in 5]
except TypeError as e:
    print(e)
try:
    list(1 / x for x in [1, 0])
except ZeroDivisionError as e:
    print(e)
data = [3, 1]
gen = (x for x in data)
data.append(2)
print(list(gen), list(filter(lambda x: x > 1, (x for x in data))), 2 in (x for x in data))
