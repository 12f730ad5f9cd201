"""Functions that are written for the kinds of their arguments do what the plain interpreter does, whatever comes."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from aici.compiler import compile_source
from aici.diagnostics import SourceFile
from aici.vm import frame
from aici.vm.limits import Limits
from aici.vm.machine import run
from aici.vm.process import Process
from aici.vm.requests import Failed

VALUES = ("3", "7", "-2", "True", "1 << 29", "(1 << 30) - 1", "1 << 30", "1 << 61", "-(1 << 62)", "1 << 62", "1 << 70")
VALUES += ("2.5", '"ab"', "[1]", "(1, 2)", "None", "{}")
STEPS = ("n - 1", "n - 2", "n - 3", "n // 2", "n - 1 + 0", "len(str(n)) - 2")
RESULTS = ("x", "n", "n + x", "n * 3", "x - n", "-n", "str(n)", "[n]", "1.5", "n > x", "not n")
MORE = ("x", "x + 1", "x - 1", "x * 3", "n", "x + n", "f0(0, x)", "str(x)", "x and n")


def make_function(random: Random, name: str) -> str:
    pick = random.choice
    condition = pick(("n < 2", "n <= 1", "not n > 0", "n < 1 or x == 5", "1 > n", "n != 3 and n < 3"))
    step, other = pick(STEPS), pick(STEPS)
    callee = pick(("f0", "f1", name, name))
    last = pick((f"{name}({step}, {pick(MORE)})", f"{name}({step}, {pick(MORE)}) + {callee}({other}, {pick(MORE)})"))
    lines = [f"def {name}(n, x):", f"    if {condition}:", f"        return {pick(RESULTS)}"]
    if random.random() < 0.4:
        lines.append(f"    n = {pick(('n', 'n - 1', 'min(n, 5)', 'abs(n)'))}")
    if random.random() < 0.4:
        lines += ["    while n > 6:", "        n -= 3"]
    return "\n".join([*lines, f"    return {last}"])


def make_program(random: Random) -> str:
    functions = [make_function(random, f"f{number}") for number in range(3)]
    if random.random() < 0.2:
        functions.append(functions[0].replace("def f0", "def f1"))  # bound twice
    calls = [f"(f{random.randrange(3)}, {random.choice(VALUES)}, {random.choice(VALUES)})" for _ in range(8)]
    lines = ["for f, n, x in [" + ", ".join(calls) + "]:", "    for i in range(4):", "        try:"]
    lines += ["            print(f(n, x), f0(i, i), f1(i, 1.5))", "        except Exception as error:"]
    return "\n".join([*functions, *lines, "            print(repr(error)[:200])"])


class _Log:
    text = ""

    def log(self, text: str) -> None:
        self.text += text


def outcome(source: str, limits: Limits, lowered: bool) -> Any:
    process, log = Process(replace(compile_source(SourceFile("program.py", source))), limits, lowered), _Log()
    services: Any = log
    end = run(process, services)
    text = end.traceback if isinstance(end, Failed) else ""
    assert "InternalError" not in text, text
    return end, log.text, process.fuel, process.memory, process.output


@pytest.mark.parametrize("seed", range(24))
def test_random_functions(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    random = Random(seed)
    source = make_program(random)
    every = (
        Limits(step_fuel=20_000),
        Limits(step_fuel=random.randint(1, 900)),
        Limits(step_fuel=20_000, recursion=random.randint(2, 12)),
        Limits(step_fuel=20_000, memory=random.randint(1500, 9000)),
    )
    for limits in every:
        plain = outcome(source, limits, False)
        for heat in (0, 3):
            monkeypatch.setattr(frame, "HEAT", heat)
            assert outcome(source, limits, True) == plain


WAYS = """
import aici
def f(a, b=3, *, c=4):
    return (a, b, c)
def g(a, b=[], c=1):
    return a, b, c
async def h(a, b=2):
    return (a, b)
def work(n):
    out = []
    for i in range(n):
        x = out[-1] if out and i % 2 else i
        out.append(f(x, x))
        out.append(f(x))
        out.append(f(x, c=5))
        out.append(f(b=x, a=1))
        out.append(g(x, x, x))
        out.append(g(x, c=x))
        out.append(g(x))
        out.append(g(c=i, a=i, b=i))
        try:
            out.append(g(x, a=x))
        except TypeError as e:
            out.append(str(e))
        try:
            out.append(g(x, zz=x))
        except TypeError as e:
            out.append(str(e))
        try:
            g()
        except TypeError as e:
            out.append(str(e))
        out = out[-12:]
    return out
async def main():
    for i in range(9):
        print(await h(i, i), await h(i), await h(i, b=i))
        c = h(i, i)
        d = h(i)
        print(await c, await d)
    print(work(9))
aici.start(main)
"""
"""One function called with as many arguments as it has parameters and with fewer, by name, and awaited or not."""


@pytest.mark.parametrize("fuel", (200_000, *range(1, 900, 60)))
def test_many_ways_to_call_a_function(monkeypatch: pytest.MonkeyPatch, fuel: int) -> None:
    plain = outcome(WAYS, Limits(step_fuel=fuel), False)
    for heat in (0, 3):
        monkeypatch.setattr(frame, "HEAT", heat)
        assert outcome(WAYS, Limits(step_fuel=fuel), True) == plain
