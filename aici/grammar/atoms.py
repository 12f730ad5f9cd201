"""Characters in some fifty groups, the *atoms*: what masks of whole character classes are put together from.

Classes in patterns (`\\w`, `[a-z]`, `[^"\\n]`, `.`) are mostly unions of atoms: every ASCII punctuation
and white-space character is one, so are a-f and g-z, and beyond ASCII the general categories. Where a class is none,
masks stay exact and only take longer. A token is read as *units*: characters, and at its end perhaps an incomplete one
(atom TAIL) or bytes that no text has there (atom INVALID: all the rest of the token).

Goes in: Python's Unicode tables. Comes out: `Atoms`, tables that kernels read, and `unit`. Only `vocabulary` and `mask`
import this module.
"""

from __future__ import annotations

import hashlib
import string
import unicodedata
from functools import cache as once
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from . import cache
from .jit import Ptr, Record, i32, i64, kernel, u8, u16, u64

N_ATOMS = 64
"""Room for atoms in masks of them; fewer are used."""
ALL = (1 << N_ATOMS) - 1
"""Of these masks the one with all."""

_PUNCTUATION = [c for c in string.punctuation if c != "_"] + ["_"]
_ASCII = [
    *("\x0b\x0c\x1c\x1d\x1e\x1f", "\t", "\n", "\r", " "),
    *_PUNCTUATION,
    *("0", "123456789", "abcdef", "ghijklmnopqrstuvwxyz", "ABCDEF", "GHIJKLMNOPQRSTUVWXYZ"),
]
"""ASCII atoms from 1 on, the rest of ASCII is atom 0. What `\\w` holds is together, which makes unions short."""

ASCII_ATOMS = {characters: 1 + i for i, characters in enumerate(_ASCII)}
"""By their characters."""

_CATEGORIES = ["Lu", "Ll", "Lo Lm Lt", "Nd", "No Nl", "Mn Mc Me", "P", "S", "Z", "C"]
_RANGES = [
    ("Lu", 0x80, 0x100),
    ("Ll", 0x80, 0x100),
    (None, 0x4E00, 0x9FA1),
    (None, 0x9FA1, 0x9FA6),
    (None, 0x9FA6, 0x9FB0),
    (None, 0x9FB0, 0xA000),
]
"""What patterns ask for on its own, all of a range or one category: Latin-1; Han characters, with their usual ends."""
FIRST_BEYOND = 1 + len(_ASCII)
TAIL = FIRST_BEYOND + len(_CATEGORIES) + len(_RANGES)
INVALID = TAIL + 1
SURROGATE = 255
"""In place of an atom for code points that UTF-8 does not spell."""

_CODE_POINTS = 0x110000


class Atoms(Record):
    """Which atom a character belongs to. Beyond ASCII in three steps of UTF-8: block of 4096, page of 64, character."""

    ascii: Ptr[u8]  # [128] atom of a character
    byte_start: Ptr[i32]  # [FIRST_BEYOND + 1] where an ASCII atom's characters lie in `bytes`
    bytes: Ptr[u8]  # [128]
    byte_sets: Ptr[u64]  # [FIRST_BEYOND, 2] the same as bits
    block_of: Ptr[u8]  # [272] distinct block of code points // 4096
    blocks: Ptr[u16]  # [n, 64] distinct page
    pages: Ptr[u8]  # [n, 64] atom
    n_blocks: i64
    n_pages: i64
    # The atoms that a distinct block or page holds, and where: bit i, byte 0x80 + i. Pages come after the blocks.
    part_start: Ptr[i32]  # [n_blocks + n_pages + 1]
    part_atom: Ptr[u8]
    part_bytes: Ptr[u64]
    above: Ptr[u64]  # [5] the atoms of characters that begin with F0 to F4


