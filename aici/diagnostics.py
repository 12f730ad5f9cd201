"""Where something is in a source text, what is wrong with it, and how that is shown.

Goes in: a `SourceFile` and spans into it. Comes out: rendered text with a caret, or plain data for `--json`.
Everybody may import this module; it imports nothing of the project.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple


class Span(NamedTuple):
    """A half-open range `[start, end)` of character offsets into a source text."""

    start: int
    end: int

    def to(self, other: Span) -> Span:
        """The span from the start of this one to the end of `other`."""
        return Span(self.start, other.end)


@dataclass(frozen=True)
class SourceFile:
    """A source text and the name that it is shown under."""

    name: str
    text: str

    @cached_property
    def line_starts(self) -> list[int]:
        """Offset of the first character of every line."""
        return [0, *(i + 1 for i, c in enumerate(self.text) if c == "\n")]

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both counted from 1."""
        line = bisect.bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """Text of a line counted from 1, without its line break; empty outside the file."""
        if not 1 <= number <= len(self.line_starts):
            return ""
        start = self.line_starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start : len(self.text) if end < 0 else end].rstrip("\r")


@dataclass(frozen=True)
class Diagnostic:
    """One thing that is wrong: where, why, and what to write instead."""

    source: SourceFile
    span: Span
    message: str
    hint: str | None = None
    severity: str = "error"

    def to_json(self) -> dict[str, object]:
        line, column = self.source.position(self.span.start)
        end_line, end_column = self.source.position(self.span.end)
        return {
            "severity": self.severity,
            "file": self.source.name,
            "line": line,
            "column": column,
            "end_line": end_line,
            "end_column": end_column,
            "message": self.message,
            "hint": self.hint,
        }

    def render(self) -> str:
        """`file:line:column: error: message`, the source line, a caret line, and the hint."""
        line, column = self.source.position(self.span.start)
        head = f"{self.source.name}:{line}:{column}: {self.severity}: {self.message}"
        body = render_excerpt(self.source, self.span)
        hint = f"\n  hint: {self.hint}" if self.hint else ""
        return f"{head}\n{body}{hint}"


def render_excerpt(source: SourceFile, span: Span, width: int = 100) -> str:
    """The line of `span.start` with carets under the span; long lines are cut to `width` around the caret."""
    number, column = source.position(span.start)
    text = source.line(number)
    length = max(1, min(span.end, span.start + len(text) + 1 - column) - span.start)
    first = max(0, column - 1 - width // 2) if len(text) > width else 0
    shown = "".join(c if c.isprintable() else " " for c in text[first : first + width])
    marks = " " * (column - 1 - first) + "^" * min(length, max(1, width - (column - 1 - first)))
    gutter = f"{number:5d} | "
    return f"{gutter}{shown}\n{' ' * 6}| {marks}"


class DiagnosticError(Exception):
    """Raised with everything that was found wrong in one run; never empty."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = sorted(diagnostics, key=lambda d: d.span.start)
        super().__init__(self.diagnostics[0].message)

    def render(self) -> str:
        return "\n\n".join(d.render() for d in self.diagnostics)


@dataclass
class DiagnosticSink:
    """Collects diagnostics so that one run reports several; at most `limit` are kept."""

    source: SourceFile
    limit: int = 20
    found: list[Diagnostic] = field(default_factory=list)

    def error(self, span: Span, message: str, hint: str | None = None) -> None:
        if len(self.found) < self.limit:
            self.found.append(Diagnostic(self.source, span, message, hint))

    def raise_if_any(self) -> None:
        if self.found:
            raise DiagnosticError(self.found)
