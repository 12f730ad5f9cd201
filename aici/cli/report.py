"""What `aicic run` says at the end: variables, usage, errors and timings.

In: a `Result`. Out: text on streams.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from aici.host.explain import Choice, Moment
from aici.host.result import Result, StepTiming

from .view import printable, shown_value

_TIMES: Final = ("vm", "mask", "engine", "sampling", "total")


def print_report(console: Console, result: Result) -> None:
    """Errors go to standard error, all else to the console."""
    if result.variables and console.is_terminal:
        table = Table("variable", "value", box=box.SIMPLE_HEAD, pad_edge=False)
        for name, value in result.variables.items():
            table.add_row(Text(printable(name)), Text(shown_value(value)))
        console.print(table)
    elif result.variables:
        print("variables:")
        for name, value in result.variables.items():
            print(f"  {printable(name)} = {shown_value(value)}")
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


def print_choices(choices: Sequence[Choice]) -> None:
    """A line a sampled token: what constrained it, and the model's own probability of it, without mask."""
    print(f"{'step':>6}{'branch':>8}{'line':>6}{'allowed':>9}{'removed':>9}{'likely':>8}  token, constraint")
    for choice in choices:
        chosen = choice.likely[0]
        numbers = f"{choice.step:6}{choice.branch:8}{choice.line:6}{choice.allowed:9}{choice.removed:9.1%}"
        under = f" under {choice.constraint}" if choice.constraint else ""
        print(f"{numbers}{chosen.probability:8.1%}  {_quoted(chosen.text)}{printable(under)}")


def print_moment(moment: Moment, name: str) -> None:
    """A step of a replay: where the controller stands, what it knows, and what could come."""
    choice = moment.choice
    print(f"step {choice.step}, branch {choice.branch}, before {_quoted(choice.likely[0].text)}")
    for call in moment.calls:
        print(f'  File "{printable(name)}", line {call.line}, in {call.function}')
        if call.text:
            print(f"    {printable(call.text)}")
        for variable, value in call.variables:
            print(f"      {variable} = {printable(value)}")
    print(f"tokens so far: {' '.join(map(str, moment.tokens))}")
    print(f"text so far: {_quoted(moment.text.decode('utf-8', 'replace'))}")
    if moment.logs:
        print(f"printed so far: {_quoted(moment.logs)}")
    for variable, content in moment.variables.items():
        print(f"variable {printable(variable)} = {shown_value(content)}")
    print(f"constraint: {printable(choice.constraint or 'none')}")
    print(f"allowed: {choice.allowed} of {choice.vocabulary} tokens; {choice.removed:.1%} of the probability is masked")
    for likely in choice.likely:
        print(f"  {likely.probability:7.2%}  {likely.token:7}  {_quoted(likely.text)}")


def _quoted(text: str) -> str:
    return printable(repr(text))


def print_stats(console: Console, steps: list[StepTiming]) -> None:
    """A line a step, times in milliseconds. Masks are made while the engine works; `host` is the share of all the rest
    but the engine in the step."""
    lines = [
        f"{'step':>6}{'seqs':>5}{'tokens':>7}{'VM':>9}{'mask':>9}{'engine':>9}{'sample':>9}{'total':>9}{'host':>7}"
    ]
    for number, step in enumerate(steps, 1):
        lines.append(f"{number:6}{step.sequences:5}{step.tokens:7}{_times(step)}")
    if steps:
        middle = replace(steps[0], **{name: median(getattr(step, name) for step in steps) for name in _TIMES})
        lines.append(f"{'median':>6}{'':12}{_times(middle)}")
    console.print(Text("\n".join(lines)), soft_wrap=True)


def _times(step: StepTiming) -> str:
    times = "".join(f"{1000 * getattr(step, name):9.2f}" for name in _TIMES)
    return f"{times}{(step.total - step.engine) / step.total:7.1%}"
