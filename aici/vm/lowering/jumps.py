"""The Python text of jumps, loops and exceptions. Part of `emit`."""

from __future__ import annotations

from aici.vm.costs import fuel_back
from aici.vm.isa import Op
from aici.vm.native import BUILTINS
from aici.vm.values import TypeValue

from . import operators
from .block import ROOM, SPEND, Block, spent
from .flow import ROOT, Jump, Line
from .kinds import BOOL, INDEX, INDEX_ITER, INTS, OTHER, RANGE, RANGE_ITER, VALUE, Item, within


class Jumps(Block):
    # --- loops, as flow asks for them ---

    def loop(self, header: int) -> list[Line] | None:
        if not self._is_for(header):
            return None
        depth = self.depths[header]
        price = self._price(header)
        steps = f"native(m, s{depth - 1}, {price})"
        opening = [f"for s{depth} in each({steps}):"]
        if self.function.is_async and not self.framed:  # may be left half-way
            opening = [f"i{depth} = {steps}", f"for s{depth} in each(i{depth}):"]
        return [*self.again(header), *[Line(0, text, header) for text in opening]]

    def _around(self) -> tuple[int, ...]:
        """The depths of the iterators of the `for` loops around the block at hand."""
        members = self.shape.members
        return tuple([self.depths[head] for head in members if self.block in members[head] and self._is_for(head)])

    def again(self, header: int) -> list[Line]:
        return [Line(0, ROOM, header)] if self.calls else []

    def _price(self, header: int) -> str:
        return ", ".join(str(part) for part in self.prices[header])

    def dispatch(self) -> tuple[list[str], list[str]]:
        if self.framed or not self.function.handlers:
            return [], []
        caught = [
            "except CAUGHT as error:",
            "    q, ex = m.caught(I, error, h, o)",
            "    if q < 0: raise",
            "    " + ROOM,
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

    # --- jumps and loops ---

    def _spend(self, target: int) -> tuple[str, ...]:
        """For a jump back."""
        if target > self.pc or target in self.prices:
            return ()
        return spent(fuel_back(self.pc, target), self.weights[self.pc + 1] - self.weights[target])

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
        self._add(ROOM)
        self._push(f"iterator(m, {item.text})", kinds)

    def _op_for_iter(self, a: int, b: int) -> None:
        self._flush()
        depth = len(self.stack)
        if not self._is_for(self.pc):
            self._add(f"{ROOM}; s{depth} = loop(m, s{depth - 1}, Price({self._price(self.pc)}))")
        iterator = self.stack.pop()
        self._to(a)
        self.stack.append(iterator)
        kinds = INTS if within(iterator.kinds, RANGE_ITER | INDEX_ITER) else VALUE
        kinds = INDEX if iterator.kinds == INDEX_ITER else kinds
        self._to(self.pc + 1, kinds)
        self.jump = Jump(f"s{depth} is U", self.pc, a, (), self.pc + 1, ())
        self.done = True

    # --- exceptions ---

    def _op_raise(self, a: int, b: int) -> None:
        """An exception that is caught in the same function is a jump."""
        rows = [row for row in self.function.handlers if row.start <= self.pc < row.end]
        if a or not rows:
            self._by_handler(Op.RAISE, a, b)
            return
        value = self.stack.pop()
        self._add(f"{ROOM}; ex = raised(m, {self.index}, {self.pc}, {value.text})")
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
        self.stack[-2:] = self.stack[-1], self.stack[-2]
        self._add(f"P.handled = {'h = ' if self.tracks else ''}{item.text}")

    def _op_pop_exc(self, a: int, b: int) -> None:
        self._add(f"P.handled = {'h = ' if self.tracks else ''}{self.stack.pop().text}")

    def _op_match_exc(self, a: int, b: int) -> None:
        wanted = self.stack.pop()
        if wanted.text[0] == "b":
            kind = BUILTINS[self.program.names[int(wanted.text[1:])]]
            if type(kind) is TypeValue and kind.is_exception:
                self._add(*SPEND)
                value = self.stack[-1].text
                self._push(f"{value}.kind is {wanted.text} or {value}.kind.is_subtype({wanted.text})", BOOL)
                return
        self._push(f"matches(m, {self.stack[-1].text}, {wanted.text})", BOOL)
