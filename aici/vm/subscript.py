"""Subscripts, slices and length: `x[i]`, `x[i] = v`, `del x[i]`, `len(x)`. Functions of `(machine, ...)`; results and
errors are CPython's; slices are charged by their length."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .attributes import special_method, type_of
from .memory import DICT_ENTRY, LIST_ITEM
from .values import DictView, Object, SetValue, TypeValue, Value

if TYPE_CHECKING:
    from .context import Runtime
    from .native import Throw

_INTEGERS = frozenset({int, bool})
_SHOWN: dict[type, str] = {list: "list", tuple: "tuple", str: "string", range: "range object", bytes: "index"}
_SEQUENCE_LIKE = frozenset({str, bytes, tuple, range, SetValue, DictView})
_SIZED = frozenset({str, bytes, tuple, list, dict, range})


def length(m: Runtime, value: Value) -> int:
    """`len(value)`."""
    kind = type(value)
    if kind is range:
        try:
            return len(value)
        except OverflowError as error:
            raise m.error("OverflowError", str(error)) from None
    if kind in _SIZED:
        return len(value)
    if kind is SetValue:
        return len(value.items)
    if kind is DictView:
        return len(value.owner)
    function = special_method(value, "__len__") if kind is Object else None
    if function is None:
        raise m.error("TypeError", f"object of type '{type_of(value).name}' has no len()")
    return m.index(m.call(function, [value]))


def get_item(m: Runtime, value: Value, key: Value) -> Value:
    """`value[key]`."""
    kind = type(value)
    if kind is dict:
        m.key(key, value)
        if key not in value:
            raise m.error("KeyError", key)
        return value[key]
    if kind in _SHOWN:
        if type(key) in _INTEGERS:
            if kind is not range and not -len(value) <= key < len(value):
                raise missing(m, value, key)
            try:
                return value[key]
            except IndexError:
                raise missing(m, value, key) from None
        if type(key) is slice:
            return _slice(m, value, key)
        raise _bad_index(m, value, key)
    function = special_method(value, "__getitem__") if kind is Object else None
    if function is None:
        if kind is TypeValue:
            raise m.error("TypeError", f"type '{value.name}' is not subscriptable")
        raise m.error("TypeError", f"'{type_of(value).name}' object is not subscriptable")
    return m.call(function, [value, key])


def missing(m: Runtime, value: Value, key: Value) -> Throw:
    """The error of an index out of range, or of a key that a dict has not."""
    if type(value) is dict:
        return m.error("KeyError", key)
    return m.error(
        "IndexError", "index out of range" if type(value) is bytes else f"{_SHOWN[type(value)]} index out of range"
    )


def _bad_index(m: Runtime, value: Value, key: Value) -> Throw:
    name, other = type_of(value).name, type_of(key).name
    if name == "str":
        return m.error("TypeError", f"string indices must be integers, not '{other}'")
    if name == "bytes":
        return m.error("TypeError", f"byte indices must be integers or slices, not {other}")
    return m.error("TypeError", f"{name} indices must be integers or slices, not {other}")


def bounds(m: Runtime, key: slice, size: int) -> range:
    """The indices that a slice selects of a sequence of that size."""
    for part in (key.start, key.stop, key.step):
        if part is not None and type(part) not in _INTEGERS:
            raise m.error("TypeError", "slice indices must be integers or None or have an __index__ method")
    if key.step == 0:
        raise m.error("ValueError", "slice step cannot be zero")
    return range(*key.indices(size))


def _slice(m: Runtime, value: Value, key: slice) -> Value:
    if type(value) is range:
        m.charge(1)
        bounds(m, key, 0)
        return value[key]
    count = len(bounds(m, key, len(value)))
    if type(value) in (list, tuple):
        m.charge(count >> 3)
        m.allocate(56 + LIST_ITEM * count)
    else:
        m.charge(count >> 7 if key.step in (None, 1) else count >> 3)
        m.allocate(56 + (count if type(value) is bytes or value.isascii() else 4 * count))
    return value[key]


def set_item(m: Runtime, value: Value, key: Value, item: Value) -> None:
    """`value[key] = item`."""
    kind = type(value)
    if kind is dict:
        m.key(key, value)
        m.allocate(DICT_ENTRY)
        value[key] = item
    elif kind is list:
        _set_list_item(m, value, key, item)
    else:
        function = special_method(value, "__setitem__") if kind is Object else None
        if function is None:
            raise m.error("TypeError", f"'{type_of(value).name}' object does not support item assignment")
        m.call(function, [value, key, item])


def _set_list_item(m: Runtime, value: list[Value], key: Value, item: Value) -> None:
    if type(key) in _INTEGERS:
        if not -len(value) <= key < len(value):
            raise m.error("IndexError", "list assignment index out of range")
        value[key] = item
        return
    if type(key) is not slice:
        raise _bad_index(m, value, key)
    bounds(m, key, len(value))
    if not m.is_iterable(item):
        plain = key.step in (None, 1)
        text = "can only assign an iterable" if plain else "must assign iterable to extended slice"
        raise m.error("TypeError", text)
    items = m.list_of(item)
    m.charge((len(value) + len(items)) >> 3)
    m.allocate(LIST_ITEM * len(items))
    try:
        value[key] = items
    except ValueError as error:
        raise m.error("ValueError", str(error)) from None


def delete_item(m: Runtime, value: Value, key: Value) -> None:
    """`del value[key]`."""
    kind = type(value)
    if kind is dict:
        m.key(key, value)
        if key not in value:
            raise m.error("KeyError", key)
        del value[key]
    elif kind is list:
        m.charge(len(value) >> 6)
        if type(key) in _INTEGERS:
            if not -len(value) <= key < len(value):
                raise m.error("IndexError", "list assignment index out of range")
        elif type(key) is slice:
            bounds(m, key, len(value))
        else:
            raise _bad_index(m, value, key)
        del value[key]
    else:
        function = special_method(value, "__delitem__") if kind is Object else None
        if function is None:
            does = "doesn't" if type(key) in _INTEGERS and kind in _SEQUENCE_LIKE else "does not"
            raise m.error("TypeError", f"'{type_of(value).name}' object {does} support item deletion")
        m.call(function, [value, key])
