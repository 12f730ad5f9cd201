"""As `budget`, for automata that are built as they are used.

Goes in: a `LazyDfa` or a `LazyCombination`, and a vocabulary. Comes out: a `LazyBudget`. How many bytes a state of a
`LazyDfa` is away from the end is read off the positions of the pattern, without building states; combinations have
none, and are searched as far as a bounded search goes. Where no way to the end is known, nothing is forbidden.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import budget_kernels as kernels
from .budget import Budget, Tables
from .budget_kernels import NEVER
from .lazy import LazyDfa
from .lazy_algebra import LazyCombination
from .vocabulary import Vocabulary

_WINDOW = 64
"""Tokens before the limit from which on the end is looked for,"""
_FAR = 256
"""and more, up to so many, where the pattern's end is farther away in bytes."""
_EXPLORED = 400
"""States around the current one in which the end of a combination is looked for."""
_KNOWN = 1024
"""States whose distance is kept."""
_BEYOND = 4
"""Bytes of a character beyond ASCII, at most."""


class LazyBudget:
    """See the module. Any number of threads may use it."""

    exact = False

    def __init__(self, automaton: LazyDfa | LazyCombination, vocabulary: Vocabulary) -> None:
        self._automaton, self._vocabulary = automaton, vocabulary
        self._lock = threading.Lock()
        self._known: dict[int, int] = {}

    def least(self, state: int) -> int | None:
        """A number of tokens from the state to one where the text may end, perhaps not the least; None if none was
        found."""
        found = self._known.get(state)
        if found is None:
            with self._lock:
                found = int(self._tables(state).least[state])
                if len(self._known) < _KNOWN:
                    self._known[state] = found
        return found if found < NEVER else None

    def fits(self, state: int, left: int) -> bool:
        """Whether a text can be completed with at most `left` tokens; True if that is not known."""
        found = self.least(state)
        return found is None or found <= left

    def loose(self, left: int) -> bool:
        """Whether the end is far enough not to be looked for."""
        return left > _WINDOW and left > self._window

    @cached_property
    def _window(self) -> int:
        if not isinstance(self._automaton, LazyDfa):
            return _WINDOW
        far = self._distances[self._distances < NEVER]
        return min(_FAR, int(far.max(initial=0)) + 1)

    def ready(self, state: int, left: int) -> bool:
        """Masks near the end are computed each time."""
        return False

    def mask(self, state: int, left: int) -> NDArray[np.uint32] | None:
        """As `Budget.mask`; raises RegexLimitError when the automaton's room is used up."""
        out: NDArray[np.uint32] = np.zeros(self._vocabulary.n_words, np.uint32)
        with self._lock:
            self._walk(state, out)
            worst = self._tables(state).within(state, left - 1, out)
        out.setflags(write=False)
        return out if worst >= left and out.any() else None

    def extends(self, state: int, text: bytes) -> bool:
        """Whether a token begins with `text`, which is not empty, and goes on, all live from the state."""
        automaton, vocabulary = self._automaton, self._vocabulary
        with self._lock:
            self._walk(state, np.zeros(vocabulary.n_words, np.uint32))
            data, path = np.frombuffer(text, np.uint8), np.empty(vocabulary.max_depth + 1, np.uint32)
            walk = vocabulary.nodes, len(vocabulary.nodes), automaton.table, automaton.classes, automaton.n_classes
            return bool(kernels.extends(*walk, path, state, data, len(text)))

    def _walk(self, state: int, out: NDArray[np.uint32]) -> None:
        """Fill the rows that a walk over the trie looks at."""
        self._automaton.mask(state, self._vocabulary.nodes, self._vocabulary.max_depth, out)

    def _tables(self, state: int) -> Tables:
        """Distances of the states that are known, `state` among them."""
        automaton = self._automaton
        if not isinstance(automaton, LazyDfa):
            return self._explored(automaton, state)
        with automaton.lock:
            n = automaton.n_states
            least = np.empty(n, np.uint32)
            beyond = _BEYOND if self._any_byte else NEVER
            kernels.distances_of_states(automaton.growth, self._distances, n, beyond, least)
        return Tables(automaton, self._vocabulary, n, least)

    @cached_property
    def _any_byte(self) -> bool:
        return len(set(self._vocabulary.single_bytes.tolist())) == 256

    @cached_property
    def _distances(self) -> NDArray[np.uint32]:
        """uint32[positions]: bytes from before a position to where the text may end, at most."""
        assert isinstance(self._automaton, LazyDfa)
        packed = self._automaton.packed
        arrays = packed.arrays()
        weights = np.full(packed.atoms, NEVER, np.uint32)
        if self._any_byte:
            weights[arrays["high_atoms"][: len(packed.high.signatures)]] = _BEYOND
        letters = arrays["letters"][np.unique(self._vocabulary.single_bytes[self._vocabulary.single_bytes < 128])]
        weights[letters[letters > 0] - 1] = 1
        distances = np.full(64 * packed.words, NEVER, np.uint32)
        rules = np.empty(len(arrays["target_start"]), np.uint32)
        kernels.distances_of_positions(
            self._automaton.growth.fields["positions"], weights, rules, len(rules) - 1, distances
        )
        return distances

    def _explored(self, automaton: LazyCombination, state: int) -> Tables:
        """Distances over what is known of the automaton once the states near this one are: those that ASCII leads to,
        else those that one letter again and again leads to (counts), else all."""
        ascii_: list[int] = sorted(set(automaton.classes[:128].tolist()))
        searches: tuple[Callable[[], None], ...] = (
            lambda: self._look_around(state, ascii_),
            lambda: self._go_straight(state, ascii_),
            lambda: self._look_around(state, list(range(automaton.n_classes))),
        )
        for search in searches:
            with automaton.lock:  # no row may come to lead beyond the states that are counted
                search()
                tables = Tables(automaton, self._vocabulary, automaton.n_states)
            if tables.least[state] < NEVER:
                break
        return tables

    def _row(self, state: int, classes: list[int]) -> list[int]:
        """Where the classes lead from a state, which is filled."""
        self._automaton.advance(state, b"")
        row: list[int] = self._automaton.table[state, classes].tolist()
        return row

    def _look_around(self, state: int, classes: list[int]) -> None:
        seen, todo = {state}, [state]
        for at in todo:
            if len(seen) > _EXPLORED:
                break
            fresh = sorted(set(self._row(at, classes)) - seen - {0})
            seen.update(fresh)
            todo += fresh

    def _go_straight(self, state: int, classes: list[int]) -> None:
        left = 2 * _EXPLORED
        for place in range(len(classes)):
            at, before = state, 0
            while left and at not in (0, before):
                at, before = self._row(at, classes)[place], at
                left -= 1


AnyBudget: TypeAlias = Budget | LazyBudget
