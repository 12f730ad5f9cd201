values = [1, 1.5, "s", b"b", [1], (1,), {1: 2}, {3}, None, range(2), len]
binary = [
    ("+", lambda a, b: a + b),
    ("-", lambda a, b: a - b),
    ("*", lambda a, b: a * b),
    ("/", lambda a, b: a / b),
    ("//", lambda a, b: a // b),
    ("%", lambda a, b: a % b if not isinstance(a, (str, bytes)) else 0),
    ("**", lambda a, b: a**b),
    ("<<", lambda a, b: a << b),
    (">>", lambda a, b: a >> b),
    ("&", lambda a, b: a & b),
    ("|", lambda a, b: a | b),
    ("^", lambda a, b: a ^ b),
    ("@", lambda a, b: a @ b),
    ("<", lambda a, b: a < b),
    ("<=", lambda a, b: a <= b),
    (">", lambda a, b: a > b),
    (">=", lambda a, b: a >= b),
    ("==", lambda a, b: a == b),
    ("!=", lambda a, b: a != b),
    ("in", lambda a, b: a in b),
    ("[]", lambda a, b: a[b]),
]
for name, function in binary:
    for i, x in enumerate(values):
        for j, y in enumerate(values):
            if name == "|" and (callable(x) or callable(y)):
                continue
            try:
                print(name, i, j, function(x, y))
            except (TypeError, IndexError, KeyError, ValueError) as e:
                print(name, i, j, type(e).__name__, e)
unary = [lambda a: -a, lambda a: +a, lambda a: ~a, lambda a: not a, lambda a: len(a), lambda a: list(a), lambda a: a()]
for k, function in enumerate(unary):
    for i, x in enumerate(values[:-1]):
        try:
            print(k, i, function(x))
        except (TypeError, ValueError) as e:
            print(k, i, type(e).__name__, e)


def iadd(a, b):
    a += b
    return a


def isub(a, b):
    a -= b
    return a


def ior(a, b):
    a |= b
    return a


def imul(a, b):
    a *= b
    return a


def imod(a, b):
    a %= b
    return a


for k, function in enumerate([iadd, isub, ior, imul]):
    for x in (1, "s", [1], (1,), {1: 2}, {3}):
        for y in (2, "t", [2], (2,), {3: 4}, {5}, None):
            try:
                print(k, function(x if not isinstance(x, (list, dict, set)) else x.copy(), y))
            except (TypeError, ValueError) as e:
                print(k, type(e).__name__)
