"""Masks of an automaton's states over a vocabulary, computed natively.

Goes in: an automaton and a vocabulary. Comes out: which tokens' bytes lead from a state to a live one. End-of-sequence
tokens and caching are `constraint`'s.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import fill, kernels
from .atoms import N_ATOMS, atoms
from .automaton import Automaton
from .jit import Bound
from .targets import make_machine, make_memo
from .vocabulary import Vocabulary

_STATE, _OUT = 5, 6
"""Slots of `fill.fill` that differ from call to call."""


class Masks:
    """Computes masks of one automaton over one vocabulary. Any number of threads may use it at once."""

    few = fill.FEW

    def __init__(self, automaton: Automaton, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.n_states, self.n_classes = automaton.table.shape
        self.table: NDArray[np.uint32] = np.ascontiguousarray(automaton.table, np.uint32)
        self.classes: NDArray[np.uint8] = np.ascontiguousarray(automaton.classes, np.uint8)
        self.accepting: NDArray[np.uint8] = np.ascontiguousarray(automaton.accepting, np.uint8)
        self._check(automaton)
        self._machine = make_machine(self.table, self.classes, int(automaton.start))
        self._idle: list[Bound] = []

    def _check(self, automaton: Automaton) -> None:
        """Native code follows the table unchecked, so nothing in it may lead outside."""
        if (
            self.classes.shape != (256,)
            or int(self.classes.max()) >= self.n_classes
            or int(self.table.max()) >= self.n_states
            or self.table[0].any()
            or self.accepting.shape != (self.n_states,)
            or not 0 <= automaton.start < self.n_states
        ):
            raise ValueError("not an automaton")

    def fill(self, state: int, out: NDArray[np.uint32]) -> None:
        """Write the mask of the tokens whose bytes are live from `state` into `out`, uint32[n_words]."""
        if not 0 <= state < self.n_states:
            raise ValueError(f"no state {state}")
        try:
            call = self._idle.pop()
        except IndexError:
            call = self._new_call(out)
        call.slots[_STATE] = state
        call.slots[_OUT] = out.ctypes.data
        call()
        self._idle.append(call)

    def _new_call(self, out: NDArray[np.uint32]) -> Bound:
        index, tables = self.vocabulary.index, atoms()
        width = index.fields["n_words"]
        scratch = fill.Scratch(
            few=self.few,
            states=np.zeros(self.vocabulary.max_depth + 1, np.uint32),
            rows=np.zeros(fill.ROWS * N_ATOMS, np.int32),
            run=np.zeros(fill.ROWS, np.int64),
            masks=np.zeros(1, np.uint64),
            one=np.zeros(width, np.uint32),
            two=np.zeros(width, np.uint32),
        )
        memo = make_memo(self.n_states)
        return fill.fill.bind(index, self._machine, tables, memo, scratch, 0, out, self.vocabulary.n_words)

    def spellable(self, state: int) -> bool:
        """Whether tokens lead from the state to an accepting one. Quick where the single bytes that are tokens do."""
        usable = np.zeros(self.n_classes, np.uint8)
        usable[self.classes[self.vocabulary.single_bytes]] = 1
        seen, todo = np.zeros(self.n_states, np.uint8), np.zeros(self.n_states, np.uint32)
        if kernels.reach_by_bytes(usable, self.n_classes, self.table, self.accepting, state, seen, todo):
            return True
        seen[:] = 0
        nodes, states = self.vocabulary.nodes, np.zeros(self.vocabulary.max_depth + 1, np.uint32)
        return bool(
            kernels.reach_by_tokens(
                nodes, len(nodes), self.table, self.classes, self.n_classes, states, self.accepting, state, seen, todo
            )
        )
