"""Methods of the built-in types do what CPython's do: same result, same change, same exception and message."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aici.vm.native import TYPES

LETTERS = "aAbBzßİ \t\n\r19²٣é_-,.x\x1c\u2028𝒳%{}()\"'\\"
texts = st.text(LETTERS, max_size=12)
data = st.binary(max_size=10) | st.text("aAbB \t\n09_-,.%xZ", max_size=12).map(str.encode)
integers = st.sampled_from([-100, -3, -2, -1, 0, 1, 2, 3, 5, 10, 63, 64, 2**31, 2**63, -(2**63), 2**64, 10**20])
floats = st.sampled_from([0.0, -0.0, 1.5, -2.5, 0.1, 1e16, 1e300, float("inf"), float("nan"), -7.25, 12345.678])
keys = st.one_of(texts, integers, data, st.none(), st.booleans(), floats, st.just((1, "a")))
ranges = st.builds(range, st.integers(-3, 5), st.integers(-3, 9), st.sampled_from([1, 2, -1]))
scalars = st.one_of(texts, integers, floats, data, st.none(), st.booleans())
values = st.recursive(
    scalars | ranges,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(keys, inner, max_size=3),
        st.sets(keys, max_size=3),
        st.frozensets(keys, max_size=3),
    ),
    max_leaves=6,
)
RECEIVERS: dict[str, st.SearchStrategy[Any]] = {
    "str": texts,
    "bytes": data,
    "int": integers,
    "float": floats,
    "list": st.lists(values | texts | integers, max_size=6),
    "tuple": st.lists(values | texts | integers, max_size=6).map(tuple),
    "dict": st.dictionaries(keys, values, max_size=5),
    "set": st.sets(keys, max_size=5),
    "frozenset": st.frozensets(keys, max_size=5),
    "range": ranges,
    "slice": st.builds(slice, *[st.none() | st.integers(-5, 5)] * 3),
}
PYTHON = {
    "str": str,
    "bytes": bytes,
    "int": int,
    "float": float,
    "list": list,
    "tuple": tuple,
    "dict": dict,
    "set": set,
    "frozenset": frozenset,
    "range": range,
    "slice": slice,
}
# The item that `set.pop` takes is the newest, CPython's any; `str.format` has tests of its own.
APART = {("set", "pop"), ("str", "format"), ("str", "format_map")}
METHODS = [
    (kind, name)
    for kind in RECEIVERS
    for name in sorted({*TYPES[kind].methods, *TYPES[kind].statics})
    if not name.startswith("__") and (kind, name) not in APART
]


@pytest.mark.parametrize(("kind", "name"), METHODS)
def test_methods(kind: str, name: str, natives: Any, same: Callable[..., None]) -> None:
    arguments = st.lists(RECEIVERS[kind] | integers | values, max_size=3)

    @settings(deadline=None, max_examples=25)
    @given(RECEIVERS[kind], arguments)
    def check(receiver: Any, args: list[Any]) -> None:
        mine, theirs = copy.deepcopy(args), copy.deepcopy(receiver)
        same(natives.method(receiver, name, *args), lambda: getattr(theirs, name)(*mine), theirs)

    if (kind, name) not in LENIENT:
        check()


LENIENT = {
    ("int", "from_bytes"),  # CPython asks a class with __bytes__ and takes dicts
    ("int", "to_bytes"),  # the order in which wrong arguments are seen
    ("bytes", "hex"),
    ("list", "insert"),  # indices beyond 64 bits are like any others
    ("frozenset", "issuperset"),  # of what is no set at the first item that is missing
    ("set", "issuperset"),
    ("set", "isdisjoint"),
    ("frozenset", "isdisjoint"),
    # From 3.12 on anything can be said instead of True and False.
    *([("str", "splitlines"), ("bytes", "splitlines")] if sys.version_info >= (3, 12) else []),
}
"""Where CPython's answer to odd arguments hangs on the order in which it looks at them, or on its version."""


