"""Forks and snapshots of processes: time, bytes, and memory by the shape of what the controller holds.

    python bench/snapshots.py [--repeats 5] [--json FILE]

Every shape but the first holds about 100,000 values. `fork` makes one copy, `16 ways` makes fifteen at once; `dump` and
`load` are `snapshot` and `restore`. A time is the least of the repeats, of wall and process CPU time the lesser:
machines are shared. `memory` is what fifteen copies take, in multiples of what the original takes, as Python accounts
for it.

The second table has what comes after a fork 16 ways, forking included, until all sixteen wait again: `own` when each
reads a little and fills a list of its own, `write` when each writes once to what all share, `read` when each walks
through all of it; and again (`copied`) with forks that copy everything at once.
"""

from __future__ import annotations

import argparse
import json
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aici.compiler import compile_source
from aici.diagnostics import SourceFile
from aici.vm import fork
from aici.vm.fork import forks
from aici.vm.limits import Limits
from aici.vm.machine import run
from aici.vm.process import Process
from aici.vm.requests import Fork, Services
from aici.vm.snapshot import restore, snapshot

KEY = bytes(range(32))
WAYS = 16
LIMITS = Limits(fuel=1 << 40, step_fuel=1 << 40, memory=1 << 32)
SHAPES = {
    "a small state": "names = {'x': 1, 'y': [1.5, None]}\ncount = 1000",
    "a list of 10^5 integers": "names = list(range(100_000))",
    "10^4 lists of 10 integers": "names = [list(range(i, i + 10)) for i in range(10_000)]",
    "10^4 dicts of 10 texts": "names = [{f'k{j}': f'value {i} {j}' for j in range(10)} for i in range(10_000)]",
    "a dict of 33,000 tuples": "names = {i: (i, str(i)) for i in range(33_000)}",
    "10^5 lists of 2 integers": "names = [[i, i + 1] for i in range(100_000)]",
    "10^5 lists, each in the next": "names = None\nfor i in range(100_000):\n    names = [names]",
    "33,000 closures": "def make(n):\n    return lambda: n\nnames = [make(i) for i in range(33_000)]",
}
PROGRAM = """\
import aici
{shape}
def own():
    made = []
    for i in range(50):
        made.append((i, len(names)))
    return made
def write():
    if type(names) is dict:
        names["new"] = 1
    else:
        names.append(1)
def read():
    count = 0
    for item in names:
        while type(item) is list:
            item = item[0] if item else None
        count += 1
    return count
ACTIONS = [own, write, read]
async def main():
    for word in ["a", "b"]:
        print(word, await aici.fork(16))
        for action in await aici.GetPrompt():
            ACTIONS[action]()
aici.start(main())
"""
ACTIONS = ("own", "write", "read")


class Quiet:
    """Services that nobody asks for anything but to print."""

    def log(self, text: str) -> None:
        pass


def waiting(shape: str) -> Process:
    process = Process(compile_source(SourceFile("bench.py", PROGRAM.format(shape=shape))), LIMITS)
    services: Any = Quiet()
    host: Services = services
    outcome = run(process, host)
    assert outcome == Fork(WAYS), outcome
    return process


def seconds(action: Callable[[], Any], repeats: int) -> float:
    """Of one call: of many in a row where one is quicker than the clock."""
    best, times = 1e9, 1
    for _ in range(repeats + 1):
        wall, cpu = time.perf_counter(), time.process_time()
        made = [action() for _ in range(times)]
        took = min(time.perf_counter() - wall, time.process_time() - cpu) / times
        del made
        best = min(best, took)
        times = max(times, int(0.02 / max(took, 1e-6)))
    return best


def memory_of_copies(shape: str) -> float:
    """Bytes of fifteen copies by those of the original."""
    tracemalloc.start()
    process = waiting(shape)
    own = tracemalloc.get_traced_memory()[0]
    copies = forks(process, WAYS - 1)
    grown = tracemalloc.get_traced_memory()[0] - own
    tracemalloc.stop()
    assert len(copies) == WAYS - 1
    return grown / own


def branched(process: Process, action: int) -> list[Process]:
    """Sixteen branches, each of which has done something and waits again."""
    services: Any = Quiet()
    branches = [process, *forks(process, WAYS - 1)]
    for number, branch in enumerate(branches):
        run(branch, services, number)
    for branch in branches:
        assert run(branch, services, [action]) == Fork(WAYS)
    return branches


def time_after(shape: str, action: int, copied: bool) -> float:
    """Seconds from the fork on."""
    threshold, fork.SHARED_FROM = fork.SHARED_FROM, 1 << 62 if copied else fork.SHARED_FROM
    try:
        process = waiting(shape)
        wall, cpu = time.perf_counter(), time.process_time()
        branches = branched(process, action)
        took = min(time.perf_counter() - wall, time.process_time() - cpu)
        assert len(branches) == WAYS
        return took
    finally:
        fork.SHARED_FROM = threshold


def memory_after(shape: str, action: int) -> float:
    """Bytes of all sixteen by those of the original."""
    tracemalloc.start()
    process = waiting(shape)
    own = tracemalloc.get_traced_memory()[0]
    branches = branched(process, action)
    grown = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(branches) == WAYS
    return grown / own


def measure(shape: str, repeats: int) -> dict[str, float]:
    process = waiting(shape)
    data = snapshot(process, KEY)
    return {
        "fork": seconds(lambda: forks(process, 1), repeats),
        "16 ways": seconds(lambda: forks(process, WAYS - 1), repeats),
        "dump": seconds(lambda: snapshot(process, KEY), repeats),
        "load": seconds(lambda: restore(process.program, data, KEY), repeats),
        "bytes": len(data),
        "memory": memory_of_copies(shape),
    }


def going_on(shape: str, repeats: int) -> dict[str, float]:
    found: dict[str, float] = {}
    for number, action in enumerate(ACTIONS):
        found[action] = min(time_after(shape, number, False) for _ in range(repeats))
        found[f"{action} memory"] = memory_after(shape, number)
        found[f"{action} copied"] = min(time_after(shape, number, True) for _ in range(repeats))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    print(f"{'ms':30}{'fork':>9}{'16 ways':>9}{'dump':>9}{'load':>9}{'bytes':>10}{'memory':>8}")
    found = {}
    for name, shape in SHAPES.items():
        found[name] = row = measure(shape, options.repeats)
        times = "".join(f"{row[column] * 1e3:9.3f}" for column in ("fork", "16 ways", "dump", "load"))
        print(f"{name:30}{times}{row['bytes']:10.0f}{row['memory']:8.2f}", flush=True)
    columns = [f"{action}{what}" for action in ACTIONS for what in ("", " memory", " copied")]
    print(f"\n{'ms from a fork 16 ways on':30}{''.join(f'{column:>14}' for column in columns)}")
    for name, shape in SHAPES.items():
        row = going_on(shape, max(1, options.repeats // 2))
        found[name] |= row
        cells = [row[column] * (1 if "memory" in column else 1e3) for column in columns]
        print(f"{name:30}{''.join(f'{cell:14.2f}' for cell in cells)}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
