"""What the writers of instructions share: the lines of the block at hand, and the operand stack while it is written.

`data`, `calls` and `jumps` build on it; `emit` puts them together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from aici.vm.costs import Price
from aici.vm.isa import TABLE, Op
from aici.vm.program import Function, Program

from .flow import Graph, Jump, Line, Shape
from .kinds import DICT, LIST, VALUE, Item


def spent(units: int, size: int = 0) -> tuple[str, ...]:
    """What pays so many units of fuel and so many bytes."""
    fuel = (f"m.fuel = f = m.fuel - {units}", "if f < 0: m.charge(0)") if units else ()
    memory = (f"m.memory = n = m.memory + {size}", f"if n > m.memory_limit: m.recount({size})") if size else ()
    return fuel + memory


SPEND = spent(1)
ROOM = "m.room = d"
ASKED = "ghj"
"""Letters of variables that hold what has been asked of locals: `g`, whether it is an int that is not metered; `h`,
whether it is that or a float; `j`, whether it is a short text or such an int."""


class State(NamedTuple):
    """What is known at the start of a block: the kinds of all locals (and CLEAN or DIRTY behind them), and of the items
    on the stack; variables that hold what has been asked of locals (see `Block._asked`), and what is known else:
    `2<=l0` that local 0 is an int not below 2, `p3` that the cell of global 3 is filled."""

    locals: tuple[int, ...]
    stack: tuple[int, ...]
    asked: frozenset[str] = frozenset()

    def merged(self, other: State) -> State:
        return State(
            tuple([a | b for a, b in zip(self.locals, other.locals, strict=True)]),
            tuple([a | b for a, b in zip(self.stack, other.stack, strict=True)]),
            self.asked & other.asked,
        )


class Block:
    """The block that is being written."""

    program: Program
    function: Function
    index: int
    framed: bool
    calls: bool  # lowered functions at once, which leave `m.room` as they like it
    stored: frozenset[int]
    settled: frozenset[int]
    constants: set[int]  # of the settled ones, those that the function reads
    weights: list[int]
    appending: frozenset[int]
    kept: dict[int, int]  # globals by name, and the slots that they have as locals
    prices: dict[int, Price]
    graph: Graph
    shape: Shape
    depths: dict[int, int]
    entries: frozenset[int]
    n_caches: int
    stacks: dict[int, tuple[str, ...]]
    loops: dict[int, tuple[int, ...]]
    returns: bool
    caches: dict[object, int]
    known: Mapping[int, int]
    params: tuple[int, ...]
    result: int
    returned: int
    recursive: bool
    result_of: Callable[[int, tuple[int, ...]], int]
    block: int
    block_end: int
    pc: int
    kinds: list[int]
    asked: set[str]
    stack: list[Item]
    lines: list[Line]
    after: list[tuple[int, State]]
    jump: Jump | None
    compared: tuple[int, str, str, int]
    done: bool

    def _add(self, *texts: str) -> None:
        self.lines.extend(Line(0, text, self.pc) for text in texts)

    def _to(self, target: int, *extra: int) -> None:
        stack = (*[item.kinds for item in self.stack], *extra)
        self.after.append((target, State(tuple(self.kinds), stack, frozenset(self.asked))))

    def _asked(self, item: Item, letter: str, condition: str) -> str:
        """A condition on a value; on a local it is worked out once, and kept in a variable until the local changes."""
        if item.text[0] != "l" or not condition:
            return condition
        name = letter + item.text[1:]
        if name not in self.asked:
            self._add(f"{name} = {condition}")
            self.asked.add(name)
        return name

    # --- the operand stack ---

    def _fresh(self, *others: str) -> str:
        """A name for the next item pushed, that nothing on the stack refers to, and none of these: the local where it
        goes at once."""
        used = {item.text for item in self.stack}.union(others)
        following = self.function.code[self.pc + 1] if self.pc + 1 < self.block_end else None
        slot = -1
        if following is not None and following.op == Op.STORE_LOCAL:
            slot = following.a
        elif following is not None and following.op == Op.STORE_GLOBAL:
            slot = self.kept.get(following.a, -1)
        if slot >= 0:
            name = f"l{slot}"
            if name not in used:
                return name
        name = f"s{len(self.stack)}"
        if name in used:
            name = next(f"x{n}" for n in range(len(used) + 1) if f"x{n}" not in used)
        return name

    def _push(self, text: str, kinds: int = VALUE) -> None:
        """Push the value of an expression that is evaluated now."""
        name = self._fresh()
        self._add(f"{name} = {text}")
        self.stack.append(Item(name, kinds))

    def _take(self, count: int) -> list[Item]:
        if not count:
            return []
        taken = self.stack[-count:]
        del self.stack[-count:]
        return taken

    def _flush(self) -> None:
        """Bring every item to the name of its place."""
        moves = [(f"s{depth}", item.text) for depth, item in enumerate(self.stack) if item.text != f"s{depth}"]
        if moves:
            targets, texts = zip(*moves, strict=True)
            self._add(f"{', '.join(targets)} = {', '.join(texts)}")
        self.stack = [Item(f"s{depth}", item.kinds) for depth, item in enumerate(self.stack)]

    def _before_store(self, name: str) -> None:
        """A local is about to change: what the stack has of it must not, and what was asked of it is forgotten."""
        self.asked -= {letter + name[1:] for letter in ASKED}
        self.asked = {fact for fact in self.asked if not fact.endswith("<=" + name)}
        for item in self.stack:
            if item.text == name:
                used = {other.text for other in self.stack}
                fresh = next(f"x{n}" for n in range(len(used) + 1) if f"x{n}" not in used)
                self._add(f"{fresh} = {name}")
                self.stack = [
                    other._replace(text=fresh, state=other.state.replace(name, fresh)) if other.text == name else other
                    for other in self.stack
                ]
                return

    def _low(self, slot: int) -> int:
        """What a local is not below, if it is an int."""
        facts = [fact for fact in self.asked if fact.endswith(f"<=l{slot}")]
        return max([int(fact.partition("<=")[0]) for fact in facts], default=0)

    def _constant(self, item: Item) -> object:
        return self.program.consts[int(item.text[1:])] if item.text[0] == "k" else ...

    def _by_handler(self, op: Op, a: int, b: int) -> None:
        """As the plain interpreter does it, on a scrap of a stack."""
        info = TABLE[op]
        pops, pushes = info.pops.of(a, b), info.pushes.of(a, b)
        below = ""
        if info.needs and info.needs_depth_a:
            below = self.stack[-1 - info.needs_depth - a].text + ", "
            a = 0
        taken = self._take(pops)
        items = below + ", ".join(item.text for item in taken)
        cells = ", ".join(f"c{cell}" for cell in range(len(self.function.cells) + len(self.function.captures)))
        cells = f"[{cells}]" if op == Op.MAKE_FUNCTION else "()"
        self._add(f"{ROOM}; t = plain(m, I, {self.pc}, [{items}], {cells})")
        if info.ends:
            self.done = True
            return
        for place in range(pushes):
            kinds = {"LIST": LIST, "DICT": DICT}.get(info.push_kind.name, VALUE) if place == pushes - 1 else VALUE
            self._push(f"t[{place}]", kinds)
