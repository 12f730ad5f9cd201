"""The Python text of calls, and of what leaves a function: returns, awaits and yields. Part of `emit`."""

from __future__ import annotations

from aici.vm.isa import Op
from aici.vm.native import BUILTINS
from aici.vm.values import Native, TypeValue

from .block import ROOM, SPEND, Block
from .data import METHOD
from .kinds import LIST, NATURAL, NONE, OTHER, PLAIN, RANGE, STR, VALUE, Item, within

CALLS = (Op.CALL, Op.CALL_KW, Op.CALL_EX, Op.CALL_METHOD)
"""What may call another lowered function, which says how many frames may follow it: `m.room` is to be set anew then,
before anything that may enter a frame."""


class Calls(Block):
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
            f"    {ROOM}; t, y, z = m.target({callee.text}, [{listed}], None)",
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
            f"elif type({method}) is BuiltinMethod: {ROOM}; {out} = append(m, {method}, {item})",
            "else:",
            f"    {ROOM}; t, y, z = m.target({method}, [{item}], None)",
            f"    {out} = y if t is None else t(d - 1, *y)",
        )
        self.stack.append(Item(out, VALUE))

    def _call_builtin(self, callee: Item, args: list[Item]) -> None:
        value = BUILTINS[self.program.names[int(callee.text[1:])]]
        listed = "".join(item.text + ", " for item in args)
        out = self._fresh()
        kinds = VALUE
        if type(value) in (Native, TypeValue):
            self._add(*SPEND)
        if value is BUILTINS["len"] and len(args) == 1:
            x = args[0].text
            kinds = NATURAL
            self._add(f"{out} = len({x}) if type({x}) in SIZED else m.call_native({callee.text}, [{x}])")
            kinds = VALUE if args[0].kinds & OTHER else NATURAL
        elif type(value) is Native and value.owner is None:
            self._add(f"{ROOM}; {out} = m.call_native({callee.text}, ({listed}))")
        elif type(value) is TypeValue and value.is_exception and value.constructor is None:
            self._add("m.allocate(FRAME)", f"{out} = ExceptionValue({callee.text}, ({listed}))")
        elif type(value) is TypeValue:
            if value is BUILTINS["str"] and len(args) == 1:
                kinds = STR if within(args[0].kinds, PLAIN) else VALUE
                self._add(f"{out} = text(m, {callee.text}, {args[0].text})")
            else:
                kinds = RANGE if value is BUILTINS["range"] else VALUE
                self._add(f"{ROOM}; {out} = m.construct({callee.text}, [{listed}])")
        else:
            self._add(f"{ROOM}; {out} = invoked(m, {callee.text}, [{listed}])")
        self.stack.append(Item(out, kinds))

    def _general_call(self, callee: Item, args: str, kwargs: str) -> None:
        out = self._fresh()
        self._add(
            f"{ROOM}; t, y, z = m.target({callee.text}, {args}, {kwargs})",
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
            f"{ROOM}; t, y, z = m.method({x}, n{a}, [{listed}])",
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
