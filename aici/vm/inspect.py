"""A suspended process as a debugger shows it: its call stack, with source lines and local variables.

Goes in: a process that waits on a request. Comes out: plain text and numbers; the process stays as it is. Hosts may
import it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from aici.diagnostics import SourceFile

from . import formatting
from .fork import fork
from .frame import Frame
from .machine import Machine
from .native import LimitExceeded, Throw
from .process import Process
from .program import Position
from .requests import Services
from .values import UNBOUND, Value

_FUEL: Final = 100_000  # for the texts of all values
_WIDTH: Final = 200  # characters shown of a value


@dataclass(frozen=True)
class Call:
    """A call in progress: the function, where it stands (`text` is that source line, empty if the program was
    stripped), and its local variables by name, each with its `repr` in at most 200 characters."""

    function: str
    line: int
    text: str
    variables: tuple[tuple[str, str], ...]


def line(process: Process) -> int:
    """The source line at which the innermost call waits; 0 if there is none."""
    return _position(process.frames[-1]).line if process.frames else 0


def calls(process: Process, services: Services) -> list[Call]:
    """The calls in progress, outermost first."""
    twin = fork(process)
    machine = Machine(twin, services)
    machine.grant(_FUEL)
    source = SourceFile(process.program.name, process.program.source or "")
    found: list[Call] = []
    for frame in twin.frames:
        at = _position(frame).line
        shown = tuple((name, _text(machine, value)) for name, value in _variables(twin, frame))
        text = source.line(at).strip() if process.program.source is not None else ""
        found.append(Call(frame.code.function.name, at, text, shown))
    machine.forget()  # else the twin would live on for a while, and share what is the process's
    return found


def _position(frame: Frame) -> Position:
    return frame.code.function.positions[max(0, frame.pc - 1)]


def _variables(process: Process, frame: Frame) -> list[tuple[str, Value]]:
    """What is bound, by name; the module's own functions and modules are left to its source."""
    code = frame.code
    if code.index == 0:
        bound = [(name, value) for name, value in process.globals.items()]
        return [(name, value) for name, value in bound if not name.startswith("__")]
    bound = list(zip(code.function.locals, frame.locals, strict=True))
    bound += [(process.codes.cell_name(code.index, slot), cell.value) for slot, cell in enumerate(frame.cells)]
    # Names that begin with a dot are the compiler's own.
    return [(name, value) for name, value in bound if value is not UNBOUND and not name.startswith(".")]


def _text(machine: Machine, value: Value) -> str:
    try:
        text = formatting.to_repr(machine, value)
    except (LimitExceeded, Throw, RecursionError):
        return "<no text within the limits>"
    return text if len(text) <= _WIDTH else text[:_WIDTH] + "…"
