"""The kernels of options: the minimal automaton of sorted texts. `options` runs them; the dialect is `jit`'s."""

from __future__ import annotations

from .hash_kernels import mix
from .jit import Ptr, Record, i64, kernel, u8, u32, u64


class Words(Record):
    """Sorted, distinct texts: text i is `data[offsets[i]..offsets[i + 1])`."""

    data: Ptr[u8]
    offsets: Ptr[i64]
    n: i64


class Acyclic(Record):
    """The minimal acyclic automaton as it grows. Its states are numbered from 0, each after those that it leads to."""

    edges: Ptr[u32]
    """next state << 8 | byte; the edges of state s go from `edge_start[s]` to `edge_start[s + 1]`, by rising byte."""
    edge_start: Ptr[u32]
    ends: Ptr[u8]
    hashes: Ptr[u64]
    buckets: Ptr[u32]
    mask: i64
    """Buckets - 1; there are more than twice as many as states."""
    open_edges: Ptr[u32]
    """Edges found so far of the states on the path of the latest text, the deepest state's last."""
    open_counts: Ptr[u32]
    """How many of them each state of the path has."""
    open_ends: Ptr[u8]


@kernel
def acyclic(w: Words, a: Acyclic) -> i64:
    """The minimal automaton of the texts, its start the last state: how many states.

    J. Daciuk et al., "Incremental construction of minimal acyclic finite-state automata", Computational Linguistics 26
    (2000), for sorted input: what the latest text does not share with the next one is final and looked up by its edges.
    """
    for i in range(a.mask + 1):
        a.buckets[i] = 0
    a.edge_start[0] = 0
    a.open_counts[0] = 0
    a.open_ends[0] = 0
    states = 0
    open_edges = 0
    depth = 0
    before = w.data
    for i in range(w.n + 1):
        shared = 0
        text = before
        length = 0
        if i < w.n:
            text = w.data[w.offsets[i] :]
            length = w.offsets[i + 1] - w.offsets[i]
            while shared < depth and shared < length and text[shared] == before[shared]:
                shared += 1
        while depth > shared:
            count = a.open_counts[depth]
            open_edges -= count
            found = intern_edges(a, states, a.open_edges[open_edges:], count, a.open_ends[depth])
            states = max(states, found + 1)
            depth -= 1
            a.open_edges[open_edges] = u32(found << 8 | before[depth])
            a.open_counts[depth] += 1
            open_edges += 1
        while depth < length:
            depth += 1
            a.open_counts[depth] = 0
            a.open_ends[depth] = 0
        if i < w.n:
            a.open_ends[depth] = 1
        before = text
    found = intern_edges(a, states, a.open_edges, a.open_counts[0], a.open_ends[0])
    return found + 1


@kernel
def intern_edges(a: Acyclic, n: i64, edges: Ptr[u32], count: i64, ends: i64) -> i64:
    """The state with these edges and this acceptance; n if it is a new one, which is added."""
    hashed = mix(u64(ends + 1), u64(count))
    for i in range(count):
        hashed = mix(hashed, u64(edges[i]))
    slot = i64(hashed >> 1) & a.mask
    while a.buckets[slot] != 0:
        s = a.buckets[slot] - 1
        start = a.edge_start[s]
        if a.hashes[s] == hashed and a.ends[s] == ends and a.edge_start[s + 1] - start == count:
            i = 0
            while i < count and a.edges[start + i] == edges[i]:
                i += 1
            if i == count:
                return s
        slot = (slot + 1) & a.mask
    start = a.edge_start[n]
    for i in range(count):
        a.edges[start + i] = u32(edges[i])
    a.edge_start[n + 1] = u32(start + count)
    a.ends[n] = u8(ends)
    a.hashes[n] = hashed
    a.buckets[slot] = u32(n + 1)
    return n


@kernel
def lay_out(
    a: Acyclic,
    n: i64,
    classes: Ptr[u8],
    n_classes: i64,
    order: Ptr[u32],
    number: Ptr[u32],
    table: Ptr[u32],
    ends: Ptr[u8],
) -> None:
    """Numbers the n states breadth first from the last one, 1, and writes their rows and acceptance behind those of 0.
    `classes` [256]: the classes of the bytes. `order`, `number`: room for all states."""
    for s in range(n):
        number[s] = 0
    for i in range((n + 1) * n_classes):
        table[i] = 0
    ends[0] = 0
    order[0] = u32(n - 1)
    number[n - 1] = 1
    count = 1
    for at in range(n):
        s = i64(order[at])
        ends[at + 1] = a.ends[s]
        for e in range(a.edge_start[s], a.edge_start[s + 1]):
            target = a.edges[e] >> 8
            if number[target] == 0:
                order[count] = u32(target)
                count += 1
                number[target] = u32(count)
            table[(at + 1) * n_classes + classes[a.edges[e] & 0xFF]] = number[target]
