"""The kernels of automata that are built as they are used. `lazy` runs them; the dialect is `jit`'s."""

from __future__ import annotations

from .hash_kernels import FIRST_SLOTS, NO_ROOM, intern_row, mix, rehash
from .jit import Ptr, Record, i32, i64, kernel, method, publish, u8, u32, u64
from .kernels import (
    BYTE_MASK,
    DEPTH_MASK,
    DEPTH_SHIFT,
    LENGTH_SHIFT,
    LONG,
    LONG_SHIFT,
    MAX_DEPTH,
    SIZE_SHIFT,
    START_MASK,
    TOKEN_MASK,
    TOKEN_SHIFT,
    Steps,
)
from .methods import ASK
from .subset_kernels import Positions, Subsets, expand, start_subsets

MOST_TRIED = 8
FAILED, BUSY = 0, 1
ALIKE = 4


class Lazy(Record):
    """A byte automaton as it grows. State 0 is dead, 1 the start; a state is a subset of positions where a character
    starts, or a node of the partition of characters beyond ASCII together with where its atoms lead."""

    classes: Ptr[u8]
    source: Ptr[u32]
    """What the byte classes stand for, as `name_classes` writes it."""
    high: Ptr[u32]
    """The partition, as `spell` takes it."""
    high_atoms: Ptr[u32]
    n_classes: i64
    state_room: i64
    tuple_room: i64
    words: i64
    """Words of a set of atoms."""
    counts: Ptr[i64]
    """[5]: states, tuples, slots - 1 of the hash tables of tuples and of pairs, whether `alike` is known."""
    table: Ptr[u32]
    """[state_room, n_classes]: zero, hence dead, where a row is not filled yet."""
    filled: Ptr[u8]
    accepting: Ptr[u8]
    subset: Ptr[i32]
    """The subset that a state is, or -1."""
    node: Ptr[u32]
    """The node that it is, from 1,"""
    tuple: Ptr[u32]
    """and the tuple of where the atoms lead."""
    state_of: Ptr[u32]
    """The state of a subset, or 0."""
    tuples: Ptr[u32]
    """[tuples, atoms beyond ASCII]: the subset + 1 that an atom leads to, or 0."""
    live: Ptr[u64]
    """[tuples, words]: the atoms that lead anywhere."""
    origin: Ptr[u32]
    """[tuples]: a subset from which the atoms lead there."""
    tuple_hashes: Ptr[u64]
    tuple_buckets: Ptr[u32]
    pair_buckets: Ptr[u32]
    """The states of pairs of a node and a tuple. Both tables begin small: what is far apart costs pages of memory."""
    below: Ptr[u64]
    """[nodes, words]: the atoms that a node leads to."""
    expanded: Ptr[u8]
    """Whether the row of a subset is filled."""
    alike: Ptr[u64]
    """[words of positions]: which do as the next one does (`stand_in`);"""
    needed: Ptr[u32]
    """[positions]: how long a run has to go on from the first of such, or 0 if that is not known yet;"""
    same_mask: Ptr[u32]
    """for every state one that has the same mask, or 0."""


class Growth(Record):
    """All that it takes to fill rows, for kernels of other modules."""

    positions: Positions
    subsets: Subsets
    lazy: Lazy
    told: Ptr[i64]
    """[2]: FAILED, less than 0 once the room is used up: rows stay dead then; BUSY, while a thread is at it."""


@kernel
def find_atoms(high: Ptr[u32], below: Ptr[u64], words: i64) -> None:
    """Fills `Lazy.below`, which is zero."""
    n_high = i64(high[0])
    columns = i64(high[2])
    children = high[131 + columns :]
    for node in range(high[1]):
        here = below[node * words :]
        for c in range(columns):
            child = children[node * columns + c]
            if child > n_high:
                under = below[(child - 1 - n_high) * words :]
                for w in range(words):
                    here[w] = here[w] | under[w]
            elif child != 0:
                here[(child - 1) >> 6] = here[(child - 1) >> 6] | u64(1 << ((child - 1) & 63))


@kernel
def start(p: Positions, s: Subsets, z: Lazy) -> i64:
    """Makes the dead state and the start, in memory that is zero; 0, or negative if there is no room."""
    z.counts[0] = 2
    z.counts[2] = FIRST_SLOTS - 1
    z.counts[3] = FIRST_SLOTS - 1
    z.filled[0] = 1
    z.state_of[0] = 1
    z.accepting[1] = u8(p.nullable)
    if z.words > 0:
        find_atoms(z.high, z.below, z.words)
    return start_subsets(p, s)


