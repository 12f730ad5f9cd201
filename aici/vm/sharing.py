"""What the branches of a fork share: a heap that none of them may write to.

A fork copies what belongs to the process alone (`private`): its frames, globals and modules, and the small values of
which CPython's count of references proves that nothing else refers to them, such as the iterators of loops and the
coroutines that are being awaited. All that these lead to belongs to a `Group` of the processes from then on. A `Share`
is a process's part in one. `careful` runs such a process, `fork` makes and ends them; only these two import this.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from sys import getrefcount
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from .copying import OPEN, Plan
from .shapes import SLOTTED, read
from .values import Cell, EnumerateIterator, KeysIterator, ReversedIterator, SequenceIterator, SetValue, Value

if TYPE_CHECKING:
    from .process import Process

_SMALL = 2000
"""Items of lists, dicts and sets, in all, that are copied at a fork because nothing else refers to them."""
_LEVELS = 4
"""How far from frames and globals a fork looks for such values; those that are left are shared."""
_ALONE = frozenset(
    {list, dict, SetValue, Cell, SequenceIterator, ReversedIterator, KeysIterator, EnumerateIterator},
)
"""Kinds of these. What such a value writes to is itself, or (a set) one dict that is taken with it."""
_SLOTTED = frozenset(SLOTTED)


class Group:
    """Processes that share values: all that is reachable from `roots`, as it was when they were forked. While there is
    more than one member, nobody writes to it.

    Members are processes, or groups that some of them formed when a member forked again. They are held weakly: one that
    is dropped has left.
    """

    __slots__ = ("__weakref__", "_plan", "members", "outer", "roots")

    def __init__(self, roots: list[Value], outer: Group | None) -> None:
        self.roots = roots  # they keep all of it alive, so that no identity is given away again
        self.outer = outer
        self.members: WeakSet[Process | Group] = WeakSet()
        self._plan: Plan | None = None
        if outer is not None:
            outer.members.add(self)

    def plan(self) -> Plan:
        """How to copy it, made when it is first asked for."""
        if self._plan is None:
            plan = Plan()
            plan.numbers(self.roots)
            plan.walk()
            self._plan = plan
        return self._plan

    def holds(self, value: Value) -> bool:
        return id(value) in self.plan().places


class Share:
    """A process's part in a group.

    `own`: identities of values made since the fork, or for it. An identity that has become free can only be taken by
    another value of the process's own, or by one that it cannot reach. `patience`: instructions to be run before the
    process takes a copy for itself, so that it runs fast.
    """

    __slots__ = ("fresh", "group", "own", "patience")

    def __init__(self, group: Group, own: Iterable[int], patience: int) -> None:
        self.group = group
        self.own = set(own)
        self.patience = patience
        self.fresh = False  # whether the call at hand will return a value of the process's own

    def owns(self, value: Value) -> bool:
        """Whether nobody else refers to the value."""
        return id(value) in self.own or not self.group.holds(value)


def join(process: Process, share: Share) -> None:
    """Make a process, which has left its group if it was in one, a member of another one."""
    process.share = share
    share.group.members.add(process)


def leave(process: Process) -> None:
    """Let a process, which has nothing in common with its group any more, go."""
    if process.share is not None:
        process.share.group.members.discard(process)
        process.share = None


def settle(process: Process) -> bool:
    """Whether a process still shares anything. What it alone is left to refer to is its own."""
    share = process.share
    while share is not None and len(share.group.members) == 1:
        outer = share.group.outer
        leave(process)
        if outer is None:
            return False
        share.group = outer
        join(process, share)
    return share is not None


# --- what belongs to a process alone ---


def _known() -> int:
    """What `getrefcount` says, below `private`, of a value that nothing refers to."""
    found = {0: object()}
    return next(map(getrefcount, found.values()))


def private(process: Process) -> dict[int, Any] | None:
    """The values, by identity, that only the process's frames, globals and the like refer to, those included; None if
    the coroutine that a frame runs for is not among them."""
    region: dict[int, Any] = {}
    fresh: list[Any] = [process.frames, process.globals, process.modules]
    owners = set()
    for frame in process.frames:
        fresh += (frame, frame.locals, frame.stack, frame.cells)
        if frame.owner is not None:
            owners.add(id(frame.owner))
    found: dict[int, Any] = {}
    references: Counter[int] = Counter()
    room = _SMALL
    _look(([process.handled, process.main, process.pending],), found, references, owners)
    for _ in range(_LEVELS):
        region.update((id(value), value) for value in fresh)
        _look(fresh, found, references, owners)
        for identity in found.keys() & region.keys():
            del found[identity]
        del fresh
        counts = zip(found, map(getrefcount, found.values()), strict=True)
        alone = [identity for identity, count in counts if count == references[identity] + _known()]
        fresh = []
        for identity in alone:
            value = found.pop(identity)
            size = _size(value)
            if size <= room or identity in owners:
                room -= size
                fresh += (value, value.items) if type(value) is SetValue else (value,)
    region.update((id(value), value) for value in fresh)
    return region if owners <= region.keys() else None


def _look(values: Iterable[Any], found: dict[int, Any], references: Counter[int], owners: set[int]) -> None:
    """Count what values refer to, of the kinds that may belong to a process alone."""
    for value in values:
        kind = type(value)
        children = [*value, *value.values()] if kind is dict else value if kind is list else read(value)
        for child in children:
            if (type(child) in _ALONE and _size(child) <= _SMALL) or id(child) in owners:
                found[id(child)] = child
                references[id(child)] += 1


def _size(value: Value) -> int:
    """Items to be copied, and one; of what never changes, more than there are."""
    kind = type(value)
    if kind is SetValue:
        return _SMALL + 1 if value.frozen else 1 + len(value.items)
    return 1 + len(value) if kind is list or kind is dict else 1


def roots(plan: Plan) -> list[Value]:
    """What values that are copied by a plan of `private` lead to and what is not copied."""
    return [value for value in plan.values if type(value) in OPEN and id(value) not in plan.places]
