print(abs(-3), abs(-2.5), divmod(7, 2), divmod(-7, 2), pow(2, 5), pow(2, 5, 7), round(3.7))
print(isinstance(1, int), isinstance(True, int), isinstance(1, bool), isinstance("a", (int, str)), isinstance([], list))
print(type(1), type("a"), type(None), type([]) is list, type(1.5).__name__, type(type(1)).__name__, type(len).__name__)
print(str(1), str(None), str([1, "a"]), str({"a": (1,)}), repr("x"), str(b"a"), str(), bool(), bool("a"), bool(0.0))
print(len("abc"), len({}), len(range(5)), list(reversed([1, 2])), list(enumerate("ab", 5)), list(zip()), list(zip([1], [2], [3])))
print(min(1, 2), min([3, 1]), max("a", "b"), min([], default=5), max([1, -5], key=abs), min("bca"), max(1, 2.5), sum([0.5, 1]), sum([]))
print(sorted([3, 1, 2]), sorted("bca", reverse=True), sorted([(1, "b"), (1, "a")]), sorted({"b": 1, "a": 2}, key=str), sorted([]))
print(list(map(int, "123")), list(filter(lambda x: x % 2, range(5))), list(map(max, [1, 5], [3, 2])), any("") or all(""))
print(chr(97), ord("€"), hex(10), oct(10), bin(10), callable(print), next(iter([1])), next(iter([]), None), list(iter("ab")))
print(int is int, int == int, int is str, list == list, print is print, len is not print)
print(1, "a", None, sep="-", end="!\n")
print()
print("x", end="")
print("y", sep="z")
print(*[1, 2], sep=", ")
print(list(range(3)), tuple(range(3)), set(range(1)), dict(a=1), frozenset(), bytes(2), slice(1), None, True)
print(isinstance(ValueError(), Exception), issubclass(KeyError, LookupError), issubclass(bool, int), hasattr("a", "upper"), hasattr("a", "nope"))
print(getattr("a", "upper")(), getattr("a", "nope", "dflt"), "abc".upper.__name__, str.upper("abc"), list.append.__name__)
m = [].append
print(type(m).__name__, "x".join, sep="")  if False else print("skip")
a = []
app = a.append
app(1)
app(2)
print(a, list(map(str.upper, ["a", "b"])), list(map("{}!".format, [1, 2])))
for bad in range(13):
    try:
        if bad == 0:
            len(5)
        elif bad == 1:
            min([])
        elif bad == 2:
            sum(["a"])
        elif bad == 3:
            ord("ab")
        elif bad == 4:
            chr(-1)
        elif bad == 5:
            iter(5)
        elif bad == 6:
            next([1])
        elif bad == 7:
            "a".nope
        elif bad == 8:
            int("a", 10)
        elif bad == 9:
            len()
        elif bad == 10:
            abs("a")
        elif bad == 11:
            isinstance(1, 5)
        else:
            int.nope
    except (TypeError, ValueError, AttributeError) as e:
        print(type(e).__name__, e)
