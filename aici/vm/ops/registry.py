"""The registry that the files of opcodes fill: `@handles(Op.X)` says what executes an opcode.

A handler is called as `handler(machine, frame, a, b)` with the operands resolved (a constant for its index, an
operator's function for its number; see `ready`). It returns nothing to go on with the next instruction, the index of
another one to go on there, or `SWITCH` when another frame is on top.
"""

from __future__ import annotations

from collections.abc import Callable

from aici.vm.frame import Frame, Handler
from aici.vm.isa import Op
from aici.vm.values import Value

SWITCH = -1
REENTER = -2

HANDLERS: dict[int, Handler] = {}


def handles(op: Op) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        HANDLERS[op] = handler
        return handler

    return register


def take(frame: Frame, count: int) -> list[Value]:
    """Pop the top `count` items, in order."""
    stack = frame.stack
    if not count:
        return []
    taken = stack[-count:]
    del stack[-count:]
    return taken
