for i in range(10):
    if i == 3:
        continue
    if i == 6:
        break
    print(i, end=" ")
else:
    print("never")
print()
for i in []:
    pass
else:
    print("empty else")
n = 0
while n < 3:
    n += 1
else:
    print("while else", n)
while True:
    n += 1
    if n > 10:
        break
else:
    print("never")
print(n)
if n < 5:
    print("lt")
elif n < 20:
    print("lt 20")
else:
    print("ge")
print(1 if n else 2, n and 5, 0 or "x", None or 0 or [], 1 and 2 and 3, not n, 1 < 2 < 3, 1 < 3 < 2, 1 == 1 != 2)


def side(v, log):
    log.append(v)
    return v


log = []
print(side(1, log) < side(5, log) < side(3, log) < side(9, log), log)
log = []
print(side(0, log) and side(1, log) or side(2, log), log)
x = y = 3
assert x == y
try:
    assert x != y, f"they are {x}"
except AssertionError as e:
    print(repr(e))
try:
    assert False
except AssertionError as e:
    print(repr(e), str(e) == "")
for a, (b, *c) in [(1, (2, 3, 4)), (5, "xyz")]:
    print(a, b, c)
d = {}
for d["k"] in range(3):
    pass
print(d)
out = []
for i in range(3):
    for j in range(3):
        if j == 1:
            continue
        if i == 1:
            break
        out.append((i, j))
    else:
        out.append("done")
print(out)
i = 0
while i < 5:
    i += 1
    try:
        if i == 2:
            continue
        if i == 4:
            break
    finally:
        print("finally", i)
print("end", i)
