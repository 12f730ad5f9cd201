"""A call in progress, and the code that it runs.

`Frame` is state: it is copied by a fork. `Code` is derived from a verified `Function` and shared by everybody.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from .isa import TABLE, Op, Operand
from .program import Function
from .values import UNBOUND, Cell, Coroutine, ExceptionValue, Generator, Value

Handler: TypeAlias = Callable[..., Any]
"""What executes an opcode: `(machine, frame, a, b)`; see `ops`."""

SMALL_FRAME = 32
"""Slots of a frame that is made without accounting for it: there are only so many frames."""


def awaited_calls(function: Function) -> list[int]:
    """The CALLs with an AWAIT right behind them, that nothing jumps to and no handler begins or ends at."""
    code = function.code
    call, wait = int(Op.CALL), int(Op.AWAIT)
    found = [pc - 1 for pc, (op, _, _) in enumerate(code) if op == wait and pc and code[pc - 1].op == call]
    if not found:
        return found
    marked = {instr.a for instr in code if TABLE[instr.op].operands == (Operand.TARGET,)}
    for row in function.handlers:
        marked.update((row.start, row.end, row.target))
    return [pc for pc in found if pc + 1 not in marked]


HEAT = 60
"""Calls of a function and jumps back in it, after which lowering it pays."""

DEEPEST = 1 << 29
"""Frames inside one another, whatever the limit is."""

NEVER = 1 << 62
"""The heat of what stays plain."""


class Code:
    """A function made ready to run: `ops` holds handler and resolved operands of each instruction."""

    __slots__ = (
        "blank",
        "careful",
        "cost",
        "framed",
        "function",
        "heat",
        "index",
        "n_awaited",
        "n_cells",
        "n_plain",
        "ops",
        "slots",
    )

    def __init__(self, index: int, function: Function, ops: list[tuple[Handler, Any, Any]], cost: int) -> None:
        self.index = index
        self.function = function
        self.ops = ops
        self.careful: list[Any] | None = None  # the same, made by `careful` when values are shared
        self.blank = [UNBOUND] * (len(function.locals) - function.n_params)  # locals that are no parameters
        self.n_cells = len(function.cells)
        self.heat = HEAT  # calls and jumps back until it is lowered
        self.framed = False  # whether frames of it can go on lowered, from some instructions at least
        self.cost = cost  # of a call
        self.slots = len(function.locals) + len(function.cells) + len(function.captures)
        is_plain = function.n_params == function.n_positional and self.slots <= SMALL_FRAME
        count = function.n_positional if is_plain and not function.is_generator else -1
        # So many plain arguments need neither binding nor accounts, in a call and in one that is awaited at once.
        self.n_plain = -1 if function.is_async else count
        self.n_awaited = count if function.is_async else -1


class Frame:
    """A call: locals, cells and operand stack, and the next instruction `pc` (kept by the machine while it runs)."""

    __slots__ = ("cells", "code", "inner", "locals", "outer", "owner", "pc", "stack")

    def __init__(self, code: Code, arguments: list[Value], captured: tuple[Cell, ...]) -> None:
        """`arguments`: values of all parameters; the list becomes the frame's own."""
        self.code = code
        self.pc = 0
        self.stack: list[Value] = []
        arguments.extend(code.blank)
        self.locals = arguments
        self.cells = [*[Cell() for _ in range(code.n_cells)], *captured] if code.n_cells else list(captured)
        self.owner: Coroutine | Generator | None = None  # whose frame this is
        self.outer: ExceptionValue | None = None  # the exception that the caller was handling
        self.inner: ExceptionValue | None = None  # the one that a suspended generator is handling itself
