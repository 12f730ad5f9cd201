"""Quotations: runs of whole words of a text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aici.grammar.errors import OptionsError, OptionsLimitError
from aici.grammar.limits import DfaLimits
from aici.grammar.substring import compile_substring


@settings(deadline=None, max_examples=150)
@given(st.text("ab é,", max_size=10), st.sampled_from(["", '"', "ab", ", "]), st.text("ab é,", max_size=5))
def test_quotations_are_runs_of_words(text: str, end: str, other: str) -> None:
    dfa = compile_substring(text, end)
    cuts = sorted({0, len(text), *(i for m in re.finditer(r"\w+|\W", text) for i in m.span())})
    wanted = {text[i:j] + end for i in cuts for j in cuts if i <= j}
    for candidate in [*wanted, other, other + end, text + end, text[1:] + end]:
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
