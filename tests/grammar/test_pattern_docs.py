"""The tables of docs/patterns.md are true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aici.grammar.errors import RegexError
from aici.grammar.lazy import LazyDfa, compile_automaton
from aici.grammar.nfa import count_positions
from aici.grammar.regex import compile_regex
from aici.grammar.regex_syntax import parse

PAGE = (Path(__file__).parents[2] / "docs" / "patterns.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
    for row in re.findall(r"^\| `.*$", PAGE, re.M)
]


def plain(cell: str) -> str:
    return cell.removeprefix("`").removesuffix("`")


@pytest.mark.parametrize("row", [row for row in ROWS if len(row) == 3], ids=lambda row: row[0])
def test_allowed_and_not(row: list[str]) -> None:
    pattern, yes, no = map(plain, row)
    dfa = compile_regex(pattern)
    assert dfa.matches(yes.encode()) and not dfa.matches(no.encode())


@pytest.mark.parametrize("row", [row for row in ROWS if len(row) == 2], ids=lambda row: row[0])
def test_refused(row: list[str]) -> None:
    with pytest.raises(RegexError) as caught:
        compile_regex(plain(row[0]))
    assert caught.value.message == row[1]


def test_the_tables_are_found() -> None:
    assert {len(row) for row in ROWS} == {2, 3} and len(ROWS) >= 15


def test_costs() -> None:
    assert count_positions(parse(r"(\w{1,20} ){1,50}")) == 1050
    assert isinstance(compile_automaton(".{0,5000}foo.{0,5000}"), LazyDfa)