@kernel
def fill(p: Positions, s: Subsets, z: Lazy, state: i64) -> i64:
    """Fills the row of a state: 0, or negative if there is no room."""
    if z.filled[state] != 0:
        return 0
    if z.counts[0] + z.n_classes >= z.state_room:
        return NO_ROOM
    columns = i64(z.high[2])
    row = z.table[state * z.n_classes :]
    subset = z.subset[state]
    tuple_ = i64(z.tuple[state])
    children = z.high[131:]
    if subset >= 0:
        failed = expand_once(p, s, z, subset)
        if failed < 0:
            return failed
        tuple_ = intern_tuple(z, s.rows[subset * p.atoms :], subset)
        if tuple_ < 0:
            return NO_ROOM
    else:
        children = z.high[131 + z.node[state] * columns :]
    for c in range(z.n_classes):
        origin = i64(z.source[c])
        target = 0
        if origin > p.atoms:
            target = child_state(s, z, i64(children[origin - 1 - p.atoms]), tuple_)
        elif origin > 0 and subset >= 0:
            after = s.rows[subset * p.atoms + origin - 1]
            if after >= 0:
                target = subset_state(s, z, after)
        row[c] = u32(target)
    z.filled[state] = 1
    return 0


@kernel
def expand_once(p: Positions, s: Subsets, z: Lazy, subset: i64) -> i64:
    """Fills the row of a subset: 0, or negative if there is no room."""
    if z.expanded[subset] != 0:
        return 0
    failed = expand(p, s, subset)
    if failed == 0:
        z.expanded[subset] = 1
    return failed


@kernel
def lives_on(p: Positions, s: Subsets, subset: i64, least: i64) -> i64:
    """Whether any `least` characters lead from a subset to a live one, but for those that the pattern does not have: 1
    if one of its first positions is repeated so often and takes all others; 0 if that is not so, or not to be seen."""
    key = s.keys[s.key_start[subset] :]
    tried = 0
    for k in range(s.key_start[subset + 1] - s.key_start[subset]):
        left = key[k]
        while left != 0 and tried < MOST_TRIED:
            bit = left & u64(0 - left)
            left = left ^ bit
            tried += 1
            if stays(p, s.key_low[subset] + k, bit, least) != 0:
                return 1
    return 0


@kernel
def stays(p: Positions, word: i64, bit: u64, least: i64) -> i64:
    """Whether a position takes all characters, and leads to itself or to so many like it."""
    words = p.words
    if takes_all(p, word, bit) == 0:
        return 0
    for e in range(p.entry_start[word], p.entry_start[word + 1]):
        if (p.entry_mask[e] & bit) != 0:
            rule = p.entry_rule[e]
            for t in range(p.target_start[rule], p.target_start[rule + 1]):
                if p.target_word[t] == word and (p.target_mask[t] & bit) != 0:
                    return 1
    for _ in range(least):
        if (p.sets[2 * words + word] & bit) == 0:
            return 0
        bit = u64(bit << 1)
        if bit == 0:
            bit = 1
            word += 1
        if takes_all(p, word, bit) == 0:
            return 0
    return 1


@kernel
def takes_all(p: Positions, word: i64, bit: u64) -> i64:
    for atom in range(p.atoms):
        if (p.sets[(3 + atom) * p.words + word] & bit) == 0:
            return 0
    return 1


@kernel
def intern_tuple(z: Lazy, row: Ptr[i32], subset: i64) -> i64:
    """The number of the tuple of where a subset's row leads over the atoms beyond ASCII; NO_ROOM if it finds none."""
    n_high = i64(z.high[0])
    n = z.counts[1]
    if n + 1 >= z.tuple_room:
        return NO_ROOM
    here = z.tuples[n * n_high :]
    live = z.live[n * z.words :]
    for w in range(z.words):
        live[w] = 0
    hashed = u64(1)
    for k in range(n_high):
        value = row[z.high_atoms[k]] + 1
        here[k] = u32(value)
        hashed = mix(hashed, u64(value))
        if value != 0:
            live[k >> 6] = live[k >> 6] | u64(1 << (k & 63))
    found = intern_row(z.tuples, n_high, n, hashed, z.tuple_hashes, z.tuple_buckets, z.counts[2])
    if found == n:
        z.counts[1] = n + 1
        z.origin[n] = u32(subset)
        if 2 * (n + 1) > z.counts[2]:
            z.counts[2] = z.counts[2] * 4 + 3
            rehash(z.tuple_hashes, n + 1, z.tuple_buckets, z.counts[2])
    return found


