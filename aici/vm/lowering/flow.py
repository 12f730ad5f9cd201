"""From jumps to Python's own control flow: the blocks of a function, their loops and dominators, and the nested
statements that they become.

Goes in: verified code and the instructions at which it may be entered. Comes out: lines of Python, whose texts a
`Writer` gives block by block. Loops are natural loops, found by dominators; what joins after a branch is written after
it; where a jump would skip what stands in between, that is guarded by a variable `q` that names the block to go to
("Beyond Relooper", Ramsey 2022, for a language with loops but without labels). Where a loop has several entries, the
edges to one of them go through a dispatcher around everything, which is also how the function is entered half-way.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from aici.vm.isa import TABLE, Op, Operand
from aici.vm.program import Function

ROOT = -1
"""The dispatcher: a block before all others, that goes to the one that `q` names."""
MAX_NESTING = 14
"""Loops inside one another; CPython allows for 20 blocks, and inside them there may be a `try` in an `except`."""
MAX_INDENT = 60


class Declined(Exception):
    """The code nests more deeply than Python's compiler allows for, or is none that our compiler would make."""


class Line(NamedTuple):
    """A line of Python, and the instruction that it belongs to."""

    indent: int
    text: str
    pc: int


class Jump(NamedTuple):
    """How a block ends: `condition` empty for a plain jump; `lines` are written on the way."""

    condition: str
    pc: int
    yes: int  # target if the condition holds
    yes_lines: tuple[str, ...]
    no: int
    no_lines: tuple[str, ...]
    tested: int = -1  # the instruction that the condition belongs to


class Writer(Protocol):
    """What knows the text of blocks."""

    def body(self, block: int) -> list[Line]:
        """The block's lines, without how it ends."""

    def end(self, block: int) -> Jump | None:
        """None where control never goes on."""

    def caught(self, block: int) -> list[Line]:
        """What opens the `except` that brings an exception out of the block's lines to their handler; nothing where
        none comes out of them."""

    def loop(self, header: int) -> list[Line] | None:
        """The lines that open the loop as a `for`, None for an endless `while`. The header's only instruction is then
        a FOR_ITER; its `yes` is the end of the loop. If an exception can come out of it, then out of the block's lines,
        which are written after the loop."""

    def again(self, header: int) -> list[Line]:
        """What is to be done on the way back to the header of a `for`; the lines of the jump itself are left out."""


class Graph:
    """Blocks by their first instruction, and where each can go.

    `jumps`: where a RAISE goes on when its exception is caught in the same function, and likewise what raises again.
    `throwing`: the instructions that an exception may come out of on its way to their handler. `stays`: whether control
    may go on after an AWAIT without leaving the Python function.
    """

    def __init__(
        self,
        function: Function,
        entries: Iterable[int],
        stays: Callable[[int], bool],
        jumps: Mapping[int, int],
        throwing: Container[int],
    ) -> None:
        code = function.code
        self.entries = sorted(entries)
        starts = {0, *self.entries}
        for pc, instr in enumerate(code):
            info = TABLE[instr.op]
            if info.operands == (Operand.TARGET,):
                starts.update((instr.a, pc + 1))
                if instr.op == Op.FOR_ITER:
                    starts.add(pc)
            elif info.ends or instr.op in (Op.AWAIT, Op.YIELD):
                starts.add(pc + 1)
        for handler in function.handlers:
            starts.update((handler.start, handler.end, handler.target))
        ordered = sorted(start for start in starts if start < len(code))
        self.ends = dict(zip(ordered, [*ordered[1:], len(code)], strict=True))
        self.next: dict[int, tuple[int, ...]] = {}
        self.handlers: dict[int, int] = {}  # where exceptions from a block's lines go
        rows = iter(function.handlers)
        row = next(rows, None)
        for start, end in self.ends.items():
            while row is not None and row.end <= start:
                row = next(rows, None)
            if row is not None and row.start <= start and any(pc in throwing for pc in range(start, end)):
                self.handlers[start] = row.target
            instr, info = code[end - 1], TABLE[code[end - 1].op]
            after: list[int] = []
            if info.operands == (Operand.TARGET,):
                after.append(instr.a)
            if not info.ends and instr.op != Op.YIELD and (instr.op != Op.AWAIT or stays(end - 1)):
                after.append(end)
            if end - 1 in jumps:
                after.append(jumps[end - 1])
            if start in self.handlers:
                after.append(self.handlers[start])
            self.next[start] = tuple(dict.fromkeys(after))
        self.before: dict[int, list[int]] = {start: [] for start in ordered}
        for start, targets in self.next.items():
            for target in targets:
                self.before[target].append(start)


