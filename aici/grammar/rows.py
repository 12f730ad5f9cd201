"""Masks that were computed, kept to be asked for again.

Goes in: whatever can compute the mask of a state. Comes out: the same with a memory, which all constraints over one
vocabulary share (`Shelf`). What is asked for again is one copy of 4 * n_words bytes. `constraint` and `lazy_constraint`
use it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from sys import getrefcount
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .jit import Ptr, i64, kernel, u32

CACHE_BYTES = 1 << 20
"""Masks kept by a vocabulary, by default."""

_BASE = np.zeros(1, np.uint32)
_BASE_ADDRESS = int(_BASE.__array_interface__["data"][0])
_FEW = 8
"""So many rows are copied one by one."""
_WORD = np.dtype(np.uint32)


class Row:
    """Room for a mask."""

    __slots__ = ("_references", "address", "array", "place", "shown", "view")

    def __init__(self, n_words: int) -> None:
        self.array: NDArray[np.uint32] = np.empty(n_words, np.uint32)
        self.address = int(self.array.__array_interface__["data"][0])
        self.place = (self.address - _BASE_ADDRESS) // 4
        """Words from `_BASE`."""
        self.shown: NDArray[np.uint32] = self.array.view()
        self.shown.setflags(write=False)
        self.view = memoryview(self.shown)
        self._references = getrefcount(self.array), getrefcount(self.shown)

    def is_shown(self) -> bool:
        """Whether somebody has the mask, or part of it."""
        return (getrefcount(self.array), getrefcount(self.shown)) != self._references


def _references(rows: dict[int, Row], state: int) -> int:
    """What CPython counts of references to a row that is in `rows` only, and in one variable."""
    row = rows.pop(state)
    return getrefcount(row)


_ALONE = _references({0: Row(1)}, 0)


class Shelf:
    """The rows of all constraints over a vocabulary, the oldest of which makes room for the newest."""

    def __init__(self, max_bytes: int, n_words: int) -> None:
        self._room = max(1, max_bytes // max(1, 4 * n_words))
        self._n_words = n_words
        self._rows: deque[tuple[dict[int, Row], int]] = deque()
        self._lock = threading.Lock()

    def take(self) -> Row:
        """A row to write to: the oldest one if nobody else has it, since memory that was in use before is quicker."""
        with self._lock:
            if len(self._rows) >= self._room:
                rows, state = self._rows.popleft()
                row = rows.pop(state, None)
                if row is not None and getrefcount(row) == _ALONE and not row.is_shown():
                    return row
        return Row(self._n_words)

    def keep(self, rows: dict[int, Row], state: int, row: Row, room: int) -> None:
        """Enter a row into `rows`, which has at most `room` of them."""
        with self._lock:
            while len(rows) >= room:
                del rows[next(iter(rows))]
            rows[state] = row
            self._rows.append((rows, state))
            if len(self._rows) > self._room:
                rows, state = self._rows.popleft()
                rows.pop(state, None)


class _Vocabulary(Protocol):
    n_words: int
    n_logits: int
    shelf: Shelf


class KeptMasks:
    """What `Matcher` and `LazyMatcher` share. Any number of threads may use it at once."""

    def __init__(self, vocabulary: _Vocabulary, cache_bytes: int | None) -> None:
        self._shelf = vocabulary.shelf
        self._n_words = vocabulary.n_words
        self._n_logits = vocabulary.n_logits
        self._masks: dict[int, Row] = {}
        self._goes_on: dict[int, bool] = {}  # for the states that were asked for: whether some token leads on
        self._room = 1 << 60 if cache_bytes is None else max(1, cache_bytes // max(1, 4 * vocabulary.n_words))

    def _find(self, state: int, row: Row) -> bool:
        """Write the mask of a state; whether it has tokens other than the end of the sequence."""
        raise NotImplementedError

    def _compute(self, state: int) -> Row:
        row = self._shelf.take()
        self._goes_on[state] = self._find(state, row)
        self._shelf.keep(self._masks, state, row, self._room)
        return row

    def mask(self, state: int) -> NDArray[np.uint32]:
        """The tokens allowed in a state, uint32[n_words], read-only and shared. ValueError if it is no state."""
        row = self._masks.get(state) or self._compute(state)
        return row.shown

    def known(self, state: int) -> NDArray[np.uint32] | None:
        """The mask of a state if it need not be computed. (The host asks on every token.)"""
        return row.shown if (row := self._masks.get(state)) else None

    def fill(self, state: int, out: NDArray[np.uint32] | memoryview) -> None:
        """Write the mask of a state into `out`, uint32[n_words]; an array's `data` is quicker to write to than the
        array. ValueError or TypeError if there is no such state or `out` is none."""
        row = self._masks.get(state) or self._compute(state)
        if not isinstance(out, memoryview):
            out = out.data
            if out.ndim != 1:
                raise ValueError("a mask has one dimension")
        out[:] = row.view

    def fill_batch(self, states: Sequence[int], out: NDArray[np.uint32]) -> None:
        """Write the mask of `states[i]` into `out[i]`; `out` is uint32[at least len(states), n_words], C order. What is
        known already is copied in one native call."""
        shape, fits = out.shape, out.flags.carray and out.dtype == _WORD
        if not fits or len(shape) != 2 or shape[0] < len(states) or shape[1] != self._n_words:
            raise ValueError(f"the masks of a batch are uint32[{len(states)}, {self._n_words}]")
        rows = [self._masks.get(state) or self._compute(state) for state in states]
        if len(rows) < _FEW:
            for row, mask in zip(rows, out, strict=False):
                mask.data[:] = row.view
        else:
            places = np.array([row.place for row in rows], np.int64)
            copy_rows(_BASE, places, len(rows), self._n_words, out)

    def allows(self, state: int, token: int) -> bool:
        """Whether the mask of the state has the token."""
        return 0 <= token < self._n_logits and bool(self.mask(state)[token >> 5] >> (token & 31) & 1)

    def must_end(self, state: int) -> bool:
        """Whether no token leads on: only the end of the sequence is allowed."""
        if state not in self._goes_on:
            self.mask(state)
        return not self._goes_on[state]


@kernel
def copy_rows(base: Ptr[u32], places: Ptr[i64], n: i64, n_words: i64, out: Ptr[u32]) -> None:
    """Copy the rows of `n_words` words that begin `places[i]` words from `base`, one after the other, to `out`."""
    for i in range(n):
        row = base[places[i] :]
        to = out[i * n_words :]
        for w in range(n_words):
            to[w] = row[w]
