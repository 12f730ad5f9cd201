def account(balance):
    history = []

    def deposit(amount):
        nonlocal balance
        balance += amount
        history.append(("deposit", amount))
        return balance

    def withdraw(amount):
        nonlocal balance
        if amount > balance:
            raise ValueError(f"insufficient funds: {balance} < {amount}")
        balance -= amount
        history.append(("withdraw", amount))
        return balance

    return {"deposit": deposit, "withdraw": withdraw, "history": lambda: list(history), "balance": lambda: balance}


acc, other = account(100), account(0)
acc["deposit"](50)
other["deposit"](1)
try:
    acc["withdraw"](500)
except ValueError as e:
    print(e)
print(acc["balance"](), acc["history"](), other["balance"]())


def curry(f, *args):
    return lambda *more, **kw: f(*args, *more, **kw)


print(curry(lambda a, b, c=0: a + b + c, 1)(2, c=3))


def pipeline(*fs):
    def run(x):
        for f in fs:
            x = f(x)
        return x

    return run


print(pipeline(str.strip, str.upper, list, len)("  abc "))


def parent():
    shared = []

    def first():
        shared.append(1)
        return second()

    def second():
        shared.append(2)
        return shared

    return first


print(parent()(), parent()())


def levels():
    a = 1

    def l1():
        b = 2

        def l2():
            c = 3

            def l3():
                nonlocal a, c
                a += b
                c += a
                return a, b, c

            return l3(), l3(), c

        return l2(), a

    return l1(), a


print(levels())
fs = {}
for name in ["x", "y"]:

    def make(n):
        def f(v):
            return f"{n}={v}"

        return f

    fs[name] = make(name)
print([f(i) for i, f in enumerate(fs.values())])


def counter(start=0, *, step=1):
    state = {"n": start}

    def tick():
        state["n"] += step
        return state["n"]

    return tick


ticks = [counter(), counter(10, step=5)]
print([t() for t in ticks for _ in range(2)])


def even(n):
    return True if n == 0 else odd(n - 1)


def odd(n):
    return False if n == 0 else even(n - 1)


print(even(10), odd(7), even(3))


def param_cell(x):
    x += 1
    return lambda: x


print(param_cell(1)())


def varargs_cell(*args, **kwargs):
    return lambda: (args, kwargs)


print(varargs_cell(1, a=2)())


def comp_cells():
    return [lambda: (i, j) for i in range(2) for j in range(2)]


print([f() for f in comp_cells()])
recursive = lambda n: 1 if n < 2 else n * recursive(n - 1)
print(recursive(10))
Y = lambda f: (lambda x: x(x))(lambda x: f(lambda v: x(x)(v)))
print(Y(lambda self: lambda n: 1 if n == 0 else n * self(n - 1))(6))
