"""Matchers of automata that are built as they are used.

Goes in: a `LazyDfa` and a vocabulary. Comes out: what `constraint` makes of a `Dfa`. A mask costs a walk over the whole
trie here, once for each state.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .budget import LazyBudget
from .constraint import CACHE_BYTES, DEAD, Matcher
from .dfa import Dfa
from .lazy import LazyDfa
from .vocabulary import Vocabulary

_SPELLABLE_STATES = 2000
"""States looked at to find a complete text."""


def matcher_for(automaton: Dfa | LazyDfa, vocabulary: Vocabulary, cache_bytes: int = CACHE_BYTES) -> AnyMatcher:
    """The matcher of either kind of automaton."""
    if isinstance(automaton, LazyDfa):
        return LazyMatcher(automaton, vocabulary, cache_bytes)
    return Matcher(automaton, vocabulary, cache_bytes)


class LazyMatcher:
    """As `Matcher`. Whatever leads to new states raises RegexLimitError when the automaton's room is used up."""

    def __init__(self, automaton: LazyDfa, vocabulary: Vocabulary, cache_bytes: int = CACHE_BYTES) -> None:
        self.vocabulary = vocabulary
        self.automaton = automaton
        self.start = automaton.start
        self._masks: dict[int, NDArray[np.uint32]] = {}
        self._must_end: dict[int, bool] = {}
        self._room = max(1, cache_bytes // max(1, 4 * vocabulary.n_words))
        self._lock = threading.Lock()

    def mask(self, state: int) -> NDArray[np.uint32]:
        """The tokens allowed in a state, uint32[n_words], read-only and shared. ValueError if it is no state."""
        known = self._masks.get(state)
        return known if known is not None else self._compute(state)

    def known(self, state: int) -> NDArray[np.uint32] | None:
        """The mask of a state if it need not be computed."""
        return self._masks.get(state)

    @cached_property
    def budget(self) -> LazyBudget:
        """How many tokens are needed, and which leave enough, to complete a text."""
        return LazyBudget(self.automaton, self.vocabulary)

    def fill(self, state: int, out: NDArray[np.uint32]) -> None:
        """Write the mask of a state into `out`, uint32[n_words]."""
        out[:] = self.mask(state)

    def fill_batch(self, states: Sequence[int], out: NDArray[np.uint32]) -> None:
        """Write the mask of `states[i]` into `out[i]`; `out` is uint32[at least len(states), n_words]."""
        for state, row in zip(states, out, strict=False):
            row[...] = self.mask(state)

    def _compute(self, state: int) -> NDArray[np.uint32]:
        self._check(state)
        mask = np.zeros(self.vocabulary.n_words, np.uint32)
        found = state != DEAD and self.automaton.mask(state, self.vocabulary.nodes, self.vocabulary.max_depth, mask)
        if self.can_end(state) or not found:
            for eos in self.vocabulary.eos_ids:
                mask[eos >> 5] |= np.uint32(1 << (eos & 31))
        mask.flags.writeable = False
        with self._lock:
            while len(self._masks) >= self._room:
                del self._masks[next(iter(self._masks))]
            self._masks[state] = mask
            self._must_end[state] = not found
        return mask

    def _check(self, state: int) -> None:
        if not 0 <= state < self.automaton.n_states:
            raise ValueError(f"no state {state}")

    def advance(self, state: int, token: int) -> int:
        """The state after a token's bytes; DEAD if it is not allowed there, has no bytes or is none."""
        if not 0 <= token < self.vocabulary.n_tokens:
            return DEAD
        text = self.vocabulary.token_bytes[token]
        return self.advance_bytes(state, text) if text else DEAD

    def advance_bytes(self, state: int, text: bytes) -> int:
        """The state after some bytes, however they are cut into tokens."""
        self._check(state)
        return self.automaton.advance(state, text)

    def forced_bytes(self, state: int, limit: int = 1 << 16) -> bytes:
        """The text that must follow, at most `limit` bytes of it, up to where there is a choice or the text may end. It
        may end within a character."""
        out = bytearray()
        members = np.bincount(self.automaton.classes)
        while state != DEAD and not self.can_end(state) and len(out) < limit:
            row = self.automaton.table[self.advance_bytes(state, b"")]
            (live,) = np.nonzero(row)
            if len(live) != 1 or members[live[0]] != 1:
                break
            out.append(int(np.argmax(self.automaton.classes == live[0])))
            state = int(row[live[0]])
        return bytes(out)

    def allows(self, state: int, token: int) -> bool:
        """Whether the mask of the state has the token."""
        return 0 <= token < self.vocabulary.n_logits and bool(self.mask(state)[token >> 5] >> (token & 31) & 1)

    def can_end(self, state: int) -> bool:
        """Whether the text is complete."""
        return self.automaton.is_accepting(state)

    def must_end(self, state: int) -> bool:
        """Whether no token leads on: only the end of the sequence is allowed."""
        if state not in self._must_end:
            self.mask(state)
        return self._must_end[state]

    def is_final(self, state: int) -> bool:
        """Whether nothing can follow but the end, whatever the tokens."""
        return self.can_end(state) and not self.automaton.table[self.advance_bytes(state, b"")].any()

    def spellable(self, state: int) -> bool:
        """Whether tokens of this vocabulary lead from the state to a complete text, as far as a bounded search over the
        bytes that are tokens can tell: False only where it has seen all that can be spelled."""
        usable = [bytes([byte]) for byte in sorted(set(self.vocabulary.single_bytes.tolist()))]
        seen, todo = {state}, [state]
        while todo and len(seen) < _SPELLABLE_STATES:
            at = todo.pop()
            if at != DEAD and self.can_end(at):
                return True
            fresh = {self.automaton.advance(at, byte) for byte in usable} - seen
            seen |= fresh
            todo += sorted(fresh)
        return bool(todo) or self._longer_tokens(seen)

    def _longer_tokens(self, seen: set[int]) -> bool:
        """Whether some token of several bytes is allowed where single bytes lead: then one cannot tell."""
        return any(not self.must_end(state) for state in sorted(seen) if state != DEAD)


AnyMatcher = Matcher | LazyMatcher
