"""Iteration: `make_iterator` is `iter()`, `advance` is one step of any iterator, `STEPS` says how for each class.

Iterators are the data classes of `values`, so that they can be copied half-way. Every step costs a unit of fuel, in a
loop the loop's price (`loop`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from .attributes import special_method, type_of
from .costs import Price, ahead
from .memory import LIST_ITEM, OBJECT
from .native import Raised, Throw
from .values import (
    UNBOUND,
    CallIterator,
    DictView,
    EnumerateIterator,
    FilterIterator,
    Generator,
    ItemIterator,
    IteratorValue,
    KeysIterator,
    MapIterator,
    Object,
    ReversedIterator,
    SequenceIterator,
    SetValue,
    Value,
    ZipIterator,
)

if TYPE_CHECKING:
    from .context import Runtime

_SEQUENCES = frozenset({list, tuple, str, bytes, range})
_HEAVY = frozenset({tuple, SetValue})


def make_iterator(m: Runtime, value: Value) -> Value:
    """`iter(value)`."""
    kind = type(value)
    if kind in _SEQUENCES:
        m.allocate(OBJECT)
        return SequenceIterator(value)
    if kind is dict or kind is SetValue:
        return _keys(m, value, "keys")
    if kind is DictView:
        return _keys(m, value.owner, value.what)
    if isinstance(value, (IteratorValue, Generator)):
        return value
    if kind is Object:
        function = special_method(value, "__iter__")
        if function is not None:
            return m.call(function, [value])
        if special_method(value, "__getitem__") is not None and special_method(value, "__len__") is not None:
            return ItemIterator(value)
    raise m.error("TypeError", f"'{type_of(value).name}' object is not iterable")


def _keys(m: Runtime, owner: Value, what: str) -> KeysIterator:
    size = len(owner.items) if type(owner) is SetValue else len(owner)
    m.charge(size >> 4)
    m.allocate(OBJECT + 8 * size)
    return KeysIterator(owner, what)


def advance(m: Runtime, iterator: Value) -> Value:
    """The next item, or UNBOUND at the end."""
    step = STEPS.get(type(iterator))
    if step is None:
        raise _no_iterator(m, iterator)
    m.charge(1)
    return step(m, iterator)


def _no_iterator(m: Runtime, value: Value) -> Throw:
    return m.error("TypeError", f"'{type_of(value).name}' object is not an iterator")


def loop(m: Runtime, iterator: Value, price: Price) -> Value:
    """As `advance`, for a step of a loop in code: it pays for the loop's instructions, too."""
    if type(iterator) is SequenceIterator:
        if iterator.index >= iterator.paid:
            pay_ahead(m, iterator, price)
        return step_sequence(m, iterator)
    step = STEPS.get(type(iterator))
    if step is None:
        raise _no_iterator(m, iterator)
    m.charge(price.fuel)
    if price.bytes:
        m.allocate(price.bytes)
    return step(m, iterator)


def pay_ahead(m: Runtime, it: SequenceIterator, price: Price) -> int:
    """Pay for the next steps of a loop; how many there are of them for certain. The end is free, but not of nothing."""
    fuel, size, most = price
    index = it.index
    try:
        left = max(len(it.sequence) - index, 0)
    except OverflowError:
        left = most  # of a range that is longer than any list
    count = min(left, ahead(index, most))
    if not count and index:
        return 0
    paid = count or 1
    if m.fuel < paid * fuel or m.memory + paid * size > m.memory_limit:
        paid = count = min(count, 1)  # what is left is not to be wasted
        m.charge((paid or 1) * fuel)
        m.allocate((paid or 1) * size)
    else:
        m.fuel -= paid * fuel
        m.memory += paid * size
    it.paid = index + count
    return count


def step_sequence(m: Runtime, it: SequenceIterator) -> Value:
    index = it.index
    try:
        item = it.sequence[index]
    except IndexError:
        end_sequence(it)
        return UNBOUND
    it.index = index + 1
    return item


def end_sequence(it: SequenceIterator) -> None:
    """An exhausted iterator stays exhausted, whatever is appended, and whoever tries it again pays."""
    it.sequence = ()
    it.index = it.paid = 0


def _items(m: Runtime, it: ItemIterator) -> Value:
    index = it.index
    if index >= m.length(it.owner):
        return UNBOUND
    it.index = index + 1
    return m.get_item(it.owner, index)


def _reversed(m: Runtime, it: ReversedIterator) -> Value:
    index = it.index
    if 0 <= index < len(it.sequence):
        it.index = index - 1
        return it.sequence[index]
    it.index = -1
    return UNBOUND


def _keys_step(m: Runtime, it: KeysIterator) -> Value:
    owner = it.owner
    if owner is None:
        return UNBOUND
    table = owner.items if type(owner) is SetValue else owner
    if len(table) != it.size:
        it.size = -1  # the error stays
        name = "Set" if type(owner) is SetValue else "dictionary"
        raise m.error("RuntimeError", f"{name} changed size during iteration")
    if it.index >= len(it.keys):
        it.owner, it.keys = None, []
        return UNBOUND
    key = it.keys[it.index]
    it.index += 1
    if it.what == "keys":
        return key
    if type(key) in _HEAVY:
        m.key(key)  # hashed anew
    if key not in table:
        raise m.error("RuntimeError", "dictionary keys changed during iteration")
    if it.what == "values":
        return table[key]
    m.allocate(56 + 2 * LIST_ITEM)
    return (key, table[key])


