"""Integers that are chosen to collide: what they cost the machine, they cost in fuel, in both engines alike."""

from __future__ import annotations

import time
from functools import cache
from random import Random
from typing import Any

import pytest

from aici.compiler import compile_source
from aici.diagnostics import SourceFile
from aici.vm import frame
from aici.vm.limits import Limits
from aici.vm.machine import run
from aici.vm.process import Process
from aici.vm.requests import Failed, Finished

BITS = 14
MASK = (1 << BITS) - 1
FILLED = 2 * (MASK + 1) // 3 - 4
"""Keys that a table of `MASK + 1` places holds."""


class _Log:
    def log(self, text: str) -> None:
        pass


def run_of_places() -> list[int]:
    """Places of a dict's table in the order in which CPython tries them once a hash has been used up: as keys, each is
    at home in its own place, and together they are a run that whoever comes into it walks to its end."""
    run, place = [], 1
    for _ in range(FILLED):
        run.append(place)
        place = (5 * place + 1) & MASK
    return run


@cache
def fall_through(count: int) -> list[int]:
    """Integers of which every try hits that run, the last one near its beginning."""
    order = {place: at for at, place in enumerate(run_of_places())}
    random, found = Random(1), list[int]()
    while len(found) < count:
        value = random.randrange(1 << 60)
        place, rest = value & MASK, value
        while rest and place in order:
            rest >>= 5
            place = (5 * place + rest + 1) & MASK
        if not rest and order.get(place, FILLED) < FILLED // 20:
            found.append(value)
    return found


SOURCE = f"""
d = {{}}
place = 1
for i in range({FILLED}):
    d[place] = None
    place = (5 * place + 1) & {MASK}
"""
ATTACKS = {
    "look-ups": "while True:\n    for k in KEYS: k in d",
    "get": "while True:\n    for k in KEYS: d.get(k)",
    "subscript": "while True:\n    for k in KEYS:\n        try: d[k]\n        except KeyError: pass",
    "insertions": "for k in KEYS: d[k] = 1\nwhile True:\n    for k in KEYS: d[k] = 2",
    "intersections": "s, t = set(d), set(KEYS)\nwhile True: t & s",
    "differences": "s, t = set(d), set(KEYS)\nwhile True: t.difference(s)",
    "updates": "s = dict.fromkeys(KEYS)\nwhile True: d | s",
    "unions": "s, t = set(d), set(KEYS)\nwhile True: s | t",
    "tuples": "while True:\n    for k in KEYS: (k,) in d",
}


def ended(source: str, limits: Limits, lowered: bool) -> tuple[Any, int, float]:
    process = Process(compile_source(SourceFile("keys.py", source)), limits, lowered)
    services: Any = _Log()
    begin = time.process_time()
    return run(process, services), process.fuel, time.process_time() - begin


@pytest.mark.parametrize("name", ATTACKS)
def test_what_collides_is_charged(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame, "HEAT", 3)
    source = f"KEYS = {fall_through(30)}\n{SOURCE}{ATTACKS[name]}\n"
    limits = Limits(step_fuel=180_000)
    plain, lowered = (ended(source, limits, how) for how in (False, True))
    assert isinstance(plain[0], Failed) and plain[0].kind == "FuelExhausted"
    assert lowered[:2] == plain[:2]
    assert max(plain[2], lowered[2]) < 5, "some microseconds a unit, and a slow machine"


def test_tables_of_some_hundred_integers_are_free() -> None:
    source = "d = {{}}\nfor i in range(500): d[i * {0}] = i\nfor i in range(500): d[i * {0}]\n"
    taken = {ended(source.format(step), Limits(), False)[1] for step in (1, 3, 1 << 50)}
    assert len(taken) == 1


def test_large_tables_of_integers_fit_into_the_fuel_of_a_step() -> None:
    outcome, _, _ = ended("d = {}\nfor i in range(32_000): d[i] = i\n", Limits(), True)
    assert outcome == Finished()
