"""What `aicic run` says at the end: variables, usage, errors and timings.

In: a `Result`. Out: text on streams.
"""

from __future__ import annotations

import sys
from statistics import median

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from aici.host.result import Result, StepTiming

from .view import printable, shown_value


def print_report(console: Console, result: Result) -> None:
    """Errors go to standard error, all else to the console."""
    if result.variables and console.is_terminal:
        table = Table("variable", "value", box=box.SIMPLE_HEAD, pad_edge=False)
        for name, value in result.variables.items():
            table.add_row(Text(printable(name)), Text(shown_value(value)))
        console.print(table)
    elif result.variables:
        for name, value in result.variables.items():
            print(f"{printable(name)} = {shown_value(value)}")
    usage = result.usage
    text = f"{usage.sampled_tokens} tokens sampled, {usage.ff_tokens} processed, cost {usage.cost}"
    console.print(Text(text, style="dim"))
    print_errors(result)


def print_errors(result: Result) -> None:
    sys.stdout.flush()
    for branch in result.branches:
        if branch.error is not None:
            where = f"[{branch.index}] " if len(result.branches) > 1 else ""
            print(where + printable(branch.error.traceback.rstrip("\n")), file=sys.stderr)


def print_stats(console: Console, steps: list[StepTiming]) -> None:
    """A line a step, times in milliseconds; the mask's time is spent while the engine works."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("step", "sequences", "tokens", "VM", "mask", "engine", "sampling", "total", "host share"):
        table.add_column(name, justify="right")
    for number, step in enumerate(steps, 1):
        table.add_row(str(number), str(step.sequences), str(step.tokens), *_times(step))
    if steps:
        table.add_section()
        columns = ("vm", "mask", "engine", "sampling", "total")
        middle = StepTiming(**{c: median(getattr(s, c) for s in steps) for c in columns}, sequences=0, tokens=0)
        table.add_row("median", "", "", *_times(middle))
    console.print(table)


def _times(step: StepTiming) -> list[str]:
    times = (step.vm, step.mask, step.engine, step.sampling, step.total)
    return [*(f"{1000 * time:.3f}" for time in times), f"{100 * (step.total - step.engine) / step.total:.1f} %"]
