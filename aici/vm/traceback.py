"""Tracebacks as text, in the controller's own source lines, as CPython writes them.

Goes in: an exception with its trace and a program. Comes out: text of bounded length without a final line break.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from aici.diagnostics import SourceFile

from .isa import Op
from .program import Position, Program
from .values import MAX_CODE, ExceptionValue

_HEAD = "Traceback (most recent call last):"
_CAUSE = "The above exception was the direct cause of the following exception:"
_CONTEXT = "During handling of the above exception, another exception occurred:"
_SAME = 3  # equal entries shown in a row
_CHAIN = 20  # exceptions shown of a chain
_ENDS = 100  # entries shown of either end of a long trace
_ALWAYS_MARKED = frozenset({Op.BINARY, Op.LOAD_SUBSCR})
_WIDTH = 300  # characters shown of a source line

Trace = Sequence[tuple[int, int]]


def render(program: Program, value: ExceptionValue, describe: Callable[[ExceptionValue], str]) -> str:
    """The traceback of an exception, those of its causes and contexts before it; `describe` makes the last line."""
    source = SourceFile(program.name, program.source or "")
    blocks: list[str] = []
    for link, why in reversed(_chain(value)):
        trace = [divmod(place, MAX_CODE) for place in reversed(link.trace)]
        lines = [_HEAD, *_entries(program, source, trace)] if trace else []
        blocks.append("\n".join([*lines, describe(link)]))
        if why:
            blocks.append(why)
    return "\n\n".join(blocks)


def render_entries(program: Program, trace: Trace, last: str) -> str:
    """A traceback that is no exception's: entries from the outermost inwards, and a last line."""
    source = SourceFile(program.name, program.source or "")
    return "\n".join([_HEAD, *_entries(program, source, trace), last])


def _chain(value: ExceptionValue) -> list[tuple[ExceptionValue, str]]:
    """The exception, and each one before it with the sentence that joins it to its follower."""
    chain = [(value, "")]
    seen = {id(value)}
    while len(chain) < _CHAIN:
        link = chain[-1][0]
        if link.cause is not None:
            before, why = link.cause, _CAUSE
        elif link.context is not None and not link.suppress_context:
            before, why = link.context, _CONTEXT
        else:
            break
        if id(before) in seen:
            break
        seen.add(id(before))
        chain.append((before, why))
    return chain


def _entries(program: Program, source: SourceFile, trace: Trace) -> list[str]:
    if len(trace) > 2 * _ENDS + 1:
        left_out = f"  [{len(trace) - 2 * _ENDS} entries left out]"
        ends = (_entries(program, source, trace[:_ENDS]), _entries(program, source, trace[-_ENDS:]))
        return [*ends[0], left_out, *ends[1]]
    lines: list[str] = []
    for _, group in groupby(trace, key=lambda entry: (entry[0], program.functions[entry[0]].positions[entry[1]].line)):
        entries = list(group)
        for entry in entries[:_SAME]:
            lines.extend(_entry(program, source, *entry))
        more = len(entries) - _SAME
        if more > 0:
            lines.append(f"  [Previous line repeated {more} more time{'' if more == 1 else 's'}]")
    return lines


def _entry(program: Program, source: SourceFile, function: int, instruction: int) -> list[str]:
    code = program.functions[function]
    position = code.positions[instruction]
    lines = [f'  File "{program.name}", line {position.line}, in {code.name}']
    if program.source is None:
        return lines
    text = source.line(position.line)
    shown = text.strip()
    if shown:
        lines.append("    " + "".join(char if char.isprintable() else " " for char in shown[:_WIDTH]))
        marks = _marks(text, position, code.code[instruction].op in _ALWAYS_MARKED)
        if marks:
            lines.append("    " + marks)
    return lines


def _marks(text: str, position: Position, always: bool) -> str:
    """Carets under the expression; none where it is the whole line, unless they are wanted `always`."""
    indent = len(text) - len(text.lstrip())
    start = max(position.column - 1 - indent, 0)
    end = min(position.end_column - 1 - indent, len(text.strip()), _WIDTH)
    if start >= end or (not always and start == 0 and end == len(text.strip())):
        return ""
    return " " * start + "^" * (end - start)
