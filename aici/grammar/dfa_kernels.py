"""The kernels of automata: subsets, minimisation, spelling in bytes. `determinise` runs them; the dialect is `jit`'s.

Sets of positions are bit masks in 64-bit words. Hash tables use open addressing and hold an index + 1, 0 where they
are free. Kernels that run out of room return a negative number; nothing else fails.
"""

from __future__ import annotations

from .jit import Ptr, Record, i32, i64, kernel, u8, u32, u64

MIX = 0x9E3779B97F4A7C15
"""Odd, with no pattern in its bits: the golden ratio, as D. Knuth proposes for multiplicative hashing."""

NO_ROOM = -1
TOO_MUCH_WORK = -2
FIRST_SLOTS = 256
"""Slots that the hash table of subsets starts with."""


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
    """[n_counters, 4]: first position, width, copies, whether upward."""
    n_counters: i64


class Subsets(Record):
    """The deterministic automaton as it grows. A state is a set of positions that may come next, and whether a text
    may end; its key is the words of the set from the first to the last one that is not zero."""

    counts: Ptr[i64]
    """[3]: states; slots of the hash table - 1; work done, in words."""
    keys: Ptr[u64]
    key_room: i64
    key_start: Ptr[u32]
    """The key of state s is `keys[key_start[s]..key_start[s + 1])`."""
    key_low: Ptr[u32]
    """The word that the key starts with."""
    hashes: Ptr[u64]
    buckets: Ptr[u32]
    accepting: Ptr[u8]
    rows: Ptr[i32]
    """[states, atoms]: the next state, or -1."""
    state_room: i64
    row_room: i64
    work_limit: i64
    scratch: Ptr[u64]
    """[words + 1], zero between calls."""


# -- subset construction


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
            work += max(high - low, 0) + p.n_counters
            s.rows[state * atoms + atom] = i32(intern_subset(p, s, low, min(high, words), ends))
    s.counts[2] += work
    return 0


@kernel
def intern_subset(p: Positions, s: Subsets, low: i64, high: i64, ends: i64) -> i64:
    """The state of the set in `scratch[low..high)`, which is zeroed, with what counters make superfluous left out."""
    scratch = s.scratch
    for c in range(p.n_counters):
        keep_best(p.counters[4 * c :], scratch, low, high)
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


@kernel
def mix(hashed: u64, word: u64) -> u64:
    """A step of a multiplicative hash."""
    product = u64((hashed ^ word) * MIX)
    return product ^ (product >> 32)


@kernel
def rehash(hashes: Ptr[u64], n: i64, slots: Ptr[u32], mask: i64) -> None:
    """Fill a larger table with n distinct keys."""
    for i in range(mask + 1):
        slots[i] = 0
    for s in range(n):
        slot = i64(hashes[s] >> 1) & mask
        while slots[slot] != 0:
            slot = (slot + 1) & mask
        slots[slot] = u32(s + 1)


# -- minimisation


@kernel
def minimise(n: i64, atoms: i64, rows: Ptr[i32], accepting: Ptr[u8], arena: Ptr[i32], room: i64) -> i64:
    """The minimal automaton, in place: how many states, none of them dead, state 0 the start; 0 if it accepts nothing.

    A. Valmari, "Fast brief practical DFA minimization", IPL 112 (2012): it refines a partition of the states and one
    of the transitions, each by splitters that the other one yields, in O(m log m) for m transitions; missing ones cost
    nothing. All states are reachable.
    """
    m = 0
    for i in range(n * atoms):
        m += rows[i] >= 0
    if 9 * (n + 2) + 10 * (m + 2) + n * atoms > room:
        return NO_ROOM
    n = keep_live(n, atoms, rows, accepting, arena)
    if n == 0:
        return 0
    return refine(n, m, atoms, rows, accepting, arena)


