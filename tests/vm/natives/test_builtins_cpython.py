"""Builtin functions do what CPython's do, and the names that are left out are really absent."""

from __future__ import annotations

import builtins
import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aici.vm.builtins import UNAVAILABLE
from aici.vm.native import BUILTINS
from aici.vm.requests import Failed, Finished, Outcome

texts = st.text("aAbB01 é_x.-", max_size=6)
integers = st.sampled_from([-100, -3, -2, -1, 0, 1, 2, 3, 5, 10, 64, 255, 256, 2**31, 2**63, -(2**64), 10**20])
floats = st.sampled_from([0.0, -0.0, 1.5, -2.5, 0.5, 0.1, 1e16, 1e300, float("inf"), float("nan"), 12345.678])
scalars = st.one_of(texts, integers, floats, st.binary(max_size=4), st.none(), st.booleans())
values = st.recursive(
    scalars | st.builds(range, st.integers(-3, 9)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(scalars, inner, max_size=3),
    ),
    max_leaves=6,
)
NAMES = (
    *("abs", "all", "any", "ascii", "bin", "bool", "bytes", "callable", "chr", "dict", "divmod", "enumerate", "float"),
    *("format", "frozenset", "hex", "int", "iter", "len", "list", "map", "max", "min", "next", "oct", "ord", "pow"),
    *("range", "repr", "reversed", "round", "set", "slice", "sorted", "str", "sum", "tuple", "zip"),
)


@pytest.mark.parametrize("name", NAMES)
def test_functions(name: str, natives: Any, same: Callable[..., None]) -> None:
    @settings(deadline=None, max_examples=50)
    @given(st.lists(values | st.lists(integers | floats, max_size=4), max_size=3))
    def check(args: list[Any]) -> None:
        numbers = [arg for arg in args if isinstance(arg, (int, float))]
        assume(name not in ("bytes", "pow") or all(abs(number) < 1000 for number in numbers))
        theirs = copy.deepcopy(args)
        same(natives.builtin(name, *args), lambda: getattr(builtins, name)(*theirs))

    check()


@pytest.mark.parametrize(
    ("name", "args", "kwargs"),
    [
        ("int", ("ff",), {"base": 16}),
        ("int", (" 1_000 ",), {}),
        ("int", ("9" * 5000,), {}),
        ("int", ("0b101", 0), {}),
        ("int", ("٣",), {}),
        ("str", (b"\xc3\xa9", "utf-8"), {}),
        ("str", (), {"object": 5}),
        ("bytes", ("é", "utf-8"), {}),
        ("bytes", ("é",), {}),
        ("bytes", ([1, 256],), {}),
        ("dict", ([("a", 1)],), {"b": 2}),
        ("sorted", ([3, 1, 2],), {"reverse": True}),
        ("sorted", ({"b": 1, "a": 2},), {}),
        ("min", ([],), {"default": 5}),
        ("max", (1, 2), {"default": 5}),
        ("max", ("abc",), {}),
        ("zip", ([1, 2], [3]), {"strict": True}),
        ("enumerate", ("ab",), {"start": 5}),
        ("sum", ([[1], [2]], []), {}),
        ("sum", (["a"], ""), {}),
        ("pow", (3, -1, 7), {}),
        ("pow", (2, -1, 4), {}),
        ("pow", (2,), {"exp": 3, "mod": 5}),
        ("round", (2.5,), {}),
        ("round", (1234, -2), {}),
        ("round", (-1250, -2), {}),
        ("round", (10**30, -29), {}),
        ("round", (5, -100), {}),
        ("divmod", (-7, 2), {}),
        ("divmod", (7.5, -2), {}),
        ("divmod", (1, 0), {}),
        ("reversed", ({"a": 1, "b": 2},), {}),
        ("reversed", ({1},), {}),
        ("chr", (0x110000,), {}),
        ("ord", ("ab",), {}),
    ],
)
def test_corners(name: str, args: Any, kwargs: Any, natives: Any, same: Callable[..., None]) -> None:
    same(natives.builtin(name, *args, **kwargs), lambda: getattr(builtins, name)(*args, **kwargs))


def test_nothing_reaches_outside() -> None:
    ours = {name for name in BUILTINS if hasattr(builtins, name)}
    left_out = {name for name in dir(builtins) if not name.startswith("_") and name[0].islower()} - ours
    assert left_out <= UNAVAILABLE | {"copyright", "credits", "license", "anext", "aiter"}
    assert not UNAVAILABLE & BUILTINS.keys()


PROGRAM = """
print(isinstance(1, int), isinstance(True, (str, int)), isinstance("a", (str, (int,))), issubclass(bool, int))
print(type(1) is int, type("") == str, type(None), type(ValueError()), int, type(int))
print(callable(len), callable(int), callable(5), callable(lambda: 1))
print(getattr("a", "upper")(), getattr("a", "nope", 5), hasattr([], "append"), hasattr([], "__dict__"))
print(1, "a", [2], sep="-", end="!\\n")
print(*"abc", sep=None, end=None)
print(sorted(["b", "A", "c"], key=str.lower), sorted([1, 2, 3], key=lambda x: -x))
print(max(["aa", "b"], key=len), min(3, 1, 2, key=lambda x: -x))
print(list(map(lambda a, b: a + b, [1, 2], [3, 4])), list(filter(None, [0, 1, "", "a"])))
it = iter([1, 2])
print(next(it), next(it), next(it, "end"))
print(str.upper("a"), "".join(map(str, range(3))), list(zip("ab", range(5))))
d = {"a": 1}
print(d.keys(), d.values(), d.items(), repr(d), [*d])
print(repr(print), repr("x".upper), object() is object())
a = [3, 1, 2]
def key(x):
    a.append(x)
    return x
try:
    a.sort(key=key)
except ValueError as error:
    print(error, a)
for kind, wrong in ((TypeError, lambda: isinstance(1, 5)), (TypeError, lambda: print(sep=5))):
    try:
        wrong()
    except kind as error:
        print(error)
"""


def test_functions_of_values(execute: Callable[..., tuple[str, Outcome]]) -> None:
    output, outcome = execute(PROGRAM)
    assert outcome == Finished()
    assert output.splitlines() == [
        "True True True True",
        "True True <class 'NoneType'> <class 'ValueError'> <class 'int'> <class 'type'>",
        "True True False True",
        "A 5 True False",
        "1-a-[2]!",
        "a b c",
        "['A', 'b', 'c'] [3, 2, 1]",
        "aa 3",
        "[4, 6] [1, 'a']",
        "1 2 end",
        "A 012 [('a', 0), ('b', 1)]",
        "dict_keys(['a']) dict_values([1]) dict_items([('a', 1)]) {'a': 1} ['a']",
        "<built-in function print> <built-in method upper of str object> False",
        "list modified during sort [1, 2, 3]",
        "isinstance() arg 2 must be a type, a tuple of types, or a union",
        "sep must be None or a string, not int",
    ]


def test_print_is_bounded(execute: Callable[..., tuple[str, Outcome]]) -> None:
    output, outcome = execute("while True: print('a' * 1000)")
    assert isinstance(outcome, Failed)
    assert outcome.kind == "OutputTooLong"
    assert len(output) <= 1 << 20
