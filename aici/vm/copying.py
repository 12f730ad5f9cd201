"""Copies of values: all that can change is copied, with identity, aliasing and cycles kept; the rest is shared.

Go in: values. Come out: as many copies as are wanted. A plan is made once for all of them: it numbers everything that
is reachable, and says in long columns of numbers what goes into what. Carrying it out is then a matter of a few loops
inside Python's own C functions. No recursion, so that the depth of the controller's data does not matter. May be
imported by `fork` and `sharing`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterable, Sequence
from itertools import chain, islice, repeat
from operator import setitem
from typing import Any

from .shapes import FIELDS, SLOTTED
from .values import SetValue

_COMPOSITE = frozenset({tuple, slice})
_CHANGING = frozenset({list, dict, bytearray, *SLOTTED})
OPEN = _COMPOSITE | _CHANGING
"""Values of all other types are shared by copies."""
_MANY = 8
"""From so many on, it pays to look at values together first."""
_SETTERS = {kind: [vars(kind)[name].__set__ for name in names] for kind, names in FIELDS.items()}


def _do(calls: Iterable[Any]) -> None:
    """Make the calls of a `map`."""
    deque(calls, maxlen=0)


class _Group:
    """Values that are copied in the same way: each is made by `make`, and takes the next parts of every column."""

    def __init__(self) -> None:
        self.members: list[Any] = []
        self.numbers: list[int] = []
        self.lengths: list[int] = []
        self.columns: list[list[int]] = []  # of numbers of parts

    def add(self, members: Sequence[Any], numbers: Sequence[int]) -> None:
        self.members.extend(members)
        self.numbers.extend(numbers)


class Plan:
    """What is reachable, by number: `values`; of those that must be copied, how.

    With `base`, what that plan has copied is copied by it, and this one says the rest. With `only`, values of no other
    identities are copied.
    """

    def __init__(self, base: Plan | None = None, only: Container[int] | None = None) -> None:
        self.base = base
        self.only = only
        self.values: list[Any] = [] if base is None else base.values.copy()
        self.places: dict[int, int] = {}  # number by identity, of values that hold others
        self.todo: dict[type, list[int]] = {}  # found, but not looked into
        self.leaves: dict[type, _Group] = {kind: _Group() for kind in (list, dict, bytearray)}
        self.lists = _Group()
        self.dicts = _Group()
        self.slotted = {kind: _Group() for kind in SLOTTED}
        self.parts: dict[int, list[int]] = {}  # of composites that hold more than shared values
        self.levels: dict[int, int] = {}  # of those; 0 if they need no copy after all
        self.tuples: list[_Group] = []  # those of them to be copied, by level, innermost first
        self.others: list[list[int]] = []  # of each level, what is no tuple
        self.lists.columns = [[]]
        self.dicts.columns = [[], []]
        for kind, group in self.slotted.items():
            group.columns = [[] for _ in FIELDS[kind]]

    # --- making the plan ---

    def numbers(self, values: Sequence[Any]) -> Sequence[int]:
        """Numbers of values, new ones if they have none."""
        if len(values) < _MANY or self.only is not None:
            return [self._number(value) for value in values]
        kinds = set(map(type, values))
        first = len(self.values)
        if OPEN.isdisjoint(kinds):
            self.values.extend(values)
            return range(first, len(self.values))
        if len(kinds) == 1:
            identities = list(map(id, values))
            if self._are_new(identities) and len(set(identities)) == len(identities):
                fresh = range(first, first + len(values))
                self.values.extend(values)
                self.places.update(zip(identities, fresh, strict=True))
                self.todo.setdefault(kinds.pop(), []).extend(fresh)
                return fresh
        return [self._number(value) for value in values]

    def _number(self, value: Any) -> int:
        kind = type(value)
        number = len(self.values)
        if kind in OPEN and (self.only is None or id(value) in self.only):
            if self.base is not None and id(value) in self.base.places:
                return self.base.places[id(value)]
            known = self.places.setdefault(id(value), number)
            if known != number:
                return known
            self.todo.setdefault(kind, []).append(number)
        self.values.append(value)
        return number

    def _are_new(self, identities: list[int]) -> bool:
        if self.base is not None and not self.base.places.keys().isdisjoint(identities):
            return False
        return self.places.keys().isdisjoint(identities)

    def walk(self) -> None:
        """Look into everything that is found."""
        while self.todo:
            kind, numbers = self.todo.popitem()
            values = (
                self.values[numbers[0] : numbers[-1] + 1] if _is_run(numbers) else [self.values[n] for n in numbers]
            )
            _LOOK.get(kind, Plan._look_slotted)(self, values, numbers)
        self._sort_composites()

    def _look_lists(self, values: list[list[Any]], numbers: list[int]) -> None:
        if len(values) >= _MANY and OPEN.isdisjoint(map(type, chain.from_iterable(values))):
            self.leaves[list].add(values, numbers)
            return
        group, leaves = self.lists, self.leaves[list]
        for value, number in zip(values, numbers, strict=True):
            if OPEN.isdisjoint(map(type, value)):
                leaves.members.append(value)
                leaves.numbers.append(number)
            else:
                group.members.append(value)
                group.numbers.append(number)
                group.lengths.append(len(value))
                group.columns[0].extend(self.numbers(value))

    def _look_dicts(self, values: list[dict[Any, Any]], numbers: list[int]) -> None:
        if len(values) >= _MANY:
            kinds = set(map(type, chain.from_iterable(values)))
            kinds.update(map(type, chain.from_iterable(map(dict.values, values))))
            if OPEN.isdisjoint(kinds):
                self.leaves[dict].add(values, numbers)
                return
        for value, number in zip(values, numbers, strict=True):
            if OPEN.isdisjoint(map(type, value.values())) and OPEN.isdisjoint(map(type, value)):
                self.leaves[dict].add((value,), (number,))
            else:
                self.dicts.add((value,), (number,))
                self.dicts.lengths.append(len(value))
                self.dicts.columns[0].extend(self.numbers(list(value)))
                self.dicts.columns[1].extend(self.numbers(list(value.values())))

    def _look_bytearrays(self, values: list[bytearray], numbers: list[int]) -> None:
        self.leaves[bytearray].add(values, numbers)

    def _look_slotted(self, values: list[Any], numbers: list[int]) -> None:
        kind: Any = type(values[0])
        group = self.slotted[kind]
        if kind is SetValue:
            frozen = [n for value, n in zip(values, numbers, strict=True) if value.frozen]
            if frozen:
                self._look_composites([self.values[n] for n in frozen], frozen)
                numbers = [n for value, n in zip(values, numbers, strict=True) if not value.frozen]
                values = [value for value in values if not value.frozen]
        group.add(values, numbers)
        for name, column in zip(FIELDS[kind], group.columns, strict=True):
            column.extend(self.numbers([getattr(value, name) for value in values]))

    def _look_composites(self, values: list[Any], numbers: list[int]) -> None:
        for value, number in zip(values, numbers, strict=True):
            parts = _parts(value)
            if not OPEN.isdisjoint(map(type, parts)):
                self.parts[number] = list(self.numbers(parts))

    def _sort_composites(self) -> None:
        """Level 0 are those that hold nothing that can change, at any depth, and are shared. They cannot form a cycle
        among themselves."""
        levels = self.levels
        for first in self.parts:
            stack = [first]
            while stack:
                number = stack[-1]
                waiting = [n for n in self.parts[number] if n in self.parts and n not in levels]
                if waiting:
                    stack.extend(waiting)
                    continue
                stack.pop()
                if number not in levels:
                    level = max(map(levels.get, self.parts[number], repeat(0)))
                    changes = level or any(self._changes(n) for n in self.parts[number])
                    levels[number] = level + 1 if changes else 0
                    if changes:
                        self._at_level(level, number)

    def _at_level(self, level: int, number: int) -> None:
        while len(self.tuples) <= level:
            self.tuples.append(_Group())
            self.tuples[-1].columns = [[]]
            self.others.append([])
        if type(self.values[number]) is tuple:
            group = self.tuples[level]
            group.numbers.append(number)
            group.lengths.append(len(self.parts[number]))
            group.columns[0].extend(self.parts[number])
        else:
            self.others[level].append(number)

    def _changes(self, number: int) -> bool:
        """Whether what stands in a composite must be copied, but for composites of this plan."""
        value = self.values[number]
        if self.base is not None and self.base.levels.get(number):
            return True
        return type(value) in _CHANGING and not (type(value) is SetValue and value.frozen)

    # --- carrying it out ---

    def carry_out(self) -> list[Any]:
        """A copy of everything, by number."""
        pool = self.values.copy()
        if self.base is not None:
            pool[: len(self.base.values)] = self.base.carry_out()
        put, get = pool.__setitem__, pool.__getitem__
        for kind, group in self.leaves.items():
            _do(map(put, group.numbers, map(kind.copy, group.members)))  # type: ignore[attr-defined]
        lists = list(map(list.copy, self.lists.members))
        dicts: list[dict[Any, Any]] = [{} for _ in self.dicts.members]
        _do(map(put, self.lists.numbers, lists))
        _do(map(put, self.dicts.numbers, dicts))
        slotted = []
        for kind, group in self.slotted.items():
            if group.members:
                made: list[Any] = list(map(object.__new__, repeat(kind, len(group.members))))
                slotted.append((kind, group, made))
                _do(map(put, group.numbers, made))
        for group, others in zip(self.tuples, self.others, strict=True):
            items = map(get, group.columns[0])
            _do(map(put, group.numbers, map(tuple, map(islice, repeat(items), group.lengths))))
            for number in others:
                pool[number] = _rebuilt(self.values[number], list(map(get, self.parts[number])))
        items = map(get, self.lists.columns[0])
        _do(map(setitem, lists, repeat(slice(None)), map(tuple, map(islice, repeat(items), self.lists.lengths))))
        keys, entries = (map(get, column) for column in self.dicts.columns)
        lengths = self.dicts.lengths
        pairs = map(zip, map(islice, repeat(keys), lengths), map(islice, repeat(entries), lengths))
        _do(map(dict.update, dicts, pairs))
        for kind, group, made in slotted:
            for assign, column in zip(_SETTERS[kind], group.columns, strict=True):
                _do(map(assign, made, map(get, column)))
        return pool


def _is_run(numbers: list[int]) -> bool:
    return numbers[-1] - numbers[0] == len(numbers) - 1  # they ascend


def _parts(value: Any) -> Sequence[Any]:
    if type(value) is slice:
        return (value.start, value.stop, value.step)
    parts: Sequence[Any] = list(value.items) if type(value) is SetValue else value
    return parts


def _rebuilt(value: Any, parts: list[Any]) -> Any:
    if type(value) is slice:
        return slice(*parts)
    return SetValue(dict.fromkeys(parts), True)


_LOOK: dict[type, Callable[[Plan, list[Any], list[int]], None]] = {
    list: Plan._look_lists,
    dict: Plan._look_dicts,
    bytearray: Plan._look_bytearrays,
    tuple: Plan._look_composites,
    slice: Plan._look_composites,
}
