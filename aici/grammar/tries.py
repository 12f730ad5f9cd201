"""Tries for walks that skip what is dead: the children of a node lie side by side, with a map of their bytes.

Goes in: a trie as `kernels` has it, in preorder. Comes out: a `Trie` of *cells*, and `walk`, which finds the items that
lead from a state of an automaton to a live one. A node with many children is visited once for each live child then,
not for each child. Only `index` and `fill` use this module.

A cell, one `u64`:

    bits 0-7    its byte
    bit 8       LAST of its node's children
    bit 9       MAPPED: its children come after 256 bits that tell which bytes they have
    bits 10-33  where the items that it spells begin in `items`, + 1, or 0
    bits 34-63  where its children begin, or 0

Items with the same bytes lie together in `items`, the last of them with END set.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .jit import Ptr, Record, i64, kernel, ones, trailing_zeros, u32, u64
from .kernels import BYTE_MASK, SIZE_SHIFT, TOKEN_MASK, TOKEN_SHIFT
from .machine import Machine, ready

LAST, MAPPED = 1 << 8, 1 << 9
ITEM_SHIFT, ITEM_MASK = 10, (1 << 24) - 1
CHILDREN_SHIFT = 34
END = 1 << 31
MANY_CHILDREN = 12
"""So many are worth a map."""


class Trie(Record):
    """Several tries, each with a root."""

    cells: Ptr[u64]
    roots: Ptr[u64]  # cells without bytes, or 0
    items: Ptr[u32]


def make_trie(nodes: NDArray[np.uint64], segments: NDArray[np.int64]) -> Trie:
    """Of the tries in `nodes`, one a segment."""
    n, n_tries = len(nodes), len(segments) - 1
    cells = np.zeros(n + 1 + 4 * (n // MANY_CHILDREN + n_tries), np.uint64)
    roots, items = np.zeros(n_tries, np.uint64), np.zeros(n + 1, np.uint32)
    todo = np.zeros((2, n + 1), np.int64)
    count = lay_out(nodes, segments, n_tries, cells, roots, items, todo[0], todo[1])
    return Trie(cells=cells[:count].copy(), roots=roots, items=items)


@kernel
def lay_out(
    nodes: Ptr[u64],
    segments: Ptr[i64],
    n_tries: i64,
    cells: Ptr[u64],
    roots: Ptr[u64],
    items: Ptr[u32],
    node_of: Ptr[i64],
    cell_of: Ptr[i64],
) -> i64:
    """Fill `cells`, `roots` and `items`; returns how many cells. `node_of`, `cell_of`: room for one number a node."""
    count = 1
    n_items = 0
    for key in range(n_tries):
        tail = 0
        head = -1  # the root
        while head < tail:
            i = segments[key]
            end = segments[key + 1]
            if head >= 0:
                i = node_of[head] + 1
                end = node_of[head] + i64(nodes[node_of[head]] >> SIZE_SHIFT)
            place: u64 = 0
            if i < end:
                mapped = i64(children(nodes, i, end) >= MANY_CHILDREN)
                place = u64(u64(count) << CHILDREN_SHIFT) | u64(mapped << 9)
                first = count
                count += 4 * mapped
                while i < end:
                    node = nodes[i]
                    byte = i64(node & BYTE_MASK)
                    cell: u64 = u64(byte)
                    if mapped != 0:
                        cells[first + (byte >> 6)] = cells[first + (byte >> 6)] | u64(1 << (byte & 63))
                    begun = 0
                    while i64(nodes[i] >> SIZE_SHIFT) == 1 and i + 1 < end and i64(nodes[i + 1] & BYTE_MASK) == byte:
                        if begun == 0:
                            cell = cell | u64(u64(n_items + 1) << ITEM_SHIFT)
                        begun = 1
                        items[n_items] = u32((i64(nodes[i] >> TOKEN_SHIFT) & TOKEN_MASK) - 1)
                        n_items += 1
                        i += 1
                    node = nodes[i]
                    item = (i64(node >> TOKEN_SHIFT) & TOKEN_MASK) - 1
                    if item >= 0:
                        if begun == 0:
                            cell = cell | u64(u64(n_items + 1) << ITEM_SHIFT)
                        items[n_items] = u32(item | END)
                        n_items += 1
                    if i64(node >> SIZE_SHIFT) > 1:
                        node_of[tail] = i
                        cell_of[tail] = count
                        tail += 1
                    i += i64(node >> SIZE_SHIFT)
                    cells[count] = cell
                    count += 1
                cells[count - 1] = cells[count - 1] | LAST
            if head >= 0:
                cells[cell_of[head]] = cells[cell_of[head]] | place
            else:
                roots[key] = place
            head += 1
    return count


@kernel
def children(nodes: Ptr[u64], i: i64, end: i64) -> i64:
    """How many different bytes the siblings from `i` on have."""
    found = 0
    before = -1
    while i < end:
        byte = i64(nodes[i] & BYTE_MASK)
        found += i64(byte != before)
        before = byte
        i += i64(nodes[i] >> SIZE_SHIFT)
    return found


class Walk(Record):
    """Room for one walk at a time."""

    cells: Ptr[u64]  # to visit the children of
    states: Ptr[u32]  # there
    found: Ptr[u32]  # places in `items`
    wanted: Ptr[u64]  # [4] the bytes that are looked at on the second level
    live: Ptr[u64]  # [4] the bytes that are live in a state
    steps: Ptr[i64]  # [1] taken, of all walks


@kernel
def walk(trie: Trie, machine: Machine, w: Walk, n: i64, restricted: i64, left: i64) -> i64:
    """Find the items below the first `n` cells of `w`, whose bytes lead from the states there to a live one; returns
    how many, or -1 if that would take more than `left` steps. `restricted`: if not 0, those of several bytes only
    where the second one is `wanted`."""
    n_classes = machine.n_classes
    head = 0
    tail = n
    found = 0
    most = left
    second = 0  # the cells of the second level end there
    while head < tail:
        if head == n:
            second = tail
        narrow = i64(restricted != 0 and head >= n and head < second)
        cell = w.cells[head]
        state = w.states[head]
        ready(machine, state)
        row = machine.table[state * n_classes :]
        head += 1
        at = i64(cell >> CHILDREN_SHIFT)
        if (cell & MAPPED) != 0:
            live_bytes(machine, state, w.live)
            maps = trie.cells[at:]
            at += 4
            for part in range(4):
                map = maps[part]
                bits = map & w.live[part]
                if narrow != 0:
                    bits = bits & w.wanted[part]
                while bits != 0:
                    low = trailing_zeros(bits)
                    bits = bits & u64(bits - 1)
                    child = trie.cells[at + ones(map & u64((1 << low) - 1))]
                    item = i64(child >> ITEM_SHIFT) & ITEM_MASK
                    left -= 1
                    if item > 0:
                        w.found[found] = u32(item - 1)
                        found += 1
                    if child >> CHILDREN_SHIFT != 0:
                        w.cells[tail] = child
                        w.states[tail] = u32(row[machine.classes[64 * part + low]])
                        tail += 1
                at += ones(map)
        elif at > 0:
            child = trie.cells[at]
            more = 1
            while more != 0:
                child = trie.cells[at]
                at += 1
                byte = i64(child & BYTE_MASK)
                after = row[machine.classes[byte]]
                left -= 1
                if after != 0 and (narrow == 0 or (w.wanted[byte >> 6] >> (byte & 63) & 1) != 0):
                    item = i64(child >> ITEM_SHIFT) & ITEM_MASK
                    if item > 0:
                        w.found[found] = u32(item - 1)
                        found += 1
                    if child >> CHILDREN_SHIFT != 0:
                        w.cells[tail] = child
                        w.states[tail] = u32(after)
                        tail += 1
                more = i64((child & LAST) == 0)
        if left < 0:
            w.steps[0] += most
            return -1
    w.steps[0] += most - left
    return found


@kernel
def live_bytes(machine: Machine, state: i64, live: Ptr[u64]) -> None:
    """Fill `live` with the bytes that do not lead to death."""
    row = machine.table[state * machine.n_classes :]
    a: u64 = 0
    b: u64 = 0
    c: u64 = 0
    d: u64 = 0
    for i in range(machine.n_classes):
        all: u64 = u64(-i64(row[i] != 0))
        a = a | (machine.class_bytes[4 * i] & all)
        b = b | (machine.class_bytes[4 * i + 1] & all)
        c = c | (machine.class_bytes[4 * i + 2] & all)
        d = d | (machine.class_bytes[4 * i + 3] & all)
    live[0] = a
    live[1] = b
    live[2] = c
    live[3] = d
