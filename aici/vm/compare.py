"""Truth, equality, order and membership of any controller values, and what may be a key of a dict or set.

Functions of `(machine, ...)`; results and errors are CPython's. Containers are compared item by item with every item
charged, so that no comparison is unbounded, and their depth is bounded. `COMPARE` holds the operators by symbol.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from . import sets
from .attributes import special_method, type_of
from .iterate import items_of
from .values import BoundMethod, DictView, Object, SetValue, Value

if TYPE_CHECKING:
    from .context import Runtime

Comparison: TypeAlias = Callable[["Runtime", Value, Value], Value]

NUMBERS = frozenset({int, bool, float})
_TEXTS = frozenset({str, bytes})


def truth(m: Runtime, value: Value) -> bool:
    """`bool(value)`."""
    kind = type(value)
    if kind is SetValue:
        return bool(value.items)
    if kind is DictView:
        return bool(value.owner)
    if kind is Object:
        return _object_truth(m, value)
    return kind not in _FALSY or bool(value)


_FALSY = frozenset({type(None), bool, int, float, str, bytes, tuple, list, dict, range})


def _object_truth(m: Runtime, value: Object) -> bool:
    function = special_method(value, "__bool__")
    if function is not None:
        return m.call(function, [value]) is True
    return special_method(value, "__len__") is None or m.length(value) != 0


# --- equality ---


def equal(m: Runtime, x: Value, y: Value) -> bool:
    """`x == y`."""
    kind = type(x)
    if kind in NUMBERS:
        return type(y) in NUMBERS and bool(x == y)
    if kind in _TEXTS:
        if kind is not type(y):
            return False
        if len(x) == len(y):
            m.charge(len(x) >> 7)
            return bool(x == y)
        return False
    if kind is Object or type(y) is Object:
        return _equal_objects(m, x, y)
    if kind is type(y):
        compare = _EQUAL.get(kind)
        if compare is not None:
            m.enter(3)
            try:
                return compare(m, x, y)
            finally:
                m.leave(3)
        return x is y
    if sets.is_set_like(x) and sets.is_set_like(y):
        return sets.same(m, x, y)
    return False


def same_or_equal(m: Runtime, x: Value, y: Value) -> bool:
    """What containers ask of their items."""
    return x is y or equal(m, x, y)


def _equal_sequences(m: Runtime, x: Any, y: Any) -> bool:
    if len(x) != len(y):
        return False
    for index, item in enumerate(x):
        m.charge(1)
        if index >= len(y) or not same_or_equal(m, item, y[index]):
            return False
    return len(x) == len(y)


def _equal_dicts(m: Runtime, x: dict[Value, Value], y: dict[Value, Value]) -> bool:
    if len(x) != len(y):
        return False
    for key, item in list(x.items()):
        m.charge(1)
        if m.key(key, y) not in y or not same_or_equal(m, item, y[key]):
            return False
    return True


def _equal_sets(m: Runtime, x: SetValue, y: SetValue) -> bool:
    return len(x.items) == len(y.items) and sets.is_subset(m, x, y)


def _equal_views(m: Runtime, x: DictView, y: DictView) -> bool:
    return x is y if "values" in (x.what, y.what) else sets.same(m, x, y)


def _equal_slices(m: Runtime, x: slice, y: slice) -> bool:
    return _equal_sequences(m, (x.start, x.stop, x.step), (y.start, y.stop, y.step))


def _equal_methods(m: Runtime, x: BoundMethod, y: BoundMethod) -> bool:
    return x.receiver is y.receiver and x.method is y.method


_EQUAL: dict[type, Callable[[Runtime, Any, Any], bool]] = {
    list: _equal_sequences,
    tuple: _equal_sequences,
    dict: _equal_dicts,
    SetValue: _equal_sets,
    DictView: _equal_views,
    slice: _equal_slices,
    BoundMethod: _equal_methods,
    range: lambda m, x, y: x == y,
}


def _equal_objects(m: Runtime, x: Value, y: Value) -> bool:
    for one, other in ((x, y), (y, x)):
        function = special_method(one, "__eq__") if type(one) is Object else None
        if function is not None:
            return m.truth(m.call(function, [one, other]))
    return x is y


def not_equal(m: Runtime, x: Value, y: Value) -> bool:
    return not equal(m, x, y)


# --- order ---


def _ordering(symbol: str, name: str, mirrored: str) -> Comparison:
    function = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}[symbol]

    def compare(m: Runtime, x: Value, y: Value) -> Value:
        kind = type(x)
        if kind in NUMBERS and type(y) in NUMBERS:
            return function(x, y)
        if kind is type(y):
            if kind in _TEXTS:
                m.charge(min(len(x), len(y)) >> 7)
                return function(x, y)
            if kind is list or kind is tuple:
                return _compare_sequences(m, compare, function, x, y)
        if sets.is_set_like(x) and sets.is_set_like(y):
            return _compare_sets(m, symbol, x, y)
        for one, method, other in ((x, name, y), (y, mirrored, x)):
            special = special_method(one, method) if type(one) is Object else None
            if special is not None:
                return m.call(special, [one, other])
        names = f"'{type_of(x).name}' and '{type_of(y).name}'"
        raise m.error("TypeError", f"'{symbol}' not supported between instances of {names}")

    return compare


def _compare_sequences(m: Runtime, compare: Comparison, function: Callable[[Any, Any], Any], x: Any, y: Any) -> Value:
    """By the first items that differ, else by length."""
    m.enter(3)
    try:
        index = 0
        while index < len(x) and index < len(y):
            m.charge(1)
            if not same_or_equal(m, x[index], y[index]):
                return compare(m, x[index], y[index])
            index += 1
        return function(len(x), len(y))
    finally:
        m.leave(3)


def _compare_sets(m: Runtime, symbol: str, x: Value, y: Value) -> bool:
    small, large = (x, y) if symbol in ("<", "<=") else (y, x)
    return sets.is_subset(m, small, large) and ("=" in symbol or m.length(small) < m.length(large))


# --- membership and identity ---


def contains(m: Runtime, container: Value, item: Value) -> bool:
    """`item in container`."""
    kind = type(container)
    if kind is dict:
        return m.key(item, container) in container
    if kind is SetValue:
        return m.key(_frozen(item), container.items) in container.items
    if kind is str:
        return _in_text(m, container, item)
    if kind is bytes:
        return _in_bytes(m, container, item)
    if kind is range and type(item) in (int, bool):
        return item in container
    if kind is DictView and container.what != "values":
        owner = container.owner
        return m.key(item, owner) in owner if container.what == "keys" else sets.has_entry(m, owner, item)
    if kind is list or kind is tuple:
        for index in range(len(container)):
            m.charge(1)
            if index >= len(container):
                return False
            if same_or_equal(m, container[index], item):
                return True
        return False
    function = special_method(container, "__contains__") if kind is Object else None
    if function is not None:
        return m.truth(m.call(function, [container, item]))
    return _in_iterable(m, container, item)


def _frozen(item: Value) -> Value:
    """A set looked for in a set: as CPython, by its frozen twin."""
    return SetValue(item.items, True) if type(item) is SetValue and not item.frozen else item


def _in_text(m: Runtime, text: str, item: Value) -> bool:
    if type(item) is not str:
        name = type_of(item).name
        raise m.error("TypeError", f"'in <string>' requires string as left operand, not {name}")
    m.charge(len(text) >> 6)
    return item in text


def _in_bytes(m: Runtime, data: bytes, item: Value) -> bool:
    m.charge(len(data) >> 6)
    if type(item) is bytes:
        return item in data
    if type(item) not in (int, bool):
        raise m.error("TypeError", f"a bytes-like object is required, not '{type_of(item).name}'")
    if not 0 <= item < 256:
        raise m.error("ValueError", "byte must be in range(0, 256)")
    return item in data


def _in_iterable(m: Runtime, container: Value, item: Value) -> bool:
    try_iterable(m, container)
    return any(same_or_equal(m, other, item) for other in items_of(m, container))


def try_iterable(m: Runtime, container: Value) -> None:
    """The TypeError of `in` for what is no container."""
    if container is None or type(container) in NUMBERS or not m.is_iterable(container):
        raise m.error("TypeError", f"argument of type '{type_of(container).name}' is not iterable")


COMPARE: dict[str, Comparison] = {
    "==": equal,
    "!=": not_equal,
    "<": _ordering("<", "__lt__", "__gt__"),
    "<=": _ordering("<=", "__le__", "__ge__"),
    ">": _ordering(">", "__gt__", "__lt__"),
    ">=": _ordering(">=", "__ge__", "__le__"),
    "in": lambda m, x, y: contains(m, y, x),
    "not in": lambda m, x, y: not contains(m, y, x),
    "is": lambda m, x, y: x is y,
    "is not": lambda m, x, y: x is not y,
}
