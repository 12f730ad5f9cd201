"""The parser's tables: Lark makes them from `controller.lark`, and a copy of what it made is kept beside the grammar.

In: the grammar. Out: `Tables`, plain data that `parse` drives. This is the only file that imports lark, and it does so
only when the kept copy does not belong to the grammar: making the tables takes a quarter of a second, reading them some
milliseconds. After a change of the grammar, `python -m aici.compiler.tables` writes the copy anew; a test compares.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

START = "module"
END = "$END"
"""Type of the token that ends the input."""

_GRAMMAR = "controller.lark"
_COPY = "controller.json"


@dataclass(frozen=True, slots=True)
class Production:
    """An alternative of a rule, and what it yields to the rule that uses it."""

    origin: str
    """The rule; one that begins with `_` yields a list that is poured into its user's children."""
    action: str
    """Alias of the alternative, else name of the rule."""
    size: int
    """Symbols on the right-hand side."""
    children: tuple[tuple[int, bool], ...]
    """Places of the symbols that are kept, each with whether it is a list to pour."""
    collapse: bool
    """Whether a single child stands for the whole."""

    @property
    def pours(self) -> bool:
        return self.origin.startswith("_")


@dataclass(frozen=True, slots=True)
class Tables:
    """An LALR(1) automaton.

    `states[s][symbol]` is the state to go to if it is 0 or more (a shift for a terminal, a goto for a rule), and
    otherwise the complement `~p` of the number of the production to reduce by.
    """

    digest: str
    start: int
    end: int
    productions: tuple[Production, ...]
    states: tuple[dict[str, int], ...]


@cache
def tables() -> Tables:
    """The tables of the shipped grammar."""
    folder = resources.files("aici.grammar")
    grammar = folder.joinpath(_GRAMMAR).read_text("utf-8")
    copy = folder.joinpath(_COPY)
    if copy.is_file():
        kept = load(copy.read_text("utf-8"))
        if kept.digest == _digest(grammar):
            return kept
    return build(grammar)


def build(grammar: str) -> Tables:
    """Tables of a grammar whose start symbol is `START`; lark's own errors if it is no LALR(1) grammar."""
    from lark import Lark
    from lark.lexer import Lexer
    from lark.parsers.lalr_analysis import Shift

    class NoLexer(Lexer):
        """Lark needs a lexer; the tokens come from `lexer.py`."""

        def __init__(self, _: object) -> None:
            pass

        def lex(self, *_: object) -> Iterator[Any]:
            return iter(())

    lark = Lark(grammar, start=START, parser="lalr", lexer=NoLexer, maybe_placeholders=False)
    automaton = lark.parse_interactive().parser_state.parse_conf.parse_table
    spelled = {terminal.name: _spelling(terminal.pattern, terminal.name) for terminal in lark.terminals}
    rules = sorted(lark.rules, key=str)
    productions = {rule: number for number, rule in enumerate(rules)}
    rows = {
        state: {
            spelled.get(symbol, symbol): (action is Shift, argument)
            for symbol, (action, argument) in sorted(row.items())
        }
        for state, row in automaton.states.items()
    }
    states = _numbered(automaton.start_states[START], rows)
    return Tables(
        _digest(grammar),
        states[automaton.start_states[START]],
        states[automaton.end_states[START]],
        tuple(_production(rule) for rule in rules),
        tuple(
            {symbol: states[to] if shift else ~productions[to] for symbol, (shift, to) in rows[state].items()}
            for state in states
        ),
    )


def _numbered(start: Any, rows: dict[Any, dict[str, tuple[bool, Any]]]) -> dict[Any, int]:
    """Numbers of the states in the order in which they are met; lark's own order depends on the hash seed."""
    numbers = {start: 0}
    met = [start]
    for state in met:
        for shift, to in rows[state].values():
            if shift and to not in numbers:
                numbers[to] = len(numbers)
                met.append(to)
    return numbers


def _spelling(pattern: Any, name: str) -> str:
    """Tokens that stand in quotes in the grammar go by their text, declared ones by their name."""
    return pattern.value if pattern is not None and pattern.value else name


def _production(rule: Any) -> Production:
    keep_all = rule.options.keep_all_tokens
    return Production(
        rule.origin.name,
        rule.alias or rule.origin.name,
        len(rule.expansion),
        tuple(
            (place, not symbol.is_term and symbol.name.startswith("_"))
            for place, symbol in enumerate(rule.expansion)
            if not symbol.is_term or keep_all or not symbol.filter_out
        ),
        rule.options.expand1 and not rule.alias,
    )


def _digest(grammar: str) -> str:
    return hashlib.sha256(grammar.encode()).hexdigest()


def dump(made: Tables) -> str:
    """Tables as JSON: symbols by number, equal rows once."""
    symbols = sorted({symbol for row in made.states for symbol in row})
    number = {symbol: i for i, symbol in enumerate(symbols)}
    rows = [[n for symbol, target in row.items() for n in (number[symbol], target)] for row in made.states]
    distinct = sorted({tuple(row) for row in rows})
    place = {row: i for i, row in enumerate(distinct)}
    data = {
        "digest": made.digest,
        "start": made.start,
        "end": made.end,
        "productions": [[p.origin, p.action, p.size, p.children, p.collapse] for p in made.productions],
        "symbols": symbols,
        "rows": distinct,
        "states": [place[tuple(row)] for row in rows],
    }
    lines = (f"{json.dumps(key)}:{json.dumps(value, separators=(',', ':'))}" for key, value in data.items())
    return "{" + ",\n".join(lines) + "}\n"


def load(text: str) -> Tables:
    """What `dump` wrote."""
    data = json.loads(text)
    symbols = data["symbols"]
    rows = [{symbols[n]: target for n, target in zip(row[::2], row[1::2], strict=True)} for row in data["rows"]]
    return Tables(
        data["digest"],
        data["start"],
        data["end"],
        tuple(
            Production(origin, action, size, tuple((place, pour) for place, pour in children), collapse)
            for origin, action, size, children, collapse in data["productions"]
        ),
        tuple(rows[place] for place in data["states"]),
    )


if __name__ == "__main__":
    folder = Path(__file__).parents[1] / "grammar"
    (folder / _COPY).write_text(dump(build((folder / _GRAMMAR).read_text("utf-8"))), "utf-8")
