"""What state follows: after a token, after a run of tokens, after bytes.

Goes in: an automaton's table and a vocabulary. Comes out: `Advancing`, which `Matcher` and `LazyMatcher` are. A
sequence is nothing but its states, which are numbers: to roll it back is to take an earlier one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from operator import index

import numpy as np
from numpy.typing import NDArray

from . import kernels
from .automaton import DEAD as DEAD
from .methods import ASK, make
from .vocabulary import Vocabulary


class Way:
    """An automaton followed in Python: the slow twin of the kernels, which explains."""

    grows = False
    """Whether 0 in the table may be where nobody has been yet."""

    def __init__(self, table: NDArray[np.uint32], classes: NDArray[np.uint8], vocabulary: Vocabulary) -> None:
        """`table` is [n_states, n_classes], `classes` [256], C order."""
        self.table, self.classes, self.vocabulary = table, classes, vocabulary

    @property
    def n_states(self) -> int:
        return len(self.table)

    def check(self, state: int) -> None:
        """ValueError if there is no such state."""
        if not 0 <= index(state) < self.n_states:
            raise ValueError(f"no state {state}")

    def by_bytes(self, state: int, text: bytes) -> int:
        self.check(state)
        for byte in memoryview(text).tobytes():
            state = int(self.table[state, self.classes[byte]])
        return state

    def by_token(self, state: int, token: int) -> int:
        self.check(state)
        if not 0 <= index(token) < self.vocabulary.n_tokens or not (text := self.vocabulary.token_bytes[token]):
            return DEAD
        return self.by_bytes(state, text)


class Advancing:
    """The next states under a constraint. ValueError for a state that there is not; RegexLimitError where an automaton
    that is built as it is used has no more room."""

    def __init__(self, way: Way) -> None:
        self._way = way
        vocabulary, (n_states, n_classes) = way.vocabulary, way.table.shape
        tokens = vocabulary.words, vocabulary.n_tokens, vocabulary.data
        dead = ASK if way.grows else DEAD
        self._steps = kernels.Steps.carve((way.table, way.classes, n_classes, n_states, *tokens, dead), ())
        native = make(kernels.step, self._steps, otherwise=way.by_token)
        self.advance: Callable[[int, int], int] = native or way.by_token
        """The state after a state and a token's bytes; DEAD if it is not allowed there, has no bytes or is none."""

    @cached_property
    def advance_bytes(self) -> Callable[[int, bytes], int]:
        """The state after a state and some bytes, however they are cut into tokens."""
        return make(kernels.step_bytes, self._steps, otherwise=self._way.by_bytes) or self._way.by_bytes

    def advance_tokens(self, state: int, tokens: Iterable[int]) -> list[int]:
        """The states after each of a run of tokens, up to the first one that is not allowed: as many as are."""
        states = []
        for token in tokens:
            state = self.advance(state, token)
            if state == DEAD:
                break
            states.append(state)
        return states
