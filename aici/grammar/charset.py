"""Sets of Unicode scalar values, split at 128: a bit mask below, an inversion list above.

Most classes in patterns differ only in ASCII, where a mask makes every operation one machine instruction or a few;
above it they are nearly always "nothing", "everything" or one of a few large Unicode classes. Surrogates belong to no
set, since UTF-8 cannot spell them. Goes in: ranges. Comes out: an immutable `CharSet`. Only `aici.grammar` imports
this module.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np

HighSet = tuple[int, ...]
"""An inversion list: the sorted code points, from 0x80 up, at which membership changes; it has even length."""

ASCII_ALL = (1 << 128) - 1
HIGH_ALL: HighSet = (0x80, 0xD800, 0xE000, 0x110000)
HIGH_NONE: HighSet = ()


class CharSet:
    """A set of characters; equal sets are equal objects and hash alike."""

    __slots__ = ("_hash", "ascii", "high")

    def __init__(self, ascii_mask: int, high: HighSet) -> None:
        self.ascii = ascii_mask
        self.high = high
        self._hash = hash((ascii_mask, high))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CharSet):
            return NotImplemented
        return self.ascii == other.ascii and self.high == other.high

    def __hash__(self) -> int:
        return self._hash

    def __bool__(self) -> bool:
        return bool(self.ascii or self.high)

    def __or__(self, other: CharSet) -> CharSet:
        return CharSet(self.ascii | other.ascii, _union(self.high, other.high))

    def __and__(self, other: CharSet) -> CharSet:
        return ~(~self | ~other)

    def __invert__(self) -> CharSet:
        return CharSet(self.ascii ^ ASCII_ALL, _toggle(self.high, HIGH_ALL))

    def __contains__(self, code: int) -> bool:
        return bool(self.ascii >> code & 1 if code < 0x80 else bisect_right(self.high, code) & 1)

    def __repr__(self) -> str:
        return f"CharSet({', '.join(f'{lo:#x}-{hi:#x}' for lo, hi in self.ranges())})"

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Inclusive ranges in rising order; one that spans 128 comes as two."""
        mask = self.ascii
        low = 0
        while mask:
            skip = (mask & -mask).bit_length() - 1
            mask >>= skip
            low += skip
            length = (~mask & (mask + 1)).bit_length() - 1
            yield low, low + length - 1
            mask >>= length
            low += length
        for i in range(0, len(self.high), 2):
            yield self.high[i], self.high[i + 1] - 1


def from_ranges(ranges: Iterable[tuple[int, int]]) -> CharSet:
    """The set of the inclusive ranges, in any order, overlapping or not; surrogates are left out."""
    mask = 0
    high: list[tuple[int, int]] = []
    for lo, hi in ranges:
        if lo < 0x80:
            mask |= (2 << min(hi, 0x7F)) - (1 << lo)
        if hi >= 0x80:
            high.append((max(lo, 0x80), hi + 1))
    return CharSet(mask, _normalise(high))


def single(code: int) -> CharSet:
    """The set of one character."""
    if code < 0x80:
        return CharSet(1 << code, HIGH_NONE)
    return from_ranges(((code, code),))


def _normalise(ranges: list[tuple[int, int]]) -> HighSet:
    """Half-open ranges from 0x80 up, in any order → inversion list without surrogates."""
    out: list[int] = []
    for lo, hi in sorted(ranges):
        for a, b in ((lo, min(hi, 0xD800)), (max(lo, 0xE000), hi)):
            if a >= b:
                continue
            if out and a <= out[-1]:
                out[-1] = max(out[-1], b)
            else:
                out += (a, b)
    return tuple(out)


@lru_cache(maxsize=256)
def _toggle(a: HighSet, b: HighSet) -> HighSet:
    """Symmetric difference: an edge that both sets have is none."""
    return tuple(sorted(set(a) ^ set(b)))


@lru_cache(maxsize=256)
def _union(a: HighSet, b: HighSet) -> HighSet:
    if a == b or not b:
        return a
    if not a:
        return b
    edges = np.array(a + b, np.int64)
    turns = np.ones(len(edges), np.int64)
    turns[1 : len(a) : 2] = turns[len(a) + 1 :: 2] = -1  # where a range begins, one more holds what follows
    order = np.argsort(edges, kind="stable")
    edges, held = edges[order], np.cumsum(turns[order]) > 0
    last = np.append(edges[1:] != edges[:-1], True)
    edges, held = edges[last], held[last]
    result: HighSet = tuple(edges[np.append(held[:1], held[1:] != held[:-1])].tolist())
    return result


EMPTY = CharSet(0, HIGH_NONE)
ALL = CharSet(ASCII_ALL, HIGH_ALL)
