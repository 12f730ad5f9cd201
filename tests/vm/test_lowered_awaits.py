"""Lowered async functions that call each other leave Python's stack when they have to wait: at every request the
process is what it would be had it been interpreted, to the last byte of a snapshot, and it goes on alike, forked and
restored."""

from __future__ import annotations

import textwrap
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aici.compiler import compile_source
from aici.diagnostics import SourceFile
from aici.vm import frame
from aici.vm.fork import fork
from aici.vm.limits import Limits
from aici.vm.machine import resume_error, run
from aici.vm.process import Process
from aici.vm.requests import Failed, Finished, Noop, Outcome, WaitVars
from aici.vm.snapshot import restore, snapshot

KEY = b"a key of the tests"
HEATS = (0, 3)
ERRORS = ("ValueError", "KeyError", "StopIteration")

START = """
import aici

def later(function, n, x):
    return function(n, x)

def boom(x):
    if x % 5 == 0:
        raise ValueError(x)
    return x + 1

def numbers(x):
    return (boom(v) for v in (x, x + 1))
"""

MAIN = """
async def main():
    total = 0
    for i in range(ROUNDS):
        try:
            total += await f0(2, i)
        except Exception as error:
            print(i, repr(error), repr(error.__context__), repr(error.__cause__))
    print(total)
    print(await f1(3, 1))
aici.start(main)
"""


