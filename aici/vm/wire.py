"""The primitives of the bytecode format: variable-length integers, strings, constants.

Goes in: Python values, or bytes from anywhere. Comes out: bytes, or values; a `Damage` for bytes that hold none. Only
`encode` imports this module. Everything is little-endian; integers are LEB128, signed ones zigzagged first.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import TypeVar

from .program import Const

MAX_ITEMS = 1 << 20
"""Things (instructions, constants, names, ...) in one file: bounds what decoding allocates, whatever counts claim."""
MAX_NESTING = 8
"""Depth of a tuple constant."""
MAX_VARINT_BITS = 64

_NONE, _FALSE, _TRUE, _INT, _NEGATIVE, _FLOAT, _STR, _BYTES, _TUPLE = range(9)

_T = TypeVar("_T")


class Damage(Exception):
    """These bytes are not what the writer writes; says what and, in bytes, where."""

    def __init__(self, what: str, offset: int) -> None:
        super().__init__(f"{what} (byte {offset} of the contents)")


class Writer:
    """Appends to `data`."""

    def __init__(self) -> None:
        self.data = bytearray()

    def uint(self, value: int) -> None:
        while value > 0x7F:
            self.data.append(value & 0x7F | 0x80)
            value >>= 7
        self.data.append(value)

    def sint(self, value: int) -> None:
        self.uint(value * 2 if value >= 0 else -value * 2 - 1)

    def bytes_(self, value: bytes) -> None:
        self.uint(len(value))
        self.data += value

    def text(self, value: str) -> None:
        """Lone surrogates, which a literal may hold, pass."""
        self.bytes_(value.encode("utf-8", "surrogatepass"))

    def sequence(self, items: Sequence[_T], write: Callable[[_T], None]) -> None:
        self.uint(len(items))
        for item in items:
            write(item)

    def const(self, value: Const) -> None:
        if value is None or value is False or value is True:
            self.data.append({None: _NONE, False: _FALSE, True: _TRUE}[value])
        elif isinstance(value, int):
            self.data.append(_INT if value >= 0 else _NEGATIVE)
            self.bytes_(abs(value).to_bytes((value.bit_length() + 7) // 8, "little"))
        elif isinstance(value, float):
            self.data.append(_FLOAT)
            self.data += struct.pack("<d", value)
        elif isinstance(value, str):
            self.data.append(_STR)
            self.text(value)
        elif isinstance(value, bytes):
            self.data.append(_BYTES)
            self.bytes_(value)
        else:
            self.data.append(_TUPLE)
            self.sequence(value, self.const)


class Reader:
    """Takes from `data` what a `Writer` put there, or raises `Damage`. Work and memory are bounded by the length of
    `data` and by `MAX_ITEMS`."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.offset = 0
        self.items = 0

    def damage(self, what: str) -> Damage:
        return Damage(what, self.offset)

    def byte(self) -> int:
        if self.offset >= len(self.data):
            raise self.damage("the contents end early")
        value = self.data[self.offset]
        self.offset += 1
        return value

    def uint(self) -> int:
        offset = self.offset
        if offset >= len(self.data):
            raise self.damage("the contents end early")
        value = self.data[offset]
        self.offset = offset + 1
        if value < 0x80:
            return value
        value &= 0x7F
        for shift in range(7, MAX_VARINT_BITS, 7):
            more = self.byte()
            value |= (more & 0x7F) << shift
            if more < 0x80:
                if more == 0:
                    raise self.damage("a number has needless digits")
                return value
        raise self.damage("a number is too long")

    def sint(self) -> int:
        value = self.uint()
        return (value >> 1) ^ -(value & 1)

    def flag(self) -> bool:
        value = self.byte()
        if value > 1:
            raise self.damage(f"{value} is neither yes nor no")
        return value == 1

    def take(self, length: int) -> bytes:
        if length > len(self.data) - self.offset:
            raise self.damage(f"{length} bytes are promised and {len(self.data) - self.offset} are left")
        self.offset += length
        return self.data[self.offset - length : self.offset]

    def bytes_(self) -> bytes:
        return self.take(self.uint())

    def text(self) -> str:
        data = self.bytes_()
        try:
            return data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            raise self.damage("a text is not UTF-8") from None

    def count(self) -> int:
        """Length of a sequence, each item of which takes at least a byte."""
        value = self.uint()
        if value > len(self.data) - self.offset:
            raise self.damage(f"{value} items are promised and {len(self.data) - self.offset} bytes are left")
        self.items += value
        if self.items > MAX_ITEMS:
            raise self.damage(f"more than {MAX_ITEMS} items")
        return value

    def sequence(self, read: Callable[[], _T]) -> tuple[_T, ...]:
        return tuple([read() for _ in range(self.count())])

    def const(self, depth: int = 0) -> Const:
        tag = self.byte()
        if tag in (_INT, _NEGATIVE):
            digits = self.bytes_()
            if digits[-1:] == b"\0" or (tag == _NEGATIVE and not digits):
                raise self.damage("an integer has needless digits")
            value = int.from_bytes(digits, "little")
            return value if tag == _INT else -value
        if tag == _FLOAT:
            return float(struct.unpack("<d", self.take(8))[0])
        if tag == _STR:
            return self.text()
        if tag == _BYTES:
            return self.bytes_()
        if tag == _TUPLE:
            if depth >= MAX_NESTING:
                raise self.damage(f"a constant is nested more than {MAX_NESTING} deep")
            return self.sequence(lambda: self.const(depth + 1))
        if tag in (_NONE, _FALSE, _TRUE):
            return {_NONE: None, _FALSE: False, _TRUE: True}[tag]
        raise self.damage(f"{tag} is no kind of constant")
