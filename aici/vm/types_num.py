"""`int`, `bool`, `float`, `range` and `slice`: constructors, methods and attributes, and the arithmetic of builtins.

Integers are bounded by `Context.bits`; what takes longer than a pass over them is charged before it starts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from . import meter
from .arguments import shown_type
from .native import Context, builtin_value, constructor, getter, method, static, type_
from .values import UNBOUND, Object, SetValue, Value

for _kind in ("int", "bool", "float", "range", "slice"):
    builtin_value(_kind, type_(_kind))

_DIGITS = re.compile(r"[^\W_]")
_SHOWN = 4300
"""Digits that CPython converts between decimal text and integers at most."""


# --- int and bool ---


@constructor("bool")
def _bool(ctx: Context, x: Value = False, /) -> bool:
    return ctx.truth(x)


@constructor("int")
def _int(ctx: Context, x: Value = UNBOUND, /, base: Value = UNBOUND) -> int:
    if base is not UNBOUND:
        return _int_in_base(ctx, x, base)
    if x is UNBOUND:
        return 0
    if isinstance(x, (str, bytes)):
        return parse_int(ctx, x, 10)
    if isinstance(x, (int, float)):
        return int(x)
    if isinstance(x, Object) and "__int__" in x.kind.methods:
        number: int = x.kind.methods["__int__"].call(ctx, x)
        return number
    name = ctx.type_of(x).name
    raise ctx.error("TypeError", f"int() argument must be a string, a bytes-like object or a real number, not '{name}'")


def _int_in_base(ctx: Context, x: Value, base: Value) -> int:
    if x is UNBOUND:
        raise ctx.error("TypeError", "int() missing string argument")
    number = ctx.index(base)
    if number != 0 and not 2 <= number <= 36:
        raise ctx.error("ValueError", "int() base must be >= 2 and <= 36, or 0")
    if not isinstance(x, (str, bytes)):
        raise ctx.error("TypeError", "int() can't convert non-string with explicit base")
    return parse_int(ctx, x, number)


def parse_int(ctx: Context, text: str | bytes, base: int) -> int:
    """`int(text, base)`. Decimal texts are bounded by CPython (4300 digits); those in bases 2, 4 … 32 by `bits`."""
    meter.scan(ctx, len(text) * 4)
    if len(text) > _SHOWN:
        stripped = text.strip()
        ctx.charge(len(stripped))
        if base == 0 or not base & (base - 1):
            # An upper bound of one bit a character finds what is surely too long.
            shown = stripped if isinstance(stripped, str) else stripped.decode("latin-1")
            digits = len(_DIGITS.findall(shown[:200_000]))
            ctx.bits(max(0, (digits - 2)) * max(1, base.bit_length() - 1))
    try:
        value = int(text, base)
    except ValueError as error:
        # The message quotes the text, however long it is.
        if len(text) > 200 and str(error).startswith("invalid literal"):
            raise ctx.error("ValueError", f"invalid literal for int() with base {base}: {text[:200]!r}") from None
        raise
    meter.number(ctx, value.bit_length())
    return value


def _getter_pair(kind: str, name: str, read: Callable[[Value], Value]) -> None:
    @getter(kind, name)
    def run(ctx: Context, self: Value) -> Value:
        return read(self)


for _name, _read in (
    ("real", lambda x: int(x)),
    ("imag", lambda x: 0),
    ("numerator", lambda x: int(x)),
    ("denominator", lambda x: 1),
):
    _getter_pair("int", _name, _read)
_getter_pair("float", "real", lambda x: x)
_getter_pair("float", "imag", lambda x: 0.0)
for _name in ("start", "stop", "step"):
    _getter_pair("range", _name, lambda x, name=_name: getattr(x, name))  # type: ignore[misc]
    _getter_pair("slice", _name, lambda x, name=_name: getattr(x, name))  # type: ignore[misc]


@method("int", "bit_length")
def _bit_length(ctx: Context, self: int, /) -> int:
    return self.bit_length()


@method("int", "bit_count")
def _bit_count(ctx: Context, self: int, /) -> int:
    meter.scan(ctx, self.bit_length() // 8)
    return self.bit_count()


@method("int", "conjugate", "__int__", "__index__", "__trunc__", "__floor__", "__ceil__")
def _self_int(ctx: Context, self: int, /) -> int:
    return int(self)


@method("int", "as_integer_ratio")
def _int_ratio(ctx: Context, self: int, /) -> tuple[int, int]:
    return int(self), 1


def _byte_order(ctx: Context, value: Value, what: str) -> str:
    if not isinstance(value, str):
        raise ctx.error("TypeError", f"{what}() argument 'byteorder' must be str, not {shown_type(ctx, value)}")
    if value not in ("little", "big"):
        raise ctx.error("ValueError", "byteorder must be either 'little' or 'big'")
    return value


@method("int", "to_bytes")
def _to_bytes(
    ctx: Context, self: int, /, length: Value = 1, byteorder: Value = "big", *, signed: Value = False
) -> bytes:
    size = ctx.index(length)
    order = _byte_order(ctx, byteorder, "to_bytes")
    meter.text(ctx, max(0, size))
    return int(self).to_bytes(size, order, signed=ctx.truth(signed))  # type: ignore[arg-type]


@static("int", "from_bytes")
def _from_bytes(ctx: Context, bytes: Value, byteorder: Value = "big", *, signed: Value = False) -> int:
    order = _byte_order(ctx, byteorder, "from_bytes")
    if not isinstance(bytes, (list, tuple, range, SetValue)) and type(bytes).__name__ != "bytes":
        raise ctx.error("TypeError", f"cannot convert '{ctx.type_of(bytes).name}' object to bytes")
    data = bytearray()
    for item in ctx.iterate(bytes):
        if not 0 <= ctx.index(item) < 256:
            raise ctx.error("ValueError", "bytes must be in range(0, 256)")
        data.append(item)
    meter.number(ctx, 8 * len(data))
    return int.from_bytes(data, order, signed=ctx.truth(signed))  # type: ignore[arg-type]


# --- float ---


@constructor("float")
def _float(ctx: Context, x: Value = 0.0, /) -> float:
    if isinstance(x, (str, bytes)):
        return parse_float(ctx, x)
    if isinstance(x, (int, float)):
        return float(x)
    name = ctx.type_of(x).name
    raise ctx.error("TypeError", f"float() argument must be a string or a real number, not '{name}'")


def parse_float(ctx: Context, text: str | bytes) -> float:
    """`float(text)`; the time that CPython takes grows faster than the text beyond some thousand digits."""
    meter.scan(ctx, len(text) * (1 + len(text) // 1000))
    try:
        return float(text)
    except ValueError:
        if len(text) > 200:
            raise ctx.error("ValueError", f"could not convert string to float: {text[:200]!r}") from None
        raise


_FLOAT_METHODS: dict[str, Callable[[float], Value]] = {
    "is_integer": float.is_integer,
    "as_integer_ratio": float.as_integer_ratio,
    "hex": float.hex,
    "conjugate": float.conjugate,
    "__trunc__": math.trunc,
    "__floor__": math.floor,
    "__ceil__": math.ceil,
}


def _register_float(name: str, function: Callable[[float], Value]) -> None:
    @method("float", name)
    def run(ctx: Context, self: float, /) -> Value:
        ctx.charge(1)
        return function(self)


for _name, _function in _FLOAT_METHODS.items():
    _register_float(_name, _function)


@static("float", "fromhex")
def _fromhex(ctx: Context, string: Value, /) -> float:
    if isinstance(string, str):
        meter.scan(ctx, len(string))
    return float.fromhex(meter.plain(ctx, string))


# --- range and slice ---


@constructor("range")
def _range(ctx: Context, *args: Value) -> range:
    if not 1 <= len(args) <= 3:
        kind = "at least 1 argument, got 0" if not args else f"at most 3 arguments, got {len(args)}"
        raise ctx.error("TypeError", f"range expected {kind}")
    ctx.charge(1)
    ctx.allocate(120)
    return range(*(ctx.index(arg) for arg in args))


@method("range", "index")
def _range_index(ctx: Context, self: range, value: Value, /) -> int:
    found = _position(ctx, self, value)
    if found < 0:
        if isinstance(value, int):
            raise ctx.error("ValueError", f"{ctx.to_repr(value)} is not in range")
        raise ctx.error("ValueError", "sequence.index(x): x not in sequence")
    return found


@method("range", "count")
def _range_count(ctx: Context, self: range, value: Value, /) -> int:
    return int(_position(ctx, self, value) >= 0)


def _position(ctx: Context, items: range, value: Value) -> int:
    """Where a number is in a range, by arithmetic; -1 if nowhere. Only numbers equal integers."""
    ctx.charge(1)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return items.index(value) if isinstance(value, int) and value in items else -1


@constructor("slice")
def _slice(ctx: Context, *args: Value) -> slice:
    if not 1 <= len(args) <= 3:
        kind = "at least 1 argument, got 0" if not args else f"at most 3 arguments, got {len(args)}"
        raise ctx.error("TypeError", f"slice expected {kind}")
    ctx.allocate(64)
    return slice(*args)


@method("slice", "indices")
def _indices(ctx: Context, self: slice, length: Value, /) -> tuple[int, int, int]:
    size = ctx.index(length)
    if size < 0:
        raise ctx.error("ValueError", "length should not be negative")
    return slice(*(meter.plain(ctx, part) for part in (self.start, self.stop, self.step))).indices(size)
