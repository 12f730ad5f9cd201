"""Patterns against Python's `re`, against derivatives, and against their limits."""

from __future__ import annotations

import itertools
import re
import time
import unicodedata
import warnings
from dataclasses import dataclass
from functools import lru_cache

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aici.grammar import unicode
from aici.grammar.dfa import DEAD, Dfa
from aici.grammar.errors import RegexError, RegexLimitError
from aici.grammar.lazy import compile_automaton, compile_lazily
from aici.grammar.limits import DfaLimits
from aici.grammar.regex import compile_regex
from aici.grammar.regex_syntax import INFINITE, Op, Syntax, parse

warnings.filterwarnings("ignore", category=FutureWarning)  # sets like [[a] and [a--b] mean no sets of sets here

ALPHABET = 'abkKsS019 _-."\n\tßıİſéΣςσ€\u0301ǅ\u2028日😀\u212a'
CLASS_MEMBERS = ["a", "k", "s", "0", "_", "é", "σ", "日", "\\-", "\\]", "\\^", "\\d", "\\w", "\\s", "\\W", "\\S", "\\D"]
RANGES = [
    "a-k",
    "A-Z",
    "0-9",
    "!-~",
    "À-ÿ",
    "α-ω",
    "\\x00-\\x1f",
    "\\u0100-\\uffff",
    "一-龥",
    "\\U00010000-\\U0010ffff",
]


def leaves() -> st.SearchStrategy[str]:
    members = st.lists(st.sampled_from(CLASS_MEMBERS + RANGES), min_size=1, max_size=4).map("".join)
    return st.one_of(
        st.sampled_from(ALPHABET).map(re.escape),
        st.sampled_from(
            [".", "\\d", "\\w", "\\s", "\\D", "\\W", "\\S", "\\x61", "\\u00e9", "\\U0001f600", "\\101", "\\n", "\\0"]
        ),
        st.tuples(st.sampled_from(["[", "[^"]), members).map(lambda p: f"{p[0]}{p[1]}]"),
    )


