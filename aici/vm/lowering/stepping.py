"""The steps of loops in lowered code: Python's own iterators over what is paid for, and quick ways to take the steps of
the iterators that controllers use most. What they do not do, `iterate.loop` does."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from operator import length_hint
from sys import getrefcount
from typing import TYPE_CHECKING, Any

from aici.vm import iterate
from aici.vm.context import NATIVE_DEPTH
from aici.vm.costs import FEW, Price
from aici.vm.memory import LIST_ITEM
from aici.vm.native import Throw
from aici.vm.values import UNBOUND, EnumerateIterator, KeysIterator, SequenceIterator, Value, ZipIterator

if TYPE_CHECKING:
    from aici.vm.machine import Machine


class Steps:
    """The steps of a loop over a sequence, as Python's own iterators over those that are paid for, one after the other.
    Nothing else may see how far they get."""

    __slots__ = ("iterator", "m", "price", "python", "steps")

    def __init__(self, m: Machine, iterator: SequenceIterator, price: Price) -> None:
        self.m = m
        self.iterator = iterator
        self.price = price
        self.python: Any = None  # over the whole sequence, but for a range
        self.steps: Any = None  # those that are paid for
        if type(iterator.sequence) is not range:
            self.python = iter(iterator.sequence)
            if iterator.index:
                self.python.__setstate__(iterator.index)

    def __iter__(self) -> Steps:
        return self

    def __next__(self) -> Iterator[Value]:
        iterator = self.iterator
        if self.steps is not None and not self.place():
            raise StopIteration
        count = iterator.paid - iterator.index
        if count <= 0:
            count = iterate.pay_ahead(self.m, iterator, self.price)
            if not count:
                iterate.end_sequence(iterator)
                raise StopIteration
        if self.python is None:
            start = iterator.index
            self.steps = iter(iterator.sequence[start : start + count])
        else:
            self.steps = islice(self.python, count)
        steps: Iterator[Value] = self.steps
        return steps

    def place(self) -> bool:
        """Tell the controller's iterator how far Python's own have come; whether they can go on."""
        iterator = self.iterator
        if self.python is None:
            iterator.index = iterator.paid - length_hint(self.steps)
            return True
        state = self.python.__reduce__()
        if len(state) > 2:
            iterator.index = state[2]
            return True
        iterate.end_sequence(iterator)  # a list that became shorter
        return False


def native(m: Machine, iterator: Value, *price: int) -> Any:
    """Iterables of the steps that are left of a loop."""
    if type(iterator) is SequenceIterator and getrefcount(iterator) <= 3:
        return Steps(m, iterator, Price(*price))
    return (_steps(m, iterator, Price(*price)),)


def quick(m: Machine, iterator: Value, *price: int) -> Any:
    """The same for a loop of which nobody asks how far it has come: the steps of something short that cannot change are
    its own."""
    if type(iterator) is SequenceIterator and getrefcount(iterator) <= 3:
        steps = Price(*price)
        sequence = iterator.sequence
        if type(sequence) is not list and not iterator.paid and not iterator.index:
            count = len(sequence[: FEW + 1])
            if count <= min(FEW, steps.ahead) and iterate.pay_ahead(m, iterator, steps) == count:
                return (sequence,)
        return Steps(m, iterator, steps)
    return (_steps(m, iterator, Price(*price)),)


def _steps(m: Machine, iterator: Value, price: Price) -> Iterator[Value]:
    if m.depth + 3 <= NATIVE_DEPTH:
        if type(iterator) is EnumerateIterator and type(iterator.iterator) is SequenceIterator:
            yield from _enumerated(m, iterator, iterator.iterator, price)
        elif type(iterator) is ZipIterator and _are_sequences(iterator.iterators):
            yield from _zipped(m, iterator.iterators, price)
        elif type(iterator) is KeysIterator and type(iterator.owner) is dict:
            yield from _entries(m, iterator, iterator.owner, price)
    while True:
        item = iterate.loop(m, iterator, price)
        if item is UNBOUND:
            return
        yield item


# Each of these goes on while a step is an ordinary one that can be paid for, and does nothing of one that is not.

_PAIR = 56 + 2 * LIST_ITEM


def _enumerated(m: Machine, it: EnumerateIterator, inner: SequenceIterator, price: Price) -> Iterator[Value]:
    fuel, size = price.fuel + 1, price.bytes + _PAIR
    while True:
        f, n, index = m.fuel - fuel, m.memory + size, inner.index
        if f < 0 or n > m.memory_limit:
            return
        try:
            item = inner.sequence[index]
        except IndexError:
            return
        m.fuel, m.memory = f, n
        count = it.count
        inner.index, it.count = index + 1, count + 1
        yield count, item


def _are_sequences(iterators: list[Value]) -> bool:
    """Of which each is another one."""
    return set(map(type, iterators)) == {SequenceIterator} and len(set(map(id, iterators))) == len(iterators)


def _zipped(m: Machine, iterators: list[Value], price: Price) -> Iterator[Value]:
    fuel, size = price.fuel + len(iterators), price.bytes + 56 + LIST_ITEM * len(iterators)
    while True:
        f, n = m.fuel - fuel, m.memory + size
        if f < 0 or n > m.memory_limit:
            return
        try:
            items = tuple([iterator.sequence[iterator.index] for iterator in iterators])
        except IndexError:
            return
        m.fuel, m.memory = f, n
        for iterator in iterators:
            iterator.index += 1
        yield items


def _entries(m: Machine, it: KeysIterator, table: dict[Value, Value], price: Price) -> Iterator[Value]:
    what = it.what
    fuel, size = price.fuel, price.bytes + (_PAIR if what == "items" else 0)
    while True:
        f, n, index = m.fuel - fuel, m.memory + size, it.index
        if f < 0 or n > m.memory_limit or it.size != len(table) or index >= it.size:
            return
        key = it.keys[index]
        if type(key) is not str and type(key) is not int:
            return
        if key not in table:
            return
        m.fuel, m.memory = f, n
        it.index = index + 1
        yield key if what == "keys" else table[key] if what == "values" else (key, table[key])


# --- in a `try` ---


def held(m: Machine, iterator: Value, *price: int) -> Any:
    """As `native`, but an exception only ends the loop: `ended` raises it."""
    if type(iterator) is SequenceIterator and getrefcount(iterator) <= 3:
        return Steps(m, iterator, Price(*price))
    return (_held(m, iterator, Price(*price)),)


def _held(m: Machine, iterator: Value, price: Price) -> Iterator[Value]:
    try:
        yield from _steps(m, iterator, price)
    except (Throw, RecursionError) as error:
        m.held_back = error
