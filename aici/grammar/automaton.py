"""Automata over bytes, whatever made them: what masks need of one, and what can be asked of one."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

DEAD = 0
"""The state that no accepted text goes through."""


class Automaton(Protocol):
    """A deterministic automaton over bytes. State 0 is dead, and every other state leads to an accepting one."""

    @property
    def classes(self) -> NDArray[np.uint8]:
        """uint8[256]: the class of every byte."""

    @property
    def table(self) -> NDArray[np.uint16] | NDArray[np.uint32]:
        """[n_states, n_classes], C order: the next state."""

    @property
    def start(self) -> int: ...

    @property
    def accepting(self) -> NDArray[np.uint8]:
        """uint8[n_states]: 1 where a text may end."""


class Followed:
    """What can be asked of any automaton, whole or growing: all of it by `advance` and `row`."""

    classes: NDArray[np.uint8]
    accepting: NDArray[np.uint8]
    start: int

    def advance(self, state: int, data: bytes) -> int:
        """The state after `data`; DEAD once nothing accepted can follow."""
        raise NotImplementedError

    def row(self, state: int) -> NDArray[np.uint32]:
        """uint32[n_classes]: where the byte classes lead from a state."""
        raise NotImplementedError

    def matches(self, data: bytes) -> bool:
        """Whether `data` as a whole is accepted."""
        return self.is_accepting(self.advance(self.start, data))

    def is_accepting(self, state: int) -> bool:
        return bool(self.accepting[state])

    def is_live(self, state: int) -> bool:
        """Whether something accepted can still follow, be it the empty text."""
        return state != DEAD

    def is_final(self, state: int) -> bool:
        """Whether nothing can follow but the end."""
        return self.is_accepting(state) and not self.row(state).any()

    def next_bytes(self, state: int) -> bytes:
        """The bytes that may follow, rising."""
        return np.flatnonzero(self.row(state)[self.classes]).astype(np.uint8).tobytes()

    def forced_bytes(self, state: int, most: int = 1 << 16) -> bytes:
        """The bytes, at most `most`, that can only follow in this way: up to where the text may end or go on
        differently. They may end within a character."""
        out = bytearray()
        members = np.bincount(self.classes)
        while state != DEAD and not self.is_accepting(state) and len(out) < most:
            row = self.row(state)
            (live,) = np.nonzero(row)
            if len(live) != 1 or members[live[0]] != 1:
                break
            out.append(int(np.argmax(self.classes == live[0])))
            state = int(row[live[0]])
        return bytes(out)
