"""`list` and `tuple`: constructors and methods.

Comparisons may one day run code of the controller that changes the list, so loops look at its length each time.
"""

from __future__ import annotations

from . import meter
from .arguments import size_argument
from .native import Context, builtin_value, constructor, method, type_
from .sorting import sort_values
from .values import Value

builtin_value("list", type_("list"))
builtin_value("tuple", type_("tuple"))


def collect(ctx: Context, iterable: Value) -> list[Value]:
    """A new list of the items of any iterable."""
    if type(iterable) is list or type(iterable) is tuple:
        meter.sequence(ctx, len(iterable))
        return list(iterable)
    made: list[Value] = []
    for item in ctx.iterate(iterable):
        ctx.allocate(meter.ITEM_BYTES)
        made.append(item)
    return made


@constructor("list")
def _list(ctx: Context, iterable: Value = (), /) -> list[Value]:
    return collect(ctx, iterable)


@constructor("tuple")
def _tuple(ctx: Context, iterable: Value = (), /) -> tuple[Value, ...]:
    return iterable if type(iterable) is tuple else tuple(collect(ctx, iterable))


# --- both ---


def _find(ctx: Context, items: list[Value] | tuple[Value, ...], value: Value, start: Value, stop: Value) -> int:
    """The first place of an equal item in a slice of the items; -1 if there is none."""
    length = len(items)
    limits = []
    for limit in (start, stop):
        if limit is None or not isinstance(limit, int):
            raise ctx.error("TypeError", "slice indices must be integers or have an __index__ method")
        limits.append(max(0, limit + length) if limit < 0 else int(limit))
    at = limits[0]
    while at < min(limits[1], len(items)):
        ctx.charge(1)
        if items[at] is value or ctx.equal(items[at], value):
            return at
        at += 1
    return -1


@method("list", "index")
def _list_index(ctx: Context, self: list[Value], value: Value, start: Value = 0, stop: Value = 1 << 63, /) -> int:
    found = _find(ctx, self, value, start, stop)
    if found < 0:
        raise ctx.error("ValueError", f"{ctx.to_repr(value)} is not in list")
    return found


@method("tuple", "index")
def _tuple_index(
    ctx: Context, self: tuple[Value, ...], value: Value, start: Value = 0, stop: Value = 1 << 63, /
) -> int:
    found = _find(ctx, self, value, start, stop)
    if found < 0:
        raise ctx.error("ValueError", "tuple.index(x): x not in tuple")
    return found


def _register_count(kind: str) -> None:
    @method(kind, "count")
    def run(ctx: Context, self: list[Value] | tuple[Value, ...], value: Value, /) -> int:
        found = at = 0
        while at < len(self):
            ctx.charge(1)
            found += self[at] is value or ctx.equal(self[at], value)
            at += 1
        return found


_register_count("list")
_register_count("tuple")


# --- lists ---


@method("list", "append")
def _append(ctx: Context, self: list[Value], object: Value, /) -> None:
    ctx.allocate(meter.ITEM_BYTES)
    self.append(object)


@method("list", "extend")
def _extend(ctx: Context, self: list[Value], iterable: Value, /) -> None:
    if iterable is self or type(iterable) is tuple or type(iterable) is list:
        meter.sequence(ctx, len(iterable))
        self.extend(iterable)
        return
    for item in ctx.iterate(iterable):
        ctx.allocate(meter.ITEM_BYTES)
        self.append(item)


@method("list", "insert")
def _insert(ctx: Context, self: list[Value], index: Value, object: Value, /) -> None:
    at = size_argument(ctx, index)
    meter.shift(ctx, len(self))
    ctx.allocate(meter.ITEM_BYTES)
    self.insert(max(min(at, len(self)), -len(self)), object)


@method("list", "pop")
def _pop(ctx: Context, self: list[Value], index: Value = -1, /) -> Value:
    at = size_argument(ctx, index)
    if not self:
        raise ctx.error("IndexError", "pop from empty list")
    if not -len(self) <= at < len(self):
        raise ctx.error("IndexError", "pop index out of range")
    meter.shift(ctx, len(self) - at % len(self))
    return self.pop(at)


@method("list", "remove")
def _remove(ctx: Context, self: list[Value], value: Value, /) -> None:
    found = _find(ctx, self, value, 0, 1 << 63)
    if found < 0:
        raise ctx.error("ValueError", "list.remove(x): x not in list")
    meter.shift(ctx, len(self))
    del self[found : found + 1]


@method("list", "clear")
def _clear(ctx: Context, self: list[Value], /) -> None:
    self.clear()


@method("list", "copy")
def _copy(ctx: Context, self: list[Value], /) -> list[Value]:
    return collect(ctx, self)


@method("list", "reverse")
def _reverse(ctx: Context, self: list[Value], /) -> None:
    meter.shift(ctx, len(self))
    self.reverse()


@method("list", "sort")
def _sort(ctx: Context, self: list[Value], /, *, key: Value = None, reverse: Value = False) -> None:
    """As in CPython, the list looks empty while it is being sorted, and keeps its items when that fails."""
    descending = ctx.truth(reverse)
    items = collect(ctx, self)
    self.clear()
    try:
        made = sort_values(ctx, items, key, descending)
        changed = bool(self)
    except BaseException:
        self[:] = items
        raise
    self[:] = made
    if changed:
        raise ctx.error("ValueError", "list modified during sort")
