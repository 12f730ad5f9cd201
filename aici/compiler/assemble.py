"""Instructions of one function as they are emitted: stack depth, labels, handlers, positions; and at the end its code.

Goes in: opcodes with operands, labels and spans. Comes out: the parts of a `Function` that concern code. Only `lower`
and its parts use it.

Nothing is emitted where control cannot come, so that the code holds no unreachable instruction: after a jump that is
always taken, everything up to the next label that something jumps to is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import accumulate, compress, groupby

from aici.diagnostics import SourceFile, Span
from aici.vm.isa import TABLE, Op
from aici.vm.program import Handler, Instr, Position


@dataclass(eq=False)
class Label:
    """A place in the code. `depth` is that of the stack there, known from the first jump to it on."""

    index: int | None = None
    depth: int | None = None


@dataclass(eq=False)
class Region:
    """Instructions whose exceptions go to `handler`, with the stack cut to `depth` and the exception pushed."""

    depth: int
    handler: Label = field(default_factory=Label)


@dataclass(eq=False)
class _Line:
    op: Op
    a: int
    b: int
    label: Label | None
    region: Region | None
    span: Span


class Code:
    """The code of one function."""

    def __init__(self, source: SourceFile) -> None:
        self.source = source
        self.lines: list[_Line] = []
        self.depth = 0
        self.max_depth = 0
        self.reachable = True
        self.region: Region | None = None

    def emit(self, op: Op, a: int = 0, b: int = 0, *, span: Span, label: Label | None = None) -> None:
        """Append an instruction; `label` is its jump target."""
        if not self.reachable:
            return
        info = TABLE[op]
        self.lines.append(_Line(op, a, b, label, self.region, span))
        if label:
            self._arrive(label, self.depth - info.jump_pops)
        if self.region and op is not Op.JUMP:  # which cannot fail, and may be dropped in the end
            self._arrive(self.region.handler, self.region.depth + 1)
        self.depth += info.pushes.of(a, b) - info.pops.of(a, b)
        self.max_depth = max(self.max_depth, self.depth)
        self.reachable = not info.ends

    def _arrive(self, label: Label, depth: int) -> None:
        assert label.depth is None or label.depth == depth, "the stack is as deep on every way to a label"
        label.depth = depth
        self.max_depth = max(self.max_depth, depth)

    def place(self, label: Label) -> None:
        """The label stands for the next instruction."""
        label.index = len(self.lines)
        if self.reachable:
            self._arrive(label, self.depth)
        elif label.depth is not None:
            self.depth = label.depth
            self.reachable = True

    @contextmanager
    def within(self, region: Region | None) -> Iterator[None]:
        """What is emitted inside is covered by this region (or by none)."""
        before, self.region = self.region, region
        yield
        self.region = before

    def finish(self) -> tuple[tuple[Instr, ...], tuple[Handler, ...], tuple[Position, ...]]:
        """Code, handler rows and positions, with every label in its place."""
        kept = [not useless for useless in self._useless_jumps()]
        index = [0, *accumulate(kept)]  # new index of every line
        lines = list(compress(self.lines, kept))
        code = tuple(self._instruction(line, index) for line in lines)
        return code, tuple(_handler_rows(lines, index)), tuple(map(_Clipper(self.source).position, lines))

    def _instruction(self, line: _Line, index: list[int]) -> Instr:
        a = index[self._destination(line.label)] if line.label else line.a
        return Instr(line.op, a, line.b)

    def _destination(self, label: Label) -> int:
        """Where a jump to the label ends up when the jumps that stand there are followed."""
        assert label.index is not None
        index, passed = label.index, set[int]()
        while (line := self.lines[index]).op is Op.JUMP and index not in passed:
            passed.add(index)
            assert line.label and line.label.index is not None
            index = line.label.index
        return index

    def _useless_jumps(self) -> list[bool]:
        """Which lines are jumps to the line that follows, or jumps that nothing comes to once all of them are followed
        to their end."""
        destinations = [self._destination(line.label) if line.label else None for line in self.lines]
        reached = set(destinations)
        useless = []
        for at, line in enumerate(self.lines):
            skipped = at > 0 and TABLE[self.lines[at - 1].op].ends and at not in reached
            useless.append(line.op is Op.JUMP and (skipped or destinations[at] == at + 1))
        return useless


def _handler_rows(lines: list[_Line], index: list[int]) -> Iterator[Handler]:
    start = 0
    for region, run in groupby(lines, key=lambda line: line.region):
        end = start + sum(1 for _ in run)
        if region and region.handler.depth is not None:
            assert region.handler.index is not None
            yield Handler(start, end, index[region.handler.index], region.depth)
        start = end


class _Clipper:
    """Spans to positions, cut at the end of their first line."""

    def __init__(self, source: SourceFile) -> None:
        self.source = source
        self.known: dict[Span, Position] = {}

    def position(self, line: _Line) -> Position:
        span = line.span
        if span not in self.known:
            number, column = self.source.position(span.start)
            width = min(span.end - span.start, max(0, len(self.source.line(number)) + 1 - column))
            self.known[span] = Position(number, column, column + width)
        return self.known[span]
