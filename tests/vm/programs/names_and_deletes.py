x = 1
del x
try:
    x
except NameError as e:
    print(e)
try:
    del x
except NameError as e:
    print(e)
a, b, c = 1, 2, 3
del a, (b, c)
try:
    b
except NameError as e:
    print(e)
d = {"a": {"b": [1, 2, 3]}}
del d["a"]["b"][1]
print(d)
del d["a"]["b"][:]
print(d)


def f():
    v = 1

    def g():
        return v

    print(g())
    del v
    try:
        g()
    except NameError as e:
        print(type(e).__name__, e)
    v = 2
    print(g())


f()


def h(p):
    del p
    try:
        return p
    except UnboundLocalError as e:
        return str(e)


print(h(1))
for i in range(2):
    pass
print(i)
del i
try:
    print(i)
except NameError as e:
    print(e)
print = print
sum = 5
del sum
print(sum([1]))
_private = 1
__dunder = 2
print(_private, __dunder)
lam = lambda: undefined_name
try:
    lam()
except NameError as e:
    print(e)
é = "unicode name"
print(é)
match = 1
case = 2
type_ = 3
print(match + case + type_)
if True:
    conditional = "yes"
print(conditional)
try:
    raise ValueError("e")
except ValueError as err:
    pass
try:
    err
except NameError as e:
    print(e)
while True:
    inside = 1
    break
print(inside)
