"""Complete within a budget: exact, never blocking what can be completed, and always completed."""

from __future__ import annotations

import random
import re
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from aici.grammar import budget_kernels, layer_kernels, reference, word_kernels
from aici.grammar.automaton import Automaton
from aici.grammar.budget import Budget
from aici.grammar.constraint import DEAD, Matcher
from aici.grammar.jit import Kernel
from aici.grammar.lazy import compile_lazily
from aici.grammar.lazy_budget import LazyBudget
from aici.grammar.lazy_constraint import AnyBudget, AnyMatcher, LazyMatcher
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


def allowed(budget: AnyBudget, matcher: AnyMatcher, state: int, left: int) -> set[int]:
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


def sampled(budget: Budget | LazyBudget, matcher: Matcher | LazyMatcher, left: int, rng: random.Random) -> str:
    """A text of at most `left` tokens, each one that the budget allows."""
    state, text = matcher.start, b""
    while left:
        token = rng.choice(sorted(allowed(budget, matcher, state, left)))
        if token == EOS:
            break
        state, text, left = matcher.advance(state, token), text + matcher.vocabulary.token_bytes[token], left - 1
        assert state != DEAD and budget.fits(state, left)
    return text.decode()


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
    assert re.fullmatch(pattern, sampled(budget, matcher, least + spare, rng))


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


WIDER = [*PARTS, r"\w", ".", "[^a]{2,4}", "(?:[é日]x?){3}", "(?:a|日é){2,5}", "[α-ω日]?", "(?:b{2,3}é){2}"]
PIECES = [*LETTERS, *LONGER, b"\xce", b"\xb1", b"\xa9b", b"\x97\xa5", b"\xa5a\xe6", "日日".encode(), "xé".encode()]


@st.composite
def mixed_vocabularies(draw: st.DrawFn) -> Vocabulary:
    """With tokens that begin or end within characters."""
    letters = [bytes([b]) for b in range(256)] if draw(st.booleans()) else []
    tokens = draw(st.lists(st.sampled_from(PIECES), min_size=0 if letters else 4, max_size=16))
    return Vocabulary([None, *letters, *tokens, b"a" * 40], [EOS])


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.sampled_from(WIDER), min_size=1, max_size=4).map("".join),
    mixed_vocabularies(),
    st.lists(st.integers(1, 9), max_size=4),
)
def test_lazy_automata_have_the_distances_and_masks_of_whole_ones(
    pattern: str, vocabulary: Vocabulary, lefts: list[int]
) -> None:
    whole, lazy = Matcher(compile_regex(pattern), vocabulary), LazyMatcher(compile_lazily(pattern), vocabulary)
    least = reference.distances(whole.automaton, vocabulary)
    todo, seen = [(whole.start, lazy.start)], set()
    while todo and len(seen) < 60:
        pair = todo.pop()
        if pair in seen:
            continue
        seen.add(pair)
        one, other = pair
        for left in lefts:
            assert lazy.budget.fits(other, left) == (least.get(one, 99) <= left)
            expected = leaving_enough(whole.automaton, vocabulary, one, left, least)
            if expected:
                assert allowed(lazy.budget, lazy, other, left) == expected
        assert lazy.budget.least(other) == least.get(one)
        todo += [
            (after, lazy.advance_bytes(other, bytes([byte])))
            for byte in b"abx\xc3\xa9\xe6\x97\xa5"
            if (after := whole.advance_bytes(one, bytes([byte])))
        ]
    assert lazy.budget.exact


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from(WIDER), min_size=1, max_size=4).map("".join), st.integers(0, 3), st.integers(0, 300))
def test_bounds_of_lazy_automata_are_ways_to_the_end(pattern: str, spare: int, work: int) -> None:
    """However little work there may be, what is sampled is complete in time, and what is known is never too little."""
    vocabulary = Vocabulary([None, *(bytes([b]) for b in range(256)), b"ab", "日a".encode(), b"aaa"], [EOS])
    matcher, rng = LazyMatcher(compile_lazily(pattern), vocabulary), random.Random(work)
    budget = LazyBudget(matcher.automaton, vocabulary, work=work)
    least = matcher.budget.least(matcher.start)
    bound = budget.least(matcher.start)
    assert bound is not None and least is not None and least <= bound and (least == bound or not budget.exact)
    assert re.fullmatch(pattern, sampled(budget, matcher, bound + spare, rng))


