"""The Python text of calls, and of what leaves a function: returns, awaits and yields. Part of `emit`."""

from __future__ import annotations

from aici.vm.costs import fuel_back
from aici.vm.isa import Op
from aici.vm.native import BUILTINS
from aici.vm.values import Native, TypeValue

from .block import ROOM, Block
from .flow import Line
from .kinds import (
    BOOL,
    COUNTING,
    LIST,
    METHOD,
    NATURAL,
    NEAR,
    NONE,
    OTHER,
    PLAIN,
    RANGE,
    STEPPED,
    STR,
    TINY,
    TINY_RANGE,
    VALUE,
    Item,
    bits_of,
    parameters,
    within,
)

_AWAITED = (Op.CALL, Op.CALL_KW, Op.CALL_EX)


def _shown(kinds: tuple[int, ...], name: str = "") -> str:
    return f", {name}{kinds}" if kinds else ""


def _range(args: list[Item]) -> int:
    """The kind of `range(...)`."""
    first = args[0].kinds if len(args) == 2 else TINY
    if not 0 < len(args) < 3 or not within(first, TINY | BOOL):
        return RANGE
    return TINY_RANGE if within(args[-1].kinds, TINY | NEAR | BOOL) else COUNTING


class Calls(Block):
    # --- calls ---

    def _cache(self, callee: Item, count: int, kinds: tuple[int, ...]) -> int:
        """The place to keep what is called: one for all such calls of a function that is known."""
        key = (callee.text, count, kinds, self._is_awaited()) if callee.text[0] == "p" else self.pc
        if key not in self.caches:
            self.caches[key] = self.n_caches
            self.n_caches += 1
        return self.caches[key]

    def _typed(self, callee: Item, args: list[Item]) -> tuple[tuple[int, ...], int]:
        """The kinds of parameters for which a known function can be written, and of what it then returns."""
        index = self.known.get(int(callee.text[1:])) if callee.text[0] == "p" else None
        if index is None:
            return (), VALUE
        function = self.program.functions[index]
        if function.n_params != len(args) or function.n_positional != len(args):
            return (), VALUE
        kinds = parameters([item.kinds for item in args])
        if function.is_async != self._is_awaited() or function.is_generator:
            return kinds, VALUE
        same = index == self.index and kinds == self.params and not self.framed
        self.recursive |= same
        return kinds, self.result if same else self.result_of(index, kinds)

    def _ways(self, callee: Item, cache: int) -> tuple[str, str, str]:
        """That a call can go where it went before, what that costs, and what remembers it."""
        if callee.text[0] != "p":
            keep = f"v{cache} = {callee.text}; e{cache} = t; w{cache} = z"
            return f"{callee.text} is v{cache} and d > 0", f"w{cache}", keep
        index = self.known.get(int(callee.text[1:]))
        if index is None:
            return f"w{cache} and d > 0", f"w{cache}", f"e{cache} = t; w{cache} = z"
        cost = fuel_back(len(self.program.functions[index].code), 0)
        return f"d > v{cache}", str(cost), f"e{cache} = t; v{cache} = 0"

    def _op_call(self, a: int, b: int) -> None:
        args = self._take(a)
        callee = self.stack.pop()
        if callee.text[0] == "b":
            self._call_builtin(callee, args)
            return
        if self.pc in self.appending:
            self._call_append(callee, args[0].text)
            return
        self.calls = True
        if self._is_awaited():
            self._call_awaited(callee, args)
            return
        kinds, result = self._typed(callee, args)
        out = self._fresh()
        cache = self._cache(callee, len(args), kinds)
        given = "".join(", " + item.text for item in args)
        listed = ", ".join(item.text for item in args)
        guard, cost, keep = self._ways(callee, cache)
        self._add(
            f"if {guard}:",
            f"    m.fuel = f = m.fuel - {cost}",
            "    if f < 0: m.charge(0)",
            f"    {out} = e{cache}(d - 1{given})",
            "else:",
            f"    {ROOM}; t, y, z = m.target({callee.text}, [{listed}], None{_shown(kinds)})",
            f"    if t is None: {out} = y",
            "    else:",
            f"        if z: {keep}",
            f"        {out} = t(d - 1, *y)",
        )
        self.stack.append(Item(out, result))

    def _call_append(self, method: Item, item: str) -> None:
        """Of a list; or of what else has such a method."""
        if method.state:
            self._add(f"{method.state}({item})")
            self.stack.append(Item("None", NONE))
            return
        out = self._fresh(method.text)
        quick = f"if type({method.text}) is BuiltinMethod: {method.text}({item}); {out} = None"
        if method.kinds != METHOD:
            quick = f"if is_append({method.text}): {method.text}.receiver.append({item}); {out} = None"
        self._add(
            quick,
            "else:",
            f"    {ROOM}; t, y, z = m.target({method.text}, [{item}], None)",
            f"    {out} = y if t is None else t(d - 1, *y); {ROOM}",
        )
        self.stack.append(Item(out, VALUE))

    def _call_builtin(self, callee: Item, args: list[Item]) -> None:
        value = BUILTINS[self.program.names[int(callee.text[1:])]]
        listed = "".join(item.text + ", " for item in args)
        out = self._fresh()
        kinds = VALUE
        if value is BUILTINS["len"] and len(args) == 1:
            x = args[0].text
            kinds = NATURAL
            self._add(f"{out} = len({x}) if type({x}) in SIZED else m.call_native({callee.text}, [{x}])")
            kinds = VALUE if args[0].kinds & OTHER else NATURAL
        elif type(value) is Native and value.owner is None:
            self._add(f"{ROOM}; {out} = m.call_native({callee.text}, ({listed}))")
        elif type(value) is TypeValue:
            if value is BUILTINS["str"] and len(args) == 1:
                kinds = STR if within(args[0].kinds, PLAIN) else VALUE
                slow = f"text(m, {callee.text}, {args[0].text})"
                self._add(f'{out} = f"{{{args[0].text}}}"' if bits_of(args[0]) else f"{out} = {slow}")
            elif value is BUILTINS["int"] and len(args) == 1:
                self._add(f"{ROOM}; {out} = integer(m, {callee.text}, {args[0].text})")
            else:
                kinds = _range(args) if value is BUILTINS["range"] else VALUE
                how = "m.construct({0}, " if value.constructor is None else "m.call_native({0}.constructor, "
                if value is BUILTINS["range"]:
                    how = "ranged(m, {0}, "
                self._add(f"{ROOM}; {out} = {how.format(callee.text)}[{listed}])")
        else:
            self._add(f"{ROOM}; {out} = invoked(m, {callee.text}, [{listed}])")
        self.stack.append(Item(out, kinds))

    def _general_call(self, callee: Item, args: str, kwargs: str) -> None:
        if self._is_awaited():
            self.calls = True
            self._add(f"{ROOM}; t, y, z = m.awaited({callee.text}, {args}, {kwargs}, False)")
            self._await_target(self._fresh(), "")
            return
        out = self._fresh()
        self._add(
            f"{ROOM}; t, y, z = m.target({callee.text}, {args}, {kwargs})",
            f"{out} = y if t is None else t(d - 1, *y)",
            ROOM,
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
            ROOM,
        ]
        if self.program.names[a] == "append" and b == 1 and receiver.kinds & LIST:
            if receiver.kinds == LIST:
                self._add(f"{x}.append({listed})")
                self.stack.append(Item("None", NONE))
                return
            self._add(f"if type({x}) is list: {x}.append({listed}); {out} = None", "else:")
            self._add(*["    " + line for line in slow])
            self.stack.append(Item(out, VALUE))
            return
        self._add(*slow)
        self.stack.append(Item(out, VALUE))

    def _op_return(self, a: int, b: int) -> None:
        item = self.stack.pop()
        self.returns = True
        self.returned |= item.kinds if within(item.kinds, VALUE) else VALUE
        if self.framed:
            self._add(ROOM, f"m.leave_frame(frame, {item.text})", "return")
        else:
            self._add(f"return {item.text}")
        self.done = True

    def _spilled(self) -> list[str]:
        locals_ = ", ".join(f"l{slot}" for slot in range(len(self.function.locals)))
        stack = ", ".join(item.text for item in self.stack)
        return [ROOM, f"frame.locals[:] = [{locals_}]", f"frame.stack[:] = [{stack}]", f"frame.pc = {self.pc + 1}"]

    # --- awaits ---

    def stays(self, pc: int) -> bool:
        """Whether a function may go on after an AWAIT without leaving Python's stack: what is called and awaited at
        once may be another lowered function."""
        return pc > 0 and self.function.code[pc - 1].op in _AWAITED

    def _is_awaited(self) -> bool:
        """Whether the result of the call at hand is awaited at once."""
        return self.pc + 1 < self.block_end and self.function.code[self.pc + 1].op == Op.AWAIT

    def _call_awaited(self, callee: Item, args: list[Item]) -> None:
        """A call and its AWAIT as a plain call of the lowered function, where there is one."""
        kinds, result = self._typed(callee, args)
        cache = self._cache(callee, len(args), kinds)
        given = "".join(", " + item.text for item in args)
        listed = ", ".join(item.text for item in args)
        guard, cost, keep = self._ways(callee, cache)
        self._add(f"if {guard}:", f"    m.fuel = f = m.fuel - {cost}", "    if f < 0: m.charge(0)")
        out = self._fresh()
        self.lines.append(Line(0, f"    {out} = e{cache}(d - 1{given})", self.pc + 1))
        self._add("else:", f"    {ROOM}; t, y, z = m.awaited({callee.text}, [{listed}]{_shown(kinds, 'kinds=')})")
        self._await_target(out, keep, "    ")
        self.stack[-1] = Item(out, result)

    def _await_target(self, out: str, keep: str, indent: str = "") -> None:
        """Await what `awaited` has found; `keep`: what remembers it."""
        self._add(indent + "if z < 0: y = t(d - 1, *y); t = None")
        if keep:
            self._add(indent + f"if z > 0: {keep}")
        self.pc += 1
        self.stacks[self.pc] = tuple([item.text for item in self.stack])
        wait = self._wait("y")
        self._add(indent + "if t is None:", *[f"{indent}    {line}" for line in wait])
        self._add(indent + "if d <= 0: raise m.too_deep()", f"{indent}{out} = t(d - 1, *y)")
        self.stack.append(Item(out, VALUE))

    def _wait(self, value: str) -> list[str]:
        """Lines that wait for a value, and never go on."""
        if not self.framed:
            self.loops[self.pc] = tuple([depth + 1 for depth, item in enumerate(self.stack) if item.kinds & STEPPED])
            return [f"raise Leave({value})"]
        return [*self._spilled(), f"m.wait_for(frame, {value})", "return"]

    def _op_await(self, a: int, b: int) -> None:
        item = self.stack.pop()
        self.stacks[self.pc] = tuple([item.text for item in self.stack])
        self._add(*self._wait(item.text))
        self.done = True

    def _op_yield(self, a: int, b: int) -> None:
        item = self.stack.pop()
        self._add(*self._spilled())
        self._add(f"m.suspend_generator(frame, {item.text})", "return")
        self.done = True
