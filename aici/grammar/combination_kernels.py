"""The kernels of combinations that are built as they are used. `lazy_algebra` runs them; the dialect is `jit`'s.

A state stands for a key: the states of the parts. Rows are made twice: as the parts have them, for searches, and
without what leads to nothing, to be shown.
"""

from __future__ import annotations

from .hash_kernels import FIRST_SLOTS, NO_ROOM, mix
from .jit import Ptr, Record, i64, kernel, publish, u8, u32, u64
from .kernels import BYTE_MASK, DEPTH_MASK, DEPTH_SHIFT, SIZE_SHIFT, TOKEN_MASK, TOKEN_SHIFT
from .lazy_kernels import Growth
from .lazy_kernels import fill as fill_part

WHOLE, GROWS, ASKS = range(3)
"""Kinds of parts: all rows are there; rows are filled natively; or by whoever called."""
TOO_MANY_SEARCHES, WANTED, PART_FAILED = -11, -12, -13
"""Results: a search goes too far; `told` has a part and a state whose row is wanted; or the part that has no room."""
MOST_SWEEPS = 16
OPEN, DEAD_END, LIVE = range(3)
STATES, SLOTS, KEYS, WORK, SEARCHES, PART, STATE, SERIAL, MARK = range(9)
GOAL, AT, GOES_DEEP, HEAD, TAIL, DEPTH, COUNT, N_TOLD = range(9, 17)
"""Of a search that was broken off for a row: from where, and how far it is."""


class Part(Record):
    """One of the automata that are combined."""

    kind: i64
    table: Ptr[u32]
    n_classes: i64
    accepting: Ptr[u8]
    filled: Ptr[u8]
    """Unless it is WHOLE."""
    of: Ptr[u8]
    """The class for each class of the combination."""
    start: i64
    growth: Growth
    """If it GROWS."""


class Combination(Record):
    """See the module. Only one thread at a time may use it."""

    a: Part
    b: Part
    chains: i64
    """1: keys are a state of `a`, and the states, rising, that `b` may be in after a text of `a`; else a pair, and"""
    accepts: i64
    """(bit 2 * a + b) whether one whose parts accept so or so accepts,"""
    ends: i64
    """whether nothing follows it,"""
    needs: i64
    """and the parts that must be live (bit 0: a, bit 1: b)."""
    always_live: i64
    n_classes: i64
    classes: Ptr[u8]
    room: i64
    key_room: i64
    near: i64
    """States of each search that are not counted."""
    told: Ptr[i64]
    """[N_TOLD]: states; slots - 1; numbers of all keys; work and searches left; a part and its state; marks in use."""
    table: Ptr[u32]
    """[room, n_classes]"""
    raw: Ptr[u32]
    """The same with what leads to nothing,"""
    expanded: Ptr[u8]
    """if it is known."""
    filled: Ptr[u8]
    accepting: Ptr[u8]
    live: Ptr[u8]
    far: Ptr[u32]
    """Bytes to a state that accepts, at most, + 1; 0 where no way there has been found."""
    keys: Ptr[u32]
    key_start: Ptr[u32]
    """[room + 1]"""
    buckets: Ptr[u32]
    came_from: Ptr[u32]
    """For searches, one a state: where it was met first,"""
    met: Ptr[u32]
    """in which search;"""
    done: Ptr[u32]
    dived: Ptr[u32]
    marks: Ptr[u32]
    wide: Ptr[u32]
    """those met, in order;"""
    deep: Ptr[u32]
    """[most searches * n_classes]"""
    seconds: Ptr[u32]
    """[states of b] marks."""


@kernel
def begin(c: Combination) -> i64:
    """Make the dead state and the start in memory that is zero, but for what is left of `told`."""
    c.told[SLOTS] = FIRST_SLOTS - 1
    c.told[STATES] = 1
    c.told[KEYS] = 2
    c.key_start[1] = 2
    c.filled[0] = 1
    c.expanded[0] = 1
    c.live[0] = DEAD_END
    c.keys[2] = u32(c.a.start)
    n = 1
    if c.chains == 0 or c.a.accepting[c.a.start] != 0:
        c.keys[3] = u32(c.b.start)
        n = 2
    return number(c, n)