@kernel
def keep_live(n: i64, atoms: i64, rows: Ptr[i32], accepting: Ptr[u8], arena: Ptr[i32]) -> i64:
    """Removes the states from which nothing is accepted: how many are left, 0 if the start is none of them."""
    entering = arena
    live = arena[n + 2 :]
    todo = live[n:]
    source = todo[n:]
    for i in range(n + 2):
        entering[i] = 0
    for i in range(n * atoms):
        if rows[i] >= 0:
            entering[rows[i] + 2] += 1
    for s in range(n):
        entering[s + 2] += entering[s + 1]
    for s in range(n):
        for i in range(s * atoms, (s + 1) * atoms):
            if rows[i] >= 0:
                at = entering[rows[i] + 1]
                source[at] = i32(s)
                entering[rows[i] + 1] = i32(at + 1)
    count = 0
    for s in range(n):
        live[s] = accepting[s]
        if accepting[s] != 0:
            todo[count] = i32(s)
            count += 1
    while count > 0:
        count -= 1
        s = todo[count]
        for k in range(entering[s], entering[s + 1]):
            before = source[k]
            if live[before] == 0:
                live[before] = 1
                todo[count] = i32(before)
                count += 1
    if live[0] == 0:
        return 0
    kept = 0
    for s in range(n):
        if live[s] != 0:
            live[s] = i32(kept)
            kept += 1
        else:
            live[s] = -1
    for s in range(n):
        to = live[s]
        if to >= 0:
            accepting[to] = accepting[s]
            for k in range(atoms):
                target = rows[s * atoms + k]
                rows[to * atoms + k] = -1 if target < 0 else live[target]
    return kept


@kernel
def refine(n: i64, m: i64, atoms: i64, rows: Ptr[i32], accepting: Ptr[u8], arena: Ptr[i32]) -> i64:
    """`minimise` for states that are all live; m is at least the number of transitions."""
    s_elements = arena
    s_location = s_elements[n + 1 :]
    s_block = s_location[n + 1 :]
    s_start = s_block[n + 1 :]
    s_end = s_start[n + 1 :]
    s_marked = s_end[n + 1 :]
    s_touched = s_marked[n + 1 :]
    entering = s_touched[n + 1 :]
    entry = entering[n + 2 :]
    tail = entry[m + 1 :]
    head = tail[m + 1 :]
    t_elements = head[m + 1 :]
    t_location = t_elements[m + 1 :]
    t_block = t_location[m + 1 :]
    t_start = t_block[m + 1 :]
    t_end = t_start[m + 1 :]
    t_marked = t_end[m + 1 :]
    t_touched = t_marked[m + 1 :]
    for s in range(n):
        s_elements[s] = i32(s)
        s_location[s] = i32(s)
        s_block[s] = 0
    s_start[0] = 0
    s_end[0] = i32(n)
    s_marked[0] = 0
    touched = 0
    for s in range(n):
        if accepting[s] != 0:
            touched = mark(s, s_elements, s_location, s_block, s_start, s_marked, s_touched, touched)
    s_blocks = split(s_elements, s_block, s_start, s_end, s_marked, s_touched, touched, 1)
    count = 0
    t_blocks = 0
    for atom in range(atoms):
        first = count
        for s in range(n):
            target = rows[s * atoms + atom]
            if target >= 0:
                tail[count] = i32(s)
                head[count] = i32(target)
                t_elements[count] = i32(count)
                t_location[count] = i32(count)
                t_block[count] = i32(t_blocks)
                count += 1
        if count > first:
            t_start[t_blocks] = i32(first)
            t_end[t_blocks] = i32(count)
            t_marked[t_blocks] = 0
            t_blocks += 1
    index_by_head(n, count, head, entering, entry)
    s_done = 1
    t_done = 0
    while t_done < t_blocks:
        touched = 0
        for i in range(t_start[t_done], t_end[t_done]):
            touched = mark(tail[t_elements[i]], s_elements, s_location, s_block, s_start, s_marked, s_touched, touched)
        s_blocks = split(s_elements, s_block, s_start, s_end, s_marked, s_touched, touched, s_blocks)
        t_done += 1
        while s_done < s_blocks:
            touched = 0
            for i in range(s_start[s_done], s_end[s_done]):
                s = s_elements[i]
                for k in range(entering[s], entering[s + 1]):
                    touched = mark(entry[k], t_elements, t_location, t_block, t_start, t_marked, t_touched, touched)
            t_blocks = split(t_elements, t_block, t_start, t_end, t_marked, t_touched, touched, t_blocks)
            s_done += 1
    if s_blocks < n:
        merge(n, s_blocks, atoms, rows, accepting, s_elements, s_start, s_block, entry)
    return s_blocks


