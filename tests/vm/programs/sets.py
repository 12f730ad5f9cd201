def show(s):
    return sorted(s, key=repr)


a, b = {1, 2, 3}, {3, 4}
print(show(a | b), show(a & b), show(a - b), show(a ^ b), a <= b, {3} < a, a >= {1}, a == {3, 2, 1}, a != b)
a.add(9)
a.discard(1)
a.discard(100)
a.remove(2)
print(show(a), len(a), 9 in a, 1 in a, set(), show(set("hello")), frozenset([1]), {1}, bool(set()))
a |= {7}
a &= {7, 9, 3}
a -= {3}
a ^= {1}
print(show(a))
print(show(a.union([5], (6,))), show(a.intersection([7])), show(a.difference([7])), show(a.symmetric_difference([7, 8])))
a.update([10, 11], {12})
print(show(a), {1, 2}.issubset([1, 2, 3]), {1, 2}.issuperset([1]), {1}.isdisjoint([2]))
f = frozenset([1, 2])
print({f: "frozen"}[frozenset([2, 1])], f == {1, 2}, show(f | {3}), type(f | {3}).__name__, f in {f}, {1, 2} in {f})
print(show({x % 3 for x in range(10)}), show({*[1, 2], 2}), len({1, 1.0, True}), a.copy() == a, a.copy() is a)
c = {1}
c.clear()
print(c, c == set())
for bad in range(4):
    try:
        if bad == 0:
            {1}.remove(5)
        elif bad == 1:
            {[1]}
        elif bad == 2:
            set().pop()
        else:
            print({1} + {2})
    except (TypeError, KeyError) as e:
        print(type(e).__name__, e)
