"""Random loops of operators, texts and containers, on values at the edges of what lowered code does by itself: it does
what the plain interpreter does, and meets every limit where that one does."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aici.vm.limits import Limits

VALUES = (
    *("0", "1", "-1", "7", "100", "(1 << 30) - 1", "1 << 30", "-(1 << 30)", "1 << 61", "(1 << 62) - 1", "1 << 62"),
    *("-(1 << 62)", "1 - (1 << 62)", "-(1 << 61)", "1 << 63", "1 << 200", "True", "False", "None", "0.5", "-2.0"),
    *("1e300", "float('nan')", "''", "'a'", "'word'", "'x' * 23", "'x' * 24", "'é' * 5", "'é' * 30", "'y' * 63"),
    *("'z' * 140", "[1, 2]", "(1, 'a')", "{}", "{'a': 1}", "range(3)", "b'bytes'"),
)
NAMES = "abcde"


class _Maker:
    def __init__(self, random: Random) -> None:
        self.random = random

    def value(self) -> str:
        choose = self.random.choice
        if self.random.random() < 0.5:
            return choose(NAMES)
        return choose(("i", "i", "v", "1", "2", "-3", "'k'", "0.25", choose(VALUES)))

    def expression(self) -> str:
        choose, x, y = self.random.choice, self.value(), self.value()
        return choose(
            (
                f"({x}) {choose('+-*/%&|^')} ({y})",
                f"({x}) + ({y})",
                f"({x}) - ({y})",
                f"({x}) // ({y})",
                f"({x}) {choose(('<', '==', '!=', '>=', 'is'))} ({y})",
                f"(({x}) * 3 + ({y})) % 1000",
                f"({x}) if ({y}) else {self.value()}",
                f"f'{{{choose(NAMES)}}}: {{i}} of {{{choose(NAMES)}!r}}'",
                f"f'{{i * 2}}{{({x})}}'",
                f"f'{{{choose(NAMES)}:>4}}'",
                f"str({x})",
                f"len({x})",
                f"table[{x}]",
                f"({x}) in table",
                f"items[i % 5] + ({y})",
                f"({x})[({y})]",
                f"[{x}, {y}][i % 2]",
                f"-({x})",
                f"(({x}), i)",
            )
        )

    def statement(self) -> list[str]:
        choose, name = self.random.choice, self.random.choice(NAMES)
        return choose(
            (
                [f"{name} = {self.expression()}"],
                [f"{name} = {self.expression()}"],
                [f"{name} {choose(('+=', '-=', '*='))} {self.value()}"],
                [f"table[{self.value()}] = {self.value()}"],
                [f"table['k'] = table.get('k', 0) + {self.value()}"],
                [f"items.append({self.value()})"],
                [f"items.append({self.expression()})"],
                [f"items[i % 5] = {self.expression()}"],
                ["if len(items) > 7:", "    items.pop()"],
                [f"if {self.value()}:", "    continue"],
                ["if i > 9:", "    break"],
                [
                    f"for {name} in {choose(('items[:3]', 'range(i)', chr(34) + 'text' + chr(34), '(1, 2)'))}:",
                    "    a = i",
                ],
                [f"del {name}", f"{name} = i"],
            )
        )

    def program(self) -> str:
        choose = self.random.choice
        body: list[str] = []
        for _ in range(self.random.randint(1, 6)):
            lines = self.statement()
            if self.random.random() < 0.6:
                lines = [
                    "try:",
                    *["    " + line for line in lines],
                    "except Exception as error:",
                    "    e = repr(error)",
                ]
            body += lines
        values = ", ".join(choose(VALUES) for _ in NAMES)
        setup = [
            "table = {1: 2}",
            "items = [5, 'six', 7.5, None, 1 << 62]",
            "i = v = 0",
            f"{', '.join(NAMES)} = {values}",
        ]
        head = choose(("for i in range(14):", "for i in range(12, -3, -1):", "for v in items:", "while i < 12:"))
        steps = [] if "i in" in head else ["i += 1", "if i > 30:", "    break"]
        lines = [*setup, head, *["    " + line for line in (*steps, *body)]]
        lines.append(f"print({', '.join(NAMES)}, table, items)")
        where = self.random.random()
        if where < 0.4:
            return "\n".join(lines)
        lines = ["def work():", *["    " + line for line in lines], "work()"]
        return "\n".join(lines if where < 0.7 else [*lines, "for again in range(4):", "    work()"])


def _same(found: list[Any], source: str) -> None:
    for lowered in found[1:]:
        assert lowered == found[0], source


@settings(deadline=None, max_examples=120, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_random_loops(outcomes: Callable[..., list[Any]], random: Random) -> None:
    source = _Maker(random).program()
    _same(outcomes(source), source)


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False), st.integers(1, 120), st.integers(100, 6000), st.integers(20, 90))
def test_random_loops_at_their_limits(
    outcomes: Callable[..., list[Any]], random: Random, fuel: int, memory: int, bits: int
) -> None:
    source = _Maker(random).program()
    for limits in (Limits(step_fuel=fuel), Limits(memory=memory), Limits(int_bits=bits)):
        _same(outcomes(source, limits), source)
