"""The kernels of minimisation. The dialect is `jit`'s."""

from __future__ import annotations

from .hash_kernels import NO_ROOM
from .jit import Ptr, i32, i64, kernel, u8


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
    s_blocks = part_states(n, accepting, s_elements, s_location, s_block, s_start, s_end, s_marked, s_touched)
    t_blocks = part_transitions(n, atoms, rows, tail, head, t_elements, t_location, t_block, t_start, t_end, t_marked)
    count = t_end[t_blocks - 1] if t_blocks > 0 else 0
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
def part_states(
    n: i64,
    accepting: Ptr[u8],
    elements: Ptr[i32],
    location: Ptr[i32],
    block: Ptr[i32],
    start: Ptr[i32],
    end: Ptr[i32],
    marked: Ptr[i32],
    touched: Ptr[i32],
) -> i64:
    """The first partition of the states, by whether they accept: how many blocks."""
    for s in range(n):
        elements[s] = i32(s)
        location[s] = i32(s)
        block[s] = 0
    start[0] = 0
    end[0] = i32(n)
    marked[0] = 0
    n_touched = 0
    for s in range(n):
        if accepting[s] != 0:
            n_touched = mark(s, elements, location, block, start, marked, touched, n_touched)
    return split(elements, block, start, end, marked, touched, n_touched, 1)


@kernel
def part_transitions(
    n: i64,
    atoms: i64,
    rows: Ptr[i32],
    tail: Ptr[i32],
    head: Ptr[i32],
    elements: Ptr[i32],
    location: Ptr[i32],
    block: Ptr[i32],
    start: Ptr[i32],
    end: Ptr[i32],
    marked: Ptr[i32],
) -> i64:
    """Lists the transitions, and makes their first partition, by their atoms: how many blocks."""
    count = 0
    blocks = 0
    for atom in range(atoms):
        first = count
        for s in range(n):
            target = rows[s * atoms + atom]
            if target >= 0:
                tail[count] = i32(s)
                head[count] = i32(target)
                elements[count] = i32(count)
                location[count] = i32(count)
                block[count] = i32(blocks)
                count += 1
        if count > first:
            start[blocks] = i32(first)
            end[blocks] = i32(count)
            marked[blocks] = 0
            blocks += 1
    return blocks


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