@kernel
def index_by_head(n: i64, m: i64, head: Ptr[i32], entering: Ptr[i32], entry: Ptr[i32]) -> None:
    """Lists the transitions into state s as `entry[entering[s]..entering[s + 1])`."""
    for s in range(n + 2):
        entering[s] = 0
    for t in range(m):
        entering[head[t] + 2] += 1
    for s in range(n):
        entering[s + 2] += entering[s + 1]
    for t in range(m):
        at = entering[head[t] + 1]
        entry[at] = i32(t)
        entering[head[t] + 1] = i32(at + 1)


@kernel
def mark(
    e: i64,
    elements: Ptr[i32],
    location: Ptr[i32],
    block: Ptr[i32],
    start: Ptr[i32],
    marked: Ptr[i32],
    touched: Ptr[i32],
    n_touched: i64,
) -> i64:
    """Marks an element: moves it to the front of its block. Returns how many blocks have marked elements."""
    b = block[e]
    i = location[e]
    j = start[b] + marked[b]
    if i < j:
        return n_touched
    if marked[b] == 0:
        touched[n_touched] = i32(b)
        n_touched += 1
    other = elements[j]
    elements[i] = i32(other)
    location[other] = i32(i)
    elements[j] = i32(e)
    location[e] = i32(j)
    marked[b] += 1
    return n_touched


@kernel
def split(
    elements: Ptr[i32],
    block: Ptr[i32],
    start: Ptr[i32],
    end: Ptr[i32],
    marked: Ptr[i32],
    touched: Ptr[i32],
    n_touched: i64,
    n_blocks: i64,
) -> i64:
    """Cuts the touched blocks into what is marked and what is not; the smaller part becomes a new block. Returns how
    many blocks there are."""
    while n_touched > 0:
        n_touched -= 1
        b = touched[n_touched]
        middle = start[b] + marked[b]
        marked[b] = 0
        if middle < end[b]:
            if middle - start[b] <= end[b] - middle:
                start[n_blocks] = start[b]
                end[n_blocks] = i32(middle)
                start[b] = i32(middle)
            else:
                start[n_blocks] = i32(middle)
                end[n_blocks] = end[b]
                end[b] = i32(middle)
            marked[n_blocks] = 0
            for i in range(start[n_blocks], end[n_blocks]):
                block[elements[i]] = i32(n_blocks)
            n_blocks += 1
    return n_blocks


@kernel
def merge(
    n: i64,
    blocks: i64,
    atoms: i64,
    rows: Ptr[i32],
    accepting: Ptr[u8],
    elements: Ptr[i32],
    start: Ptr[i32],
    block: Ptr[i32],
    spare: Ptr[i32],
) -> None:
    """Makes one state of every block, the start's the first, in place."""
    first = block[0]
    for s in range(n):
        b = block[s]
        block[s] = i32(0 if b == first else first if b == 0 else b)
    for b in range(blocks):
        leader = elements[start[b]]
        to = block[leader]
        spare[blocks * atoms + to] = accepting[leader]
        for k in range(atoms):
            target = rows[leader * atoms + k]
            spare[to * atoms + k] = -1 if target < 0 else block[target]
    for i in range(blocks * atoms):
        rows[i] = spare[i]
    for b in range(blocks):
        accepting[b] = u8(spare[blocks * atoms + b])


# -- from atoms to bytes


