values = [0, 1, -1, True, False, 1.0, 0.5, "", "a", b"", b"a", [], [1], (), (1,), {}, {1: 1}, set(), {1}, None, range(0), range(1)]
print([[int(x == y) for y in values] for x in values])
print([[int(x is y) for y in (None, True, False)] for x in (None, True, False)])
print([bool(x) for x in values])
print([1, 2] < [1, 2, 3], [2] > [1, 5], (1, "a") < (1, "b"), "abc" < "abd", b"a" < b"b", [[1], 2] == [[1], 2], {1: [2]} == {1: [2]})
print({1, 2} < {1, 2, 3}, {1} <= {1}, {2} > {1}, {1} != {1.0}, frozenset([1]) == {1}, {1: 2} != {1: 3})
nan = float("nan")
print(nan == nan, [nan] == [nan], nan in [nan], (nan,) == (nan,), [nan].index(nan), {nan: 1}[nan])
print(1 < 2 < 3 < 4, 1 < 2 > 1, 1 == 1.0 == True, 3 > 2 >= 2 != 1, not 1 < 2, 1 in [1] in [[1]])
print("a" in "abc", "" in "", "bc" in "abc", 1 in {1: 2}, (1, 2) in [(1, 2)], None is None, [] is [])
print(max([1, 3, 2]), max("a", "b"), min((2, 1)), sorted([True, 0, 2.5, -1]), sorted(["b", "A", "a"]), sorted([[2], [1, 5], [1]]))
print(2**64 == float(2**64), 2**64 + 1 > float(2**64), -0.0 == 0.0, 10**25 == 1e25, 1e16 == 10**16)
a = [1, 2, 3]
print(a == a[:], a is a[:], a == tuple(a), a != list(a), range(3) == range(0, 3, 1), range(0, 4, 2) == range(0, 3, 2))
cyc = [1]
cyc.append(cyc)
print(cyc == cyc, cyc in cyc, len(cyc))
print({"a": 1, "b": 2}.keys() == {"b", "a"}, {"a": 1}.items() == {("a", 1)}, {1: 1}.keys() < {1, 2}, {1: 1}.keys() | {2})
print(len == len, print == len, int == int, int != str, (lambda: 0) == (lambda: 0), [].append == [].append)
print(slice(1, 2) == slice(1, 2), ValueError("a") == ValueError("a"), type(1) == int, type("a") is str)
for pair in [(1, "a"), ([], ()), (None, 1), ({}, {}), (1, None), ("a", b"a"), (len, len), ({1}, [1])]:
    try:
        print(pair[0] < pair[1])
    except TypeError as e:
        print(e)
