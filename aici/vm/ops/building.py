"""Opcodes that make and fill containers, format text and unpack. What is small is paid for by `costs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aici.vm import arithmetic, iterate, subscript
from aici.vm.attributes import type_of
from aici.vm.frame import Frame
from aici.vm.isa import Op
from aici.vm.memory import DICT_ENTRY, LIST_ITEM, SET_ENTRY, TEXT, text_size
from aici.vm.values import SetValue, Value

from .registry import handles, take

if TYPE_CHECKING:
    from aici.vm.machine import Machine


@handles(Op.BUILD_TUPLE)
def _build_tuple(m: Machine, frame: Frame, a: int, b: int) -> None:
    frame.stack.append(tuple(take(frame, a)))


@handles(Op.BUILD_LIST)
def _build_list(m: Machine, frame: Frame, a: int, b: int) -> None:
    frame.stack.append(take(frame, a))


@handles(Op.BUILD_SET)
def _build_set(m: Machine, frame: Frame, a: int, b: int) -> None:
    m.allocate(64 + SET_ENTRY * a)
    table: dict[Value, None] = {}
    for item in take(frame, a):
        table[m.key(item, table)] = None
    frame.stack.append(SetValue(table))


@handles(Op.BUILD_DICT)
def _build_dict(m: Machine, frame: Frame, a: int, b: int) -> None:
    table: dict[Value, Value] = {}
    taken = take(frame, 2 * a)
    for index in range(0, 2 * a, 2):
        table[m.key(taken[index], table)] = taken[index + 1]
    frame.stack.append(table)


@handles(Op.BUILD_SLICE)
def _build_slice(m: Machine, frame: Frame, a: int, b: int) -> None:
    frame.stack.append(slice(*take(frame, 3)))


@handles(Op.BUILD_STRING)
def _build_string(m: Machine, frame: Frame, a: int, b: int) -> None:
    parts = take(frame, a)
    size = 56
    for part in parts:
        if type(part) is not str:
            raise m.error("TypeError", f"expected str instance, {type_of(part).name} found")
        size += text_size(part) - 56
    if size >= 56 + TEXT:
        m.allocate(size)
        m.charge(size >> 7)
    frame.stack.append("".join(parts))


@handles(Op.FORMAT)
def _format(m: Machine, frame: Frame, a: str, b: int) -> None:
    spec = frame.stack.pop() if b else ""
    if type(spec) is not str:
        raise m.error("TypeError", f"format() argument 2 must be str, not {type_of(spec).name}")
    value = frame.stack[-1]
    frame.stack[-1] = m.format(m.convert(value, a) if a else value, spec)


@handles(Op.LIST_APPEND)
def _list_append(m: Machine, frame: Frame, a: int, b: int) -> None:
    item = frame.stack.pop()
    frame.stack[-1 - a].append(item)


@handles(Op.SET_ADD)
def _set_add(m: Machine, frame: Frame, a: int, b: int) -> None:
    item = frame.stack.pop()
    table = frame.stack[-1 - a].items
    m.allocate(SET_ENTRY)
    table[m.key(item, table)] = None


@handles(Op.DICT_SET)
def _dict_set(m: Machine, frame: Frame, a: int, b: int) -> None:
    value = frame.stack.pop()
    key = frame.stack.pop()
    subscript.set_item(m, frame.stack[-1 - a], key, value)


@handles(Op.LIST_EXTEND)
def _list_extend(m: Machine, frame: Frame, a: int, b: int) -> None:
    source = frame.stack.pop()
    if not m.is_iterable(source):
        raise m.error("TypeError", f"Value after * must be an iterable, not {type_of(source).name}")
    arithmetic.extend(m, frame.stack[-1 - a], source)


@handles(Op.SET_UPDATE)
def _set_update(m: Machine, frame: Frame, a: int, b: int) -> None:
    source = frame.stack.pop()
    table = frame.stack[-1 - a].items
    for item in m.iterate(source):
        m.allocate(SET_ENTRY)
        table[m.key(item, table)] = None


@handles(Op.DICT_UPDATE)
def _dict_update(m: Machine, frame: Frame, a: int, b: int) -> None:
    source = frame.stack.pop()
    if type(source) is not dict:
        raise m.error("TypeError", f"'{type_of(source).name}' object is not a mapping")
    arithmetic.update(m, frame.stack[-1 - a], source)


@handles(Op.DICT_MERGE)
def _dict_merge(m: Machine, frame: Frame, a: int, b: int) -> None:
    source = frame.stack.pop()
    if type(source) is not dict:
        raise m.error("TypeError", f"argument after ** must be a mapping, not {type_of(source).name}")
    target = frame.stack[-1 - a]
    m.charge(len(source))
    for key, value in source.items():
        if type(key) is not str:
            raise m.error("TypeError", "keywords must be strings")
        if key in target:
            raise m.error("TypeError", f"got multiple values for keyword argument '{key}'")
        m.allocate(DICT_ENTRY)
        target[key] = value


@handles(Op.LIST_TO_TUPLE)
def _list_to_tuple(m: Machine, frame: Frame, a: int, b: int) -> None:
    source = frame.stack[-1]
    m.charge(len(source) >> 3)
    m.allocate(56 + LIST_ITEM * len(source))
    frame.stack[-1] = tuple(source)


@handles(Op.UNPACK)
def _unpack(m: Machine, frame: Frame, a: int, b: int) -> None:
    frame.stack[-1] = items = iterate.unpack(m, frame.stack[-1], a)
    frame.stack[-1:] = reversed(items)


@handles(Op.UNPACK_EX)
def _unpack_ex(m: Machine, frame: Frame, a: int, b: int) -> None:
    rest: list[Value] = []
    iterator = iterate.unpackable(m, frame.stack[-1])
    frame.stack[-1] = rest  # within reach while it grows
    for item in iterator:
        m.allocate(LIST_ITEM)
        rest.append(item)
    if len(rest) < a + b:
        text = f"not enough values to unpack (expected at least {a + b}, got {len(rest)})"
        raise m.error("ValueError", text)
    end = len(rest) - b
    frame.stack[-1:] = reversed([*rest[:a], rest[a:end], *rest[end:]])
