"""The Python text of what makes, keeps and combines values: the stack, variables, attributes, items, operators,
containers and strings. Part of `emit`.
"""

from __future__ import annotations

from aici.vm.isa import BINARY_OPERATORS, COMPARE_OPERATORS, CONVERSIONS, TABLE, UNARY_OPERATORS, Op
from aici.vm.memory import TEXT
from aici.vm.native import BUILTINS

from . import operators
from .block import ROOM, Block
from .kinds import BOOL, DICT, LIST, NUMBERS, OTHER, STR, TUPLE, UNBOUND, VALUE, WHOLE, Item, of_constant, within

METHOD = 1 << 15
"""The kind of a method of a list, or what else a look-up found, on its way to its call."""


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
        if not parts or any(item.kinds != STR for item in parts):
            self._add(f"{out} = text_of(m, ({listed}))")
        else:
            pieces = "".join("{" + item.text + "}" for item in parts)
            self._add(
                f'y = f"{pieces}"',
                f"{out} = y if len(y) < {TEXT} and y.isascii() else text_of(m, ({listed}))",
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
        item = self.stack.pop()
        self._add(f"{self.stack[-1 - a].text}.append({item.text})")

    def _op_unpack(self, a: int, b: int) -> None:
        item = self.stack.pop()
        base = len(self.stack)
        names = [f"x{n}" for n in range(50, 50 + a)]
        self._add(f"{ROOM}; t = unpacked(m, {item.text}, {a})")
        self._add(f"[{', '.join(names)}] = t")
        for place in range(a):
            self._push(names[a - 1 - place])
        assert len(self.stack) == base + a
