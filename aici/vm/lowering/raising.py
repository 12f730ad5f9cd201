"""The Python text of exceptions: raised, caught in the same function, matched and put away. Part of `emit`.

Whatever a handler of the function covers and may throw is written in a `try` of Python's own (see `flow`). A `raise`
whose handler is in the same function is a jump; where its class is known, so is the `except` clause that it goes to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from aici.vm.isa import TABLE, Op, Operand
from aici.vm.memory import FRAME, LEAVING, TRACE_ENTRY
from aici.vm.native import BUILTINS
from aici.vm.program import Function, Program
from aici.vm.values import TypeValue, place

from .block import ROOM, State
from .calls import Calls
from .flow import Jump, Line
from .kinds import BOOL, CLEAN, DIRTY, HANDLED, OTHER, VALUE, Item

CALM_OPS = frozenset(
    {
        *(Op.CONST, Op.POP, Op.DUP, Op.DUP2, Op.SWAP, Op.ROT3, Op.STORE_LOCAL, Op.STORE_CELL, Op.STORE_GLOBAL),
        *(Op.JUMP, Op.PUSH_EXC, Op.POP_EXC, Op.RETURN, Op.NEW_CELL, Op.THROW),
    }
)
"""Instructions that no exception comes out of, or one that is a jump."""
_CALM = frozenset(
    {
        *(
            "m.charge",
            "m.allocate",
            "m.recount",
            "grown",
            "joined",
            "len",
            "type",
            "native",
            "quick",
            "held",
            "isascii",
        ),
        *(
            "append",
            "is_append",
            "bit_length",
            "long_text",
            "Cell",
            "ExceptionValue",
            "chained",
            "unmade",
            "is_subtype",
            "Leave",
            "Price",
        ),
    }
)
"""What lowered code may call without that an exception comes out of it; limits are none."""
_CALLED = re.compile(r"([\w.]+)\(")


@lru_cache(maxsize=4096)
def throws(text: str) -> bool:
    """Whether a line of lowered code may raise an exception of the controller."""
    return any(name not in _CALM and name.rpartition(".")[2] not in _CALM for name in _CALLED.findall(text))


class Landing(NamedTuple):
    """Where an exception of a known class goes on, once the `except` clauses before have been passed: what they
    charge, each at its instruction."""

    block: int
    charges: tuple[tuple[int, int], ...]  # instruction, fuel


def classes(program: Program, stored: frozenset[int]) -> Mapping[int, TypeValue]:
    """The names that can only mean a class of exceptions that natives do not make."""
    found = {}
    for at, name in enumerate(program.names):
        kind = BUILTINS.get(name)
        if at not in stored and type(kind) is TypeValue and kind.is_exception and kind.constructor is None:
            found[at] = kind
    return found


class Catches:
    """What is known beforehand of a function's exceptions that it catches itself."""

    def __init__(self, function: Function, depths: Mapping[int, int], known: Mapping[int, TypeValue]) -> None:
        self.code = function.code
        self.known = known
        self.joins = {row.target for row in function.handlers}  # where control may come from elsewhere
        self.joins.update(instr.a for instr in self.code if TABLE[instr.op].operands == (Operand.TARGET,))
        self.starts = {*self.joins, *[row.start for row in function.handlers]}
        self.landings: dict[int, Landing] = {}  # by the RAISE, where the class is known
        self.jumps: dict[int, int] = {}  # by the instruction that raises, where it goes on
        self.covered: dict[int, tuple[int, int]] = {}  # target and depth of the handler of each instruction
        raises = [pc for pc, instr in enumerate(self.code) if instr.op == Op.RAISE and not instr.a and pc]
        made = {pc: self._class(pc, depths) for pc in raises}
        self.fresh = {pc: kind for pc, kind in made.items() if kind is not None}  # an exception made just before
        for row in function.handlers:
            for pc in range(row.start, row.end):
                self.covered[pc] = row.target, row.depth
                instr = self.code[pc]
                if instr.op in (Op.RAISE, Op.THROW, Op.RERAISE):
                    self.jumps[pc] = row.target
                landing = self._landing(self.fresh[pc], row.target) if pc in self.fresh and pc > row.start else None
                if landing is not None:
                    self.landings[pc] = landing
                    self.jumps[pc] = landing.block

    def _class(self, pc: int, depths: Mapping[int, int]) -> TypeValue | None:
        """The class of what is raised, where it is made by the call just before."""
        code, call = self.code, pc - 1
        if code[call].op != Op.CALL or pc in self.joins:
            return None
        slot, at = depths[call] - code[call].a - 1, call
        while at >= 0 and depths[at] > slot:
            if at in self.joins:
                return None
            at -= 1
        return self.known.get(code[at].a) if at >= 0 and code[at].op == Op.LOAD_GLOBAL else None

    def _landing(self, kind: TypeValue, pc: int) -> Landing | None:
        code = self.code
        if code[pc].op != Op.PUSH_EXC:
            return None
        pc += 1
        charges: list[tuple[int, int]] = []
        while code[pc].op == Op.LOAD_GLOBAL:
            wanted: list[TypeValue | None] = []
            while code[pc].op == Op.LOAD_GLOBAL:
                wanted.append(self.known.get(code[pc].a))
                pc += 1
            tupled = code[pc].op == Op.BUILD_TUPLE and code[pc].a == len(wanted)
            if not tupled and len(wanted) != 1:
                return None
            pc += tupled
            if None in wanted or code[pc].op != Op.MATCH_EXC or code[pc + 1].op != Op.JUMP_IF_FALSE:
                return None
            if tupled:
                charges.append((pc, len(wanted)))
            if any(kind.is_subtype(other) for other in wanted if other is not None):
                return Landing(pc + 2, tuple(charges))
            pc = code[pc + 1].a
        return Landing(pc, tuple(charges)) if pc in self.starts else None


