"""Copies of processes, which share all that is large until one of them writes to it.

Goes in: a process that waits on a request (or has not begun). Come out: independent ones. Small processes are copied
at once (`copying`). Of a larger one only what belongs to it alone is copied; the rest is shared (`sharing`), the
process runs with care (`careful`), and a copy is made when it is about to write there: `unshare`.
`docs/decisions/0011-forks-and-snapshots.md` has the figures.
"""

from __future__ import annotations

from collections.abc import Sequence

from .collector import paused
from .copying import Plan
from .process import Process
from .sharing import Group, Share, join, leave, private, roots, settle

SHARED_FROM = 1 << 18
"""Bytes of values, as they are accounted for, from which on it pays to share them."""

PATIENCE = 2000, 2048
"""So many instructions, and one more for so many bytes of its values, are run by a process that shares them before it
takes copies for its own, so that it may be lowered: in less time than copying takes, were it only lists of numbers."""

_STATE = ("frames", "globals", "handled", "main", "modules", "pending")
_ALIKE = tuple(name for name in Process.__slots__ if name not in (*_STATE, "__weakref__", "share"))


def fork(process: Process) -> Process:
    """An independent copy of a process."""
    return forks(process, 1)[0]


def forks(process: Process, count: int) -> list[Process]:
    """So many independent copies of a process."""
    with paused():
        settle(process)
        region = private(process) if process.memory >= SHARED_FROM else None
        plan = Plan(only=region)
        numbers = _walk(process, plan)
        if region is None:
            return [_twin(process, plan.carry_out(), numbers) for _ in range(count)]
        group = Group(roots(plan), None if process.share is None else process.share.group)
        leave(process)
        patience = PATIENCE[0] + process.memory // PATIENCE[1]
        join(process, Share(group, region, patience))
        twins = []
        for _ in range(count):
            pool = plan.carry_out()
            twin = _twin(process, pool, numbers)
            join(twin, Share(group, [id(pool[number]) for number in plan.places.values()], patience))
            twins.append(twin)
        return twins


def unshare(process: Process) -> None:
    """Give a process that shares values its own copies of them."""
    if settle(process):
        assert process.share is not None
        with paused():
            plan = Plan(process.share.group.plan())
            numbers = _walk(process, plan)
            _fill(process, plan.carry_out(), numbers)
        leave(process)


def _walk(process: Process, plan: Plan) -> Sequence[int]:
    numbers = plan.numbers([getattr(process, name) for name in _STATE])
    plan.walk()
    return numbers


def _twin(process: Process, pool: list[object], numbers: Sequence[int]) -> Process:
    twin: Process = Process.__new__(Process)
    for name in _ALIKE:
        setattr(twin, name, getattr(process, name))
    twin.share = None
    _fill(twin, pool, numbers)
    return twin


def _fill(process: Process, pool: list[object], numbers: Sequence[int]) -> None:
    for name, number in zip(_STATE, numbers, strict=True):
        setattr(process, name, pool[number])
