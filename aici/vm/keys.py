"""What may be a key of a dict or set, and what looking one up costs.

CPython hashes str and bytes with a secret, numbers without: whoever knows the rule can choose numbers that all collide,
and make every look-up walk the whole table. Such numbers are charged by the size of the table.
"""

from __future__ import annotations

from collections.abc import Sized
from typing import TYPE_CHECKING

from .attributes import type_of
from .values import SetValue, Value

if TYPE_CHECKING:
    from .context import Runtime

MAX_DEPTH = 100
"""Nesting of tuples and frozen sets in a key."""

_MODULUS = (1 << 61) - 1  # hash(n) is n modulo this, so smaller numbers are their own hashes
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
            if not -_MODULUS < value < _MODULUS:
                m.charge(size + (value.bit_length() >> 8))
            elif size > 4095:
                m.charge(size >> 12)  # small numbers can still fill one another's probe sequence
        return value
    if kind is float:
        if container is not None:
            m.charge(len(container) if not -_MODULUS < value < _MODULUS else len(container) >> 6)
        return value
    if kind is tuple or kind is SetValue:
        _walk(m, value, 0 if container is None else len(container))
    elif kind in _UNHASHABLE:
        raise m.error("TypeError", f"unhashable type: '{type_of(value).name}'")
    return value


def _walk(m: Runtime, value: Value, size: int) -> None:
    """Charge for everything inside; numbers in tuples can be chosen to collide, too."""
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
