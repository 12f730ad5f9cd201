"""The Python text of a function's blocks: each instruction becomes a few lines over Python locals.

Locals of the function are `l0`, `l1`, ..., its cells `c0`, ..., items of the operand stack `s0`, ... by depth, where
they are not just the name of a local or a constant; constants of the program are `k0`, ..., its names `n0`, ...,
builtins that it can only mean `b0`, .... Nothing of the controller is in the text.

A function is written in one of two ways. *Direct*: parameters are arguments, and it returns its result. *Framed*: it
works on a `Frame` of the process, entered at any of several instructions, and leaves everything there whenever it hands
control back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from aici.vm.costs import appending, prices, weights
from aici.vm.isa import COMPARE_OPERATORS, TABLE, Op, Operand
from aici.vm.program import Program

from .block import ROOM, State, spent
from .data import Data
from .flow import Declined, Graph, Jump, Line, Shape, Structure
from .jumps import Jumps
from .kinds import ANYTHING, CLEAN, DIRTY, UNBOUND, VALUE, Item
from .names import Names
from .raising import CALM_OPS, Catches, classes


class Lowered(NamedTuple):
    """A function's Python text. `pcs`: the instruction of each line, -1 for none. `stacks`: what is on the operand
    stack at an instruction, as Python expressions. `loops`: the depths of the stack at which Python's own iterators are
    at work around an AWAIT. `result`: kinds of what it returns, 0 if it never does. `unmade`: the instructions at
    which an exception is raised or handled that is not made: `ex` has its class and arguments."""

    text: str
    pcs: list[int]
    stacks: dict[int, tuple[str, ...]]
    loops: dict[int, tuple[int, ...]]
    n_caches: int
    entries: frozenset[int]
    result: int
    unmade: frozenset[int]


_ALONE = frozenset(
    {
        Op.CONST,
        Op.POP,
        Op.DUP,
        Op.DUP2,
        Op.SWAP,
        Op.ROT3,
        Op.LOAD_LOCAL,
        Op.STORE_LOCAL,
        Op.LOAD_CELL,
        Op.STORE_CELL,
        Op.LOAD_GLOBAL,
        Op.UNARY,
        Op.BINARY,
        Op.JUMP,
        Op.JUMP_IF_FALSE,
        Op.JUMP_IF_TRUE,
        Op.JUMP_IF_FALSE_KEEP,
        Op.JUMP_IF_TRUE_KEEP,
        Op.LOAD_SUBSCR,
        Op.BUILD_LIST,
        Op.BUILD_TUPLE,
        Op.FORMAT,
        Op.BUILD_STRING,
        Op.RETURN,
    }
)
"""What cannot enter a frame, whatever the operands are: natives behind operators call nothing of a controller's."""


def depths(program: Program, index: int) -> dict[int, int]:
    """The depth of the operand stack at each instruction of verified code."""
    function = program.functions[index]
    found = {0: 0}
    for row in function.handlers:
        found[row.target] = row.depth + 1
    for pc, instr in enumerate(function.code):
        depth, info = found[pc], TABLE[instr.op]
        if info.operands and len(info.operands) == 1 and info.operands[0].name == "TARGET":
            found.setdefault(instr.a, depth - info.jump_pops)
        if not info.ends:
            found.setdefault(pc + 1, depth - info.pops.of(instr.a, instr.b) + info.pushes.of(instr.a, instr.b))
    return found


