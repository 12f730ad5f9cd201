"""All state of a running controller, as plain data: what a fork copies and a snapshot writes.

Goes in: a verified `Program` and `Limits`. Only `machine` changes a process; hosts make, fork and keep them.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from .frame import Frame
from .limits import Limits
from .program import Program
from .ready import CodeTable, code_table
from .values import ExceptionValue, ModuleValue, Object, Value

if TYPE_CHECKING:
    from .sharing import Share


class Stage(Enum):
    """How far a process has come."""

    NEW = "new"
    MODULE = "module"  # the module body runs
    MAIN = "main"  # the coroutine given to `aici.start` is driven
    OVER = "over"


class Process:
    """A controller between or during two requests."""

    __slots__ = (
        "__weakref__",
        "codes",
        "frames",
        "fuel",
        "globals",
        "handled",
        "limits",
        "lowered",
        "main",
        "memory",
        "modules",
        "output",
        "pending",
        "program",
        "share",
        "stage",
        "test",
    )

    def __init__(self, program: Program, limits: Limits | None = None, lowered: bool = True) -> None:
        """`lowered`: whether hot code may become functions of CPython (see `lowering`); otherwise all is interpreted,
        with the same outcome."""
        self.program = program
        self.lowered = lowered
        self.limits = limits or Limits()
        self.codes = code_table(program) if lowered else CodeTable(program)
        self.stage = Stage.NEW
        self.frames: list[Frame] = []  # the call stack, innermost last; kept across suspensions
        self.globals: dict[str, Value] = {}
        self.modules: dict[str, ModuleValue] = {}
        self.handled: ExceptionValue | None = None  # the exception being handled
        self.pending: Object | None = None  # what the innermost frame awaits
        self.main: Value = None  # registered by `aici.start`
        self.test = False
        self.fuel = self.limits.fuel  # units left in all
        self.memory = 0  # bytes allocated since the live ones were last counted, plus those
        self.output = 0  # characters printed
        self.share: Share | None = None  # of values that belong to several branches, see `fork`

    def roots(self) -> list[Value]:
        """Everything that the controller can still reach."""
        return [self.frames, self.globals, self.modules, self.handled, self.main, self.pending]
