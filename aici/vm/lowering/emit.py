"""The Python text of a function's blocks: each instruction becomes a few lines over Python locals.

Locals of the function are `l0`, `l1`, ..., its cells `c0`, ..., items of the operand stack `s0`, ... by depth, where
they are not just the name of a local or a constant; constants of the program are `k0`, ..., its names `n0`, ...,
builtins that it can only mean `b0`, .... Nothing of the controller is in the text.

A function is written in one of two ways. *Direct*: parameters are arguments, and it returns its result; a way out by
an exception that has a handler goes through a dispatcher. *Framed*: it works on a `Frame` of the process, entered at
any of several instructions, and leaves everything there whenever it hands control back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from aici.vm.frame import back_cost
from aici.vm.isa import BINARY_OPERATORS, COMPARE_OPERATORS, CONVERSIONS, TABLE, UNARY_OPERATORS, Op
from aici.vm.native import BUILTINS
from aici.vm.program import Program
from aici.vm.values import Native, TypeValue

from . import operators
from .flow import ROOT, Graph, Jump, Line, Shape, Structure
from .kinds import (
    ANYTHING,
    BOOL,
    DICT,
    INDEX,
    INDEX_ITER,
    INTS,
    LIST,
    NATURAL,
    NONE,
    NUMBERS,
    OTHER,
    PLAIN,
    RANGE,
    RANGE_ITER,
    STR,
    TUPLE,
    UNBOUND,
    VALUE,
    WHOLE,
    Item,
    of_constant,
    within,
)


def _spent(units: int) -> tuple[str, ...]:
    return (f"m.fuel = f = m.fuel - {units}", "if f < 0: m.charge(0)")


_SPEND = _spent(1)
_ROOM = "m.room = d"
METHOD = 1 << 15
"""The kind of a method of a list, or what else a look-up found, on its way to its call."""
_STRING = 72
"""Characters of an ASCII text below which `BUILD_STRING` charges nothing."""


class State(NamedTuple):
    """What is known at the start of a block: the kinds of all locals, and of the items on the stack."""

    locals: tuple[int, ...]
    stack: tuple[int, ...]

    def merged(self, other: State) -> State:
        return State(
            tuple([a | b for a, b in zip(self.locals, other.locals, strict=True)]),
            tuple([a | b for a, b in zip(self.stack, other.stack, strict=True)]),
        )


class Lowered(NamedTuple):
    """A function's Python text. `pcs`: the instruction of each line, -1 for none. `stacks`: what is on the operand
    stack at an instruction, as Python expressions."""

    text: str
    pcs: list[int]
    stacks: dict[int, tuple[str, ...]]
    n_caches: int
    entries: frozenset[int]


_CALLS = (Op.CALL, Op.CALL_KW, Op.CALL_EX, Op.CALL_METHOD)
"""What may call another lowered function, which says how many frames may follow it: `m.room` is to be set anew then,
before anything that may enter a frame."""


def stored_globals(program: Program) -> frozenset[int]:
    """Names that the program assigns somewhere; all others can only be builtins."""
    return frozenset(
        instr.a for function in program.functions for instr in function.code if instr.op == Op.STORE_GLOBAL
    )


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


class Emitter:
    """Writes one function."""

    def __init__(
        self,
        program: Program,
        index: int,
        name: str,
        framed: bool,
        heads: Mapping[int, tuple[int, ...]],
        stored: frozenset[int],
    ) -> None:
        """`heads`: jump targets where a framed function may be entered, with the kinds of all locals there
        (and of what is on the stack). `name`: of the Python function."""
        self.heads = heads
        self.program = program
        self.index = index
        self.name = name
        self.function = program.functions[index]
        self.framed = framed
        self.stored = stored
        code = self.function.code
        self.depths = depths(program, index)
        entries = {0}
        self.resumed = {pc + 1 for pc, instr in enumerate(code) if framed and instr.op in (Op.AWAIT, Op.YIELD)}
        self.caught = {row.target for row in self.function.handlers}
        entries |= self.resumed
        if framed:
            entries |= set(heads)
        entries |= self.caught
        self.entries = frozenset(entries)
        self.dispatched = framed or bool(self.function.handlers)
        self.tracks = not framed and any(instr.op in (Op.PUSH_EXC, Op.POP_EXC) for instr in code)
        graph = Graph(self.function, entries)
        shape = Shape(graph, self.dispatched)
        if shape.cut and not self.dispatched:
            self.dispatched = True
            shape = Shape(graph, True)
        self.graph, self.shape = graph, shape
        self.calls = any(instr.op in _CALLS for instr in code)
        self.n_caches = 0
        self.caches: dict[int, int] = {}
        self.stacks: dict[int, tuple[str, ...]] = {}
        self.bodies: dict[int, list[Line]] = {}
        self.jumps: dict[int, Jump | None] = {}
        self._infer()

    # --- what flow asks for ---

    def body(self, block: int) -> list[Line]:
        return self.bodies.get(block, [])

    def end(self, block: int) -> Jump | None:
        return self.jumps.get(block)

    def loop(self, header: int) -> list[Line] | None:
        if not self._is_for(header):
            return None
        depth = self.depths[header]
        return [
            *[Line(0, text, header) for text in (*_SPEND, _ROOM)],
            Line(0, f"for s{depth} in native(m, s{depth - 1}):", header),
        ]

    def again(self, header: int, pc: int | None) -> list[Line]:
        if pc is None or pc < header or self.function.code[pc].op == Op.FOR_ITER:
            return [Line(0, text, header) for text in (*_SPEND, _ROOM)]
        room = [Line(0, _ROOM, header)] if self.calls else []
        return [
            *room,
            Line(0, f"m.fuel = f = m.fuel - {1 + back_cost(pc, header)}", header),
            Line(0, "if f < 0:", header),
            Line(1, "if f < -1: m.charge(0)", pc),
            Line(1, "m.charge(0)", header),
        ]

    def dispatch(self) -> tuple[list[str], list[str]]:
        if self.framed or not self.function.handlers:
            return [], []
        caught = [
            "except CAUGHT as error:",
            "    q, ex = m.caught(I, error, h, o)",
            "    if q < 0: raise",
            "    " + _ROOM,
        ]
        rows = self.function.handlers
        for depth in sorted({row.depth for row in rows}):
            targets = "".join(f"{target}, " for target in sorted({row.target for row in rows if row.depth == depth}))
            caught.append(f"    if q in ({targets}): s{depth} = ex")
        caught.append("    ex = None")
        return ["try:"], caught

    def _is_for(self, header: int) -> bool:
        """Whether a loop over an iterator is written as Python's own: nothing waits inside, and it is its only way."""
        code = self.function.code
        if header == ROOT or code[header].op != Op.FOR_ITER or header not in self.shape.members:
            return False
        if header in self.shape.cut:
            return False
        members = self.shape.members[header]
        return code[header].a not in members and not self._comes_back(header)

    def _comes_back(self, header: int) -> bool:
        """Whether the function can be entered somewhere with the loop's iterator half-way."""
        depth = self.depths[header]
        seen, todo = {header}, [header]
        while todo:
            for block in self.graph.before[todo.pop()]:
                if block not in seen and self.depths[block] >= depth:
                    if block in self.entries:
                        return True
                    seen.add(block)
                    todo.append(block)
        return False

    # --- the whole ---

    def lower(self) -> Lowered:
        lines = Structure(self.shape, self).write()
        texts, pcs = self._prologue()
        for indent, text, pc in lines:
            texts.append(" " * (indent + 1) + text)
            pcs.append(pc)
        return Lowered("\n".join(texts) + "\n", pcs, self.stacks, self.n_caches, self.entries)

    def _prologue(self) -> tuple[list[str], list[int]]:
        function = self.function
        names = ["m", "G", "P", "I"]
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
            texts += [] if self.calls else ["  " + _ROOM]
            if n_locals > n_params:
                texts.append("  " + " = ".join(f"l{slot}" for slot in range(n_params, n_locals)) + " = U")
            texts += [f"  c{cell} = Cell()" for cell in range(n_own)]
            if self.dispatched:
                texts.append("  q = 0")
                texts.append("  h = o = P.handled")
        return texts, [-1] * len(texts)

    # --- inference: blocks are written again until nothing new is known of what they start with ---

    def _infer(self) -> None:
        n_locals, n_params = len(self.function.locals), self.function.n_params
        fresh = (VALUE,) * n_params + (UNBOUND,) * (n_locals - n_params)
        self.states: dict[int, State] = {}
        unknown = (ANYTHING,) * n_locals
        for entry in self.entries:
            stack = (VALUE,) * self.depths[entry]
            resumed = entry in self.resumed or entry in self.caught
            known = unknown if resumed else fresh if entry == 0 else self.heads[entry][:n_locals]
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
        self.stack = [Item(f"s{depth}", kinds) for depth, kinds in enumerate(state.stack)]
        self.lines: list[Line] = []
        self.after: list[tuple[int, State]] = []
        self.jump: Jump | None = None
        self.block, self.block_end = block, self.graph.ends[block]
        code = self.function.code
        self.pc = block
        while self.pc < self.block_end:
            op, a, b = code[self.pc]
            self.stacks[self.pc] = tuple(item.text for item in self.stack)
            self.done = False
            self._instruction(Op(op), a, b)
            self.pc += 1
            if self.done:
                break
        else:
            self._flush()
            self._to(self.block_end)
            self.jump = Jump("", self.block_end - 1, self.block_end, (), -1, ())
        self.bodies[block], self.jumps[block] = self.lines, self.jump
        return self.after

    def _add(self, *texts: str) -> None:
        self.lines.extend(Line(0, text, self.pc) for text in texts)

    def _to(self, target: int, *extra: int) -> None:
        self.after.append((target, State(tuple(self.kinds), (*[item.kinds for item in self.stack], *extra))))

    # --- the operand stack ---

    def _fresh(self) -> str:
        """A name for the next item pushed, that nothing on the stack refers to: the local where it goes at once."""
        following = self.function.code[self.pc + 1] if self.pc + 1 < self.block_end else None
        if following is not None and following.op == Op.STORE_LOCAL:
            name = f"l{following.a}"
            if not any(item.text == name for item in self.stack):
                return name
        name = f"s{len(self.stack)}"
        if any(item.text == name for item in self.stack):
            used = {item.text for item in self.stack}
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
        """A local is about to change: what the stack has of it must not."""
        for item in self.stack:
            if item.text == name:
                used = {other.text for other in self.stack}
                fresh = next(f"x{n}" for n in range(len(used) + 1) if f"x{n}" not in used)
                self._add(f"{fresh} = {name}")
                self.stack = [Item(fresh, other.kinds) if other.text == name else other for other in self.stack]
                return

    def _constant(self, item: Item) -> object:
        return self.program.consts[int(item.text[1:])] if item.text[0] == "k" else ...

    # --- instructions ---

    def _instruction(self, op: Op, a: int, b: int) -> None:
        method = getattr(self, "_op_" + op.name.lower(), None)
        if method is not None:
            method(a, b)
        else:
            self._by_handler(op, a, b)

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
        self._add(f"{_ROOM}; t = plain(m, I, {self.pc}, [{items}], {cells})")
        if info.ends:
            self.done = True
            return
        for place in range(pushes):
            kinds = {"LIST": LIST, "DICT": DICT}.get(info.push_kind.name, VALUE) if place == pushes - 1 else VALUE
            self._push(f"t[{place}]", kinds)

    def _op_const(self, a: int, b: int) -> None:
        self.stack.append(Item(f"k{a}", of_constant(self.program.consts[a])))

    def _op_pop(self, a: int, b: int) -> None:
        self.stack.pop()

    def _op_dup(self, a: int, b: int) -> None:
        self.stack.append(self.stack[-1])

    def _op_dup2(self, a: int, b: int) -> None:
        self.stack.extend(self.stack[-2:])

    def _op_swap(self, a: int, b: int) -> None:
        self.stack[-2:] = self.stack[-1], self.stack[-2]

    def _op_rot3(self, a: int, b: int) -> None:
        self.stack.insert(-2, self.stack.pop())

    def _op_load_local(self, a: int, b: int) -> None:
        kinds = self.kinds[a]
        if kinds & UNBOUND:
            self._add(f"if l{a} is U: unbound(m, I, {a})")
            self.kinds[a] = kinds = (kinds & ~UNBOUND) or VALUE
        self.stack.append(Item(f"l{a}", kinds))

    def _op_store_local(self, a: int, b: int) -> None:
        item = self.stack.pop()
        self._before_store(f"l{a}")
        if item.text != f"l{a}":
            self._add(f"l{a} = {item.text}")
        self.kinds[a] = item.kinds

    def _op_delete_local(self, a: int, b: int) -> None:
        if self.kinds[a] & UNBOUND:
            self._add(f"if l{a} is U: unbound(m, I, {a})")
        self._before_store(f"l{a}")
        self._add(f"l{a} = U")
        self.kinds[a] = UNBOUND

    def _op_load_cell(self, a: int, b: int) -> None:
        self._add(f"if c{a}.value is U: empty(m, I, {a})")
        self._push(f"c{a}.value")

    def _op_store_cell(self, a: int, b: int) -> None:
        self._add(f"c{a}.value = {self.stack.pop().text}")

    def _op_delete_cell(self, a: int, b: int) -> None:
        self._add(f"if c{a}.value is U: empty(m, I, {a})", f"c{a}.value = U")

    def _op_new_cell(self, a: int, b: int) -> None:
        self._add("m.allocate(OBJECT)", f"c{a} = Cell()")
        if self.framed:
            self._add(f"frame.cells[{a}] = c{a}")

    def _op_load_global(self, a: int, b: int) -> None:
        if a not in self.stored and self.program.names[a] in BUILTINS:
            self.stack.append(Item(f"b{a}", OTHER))
            return
        name = self._fresh()
        self._add(f"try: {name} = G[n{a}]", f"except KeyError: {name} = built_in(m, n{a})")
        self.stack.append(Item(name, VALUE))

    def _op_store_global(self, a: int, b: int) -> None:
        self._add(f"G[n{a}] = {self.stack.pop().text}")

    def _op_load_attr(self, a: int, b: int) -> None:
        item = self.stack.pop()
        if self.program.names[a] != "append" or not item.kinds & LIST or not self._is_called(1):
            self._push(f"attribute(m, {item.text}, n{a})")
            return
        room = "(n := m.memory + OBJECT) <= m.memory_limit"
        guard = room if item.kinds == LIST else f"type({item.text}) is list and {room}"
        out = self._fresh()
        self._add(
            f"if {guard}: m.memory = n; {out} = {item.text}.append",
            f"else: {out} = attribute(m, {item.text}, n{a})",
        )
        self.stack.append(Item(out, METHOD))

    def _is_called(self, n_args: int) -> bool:
        """Whether what is pushed now is only called, in this block, with so many plain arguments."""
        above = 0
        for pc in range(self.pc + 1, self.block_end):
            op, a, b = self.function.code[pc]
            info = TABLE[op]
            pops = info.pops.of(a, b)
            if pops > above or (info.needs_depth_a and info.needs_depth + a >= above):
                return op == Op.CALL and a == above == n_args
            above += info.pushes.of(a, b) - pops
        return False

    def _op_load_subscr(self, a: int, b: int) -> None:
        x, key = self._take(2)
        out = self._fresh()
        lines, kinds = operators.subscript(x, key, self._constant(key), out)
        self._add(*lines)
        self.stack.append(Item(out, kinds))

    def _op_store_subscr(self, a: int, b: int) -> None:
        value, x, key = self._take(3)
        self._add(*operators.store(x, key, self._constant(key), value))

    # --- operators ---

    def _op_unary(self, a: int, b: int) -> None:
        symbol = UNARY_OPERATORS[a]
        item = self.stack.pop()
        if symbol == "not":
            self._push(operators.negation(item), BOOL)
        else:
            self._push(f"U{a}(m, {item.text})")

    def _op_binary(self, a: int, b: int, in_place: bool = False) -> None:
        x, y = self._take(2)
        out = self._fresh()
        helper = f"{'A' if in_place else 'B'}{a}"
        symbol = BINARY_OPERATORS[a]
        lines, kinds = operators.binary(symbol, helper, in_place, x, y, self._constant(x), self._constant(y), out)
        if in_place and symbol in "|&-^*" and not within(x.kinds, NUMBERS) and symbol != "-":
            lines, kinds = [f"{out} = {helper}(m, {x.text}, {y.text})"], VALUE
        self._add(*lines)
        self.stack.append(Item(out, kinds))

    def _op_inplace(self, a: int, b: int) -> None:
        self._op_binary(a, b, True)

    def _op_compare(self, a: int, b: int) -> None:
        x, y = self._take(2)
        text, kinds = operators.comparison(COMPARE_OPERATORS[a], f"C{a}", x, y, self._constant(x), self._constant(y))
        following = self.function.code[self.pc + 1].op if self.pc + 1 < self.block_end else None
        if following in (Op.JUMP_IF_FALSE, Op.JUMP_IF_TRUE):
            if kinds != BOOL:
                text = text.replace(f"C{a}(m", f"D{a}(m")
            self.stack.append(Item(text, BOOL))
        else:
            self._push(text, kinds)

    # --- jumps and loops ---

    def _spend(self, target: int) -> tuple[str, ...]:
        return _spent(back_cost(self.pc, target)) if target <= self.pc else ()

    def _op_jump(self, a: int, b: int) -> None:
        self._flush()
        self._to(a)
        self.jump = Jump("", self.pc, a, self._spend(a), -1, ())
        self.done = True

    def _branch(self, condition: str, target: int) -> None:
        self.jump = Jump(condition, self.pc, target, self._spend(target), self.pc + 1, ())
        self.done = True

    def _condition(self) -> Item:
        """Pop what a jump depends on, and bring the rest of the stack into order."""
        item = self.stack.pop()
        if any(other.text != f"s{depth}" for depth, other in enumerate(self.stack)):
            self._add(f"w = {item.text}")
            item = Item("w", item.kinds)
            self._flush()
        return item

    def _op_jump_if_false(self, a: int, b: int) -> None:
        item = self._condition()
        self._to(a)
        self._to(self.pc + 1)
        self._branch(operators.negation(item), a)

    def _op_jump_if_true(self, a: int, b: int) -> None:
        item = self._condition()
        self._to(a)
        self._to(self.pc + 1)
        self._branch(operators.truth(item), a)

    def _keep(self, a: int, negate: bool) -> None:
        self._flush()
        self._to(a)
        item = self.stack.pop()
        self._to(self.pc + 1)
        self._branch(operators.negation(item) if negate else operators.truth(item), a)

    def _op_jump_if_false_keep(self, a: int, b: int) -> None:
        self._keep(a, True)

    def _op_jump_if_true_keep(self, a: int, b: int) -> None:
        self._keep(a, False)

    def _op_get_iter(self, a: int, b: int) -> None:
        item = self.stack.pop()
        kinds = RANGE_ITER if item.kinds == RANGE else OTHER
        self._add(_ROOM)
        self._push(f"iterator(m, {item.text})", kinds)

    def _op_for_iter(self, a: int, b: int) -> None:
        self._flush()
        depth = len(self.stack)
        if not self._is_for(self.pc):
            self._add(f"{_ROOM}; s{depth} = advance(m, s{depth - 1})")
        iterator = self.stack.pop()
        self._to(a)
        self.stack.append(iterator)
        kinds = INTS if within(iterator.kinds, RANGE_ITER | INDEX_ITER) else VALUE
        kinds = INDEX if iterator.kinds == INDEX_ITER else kinds
        self._to(self.pc + 1, kinds)
        self.jump = Jump(f"s{depth} is U", self.pc, a, (), self.pc + 1, ())
        self.done = True

    # --- containers and strings ---

    def _op_build_tuple(self, a: int, b: int) -> None:
        items = "".join(item.text + ", " for item in self.stack[len(self.stack) - a :])
        self._add(f"m.allocate({56 + 40 * a})")
        self._take(a)
        self._push(f"({items})", TUPLE)

    def _op_build_list(self, a: int, b: int) -> None:
        items = ", ".join(item.text for item in self.stack[len(self.stack) - a :])
        self._add(f"m.allocate({56 + 40 * a})")
        self._take(a)
        self._push(f"[{items}]", LIST)

    def _op_build_dict(self, a: int, b: int) -> None:
        if a:
            self._by_handler(Op.BUILD_DICT, a, b)
        else:
            self._add("m.allocate(64)")
            self._push("{}", DICT)

    def _op_build_string(self, a: int, b: int) -> None:
        parts = self._take(a)
        listed = "".join(item.text + ", " for item in parts)
        out = self._fresh()
        if not parts or any(item.kinds != STR for item in parts):
            self._add(f"{out} = text_of(m, ({listed}))")
        else:
            pieces = "".join("{" + item.text + "}" for item in parts)
            fits = f"(z := len(y)) < {_STRING} and y.isascii() and (n := m.memory + 56 + z) <= m.memory_limit"
            self._add(
                f'y = f"{pieces}"',
                f"if {fits}:",
                f"    m.memory = n; {out} = y",
                f"else: {out} = text_of(m, ({listed}))",
            )
        self.stack.append(Item(out, STR))

    def _op_format(self, a: int, b: int) -> None:
        if b or CONVERSIONS[a]:
            spec = self.stack.pop().text if b else "''"
            item = self.stack.pop()
            self._push(f"formatted(m, {item.text}, '{CONVERSIONS[a]}', {spec})", STR)
            return
        item = self.stack.pop()
        if item.kinds == STR:
            self.stack.append(item)
        elif within(item.kinds, WHOLE):
            self._push(f"shown(m, {item.text})", STR)
        else:
            self._push(f"{item.text} if type({item.text}) is str else shown(m, {item.text})", STR)

    def _op_list_append(self, a: int, b: int) -> None:
        self._add("m.memory = n = m.memory + 40", "if n > m.memory_limit: m.recount(40)")
        item = self.stack.pop()
        self._add(f"{self.stack[-1 - a].text}.append({item.text})")

    def _op_unpack(self, a: int, b: int) -> None:
        item = self.stack.pop()
        base = len(self.stack)
        names = [f"x{n}" for n in range(50, 50 + a)]
        self._add(f"{_ROOM}; t = unpacked(m, {item.text}, {a})")
        self._add(f"[{', '.join(names)}] = t")
        for place in range(a):
            self._push(names[a - 1 - place])
        assert len(self.stack) == base + a

    # --- calls ---

    def _cache(self) -> int:
        if self.pc not in self.caches:
            self.caches[self.pc] = self.n_caches
            self.n_caches += 1
        return self.caches[self.pc]

    def _op_call(self, a: int, b: int) -> None:
        args = self._take(a)
        callee = self.stack.pop()
        if callee.text[0] == "b":
            self._call_builtin(callee, args)
            return
        if callee.kinds == METHOD:
            self._call_append(callee.text, args[0].text)
            return
        out = self._fresh()
        cache = self._cache()
        given = "".join(", " + item.text for item in args)
        listed = ", ".join(item.text for item in args)
        self._add(
            f"if {callee.text} is v{cache} and d > 0:",
            f"    m.fuel = f = m.fuel - w{cache}",
            "    if f < 0: m.charge(0)",
            f"    {out} = e{cache}(d - 1{given})",
            "else:",
            f"    {_ROOM}; t, y, z = m.target({callee.text}, [{listed}], None)",
            f"    if t is None: {out} = y",
            "    else:",
            f"        if z: v{cache} = {callee.text}; e{cache} = t; w{cache} = z",
            f"        {out} = t(d - 1, *y)",
        )
        self.stack.append(Item(out, VALUE))

    def _call_append(self, method: str, item: str) -> None:
        out = self._fresh()
        self._add(
            f"if type({method}) is BuiltinMethod and m.fuel > 0 and (n := m.memory + 40) <= m.memory_limit:",
            f"    m.fuel -= 1; m.memory = n; {method}({item}); {out} = None",
            f"elif type({method}) is BuiltinMethod: {_ROOM}; {out} = append(m, {method}, {item})",
            "else:",
            f"    {_ROOM}; t, y, z = m.target({method}, [{item}], None)",
            f"    {out} = y if t is None else t(d - 1, *y)",
        )
        self.stack.append(Item(out, VALUE))

    def _call_builtin(self, callee: Item, args: list[Item]) -> None:
        value = BUILTINS[self.program.names[int(callee.text[1:])]]
        listed = "".join(item.text + ", " for item in args)
        out = self._fresh()
        kinds = VALUE
        if type(value) in (Native, TypeValue):
            self._add(*_SPEND)
        if value is BUILTINS["len"] and len(args) == 1:
            x = args[0].text
            kinds = NATURAL
            self._add(f"{out} = len({x}) if type({x}) in SIZED else m.call_native({callee.text}, [{x}])")
            kinds = VALUE if args[0].kinds & OTHER else NATURAL
        elif type(value) is Native and value.owner is None:
            self._add(f"{_ROOM}; {out} = m.call_native({callee.text}, ({listed}))")
        elif type(value) is TypeValue and value.is_exception and value.constructor is None:
            self._add("m.allocate(FRAME)", f"{out} = ExceptionValue({callee.text}, ({listed}))")
        elif type(value) is TypeValue:
            if value is BUILTINS["str"] and len(args) == 1:
                kinds = STR if within(args[0].kinds, PLAIN) else VALUE
                self._add(f"{out} = text(m, {callee.text}, {args[0].text})")
            else:
                kinds = RANGE if value is BUILTINS["range"] else VALUE
                self._add(f"{_ROOM}; {out} = m.construct({callee.text}, [{listed}])")
        else:
            self._add(f"{_ROOM}; {out} = invoked(m, {callee.text}, [{listed}])")
        self.stack.append(Item(out, kinds))

    def _general_call(self, callee: Item, args: str, kwargs: str) -> None:
        out = self._fresh()
        self._add(
            f"{_ROOM}; t, y, z = m.target({callee.text}, {args}, {kwargs})",
            f"{out} = y if t is None else t(d - 1, *y)",
        )
        self.stack.append(Item(out, VALUE))

    def _op_call_kw(self, a: int, b: int) -> None:
        names = self.program.consts[b]
        assert isinstance(names, tuple)
        args = self._take(a)
        callee = self.stack.pop()
        first = a - len(names)
        listed = ", ".join(item.text for item in args[:first])
        named = ", ".join(f"k{b}[{place}]: {item.text}" for place, item in enumerate(args[first:]))
        self._general_call(callee, f"[{listed}]", "{" + named + "}")

    def _op_call_ex(self, a: int, b: int) -> None:
        kwargs = self.stack.pop().text if a else "None"
        args = self.stack.pop().text
        callee = self.stack.pop()
        self._add(f"y, z = spread(m, {args}, {kwargs}, {bool(a)})")
        self._general_call(callee, "y", "z")

    def _op_call_method(self, a: int, b: int) -> None:
        args = self._take(b)
        receiver = self.stack.pop()
        x, out = receiver.text, self._fresh()
        listed = ", ".join(item.text for item in args)
        slow = [
            f"{_ROOM}; t, y, z = m.method({x}, n{a}, [{listed}])",
            f"{out} = y if t is None else t(d - 1, *y)",
        ]
        if self.program.names[a] == "append" and b == 1 and receiver.kinds & LIST:
            room = "(n := m.memory + 40) <= m.memory_limit"
            guard = room if receiver.kinds == LIST else f"type({x}) is list and {room}"
            self._add(
                f"if {guard} and m.fuel > 0:",
                f"    m.fuel -= 1; m.memory = n; {x}.append({listed}); {out} = None",
                "else:",
                *["    " + line for line in slow],
            )
            self.stack.append(Item(out, VALUE if receiver.kinds & ~LIST else NONE))
            return
        self._add(*slow)
        self.stack.append(Item(out, VALUE))

    def _op_return(self, a: int, b: int) -> None:
        item = self.stack.pop()
        if self.framed:
            self._add(f"m.leave_frame(frame, {item.text})", "return")
        else:
            if self.tracks:
                self._add("P.handled = o")
            self._add(f"return {item.text}")
        self.done = True

    def _spill(self) -> None:
        locals_ = ", ".join(f"l{slot}" for slot in range(len(self.function.locals)))
        stack = ", ".join(item.text for item in self.stack)
        self._add(f"frame.locals[:] = [{locals_}]", f"frame.stack[:] = [{stack}]", f"frame.pc = {self.pc + 1}")

    def _op_await(self, a: int, b: int) -> None:
        item = self.stack.pop()
        self._spill()
        self._add(f"m.wait_for(frame, {item.text})", "return")
        self.done = True

    def _op_yield(self, a: int, b: int) -> None:
        item = self.stack.pop()
        self._spill()
        self._add(f"m.suspend_generator(frame, {item.text})", "return")
        self.done = True

    # --- exceptions ---

    def _op_raise(self, a: int, b: int) -> None:
        """An exception that is caught in the same function is a jump."""
        rows = [row for row in self.function.handlers if row.start <= self.pc < row.end]
        if a or not rows:
            self._by_handler(Op.RAISE, a, b)
            return
        value = self.stack.pop()
        self._add(f"{_ROOM}; ex = raised(m, {self.index}, {self.pc}, {value.text})")
        del self.stack[rows[0].depth :]
        self.stack.append(Item("ex", OTHER))
        self._flush()
        self._to(rows[0].target)
        self.jump = Jump("", self.pc, rows[0].target, (), -1, ())
        self.done = True

    def _op_push_exc(self, a: int, b: int) -> None:
        item = self.stack.pop()
        self.stack.append(item)
        self._push("P.handled")
        self._op_swap(0, 0)
        self._add(f"P.handled = {'h = ' if self.tracks else ''}{item.text}")

    def _op_pop_exc(self, a: int, b: int) -> None:
        self._add(f"P.handled = {'h = ' if self.tracks else ''}{self.stack.pop().text}")

    def _op_match_exc(self, a: int, b: int) -> None:
        wanted = self.stack.pop()
        if wanted.text[0] == "b":
            kind = BUILTINS[self.program.names[int(wanted.text[1:])]]
            if type(kind) is TypeValue and kind.is_exception:
                self._add(*_SPEND)
                value = self.stack[-1].text
                self._push(f"{value}.kind is {wanted.text} or {value}.kind.is_subtype({wanted.text})", BOOL)
                return
        self._push(f"matches(m, {self.stack[-1].text}, {wanted.text})", BOOL)
