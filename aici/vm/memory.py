"""What values weigh: a deterministic estimate of bytes, from below nothing and from above about twice the truth.

Makers of values account for them with these constants before they make them (`Machine.allocate`); when the running sum
passes the limit, `measure` counts what is really alive. Small numbers weigh nothing by themselves: the slot that holds
one is counted with it. May be imported by the machine's own files only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .frame import Frame
from .shapes import SLOTTED, read
from .values import FunctionValue, Value

LIST_ITEM = 40  # slot and small scalar
SHORT = 24
"""Characters from which a text weighs something by itself when two are added; a shorter one is covered by the slot that
keeps it, like a small number."""
TEXT = 64
"""Characters of an ASCII text below which the code around it pays for what `BUILD_STRING` makes."""
SET_ENTRY = 100
DICT_ENTRY = 136
OBJECT = 64  # a value of one of our own classes, without what it holds
FRAME = 400
SMALL = 1 << 62
"""Integers below it in magnitude are neither metered nor checked against a limit."""
LEAVING = 3
"""Units of fuel for each frame that an exception passes."""
TRACE_ENTRY = LIST_ITEM  # of an exception
FUNCTION = 3 * OBJECT
_MANY = 64


def text_size(text: str | bytes) -> int:
    """Of a str or bytes: exact for ASCII and bytes, else from above."""
    return 56 + (len(text) if type(text) is bytes or text.isascii() else 4 * len(text))


def measure(roots: list[Any], charge: Callable[[int], None], enough: float = math.inf) -> int:
    """Bytes of all that is reachable from `roots`, or so many of them that they are `enough`; a unit of fuel for every
    eight values met."""
    total = count = 0
    seen: set[int] = set()
    stack = [iter(roots)]
    while stack and total < enough:
        for value in stack[-1]:
            kind = type(value)
            sizer = _SIZES.get(kind)
            if sizer is None:
                continue
            count += 1
            if count & 1023 == 0:
                charge(512)
            # Which small integers are the same object is CPython's business: they weigh nothing.
            if (kind is int and -SMALL < value < SMALL) or id(value) in seen:
                continue
            seen.add(id(value))
            total += sizer(value)
            if kind is list and len(value) >= _MANY:
                size = _simple(value, seen)
                if size >= 0:
                    total += size
                    charge(((count + len(value) >> 10) - (count >> 10)) * 512)
                    count += len(value)
                    continue
            children = _CHILDREN.get(kind)
            if children is not None:
                stack.append(children(value))
                break
        else:
            stack.pop()
    charge((count & 1023) >> 1)
    return total


def _simple(items: list[Any], seen: set[int]) -> int:
    """The size of what is in a list of only small integers or only texts, as `measure` would find it one by one; -1 for
    any other."""
    kinds = set(map(type, items))
    if kinds == {int}:
        return 0 if min(items) > -SMALL and max(items) < SMALL else -1
    if kinds != {str}:
        return -1
    texts = dict(zip(map(id, items), items, strict=True))
    for known in seen.intersection(texts):
        del texts[known]
    seen.update(texts)
    if all(map(str.isascii, texts.values())):
        return 56 * len(texts) + sum(map(len, texts.values()))
    return sum(map(text_size, texts.values()))


def _fields(value: Value) -> Any:
    return iter(read(value))


def _entries(value: dict[Value, Value]) -> Any:
    yield from value
    yield from value.values()


_SIZES: dict[type, Callable[[Any], int]] = {
    int: lambda value: value.bit_length() >> 3,
    str: text_size,
    bytes: text_size,
    bytearray: lambda value: 56 + len(value),
    list: lambda value: 56 + LIST_ITEM * len(value),
    tuple: lambda value: 56 + LIST_ITEM * len(value),
    dict: lambda value: 64 + DICT_ENTRY * len(value),
    slice: lambda value: OBJECT,
    range: lambda value: OBJECT,
    **{kind: lambda value: OBJECT for kind in SLOTTED},
    Frame: lambda value: FRAME,
    FunctionValue: lambda value: FUNCTION,
}

_CHILDREN: dict[type, Callable[[Any], Any]] = {
    list: iter,
    tuple: iter,
    dict: _entries,
    slice: lambda value: iter((value.start, value.stop, value.step)),
    **dict.fromkeys(SLOTTED, _fields),
}
