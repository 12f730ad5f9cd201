"""The order of values: `sorted`, `list.sort`, `min` and `max`.

Items of one simple type are compared by Python itself, charged by their number and size; all others through
`Context.compare`, which is metered however deep it goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from . import meter
from .native import Context
from .values import UNBOUND, Value


class _Ordered:
    """A value that Python's sort compares through the context."""

    __slots__ = ("ctx", "value")

    def __init__(self, ctx: Context, value: Value) -> None:
        self.ctx = ctx
        self.value = value

    def __lt__(self, other: _Ordered) -> bool:
        return self.ctx.truth(self.ctx.compare("<", self.value, other.value))


def sort_values(ctx: Context, items: list[Value], key: Value = None, reverse: bool = False) -> list[Value]:
    """A new list of the items in stable ascending (descending) order of `key(item)`."""
    meter.sequence(ctx, 2 * len(items))
    keys = items if key is None else [ctx.call(key, (item,)) for item in items]
    count = len(keys)
    ctx.charge(count * max(1, count.bit_length()) // 16)
    if _simple(ctx, keys):
        if key is None:
            return sorted(items, reverse=reverse)
        order = sorted(range(count), key=keys.__getitem__, reverse=reverse)
        return [items[i] for i in order]
    ctx.allocate(64 * count)
    ordered = [_Ordered(ctx, value) for value in keys]
    if key is None:
        return list(map(attrgetter("value"), sorted(ordered, reverse=reverse)))
    order = sorted(range(count), key=ordered.__getitem__, reverse=reverse)
    return [items[i] for i in order]


def _simple(ctx: Context, keys: Sequence[Value]) -> bool:
    """Whether Python may compare these; charged for the longest comparisons there may be."""
    kinds = set(map(type, keys))
    rounds = max(1, len(keys).bit_length())
    if kinds <= {bool, int, float}:
        integers = [key for key in keys if type(key) is not float] if float in kinds else keys
        ctx.charge(sum(map(int.bit_length, integers)) * rounds // 5000)
        return True
    if len(kinds) == 1 and kinds <= {str, bytes}:
        ctx.charge(sum(map(len, keys)) * rounds // 500)
        return True
    return not keys


def extreme(ctx: Context, name: str, args: tuple[Value, ...], key: Value, default: Value, operator: str) -> Value:
    """`min` and `max`: the first item that no other is `operator` than."""
    if not args:
        raise ctx.error("TypeError", f"{name} expected at least 1 argument, got 0")
    if len(args) > 1 and default is not UNBOUND:
        raise ctx.error("TypeError", f"Cannot specify a default for {name}() with multiple positional arguments")
    best, best_key = UNBOUND, UNBOUND
    for item in ctx.iterate(args[0] if len(args) == 1 else args):
        item_key = item if key is None else ctx.call(key, (item,))
        if best is UNBOUND or ctx.truth(ctx.compare(operator, item_key, best_key)):
            best, best_key = item, item_key
    if best is not UNBOUND:
        return best
    if default is UNBOUND:
        raise ctx.error("ValueError", f"{name}() arg is an empty sequence")
    return default
