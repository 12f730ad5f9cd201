"""Lowered functions at work: called, caught in, and looked into.

`Lowering` is the part of the machine that knows them. While one runs, the operands and locals of the controller are
Python's; whoever needs them (the count of live values, a traceback) reads them out of Python's own frames, by the
instruction that a line of the lowered text belongs to.
"""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Sequence
from types import CellType, FrameType, TracebackType
from typing import Any

from aici.vm import exceptions
from aici.vm.attributes import find_method, get_attribute, type_of
from aici.vm.calls import bind
from aici.vm.context import Runtime
from aici.vm.frame import DEEPEST, NEVER, SMALL_FRAME, Code, Frame
from aici.vm.isa import Op
from aici.vm.memory import LEAVING, TRACE_ENTRY
from aici.vm.native import Raised, Throw
from aici.vm.process import Process
from aici.vm.requests import Services
from aici.vm.values import (
    UNBOUND,
    Coroutine,
    ExceptionValue,
    FunctionValue,
    ModuleValue,
    TypeValue,
    Value,
    place,
)

from .helpers import Leave, looked_at, unmade
from .stepping import Steps
from .units import FILE, Lowerings, Unit, unit_of

NESTED = 8
"""Python frames between a native that calls back and the code that it runs."""

Trace = list[tuple[int, int]]


_POPPED: dict[int, tuple[int, int, int]] = {
    Op.BINARY: (1, 0, 0),
    Op.INPLACE: (1, 0, 0),
    Op.COMPARE: (1, 0, 0),
    Op.LOAD_SUBSCR: (1, 0, 0),
    Op.STORE_SUBSCR: (3, 0, 0),
    Op.DELETE_SUBSCR: (2, 0, 0),
    Op.STORE_ATTR: (2, 0, 0),
    Op.SET_ADD: (1, 0, 0),
    Op.DICT_SET: (2, 0, 0),
    Op.LIST_EXTEND: (1, 0, 0),
    Op.SET_UPDATE: (1, 0, 0),
    Op.DICT_UPDATE: (1, 0, 0),
    Op.DICT_MERGE: (1, 0, 0),
    Op.BUILD_STRING: (0, 1, 0),
    Op.FORMAT: (0, 0, 1),
    Op.RAISE: (1, 1, 0),
    Op.RAISE_ASSERT: (0, 1, 0),
    Op.MAKE_FUNCTION: (0, 0, 1),
    Op.CALL: (0, 1, 0),
    Op.CALL_KW: (0, 1, 0),
    Op.CALL_EX: (1, 1, 0),
    Op.CALL_METHOD: (0, 0, 1),
}
"""How many items the plain interpreter has taken off the stack when an instruction calls what may count live values:
a number, and so many times each operand."""


def _keep_places(values: dict[str, Any], depths: Sequence[int]) -> None:
    """Tell the controller's iterators how far Python's own have come, in the `for` loops around an instruction."""
    for depth in depths:
        steps = values.get(f"i{depth}")
        if type(steps) is Steps:
            steps.place()


