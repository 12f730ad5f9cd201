"""What a host asks of a constraint: which tokens are allowed, what state follows, whether the text may end.

Goes in: an automaton (a compiled regex, say) and a vocabulary. Comes out: a `Matcher`, shared by all sequences under
the same constraint: a sequence itself is only a state, a small number.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .advance import DEAD, Advancing, Way
from .automaton import Automaton
from .budget import Budget
from .mask import Masks
from .rows import KeptMasks
from .vocabulary import Vocabulary

__all__ = ["DEAD", "Matcher", "fill_batch"]


class Matcher(Advancing, KeptMasks):
    """One constraint over one vocabulary. Any number of threads and sequences may use it at once.

    States are those of the automaton; `start` is the first one. A mask is uint32[n_words], bit i % 32 of word i // 32
    is token i; end-of-sequence tokens are in it where the text may end, and where no other token is allowed.
    """

    def __init__(self, automaton: Automaton, vocabulary: Vocabulary) -> None:
        KeptMasks.__init__(self, vocabulary)
        self.vocabulary = vocabulary
        self.automaton = automaton
        self.start = int(automaton.start)
        self.masks = Masks(automaton, vocabulary)
        Advancing.__init__(self, Way(self.masks.table, self.masks.classes, vocabulary))

    def _write(self, state: int, row: NDArray[np.uint32]) -> bool:
        found = self.masks.quick(state, row)
        return found != 0 if found >= 0 else self.masks.fill(state, row)

    def fill(self, state: int, out: NDArray[np.uint32] | memoryview) -> None:
        """Write the mask of a state into `out`, uint32[n_words]. ValueError or TypeError if there is no such state or
        `out` is none."""
        if self.masks.quick(state, out) < 0:
            super().fill(state, out)

    def knows(self, state: int) -> bool:
        """Whether the mask of a state is kept. (The host asks on every token.)"""
        return self.masks.knows(state)

    def fill_batch(self, states: Sequence[int], out: NDArray[np.uint32]) -> None:
        """Write the mask of `states[i]` into `out[i]`; `out` is uint32[at least len(states), n_words], C order."""
        self._check_batch(len(states), out)
        self.masks.fill_batch(states, out)

    @cached_property
    def budget(self) -> Budget:
        """How many tokens are needed, and which leave enough, to complete a text."""
        return Budget(self.automaton, self.vocabulary)

    def forced_bytes(self, state: int, limit: int = 1 << 16) -> bytes:
        """The text that must follow, at most `limit` bytes of it, up to where there is a choice or the text may end. It
        may end within a character."""
        return self.masks.forced_bytes(state, limit)

    def can_end(self, state: int) -> bool:
        """Whether the text is complete."""
        return bool(self.masks.accepting[state])

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
