"""What masks ought to be: every token walked byte by byte through the pattern's whole automaton, nothing skipped.

It shares no code with the masks that are measured, beyond the compiler of patterns (which tests hold to `re`). Goes in:
a pattern and a vocabulary. Comes out: masks, and which steps of a text are in a state met before.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from aici.grammar.errors import RegexLimitError
from aici.grammar.lazy import compile_automaton
from aici.grammar.regex import compile_regex
from maskbench.vocabularies import Tokens


class Reference:
    """The automaton of a pattern over a vocabulary. `whole` is None where it is too large to be built."""

    def __init__(self, pattern: str, tokens: Tokens) -> None:
        self.tokens = tokens
        self.whole: Any
        try:
            self.whole = compile_regex(pattern)
        except RegexLimitError:
            self.whole = None
        self._automaton: Any = self.whole or compile_automaton(pattern)

    def after(self, state: int, data: bytes) -> int:
        """The state after some bytes, 0 where they are not allowed."""
        return int(self._automaton.advance(state, data))

    def complete(self, state: int) -> bool:
        """Whether the text may end."""
        return bool(self._automaton.is_accepting(state))

    def states(self, ids: Sequence[int]) -> list[int]:
        """The state before each token and after the last."""
        states = [int(self._automaton.start)]
        for token in ids:
            states.append(self.after(states[-1], self.tokens.tokens[token] or b""))
        return states

    def fresh(self, ids: Sequence[int]) -> list[bool]:
        """For each of those states, whether it comes for the first time."""
        states = self.states(ids)
        return [state not in states[:step] for step, state in enumerate(states)]

    def forced(self, state: int) -> bool:
        """Whether the next byte can only be one."""
        return self.whole is not None and bool(self.whole.forced_bytes(state, 1))

    def mask(self, state: int) -> np.ndarray[Any, Any]:
        """bool[tokens]: the tokens allowed in a state of the whole automaton."""
        table, classes, accepting = self.whole.table, self.whole.classes, self.whole.accepting
        allowed = np.zeros(len(self.tokens.tokens), bool)
        order, data, ends = _columns(self.tokens.tokens)
        states = np.full(len(order), state, table.dtype)
        alive = np.arange(len(order))
        for column in range(data.shape[1]):
            alive = alive[column < ends[alive]]
            states[alive] = table[states[alive], classes[data[alive, column]]]
            alive = alive[states[alive] != 0]
        allowed[order] = states != 0
        if accepting[state] or not allowed.any():
            allowed[self.tokens.eos] = True
        return allowed


@lru_cache(maxsize=1)
def _columns(tokens: tuple[bytes | None, ...]) -> Any:
    """The tokens that have bytes: their ids, their bytes uint8[tokens, longest] and how many they are."""
    order = np.array([i for i, token in enumerate(tokens) if token])
    ends = np.array([len(tokens[i] or b"") for i in order])
    data = np.zeros((len(order), int(ends.max())), np.uint8)
    for row, i in enumerate(order):
        data[row, : ends[row]] = np.frombuffer(tokens[i] or b"", np.uint8)
    return order, data, ends
