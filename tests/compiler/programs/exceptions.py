def f(way):
    for i in range(3):
        try:
            t(f"body{i}")
            if way == "return":
                return "returned"
            if way == "break":
                break
            if way == "continue":
                continue
            if way == "raise":
                raise ValueError(way)
            if way == "other":
                raise KeyError(way)
        except ValueError as e:
            t(repr(e))
        else:
            t("else")
        finally:
            t("finally")
    else:
        t("loop else")
    return "end"
for way in ("return", "break", "continue", "raise", "nothing"):
    print(f(way))
print(f("other"))
# ---
def f():
    try:
        return t("first")
    finally:
        return t("second")
def g():
    for i in range(3):
        try:
            return t(i)
        finally:
            if i < 2:
                continue
    return "end"
def h():
    while True:
        try:
            try:
                return 1
            finally:
                t("inner")
        finally:
            t("outer")
            break
    return "broken"
def k():
    try:
        raise ValueError
    finally:
        return "swallowed"
print(f(), g(), h(), k())
# ---
def f():
    try:
        1 / 0
    except ZeroDivisionError as e:
        try:
            raise KeyError("k")
        except KeyError as inner:
            print(repr(inner.__context__), inner.__cause__)
        print(repr(e))
        try:
            raise
        except ZeroDivisionError as again:
            print(again is e)
    try:
        e
    except UnboundLocalError:
        print("unbound")
    try:
        raise
    except RuntimeError as r:
        print(r)
f()
# ---
def bare():
    raise
def f():
    try:
        1 / 0
    except ZeroDivisionError:
        try:
            bare()
        except ZeroDivisionError as e:
            print("raised again in a call", repr(e))
    for i in range(2):
        try:
            raise ValueError(i)
        except ValueError:
            if i:
                break
            continue
    try:
        bare()
    except RuntimeError as e:
        print(e, e.__context__)
    try:
        try:
            raise ValueError(1)
        except ValueError:
            return
    finally:
        try:
            bare()
        except RuntimeError as e:
            print(e, e.__context__)
f()
# ---
def f(error, *kinds):
    try:
        try:
            raise error
        except kinds[0]:
            print("first")
        except kinds[1] as e:
            print("second", e)
            del e
        except:
            print("any")
            raise
    except Exception as e:
        print("outer", repr(e))
f(ValueError(1), ValueError, KeyError)
f(KeyError(1), ValueError, KeyError)
f(KeyError(1), ValueError, (TypeError, LookupError))
f(TypeError(1), ValueError, KeyError)
f(TypeError(1), 1, KeyError)
# ---
e = "kept?"
try:
    try:
        raise ValueError("a")
    except ValueError as e:
        raise KeyError("b") from e
except KeyError as k:
    print(repr(k.__cause__), repr(k.__context__), k.__suppress_context__)
try:
    print(e)
except NameError:
    print("gone")
try:
    raise KeyError from None
except KeyError as k:
    print(k.__cause__, k.__suppress_context__)
raise ValueError("at the end")
# ---
def f(n):
    try:
        try:
            if n == 0:
                raise ValueError("body")
        except KeyError:
            t("no")
        else:
            if n == 1:
                raise KeyError("in else, not caught beside it")
        finally:
            t("f1")
            if n == 2:
                raise TypeError("in finally")
    except Exception as e:
        print(repr(e), repr(e.__context__))
    finally:
        t("f2")
for n in range(4):
    f(n)
# ---
def f():
    try:
        try:
            raise ValueError(1)
        finally:
            try:
                raise KeyError(2)
            except KeyError as e:
                print(repr(e.__context__))
    except ValueError as e:
        print(repr(e), e.__context__)
    try:
        raise ValueError(3)
    except ValueError as e:
        e = 5
    try:
        raise ValueError(4)
    except ValueError as e:
        del e
    while True:
        try:
            raise ValueError(5)
        except ValueError as e:
            break
        finally:
            t("f")
    print("e" in dir() if False else "done")
f()
