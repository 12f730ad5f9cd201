"""Masks of an automaton's states over a vocabulary, computed natively.

Goes in: an automaton and a vocabulary. Comes out: which tokens a state allows.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence
from ctypes import addressof
from itertools import count

import numpy as np
from numpy.typing import NDArray

from . import kernels
from .ahead import MASKS, foresee
from .automaton import Automaton
from .compose import Context, batch, compute, fill, mask
from .fill import FEW, WANTS_MERGING
from .jit import Kernel
from .kept import knows
from .kinds import IntType
from .machine import Machine, make_machine
from .merge import merge
from .methods import Method, ask, make
from .records import address_of, address_of_bytes
from .vocabulary import Vocabulary

OWNERS = count(1)
"""A number for everybody whose masks are kept."""
_FEW = list(Machine.kinds()).index("few")
_FEW_ROWS = 12
"""So many are written one by one."""
_WORD = np.dtype(np.uint32)
_OUT_ITEM = IntType(32, False)
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
        fits = self.accepting.shape == (self.n_states,) and self.classes.shape == (256,)
        if not fits or not 0 <= automaton.start < self.n_states:
            raise ValueError("not an automaton")
        self._start = int(automaton.start)
        self._owner = next(OWNERS)
        self.machine = make_machine(self.table, self.classes, self._start, self.accepting, self._owner, FEW)
        self._foreseen = False
        self.quick: Method = ask
        """Fills as `fill` does in most cases, or returns less than 0."""

    @property
    def few(self) -> int:
        """So many nodes are walked rather than put together from rows."""
        return int(self.machine.slots[_FEW])

    @few.setter
    def few(self, few: int) -> None:
        self.machine.slots[_FEW] = few

    def fill(self, state: int, out: NDArray[np.uint32]) -> bool:
        """Write the mask of a state into `out`, uint32[n_words], C order: the tokens whose bytes are live from there;
        end-of-sequence tokens if it accepts or nothing else is allowed. Returns whether something else is. The mask is
        kept. ValueError or TypeError if there is no such state or `out` is not such an array."""
        self._check(state, out)
        with self.vocabulary.alone() as context:
            found = self._run(fill, context, state, addressof(_BYTE.from_buffer(out)))  # type: ignore[arg-type]
            self._foresee(context, state)
            return found != 0

    def compute(self, state: int, out: NDArray[np.uint32]) -> bool:
        """As `fill`, whatever is kept."""
        self._check(state, out)
        with self.vocabulary.alone() as context:
            return self._run(compute, context, state, addressof(_BYTE.from_buffer(out)), 0) != 0  # type: ignore[arg-type]

    def _check(self, state: int, out: NDArray[np.uint32]) -> None:
        if out.shape != self.vocabulary.mask_shape or out.dtype != _WORD:
            raise ValueError(f"a mask is uint32[{self.vocabulary.n_words}], C order")
        if not 0 <= state < self.n_states:
            raise ValueError(f"no state {state}")

    def _run(self, kernel: Kernel, context: Context, *slots: int) -> int:
        """Make a call, and again if it wants the machine's states merged."""
        found = kernel.quickly(context.address, self.machine.address, *slots)
        if found == WANTS_MERGING:
            self._merge()
            found = kernel.quickly(context.address, self.machine.address, *slots)
        return found

    def _foresee(self, context: Context, state: int, asked: int = 1) -> None:
        """After the first masks: make some that may follow, the fewer the more sequences share the cost of those."""
        if self.quick is ask:
            self.quick = make(mask, context, self.machine, otherwise=ask) or ask
        if not self._foreseen:
            self._foreseen = True
            most = max(0, 1 + MASKS - asked)
            foresee.quickly(context.address, self.machine.address, self.vocabulary.ahead.address, state, most)

    def fill_batch(self, states: Sequence[int], out: NDArray[np.uint32]) -> None:
        """Write the mask of `states[i]` into `out[i]`, uint32[n_words], C order."""
        done, n = 0, len(states)
        if n < _FEW_ROWS:
            while done < n and self.quick(states[done], out[done]) >= 0:
                done += 1
            if done == n:
                return
        packed = self._packed(states, n)
        while done < n:
            if packed:
                with self.vocabulary.alone() as context:
                    places = (
                        address_of_bytes(packed) + 8 * done,
                        n - done,
                        address_of(out, _OUT_ITEM) + out.strides[0] * done,
                    )
                    done += self._run(batch, context, *places)
                    if done:
                        self._foresee(context, states[0], n)
            if done < n:
                self.fill(states[done], out[done])
                done += 1

    def _packed(self, states: Sequence[int], n: int) -> bytearray:
        """The states as int64[n]; nothing if some are none."""
        try:
            return bytearray(struct.pack(f"{n}q", *states))  # a fourth of the time that an array of numpy's takes
        except struct.error:
            return bytearray()

    def knows(self, state: int) -> bool:
        """Whether the mask of a state is kept."""
        with self.vocabulary.alone() as context:
            return bool(knows(context.fields["kept"], self._owner, state))

    def _merge(self) -> None:
        """Go on with a machine whose states are merged, where they can be."""
        merged = merge(self.table)
        if merged is None:
            table, block = self.table, np.arange(self.n_states, dtype=np.uint32)
        else:
            table, block = merged
        start = int(block[self._start])
        self.quick = ask
        self.machine = make_machine(table, self.classes, start, self.accepting, self._owner, self.few, block)

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