def compounds(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    opens = ["(", "(?:", "(?i:", "(?s:", "(?-i:", "(?a:", "(?u:", "(?x: ", "(?is-x:", "(?#note)("]
    counts = ["*", "+", "?", "{2}", "{,2}", "{1,3}", "{2,}", "{0}", "*?", "+?", "??", "{1,2}?"]
    return st.one_of(
        st.lists(inner, min_size=2, max_size=4).map("".join),
        st.tuples(st.sampled_from(opens), st.lists(inner, min_size=1, max_size=3).map("|".join)).map(
            lambda p: f"{p[0]}{p[1]})"
        ),
        st.tuples(inner, st.sampled_from(counts)).map(lambda p: f"(?:{p[0]}){p[1]}"),
        st.tuples(leaves(), st.sampled_from(counts)).map("".join),
    )


def patterns() -> st.SearchStrategy[str]:
    body = st.recursive(leaves(), compounds, max_leaves=7)
    alternatives = st.lists(body, min_size=1, max_size=3).map("|".join)
    return st.tuples(st.sampled_from(["", "", "(?i)", "(?s)", "(?a)", "(?im)", "(?x)", "^"]), alternatives).map("".join)


def texts() -> st.SearchStrategy[str]:
    return st.text(st.one_of(st.sampled_from(ALPHABET), st.characters(exclude_categories=["Cs"])), max_size=8)


def compiled(pattern: str) -> Dfa:
    try:
        return compile_regex(pattern)
    except RegexError as error:
        assume(error.message != "no text matches this pattern")
        raise


@settings(deadline=None, max_examples=150)
@given(patterns(), st.lists(texts(), min_size=1, max_size=6))
def test_agrees_with_re(pattern: str, subjects: list[str]) -> None:
    dfa = compiled(pattern)
    wanted = re.compile(pattern)
    for text in subjects:
        assert dfa.matches(text.encode()) == bool(wanted.fullmatch(text))


@settings(deadline=None, max_examples=150)
@given(patterns(), st.randoms(use_true_random=False))
def test_what_it_generates_matches_and_so_do_near_misses(pattern, random) -> None:
    dfa = compiled(pattern)
    wanted = re.compile(pattern)
    for _ in range(3):
        data = walk(dfa, random)
        state = dfa.start
        for byte in data:
            state = dfa.advance(state, bytes([byte]))
            assert dfa.is_live(state)
        text = data.decode()
        assert wanted.fullmatch(text)
        at = random.randrange(len(text) + 1)
        for near in (text[:at] + random.choice(ALPHABET) + text[at:], text[:at] + text[at + 1 :], text.swapcase()):
            assert dfa.matches(near.encode()) == bool(wanted.fullmatch(near))


def walk(dfa: Dfa, random) -> bytes:
    """A random accepted text; after some steps only towards acceptance."""
    distance = distances(dfa)
    state, out = dfa.start, bytearray()
    while not (dfa.is_accepting(state) and (len(out) > 12 or dfa.is_final(state) or random.random() < 0.3)):
        choices = list(dfa.next_bytes(state))
        if len(out) > 12:
            nearest = min(distance[dfa.advance(state, bytes([b]))] for b in choices)
            choices = [b for b in choices if distance[dfa.advance(state, bytes([b]))] == nearest]
        byte = random.choice(choices)
        out.append(byte)
        state = dfa.advance(state, bytes([byte]))
    return bytes(out)


def distances(dfa: Dfa) -> list[int]:
    """Bytes from every state to acceptance, at least."""
    sources: list[set[int]] = [set() for _ in range(dfa.n_states)]
    for state, row in enumerate(dfa.table.tolist()):
        for target in row:
            sources[target].add(state)
    distance = [0 if a else -1 for a in dfa.accepting.tolist()]
    queue = [state for state, d in enumerate(distance) if d == 0]
    for state in queue:
        for source in sources[state]:
            if distance[source] < 0 and source != DEAD:
                distance[source] = distance[state] + 1
                queue.append(source)
    return distance


# -- a second opinion: derivatives of the syntax tree (J. Brzozowski, 1964), character by character


@dataclass(frozen=True)
class Tree:
    op: Op
    items: tuple[Tree, ...] = ()
    a: int = 0
    b: int = 0


def tree_of(syntax: Syntax) -> Tree:
    stack: list[Tree] = []
    for op, a, b in syntax.ops:
        if op in (Op.CAT, Op.ALT):
            stack[-a:] = [Tree(op, tuple(stack[-a:]))]
        elif op is Op.REPEAT:
            stack.append(Tree(op, (stack.pop(),), a, b))
        else:
            stack.append(Tree(op, (), a))
    (whole,) = stack
    return whole


NOTHING = Tree(Op.ALT)


def nullable(tree: Tree) -> bool:
    if tree.op is Op.CAT:
        return all(map(nullable, tree.items))
    if tree.op is Op.ALT:
        return any(map(nullable, tree.items))
    return tree.op is Op.EMPTY or (tree.op is Op.REPEAT and (tree.a == 0 or nullable(tree.items[0])))


@lru_cache(maxsize=100_000)
def cat(*items: Tree) -> Tree:
    flat = [i for item in items for i in (item.items if item.op is Op.CAT else (item,)) if i.op is not Op.EMPTY]
    return NOTHING if NOTHING in flat else flat[0] if len(flat) == 1 else Tree(Op.CAT, tuple(flat))


def union(items: list[Tree]) -> Tree:
    flat = [i for item in items for i in (item.items if item.op is Op.ALT else (item,))]
    return flat[0] if len(set(flat)) == 1 else Tree(Op.ALT, tuple(dict.fromkeys(flat)))


def derive(tree: Tree, code: int, syntax: Syntax) -> Tree:
    if tree.op is Op.EMPTY:
        return NOTHING
    if tree.op is Op.CHARS:
        return Tree(Op.CAT) if code in syntax.sets[tree.a] else NOTHING
    if tree.op is Op.ALT:
        return union([derive(item, code, syntax) for item in tree.items])
    if tree.op is Op.REPEAT:
        (item,) = tree.items
        if tree.b == 0:
            return NOTHING
        fewer = Tree(Op.REPEAT, (item,), max(tree.a - 1, 0), tree.b if tree.b == INFINITE else tree.b - 1)
        return cat(derive(item, code, syntax), fewer)
    out = []
    for i, item in enumerate(tree.items):
        out.append(cat(derive(item, code, syntax), *tree.items[i + 1 :]))
        if not nullable(item):
            break
    return union(out) if out else NOTHING


@settings(deadline=None, max_examples=150)
@given(patterns(), st.lists(texts(), min_size=1, max_size=4))
def test_agrees_with_derivatives(pattern: str, subjects: list[str]) -> None:
    dfa = compiled(pattern)
    syntax = parse(pattern)
    for text in subjects:
        tree = tree_of(syntax)
        for char in text:
            tree = derive(tree, ord(char), syntax)
        assert dfa.matches(text.encode()) == nullable(tree)


# -- counters: of the places in a counted repetition only the best is kept

COUNTED = [
    "a{0,3}",
    "[ab]{1,3}",
    "(?:ab?){0,3}",
    "(?:b|ab){2,4}",
    "a{3,}",
    "(?:ab|b){2,}",
    "(?:a{1,2}b?){0,3}",
    ".{0,2}",
]


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.sampled_from([*COUNTED, "a", "b", ".*", "(?:a|b)*"]), min_size=2, max_size=4),
    st.lists(st.text("abc", max_size=9), min_size=4, max_size=8),
)
def test_counters_lose_nothing(parts: list[str], subjects: list[str]) -> None:
    pattern = "".join(parts)
    dfa, wanted = compile_regex(pattern), re.compile(pattern)
    for text in subjects:
        assert dfa.matches(text.encode()) == bool(wanted.fullmatch(text))


