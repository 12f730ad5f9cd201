"""Copies of processes: all that can change is copied, with identity, aliasing and cycles kept; the rest is shared.

Goes in: a process that waits on a request (or has not begun). Comes out: an independent one. No recursion, so that the
depth of the controller's data does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .memory import SLOTTED
from .process import Process
from .values import SetValue

_SHARED_SLOTS = frozenset({"codes", "limits", "program"})
_SLOTTED = frozenset(SLOTTED)


def fork(process: Process) -> Process:
    """An independent copy of a process."""
    copier = _Copier()
    twin: Process = Process.__new__(Process)
    for name in Process.__slots__:
        value = getattr(process, name)
        setattr(twin, name, value if name in _SHARED_SLOTS else copier.copy(value))
    copier.fill()
    return twin


class _Copier:
    """Shells are made at once and filled later; only what is immutable but holds other values must wait for them."""

    def __init__(self) -> None:
        self.copies: dict[int, Any] = {}
        self.todo: list[Callable[[], None]] = []

    def copy(self, value: Any) -> Any:
        """The copy of a value, or its shell; the value itself if nothing in it can change."""
        kind = type(value)
        if kind in _COMPOSITES or (kind is SetValue and value.frozen):
            return self._composite(value)
        if kind in _SLOTTED or kind is list or kind is dict or kind is bytearray:
            twin = self.copies.get(id(value))
            return self._shell(value) if twin is None else twin
        return value

    def fill(self) -> None:
        while self.todo:
            self.todo.pop()()

    def _shell(self, value: Any) -> Any:
        kind: Any = type(value)
        twin: Any = bytearray(value) if kind is bytearray else kind.__new__(kind)
        self.copies[id(value)] = twin
        if kind is list:
            self.todo.append(lambda: twin.extend(map(self.copy, value)))
        elif kind is dict:
            self.todo.append(lambda: twin.update((self.copy(key), self.copy(item)) for key, item in value.items()))
        elif kind is not bytearray:
            self.todo.append(lambda: self._fill_slots(value, twin))
        return twin

    def _fill_slots(self, value: Any, twin: Any) -> None:
        for name in type(value).__slots__:
            setattr(twin, name, self.copy(getattr(value, name)))

    def _composite(self, value: Any) -> Any:
        """Tuples, slices and frozen sets, innermost first: they cannot form a cycle among themselves."""
        stack = [value]
        while stack:
            top = stack[-1]
            if id(top) in self.copies:
                stack.pop()
                continue
            waiting = [part for part in _parts(top) if _is_composite(part) and id(part) not in self.copies]
            if waiting:
                stack.extend(waiting)
                continue
            stack.pop()
            self.copies[id(top)] = self._rebuilt(top)
        return self.copies[id(value)]

    def _rebuilt(self, value: Any) -> Any:
        parts = list(_parts(value))
        twins = [self.copies[id(part)] if _is_composite(part) else self.copy(part) for part in parts]
        if all(twin is part for twin, part in zip(twins, parts, strict=True)):
            return value
        if type(value) is tuple:
            return tuple(twins)
        if type(value) is slice:
            return slice(*twins)
        return SetValue(dict.fromkeys(twins), True)


_COMPOSITES = frozenset({tuple, slice})


def _is_composite(value: Any) -> bool:
    return type(value) in _COMPOSITES or (type(value) is SetValue and value.frozen)


def _parts(value: Any) -> Iterable[Any]:
    if type(value) is slice:
        return (value.start, value.stop, value.step)
    parts: Iterable[Any] = value.items if type(value) is SetValue else value
    return parts
