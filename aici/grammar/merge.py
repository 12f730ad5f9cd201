"""States that allow the same tokens become one: for masks it does not matter where a text may end.

Goes in: an automaton's table. Comes out: a smaller one, and which of its states every old one is. Only `mask` uses it,
where a mask would be slow: `.*foo.*` has one state then, and all tokens without a line break are allowed at once.
E. F. Moore, "Gedanken-experiments on sequential machines", 1956, with "dead" as the only output.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .jit import Ptr, i64, kernel, u32, u64

WORK = 300_000
"""Table cells that are looked at before giving up."""


def merge(table: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], NDArray[np.uint32]] | None:
    """The table of the merged states, and uint32[n_states]: the merged state of every state; 0 stays dead. None if
    nothing can be merged, or not in time."""
    n_states, n_classes = table.shape
    size = 1 << (2 * n_states).bit_length()
    block, fresh, leaders = (np.zeros(n_states, np.uint32) for _ in range(3))
    count = refine(table, n_states, n_classes, block, fresh, leaders, np.zeros(size, np.uint32), size, WORK)
    if count <= 0 or count == n_states:
        return None
    return np.ascontiguousarray(block[table[leaders[:count]]]), block


@kernel
def refine(
    table: Ptr[u32],
    n_states: i64,
    n_classes: i64,
    block: Ptr[u32],
    fresh: Ptr[u32],
    leaders: Ptr[u32],
    slots: Ptr[u32],
    size: i64,
    work: i64,
) -> i64:
    """Fill `block` with the merged state of every state, and `leaders` with a state of every merged one; returns how
    many these are, or 0 if it would take more than `work`. `slots`: a hash table of `size`, a power of two."""
    for state in range(1, n_states):
        block[state] = 1
    count = 2
    while True:
        for i in range(size):
            slots[i] = 0
        found = 1
        leaders[0] = 0
        for state in range(1, n_states):
            row = table[state * n_classes :]
            key: u64 = 0
            for c in range(n_classes):
                key = u64(key * 0x100000001B3) ^ u64(block[row[c]])
            at = i64(u64(key * 0x9E3779B97F4A7C15) >> 32) & (size - 1)
            work -= n_classes
            while slots[at] != 0 and alike(table, n_classes, block, state, slots[at]) == 0:
                at = (at + 1) & (size - 1)
                work -= n_classes
            if work < 0:
                return 0
            if slots[at] == 0:
                slots[at] = u32(state)
                leaders[found] = u32(state)
                fresh[state] = u32(found)
                found += 1
            else:
                fresh[state] = fresh[slots[at]]
        for state in range(1, n_states):
            block[state] = fresh[state]
        if found == count:
            return count
        count = found


@kernel
def alike(table: Ptr[u32], n_classes: i64, block: Ptr[u32], a: i64, b: i64) -> i64:
    """Whether two states lead to the same blocks."""
    for c in range(n_classes):
        if block[table[a * n_classes + c]] != block[table[b * n_classes + c]]:
            return 0
    return 1
