"""How a process that fails says so: the `Failed` of an uncaught exception, and that of a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import formatting, traceback
from .native import LimitExceeded, Throw
from .requests import Failed
from .values import ExceptionValue

if TYPE_CHECKING:
    from .context import Runtime
    from .process import Process

_FUEL = 100_000  # for the text of an exception, when the controller's own fuel may be gone
_MESSAGE = 10_000  # characters kept of that text


def uncaught(m: Runtime, value: ExceptionValue) -> Failed:
    """The end by an exception; its text is made with fuel and memory of its own."""
    m.settle()
    m.grant(_FUEL)
    m.memory = 0

    def describe(link: ExceptionValue) -> str:
        message = _message(m, link)
        return f"{link.kind.name}: {message}" if message else link.kind.name

    text = traceback.render(m.process.program, value, describe)
    message = _message(m, value)
    m.grant(m.fuel)
    return Failed(value.kind.name, message, text)


def _message(m: Runtime, value: ExceptionValue) -> str:
    try:
        text = formatting.to_str(m, value)
    except (LimitExceeded, Throw, RecursionError):
        return "<no text within the limits>"
    return text if len(text) <= _MESSAGE else text[:_MESSAGE] + "..."


def stopped(process: Process, kind: str, message: str, trace: traceback.Trace) -> Failed:
    """The end by a limit or a mistake of ours, at `trace`, from the outermost frame inwards."""
    return Failed(kind, message, traceback.render_entries(process.program, trace, f"{kind}: {message}"))


def line_of(process: Process) -> int:
    """The line of source that a suspended process is at."""
    frame = process.frames[-1]
    return frame.code.function.positions[frame.pc - 1].line
