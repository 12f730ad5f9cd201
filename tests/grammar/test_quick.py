"""The quick way of plain patterns against the slow one, and its kernels against the same source as Python."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aici.grammar import nfa, quick, unicode
from aici.grammar import position_kernels as positions
from aici.grammar import reader_kernels as reader
from aici.grammar.determinise import Packed, determinise
from aici.grammar.dfa import Dfa
from aici.grammar.errors import RegexError, RegexLimitError
from aici.grammar.hash_kernels import NO_ROOM
from aici.grammar.limits import DEFAULT_LIMITS, DfaLimits
from aici.grammar.quick import compile_plain
from aici.grammar.regex_syntax import parse

PLAIN = [
    "",
    "|a",
    "a|bc",
    "(a|b|)+?c",
    "^(?:ab?){2,}$",
    "x{70}|y{0,66}z",
    "(x|yz){3,70}w",
    "(?:(ab){2,3}c?){2,}",
    "((a{3}|b)*c){1,30}",
    r"[^a]|\n\.\-\\",
    r"[]a-c\d-][^]\w][\b]",
    r"\d\D\s\S\w\W.",
    r"(\d+|\w+|[\s,])*",
    "[a-z]{1,200}",
    "a{,3}b{3,}",
    "[{}]}",
]
OTHER = [
    *(
        "(",
        ")",
        "a)",
        "(?",
        "(?i)a",
        "(?P<n>a)",
        "(?=a)",
        "a**",
        "a++",
        "*",
        "(*)",
        "|*",
        "a{2}{3}",
        "^*",
        "a^",
        "$a",
        "(^a)",
    ),
    *(
        "[",
        "[a",
        "[]",
        "[^]",
        "[a-",
        "[b-a]",
        r"[a-\d]",
        r"[\d-a]",
        "[^\\w\\W]",
        "\\",
        "[\\",
        r"\b",
        r"\1",
        r"\x41",
        r"\p{L}",
    ),
    *("a{", "a{b}", "{2}", "a{2,1}", "a{0}", "a{99999}", "é", "[é]", "(" * 61 + ")" * 61),
]


def slowly(pattern: str, limits: DfaLimits = DEFAULT_LIMITS) -> Dfa:
    return determinise(Packed.of(nfa.build(parse(pattern, limits), limits)), pattern, limits)


@pytest.mark.parametrize("pattern", PLAIN)
def test_plain_patterns_mean_the_same(pattern: str) -> None:
    assert compile_plain(pattern, DEFAULT_LIMITS) == slowly(pattern)


@pytest.mark.parametrize("pattern", OTHER)
def test_other_patterns_are_left_to_the_parser(pattern: str) -> None:
    assert compile_plain(pattern, DEFAULT_LIMITS) is None


PIECES = [
    "a",
    "b",
    "-",
    "^",
    "$",
    "|",
    "(",
    "(?:",
    ")",
    "[",
    "[^",
    "]",
    "{",
    "}",
    ",",
    "2",
    "13",
    "*",
    "+",
    "?",
    ".",
    "\\",
]
PIECES += ["\\d", "\\W", "\\s", "\\n", "[^b]", "[a-z]", "{2}", "{1,3}", "{,2}", "{3,}", "(ab)", "(a|b)", "\0", "[\\w-]"]


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_whatever_is_taken_means_the_same(pattern: str) -> None:
    found = compile_plain(pattern, DEFAULT_LIMITS)
    assert found is None or found == slowly(pattern)


@st.composite
def _nested(draw: st.DrawFn) -> str:
    """Valid patterns, with repetitions of repetitions."""
    leaf = st.sampled_from(["a", "b", "ab", "[a-c]", "\\d", ".", "(a|b)", "(ab|c)?", "x{2,40}"])
    count = st.sampled_from(["", "*", "+", "?", "{2}", "{1,3}", "{3,9}", "{2,}", "{,4}", "{17,33}"])
    whole = draw(leaf)
    for _ in range(draw(st.integers(1, 3))):
        whole = (
            f"({whole}{draw(leaf)}|{draw(leaf)}){draw(count)}" if draw(st.booleans()) else f"(?:{whole}){draw(count)}"
        )
        whole = whole if len(whole) < 200 else "a"
    return whole


@given(_nested())
def test_repetitions_mean_the_same(pattern: str) -> None:
    limits = DfaLimits(states=2000, work=200_000)
    try:
        found = compile_plain(pattern, limits)
    except RegexLimitError as error:
        with pytest.raises(RegexLimitError) as told:
            slowly(pattern, limits)
        assert told.value.message == error.message
        return
    assert found is None or found == slowly(pattern, limits)


def test_limits_hold() -> None:
    for limits in (DfaLimits(pattern_length=3), DfaLimits(positions=3), DfaLimits(nesting=3)):
        assert compile_plain("abcd", limits) is None
    with pytest.raises(RegexLimitError):
        compile_plain("(a|b)*a(a|b){9}", DfaLimits(states=50, cells=1000))
    assert compile_plain("a" * (quick.LENGTH + 1), DEFAULT_LIMITS) is None
    assert compile_plain("(ab|cd){1,5000}", DEFAULT_LIMITS) is None
    with pytest.raises(RegexError):
        slowly("[^\\w\\W]")


def test_the_kinds_beyond_ascii_are_what_the_partition_takes_them_for() -> None:
    word, digit, space = (unicode.escape_class(letter, False) for letter in "wds")
    assert not digit & ~word
    assert not space & word
    firsts = [kind.high[0] for kind in (~(word | space), space, word & ~digit, digit)]
    assert firsts == sorted(firsts)


# The kernels, run by Python


@pytest.fixture(scope="module")
def twins() -> Iterator[tuple[quick._Quick, quick._Quick]]:
    yield quick._Quick(), quick._Quick()


@pytest.mark.parametrize("pattern", [p for p in (*PLAIN, *OTHER) if p.isascii()])
def test_native_code_does_what_the_source_says(twins: tuple[quick._Quick, quick._Quick], pattern: str) -> None:
    results = []
    for native, one in zip((True, False), twins, strict=True):
        data = pattern.encode()[: quick.LENGTH]
        one.text[: len(data) + 4] = data + bytes(4)
        n = (reader.read if native else reader.read.python)(one.reading, len(data))
        result = [n]
        if n >= 0:
            build = positions.build if native else positions.build.python
            result += [build(one.reading, one.building, n, positions.MAX_POSITIONS)]
            result += made(one, n) if result[1] >= 0 else []
        results.append(result)
    assert results[0] == results[1]


def made(one: quick._Quick, n_ops: int) -> list[object]:
    """What the kernels wrote."""
    fields, sizes = one.building.fields, list(one.sizes)
    words = sizes[positions.WORDS]
    lengths = {
        "symbols": sizes[positions.POSITIONS],
        "sets": (3 + sizes[positions.ATOMS]) * words,
        "entry_start": words + 1,
        "entry_rule": sizes[positions.ENTRIES],
        "entry_mask": sizes[positions.ENTRIES],
        "target_start": sizes[positions.RULES] + 1,
        "target_word": sizes[positions.TARGETS],
        "target_mask": sizes[positions.TARGETS],
        "counters": 4 * sizes[positions.COUNTERS],
        "counter_first": words,
        "counter_after": words,
        "letters": 128,
    }
    written = [fields[name][:length].tolist() for name, length in lengths.items()]
    return [sizes, one.reading.fields["ops"][: 3 * n_ops].tolist(), *written]


def test_too_many_edges_are_told() -> None:
    pattern = "(?:(?:" + "|".join(f"{c}.{c}" for c in "abcdefghijklm") + "){1,60}x){1,4}"
    one = quick._Quick()
    data = pattern.encode()
    one.text[: len(data) + 4] = data + bytes(4)
    n = reader.read(one.reading, len(data))
    assert n > 0
    assert positions.build(one.reading, one.building, n, positions.MAX_POSITIONS) == NO_ROOM
    assert compile_plain(pattern, DEFAULT_LIMITS) is None
