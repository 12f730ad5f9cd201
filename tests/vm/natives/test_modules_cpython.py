"""`json`, `math` and `re` do what CPython's modules do."""

from __future__ import annotations

import json
import math
import re
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aici.vm import regex
from aici.vm.native import MODULES
from aici.vm.requests import Finished, Outcome

scalars = st.one_of(st.text(max_size=6), st.integers(), st.floats(), st.none(), st.booleans(), st.binary(max_size=3))
keys = st.one_of(st.text(max_size=3), st.integers(), st.floats(allow_nan=False), st.none(), st.booleans())
documents = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(keys | st.just((1, 2)), inner, max_size=3),
    ),
    max_leaves=8,
)
options = st.fixed_dictionaries(
    {},
    optional={
        "indent": st.sampled_from([None, 0, 2, "\t", -1, True]),
        "sort_keys": st.booleans(),
        "ensure_ascii": st.booleans(),
        "separators": st.sampled_from([None, (",", ":"), ("a", "b")]),
        "skipkeys": st.booleans(),
        "allow_nan": st.booleans(),
    },
)


@settings(deadline=None, max_examples=300)
@given(documents, options)
def test_json_dumps(natives: Any, same: Callable[..., None], document: Any, kwargs: dict[str, Any]) -> None:
    same(natives.function("json", "dumps", document, **kwargs), lambda: json.dumps(document, **kwargs))


PIECES = st.sampled_from([*',"\\}{ \n1e.-u[]\x01é', "tr", "NaN"])
WHOLE = st.sampled_from(
    ['[1,2.5e3,-0,{"a":null}]', '"\\ud83d\\ude00x\\n"', '{"a":[true],"b":"é"}', "[NaN,-Infinity,Infinity]", ""]
)


@settings(deadline=None, max_examples=400)
@given(WHOLE, st.lists(st.tuples(st.integers(0, 30), PIECES, st.integers(0, 1)), max_size=4))
def test_json_loads(natives: Any, same: Callable[..., None], text: str, edits: list[tuple[int, str, int]]) -> None:
    for at, piece, dropped in edits:
        text = text[:at] + piece + text[at + dropped :]
    assume(not re.search(r",\s*[]}]", text))  # later versions of CPython say more about these
    same(natives.function("json", "loads", text), lambda: json.loads(text))
    data = text.encode()
    same(natives.function("json", "loads", data), lambda: json.loads(data))


def test_json_hooks_and_errors(execute: Callable[..., tuple[str, Outcome]]) -> None:
    source = """
import json
print(json.dumps({1: {2}}, default=lambda s: sorted(s)), json.dumps({"b": 1, "a": [1, 2]}, indent=2, sort_keys=True))
pairs = lambda d: sorted(d.items())
print(json.loads('{"a": 1.5, "b": [2]}', parse_float=str, parse_int=lambda t: t + "!", object_hook=pairs))
print(json.loads('{"a": 1, "a": 2}', object_pairs_hook=list), json.loads('[NaN]', parse_constant=lambda t: t))
try:
    json.loads("[1,\\n x]")
except json.JSONDecodeError as error:
    print(error, "|", error.msg, error.pos, error.lineno, error.colno, isinstance(error, ValueError))
try:
    json.dumps({1})
except TypeError as error:
    print(error)
a = []
a.append(a)
try:
    json.dumps(a)
except ValueError as error:
    print(error)
"""
    output, outcome = execute(source)
    assert outcome == Finished()
    assert output.splitlines() == [
        '{"1": [2]} {',
        '  "a": [',
        "    1,",
        "    2",
        "  ],",
        '  "b": 1',
        "}",
        "[('a', '1.5'), ('b', ['2!'])]",
        "[('a', 1), ('a', 2)] ['NaN']",
        "Expecting value: line 2 column 2 (char 5) | Expecting value 5 2 2 True",
        "Object of type set is not JSON serializable",
        "Circular reference detected",
    ]


# --- math ---

FUNCTIONS = sorted(name for name, value in MODULES["math"].items() if not isinstance(value, float))
numbers = st.one_of(
    st.integers(-5, 40),
    st.sampled_from([2**63, -(2**64), 10**30]),
    st.floats(-1e3, 1e3),
    st.sampled_from([0.5, float("inf"), float("nan"), 1e300, True]),
)
arguments = st.lists(numbers | st.lists(numbers, max_size=3) | st.text(max_size=1), max_size=3)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_math(name: str, natives: Any, same: Callable[..., None]) -> None:
    if not hasattr(math, name):
        pytest.skip("newer than this Python")

    @settings(deadline=None, max_examples=40)
    @given(arguments)
    def check(args: list[Any]) -> None:
        large = any(isinstance(arg, int) and arg > 1000 for arg in args)
        assume(not (large and name in ("factorial", "comb", "perm")))
        same(natives.function("math", name, *args), lambda: getattr(math, name)(*args))

    check()


def test_math_constants() -> None:
    for name in ("pi", "e", "tau", "inf"):
        assert MODULES["math"][name] == getattr(math, name)


# --- re ---


