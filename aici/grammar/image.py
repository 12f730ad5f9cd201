"""Machine code that runs from wherever it lies: made of an object file once, mapped without a linker or compiler.

Goes in: an ELF object file whose functions call nothing outside it. Comes out of `link`: its sections laid out at fixed
distances, with every reference between them filled in (all are relative, so the whole may lie anywhere), and a table of
its functions. `load` maps that and gives their addresses. Only `jit` and `lowering` import this module.
Relocation types: System V ABI, AMD64 supplement, and ELF for the Arm 64-bit architecture.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import platform
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

_MAGIC = b"aicimage"
_PAGE = 4096
"""Of an address as Arm's instructions have it, whatever the size of the system's pages is."""
_ALLOCATED, _NO_BITS, _RELA = 0x2, 8, 4
_X86_64, _AARCH64 = 62, 183
_SYMBOL = struct.Struct("<IBBHQQ")
_RELOCATION = struct.Struct("<QQq")
_HEADER = struct.Struct("<IIQQQQIIQQ")
_IMAGE = struct.Struct("<8sII")  # magic, number of functions, bytes of their table; table and code follow
_ENTRY = struct.Struct("<QB")  # place in the code, bytes of the name; the name follows


class LinkError(Exception):
    """The object file holds something that an image cannot express."""


class _Section(NamedTuple):
    name: int
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    align: int
    entry_size: int


@dataclass
class _Object:
    data: bytes
    machine: int
    sections: list[_Section]

    def content(self, section: _Section) -> bytes:
        return bytes(section.size) if section.kind == _NO_BITS else self.data[section.offset :][: section.size]


def _parse(data: bytes) -> _Object:
    if data[:6] != b"\x7fELF\x02\x01":
        raise LinkError("not a little-endian 64-bit ELF file")
    machine = struct.unpack_from("<H", data, 18)[0]
    offset = struct.unpack_from("<Q", data, 40)[0]
    count = struct.unpack_from("<H", data, 60)[0]
    return _Object(data, machine, [_Section(*_HEADER.unpack_from(data, offset + i * 64)) for i in range(count)])


def link(data: bytes, names: list[str]) -> bytes:
    """An image with the functions `names` of an object file. Raises `LinkError`."""
    obj = _parse(data)
    places: dict[int, int] = {}
    code = bytearray()
    for i, section in enumerate(obj.sections):
        if section.flags & _ALLOCATED and section.size:
            code.extend(bytes(-len(code) % max(1, section.align)))
            places[i] = len(code)
            code.extend(obj.content(section))
    addresses: list[int | None] = []
    functions: dict[str, int] = {}
    for section in obj.sections:
        if section.kind != 2:  # the symbol table
            continue
        strings = obj.content(obj.sections[section.link])
        for name, _, _, home, value, _ in _SYMBOL.iter_unpack(obj.content(section)):
            address = places[home] + value if home in places else None
            addresses.append(address)
            if address is not None:
                functions[strings[name : strings.index(b"\0", name)].decode()] = address
    for section in obj.sections:
        if section.kind == _RELA and section.info in places:
            for offset, info, addend in _RELOCATION.iter_unpack(obj.content(section)):
                target = addresses[info >> 32]
                if target is None:
                    raise LinkError("a reference out of the object file")
                _relocate(obj.machine, code, places[section.info] + offset, info & 0xFFFFFFFF, target + addend)
    table = b"".join(_ENTRY.pack(functions[name], len(name)) + name.encode() for name in names)
    return _IMAGE.pack(_MAGIC, len(names), len(table)) + table + bytes(code)


def _relocate(machine: int, code: bytearray, place: int, kind: int, target: int) -> None:
    """Fill in one reference, at `place`, to `target`."""
    size = _DISTANCES.get((machine, kind))
    if size is not None:
        struct.pack_into(size, code, place, target - place)
        return
    if machine != _AARCH64 or kind not in _ARM_FIELDS:
        raise LinkError(f"relocation type {kind} of machine {machine}")
    (word,) = struct.unpack_from("<I", code, place)
    struct.pack_into("<I", code, place, word | _ARM_FIELDS[kind](target, place))


_DISTANCES = {
    (_X86_64, 2): "<i",  # PC32
    (_X86_64, 4): "<i",  # PLT32
    (_X86_64, 24): "<q",  # PC64
    (_AARCH64, 260): "<q",  # PREL64
    (_AARCH64, 261): "<i",  # PREL32
}


def _arm_page(target: int, place: int) -> int:
    """ADRP's immediate: how many pages of 4 KiB lie between, the same wherever the image is, since it begins a page."""
    pages = target // _PAGE - place // _PAGE
    return (pages & 3) << 29 | (pages >> 2 & 0x7FFFF) << 5


def _arm_low(scale: int) -> Callable[[int, int], int]:
    """The place inside its page, in units of 2 ** scale."""
    return lambda target, place: (target % _PAGE >> scale) << 10


def _arm_branch(target: int, place: int) -> int:
    return target - place >> 2 & 0x3FFFFFF


_ARM_FIELDS: dict[int, Callable[[int, int], int]] = {
    275: _arm_page,  # ADR_PREL_PG_HI21
    277: _arm_low(0),  # ADD_ABS_LO12_NC
    278: _arm_low(0),  # LDST8_ABS_LO12_NC
    282: _arm_branch,  # JUMP26
    283: _arm_branch,  # CALL26
    284: _arm_low(1),  # LDST16_ABS_LO12_NC
    285: _arm_low(2),
    286: _arm_low(3),
    299: _arm_low(4),
}


_MAPPED: list[mmap.mmap] = []
"""What was loaded; code stays for the life of the process."""
_FORBIDDEN = (
    "this system forbids the process to make machine code, which constraints need "
    "(under systemd: MemoryDenyWriteExecute=no; under SELinux: the permission execmem)"
)


def is_served() -> bool:
    """Whether images run on this system."""
    return sys.platform == "linux" and platform.machine() in ("x86_64", "aarch64") and sys.maxsize > 1 << 32


def load(data: bytes) -> dict[str, int] | None:
    """Addresses of the functions of an image that `link` made, or None if it is none or no image runs here. OSError if
    it cannot be mapped."""
    if not is_served() or data[:8] != _MAGIC:
        return None
    _, count, table_size = _IMAGE.unpack_from(data)
    base = _map(memoryview(data)[_IMAGE.size + table_size :])
    functions: dict[str, int] = {}
    place = _IMAGE.size
    for _ in range(count):
        offset, length = _ENTRY.unpack_from(data, place)
        place += _ENTRY.size + length
        functions[data[place - length : place].decode()] = base + offset
    return functions


def _map(code: memoryview) -> int:
    """Where the code lies now, which can be run and no longer be written. Pages may be of any size."""
    memory = mmap.mmap(-1, len(code), prot=mmap.PROT_READ | mmap.PROT_WRITE)
    memory.write(code)
    base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    if libc.mprotect(base, len(memory), mmap.PROT_READ | mmap.PROT_EXEC):
        raise OSError(ctypes.get_errno(), _FORBIDDEN)
    if platform.machine() == "aarch64":
        _clear_cache(base, len(memory))
    _MAPPED.append(memory)
    return base


def _clear_cache(base: int, size: int) -> None:
    """Have instructions fetched anew. Arm's processors may keep old ones; Linux sees to that when a page becomes
    executable, but promises it nowhere, so that GCC's function for it is called where it can be had."""
    for library in (None, "libgcc_s.so.1"):
        with contextlib.suppress(OSError, AttributeError):
            clear = ctypes.CDLL(library)["__clear_cache"]
            clear.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
            clear(base, base + size)
            return
