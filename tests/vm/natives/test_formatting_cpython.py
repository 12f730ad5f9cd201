"""Texts of values, `format`, `str.format` and `%`: exactly CPython's."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aici.vm.requests import Finished, Outcome

scalars = st.one_of(
    st.text(max_size=6),
    st.binary(max_size=6),
    st.integers(),
    st.floats(),
    st.none(),
    st.booleans(),
    st.builds(range, st.integers(-3, 3), st.integers(), st.sampled_from([1, -2])),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3),
        st.builds(slice, inner, inner),
    ),
    max_leaves=8,
)
numbers = st.one_of(st.integers(), st.floats(), st.booleans(), st.sampled_from([0, -1, 10**20, 1e16, 0.1, 12345.678]))


@settings(deadline=None, max_examples=200)
@given(values)
def test_repr_str_and_ascii(natives: Any, same: Callable[..., None], value: Any) -> None:
    same(natives.builtin("repr", value), lambda: repr(value))
    same(natives.builtin("str", value), lambda: str(value))
    same(natives.builtin("ascii", value), lambda: ascii(value))


def one_of(*texts: str) -> st.SearchStrategy[str]:
    return st.sampled_from(texts)


specs = st.builds(
    lambda *parts: "".join(parts),
    one_of("", "", "*", "0", "^", "é"),
    one_of("", "<", ">", "^", "="),
    one_of("", "+", "-", " "),
    one_of("", "#"),
    one_of("", "0"),
    one_of("", "5", "12", "٣", "99999999999999999999"),
    one_of("", ",", "_"),
    one_of("", ".0", ".3", ".", ".10"),
    one_of("", *"dsfegxbocn%XGEFq"),
)


@settings(deadline=None, max_examples=500)
@given(numbers | st.text(max_size=5) | values, specs)
def test_format(natives: Any, same: Callable[..., None], value: Any, spec: str) -> None:
    same(natives.builtin("format", value, spec), lambda: format(value, spec))


fields = st.lists(
    one_of(
        *("{}", "{0}", "{1}", "{a}", "{0[0]}", "{0.x}", "{!r}", "{a!s:>5}", "{:{}}", "{:{a}}", "{{", "}}", "x", "{"),
        *("}", "{0[a]}", "{:d}", "{:5}", "{!x}", "{0!}", "{[}", "{0[]}", "{0.}", "{0]}", "{:{:{}}}", "{-1}", "{a b}"),
        *("{99999999999999999999}", "{0[1]x}", "{!rr}", "{:>{}}", "{0:٣}", "{a[0]}", "{a.real}", "{\x7f!\x7f}"),
    ),
    max_size=5,
).map("".join)
simple = st.one_of(st.text(max_size=4), numbers, st.none(), st.lists(st.integers(), max_size=2))


@settings(deadline=None, max_examples=500)
@given(fields, st.lists(simple, max_size=3), st.dictionaries(st.just("a"), simple))
def test_str_format(
    natives: Any, same: Callable[..., None], template: str, args: list[Any], kwargs: dict[str, Any]
) -> None:
    same(natives.method(template, "format", *args, **kwargs), lambda: template.format(*args, **kwargs), template)
    same(natives.method(template, "format_map", kwargs), lambda: template.format_map(kwargs), template)


conversions = st.lists(
    st.builds(
        lambda *parts: "".join(parts),
        one_of("x", "%%", "é", ""),
        st.just("%"),
        one_of("", "", "", "(a)", "(b)", "((a))", "("),
        one_of("", "-", "+", "#", "0", " ", "-0"),
        one_of("", "", "5", "*", "12", "99999999999999999999"),
        one_of("", "", ".2", ".*", "."),
        one_of("", "", "l"),
        one_of(*"dsrafxcgio%yeXbGu", ""),
    ),
    max_size=2,
).map("".join)
SMALL = st.integers(-100, 100) | st.floats(-1e6, 1e6) | st.text("ab%(", max_size=3) | st.none()


@settings(deadline=None, max_examples=500)
@given(conversions, st.one_of(st.lists(SMALL, max_size=4).map(tuple), st.dictionaries(st.just("a"), SMALL), SMALL))
def test_percent(natives: Any, same: Callable[..., None], template: str, args: Any) -> None:
    same(natives.outcome(lambda: natives.machine.binary("%", template, args)), lambda: template % args)


@settings(deadline=None, max_examples=300)
@given(conversions, st.lists(SMALL | st.binary(max_size=3), max_size=3).map(tuple))
def test_percent_of_bytes(natives: Any, same: Callable[..., None], template: str, args: Any) -> None:
    data = template.encode("ascii", "ignore")
    same(natives.outcome(lambda: natives.machine.binary("%", data, args)), lambda: data % args)


def test_cycles_and_depth(execute: Callable[..., tuple[str, Outcome]]) -> None:
    source = """
a = [1]
a.append(a)
d = {"a": a}
d["d"] = d
print(a, d, [a, a])
print(KeyError("x"), repr(KeyError("x")), ValueError(1, 2), repr(ValueError()), str(Exception()))
deep = []
for i in range(1000):
    deep = [deep]
try:
    print(deep)
except RecursionError as error:
    print(error)
try:
    print(f"{10**5000}")
except ValueError as error:
    print("too long")
def f(): pass
print(f, f"{f!r}", type(f))
"""
    output, outcome = execute(source)
    assert outcome == Finished()
    assert output.splitlines() == [
        "[1, [...]] {'a': [1, [...]], 'd': {...}} [[1, [...]], [1, [...]]]",
        "'x' KeyError('x') (1, 2) ValueError() ",
        "maximum recursion depth exceeded while getting the repr of an object",
        "too long",
        "<function f> <function f> <class 'function'>",
    ]


@pytest.mark.parametrize("seed", range(3))
def test_sets_in_order_of_insertion(seed: int, execute: Callable[..., tuple[str, Outcome]]) -> None:
    items = random.Random(seed).sample(range(1000), 20)
    output, outcome = execute(f"print(set({items!r}), frozenset({items[:2]!r}), set())")
    assert outcome == Finished()
    shown = ", ".join(map(str, items))
    assert output == f"{{{shown}}} frozenset({{{items[0]}, {items[1]}}}) set()\n"
