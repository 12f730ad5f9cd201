"""As `budget`, for combinations that are built as they are used.

Goes in: a `LazyCombination` and a vocabulary. Comes out: a `CombinationBudget`. A combination has no positions whose
distances would add up to those of its states, but it has searched ways to the end, in bytes, to know what is live. They
bound the tokens from above. Where single bytes are not all tokens, the end is searched as far as a bounded search goes;
if no way to it is found, nothing is forbidden.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .budget import Tables
from .budget_kernels import NEVER
from .lazy_algebra import LazyCombination
from .vocabulary import Vocabulary

_WINDOW = 64
"""Tokens before the limit from which on the end is looked for,"""
_FAR = 256
"""and more, up to so many, where it has been farther away."""
_EXPLORED = 400
"""States around the current one in which it is looked for."""
_KNOWN = 1024
"""States whose distance is kept."""


class CombinationBudget:
    """See the module. Any number of threads may use it."""

    exact = False

    def __init__(self, automaton: LazyCombination, vocabulary: Vocabulary) -> None:
        self._automaton, self._vocabulary = automaton, vocabulary
        self._lock = threading.Lock()
        self._known: dict[int, int] = {}
        self._any_byte = len(set(vocabulary.single_bytes.tolist())) == 256
        self._window = _WINDOW

    def least(self, state: int) -> int | None:
        """A number of tokens from the state to one where the text may end, perhaps not the least; None if none was
        found."""
        found = self._known.get(state)
        if found is None:
            with self._lock:
                found = int(self._explored(state).least[state])
                if len(self._known) < _KNOWN:
                    self._known[state] = found
        return found if found < NEVER else None

    def fits(self, state: int, left: int) -> bool:
        """Whether a text can be completed with at most `left` tokens; True if that is not known."""
        found = self.least(state)
        return found is None or found <= left

    def loose(self, left: int) -> bool:
        """Whether the end is far enough not to be looked for."""
        return left > self._window

    def ready(self, state: int, left: int) -> bool:
        """Masks near the end are computed each time."""
        return False

    def mask(self, state: int, left: int) -> NDArray[np.uint32] | None:
        """As `Budget.mask`; raises RegexLimitError when the automaton's room is used up."""
        out: NDArray[np.uint32] = np.zeros(self._vocabulary.n_words, np.uint32)
        with self._lock:
            self._automaton.mask(state, self._vocabulary.nodes, self._vocabulary.max_depth, out)
            if self._any_byte:
                with self._automaton.lock:
                    tables = self._tables()
            else:
                tables = self._explored(state)
            worst = tables.within(state, left - 1, out)
        out.setflags(write=False)
        return out if worst >= left and out.any() else None

    def extends(self, state: int, text: bytes) -> bool:
        """Whether a token begins with `text`, which is not empty, and goes on, all live from the state."""
        return self._automaton.extends(state, text, self._vocabulary.nodes, self._vocabulary.max_depth)

    def _explored(self, state: int) -> Tables:
        """Distances over what is known of the automaton once the states near this one are: those that ASCII leads to,
        else those that one letter again and again leads to (counts), else all."""
        automaton = self._automaton
        ascii_: list[int] = sorted(set(automaton.classes[:128].tolist()))
        searches: tuple[Callable[[], None], ...] = (
            lambda: self._look_around(state, ascii_),
            lambda: self._go_straight(state, ascii_),
            lambda: self._look_around(state, list(range(automaton.n_classes))),
        )
        for search in searches:
            with automaton.lock:  # no row may come to lead beyond the states that are counted
                search()
                tables = self._tables()
            if tables.least[state] < NEVER:
                break
        return tables

    def _tables(self) -> Tables:
        """Distances over what is known of the automaton, whose lock is held."""
        automaton = self._automaton
        if not self._any_byte:
            return Tables(automaton, self._vocabulary, automaton.n_states)
        least = automaton.distances()
        self._window = max(self._window, min(_FAR, int(least[least < NEVER].max(initial=0)) + 1))
        return Tables(automaton, self._vocabulary, len(least), least)

    def _row(self, state: int, classes: list[int]) -> list[int]:
        """Where the classes lead from a state, which is filled."""
        row: list[int] = self._automaton.row(state)[classes].tolist()
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
