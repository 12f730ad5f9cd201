"""The VM side by side with CPython, pydantic-monty and starlark-pyo3, in one interleaved, single-threaded run.

    python bench/vm.py [--repeats 7] [--engines aicic,plain,cpython,...] [--only NAME] [--json FILE] [--plot FILE]

Every line is a program; every engine runs it in turn, `--repeats` times. The time of a run is the lesser of wall and
processor time, and the processor time is that of all processes at work: pydantic-monty's worker is a process of its
own, what it takes is added to what we take to talk to it. A line's figure is the median of the repeats, its ratio the
median of the ratios of each round. A peer that is not installed, or cannot run a line, is left out; `--json` has the
medians by either clock, too. Machines are shared: read the ratios.

The second table is of what takes microseconds: a turn has twenty in a row after one that does not count; in parentheses
the 99th of a hundred. It has the end of a trivial module and the first request of one, from a loaded program (one that
has run before, and a new one), a dump and a load of a small process that waits on that request, and 1,000 lines of
source compiled. Then the stages of compiling, the start of OS processes (by the wall), and what is asked of all that.

`pip install pydantic-monty starlark-pyo3 matplotlib` for all of it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from vmbench import report, stages
from vmbench.clock import Sample, summary
from vmbench.engines import ENGINES, Engine, Measure
from vmbench.programs import PROGRAMS
from vmbench.report import Table

IN_A_ROW = 20


def engines(wanted: list[str]) -> dict[str, Engine]:
    made: dict[str, Engine] = {}
    for name in wanted:
        try:
            made[name] = ENGINES[name]()
        except ImportError:
            print(f"{name} is not installed: left out", file=sys.stderr)
    return made


def measured(lines: dict[str, dict[str, Measure]], repeats: int, in_a_row: int = 1) -> Table:
    """Line -> engine -> figures, of rounds in which every engine has its turn. What is measured several times in a row
    is warm: its caches are its own."""
    samples: dict[str, dict[str, list[Sample]]] = defaultdict(dict)
    for line, row in lines.items():
        for engine, measure in row.items():
            with suppress(Exception):  # it cannot run this
                measure()
                samples[line][engine] = []
    for _ in range(repeats):
        for line, row_of_samples in samples.items():
            for engine, found in row_of_samples.items():
                if in_a_row > 1:
                    lines[line][engine]()
                found += [lines[line][engine]() for _ in range(in_a_row)]
    table: Table = {}
    for line, found_by in samples.items():
        table[line] = {engine: summary(found) for engine, found in found_by.items()}
        for engine, found in found_by.items():
            base = found_by.get("cpython")
            if base:
                ratios = [ours.lesser / theirs.lesser for ours, theirs in zip(found, base, strict=True)]
                table[line][engine]["ratio"] = statistics.median(ratios)
    return table


def program_lines(made: dict[str, Engine], only: str) -> dict[str, dict[str, Measure]]:
    return {
        line: {name: engine.program(source) for name, engine in made.items()}
        for line, source in PROGRAMS.items()
        if only in line
    }


def part_lines(made: dict[str, Engine]) -> dict[str, dict[str, Measure]]:
    lines: dict[str, dict[str, Measure]] = defaultdict(dict)
    for name, engine in made.items():
        for line, measure in engine.parts().items():
            lines[line][name] = measure
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--engines", default="aicic,cpython,monty,starlark")
    parser.add_argument("--only", default="", help="lines whose name contains this, and nothing else")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    made = engines(options.engines.split(","))
    names = list(made)
    programs = measured(program_lines(made, options.only), options.repeats)
    report.show("programs", programs, names)
    parts: Table = {}
    sizes: dict[str, int] = {}
    others: dict[str, dict[str, float]] = {}
    if not options.only:
        parts = measured(part_lines(made), options.repeats, IN_A_ROW)
        report.show("parts", parts, names)
        found = {name: engine.snapshot_bytes() for name, engine in made.items()}
        sizes = {name: size for name, size in found.items() if size is not None}
        print("snapshot: " + ", ".join(f"{name} {size} bytes" for name, size in sizes.items()))
        others = {"stages": stages.compiling(options.repeats), "process start": stages.starting(options.repeats)}
        for title, row in others.items():
            print(f"{title}: " + ", ".join(f"{name} {report.time_of(value)}" for name, value in row.items()))
        print()
    report.judge(programs, parts, sizes)
    if options.json:
        options.json.write_text(json.dumps({"programs": programs, "parts": parts, "bytes": sizes, **others}, indent=1))
    if options.plot:
        report.plot(programs, names, options.plot)


if __name__ == "__main__":
    main()
