"""What may be a key of a dict or set, and what looking one up costs.

CPython hashes str and bytes with a secret, numbers without: whoever knows the rule can choose numbers that all collide,
and make every look-up walk the whole table, at 6 to 16 ns an entry. Large numbers, which may all have the same hash,
are charged a unit for each entry; smaller ones, which collide by the order in which a table is probed and have to be
searched for, a unit for each `CROWD` entries: so a unit never buys more than some microseconds. Numbers up to `DENSE`
times the entries, such as indices, cannot collide by more than about so many, and cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sized
from typing import TYPE_CHECKING

from .attributes import type_of
from .memory import SMALL
from .values import SetValue, Value

if TYPE_CHECKING:
    from .context import Runtime

MAX_DEPTH = 100
"""Nesting of tuples and frozen sets in a key."""

CROWD = 512
"""Entries of a table from which on small integers are charged for."""

DENSE = 16

_UNHASHABLE = frozenset({list, dict, slice})


def key(m: Runtime, value: Value, container: Sized | None = None) -> Value:
    """The value, if it may be a key. The walk through a nested one costs as much as hashing it, without any sharing."""
    kind = type(value)
    if kind is str or kind is bytes:
        if len(value) > 127:
            m.charge(len(value) >> 7)
        return value
    if kind is int:
        if container is not None:
            size = len(container)
            if not -SMALL < value < SMALL:  # of smaller ones only four have the same hash
                m.charge(size + (value.bit_length() >> 8))
            elif size >= CROWD and not -DENSE * size < value < DENSE * size:
                m.charge(size // CROWD)
        return value
    if kind is float:
        if container is not None:
            m.charge(len(container) if not -SMALL < value < SMALL else len(container) >> 6)
        return value
    if kind is tuple or kind is SetValue:
        _walk(m, value, 0 if container is None else len(container))
    elif kind in _UNHASHABLE:
        raise m.error("TypeError", f"unhashable type: '{type_of(value).name}'")
    return value


def looked_up(m: Runtime, items: Iterable[Value], table: Sized) -> None:
    """For looking up in a table, all at once, what are keys elsewhere."""
    size = len(table)
    if size >= CROWD:
        far = DENSE * size
        m.charge(
            size // CROWD * sum(not (-far < item < far if type(item) is int else type(item) is str) for item in items)
        )


def _walk(m: Runtime, value: Value, size: int) -> None:
    """Charge for everything inside; numbers in tuples can be chosen to collide, too."""
    if size >= CROWD:
        m.charge(size // CROWD)
    stack = [iter((value,))]
    while stack:
        for item in stack[-1]:
            m.charge(1)
            kind = type(item)
            if kind is tuple or (kind is SetValue and item.frozen):
                if len(stack) > MAX_DEPTH:
                    raise m.error("RecursionError", "maximum recursion depth exceeded while hashing")
                stack.append(iter(item if kind is tuple else list(item.items)))
                break
            if kind in _UNHASHABLE or kind is SetValue:
                raise m.error("TypeError", f"unhashable type: '{type_of(item).name}'")
            if kind is str or kind is bytes:
                m.charge(len(item) >> 7)
            elif kind is float or (kind is int and not -(1 << 32) < item < 1 << 32):
                m.charge(size >> 6)
        else:
            stack.pop()
