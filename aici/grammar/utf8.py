"""From sets of characters beyond ASCII to the automaton that tells them apart byte by byte.

Goes in: the distinct high parts of a pattern's character sets. Comes out: a `Partition`, the *atoms* (groups of
characters that no set tells apart) and the UTF-8 decision diagram that leads from a lead byte to an atom. It is built
once per combination of sets and shared by all states of an automaton. Only `aici.grammar` imports this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain

import numpy as np
import numpy.typing as npt

from .charset import HighSet

DEAD = 0
"""The child of a byte that no UTF-8 text has in this place, or whose characters are in no set."""


@dataclass(frozen=True)
class Partition:
    """Atoms and their decision diagram.

    A child is DEAD, an atom (1 .. n_atoms), or a node (n_atoms + 1 + its index). Nodes are distinct and come after
    their children. Columns are the classes of the bytes 0x80 to 0xFF, numbered in order of their first byte.
    """

    signatures: tuple[int, ...]
    """For every atom the bit mask of the sets that hold it; `signatures[a - 1]` is that of atom a."""
    classes: bytes
    """128 entries: the column of the bytes 0x80 to 0xFF."""
    n_columns: int
    root: tuple[int, ...]
    """For every column the child where a character starts."""
    nodes: tuple[tuple[int, ...], ...]
    """For every node its child per column."""

    @cached_property
    def packed(self) -> npt.NDArray[np.uint32]:
        """As the kernel `spell` takes it: numbers of atoms, nodes and columns, then classes, root and nodes."""
        sizes = (len(self.signatures), len(self.nodes), self.n_columns)
        return np.array([*sizes, *self.classes, *self.root, *chain.from_iterable(self.nodes)], np.uint32)

    @cached_property
    def packed_address(self) -> int:
        return int(self.packed.ctypes.data)


@lru_cache(maxsize=64)
def partition(sets: tuple[HighSet, ...]) -> Partition:
    """Signatures refer to the sets by their place in `sets`."""
    starts, atoms, signatures = _atoms(sets)
    builder = _Builder(starts, atoms, len(signatures))
    root = builder.root()
    columns = list(zip(root, *builder.rows, strict=True))
    index: dict[tuple[int, ...], int] = {}
    classes = bytes(index.setdefault(column, len(index)) for column in columns)
    picks = [classes.index(c) for c in range(len(index))]
    narrowed = tuple(tuple(row[p] for p in picks) for row in builder.rows)
    return Partition(tuple(signatures), classes, len(index), tuple(root[p] for p in picks), narrowed)


def _atoms(sets: tuple[HighSet, ...]) -> tuple[list[int], list[int], list[int]]:
    """Cuts 0x80..0x10FFFF at every edge of a set: start of each piece, its atom (0: in no set), signatures of the
    atoms."""
    flips: dict[int, int] = {}
    for bit, edges in enumerate(sets):
        for edge in edges:
            flips[edge] = flips.get(edge, 0) ^ 1 << bit
    number = {0: 0}
    starts, atoms = [0], [0]
    signature = 0
    for edge in sorted(flips):
        signature ^= flips[edge]
        atom = number.setdefault(signature, len(number))
        if atom != atoms[-1]:
            starts.append(edge)
            atoms.append(atom)
    return starts, atoms, list(number)[1:]


class _Builder:
    """Builds distinct nodes bottom-up; a node's row has one child per byte 0x80..0xFF."""

    def __init__(self, starts: list[int], atoms: list[int], n_atoms: int) -> None:
        self.starts = [*starts, 0x110000]
        self.atoms = atoms
        self.n_atoms = n_atoms
        self.rows: list[tuple[int, ...]] = []
        self.known: dict[tuple[int, ...], int] = {}
        self.uniform: dict[tuple[int, int], int] = {}
        self.piece = 0

    def root(self) -> list[int]:
        """The child per byte 0x80..0xFF where a character starts."""
        row = [DEAD] * 128
        for floor, lead, count, bits in ((0x80, 0xC0, 32, 6), (0x800, 0xE0, 16, 12), (0x10000, 0xF0, 5, 18)):
            self.piece = 0
            for i in range(count):
                row[lead - 0x80 + i] = self._block(i << bits, bits, floor)
        return row

    def _block(self, base: int, bits: int, floor: int) -> int:
        """The child for the 2**bits code points from `base`; those below `floor` would be overlong. Bases rise."""
        if base + (1 << bits) <= floor or base >= 0x110000:
            return DEAD
        while self.starts[self.piece + 1] <= base:
            self.piece += 1
        atom = self.atoms[self.piece]
        if base >= floor and self.starts[self.piece + 1] >= base + (1 << bits):
            return self._uniform(atom, bits)
        step = bits - 6
        if step == 0:
            return self._node(self._leaf(base))
        return self._node([self._block(base + (i << step), step, floor) for i in range(64)])

    def _leaf(self, base: int) -> list[int]:
        """The atoms of the 64 characters from `base`."""
        row: list[int] = []
        while len(row) < 64:
            end = min(self.starts[self.piece + 1] - base, 64)
            row += [self.atoms[self.piece]] * (end - len(row))
            if end < 64:
                self.piece += 1
        return row

    def _uniform(self, atom: int, bits: int) -> int:
        """The child for 2**bits characters that are all of one atom."""
        if bits == 0 or atom == DEAD:
            return atom
        found = self.uniform.get((atom, bits))
        if found is None:
            found = self.uniform[atom, bits] = self._node([self._uniform(atom, bits - 6)] * 64)
        return found

    def _node(self, children: list[int]) -> int:
        if not any(children):
            return DEAD
        row = (*children, *(DEAD,) * 64)
        found = self.known.get(row)
        if found is None:
            found = self.known[row] = self.n_atoms + 1 + len(self.rows)
            self.rows.append(row)
        return found