@kernel
def spell(
    n: i64,
    atoms: i64,
    rows: Ptr[i32],
    accepting: Ptr[u8],
    letters: Ptr[u32],
    high_atoms: Ptr[u32],
    high: Ptr[u32],
    arena: Ptr[u32],
    room: i64,
    hashes: Ptr[u64],
    hash_room: i64,
    classes: Ptr[u8],
    table: Ptr[u32],
    table_room: i64,
    ends: Ptr[u8],
    end_room: i64,
    n_classes: Ptr[i64],
) -> i64:
    """The byte automaton of a minimal automaton over atoms, in canonical form: how many states.

    `letters` [128]: the atom + 1 of every ASCII character, or 0. `high` is a partition of the other characters
    (`utf8`): its number of atoms, nodes and columns, then the column of the bytes 0x80 to 0xff, the root's children,
    the nodes' children; `high_atoms`: the atom of each of its atoms.

    A state within a character is the row of states that it leads to: equal rows are equal languages, so giving every
    distinct row one state yields the minimal automaton at once.
    """
    n_high = i64(high[0])
    nodes = i64(high[1])
    columns = i64(high[2])
    column_of = high[3:]
    root = high[131:]
    children = root[columns:]
    # Distinct tuples of targets over the atoms beyond ASCII: what follows a lead byte depends on nothing else.
    tuple_of = arena
    tuples = tuple_of[n:]
    used = n + n * (n_high + columns)
    slot_count = 16
    while slot_count < 2 * n:
        slot_count *= 2
    if used + slot_count + 1024 > room or n + n > hash_room:
        return NO_ROOM
    slots = arena[used:]
    n_tuples = group_tuples(n, atoms, n_high, rows, high_atoms, tuple_of, tuples, hashes, slots, slot_count - 1)
    leads = tuples[n_tuples * n_high :]
    used = n + n_tuples * (n_high + columns)
    slot_count = 16
    while slot_count < 2 * n_tuples * nodes:
        slot_count *= 2
    values = arena[used:]
    used += 1 + n_high + nodes
    slots = arena[used:]
    used += slot_count
    if used + columns > room:
        return NO_ROOM
    for i in range(slot_count):
        slots[i] = 0
    inner = arena[used:]
    n_inner = 0
    for t in range(n_tuples):
        if used + (n_inner + nodes + 1) * columns > room or n_inner + nodes > hash_room:
            return NO_ROOM
        if (n + n_inner) * columns > table_room:
            return NO_ROOM
        values[0] = 0
        for k in range(n_high):
            values[1 + k] = tuples[t * n_high + k]
        for node in range(nodes):
            some = 0
            hashed = u64(1)
            row = inner[n_inner * columns :]
            before = 0
            for c in range(columns):
                value = i64(values[children[node * columns + c]])
                row[c] = u32(value)
                if value != before:  # rows are a few runs
                    hashed = mix(hashed, u64(value << 8 | c))
                    before = value
                some |= value
            child = 0
            if some != 0:
                child = intern_row(inner, columns, n_inner, hashed, hashes, slots, slot_count - 1)
                if child == n_inner:
                    n_inner += 1
                child += n + 1
            values[1 + n_high + node] = u32(child)
        for c in range(columns):
            leads[t * columns + c] = values[root[c]]
    used += n_inner * columns
    total = n + 1 + n_inner
    if used + 2 * total + 512 + atoms + columns > room:
        return NO_ROOM
    source = arena[used:]
    order = source[256:]
    number = order[total:]
    spare = number[total:]
    found = name_classes(atoms, nodes, columns, letters, column_of, root, children, classes, source, spare)
    count = walk_states(
        n, atoms, columns, found, rows, source, tuple_of, leads, inner, order, number, total, table, table_room
    )
    if count < 0 or count > end_room:
        return NO_ROOM
    ends[0] = 0
    for i in range(1, count):
        ends[i] = accepting[order[i] - 1] if order[i] <= n else 0
    n_classes[0] = merge_classes(count, found, table, classes, hashes)
    return count


@kernel
def group_tuples(
    n: i64,
    atoms: i64,
    n_high: i64,
    rows: Ptr[i32],
    high_atoms: Ptr[u32],
    tuple_of: Ptr[u32],
    tuples: Ptr[u32],
    hashes: Ptr[u64],
    slots: Ptr[u32],
    mask: i64,
) -> i64:
    """Numbers the distinct tuples of next states + 1 (0: none) over the atoms `high_atoms`: how many."""
    for i in range(mask + 1):
        slots[i] = 0
    count = 0
    for s in range(n):
        here = tuples[count * n_high :]
        hashed = u64(1)
        for k in range(n_high):
            value = rows[s * atoms + high_atoms[k]] + 1
            here[k] = u32(value)
            hashed = mix(hashed, u64(value))
        found = intern_row(tuples, n_high, count, hashed, hashes, slots, mask)
        if found == count:
            count += 1
        tuple_of[s] = u32(found)
    return count


@kernel
def intern_row(rows: Ptr[u32], width: i64, n: i64, hashed: u64, hashes: Ptr[u64], slots: Ptr[u32], mask: i64) -> i64:
    """The number of the row that stands at place n: that of an equal one before it, or n, under which it is added."""
    slot = i64(hashed >> 1) & mask
    while slots[slot] != 0:
        r = slots[slot] - 1
        if hashes[r] == hashed:
            k = 0
            while k < width and rows[r * width + k] == rows[n * width + k]:
                k += 1
            if k == width:
                return r
        slot = (slot + 1) & mask
    slots[slot] = u32(n + 1)
    hashes[n] = hashed
    return n


