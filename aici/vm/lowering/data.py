"""The Python text of what makes, keeps and combines values: the stack, variables, attributes, items, operators,
containers and strings. Part of `emit`.
"""

from __future__ import annotations

from aici.vm.isa import BINARY_OPERATORS, COMPARE_OPERATORS, CONVERSIONS, TABLE, UNARY_OPERATORS, Op
from aici.vm.memory import TEXT
from aici.vm.native import BUILTINS

from . import operators
from .block import Block
from .kinds import (
    BOOL,
    DICT,
    FLOAT,
    LIST,
    METHOD,
    NONE,
    NUMBERS,
    OTHER,
    STR,
    TUPLE,
    UNBOUND,
    VALUE,
    WHOLE,
    Item,
    bits_of,
    of_constant,
    within,
)

_TEXTS = STR | FLOAT | NONE | BOOL
"""Beside small integers, what Python itself may show in an f-string."""
_CHARACTERS = {FLOAT: 24, BOOL: 5, NONE: 4}


class Data(Block):
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
        self._load(a, f"unbound(m, I, {a})")

    def _load(self, slot: int, unbound: str) -> None:
        kinds = self.kinds[slot]
        if kinds & UNBOUND:
            self._add(f"if l{slot} is U: {unbound}")
            self.kinds[slot] = kinds = (kinds & ~UNBOUND) or VALUE
        self.stack.append(Item(f"l{slot}", kinds, low=self._low(slot)))

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
        if a in self.kept:
            self._load(self.kept[a], f"built_in(m, n{a})")
            return
        if a not in self.stored and self.program.names[a] in BUILTINS:
            self.stack.append(Item(f"b{a}", OTHER))
            return
        if a in self.settled:
            self.constants.add(a)
            if f"p{a}" not in self.asked:
                self._add(f"try: p{a}", f"except NameError: settle(m, {a})")
                self.asked.add(f"p{a}")
            self.stack.append(Item(f"p{a}", VALUE))
            return
        name = self._fresh()
        self._add(f"try: {name} = G[n{a}]", f"except KeyError: {name} = built_in(m, n{a})")
        self.stack.append(Item(name, VALUE))

    def _op_store_global(self, a: int, b: int) -> None:
        if a in self.kept:
            self._op_store_local(self.kept[a], 0)
            self._add(f"G[n{a}] = l{self.kept[a]}")
        else:
            self._add(f"G[n{a}] = {self.stack.pop().text}")

    def _op_load_attr(self, a: int, b: int) -> None:
        item = self.stack.pop()
        if self.program.names[a] != "append":
            self._push(f"attribute(m, {item.text}, n{a})")
        elif not item.kinds & LIST or not self._goes_to(Op.CALL, 1):
            self._push(f"method(m, {item.text}, n{a})")
        elif item.kinds == LIST:
            self.stack.append(Item(item.text, METHOD, 0, item.text + ".append"))
        else:
            out = self._fresh()
            self._add(f"{out} = {item.text}.append if type({item.text}) is list else attribute(m, {item.text}, n{a})")
            self.stack.append(Item(out, METHOD))

    def _goes_to(self, wanted: Op, n_above: int) -> bool:
        """Whether what is pushed now is next looked at by such an instruction, in this block, with so many above it."""
        above = 0
        for pc in range(self.pc + 1, self.block_end):
            op, a, b = self.function.code[pc]
            info = TABLE[op]
            pops = info.pops.of(a, b)
            if pops > above or (info.needs_depth_a and info.needs_depth + a >= above):
                return op == wanted and (a == above == n_above or n_above < 0)
            if op == Op.AWAIT:
                return False
            above += info.pushes.of(a, b) - pops
        return False

    def _op_load_subscr(self, a: int, b: int) -> None:
        x, key = self._take(2)
        out = self._fresh()
        lines, kinds = operators.subscript(x, key, self._constant(key), out, self._asked)
        self._add(*lines)
        self.stack.append(Item(out, kinds))

    def _op_store_subscr(self, a: int, b: int) -> None:
        value, x, key = self._take(3)
        self._add(*operators.store(x, key, self._constant(key), value, self._asked))

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
        out = self._fresh(y.text)  # which is looked at once more when the sum is checked
        helper = f"{'A' if in_place else 'B'}{a}"
        symbol = BINARY_OPERATORS[a]
        if in_place and symbol in "|&^*" and not within(x.kinds, NUMBERS):
            lines, made = [f"{out} = {helper}(m, {x.text}, {y.text})"], Item(out, VALUE)
        else:
            constants = self._constant(x), self._constant(y)
            lines, made = operators.binary(symbol, helper, in_place, x, y, *constants, out, self._asked)
        self._add(*lines)
        self.stack.append(made)

    def _op_inplace(self, a: int, b: int) -> None:
        self._op_binary(a, b, True)

    def _op_compare(self, a: int, b: int) -> None:
        x, y = self._take(2)
        constants = self._constant(x), self._constant(y)
        text, kinds = operators.comparison(COMPARE_OPERATORS[a], f"C{a}", x, y, *constants, self._asked)
        following = self.function.code[self.pc + 1].op if self.pc + 1 < self.block_end else None
        if following in (Op.JUMP_IF_FALSE, Op.JUMP_IF_TRUE):
            if kinds != BOOL:
                text = text.replace(f"C{a}(m", f"D{a}(m")
            self.stack.append(Item(text, BOOL))
            if x.text[0] == "l" and within(x.kinds, WHOLE) and type(constants[1]) is int:
                self.compared = (self.pc + 1, x.text, COMPARE_OPERATORS[a], constants[1])
        else:
            self._push(text, kinds)

    # --- containers and strings ---

    def _op_build_tuple(self, a: int, b: int) -> None:
        items = "".join(item.text + ", " for item in self.stack[len(self.stack) - a :])
        self._take(a)
        self._push(f"({items})", TUPLE)

    def _op_build_list(self, a: int, b: int) -> None:
        items = ", ".join(item.text for item in self.stack[len(self.stack) - a :])
        self._take(a)
        self._push(f"[{items}]", LIST)

    def _op_build_dict(self, a: int, b: int) -> None:
        if a:
            self._by_handler(Op.BUILD_DICT, a, b)
        else:
            self._push("{}", DICT)

    def _op_build_string(self, a: int, b: int) -> None:
        parts = self._take(a)
        listed = "".join(item.text + ", " for item in parts)
        out = self._fresh()
        if not parts or any(not within(item.kinds, STR) and not item.state for item in parts):
            self._add(f"{out} = text_of(m, ({listed}))")
        else:
            pieces = "".join("{" + item.text + "}" for item in parts)
            quick = f'f"{pieces}"'
            if sum(map(self._characters, parts)) < TEXT:
                self._add(f"{out} = {quick}")
            else:
                self._add(
                    f"y = {quick}", f"{out} = y if len(y) < {TEXT} and y.isascii() else long_text(m, y, ({listed}))"
                )
        self.stack.append(Item(out, STR))

    def _characters(self, item: Item) -> int:
        """How many a part of a text takes at most, and ASCII; TEXT if that is not known."""
        constant = self._constant(item)
        if type(constant) is str:
            return len(constant) if constant.isascii() else TEXT
        if bits_of(item):
            return 3 + bits_of(item) * 3 // 10
        return max((count for kind, count in _CHARACTERS.items() if item.kinds & kind), default=TEXT)

    def _op_format(self, a: int, b: int) -> None:
        if b or CONVERSIONS[a]:
            spec = self.stack.pop().text if b else "''"
            item = self.stack.pop()
            self._push(f"formatted(m, {item.text}, '{CONVERSIONS[a]}', {spec})", STR)
            return
        item = self.stack.pop()
        joins = self._goes_to(Op.BUILD_STRING, -1)
        if item.kinds == STR:
            self.stack.append(item)
        elif joins and (bits_of(item) or within(item.kinds, _TEXTS)):
            self.stack.append(item._replace(state="shown " + item.text))
        elif joins and item.text[0] == "l" and item.kinds & WHOLE and bits_of(item, ...) == 0:
            guard = operators.small(item, ..., self._asked)
            self._push(f"{item.text} if {guard} else shown(m, {item.text})", STR)
            shown = self.stack.pop()
            self.stack.append(shown._replace(state="shown " + shown.text))
        else:
            self._push(f"{item.text} if type({item.text}) is str else shown(m, {item.text})", STR)

    def _op_list_append(self, a: int, b: int) -> None:
        item = self.stack.pop()
        self._add(f"{self.stack[-1 - a].text}.append({item.text})")

    def _op_unpack(self, a: int, b: int) -> None:
        item = self.stack.pop()
        base = len(self.stack)
        names = [f"x{n}" for n in range(50, 50 + a)]
        x = item.text
        fits = f"(type({x}) is tuple or type({x}) is list) and len({x}) == {a}"
        self._add(f"[{', '.join(names)}] = {x} if {fits} else unpacked(m, {x}, {a})")
        for place in range(a):
            self._push(names[a - 1 - place])
        assert len(self.stack) == base + a