@pytest.mark.parametrize("kind", RECEIVERS)
def test_every_method_is_there(kind: str) -> None:
    public = {name for name in dir(PYTHON[kind]) if not name.startswith("_")}
    known = TYPES[kind]
    assert public - {"is_integer"} <= {*known.methods, *known.statics, *known.getters}


def call(natives: Any, receiver: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    return natives.method(receiver, name, *args, **kwargs)


@pytest.mark.parametrize(
    ("receiver", "name", "args", "kwargs"),
    [
        ("a b c", "split", (), {"maxsplit": 1}),
        ("a,b,c", "rsplit", (",",), {"maxsplit": 1}),
        ("abcabcabc" * 3, "rsplit", ("abcabcabca",), {}),
        ("abcabcabc" * 3, "rpartition", ("bcabcabcab",), {}),
        ("abcabcabc" * 3, "rfind", ("bcabcabcab", 3, -2), {}),
        ("abcabcabc" * 3, "rindex", ("bcabcabcax",), {}),
        ("a\nb", "splitlines", (), {"keepends": True}),
        ("é", "encode", (), {"encoding": "latin-1"}),
        ("é", "encode", ("ascii",), {"errors": "backslashreplace"}),
        ("\ud800", "encode", (), {}),
        (b"\xff", "decode", (), {}),
        (b"\xff", "decode", ("ascii", "replace"), {}),
        ("a\tb", "expandtabs", (), {"tabsize": 3}),
        ("".join(map(chr, range(200))), "strip", ("".join(map(chr, range(150))),), {}),
        ("abc", "translate", ({97: "xyz", 98: None, 99: 100},), {}),
        ("abc", "translate", ({97: 1.5},), {}),
        ("abc", "translate", ({97: 0x110000},), {}),
        ("abc", "translate", (5,), {}),
        ("abc", "maketrans", ("ab", "xy", "c"), {}),
        ("abc", "maketrans", ({"a": 1, 98: "x"},), {}),
        ("abc", "maketrans", ({"ab": 1},), {}),
        (5, "to_bytes", (2, "little"), {"signed": True}),
        (-5, "to_bytes", (2, "big"), {}),
        pytest.param(-5, "to_bytes", (2,), {}, marks=pytest.mark.skipif(sys.version_info < (3, 11), reason="3.11's")),
        (b"", "fromhex", ("0aff 1",), {}),
        (1, "from_bytes", (b"\x01\xff", "big"), {"signed": True}),
        ({}, "fromkeys", ("abc", 1), {}),
        ({1: 2}, "update", ([(3, 4), "ab"],), {"x": 1}),
        ({1: 2}, "update", ([(3, 4, 5)],), {}),
        ({1: 2}, "update", ([3],), {}),
        ([3, 1, 2], "sort", (), {"reverse": True}),
        ([3, "a"], "sort", (), {}),
        ([(1, "b"), (1, "a")], "sort", (), {}),
        ([float("nan"), 1, 2.5, True], "sort", (), {}),
        ([[2], [1, 5], []], "sort", (), {"reverse": True}),
    ],
)
def test_keywords_and_corners(
    receiver: Any, name: str, args: Any, kwargs: Any, natives: Any, same: Callable[..., None]
) -> None:
    theirs = copy.deepcopy(receiver)
    ours = call(natives, receiver, name, *args, **kwargs)
    same(ours, lambda: getattr(theirs, name)(*args, **kwargs), theirs)


def test_sets_pop_the_newest(natives: Any) -> None:
    assert natives.method({5}, "pop")[1] == "5"
    assert natives.method(set(), "pop")[:2] == ("error", "KeyError")


def test_only_plain_encodings(natives: Any) -> None:
    for name in ("idna", "punycode", "zip", "hex", "rot13", "unicode_escape", "utf-7"):
        assert natives.method("a", "encode", name)[:2] == ("error", "LookupError")
        assert natives.method(b"a", "decode", name)[:2] == ("error", "LookupError")
    for name in ("UTF-8", "utf8", "Latin-1", "ISO-8859-1", "us-ascii", "utf_16_le"):
        assert natives.method("a", "encode", name)[0] == "value"
