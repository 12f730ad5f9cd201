def attempt(f):
    try:
        return f()
    except ZeroDivisionError as e:
        return "zero", e.args
    except (KeyError, IndexError) as e:
        return "lookup", type(e).__name__, str(e), repr(e)
    except Exception as e:
        return "other", type(e).__name__, str(e)
    else:
        return "unreached"
    finally:
        print("finally")


print(attempt(lambda: 1 / 0))
print(attempt(lambda: {}["k"]))
print(attempt(lambda: [][1]))
print(attempt(lambda: int("x")))
print(attempt(lambda: None.foo))
print(attempt(lambda: 5))


def order():
    try:
        print("try")
        return "returned"
    finally:
        print("cleanup")


print(order())


def override():
    try:
        raise ValueError("lost")
    finally:
        return "finally wins"


print(override())


def loop():
    for i in range(5):
        try:
            if i == 1:
                continue
            if i == 3:
                return i
        finally:
            print("f", i)


print(loop())
try:
    try:
        raise ValueError("a")
    except ValueError:
        raise
except ValueError as e:
    print("reraised", e)
try:
    try:
        raise ValueError("inner")
    except ValueError as e:
        raise TypeError("outer") from e
except TypeError as e:
    print(repr(e), repr(e.__cause__), repr(e.__context__), e.__suppress_context__)
try:
    try:
        raise ValueError("inner")
    except ValueError:
        raise TypeError("outer")
except TypeError as e:
    print(repr(e.__cause__), repr(e.__context__), e.__suppress_context__)
try:
    try:
        1 / 0
    except ZeroDivisionError:
        raise KeyError("x") from None
except KeyError as e:
    print(repr(e.__context__), e.__cause__, e.__suppress_context__)
try:
    raise ValueError
except ValueError as e:
    print(repr(e), e.args, str(e) == "")
for e in (ValueError(1, 2), KeyError("a"), KeyError(1, 2), Exception(), RuntimeError("x"), IndexError("i")):
    print(repr(e), str(e), e.args, isinstance(e, Exception), isinstance(e, LookupError), issubclass(type(e), ValueError))
try:
    raise 5
except TypeError as e:
    print(e)
try:
    raise ValueError("v") from 5
except TypeError as e:
    print(e)
try:
    try:
        raise ValueError
    except 5:
        pass
except TypeError as e:
    print(e)
try:
    raise
except RuntimeError as e:
    print(e)
try:
    pass
except ValueError:
    print("no")
else:
    print("else")
finally:
    print("fin")
try:
    try:
        raise KeyError("k")
    finally:
        print("inner finally")
except LookupError as e:
    print("outer", repr(e))
e = "kept"
try:
    raise ValueError
except ValueError as error:
    pass
print(e)


def nested():
    try:
        try:
            raise ValueError(1)
        except KeyError:
            print("wrong")
        finally:
            try:
                raise IndexError(2)
            except IndexError as i:
                print("handled", repr(i), repr(i.__context__))
    except ValueError as v:
        print(repr(v), v.__context__)


nested()


def recurse(n):
    return recurse(n + 1)


try:
    recurse(0)
except RecursionError as e:
    print(type(e).__name__, "maximum recursion depth exceeded" in str(e))


def reraise_later():
    saved = None
    try:
        raise ValueError("saved")
    except ValueError as e:
        saved = e
    try:
        raise saved
    except ValueError as again:
        return again is saved


print(reraise_later())
