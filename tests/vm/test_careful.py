"""What runs while values are shared leaves them alone: every native, getter, operator and awaitable that may run then
is called with values of all kinds, odd ones among them, and these are looked at before and after."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest

from aici.compiler import compile_source
from aici.diagnostics import SourceFile
from aici.vm import careful, state
from aici.vm.copying import OPEN, Plan
from aici.vm.effects import AWAITED, EFFECTS, Effect
from aici.vm.isa import Op
from aici.vm.limits import Limits
from aici.vm.machine import Machine
from aici.vm.names import shared
from aici.vm.native import BUILTINS, MODULES, TYPES, LimitExceeded, Ready, Throw
from aici.vm.process import Process
from aici.vm.requests import Append, Fork, Generate, Generated, GetPrompt, Request, Sample, Sampled, WaitVars
from aici.vm.sharing import Group, Share
from aici.vm.values import Native, SetValue, TypeValue, Value

PROGRAM = compile_source(SourceFile("empty.py", "pass\n"))
LIMITS = Limits(fuel=200_000, step_fuel=200_000)
PLAIN: list[Value] = [
    *(None, True, 0, 1, 7, -1, 2.5, "", "a", "ab,c", "[1, [2]]", '{"a": []}', "a*", b"a", range(4)),
    *(BUILTINS["len"], BUILTINS["list"], BUILTINS["str"]),
]


def values_of_all_kinds() -> ModuleType:
    name, path = "tests_of_anything", Path(__file__).parent / "natives" / "test_anything_goes.py"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec and spec.loader
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


ANYTHING = values_of_all_kinds()


def natives() -> Iterator[tuple[str, Native]]:
    """All there are, each with the name of the type whose instance it wants first, or ""."""
    tables = [BUILTINS, *MODULES.values(), *(kind.statics for kind in TYPES.values())]
    for table in tables:
        yield from (("", value) for value in table.values() if type(value) is Native)
    for name, kind in TYPES.items():
        yield from ((name, native) for native in kind.methods.values())
        if kind.constructor is not None:
            yield "", kind.constructor


class Values:
    """Draws arguments: values of all kinds, iterators half-way and containers of them among them."""

    def __init__(self, seed: int, host: Any) -> None:
        self.random = Random(seed)
        self.machine = Machine(Process(PROGRAM, LIMITS), host)
        self.maker = ANYTHING.Maker(self.machine, self.random)

    def value(self) -> Value:
        draw, machine = self.random, self.machine
        iterator = machine.iterator([[1], [2], [3]])
        choice = draw.randrange(12)
        if choice == 0:
            return iterator
        if choice == 1:
            return [iterator, ["a"], (iterator,)]
        if choice == 2:
            return {"a": iterator, "b": [iterator]}
        if choice == 3:
            return [["a", 1], ("b", [2])]
        if choice == 4:
            return [3, 1, 2]
        if choice == 5:
            return ["b", "a"]
        if choice == 6:
            return draw.choice(PLAIN)
        return self.maker.value()

    def args(self, owner: str, native: Native) -> list[Value]:
        self.machine.fuel = 200_000
        most = native.signature.n_positional if not native.signature.has_varargs else 4
        first = [self.maker.instance(owner)] if owner else []
        return [*first, *(self.value() for _ in range(self.random.randint(0, max(0, most - len(first)))))]

    def call(self, native: Native, args: list[Value]) -> Value:
        """The result; None where there is an error."""
        self.machine.fuel = 200_000
        with contextlib.suppress(Throw, LimitExceeded):
            return self.machine.enter_call(native, list(args), None)
        return None


def looks(values: Value) -> bytes:
    """All that can be told about values."""
    process = Process(PROGRAM)
    process.globals = {"values": values}
    data = state.write(process, shared(PROGRAM))
    assert data is not None
    return data


def changing(value: Value) -> set[int]:
    """Identities of all that can change in a value."""
    plan = Plan()
    plan.numbers([value])
    plan.walk()
    return {place for place, number in plan.places.items() if type(plan.values[number]) not in (tuple, slice, SetValue)}


def share_of(*values: Value) -> Share:
    """As of a process that shares these values with others."""
    return Share(Group(list(values), None), (), 1000)


ALL = sorted(natives(), key=lambda pair: (pair[0], pair[1].name))


@pytest.mark.parametrize("seed", range(4))
def test_natives_do_what_the_table_says(seed: int, host: Any) -> None:
    values = Values(seed, host)
    called = set()
    for owner, native in ALL:
        for _ in range(12 if native in EFFECTS else 0):
            args = values.args(owner, native)
            writes = EFFECTS[native] is Effect.RECEIVER_IF_PASSIVE
            shared_ones = args[1:] + ([*contents(args[0])] if writes and args else []) if writes else args
            share = share_of(*shared_ones)
            if writes and args and share.group.holds(args[0]):
                continue  # one of the others refers to it
            kept = list(shared_ones)
            if not careful._can_call(share, native, args):
                continue
            before = looks(kept)
            result = values.call(native, args)
            assert looks(kept) == before, (native.name, args)
            if share.fresh:
                careful._note(share, result)
                assert not share.own & changing(kept), (native.name, args)
            called.add(native)
    assert len(called) > len(EFFECTS) * 0.9, [native.name for native in EFFECTS.keys() - called]


def contents(value: Value) -> list[Value]:
    if type(value) is dict:
        return [*value, *value.values()]
    return list(value.items if type(value) is SetValue else value) if type(value) in (list, SetValue) else []


@pytest.mark.parametrize("seed", range(2))
def test_what_is_made_of_nothing_that_can_change_is_new(seed: int, host: Any) -> None:
    values = Values(seed, host)
    for owner, native in ALL:
        for _ in range(6):
            count = values.random.randint(0, min(native.signature.n_positional, 3))
            args = [values.random.choice(PLAIN) for _ in range(count)]
            if not careful._can_call(share_of(), native, args) or (owner and not args):
                continue
            if owner and not values.machine.type_of(args[0]).is_subtype(TYPES[owner]):
                continue
            first, second = values.call(native, args), values.call(native, args)
            assert not changing(first) & changing(second), (native.name, args)


READ_BY_OPERATORS = frozenset(
    f"__{name}__"
    for name in (
        *("add", "and", "bool", "contains", "eq", "floordiv", "ge", "getitem", "gt", "invert", "le", "len", "lshift"),
        *("lt", "matmul", "mod", "mul", "ne", "neg", "or", "pos", "pow", "radd", "rand", "repr", "ror", "rshift"),
        *("str", "sub", "truediv", "xor", "format", "reversed", "hash", "index"),
    )
)


@pytest.mark.parametrize("seed", range(3))
def test_operators_and_getters_only_read(seed: int, host: Any) -> None:
    values = Values(seed, host)
    for name, kind in TYPES.items():
        readers = [kind.methods[method] for method in kind.methods if method in READ_BY_OPERATORS]
        for native in readers:
            for _ in range(10):
                args = values.args(name, native)
                before = looks(args)
                values.call(native, args)
                assert looks(args) == before, (name, native.name, args)
        for getter in kind.getters.values():
            value = values.maker.instance(name)
            if values.machine.type_of(value).is_subtype(kind):
                before = looks([value])
                getter(values.machine, value)
                assert looks([value]) == before


def test_the_runtime_has_no_other_special_methods() -> None:
    """One that operators, loops or calls find would have to be thought of by `careful`."""
    special = {
        method
        for kind in TYPES.values()
        for method in kind.methods
        if method.startswith("__") and type(kind) is TypeValue and not _is_python_s(kind)
    }
    assert special - READ_BY_OPERATORS == {"__setitem__"}
    assert not any(kind.setters for kind in TYPES.values())


def _is_python_s(kind: TypeValue) -> bool:
    return kind.name in ("int", "float", "str", "bool")


def reply_to(request: Request) -> object:
    match request:
        case GetPrompt() | Append():
            return [1, 2]
        case Generate():
            return Generated([97], b"a")
        case Sample():
            return Sampled([97], False)
        case Fork():
            return 1
        case WaitVars(names):
            return [b"x" for _ in names]
    return None


def test_awaitables_are_not_written_to(host: Any) -> None:
    machine = Machine(Process(PROGRAM, LIMITS), host)
    made = [
        machine.call(machine.module("aici").attrs[name], args)
        for name, args in [
            *[
                ("GetPrompt", ()),
                ("Noop", ()),
                ("StopToken", ()),
                ("fork", (3,)),
                ("wait_vars", ("v",)),
                ("wait_vars", ()),
            ],
            *[("FixedTokens", ("text",)), ("FixedTokens", ([1, 2],)), ("gen_text", ("a+",)), ("gen_tokens", ("a+",))],
        ]
    ]
    assert {value.kind for value in made} == AWAITED
    for value in made:
        before = looks([value])
        awaiting = machine.awaiting(value)
        assert awaiting is not None
        request = awaiting.request(machine, value)
        if not isinstance(request, Ready):
            awaiting.result(machine, value, reply_to(request))
        assert looks([value]) == before


def test_every_opcode_is_thought_of() -> None:
    assert set(careful.GUARDS) == set(Op)
    never = {op for op in Op if careful.GUARDS[op] is careful._never}
    assert never == {Op.STORE_ATTR, Op.YIELD, Op.RERAISE}


def test_all_that_can_change_is_open() -> None:
    assert {list, dict, bytearray, SetValue} <= OPEN
