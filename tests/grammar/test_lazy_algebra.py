"""Combinations that are built as they are used: equal to those built at once, and bounded."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aici.grammar import algebra, combination_budget, combination_kernels, lazy_algebra
from aici.grammar.dfa import Dfa
from aici.grammar.errors import AlgebraError, AlgebraLimitError, RegexLimitError
from aici.grammar.jit import Kernel
from aici.grammar.lazy import compile_automaton, compile_lazily
from aici.grammar.lazy_algebra import AnyAutomaton, LazyCombination
from aici.grammar.lazy_constraint import LazyMatcher, matcher_for
from aici.grammar.limits import DfaLimits
from aici.grammar.regex import compile_regex
from aici.grammar.vocabulary import Vocabulary

PARTS = ["a", "b", "é", "[ab]", ".*", "(?:ab|é)*", "a{1,2}", "[^a]", "(?:b|日)?", r"\w", "(?s:.)+", ".{0,3}"]
PATTERNS = st.lists(st.sampled_from(PARTS), min_size=1, max_size=4).map("".join)
TOKENS = [
    *(b"a", b"b", b"ab", b"ba", b"\xc3", b"\xa9", b"\xc3\xa9", b"\xe6", b"\n", b"aab"),
    "日".encode(),
    "é日".encode(),
]
VOCABULARY = Vocabulary([*TOKENS, None], [len(TOKENS)])


@pytest.fixture
def never_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lazy_algebra, "_EAGER", DfaLimits(cells=0))
    monkeypatch.setattr(lazy_algebra, "_EAGER_SEARCHED", DfaLimits(cells=0))


def expression(parts: st.SearchStrategy[str]) -> st.SearchStrategy[tuple]:
    leaf = parts.map(lambda pattern: ("regex", pattern))
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.tuples(st.sampled_from(["and", "or", "minus", "concat"]), inner, inner),
            st.tuples(st.just("not"), inner),
            st.tuples(st.just("until"), inner, st.sampled_from(["a", "ab", "日", ""])),
        ),
        max_leaves=3,
    )


def built(tree: tuple, leaf: Callable[[str], AnyAutomaton], module: object) -> AnyAutomaton:
    """The automaton of an expression by one of the two algebras."""
    kind, *args = tree
    if kind == "regex":
        return leaf(args[0])
    names = {
        "and": "intersection",
        "or": "union",
        "minus": "difference",
        "concat": "concatenation",
        "not": "complement",
    }
    function = getattr(module, names.get(kind, kind))
    return function(*[built(arg, leaf, module) if isinstance(arg, tuple) else arg for arg in args])


@pytest.mark.usefixtures("never_at_once")
@settings(deadline=None, max_examples=80)
@given(expression(PATTERNS), st.booleans(), st.lists(st.lists(st.integers(0, len(TOKENS) - 1), max_size=5), max_size=4))
def test_agrees_with_the_combination_built_at_once(tree: tuple, grown_leaves: bool, walks: list[list[int]]) -> None:
    try:
        whole = built(tree, compile_regex, algebra)
    except AlgebraError:
        with pytest.raises(AlgebraError):
            built(tree, compile_lazily if grown_leaves else compile_regex, lazy_algebra)
        return
    grown = built(tree, compile_lazily if grown_leaves else compile_regex, lazy_algebra)
    one, other = matcher_for(whole, VOCABULARY), matcher_for(grown, VOCABULARY)
    assert tree[0] == "regex" or isinstance(other, LazyMatcher)
    for walk in walks:
        state, twin = one.start, other.start
        for token in walk:
            assert np.array_equal(one.mask(state), other.mask(twin))
            assert one.can_end(state) == other.can_end(twin) and one.is_final(state) == other.is_final(twin)
            assert one.forced_bytes(state) == other.forced_bytes(twin)
            state, twin = one.advance(state, token), other.advance(twin, token)
            assert bool(state) == bool(twin)
            if not state:
                break


@pytest.mark.usefixtures("never_at_once")
@settings(deadline=None, max_examples=8)
@given(expression(st.sampled_from(["[ab]{1,3}", "a|bb", "é?b", "(?:ab|é)*"])), st.booleans())
def test_the_kernels_are_what_their_source_says(tree: tuple, grown_leaves: bool) -> None:
    def found() -> object:
        try:
            made = built(tree, compile_lazily if grown_leaves else compile_regex, lazy_algebra)
        except AlgebraError as error:
            return str(error)
        matcher = matcher_for(made, VOCABULARY)
        states = [made.advance(made.start, text) for text in (b"", b"a", b"ab", b"\xc3")]
        return [(s, made.is_accepting(s), made.row(s).tolist(), matcher.mask(s).tolist()) for s in states]

    native = found()
    kernels = {name: k for name, k in vars(combination_kernels).items() if isinstance(k, Kernel)}
    twins = {name: kernel.python for name, kernel in kernels.items()}
    with pytest.MonkeyPatch.context() as patch:
        for name, twin in twins.items():
            patch.setattr(combination_kernels, name, twin)
        assert found() == native


def test_combinations_of_large_counts_are_searched_far_enough() -> None:
    made = lazy_algebra.difference(compile_automaton(".{0,5000}foo.{0,5000}"), compile_automaton(".*bar.*"))
    matcher = matcher_for(made, Vocabulary([bytes([b]) for b in range(256)] + [b"bar", b" some foo"], [256]))
    assert matcher.allows(matcher.start, ord("b")) and not matcher.allows(matcher.start, 256)
    after = matcher.advance_bytes(matcher.start, b"so fo")
    assert matcher.allows(after, ord("o")) and matcher.allows(after, 257) and not matcher.can_end(after)


@pytest.mark.usefixtures("never_at_once")
@settings(deadline=None, max_examples=40)
@given(expression(PATTERNS), st.integers(0, 3), st.randoms(use_true_random=False))
def test_whatever_is_sampled_is_complete_in_time(tree: tuple, spare: int, rng: Random) -> None:
    with suppress(AlgebraError):
        whole, grown = built(tree, compile_regex, algebra), built(tree, compile_lazily, lazy_algebra)
        exact, matcher = matcher_for(whole, BYTES), matcher_for(grown, BYTES)
        if tree[0] == "regex":
            return
        least, found = exact.budget.least(exact.start), matcher.budget.least(matcher.start)
        assert least is not None and found is not None and least <= found
        left, state, other = found + spare, matcher.start, exact.start
        while left:
            tight = None if matcher.budget.loose(left) else matcher.budget.mask(state, left)
            row = matcher.mask(state) if tight is None else tight
            token = rng.choice(np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little")).tolist())
            if token == 259:
                break
            state, other, left = matcher.advance(state, token), exact.advance(other, token), left - 1
            assert state and exact.budget.fits(other, left)
        assert whole.is_accepting(other) and grown.is_accepting(state)


def test_ends_are_known_of_all_that_tokens_lead_to() -> None:
    """So that near the limit nothing is forbidden that can be completed."""
    made = lazy_algebra.difference(compile_automaton(r"\w{1,255}"), compile_automaton(".*foo.*"))
    matcher = matcher_for(made, BYTES)
    assert matcher.budget.least(matcher.start) == 1 and matcher.budget.mask(matcher.start, 6) is None


@pytest.mark.parametrize(
    ("function", "one", "other", "yes", "no"),
    [
        ("intersection", r"\w{100,255}", "[^z]*", "a" * 100, "a" * 99),
        ("difference", r"\w{1,255}", ".*foo.*", "bar", "foobar"),
        ("concatenation", ".*foo.*bar.*", r"\w{1,255}", "foo barn", "foo bar"),
        ("concatenation", r'"[^"]{0,200}"', "(a|b)*a(a|b){14}", '"x"' + "a" * 15, '"x"' + "b" * 15),
        ("union", "(a|b)*a(a|b){20}", r"\w{1,255}", "é", "-"),
    ],
)
def test_what_is_too_large_works_all_the_same(function: str, one: str, other: str, yes: str, no: str) -> None:
    made = getattr(lazy_algebra, function)(compile_automaton(one), compile_automaton(other))
    assert isinstance(made, LazyCombination)
    assert made.matches(yes.encode()) and not made.matches(no.encode())
    matcher = matcher_for(made, Vocabulary([bytes([b]) for b in range(256)] + [None], [256]))
    assert matcher.allows(matcher.start, yes.encode()[0])


def test_what_is_small_is_built_at_once() -> None:
    made = lazy_algebra.intersection(compile_regex(r"[a-z]+"), lazy_algebra.complement(compile_regex("foo|bar")))
    assert isinstance(made, Dfa) and made.matches(b"fo") and not made.matches(b"foo")


def test_a_dead_end_is_never_shown() -> None:
    """After `a`, only `b` leads to a text of both, though each part would take `c`."""
    made = lazy_algebra.intersection(compile_lazily("a(b|cx+)"), compile_lazily("a(b|cy+)"))
    matcher = matcher_for(made, Vocabulary([b"a", b"b", b"c", b"ac", None], [4]))
    assert [token for token in range(4) if matcher.allows(matcher.start, token)] == [0]
    after = matcher.advance(matcher.start, 0)
    assert [token for token in range(4) if matcher.allows(after, token)] == [1] and matcher.forced_bytes(after) == b"b"


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    none_common = compile_automaton("(a|b)*a(a|b){30}"), compile_automaton("(a|b)*b(a|b){30}")
    with pytest.raises(AlgebraLimitError, match="used up its room"):  # a part's
        lazy_algebra.intersection(*none_common)
    monkeypatch.setattr(lazy_algebra, "_SEARCHES", 4_000)
    none_common = compile_automaton("(a|b)*a(a|b){30}"), compile_automaton("(a|b)*b(a|b){30}")
    with pytest.raises(AlgebraLimitError, match="steps to find out"):
        lazy_algebra.intersection(*none_common)
    with pytest.raises(AlgebraError, match="no text"):
        lazy_algebra.intersection(compile_lazily("a+"), compile_lazily("b+"))


def test_room_is_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lazy_algebra, "_CELLS", 400)
    made = lazy_algebra.union(compile_automaton("(a|b)*a(a|b){30}"), compile_lazily("c"))
    with pytest.raises(RegexLimitError, match="used up its room"):
        for i in range(200):
            made.advance(made.start, bytes(b"ab"[i >> bit & 1] for bit in range(8)))


def test_threads_share_one() -> None:
    made = lazy_algebra.difference(compile_automaton(r"(a|b)*a(a|b){16}"), compile_regex(".*aaaa.*"))
    texts = ["".join("ab"[i >> bit & 1] for bit in range(17)) for i in range(0, 1 << 17, 4001)]
    found: list[list[bool]] = []
    threads = [
        threading.Thread(target=lambda: found.append([made.matches(t.encode()) for t in texts])) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = [bool(re.fullmatch(r"(a|b)*a(a|b){16}", t)) and "aaaa" not in t for t in texts]
    assert found == [expected] * 4 and any(expected) and not all(expected)


@pytest.mark.usefixtures("never_at_once")
def test_states_are_not_added_while_distances_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Native code follows the rows of all states, which have to lead to each other."""
    made = lazy_algebra.difference(compile_regex("(a|b)*a(a|b){3}"), compile_regex(".*aaaa.*"))
    taken: list[bool] = []

    class Tables(combination_budget.Tables):
        def __init__(self, *args: object) -> None:
            thread = threading.Thread(target=lambda: taken.append(made.lock.acquire(blocking=False)))
            thread.start()
            thread.join()
            super().__init__(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(combination_budget, "Tables", Tables)
    assert matcher_for(made, VOCABULARY).budget.least(made.start) == 4
    assert taken and not any(taken)


HOSTILE = [
    *(".{0,5000}foo.{0,5000}", r"\w{1,255}", ".{1,1000}", "[^b]*", "(a|b)*a(a|b){20}", "(a|b)*a(a|b){12}", "yes|no"),
    *(r"(([a-z]{1,8} ){1,8}\n){1,8}", r"[\p{L}\p{N}]{1,100}", "(?:a{7})*", "(?:a{11})*", "(?s:.)*END", r"\d{3,}"),
    *(".*foo.*bar.*", ".{3000}", "(a|b)*b(a|b){30}", "((a{1,50}b?){1,50}c?){1,5}"),
]
BYTES = Vocabulary([*(bytes([b]) for b in range(256)), b"foo", b"ab" * 10, " 日本".encode(), None], [259])


def hostile(draw: Random, depth: int) -> AnyAutomaton:
    """A combination drawn at random."""
    kind = draw.randrange(10) if depth else 0
    if kind < 3:
        return compile_automaton(draw.choice(HOSTILE))
    one = hostile(draw, depth - 1)
    if kind == 3:
        return lazy_algebra.complement(one)
    if kind == 4:
        return lazy_algebra.until(one, draw.choice(["a", "END", "\n"]))
    functions = ("intersection", "union", "difference", "concatenation")
    return getattr(lazy_algebra, draw.choice(functions))(one, hostile(draw, depth - 1))


def test_hostile_combinations_work_or_are_refused() -> None:
    fuzz = "AICIC_FUZZ" in os.environ
    for seed in range(400) if fuzz else range(8):
        draw, begun = Random(seed), time.process_time()
        with suppress(AlgebraError, RegexLimitError):
            matcher = matcher_for(hostile(draw, 3), BYTES)
            state = matcher.start
            for _ in range(5):
                allowed = [token for token in range(259) if matcher.allows(state, token)]
                if not allowed:
                    assert matcher.can_end(state) or not matcher.spellable(state)
                    break
                state = matcher.advance(state, draw.choice(allowed))
                assert state
        assert time.process_time() - begun < 30, seed
