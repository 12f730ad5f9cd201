"""States of a growing automaton that have the mask of another one. The dialect is `jit`'s.

Goes in: a state of a `Machine` that grows. Comes out: the state that stands for it. In a count such as `\\w{1,255}`
each place is a position of its own, but those from which no token reaches the end of the count allow the same tokens:
the first position of the run stands for them. So a mask is found once for a run, not once for each of its places.
`compose` uses this kernel.
"""

from __future__ import annotations

from .atoms import ALL, N_ATOMS
from .index import LONG, MEDIUM, Index
from .jit import Ptr, i64, kernel, ones, trailing_zeros, u32, u64
from .lazy_kernels import ALIKE, subset_state
from .machine import Machine
from .subset_kernels import Positions, intern_subset

MOST = 64
"""Positions of a state that are looked at."""
MOST_PAIRS = 256


@kernel
def stand_in(index: Index, machine: Machine, state: i64) -> i64:
    """A state with the same mask, mostly the same for a whole run; itself if there is none."""
    z = machine.growth.lazy
    if z.same_mask[state] == 0:
        found = state
        if z.subset[state] >= 0:
            found = find_stand_in(index, machine, state)
        z.same_mask[state] = u32(found)
    return z.same_mask[state]


@kernel
def find_stand_in(index: Index, machine: Machine, state: i64) -> i64:
    p = machine.growth.positions
    s = machine.growth.subsets
    z = machine.growth.lazy
    n = s.counts[0]
    if n + 1 >= s.state_room or i64(s.key_start[n]) + p.words + 1 > s.key_room or z.counts[0] + 1 >= z.state_room:
        return state
    if z.counts[ALIKE] == 0:
        z.counts[ALIKE] = 1
        find_alike(p, z.alike)
    subset = i64(z.subset[state])
    bottom = i64(s.key_low[subset])
    key = s.keys[s.key_start[subset] :]
    length = i64(s.key_start[subset + 1] - s.key_start[subset])
    count = 0
    for k in range(length):
        count += ones(key[k])
    if count > MOST:
        return state
    changed = 0
    low = p.words
    high = 0
    for k in range(length):
        left = key[k]
        while left != 0:
            at = 64 * (bottom + k) + trailing_zeros(left)
            left = left & u64(left - 1)
            first = first_alike(z.alike, at)
            if first < at and reaches(index, machine, first, at) != 0:
                at = first
                changed = 1
            word = at >> 6
            s.scratch[word] = s.scratch[word] | u64(1 << (at & 63))
            low = min(low, word)
            high = max(high, word + 1)
    if changed == 0:
        for w in range(low, high):
            s.scratch[w] = 0
        return state
    return subset_state(s, z, intern_subset(p, s, low, high, s.accepting[subset]))


@kernel
def first_alike(alike: Ptr[u64], at: i64) -> i64:
    """The first position of a run."""
    while at > 0 and (alike[(at - 1) >> 6] >> ((at - 1) & 63) & 1) != 0:
        if (at & 63) == 0 and alike[(at - 1) >> 6] == ALL:
            at -= 64
        else:
            at -= 1
    return at


@kernel
def reaches(index: Index, machine: Machine, first: i64, at: i64) -> i64:
    """Whether a run that begins at `first` goes on from a position for as long as any token stays in it."""
    z = machine.growth.lazy
    if z.needed[first] == 0:
        z.needed[first] = u32(longest_within(index, machine, first))
    for i in range(z.needed[first]):
        if (z.alike[(at + i) >> 6] >> ((at + i) & 63) & 1) == 0:
            return 0
    return 1


@kernel
def longest_within(index: Index, machine: Machine, at: i64) -> i64:
    """Characters of the longest token that a position can take again and again, at most."""
    p = machine.growth.positions
    taken: u64 = 0
    for atom in range(N_ATOMS):
        for i in range(machine.met_start[atom], machine.met_start[atom + 1]):
            met = i64(machine.met[i])
            if met != 0 and (p.sets[(2 + met) * p.words + (at >> 6)] >> (at & 63) & 1) != 0:
                taken = taken | u64(1 << atom)
    longest = MEDIUM
    for i in range(index.n_long):
        entry = index.long[i * LONG :]
        holds = entry[3] | u64(1 << i64(entry[1])) | u64(1 << i64(entry[2]))
        if (holds & u64(~taken)) == 0:
            longest = max(longest, MEDIUM + i64(entry[5]))
    return longest


@kernel
def find_alike(p: Positions, alike: Ptr[u64]) -> None:
    """Fill in the positions that lead to the next one, and that take and lead to the same as it."""
    words = p.words
    for w in range(words):
        same = p.sets[2 * words + w]
        for atom in range(p.atoms):
            takes = p.sets[(3 + atom) * words :]
            following: u64 = 0
            if w + 1 < words:
                following = u64(takes[w + 1] << 63)
            same = same & u64(~(takes[w] ^ (takes[w] >> 1 | following)))
        for e in range(p.entry_start[w], p.entry_start[w + 1]):
            mask = p.entry_mask[e]
            same = same & u64(~((mask ^ mask >> 1) & u64(ALL >> 1)))
        if (same >> 63) != 0 and ends_alike(p, w) == 0:
            same = same & u64(ALL >> 1)
        alike[w] = same


@kernel
def ends_alike(p: Positions, w: i64) -> i64:
    """Whether the last position of a word and the first one of the next are led from by the same rules."""
    n = i64(p.entry_start[w + 1] - p.entry_start[w])
    if n * i64(p.entry_start[w + 2] - p.entry_start[w + 1]) > MOST_PAIRS:
        return 0
    last = 0
    first = 0
    for e in range(p.entry_start[w], p.entry_start[w + 1]):
        last += i64(p.entry_mask[e] >> 63)
    for f in range(p.entry_start[w + 1], p.entry_start[w + 2]):
        first += i64(p.entry_mask[f] & 1)
    both = 0
    for e in range(p.entry_start[w], p.entry_start[w + 1]):
        for f in range(p.entry_start[w + 1], p.entry_start[w + 2]):
            if p.entry_rule[e] == p.entry_rule[f]:
                both += i64(p.entry_mask[e] >> 63) & i64(p.entry_mask[f] & 1)
    return i64(both == last and both == first)
