"""Quotations, runs of whole words of a text; texts with known identifiers only."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aici.grammar.errors import OptionsError, OptionsLimitError
from aici.grammar.limits import DfaLimits
from aici.grammar.regex import compile_regex
from aici.grammar.substring import compile_identifiers, compile_substring


@settings(deadline=None, max_examples=150)
@given(st.text("ab é,\n", max_size=10), st.sampled_from(["", '"', "ab", ", "]), st.text("ab é,", max_size=5))
def test_quotations_are_runs_of_words(text: str, end: str, other: str) -> None:
    words = [m.span() for m in re.finditer(r"\S+", text)]
    if not words:
        with pytest.raises(OptionsError, match="no words"):
            compile_substring(text, end)
        return
    dfa = compile_substring(text, end)
    wanted = {text[i:j] + end for i, _ in words for _, j in words if i < j}
    for candidate in [*wanted, other, other + end, text + end, text[1:] + end, end]:
        assert dfa.matches(candidate.encode()) == (candidate in wanted)


def test_a_long_text() -> None:
    text = " ".join(f"word{i * 7 % 101} and" for i in range(1200))
    dfa = compile_substring(text, '"')
    assert dfa.matches(b'and word7 and"') and not dfa.matches(b'nd word7"') and not dfa.matches(b'word7 word7"')


def test_refused() -> None:
    with pytest.raises(OptionsError):
        compile_substring("\ud800")
    with pytest.raises(OptionsLimitError):
        compile_substring("abc" * 10, limits=DfaLimits(positions=20))


# -- identifiers


@settings(deadline=None, max_examples=150)
@given(st.lists(st.text("ab1.", min_size=1, max_size=3), min_size=1, max_size=3), st.text("ab1. é(", max_size=7))
def test_every_identifier_is_known(identifiers: list[str], text: str) -> None:
    identifiers = [i for i in identifiers if not i[0].isdigit()] or ["a"]
    dfa = compile_identifiers(identifiers, ".")
    found = [m.span() for m in re.finditer(r"[A-Za-z_.][A-Za-z_.0-9]*", text)]
    known = all(text[i:j] in identifiers for i, j in found)
    assert dfa.matches(text.encode()) == bool(known and found and found[-1][1] == len(text))


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text("ab1. é(日", min_size=1, max_size=4), min_size=1, max_size=4), st.text(".é9-", max_size=2))
def test_identifiers_are_the_automaton_of_their_pattern(identifiers: list[str], extra: str) -> None:
    start = "A-Za-z_" + re.escape(extra)
    one = "(?:" + "|".join(map(re.escape, identifiers)) + ")"
    pattern = f"[^{start}]*{one}(?:[^{start}0-9][^{start}]*{one})*"
    assert compile_identifiers(identifiers, extra) == compile_regex(pattern)


def test_a_thousand_identifiers() -> None:
    dfa = compile_identifiers([f"identifier_{i}" for i in range(1000)])
    assert dfa.matches(b"identifier_7 + identifier_999") and not dfa.matches(b"identifier_1000")


def test_identifiers_refused() -> None:
    for wrong in ([], [""], ["\ud800"]):
        with pytest.raises(OptionsError):
            compile_identifiers(wrong)
    with pytest.raises(OptionsLimitError):
        compile_identifiers(["abc" * 10], limits=DfaLimits(positions=20))