@kernel
def number(c: Combination, n: i64) -> i64:
    """The state of the key of n numbers behind all keys; NO_ROOM."""
    told = c.told
    at = told[KEYS]
    key = c.keys[at:]
    some = 0
    hashed = u64(n)
    for i in range(n):
        some = some | key[i]
        hashed = mix(hashed, u64(key[i]))
    if some == 0:
        return 0
    slot = i64(hashed >> 1) & told[SLOTS]
    while c.buckets[slot] != 0:
        state = i64(c.buckets[slot])
        other = c.keys[c.key_start[state] :]
        same = i64(c.key_start[state + 1] - c.key_start[state] == n)
        i = 0
        while same != 0 and i < n:
            same = i64(key[i] == other[i])
            i += 1
        if same != 0:
            return state
        slot = (slot + 1) & told[SLOTS]
    state = told[STATES]
    if state + 1 >= c.room:
        return NO_ROOM
    c.buckets[slot] = u32(state)
    told[KEYS] = at + n
    c.key_start[state + 1] = u32(at + n)
    ends = key_accepts(c, key, n)
    c.accepting[state] = u8(ends)
    c.live[state] = u8(LIVE if c.always_live != 0 or ends != 0 else OPEN)
    c.far[state] = u32(ends)
    publish()  # the state is whole before it counts
    told[STATES] = state + 1
    if 2 * (state + 1) > told[SLOTS]:
        told[SLOTS] = told[SLOTS] * 4 + 3
        hash_again(c)
    return state


@kernel
def hash_again(c: Combination) -> None:
    """Fill the table, which has grown."""
    mask = c.told[SLOTS]
    for i in range(mask + 1):
        c.buckets[i] = 0
    for state in range(1, c.told[STATES]):
        n = i64(c.key_start[state + 1] - c.key_start[state])
        hashed = u64(n)
        for i in range(n):
            hashed = mix(hashed, u64(c.keys[c.key_start[state] + i]))
        slot = i64(hashed >> 1) & mask
        while c.buckets[slot] != 0:
            slot = (slot + 1) & mask
        c.buckets[slot] = u32(state)


@kernel
def key_accepts(c: Combination, key: Ptr[u32], n: i64) -> i64:
    if c.chains == 0:
        return c.accepts >> (2 * c.a.accepting[key[0]] + c.b.accepting[key[1]]) & 1
    for i in range(1, n):
        if c.b.accepting[key[i]] != 0:
            return 1
    return 0


@kernel
def ready(c: Combination, part: Part, which: i64, state: i64) -> i64:
    """See to it that a part's row is there: 0, or why not."""
    if part.kind == WHOLE or part.filled[state] != 0:
        return 0
    c.told[PART] = which
    c.told[STATE] = state
    if part.kind == ASKS:
        return WANTED
    growth = part.growth
    if fill_part(growth.positions, growth.subsets, growth.lazy, state) < 0:
        return PART_FAILED
    return 0


@kernel
def expand(c: Combination, state: i64) -> i64:
    """Fill the raw row of a state: 0, or why not."""
    if c.expanded[state] != 0:
        return 0
    key = c.keys[c.key_start[state] :]
    n = i64(c.key_start[state + 1] - c.key_start[state])
    ends = 0
    if c.chains == 0:
        ends = c.ends >> (2 * c.a.accepting[key[0]] + c.b.accepting[key[1]]) & 1
    if ends == 0:
        failed = ready(c, c.a, 0, key[0])
        for i in range(1, n):
            if failed == 0:
                failed = ready(c, c.b, 1, key[i])
        if failed != 0:
            return failed
    c.told[WORK] = c.told[WORK] - (1 if ends != 0 else n) * c.n_classes
    if c.told[WORK] < 0 or c.told[KEYS] + c.n_classes * (n + 2) > c.key_room:
        return NO_ROOM
    row = c.raw[state * c.n_classes :]
    first = c.a.table[key[0] * c.a.n_classes :]
    for k in range(c.n_classes):
        to = 0
        if ends == 0:
            size = 2
            new = c.keys[c.told[KEYS] :]
            new[0] = first[c.a.of[k]]
            if c.chains != 0:
                size = follow_seconds(c, key, n, k, new)
            else:
                new[1] = c.b.table[key[1] * c.b.n_classes + c.b.of[k]]
                if ((c.needs & 1) != 0 and new[0] == 0) or ((c.needs & 2) != 0 and new[1] == 0):
                    size = 0
            if size > 0:
                to = number(c, size)
                if to < 0:
                    return to
        row[k] = u32(to)
    c.expanded[state] = 1
    return 0


