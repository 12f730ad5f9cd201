"""The Python text of jumps and loops. Part of `emit`."""

from __future__ import annotations

from aici.vm.costs import fuel_back
from aici.vm.isa import Op

from . import operators
from .block import ROOM, spent
from .flow import ROOT, Jump, Line
from .kinds import INDEX_ITER, INTS, ITEMS, ITERATORS, OTHER, RANGE_ITER, STEPPED, TINY_ITER, VALUE, Item, within
from .raising import Raising

_CALM = RANGE_ITER | INDEX_ITER | TINY_ITER
"""Iterators whose steps raise nothing."""


class Jumps(Raising):
    # --- loops, as flow asks for them ---

    def loop(self, header: int) -> list[Line] | None:
        if not self._is_for(header):
            return None
        depth = self.depths[header]
        iterator = "held" if self.caught(header) else "quick"
        price = self._price(header)
        steps = f"{iterator}(m, s{depth - 1}, {price})"
        opening = [f"for s{depth} in each({steps}):"]
        if self.function.is_async and not self.framed:  # may be left half-way
            steps = steps.replace("quick(", "native(")
            opening = [f"i{depth} = {steps}", f"for s{depth} in each(i{depth}):"]
        return [*self.again(header), *[Line(0, text, header) for text in opening]]

    def again(self, header: int) -> list[Line]:
        return [Line(0, ROOM, header)] if self.calls else []  # which a call has changed

    def _price(self, header: int) -> str:
        return ", ".join(str(part) for part in self.prices[header])

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
        tested = self.pc - self._is_deferred()
        self.jump = Jump(condition, self.pc, target, self._spend(target), self.pc + 1, (), tested)
        self.done = True

    def _is_deferred(self) -> bool:
        """Whether what the jump at hand depends on is a comparison that was left for it to make."""
        code = self.function.code
        jumps = code[self.pc].op in (Op.JUMP_IF_FALSE, Op.JUMP_IF_TRUE)
        return jumps and self.pc > self.block and code[self.pc - 1].op == Op.COMPARE

    def _condition(self) -> Item:
        """Pop what a jump depends on, and bring the rest of the stack into order."""
        item = self.stack.pop()
        if self._is_deferred():
            self.stacks[self.pc] = self.stacks[self.pc][:-1]
        if any(other.text != f"s{depth}" for depth, other in enumerate(self.stack)):
            self.lines.append(Line(0, f"w = {item.text}", self.pc - self._is_deferred()))
            item = Item("w", item.kinds)
            self._flush()
        return item

    def _to_either(self, holds: int, fails: int) -> None:
        """Where control goes if a condition holds, and where if not, with what that says of a local."""
        pc, name, symbol, number = self.compared
        low = {">": number + 1, ">=": number, "==": number}, {"<": number, "<=": number + 1}
        for target, lows in zip((holds, fails), low, strict=True):
            asked = self.asked
            if pc == self.pc and lows.get(symbol, 0) > 0:
                self.asked = {*asked, f"{lows[symbol]}<={name}"}
            self._to(target)
            self.asked = asked

    def _op_jump_if_false(self, a: int, b: int) -> None:
        item = self._condition()
        self._to_either(self.pc + 1, a)
        self._branch(operators.negation(item), a)

    def _op_jump_if_true(self, a: int, b: int) -> None:
        item = self._condition()
        self._to_either(a, self.pc + 1)
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
        kinds = ITERATORS.get(item.kinds, OTHER)
        self._add(ROOM)
        self._push(f"iterator(m, {item.text})", kinds)

    def _op_for_iter(self, a: int, b: int) -> None:
        self._flush()
        depth = len(self.stack)
        if not self._is_for(self.pc):
            self._add(f"{ROOM}; s{depth} = loop(m, s{depth - 1}, Price({self._price(self.pc)}))")
        iterator = self.stack.pop()
        iterator = iterator._replace(kinds=iterator.kinds & ~STEPPED)
        if self._is_for(self.pc) and self.pc in self.catches.covered and not within(iterator.kinds, _CALM):
            self._add("ended(m)")
        self._to(a)
        self.stack.append(iterator._replace(kinds=iterator.kinds | STEPPED) if self._is_for(self.pc) else iterator)
        kinds = ITEMS.get(
            iterator.kinds, INTS if within(iterator.kinds, RANGE_ITER | INDEX_ITER | TINY_ITER) else VALUE
        )
        self._to(self.pc + 1, kinds)
        self.jump = Jump(f"s{depth} is U", self.pc, a, (), self.pc + 1, (), self.pc)
        self.done = True
