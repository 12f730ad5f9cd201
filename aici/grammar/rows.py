"""Masks that were computed, kept to be asked for again.

Goes in: whatever can compute the mask of a state. Comes out: the same with a memory, which all constraints over one
vocabulary share (`kept.Kept`). `constraint` and `lazy_constraint` use it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

CACHE_BYTES = 4 << 20
"""Masks kept by a vocabulary, by default."""

_WORD = np.dtype(np.uint32)


class _Vocabulary(Protocol):
    n_words: int
    n_logits: int


class KeptMasks:
    """What `Matcher` and `LazyMatcher` share. Any number of threads may use it at once."""

    def __init__(self, vocabulary: _Vocabulary) -> None:
        self._n_words = vocabulary.n_words
        self._n_logits = vocabulary.n_logits

    def _write(self, state: int, row: NDArray[np.uint32]) -> bool:
        """Write the mask of a state, uint32[n_words], C order; whether it has tokens other than the end of the
        sequence. ValueError if there is no such state."""
        raise NotImplementedError

    def knows(self, state: int) -> bool:
        """Whether the mask of a state is kept. (The host asks on every token.)"""
        raise NotImplementedError

    def mask(self, state: int) -> NDArray[np.uint32]:
        """The tokens allowed in a state, uint32[n_words]. ValueError if it is no state."""
        row: NDArray[np.uint32] = np.empty(self._n_words, np.uint32)
        self._write(state, row)
        return row

    def fill(self, state: int, out: NDArray[np.uint32] | memoryview) -> None:
        """Write the mask of a state into `out`, uint32[n_words]. ValueError or TypeError if there is no such state or
        `out` is none."""
        if not isinstance(out, memoryview):
            out = out.data
            if out.ndim != 1:
                raise ValueError("a mask has one dimension")
        out[:] = self.mask(state).data

    def fill_batch(self, states: Sequence[int], out: NDArray[np.uint32]) -> None:
        """Write the mask of `states[i]` into `out[i]`; `out` is uint32[at least len(states), n_words], C order."""
        self._check_batch(len(states), out)
        for state, row in zip(states, out, strict=False):
            self._write(state, row)

    def _check_batch(self, n: int, out: NDArray[np.uint32]) -> None:
        shape, fits = out.shape, out.flags.carray and out.dtype == _WORD
        if not fits or len(shape) != 2 or shape[0] < n or shape[1] != self._n_words:
            raise ValueError(f"the masks of a batch are uint32[{n}, {self._n_words}]")

    def allows(self, state: int, token: int) -> bool:
        """Whether the mask of the state has the token."""
        return 0 <= token < self._n_logits and bool(self.mask(state)[token >> 5] >> (token & 31) & 1)

    def must_end(self, state: int) -> bool:
        """Whether no token leads on: only the end of the sequence is allowed."""
        return not self._write(state, np.empty(self._n_words, np.uint32))