@kernel
def follow_seconds(c: Combination, key: Ptr[u32], n: i64, k: i64, new: Ptr[u32]) -> i64:
    """Write the second's states, after a class and where the first's text may end, behind the first's, `new[0]`,
    rising: the size of the key, or 0 if all is dead."""
    c.told[MARK] = c.told[MARK] + 1
    mark = c.told[MARK]
    size = 1
    if c.a.accepting[new[0]] != 0:
        c.seconds[c.b.start] = u32(mark)
        new[1] = u32(c.b.start)
        size = 2
    for i in range(1, n):
        to = c.b.table[key[i] * c.b.n_classes + c.b.of[k]]
        if to != 0 and c.seconds[to] != mark:
            c.seconds[to] = u32(mark)
            new[size] = to
            size += 1
    sort(new[1:], size - 1)
    return size if size > 1 or new[0] != 0 else 0


@kernel
def sort(items: Ptr[u32], n: i64) -> None:
    """D. Shell, "A high-speed sorting procedure", 1959, with gaps that halve."""
    gap = n >> 1
    while gap > 0:
        for i in range(gap, n):
            item = items[i]
            j = i
            while j >= gap and items[j - gap] > item:
                items[j] = items[j - gap]
                j -= gap
            items[j] = item
        gap = gap >> 1


@kernel
def fill(c: Combination, state: i64) -> i64:
    """Fill the row of a state with what is live: 0, or why not."""
    if c.filled[state] != 0:
        return 0
    failed = expand(c, state)
    if failed < 0:
        return failed
    row = c.table[state * c.n_classes :]
    raw = c.raw[state * c.n_classes :]
    for k in range(c.n_classes):
        failed = find_live(c, raw[k])
        if failed < 0:
            return failed
    for k in range(c.n_classes):
        row[k] = u32(raw[k] if c.live[raw[k]] == LIVE else 0)
    publish()
    c.filled[state] = 1
    return 0


@kernel
def find_live(c: Combination, state: i64) -> i64:
    """Find out whether a state that accepts can be reached: a search to the first one that does or from which a way
    there is known. The way there is live then; if there is none, all that was seen is dead. 0, or why not."""
    if c.live[state] != OPEN:
        return 0
    return find_way(c, state)


@kernel
def find_way(c: Combination, state: i64) -> i64:
    """As `find_live`, and how far the end is, of a state from which no way to it has been found yet."""
    found = search(c, state)
    if found < 0:
        return found
    if found == 0:
        i = 0
        while c.wide[i] != 0:
            c.live[c.wide[i]] = DEAD_END
            i += 1
    far = c.far[found]
    while found != 0:
        c.live[found] = LIVE
        c.far[found] = u32(far)
        far += 1
        found = c.came_from[found]
    return 0


@kernel
def measure(c: Combination) -> i64:
    """Find out, for all states that are live, how many bytes the end is away at most: 0, or why not."""
    n = c.told[STATES]
    for state in range(1, n):
        if c.far[state] == 0 and c.live[state] == LIVE:
            failed = find_way(c, state)
            if failed < 0:
                return failed
    changed = 1
    sweeps = 0
    while changed != 0 and sweeps < MOST_SWEEPS:
        changed = 0
        sweeps += 1
        for back in range(n - 1):
            state = n - 1 - back
            if c.expanded[state] != 0 and c.far[state] > 1:
                row = c.raw[state * c.n_classes :]
                best = i64(c.far[state])
                for k in range(c.n_classes):
                    far = i64(c.far[row[k]])
                    if far != 0:
                        best = min(best, far + 1)
                if best < c.far[state]:
                    c.far[state] = u32(best)
                    changed = 1
    return 0


