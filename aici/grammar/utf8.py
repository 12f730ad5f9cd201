"""From sets of characters beyond ASCII to the automaton that tells them apart byte by byte.

Goes in: the distinct high parts of a pattern's character sets. Comes out: a `Partition`, the *atoms* (groups of
characters that no set tells apart) and the UTF-8 decision diagram that leads from a lead byte to an atom. It is built
once per combination of sets and shared by all states of an automaton. Only `aici.grammar` imports this module.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from . import utf8_kernels as kernels
from .charset import HighSet
from .memory import mapping

KEPT_ROWS = 1 << 13
"""A room for so many nodes is kept by each thread."""
DEAD = 0
"""The child of a byte that no UTF-8 text has in this place, or whose characters are in no set."""


@dataclass(frozen=True, eq=False)
class Partition:
    """Atoms and their decision diagram.

    A child is DEAD, an atom (1 .. the number of atoms), or a node (that number + 1 + its index). Nodes are distinct and
    come after their children. Columns are the classes of the bytes 0x80 to 0xFF, numbered in order of their first byte.
    """

    signatures: tuple[int, ...]
    """For every atom the bit mask of the sets that hold it; `signatures[a - 1]` is that of atom a."""
    packed: npt.NDArray[np.uint32]
    """As the kernel `spell` takes it: numbers of atoms, nodes and columns; the column of each of the bytes; the root's
    child per column; the nodes' children per column."""

    @property
    def n_nodes(self) -> int:
        return int(self.packed[1])

    @property
    def n_columns(self) -> int:
        return int(self.packed[2])

    @cached_property
    def packed_address(self) -> int:
        return int(self.packed.ctypes.data)


@lru_cache(maxsize=64)
def partition(sets: tuple[HighSet, ...]) -> Partition:
    """Signatures refer to the sets by their place in `sets`."""
    starts, atoms, signatures = _atoms(sets)
    room = 512 + 2 * (len(starts) + len(signatures))  # a node of either lower level for each piece and each atom
    diagram = _room(1 << max(11, room.bit_length()))
    diagram.slots[1] = (1 << (2 * room).bit_length()) - 1
    starts.append(0x110000)
    fields = diagram.fields
    fields["starts"][: len(starts)] = starts
    fields["atoms"][: len(atoms)] = atoms
    fields["n_atoms"][0] = len(signatures)
    size = kernels.build.quickly(diagram.address)
    return Partition(tuple(signatures), fields["out"][:size].copy())


_THREAD = threading.local()


def _room(rows: int) -> kernels.Diagram:
    """Room for a diagram; the thread's own, if it is large enough."""
    kept: kernels.Diagram | None = getattr(_THREAD, "room", None)
    if kept is None or kept.slots[0] < rows:
        sizes = (rows, rows, 1, kernels.BLOCKS, 64 * rows, rows, 4 * rows, kernels.HEAD + 128 * rows)
        kept = kernels.Diagram.carve((rows, 0), sizes, mapping)
        if rows <= KEPT_ROWS:
            _THREAD.room = kept
    return kept


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