@settings(deadline=None, max_examples=40)
@given(PATTERNS, st.sampled_from([b"a", b"ab", b"aa", b"\xc3"]))
def test_longer_tokens_are_found_by_lazy_automata_too(pattern: str, text: bytes) -> None:
    vocabulary = Vocabulary([None, *(bytes([b]) for b in range(256)), b"ab", b"aab", "aé".encode(), b"abb"], [EOS])
    whole, lazy = Matcher(compile_regex(pattern), vocabulary), LazyMatcher(compile_lazily(pattern), vocabulary)
    assert whole.budget.extends(whole.start, text) == lazy.budget.extends(lazy.start, text)
    assert whole.forced_bytes(whole.start) == lazy.forced_bytes(lazy.start)


@settings(deadline=None, max_examples=10)
@given(st.lists(st.sampled_from(["a", "é?", "(ab|日){2}", "[^a]"]), min_size=1, max_size=3).map("".join))
def test_the_kernels_of_lazy_automata_are_what_their_source_says(pattern: str) -> None:
    vocabulary = Vocabulary([None, *LETTERS, b"ab", "aé".encode(), b"\xa5a", b"b\xe6\x97"], [EOS])

    def found() -> list[object]:
        matcher = LazyMatcher(compile_lazily(pattern), vocabulary)
        states = [matcher.start, *(matcher.advance_bytes(matcher.start, text) for text in (b"a", b"\xe6", b"\xe6\x97"))]
        budget = matcher.budget
        return [
            (budget.least(s), budget.loose(2), _list(budget.mask(s, 2)), budget.extends(s, b"a")) for s in states if s
        ]

    native = found()
    with pytest.MonkeyPatch.context() as patch:
        modules = layer_kernels, word_kernels
        kernels = [(m, name, k) for m in modules for name, k in vars(m).items() if isinstance(k, Kernel)]
        twins = [(module, name, kernel.python) for module, name, kernel in kernels]
        for twin in twins:
            patch.setattr(*twin)
        assert found() == native


@pytest.mark.parametrize(
    ("pattern", "least"),
    [("[a-z]{5000}", 1250), (".{0,5000}foo.{0,5000}", 1), (r"(\w{1,20} ){20,50}", 40), ("(.{20,50}x){150,300}", 900)],
)
def test_large_counts_cost_little(pattern: str, least: int) -> None:
    """In tokens of four letters at most."""
    vocabulary = Vocabulary([None, *(bytes([b]) for b in range(256)), b"abcd", b"foo", "日本".encode(), b"xyz"], [EOS])
    matcher = LazyMatcher(compile_lazily(pattern), vocabulary)
    start = time.process_time()
    assert matcher.budget.least(matcher.start) == least
    assert matcher.budget.exact and time.process_time() - start < 2


def test_work_is_bounded_and_what_is_known_stays_exact() -> None:
    vocabulary = Vocabulary([None, *(bytes([b]) for b in range(256)), b"aaaa"], [EOS])
    matcher = LazyMatcher(compile_lazily("a{4000}"), vocabulary)
    budget = LazyBudget(matcher.automaton, vocabulary, work=1000)
    assert budget.least(matcher.start) == 4000 and not budget.exact
    near = matcher.advance_bytes(matcher.start, b"a" * 3996)
    assert budget.least(near) == 1 and budget.mask(near, 1) is not None
    assert LazyBudget(matcher.automaton, vocabulary).mask(near, 2) is not None  # the first thing that is asked
    assert not matcher.budget.fits(matcher.start, 999) and matcher.budget.fits(matcher.start, 1000)
    assert matcher.budget.exact and matcher.budget.least(0) is None and not matcher.budget.fits(0, 9)


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
