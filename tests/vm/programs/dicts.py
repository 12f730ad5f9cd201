d = {"a": 1, "b": 2}
d["c"] = 3
d["a"] = 10
print(d, len(d), d["a"], d.get("x"), d.get("x", 0), "a" in d, "x" in d, list(d), d == {"c": 3, "b": 2, "a": 10})
for k in d:
    print(k, d[k])
for k, v in d.items():
    print(k, v)
print(list(d.keys()), list(d.values()), list(d.items()), d.keys(), d.values(), d.items())
print(d.pop("a"), d.pop("zz", None), d, d.setdefault("n", []), d.setdefault("b", 5), d)
d.update({"b": 9}, z=1)
d.update([("p", 0)])
print(d, d.popitem(), d)
del d["b"]
print(d, {**d, "n": 1}, d | {"c": 0}, dict(a=1, b=2), dict([("k", "v")]), dict({"x": 1}, y=2))
e = d.copy()
e["new"] = 1
print(d, e, d == e, d != e, dict.fromkeys("ab", 0), {i: i * i for i in range(4)})
d |= {"q": 1}
print(d)
d.clear()
print(d, bool(d), bool({0: 0}))
print({1: "int", "1": "str", (1,): "tuple", None: "none", 1.5: "f", True: "bool"})
nested = {"a": {"b": [1, 2, {"c": 3}]}}
print(nested["a"]["b"][2]["c"], nested)
nested["self"] = nested
print(nested)
view = e.keys()
e["later"] = 2
print(list(view), view & {"later"}, sorted(view - {"later"}), "later" in view, len(view), e.items() >= {("later", 2)})
print(sorted({"b": 1, "a": 2}), max({"b": 1, "a": 2}, key=lambda k: k), list(reversed({"x": 1, "y": 2})))
counts = {}
for word in "the cat the dog the end".split():
    counts[word] = counts.get(word, 0) + 1
print(counts, sorted(counts.items(), key=lambda kv: (-kv[1], kv[0])))
for bad in range(6):
    try:
        if bad == 0:
            print({}["missing"])
        elif bad == 1:
            for k in e:
                e[k + "x"] = 1
        elif bad == 2:
            del {}["m"]
        elif bad == 3:
            {}.pop("m")
        elif bad == 4:
            {[]: 1}
        else:
            {}.popitem()
    except (TypeError, KeyError, RuntimeError) as err:
        print(type(err).__name__, err, err.args)
