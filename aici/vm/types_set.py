"""`set` and `frozenset`: constructors and methods, in insertion order throughout. Operators are the machine's."""

from __future__ import annotations

from collections.abc import Callable

from . import meter
from .native import Context, builtin_value, constructor, method, type_
from .values import SetValue, Value

builtin_value("set", type_("set"))
builtin_value("frozenset", type_("frozenset"))

Items = dict[Value, None]


def _items(ctx: Context, iterable: Value) -> Items:
    """The distinct items of any iterable; those of a set itself, which the caller must not change."""
    if isinstance(iterable, SetValue):
        _rehash(ctx, iterable.items)
        return iterable.items
    made: Items = {}
    _add_all(ctx, made, iterable)
    return made


def _rehash(ctx: Context, items: Items, among: Items | None = None) -> None:
    """For looking up each item in another set: hashing a tuple takes its size again."""
    ctx.charge(1 + len(items))
    for item in items:
        ctx.key(item, among)


def _add(ctx: Context, items: Items, item: Value) -> None:
    ctx.allocate(meter.ENTRY_BYTES)
    items[ctx.key(item, items)] = None


def _add_all(ctx: Context, items: Items, iterable: Value) -> None:
    if isinstance(iterable, SetValue):
        meter.table(ctx, len(iterable.items))
        if items:
            _rehash(ctx, iterable.items, items)
        items.update(iterable.items)
        return
    for item in ctx.iterate(iterable):
        _add(ctx, items, item)


def make_set(ctx: Context, iterable: Value, frozen: bool = False) -> SetValue:
    """A new set of the items of any iterable."""
    items: Items = {}
    _add_all(ctx, items, iterable)
    return SetValue(items, frozen)


@constructor("set")
def _set(ctx: Context, iterable: Value = (), /) -> SetValue:
    return make_set(ctx, iterable)


@constructor("frozenset")
def _frozenset(ctx: Context, iterable: Value = (), /) -> SetValue:
    if isinstance(iterable, SetValue) and iterable.frozen:
        return iterable
    return make_set(ctx, iterable, frozen=True)


def _both(name: str) -> Callable[[Callable[..., Value]], Callable[..., Value]]:
    """A method of set and frozenset."""

    def register(function: Callable[..., Value]) -> Callable[..., Value]:
        method("set", name)(function)
        method("frozenset", name)(function)
        return function

    return register


# --- both: results are of the receiver's type ---


@_both("copy")
def _copy(ctx: Context, self: SetValue, /) -> SetValue:
    return self if self.frozen else make_set(ctx, self)


@_both("union")
def _union(ctx: Context, self: SetValue, /, *others: Value) -> SetValue:
    made = make_set(ctx, self, self.frozen)
    for other in others:
        _add_all(ctx, made.items, other)
    return made


@_both("intersection")
def _intersection(ctx: Context, self: SetValue, /, *others: Value) -> SetValue:
    made = make_set(ctx, self, self.frozen)
    for other in others:
        kept = _items(ctx, other)
        _rehash(ctx, made.items, kept)
        made.items = {item: None for item in made.items if item in kept}
    return made


@_both("difference")
def _difference(ctx: Context, self: SetValue, /, *others: Value) -> SetValue:
    made = make_set(ctx, self, self.frozen)
    for other in others:
        dropped = _items(ctx, other)
        _rehash(ctx, made.items, dropped)
        made.items = {item: None for item in made.items if item not in dropped}
    return made


def _symmetric(ctx: Context, items: Items, other: Items) -> Items:
    meter.table(ctx, len(items) + len(other))
    _rehash(ctx, items, other)
    _rehash(ctx, other, items)
    return {item: None for items, rest in ((items, other), (other, items)) for item in items if item not in rest}


@_both("symmetric_difference")
def _symmetric_difference(ctx: Context, self: SetValue, other: Value, /) -> SetValue:
    return SetValue(_symmetric(ctx, self.items, _items(ctx, other)), self.frozen)


@_both("issubset")
def _issubset(ctx: Context, self: SetValue, other: Value, /) -> bool:
    items = _items(ctx, other)
    _rehash(ctx, self.items, items)
    return all(item in items for item in self.items)


@_both("issuperset")
def _issuperset(ctx: Context, self: SetValue, other: Value, /) -> bool:
    items = _items(ctx, other)
    _rehash(ctx, items, self.items)
    return all(item in self.items for item in items)


@_both("isdisjoint")
def _isdisjoint(ctx: Context, self: SetValue, other: Value, /) -> bool:
    items = _items(ctx, other)
    _rehash(ctx, items, self.items)
    return not any(item in self.items for item in items)


# --- sets that change ---


@method("set", "add")
def _set_add(ctx: Context, self: SetValue, item: Value, /) -> None:
    _add(ctx, self.items, item)


def _look_up(ctx: Context, self: SetValue, item: Value) -> Value:
    """The item as a key; a set stands for the frozen set of the same items, as in CPython."""
    if isinstance(item, SetValue):
        ctx.charge(1 + len(item.items))
        return item
    return ctx.key(item, self.items)


@method("set", "discard")
def _discard(ctx: Context, self: SetValue, item: Value, /) -> None:
    self.items.pop(_look_up(ctx, self, item), None)


@method("set", "remove")
def _remove(ctx: Context, self: SetValue, item: Value, /) -> None:
    key = _look_up(ctx, self, item)
    if key not in self.items:
        raise ctx.error("KeyError", item)
    del self.items[key]


@method("set", "pop")
def _pop(ctx: Context, self: SetValue, /) -> Value:
    """Takes the newest item (CPython: an arbitrary one); taking the oldest n times would take n² steps."""
    if not self.items:
        raise ctx.error("KeyError", "pop from an empty set")
    return self.items.popitem()[0]


@method("set", "clear")
def _clear(ctx: Context, self: SetValue, /) -> None:
    self.items.clear()


@method("set", "update")
def _update(ctx: Context, self: SetValue, /, *others: Value) -> None:
    for other in others:
        _add_all(ctx, self.items, other)


def _replace(self: SetValue, made: Items) -> None:
    # In place: iterators hold on to the set, not to its items.
    self.items.clear()
    self.items.update(made)


@method("set", "intersection_update")
def _intersection_update(ctx: Context, self: SetValue, /, *others: Value) -> None:
    _replace(self, _intersection(ctx, self, *others).items)


@method("set", "difference_update")
def _difference_update(ctx: Context, self: SetValue, /, *others: Value) -> None:
    _replace(self, _difference(ctx, self, *others).items)


@method("set", "symmetric_difference_update")
def _symmetric_difference_update(ctx: Context, self: SetValue, other: Value, /) -> None:
    _replace(self, _symmetric(ctx, self.items, _items(ctx, other)))
