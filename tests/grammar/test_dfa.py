"""The automaton itself: canonical form, bytes, drawing; options against sets of texts."""

from __future__ import annotations

import re
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aici.grammar.dfa import Dfa
from aici.grammar.errors import CorruptAutomaton, OptionsError, OptionsLimitError
from aici.grammar.limits import DfaLimits
from aici.grammar.options import compile_options
from aici.grammar.regex import compile_regex

SAMPLES = [
    ' "[^"]+"',
    r"\d{1,3}(\.\d+)?",
    r"\w+",
    "(?i)yes|no",
    "[^\\n]{0,40}",
    "",
    "é|è|ê|日本",
    r"[\U0001f600-\U0001f64f]*",
    ".*foo.*",
]


@pytest.mark.parametrize("pattern", SAMPLES)
def test_every_state_is_reachable_and_live(pattern: str) -> None:
    dfa = compile_regex(pattern)
    rows = [set(row) - {0} for row in dfa.table.tolist()]
    reached, todo = {dfa.start}, [dfa.start]
    while todo:
        for target in rows[todo.pop()] - reached:
            reached.add(target)
            todo.append(target)
    assert reached == set(range(1, dfa.n_states))
    live = {s for s in reached if dfa.accepting[s]}
    while grown := {s for s in reached - live if rows[s] & live}:
        live |= grown
    assert live == reached


@pytest.mark.parametrize("pattern", SAMPLES)
def test_no_two_states_are_equivalent(pattern: str) -> None:
    dfa = compile_regex(pattern)
    block = dfa.accepting.astype(np.int64) + 1
    block[0] = 0
    while True:
        keys = [(int(block[s]), *block[row].tolist()) for s, row in enumerate(dfa.table)]
        refined = np.array([sorted(set(keys)).index(k) for k in keys])
        if len(set(refined.tolist())) == len(set(block.tolist())):
            break
        block = refined
    assert len(set(block.tolist())) == dfa.n_states


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a|b", "[ba]"),
        ("(a*)*", "a*"),
        ("a{2,4}", "aa|aaa|aaaa"),
        (r"(?i)[a-z]", r"(?i)[A-Z]"),
        ("(?s).*", r"[\w\W]*"),
        ("(a|ab)(c|bcd)", "ac|abcd|abc|abbcd"),
        ("x*?", "(?P<n>x)*"),
        (r"[^\n]", "."),
        (r"\d|\w", r"\w"),
    ],
)
def test_equal_languages_give_equal_bytes(one: str, other: str) -> None:
    assert compile_regex(one) == compile_regex(other)
    assert compile_regex(one).to_bytes() == compile_regex(other).to_bytes()


def test_classes_are_numbered_by_first_byte() -> None:
    classes = compile_regex(r"\w+@\w+").classes.tolist()
    assert list(dict.fromkeys(classes)) == list(range(max(classes) + 1))


# -- bytes


@pytest.mark.parametrize("pattern", SAMPLES)
def test_bytes_round_trip(pattern: str) -> None:
    dfa = compile_regex(pattern)
    again = Dfa.from_bytes(dfa.to_bytes())
    assert again == dfa and again.table.dtype == dfa.table.dtype
    assert again.to_bytes() == dfa.to_bytes()


def test_the_seed_regex_is_small() -> None:
    assert len(compile_regex(' "[^"]+"').to_bytes()) < 100


GOLDEN = (
    "0178da6d8ac90d803000c39cb4851e40117fc462ec3f0795784214c97e78dd2e10e09b1e7abc92a67326b74255a17961ad934761c33ed2c4cf"
    "0e94072285cf1d5c9cc88372901c35bf8ef400c128023a"
)


def test_bytes_keep_their_meaning() -> None:
    """Where this fails the form has changed: programs with automata in the old one have to be refused or still work."""
    assert Dfa.from_bytes(bytes.fromhex(GOLDEN)) == compile_regex(SAMPLES[0])


@pytest.mark.parametrize("pattern", [SAMPLES[0], SAMPLES[3], "é|è|ê|日本"])
def test_damaged_bytes_are_refused_or_well_formed(pattern: str) -> None:
    data = compile_regex(pattern).to_bytes()
    raw = b"\0" + zlib.decompress(data[1:]) if data[0] else data
    for base in {data, raw}:
        for i in range(len(base)):
            check_damaged(base[:i])
            for bit in range(8):
                check_damaged(base[:i] + bytes([base[i] ^ 1 << bit]) + base[i + 1 :])