class _Maker:
    """Writes async functions that wait on requests at random depths."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.count = 0

    def fresh(self) -> str:
        self.count += 1
        return f"v{self.count}"

    def call(self) -> str:
        name = f"f{self.random.randrange(4)}"
        given = self.random.choice(("n - 1, x", "n - 1, x", "n - 1, x=x", "*[n - 1, x]", "n - 1, len(xs)"))
        return self.random.choice(
            (f"await {name}({given})", f"await {name}({given})", f"await later({name}, n - 1, x)", "await inner(n, x)")
        )

    def waiting(self) -> str:
        return self.random.choice(('len(await aici.wait_vars("v"))', "len(await aici.wait_vars())", self.call()))

    def block(self, depth: int, loop: bool) -> str:
        return "\n".join(self.statement(depth, loop) for _ in range(self.random.randint(1, 3)))

    def statement(self, depth: int, loop: bool) -> str:
        pick = self.random.randrange(22)
        body = textwrap.indent(self.block(depth - 1, loop), "    ") if depth else "    x += 1"
        other = textwrap.indent(self.block(depth - 1, loop), "    ") if depth else "    x -= 1"
        if pick < 5:
            return f"x += {self.waiting()}"
        if pick == 5:
            return f"xs.append({self.waiting()})"
        if pick == 6:
            return f"x = ({self.waiting()}) + ({self.waiting()}) * x % 7"
        if pick == 7:
            return f"xs = [x, {self.waiting()}, *xs[:2]]"
        if pick == 8:
            return "await aici.Noop()"
        if pick == 9:
            return "x = boom(x)"
        if pick == 10:
            return f"held = f{self.random.randrange(4)}(n - 1, x)\n{self.statement(0, loop)}\nx += await held"
        if pick == 11 and loop:
            return f"if x % 3 == {self.random.randrange(3)}:\n    {self.random.choice(('break', 'continue'))}"
        if pick == 12:
            return self.random.choice(("return x", "raise KeyError(x)", "raise StopIteration", "await 3", "raise"))
        if pick in (13, 14):
            kind = self.random.choice(("ValueError", "LookupError as caught", "Exception"))
            return f"try:\n{body}\nexcept {kind}:\n{other}"
        if pick == 15:
            return f"try:\n{body}\nfinally:\n{other}"
        if pick in (16, 17, 18):
            over = self.random.choice(
                ("range(3)", "range(9, 3, -2)", "[x, 2, 3]", '"ab"', "(1, x)", "{1: 2, x: 4}", "numbers(x)", "xs[:3]")
            )
            inside = textwrap.indent(self.block(depth - 1, True), "    ") if depth else "    x += 1"
            return f"for {self.fresh()} in {over}:\n{inside}\nelse:\n    x += 2"
        if pick == 19:
            name = self.fresh()
            inside = textwrap.indent(self.block(depth - 1, False), "    ") if depth else "    x += 1"
            return f"{name} = 0\nwhile {name} < 3:\n    {name} += 1\n{inside}"
        if pick == 20:
            return f"if x % 2:\n{body}\nelse:\n{other}"
        return f"x = sum([boom(v) for v in range(x % 4)]) + sum(v for v in numbers(x)) + {self.waiting()}"

    def function(self, number: int) -> str:
        head = "if n <= 0:\n    return x\nxs = [n]\nbase = x"
        inner = "async def inner(m, y):\n    nonlocal base\n    base += y\n    x = base + m\n    xs = []\n"
        inner += f"    if x % 3:\n        {self.waiting().replace('inner', 'f1')}\n    return base"
        body = f"{head}\n{inner}\n{self.block(2, False)}\nreturn x + base"
        return f"async def f{number}(n, x):\n" + textwrap.indent(body, "    ")


def make_program(random: Random) -> str:
    functions = "\n".join(_Maker(random).function(number) for number in range(4))
    return START + functions + MAIN.replace("ROUNDS", str(random.randint(2, 8)))


def steps(source: str, limits: Limits, lowered: bool, choices: Random, most: int = 60) -> list[Any]:
    """What is seen after each stretch of a run. Some replies are errors; at times it goes on in a copy."""
    program = compile_source(SourceFile("program.py", source))
    process = Process(program, limits, lowered)
    log = _Log()
    taken: list[Any] = []
    outcome: Outcome = run(process, log)
    while len(taken) < most:
        text = outcome.traceback if isinstance(outcome, Failed) else ""
        assert "InternalError" not in text, text
        seen = (outcome, log.text, process.fuel, process.memory, process.output)
        if isinstance(outcome, Finished | Failed):
            return [*taken, seen]
        assert isinstance(outcome, Noop | WaitVars)
        data = snapshot(process, KEY)
        taken.append((*seen, data))
        way, error = choices.randrange(4), choices.randrange(12)
        if way < 2:
            process = fork(process) if way else restore(program, data, KEY)
        if error < len(ERRORS):
            outcome = resume_error(process, log, ERRORS[error], "refused")
        else:
            outcome = run(process, log, [b"v"] if isinstance(outcome, WaitVars) else None)
    return taken


class _Log:
    text = ""

    def log(self, text: str) -> None:
        self.text += text


def check(monkeypatch: pytest.MonkeyPatch, source: str, limits: Limits, seed: int) -> list[Any]:
    expected = steps(source, limits, False, Random(seed))
    for heat in HEATS:
        monkeypatch.setattr(frame, "HEAT", heat)
        found = steps(source, limits, True, Random(seed))
        for one, other in zip(found, expected, strict=False):
            assert one == other
        assert len(found) == len(expected)
    return expected


@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False), st.integers(0, 1 << 30))
def test_same_at_every_request(monkeypatch: pytest.MonkeyPatch, random: Random, seed: int) -> None:
    check(monkeypatch, make_program(random), Limits(step_fuel=20_000), seed)


@settings(deadline=None, max_examples=10, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False), st.integers(1, 600), st.integers(2, 9), st.integers(2000, 30_000))
def test_same_at_limits(
    monkeypatch: pytest.MonkeyPatch, random: Random, fuel: int, recursion: int, memory: int
) -> None:
    source = make_program(random)
    check(monkeypatch, source, Limits(step_fuel=fuel), fuel)
    check(monkeypatch, source, Limits(step_fuel=20_000, recursion=recursion), fuel)
    check(monkeypatch, source, Limits(step_fuel=20_000, memory=memory), fuel)