@kernel
def child_state(s: Subsets, z: Lazy, child: i64, tuple_: i64) -> i64:
    """The state of a child in the partition's diagram, given where the atoms lead; 0 if nowhere."""
    n_high = i64(z.high[0])
    if child == 0:
        return 0
    if child <= n_high:
        after = z.tuples[tuple_ * n_high + child - 1]
        if after == 0:
            return 0
        return subset_state(s, z, after - 1)
    node = child - n_high
    some = u64(0)
    for w in range(z.words):
        some = some | (z.below[(node - 1) * z.words + w] & z.live[tuple_ * z.words + w])
    if some == 0:
        return 0
    slot = pair_slot(z, node, tuple_)
    if z.pair_buckets[slot] != 0:
        return z.pair_buckets[slot]
    state = z.counts[0]
    z.counts[0] = state + 1
    z.pair_buckets[slot] = u32(state)
    z.subset[state] = -1
    z.node[state] = u32(node)
    z.tuple[state] = u32(tuple_)
    z.accepting[state] = 0
    z.filled[state] = 0
    publish()  # for those who follow tokens without the lock
    if 2 * (state + 1) > z.counts[3]:
        z.counts[3] = z.counts[3] * 4 + 3
        rehash_pairs(z, state + 1)
    return state


@kernel
def pair_slot(z: Lazy, node: i64, tuple_: i64) -> i64:
    """Where the state of a pair is in the hash table, or would be."""
    slot = i64(mix(u64(node), u64(tuple_)) >> 1) & z.counts[3]
    while z.pair_buckets[slot] != 0:
        state = z.pair_buckets[slot]
        if z.node[state] == node and z.tuple[state] == tuple_:
            return slot
        slot = (slot + 1) & z.counts[3]
    return slot


@kernel
def rehash_pairs(z: Lazy, n: i64) -> None:
    """Fills the table, which has grown, with the pairs among the first n states."""
    for i in range(z.counts[3] + 1):
        z.pair_buckets[i] = 0
    for state in range(2, n):
        if z.subset[state] < 0:
            z.pair_buckets[pair_slot(z, z.node[state], z.tuple[state])] = u32(state)


@kernel
def subset_state(s: Subsets, z: Lazy, subset: i64) -> i64:
    """The state of a subset."""
    if z.state_of[subset] == 0:
        state = z.counts[0]
        z.counts[0] = state + 1
        z.state_of[subset] = u32(state)
        z.subset[state] = i32(subset)
        z.accepting[state] = s.accepting[subset]
        z.filled[state] = 0
        publish()
    return z.state_of[subset]


@kernel
def follow(p: Positions, s: Subsets, z: Lazy, state: i64, text: Ptr[u8], n: i64, word: u64, short: i64) -> i64:
    """The state after n bytes, those of `text`, or of `word` if `short`; negative if there is no room. It goes by
    characters: no rows are filled, and states within characters are made only where the bytes end."""
    if state == 0:
        return 0
    if z.counts[0] + z.n_classes >= z.state_room:
        return NO_ROOM
    columns = i64(z.high[2])
    n_high = i64(z.high[0])
    subset = i64(z.subset[state])
    tuple_ = -1
    inside = 0
    if subset < 0:
        tuple_ = i64(z.tuple[state])
        inside = n_high + z.node[state]
    for i in range(n):
        byte = i64(word & BYTE_MASK) if short != 0 else i64(text[i])
        word = word >> 8
        atom = -1
        if inside == 0:
            origin = i64(z.source[z.classes[byte]])
            if origin == 0:
                return 0
            if origin <= p.atoms:
                atom = origin - 1
            else:
                inside = i64(z.high[131 + origin - 1 - p.atoms])
        elif byte < 0x80:
            return 0
        else:
            inside = i64(z.high[131 + (inside - n_high) * columns + z.high[3 + byte - 0x80]])
        if inside == 0 and atom < 0:
            return 0
        if inside > 0 and inside <= n_high:
            atom = i64(z.high_atoms[inside - 1])
        if atom >= 0:
            if tuple_ >= 0:
                subset = i64(z.tuples[tuple_ * n_high + inside - 1]) - 1
                tuple_ = -1
            else:
                failed = expand_once(p, s, z, subset)
                if failed < 0:
                    return failed
                subset = i64(s.rows[subset * p.atoms + atom])
            inside = 0
            if subset < 0:
                return 0
    if inside == 0:
        return subset_state(s, z, subset)
    if tuple_ < 0:
        failed = expand_once(p, s, z, subset)
        if failed < 0:
            return failed
        tuple_ = intern_tuple(z, s.rows[subset * p.atoms :], subset)
        if tuple_ < 0:
            return NO_ROOM
    return child_state(s, z, inside, tuple_)