def _quantified(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    greedy = st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{,2}"])
    return st.builds(lambda body, count: f"(?:{body}){count}", inner, greedy)


leaves = st.sampled_from(
    [
        *("a", "b", "c", "A", "é", "", ".", r"\d", r"\w", r"\s", r"\W", r"\D", r"\S", "[ab]", "[^a]", "[a-c]"),
        *(r"[^\w]", r"[\n]", "[é-ü]", r"[^\n]", r"[\s\d]", "^", "$", r"\b", r"\B", r"\A", r"\Z", r"\n", r"\."),
    ]
)
greedy_patterns = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("({})".format, inner),
        st.builds("(?:{}|{})".format, inner, inner),
        st.builds("(?{}:{})".format, st.sampled_from("is"), inner),
        _quantified(inner),
    ),
    max_leaves=7,
)
subjects = st.text("aabbcABC \né9.ü_ß", max_size=8)
flag_sets = st.sampled_from([0, 0, re.I, re.M, re.S, re.A, re.I | re.M, re.I | re.A])


def spans(match: Any) -> Any:
    return None if match is None else [match.span(group) for group in range(match.re.groups + 1)]


def theirs(name: str, pattern: str, text: str, flags: int) -> Any:
    if name == "finditer":
        return [spans(match) for match in re.finditer(pattern, text, flags)]
    if name == "sub":
        return re.sub(pattern, r"<\g<0>>", text, flags=flags)
    found = getattr(re, name)(pattern, text, flags=flags)
    return found if name in ("findall", "split") else spans(found)


def ours(natives: Any, name: str, pattern: str, text: str, flags: int) -> Any:
    machine = natives.machine
    args = (pattern, r"<\g<0>>", text) if name == "sub" else (pattern, text)
    found = machine.call(machine.module("re").attrs[name], args, {"flags": int(flags)})
    if name == "finditer":
        return [list(match.fields["#spans"]) for match in machine.iterate(found)]
    if name in ("findall", "split", "sub"):
        return found
    return None if found is None else list(found.fields["#spans"])


def empty_preferred(pattern: str) -> bool:
    """Whether the pattern may prefer an empty match to a longer one at the same place, see `vm.regex`."""
    return "|" in pattern and regex._parser.parse(pattern).getwidth()[0] == 0


@settings(deadline=None, max_examples=600)
@given(greedy_patterns, subjects, flag_sets)
def test_re_finds_the_same(natives: Any, pattern: str, text: str, flags: int) -> None:
    for name in ("search", "match", "fullmatch", "findall", "finditer", "split", "sub"):
        if name not in ("search", "match", "fullmatch"):
            assume(not empty_preferred(pattern))
        natives.renew()
        assert ours(natives, name, pattern, text, flags) == theirs(name, pattern, text, flags), name


lazy_patterns = st.builds(
    lambda before, body, count, after: f"{before}(?:{body}){count}{after}",
    leaves,
    greedy_patterns,
    st.sampled_from(["*?", "+?", "??", "{1,2}?"]),
    leaves,
)


@settings(deadline=None, max_examples=200)
@given(lazy_patterns, subjects)
def test_re_lazy_repetition(natives: Any, pattern: str, text: str) -> None:
    for name in ("search", "match", "fullmatch"):
        natives.renew()
        assert ours(natives, name, pattern, text, 0) == theirs(name, pattern, text, 0)


@settings(deadline=None, max_examples=200)
@given(greedy_patterns, st.text("ab \n9\xe9\xff", max_size=6))
def test_re_of_bytes(natives: Any, pattern: str, text: str) -> None:
    encoded = pattern.encode("latin-1")
    natives.renew()
    found = ours(natives, "search", encoded, text.encode("latin-1"), 0)  # type: ignore[arg-type]
    assert found == spans(re.search(encoded, text.encode("latin-1")))


@settings(deadline=None, max_examples=300)
@given(st.text("ab(|)[]^-\\*+?{}1,.<P>=!:idx#$ é", max_size=8))
def test_re_any_text_as_pattern(natives: Any, pattern: str) -> None:
    """Wrong patterns are refused with CPython's words; what is accepted matches alike."""
    natives.renew()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compiled = re.compile(pattern)
    except re.error as error:
        told = natives.function("re", "compile", pattern)
        assert told[:2] == ("error", "error")
        assert told[2] in ("", str(error)) or "linear" in told[2]
        return
    except OverflowError:
        return
    told = natives.function("re", "compile", pattern)
    if told[0] == "error":
        assert "linear time" in told[2] or "copies" in told[2] or told[2] == ""
        return
    for text in ("", "a", "ab1é", "(a)"):
        natives.renew()
        assert ours(natives, "search", pattern, text, 0) == spans(compiled.search(text))


