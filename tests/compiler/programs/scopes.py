x = "module"
def f():
    print(x)
    def g():
        nonlocal_x = x
        return nonlocal_x
    return g()
print(f())
def counter():
    n = 0
    def inc(by=1):
        nonlocal n
        n += by
        return n
    def get():
        return n
    return inc, get
inc, get = counter()
inc(); inc(5)
print(get(), counter()[1]())
def sets():
    global x, made
    x = "changed"
    made = 1
sets()
print(x, made)
# ---
def f(a, b):
    def g():
        a.append(b)
        return lambda: (a, b)
    b = 2
    return g()()
print(f([1], 1))
def deep():
    v = 1
    def one():
        def two():
            def three():
                nonlocal v
                v += 1
                return v
            return three
        return two()
    return one()() , v
print(deep())
def recursive(n):
    def down(k):
        return k if k == 0 else down(k - 1)
    return down(n)
print(recursive(20))
# ---
def f():
    try:
        print(y)
    except UnboundLocalError:
        print("unbound")
    y = 1
    del y
    try:
        y
    except UnboundLocalError:
        print("unbound again")
    def g():
        return z
    try:
        g()
    except NameError:
        print("cell empty")
    z = 3
    print(g())
    del z
    try:
        g()
    except NameError:
        print("cell empty again")
f()
# ---
x = "outer"
print([x for x in range(3)], x)
print({x: y for x in range(2) for y in range(x + 1)}, x)
print([[x * y for y in range(3)] for x in range(3)], x)
print([x for x in [x for x in range(5) if x % 2]], x)
fs = [lambda: x for x in range(3)]
print([f() for f in fs])
gs = [lambda x=x: x for x in range(3)]
print([g() for g in gs])
print([(y := x * 2, y) for x in range(3)], y)
def f():
    total = 0
    print([total := total + v for v in range(5)], total)
    g = sum((last := v) for v in range(4))
    return total, g, last, [k for k in (lambda: total)() * [1]]
print(f())
# ---
def f(x):
    a = [x for x in range(x)]
    b = [(x, z) for z in range(2)]
    c = list(x + y for y in range(3))
    d = [[x + i for i in range(2)] for x in (10, 20)]
    e = list(i + j for i in range(2) for j in range(i + x))
    return a, b, c, d, e, x
print(f(2))
def g():
    return [v for v in range(2) for w in range(v + 1) if w == v], [w for v in range(2) for w in [v] if w]
print(g())
try:
    print([a for b in range(2) for a in [a]])
except NameError:
    print("module: not bound yet")
def h():
    first = [q for p in range(2) for q in [p]]
    try:
        return [q for p in range(2) for r in range(q) for q in [p]]
    except UnboundLocalError:
        return first, "not bound yet"
    except NameError:
        return first, "free and not bound yet"
print(h())
# ---
def f(a, /, b, c=3, *d, e, g=7, **h):
    return a, b, c, d, e, g, sorted(h)
print(f(1, 2, e=5), f(1, b=2, e=5, z=9), f(1, 2, 3, 4, 5, e=6, g=8, a=0))
for call in (lambda: f(), lambda: f(1, 2), lambda: f(a=1, b=2, e=3), lambda: f(1, 2, b=3, e=4)):
    try:
        call()
    except TypeError:
        print("TypeError")
def capture(a, *args, k=2, **kw):
    return lambda: (a, args, k, kw)
print(capture(1, 2, 3, k=4, z=5)())
n = 5
def uses(n=n):
    n += 1
    return n
print(uses(), uses(1), n)
if True:
    def conditional():
        return "yes"
else:
    def conditional():
        return "no"
print(conditional())
for i in range(3):
    pass
print(i)
del i
try:
    i
except NameError:
    print("deleted")
