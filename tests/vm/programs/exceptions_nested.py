log = []


def step(n):
    log.append(n)
    return n


def one():
    for i in range(3):
        try:
            step(f"try {i}")
            if i == 0:
                continue
            if i == 1:
                raise ValueError(i)
            return "ret"
        except ValueError as e:
            step(f"except {e}")
            try:
                raise KeyError(str(i))
            except KeyError as k:
                step(f"inner {k} {k.__context__!r}")
            finally:
                step("inner finally")
        else:
            step("else")
        finally:
            step(f"finally {i}")


print(one(), log)


def two():
    try:
        try:
            return step("a")
        finally:
            step("b")
            raise ValueError("c")
    except ValueError as e:
        return repr(e), e.__context__


print(two())


def three():
    while True:
        try:
            try:
                1 / 0
            finally:
                break
        except ZeroDivisionError:
            print("never")
    return "swallowed"


print(three())


def four():
    try:
        raise ValueError("x")
    except ValueError as e:
        def inner():
            return repr(e)

        out = inner()
    try:
        inner()
    except NameError as n:
        return out, str(n)


print(four())


def five(depth):
    try:
        if depth:
            five(depth - 1)
        else:
            raise KeyError("deep")
    except KeyError as e:
        raise ValueError(depth) from e


try:
    five(3)
except ValueError as e:
    chain = []
    while e is not None:
        chain.append(repr(e))
        e = e.__cause__
    print(chain)


def six():
    for x in [1, 2]:
        for y in [1, 2]:
            try:
                if y == 2:
                    break
            finally:
                print("six", x, y)
    return [x, y]


print(six())


def seven():
    try:
        yielded = [1 / z for z in (1, 0)]
    except ZeroDivisionError:
        yielded = "caught outside"
    return yielded


print(seven())


def eight():
    try:
        raise TypeError("t")
    except (ValueError, TypeError) as e:
        try:
            raise
        except TypeError as again:
            return again is e


print(eight())
kinds = (KeyError, (IndexError))
try:
    [][0]
except kinds as e:
    print("tuple", e)


def nine():
    try:
        assert isinstance("a", int), "not int"
    except AssertionError as e:
        return str(e)
    finally:
        pass


print(nine())


def ten():
    try:
        try:
            raise ValueError("first")
        except ValueError:
            raise TypeError("second")
    except TypeError as e:
        try:
            raise e.__context__
        except ValueError as v:
            return repr(v), repr(v.__context__)


print(ten())


def eleven(n):
    if n == 0:
        raise RecursionError("manual")
    try:
        eleven(n - 1)
    finally:
        log.append(n)


log.clear()
try:
    eleven(4)
except RecursionError as e:
    print(e, log)


def handled_inside_call():
    def f():
        try:
            raise
        except ValueError as e:
            return repr(e)

    try:
        raise ValueError("active")
    except ValueError:
        return f()


print(handled_inside_call())
try:
    raise RuntimeError("no")
except Exception:
    try:
        {}["k"]
    except KeyError as e:
        print(repr(e.__context__))
print([repr(e) for e in [ValueError("a", "b"), StopIteration(5), OSError("os")]], StopIteration(5).value)
try:
    try:
        raise ValueError
    finally:
        try:
            raise KeyError
        except KeyError:
            pass
except ValueError:
    print("value survives")
for exc in (ArithmeticError, LookupError, OSError, RuntimeError, Exception):
    try:
        raise exc("m")
    except Exception as e:
        print(type(e).__name__, isinstance(e, (ArithmeticError, LookupError)), e)
