"""The automaton that every constraint becomes: deterministic, over bytes, minimal, in one canonical form.

Goes in: a transition table. Comes out: a `Dfa`, its queries and its drawing. The vocabulary and the masks read its
fields. Everybody may import this module; it knows neither patterns nor tokens.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .automaton import DEAD as DEAD
from .automaton import Followed


@dataclass(frozen=True, eq=False)
class Dfa(Followed):
    """A minimal automaton over UTF-8 bytes.

    State 0 is dead; from every other state an accepting one can be reached, and every other state can be reached from
    `start`. States are numbered in the order of a breadth-first walk over rising classes, classes in the order of
    their first byte: automata of the same language are equal, whatever they were made from. Every accepted text is
    valid UTF-8.
    """

    n_states: int
    n_classes: int
    classes: npt.NDArray[np.uint8]
    """[256]: the class of every byte."""
    table: npt.NDArray[np.uint32]
    """[n_states, n_classes], C order: the next state. Row 0 is all 0."""
    accepting: npt.NDArray[np.uint8]
    """[n_states]: 1 where a text may end."""
    start: int = 1

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Dfa):
            return NotImplemented
        return (
            self.start == other.start
            and np.array_equal(self.classes, other.classes)
            and np.array_equal(self.accepting, other.accepting)
            and np.array_equal(self.table, other.table)
        )

    def __hash__(self) -> int:
        return hash((self.n_states, self.n_classes, self.classes.tobytes()))

    def advance(self, state: int, data: bytes) -> int:
        """The state after `data`; DEAD once nothing accepted can follow."""
        table, classes = self.table, self.classes
        for byte in data:
            state = int(table[state, classes[byte]])
            if state == DEAD:
                break
        return state

    def row(self, state: int) -> npt.NDArray[np.uint32]:
        """uint32[n_classes]: where the byte classes lead from a state."""
        row: npt.NDArray[np.uint32] = self.table[state]
        return row

    def to_bytes(self) -> bytes:
        """A compact form, the same for equal automata."""
        from .dfa_bytes import encode

        return encode(self)

    @staticmethod
    def from_bytes(data: bytes) -> Dfa:
        """Raises CorruptAutomaton for anything that `to_bytes` could not have made."""
        from .dfa_bytes import decode

        return decode(data)

    def to_dot(self) -> str:
        """A drawing for Graphviz: one edge for each pair of states, labelled with its bytes."""
        lines = ["digraph dfa {", "  rankdir=LR;", '  node [shape=circle, fontname="sans-serif"];']
        lines += ['  start [shape=point, label=""];', f"  start -> {self.start};"]
        for state in range(1, self.n_states):
            if self.accepting[state]:
                lines.append(f"  {state} [shape=doublecircle];")
            successors = self.table[state][self.classes]
            for target in np.unique(successors[successors != DEAD]).tolist():
                label = _label(np.flatnonzero(successors == target).tolist())
                lines.append(f'  {state} -> {target} [label="{label}"];')
        return "\n".join([*lines, "}"]) + "\n"


def _label(members: list[int]) -> str:
    """Bytes as a class, escaped for a quoted string of Graphviz."""
    runs: list[list[int]] = []
    for byte in members:
        if runs and runs[-1][1] + 1 == byte:
            runs[-1][1] = byte
        else:
            runs.append([byte, byte])
    shown = [_shown(lo) if lo == hi else f"{_shown(lo)}-{_shown(hi)}" for lo, hi in runs]
    return " ".join(shown)


def _shown(byte: int) -> str:
    """One byte as it is written in a drawing."""
    if byte in b'"\\':
        return "\\" + chr(byte)
    return chr(byte) if 0x20 < byte < 0x7F else f"{byte:02x}"
