def t(x):
    print("t", x, end=" ")
    return x


print(t(1) and t(0) and t(2))
print(t(0) or t("") or t("x") or t(1))
print(t(1) if t(0) else t(2))
print(not t(1), not not t([]))
print(t(1) < t(2) < t(0) < t(9))
print((t(1) or t(2)) and (t(0) or t(3)))
print([x and y or "z" for x in (0, 1) for y in ("", "y")])
print(1 if True else 2 if False else 3, (lambda x: "neg" if x < 0 else "zero" if x == 0 else "pos")(0))
a = None
print(a or "default", a and a.x, (a is None) and "none", a is not None or "was none")
if not (1 and 0) and (2 or 1 / 0):
    print("short circuit")
while t(0) or t(False):
    pass
else:
    print("loop else")
x = 5
print(0 < x <= 5 != 6 > x, x == 5 or 1 / 0, x != 5 and 1 / 0)
print(any(t(v) for v in [0, 1, 2]), all(t(v) for v in [1, 0, 2]))
print(bool([]) == False, (1 > 0) is True, True + (2 > 1), [False, True][x > 3], "no yes".split()[x == 5])
print((yes := x > 3), yes, [y for v in range(4) if (y := v * 2) > 2], (z := 1) + z)
assert (n := 3) == 3 and n
