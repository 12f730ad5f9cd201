log = []


def box(name):
    log.append(name)
    return data[name]


data = {"l": [1, 2], "d": {"k": 1}, "n": 5}
box("l")[0] += 10
box("d")["k"] *= 7
box("d")["k"] -= 1
print(data, log)
a = b = [1]
a += (2, 3)
a *= 2
print(b, a is b)
t = (1,)
u = t
t += (2,)
print(t, u)
s = r = {1}
s |= {2}
s -= {1}
s ^= {3}
s &= {2, 3}
print(sorted(s), s is r)
d = e = {"a": 1}
d |= {"b": 2}
d |= [("c", 3)]
print(d, d is e)
x = 10
x //= 3
x **= 4
x %= 50
x <<= 3
x >>= 1
x &= 0xFF
x |= 1
x ^= 3
x -= 1
x /= 2
print(x)
q = "a"
q += "b"
q *= 3
q %= ()
print(q)
f = frozenset([1])
g = f
f |= {2}
print(sorted(f), g)
try:
    t[0] += 1
except TypeError as err:
    print(err)
w = ([],)
try:
    w[0] += [1]
except TypeError as err:
    print(err, w)
m = [[0] * 2] * 2
m[0][0] += 1
print(m)
n = [1, 2, 3]
n[1:] += [4]
print(n)
for bad in ("1 += 'a'", "list", "set"):
    try:
        if bad == "1 += 'a'":
            v = 1
            v += "a"
        elif bad == "list":
            v = [1]
            v += 5
        else:
            v = {1}
            v |= [2]
    except TypeError as err:
        print(err)


def f():
    try:
        undefined += 1
    except UnboundLocalError as err:
        print(type(err).__name__)
    undefined = 1


f()
count = 0


def inc():
    global count
    count += 1
    return count


print(inc() + inc() * inc(), count)
