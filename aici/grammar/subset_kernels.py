"""The kernels of the subset construction: from a position automaton to a deterministic one. The dialect is `jit`'s.

Sets of positions are bit masks in 64-bit words.
"""

from __future__ import annotations

from .hash_kernels import FIRST_SLOTS, NO_ROOM, mix, rehash
from .jit import Ptr, Record, i32, i64, kernel, u8, u32, u64

TOO_MUCH_WORK = -2


class Positions(Record):
    """A position automaton (`nfa`). Sets of positions are `words` words."""

    words: i64
    atoms: i64
    nullable: i64
    sets: Ptr[u64]
    """[3 + atoms, words]: where a text may start, where it may end, positions with an edge to the next one, and for
    every atom the positions that take it."""
    entry_start: Ptr[u32]
    """The other edges are rules. The entries of a word of positions go from here to the next word's start; each has"""
    entry_rule: Ptr[u32]
    """a rule,"""
    entry_mask: Ptr[u64]
    """and the positions of this word that it leads from."""
    target_start: Ptr[u32]
    """For every rule, its targets are those from here to the next one's start:"""
    target_word: Ptr[u32]
    """a word,"""
    target_mask: Ptr[u64]
    """and the positions of this word that it leads to."""
    counters: Ptr[u32]
    """[counters, 4]: first position, width, copies, whether upward."""
    counter_first: Ptr[u32]
    """For every word of positions the first of the counters that touch it,"""
    counter_after: Ptr[u32]
    """and the one after the last, 0 if there are none."""


class Subsets(Record):
    """The deterministic automaton as it grows. A state is a set of positions that may come next, and whether a text
    may end; its key is the words of the set from the first to the last one that is not zero."""

    key_room: i64
    state_room: i64
    row_room: i64
    work_limit: i64
    counts: Ptr[i64]
    """[3]: states; slots of the hash table - 1; work done, in words."""
    keys: Ptr[u64]
    key_start: Ptr[u32]
    """The key of state s is `keys[key_start[s]..key_start[s + 1])`."""
    key_low: Ptr[u32]
    """The word that the key starts with."""
    hashes: Ptr[u64]
    buckets: Ptr[u32]
    accepting: Ptr[u8]
    rows: Ptr[i32]
    """[states, atoms]: the next state, or -1."""
    scratch: Ptr[u64]
    """[words + 1], zero between calls."""


@kernel
def subsets(p: Positions, s: Subsets) -> i64:
    """The deterministic automaton of a position automaton: how many states, state 0 the start."""
    failed = start_subsets(p, s)
    state = 0
    while failed == 0 and state < s.counts[0]:
        failed = expand(p, s, state)
        state += 1
    if failed < 0:
        return failed
    return s.counts[0]


@kernel
def start_subsets(p: Positions, s: Subsets) -> i64:
    """Makes the start state; 0, or negative if there is no room."""
    s.counts[0] = 0
    s.counts[1] = FIRST_SLOTS - 1
    s.counts[2] = 0
    for i in range(FIRST_SLOTS):
        s.buckets[i] = 0
    s.key_start[0] = 0
    if p.words > s.key_room:
        return NO_ROOM
    for i in range(p.words):
        s.scratch[i] = p.sets[i]
    intern_subset(p, s, 0, p.words, p.nullable)
    return 0


@kernel
def expand(p: Positions, s: Subsets, state: i64) -> i64:
    """Fills the row of a state, adding the states that it leads to; 0, or negative if there is no room."""
    words = p.words
    atoms = p.atoms
    n = s.counts[0]
    if (state + 1) * atoms > s.row_room or n + atoms >= s.state_room:
        return NO_ROOM
    if i64(s.key_start[n]) + atoms * (words + 1) > s.key_room:
        return NO_ROOM
    if s.counts[2] > s.work_limit:
        return TOO_MUCH_WORK
    last = p.sets[words:]
    chain = p.sets[2 * words :]
    key = s.keys[s.key_start[state] :]
    length = s.key_start[state + 1] - s.key_start[state]
    bottom = s.key_low[state]
    scratch = s.scratch
    work = 0
    for atom in range(atoms):
        takes = p.sets[(3 + atom) * words :]
        low = words
        high = 0
        some = 0
        ends = 0
        for k in range(length):
            i = bottom + k
            here = key[k] & takes[i]
            if here != 0:
                some = 1
                if here & last[i] != 0:
                    ends = 1
                next_to = here & chain[i]
                if next_to != 0:
                    scratch[i] = scratch[i] | u64(next_to << 1)
                    scratch[i + 1] = scratch[i + 1] | (next_to >> 63)
                    low = min(low, i)
                    high = max(high, i + 2)
                for e in range(p.entry_start[i], p.entry_start[i + 1]):
                    if here & p.entry_mask[e] != 0:
                        rule = p.entry_rule[e]
                        work += p.target_start[rule + 1] - p.target_start[rule]
                        for t in range(p.target_start[rule], p.target_start[rule + 1]):
                            j = p.target_word[t]
                            scratch[j] = scratch[j] | p.target_mask[t]
                            low = min(low, j)
                            high = max(high, j + 1)
                work += p.entry_start[i + 1] - p.entry_start[i]
        work += 1 + length
        if some == 0:
            s.rows[state * atoms + atom] = -1
        else:
            work += max(high - low, 0)
            s.rows[state * atoms + atom] = i32(intern_subset(p, s, low, min(high, words), ends))
    s.counts[2] += work
    return 0


