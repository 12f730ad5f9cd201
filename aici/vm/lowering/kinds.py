"""What is known of a value's type when code is lowered: a set of kinds as bits, and what follows from one.

Used by `emit` and `operators`.
"""

from __future__ import annotations

from typing import NamedTuple

from aici.vm.memory import SMALL
from aici.vm.values import SequenceIterator

UNBOUND = 1
NATURAL = 2  # an int that is not negative
INTEGER = 4  # any other int
BOOL = 8
FLOAT = 16
STR = 32
LIST = 64
TUPLE = 128
DICT = 256
NONE = 512
OTHER = 1024
INDEX = 2048  # an int that is not negative, and smaller than SMALL
RANGE = 4096
RANGE_ITER = 8192  # an iterator over a range
INDEX_ITER = 16384  # one that gives INDEX only
HANDLED = 65536  # what the caller of the function was handling: an exception or None; alone, for certain

CLEAN, DIRTY = 1, 2
"""Kinds of what stands behind the locals: whether the exception being handled may be the caller's, or another."""

NATURALS = NATURAL | INDEX | BOOL
INTS = NATURAL | INTEGER | INDEX
WHOLE = INTS | BOOL
NUMBERS = WHOLE | FLOAT
PLAIN = NUMBERS | STR | LIST | TUPLE | DICT | NONE
"""Kinds whose truth is Python's own."""
VALUE = PLAIN | OTHER
ANYTHING = VALUE | UNBOUND


class Item(NamedTuple):
    """A value on the operand stack: a Python expression without effect, and its kinds."""

    text: str
    kinds: int


def within(kinds: int, some: int) -> bool:
    """Whether a value of these kinds is of `some` of them for certain."""
    return not kinds & ~some


def of_value(value: object) -> int:
    kind = type(value)
    if isinstance(value, SequenceIterator) and type(value.sequence) is range:
        ends = value.sequence[:1] and (value.sequence[0], value.sequence[-1])
        return INDEX_ITER if all(0 <= end < SMALL for end in ends) else RANGE_ITER
    if kind is range:
        return RANGE
    return LIST if kind is list else DICT if kind is dict else of_constant(value)


def of_constant(value: object) -> int:
    kind = type(value)
    if kind is int:
        assert isinstance(value, int)
        return INTEGER if value < 0 else INDEX if value < SMALL else NATURAL
    return {bool: BOOL, float: FLOAT, str: STR, tuple: TUPLE, type(None): NONE}.get(kind, OTHER)
