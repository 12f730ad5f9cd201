"""The binary and unary operators and their in-place forms, on any controller values.

Functions of `(machine, x, y)`; results and errors are CPython's. Sizes are checked and charged before anything is made:
integers by their bits, repetitions by the length of the result. `BINARY`, `INPLACE` and `UNARY` hold them by symbol.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

from . import percent, sets
from .attributes import special_method, type_of
from .keys import looked_up
from .memory import DICT_ENTRY, LIST_ITEM, SHORT, SMALL, text_size
from .native import Raised, Throw
from .values import DictView, Object, SetValue, Value

if TYPE_CHECKING:
    from .context import Runtime

Operator: TypeAlias = Callable[["Runtime", Value, Value], Value]

INTEGERS = frozenset({int, bool})
NUMBERS = frozenset({int, bool, float})
_DIGIT = 30  # bits of a digit of CPython's integers


def unsupported(m: Runtime, symbol: str, x: Value, y: Value) -> Throw:
    names = f"'{type_of(x).name}' and '{type_of(y).name}'"
    return m.error("TypeError", f"unsupported operand type(s) for {_shown(symbol)}: {names}")


def _shown(symbol: str) -> str:
    return "** or pow()" if symbol == "**" else symbol


def say_in_place(thrown: Throw, symbol: str) -> None:
    """Let the TypeError of an operator name its in-place form."""
    args = thrown.value.args
    if thrown.how is Raised.NEW and args and type(args[0]) is str:
        plain, in_place = f"type(s) for {_shown(symbol)}: ", f"type(s) for {symbol}=: "
        if args[0].startswith(f"unsupported operand {plain}"):
            thrown.value.args = (args[0].replace(plain, in_place, 1),)


def checked(m: Runtime, value: int) -> int:
    """An integer that has just been made by addition or the like: at most a bit longer than its operands."""
    if not -SMALL < value < SMALL:
        bits = value.bit_length()
        m.bits(bits)
        m.charge(bits >> 9)
        m.allocate(bits >> 3)
    return value


# --- addition and subtraction ---


def add(m: Runtime, x: Value, y: Value) -> Value:
    kind = type(x)
    if kind in NUMBERS and type(y) in NUMBERS:
        return _sum(m, operator.add, x, y)
    if kind is type(y):
        if kind is str or kind is bytes:
            if kind is str and len(x) + len(y) < SHORT:
                return x + y
            size = text_size(x) + text_size(y)
            m.allocate(size)
            m.charge(size >> 7)
            return x + y
        if kind is list or kind is tuple:
            length = len(x) + len(y)
            m.charge(length >> 3)
            m.allocate(56 + LIST_ITEM * length)
            return x + y
    return _special(m, "+", x, y, _cannot_add)


def _sum(m: Runtime, function: Callable[[Any, Any], Any], x: Any, y: Any) -> Value:
    try:
        result = function(x, y)
    except OverflowError:
        raise m.error("OverflowError", "int too large to convert to float") from None
    return checked(m, result) if type(result) is int else result


def _cannot_add(m: Runtime, x: Value, y: Value) -> Throw:
    name, other = type_of(x).name, type_of(y).name
    if name in ("str", "list", "tuple"):
        return m.error("TypeError", f'can only concatenate {name} (not "{other}") to {name}')
    if name == "bytes":
        return m.error("TypeError", f"can't concat {other} to bytes")
    return unsupported(m, "+", x, y)


def subtract(m: Runtime, x: Value, y: Value) -> Value:
    if type(x) in NUMBERS and type(y) in NUMBERS:
        return _sum(m, operator.sub, x, y)
    if sets.is_set_like(x) and sets.is_set_like(y):
        return sets.difference(m, x, y)
    return _special(m, "-", x, y)


# --- multiplication ---


def multiply(m: Runtime, x: Value, y: Value) -> Value:
    if type(x) in NUMBERS and type(y) in NUMBERS:
        return _product(m, x, y)
    if type(y) in INTEGERS and type(x) in _REPEATED:
        return _repeat(m, x, y)
    if type(x) in INTEGERS and type(y) in _REPEATED:
        return _repeat(m, y, x)
    return _special(m, "*", x, y, _cannot_multiply)


_REPEATED = frozenset({str, bytes, list, tuple})


def _product(m: Runtime, x: Any, y: Any) -> Value:
    if type(x) is float or type(y) is float:
        return _sum(m, operator.mul, x, y)
    if not (-SMALL < x < SMALL and -SMALL < y < SMALL):
        bits, other = x.bit_length(), y.bit_length()
        if bits and other:
            m.bits(bits + other - 1)
        m.charge((bits // _DIGIT + 1) * (other // _DIGIT + 1) >> 7)
        m.allocate((bits + other) >> 3)
    return x * y


def _repeat(m: Runtime, sequence: Any, count: int) -> Value:
    if not count or count < 0 or not sequence:
        return sequence * 0
    if type(sequence) in (str, bytes):
        size = 56 + (text_size(sequence) - 56) * count
        m.allocate(size)
        m.charge(size >> 7)
    else:
        length = len(sequence) * count
        m.allocate(56 + LIST_ITEM * length)
        m.charge(length >> 3)
    return sequence * count


def _cannot_multiply(m: Runtime, x: Value, y: Value) -> Throw:
    for sequence, other in ((x, y), (y, x)):
        if type(sequence) in _REPEATED:
            return m.error("TypeError", f"can't multiply sequence by non-int of type '{type_of(other).name}'")
    return unsupported(m, "*", x, y)


# --- division ---


def divide(m: Runtime, x: Value, y: Value) -> Value:
    if type(x) not in NUMBERS or type(y) not in NUMBERS:
        return _special(m, "/", x, y)
    if not y:
        both = type(x) is not float and type(y) is not float
        raise m.error("ZeroDivisionError", "division by zero" if both else "float division by zero")
    if type(x) is not float and type(y) is not float:
        _charge_division(m, x, y)
    try:
        return x / y
    except OverflowError as error:
        raise m.error("OverflowError", str(error)) from None


def floor_divide(m: Runtime, x: Value, y: Value) -> Value:
    if type(x) not in NUMBERS or type(y) not in NUMBERS:
        return _special(m, "//", x, y)
    return quotient(m, operator.floordiv, x, y, "integer division or modulo by zero", "float floor division by zero")


def modulo(m: Runtime, x: Value, y: Value) -> Value:
    if type(x) in NUMBERS and type(y) in NUMBERS:
        return quotient(m, operator.mod, x, y, "integer modulo by zero", "float modulo")
    if type(x) is str or type(x) is bytes:
        return percent.percent(m, x, y)
    return _special(m, "%", x, y)


def quotient(m: Runtime, function: Callable[[Any, Any], Any], x: Any, y: Any, zero: str, float_zero: str) -> Value:
    """`function` (a division with a rest) of two numbers, with its messages for a divisor of zero."""
    is_float = type(x) is float or type(y) is float
    if not y:
        raise m.error("ZeroDivisionError", float_zero if is_float else zero)
    if not is_float:
        _charge_division(m, x, y)
    try:
        return function(x, y)
    except OverflowError:
        raise m.error("OverflowError", "int too large to convert to float") from None


def _charge_division(m: Runtime, x: int, y: int) -> None:
    if not -SMALL < x < SMALL:
        digits, divisor = x.bit_length() // _DIGIT + 1, abs(y).bit_length() // _DIGIT + 1
        m.charge((max(0, digits - divisor) + 1) * divisor >> 5)
        m.allocate(x.bit_length() >> 3)


# --- power and shifts ---


def power(m: Runtime, x: Value, y: Value) -> Value:
    if type(x) not in NUMBERS or type(y) not in NUMBERS:
        return _special(m, "**", x, y)
    if type(x) is not float and type(y) is not float and y >= 0:
        return _integer_power(m, int(x), int(y))
    if not x and y < 0:
        raise m.error("ZeroDivisionError", "0.0 cannot be raised to a negative power")
    try:
        result = x**y
    except OverflowError as error:
        raise m.error("OverflowError", *error.args) from None
    if type(result) is complex:
        raise m.error("ValueError", "negative number cannot be raised to a fractional power")
    return result


def _integer_power(m: Runtime, x: int, y: int) -> int:
    bits = abs(x).bit_length()
    if bits > 1:
        least = (bits - 1) * y + 1  # bits that the result has at least
        if least > SMALL.bit_length():
            m.bits(least)
            digits = bits * y // _DIGIT + 1
            m.charge(digits * digits >> 7)
            m.allocate(bits * y >> 3)
    return checked(m, x**y)


def shift_left(m: Runtime, x: Value, y: Value) -> Value:
    if type(x) not in INTEGERS or type(y) not in INTEGERS:
        return _special(m, "<<", x, y)
    if y < 0:
        raise m.error("ValueError", "negative shift count")
    if not x:
        return 0
    bits = x.bit_length() + y
    if bits > SMALL.bit_length():
        m.bits(bits)
        m.charge(bits >> 9)
        m.allocate(bits >> 3)
    return x << y


def shift_right(m: Runtime, x: Value, y: Value) -> Value:
    if type(x) not in INTEGERS or type(y) not in INTEGERS:
        return _special(m, ">>", x, y)
    if y < 0:
        raise m.error("ValueError", "negative shift count")
    if y >= x.bit_length():
        return -1 if x < 0 else 0
    return checked(m, x >> y)


# --- bits and sets ---


def _bitwise(symbol: str, function: Callable[[Any, Any], Any], on_sets: Operator) -> Operator:
    def apply(m: Runtime, x: Value, y: Value) -> Value:
        if type(x) in INTEGERS and type(y) in INTEGERS:
            return checked(m, function(x, y)) if type(x) is int else function(x, y)
        if sets.is_set_like(x) and sets.is_set_like(y):
            return on_sets(m, x, y)
        if symbol == "|" and type(x) is dict and type(y) is dict:
            return merge(m, x, y)
        return _special(m, symbol, x, y)

    return apply


def merge(m: Runtime, x: dict[Value, Value], y: dict[Value, Value]) -> dict[Value, Value]:
    """`x | y` of dicts."""
    _charge_entries(m, len(x) + len(y))
    looked_up(m, y, x)
    return {**x, **y}


def _charge_entries(m: Runtime, count: int) -> None:
    m.charge(count)
    m.allocate(64 + DICT_ENTRY * count)


def _matrix(m: Runtime, x: Value, y: Value) -> Value:
    return _special(m, "@", x, y)


BINARY: dict[str, Operator] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "//": floor_divide,
    "%": modulo,
    "**": power,
    "<<": shift_left,
    ">>": shift_right,
    "&": _bitwise("&", operator.and_, sets.intersection),
    "|": _bitwise("|", operator.or_, sets.union),
    "^": _bitwise("^", operator.xor, sets.symmetric_difference),
    "@": _matrix,
}

# --- operators of the runtime's own types ---

_NAMES = {
    "+": "add",
    "-": "sub",
    "*": "mul",
    "/": "truediv",
    "//": "floordiv",
    "%": "mod",
    "**": "pow",
    "<<": "lshift",
    ">>": "rshift",
    "&": "and",
    "|": "or",
    "^": "xor",
    "@": "matmul",
}


def _special(
    m: Runtime, symbol: str, x: Value, y: Value, error: Callable[[Runtime, Value, Value], Throw] | None = None
) -> Value:
    """`x.__add__(y)` or `y.__radd__(x)` and so on of `Object`s, else the TypeError of the operator."""
    if type(x) is Object:
        function = special_method(x, f"__{_NAMES[symbol]}__")
        if function is not None:
            return m.call(function, [x, y])
    if type(y) is Object:
        function = special_method(y, f"__r{_NAMES[symbol]}__")
        if function is not None:
            return m.call(function, [y, x])
    raise error(m, x, y) if error is not None else unsupported(m, symbol, x, y)


# --- in place ---


def add_in_place(m: Runtime, x: Value, y: Value) -> Value:
    if type(x) is list:
        extend(m, x, y)
        return x
    return add(m, x, y)


def extend(m: Runtime, target: list[Value], items: Value) -> None:
    """`target.extend(items)`."""
    if type(items) in (list, tuple):
        m.charge(len(items) >> 3)
        m.allocate(LIST_ITEM * len(items))
        target.extend(items)
        return
    for item in m.iterate(items):
        m.allocate(LIST_ITEM)
        target.append(item)


def _inplace_multiply(m: Runtime, x: Value, y: Value) -> Value:
    if type(x) is list and type(y) in INTEGERS:
        x[:] = _repeat(m, x, y)
        return x
    return multiply(m, x, y)


def _inplace_or(m: Runtime, x: Value, y: Value) -> Value:
    if type(x) is SetValue and not x.frozen and sets.is_set_like(y):
        result = sets.union(m, x, y)
        x.items = result.items
        return x
    if type(x) is dict:
        update(m, x, y)
        return x
    return BINARY["|"](m, x, y)


def update(m: Runtime, target: dict[Value, Value], other: Value) -> None:
    """`target |= other`: a dict, or an iterable of pairs."""
    if type(other) is dict:
        _charge_entries(m, len(other))
        looked_up(m, other, target)
        target.update(other)
        return
    for index, pair in enumerate(m.iterate(other)):
        items = list(islice(m.iterate(pair), 3))
        if len(items) != 2:
            text = f"dictionary update sequence element #{index} has length {len(items)}; 2 is required"
            raise m.error("ValueError", text)
        key = m.key(items[0], target)
        m.allocate(DICT_ENTRY)
        target[key] = items[1]


def _inplace_set(symbol: str) -> Operator:
    def apply(m: Runtime, x: Value, y: Value) -> Value:
        result = BINARY[symbol](m, x, y)
        if type(x) is SetValue and not x.frozen and type(y) in (SetValue, DictView):
            x.items = result.items
            return x
        return result

    return apply


INPLACE: dict[str, Operator] = {
    **BINARY,
    "+": add_in_place,
    "*": _inplace_multiply,
    "|": _inplace_or,
    "&": _inplace_set("&"),
    "-": _inplace_set("-"),
    "^": _inplace_set("^"),
}

# --- unary ---


def negate(m: Runtime, x: Value) -> Value:
    if type(x) in NUMBERS:
        return checked(m, -x) if type(x) is int else -x
    return _special_unary(m, "-", "__neg__", x)


def posit(m: Runtime, x: Value) -> Value:
    return +x if type(x) in NUMBERS else _special_unary(m, "+", "__pos__", x)


def invert(m: Runtime, x: Value) -> Value:
    if type(x) in INTEGERS:
        return checked(m, ~int(x))
    return _special_unary(m, "~", "__invert__", x)


def negation(m: Runtime, x: Value) -> Value:
    return not m.truth(x)


def _special_unary(m: Runtime, symbol: str, name: str, x: Value) -> Value:
    function = special_method(x, name) if type(x) is Object else None
    if function is None:
        raise m.error("TypeError", f"bad operand type for unary {symbol}: '{type_of(x).name}'")
    return m.call(function, [x])


UNARY: dict[str, Callable[[Runtime, Value], Value]] = {"-": negate, "+": posit, "~": invert, "not": negation}