class Shape:
    """Dominators and loops of a graph, entered through the dispatcher if it has several entries."""

    def __init__(self, graph: Graph, dispatched: bool) -> None:
        self.graph = graph
        self.root = ROOT if dispatched else graph.entries[0]
        self.cut: set[int] = set()
        while not self._settle():
            pass

    def _settle(self) -> bool:
        """Work out everything for the present cut; false if the cut has to grow."""
        self.next = {
            block: tuple(target for target in targets if target not in self.cut)
            for block, targets in self.graph.next.items()
        }
        if self.root == ROOT:
            self.next[ROOT] = tuple(self.graph.entries) + tuple(sorted(self.cut - set(self.graph.entries)))
        self._order()
        self._dominate()
        return self._find_loops()

    def _order(self) -> None:
        """Reverse postorder of what can be reached."""
        seen = {self.root}
        order: list[int] = []
        stack = [(self.root, iter(self.next[self.root]))]
        while stack:
            block, targets = stack[-1]
            for target in targets:
                if target not in seen:
                    seen.add(target)
                    stack.append((target, iter(self.next[target])))
                    break
            else:
                stack.pop()
                order.append(block)
        order.reverse()
        self.order = {block: place for place, block in enumerate(order)}
        self.blocks = order
        self.before: dict[int, list[int]] = {block: [] for block in order}
        for block in order:
            for target in self.next[block]:
                self.before[target].append(block)

    def _dominate(self) -> None:
        """Immediate dominators (Cooper, Harvey and Kennedy)."""
        self.idom = {self.root: self.root}
        changed = True
        while changed:
            changed = False
            for block in self.blocks[1:]:
                found: int | None = None
                for other in self.before[block]:
                    if other in self.idom:
                        found = other if found is None else self._common(found, other)
                assert found is not None
                if self.idom.get(block) != found:
                    self.idom[block] = found
                    changed = True

    def _common(self, a: int, b: int) -> int:
        while a != b:
            while self.order[a] > self.order[b]:
                a = self.idom[a]
            while self.order[b] > self.order[a]:
                b = self.idom[b]
        return a

    def _dominates(self, a: int, b: int) -> bool:
        while self.order[b] > self.order[a]:
            b = self.idom[b]
        return a == b

    def _find_loops(self) -> bool:
        """Natural loops: the members of each, and the loops around each block, innermost first."""
        self.members: dict[int, set[int]] = {}
        for block in self.blocks:
            for target in self.next[block]:
                if self.order[target] > self.order[block]:
                    continue
                if not self._dominates(target, block):
                    self.cut.add(target)
                    return False
                self._add_loop(target, block)
        self.around: dict[int, list[int]] = {block: [] for block in self.blocks}
        for header in sorted(self.members, key=lambda header: -self.order[header]):
            for block in self.members[header]:
                self.around[block].append(header)
        return True

    def _add_loop(self, header: int, latch: int) -> None:
        members = self.members.setdefault(header, {header})
        todo = [latch]
        while todo:
            block = todo.pop()
            if block not in members:
                members.add(block)
                todo.extend(self.before[block])


class _Loop(NamedTuple):
    """A loop that is being written."""

    header: int
    exits: set[int]  # where jumps out of it want to go
    is_for: bool


