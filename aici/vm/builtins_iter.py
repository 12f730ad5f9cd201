"""Builtin functions of iterables: all, any, enumerate, filter, iter, len, map, max, min, next, reversed, sorted, zip.

The iterators made here are plain data (see `values`); `Context.next_item` knows how to advance them.
"""

from __future__ import annotations

from . import meter
from .native import TYPES, Context, builtin, builtin_value, constructor
from .sorting import extreme, sort_values
from .types_list import collect
from .values import (
    UNBOUND,
    CallIterator,
    DictView,
    EnumerateIterator,
    FilterIterator,
    MapIterator,
    Object,
    ReversedIterator,
    Value,
    ZipIterator,
)

for _kind in ("enumerate", "filter", "map", "reversed", "zip"):
    builtin_value(_kind, TYPES[_kind])

_ITERATOR_BYTES = 64


@builtin("len")
def _len(ctx: Context, obj: Value, /) -> int:
    return ctx.length(obj)


@builtin("all")
def _all(ctx: Context, iterable: Value, /) -> bool:
    return all(ctx.truth(item) for item in ctx.iterate(iterable))


@builtin("any")
def _any(ctx: Context, iterable: Value, /) -> bool:
    return any(ctx.truth(item) for item in ctx.iterate(iterable))


@builtin("iter")
def _iter(ctx: Context, object: Value, sentinel: Value = UNBOUND, /) -> Value:
    ctx.allocate(_ITERATOR_BYTES)
    if sentinel is UNBOUND:
        return ctx.iterator(object)
    if not ctx.is_callable(object):
        raise ctx.error("TypeError", "iter(v, w): v must be callable")
    return CallIterator(object, sentinel)


@builtin("next")
def _next(ctx: Context, iterator: Value, default: Value = UNBOUND, /) -> Value:
    item = ctx.next_item(iterator)
    if item is not UNBOUND:
        return item
    if default is UNBOUND:
        raise ctx.error("StopIteration")
    return default


@constructor("enumerate")
def _enumerate(ctx: Context, iterable: Value, start: Value = 0) -> EnumerateIterator:
    ctx.allocate(_ITERATOR_BYTES)
    count = int(ctx.index(start))
    return EnumerateIterator(ctx.iterator(iterable), count)


@constructor("filter")
def _filter(ctx: Context, function: Value, iterable: Value, /) -> FilterIterator:
    ctx.allocate(_ITERATOR_BYTES)
    return FilterIterator(function, ctx.iterator(iterable))


@constructor("map")
def _map(ctx: Context, function: Value = UNBOUND, /, *iterables: Value) -> MapIterator:
    if not iterables:
        raise ctx.error("TypeError", "map() must have at least two arguments.")
    meter.sequence(ctx, len(iterables) + 2)
    return MapIterator(function, [ctx.iterator(iterable) for iterable in iterables])


@constructor("zip")
def _zip(ctx: Context, *iterables: Value, strict: Value = False) -> ZipIterator:
    meter.sequence(ctx, len(iterables) + 2)
    return ZipIterator([ctx.iterator(iterable) for iterable in iterables], ctx.truth(strict))


@constructor("reversed")
def _reversed(ctx: Context, sequence: Value, /) -> Value:
    ctx.allocate(_ITERATOR_BYTES)
    if type(sequence) in (list, tuple, str, bytes, range):
        return ReversedIterator(sequence, len(sequence) - 1)
    if isinstance(sequence, (dict, DictView)):
        # As the iterators over dicts do, it looks at the keys as they are now.
        items = collect(ctx, sequence)
        return ReversedIterator(items, len(items) - 1)
    if isinstance(sequence, Object) and "__reversed__" in sequence.kind.methods:
        return ctx.call(sequence.kind.methods["__reversed__"], (sequence,))
    raise ctx.error("TypeError", f"'{ctx.type_of(sequence).name}' object is not reversible")


@builtin("sorted")
def _sorted(ctx: Context, iterable: Value, /, *, key: Value = None, reverse: Value = False) -> list[Value]:
    return sort_values(ctx, collect(ctx, iterable), key, ctx.truth(reverse))


@builtin("min")
def _min(ctx: Context, *args: Value, key: Value = None, default: Value = UNBOUND) -> Value:
    return extreme(ctx, "min", args, key, default, "<")


@builtin("max")
def _max(ctx: Context, *args: Value, key: Value = None, default: Value = UNBOUND) -> Value:
    return extreme(ctx, "max", args, key, default, ">")
