"""Whatever passes the verifier runs to an end that was planned: mutated programs never meet an internal error."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aici.compiler import compile_source
from aici.diagnostics import SourceFile
from aici.vm.encode import decode, encode
from aici.vm.isa import TABLE, Op, Operand
from aici.vm.limits import Limits
from aici.vm.machine import run
from aici.vm.process import Process
from aici.vm.program import Function, Instr, Program
from aici.vm.requests import Failed
from aici.vm.verify import InvalidBytecode, verify

LIMITS = Limits(fuel=20_000, step_fuel=20_000, memory=1 << 20, recursion=30, int_bits=1 << 12, output=10_000)
SOURCES = [
    """\
import math
def f(a, *b, c=1, **more):
    total = 0
    for i in b:
        try:
            made = [lambda: i + x for x in range(i) if x]
            total += sum(g() for g in made)
            if i > 3:
                raise KeyError(i)
        except (ValueError, KeyError) as e:
            print(f"{e!r:>5}", *b, {**more})
            continue
        finally:
            a += 1
    first, *rest = b
    return a, total, {n: rest for n in "ab"}, first
print(f(1, 2, 3, 4, c=5, d=6), math.pi)
""",
    """\
import aici
state = {"n": 0}
async def inner(k):
    state["n"] += k
    def bump():
        nonlocal k
        k *= 2
        return k
    return [bump(), bump()]
async def main():
    try:
        values = await inner(3)
        assert values[0] < values[1] < 100, values
        del values[0], state["n"]
        await inner(1)
    except KeyError as e:
        raise RuntimeError(len({1, 2, *values})) from e
aici.start(main())
""",
    *(path.read_text() for path in sorted((Path(__file__).parent / "programs").glob("[a-f]*.py"))[:4]),
]
PROGRAMS = [compile_source(SourceFile("t.py", source)) for source in SOURCES]


class Quiet:
    """Services of a host that has nothing to say."""

    def log(self, text: str) -> None:
        """Drop it."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


def bound(program: Program, function: Function, operand: Operand) -> int:
    sizes = {
        Operand.CONST: len(program.consts),
        Operand.NAMES: len(program.consts),
        Operand.NAME: len(program.names),
        Operand.LOCAL: len(function.locals),
        Operand.CELL: len(function.cells) + len(function.captures),
        Operand.OWN_CELL: len(function.cells),
        Operand.FUNCTION: len(program.functions),
        Operand.TARGET: len(function.code),
    }
    return max(1, sizes.get(operand, 3))


def mutated(program: Program, random: Random) -> Program:
    """The program with some instructions replaced, and the greatest stack depth made right if it changed by that."""
    functions = list(program.functions)
    at = random.randrange(len(functions))
    instructions = list(functions[at].code)
    for _ in range(random.randint(1, 3)):
        index = random.randrange(len(instructions))
        old = instructions[index]
        info = TABLE[old.op] if random.random() < 0.5 else TABLE[random.choice(list(Op))]
        operands = [random.randrange(bound(program, functions[at], operand)) for operand in info.operands]
        instructions[index] = Instr(int(info.op), *operands)
    functions[at] = dataclasses.replace(functions[at], code=tuple(instructions))
    changed = dataclasses.replace(program, functions=tuple(functions))
    try:
        verify(changed)
    except InvalidBytecode as error:
        _, found, depth = str(error).partition("max_stack is not ")
        if not found:
            raise
        functions[at] = dataclasses.replace(functions[at], max_stack=int(depth))
        changed = dataclasses.replace(program, functions=tuple(functions))
        verify(changed)
    return changed


@settings(deadline=None, max_examples=250)
@given(st.sampled_from(PROGRAMS), st.integers(0, 1 << 32))
def test_mutated_programs_end_as_planned(program: Program, seed: int) -> None:
    try:
        changed = mutated(program, Random(seed))
    except InvalidBytecode:
        return
    assert decode(encode(changed)) == changed
    services: Any = Quiet()
    outcome = run(Process(changed, LIMITS), services)
    assert not (isinstance(outcome, Failed) and outcome.kind == "InternalError"), outcome


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_programs_themselves_run(program: Program) -> None:
    services: Any = Quiet()
    outcome = run(Process(program), services)
    assert not (isinstance(outcome, Failed) and outcome.kind == "InternalError"), outcome