@kernel
def intern_subset(p: Positions, s: Subsets, low: i64, high: i64, ends: i64) -> i64:
    """The state of the set in `scratch[low..high)`, which is zeroed, with what counters make superfluous left out."""
    scratch = s.scratch
    first = 1 << 32
    after = 0
    for i in range(low, high):
        first = min(first, p.counter_first[i])
        after = max(after, p.counter_after[i])
    for c in range(first, after):
        keep_best(p.counters[4 * c :], scratch, low, high)
    s.counts[2] += max(after - first, 0)
    bottom = low
    top = high
    while bottom < top and scratch[bottom] == 0:
        bottom += 1
    while bottom < top and scratch[top - 1] == 0:
        top -= 1
    if bottom >= top:
        bottom = 0
        top = 0
    hashed = mix(u64(bottom * 2 + ends), 1)
    for i in range(bottom, top):
        hashed = mix(hashed, scratch[i])
    length = top - bottom
    mask = s.counts[1]
    slot = i64(hashed >> 1) & mask
    found = -1
    while s.buckets[slot] != 0 and found < 0:
        other = s.buckets[slot] - 1
        start = s.key_start[other]
        if s.hashes[other] == hashed and s.accepting[other] == ends and s.key_low[other] == bottom:
            same_length = s.key_start[other + 1] - start == length
            k = 0
            while same_length != 0 and k < length and s.keys[start + k] == scratch[bottom + k]:
                k += 1
            if same_length != 0 and k == length:
                found = other
        slot = (slot + 1) & mask
    if found < 0:
        found = s.counts[0]
        start = s.key_start[found]
        for k in range(length):
            s.keys[start + k] = scratch[bottom + k]
        s.key_start[found + 1] = u32(start + length)
        s.key_low[found] = u32(bottom)
        s.hashes[found] = hashed
        s.accepting[found] = u8(ends)
        s.buckets[slot] = u32(found + 1)
        s.counts[0] = found + 1
        if 2 * (found + 1) > mask:
            s.counts[1] = mask * 4 + 3
            rehash(s.hashes, found + 1, s.buckets, mask * 4 + 3)
    for i in range(low, high):
        scratch[i] = 0
    return found


@kernel
def keep_best(counter: Ptr[u32], scratch: Ptr[u64], low: i64, high: i64) -> None:
    """Of each place in the copies of a counter, leaves only the best copy's in the set `scratch[low..high)`."""
    start = i64(counter[0])
    width = i64(counter[1])
    copies = i64(counter[2])
    upward = i64(counter[3])
    if (start + width * copies - 1) >> 6 < low or start >> 6 >= high:
        return
    if width == 1:
        keep_end(start, start + copies, upward, scratch, low, high)
        return
    first = max(0, (low * 64 - start) // width)
    after = min(copies, (high * 64 - start) // width + 1)
    places = u64(u64(u64(1 << (width - 1)) << 1) - 1)
    seen = u64(0)
    for k in range(first, after):
        at = start + (first + after - 1 - k if upward != 0 else k) * width
        word = at >> 6
        shift = at & 63
        here = scratch[word] >> shift
        if shift + width > 64:
            here = here | u64(scratch[word + 1] << (64 - shift))
        here = here & places
        again = here & seen
        if again != 0:
            scratch[word] = scratch[word] ^ u64(again << shift)
            if shift + width > 64:
                scratch[word + 1] = scratch[word + 1] ^ (again >> (64 - shift))
        seen = seen | here


@kernel
def keep_end(start: i64, end: i64, upward: i64, scratch: Ptr[u64], low: i64, high: i64) -> None:
    """Leaves only the first position of those from start to end, or the last one, in the set `scratch[low..high)`."""
    first = max(start >> 6, low)
    after = min((end + 63) >> 6, high)
    found = 0
    for k in range(first, after):
        word = first + after - 1 - k if upward != 0 else k
        here = scratch[word]
        if word == start >> 6:
            here = u64(here >> (start & 63) << (start & 63))
        if word == (end - 1) >> 6:
            here = u64(here << (63 - (end - 1 & 63))) >> (63 - (end - 1 & 63))
        if here != 0:
            drop = here
            if found == 0:
                found = 1
                drop = here ^ (highest_bit(here) if upward != 0 else here & u64(0 - here))
            scratch[word] = scratch[word] ^ drop


@kernel
def highest_bit(word: u64) -> u64:
    """The word with all but its highest bit cleared."""
    for k in range(6):
        word = word | (word >> (1 << k))
    return word ^ (word >> 1)
