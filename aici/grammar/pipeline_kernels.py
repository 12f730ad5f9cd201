"""The kernel that leads from a position automaton to the minimal byte automaton. The dialect is `jit`'s."""

from __future__ import annotations

from .jit import Ptr, i32, i64, kernel
from .minimise_kernels import minimise
from .spell_kernels import Spelling, spell
from .subset_kernels import Positions, Subsets, subsets


@kernel
def automaton(p: Positions, s: Subsets, z: Spelling, spare: Ptr[i32], room: i64, over_atoms: Ptr[i64]) -> i64:
    """States of the byte automaton, which `z` gets; NO_ROOM or TOO_MUCH_WORK. `spare` has the memory of `z.arena`.
    `over_atoms` gets the number of states over atoms, 0 until that is known."""
    over_atoms[0] = 0
    n = subsets(p, s)
    if n < 0:
        return n
    n = minimise(n, p.atoms, s.rows, s.accepting, spare, room)
    if n < 0:
        return n
    over_atoms[0] = n
    return spell(z, n, p.atoms)
