"""Automata built as they are used: equal to those built at once, and bounded."""

from __future__ import annotations

import re
import threading
import time
from bisect import bisect_right

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aici.grammar import charset, machine, unicode
from aici.grammar.atoms import atoms
from aici.grammar.constraint import Matcher
from aici.grammar.dfa import Dfa
from aici.grammar.errors import RegexError, RegexLimitError
from aici.grammar.lazy import LazyDfa, compile_automaton, compile_lazily
from aici.grammar.lazy_constraint import LazyMatcher, matcher_for
from aici.grammar.limits import DfaLimits
from aici.grammar.regex import compile_regex
from aici.grammar.utf8 import partition
from aici.grammar.vocabulary import Vocabulary

PARTS = ["a", "é", r"\w", "[^a]", ".{0,3}", "(?:ab?){1,2}", "(?:日|b)+", "(?i:s)", "[😀-😎]?", r"\d{2,}"]
TOKENS = [
    b"a",
    b"b",
    b"ab",
    b"\xc3",
    b"\xc3\xa9",
    b"\xa9",
    "日".encode(),
    b"\xe6",
    b"\x97\xa5a",
    b"1",
    b"12",
    "é1".encode(),
    b" ",
    b"s",
]
VOCABULARY = Vocabulary([*TOKENS, None], [len(TOKENS)])


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.sampled_from([*PARTS, "|"]), min_size=1, max_size=4),
    st.lists(st.text("abés1日😀 ", max_size=6), max_size=6),
)
def test_agrees_with_the_whole_automaton(parts: list[str], subjects: list[str]) -> None:
    pattern = "".join(parts)
    whole, lazy = compile_regex(pattern), compile_lazily(pattern)
    for text in subjects:
        state, other = whole.start, lazy.start
        for i, byte in enumerate(text.encode()):
            state = whole.advance(state, bytes([byte]))
            other = lazy.advance(other, bytes([byte]))
            assert whole.is_live(state) == lazy.is_live(other), (text, i)
        assert whole.is_accepting(state) == lazy.is_accepting(other)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(PARTS), min_size=1, max_size=4), st.lists(st.integers(0, len(TOKENS) - 1), max_size=4))
def test_its_matcher_is_that_of_the_whole_automaton(parts: list[str], tokens: list[int]) -> None:
    dfa = compile_regex("".join(parts))
    whole = matcher_for(dfa, VOCABULARY)
    lazy = matcher_for(compile_lazily("".join(parts)), VOCABULARY)
    state, other = whole.start, lazy.start
    for token in tokens:
        assert np.array_equal(whole.mask(state), lazy.mask(other))
        assert lazy.knows(other)
        assert whole.can_end(state) == lazy.can_end(other)
        assert whole.forced_bytes(state) == lazy.forced_bytes(other)
        assert whole.must_end(state) == lazy.must_end(other)
        assert dfa.is_final(state) == lazy.is_final(other)
        assert whole.allows(state, token) == lazy.allows(other, token)
        assert lazy.spellable(other) or not whole.spellable(state)
        state, other = whole.advance(state, token), lazy.advance(other, token)
        assert (state == 0) == (other == 0)


WORDS = [
    "foo",
    "bar",
    "a",
    "aa",
    "x1",
    "日本",
    "é",
    "Σσ",
    "\u0301",
    "12",
    "_",
    "-",
    "  ",
    "\n",
    "¼",
    "٣",
    "\u2028",
    "x\n",
]
PIECES = [w.encode() for w in WORDS] + [(a + b).encode() for a in WORDS for b in WORDS]
PIECES += [p[i:] for p in PIECES for i in (1, 2) if p[i:]] + [p[:-1] for p in PIECES if p[:-1]]
LARGE = Vocabulary([*sorted(set(PIECES)), b"y" * 40, None], [0])
WIDE = [
    *(".{0,60}foo.{0,60}", ".*foo.*bar.*", r"\w{1,90}", r"[\p{L}\p{N}]{2,70}x", "[^\n]{3,80}\n", r"(\w+ )*\d{2,40}"),
    *("(.|\n){0,99}a?", r"(?s:.{50,99})", "[a-f]{1,50}x?", "日?.{0,41}", "(a|aa|日本)*", r"[^\w-]*-\w{0,44}"),
]


@pytest.mark.parametrize("few", [0, 50, 100_000])
@pytest.mark.parametrize("pattern", WIDE)
def test_masks_by_rows_are_those_of_the_whole_automaton(pattern: str, few: int) -> None:
    whole, lazy = matcher_for(compile_regex(pattern), LARGE), matcher_for(compile_lazily(pattern), LARGE)
    assert isinstance(whole, Matcher) and isinstance(lazy, LazyMatcher)
    whole.masks.few = lazy.few = few
    random = np.random.default_rng(few)
    for _ in range(3):
        state, other = whole.start, lazy.start
        for _ in range(12):
            expected = whole.mask(state)
            assert np.array_equal(expected, lazy.mask(other))
            allowed = np.flatnonzero(np.unpackbits(expected.view(np.uint8), bitorder="little"))
            token = int(random.choice(allowed))
            state, other = whole.advance(state, token), lazy.advance(other, token)
            if not state:
                break


def test_which_atoms_meet() -> None:
    table = atoms().fields
    for sets in (
        (),
        (charset.HIGH_ALL,),
        (unicode.escape_class("w", False).high, unicode.fold(charset.single(0x3C3)).high),
    ):
        high = partition(sets)
        pairs = machine._pairs_beyond(high).reshape(-1, 2)
        expected = set()
        for code in [*range(0x80, 0x3100), *range(0x3100, 0xD800, 7), *range(0xE000, 0x30000, 11)]:
            page = table["blocks"].reshape(-1, 64)[table["block_of"][code >> 12], code >> 6 & 63]
            signature = sum(1 << i for i, edges in enumerate(sets) if bisect_right(edges, code) & 1)
            atom = high.signatures.index(signature) + 1 if signature else 0
            expected.add((int(table["pages"].reshape(-1, 64)[page, code & 63]), atom))
        assert expected == {(int(a), int(b)) for a, b in pairs}


