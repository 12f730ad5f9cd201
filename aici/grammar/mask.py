"""Masks of an automaton's states over a vocabulary, computed natively.

Goes in: an automaton and a vocabulary. Comes out: which tokens a state allows. Caching is `constraint`'s.
"""

from __future__ import annotations

import ctypes
from ctypes import addressof

import numpy as np
from numpy.typing import NDArray

from . import kernels
from .atoms import atoms
from .automaton import Automaton
from .fill import FEW, WANTS_MERGING, fill
from .jit import Bound
from .merge import merge
from .targets import make_machine
from .vocabulary import Vocabulary

_MACHINE, _STATE, _END = 1, 4, 8
"""Slots of `fill.fill` that differ from call to call: the machine, and from the state to where to write."""


_WORD = np.dtype(np.uint32)
_BYTE = ctypes.c_char


class Masks:
    """Computes masks of one automaton over one vocabulary. Any number of threads may use it."""

    def __init__(self, automaton: Automaton, vocabulary: Vocabulary) -> None:
        """ValueError if it is no automaton: native code follows the table unchecked."""
        self.vocabulary = vocabulary
        self.n_states, self.n_classes = automaton.table.shape
        self.table: NDArray[np.uint32] = np.ascontiguousarray(automaton.table, np.uint32)
        self.classes: NDArray[np.uint8] = np.ascontiguousarray(automaton.classes, np.uint8)
        self.accepting: NDArray[np.uint8] = np.ascontiguousarray(automaton.accepting, np.uint8)
        self._accepts = self.accepting.tobytes()
        if (
            len(self._accepts) != self.n_states
            or self.classes.shape != (256,)
            or not 0 <= automaton.start < self.n_states
        ):
            raise ValueError("not an automaton")
        self.few = FEW
        self._start = int(automaton.start)
        self._machine = make_machine(self.table, self.classes, self._start)
        self._merged: list[int] | None = None

    def fill(self, state: int, out: NDArray[np.uint32]) -> bool:
        """Write the mask of a state into `out`, uint32[n_words], C order: the tokens whose bytes are live from there;
        end-of-sequence tokens if it accepts or nothing else is allowed. Returns whether something else is.
        ValueError or TypeError if there is no such state or `out` is not such an array."""
        vocabulary = self.vocabulary
        if out.shape != vocabulary.mask_shape or out.dtype != _WORD:
            raise ValueError(f"a mask is uint32[{vocabulary.n_words}], C order")
        return self.fill_at(state, addressof(_BYTE.from_buffer(out)))  # type: ignore[arg-type]  # TypeError if not C

    def fill_at(self, state: int, address: int) -> bool:
        """As `fill`, to the array at `address`."""
        if not 0 <= state < self.n_states:
            raise ValueError(f"no state {state}")
        vocabulary = self.vocabulary
        with vocabulary.lock:
            call = vocabulary.mask_call or self.bind(state, np.zeros(vocabulary.n_words, np.uint32))
            slots = call.slots
            slots[_MACHINE] = self._machine.address
            slots[_STATE:_END] = [self.merged_state(state), self._accepts[state], self.few, address]
            found = call()
            if found == WANTS_MERGING:
                self._merge()
                slots[_MACHINE] = self._machine.address
                slots[_STATE] = self.merged_state(state)
                found = call()
        return found != 0

    def bind(self, state: int, out: NDArray[np.uint32]) -> Bound:
        """The call of the kernel, which all masks of the vocabulary then use."""
        vocabulary, accepts = self.vocabulary, self._accepts[state]
        arguments = self._machine, atoms(), vocabulary.scratch, self.merged_state(state), accepts, self.few, out
        vocabulary.mask_call = fill.bind(vocabulary.index, *arguments, vocabulary.n_words)
        return vocabulary.mask_call

    def merged_state(self, state: int) -> int:
        """The machine's state for a state of the automaton."""
        return state if self._merged is None else self._merged[state]

    def _merge(self) -> None:
        """Go on with a machine whose states are merged, where they can be."""
        merged = merge(self.table)
        if merged is None:
            self._machine = make_machine(self.table, self.classes, self._start, merged=True)
        else:
            table, block = merged
            self._machine = make_machine(table, self.classes, int(block[self._start]), merged=True)
            self._merged = block.tolist()

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

    def forced_bytes(self, state: int, limit: int) -> bytes:
        """The bytes that must follow, at most `limit`, up to the first choice or possible end."""
        if not 0 <= state < self.n_states:
            raise ValueError(f"no state {state}")
        sizes = np.bincount(self.classes, minlength=self.n_classes)
        only = np.full(self.n_classes, -1, np.int32)
        only[self.classes] = np.arange(256)
        only[sizes != 1] = -1
        out = np.zeros(min(limit, self.n_states), np.uint8)
        n = kernels.forced(self.table, self.n_classes, self.accepting, only, state, out, len(out))
        return out[:n].tobytes()
