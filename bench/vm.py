"""The VM side by side with CPython, pydantic-monty and starlark-pyo3, in one interleaved, single-threaded run.

    python bench/vm.py [--repeats 7] [--engines aicic,cpython,...] [--only NAME] [--json FILE] [--plot FILE]

Every line is a program; every engine runs it in turn, `--repeats` times. What is timed is the run of a program that has
been compiled (by aicic: of a verified `Program`; lowering of hot code is part of it), for pydantic-monty, which
compiles and runs in one call to its worker, that call. An operation's time is the lesser of wall and process CPU time
(of wall alone for pydantic-monty, whose worker is a process of its own), its figure the median of the repeats. A peer
that is not installed, or cannot run a line, is left out. Machines are shared: read the ratios.

Beside the programs: the warm start of a trivial module, the stages of compiling 1,000 lines, a snapshot of a small
process, and the start of an OS process. `pip install pydantic-monty starlark-pyo3 matplotlib` for all of it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from aici.compiler import compile_source
from aici.compiler.lower import lower
from aici.compiler.parse import parse
from aici.compiler.resolve import resolve
from aici.diagnostics import DiagnosticSink, SourceFile
from aici.vm.encode import encode
from aici.vm.limits import Limits
from aici.vm.machine import run
from aici.vm.process import Process
from aici.vm.requests import Failed
from aici.vm.snapshot import restore, snapshot
from aici.vm.verify import load, verify

LIMITS = Limits(fuel=1 << 40, step_fuel=1 << 40)

PROGRAMS = {
    "while loop, in a function": """
def loop(n):
    i = 0
    total = 0
    while i < n:
        total += i
        i += 1
    return total
loop(1000000)
""",
    "while loop, in the module": """
i = 0
total = 0
while i < 1000000:
    total += i
    i += 1
""",
    "for loop over a range": """
def loop(n):
    total = 0
    for i in range(n):
        total += i * 2
    return total
loop(1000000)
""",
    "fib(24)": """
def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)
fib(24)
""",
    "dict and str": """
def count(n):
    words = ["alpha", "beta", "gamma", "delta"]
    counts = {}
    for i in range(n):
        word = words[i % 4] + str(i % 100)
        if word in counts:
            counts[word] = counts[word] + 1
        else:
            counts[word] = 1
    return len(counts)
count(100000)
""",
    "list building and sorting": """
def build(n):
    items = []
    x = 12345
    for i in range(n):
        x = (x * 1103 + 12345) % 65536
        items.append(x)
    squares = [y * y for y in items if y % 2 == 0]
    return sorted(items)[0] + sorted(squares)[-1]
build(200000)
""",
    "string formatting": """
def show(n):
    lines = []
    for i in range(n):
        lines.append(f"{i}: {i * 2} of {n}")
    return len("\\n".join(lines))
show(100000)
""",
    "exceptions": """
def attempt(n):
    caught = 0
    for i in range(n):
        try:
            raise ValueError("no")
        except ValueError:
            caught += 1
    return caught
attempt(30000)
""",
    "await of small functions": """
async def step(i):
    return i + 1
async def main():
    i = 0
    while i < 30000:
        i = await step(i)
""",
}
"""Sources, by the names of their lines. `main` is awaited where there is one."""

TRIVIAL = "x = 1\nprint(x + 1)\n"
WAITING = """
import aici
async def main():
    names = ["a", "b", "c"]
    for name in names:
        await aici.FixedTokens(name)
