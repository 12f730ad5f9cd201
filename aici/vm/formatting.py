"""Values as text: `str()`, `repr()`, `format()` with its little language. (`str_format` and `percent` have templates.)

Goes in: a context and any controller values. Comes out: exactly CPython's text (functions and iterators show no
address, so that no run depends on one). The texts are accounted for before they are made: widths and precisions are
read from a specification before Python's own `format` sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any, TypeVar

from . import meter
from .memory import SMALL
from .native import Context
from .values import (
    BoundMethod,
    Coroutine,
    DictView,
    ExceptionValue,
    FunctionValue,
    Generator,
    ModuleValue,
    Native,
    Object,
    SetValue,
    TypeValue,
    Value,
)

MAX_DEPTH = 150
"""Nesting of containers that `repr` and `json` follow; deeper is the controller's RecursionError."""

MAX_SIZE_DIGITS = 19
"""Decimal digits of the largest size; CPython refuses longer ones itself, before it makes anything."""

_T = TypeVar("_T")


def by_python(ctx: Context, make: Callable[[], _T]) -> _T:
    """What Python itself makes of simple values; its errors become the controller's. (Natives could leave that to the
    machine, but operators, too, end up here.)"""
    try:
        return make()
    except (ValueError, TypeError, OverflowError) as error:
        raise ctx.error(type(error).__name__, str(error)) from None


# --- str and repr ---


def to_str(ctx: Context, value: Value) -> str:
    """`str(value)`."""
    if isinstance(value, str):
        return value
    if isinstance(value, ExceptionValue):
        return _exception_text(ctx, value)
    if isinstance(value, Object):
        shown = special(value.kind, "__str__")
        if shown is not None:
            text: str = shown.call(ctx, value)
            return text
    return to_repr(ctx, value)


def to_repr(ctx: Context, value: Value) -> str:
    """`repr(value)`; the short text of a number costs nothing."""
    kind = type(value)
    if (kind is int and -SMALL < value < SMALL) or kind is float or kind is bool or value is None:
        return repr(value)
    parts: list[str] = []
    _write(ctx, value, parts, [])
    if len(parts) == 1:
        return parts[0]
    meter.text(ctx, sum(len(part) * meter.width(part) for part in parts))
    return "".join(parts)


def to_ascii(ctx: Context, value: Value) -> str:
    """`ascii(value)`."""
    text = to_repr(ctx, value)
    if text.isascii():
        return text
    meter.text(ctx, 10 * len(text))
    return text.encode("ascii", "backslashreplace").decode("ascii")


def convert(ctx: Context, value: Value, conversion: str) -> Value:
    """The value after `!s`, `!r` or `!a`; itself for no conversion."""
    if conversion == "s":
        return to_str(ctx, value)
    if conversion == "r":
        return to_repr(ctx, value)
    if conversion == "a":
        return to_ascii(ctx, value)
    return value


def special(kind: TypeValue | None, name: str) -> Native | None:
    """The method of that name that a type of objects has, its own or a base's."""
    while kind is not None:
        if name in kind.methods:
            return kind.methods[name]
        kind = kind.base
    return None


def _write(ctx: Context, value: Value, parts: list[str], around: list[Value]) -> None:
    """Append the repr to `parts`; `around` are the containers that it is being written for."""
    kind = type(value)
    if kind in _CONTAINERS:
        ctx.charge(1)
        if any(value is container for container in around):
            parts.append(_CYCLES[kind])
        elif len(around) >= MAX_DEPTH:
            raise ctx.error("RecursionError", "maximum recursion depth exceeded while getting the repr of an object")
        else:
            around.append(value)
            ctx.enter(3)
            try:
                _CONTAINERS[kind](ctx, value, parts, around)
            finally:
                ctx.leave(3)
            around.pop()
        return
    parts.append(_scalar(ctx, value))