RUNS = [
    *(r"\w{1,130}", "[^a]{60,99}", "(?:ab?){0,70}é{1,90}", ".{0,90}foo.{0,90}", r"[\p{L}\p{N}]{1,100}-?", "y{1,70}-"),
    *("(a|b){2,80}x", r"(\w{1,50}-){1,4}", "x*y{40}y{0,45}[y-]{0,30}"),
]


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(RUNS), st.lists(st.sampled_from([*PIECES, b"y" * 20, b"y" * 30]), max_size=9))
def test_masks_along_runs_are_those_of_the_whole_automaton(pattern: str, pieces: list[bytes]) -> None:
    """One state stands for many, up to where a token reaches the end of the run."""
    lazy, whole = matcher_for(compile_lazily(pattern), LARGE), matcher_for(compile_regex(pattern), LARGE)
    state, other = lazy.start, whole.start
    for piece in [b"", *pieces]:
        after, twin = lazy.advance_bytes(state, piece), whole.advance_bytes(other, piece)
        assert bool(after) == bool(twin)
        if after:
            state, other = after, twin
            assert np.array_equal(lazy.mask(state), whole.mask(other)) and lazy.knows(state)


def test_one_mask_is_kept_for_a_run() -> None:
    lazy = matcher_for(compile_lazily(r"\w{1,255}"), LARGE)
    places = [lazy.advance_bytes(lazy.start, b"a" * n) for n in (1, 2, 50, 200, 220, 254)]
    for state in places[:1]:
        lazy.mask(state)
    found = [matcher.mask(state).tolist() for matcher in [lazy] for state in places]
    assert found[0] == found[1] == found[2] == found[3] and found[3] != found[5]
    automaton = lazy.automaton
    assert isinstance(automaton, LazyDfa)
    assert len({automaton.masked_as(state) for state in places[:4]}) == 1
    assert automaton.masked_as(places[4]) == places[4]


def test_a_batch() -> None:
    lazy = matcher_for(compile_lazily("(a|b){1,9}"), VOCABULARY)
    states = [lazy.start, lazy.advance(lazy.start, 0)]
    out = np.zeros((3, VOCABULARY.n_words), np.uint32)
    lazy.fill_batch(states, out)
    assert [row.tolist() for row in out[:2]] == [lazy.mask(state).tolist() for state in states] and not out[2].any()


def test_a_vocabulary_that_cannot_spell_it() -> None:
    lazy = matcher_for(compile_lazily("xy{1,9}"), VOCABULARY)
    assert not lazy.spellable(lazy.start)
    assert lazy.mask(lazy.start)[0] == 1 << 14  # the end: nothing else is left
    with pytest.raises(ValueError, match="no state"):
        lazy.mask(1_000_000)


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("(a|b)*a(a|b){30}", "ab" + "a" + "b" * 30, "b" * 40),
        (".{0,5000}foo.{0,5000}", "x" * 4000 + "foo" + "y" * 4999, "fo" * 4000),
        (r"(\w{1,20} ){1,50}", "ab cde " * 20, "ab  cd"),
        (r"\w{1,255}", "é" * 255, "é" * 256),
        ("|".join(f"(?:a{{{p}}})*b" for p in (2, 3, 5, 7, 11, 13, 17, 19, 23)), "a" * 23 + "b", "a" * 29 + "b"),
    ],
)
def test_patterns_too_large_to_build_at_once(pattern: str, yes: str, no: str) -> None:
    start = time.process_time()
    lazy = compile_lazily(pattern)
    assert lazy.matches(yes.encode()) and not lazy.matches(no.encode())
    assert re.fullmatch(pattern, yes) and not re.fullmatch(pattern, no)
    assert time.process_time() - start < 2


def test_room_is_bounded() -> None:
    lazy = compile_lazily("(a|b)*a(a|b){30}", DfaLimits(states=200))
    lazy.advance(lazy.start, b"ab" * 10)
    with pytest.raises(RegexLimitError, match="used up its room"):
        for i in range(10_000):
            lazy.advance(lazy.start, f"{i:020b}".replace("0", "a").replace("1", "b").encode())
    assert lazy.advance(lazy.start, b"ab" * 10)


def test_patterns_that_nothing_matches_are_refused() -> None:
    with pytest.raises(RegexError, match="no text matches"):
        compile_lazily(r"a[^\s\S]")


def test_what_is_quick_is_built_at_once() -> None:
    assert isinstance(compile_automaton(r'"[^"]{1,200}"'), Dfa)
    assert isinstance(compile_automaton("(a|b)*a(a|b){30}"), LazyDfa)
    with pytest.raises(RegexLimitError):
        compile_automaton("((a{100}){100}){100}")
    with pytest.raises(RegexError, match="never closed"):
        compile_automaton("(a")


def test_threads_share_one_automaton() -> None:
    lazy = compile_lazily("(a|b)*a(a|b){12}")
    wrong: list[str] = []

    def work(seed: int) -> None:
        random = np.random.default_rng(seed)
        for _ in range(200):
            text = "".join(random.choice(["a", "b"], 20))
            if lazy.matches(text.encode()) != (text[-13] == "a"):
                wrong.append(text)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert isinstance(lazy, LazyDfa)