@once
def atoms() -> Atoms:
    """The tables, made once a process; what is beyond ASCII is cached by the version of Unicode."""
    ascii_atoms = np.zeros(128, np.uint8)
    for i, characters in enumerate(_ASCII):
        ascii_atoms[list(characters.encode())] = 1 + i
    order = np.argsort(ascii_atoms, kind="stable").astype(np.uint8)
    byte_sets = np.zeros((FIRST_BEYOND, 2), np.uint64)
    np.bitwise_or.at(
        byte_sets, (ascii_atoms, np.arange(128) // 64), np.uint64(1) << np.arange(128, dtype=np.uint64) % 64
    )
    starts = np.searchsorted(ascii_atoms[order], np.arange(FIRST_BEYOND + 1)).astype(np.int32)
    block_of, blocks, pages = _beyond_ascii()
    parts = [_parts(page[:, None]) for page in pages]
    parts = [_parts(pages[block]) for block in blocks] + parts
    whole = [sum(1 << atom for atom in parts[block]) for block in range(len(blocks))]
    above = np.zeros(5, np.uint64)
    np.bitwise_or.at(above, np.arange(16, 272) // 64, np.array(whole, np.uint64)[block_of[16:]])
    return Atoms(
        ascii=ascii_atoms,
        byte_start=starts,
        bytes=order,
        byte_sets=byte_sets,
        block_of=block_of,
        blocks=blocks,
        pages=pages,
        n_blocks=len(blocks),
        n_pages=len(pages),
        part_start=np.cumsum([0, *map(len, parts)]).astype(np.int32),
        part_atom=np.array([atom for part in parts for atom in part], np.uint8),
        part_bytes=np.array([where for part in parts for where in part.values()], np.uint64),
        above=above,
    )


def _parts(rows: NDArray[np.uint8]) -> dict[int, int]:
    """Which of 64 rows hold an atom, for every atom in them."""
    found: dict[int, int] = {}
    for i, row in enumerate(rows):
        for atom in set(row.tolist()) - {SURROGATE}:
            found[atom] = found.get(atom, 0) | 1 << i
    return dict(sorted(found.items()))


def definition() -> str:
    """A name that changes with what the atoms are; part of the name of any file that depends on them."""
    told = repr((_ASCII, _CATEGORIES, _RANGES)).encode()
    return f"{hashlib.blake2b(told, digest_size=8).hexdigest()}-{unicodedata.unidata_version}"


_Tables = tuple[NDArray[np.uint8], NDArray[np.uint16], NDArray[np.uint8]]


def _beyond_ascii() -> _Tables:
    """`block_of`, `blocks` and `pages`, from the cache if they are there."""
    name = f"atoms-{definition()}"
    stored = cache.load(name)
    if stored is not None:
        n_blocks = stored[0] + 1
        parts = np.split(np.frombuffer(stored, np.uint8)[1:], [272, 272 + 128 * n_blocks])
        return parts[0], parts[1].copy().view(np.uint16).reshape(-1, 64), parts[2].reshape(-1, 64)
    page_of, pages = _distinct(_of_code_points().reshape(-1, 64))
    block_of, blocks = _distinct(page_of.astype(np.uint16).reshape(-1, 64))
    tables = block_of.astype(np.uint8), blocks, pages
    cache.store(name, bytes([len(blocks) - 1]) + b"".join(part.tobytes() for part in tables))
    return tables


def _of_code_points() -> NDArray[np.uint8]:
    """uint8[0x110000]: the atom of every code point from 128 on."""
    first = FIRST_BEYOND + len(_RANGES)
    of_category: dict[str, int] = {}
    for i, told in enumerate(_CATEGORIES):
        of_category |= dict.fromkeys(told.split(), first + i)
    characters = list(map(chr, range(_CODE_POINTS)))
    categories = map(unicodedata.category, characters)
    found = np.array([of_category.get(c) or of_category[c[0]] for c in categories], np.uint8)
    found[[i for i, c in enumerate(characters) if c.isspace()]] = of_category["Z"]
    for i, (category, low, high) in enumerate(_RANGES):
        part = found[low:high]
        part[slice(None) if category is None else part == of_category[category]] = FIRST_BEYOND + i
    found[0xD800:0xE000] = SURROGATE
    return found


_Item = TypeVar("_Item", np.uint8, np.uint16)


def _distinct(rows: NDArray[_Item]) -> tuple[NDArray[np.int64], NDArray[_Item]]:
    """The number of every row among the distinct ones, in order of appearance, and those."""
    number: dict[bytes, int] = {}
    numbers = np.array([number.setdefault(row.tobytes(), len(number)) for row in rows])
    return numbers, rows[np.unique(numbers, return_index=True)[1]]


@kernel
def unit(atoms: Atoms, text: Ptr[u8], n: i64) -> i64:
    """The first unit of the `n` > 0 bytes `text`: its atom + 256 * its length."""
    lead = text[0]
    if lead < 0x80:
        return atoms.ascii[lead] + 256
    if lead < 0xC2 or lead > 0xF4:
        return INVALID + 256 * n
    if lead < 0xE0:
        if n < 2:
            return TAIL + 256 * n
        if (text[1] >> 6) != 2:
            return INVALID + 256 * n
        return page_atom(atoms, lead & 0x1F, text[1]) + 512
    if n < 2:
        return TAIL + 256 * n
    second = text[1]
    low = 0xA0 if lead == 0xE0 else 0x90 if lead == 0xF0 else 0x80
    high = 0x9F if lead == 0xED else 0x8F if lead == 0xF4 else 0xBF
    if second < low or second > high:
        return INVALID + 256 * n
    if n < 3:
        return TAIL + 256 * n
    if (text[2] >> 6) != 2:
        return INVALID + 256 * n
    if lead < 0xF0:
        return page_atom(atoms, (lead & 0x0F) << 6 | (second & 0x3F), text[2]) + 768
    if n < 4:
        return TAIL + 256 * n
    if (text[3] >> 6) != 2:
        return INVALID + 256 * n
    return page_atom(atoms, (lead & 0x07) << 12 | (second & 0x3F) << 6 | (text[2] & 0x3F), text[3]) + 1024


@kernel
def page_atom(atoms: Atoms, page: i64, last: i64) -> i64:
    """The atom of the character with these upper bits and this last byte."""
    distinct = atoms.blocks[atoms.block_of[page >> 6] * 64 + (page & 63)]
    return atoms.pages[distinct * 64 + (last & 63)]
