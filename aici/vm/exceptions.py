"""The built-in exception classes: one table. Imported for the effect of registering them, and for `exception_type`."""

from __future__ import annotations

from .native import BUILTINS, TYPES, Context, getter, method, type_
from .values import ExceptionValue, TypeValue, Value

_HIERARCHY = """
BaseException
    Exception
        ArithmeticError
            FloatingPointError
            OverflowError
            ZeroDivisionError
        AssertionError
        AttributeError
        BufferError
        EOFError
        ImportError
            ModuleNotFoundError
        LookupError
            IndexError
            KeyError
        MemoryError
        NameError
            UnboundLocalError
        OSError
            ConnectionError
            FileExistsError
            FileNotFoundError
            InterruptedError
            PermissionError
            TimeoutError
        RuntimeError
            NotImplementedError
            RecursionError
        StopAsyncIteration
        StopIteration
        SyntaxError
        SystemError
        TypeError
        ValueError
            UnicodeError
                UnicodeDecodeError
                UnicodeEncodeError
        Warning
            DeprecationWarning
            RuntimeWarning
            UserWarning
    GeneratorExit
    KeyboardInterrupt
    SystemExit
"""


def exception_class(name: str, base: str) -> TypeValue:
    """A new class of exceptions; natives make those of their modules with it."""
    kind = type_(name, base)
    kind.is_exception = True
    return kind


def _register() -> None:
    path: list[str] = []
    for line in _HIERARCHY.strip().splitlines():
        depth, name = (len(line) - len(line.lstrip())) // 4, line.strip()
        del path[depth:]
        BUILTINS[name] = exception_class(name, path[-1] if path else "object")
        path.append(name)
    BUILTINS["IOError"] = BUILTINS["EnvironmentError"] = TYPES["OSError"]


_register()


def set_context(ctx: Context, value: ExceptionValue, handled: ExceptionValue) -> None:
    """Note that `value` was raised while `handled` was being handled, cutting a cycle as CPython does; the search for
    one is charged."""
    if value is handled:
        return
    seen: set[int] = set()
    link = handled
    while link.context is not None and id(link) not in seen:
        if link.context is value:
            link.context = None
            break
        ctx.charge(1)
        seen.add(id(link))
        link = link.context
    value.context = handled


@getter("BaseException", "args")
def _args(ctx: Context, self: ExceptionValue) -> Value:
    return self.args


@getter("BaseException", "__cause__")
def _cause(ctx: Context, self: ExceptionValue) -> Value:
    return self.cause


@getter("BaseException", "__context__")
def _context(ctx: Context, self: ExceptionValue) -> Value:
    return self.context


@getter("BaseException", "__suppress_context__")
def _suppress_context(ctx: Context, self: ExceptionValue) -> Value:
    return self.suppress_context


@getter("StopIteration", "value")
def _value(ctx: Context, self: ExceptionValue) -> Value:
    return self.args[0] if self.args else None


@method("BaseException", "with_traceback")
def _with_traceback(ctx: Context, self: ExceptionValue, tb: Value, /) -> Value:
    if tb is not None:
        raise ctx.error("TypeError", "__traceback__ must be a traceback or None")
    return self
