"""What many kernels need together, packed once; and how numbers and arrays are packed for native code.

Goes in: numpy arrays and integers. Comes out: words of 64 bits, which keep what they point to alive. `jit` has its use;
everybody in the room may import this module.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Sequence
from functools import cached_property
from mmap import mmap
from typing import Any, TypeAlias, TypeVar

import numpy as np

from .kinds import IntType, KernelError, PtrType

_R = TypeVar("_R", bound="Record")
_Memory: TypeAlias = bytearray | mmap


class Record:
    """Fields that are passed together, packed once. A subclass names them with their types; they are given by name.
    `slots` are the packed words, one a field, which may be written where only a number changes.

    class Text(Record):
        letters: Ptr[u8]
        n: i64
    """

    constant = False
    """Whether its words stay as they are, so that there may be copies of them."""
    _kinds: dict[str, Kind] | None = None
    slots: ctypes.Array[ctypes.c_uint64]
    address: int
    _carved: tuple[Sequence[Any], Sequence[int], list[int], _Memory]
    _arrays: Callable[[], dict[str, Any]]
    _known_shape: _Shape | None = None

    def __init__(self, **fields: Any) -> None:
        kinds = self.kinds()
        if list(fields) != list(kinds):
            raise KernelError(f"{type(self).__name__} has the fields {', '.join(kinds)}, in this order")
        self.fields = fields
        packed = [slot(value, kind, name) for (name, kind), value in zip(kinds.items(), fields.values(), strict=True)]
        self.slots = (ctypes.c_uint64 * len(packed))(*packed)
        self.address = ctypes.addressof(self.slots)

    @classmethod
    def carve(
        cls: type[_R], given: Sequence[Any], counts: Sequence[int], allocate: Callable[[int], _Memory] = bytearray
    ) -> _R:
        """A record whose first fields are `given`; each of the others points to so many zeros, all of them in one piece
        of memory: many small arrays at the price of one."""
        self = cls.__new__(cls)
        names, kinds, widths, array = cls._shape()
        packed = [slot(value, kinds[name], name) for name, value in zip(names, given, strict=False)]
        size, offsets = 0, []
        for width, count in zip(widths[len(given) :], counts, strict=True):
            offsets.append(size)
            size += width * count + 7 & -8
        memory = allocate(size + 8)
        base = address_of_bytes(memory)
        packed += [base + offset for offset in offsets]
        self.slots = array(*packed)
        self.address = ctypes.addressof(self.slots)
        self._carved = given, counts, offsets, memory
        return self

    @classmethod
    def at(cls: type[_R], words: Sequence[ctypes.c_uint64 | int], arrays: Callable[[], dict[str, Any]]) -> _R:
        """A record of numbers and addresses; `arrays` keeps their memory alive and tells what lies there."""
        self = cls.__new__(cls)
        self.slots = cls._shape()[3](*words)
        self.address = ctypes.addressof(self.slots)
        self._arrays = arrays
        return self

    @classmethod
    def _shape(cls) -> _Shape:
        """What `carve` needs of the fields: names, kinds, bytes of an item, the type of `slots`."""
        if cls._known_shape is None:
            kinds = cls.kinds()
            widths = [kind.item.dtype.itemsize if isinstance(kind, PtrType) else 0 for kind in kinds.values()]
            cls._known_shape = list(kinds), kinds, widths, ctypes.c_uint64 * len(kinds)
        return cls._known_shape

    @cached_property
    def fields(self) -> dict[str, Any]:
        """The fields by name; pointers are arrays."""
        if hasattr(self, "_arrays"):
            return dict(zip(self.kinds(), self.slots, strict=True)) | self._arrays()
        given, counts, offsets, memory = self._carved
        kinds = self.kinds()
        fields = dict(zip(kinds, given, strict=False))
        for name, count, offset in zip(list(kinds)[len(given) :], counts, offsets, strict=True):
            kind = kinds[name]
            assert isinstance(kind, PtrType)
            fields[name] = np.frombuffer(memory, kind.item.dtype, count, offset)
        return fields

    @classmethod
    def kinds(cls) -> dict[str, Kind]:
        """Types of the fields, in order."""
        if cls._kinds is None:
            scope = vars(sys.modules[cls.__module__])
            cls._kinds = {name: evaluate(text, scope) for name, text in cls.__annotations__.items()}
        return cls._kinds


Kind = IntType | PtrType | type[Record]
_Shape: TypeAlias = tuple[list[str], dict[str, Kind], list[int], type[ctypes.Array[ctypes.c_uint64]]]
_U64 = (1 << 64) - 1


def evaluate(annotation: Any, scope: dict[str, Any]) -> Any:
    return eval(annotation, scope) if isinstance(annotation, str) else annotation


def slot(value: Any, kind: Kind, name: str) -> int:
    """The 64 bits that stand for an argument or a field."""
    if isinstance(kind, PtrType):
        return address_of(value, kind.item, name)
    if isinstance(kind, IntType):
        return int(value) & _U64
    if type(value) is not kind:
        raise KernelError(f"{name} must be a {kind.__name__}")
    return int(value.address)


def address_of(array: Any, item: IntType, name: str = "argument") -> int:
    """Address of a contiguous array's first item, after checking that its items are of type `item`."""
    if not isinstance(array, np.ndarray) or array.dtype != item.dtype or not array.flags.c_contiguous:
        raise KernelError(f"{name} must be a contiguous array of {item}")
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(array))  # type: ignore[arg-type]
    except (TypeError, ValueError):  # read-only, or empty
        return int(array.__array_interface__["data"][0])


def address_of_bytes(memory: _Memory) -> int:
    """Of memory that does not move: it is not to be resized."""
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))
