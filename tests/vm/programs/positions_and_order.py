order = []


def e(x):
    order.append(x)
    return x


def f(*a, **k):
    return a


f(e(1), e(2), k=e(3))
e({})[e("key")] = e("value")
e([e("a"), e("b")])
{e("k"): e("v")}
e(1) + e(2) * e(3)
e(1) if e(0) else e(4)
(e("x"), e("y"))
e([1, 2, 3])[e(0) : e(2)]
a, b = e(5), e(6)
e({"z": 1})["z"] += e(7)
[e(i) for i in (e(8), e(9)) if e(True)]
f"{e(10)}{e(11)!r:{e(5)}}"
e(1) < e(2) < e(1) < e(0)
lambda: e("never")
print(order)
order.clear()
d = {}
d[e(1)], d[e(2)] = e(3), e(4)
print(order, d)
x = y = z = e([])
print(x is y is z)
order.clear()
def g(a=e("default"), *, b=e("kwdefault")):
    return a, b
print(order, g(), g(1, b=2))
order.clear()
for i in (e(1), e(2)):
    order.append(("body", i))
print(order)
order.clear()
try:
    f(e(1), 1 / 0, e(2))
except ZeroDivisionError:
    print(order)
order.clear()
try:
    [e(0)][e(5)] = e("rhs")
except IndexError as err:
    print(order, err)
