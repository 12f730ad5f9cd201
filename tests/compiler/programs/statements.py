for i in range(5):
    if i == 1:
        continue
    if i == 3:
        break
    print(i)
else:
    print("never")
for i in []:
    pass
else:
    print("empty")
i = 0
while i < 5:
    i += 1
    if i == 2:
        continue
    if i == 4:
        break
else:
    print("never")
while i < 6:
    i += 1
else:
    print("done", i)
while True:
    break
while not i:
    print("never")
if 0:
    print("never")
elif "":
    print("never")
elif i and not 0 or never:
    print("yes")
for a, (b, *c) in [(1, (2, 3, 4)), (5, "ab")]:
    print(a, b, c)
"dropped"
...
pass
# ---
x = 1
x += 2; x -= 1; x *= 10; x //= 3; x **= 2; x %= 7; x <<= 3; x |= 1; x ^= 2; x &= 0xFF; x >>= 1
print(x)
l = m = [1]
l += [2]
l *= 2
print(l is m, l)
d = {"a": [1]}
d["a"] += [2]
print(d)
t1 = (1,)
t1 += (2,)
print(t1)
def once():
    print("once")
    return l
once()[0] += 5
once()[1:3] += [9]
print(l)
y: int = 3
z: undefined_annotation
print(y)
def annotated(a: int, b: "str" = "d") -> list[int]:
    local: int
    other: int = 4
    return [a, b, other]
print(annotated(1))
# ---
print(f"{x!r}" if (x := 5) else "", f"{x=}", f"{x = !s:>5}", f"{'a' 'b'}{{}}", f"", f"a", f"{x:{x}}|{x:0{x}d}")
print(-5, +5, ~5, not 5, - -5, -(5), -5.0, -0.0, 2 ** -1)
print((1, -2, (3, "a", (4, (5, (6,))))), (), (1,), ((),))
print(1 if x else 2, [1, 2, 3, -4], {1, 2, 3} == {3, 2, 1}, [1, [2], 3], [*"abc"], {**{}, "a": 1})
print(x[1:] if not x else "", "abcdef"[1:], "abcdef"[::2], "abcdef"[-2:-5:-1], "abcdef"[:])
print(1 < 2 < 3, 1 < 3 < 2, 1 == 1 != 2, 3 in [1, 2, 3] in [[1, 2, 3]], None is None is not 1)
print(not (1 and 0), 1 and 0 or 3, (0 or "") and 1, 1 in (1, 2) and 2 not in (1,))
print([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, x, 34])
print(f"{x}{x}{x}{x}{x}{x}{x}{x}{x}{x}{x}{x}{x}{x}{x}{x}{x}{x}{x}{x}{x}{x}{x}{x}{x}{x}{x}{x}{x}{x}{x}{x}{x}-{x}")
print({x: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 7, 8: 8, 9: 9, 10: 10, 11: 11, 12: 12, 13: 13, 14: 14, 15: 15, 16: 16, 17: 17, 18: 18, 19: 19, 20: 20, 21: 21, 22: 22, 23: 23, 24: 24, 25: 25, 26: 26, 27: 27, 28: 28, 29: 29, 30: 30, 31: 31, 32: 32, 33: 33})
print(max(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, x))
# ---
import math
import math as m
from math import floor, ceil as c
from json import dumps
print(math.floor(2.5), m.floor(1.5), floor(0.5), c(0.5), dumps({"a": [1, None]}))
try:
    from math import missing_name
except ImportError:
    print("ImportError")
# ---
def unreachable():
    return 1
    print("never")
    for i in range(3):
        try:
            pass
        finally:
            print([x for x in (lambda: 1)()])
def forever():
    while True:
        if t("x"):
            return "out"
def nothing():
    pass
def loops():
    while 1:
        while 1:
            break
        for i in "ab":
            break
        break
    for i in "abc":
        for j in "xy":
            if j == "y":
                break
        else:
            continue
        if i == "b":
            break
    return i, j
print(unreachable(), forever(), nothing(), loops())
assert True
assert 1, "never"
try:
    assert 0
except AssertionError as e:
    print(repr(e))
try:
    assert False, 5
except AssertionError as e:
    print(repr(e))
x = y = z = 1
del x, (y, [z])
try:
    z
except NameError:
    print("all deleted")
print((lambda: (yield_ := 1) + yield_)(), (lambda *a, **k: (a, k))(1, b=2))
try:
    a, b = 1, 2, 3
except ValueError as e:
    print(e)
try:
    a, *b, c = 1,
except ValueError as e:
    print(e)
a, *b = 1,
[a, b] = "xy"
(a), b = {1: 2, 3: 4}
print(a, b)
# ---
import typing
from typing import Any
import math
l = [1, 2]
l[t(0, 0)]: Any
t("o", l)[t(1)]: Any = 5
(n): int = 3
print(l, n)
def f(x: Any = None) -> Any:
    y: Any
    try:
        return y
    except UnboundLocalError:
        return x
print(f(1))
try:
    l.missing: Any
    math.missing += 1
except AttributeError:
    print("no attribute")
try:
    math.pi.real = 1
except (AttributeError, TypeError):
    print("not settable")
