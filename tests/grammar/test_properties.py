r"""`\p{...}`: names of categories and scripts, and the table of scripts."""

from __future__ import annotations

import importlib.util
import unicodedata
from pathlib import Path
from types import ModuleType

import pytest

from aici.grammar import charset
from aici.grammar.charset import CharSet
from aici.grammar.errors import RegexError
from aici.grammar.properties import property_class
from aici.grammar.regex import compile_regex


def scripts_table() -> ModuleType:
    """The command that makes the table."""
    spec = importlib.util.spec_from_file_location("scripts_table", Path(__file__).with_name("scripts_table.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKER = scripts_table()
SCRIPTS = [line.split(" ", 2)[:2] for line in MAKER.TABLE.read_text(encoding="ascii").splitlines()]


def named(name: str) -> CharSet:
    found = property_class(name)
    assert found is not None, name
    return found


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (("Letter", "letter", "L", "gc=L", "General_Category=Letter", "isL", "general category = LETTER"), "L"),
        (("Uppercase_Letter", "UppercaseLetter", "lu", "gc=Lu", "IsUppercaseLetter"), "Lu"),
        (("Cased_Letter", "L&", "LC"), "LC"),
        (("Decimal_Number", "digit", "Nd"), "Nd"),
        (("punct", "Punctuation", "P"), "P"),
        (("Greek", "greek", "Grek", "sc=Grek", "Script=Greek", "IsGreek", "script = GREEK", "isgrek"), "Greek"),
        (("Old_Italic", "olditalic", "Old Italic", "old-italic", "sc=Ital"), "Old_Italic"),
        (("Isolated", "IsIsolated"), None),
        (("gc=Greek", "sc=L", "scx=Greek", "=", "", "^", "Is", "greek=", "Ｌ"), None),
    ],
)
def test_names(names: tuple[str, ...], short: str | None) -> None:
    for name in names:
        assert property_class(name) == (None if short is None else named(short)), name


def test_special_names() -> None:
    assert named("Any") == charset.ALL and named("any") == charset.ALL
    assert named("ASCII") == charset.from_ranges([(0, 0x7F)])
    assert named("Assigned") == ~named("Unassigned")
    assert named("^Greek") == ~named("Greek") and named("^gc=L") == ~named("L")
    assert named("Surrogate") == charset.EMPTY
    assert named("Other") == named("Cc") | named("Cf") | named("Co") | named("Cn")


def test_scripts_are_disjoint_and_right_by_the_names_of_their_characters() -> None:
    union, size = charset.EMPTY, 0
    for name, _ in SCRIPTS:
        chars = named(name)
        union |= chars
        size += sum(hi - lo + 1 for lo, hi in chars.ranges())
    assert size == sum(hi - lo + 1 for lo, hi in union.ranges())
    letters = [c for c in map(chr, range(0x20000)) if unicodedata.category(c) in ("Lu", "Ll", "Lo")]
    for script in ("Greek", "Cyrillic", "Hebrew", "Thai", "Hiragana", "Cherokee", "Georgian"):
        members = [c for c in letters if unicodedata.name(c, "").startswith(f"{script.upper()} ")]
        assert len(members) > 30 and all(ord(c) in named(script) for c in members)


def test_the_table_is_what_re2_says() -> None:
    every = MAKER.characters()
    assert {entry.split()[0] for entry in MAKER.NAMES.replace("\n", "").split(";")} >= {name for name, _ in SCRIPTS}
    for name, _ in SCRIPTS[::8]:
        runs = MAKER.ranges(name, every)
        assert runs is not None and charset.from_ranges(runs) == named(name)


def test_in_patterns() -> None:
    greek = compile_regex(r"[\p{Greek}\d]+\P{Han}\pL")
    assert greek.matches("αβ7xé".encode()) and not greek.matches("αβ7日é".encode())
    assert compile_regex(r"\p{^L}") == compile_regex(r"\P{Letter}") == compile_regex(r"\PL")


def test_what_was_meant() -> None:
    for name, meant in (("Greec", "Greek"), ("cyrilic", "Cyrillic"), ("sc=Latim", "Latin"), ("upercase_letter", "Lu")):
        with pytest.raises(RegexError) as caught:
            compile_regex(rf"\p{{{name}}}")
        assert caught.value.hint == f"did you mean {meant}?"
    with pytest.raises(RegexError, match="unknown category or script 'Klingon'"):
        compile_regex(r"\p{Klingon}")
