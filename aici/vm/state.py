"""The state of a process as bytes: what is inside a snapshot's seal.

First the counters and limits, then the values of `Process.roots`, then what they lead to. A value is written where it
is first met; later mentions are numbers. Of an object that can change only the class is written there: its content
follows when its turn comes, in the order of numbers. So there is no recursion, and cycles need no thought. Tuples,
frozen sets, slices and ranges, which cannot change, stand complete where they are met, innermost first numbered; keys
of dicts are therefore complete when they are inserted. Identity is kept, even of numbers and strings; constants, names,
code, types and natives are named (`names`). `_write_*` and `_read_*` stand side by side; `_TAGS` lists what there is.

`read` is safe for any bytes: a process whose fields have the right types, or `Damage`. May be imported by `snapshot`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import Any, TypeVar

from .frame import Code, Frame
from .keys import MAX_DEPTH
from .limits import Limits
from .names import Shared, names, natives
from .native import MODULES, SETTABLE, TYPES
from .process import Process, Stage
from .program import Program
from .requests import ConstraintSpec
from .shapes import FIELDS, REQUIRED, SLOTTED
from .values import (
    UNBOUND,
    Cell,
    ExceptionValue,
    FunctionValue,
    ModuleValue,
    Native,
    Object,
    SetValue,
    TypeValue,
    Value,
)
from .wire import Damage, Reader, Writer

MAX_OBJECTS = 1 << 21
"""Things of a state that have a number: containers, texts, larger numbers, ..."""

__all__ = ["MAX_OBJECTS", "Damage", "read", "write"]

# --- tags: the first byte of a value ---

_SMALL = 0x80  # and above: the integers 0 to 127
_NEAR = 0x40  # to 0x7f: the first 64 numbered objects
_FIXED = (None, False, True, UNBOUND, (), "", b"", "keys", "values", "items", "regex", "options")
_REF, _KNOWN, _CODE, _INT, _FLOAT, _STR, _BYTES, _TYPE, _NATIVE, _BYTEARRAY = range(len(_FIXED), len(_FIXED) + 10)
_COMPOSITE = (tuple, SetValue, slice, range, ConstraintSpec)
_TUPLE = _BYTEARRAY + 1
_SHELLS: tuple[type, ...] = (list, dict, *SLOTTED)
_LIST = _TUPLE + len(_COMPOSITE)
assert _LIST + len(_SHELLS) <= _NEAR, "tags must stay below the short references"

_TAGS = {kind: _LIST + place for place, kind in enumerate(_SHELLS)}
_FIXED_TOKENS = {id(value): bytes((tag,)) for tag, value in enumerate(_FIXED)}
_STAGES = tuple(Stage)
_LIMITS = tuple(field.name for field in fields(Limits))
_limits_of = attrgetter(*_LIMITS)
_DOUBLE = struct.Struct("<d")
_HANDLED = (ExceptionValue, type(None))
_PENDING = (Object, type(None))

_T = TypeVar("_T")


def write(process: Process, shared: Shared) -> bytes | None:
    """The state; None if it holds more than `MAX_OBJECTS`."""
    writer = _StateWriter(shared)
    writer.uint(_STAGES.index(process.stage))
    writer.uint(int(process.test))
    for count in (process.fuel, process.memory, process.output, *_limits_of(process.limits)):
        writer.uint(count)
    for value in process.roots():
        writer.value(value)
    for value in writer.todo:  # grows while it is walked
        _FILL[type(value)][0](writer, value)
        if len(writer.numbers) > MAX_OBJECTS:
            return None
    return bytes(writer.data)


def read(program: Program, shared: Shared, data: bytes) -> Process:
    """The process of a state; Damage."""
    reader = _StateReader(program, shared, data)
    try:
        process = reader.process()
    except (IndexError, KeyError, TypeError, ValueError, OverflowError):
        raise reader.damage("no value stands here") from None
    if reader.offset != len(data):
        raise reader.damage("more follows after the end")
    return process


_PARTS: dict[type, Callable[[Any], Any]] = {
    tuple: lambda value: value,
    SetValue: lambda value: value.items,
    slice: attrgetter("start", "stop", "step"),
    range: attrgetter("start", "stop", "step"),
    ConstraintSpec: attrgetter("kind", "args"),
}
_LENGTHS: dict[type, int] = {slice: 3, range: 3, ConstraintSpec: 2}
"""Those that always have as many parts."""


def _is_composite(value: Value) -> bool:
    kind = type(value)
    return kind in _PARTS and (kind is not SetValue or value.frozen)


class _StateWriter(Writer):
    def __init__(self, shared: Shared) -> None:
        super().__init__()
        self.places = shared.places
        self.names = names()
        self.numbers: dict[int, int] = {}  # by identity
        self.todo: list[Any] = []

    def value(self, value: Value) -> None:
        kind = type(value)
        if kind is int and 0 <= value < _SMALL:
            self.data.append(_SMALL + value)
            return
        identity = id(value)
        number = self.numbers.get(identity)
        if number is not None:
            self._reference(number)
            return
        token = _FIXED_TOKENS.get(identity)
        if token is not None:
            self.data += token
        elif identity in self.places:
            self._tagged(_KNOWN, self.places[identity])
        elif kind in _ATOMS:
            _ATOMS[kind](self, value)
        elif _is_composite(value):
            self._composite(value)
        else:
            self.numbers[identity] = len(self.numbers)
            self.data.append(_TAGS[kind])
            self.todo.append(value)

    def _tagged(self, tag: int, number: int) -> None:
        self.data.append(tag)
        self.uint(number)

    def _reference(self, number: int) -> None:
        if number < _SMALL - _NEAR:
            self.data.append(_NEAR + number)
        else:
            self._tagged(_REF, number)

    def _number(self, value: Value) -> None:
        self.numbers[id(value)] = len(self.numbers)

    def _composite(self, value: Value) -> None:
        stack = [(value, iter(self._open(value)))]
        while stack:
            top, parts = stack[-1]
            for part in parts:
                if _is_composite(part) and not self._is_known(part):
                    stack.append((part, iter(self._open(part))))
                    break
                self.value(part)
            else:
                self._number(top)
                stack.pop()

    def _is_known(self, value: Value) -> bool:
        identity = id(value)
        return identity in self.numbers or identity in _FIXED_TOKENS or identity in self.places

    def _open(self, value: Value) -> Any:
        kind = type(value)
        self.data.append(_TUPLE + _COMPOSITE.index(kind))
        parts = _PARTS[kind](value)
        if kind not in _LENGTHS:
            self.uint(len(parts))
        return parts

    # --- atoms ---

    def _int(self, value: int) -> None:
        self._chunk(_INT, value.to_bytes((value.bit_length() >> 3) + 1, "little", signed=True))
        if not -5 <= value < 257:  # those Python itself has once
            self.numbers[id(value)] = len(self.numbers)

    def _chunk(self, tag: int, content: bytes) -> None:
        data = self.data
        data.append(tag)
        if len(content) < 0x80:
            data.append(len(content))
        else:
            self.uint(len(content))
        data += content

    def _float(self, value: float) -> None:
        self.data.append(_FLOAT)
        self.data += _DOUBLE.pack(value)
        self._number(value)

    def _str(self, value: str) -> None:
        self._chunk(_STR, value.encode("utf-8", "surrogatepass"))
        self.numbers[id(value)] = len(self.numbers)

    def _bytes(self, value: bytes) -> None:
        self._chunk(_BYTES if type(value) is bytes else _BYTEARRAY, value)
        self._number(value)

    def _code(self, value: Code) -> None:
        self._tagged(_CODE, value.index)

    def _named(self, value: TypeValue | Native) -> None:
        self.data.append(_TYPE if type(value) is TypeValue else _NATIVE)
        self.text(self.names[id(value)])
        self._number(value)

    # --- contents of what can change ---

    def list_(self, value: list[Value]) -> None:
        self.uint(len(value))
        for item in value:
            self.value(item)

    def dict_(self, value: dict[Value, Value]) -> None:
        self.uint(len(value))
        for key, item in value.items():
            self.value(key)
            self.value(item)

    def set_(self, value: SetValue) -> None:
        self.uint(len(value.items))
        for key in value.items:
            self.value(key)

    def module(self, value: ModuleValue) -> None:
        """Its name, and the attributes that may have been assigned."""
        self.value(value.name)
        for name in sorted(value.settable):
            self.value(value.attrs[name])

    def slotted(self, value: Value) -> None:
        for name in FIELDS[type(value)]:
            self.value(getattr(value, name))


_ATOMS: dict[type, Callable[[_StateWriter, Any], None]] = {
    int: _StateWriter._int,
    float: _StateWriter._float,
    str: _StateWriter._str,
    bytes: _StateWriter._bytes,
    bytearray: _StateWriter._bytes,
    Code: _StateWriter._code,
    TypeValue: _StateWriter._named,
    Native: _StateWriter._named,
}


class _StateReader(Reader):
    def __init__(self, program: Program, shared: Shared, data: bytes) -> None:
        super().__init__(data)
        self.made = Process(program)
        self.known = shared.objects
        self.objects: list[Any] = []  # by number
        self.todo: list[Any] = []
        self.walked = 0

    def process(self) -> Process:
        process = self.made
        process.stage = _STAGES[self.uint()]
        process.test = self.flag()
        process.fuel, process.memory, process.output = self.uint(), self.uint(), self.uint()
        process.limits = Limits(*(self.uint() for _ in _LIMITS))
        process.frames = self._of(list)
        process.globals = self._of(dict)
        process.modules = self._of(dict)
        process.handled, process.main, process.pending = self.value(), self.value(), self.value()
        for shell in self.todo:  # grows while it is walked
            _FILL[type(shell)][1](self, shell)
        for shell in self.todo:
            if type(shell) is Frame:
                self._check_frame(shell)
        if not (
            all(type(frame) is Frame for frame in process.frames)
            and all(type(module) is ModuleValue for module in process.modules.values())
            and type(process.handled) in _HANDLED
            and type(process.pending) in _PENDING
        ):
            raise self.damage("the process holds something else than it does")
        return process

    def uint(self) -> int:
        """Most are short."""
        value = self.data[self.offset]
        if value >= 0x80:
            return super().uint()
        self.offset += 1
        return value

    def _of(self, kind: type) -> Any:
        value = self.value()
        if type(value) is not kind:
            raise self.damage(f"a {kind.__name__} is missing")
        return value

    def value(self) -> Value:
        tag = self.data[self.offset]
        self.offset += 1
        if tag >= _SMALL:
            return tag - _SMALL
        if tag >= _NEAR:
            return self.objects[tag - _NEAR]
        if tag < len(_FIXED):
            return _FIXED[tag]
        if tag >= _LIST:
            return self._shell(_SHELLS[tag - _LIST])
        if tag >= _TUPLE:
            return self._composite(tag)
        return _READ_ATOM[tag](self)

    def _number(self, value: _T) -> _T:
        if len(self.objects) >= MAX_OBJECTS:
            raise self.damage(f"more than {MAX_OBJECTS} objects")
        self.objects.append(value)
        return value

    def _shell(self, kind: Any) -> Value:
        value = SetValue({}) if kind is SetValue else kind.__new__(kind)
        self.todo.append(value)
        return self._number(value)

    def _composite(self, tag: int) -> Value:
        stack = [self._opened(tag)]
        while True:
            kind, count, parts = stack[-1]
            if len(parts) < count:
                tag = self.data[self.offset]
                if _TUPLE <= tag < _LIST:
                    self.offset += 1
                    stack.append(self._opened(tag))
                else:
                    parts.append(self.value())
                continue
            stack.pop()
            made = self._number(self._closed(kind, parts))
            if not stack:
                return made
            stack[-1][2].append(made)

    def _opened(self, tag: int) -> tuple[Any, int, list[Any]]:
        kind = _COMPOSITE[tag - _TUPLE]
        return kind, _LENGTHS[kind] if kind in _LENGTHS else self._count(), []

    def _closed(self, kind: Any, parts: list[Value]) -> Value:
        if kind is tuple:
            return tuple(parts)
        if kind is SetValue:
            return SetValue(self._keys(parts), True)
        if kind is ConstraintSpec and [type(part) for part in parts] != [str, tuple]:
            raise self.damage("no constraint")
        return kind(*parts)

    def _keys(self, keys: list[Value]) -> dict[Value, None]:
        for key in keys:
            self._check_key(key)
        table = dict.fromkeys(keys)
        if len(table) != len(keys):
            raise self.damage("a key stands twice")
        return table

    def _check_key(self, key: Value) -> None:
        """Python's own hash of nested tuples knows no bounds."""
        if type(key) not in _NESTED_KEYS:
            if type(key) in _NO_KEYS:
                raise self.damage("no key")
            return
        level: list[Value] = [key]
        for _ in range(MAX_DEPTH + 2):
            self.walked += len(level)
            if self.walked > MAX_OBJECTS:
                break
            if any(type(part) in _NO_KEYS or (type(part) is SetValue and not part.frozen) for part in level):
                raise self.damage("no key")
            level = [part for outer in level if type(outer) in _NESTED_KEYS for part in _PARTS[type(outer)](outer)]
            if not level:
                return
        raise self.damage("a key is too deep or too large")

    def _count(self) -> int:
        """Length of a sequence, each item of which takes at least a byte."""
        value = self.uint()
        if value > len(self.data) - self.offset:
            raise self.damage(f"{value} items are promised and {len(self.data) - self.offset} bytes are left")
        return value

    # --- atoms ---

    def _reference(self) -> Value:
        return self.objects[self.uint()]

    def _known(self) -> Value:
        return self.known[self.uint()]

    def _code(self) -> Code:
        index = self.uint()
        if index >= len(self.made.program.functions):
            raise self.damage(f"there is no function {index}")
        return self.made.codes[index]

    def _int(self) -> int:
        value = int.from_bytes(self.bytes_(), "little", signed=True)
        return value if -5 <= value < 257 else self._number(value)

    def _float(self) -> float:
        return self._number(float(_DOUBLE.unpack(self.take(8))[0]))

    def _str(self) -> str:
        return self._number(self.text())

    def _bytes(self) -> bytes:
        return self._number(self.bytes_())

    def _bytearray(self) -> bytearray:
        return self._number(bytearray(self.bytes_()))

    def _type(self) -> TypeValue:
        return self._number(TYPES[self.text()])

    def _native(self) -> Native:
        return self._number(natives()[self.text()])

    # --- contents of what can change ---

    def list_(self, shell: list[Value]) -> None:
        shell.extend([self.value() for _ in range(self._count())])

    def dict_(self, shell: dict[Value, Value]) -> None:
        count = self._count()
        for _ in range(count):
            key = self.value()
            if type(key) is not str:
                self._check_key(key)
            shell[key] = self.value()
        if len(shell) != count:
            raise self.damage("a key stands twice")

    def set_(self, shell: SetValue) -> None:
        shell.items = self._keys([self.value() for _ in range(self._count())])

    def module(self, shell: ModuleValue) -> None:
        name = self.value()
        shell.name, shell.attrs = name, dict(MODULES[name])
        shell.settable = frozenset(SETTABLE.get(name, ()))
        for attribute in sorted(shell.settable):
            shell.attrs[attribute] = self.value()

    def slotted(self, shell: Value) -> None:
        required = REQUIRED.get(type(shell), {})
        for name in FIELDS[type(shell)]:
            value = self.value()
            if name in required and type(value) not in required[name]:
                raise self.damage(f"a {type(shell).__name__} has a wrong {name}")
            setattr(shell, name, value)
        if type(shell) is FunctionValue:
            self._check_function(shell)

    def _check_function(self, function: FunctionValue) -> None:
        functions = self.made.program.functions
        if not 0 <= function.index < len(functions) or len(function.cells) != len(functions[function.index].captures):
            raise self.damage("a function does not fit its code")
        self._check_cells(function.cells)

    def _check_frame(self, frame: Frame) -> None:
        function = frame.code.function
        if (
            not 0 <= frame.pc < len(function.code)
            or len(frame.locals) != len(function.locals)
            or len(frame.stack) > function.max_stack
            or len(frame.cells) != len(function.cells) + len(function.captures)
        ):
            raise self.damage("a frame does not fit its code")
        self._check_cells(frame.cells)

    def _check_cells(self, cells: Any) -> None:
        if not all(type(cell) is Cell for cell in cells):
            raise self.damage("a cell is something else")


_NESTED_KEYS = frozenset({tuple, SetValue, ConstraintSpec})
_NO_KEYS = frozenset({list, dict, slice, bytearray})


_READ_ATOM: dict[int, Callable[[_StateReader], Any]] = {
    _REF: _StateReader._reference,
    _KNOWN: _StateReader._known,
    _CODE: _StateReader._code,
    _INT: _StateReader._int,
    _FLOAT: _StateReader._float,
    _STR: _StateReader._str,
    _BYTES: _StateReader._bytes,
    _TYPE: _StateReader._type,
    _NATIVE: _StateReader._native,
    _BYTEARRAY: _StateReader._bytearray,
}

_FILL: dict[type, tuple[Callable[[_StateWriter, Any], None], Callable[[_StateReader, Any], None]]] = {
    **dict.fromkeys(SLOTTED, (_StateWriter.slotted, _StateReader.slotted)),
    list: (_StateWriter.list_, _StateReader.list_),
    dict: (_StateWriter.dict_, _StateReader.dict_),
    SetValue: (_StateWriter.set_, _StateReader.set_),
    ModuleValue: (_StateWriter.module, _StateReader.module),
}