class Lowering(Runtime):
    """What the machine does with lowered functions."""

    def __init__(self, process: Process, services: Services) -> None:
        super().__init__(process, services)
        self.frames = process.frames
        self.codes = process.codes
        self.lowers = process.lowered and process.share is None
        self.room = min(self.limits.recursion, DEEPEST) - len(process.frames)  # frames that can still be entered
        self.cells = {"m": CellType(self), "G": CellType(self.globals), "P": CellType(process)}
        self.held_back: Exception | None = None  # out of a loop that has ended thereby
        self.leaving: list[tuple[Unit, FrameType, int]] = []  # functions that an exception is about to leave
        self.came_out = False  # whether it has left another one that the last of them called
        self.functions: dict[Any, Any] = {}  # direct ones that capture nothing, and framed ones by -1 - index
        if process.codes.lowerings is None:
            process.codes.lowerings = Lowerings(process.program)
        self.units: Lowerings = process.codes.lowerings

    def forget(self) -> None:
        """Let go of what refers to the machine."""
        self.functions.clear()
        for cell in self.cells.values():
            cell.cell_contents = None

    @abstractmethod
    def enter_call(self, callee: Value, args: list[Value], kwargs: dict[str, Value] | None) -> Value: ...

    @abstractmethod
    def account_call(self, code: Code) -> None: ...

    # --- calls ---

    def direct(self, callee: FunctionValue, kinds: tuple[int, ...] = ()) -> Any:
        """The lowered function of a callee that is no generator, for arguments of these kinds; None if it stays
        plain."""
        key = (callee.index, kinds) if kinds else callee.index
        function = self.functions.get(key)
        if function is None:
            unit = self.units.make_direct(self.codes[callee.index], kinds)
            if unit is None:
                return None
            function = unit.make(self.cells, callee.cells)
            if not callee.cells:
                self.functions[key] = function
        return function

    def target(
        self, callee: Value, args: list[Value], kwargs: dict[str, Value] | None, kinds: tuple[int, ...] = ()
    ) -> tuple[Any, Any, int]:
        """What a lowered function is to call, the arguments, and what it costs if that is to be called just so again
        next time, else 0; or None and the result. Takes over `args`. `kinds`: of the arguments, where the callee is
        known to have so many parameters."""
        if type(callee) is FunctionValue:
            code = self.codes[callee.index]
            function = code.function
            if not (function.is_async or function.is_generator):
                entry = self.direct(callee, kinds)
                if entry is not None:
                    self.charge(1)
                    self.account_call(code)
                    given = len(args)
                    args = bind(self, callee, function, args, kwargs)
                    if self.room <= 0:
                        raise self.too_deep()
                    again = kwargs is None and given == function.n_positional == function.n_params
                    return entry, args, code.cost if again and code.slots <= SMALL_FRAME else 0
        value = self.enter_call(callee, args, kwargs)
        if value is UNBOUND:
            value = self.run_top()
        return None, value, 0

    def awaited(
        self,
        callee: Value,
        args: list[Value],
        kwargs: dict[str, Value] | None = None,
        plain: bool = True,
        kinds: tuple[int, ...] = (),
    ) -> tuple[Any, Any, int]:
        """As `target`, for a call whose result is awaited at once, a CALL if `plain`: the lowered function of an async
        function does both. Instead of the cost -1 for a function that is to be called before its result can be awaited.
        """
        code = self.codes[callee.index] if type(callee) is FunctionValue else None
        if code is None or not code.function.is_async:
            function, value, _ = self.target(callee, args, kwargs)
            return function, value, -1 if function is not None else 0
        again = plain and len(args) == code.n_awaited
        if again:
            self.charge(code.cost)
        else:
            self.charge(1)
            self.account_call(code)
        entry = self.direct(callee, kinds)
        bound = bind(self, callee, code.function, args, kwargs)
        if entry is None:
            return None, Coroutine.of(Frame(code, bound, callee.cells)), 0
        return entry, bound, code.cost if again else 0

    @abstractmethod
    def run_top(self) -> Value:
        """Run the frame that has just been pushed to its end."""

    def method(self, receiver: Value, name: str, args: list[Value]) -> tuple[Any, Any, int]:
        """As `target`, for `receiver.name(*args)`, not yet charged for."""
        kind = type(receiver)
        if kind is not ModuleValue and kind is not TypeValue:
            found = find_method(type_of(receiver), name)
            if found is not None:
                return None, self.call_native(found, [receiver, *args]), 0
        callee = get_attribute(self, receiver, name)
        return self.target(callee, args, None)

    @abstractmethod
    def call_native(self, native: Any, args: Sequence[Value], kwargs: dict[str, Value] | None = None) -> Value: ...

    def run_direct(self, function: Any, args: list[Value], nested: bool) -> Value:
        """Call a lowered function from outside of lowered code, from within a native if `nested`."""
        room = self.room
        if room <= 0:
            raise self.too_deep()
        if nested:
            self.enter(NESTED)
        # The caller, if it is a frame, has let go of the function by the time that it runs.
        stack = [] if nested else self.frames[-1].stack
        callee = stack[-1:]
        del stack[-1:]
        try:
            value: Value = function(room - 1, *args)
            stack += callee
            return value
        except Throw as error:
            self._passed(error, error.__traceback__)
            raise Throw(error.value, Raised.PASSING) from None
        finally:
            self.room = room
            if nested:
                self.leave(NESTED)

    # --- exceptions ---

    def _passed(self, error: Throw, tb: TracebackType | None) -> None:
        """Note in an exception which lowered functions it has left: those of a traceback but for framed ones."""
        below = len(self.leaving)
        self.came_out = False
        self.mark = None
        while tb is not None:
            unit = unit_of(tb.tb_frame)
            if unit is not None and not unit.framed:
                self.leaving.append((unit, tb.tb_frame, unit.instruction(tb.tb_lineno)))
            tb = tb.tb_next
        if len(self.leaving) > below:
            self._note_context(error)
        while len(self.leaving) > below:
            unit, _, pc = self.leaving[-1]
            self._leave(error)
            if unit.code.function.is_async:
                error.args = (self.not_stop(error.value, unit.code, pc), Raised.PASSING)

    def _leave(self, error: Throw) -> None:
        """Note that an exception leaves, or is caught in, the last function in `leaving`."""
        unit, _, pc = self.leaving[-1]
        self.charge(LEAVING)
        if error.how is not Raised.AGAIN:
            self.allocate(TRACE_ENTRY)
            error.value.trace.append(place(unit.code.index, pc))
        error.args = (error.value, Raised.PASSING)
        self.leaving.pop()
        self.came_out = True

    def not_stop(self, value: ExceptionValue, code: Code, pc: int) -> ExceptionValue:
        """What leaves a coroutine or a generator for an exception that is raised there: StopIteration would look like
        the end of what awaits or iterates."""
        if value.kind.name != "StopIteration":
            return value
        name = "generator" if code.function.is_generator else "coroutine"
        error = self.error("RuntimeError", f"{name} raised StopIteration").value
        error.cause = error.context = value
        error.suppress_context = True
        error.trace.append(place(code.index, pc))
        return error

    def _note_context(self, error: Throw) -> None:
        if error.how is Raised.NEW:
            if self.process.handled is not None:
                exceptions.set_context(self, error.value, self.process.handled)
            error.args = (error.value, Raised.PASSING)

    def caught(self, unit: Unit, error: Exception) -> ExceptionValue:
        """The exception that came to a handler of a lowered function, with all that it left on its way."""
        tb = error.__traceback__
        assert tb is not None
        if type(error) is not Throw:
            error = self.too_deep()
        self.mark = None
        places, units = [unit.places.get(tb.tb_lasti) or unit.place(tb)], unit.space["units"]
        at = tb.tb_next
        while at is not None:
            python = at.tb_frame.f_code
            if python.co_filename == FILE:
                left: Unit = units[python.co_name]
                if left.is_async:
                    return self._caught_slowly(unit, error, tb)
                places.append(left.places.get(at.tb_lasti) or left.place(at))
            at = at.tb_next
        count = len(places)
        args = error.args
        if len(args) == 1:
            if self.process.handled is not None:
                return self._caught_slowly(unit, error, tb)
        elif args[1] is Raised.AGAIN:
            places.pop()
        fuel, memory = self.fuel - LEAVING * count, self.memory + TRACE_ENTRY * len(places)
        if fuel < 0 or memory > self.memory_limit:
            return self._caught_slowly(unit, error, tb)
        self.fuel, self.memory = fuel, memory
        value: ExceptionValue = args[0]
        value.trace += places[::-1]
        return value

    def _caught_slowly(self, unit: Unit, error: Throw, tb: TracebackType) -> ExceptionValue:
        """Step by step: a limit may be met, or other exceptions are in play."""
        self.leaving.append((unit, tb.tb_frame, unit.instruction(tb.tb_lineno)))
        self.came_out = False
        if tb.tb_next is not None:
            self._passed(error, tb.tb_next)
        self._note_context(error)
        self._leave(error)
        return error.value

    def surface(self, error: Throw) -> None:
        """An exception came out of the top frame, which may be lowered: write back what its handler wants to find."""
        tb = error.__traceback__
        while tb is not None:
            unit = unit_of(tb.tb_frame)
            if unit is not None and unit.framed:
                pc = unit.instruction(tb.tb_lineno)
                called = tb.tb_next is not None and unit_of(tb.tb_next.tb_frame) is not None
                self._write_back(unit, tb.tb_frame, pc, self._popped(unit, pc, called))
                self._passed(error, tb.tb_next)
                return
            tb = tb.tb_next

    def _write_back(self, unit: Unit, python: FrameType, pc: int, popped: int) -> Frame:
        values = python.f_locals
        frame: Frame = values["frame"]
        frame.pc = pc + 1
        if pc in unit.stacks:
            frame.locals[:] = [values[f"l{slot}"] for slot in range(len(frame.locals))]
            frame.stack[:] = self._stack(unit, values, pc, popped)
        return frame

    def _stack(self, unit: Unit, values: dict[str, Any], pc: int, popped: int) -> list[Value]:
        texts = unit.stacks[pc]
        texts = texts[: len(texts) - popped]
        return [looked_at(text, values, unit.space) for text in texts]

    # --- looking into what runs ---

    def roots(self) -> list[Value]:
        """As those of the process, with the frames that lowered functions keep in Python's."""
        made: list[Value] = []
        inner: FrameType | None = None
        called, handled = self.came_out, self.process.handled
        for unit, python, pc in reversed(self.leaving):
            called, handled = True, self._seen(unit, python, pc, called, handled, made).outer
        left = {id(python) for _, python, _ in self.leaving}
        at: FrameType | None = sys._getframe()
        while at is not None:
            found = unit_of(at)
            if found is not None and id(at) not in left:
                pc = found.instruction(at.f_lineno)
                called = inner is not None and inner.f_code.co_filename == FILE
                handled = self._seen(found, at, pc, called, handled, made).outer
            elif at.f_code.co_name == "_run" and 0 < at.f_locals.get("base", 0) < len(self.frames):
                handled = self.frames[at.f_locals["base"]].outer
            inner, at = at, at.f_back
        return [[*self.frames, *made], *super().roots()[1:]]

    def _seen(
        self, unit: Unit, python: FrameType, pc: int, called: bool, handled: ExceptionValue | None, made: list[Any]
    ) -> Frame:
        """The frame of a lowered function as it is now; that of a direct one is made, and what it handles if that
        was not."""
        popped = self._popped(unit, pc, called)
        if pc in unit.unmade and unit.code.function.code[pc].op != Op.RAISE:
            made.append(unmade(python.f_locals["ex"]))
        if unit.framed:
            return self._write_back(unit, python, pc, popped)
        frame = self._materialise(unit, python.f_locals, pc, popped, handled)
        made.append(frame)
        return frame

    def _popped(self, unit: Unit, pc: int, called: bool) -> int:
        """How much of the stack is gone; `called`: another lowered function was called there."""
        instr = unit.code.function.code[pc]
        if instr.op == Op.AWAIT:
            return 0  # what is awaited is not among the texts
        base, a_times, b_times = _POPPED.get(instr.op, (0, 0, 0))
        return base + a_times * instr.a + b_times * instr.b + called

    def _materialise(
        self, unit: Unit, values: dict[str, Any], pc: int, popped: int, handled: ExceptionValue | None
    ) -> Frame:
        """The frame that a direct function would have; `handled` while it runs."""
        function = unit.code.function
        frame: Frame = Frame(unit.code, [UNBOUND] * function.n_params, ())
        frame.locals = [values.get(f"l{slot}", UNBOUND) for slot in range(len(function.locals))]
        n_cells = len(function.cells) + len(function.captures)
        frame.cells = [values[f"c{cell}"] for cell in range(n_cells) if f"c{cell}" in values]
        frame.stack = self._stack(unit, values, pc, popped) if pc in unit.stacks else []
        frame.outer = values.get("u", handled)
        if function.is_async:
            Coroutine.of(frame).begun = True
        return frame

    def left(self, leave: Leave) -> Value:
        """Make frames of the process of the lowered functions that a `Leave` came through; what is to be awaited."""
        passed: list[tuple[Unit, FrameType, int]] = []
        tb = leave.__traceback__
        while tb is not None:
            unit = unit_of(tb.tb_frame)
            if unit is not None:
                passed.append((unit, tb.tb_frame, unit.instruction(tb.tb_lineno)))
            tb = tb.tb_next
        self.room = passed[-1][1].f_locals["d"]
        made: list[Frame] = []
        handled = self.process.handled
        for unit, python, pc in reversed(passed):
            if unit.framed:
                self._write_back(unit, python, pc, 0)
                break
            frame = self._materialise(unit, python.f_locals, pc, 0, handled)
            frame.pc = pc + 1
            _keep_places(python.f_locals, unit.loops[pc])
            handled = frame.outer
            made.append(frame)
        self.frames.extend(reversed(made))
        return leave.value

    def where(self, tb: TracebackType | None) -> Trace:
        """All frames that were active where an exception came from, which left those of the process as they were."""
        trace: Trace = []
        leaving = {python: pc for _, python, pc in self.leaving}
        shown = 0
        bases = [0]
        steps: list[tuple[int, int] | None] = []
        while tb is not None:
            unit = unit_of(tb.tb_frame)
            if unit is not None:
                pc = leaving.pop(tb.tb_frame, unit.instruction(tb.tb_lineno))
                if unit.framed:
                    tb.tb_frame.f_locals["frame"].pc = pc + 1
                else:
                    steps.append((unit.code.index, pc))
            elif tb.tb_frame.f_code.co_name == "_run" and "base" in tb.tb_frame.f_locals:
                base = tb.tb_frame.f_locals["base"]
                if base:
                    bases.append(base)
                    steps.append(None)
            tb = tb.tb_next
        bases.append(len(self.frames))
        bases.reverse()
        bases.pop()
        for step in [None, *steps]:
            if step is None:
                end = bases.pop() if bases else len(self.frames)
                trace += [(frame.code.index, max(0, frame.pc - 1)) for frame in self.frames[shown:end]]
                shown = end
            else:
                trace.append(step)
        return trace + [(unit.code.index, pc) for unit, python, pc in self.leaving if python in leaving]

    # --- framed functions ---

    def framed(self, code: Code, frame: Frame) -> Any:
        """The lowered function for a frame that goes on at an instruction, if there is one."""
        unit = self.units.framed.get(code.index)
        if unit is None or not self.lowers or not unit.fits(frame.pc, frame, self.globals):
            return None
        function = self.functions.get(-1 - code.index)
        if function is None or function.__code__ is not unit.python:
            function = self.functions[-1 - code.index] = unit.make(self.cells)
        return function

    def heated(self, frame: Frame, head: int) -> bool:
        """A plain function has gone back to `head` often: whether its frame is to go on there lowered."""
        code = frame.code
        if self.process.share is not None:
            return False
        unit = self.units.make_framed(code, head, frame, self.globals) if self.lowers else None
        if unit is None:
            code.heat = NEVER
            return False
        code.framed = True
        return True

    def warm(self, frame: Frame) -> None:
        """A plain function has been called often, and again in this frame."""
        code = frame.code
        function = code.function
        if self.process.share is not None:
            return
        if not self.lowers:
            code.heat = NEVER
        elif function.is_async or function.is_generator:
            self.heated(frame, 0)
        elif self.units.make_direct(code, self.units.entry_kinds(code, frame.locals[: function.n_params])) is None:
            code.heat = NEVER
        else:
            code.n_plain = -1
