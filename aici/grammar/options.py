"""From a list of texts to the automaton that accepts exactly these.

The texts are sorted and added one by one to an automaton that is minimal at any time but for the path of the latest
text (J. Daciuk et al., "Incremental construction of minimal acyclic finite-state automata", 2000), so the work is
linear in the bytes. Goes in: texts. Comes out: a `Dfa`. Everybody may import this module.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .dfa import Dfa, canonical
from .errors import OptionsError, OptionsLimitError
from .limits import DEFAULT_LIMITS, DfaLimits


def compile_options(options: Sequence[str], limits: DfaLimits = DEFAULT_LIMITS) -> Dfa:
    """The minimal byte automaton of `options`; repeated ones count once, and the empty text may be one.

    Raises OptionsError for no options at all and for one that is not text, OptionsLimitError past a limit.
    """
    texts = _encoded(options, limits)
    rows, accepting = _Builder(limits).build(texts)
    table = np.zeros((len(rows), 256), np.int64)
    for state, row in enumerate(rows):
        for byte, target in row:
            table[state, byte] = target
    return canonical(table, np.array(accepting, np.uint8))


def _encoded(options: Sequence[str], limits: DfaLimits) -> list[bytes]:
    """The options in UTF-8, sorted, each once."""
    if not options:
        raise OptionsError("there are no options")
    texts = set()
    total = 0
    for index, option in enumerate(options):
        if not isinstance(option, str):
            raise OptionsError(f"an option has to be text, not {type(option).__name__}", index)
        try:
            texts.add(option.encode())
        except UnicodeEncodeError:
            raise OptionsError("an option holds a surrogate, which is not a character of any text", index) from None
        total += len(option)
        if total > limits.option_bytes:
            raise OptionsLimitError(f"the options have more than {limits.option_bytes:,} characters", index)
    return sorted(texts)


_Row = tuple[tuple[int, int], ...]


class _Builder:
    """State 0 is dead, 1 the start; a finished state is registered by acceptance and row."""

    def __init__(self, limits: DfaLimits) -> None:
        self.limits = limits
        self.rows: list[_Row] = [(), ()]
        self.accepting = [False, False]
        self.known: dict[tuple[bool, _Row], int] = {}
        self.path: list[list[tuple[int, int]]] = [[]]
        self.ends = [False]

    def build(self, texts: list[bytes]) -> tuple[list[_Row], list[bool]]:
        previous = b""
        for text in texts:
            common = _common(previous, text)
            self._finish(previous, common)
            self.path += [[] for _ in range(len(text) - common)]
            self.ends += [False] * (len(text) - common)
            self.ends[-1] = True
            previous = text
        self._finish(previous, 0)
        self.rows[1], self.accepting[1] = tuple(self.path[0]), self.ends[0]
        return self.rows, self.accepting

    def _finish(self, text: bytes, depth: int) -> None:
        """Registers the states of the latest text below `depth`."""
        while len(self.path) - 1 > depth:
            key = (self.ends.pop(), tuple(self.path.pop()))
            state = self.known.get(key)
            if state is None:
                state = self.known[key] = len(self.rows)
                self.rows.append(key[1])
                self.accepting.append(key[0])
                if len(self.rows) > self.limits.states:
                    raise OptionsLimitError(f"the options need more than {self.limits.states:,} states")
            self.path[-1].append((text[len(self.path) - 1], state))


def _common(a: bytes, b: bytes) -> int:
    """Length of the common prefix."""
    n = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        n += 1
    return n
