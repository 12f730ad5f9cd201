"""Combinations of automata against sets of texts that `re` decides, and the laws of algebra."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aici.grammar import algebra
from aici.grammar.dfa import Dfa
from aici.grammar.errors import AlgebraError, AlgebraLimitError
from aici.grammar.limits import DfaLimits
from aici.grammar.options import compile_options
from aici.grammar.regex import compile_regex

PATTERNS = st.lists(
    st.sampled_from(["a", "b", "é", "[ab]", ".*", "(?:ab|é)*", "a{1,2}", "[^a]", "(?:b|日)?", r"\w", "(?s:.)+"]),
    min_size=1,
    max_size=4,
).map("".join)
TEXTS = st.lists(st.text("abé日\n", max_size=5), min_size=3, max_size=10)


def combined(function, *args) -> Dfa | None:
    """None where no text satisfies the combination."""
    try:
        return function(*args)
    except AlgebraError:
        return None


def accepts(dfa: Dfa | None, text: str) -> bool:
    return dfa is not None and dfa.matches(text.encode())


@settings(deadline=None, max_examples=150)
@given(PATTERNS, PATTERNS, TEXTS)
def test_combinations_are_those_of_sets(one: str, other: str, texts: list[str]) -> None:
    a, b = compile_regex(one), compile_regex(other)
    both, either = combined(algebra.intersection, a, b), combined(algebra.union, a, b)
    without, no = combined(algebra.difference, a, b), combined(algebra.complement, a)
    for text in texts:
        in_a, in_b = (bool(re.fullmatch(p, text)) for p in (one, other))
        assert accepts(both, text) == (in_a and in_b)
        assert accepts(either, text) == (in_a or in_b)
        assert accepts(without, text) == (in_a and not in_b)
        assert accepts(no, text) == (not in_a)


@settings(deadline=None, max_examples=100)
@given(PATTERNS, PATTERNS)
def test_what_patterns_can_say_is_the_same_automaton(one: str, other: str) -> None:
    a, b = compile_regex(one), compile_regex(other)
    assert algebra.union(a, b) == compile_regex(f"(?:{one})|(?:{other})")
    assert algebra.concatenation(a, b) == compile_regex(f"(?:{one})(?:{other})")


@settings(deadline=None, max_examples=100)
@given(PATTERNS, PATTERNS)
def test_laws(one: str, other: str) -> None:
    a, b = compile_regex(one), compile_regex(other)
    assert algebra.intersection(a, a) == a == algebra.union(a, a)
    assert algebra.union(a, b) == algebra.union(b, a)
    no = combined(algebra.complement, a)
    if no is not None:
        assert algebra.complement(no) == a
        assert algebra.union(a, no) == compile_regex("(?s).*")
        with pytest.raises(AlgebraError):
            algebra.intersection(a, no)
    not_either = combined(algebra.complement, algebra.union(a, b))
    other_no = combined(algebra.complement, b)
    if no and other_no:
        assert combined(algebra.intersection, no, other_no) == not_either
    assert Dfa.from_bytes(algebra.union(a, b).to_bytes()) == algebra.union(a, b)


@settings(deadline=None, max_examples=150)
@given(PATTERNS, st.lists(st.text("abé\n", max_size=3), min_size=1, max_size=3), TEXTS)
def test_until_a_stop(pattern: str, stops: list[str], texts: list[str]) -> None:
    whole = compile_regex(pattern)
    dfa = algebra.until(whole, tuple(stops))
    if len(stops) == 1:
        assert algebra.until(whole, stops[0]) == dfa
    for text in texts:
        ends = [text.find(stop) + len(stop) for stop in stops if stop in text]
        if not ends:
            assert dfa.matches(text.encode()) == whole.matches(text.encode())
        else:
            begins = whole.is_live(whole.advance(whole.start, text.encode()))
            assert dfa.matches(text.encode()) == (begins and min(ends) == len(text))


def test_options_and_patterns_combine() -> None:
    words = compile_options(["red", "green", "blue"])
    dfa = algebra.intersection(words, algebra.complement(compile_regex(".*r.*")))
    assert dfa == compile_options(["blue"])


def test_nothing_left_is_an_error() -> None:
    with pytest.raises(AlgebraError, match="no text"):
        algebra.intersection(compile_regex("a+"), compile_regex("b+"))


def test_limits() -> None:
    a, b = compile_regex("(?:a{7})*"), compile_regex("(?:a{11})*")
    assert algebra.intersection(a, b) == compile_regex("(?:a{77})*")
    with pytest.raises(AlgebraLimitError, match="more than"):
        algebra.intersection(a, b, DfaLimits(cells=100))
    nth = compile_regex("a[ab]{14}")
    with pytest.raises(AlgebraLimitError):
        algebra.concatenation(compile_regex("[ab]*"), nth, DfaLimits(cells=10_000))