_LOOKING = frozenset(
    {Op.RETURN, Op.AWAIT, Op.YIELD, Op.PUSH_EXC, Op.MATCH_EXC, Op.RAISE, Op.THROW, Op.RERAISE, Op.CALL, Op.CALL_METHOD}
)
"""What may see the exception that is being handled, or leave what handles it."""


class Raising(Calls):
    catches: Catches
    states: dict[int, State]
    excepts: dict[int, list[Line]]
    throws: dict[int, bool]
    dirty: dict[int, bool]
    making: tuple[str, str]
    """Class and arguments of the exception that is raised next, and accounted for by that."""
    unmade: frozenset[int]
    """The instructions that raise an exception which is never seen, and those while it would be handled."""

    def caught(self, block: int) -> list[Line]:
        return self.excepts.get(block, [])

    def _note_throws(self, known: int, before: State) -> State | None:
        """What the handler finds if an exception comes out of the instruction, of which the lines from `known` on are;
        None if there is none that catches one. `before`: the state before the instruction."""
        lines = [line.text for line in self.lines[known:]]
        found = self.throws[self.pc] = any(map(throws, [*lines, self.jump.condition if self.jump else ""]))
        if self.pc in self.catches.covered:
            depth = self.catches.covered[self.pc][1]
            return before._replace(stack=(*before.stack[:depth], OTHER)) if found else None
        if found or self.function.code[self.pc].op == Op.RETURN:
            self.dirty[self.block] |= before.locals[-1] != CLEAN
        return None

    def _catch(self, thrown: State | None) -> None:
        """At the end of a block, of which an exception comes with this state."""
        self.excepts.pop(self.block, None)
        if thrown is None:
            return
        if self.jump is not None and throws(self.jump.condition):
            self.lines.append(Line(0, f"w = {self.jump.condition}", self.jump.tested))
            self.jump = self.jump._replace(condition="w")
        target, depth = self.catches.covered[self.block]
        self.after.append((target, thrown))
        texts = ["except CAUGHT as error:", f" s{depth} = m.caught(I, error)", f" {ROOM}"]
        self.excepts[self.block] = [Line(0, text, -1) for text in texts]

    # --- raising ---

    def _op_call(self, a: int, b: int) -> None:
        callee = self.stack[-1 - a]
        kind = self.catches.known.get(int(callee.text[1:])) if callee.text[0] == "b" else None
        if kind is None:
            super()._op_call(a, b)
            return
        args = "".join(item.text + ", " for item in self._take(a))
        self.stack.pop()
        if self.pc + 1 in self.catches.landings and self.pc + 1 < self.block_end:
            self.making = callee.text, args
            self.stack.append(Item("ex", OTHER))
            return
        self._add(f"m.memory = n = m.memory + {FRAME}", f"if n > m.memory_limit: m.recount({FRAME})")
        self._push(f"ExceptionValue({callee.text}, ({args}))", OTHER)

    def _op_raise(self, a: int, b: int) -> None:
        """An exception that is caught in the same function is a jump."""
        cause = self.stack.pop().text if a else "U"
        value = self.stack.pop()
        landing = self.catches.landings.get(self.pc)
        if self.pc not in self.catches.jumps:
            fresh = self.pc in self.catches.fresh
            self._add(f"raise Throw({value.text})" if fresh else f"{ROOM}; raise thrown(m, {value.text}, {cause})")
            self.done = True
        elif landing is None:
            self._add(f"{ROOM}; ex = raised(m, {place(self.index, self.pc)}, {value.text}, {cause})")
            self._enter_handler()
        else:
            self._land(landing)

    def _op_throw(self, a: int, b: int) -> None:
        value = self.stack.pop()
        if self.pc not in self.catches.jumps:
            self._add(f"raise Throw({value.text}, AGAIN)")
            self.done = True
            return
        self._add(f"m.charge({LEAVING})")
        if value.text != "ex":
            self._add(f"ex = {value.text}")
        self._enter_handler()

    def _op_reraise(self, a: int, b: int) -> None:
        if self.pc not in self.catches.jumps:
            self._add("raise Throw(handled(m), AGAIN)")
            self.done = True
            return
        self._add("ex = handled(m)", f"m.charge({LEAVING})")
        self._enter_handler()

    def _enter_handler(self) -> None:
        target, depth = self.catches.covered[self.pc]
        del self.stack[depth:]
        self.stack.append(Item("ex", OTHER))
        self._flush()
        self._go_on(target)

    def _go_on(self, target: int) -> None:
        self._to(target)
        self.jump = Jump("", self.pc, target, (), -1, ())
        self.done = True

    def _land(self, landing: Landing) -> None:
        """Raise what is known to go on at a landing: all accounts at once, or one by one where that matters."""
        _, depth = self.catches.covered[self.pc]
        del self.stack[depth:]
        before, value = f"s{depth}", f"s{depth + 1}"
        fuel = LEAVING + sum(fuel for _, fuel in landing.charges)
        size = FRAME + TRACE_ENTRY
        clean = self.kinds[-1] == CLEAN
        kind, args = self.making
        made = f"ExceptionValue({kind}, ({args}))"
        trace = f"ex.trace.append({place(self.index, self.pc)}); "
        entered = f"{before} = o; {value} = P.handled = ex"
        if self.pc in self.unmade:
            made, trace, entered = f"({kind}, {args})", "", f"{before} = o"
        self._add(
            f"ex = {made}; o = P.handled",
            f"m.fuel = f = m.fuel - {fuel}; m.memory = n = m.memory + {size}",
            "if f < 0 or n > m.memory_limit or o is not None:",
            f"    m.fuel = f + {fuel}; m.memory = n - {size}",
        )
        slow = [(self.pc - 1, f"m.allocate({FRAME})")]
        slow.append((self.pc, f"if o is not None: chained(m, {'unmade(ex)' if not trace else 'ex'}, o)"))
        slow.append((self.pc, f"m.charge({LEAVING}); m.allocate({TRACE_ENTRY}); {trace}{entered}"))
        slow += [(at, f"m.charge({units})") for at, units in landing.charges]
        self.lines.extend(Line(0, "    " + text, at) for at, text in slow)
        self._add(f"else: {trace}{entered}")
        self.stack.append(Item(before, HANDLED if clean else VALUE))
        self.stack.append(Item(value, OTHER))
        self.kinds[-1] = DIRTY
        self._go_on(landing.block)

    # --- handling ---

    def _op_push_exc(self, a: int, b: int) -> None:
        item = self.stack.pop()
        self.stack.append(item)
        self._push("P.handled", HANDLED if self.kinds[-1] == CLEAN else VALUE)
        self.stack[-2:] = self.stack[-1], self.stack[-2]
        self._add(f"P.handled = {item.text}")
        self.kinds[-1] = DIRTY

    def _op_pop_exc(self, a: int, b: int) -> None:
        item = self.stack.pop()
        if self.pc not in self.unmade:
            self._add(f"P.handled = {item.text}")
        self.kinds[-1] = CLEAN if item.kinds == HANDLED else DIRTY

    def _find_unmade(self) -> frozenset[int]:
        """Where an exception is raised and handled that nothing can look at: in an `except` clause without a name, in
        which nothing throws or is called, and that is entered by such a `raise` only."""
        found: set[int] = set()
        for block in {landing.block for landing in self.catches.landings.values()} & self.states.keys():
            raises = {self.graph.ends[other] - 1 for other in self._before(block)}
            handling = self._handling(block) if raises <= self.catches.landings.keys() else None
            if handling is not None:
                found |= raises | handling
        return frozenset(found)

    def _before(self, block: int) -> list[int]:
        return [other for other in self.graph.before[block] if other in self.states]

    def _handling(self, landing: int) -> set[int] | None:
        """The instructions of an `except` clause up to its POP_EXC; None if the exception may be looked at."""
        code = self.function.code
        saved = self.depths[landing] - 1  # with what was handled before on top
        if code[landing].op != Op.POP:
            return None
        found: set[int] = set()
        blocks, todo = {landing}, [landing]
        while todo:
            block = todo.pop()
            for pc in range(block, self.graph.ends[block]):
                op, a, b = code[pc]
                found.add(pc)
                if op == Op.POP_EXC and self.depths[pc] == saved:
                    break
                touched = max(TABLE[op].pops.of(a, b), TABLE[op].jump_pops)
                if op in _LOOKING or self.throws[pc] or self.depths[pc] - touched < saved:
                    return None
            else:
                targets = [target for target in self.graph.next[block] if target not in blocks]
                blocks.update(targets)
                todo += targets
        others = any(other not in blocks for block in blocks - {landing} for other in self._before(block))
        return None if others or blocks & self.entries else found

    def _op_match_exc(self, a: int, b: int) -> None:
        wanted = self.stack.pop()
        if wanted.text[0] == "b":
            kind = BUILTINS[self.program.names[int(wanted.text[1:])]]
            if type(kind) is TypeValue and kind.is_exception:
                value = self.stack[-1].text
                self._push(f"{value}.kind is {wanted.text} or {value}.kind.is_subtype({wanted.text})", BOOL)
                return
        self._push(f"matches(m, {self.stack[-1].text}, {wanted.text})", BOOL)
