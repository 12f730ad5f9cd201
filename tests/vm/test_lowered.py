"""Lowered code does what the plain interpreter does: outcome, output, traceback, fuel and memory, to the last unit."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aici.vm.limits import Limits

TESTS = Path(__file__).parents[1]
PROGRAMS = sorted([*(TESTS / "vm" / "programs").glob("*.py"), *(TESTS / "compiler" / "programs").glob("*.py")])


def _maker() -> ModuleType:
    """The generator of random programs of the compiler's tests."""
    name = "generator_of_programs"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, TESTS / "compiler" / "test_differential.py")
        assert spec and spec.loader
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def _same(found: list[Any]) -> None:
    for lowered in found[1:]:
        assert lowered == found[0]


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_programs(path: Path, outcomes: Callable[..., list[Any]]) -> None:
    _same(outcomes(path.read_text()))


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_random_programs(outcomes: Callable[..., list[Any]], random: Random) -> None:
    _same(outcomes(_maker().make_program(random)))


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False), st.integers(1, 400), st.integers(1, 60))
def test_random_programs_at_their_limits(
    outcomes: Callable[..., list[Any]], random: Random, fuel: int, recursion: int
) -> None:
    """Whatever limit is met, it is met at the same instruction."""
    source = _maker().make_program(random)
    _same(outcomes(source, Limits(step_fuel=fuel)))
    _same(outcomes(source, Limits(step_fuel=20_000, recursion=recursion)))


LOOPS = """
def work(n):
    table = {}
    items = []
    for i in range(n):
        items.append([i] * 3)
        table[f"k{i % 7}"] = items[-1]
        while len(items) > 4:
            items = items[2:]
    return table, [x for x in items if x]
def recurse(n):
    return n if n < 1 else recurse(n - 1) + 1
def caught(n):
    total = 0
    for i in range(n):
        try:
            total += [1, 2, 3][i % 5]
        except IndexError as error:
            total -= len(str(error))
        finally:
            total += recurse(i % 9)
    return total
def numbers(n):
    x = 1
    for i in range(n):
        x = x * 3 + i
    return x % 1000
async def later(n):
    return [work(n % 5), caught(n), sorted(range(n), key=lambda v: recurse(v % 4))]
async def main():
    for n in range(6):
        print(await later(n), numbers(n * 9))
"""


@pytest.mark.parametrize("fuel", range(1, 700, 3))
def test_every_fuel(fuel: int, outcomes: Callable[..., list[Any]]) -> None:
    _same(outcomes(LOOPS, Limits(step_fuel=fuel)))


@pytest.mark.parametrize("memory", range(1000, 30_000, 500))
def test_every_memory(memory: int, outcomes: Callable[..., list[Any]]) -> None:
    """Counting what is alive looks into lowered functions at work."""
    _same(outcomes(LOOPS, Limits(memory=memory)))


@pytest.mark.parametrize("recursion", range(1, 24))
def test_every_depth(recursion: int, outcomes: Callable[..., list[Any]]) -> None:
    _same(outcomes(LOOPS, Limits(recursion=recursion)))


@pytest.mark.parametrize("bits", (4, 16, 40, 61, 62, 63, 64, 80))
def test_every_size_of_integers(bits: int, outcomes: Callable[..., list[Any]]) -> None:
    _same(outcomes(LOOPS, Limits(int_bits=bits)))


@pytest.mark.parametrize("start", ["main()", "aici.start(main())"])
@pytest.mark.parametrize("place", ["if {}: pass", "while {}: pass", "assert {}, t", "print([0, 1 if {} else 2])"])
@pytest.mark.parametrize("condition", ["1 in t", "t < 'x'", "1 not in t and t"])
def test_comparisons_that_jumps_wait_for_fail_where_they_stand(
    outcomes: Callable[..., list[Any]], start: str, place: str, condition: str
) -> None:
    kind = "async " if "aici" in start else ""
    body = place.format(condition)
    caught = f"    try:\n        {body}\n    except TypeError as e:\n        print(e)\n    {body}\n"
    found = outcomes(f"import aici\nt = 2\n{kind}def main():\n    t = 2\n{caught}{start}\n")
    assert found[0][0].kind == "TypeError"
    _same(found)
