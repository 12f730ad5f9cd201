t = (1, "a", 2.5)
print(t, t[0], t[1:], t[::-1], len(t), t + (4,), t * 2, (), (1,), t == (1, "a", 2.5), t.index("a"), t.count(1))
a, b, c = t
print(a, b, c)
(a, (b, *c)), d = (1, (2, 3, 4)), 5
print(a, b, c, d)
*a, b = "xyz"
print(a, b)
a, *b = [1]
print(a, b)
a = b = [1]
print(a is b)
a, b = 1, 2
a, b = b, a
print(a, b)
[x, y] = 1, 2
print(x, y)
print((1, 2) < (1, 3), (1,) < (1, 0), (1, 2) == (1, 2.0), ((1, 2), 3) in [((1, 2), 3)])
print({(1, 2): "k"}[(1, 2)], tuple([1, 2]), tuple("ab"), tuple())
print([*range(3), *"ab"], (*[1], 2), {*[1], 1}, {**{"a": 1}, "b": 2})
for bad in range(8):
    try:
        if bad == 0:
            a, b = 1, 2, 3
        elif bad == 1:
            a, b, c = [1]
        elif bad == 2:
            a, *b, c = [1]
        elif bad == 3:
            a, b = 5
        elif bad == 4:
            (1, 2)[5]
        elif bad == 5:
            t[0] = 1
        elif bad == 6:
            {[1]: 2}
        else:
            a, b = {1, 2, 3}
    except (TypeError, IndexError, ValueError) as e:
        print(type(e).__name__, e)
