r = range(2, 20, 3)
print(r, len(r), r[0], r[-1], r[1:3], r[::-1], list(r), 5 in r, 6 in r, r.start, r.stop, r.step, r.index(8), r.count(5))
print(range(3) == range(0, 3), range(0), list(range(5, 0, -2)), bool(range(0)), range(10)[2:8:2], list(reversed(range(4))))
for i in range(3):
    for j in range(i):
        print(i, j, end=";")
print()
s = slice(1, 5, 2)
print(s, s.start, s.stop, s.step, "abcdef"[s], [0, 1, 2, 3, 4, 5][s], slice(3), s == slice(1, 5, 2))
x = list(range(10))
print(x[2:], x[:2], x[-2:], x[:-2], x[::3], x[::-3], x[8:2:-2], x[100:], x[-100:3], x[5:5], x[None:None:None])
print("héllo"[1:3], (1, 2, 3)[-1:], b"abc"[0:2])
for bad in range(5):
    try:
        if bad == 0:
            range(1, 2, 0)
        elif bad == 1:
            range(3)[5]
        elif bad == 2:
            x[::0]
        elif bad == 3:
            x["a":2]
        else:
            range(1.5)
    except (TypeError, IndexError, ValueError) as e:
        print(type(e).__name__, e)
