a = [3, 1, 2]
b = a
b.append(4)
print(a, a is b, len(a), a[0], a[-1], a[1:3], a[::-1], a[:], a[:] is a)
a += [5]
print(b, a is b)
a = a + [6]
print(b, a is b)
a.extend(range(2))
a.insert(0, "first")
a.insert(100, "last")
a.insert(-1, "almost")
print(a, a.index(1), a.count(1), a.pop(), a.pop(0), a)
a.remove(5)
print(a)
a.reverse()
print(a)
c = [5, 3, 8, 1]
c.sort()
print(c)
c.sort(reverse=True, key=lambda v: v % 4)
print(c)
c[1:3] = ["x", "y", "z"]
print(c)
c[::2] = [0, 0, 0]
print(c)
del c[0]
print(c)
del c[1:3]
print(c)
del c[::2]
print(c)
c.clear()
print(c, [1, 2] * 2, 2 * [0], [[]] * 2)
print([1, 2] == [1, 2], [1, 2] < [1, 3], [1] < [1, 2], [] < [0], [1, "a"] == [1, "b"], [1, 2] != [1])
print(2 in [1, 2], [1] in [[1]], None in [0], [x for x in range(10) if x % 3 == 0])
n = [[0] * 2 for _ in range(2)]
n[0][1] = 7
print(n, n.copy(), list("ab"), list({1: 2}), list((1, 2)), list(range(3)))
loop = [1]
loop.append(loop)
print(loop, len(loop), loop[1] is loop)
s = [1, 2, 3]
s *= 2
print(s)
total = 0
for i, v in enumerate(s, 1):
    total += i * v
print(total, list(zip(s, "ab")), list(reversed(s)), sorted(s), any(s), all(s), any([]), all([]))
for v in s:
    if v == 2 and len(s) < 9:
        s.append(9)
print(s)
print([1, 2, 3].__class__.__name__, list(map(str, s)), list(filter(None, [0, 1, "", "a"])))
matrix = [[1, 2], [3, 4]]
print([list(r) for r in zip(*matrix)], [y for r in matrix for y in r], sum(matrix, []))
for bad in range(8):
    try:
        if bad == 0:
            print([][0])
        elif bad == 1:
            [1].remove(2)
        elif bad == 2:
            [].pop()
        elif bad == 3:
            print([1] + (1,))
        elif bad == 4:
            print([1]["a"])
        elif bad == 5:
            [1, 2, 3][::2] = [1]
        elif bad == 6:
            print([1, 2].index(3))
        else:
            print(sorted([1, "a"]))
    except (TypeError, IndexError, ValueError) as e:
        print(type(e).__name__, e)