class Structure:
    """Writes the blocks of a shape as nested statements."""

    def __init__(self, shape: Shape, writer: Writer) -> None:
        self.shape = shape
        self.writer = writer
        self.caught_at = set(shape.graph.handlers.values())
        self.guarded: set[int] = set()
        self.lines: list[Line] = []
        self.inline: set[int] = set()
        self.sequence: dict[tuple[str, int], list[int]] = {}
        for block in shape.blocks[1:]:
            self._place(block)

    def _place(self, block: int) -> None:
        """Whether a block is written where it is jumped to, or after what."""
        shape = self.shape
        parent = shape.idom[block]
        left = [header for header in shape.around[parent] if block not in shape.members[header]]
        entering = [other for other in shape.before[block] if shape.order[other] < shape.order[block]]
        single = len(entering) == 1 and parent != ROOT and block not in shape.cut and block not in self.caught_at
        if single and (not left or self.writer.end(block) is None):
            self.inline.add(block)
            return
        place = ("after", left[-1]) if left else ("node", parent)
        self.sequence.setdefault(place, []).append(block)

    def write(self) -> list[Line]:
        """All lines; several passes, until it is known what has to be guarded."""
        while True:
            known = len(self.guarded)
            self.lines = []
            if self.shape.root == ROOT:
                self._dispatcher()
            else:
                self._block(self.shape.root, [], [], 1)
            if len(self.guarded) == known:
                return self.lines

    def _add(self, lines: Iterable[Line], indent: int) -> None:
        if indent > MAX_INDENT:
            raise Declined
        self.lines.extend([Line(line.indent + indent, line.text, line.pc) for line in lines])

    def _dispatcher(self) -> None:
        self._add([Line(0, "while True:", -1)], 1)
        entries = self.sequence[("node", ROOT)]
        self.guarded.update(entries)
        self._follow(entries, [], [_Loop(ROOT, set(), False)], 2)

    def _follow(self, blocks: Sequence[int], follow: list[int], loops: list[_Loop], indent: int) -> None:
        for place, block in enumerate(blocks):
            rest = [*blocks[place + 1 :], *follow]
            if block in self.guarded:
                self._add([Line(0, f"if q == {block}:", -1)], indent)
                self._block(block, rest, loops, indent + 1)
            else:
                self._block(block, rest, loops, indent)

    def _block(self, block: int, follow: list[int], loops: list[_Loop], indent: int) -> None:
        if block not in self.shape.members:
            self._plain(block, follow, loops, indent)
            return
        if len(loops) > MAX_NESTING:
            raise Declined
        after = self.sequence.get(("after", block), [])
        opening = self.writer.loop(block)
        loop = _Loop(block, set(), opening is not None)
        inside = [*loops, loop]
        if opening is None:
            self._add([Line(0, "while True:", -1)], indent)
            self._plain(block, [], inside, indent + 1)
        else:
            end = self.writer.end(block)
            assert end is not None
            self._add(opening, indent)
            sequence = self.sequence.get(("node", block), [])
            self._go(block, end.no, end.pc, end.no_lines, sequence, inside, indent + 1)
            self._follow(sequence, [], inside, indent + 1)
            self._add([Line(0, "else:", -1)], indent)
            if loop.exits - {*after, *follow}:
                self._add([Line(0, "q = -1", -1)], indent + 1)  # nothing of an earlier turn
            inner = self._body(block, [*after, *follow], loops, indent + 1)
            self._go(block, end.yes, end.pc, end.yes_lines, [*after, *follow], loops, inner)
        self._leave(loop, [*after, *follow], loops, indent)
        self._follow(after, follow, loops, indent)

    def _leave(self, loop: _Loop, follow: list[int], loops: list[_Loop], indent: int) -> None:
        """Jumps that left the loop for somewhere farther than what follows it."""
        for target in sorted(loop.exits):
            if target in follow:
                self._skip(target, follow)
                continue
            self._add([Line(0, f"if q == {target}:", -1)], indent)
            if loops[-1].is_for and target == loops[-1].header:
                self._add(self.writer.again(target), indent + 1)
            self._add([Line(0, self._farther(target, loops), -1)], indent + 1)

    def _farther(self, target: int, loops: list[_Loop]) -> str:
        innermost = loops[-1]
        if target == innermost.header or (innermost.header == ROOT and target in self.shape.cut):
            return "continue"
        innermost.exits.add(target)
        return "break"

    def _skip(self, target: int, follow: list[int]) -> bool:
        """Mark what a jump skips; whether it has to say where it goes."""
        place = follow.index(target)
        self.guarded.update(follow[:place])
        return place > 0 or target in self.guarded

    def _plain(self, block: int, follow: list[int], loops: list[_Loop], indent: int) -> None:
        sequence = self.sequence.get(("node", block), [])
        inner = self._body(block, [*sequence, *follow], loops, indent)
        end = self.writer.end(block)
        if end is not None:
            self._end(block, end, [*sequence, *follow], loops, inner)
        self._follow(sequence, follow, loops, indent)

    def _body(self, block: int, follow: list[int], loops: list[_Loop], indent: int) -> int:
        """The block's lines, and the way to the handler of what comes out of them; how deep its end is to be written.
        Nothing but that way is inside the `except`: there, exceptions would refer to one another."""
        caught = self.writer.caught(block)
        if not caught:
            self._add(self.writer.body(block), indent)
            return indent
        self._add([Line(0, "try:", -1)], indent)
        self._add(self.writer.body(block), indent + 1)
        self._add(caught, indent)
        self._go(block, self.shape.graph.handlers[block], -1, (), follow, loops, indent + 1)
        if self.writer.end(block) is None:
            return indent
        self._add([Line(0, "else:", -1)], indent)
        return indent + 1

    def _end(self, block: int, end: Jump, follow: list[int], loops: list[_Loop], indent: int) -> None:
        if not end.condition:
            self._go(block, end.yes, end.pc, end.yes_lines, follow, loops, indent)
            return
        self._add([Line(0, f"if {end.condition}:", end.tested)], indent)
        self._go(block, end.yes, end.pc, end.yes_lines, follow, loops, indent + 1)
        self._add([Line(0, "else:", -1)], indent)
        self._go(block, end.no, end.pc, end.no_lines, follow, loops, indent + 1)

    def _go(
        self,
        block: int,
        target: int,
        pc: int,
        lines: Sequence[str],
        follow: list[int],
        loops: list[_Loop],
        indent: int,
    ) -> None:
        """Jump to a block."""
        innermost = loops[-1] if loops else None
        if innermost is not None and target == innermost.header and innermost.is_for:
            self._add(self.writer.again(target), indent)
            self._add([Line(0, "continue", -1)], indent)
            return
        self._add([Line(0, "pass", -1), *(Line(0, text, pc) for text in lines)], indent)
        if target in self.inline and self.shape.idom[target] == block and target not in self.shape.cut:
            self._block(target, follow, loops, indent)
        elif target in follow:
            if self._skip(target, follow):
                self._add([Line(0, f"q = {target}", -1)], indent)
        elif innermost is not None and target == innermost.header:
            self._add([Line(0, "continue", -1)], indent)
        else:
            self._add([Line(0, f"q = {target}", -1), Line(0, self._farther(target, loops), -1)], indent)