@kernel
def search(c: Combination, state: i64) -> i64:
    """The state found, 0 if there is none. The search goes deep and wide in turn: the end may be far (counts), or near
    and easily missed. It goes on where it was if a row was wanted meanwhile."""
    told = c.told
    n = c.n_classes
    resumed = i64(told[GOAL] == state)
    told[GOAL] = 0
    if resumed == 0:
        told[SERIAL] = told[SERIAL] + 1
        c.wide[0] = u32(state)
        c.wide[1] = 0
        c.came_from[state] = 0
        c.met[state] = u32(told[SERIAL])
        told[HEAD] = 0
        told[TAIL] = 1
        told[DEPTH] = 0
        told[COUNT] = 0
    serial = told[SERIAL]
    head = told[HEAD]
    tail = told[TAIL]
    depth = told[DEPTH]
    count = told[COUNT]
    while head < tail or resumed != 0:
        deep = i64(depth > 0 and (count & 1) == 0)
        seen = 0
        if resumed != 0:
            deep = told[GOES_DEEP]
            at = told[AT]
        elif deep != 0:
            depth -= 1
            at = i64(c.deep[depth])
            seen = i64(c.dived[at] == serial)
        else:
            at = i64(c.wide[head])
            head += 1
            seen = i64(c.done[at] == serial)
        resumed = 0
        if seen == 0:
            if c.far[at] != 0:
                return at
            if c.done[at] != serial:
                c.done[at] = u32(serial)
                count += 1
                if count > c.near:
                    told[SEARCHES] = told[SEARCHES] - 1
                    if told[SEARCHES] < 0:
                        return TOO_MANY_SEARCHES
            row = c.raw[at * n :]
            if c.filled[at] != 0:
                row = c.table[at * n :]
            else:
                failed = expand(c, at)
                if failed < 0:
                    told[GOAL] = state
                    told[AT] = at
                    told[GOES_DEEP] = deep
                    told[HEAD] = head
                    told[TAIL] = tail
                    told[DEPTH] = depth
                    told[COUNT] = count
                    return failed
            for k in range(n):
                to = i64(row[k])
                if c.met[to] != serial and c.live[to] != DEAD_END:
                    c.met[to] = u32(serial)
                    c.came_from[to] = u32(at)
                    c.wide[tail] = u32(to)
                    tail += 1
                    c.wide[tail] = 0
            if deep != 0 or depth == 0:
                c.dived[at] = u32(serial)
                told[MARK] = told[MARK] + 1
                for back in range(n):
                    to = i64(row[n - 1 - back])
                    if c.marks[to] != told[MARK] and c.dived[to] != serial and c.live[to] != DEAD_END:
                        c.marks[to] = u32(told[MARK])
                        c.deep[depth] = u32(to)
                        depth += 1
    return 0


@kernel
def follow(c: Combination, state: i64, data: Ptr[u8], n: i64) -> i64:
    """The state after n bytes, or why not."""
    for i in range(n):
        failed = fill(c, state)
        if failed < 0:
            return failed
        state = i64(c.table[state * c.n_classes + c.classes[data[i]]])
    return state


@kernel
def walk(
    c: Combination,
    nodes: Ptr[u64],
    n: i64,
    states: Ptr[u32],
    at: Ptr[i64],
    text: Ptr[u8],
    length: i64,
    out: Ptr[u32],
) -> i64:
    """Walk a token trie of n nodes from node at[0] on, `states` being those by depth above it, and set the bit of every
    token whose bytes are live and that begins with `text` and goes on (at[1] becomes 1): 0 at the end, or why not:
    then it can go on once that is mended."""
    i = at[0]
    while i < n:
        node = nodes[i]
        size = i64(node >> SIZE_SHIFT)
        depth = i64(node >> DEPTH_SHIFT) & DEPTH_MASK
        byte = i64(node & BYTE_MASK)
        failed = fill(c, states[depth - 1])
        if failed < 0:
            at[0] = i
            return failed
        after = i64(c.table[states[depth - 1] * c.n_classes + c.classes[byte]])
        if after == 0 or (depth <= length and byte != text[depth - 1]):
            i += size
        else:
            states[depth] = u32(after)
            token = i64(node >> TOKEN_SHIFT) & TOKEN_MASK
            if token != 0 and depth > length:
                at[1] = 1
                out[(token - 1) >> 5] = u32(out[(token - 1) >> 5] | (1 << ((token - 1) & 31)))
            i += 1
    return 0
