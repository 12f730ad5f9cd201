"""Values as text: `str()`, `repr()`, `format()` with its little language, `str.format` and the `%` of str and bytes.

Goes in: a context and any controller values. Comes out: exactly CPython's text (functions and iterators show no
address, so that no run depends on one). The texts are accounted for before they are made: widths and precisions are
read from a specification before Python's own `format` sees it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from string import Formatter
from typing import Any, TypeVar

from . import meter
from .memory import SMALL
from .native import Context, Throw
from .values import (
    UNBOUND,
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

_MAX_SIZE_DIGITS = 19
"""Decimal digits of the largest size; CPython refuses longer ones itself, before it makes anything."""

_T = TypeVar("_T")


def _python(ctx: Context, make: Callable[[], _T]) -> _T:
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
        shown = _special(value.kind, "__str__")
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


def _special(kind: TypeValue | None, name: str) -> Native | None:
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
        return _python(ctx, lambda: repr(value))
    ctx.charge(1)
    ctx.allocate(80)
    if value is None or isinstance(value, float):
        return repr(value)
    if isinstance(value, range):
        bits = sum(number.bit_length() for number in (value.start, value.stop, value.step))
        meter.text(ctx, bits)
        return _python(ctx, lambda: repr(value))
    if isinstance(value, Object):
        shown = _special(value.kind, "__repr__")
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
        return _python(ctx, lambda: format(value, spec))
    if isinstance(value, Object):
        shown = _special(value.kind, "__format__")
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
        if digits and len(digits) <= _MAX_SIZE_DIGITS:
            size += int(digits) * meter.width(spec)
    meter.text(ctx, size)


# --- str.format ---


def format_template(
    ctx: Context, template: str, args: tuple[Value, ...], kwargs: Value, *, positional: bool = True
) -> str:
    """`template.format(*args, **kwargs)`; `kwargs` may be any mapping; with `positional=False`, as `format_map`."""
    return _Template(ctx, args, kwargs, positional).expand(template, 2)


_AFTER_NAME = re.compile(r"[.\[]")


def _name_end(field: str, start: int) -> int:
    """Where the name in a field ends that starts there."""
    found = _AFTER_NAME.search(field, start)
    return len(field) if found is None else found.start()


class _Template:
    """One call of `str.format`: its arguments, and how its fields are numbered so far."""

    def __init__(self, ctx: Context, args: tuple[Value, ...], kwargs: Value, positional: bool) -> None:
        self.ctx = ctx
        self.args = args
        self.kwargs = kwargs
        self.positional = positional
        self.automatic = 0  # fields numbered automatically so far; -1 once a field has had a number

    def expand(self, template: str, depth: int) -> str:
        ctx = self.ctx
        if depth < 1:
            raise ctx.error("ValueError", "Max string recursion exceeded")
        meter.text(ctx, len(template) * meter.width(template))
        parts: list[str] = []
        fields = iter(Formatter().parse(template))
        while True:
            ctx.charge(1)
            found = _python(ctx, lambda: next(fields, None))  # an error shows once the fields before it are made
            if found is None:
                break
            literal, field, spec, conversion = found
            parts.append(literal)
            if field is None:
                continue
            value = self.field(field)
            if conversion is not None:
                value = self.converted(value, conversion)
            if spec and "{" in spec:
                spec = self.expand(spec, depth - 1)
            parts.append(ctx.format(value, spec or ""))
        meter.text(ctx, sum(len(part) * meter.width(part) for part in parts))
        return "".join(parts)

    def converted(self, value: Value, conversion: str) -> Value:
        if conversion not in ("s", "r", "a"):
            shown = conversion if " " < conversion < "\x7f" else f"\\x{ord(conversion):x}"
            raise self.ctx.error("ValueError", f"Unknown conversion specifier {shown}")
        return convert(self.ctx, value, conversion)

    def field(self, field: str) -> Value:
        ctx = self.ctx
        end = _name_end(field, 0)
        value = self.root(field[:end])
        while end < len(field):
            ctx.charge(1)
            if field[end] == ".":
                start = end + 1
                end = _name_end(field, start)
                if start == end:
                    raise ctx.error("ValueError", "Empty attribute in format string")
                value = ctx.get_attribute(value, field[start:end])
            elif field[end] == "[":
                start = end + 1
                end = field.find("]", start)
                if end < 0:
                    raise ctx.error("ValueError", "Missing ']' in format string")
                if start == end:
                    raise ctx.error("ValueError", "Empty attribute in format string")
                number = self.number(field[start:end])
                value = ctx.get_item(value, field[start:end] if number is None else number)
                end += 1
            else:
                raise ctx.error("ValueError", "Only '.' or '[' may follow ']' in format field specifier")
        return value

    def number(self, digits: str) -> int | None:
        if not digits or not digits.isdecimal():
            return None
        if len(digits) > _MAX_SIZE_DIGITS or int(digits) >= 1 << 63:
            raise self.ctx.error("ValueError", "Too many decimal digits in format string")
        return int(digits)

    def root(self, name: str) -> Value:
        """The value of a field's first name: a position, or a keyword."""
        ctx = self.ctx
        index = self.number(name)
        if index is None and name:
            if type(self.kwargs) is dict and name not in self.kwargs:
                raise ctx.error("KeyError", name)
            return ctx.get_item(self.kwargs, name)
        if not self.positional:
            raise ctx.error("ValueError", "Format string contains positional fields")
        if index is None:
            if self.automatic < 0:
                raise ctx.error(
                    "ValueError", "cannot switch from manual field specification to automatic field numbering"
                )
            index = self.automatic
            self.automatic += 1
        elif self.automatic > 0:
            raise ctx.error("ValueError", "cannot switch from automatic field numbering to manual field specification")
        else:
            self.automatic = -1
        if index >= len(self.args):
            raise ctx.error("IndexError", f"Replacement index {index} out of range for positional args tuple")
        return self.args[index]


