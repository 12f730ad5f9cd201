"""What is known of a value's type when code is lowered: a set of kinds as bits, and what follows from one.

Imports nothing of the machine; used by `emit` and `operators`.
"""

from __future__ import annotations

from typing import NamedTuple

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

INTS = NATURAL | INTEGER
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


def of_constant(value: object) -> int:
    kind = type(value)
    if kind is int:
        assert isinstance(value, int)
        return NATURAL if value >= 0 else INTEGER
    return {bool: BOOL, float: FLOAT, str: STR, tuple: TUPLE, type(None): NONE}.get(kind, OTHER)