def _scalar(ctx: Context, value: Value) -> str:
    if isinstance(value, (str, bytes)):
        meter.text(ctx, (4 if isinstance(value, bytes) or value.isascii() else 10) * len(value) + 3)
        return repr(value)
    if isinstance(value, int):
        bits = value.bit_length()
        ctx.charge(1 + bits // 30)
        ctx.allocate(56 + bits // 3)
        return by_python(ctx, lambda: repr(value))
    ctx.charge(1)
    ctx.allocate(80)
    if value is None or isinstance(value, float):
        return repr(value)
    if isinstance(value, range):
        bits = sum(number.bit_length() for number in (value.start, value.stop, value.step))
        meter.text(ctx, bits)
        return by_python(ctx, lambda: repr(value))
    if isinstance(value, Object):
        shown = special(value.kind, "__repr__")
        if shown is not None:
            text: str = shown.call(ctx, value)
            return text
        return f"<{value.kind.name} object>"
    return _opaque(ctx, value)


def _opaque(ctx: Context, value: Value) -> str:
    if isinstance(value, TypeValue):
        return f"<class '{value.name}'>"
    if isinstance(value, FunctionValue):
        return f"<function {ctx.get_attribute(value, '__name__')}>"
    if isinstance(value, Native):
        return f"<built-in function {value.name}>"
    if isinstance(value, BoundMethod):
        return f"<built-in method {value.method.name} of {ctx.type_of(value.receiver).name} object>"
    if isinstance(value, (Coroutine, Generator)):
        return f"<{ctx.type_of(value).name} object {value.name}>"
    if isinstance(value, ModuleValue):
        return f"<module '{value.name}'>"
    return f"<{ctx.type_of(value).name} object>"


def _write_items(
    ctx: Context, items: Iterator[Value], parts: list[str], around: list[Value], start: str, end: str
) -> None:
    parts.append(start)
    separate = False
    for item in items:
        ctx.charge(1)
        ctx.allocate(2 * meter.ITEM_BYTES)
        if separate:
            parts.append(", ")
        _write(ctx, item, parts, around)
        separate = True
    parts.append(end)


def _write_list(ctx: Context, value: list[Value], parts: list[str], around: list[Value]) -> None:
    _write_items(ctx, iter(value), parts, around, "[", "]")


def _write_tuple(ctx: Context, value: tuple[Value, ...], parts: list[str], around: list[Value]) -> None:
    _write_items(ctx, iter(value), parts, around, "(", ",)" if len(value) == 1 else ")")


def _write_pairs(ctx: Context, value: dict[Value, Value], parts: list[str], around: list[Value]) -> None:
    parts.append("{")
    separate = False
    for key, item in list(value.items()):
        ctx.charge(1)
        ctx.allocate(4 * meter.ITEM_BYTES)
        if separate:
            parts.append(", ")
        _write(ctx, key, parts, around)
        parts.append(": ")
        _write(ctx, item, parts, around)
        separate = True
    parts.append("}")


def _write_set(ctx: Context, value: SetValue, parts: list[str], around: list[Value]) -> None:
    name = "frozenset" if value.frozen else "set"
    if not value.items:
        parts.append(f"{name}()")
    else:
        start, end = ("frozenset({", "})") if value.frozen else ("{", "}")
        _write_items(ctx, iter(list(value.items)), parts, around, start, end)


def _write_slice(ctx: Context, value: slice, parts: list[str], around: list[Value]) -> None:
    _write_items(ctx, iter((value.start, value.stop, value.step)), parts, around, "slice(", ")")


def _write_view(ctx: Context, value: DictView, parts: list[str], around: list[Value]) -> None:
    owner = value.owner
    meter.sequence(ctx, len(owner))
    if value.what == "items":
        items: list[Value] = list(owner.items())
    else:
        items = list(owner if value.what == "keys" else owner.values())
    _write_items(ctx, iter(items), parts, around, f"dict_{value.what}([", "])")


def _write_exception(ctx: Context, value: ExceptionValue, parts: list[str], around: list[Value]) -> None:
    _write_items(ctx, iter(value.args), parts, around, f"{value.kind.name.rpartition('.')[2]}(", ")")


_CONTAINERS: dict[type, Callable[[Context, Any, list[str], list[Value]], None]] = {
    list: _write_list,
    tuple: _write_tuple,
    dict: _write_pairs,
    SetValue: _write_set,
    slice: _write_slice,
    DictView: _write_view,
    ExceptionValue: _write_exception,
}

_CYCLES = {
    list: "[...]",
    tuple: "(...)",
    dict: "{...}",
    SetValue: "set(...)",
    slice: "...",
    DictView: "...",
    ExceptionValue: "...",
}


def _exception_text(ctx: Context, value: ExceptionValue) -> str:
    if not value.args:
        return ""
    if len(value.args) > 1:
        return to_repr(ctx, value.args)
    return to_repr(ctx, value.args[0]) if value.kind.name == "KeyError" else to_str(ctx, value.args[0])


# --- format ---


def format_value(ctx: Context, value: Value, spec: str) -> str:
    """`format(value, spec)`."""
    kind = type(value)
    if kind in _FORMATTED:
        if not spec:
            return value if isinstance(value, str) else to_repr(ctx, value)
        _account(ctx, value, spec)
        return by_python(ctx, lambda: format(value, spec))
    if isinstance(value, Object):
        shown = special(value.kind, "__format__")
        if shown is not None:
            text: str = shown.call(ctx, value, spec)
            return text
    if spec:
        name = ctx.type_of(value).name
        raise ctx.error("TypeError", f"unsupported format string passed to {name}.__format__")
    return to_str(ctx, value)


_FORMATTED = frozenset({str, int, float, bool})


def _account(ctx: Context, value: Value, spec: str) -> None:
    """For the text that `value` takes under `spec`. Digits may be those of any script, as in CPython."""
    size = len(value) * meter.width(value) if isinstance(value, str) else 350
    if isinstance(value, int):
        size += 2 * value.bit_length()
    for decimal, run in groupby(spec, str.isdecimal):
        digits = "".join(run) if decimal else ""
        if digits and len(digits) <= MAX_SIZE_DIGITS:
            size += int(digits) * meter.width(spec)
    meter.text(ctx, size)
