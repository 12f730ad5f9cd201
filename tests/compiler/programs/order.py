print(t(1) + t(2) * t(3))
print(t(3) < t(2) < t("never"), t(1) < t(2) < t(3))
print(t(0, 0) or t(2), t(0, 0) and t("no"), t(1) and t(2) or t("no"))
x = [0] * 5
x[t(1)] = t(2)
x[t(3)] += t(4)
x[t(0, 0):t(2)] = t("v", [7, 8])
t("o", {})[t("k")] = t("v")
print(x)
# ---
def f(*args, **kwargs):
    return args, sorted(kwargs.items())
print(t("f", f)(t(1), t(2), a=t(3)))
print(t("f", f)(t(1), *t("s", [5]), b=t(4), *t("u", [6]), **t("kw", {"c": 7}), d=t(8)))
print({t("a"): t(1), **t("m", {"z": 0}), t("b"): t(2)})
print([t(1), *t("l", [2]), t(3)], (t(1), *t("l", [2])), {*t("l", [2]), t(3)} == {2, 3})
print(t("yes") if t("c", 1) else t("no"), t("yes") if t("c", 0) else t("no"))
# ---
a, (b, *c), d = t(1), t("m", (2, 3, 4)), t(5)
print(a, b, c, d)
l = [0, 1, 2]
i = 0
i, l[i] = 1, t("v")
print(i, l)
i = l[i] = 2
print(i, l)
p = q = r = t("once")
print(p, q, r)
a, b = b, a
a, b, c = c, a, b
print(a, b, c)
# ---
def f(a=t("d1"), *, b=t("d2"), c, d=t("d3")):
    return a, b, c, d
print(f(c=0), (lambda x=t("ld"): x)())
print(f"{t(1)} {t(2):{t(5)}} {t(3)!r:>{t(6)}}")
print(t("l", [1, 2, 3, 4])[t(1):t(3):t("s", 1)])
# ---
d = {}
d[t("k1")] = d[t("k2")] = t("v")
print(d)
del d[t("k1")], d[t("k2")]
print(d, [t(x) for x in t("it", [1, 2]) if t("if", x)], {t(k): t(v) for k, v in [(1, 2)]})
for t("target", d)["x"] in t("iter", [1, 2]):
    pass
print(d)
try:
    None.missing(t("not evaluated"))
except AttributeError:
    print("attribute first")
try:
    undefined(t("not evaluated"))
except NameError:
    print("name first")
try:
    raise t("e", ValueError("v")) from t("c", KeyError("k"))
except t("cls", ValueError) as e:
    print(repr(e), repr(e.__cause__))
assert t("true"), t("not evaluated")
try:
    assert t("false", 0), t("message")
except AssertionError as e:
    print(repr(e))
