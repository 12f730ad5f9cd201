"""Texts that are complete within so many tokens: how many a state needs, and which tokens leave enough.

Goes in: an automaton and a vocabulary. Comes out: a `Budget`, which a matcher holds. Most states are a few bytes away
from the end, which a walk over the automaton alone tells; exact numbers of tokens are worked out only where bytes say
that it may become tight, by walks over the trie and a search for shortest paths, and are kept.
"""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from . import budget_kernels as kernels
from .automaton import Automaton
from .budget_kernels import NEVER, OPEN, SETTLED, TOO_MUCH
from .vocabulary import Vocabulary

WORK = 1 << 26
"""Nodes of the trie that one constraint may cost in all, about 0.1 s. Past that, bounds from bytes have to do: texts
are still completed, but some that could be are not begun."""
_EDGES = 1 << 24
_MASKS = 64
"""Tight masks that are kept."""


class Tables:
    """The arrays of one automaton's first states, as the kernels take them."""

    def __init__(
        self, automaton: Automaton, vocabulary: Vocabulary, n_states: int, least: NDArray[np.uint32] | None = None
    ) -> None:
        """`least`: how far from the end the states are, if that is known."""
        self.automaton, self.vocabulary, self.n_states = automaton, vocabulary, n_states
        self.table: NDArray[np.uint32] = np.ascontiguousarray(automaton.table[:n_states], np.uint32)
        self.classes: NDArray[np.uint8] = np.ascontiguousarray(automaton.classes, np.uint8)
        self.accepting: NDArray[np.uint8] = np.ascontiguousarray(automaton.accepting[:n_states], np.uint8)
        self.n_classes = self.table.shape[1]
        self.walk = (vocabulary.nodes, len(vocabulary.nodes), self.table, self.classes, self.n_classes)
        self.path: NDArray[np.uint32] = np.empty(vocabulary.max_depth + 1, np.uint32)
        self.least: NDArray[np.uint32] = np.empty(n_states, np.uint32) if least is None else least
        """Tokens to an accepting state: exact, or a bound from above along a path whose states have bounds alike."""
        self.worst = 0 if least is not None else self._count_bytes()
        """The greatest number of bytes to an accepting state."""

    def _count_bytes(self) -> int:
        vocabulary, n_states = self.vocabulary, self.n_states
        usable = np.zeros(self.n_classes, np.uint8)
        usable[self.classes[vocabulary.single_bytes]] = 1
        edges = np.empty(np.count_nonzero(self.table) + 1, np.uint32)
        first = np.zeros(n_states + 1, np.uint32)
        return kernels.distances_in_bytes(
            *(usable, n_states, self.n_classes, self.table, self.accepting, first, edges),
            *(np.empty(n_states, np.uint32), self.least),
        )

    def within(self, state: int, left: int, out: NDArray[np.uint32]) -> int:
        """See `budget_kernels`; end-of-sequence tokens are in it where the text may end."""
        worst = kernels.within(*self.walk, self.path, self.least, state, left, out, len(out))
        if self.accepting[state]:
            for eos in self.vocabulary.eos_ids:
                out[eos >> 5] |= np.uint32(1 << (eos & 31))
        return worst


class Budget:
    """Of an automaton as a whole. Any number of threads may use it."""

    def __init__(self, automaton: Automaton, vocabulary: Vocabulary, work: int = WORK) -> None:
        self._automaton, self._vocabulary = automaton, vocabulary
        self._lock = threading.Lock()
        self._tables: Tables | None = None
        self._work = np.array([work], np.int64)
        self._any_byte = len(set(vocabulary.single_bytes.tolist())) == 256
        self._worst: dict[int, int] = {}  # of a state: how far from the end its tokens lead at most
        self._exact: set[int] = set()  # where that is exact
        self._masks: dict[tuple[int, int], NDArray[np.uint32]] = {}
        self.exact = True
        """Whether all that was asked for could be worked out."""

    def least(self, state: int) -> int | None:
        """The least number of tokens from a state to one where the text may end; None if no tokens lead there."""
        with self._lock:
            tables = self._settled(state)
            least = int(tables.least[state])
        return least if least < NEVER else None

    def fits(self, state: int, left: int) -> bool:
        """Whether a text can be completed with at most `left` tokens."""
        if self._any_byte and state and left >= len(self._automaton.accepting):
            return True
        with self._lock:
            return int(self._bounds().least[state]) <= left or int(self._settled(state).least[state]) <= left

    def loose(self, left: int) -> bool:
        """Whether, with `left` tokens to go, whatever token comes next leaves enough: then the plain mask will do."""
        if self._any_byte and left >= len(self._automaton.accepting):
            return True
        tables = self._tables
        if tables is None:
            with self._lock:
                tables = self._bounds()
        return left > tables.worst

    def ready(self, state: int, left: int) -> bool:
        """Whether `mask` has nothing to compute."""
        return self._worst.get(state, NEVER) < left or (state, left) in self._masks

    def mask(self, state: int, left: int) -> NDArray[np.uint32] | None:
        """The tokens, uint32[n_words], after which the text can still be completed within `left` tokens, themselves
        included, and the end of the sequence where the text may end; read-only. None: those of the plain mask."""
        if self._worst.get(state, NEVER) < left:
            return None
        known = self._masks.get((state, left))
        if known is not None:
            return known
        out: NDArray[np.uint32] = np.empty(self._vocabulary.n_words, np.uint32)
        with self._lock:
            worst = self._bounds().within(state, left - 1, out)
            if worst >= left and state not in self._exact:
                worst = self._settled(state, always=True).within(state, left - 1, out)
                self._exact.add(state)
            self._worst[state] = worst
            if worst < left:
                return None
            out.setflags(write=False)
            while len(self._masks) >= _MASKS:
                del self._masks[next(iter(self._masks))]
            self._masks[state, left] = out
        return out

    def extends(self, state: int, text: bytes) -> bool:
        """Whether a token begins with `text`, which is not empty, and goes on, all live from the state."""
        with self._lock:
            tables = self._bounds()
            data = np.frombuffer(text, np.uint8)
            return bool(kernels.extends(*tables.walk, tables.path, state, data, len(text)))

    def _bounds(self) -> Tables:
        """Bounds from bytes, at first."""
        if self._tables is None:
            self._tables = Tables(self._automaton, self._vocabulary, len(self._automaton.accepting))
            self._known: NDArray[np.uint8] = np.where(self._tables.least <= 1, np.uint8(SETTLED), np.uint8(OPEN))
        return self._tables

    def _settled(self, state: int, always: bool = False) -> Tables:
        """With the exact distance of the state, and `always` with those of all that its tokens lead to."""
        tables = self._bounds()
        if (always or self._known[state] != SETTLED) and self._work[0] > 0:
            stamps, members, first = (np.zeros(tables.n_states + 1, np.uint32) for _ in range(3))
            room = min(_EDGES, tables.n_states * tables.n_states + len(self._vocabulary.nodes))
            found = kernels.settle(
                *(*tables.walk, tables.path, tables.least, self._known, stamps, members, first),
                *(np.empty(room, np.uint32), room, self._work, state),
            )
            if found == TOO_MUCH:
                self.exact = False
                self._work[0] = 0
        return tables