class Emitter(Data, Jumps):
    """Writes one function."""

    def __init__(
        self,
        program: Program,
        index: int,
        name: str,
        framed: bool,
        heads: Mapping[int, tuple[int, ...]],
        names: Names,
        kept: Sequence[int],
        params: tuple[int, ...],
        result_of: Callable[[int, tuple[int, ...]], int],
    ) -> None:
        """`heads`: jump targets where a framed function may be entered, with the kinds of all locals there (the globals
        that are `kept` behind them, and what is on the stack). `name`: of the Python function. `params`: kinds of the
        parameters that all callers of a direct function vouch for, or (). `result_of`: what a function returns that is
        given values of such kinds."""
        self.heads = heads
        self.known = names.known
        self.params = params
        self.result_of = result_of
        self.result = 0
        self.compared = (-1, "", "", 0)
        self.program = program
        self.index = index
        self.name = name
        self.function = program.functions[index]
        self.framed = framed
        self.stored = names.stored
        self.settled = names.settled
        self.constants: set[int] = set()
        n_locals = len(self.function.locals)
        self.kept = {name: n_locals + place for place, name in enumerate(kept)}
        code = self.function.code
        self.weights = weights(program, code)
        self.appending = appending(program, code)
        self.prices = prices(code, self.weights)
        self.depths = depths(program, index)
        self.catches = Catches(self.function, self.depths, classes(program, names.stored))
        resumable = self.function.is_async or self.function.is_generator
        again = resumable or any(TABLE[op].operands == (Operand.TARGET,) and not a for op, a, _ in code)
        begins = {0} if again or not heads else set()  # what is taken over in a loop knows more than what starts
        self.resumed = {pc + 1 for pc, instr in enumerate(code) if framed and instr.op in (Op.AWAIT, Op.YIELD)}
        awaits = [pc for pc, instr in enumerate(code) if framed and instr.op == Op.AWAIT]
        self.entered = {self.catches.covered[pc][0] for pc in awaits if pc in self.catches.covered}
        self.entries = frozenset({*begins, *self.resumed, *self.entered, *(heads if framed else ())})
        self.tracks = not framed and any(instr.op in (Op.PUSH_EXC, Op.POP_EXC) for instr in code)
        self.calls = False
        self.n_caches = 0
        self.unmade: frozenset[int] = frozenset()
        self.caches: dict[object, int] = {}
        self._write_all()

    def _write_all(self) -> None:
        """What can throw is known once it is written: less than at first, so that handlers know more, and so on."""
        covered = self.catches.covered
        throwing = {pc for pc in covered if self.function.code[pc].op not in CALM_OPS}
        self._infer(throwing)
        found = {pc for pc in covered if self.throws.get(pc)}
        if found != throwing:
            self._infer(found)
            if any(self.throws.get(pc) for pc in covered.keys() - found):
                self._infer(throwing)
        if any(self.dirty.values()) and not self.framed:
            raise Declined
        self.unmade = self._find_unmade()
        if self.unmade:
            for block in self.states:
                self._write(block)

    # --- what flow asks for ---

    def body(self, block: int) -> list[Line]:
        return self.bodies.get(block) or [Line(0, "pass", -1)]

    def end(self, block: int) -> Jump | None:
        return self.jumps.get(block)

    # --- the whole ---

    def lower(self) -> Lowered:
        lines = Structure(self.shape, self).write()
        texts, pcs = self._prologue()
        for indent, text, pc in lines:
            texts.append(" " * (indent + 1) + text)
            pcs.append(pc)
        text = "\n".join(texts) + "\n"
        result = self.result if self.returns else 0
        return Lowered(text, pcs, self.stacks, self.loops, self.n_caches, self.entries, result, self.unmade)

    def _prologue(self) -> tuple[list[str], list[int]]:
        function = self.function
        names = ["m", "G", "P", "I"]
        names += [f"p{name}" for name in sorted(self.constants)]
        names += [f"{letter}{cache}" for cache in range(self.n_caches) for letter in "vew"]
        n_own = len(function.cells)
        captured = [f"c{n_own + place}" for place in range(len(function.captures))]
        if not self.framed:
            names += captured
        texts = ["def outer():", " " + " = ".join([*names, "None"])]
        n_locals, n_params = len(function.locals), function.n_params
        if self.framed:
            texts.append(f" def {self.name}(frame):")
        else:
            texts.append(f" def {self.name}(" + ", ".join(["d", *[f"l{slot}" for slot in range(n_params)]]) + "):")
        if self.n_caches:
            caches = ", ".join(f"{letter}{cache}" for cache in range(self.n_caches) for letter in "vew")
            texts.append("  nonlocal " + caches)
        if self.framed:
            texts.append("  d = m.room")
            if n_locals:
                texts.append("  [" + ", ".join(f"l{slot}" for slot in range(n_locals)) + "] = frame.locals")
            texts += [f"  l{slot} = G.get(n{name}, U)" for name, slot in self.kept.items()]
            n_cells = n_own + len(captured)
            if n_cells:
                texts.append("  [" + ", ".join(f"c{cell}" for cell in range(n_cells)) + "] = frame.cells")
            texts.append("  q = frame.pc")
            for entry in sorted(self.entries):
                if self.depths[entry]:
                    items = ", ".join(f"s{depth}" for depth in range(self.depths[entry]))
                    texts.append(f"  if q == {entry}: [{items}] = frame.stack")
            texts.append("  frame.stack.clear()")
        else:
            texts += [] if self.calls or self._keeps_to_itself() else ["  " + ROOM]
            if n_locals > n_params:
                texts.append("  " + " = ".join(f"l{slot}" for slot in range(n_params, n_locals)) + " = U")
            texts += [f"  c{cell} = Cell()" for cell in range(n_own)]
            if captured:
                texts.append("  if 0: " + ", ".join(captured))  # for those who look in
            if self.tracks:
                texts.append("  u = P.handled")
            if self.dispatched:
                texts.append("  q = 0")
        return texts, [-1] * len(texts)

    def _keeps_to_itself(self) -> bool:
        """Whether nothing in the function can enter a frame."""
        return all(
            instr.op in _ALONE or (instr.op == Op.COMPARE and "in" not in COMPARE_OPERATORS[instr.a])
            for instr in self.function.code
        )

    # --- inference: blocks are written again until nothing new is known of what they start with ---

    def _infer(self, throwing: set[int]) -> None:
        """What the function returns depends on what it returns where it calls itself."""
        while True:
            self.returned, self.recursive = 0, False
            self._infer_once(throwing)
            known, self.result = self.result, self.result | self.returned
            if known == self.result or not self.recursive:
                return

    def _infer_once(self, throwing: set[int]) -> None:
        self.graph = Graph(self.function, self.entries, self.stays, self.catches.jumps, throwing)
        self.dispatched = self.framed
        self.shape = Shape(self.graph, self.dispatched)
        if self.shape.cut and not self.dispatched:
            self.dispatched = True
            self.shape = Shape(self.graph, True)
        self.stacks: dict[int, tuple[str, ...]] = {}
        self.loops: dict[int, tuple[int, ...]] = {}
        self.returns = False
        self.bodies: dict[int, list[Line]] = {}
        self.jumps: dict[int, Jump | None] = {}
        self.excepts: dict[int, list[Line]] = {}
        self.throws: dict[int, bool] = {}  # by instruction, as it was written last
        self.dirty: dict[int, bool] = {}  # by block: whether it is left while another exception is being handled
        n_locals, n_params = len(self.function.locals), self.function.n_params
        fresh = (
            (self.params or (VALUE,) * n_params)
            + (UNBOUND,) * (n_locals - n_params)
            + (ANYTHING,) * len(self.kept)
            + (CLEAN,)
        )
        n_locals += len(self.kept)
        self.states: dict[int, State] = {}
        unknown = (ANYTHING,) * n_locals + (DIRTY,)
        for entry in self.entries:
            stack = (VALUE,) * self.depths[entry]
            resumed = entry in self.resumed or entry in self.entered
            known = unknown if resumed else fresh if entry == 0 else (*self.heads[entry][:n_locals], DIRTY)
            if entry in self.heads and not resumed:
                stack = self.heads[entry][n_locals:]
            self.states[entry] = State(known, stack)
        todo = sorted(self.states, key=lambda block: self.shape.order.get(block, 0))
        while todo:
            block = todo.pop(0)
            for target, state in self._write(block):
                before = self.states.get(target)
                after = state if before is None else before.merged(state)
                if after != before:
                    self.states[target] = after
                    if target not in todo:
                        todo.append(target)

    def _write(self, block: int) -> list[tuple[int, State]]:
        state = self.states[block]
        self.kinds = list(state.locals)
        self.asked = set(state.asked)
        self.stack = [Item(f"s{depth}", kinds) for depth, kinds in enumerate(state.stack)]
        self.lines: list[Line] = []
        self.after: list[tuple[int, State]] = []
        self.jump: Jump | None = None
        self.block, self.block_end = block, self.graph.ends[block]
        code = self.function.code
        self.pc = block
        if not block:
            self._add(*spent(0, self.weights[-1]))
        thrown: State | None = None
        self.dirty[block] = False
        while self.pc < self.block_end:
            op, a, b = code[self.pc]
            self.stacks[self.pc] = tuple(item.state or item.text for item in self.stack)
            self.done = False
            state, known = State(tuple(self.kinds), tuple(item.kinds for item in self.stack)), len(self.lines)
            self._instruction(Op(op), a, b)
            found = self._note_throws(known, state)
            if found is not None:
                thrown = found if thrown is None else thrown.merged(found)
            self.pc += 1
            if self.done:
                break
        else:
            self._flush()
            self._to(self.block_end)
            self.jump = Jump("", self.block_end - 1, self.block_end, (), -1, ())
        self._catch(thrown)
        self.bodies[block], self.jumps[block] = self.lines, self.jump
        return self.after

    # --- instructions ---

    def _instruction(self, op: Op, a: int, b: int) -> None:
        method = getattr(self, "_op_" + op.name.lower(), None)
        if method is not None:
            method(a, b)
        else:
            self._by_handler(op, a, b)
