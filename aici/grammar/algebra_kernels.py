"""The kernels of the algebra of automata. `algebra` runs them; the dialect is `jit`'s."""

from __future__ import annotations

from .hash_kernels import FIRST_SLOTS, NO_ROOM, mix, rehash
from .jit import Ptr, Record, i32, i64, kernel, u8, u32, u64


class Side(Record):
    """One of the automata that are combined."""

    table: Ptr[u32]
    accepting: Ptr[u8]
    n_classes: i64
    classes: Ptr[u8]
    """The class of this automaton for every class of the result."""


class Result(Record):
    """The automaton as it grows, its states numbered from 0, the start."""

    n_classes: i64
    rows: Ptr[i32]
    """[state_room, n_classes]: the next state, or -1."""
    accepting: Ptr[u8]
    state_room: i64
    keys: Ptr[u32]
    """[state_room, key words]"""
    hashes: Ptr[u64]
    buckets: Ptr[u32]


@kernel
def find_key(r: Result, key: Ptr[u32], width: i64, n: i64, mask: i64) -> i64:
    """The state with this key; n if it is a new one, which is added."""
    hashed = u64(1)
    for k in range(width):
        hashed = mix(hashed, u64(key[k]))
    slot = i64(hashed >> 1) & mask
    while r.buckets[slot] != 0:
        state = r.buckets[slot] - 1
        if r.hashes[state] == hashed:
            k = 0
            while k < width and r.keys[state * width + k] == key[k]:
                k += 1
            if k == width:
                return state
        slot = (slot + 1) & mask
    for k in range(width):
        r.keys[n * width + k] = u32(key[k])
    r.hashes[n] = hashed
    r.buckets[slot] = u32(n + 1)
    return n


@kernel
def product(a: Side, b: Side, r: Result, accepts: i64, ends: i64, needs: i64, key: Ptr[u32]) -> i64:
    """Runs both automata side by side: how many states, or NO_ROOM.

    Bit 2 * (a accepts) + (b accepts) of `accepts` says whether the pair accepts, of `ends` whether nothing follows it;
    `needs` has bit 0 if a must be live, bit 1 if b must."""
    mask = FIRST_SLOTS - 1
    for i in range(FIRST_SLOTS):
        r.buckets[i] = 0
    key[0] = 1
    key[1] = 1
    n = find_key(r, key, 2, 0, mask) + 1
    state = 0
    while state < n:
        if n + r.n_classes >= r.state_room:
            return NO_ROOM
        one = i64(r.keys[2 * state])
        two = i64(r.keys[2 * state + 1])
        both = 2 * a.accepting[one] + b.accepting[two]
        r.accepting[state] = u8((accepts >> both) & 1)
        for c in range(r.n_classes):
            to_one = a.table[one * a.n_classes + a.classes[c]]
            to_two = b.table[two * b.n_classes + b.classes[c]]
            lacks = (to_one == 0 and needs & 1 != 0) or (to_two == 0 and needs & 2 != 0)
            found = -1
            if lacks == 0 and to_one + to_two != 0 and (ends >> both) & 1 == 0:
                key[0] = u32(to_one)
                key[1] = u32(to_two)
                found = find_key(r, key, 2, n, mask)
                if found == n:
                    n += 1
                    if 2 * n > mask:
                        mask = mask * 4 + 3
                        rehash(r.hashes, n, r.buckets, mask)
            r.rows[state * r.n_classes + c] = i32(found)
        state += 1
    return n


@kernel
def chain(a: Side, b: Side, r: Result, words: i64, key: Ptr[u32]) -> i64:
    """A text of the first automaton, then one of the second: how many states, or NO_ROOM. A key is the state of a and
    the set of states of b, in `words` words of 32 bits."""
    mask = FIRST_SLOTS - 1
    for i in range(FIRST_SLOTS):
        r.buckets[i] = 0
    width = words + 1
    for i in range(width):
        key[i] = 0
    key[0] = 1
    if a.accepting[1] != 0:
        key[1] = 2
    n = find_key(r, key, width, 0, mask) + 1
    state = 0
    while state < n:
        if n + r.n_classes >= r.state_room:
            return NO_ROOM
        here = r.keys[state * width :]
        accepts = 0
        for c in range(r.n_classes):
            for i in range(width):
                key[i] = 0
            some = a.table[here[0] * a.n_classes + a.classes[c]]
            key[0] = u32(some)
            if a.accepting[some] != 0:
                key[1] = 2
            for w in range(words):
                states = i64(here[1 + w])
                s = 32 * w
                while states != 0:
                    if states & 1 != 0:
                        accepts = accepts | b.accepting[s]
                        target = b.table[s * b.n_classes + b.classes[c]]
                        if target != 0:
                            some = 1
                            key[1 + (target >> 5)] = u32(key[1 + (target >> 5)] | (1 << (target & 31)))
                    states = states >> 1
                    s += 1
            found = -1
            if some != 0:
                found = find_key(r, key, width, n, mask)
                if found == n:
                    n += 1
                    if 2 * n > mask:
                        mask = mask * 4 + 3
                        rehash(r.hashes, n, r.buckets, mask)
            r.rows[state * r.n_classes + c] = i32(found)
        r.accepting[state] = u8(accepts)
        state += 1
    return n


@kernel
def lay_out_rows(
    n: i64,
    n_classes: i64,
    rows: Ptr[i32],
    accepting: Ptr[u8],
    order: Ptr[u32],
    number: Ptr[u32],
    table: Ptr[u32],
    ends: Ptr[u8],
) -> None:
    """Numbers n states, all reachable, breadth first from state 0, which becomes 1, and writes rows and acceptance
    behind those of the dead state. `order`, `number`: room for all states."""
    for s in range(n):
        number[s] = 0
    for c in range(n_classes):
        table[c] = 0
    ends[0] = 0
    order[0] = 0
    number[0] = 1
    count = 1
    for at in range(n):
        s = i64(order[at])
        ends[at + 1] = accepting[s]
        for c in range(n_classes):
            target = rows[s * n_classes + c]
            now = 0
            if target >= 0:
                if number[target] == 0:
                    order[count] = u32(target)
                    count += 1
                    number[target] = u32(count)
                now = number[target]
            table[(at + 1) * n_classes + c] = u32(now)
