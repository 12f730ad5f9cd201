"""The machine: runs a process from one request to the next.

Goes in: a `Process` and the host's `Services`, and the reply to the request that the process waits on. Comes out: the
next `Request`, or `Finished`, or `Failed` with a traceback in the controller's lines; never a Python exception of a
controller's making. All frames are data of the process, so that no native stack is ever suspended: natives that call
back run frames on top of the process's own and must come back before the process can wait for the host.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from . import attributes, calls, careful, exceptions, fork, library, report
from .frame import SMALL_FRAME, Code, Frame
from .isa import Op
from .lowering.engine import NESTED, Lowering
from .lowering.helpers import Leave
from .memory import FRAME, LEAVING, LIST_ITEM, OBJECT, TRACE_ENTRY
from .native import Awaiting, LimitExceeded, Raised, Ready, Throw
from .ops import HANDLERS
from .ops.registry import REENTER
from .process import Process, Stage
from .requests import Finished, Outcome, Request, ServiceError, Services
from .values import (
    UNBOUND,
    BoundMethod,
    Coroutine,
    ExceptionValue,
    FunctionValue,
    Generator,
    Native,
    Object,
    TypeValue,
    Value,
    place,
)

REQUEST = 100
"""Fuel for a request: what a host does for one takes as long as this many units, were it only a `Noop`."""


def run(process: Process, services: Services, reply: object = None) -> Outcome:
    """Run to the next request, or to the end. `reply` answers the request before; the first call takes none."""
    machine = _machine(process, services)
    return machine.outcome(lambda: machine.deliver(reply))


def resume_error(process: Process, services: Services, kind: str, message: str) -> Outcome:
    """As `run`, but the host refuses the request: exception `kind` (a built-in class) is raised at the await."""
    machine = _machine(process, services)
    return machine.outcome(lambda: machine.refuse(kind, message))


def _machine(process: Process, services: Services) -> Machine:
    careful.prepare(process)
    return Machine(process, services)


class _Suspended(Exception):
    """On its way out of the loop: the process waits on a request."""

    def __init__(self, request: Request) -> None:
        self.request = request


class Machine(Lowering):
    """One stretch of a run."""

    def __init__(self, process: Process, services: Services) -> None:
        super().__init__(process, services)
        self.base = 0  # frames that belong to outer runs
        self.result: Value = None  # of the run of frames that has just ended

    # --- from request to request ---

    def outcome(self, begin: Callable[[], None]) -> Outcome:
        """What comes of going on with `begin`."""
        process = self.process
        try:
            begin()
            while process.stage is not Stage.OVER:
                self._next_stage()
            return Finished()
        except _Suspended as suspended:
            return suspended.request
        except Throw as thrown:
            failure = report.uncaught(self, thrown.value)
        except LimitExceeded as limit:
            failure = report.stopped(process, limit.kind, str(limit), self.where(limit.__traceback__))
        except Exception as error:  # a mistake of ours must not take the host down
            import logging  # here and nowhere else: its import would take a tenth of the start of a command

            logging.getLogger(__name__).debug("internal error in %s", process.program.name, exc_info=True)
            trace = self.where(error.__traceback__)
            failure = report.stopped(process, "InternalError", f"{type(error).__name__}: {error}", trace)
        finally:
            self.settle()
            self.forget()
        process.stage = Stage.OVER
        return failure

    def deliver(self, reply: object) -> None:
        """Go on with the value that the reply makes of what is awaited."""
        waiting = self.process.pending
        if waiting is None:
            return
        self.process.pending = None
        try:
            value = self._guarded(lambda: self._awaiting(waiting).result(self, waiting, reply))
        except Throw as thrown:
            self._go_on(thrown)
        else:
            if self.frames:
                self.frames[-1].stack.append(value)
            self._go_on(None)

    def refuse(self, kind: str, message: str) -> None:
        """Go on with an exception where something is awaited."""
        self.process.pending = None
        self._go_on(self.error(kind, message))

    def _go_on(self, thrown: Throw | None) -> None:
        if self.frames:
            self._run(0, thrown)
        elif thrown is not None:
            raise thrown
        self._stage_over()

    def _stage_over(self) -> None:
        process = self.process
        if process.stage is Stage.MODULE:
            process.stage = Stage.MAIN
        elif process.stage is Stage.MAIN:
            if process.test:
                self.output("TEST OK\n")
            process.stage = Stage.OVER

    def _next_stage(self) -> None:
        process = self.process
        if process.stage is Stage.NEW:
            process.stage = Stage.MODULE
            self.push(Frame(process.codes[0], [], ()))
            self._run(0)
        elif process.main is not None:
            self.unshare()
            main, process.main = process.main, UNBOUND
            self._drive(main)
        self._stage_over()

    def _drive(self, main: Value) -> None:
        """Run what the controller registered, as an `await` outside all functions would."""
        if type(main) is FunctionValue:
            main = self.enter_call(main, [], None)
        if type(main) is Object:
            self.request_of(main)
        elif main.frame is not None:
            self._enter_coroutine(main)
            self._run(0)

    def unshare(self) -> None:
        """Give the process copies of what it shares: between two instructions, outside of natives."""
        process = self.process
        if process.share is not None:
            fork.unshare(process)
            self.frames, self.globals, self.lowers = process.frames, process.globals, process.lowered
            self.cells["G"].cell_contents = process.globals

    # --- running frames ---

    def _run(self, base: int, thrown: Throw | None = None) -> Value:
        """Run the frames above `base` until the lowest of them returns; its result. `thrown` is raised in the top one
        first. Raises `Throw` when they are all left by an exception."""
        outer, self.base = self.base, base
        limit = self.room + len(self.frames)
        value, how = (thrown.value, thrown.how) if thrown else (None, Raised.NEW)
        try:
            while True:
                if value is not None:
                    self._unwind(value, how)
                try:
                    self._execute()
                    return self.result
                except Throw as error:
                    self.surface(error)
                    value, how = error.value, error.how
                except RecursionError:
                    value, how = self.too_deep().value, Raised.NEW
                except MemoryError:
                    raise LimitExceeded("OutOfMemory", "the host has no memory left") from None
                self.mark = None
                self.room = limit - len(self.frames)
        finally:
            self.base = outer

    def _execute(self) -> None:
        """Run instructions until no frame above the base is left. Every third instruction is one of two that are done
        here, without the call of their handler."""
        if self.process.share is not None:
            careful.execute(self)
        frames, base = self.frames, self.base
        load_local, load_constant = HANDLERS[Op.LOAD_LOCAL], HANDLERS[Op.CONST]
        while len(frames) > base:
            frame = frames[-1]
            if frame.code.framed:
                lowered = self.framed(frame.code, frame)
                if lowered is not None:
                    try:
                        lowered(frame)
                        continue
                    except Leave as leave:
                        value = self.left(leave)
                    self.wait_for(frames[-1], value)
                    continue
            ops = frame.code.ops
            pc = frame.pc
            stack, values = frame.stack, frame.locals
            try:
                while True:
                    handler, a, b = ops[pc]
                    pc += 1
                    if handler is load_local:
                        value = values[a]
                        if value is not UNBOUND:
                            stack.append(value)
                            continue
                    elif handler is load_constant:
                        stack.append(a)
                        continue
                    target = handler(self, frame, a, b)
                    if target is not None:
                        if target < 0:
                            if target <= REENTER:
                                pc = REENTER - target
                            break
                        pc = target
            finally:
                frame.pc = pc

    def _unwind(self, value: ExceptionValue, how: Raised) -> None:
        """Find the handler of an exception, leaving frames; raises `Throw` at the base."""
        process, frames = self.process, self.frames
        if how is Raised.NEW and process.handled is not None:
            exceptions.set_context(self, value, process.handled)
        while len(frames) > self.base:
            frame = frames[-1]
            at = frame.pc - 1
            self.charge(LEAVING)
            if how is not Raised.AGAIN:
                self.allocate(TRACE_ENTRY)
                value.trace.append(place(frame.code.index, at))
            how = Raised.PASSING
            for handler in frame.code.function.handlers:
                if handler.start <= at < handler.end:
                    del frame.stack[handler.depth :]
                    frame.stack.append(value)
                    frame.pc = handler.target
                    return
            value = self._abandon(frame, value)
        raise Throw(value, Raised.PASSING)

    def _abandon(self, frame: Frame, value: ExceptionValue) -> ExceptionValue:
        """Leave a frame by an exception."""
        self.frames.pop()
        self.room += 1
        self.process.handled = frame.outer
        owner = frame.owner
        if owner is None:
            return value
        owner.frame = None
        if type(owner) is Generator:
            owner.running = False
        return self.not_stop(value, frame.code, frame.pc - 1)

    def push(self, frame: Frame) -> None:
        """Put a frame on top; RecursionError when there are too many."""
        if self.room <= 0:
            raise self.too_deep()
        self.room -= 1
        code = frame.code
        code.heat -= 1
        if code.heat < 0:
            self.warm(frame)
        frame.outer = self.process.handled
        self.frames.append(frame)

    def leave_frame(self, frame: Frame, value: Value) -> None:
        """Return from the top frame to the one below, or to whoever runs it."""
        self.frames.pop()
        self.room += 1
        self.process.handled = frame.outer
        owner = frame.owner
        if owner is not None:
            owner.frame = None
            if type(owner) is Generator:
                owner.running = False
                value = UNBOUND
        if len(self.frames) > self.base:
            self.frames[-1].stack.append(value)
        else:
            self.result = value

    # --- calls ---

    def enter_call(
        self, callee: Value, args: list[Value], kwargs: dict[str, Value] | None, nested: bool = False
    ) -> Value:
        """Call any value, from within a native if `nested`. Takes over `args`. The result; or UNBOUND, and a frame on
        top that will return it."""
        kind = type(callee)
        if nested or kind is FunctionValue:
            self.charge(1)  # natives that code calls are paid for by the code
        if kind is FunctionValue:
            return self._enter_function(callee, args, kwargs, nested)
        if kind is Native:
            calls.check_receiver(self, callee, args)
            return self.call_native(callee, args, kwargs)
        if kind is BoundMethod:
            return self.call_native(callee.method, [callee.receiver, *args], kwargs)
        if kind is TypeValue:
            return self.construct(callee, args, kwargs)
        method = attributes.special_method(callee, "__call__") if kind is Object else None
        if method is None:
            raise self.error("TypeError", f"'{attributes.type_of(callee).name}' object is not callable")
        return self.call_native(method, [callee, *args], kwargs)

    def account_call(self, code: Code) -> None:
        """For entering a function of the controller, beside the unit that every call costs."""
        self.charge(code.cost - 1)
        if code.function.is_generator or code.function.is_async or code.slots > SMALL_FRAME:
            self.charge(code.slots >> 3)
            self.allocate(FRAME + LIST_ITEM * code.slots + OBJECT * code.n_cells)

    def _enter_function(
        self, callee: FunctionValue, args: list[Value], kwargs: dict[str, Value] | None, nested: bool
    ) -> Value:
        code = self.codes[callee.index]
        function = code.function
        is_call = not function.is_generator and not function.is_async
        self.account_call(code)
        bound = calls.bind(self, callee, function, args, kwargs)
        if is_call and code.heat < 0 and self.lowers:
            lowered = self.direct(callee, self.units.entry_kinds(code, bound))
            if lowered is not None:
                return self.run_direct(lowered, bound, nested)
        frame = Frame(code, bound, callee.cells)
        if is_call:
            self.push(frame)
            return UNBOUND
        if function.is_async:
            return Coroutine.of(frame)
        frame.owner = generator = Generator(function.name, frame)
        return generator

    def call_native(self, native: Native, args: Sequence[Value], kwargs: dict[str, Value] | None = None) -> Value:
        """Call a native whose receiver is known to be right."""
        self.mark = self.memory + self.freed
        value = calls.call_native(self, native, args, kwargs)
        self.mark = None
        return value

    def construct(self, kind: TypeValue, args: list[Value], kwargs: dict[str, Value] | None = None) -> Value:
        if kind.constructor is not None:
            return self.call_native(kind.constructor, args, kwargs)
        if not kind.is_exception:
            raise self.error("TypeError", f"cannot create '{kind.name}' instances")
        if kwargs:
            raise self.error("TypeError", f"{kind.name}() takes no keyword arguments")
        self.allocate(FRAME)
        return ExceptionValue(kind, tuple(args))

    def call(self, function: Value, args: Sequence[Value], kwargs: dict[str, Value] | None = None) -> Value:
        saved, start = self.begin_inner(), self.memory + self.freed
        result: Value = None
        try:
            result = self.enter_call(function, list(args), kwargs, nested=True)
            if result is UNBOUND:
                result = self.run_top()
            return result
        finally:
            self.end_inner(saved, start, result)

    def resume(self, generator: Generator) -> Value:
        if generator.running:
            raise self.error("ValueError", "generator already executing")
        frame = generator.frame
        if frame is None:
            return UNBOUND
        saved, start = self.begin_inner(), self.memory + self.freed
        result: Value = None
        try:
            self.push(frame)
            if frame.inner is not None:
                self.process.handled, frame.inner = frame.inner, None
            generator.running = True
            result = self.run_top()
            return result
        finally:
            self.end_inner(saved, start, result)

    def run_top(self) -> Value:
        """Run the top frame to its end from within a native."""
        base = len(self.frames) - 1
        try:
            self.enter(NESTED)
        except Throw:
            self._abandon_unstarted(base)
            raise
        try:
            return self._run(base)
        finally:
            self.depth -= NESTED

    def _abandon_unstarted(self, base: int) -> None:
        """Take back a frame for which there was no room; a generator stays as it was."""
        frame = self.frames.pop()
        self.room += 1
        if type(frame.owner) is Generator:
            frame.owner.running = False

    def suspend_generator(self, frame: Frame, value: Value) -> None:
        """Hand an item to the consumer; only `resume` runs frames of generators."""
        self.frames.pop()
        self.room += 1
        handled = self.process.handled
        frame.inner = handled if handled is not frame.outer else None
        self.process.handled = frame.outer
        if type(frame.owner) is Generator:
            frame.owner.running = False
        self.result = value

    # --- await ---

    def wait_for(self, frame: Frame, value: Value) -> bool:
        """`await value`: true when a coroutine's frame is on top now; else its value is on the frame's stack."""
        if type(value) is Coroutine:
            self._enter_coroutine(value)
            return True
        self.charge(1)
        if self.awaiting(value) is None:
            name = attributes.type_of(value).name
            raise self.error("TypeError", f"object {name} can't be used in 'await' expression")
        if self.base:
            raise self.error("RuntimeError", "await inside a call from the runtime")
        frame.stack.append(self.request_of(value))
        return False

    def _enter_coroutine(self, coroutine: Coroutine) -> None:
        frame = coroutine.frame
        if frame is None:
            raise self.error("RuntimeError", "cannot reuse already awaited coroutine")
        if coroutine.begun:
            raise self.error("RuntimeError", "coroutine is being awaited already")
        self.push(frame)
        coroutine.begun = True

    def request_of(self, value: Object) -> Value:
        """The value of awaiting an instance of a runtime's type that needs no suspension, else suspends the process."""
        request = self._guarded(lambda: self._awaiting(value).request(self, value))
        if isinstance(request, Ready):
            return request.value
        self.charge(REQUEST)
        self.process.pending = value
        raise _Suspended(request)

    def _guarded(self, function: Callable[[], Value]) -> Value:
        """Call a part of an awaitable as natives are called."""
        try:
            return function()
        except calls.PYTHON_ERRORS as error:
            raise self.translate(error) from None
        except ServiceError as error:
            raise self.error(error.kind, str(error)) from None

    def _awaiting(self, value: Object) -> Awaiting:
        awaiting = self.awaiting(value)
        assert awaiting is not None, "only awaitables are awaited"
        return awaiting


assert library.__all__, "importing the library registers what controllers can call"