# --- the % operator ---


def percent(ctx: Context, template: str | bytes, args: Value) -> str | bytes:
    """`template % args`."""
    if isinstance(template, str):
        pieces = _Percent(ctx, template, args, binary=False).run()
        texts = [piece if isinstance(piece, str) else piece.text(ctx) for piece in pieces]
        meter.text(ctx, sum(len(text) * meter.width(text) for text in texts))
        return "".join(texts)
    meter.text(ctx, len(template))
    pieces = _Percent(ctx, template.decode("latin-1"), args, binary=True).run()
    data = [piece.encode("latin-1") if isinstance(piece, str) else piece.data(ctx) for piece in pieces]
    meter.text(ctx, sum(map(len, data)))
    return b"".join(data)


@dataclass(frozen=True)
class _Conversion:
    """A conversion such as `%-5.3f` (stars resolved, key removed) with its value."""

    flags: str
    width: int | None
    precision: int | None
    letter: str
    value: Value

    def spelled(self, letter: str) -> str:
        precision = "" if self.precision is None else f".{self.precision}"
        return f"%{self.flags}{'' if self.width is None else self.width}{precision}{letter}"

    def account(self, ctx: Context) -> None:
        meter.text(ctx, 350 + (self.width or 0) + (self.precision or 0))
        if isinstance(self.value, int):
            meter.text(ctx, self.value.bit_length())

    def text(self, ctx: Context) -> str:
        self.account(ctx)
        if self.letter in "sra":
            shown = convert(ctx, self.value, self.letter)
            meter.text(ctx, len(shown) * meter.width(shown) + 4 * (self.width or 0))
            return _python(ctx, lambda: self.spelled("s") % (shown,))
        return _python(ctx, lambda: self.spelled(self.letter) % (meter.plain(ctx, self.value),))

    def data(self, ctx: Context) -> bytes:
        self.account(ctx)
        value, letter = self.value, self.letter
        if letter in "ra":
            value, letter = to_ascii(ctx, value).encode("ascii"), "s"
        if isinstance(value, bytes):
            meter.text(ctx, len(value))
        spelled = self.spelled(letter).encode("latin-1")
        return _python(ctx, lambda: spelled % (meter.plain(ctx, value),))


