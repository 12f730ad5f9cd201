"""What is known of a value's type when code is lowered: a set of kinds as bits, and what follows from one.

Used by `emit` and `operators`.
"""

from __future__ import annotations

from collections.abc import Iterable
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
METHOD = 32768  # Python's own method `append` of a list, on its way to its call
HANDLED = 65536  # what the caller of the function was handling: an exception or None; alone, for certain
TINY = 131072  # an int that is not negative, and has at most 30 bits
TINY_ITER = 262144  # an iterator over a range that gives TINY only
NEAR = 524288  # a negative int that is larger than -SMALL
COUNTING = 1 << 21  # a range that counts up from something tiny: nobody lives to see it give more than INDEX
TINY_RANGE = 1 << 22  # a range that gives TINY only
STEPPED = 1 << 20  # beside others: an iterator whose steps Python's own takes

CLEAN, DIRTY = 1, 2
"""Kinds of what stands behind the locals: whether the exception being handled may be the caller's, or another."""

ITEMS = {INDEX_ITER: INDEX, TINY_ITER: TINY, INDEX_ITER | TINY_ITER: INDEX | TINY}
"""What iterators give."""
ITERATORS = {RANGE: RANGE_ITER, COUNTING: INDEX_ITER, TINY_RANGE: TINY_ITER}
"""Of ranges."""
NATURALS = NATURAL | INDEX | TINY | BOOL
INTS = NATURAL | INTEGER | INDEX | TINY | NEAR
WHOLE = INTS | BOOL
NUMBERS = WHOLE | FLOAT
PLAIN = NUMBERS | STR | LIST | TUPLE | DICT | NONE
"""Kinds whose truth is Python's own."""
VALUE = PLAIN | OTHER
ANYTHING = VALUE | UNBOUND


_TINY_BITS = 30
TINIEST = (1 << _TINY_BITS) - 1
"""Up to it, CPython compares integers at once."""
_SMALL_BITS = SMALL.bit_length() - 1


class Item(NamedTuple):
    """A value on the operand stack: a Python expression without effect, and its kinds. `bits`: it is an int of at most
    so many, 0 for unknown. `low`: it is not below, if it is an int. `state`: what looks like it to those who look in,
    if not the value of `text`."""

    text: str
    kinds: int
    bits: int = 0
    state: str = ""
    low: int = 0


def bits_of(item: Item, constant: object = ...) -> int:
    """Bits that an int has at most, 0 for unknown."""
    if type(constant) is int:
        return min(max(1, constant.bit_length()), _SMALL_BITS + 1) % (_SMALL_BITS + 1)
    if item.bits:
        return item.bits
    if within(item.kinds, TINY | BOOL):
        return _TINY_BITS
    return _SMALL_BITS if within(item.kinds, TINY | BOOL | INDEX | NEAR) else 0


def of_bits(bits: int, natural: bool) -> int:
    """The kinds of an int of so many bits."""
    if not 0 < bits <= _SMALL_BITS:
        return NATURAL if natural else INTS
    positive = TINY if bits <= _TINY_BITS else INDEX
    return positive if natural else positive | NEAR


def within(kinds: int, some: int) -> bool:
    """Whether a value of these kinds is of `some` of them for certain."""
    return not kinds & ~some


def parameter(kinds: int) -> int:
    """The kinds for which a function is written that is called with such an argument."""
    return next((some for some in (TINY, INTS, FLOAT, STR, LIST, DICT) if within(kinds, some)), VALUE)


def parameters(kinds: Iterable[int]) -> tuple[int, ...]:
    """The same of all arguments; () if nothing is known of any."""
    found = tuple([parameter(one) for one in kinds])
    return found if any(one != VALUE for one in found) else ()


def of_value(value: object) -> int:
    kind = type(value)
    if isinstance(value, SequenceIterator) and type(value.sequence) is range:
        ends = value.sequence[:1] and (value.sequence[0], value.sequence[-1])
        kinds = {of_constant(end) for end in ends}
        return TINY_ITER if kinds <= {TINY} else INDEX_ITER if kinds <= {TINY, INDEX} else RANGE_ITER
    if kind is range:
        return RANGE
    return LIST if kind is list else DICT if kind is dict else of_constant(value)


def of_constant(value: object) -> int:
    kind = type(value)
    if kind is int:
        assert isinstance(value, int)
        if value < 0:
            return NEAR if value > -SMALL else INTEGER
        return TINY if value >> _TINY_BITS == 0 else INDEX if value < SMALL else NATURAL
    return {bool: BOOL, float: FLOAT, str: STR, tuple: TUPLE, type(None): NONE}.get(kind, OTHER)
