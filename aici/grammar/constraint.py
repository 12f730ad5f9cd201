"""What a host asks of a constraint: which tokens are allowed, what state follows, whether the text may end.

Goes in: an automaton (a compiled regex, say) and a vocabulary. Comes out: a `Matcher`, shared by all sequences under
the same constraint: a sequence itself is only a state, a small number.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .automaton import Automaton
from .budget import Budget
from .mask import Masks
from .vocabulary import Vocabulary

DEAD = 0
"""The state that allows nothing."""

CACHE_BYTES = 16 << 20
"""Masks kept by a matcher, by default."""


class Matcher:
    """One constraint over one vocabulary. Any number of threads and sequences may use it at once.

    States are those of the automaton; `start` is the first one. A mask is uint32[n_words], bit i % 32 of word i // 32
    is token i; end-of-sequence tokens are in it where the text may end, and where no other token is allowed.
    """

    def __init__(self, automaton: Automaton, vocabulary: Vocabulary, cache_bytes: int = CACHE_BYTES) -> None:
        self.vocabulary = vocabulary
        self.automaton = automaton
        self.start = int(automaton.start)
        self.masks = Masks(automaton, vocabulary)
        self._masks: dict[int, NDArray[np.uint32]] = {}
        self._goes_on: dict[int, bool] = {}  # for the states that were asked for: whether some token leads on
        self._room = max(1, cache_bytes // max(1, 4 * vocabulary.n_words))
        self._lock = threading.Lock()
        self._classes: bytes = self.masks.classes.tobytes()

    def mask(self, state: int) -> NDArray[np.uint32]:
        """The tokens allowed in a state, uint32[n_words], read-only and shared. ValueError if it is no state."""
        known = self._masks.get(state)
        return known if known is not None else self._compute(state)

    def known(self, state: int) -> NDArray[np.uint32] | None:
        """The mask of a state if it need not be computed. (The host asks on every token.)"""
        return self._masks.get(state)

    @cached_property
    def budget(self) -> Budget:
        """How many tokens are needed, and which leave enough, to complete a text."""
        return Budget(self.automaton, self.vocabulary)

    def fill(self, state: int, out: NDArray[np.uint32]) -> None:
        """Write the mask of a state into `out`, uint32[n_words], C order. It is kept if it is asked for again: a lone
        sequence seldom comes back to a state."""
        known = self._masks.get(state)
        if known is not None:
            out[...] = known
        elif state in self._goes_on:
            out[...] = self._compute(state)
        else:
            self._goes_on[state] = self.masks.fill(state, out)

    def fill_batch(self, states: Sequence[int], out: NDArray[np.uint32]) -> None:
        """Write the mask of `states[i]` into `out[i]`; `out` is uint32[at least len(states), n_words]."""
        masks = self._masks
        for state, row in zip(states, out, strict=False):
            known = masks.get(state)
            row[...] = known if known is not None else self._compute(state)

    def _compute(self, state: int) -> NDArray[np.uint32]:
        mask = np.empty(self.vocabulary.n_words, np.uint32)
        self._goes_on[state] = self.masks.fill(state, mask)
        mask.setflags(write=False)
        with self._lock:
            while len(self._masks) >= self._room:
                del self._masks[next(iter(self._masks))]
            self._masks[state] = mask
        return mask

    def advance(self, state: int, token: int) -> int:
        """The state after a token's bytes; DEAD if it is not allowed there, has no bytes or is none."""
        if not 0 <= token < self.vocabulary.n_tokens:
            return DEAD
        text = self.vocabulary.token_bytes[token]
        return self.advance_bytes(state, text) if text else DEAD

    def advance_bytes(self, state: int, text: bytes) -> int:
        """The state after some bytes, however they are cut into tokens."""
        for byte in text:
            state = self.masks.table.item(state, self._classes[byte])
        return state

    def forced_bytes(self, state: int, limit: int = 1 << 16) -> bytes:
        """The text that must follow, at most `limit` bytes of it, up to where there is a choice or the text may end. It
        may end within a character."""
        return self.masks.forced_bytes(state, limit)

    def allows(self, state: int, token: int) -> bool:
        """Whether the mask of the state has the token."""
        return 0 <= token < self.vocabulary.n_logits and bool(self.mask(state)[token >> 5] >> (token & 31) & 1)

    def can_end(self, state: int) -> bool:
        """Whether the text is complete."""
        return bool(self.masks.accepting[state])

    def must_end(self, state: int) -> bool:
        """Whether no token leads on: only the end of the sequence is allowed."""
        if state not in self._goes_on:
            self.mask(state)
        return not self._goes_on[state]

    def is_final(self, state: int) -> bool:
        """Whether nothing can follow but the end, whatever the tokens: a look-up that needs no mask. (The host asks on
        every token.)"""
        return self.can_end(state) and not self.masks.table[state].any()

    def spellable(self, state: int) -> bool:
        """Whether tokens of this vocabulary lead from the state to a complete text."""
        return state != DEAD and self.masks.spellable(state)


def fill_batch(matchers: Sequence[Matcher], states: Sequence[int], out: NDArray[np.uint32]) -> None:
    """Write the mask of `states[i]` under `matchers[i]` into `out[i]`; `out` is uint32[B, n_words]."""
    for matcher, state, row in zip(matchers, states, out, strict=True):
        matcher.fill(state, row)
