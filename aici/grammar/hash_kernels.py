"""Hash tables for the kernels of automata: open addressing over slots that hold an index + 1, 0 where they are free."""

from __future__ import annotations

from .jit import Ptr, i64, kernel, u32, u64

MIX = 0x9E3779B97F4A7C15
"""Odd, with no pattern in its bits: the golden ratio, as D. Knuth proposes for multiplicative hashing."""

NO_ROOM = -1
"""What a kernel returns where its memory is too small; nothing is written beyond."""
FIRST_SLOTS = 256
"""Slots that a table that grows starts with."""


@kernel
def mix(hashed: u64, word: u64) -> u64:
    """A step of a multiplicative hash."""
    product = u64((hashed ^ word) * MIX)
    return product ^ (product >> 32)


@kernel
def rehash(hashes: Ptr[u64], n: i64, slots: Ptr[u32], mask: i64) -> None:
    """Fill a larger table with n distinct keys."""
    for i in range(mask + 1):
        slots[i] = 0
    for s in range(n):
        slot = i64(hashes[s] >> 1) & mask
        while slots[slot] != 0:
            slot = (slot + 1) & mask
        slots[slot] = u32(s + 1)


@kernel
def intern_row(rows: Ptr[u32], width: i64, n: i64, hashed: u64, hashes: Ptr[u64], slots: Ptr[u32], mask: i64) -> i64:
    """The number of the row that stands at place n: that of an equal one before it, or n, under which it is added."""
    slot = i64(hashed >> 1) & mask
    while slots[slot] != 0:
        r = slots[slot] - 1
        if hashes[r] == hashed:
            k = 0
            while k < width and rows[r * width + k] == rows[n * width + k]:
                k += 1
            if k == width:
                return r
        slot = (slot + 1) & mask
    slots[slot] = u32(n + 1)
    hashes[n] = hashed
    return n