def test_counters_keep_automata_small() -> None:
    assert compile_regex(".{0,30}foo.{0,30}").n_states < 5000
    assert compile_regex("(?:[a-z]+ ){0,20}foo(?: [a-z]+){0,20}").n_states < 2000
    assert compile_regex(".*a.{30,}").n_states < 400


# -- classes, character by character


@pytest.mark.parametrize(
    "pattern",
    [
        r"\w",
        r"\d",
        r"\S",
        ".",
        r"(?a)\W",
        "(?i)[a-z]",
        "(?i)[^k]",
        r"(?i)[\Wa]",
        "(?i)ß",
        "(?i)ς",
        r"(?i)[\u0100-\U0010ffff]",
    ],
)
def test_classes_are_those_of_re(pattern: str) -> None:
    ((op, index, _),) = parse(pattern).ops
    assert op is Op.CHARS
    every = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x110000)]))
    found = "".join(map(chr, (c for lo, hi in parse(pattern).sets[index].ranges() for c in range(lo, hi + 1))))
    assert found == "".join(re.findall(pattern, every))


def test_nothing_beyond_the_scanned_planes_has_a_class() -> None:
    every = "".join(map(chr, range(unicode.CASED_END, 0x110000)))
    assert every.lower() == every == every.upper()
    assert not re.search(r"[\w\s]", every[unicode.ASSIGNED_END - unicode.CASED_END :])


def test_categories_are_those_of_unicodedata() -> None:
    category = unicodedata.category
    found = {name: unicode.category_class(name) for name in unicode.CATEGORIES}
    every = [*range(0x3000), *range(0xE000, 0xE100), *range(0x1F000, 0x110000, 7), *range(0xE0000, 0xE1100), 0x10FFFF]
    for code in every:
        assert code in found[category(chr(code))]
    assert sum(hi - lo + 1 for chars in found.values() for lo, hi in chars.ranges()) == 0x110000 - 0x800


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        (r"\p{L}+", ["é", "日", "aZ"], ["1", ""]),
        (r"\p{Lu}\p{Ll}", ["Ab", "Éé"], ["ab"]),
        (r"\P{N}", ["a"], ["1", "Ⅷ"]),
        (r"[\p{Sc}\d]+", ["€5", "$"], ["a"]),
        (r"\p{LC}", ["a", "ǅ"], ["日"]),
        (r"\p{Any}", ["\n"], [""]),
        (r"\p{ASCII}", ["a"], ["é"]),
        (r"\N{EM DASH}", ["—"], ["-"]),
    ],
)
def test_categories_and_names(pattern: str, yes: list[str], no: list[str]) -> None:
    dfa = compile_regex(pattern)
    assert [t for t in yes + no if dfa.matches(t.encode())] == yes


# -- what is refused, and where


