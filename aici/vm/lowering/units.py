"""Lowered functions, made when code is hot: for no machine in particular, and shared by all processes of a program."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import CellType, CodeType, FrameType, FunctionType, TracebackType
from typing import Any

from aici.vm.frame import DEEPEST, Code, Frame
from aici.vm.isa import TABLE
from aici.vm.native import BUILTINS
from aici.vm.program import Program
from aici.vm.values import UNBOUND, Value, place

from .helpers import NAMES
from .kinds import UNBOUND as UNBOUND_KIND
from .kinds import VALUE, of_value, parameters
from .names import Names

FILE = "<lowered>"
MAX_INSTRUCTIONS = 5000
"""Longer functions stay plain."""
MAX_VERSIONS = 4
"""Times that a framed function is written anew to be entered at more places."""


_AT_FIRST = {"v": DEEPEST, "w": 0}
"""What the variables hold in which a call keeps where it goes: no value, no cost, more room than there ever is."""


@dataclass(eq=False)
class Unit:
    """A lowered function, without the machine that it works for."""

    code: Code
    python: CodeType
    framed: bool
    pcs: list[int]
    stacks: dict[int, tuple[str, ...]]
    loops: dict[int, tuple[int, ...]]
    entries: frozenset[int]
    space: dict[str, Any]
    on_container: frozenset[int]
    heads: dict[int, tuple[int, ...]]
    kept: tuple[str, ...]  # names of globals that are locals, too
    unmade: frozenset[int]
    result: int
    is_async: bool
    places: dict[int, int] = field(default_factory=dict)  # by the offset in Python's code, once asked for

    def fits(self, pc: int, frame: Frame, variables: dict[str, Value]) -> bool:
        """Whether a frame can go on here, with the locals and the stack that it has and the globals."""
        kinds = self.heads.get(pc)
        if kinds is None:
            return pc in self.entries
        found = _kinds(frame, self.kept, variables)
        return all(one & kind for one, kind in zip(found, kinds, strict=True))

    def instruction(self, line: int) -> int:
        return self.pcs[line - 1] if 0 < line <= len(self.pcs) else -1

    def place(self, tb: TracebackType) -> int:
        """Where an exception came from, for its trace; kept in `places`."""
        at = max(0, self.instruction(tb.tb_lineno))
        found = self.places[tb.tb_lasti] = place(self.code.index, at)
        return found

    def make(self, cells: dict[str, CellType], captured: Sequence[Value] = ()) -> Any:
        """The function for one machine and for what it captures."""
        own = len(self.code.function.cells)
        closure = []
        for name in self.python.co_freevars:
            if name in cells:
                closure.append(cells[name])
            elif name == "I":
                closure.append(CellType(self))
            elif name[0] == "p":
                closure.append(cells.setdefault(name, CellType()))
            elif name[0] == "c":
                closure.append(CellType(captured[int(name[1:]) - own]))
            else:
                closure.append(CellType(_AT_FIRST.get(name[0], UNBOUND)))
        return FunctionType(self.python, self.space, self.python.co_name, None, tuple(closure))


def _kinds(frame: Frame, kept: Sequence[str], variables: dict[str, Value]) -> tuple[int, ...]:
    values = [*frame.locals, *[variables.get(name, UNBOUND) for name in kept], *frame.stack]
    return tuple([UNBOUND_KIND if value is UNBOUND else of_value(value) for value in values])


@dataclass(eq=False)
class Lowerings:
    """All lowered functions of a program, made when they are needed; shared by all processes of it, in all threads."""

    program: Program
    direct: dict[tuple[int, tuple[int, ...]], Unit | None] = field(default_factory=dict)
    framed: dict[int, Unit | None] = field(default_factory=dict)
    heads: dict[int, dict[int, tuple[int, ...]]] = field(default_factory=dict)
    versions: dict[int, int] = field(default_factory=dict)
    space: dict[str, Any] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def make_direct(self, code: Code, kinds: tuple[int, ...] = ()) -> Unit | None:
        """`kinds`: of parameters that all callers vouch for, or ()."""
        key = code.index, kinds
        if key not in self.direct:
            with self.lock:
                versions = sum(index == code.index for index, _ in self.direct)
                made = self.make_direct(code) if kinds and versions >= MAX_VERSIONS else None
                self.direct.setdefault(key, made or self._make(code, False, {}, kinds))
        return self.direct[key]

    def entry_kinds(self, code: Code, args: Sequence[Value]) -> tuple[int, ...]:
        """The kinds for which a function is written that is called from outside of lowered code: it pays for those that
        call themselves."""
        self._fill_space()
        return parameters([of_value(value) for value in args]) if code.index in self.names.recursive else ()

    def result_of(self, index: int, kinds: tuple[int, ...]) -> int:
        """Kinds of what a function returns, as far as it has been written."""
        unit = self.direct.get((index, kinds))
        return unit.result if unit is not None else VALUE

    def make_framed(self, code: Code, head: int, frame: Frame, variables: dict[str, Value]) -> Unit | None:
        """A unit that can be entered at `head`, too, with such locals and stack as the frame has, and such globals."""
        with self.lock:
            return self._make_framed(code, head, frame, variables)

    def _make_framed(self, code: Code, head: int, frame: Frame, variables: dict[str, Value]) -> Unit | None:
        unit = self.framed.get(code.index)
        heads = self.heads.setdefault(code.index, {})
        if unit is not None and unit.fits(head, frame, variables):
            return unit
        versions = self.versions.get(code.index, 0)
        if versions >= MAX_VERSIONS:
            return None
        self.versions[code.index] = versions + 1
        if head:
            self._fill_space()
            kept = [self.program.names[name] for name in self.names.kept] if code.index == 0 else []
            found = _kinds(frame, kept, variables)
            before = heads.get(head, found)
            heads[head] = tuple([a | b for a, b in zip(before, found, strict=True)])
        unit = self.framed[code.index] = self._make(code, True, heads)
        return unit

    def _make(
        self, code: Code, framed: bool, heads: dict[int, tuple[int, ...]], kinds: tuple[int, ...] = ()
    ) -> Unit | None:
        from .emit import Emitter  # when code is hot: few commands need it
        from .flow import Declined

        if len(code.function.code) > MAX_INSTRUCTIONS:
            return None
        self._fill_space()
        kept = self.names.kept if framed and code.index == 0 else ()
        name = f"f{len(self.space['units'])}"
        try:
            facts = self.names, kept, kinds, self.result_of
            lowered = Emitter(self.program, code.index, name, framed, heads, *facts).lower()
            if not (framed or lowered.result) and code.function.is_async:
                return None  # it would always be left half-way
            outer = compile(lowered.text, FILE, "exec", dont_inherit=True)
        except (Declined, RecursionError):
            return None
        on_container = [pc for pc, instr in enumerate(code.function.code) if TABLE[instr.op].needs_depth_a]
        python = _inner(_inner(outer))
        unit = self.space["units"][name] = Unit(
            code,
            python,
            framed,
            lowered.pcs,
            lowered.stacks,
            lowered.loops,
            lowered.entries,
            self.space,
            frozenset(on_container),
            dict(heads),
            tuple([self.program.names[name] for name in kept]),
            lowered.unmade,
            lowered.result,
            code.function.is_async,
        )
        return unit

    def _fill_space(self) -> None:
        """What is made once for a program."""
        if self.space:
            return
        program = self.program
        self.names = Names.of(program)
        self.space.update(NAMES, units={})
        self.space.update({f"k{at}": value for at, value in enumerate(program.consts)})
        for at, name in enumerate(program.names):
            self.space[f"n{at}"] = name
            if name in BUILTINS:
                self.space[f"b{at}"] = BUILTINS[name]


def _inner(code: CodeType) -> CodeType:
    return next(const for const in code.co_consts if isinstance(const, CodeType))


def unit_of(frame: FrameType) -> Unit | None:
    """The lowered function that a Python frame runs."""
    if frame.f_code.co_filename != FILE:
        return None
    unit: Unit = frame.f_globals["units"][frame.f_code.co_name]
    return unit
