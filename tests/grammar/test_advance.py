"""Next states: native == in Python == the reference, for whole automata and those that grow; nothing leads astray."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aici.grammar import advance, kernels, reference
from aici.grammar.advance import Way
from aici.grammar.constraint import Matcher
from aici.grammar.errors import RegexLimitError
from aici.grammar.lazy import compile_automaton, compile_lazily
from aici.grammar.lazy_algebra import LazyCombination, complement, intersection
from aici.grammar.lazy_constraint import AnyMatcher, matcher_for
from aici.grammar.limits import DfaLimits
from aici.grammar.regex import compile_regex
from aici.grammar.vocabulary import Vocabulary

LETTERS = "ab1 é日"
TEXTS = [a + b + c for a in LETTERS for b in ["", *LETTERS] for c in ("", "a", "é")]
CUT = ["日".encode()[:2], "é".encode()[1:], b"\xff", b"a\0"]
LONG = [b"a" * n for n in (6, 7, 8, 9, 300, kernels.MAX_DEPTH)] + [b"ab1 " * 9]
VOCABULARY = Vocabulary([None, *(t.encode() for t in TEXTS), b"", *CUT, *LONG, b"ab", None], [0], 1000)
WRONG_STATES = [-1, 10**6, 1 << 40, 1 << 63, 1 << 64, 1 << 100, -(1 << 63), -(1 << 64)]
NO_TOKENS = [-1, 0, VOCABULARY.n_tokens - 1, VOCABULARY.n_tokens, 1 << 40, 1 << 63, 1 << 100, -(1 << 100)]

PATTERNS = st.lists(
    st.sampled_from(["a", "é", "[ab]*", r"\w", "[^b]", ".{0,3}", "(?:ab?){1,2}", "(?:日|b)+", " ?", "a{2,400}"]),
    min_size=1,
    max_size=4,
).map("".join)


def combined() -> AnyMatcher:
    """Of an automaton that two others make up as it is used."""
    automaton = intersection(compile_lazily("(a|b)*a(a|b){12}"), complement(compile_automaton(".*bbb.*")))
    assert isinstance(automaton, LazyCombination)
    return matcher_for(automaton, VOCABULARY)


@settings(deadline=None, max_examples=60)
@given(PATTERNS, st.lists(st.integers(0, VOCABULARY.n_tokens - 1), max_size=6))
def test_native_steps_are_those_of_the_reference(pattern: str, tokens: list[int]) -> None:
    dfa = compile_regex(pattern)
    whole, lazy = matcher_for(dfa, VOCABULARY), matcher_for(compile_lazily(pattern), VOCABULARY)
    slow = Way(dfa.table.astype(np.uint32), dfa.classes, VOCABULARY)
    state, other = whole.start, lazy.start
    for token in tokens:
        text = VOCABULARY.token_bytes[token]
        expected = reference.step(dfa, state, text) if text else 0
        assert whole.advance(state, token) == slow.by_token(state, token) == expected
        assert whole.advance_bytes(state, text) == slow.by_bytes(state, text) == (expected if text else state)
        after = lazy.advance(other, token)
        assert (after == 0) == (expected == 0)
        assert not text or lazy.advance_bytes(other, text) == after
        if expected:
            state, other = expected, after


@settings(deadline=None, max_examples=20)
@given(PATTERNS, st.lists(st.integers(0, VOCABULARY.n_tokens - 1), max_size=4))
def test_the_twins_of_the_kernels_do_the_same(pattern: str, tokens: list[int]) -> None:
    matcher = Matcher(compile_regex(pattern), VOCABULARY)
    for state in range(min(5, matcher.automaton.n_states)):
        for token in [*tokens, 0, VOCABULARY.n_tokens]:
            assert kernels.step.python(matcher._steps, state, token) == matcher.advance(state, token)
        text = np.frombuffer(b"ab a", np.uint8)
        assert kernels.step_bytes.python(matcher._steps, state, text, 4) == matcher.advance_bytes(state, b"ab a")


def test_every_token_of_every_length() -> None:
    matcher = Matcher(compile_regex("(?s:.)*"), Vocabulary([bytes([65 + n % 26]) * n for n in range(500)], [0]))
    assert [n for n in range(500) if not matcher.advance(matcher.start, n)] == [0]
    words = Vocabulary([b"\xff" * 7, b"\0" * 8, b"", b"x"], [0]).words.tolist()
    assert words == [(7 << 56) + (1 << 56) - 1, (255 << 56) + (8 << 44) + 7, 0, (1 << 56) + ord("x")]


@pytest.mark.parametrize(
    "matcher", [Matcher(compile_regex("[ab]+1"), VOCABULARY), combined()], ids=["whole", "growing"]
)
def test_a_run_of_tokens_and_back(matcher: AnyMatcher) -> None:
    a, ab, none = (VOCABULARY.token_bytes.index(text) for text in (b"a", b"ab", b"\xff"))
    run = [a, ab, a, ab]
    states = matcher.advance_tokens(matcher.start, run)
    assert len(states) == 4 and states[-1] == matcher.advance_bytes(matcher.start, b"aabaab")
    for i, state in enumerate([matcher.start, *states]):
        assert matcher.advance_tokens(state, run[i:]) == states[i:]  # as if the rest had been rolled back
    for wrong in (none, 0, -1, VOCABULARY.n_tokens, 1 << 70):
        assert matcher.advance_tokens(matcher.start, [*run, wrong, a]) == states
    assert matcher.advance_tokens(matcher.start, np.array(run)) == states
    assert matcher.advance_tokens(matcher.start, []) == []


@pytest.mark.parametrize(
    "matcher",
    [
        Matcher(compile_regex("[ab]+1"), VOCABULARY),
        matcher_for(compile_lazily("(a|b)*a(a|b){30}"), VOCABULARY),
        combined(),
    ],
    ids=["whole", "lazy", "combined"],
)
def test_wrong_arguments(matcher: AnyMatcher) -> None:
    advances = [matcher.advance, matcher._way.by_token]
    texts: list[Callable[[int, Any], int]] = [matcher.advance_bytes, matcher._way.by_bytes]
    start = matcher.start
    a = VOCABULARY.token_bytes.index(b"a")
    for of in advances:
        assert of(start, a) == of(np.int64(start), np.int32(a)) == matcher.advance_bytes(start, b"a") != 0
        for token in NO_TOKENS:
            assert of(start, token) == 0
        assert of(0, a) == 0
        for state in WRONG_STATES:
            for token in (a, 0, -1):
                with pytest.raises(ValueError, match="no state"):
                    of(state, token)
        for wrong in ((), (1,), (1, 2, 3), ("1", 2), (1, None), (1.5, 2), (1, 2.5)):
            with pytest.raises(TypeError):
                of(*wrong)
    for by in texts:
        assert by(start, b"a") == by(start, bytearray(b"a")) == by(start, memoryview(b"xa")[1:]) != 0
        assert by(start, b"") == start and by(0, b"") == by(0, b"a") == 0
        for state in WRONG_STATES:
            for text in (b"", b"a"):
                with pytest.raises(ValueError, match="no state"):
                    by(state, text)
        for wrong in ((), (start,), (start, b"a", 1), (None, b"a"), (start, None), (start, "a")):
            with pytest.raises(TypeError):
                by(*wrong)


def test_an_index_that_does_things() -> None:
    """Python code runs while the arguments are read."""
    matcher = Matcher(compile_regex("[ab]+1"), VOCABULARY)
    a = VOCABULARY.token_bytes.index(b"a")
    expected = matcher.advance(matcher.start, a)

    class Evil:
        def __index__(self) -> int:
            nonlocal matcher
            del matcher
            gc.collect()
            return a

    assert matcher.advance(matcher.start, Evil()) == expected  # type: ignore[arg-type]

    class Fails:
        def __index__(self) -> int:
            raise RuntimeError("no")

    other = Matcher(compile_regex("a"), VOCABULARY)
    with pytest.raises((RuntimeError, TypeError)):
        other.advance(other.start, Fails())  # type: ignore[arg-type]


def test_room_that_is_used_up_is_told() -> None:
    matcher = matcher_for(compile_lazily("(a|b)*a(a|b){30}", DfaLimits(states=200)), VOCABULARY)
    a, b = (VOCABULARY.token_bytes.index(text) for text in (b"a", b"b"))
    with pytest.raises(RegexLimitError, match="used up its room"):
        for i in range(10_000):
            matcher.advance_tokens(matcher.start, [a if i >> bit & 1 else b for bit in range(20)])
    assert matcher.advance(matcher.start, a)


def test_functions_of_python_keep_what_they_read() -> None:
    vocabulary = Vocabulary([bytes([i]) for i in range(256)], [0])
    matcher = Matcher(compile_regex("[a-z]*"), vocabulary)
    step, words = matcher.advance, weakref.ref(vocabulary.words)
    expected = step(1, ord("a"))
    matcher.advance_bytes(1, b"a")
    del matcher, vocabulary
    assert words() is not None
    assert step(1, ord("a")) == expected
    with pytest.raises(ValueError, match="no state"):
        step(99, 0)
    del step
    assert words() is None  # nothing goes round in a circle


def test_without_help_of_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [Matcher(compile_regex("[ab]+1"), VOCABULARY), combined()]
    monkeypatch.setattr(advance, "make", lambda *_, **__: None)
    for native, plain in zip(expected, [Matcher(compile_regex("[ab]+1"), VOCABULARY), combined()], strict=True):
        assert isinstance(plain.advance.__self__, Way)  # type: ignore[attr-defined]
        for token in range(-1, VOCABULARY.n_tokens + 1):
            assert plain.advance(plain.start, token) == native.advance(native.start, token)
        assert plain.advance_bytes(plain.start, b"ab") == native.advance_bytes(native.start, b"ab")
