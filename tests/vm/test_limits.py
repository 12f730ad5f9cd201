"""Limits that cannot be stepped around: programs that try, and the limit that ends each in a moment."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

import pytest

from aici.vm.limits import Limits
from aici.vm.machine import run
from aici.vm.process import Process
from aici.vm.requests import Failed, Finished, Outcome, Services

Execute = Callable[..., tuple[str, Outcome]]

LIMITS = Limits(fuel=300_000, step_fuel=200_000, memory=3 << 20, recursion=100, int_bits=1 << 13, output=10_000)

DAG = "a = {0}\nb = {0}\nfor i in range(60):\n    a = {1}\n    b = {2}\n"
LISTS = DAG.format("[1]", "[a, a]", "[b, b]")
KEY = "a = (1,)\nfor i in range(14):\n    a = (a, a)\n"
COLLIDING = "a = [i * (2**61 - 1) for i in range(20_000)]\n"
LONG = "s = 'x' * 100_000\n"

FUEL = {
    "empty loop": "while True: pass",
    "long loop": "for i in range(10**18): pass",
    "caught recursion": "def f(): f()\nwhile True:\n    try: f()\n    except RecursionError: pass",
    "finally": "while True:\n    try:\n        while True: pass\n    finally: continue",
    "caught errors": "while True:\n    try: 1 / 0\n    except ZeroDivisionError: pass",
    "product": "x = 3**2500\nwhile True: x * x",
    "quotient": "x = 3**5000\ny = 7**1400\nwhile True: x // y",
    "rest": "x = 3**5000\ny = 7**1400\nwhile True: divmod(x, y)",
    "modular power": "x = 3**5000\nwhile True: pow(x, x, x)",
    "greatest divisor": "import math\nx = 3**5000\ny = 7**2500\nwhile True: math.gcd(x, y)",
    "equal lists": LISTS + "a == b",
    "ordered lists": LISTS + "a < b",
    "sorted lists": LISTS + "sorted([a, b, a, b])",
    "greater list": LISTS + "max(a, b)",
    "list in list": LISTS + "b in [a]",
    "index of list": LISTS + "[a].index(b)",
    "text of lists": LISTS + "str(a)",
    "formatted lists": LISTS + "f'{a}'",
    "percent of lists": LISTS + "'%s' % (a,)",
    "format of lists": LISTS + "'{}'.format(a)",
    "json of lists": LISTS + "import json\njson.dumps(a)",
    "hash": DAG.format("(1,)", "(a, a)", "(b, b)") + "{a: 1}",
    "look-up": KEY + "d = {a: 1}\nwhile True: d[a]",
    "membership": KEY + "s = {a}\nwhile True: a in s",
    "items": KEY + "d = {a: 1}\nwhile True:\n    for k, v in d.items(): pass",
    "union": KEY + "s = {a}\nwhile True: s | s",
    "intersection": KEY + "s = {a}\nwhile True: s & s",
    "subset": KEY + "s = {a}\nwhile True: s <= s",
    "frozen sets": "a = frozenset([1])\nfor i in range(80): a = frozenset([a, (a, 1)])",
    "colliding entries": COLLIDING + "d = {}\nfor i in a: d[i] = 1",
    "colliding display": COLLIDING + "{*a}",
    "colliding set": COLLIDING + "set(a)",
    "colliding dict": COLLIDING + "dict.fromkeys(a)",
    "colliding pairs": COLLIDING + "dict(zip(a, a))",
    "colliding tuples": COLLIDING + "{(i,) for i in a}",
    "search": LONG + "while True: s.find('y')",
    "hard search": "s = 'a' * 100_000\nt = 'a' * 30_000 + 'b'\nwhile True: s.find(t)",
    "replace": LONG + "while True: s.replace('x', 'y')",
    "split": LONG + "while True: s.split('x')",
    "copies of text": LONG + "while True: s + s",
    "comparison of text": LONG + "t = 'x' * 99_999 + 'x'\nwhile True: s == t",
    "case": LONG + "while True: s.upper()",
    "slices": "a = [0] * 10_000\nwhile True: a[:]",
    "slice assignment": "a = [0] * 10_000\nwhile True: a[1:2] = [1]",
    "insertion": "a = [0] * 10_000\nwhile True:\n    a.insert(0, 1)\n    a.pop(0)",
    "linear search": "a = [0] * 10_000\nwhile True: 1 in a",
    "count": "a = [0] * 10_000\nwhile True: a.count(1)",
    "sort": "a = list(range(10_000))\nwhile True: sorted(a)",
    "star arguments": "a = [0] * 10_000\ndef f(*a): pass\nwhile True: f(*a)",
    "sum of lists": "a = [[0]] * 10_000\nwhile True: sum(a, [])",
    "endless iterator": "for i in iter(int, 1): pass",
    "nested json": "import json\ns = '[' * 90 + ']' * 90\nwhile True: json.loads(s)",
    "chain of contexts": "a = ValueError()\nwhile True:\n    try:\n        try: raise a\n"
    "        except ValueError: raise ValueError\n    except ValueError as e: a = e",
    "straight code in a loop": "x = 0\nwhile True:\n" + "    x = 1; x = 2; x = 3\n" * 1000,
    "straight code in a call": "def f():\n" + "    x = 1; x = 2; x = 3\n" * 1000 + "while True: f()",
    "many variables": "def f():\n" + "".join(f"    x{i} = 1\n" for i in range(1000)) + "while True: f()",
    "await": "import aici\nasync def f(): pass\nasync def g():\n    while True: await f()\naici.start(g)",
}

MEMORY = {
    "text": "'ab' * 10**15",
    "doubled text": "s = 'ab'\nwhile True: s += s",
    "list": "[0] * 10**15",
    "doubled list": "s = [0]\nwhile True: s += s",
    "range": "list(range(10**5 * 2))",
    "text times texts": LONG + "s.replace('x', 'y' * 100)",
    "join": LONG + "','.join([s] * 100)",
    "width": "f'{1:10000000}'",
    "width of percent": "'%10000000d' % 1",
    "precision": "f'{1.5:.10000000f}'",
    "padding": "'a'.center(10**7)",
    "bytes": "bytes(10**7)",
    "encoded": "s = 'é' * 600_000\n[s.encode() for i in range(9)]",
    "texts of a generator": LONG + "list(s + str(i) for i in range(100))",
    "texts of a map": LONG + "list(map(lambda i: s + str(i), range(100)))",
    "texts of a sort": LONG + "sorted(s + str(i) for i in range(100))",
    "joined texts": LONG + "''.join(s + str(i) for i in range(100))",
    "texts unpacked": LONG + "a, *b = (s + str(i) for i in range(100))",
    "texts of a set": LONG + "set(s + str(i) for i in range(100))",
    "texts of a dict": LONG + "{i: s + str(i) for i in range(100)}",
    "caught": "try: 'x' * 10**12\nexcept BaseException: pass\nwhile True: pass",
    "integers": "x = 1 << 8000\na = []\nwhile True: a.append(x + 1)",
    "closures": "a = []\nwhile True: a.append(lambda: a)",
    "coroutines": "async def f(): pass\na = []\nwhile True: a.append(f())",
    "generators": "a = []\nwhile True: a.append(x for x in a)",
    "many cells": "def f():\n"
    + "".join(f"    x{i} = 1\n" for i in range(1000))
    + "    f()\n    return lambda: ("
    + ", ".join(f"x{i}" for i in range(1000))
    + ")\nf()",
    "entries": "d = {}\ni = 0\nwhile True:\n    i += 1\n    d[i] = [i]",
}

OTHERS = {
    "power": ("2 ** 10**9", "IntegerTooLarge"),
    "huge power": ("2 ** 10**30", "IntegerTooLarge"),
    "powers": ("x = 3\nwhile True: x = x**3", "IntegerTooLarge"),
    "shift": ("1 << 10**9", "IntegerTooLarge"),
    "huge shift": ("1 << 10**30", "IntegerTooLarge"),
    "products": ("x = -3\nwhile True: x *= x", "IntegerTooLarge"),
    "sums": ("x = 1\nwhile True: x += x", "IntegerTooLarge"),
    "factorial": ("import math\nmath.factorial(10**9)", "IntegerTooLarge"),
    "output": ("while True: print('x' * 1000)", "OutputTooLong"),
    "recursion": ("def f(): f()\nf()", "RecursionError"),
    "recursion in a native": ("def f(x): return sorted([1], key=f)\nf(0)", "RecursionError"),
    "recursion in a generator": ("def f(): return sum(f() for i in [1])\nf()", "RecursionError"),
    "recursion of awaits": ("import aici\nasync def f(): await f()\naici.start(f)", "RecursionError"),
    "deep comparison": ("a = []\nb = []\nfor i in range(9999):\n    a, b = [a], [b]\na == b", "RecursionError"),
    "deep order": ("a = []\nb = []\nfor i in range(9999):\n    a, b = [a], [b]\na < b", "RecursionError"),
    "deep text": ("a = []\nfor i in range(9999): a = [a]\nstr(a)", "RecursionError"),
    "deep key": ("a = ()\nfor i in range(9999): a = (a,)\n{a}", "RecursionError"),
    "deep iterators": ("a = iter([])\nfor i in range(9999): a = zip(a)\nlist(a)", "RecursionError"),
    "deep generators": ("a = iter([1])\nfor i in range(999): a = (x for x in a)\nlist(a)", "RecursionError"),
}


def end_of(execute: Execute, source: str, limits: Limits = LIMITS) -> Failed:
    begun = time.process_time()
    outcome = execute(source, limits=limits)[1]
    assert time.process_time() - begun < 10, "a limit must come in bounded time"
    assert isinstance(outcome, Failed), "a limit must end the program"
    assert f"{outcome.kind}: " in outcome.traceback
    return outcome


@pytest.mark.parametrize("source", FUEL.values(), ids=FUEL)
def test_fuel(execute: Execute, source: str) -> None:
    assert end_of(execute, source).kind in ("FuelExhausted", "OutOfMemory")


@pytest.mark.parametrize("source", MEMORY.values(), ids=MEMORY)
def test_memory(execute: Execute, source: str) -> None:
    assert end_of(execute, source, dataclasses.replace(LIMITS, step_fuel=300_000)).kind == "OutOfMemory"


@pytest.mark.parametrize(("source", "kind"), OTHERS.values(), ids=OTHERS)
def test_other_limits(execute: Execute, source: str, kind: str) -> None:
    assert end_of(execute, source).kind == kind


def test_garbage_is_no_memory(execute: Execute) -> None:
    source = "n = 0\nfor i in range(200):\n    n += len('x' * 100_000)\nprint(n)"
    assert execute(source, limits=LIMITS) == ("20000000\n", Finished())


def test_garbage_of_calls_from_natives_is_no_memory(execute: Execute) -> None:
    source = "def f(i):\n    return len('x' * 100_000)\nprint(sum(map(f, range(100))), max(f(i) for i in range(50)))"
    assert execute(source, limits=LIMITS) == ("10000000 100000\n", Finished())


def test_limits_cannot_be_caught(execute: Execute) -> None:
    source = "try:\n    while True: pass\nexcept BaseException:\n    print('caught')\nfinally:\n    print('finally')"
    output, outcome = execute(source, limits=LIMITS)
    assert output == ""
    assert isinstance(outcome, Failed) and outcome.kind == "FuelExhausted"


def test_same_fuel_in_every_run(process_of: Callable[..., Process], host: Services) -> None:
    source = "d = {str(i): {i, str(i)} for i in range(50)}\nprint(sorted(d, key=lambda k: d[k] == d['7']), d)"
    left = set()
    for _ in range(3):
        process = process_of(source)
        run(process, host)
        left.add((process.fuel, process.memory))
    assert len(left) == 1