class _Percent:
    """Reads a template from left to right, as CPython does: an error shows once the pieces before it are made."""

    def __init__(self, ctx: Context, template: str, args: Value, binary: bool) -> None:
        self.ctx = ctx
        self.template = template
        self.binary = binary
        self.letters = "diuoxXeEfFgGcrsab" if binary else "diuoxXeEfFgGcrsa"
        self.at = 0
        self.args: tuple[Value, ...] = args if isinstance(args, tuple) else (args,)
        self.used = 0
        is_mapping = isinstance(args, (dict, list, range) if binary else (dict, list, range, bytes)) or (
            isinstance(args, Object) and _special(args.kind, "__getitem__") is not None
        )
        self.mapping: Value = args if is_mapping else UNBOUND

    def run(self) -> Iterator[str | _Conversion]:
        while True:
            start = self.at
            self.at = self.template.find("%", start)
            if self.at < 0:
                yield self.template[start:]
                break
            yield self.template[start : self.at]
            self.ctx.charge(1)
            self.at += 1
            yield self.conversion()
        if self.used < len(self.args) and self.mapping is UNBOUND:
            what = "bytes" if self.binary else "string"
            raise self.error(f"not all arguments converted during {what} formatting", "TypeError")

    def peek(self) -> str:
        return self.template[self.at : self.at + 1]

    def error(self, message: str, kind: str = "ValueError") -> Throw:
        return self.ctx.error(kind, message)

    def conversion(self) -> str | _Conversion:
        plain = self.peek() != "("
        if not plain:
            self.keyed()
        start = self.at
        while self.peek() and self.peek() in "-+ #0":
            self.at += 1
        flags = "".join(dict.fromkeys(self.template[start : self.at]))
        width = self.size("width")
        if width is not None and width < 0:
            flags, width = flags + "-", -width
        precision = None
        if self.peek() == ".":
            self.at += 1
            precision = max(self.size("precision") or 0, 0)
        if self.peek() and self.peek() in "hlL":
            self.at += 1
        letter = self.peek()
        if not letter:
            raise self.error("incomplete format")
        self.at += 1
        if letter == "%" and start == self.at - 1 and plain:
            return "%"
        value = self.next()
        if letter not in self.letters:
            shown = letter if self.binary or "\x1f" < letter < "\x7f" else "?"
            text = f"unsupported format character '{shown}' (0x{ord(letter):x}) at index {self.at - 1}"
            raise self.error(text)
        return _Conversion(flags, width, precision, letter, value)

    def keyed(self) -> None:
        """A key in parentheses: the value of it becomes the only argument left."""
        if self.mapping is UNBOUND:
            raise self.error("format requires a mapping", "TypeError")
        start, depth = self.at + 1, 0
        while True:
            self.ctx.charge(1)
            char = self.peek()
            if not char:
                raise self.error("incomplete format key")
            depth += (char == "(") - (char == ")")
            self.at += 1
            if not depth:
                break
        key = self.template[start : self.at - 1]
        self.args = (self.ctx.get_item(self.mapping, key.encode("latin-1") if self.binary else key),)
        self.used = 0

    def size(self, what: str) -> int | None:
        """A width or precision: digits, or a star for the next argument."""
        if self.peek() == "*":
            self.at += 1
            value = self.next()
            if not isinstance(value, int):
                raise self.error("* wants int", "TypeError")
            if not -(1 << 63) <= value < 1 << 63:
                raise self.error("Python int too large to convert to C ssize_t", "OverflowError")
            return value
        start = self.at
        while "0" <= self.peek() <= "9":
            self.at += 1
        if start == self.at:
            return None
        digits = self.template[start : self.at]
        if len(digits) > _MAX_SIZE_DIGITS:
            raise self.error(f"{what} too big")
        return int(digits)

    def next(self) -> Value:
        if self.used >= len(self.args):
            raise self.error("not enough arguments for format string", "TypeError")
        self.used += 1
        return self.args[self.used - 1]
