"""Operators of sets and of the views of dicts that act like sets. Functions of `(machine, x, y)`, charged by size."""

from __future__ import annotations

from collections.abc import Collection, Sized
from typing import TYPE_CHECKING

from .memory import SET_ENTRY
from .values import DictView, SetValue, Value

if TYPE_CHECKING:
    from .context import Runtime


def is_set_like(value: Value) -> bool:
    """A set, `d.keys()` or `d.items()`."""
    return type(value) is SetValue or (type(value) is DictView and value.what != "values")


def _items(m: Runtime, value: Value, among: Sized | None = None) -> Collection[Value]:
    """The items in order, fit for membership tests; each is charged as a key, for it will be hashed again and
    looked up `among` others."""
    if type(value) is DictView and value.what == "items":
        return {m.key(item, among): None for item in m.iterate(value)}
    items: dict[Value, Value] = value.items if type(value) is SetValue else value.owner
    m.charge(len(items))
    for item in items:
        m.key(item, among)
    return items


def _looked_up(m: Runtime, x: Value, y: Value) -> tuple[Collection[Value], Collection[Value]]:
    """The items of both, those of `x` charged for look-ups among those of `y`."""
    other = _items(m, y)
    return _items(m, x, other), other


def _make(m: Runtime, like: Value, items: list[Value]) -> SetValue:
    m.allocate(64 + SET_ENTRY * len(items))
    return SetValue(dict.fromkeys(items), type(like) is SetValue and like.frozen)


def union(m: Runtime, x: Value, y: Value) -> SetValue:
    other, mine = _looked_up(m, y, x)
    return _make(m, x, [*mine, *other])


def intersection(m: Runtime, x: Value, y: Value) -> SetValue:
    mine, other = _looked_up(m, x, y)
    return _make(m, x, [item for item in mine if item in other])


def difference(m: Runtime, x: Value, y: Value) -> SetValue:
    mine, other = _looked_up(m, x, y)
    return _make(m, x, [item for item in mine if item not in other])


def symmetric_difference(m: Runtime, x: Value, y: Value) -> SetValue:
    mine, other = _looked_up(m, x, y)
    _items(m, y, mine)
    return _make(m, x, [*(i for i in mine if i not in other), *(i for i in other if i not in mine)])


def is_subset(m: Runtime, x: Value, y: Value) -> bool:
    return m.length(x) <= m.length(y) and all(m.contains(y, item) for item in m.iterate(x))


def same(m: Runtime, x: Value, y: Value) -> bool:
    return m.length(x) == m.length(y) and is_subset(m, x, y)


def has_entry(m: Runtime, table: dict[Value, Value], item: Value) -> bool:
    """`item in table.items()`."""
    if type(item) is not tuple or len(item) != 2:
        return False
    key, value = item
    return m.key(key, table) in table and (table[key] is value or m.equal(table[key], value))