def _inner(m: Runtime, iterator: Value) -> Value:
    """A step of an iterator inside another one: long chains of them end in a RecursionError."""
    m.enter(3)
    try:
        return advance(m, iterator)
    finally:
        m.leave(3)


def _zip(m: Runtime, it: ZipIterator) -> Value:
    items: list[Value] = []
    for position, iterator in enumerate(it.iterators):
        item = _inner(m, iterator)
        if item is UNBOUND:
            if it.strict:
                _check_strict(m, it, position)
            return UNBOUND
        items.append(item)
    m.allocate(56 + LIST_ITEM * len(items))
    return tuple(items) if items else UNBOUND


def _check_strict(m: Runtime, it: ZipIterator, position: int) -> None:
    """The iterator at `position` ended: with the first, all others must end too."""
    if position:
        raise m.error("ValueError", f"zip() argument {position + 1} is shorter than argument{_others(position)}")
    for other in range(1, len(it.iterators)):
        if _inner(m, it.iterators[other]) is not UNBOUND:
            raise m.error("ValueError", f"zip() argument {other + 1} is longer than argument{_others(other)}")


def _others(count: int) -> str:
    return " 1" if count == 1 else f"s 1-{count}"


def _enumerate(m: Runtime, it: EnumerateIterator) -> Value:
    item = _inner(m, it.iterator)
    if item is UNBOUND:
        return UNBOUND
    count = it.count
    it.count = count + 1
    m.allocate(56 + 2 * LIST_ITEM)
    return (count, item)


def _map(m: Runtime, it: MapIterator) -> Value:
    items: list[Value] = []
    for iterator in it.iterators:
        item = _inner(m, iterator)
        if item is UNBOUND:
            return UNBOUND
        items.append(item)
    return m.call(it.function, items)


def _filter(m: Runtime, it: FilterIterator) -> Value:
    while True:
        item = _inner(m, it.iterator)
        if item is UNBOUND:
            return UNBOUND
        if m.truth(item if it.function is None else m.call(it.function, [item])):
            return item


def _call(m: Runtime, it: CallIterator) -> Value:
    if it.done:
        return UNBOUND
    item = m.call(it.function, [])
    if m.equal(item, it.sentinel):
        it.done = True
        return UNBOUND
    return item


def _generator(m: Runtime, it: Generator) -> Value:
    return m.resume(it)


def _object(m: Runtime, it: Object) -> Value:
    function = special_method(it, "__next__")
    if function is None:
        raise m.error("TypeError", f"'{type_of(it).name}' object is not an iterator")
    try:
        return m.call(function, [it])
    except Throw as thrown:
        if thrown.value.kind.name != "StopIteration":
            raise Throw(thrown.value, Raised.PASSING) from None
        return UNBOUND


STEPS: dict[type, Callable[[Runtime, Value], Value]] = {
    SequenceIterator: step_sequence,
    ItemIterator: _items,
    ReversedIterator: _reversed,
    KeysIterator: _keys_step,
    ZipIterator: _zip,
    EnumerateIterator: _enumerate,
    MapIterator: _map,
    FilterIterator: _filter,
    CallIterator: _call,
    Generator: _generator,
    Object: _object,
}


def items_of(m: Runtime, value: Value) -> Iterator[Value]:
    """The items of any iterable value, charged one by one."""
    iterator = make_iterator(m, value)
    while True:
        item = advance(m, iterator)
        if item is UNBOUND:
            return
        yield item


def unpack(m: Runtime, value: Value, count: int) -> list[Value]:
    """The items of `a, b, ... = value`, exactly `count`."""
    if type(value) in (list, tuple):
        items: list[Value] = value
        length = len(value)
    else:
        m.charge(count)
        items = []
        for item in unpackable(m, value):
            items.append(item)
            if len(items) > count:
                break
        length = len(items)
    if length < count:
        raise m.error("ValueError", f"not enough values to unpack (expected {count}, got {length})")
    if length > count:
        raise m.error("ValueError", f"too many values to unpack (expected {count})")
    return items


def is_iterable(value: Value) -> bool:
    """Whether `iter(value)` can be tried."""
    kind = type(value)
    if kind is Object:
        return special_method(value, "__iter__") is not None or special_method(value, "__getitem__") is not None
    return kind in STEPS or kind in _ITERABLE


def unpackable(m: Runtime, value: Value) -> Iterator[Value]:
    """The items of a value to be unpacked, whose TypeError is worded in its own way."""
    if not is_iterable(value):
        raise m.error("TypeError", f"cannot unpack non-iterable {type_of(value).name} object")
    return items_of(m, value)


_ITERABLE = frozenset({*_SEQUENCES, dict, SetValue, DictView})