@method
def grown_step(a: Steps, growth: Growth, state: i64, token: i64) -> i64:
    """As `step`, of an automaton that grows; less than 0 also where that is in use or has no room."""
    z = growth.lazy
    if state < 0 or state >= z.counts[0] or growth.told[BUSY] != 0:
        return ASK
    if state == 0 or token < 0 or token >= a.n_tokens or a.words[token] >> LENGTH_SHIFT == 0:
        return 0
    word = a.words[token]
    n = i64(word >> LENGTH_SHIFT)
    if n == LONG:
        text = a.data[i64(word & START_MASK) :]
        return follow(growth.positions, growth.subsets, z, state, text, i64(word >> LONG_SHIFT) & MAX_DEPTH, word, 0)
    return follow(growth.positions, growth.subsets, z, state, a.data, n, word, 1)


@kernel
def is_over(p: Positions, s: Subsets, z: Lazy, state: i64) -> i64:
    """Whether nothing follows a state that accepts; negative if there is no room."""
    subset = i64(z.subset[state])
    if subset < 0 or s.accepting[subset] == 0:
        return 0
    failed = expand_once(p, s, z, subset)
    if failed < 0:
        return failed
    for atom in range(p.atoms):
        if s.rows[subset * p.atoms + atom] >= 0:
            return 0
    return 1


@kernel
def mask(
    p: Positions, s: Subsets, z: Lazy, state: i64, nodes: Ptr[u64], n: i64, states: Ptr[u32], out: Ptr[u32]
) -> i64:
    """Walks a token trie of n nodes from a state, filling the rows that it looks at, and sets the bit of every token
    whose bytes are live: 1 if there are any, 0 if none, negative if there is no room. `states`: room for one number a
    depth and one more."""
    states[0] = u32(state)
    failed = fill(p, s, z, state)
    found = 0
    i = 0
    while i < n and failed == 0:
        node = nodes[i]
        size = i64(node >> SIZE_SHIFT)
        depth = i64(node >> DEPTH_SHIFT) & DEPTH_MASK
        after = z.table[states[depth - 1] * z.n_classes + z.classes[i64(node & BYTE_MASK)]]
        if after == 0:
            i += size
        else:
            states[depth] = u32(after)
            token = i64(node >> TOKEN_SHIFT) & TOKEN_MASK
            if token != 0:
                found = 1
                out[(token - 1) >> 5] = u32(out[(token - 1) >> 5] | (1 << ((token - 1) & 31)))
            if size > 1 and z.filled[after] == 0:
                failed = fill(p, s, z, after)
            i += 1
    if failed < 0:
        return failed
    return found


@kernel
def extends(
    p: Positions, s: Subsets, z: Lazy, state: i64, nodes: Ptr[u64], n: i64, states: Ptr[u32], text: Ptr[u8], length: i64
) -> i64:
    """1 if a token begins with the `length` bytes of `text`, at least one, and goes on in a way that is live from a
    state; 0 if none does, negative if there is no room. `states` as in `mask`."""
    states[0] = u32(state)
    failed = fill(p, s, z, state)
    i = 0
    while i < n and failed == 0:
        node = nodes[i]
        depth = i64(node >> DEPTH_SHIFT) & DEPTH_MASK
        byte = i64(node & BYTE_MASK)
        after = z.table[states[depth - 1] * z.n_classes + z.classes[byte]]
        if after == 0 or (depth <= length and byte != text[depth - 1]):
            i += i64(node >> SIZE_SHIFT)
        elif depth > length and (i64(node >> TOKEN_SHIFT) & TOKEN_MASK) != 0:
            return 1
        else:
            states[depth] = u32(after)
            failed = fill(p, s, z, after)
            i += 1
    return failed
