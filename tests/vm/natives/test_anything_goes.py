"""Any native with any arguments ends in a value, in a controller's exception or at a limit; nothing else comes out."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from typing import Any

import pytest

from aici.compiler import compile_source
from aici.diagnostics import SourceFile
from aici.vm.isa import BINARY_OPERATORS, COMPARE_OPERATORS
from aici.vm.limits import Limits
from aici.vm.machine import Machine
from aici.vm.native import BUILTINS, MODULES, TYPES, LimitExceeded, Throw
from aici.vm.process import Process
from aici.vm.values import BoundMethod, Coroutine, DictView, ExceptionValue, Generator, SetValue, Value

FUNCTIONS = [*BUILTINS.values(), *(value for table in MODULES.values() for value in table.values())]
ATTRIBUTES = [
    (kind, name) for kind, table in TYPES.items() for name in (*table.methods, *table.statics, *table.getters)
]
EXCEPTIONS = [kind for kind in TYPES.values() if kind.is_exception]
LIMITS = Limits(fuel=200_000, step_fuel=200_000)
PROGRAM = compile_source(SourceFile("empty.py", "pass\n"))


class Maker:
    """Draws values of every kind, odd ones among them."""

    def __init__(self, machine: Machine, draw: random.Random) -> None:
        self.machine = machine
        self.draw = draw

    def made(self, module: str, name: str, *args: Value) -> Value:
        return self.machine.call(self.machine.module(module).attrs[name], args)

    def value(self, depth: int = 0) -> Value:
        draw = self.draw
        makers: list[Callable[[], Value]] = [
            lambda: draw.choice(
                [None, True, 0, 1, -1, 5, 2**31, -(2**63), 10**400, 1 << 60000, 0.5, float("nan"), 1e300]
            ),
            lambda: draw.choice(["", "a", "aXé", "\ud800", "%s", "{}", "[1]", "a*", "x" * 1000, "é" * 500, " a b "]),
            lambda: draw.choice([b"", b"a", b"\xff\x00", b"a,b"]),
            lambda: draw.choice(
                [range(3), range(10**18), range(10**5000), slice(1, None), {1: 2, "a": [3]}, [1] * 300]
            ),
            lambda: draw.choice([*BUILTINS.values(), *TYPES.values()]),
            lambda: self.machine.module(draw.choice(list(MODULES))),
            lambda: SetValue({1: None, "a": None}, draw.random() < 0.5),
            lambda: DictView({1: 2, "a": [3]}, draw.choice(["keys", "values", "items"])),
            lambda: self.machine.iterator([1, "a", b"x"]),
            lambda: ExceptionValue(draw.choice(EXCEPTIONS), (self.value(3),)),
            lambda: draw.choice(
                [BoundMethod("a", TYPES["str"].methods["upper"]), Coroutine("c", None), Generator("g", None)]
            ),
            lambda: self.made(
                "aici", draw.choice(["Label", "TokenSet", "Constraint", "all_tokens", "GetPrompt", "Noop"])
            ),
            lambda: self.made("re", "compile", draw.choice(["a*", "(x)|b", r"\bé", b"a"])),
            lambda: self.made("re", "search", "(a)?(b)?", "ab"),
            lambda: self.made("aici", "RegexConstraint", "ab"),
            lambda: [self.value(depth + 1) for _ in range(draw.randrange(4))] if depth < 3 else [],
            lambda: tuple(self.value(depth + 1) for _ in range(draw.randrange(4))) if depth < 3 else (),
            lambda: {"a": self.value(depth + 1), 1: self.value(depth + 1)} if depth < 3 else {},
        ]
        return draw.choice(makers)()

    def instance(self, kind: str) -> Value:
        """One of that type, if luck has it."""
        for _ in range(40):
            value = self.value()
            if self.machine.type_of(value).is_subtype(TYPES[kind]):
                break
        return value

    def calls(self) -> list[Callable[[], Value]]:
        """A few calls of different sorts."""
        machine, draw = self.machine, self.draw
        args = [self.value() for _ in range(draw.choice([0, 1, 1, 2, 2, 3, 4]))]
        function = draw.choice(FUNCTIONS)
        kind, name = draw.choice(ATTRIBUTES)
        receiver, other = self.instance(kind), self.value()
        return [
            lambda: machine.call(function, args) if machine.is_callable(function) else None,
            lambda: machine.call(machine.get_attribute(receiver, name), args),
            lambda: machine.binary(draw.choice(BINARY_OPERATORS), receiver, other),
            lambda: machine.compare(draw.choice(COMPARE_OPERATORS), receiver, other),
            lambda: machine.get_item(receiver, other),
            lambda: machine.format(receiver, draw.choice(["", "5", ">10", "d", "x", "é^5", ".3f", "9999999999"])),
            lambda: machine.binary("%", draw.choice(["%s %d", "%r", "%(a)s", "%5.1f%%", "%c", b"%s", b"%d"]), other),
        ]


@pytest.mark.parametrize("seed", range(4))
def test_nothing_else_comes_out(seed: int, host: Any) -> None:
    draw = random.Random(seed)
    for _ in range(400):
        machine = Machine(Process(PROGRAM, LIMITS), host)
        try:
            calls = Maker(machine, draw).calls()
        except LimitExceeded:
            continue
        for call in calls:
            with contextlib.suppress(Throw, LimitExceeded):
                machine.to_repr(call())