@kernel
def name_classes(
    atoms: i64,
    nodes: i64,
    columns: i64,
    letters: Ptr[u32],
    column_of: Ptr[u32],
    root: Ptr[u32],
    children: Ptr[u32],
    classes: Ptr[u8],
    source: Ptr[u32],
    spare: Ptr[u32],
) -> i64:
    """Numbers the byte classes in order of their first byte: how many. `source` of a class is its atom + 1, 0 for
    bytes that occur nowhere, or 1 + atoms + its column."""
    count = 0
    of_atom = spare
    of_column = spare[atoms + 1 :]
    for i in range(atoms + 1 + columns):
        spare[i] = 0
    for byte in range(128):
        atom = letters[byte]
        if of_atom[atom] == 0:
            source[count] = u32(atom)
            count += 1
            of_atom[atom] = u32(count)
        classes[byte] = u8(of_atom[atom] - 1)
    for byte in range(128):
        column = column_of[byte]
        if of_column[column] == 0:
            some = root[column]
            for node in range(nodes):
                some |= children[node * columns + column]
            if some == 0 and of_atom[0] != 0:
                of_column[column] = of_atom[0]
            else:
                source[count] = u32(0 if some == 0 else 1 + atoms + column)
                count += 1
                of_column[column] = u32(count)
                if some == 0:
                    of_atom[0] = u32(count)
        classes[128 + byte] = u8(of_column[column] - 1)
    return count


@kernel
def walk_states(
    n: i64,
    atoms: i64,
    columns: i64,
    n_classes: i64,
    rows: Ptr[i32],
    source: Ptr[u32],
    tuple_of: Ptr[u32],
    leads: Ptr[u32],
    inner: Ptr[u32],
    order: Ptr[u32],
    number: Ptr[u32],
    total: i64,
    table: Ptr[u32],
    room: i64,
) -> i64:
    """Numbers the states breadth first and writes their rows: how many. State s is 1 + s before, row r is 1 + n + r."""
    for i in range(total):
        number[i] = 0
    if 2 * n_classes > room:
        return NO_ROOM
    for c in range(n_classes):
        table[c] = 0
    order[1] = 1
    number[1] = 1
    count = 2
    at = 1
    while at < count:
        if (at + 1) * n_classes > room:
            return NO_ROOM
        here = i64(order[at])
        for c in range(n_classes):
            origin = i64(source[c])
            target = 0
            if origin > atoms:
                column = origin - 1 - atoms
                if here <= n:
                    target = leads[tuple_of[here - 1] * columns + column]
                else:
                    target = inner[(here - 1 - n) * columns + column]
            elif origin > 0 and here <= n:
                target = rows[(here - 1) * atoms + origin - 1] + 1
            if target != 0 and number[target] == 0:
                number[target] = u32(count)
                order[count] = u32(target)
                count += 1
            table[at * n_classes + c] = number[target]
        at += 1
    return count


@kernel
def merge_classes(n: i64, n_classes: i64, table: Ptr[u32], classes: Ptr[u8], hashes: Ptr[u64]) -> i64:
    """Merges classes of equal columns, in place: how many are left."""
    for c in range(n_classes):
        hashes[c] = 1
    for s in range(n):
        for c in range(n_classes):
            hashes[c] = u64(u64(hashes[c] * MIX) + u64(table[s * n_classes + c]))
    kept = 0
    for c in range(n_classes):
        same = -1
        for d in range(kept):
            if same < 0 and hashes[d] == hashes[c]:
                same = d
                s = 0
                while same >= 0 and s < n:
                    if table[s * n_classes + d] != table[s * n_classes + c]:
                        same = -1
                    s += 1
        if same < 0:
            same = kept
            kept += 1
            if same < c:
                hashes[same] = hashes[c]
                for s in range(n):
                    table[s * n_classes + same] = table[s * n_classes + c]
        if same < c:
            for byte in range(256):
                if classes[byte] == c:
                    classes[byte] = u8(same)
    if kept < n_classes:
        for s in range(n):
            for c in range(kept):
                table[s * kept + c] = table[s * n_classes + c]
    return kept
