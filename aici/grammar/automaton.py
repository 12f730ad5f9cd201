"""What masks need of an automaton over bytes, whatever made it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


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
