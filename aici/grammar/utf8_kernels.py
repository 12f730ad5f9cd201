"""The kernel that builds the UTF-8 diagram of a partition. `utf8` runs it; the dialect is `jit`'s."""

from __future__ import annotations

from .hash_kernels import MIX, NO_ROOM, intern_row, mix
from .jit import Ptr, Record, i64, kernel, u32, u64

BLOCKS = 0x110000 // 64
"""Blocks of the 64 characters that a last byte tells apart."""
HEAD = 131
"""Numbers in a packed partition before the root's children: three sizes and 128 columns."""


class Diagram(Record):
    """A partition, and room for its diagram."""

    row_room: i64
    mask: i64
    """Buckets - 1."""
    starts: Ptr[u32]
    """Where the pieces of the code points start, the first at 0; behind the last one, 0x110000."""
    atoms: Ptr[u32]
    """The atom of every piece, 0 for none."""
    n_atoms: Ptr[i64]
    """[1]"""
    blocks: Ptr[u32]
    """[BLOCKS]: the children of the blocks."""
    rows: Ptr[u32]
    """[row_room, 64]: the nodes' children, then the root's for its 64 lead bytes."""
    hashes: Ptr[u64]
    buckets: Ptr[u32]
    """A power of two, more than twice the nodes."""
    out: Ptr[u32]
    """Gets the packed partition, as `spell` takes it."""


@kernel
def build(d: Diagram) -> i64:
    """Writes the packed partition: how many numbers, or NO_ROOM."""
    for i in range(d.mask + 1):
        d.buckets[i] = 0
    nodes = build_blocks(d)
    if nodes < 0 or nodes + 16 + 5 * 65 + 1 >= d.row_room:
        return NO_ROOM
    root = d.rows[(d.row_room - 1) * 64 :]
    for i in range(64):
        root[i] = 0
    for i in range(2, 32):  # lead bytes c2 to df
        root[i] = d.blocks[i]
    for lead in range(16):  # e0 to ef
        for i in range(64):
            block = lead * 64 + i
            d.rows[nodes * 64 + i] = d.blocks[block] if block >= 0x800 // 64 else 0
        root[32 + lead] = add_row(d, nodes)
        nodes = max(nodes, i64(root[32 + lead]) - d.n_atoms[0])
    for lead in range(5):  # f0 to f4
        nodes = build_plane(d, nodes, lead, root)
    return pack(d, nodes, root)


@kernel
def build_blocks(d: Diagram) -> i64:
    """Fills `blocks`: how many nodes that takes, or NO_ROOM."""
    nodes = 0
    piece = 0
    before = -1  # the piece that the last block lay in as a whole
    for block in range(BLOCKS):
        base = block * 64
        while d.starts[piece + 1] <= base:
            piece += 1
        if d.starts[piece + 1] >= base + 64 and piece == before:
            d.blocks[block] = d.blocks[block - 1]
        else:
            if nodes + 1 >= d.row_room:
                return NO_ROOM
            before = piece if d.starts[piece + 1] >= base + 64 else -1
            at = piece
            for i in range(64):
                if d.starts[at + 1] <= base + i:
                    at += 1
                d.rows[nodes * 64 + i] = d.atoms[at]
            d.blocks[block] = u32(add_row(d, nodes))
            nodes = max(nodes, i64(d.blocks[block]) - d.n_atoms[0])
    return nodes


@kernel
def build_plane(d: Diagram, nodes: i64, lead: i64, root: Ptr[u32]) -> i64:
    """Sets the root's child for a lead byte from f0 on: how many nodes there are then."""
    plane = d.blocks[0:]  # of the nodes of 4096 characters, those of this lead byte replace blocks that are done with
    for k in range(64):
        middle = lead * 64 + k
        child = 0
        if middle >= 16 and middle < BLOCKS // 64:
            for i in range(64):
                d.rows[nodes * 64 + i] = d.blocks[middle * 64 + i]
            child = add_row(d, nodes)
            nodes = max(nodes, child - d.n_atoms[0])
        plane[k] = u32(child)
    for k in range(64):
        d.rows[nodes * 64 + k] = plane[k]
    child = add_row(d, nodes)
    root[48 + lead] = u32(child)
    return max(nodes, child - d.n_atoms[0])


@kernel
def add_row(d: Diagram, n: i64) -> i64:
    """The child that the row at place n is: 0 if it is all 0, else a node, maybe an earlier one."""
    hashed = u64(1)
    some = 0
    for i in range(64):
        hashed = mix(hashed, u64(d.rows[n * 64 + i]))
        some = some | d.rows[n * 64 + i]
    if some == 0:
        return 0
    return d.n_atoms[0] + 1 + intern_row(d.rows, 64, n, hashed, d.hashes, d.buckets, d.mask)


@kernel
def pack(d: Diagram, nodes: i64, root: Ptr[u32]) -> i64:
    """Merges bytes with equal columns and writes the partition: how many numbers."""
    hashes = d.hashes
    for i in range(64):
        hashes[i] = 0
        hashes[64 + i] = u64(root[i])
    for node in range(nodes):
        for i in range(64):
            hashes[i] = u64(u64(hashes[i] * MIX) + u64(d.rows[node * 64 + i]))
    columns = 0
    firsts = d.blocks
    for byte in range(128):
        same = -1
        for c in range(columns):
            if (
                same < 0
                and hashes[firsts[c]] == hashes[byte]
                and same_column(d, nodes, root, i64(firsts[c]), byte) != 0
            ):
                same = c
        if same < 0:
            same = columns
            firsts[columns] = u32(byte)
            columns += 1
        d.out[3 + byte] = u32(same)
    d.out[0] = u32(d.n_atoms[0])
    d.out[1] = u32(nodes)
    d.out[2] = u32(columns)
    for c in range(columns):
        byte_of = i64(firsts[c])
        d.out[HEAD + c] = root[byte_of - 64] if byte_of >= 64 else 0
        for node in range(nodes):
            d.out[HEAD + (1 + node) * columns + c] = d.rows[node * 64 + byte_of] if byte_of < 64 else 0
    return HEAD + (1 + nodes) * columns


@kernel
def same_column(d: Diagram, nodes: i64, root: Ptr[u32], one: i64, other: i64) -> i64:
    """Whether two of the bytes 0x80 to 0xff lead to the same everywhere."""
    if one >= 64 and other >= 64:
        return 1 if root[one - 64] == root[other - 64] else 0
    if one < 64 and other < 64:
        for node in range(nodes):
            if d.rows[node * 64 + one] != d.rows[node * 64 + other]:
                return 0
        return 1
    inner = one if one < 64 else other
    lead = other if one < 64 else one
    if root[lead - 64] != 0:
        return 0
    for node in range(nodes):
        if d.rows[node * 64 + inner] != 0:
            return 0
    return 1
