def show(*args, **kwargs):
    return args, kwargs


print(show(*[1, 2], 3, *(4,), **{"a": 1}, b=2, **{"c": 3}))
print(show(*"ab", *range(2), *{"k": 1}, *{5}), show(*(x for x in [1, 2])), show(*[], **{}))
for bad in range(8):
    try:
        if bad == 0:
            show(*5)
        elif bad == 1:
            show(**5)
        elif bad == 2:
            show(**{1: 2})
        elif bad == 3:
            show(a=1, **{"a": 2})
        elif bad == 4:
            [*5]
        elif bad == 5:
            {**5}
        elif bad == 6:
            {*5}
        else:
            (lambda a: a)(**{"b": 1})
    except TypeError as e:
        print(type(e).__name__, bad if bad in (0, 1, 3) else e)
first, *middle, last = range(5)
print(first, middle, last)
(a, b), [c, *d] = (1, 2), "xyz"
print(a, b, c, d)
for i, (k, v) in enumerate({"x": 1, "y": 2}.items()):
    print(i, k, v)
x = [1, 2, 3]
i = 0
i, x[i] = 1, 9
print(i, x)
x[0], x[-1] = x[-1], x[0]
print(x)
*a, = (1, 2)
print(a)
d = {}
d["a"], d["b"] = 1, 2
print(d)
a, b, *c = {3: 1, 1: 2, 2: 3}
print(a, b, c)
data = [("a", 1), ("b", 2)]
names, numbers = zip(*data)
print(names, numbers, dict(data), max(data, key=lambda p: p[1]))
print([*map(str, range(3))], (*"ab",), {**{"a": 1}, "a": 2, **{"b": 3}}, [*[*[1]]])


def ret():
    return 1, [2, 3], {"a": 4}


p, (q, r), s = ret()
print(p, q, r, s)


def kw_order(**kw):
    return list(kw.items())


print(kw_order(z=1, a=2, m=3), kw_order(**{"b": 1, "a": 2}))
a = [0, 1, 2]
a[0], a[1:] = 5, [6, 7, 8]
print(a)


def log(v, out=[]):
    out.append(v)
    return v if v != "end" else out


{log("k1"): log("v1"), log("k2"): log("v2")}
show(log("p"), *[log("s")], k=log("kw"))
x = {}
x[log("idx")] = log("val")
print(log("end"))