@pytest.mark.parametrize(
    ("pattern", "part", "message"),
    [
        ("a(?=b)", "(?=", "look-ahead"),
        ("a(?!b)", "(?!", "look-ahead"),
        ("(?<=a)b", "(?<=", "look-behind"),
        (r"(a)\1", r"\1", "back-reference"),
        ("(?P<x>a)(?P=x)", "(?P=", "back-reference"),
        (r"a\b", r"\b", "word boundary"),
        ("a*+", "*+", "possessive"),
        ("(?>a)", "(?>", "atomic"),
        ("(a)(?(1)b)", "(?(", "conditional"),
        ("a^b", "^", "start anchor"),
        ("a$b", "$", "end anchor"),
        ("(?:a$|b)c", "$", "end anchor"),
        ("(^a)*", "^", "repetition"),
        ("a(?i)b", "(?i)", "at its start"),
        ("(ab", "(", "never closed"),
        ("ab)", ")", "never opened"),
        ("[ab", "[ab", "never closed"),
        ("*a", "*", "nothing to repeat"),
        ("a**", "*", "repetition of a repetition"),
        ("a{3,2}", "{3,2}", "greater"),
        ("[z-a]", "z-a", "wrong way round"),
        (r"[\w-z]", r"\w-z", "range"),
        (r"\q", r"\q", "unknown escape"),
        (r"\x1", r"\x", "2 hexadecimal digits"),
        (r"\p{Greec}", r"\p{Greec}", "unknown category or script"),
        (r"\p{gc=Greek}", r"\p{gc=Greek}", "unknown category or script"),
        (r"\p{L", r"\p{", "a category is written"),
        (r"\ud800", r"\ud800", "surrogate"),
        ("\\", "\\", "backslash"),
        ("(?P<1>a)", "1", "identifier"),
        ("(?P<n>a)(?P<n>b)", "n", "second group"),
        ("(?L)a", "(?L", "bytes"),
        ("(?y)", "(?y", "unknown group"),
        ("a(?#b", "(?#", "never closed"),
    ],
)
def test_errors_point_into_the_pattern(pattern: str, part: str, message: str) -> None:
    with pytest.raises(RegexError) as caught:
        compile_regex(pattern)
    error = caught.value
    assert message in error.message
    assert pattern[error.start : error.end].startswith(part[: error.end - error.start])
    assert part.startswith(pattern[error.start : error.end]) or pattern[error.start : error.end].startswith(part)


MISTAKES = r"""
(? (?<n>a) (?P (?P<n (?Px) (?i-:a) (?-i)a (?au)a (?-a:b) (?i-i:a) (?iz) (?i a{99999999999} |* (*a)
[a\ \777 \p \p{L \N \N{nosuch} \U00110000 \u12
"""


@pytest.mark.parametrize("pattern", MISTAKES.split())
def test_what_re_refuses_is_refused(pattern: str) -> None:
    with pytest.raises((re.error, OverflowError)):
        re.compile(pattern)
    with pytest.raises(RegexError) as caught:
        compile_regex(pattern)
    assert 0 <= caught.value.start <= caught.value.end <= len(pattern)
    assert caught.value.message


@pytest.mark.parametrize(
    ("pattern", "place"),
    [
        ("[[:alpha:]]+", (1, 10)),
        ("x[^_[:^digit:]]", (4, 14)),
        ("[a-z&&[^aeiou]]", (4, 7)),
        (r"[\w--[\d]]", (3, 6)),
        ("(?i)[a~~[b]]", (6, 9)),
    ],
)
def test_sets_of_other_dialects_are_refused(pattern: str, place: tuple[int, int]) -> None:
    for compiling in (compile_regex, compile_automaton, compile_lazily):
        with pytest.raises(RegexError, match="not supported") as caught:
            compiling(pattern)
        assert (caught.value.start, caught.value.end) == place and caught.value.hint


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize(
    "pattern", ["[[(]", "[[]", "[:a]", "[&&]", "[a&&b]", "[+--]", "[a[:]", r"[\[:alpha:]", "&&[a]"]
)
def test_brackets_and_signs_that_stand_for_themselves(pattern: str) -> None:
    wanted, automaton = re.compile(pattern), compile_automaton(pattern)
    assert isinstance(automaton, Dfa)
    for text in map("".join, itertools.product("[(:&a+-lph]", repeat=2)):
        for part in (text, text[0], "&&a", "--["):
            assert automaton.matches(part.encode()) == bool(wanted.fullmatch(part))


