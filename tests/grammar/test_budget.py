"""Complete within a budget: exact, never blocking what can be completed, and always completed."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from aici.grammar import budget_kernels, reference
from aici.grammar.automaton import Automaton
from aici.grammar.budget import Budget
from aici.grammar.constraint import DEAD, Matcher
from aici.grammar.jit import Kernel
from aici.grammar.lazy import compile_lazily
from aici.grammar.lazy_constraint import LazyMatcher
from aici.grammar.options import compile_options
from aici.grammar.regex import compile_regex
from aici.grammar.vocabulary import Vocabulary

PARTS = ["a", "b", "(ab|é)", "[ab]{3}", "a*", '"', '[^"]+', "(a|bb){1,2}", "日?", "(?:aab)+", "b{5}"]
LETTERS = [b"a", b"b", b'"', b"\xc3", b"\xa9", b"\xe6", b"\x97", b"\xa5", b"x"]
LONGER = [b"aa", b"bb", b"aab", b"bbbb", "é".encode(), b'a"', b'"a', b"ab" * 3, "日a".encode(), b"\xa9a"]
EOS = 0


@st.composite
def vocabularies(draw: st.DrawFn) -> Vocabulary:
    """With all letters more often than not."""
    tokens = draw(st.lists(st.sampled_from(LONGER), max_size=8))
    letters = LETTERS if draw(st.integers(0, 3)) else draw(st.lists(st.sampled_from(LETTERS), max_size=8))
    return Vocabulary([None, *letters, *tokens], [EOS])


PATTERNS = st.lists(st.sampled_from(PARTS), min_size=1, max_size=4).map("".join)


def tokens_of(mask: NDArray[np.uint32]) -> set[int]:
    return set(np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little")).tolist())


def allowed(budget: Budget, matcher: Matcher, state: int, left: int) -> set[int]:
    """As the host asks."""
    tight = None if budget.loose(left) else budget.mask(state, left)
    return tokens_of(matcher.mask(state) if tight is None else tight)


def leaving_enough(
    automaton: Automaton, vocabulary: Vocabulary, state: int, left: int, least: dict[int, int]
) -> set[int]:
    """By brute force."""
    tokens = {
        token
        for token in reference.text_tokens(automaton, vocabulary, state)
        if least.get(reference.step(automaton, state, vocabulary.token_bytes[token]), left) < left
    }
    return tokens | ({EOS} if automaton.accepting[state] else set())


@settings(deadline=None, max_examples=100)
@given(PATTERNS, vocabularies(), st.lists(st.integers(1, 9), max_size=4))
def test_distances_and_masks_are_those_of_brute_force(pattern: str, vocabulary: Vocabulary, lefts: list[int]) -> None:
    automaton = compile_regex(pattern)
    matcher = Matcher(automaton, vocabulary)
    least = reference.distances(automaton, vocabulary)
    budget = matcher.budget
    for left in lefts:
        for state in range(1, automaton.n_states):
            assert budget.fits(state, left) == (least.get(state, 99) <= left)
            if least.get(state, 99) <= left:
                expected = leaving_enough(automaton, vocabulary, state, left, least)
                assert allowed(budget, matcher, state, left) == expected
                ready = budget.ready(state, left) or budget.loose(left)
                assert ready and allowed(budget, matcher, state, left) == expected
    assert [budget.least(s) for s in range(1, automaton.n_states)] == [
        least.get(s) for s in range(1, automaton.n_states)
    ]
    assert budget.exact


@settings(deadline=None, max_examples=100)
@given(PATTERNS, vocabularies(), st.integers(0, 4), st.randoms(use_true_random=False), st.integers(0, 3))
def test_whatever_is_sampled_is_complete_in_time(
    pattern: str, vocabulary: Vocabulary, spare: int, rng: random.Random, work: int
) -> None:
    matcher = Matcher(compile_regex(pattern), vocabulary)
    budget = Budget(matcher.automaton, vocabulary, work=(1 << 20) if work else 5)
    least = budget.least(matcher.start)
    if least is None:
        return
    left, state, text = least + spare, matcher.start, b""
    while left:
        token = rng.choice(sorted(allowed(budget, matcher, state, left)))
        if token == EOS:
            break
        state, text, left = matcher.advance(state, token), text + vocabulary.token_bytes[token], left - 1
        assert state != DEAD and budget.fits(state, left)
    assert re.fullmatch(pattern, text.decode())


def test_masks_are_plain_far_from_the_end_and_cost_nothing_there() -> None:
    vocabulary = Vocabulary([None, *(bytes([b]) for b in range(256))], [EOS])
    budget = Matcher(compile_regex(' "[^"]{1,30}"'), vocabulary).budget
    assert budget.loose(1000) and budget._tables is None
    assert not budget.loose(3) and budget.mask(2, 30) is None


def test_a_quotation_is_always_closed() -> None:
    vocabulary = Vocabulary([None, *(bytes([b]) for b in range(256)), b' "', b"word", b'."'], [EOS])
    matcher = Matcher(compile_regex(' "[^"]+"'), vocabulary)
    assert matcher.budget.least(matcher.start) == 2  # ' "' and '."'
    state = matcher.advance_bytes(matcher.start, b' "word')
    assert allowed(matcher.budget, matcher, state, 1) == {1 + ord('"'), 257, 259}


def test_options_longer_than_the_budget_are_not_begun() -> None:
    vocabulary = Vocabulary([None, *(bytes([b]) for b in range(256)), b"long"], [EOS])
    matcher = Matcher(compile_options(["yes", "no", "longer than that", "long"]), vocabulary)
    mask = matcher.budget.mask(matcher.start, 2)
    assert mask is not None and tokens_of(mask) == {1 + ord("n"), 257}
    mask = matcher.budget.mask(matcher.start, 3)
    assert mask is not None and tokens_of(mask) == {1 + ord("n"), 1 + ord("y"), 257}


def test_hostile_automata_cost_bounded_work_and_are_still_completed() -> None:
    vocabulary = Vocabulary([None, *(bytes([b]) for b in range(256)), b"xx", b"xxx"], [EOS])
    matcher = Matcher(compile_regex("x{3000}"), vocabulary)
    budget = Budget(matcher.automaton, vocabulary, work=1000)
    assert budget.least(matcher.start) == 3000 and not budget.exact
    assert Budget(matcher.automaton, vocabulary).least(matcher.start) == 1000
    mask = budget.mask(matcher.start, 3000)
    assert mask is None or tokens_of(mask)


@pytest.mark.parametrize("pattern", ["(a|b)*a(a|b){30}", r"\w{30,99}!"])
def test_ends_far_away_are_found_too(pattern: str) -> None:
    matcher = LazyMatcher(compile_lazily(pattern), Vocabulary([None, *(bytes([b]) for b in range(256))], [EOS]))
    assert matcher.budget.least(matcher.start) == 31


@pytest.mark.parametrize("pattern", ["(a|b)*a(a|b){4}", ".{0,50}b{2}x", "[ab]{3,9}"])
def test_automata_built_as_they_are_used_are_completed_too(pattern: str) -> None:
    vocabulary = Vocabulary([None, *(bytes([b]) for b in range(256)), b"ab", b"aaa", b"bx"], [EOS])
    matcher = LazyMatcher(compile_lazily(pattern), vocabulary)
    rng = random.Random(5)
    for left in (6, 9, 80):
        state, text = matcher.start, b""
        least = matcher.budget.least(state)
        assert least is not None and least <= 6 and matcher.budget.fits(state, left)
        while left:
            tight = None if matcher.budget.loose(left) else matcher.budget.mask(state, left)
            token = rng.choice(sorted(tokens_of(matcher.mask(state) if tight is None else tight)))
            if token == EOS:
                break
            state, text, left = matcher.advance(state, token), text + vocabulary.token_bytes[token], left - 1
        assert re.fullmatch(pattern, text.decode(errors="replace"))


@pytest.mark.parametrize("pattern", ["[a-z]{150,200}", "(a|b)*a(a|b){90}", "(ab|cd|efé){60,70}x"])
def test_ends_farther_away_than_any_search_goes_are_reached(pattern: str) -> None:
    vocabulary = Vocabulary([None, *(bytes([b]) for b in range(256)), b"ab", b"aaa", "fé".encode()], [EOS])
    matcher = LazyMatcher(compile_lazily(pattern), vocabulary)
    rng = random.Random(7)
    state, text, left = matcher.start, b"", matcher.budget.least(matcher.start)
    assert left is not None and left < 256
    while left:
        tight = None if matcher.budget.loose(left) else matcher.budget.mask(state, left)
        token = rng.choice(sorted(tokens_of(matcher.mask(state) if tight is None else tight)))
        if token == EOS:
            break
        state, text, left = matcher.advance(state, token), text + vocabulary.token_bytes[token], left - 1
    assert re.fullmatch(pattern, text.decode())


@settings(deadline=None, max_examples=60)
@given(PATTERNS)
def test_distances_of_lazy_automata_are_ways_to_the_end(pattern: str) -> None:
    """Never less than there are bytes to go, and exact over ASCII."""
    vocabulary = Vocabulary([None, *(bytes([b]) for b in range(256))], [EOS])
    whole, lazy = Matcher(compile_regex(pattern), vocabulary), LazyMatcher(compile_lazily(pattern), vocabulary)
    todo, seen = [(whole.start, lazy.start)], set()
    while todo and len(seen) < 100:
        pair = todo.pop()
        if pair in seen:
            continue
        seen.add(pair)
        exact, found = whole.budget.least(pair[0]), lazy.budget.least(pair[1])
        assert exact is not None and found is not None and exact <= found
        assert found == exact or not pattern.isascii() or "." in pattern or "^" in pattern
        todo += [
            (after, lazy.advance_bytes(pair[1], bytes([byte])))
            for byte in b"ab\xc3\xa9\xe6"
            if (after := whole.advance_bytes(pair[0], bytes([byte])))
        ]


@settings(deadline=None, max_examples=40)
@given(PATTERNS, st.sampled_from([b"a", b"ab", b"aa", b"\xc3"]))
def test_longer_tokens_are_found_by_lazy_automata_too(pattern: str, text: bytes) -> None:
    vocabulary = Vocabulary([None, *(bytes([b]) for b in range(256)), b"ab", b"aab", "aé".encode(), b"abb"], [EOS])
    whole, lazy = Matcher(compile_regex(pattern), vocabulary), LazyMatcher(compile_lazily(pattern), vocabulary)
    assert whole.budget.extends(whole.start, text) == lazy.budget.extends(lazy.start, text)
    assert whole.forced_bytes(whole.start) == lazy.forced_bytes(lazy.start)


@settings(deadline=None, max_examples=15)
@given(PATTERNS, vocabularies())
def test_the_kernels_are_what_their_source_says(pattern: str, vocabulary: Vocabulary) -> None:
    """The same source run by Python, which checks the bounds of every access."""
    automaton = compile_regex(pattern)
    native = Budget(automaton, vocabulary)
    with pytest.MonkeyPatch.context() as patch:
        for name, kernel in list(vars(budget_kernels).items()):
            if isinstance(kernel, Kernel):
                patch.setattr(budget_kernels, name, kernel.python)
        twin = Budget(automaton, vocabulary)
        found = [(twin.least(s), _list(twin.mask(s, 3))) for s in range(1, automaton.n_states)]
    assert [(native.least(s), _list(native.mask(s, 3))) for s in range(1, automaton.n_states)] == found


def _list(mask: NDArray[np.uint32] | None) -> list[int] | None:
    return None if mask is None else mask.tolist()


@settings(deadline=None, max_examples=60)
@given(PATTERNS, vocabularies(), st.sampled_from([b"a", b"ab", b"aa", b"bb", b"\xc3"]))
def test_longer_tokens_are_found(pattern: str, vocabulary: Vocabulary, text: bytes) -> None:
    matcher = Matcher(compile_regex(pattern), vocabulary)
    for state in range(1, matcher.automaton.accepting.shape[0]):
        live = reference.text_tokens(matcher.automaton, vocabulary, state)
        longer = {t for t in live if vocabulary.token_bytes[t].startswith(text) and vocabulary.token_bytes[t] != text}
        assert matcher.budget.extends(state, text) == bool(longer)