def check_damaged(data: bytes) -> None:
    try:
        dfa = Dfa.from_bytes(data)
    except CorruptAutomaton:
        return
    assert dfa.table.shape == (dfa.n_states, dfa.n_classes) and dfa.table.max() < dfa.n_states
    assert dfa.table[1:].any(axis=1).all() or dfa.accepting.any()


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=40))
def test_any_bytes_are_refused_or_well_formed(data: bytes) -> None:
    check_damaged(data)
    check_damaged(b"\0" + data)


@pytest.mark.parametrize(
    "body",
    [
        b"\x03\x01\xff\x01\x00" + b"\x02\x00\x00\x00" + b"\x01",  # any byte: not UTF-8
        b"\x02\x01\xff\x01\x00" + b"\x00",  # accepts nothing
        b"\xff\xff\xff\xff\x0f\x01\xff\x01\x00",  # far too many states
    ],
)
def test_automata_that_no_compiler_makes_are_refused(body: bytes) -> None:
    with pytest.raises(CorruptAutomaton):
        Dfa.from_bytes(b"\0" + body)


def test_a_bomb_is_refused() -> None:
    with pytest.raises(CorruptAutomaton):
        Dfa.from_bytes(b"\1" + zlib.compress(b"\0" * 50_000_000, 9))


# -- what can only follow in one way


@pytest.mark.parametrize(
    ("pattern", "before", "forced"),
    [
        ("The answer is (yes|no)", "", "The answer is "),
        ("The answer is (yes|no)", "The answer is y", "es"),
        ("(yes|yellow)", "", "ye"),
        ("ab?c", "a", ""),
        ("a(b)?", "a", ""),
        ("日本", "", "日本"),
        ("[日月]", "a", ""),
        ("a", "x", ""),
        ("a{300}", "", "a" * 300),
    ],
)
def test_forced_bytes(pattern: str, before: str, forced: str) -> None:
    dfa = compile_regex(pattern)
    assert dfa.forced_bytes(dfa.advance(dfa.start, before.encode())) == forced.encode()


def test_forced_bytes_are_bounded() -> None:
    dfa = compile_regex("a{300}")
    assert dfa.forced_bytes(dfa.start, 10) == b"a" * 10


# -- drawing


def test_drawing() -> None:
    text = compile_regex('a"|b').to_dot()
    assert text.startswith("digraph") and text.count("{") == text.count("}")
    assert '1 -> 2 [label="a"]' in text and '1 -> 3 [label="b"]' in text and '[label="\\""]' in text
    assert "3 [shape=doublecircle]" in text


# -- options


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.text(st.sampled_from("abé日"), max_size=5), min_size=1, max_size=8),
    st.text(st.sampled_from("abé日"), max_size=5),
)
def test_options_are_their_set(options: list[str], other: str) -> None:
    dfa = compile_options(options)
    for text in [*options, other]:
        assert dfa.matches(text.encode()) == (text in options)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text(st.sampled_from("abcé"), max_size=5), min_size=1, max_size=8))
def test_options_equal_the_pattern_of_alternatives(options: list[str]) -> None:
    assert compile_options(options) == compile_regex("|".join(options))


def test_options_that_share_ends_at_every_depth() -> None:
    options = ["b" * k + chr(32 + x) + "z" * (x % 3) for k in range(12) for x in range(90)]
    dfa = compile_options(options)
    assert all(dfa.matches(option.encode()) for option in options)
    assert dfa == compile_regex("|".join(map(re.escape, options)))
    assert Dfa.from_bytes(dfa.to_bytes()) == dfa


def test_many_options() -> None:
    words = [f"{i * 7919 % 100_003:05d}" for i in range(20_000)]
    dfa = compile_options(words)
    assert dfa.matches(words[123].encode()) and not dfa.matches(b"x")


@pytest.mark.parametrize(("options", "index"), [([], None), (["a", "\ud800"], 1), (["a", "b", 3], 2)])
def test_options_refused(options: list[str], index: int | None) -> None:
    with pytest.raises(OptionsError) as caught:
        compile_options(options)
    assert caught.value.index == index


def test_options_have_limits() -> None:
    with pytest.raises(OptionsLimitError):
        compile_options(["abcdef"], DfaLimits(cells=10))
    with pytest.raises(OptionsLimitError):
        compile_options(["abcdef"], DfaLimits(option_bytes=4))