@pytest.mark.parametrize(
    ("name", "args", "kwargs"),
    [
        ("split", (r"(,)|;", "a,b;c"), {}),
        ("split", (",", "a,b,c"), {"maxsplit": 1}),
        ("split", (",", "a,b,c", -1), {}),
        ("sub", ("a", "b", "aaa"), {"count": 2}),
        ("sub", (r"(?P<x>a)(b)?", r"\g<x>\g<2>\1\n\\\.", "ab a"), {}),
        ("sub", ("x*", "-", "abxd"), {}),
        ("sub", ("a", r"\0\07\101", "a"), {}),
        ("sub", ("a", r"\2", "a"), {}),
        ("sub", ("a", r"\400", "a"), {}),
        ("sub", ("a", r"\q", "a"), {}),
        ("sub", ("a", "\\", "a"), {}),
        ("sub", ("a", r"\g<nope>", "a"), {}),
        ("sub", ("a", r"\g<", "a"), {}),
        ("sub", ("a", r"\g<>", "a"), {}),
        ("sub", ("a", r"\g<1 2>", "a"), {}),
        ("sub", (b"a", rb"<\g<0>>", b"banana"), {}),
        ("subn", ("a", "b", "banana"), {}),
        ("findall", ("(a)(b)?", "aab"), {}),
        ("findall", (5, "a"), {}),
        ("search", ("a", 5), {}),
        ("search", ("a", b"a"), {}),
        ("search", (b"a", "a"), {}),
        ("escape", ("a.b*é-\n",), {}),
        ("escape", (b"a.b",), {}),
        ("compile", ("(",), {}),
        ("compile", ("a{99999999999999999999}",), {}),
    ],
)
def test_re_corners(name: str, args: Any, kwargs: Any, natives: Any, same: Callable[..., None]) -> None:
    same(natives.function("re", name, *args, **kwargs), lambda: getattr(re, name)(*args, **kwargs))


def test_re_values(execute: Callable[..., tuple[str, Outcome]]) -> None:
    source = r"""
import re
p = re.compile(r"(?P<year>\d{4})-(\d\d)(x)?", re.I)
m = p.search("on 2024-05!")
print(m, m.group(), m.group(0, "year"), m[2], m["year"], m.groups(), m.groups(""), m.groupdict())
print(m.start(), m.end("year"), m.span(3), m.string, m.pos, m.endpos, m.lastindex, m.lastgroup, m.re is p)
print(p.pattern, p.flags, p.groups, p.groupindex, m.expand(r"\2/\g<year>"))
print(p)
print(p.fullmatch("2024-05"), p.match("x2024-05", 1) is not None, p.search("2024-05", 0, 6))
print(re.sub(r"\w+", lambda m: m.group().title(), "hello wörld"), [m.span() for m in re.finditer("a*", "baa")])
print(re.sub("(?m)^", "> ", "a\nb"), re.findall(r"\bé\w+\b", "un été là"))
print(re.findall("(?i)straße", "STRASSE Straße"))
for wrong in (r"a(?=b)", r"(a)\1", "(?<!a)b"):
    try:
        re.compile(wrong)
    except re.error as error:
        print(type(error).__name__, error)
try:
    re.compile("a)")
except re.error as error:
    print(error.msg, error.pos)
"""
    output, outcome = execute(source)
    assert outcome == Finished()
    linear = "cannot be matched in linear time and is not available"
    assert output.splitlines() == [
        "<re.Match object; span=(3, 10), match='2024-05'> 2024-05 ('2024-05', '2024') 05 2024 ('2024', '05', None) "
        "('2024', '05', '') {'year': '2024'}",
        "3 7 (-1, -1) on 2024-05! 0 11 2 None True",
        r"(?P<year>\d{4})-(\d\d)(x)? 34 3 {'year': 1} 05/2024",
        r"re.compile('(?P<year>\\d{4})-(\\d\\d)(x)?', re.IGNORECASE)",
        "<re.Match object; span=(0, 7), match='2024-05'> True None",
        "Hello Wörld [(0, 0), (1, 3), (3, 3)]",
        "> a",
        "> b ['été']",
        "['Straße']",
        f"error look-ahead or look-behind {linear}",
        f"error a reference to a group {linear}",
        f"error look-ahead or look-behind {linear}",
        "unbalanced parenthesis 1",
    ]


@settings(deadline=None, max_examples=100)
@given(st.lists(subjects, min_size=1, max_size=4), greedy_patterns)
def test_re_does_not_depend_on_texts_before(texts: list[str], pattern: str) -> None:
    """What an alphabet has learnt of other texts changes no match."""
    used = regex.Regex(pattern, 0)
    for text in texts:
        assert regex.search(used.prepare(text), 0, "search") == regex.search(
            regex.Regex(pattern, 0).prepare(text), 0, "search"
        )


def test_re_alphabets_are_bounded() -> None:
    letters = "".join(chr(0x4E00 + number) for number in range(200))
    used = regex.Regex(f"[{letters[:50]}]|" + "|".join(letters), 0)
    assert regex.search(used.prepare("x" + letters), 0, "search") == ((1, 2),)
    everything = "".join(map(chr, range(0x20, 0xD000)))
    for _ in range(3):
        assert regex.search(used.prepare(everything), 0, "search") == ((0x4E00 - 0x20, 0x4E00 - 0x1F),)
    assert len(used.alphabet.codes) <= 0xD000 + 200
    with pytest.raises(regex.RegexError, match="too many characters"):
        regex.Regex("|".join(2 * chr(0x4E00 + number) for number in range(300)), 0).prepare(letters + everything)
