"""Masks, budgets and forced text against brute force by Python's `re` alone: no automaton of ours says what is right.

Over three characters, one of them two bytes long, all texts up to eight characters are tried. What is looked at ends
after four of them at most, and every pattern can complete what it has begun within four more.
"""

from __future__ import annotations

import itertools
import re
from functools import lru_cache

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from aici.grammar.constraint import DEAD
from aici.grammar.lazy import compile_automaton, compile_lazily
from aici.grammar.lazy_constraint import AnyMatcher, matcher_for
from aici.grammar.regex import compile_regex
from aici.grammar.vocabulary import Vocabulary

LONGEST, LOOKED_AT = 8, 4
TEXTS = ["".join(chars) for size in range(LONGEST + 1) for chars in itertools.product('aé"', repeat=size)]
PARTS = ["a", "é", '"', '(aé|")', "a*"]
PARTS += ['[^"]', "é?", "a{1,2}", ".", '(a|"a)+', "[^a]+", "\\w{2}", '("|é{2})?', "(?i:É)"]
PIECES = [b"a", b'"', b"\xc3", b"\xa9", b"\xc3\xa9", b"aa", b'a"', b'"\xc3', b"\xa9a", b"\xc3\xa9a", b"a\xc3\xa9"]
EOS = 0


class Oracle:
    """The texts of a pattern, as `re` has them."""

    def __init__(self, pattern: str, tokens: list[bytes]) -> None:
        wanted = re.compile(pattern)
        self.tokens = tokens
        self.whole = {text.encode() for text in TEXTS if wanted.fullmatch(text)}
        self.begun = {text[:size] for text in self.whole for size in range(len(text) + 1)}
        self.within = lru_cache(maxsize=None)(self._within)

    def following(self, text: bytes) -> set[int]:
        """Tokens, from 1 on, that a text may go on with."""
        return {i for i, token in enumerate(self.tokens, 1) if text + token in self.begun}

    def _within(self, text: bytes, left: int) -> bool:
        """Whether so many tokens can complete a text."""
        if text in self.whole or not left:
            return text in self.whole
        return any(self.within(text + self.tokens[i - 1], left - 1) for i in self.following(text))

    def mask(self, text: bytes, left: int | None = None) -> set[int]:
        """What may be sampled; the end where the text is complete or nothing else is left."""
        allowed = {i for i in self.following(text) if left is None or self.within(text + self.tokens[i - 1], left - 1)}
        return allowed | ({EOS} if text in self.whole or not allowed else set())

    def forced(self, text: bytes) -> bytes:
        """What must follow, as far as it is looked at."""
        out = b""
        while text + out not in self.whole and _size(text + out) <= LOOKED_AT:
            live = [byte for byte in (b"a", b"\xc3", b"\xa9", b'"') if text + out + byte in self.begun]
            if len(live) != 1:
                return out
            out += live[0]
        return out


def _size(text: bytes) -> int:
    """Characters, begun ones included."""
    return sum(byte & 0xC0 != 0x80 for byte in text)


def _tokens_of(mask: NDArray[np.uint32]) -> set[int]:
    return set(np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little")).tolist())


PATTERNS = st.lists(st.sampled_from(PARTS), min_size=1, max_size=2).map("".join)
ALTERNATIVES = st.lists(PATTERNS, min_size=1, max_size=2).map("|".join)
VOCABULARIES = st.lists(st.sampled_from(PIECES), min_size=4, max_size=14)


@settings(deadline=None, max_examples=30)
@given(ALTERNATIVES, VOCABULARIES, st.data())
def test_masks_budgets_and_forced_text(pattern: str, tokens: list[bytes], data: st.DataObject) -> None:
    oracle, vocabulary = Oracle(pattern, tokens), Vocabulary([None, *tokens], [EOS])
    way = data.draw(st.lists(st.integers(0, len(tokens)), max_size=LOOKED_AT))
    for automaton in (compile_regex(pattern), compile_lazily(pattern), compile_automaton(pattern)):
        _compare(matcher_for(automaton, vocabulary), oracle, way, bool(_WIDE.search(pattern)))


_WIDE = re.compile(r"\[\^|\.|\\w|\(\?i")
"""Classes that hold characters of none of the texts."""


def _compare(matcher: AnyMatcher, oracle: Oracle, way: list[int], wide: bool) -> None:
    """Along a way, each step of which takes one of the tokens that may follow."""
    state, text = matcher.start, b""
    while _size(text) <= LOOKED_AT - 2:
        assert _tokens_of(matcher.mask(state)) == oracle.mask(text)
        assert matcher.can_end(state) == (text in oracle.whole)
        ours, theirs = matcher.forced_bytes(state), oracle.forced(text)
        assert theirs.startswith(ours) if wide else ours[: len(theirs)] == theirs
        for left in (1, 2, 3):
            fits = oracle.within(text, left)
            assert matcher.budget.fits(state, left) == fits, (text, left)
            if fits:
                tight = None if matcher.budget.loose(left) else matcher.budget.mask(state, left)
                allowed = _tokens_of(matcher.mask(state) if tight is None else tight)
                assert allowed == oracle.mask(text, left), (text, left)
        following = sorted(oracle.following(text))
        if not following or not way:
            return
        token = following[way[0] % len(following)]
        state, text, way = matcher.advance(state, token), text + oracle.tokens[token - 1], way[1:]
        assert state != DEAD
