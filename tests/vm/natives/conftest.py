"""Calls of single natives, beside the same calls under CPython: an outcome is a canonical value or an error."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from aici.compiler import compile_source
from aici.diagnostics import SourceFile
from aici.vm.limits import Limits
from aici.vm.machine import Machine
from aici.vm.native import BUILTINS, LimitExceeded, Throw
from aici.vm.process import Process
from aici.vm.values import DictView, ExceptionValue, IteratorValue, SetValue, Value

SAME_MESSAGES = sys.version_info[:2] == (3, 11)
"""Messages are those of CPython 3.11; other versions word some otherwise."""

_EMPTY = compile_source(SourceFile("empty.py", "pass\n"))


def to_value(x: Any) -> Value:
    """A Python value as the controller's."""
    if isinstance(x, (set, frozenset)):
        return SetValue({to_value(item): None for item in x}, isinstance(x, frozenset))
    if isinstance(x, list):
        return [to_value(item) for item in x]
    if isinstance(x, tuple):
        return tuple(to_value(item) for item in x)
    if isinstance(x, dict):
        return {to_value(key): to_value(item) for key, item in x.items()}
    return x


def canonical(x: Any) -> Any:
    """A value of either side in a form that tells types apart, and neither order of sets nor kinds of iterators."""
    if isinstance(x, (set, frozenset)):
        return (type(x).__name__, sorted(map(member, x)))
    if isinstance(x, SetValue):
        return ("frozenset" if x.frozen else "set", sorted(map(member, x.items)))
    if isinstance(x, (list, tuple)):
        return (type(x).__name__, [canonical(item) for item in x])
    if isinstance(x, dict):
        return ("dict", [(canonical(key), canonical(item)) for key, item in x.items()])
    if isinstance(x, DictView):
        return [canonical(item) for item in getattr(x.owner, x.what)()]
    if type(x).__name__ in ("dict_keys", "dict_values", "dict_items"):
        return [canonical(item) for item in x]
    return repr(x)


def member(item: Any) -> str:
    """An item of a set. Which of several equal numbers a set holds is CPython's to choose."""
    is_whole = isinstance(item, (bool, float)) and item == item and abs(item) < 1e300 and item == int(item)
    return repr(int(item) if is_whole else canonical(item))


def exhausted(machine: Machine, x: Value) -> Value:
    return list(machine.iterate(x)) if isinstance(x, IteratorValue) else x


class Natives:
    """Calls natives on a machine of their own."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits
        self.renew()

    def renew(self) -> None:
        """Forget what was spent."""
        self.machine = Machine(Process(_EMPTY, self.limits), None)  # type: ignore[arg-type]

    def outcome(self, make: Callable[[], Value], after: Value = None) -> Any:
        self.renew()
        try:
            value = exhausted(self.machine, make())
        except Throw as thrown:
            return self.error(thrown.value)
        except LimitExceeded as limit:
            return ("limit", limit.kind)
        return ("value", canonical(value), canonical(after))

    def error(self, value: ExceptionValue) -> Any:
        name = value.kind.name.rpartition(".")[2]
        return ("error", name, self.machine.to_str(value) if SAME_MESSAGES else "")

    def method(self, receiver: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        """`receiver.name(*args, **kwargs)`: the outcome, with the receiver as it is afterwards."""
        made = to_value(receiver)
        values, keywords = to_value(args), to_value(kwargs)
        return self.outcome(lambda: self.machine.call(self.machine.get_attribute(made, name), values, keywords), made)

    def builtin(self, name: str, *args: Any, **kwargs: Any) -> Any:
        return self.outcome(lambda: self.machine.call(BUILTINS[name], to_value(args), to_value(kwargs)))

    def function(self, module: str, name: str, *args: Any, **kwargs: Any) -> Any:
        def make() -> Value:
            return self.machine.call(self.machine.module(module).attrs[name], to_value(args), to_value(kwargs))

        return self.outcome(make)


def python_outcome(make: Callable[[], Any], after: Any = None) -> Any:
    """The outcome under CPython."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what a later version will refuse
            value = make()
        if hasattr(value, "__next__"):
            value = list(value)
    except Exception as error:
        name = "error" if isinstance(error, re.error) else type(error).__name__  # 3.13 calls it PatternError
        return ("error", name, str(error) if SAME_MESSAGES else "")
    return ("value", canonical(value), canonical(after))


def agree(ours: Any, theirs: Any) -> bool:
    """Whether two outcomes are the same. A limit is another matter, and so are the words on the number of arguments."""
    if ours == theirs or ours[0] == "limit":
        return True
    if ours[0] != "error" or ours[:2] != theirs[:2]:
        return False
    if "{" in ours[2] and sorted(ours[2]) == sorted(theirs[2]):
        return True  # a set is quoted, in an order of its own
    if ours[1] != "TypeError":
        return False
    return all("argument" in text and _COUNTED.search(text) for text in (ours[2], theirs[2]))


_COUNTED = re.compile("expected|takes|missing|requires|needs")


@pytest.fixture(scope="session")
def natives() -> Natives:
    return Natives()


@pytest.fixture(scope="session")
def same() -> Callable[..., None]:
    """`same(outcome, make, after)`: it is what CPython makes of `make()`."""

    def same(ours: Any, make: Callable[[], Any], after: Any = None) -> None:
        theirs = python_outcome(make, after)
        assert agree(ours, theirs), f"{ours} is not CPython's {theirs}"

    return same
