"""Builtin functions of values in general: ascii, callable, chr, format, getattr, isinstance, ord, print, type, ...

Those of iterables and of numbers are in `builtins_iter` and `builtins_num`; types are exposed where their methods are.
Left out is what reaches outside or tells runs apart: files, code, input, identities and hashes.
"""

from __future__ import annotations

from . import meter
from .arguments import shown_type
from .formatting import to_ascii
from .native import TYPES, Context, Throw, builtin, builtin_value, constructor
from .values import UNBOUND, Object, TypeValue, Value

builtin_value("object", TYPES["object"])
builtin_value("type", TYPES["type"])
builtin_value("__name__", "__main__")

UNAVAILABLE = frozenset(
    {
        *("__build_class__", "__import__", "breakpoint", "bytearray", "classmethod", "compile", "complex", "delattr"),
        *("dir", "eval", "exec", "exit", "globals", "hash", "help", "id", "input", "locals", "memoryview", "open"),
        *("property", "quit", "setattr", "staticmethod", "super", "vars"),
    }
)
"""Builtins of Python that controllers do not have: a NameError for one of them may say so."""


@constructor("object")
def _object(ctx: Context) -> Object:
    ctx.allocate(64)
    return Object(TYPES["object"], {})


@constructor("type")
def _type(ctx: Context, object: Value, /, *more: Value) -> TypeValue:
    if more:
        raise ctx.error("TypeError", "type() takes 1 argument: controllers cannot make classes with it")
    return ctx.type_of(object)


def _matches(ctx: Context, kind: TypeValue, classinfo: Value, name: str) -> bool:
    ctx.charge(1)
    if isinstance(classinfo, TypeValue):
        return kind.is_subtype(classinfo)
    if not isinstance(classinfo, tuple):
        suffix = (
            "a type, a tuple of types, or a union"
            if name == "isinstance"
            else "a class, a tuple of classes, or a union"
        )
        raise ctx.error("TypeError", f"{name}() arg 2 must be {suffix}")
    ctx.enter(2)
    try:
        return any(_matches(ctx, kind, item, name) for item in classinfo)
    finally:
        ctx.leave(2)


@builtin("isinstance")
def _isinstance(ctx: Context, obj: Value, class_or_tuple: Value, /) -> bool:
    return _matches(ctx, ctx.type_of(obj), class_or_tuple, "isinstance")


@builtin("issubclass")
def _issubclass(ctx: Context, cls: Value, class_or_tuple: Value, /) -> bool:
    if not isinstance(cls, TypeValue):
        raise ctx.error("TypeError", "issubclass() arg 1 must be a class")
    return _matches(ctx, cls, class_or_tuple, "issubclass")


@builtin("callable")
def _callable(ctx: Context, obj: Value, /) -> bool:
    return ctx.is_callable(obj)


@builtin("getattr")
def _getattr(ctx: Context, object: Value, name: Value, default: Value = UNBOUND, /) -> Value:
    found = _attribute(ctx, object, name, "getattr(): attribute name must be string", default is not UNBOUND)
    return default if found is UNBOUND else found


@builtin("hasattr")
def _hasattr(ctx: Context, obj: Value, name: Value, /) -> bool:
    return _attribute(ctx, obj, name, "hasattr(): attribute name must be string", True) is not UNBOUND


def _attribute(ctx: Context, value: Value, name: Value, wrong: str, quiet: bool) -> Value:
    """The attribute; where `quiet`, UNBOUND if there is none."""
    if not isinstance(name, str):
        raise ctx.error("TypeError", wrong)
    try:
        return ctx.get_attribute(value, name)
    except Throw as thrown:
        if quiet and thrown.value.kind.is_subtype(TYPES["AttributeError"]):
            return UNBOUND
        raise


@builtin("ascii")
def _ascii(ctx: Context, obj: Value, /) -> str:
    return to_ascii(ctx, obj)


@builtin("repr")
def _repr(ctx: Context, obj: Value, /) -> str:
    return ctx.to_repr(obj)


@builtin("format")
def _format(ctx: Context, value: Value, format_spec: Value = "", /) -> str:
    if not isinstance(format_spec, str):
        raise ctx.error("TypeError", f"format() argument 2 must be str, not {shown_type(ctx, format_spec)}")
    return ctx.format(value, format_spec)


@builtin("chr")
def _chr(ctx: Context, i: Value, /) -> str:
    code = ctx.index(i)
    if not -(1 << 31) <= code < 1 << 31:
        raise ctx.error("OverflowError", "Python int too large to convert to C int")
    return chr(code)


@builtin("ord")
def _ord(ctx: Context, c: Value, /) -> int:
    return ord(meter.plain(ctx, c))


@builtin("print")
def _print(
    ctx: Context, *args: Value, sep: Value = " ", end: Value = "\n", file: Value = None, flush: Value = False
) -> None:
    for name, value in (("sep", sep), ("end", end)):
        if value is not None and not isinstance(value, str):
            raise ctx.error("TypeError", f"{name} must be None or a string, not {ctx.type_of(value).name}")
    if file is not None:
        raise ctx.error("ValueError", "print() writes to the log of the request only: file must be None")
    meter.sequence(ctx, len(args))
    parts = [ctx.to_str(value) for value in args]
    between, after = " " if sep is None else sep, "\n" if end is None else end
    size = sum(map(len, parts)) + len(between) * len(parts) + len(after)
    meter.text(ctx, size)
    ctx.output(between.join(parts) + after)