@pytest.mark.parametrize("pattern", [r"[^\s\S]", "a[^\\s\\S]", "[^\\x00-\\U0010ffff]"])
def test_a_pattern_that_nothing_matches_is_an_error(pattern: str) -> None:
    with pytest.raises(RegexError, match="no text matches"):
        compile_regex(pattern)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("^a$", "a"),
        (r"\Aa\Z", "a"),
        ("(?m)^a$", "a"),
        ("^(a|b)$", "b"),
        ("(^a|^b)c", "bc"),
        ("a{,", "a{,"),
        ("a{}", "a{}"),
        ("(?x) a b # c\n c", "abc"),
        ("x{1,2", "x{1,2"),
        ("[]a]", "]"),
        ("", ""),
        ("a|", ""),
        ("[a-]", "-"),
        ("(?:^)?a", "a"),
    ],
)
def test_accepted(pattern: str, text: str) -> None:
    assert re.fullmatch(pattern, text)
    assert compile_regex(pattern).matches(text.encode())


@settings(deadline=None, max_examples=300)
@given(st.text(st.sampled_from("ab()[]{}|*+?^$\\.,-019<>=!:#PixsLdwZbN "), max_size=14))
def test_any_text_compiles_or_is_refused_as_re_does(pattern: str) -> None:
    """What both accept means the same; what only `re` accepts is refused as unsupported or as matching nothing."""
    try:
        dfa = compile_regex(pattern)
    except RegexError as error:
        assert 0 <= error.start <= error.end <= len(pattern)
        return
    if "\\z" in pattern or "\\p" in pattern:
        return
    wanted = re.compile(pattern)
    for text in ("", "a", "b", "ab", "ba", "0", "aa", "-", pattern):
        assert dfa.matches(text.encode()) == bool(wanted.fullmatch(text))


# -- limits


@pytest.mark.parametrize(
    "pattern",
    [
        "(a|b)*a(a|b){30}",
        "((((a{100}){100}){100}){100})",
        "(" * 10_000 + "a" + ")" * 10_000,
        "a{4294967294}",
        "a?" * 5000,
        "(" * 900 + "a" + "){4294967294}" * 900,
        "".join(f"[\\w\\d{chr(0x2190 + i)}]" for i in range(9000)),
        "(?i)" + "".join(f"[Ā-{chr(0xF0000 + i)}]" for i in range(9000)),
        "|".join(f"(?:a{{{p}}})*" for p in (2, 3, 5, 7, 11, 13, 17, 19, 23)),
        "x" * 200_000,
    ],
)
def test_hostile_patterns_end_soon_with_the_reason(pattern: str) -> None:
    start = time.process_time()
    with pytest.raises(RegexLimitError) as caught:
        compile_regex(pattern)
    assert time.process_time() - start < 2
    assert any(c.isdigit() for c in caught.value.message)


@pytest.mark.parametrize(
    "pattern",
    [
        r"\w{1,255}",
        '"[^"]{1,200}"',
        "(" * 900 + "a" + ")" * 900,
        ".{5000}",
        "(?:a?b?c?d?){3000}",
        "".join(map(chr, range(0x4E00, 0x7000))),
        "(a*)*",
        "(x+x+)+y",
        "[\\w\\d]" * 100,
    ],
)
def test_demanding_patterns_work(pattern: str) -> None:
    start = time.process_time()
    compile_regex(pattern)
    assert time.process_time() - start < 2


def test_limits_are_the_callers() -> None:
    with pytest.raises(RegexLimitError, match="3 characters; the limit is 2"):
        compile_regex("abc", DfaLimits(pattern_length=2))
    with pytest.raises(RegexLimitError, match="nested more than 2 deep"):
        compile_regex("(((a)))", DfaLimits(nesting=2))
    with pytest.raises(RegexLimitError, match="the limit is 5"):
        compile_regex("a{6}", DfaLimits(positions=5))
    with pytest.raises(RegexLimitError, match="states"):
        compile_regex("abcde.", DfaLimits(states=3))
    with pytest.raises(RegexLimitError, match="table entries"):
        compile_regex("a{50}", DfaLimits(cells=50))


def test_the_dead_state_is_a_trap() -> None:
    dfa = compile_regex("ab")
    assert dfa.advance(dfa.start, b"b") == DEAD
    assert dfa.advance(DEAD, b"ab") == DEAD