aici.start(main())
"""


class _Log:
    """Services that only take what is printed."""

    def log(self, text: str) -> None:
        pass

    def tokens(self) -> list[int]:
        return []

    def tokenize(self, text: bytes, special: bool) -> list[int]:
        return list(text)


def timed(function: Callable[[], object]) -> float:
    """Seconds: the lesser of wall and process CPU time."""
    wall, cpu = time.perf_counter(), time.process_time()
    function()
    return min(time.perf_counter() - wall, time.process_time() - cpu)


# --- engines: the source of a line -> a function that runs it and says how long that took ---


def _with_main(source: str, start: str) -> str:
    return source + start if "async def main" in source else source


def aicic(source: str, lowered: bool = True) -> Callable[[], float]:
    text = _with_main(source, "import aici\naici.start(main())\n")
    data = encode(compile_source(SourceFile("line.py", text)))

    def measure() -> float:
        process = Process(load(data), LIMITS, lowered)
        services: Any = _Log()

        def go() -> None:
            outcome = run(process, services)
            if isinstance(outcome, Failed):
                raise RuntimeError(outcome.traceback)

        return timed(go)

    return measure


def plain(source: str) -> Callable[[], float]:
    return aicic(source, lowered=False)


def cpython(source: str) -> Callable[[], float]:
    start = "try:\n    main().send(None)\nexcept StopIteration:\n    pass\n"
    code = compile(_with_main(source, start), "line.py", "exec")
    return lambda: timed(lambda: exec(code, {"__name__": "__main__", "print": lambda *values: None}))


def monty() -> Callable[[str], Callable[[], float]]:
    import pydantic_monty

    pool = pydantic_monty.Monty()
    pool.__enter__()

    def prepare(source: str) -> Callable[[], float]:
        text = _with_main(source, "await main()\n")

        def measure() -> float:
            with pool.checkout() as session:
                session.feed_run("0", skip_type_check=True)
                begin = time.perf_counter()
                session.feed_run(text, skip_type_check=True)
                return time.perf_counter() - begin

        return measure

    return prepare


def starlark() -> Callable[[str], Callable[[], float]]:
    import starlark as star

    dialect = star.Dialect.extended()
    dialect.enable_top_level_stmt = True
    dialect.enable_f_strings = True

    def prepare(source: str) -> Callable[[], float]:
        def measure() -> float:
            module, tree = star.Module(), star.parse("line.star", source, dialect)
            return timed(lambda: star.eval(module, tree, star.Globals.standard()))

        return measure

    return prepare


def engines(wanted: list[str]) -> dict[str, Callable[[str], Callable[[], float]]]:
    made: dict[str, Callable[[str], Callable[[], float]]] = {}
    for name in wanted:
        try:
            made[name] = {"aicic": lambda: aicic, "plain": lambda: plain, "cpython": lambda: cpython}.get(
                name, {"monty": monty, "starlark": starlark}.get(name, lambda: cpython)
            )()
        except ImportError:
            print(f"{name} is not installed: left out", file=sys.stderr)
    return made


# --- the lines that are no programs ---


def warm_start(repeats: int) -> dict[str, float]:
    """From verified bytes (the program is loaded) to the first request, or the end, of trivial modules."""
    services: Any = _Log()
    found: dict[str, float] = {}
    for name, source in (("trivial module", TRIVIAL), ("first request", WAITING)):
        program = load(encode(compile_source(SourceFile("line.py", source))))
        for _ in range(3):
            run(Process(program), services)
        found[name] = statistics.median(timed(lambda p=program: run(Process(p), services)) for _ in range(20 * repeats))
    return found


def thousand_lines(repeats: int) -> dict[str, float]:
    """The stages of compiling a controller of 1,000 lines."""
    block = "def f{0}(a, b=2):\n    total = 0\n    for i in range(a):\n        if i % b == 0:\n            total += i\n"
    block += '        else:\n            total -= f"{{i}}".count("1")\n    items = [x * 2 for x in range(a)]\n'
    block += "    return {{'total': total, 'items': items}}\n\n"
    text = "".join(block.format(number) for number in range(100))
    source = SourceFile("long.py", text)
    tree = parse(source)
    sink = DiagnosticSink(source)
    resolution = resolve(tree, sink)
    program = compile_source(source)
    data = encode(program)
    stages: dict[str, Callable[[], object]] = {
        "parse": lambda: parse(source),
        "resolve": lambda: resolve(tree, sink),
        "lower": lambda: lower(tree, resolution, source, sink),
        "encode": lambda: encode(program),
        "verify": lambda: verify(program),
        "load": lambda: load(data),
        "all": lambda: encode(compile_source(source)),
    }
    return {name: statistics.median(timed(stage) for _ in range(repeats)) for name, stage in stages.items()}


def snapshots(repeats: int) -> dict[str, float]:
    """A process of a few values that waits on a request: bytes, and seconds to write and to read."""
    program = load(encode(compile_source(SourceFile("line.py", WAITING))))
    process, services = Process(program), _Log()
    waiting: Any = services
    run(process, waiting)
    key = bytes(range(32))
    data = snapshot(process, key)
    write = statistics.median(timed(lambda: snapshot(process, key)) for _ in range(10 * repeats))
    read = statistics.median(timed(lambda: restore(program, data, key)) for _ in range(10 * repeats))
    return {"bytes": len(data), "write": write, "read": read}


def process_start(repeats: int) -> dict[str, float]:
    def start(code: str) -> float:
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - begin

    codes = {"python": "pass", "aici.vm": "import aici.vm.machine, aici.vm.verify"}
    return {name: statistics.median(start(code) for _ in range(min(repeats, 5))) for name, code in codes.items()}


# --- the run ---


def measure(names: list[str], wanted: list[str], repeats: int) -> dict[str, dict[str, float]]:
    made = engines(wanted)
    prepared: dict[tuple[str, str], Callable[[], float]] = {}
    times: dict[tuple[str, str], list[float]] = {}
    for line in names:
        for engine, prepare in made.items():
            with suppress(Exception):
                prepared[line, engine] = prepare(PROGRAMS[line])
                prepared[line, engine]()
                times[line, engine] = []
    for _ in range(repeats):
        for key in times:
            times[key].append(prepared[key]())
    table: dict[str, dict[str, float]] = {line: {} for line in names}
    for (line, engine), found in times.items():
        table[line][engine] = statistics.median(found)
    return table


def report(table: dict[str, dict[str, float]], wanted: list[str]) -> None:
    print(f"{'':28}" + "".join(f"{engine:>18}" for engine in wanted))
    for line, row in table.items():
        base = row.get("cpython")
        cells = ""
        for engine in wanted:
            cell = "-"
            if engine in row:
                cell = f"{row[engine] * 1e3:.1f} ms"
                if base:
                    cell += f" {row[engine] / base:5.2f}x"
            cells += f"{cell:>18}"
        print(f"{line:28}{cells}")


def plot(table: dict[str, dict[str, float]], wanted: list[str], path: Path) -> None:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 5))
    others = [engine for engine in wanted if engine != "cpython"]
    lines = [line for line, row in table.items() if "cpython" in row]
    height = 0.8 / max(1, len(others))
    for place, engine in enumerate(others):
        at = [index + place * height for index, line in enumerate(lines) if engine in table[line]]
        ratios = [table[line][engine] / table[line]["cpython"] for line in lines if engine in table[line]]
        axes.barh(at, ratios, height, label=engine)
    axes.set_yticks([index + 0.4 - height / 2 for index in range(len(lines))], lines)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xlabel("time over that of CPython")
    axes.legend()
    figure.tight_layout()
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--engines", default="aicic,cpython,monty,starlark")
    parser.add_argument("--only", default="", help="lines whose name contains this")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    wanted = options.engines.split(",")
    names = [line for line in PROGRAMS if options.only in line]
    table = measure(names, wanted, options.repeats)
    report(table, wanted)
    others: dict[str, dict[str, float]] = {}
    if not options.only:
        others = {
            "warm start": warm_start(options.repeats),
            "1,000 lines": thousand_lines(options.repeats),
            "snapshot": snapshots(options.repeats),
            "process start": process_start(options.repeats),
        }
        for title, row in others.items():
            cells = [
                f"{name} {int(value)}" if name == "bytes" else f"{name} {value * 1e6:.0f} us"
                for name, value in row.items()
            ]
            print(f"{title}: " + ", ".join(cells))
    if options.json:
        options.json.write_text(json.dumps({"programs": table, **others}, indent=1) + "\n")
    if options.plot:
        plot(table, wanted, options.plot)


if __name__ == "__main__":
    main()
