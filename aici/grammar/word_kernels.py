"""A vocabulary as the characters of one pattern see it. The dialect is `jit`'s.

Goes in: a trie of tokens, and the atoms into which a pattern cuts the characters. Comes out: the *words*, tokens as
strings of atoms. A pattern of few atoms sees few: of 129,000 tokens, `[a-z]{9,99}` sees 15 words, their lengths. A word
may end within a character (its *head*, a node of the diagram of UTF-8), and the token may begin within one (its
*tail*, at most three bytes, is not part of the word). `lazy_budget` uses these kernels.
"""

from __future__ import annotations

from .hash_kernels import FIRST_SLOTS, mix
from .jit import Ptr, Record, i64, kernel, u8, u32, u64
from .kernels import BYTE_MASK, DEPTH_MASK, DEPTH_SHIFT, SIZE_SHIFT, TOKEN_MASK, TOKEN_SHIFT

MAX_TAIL = 3
TAIL = 3
"""Numbers a token that has a tail."""
NODES, NODE_SLOTS, KINDS, KIND_SLOTS, TAILS = range(5)
BACK, BACK_SLOTS, DEEPEST = range(3)
REVERSED_SHIFT, ATOM_SHIFT = 40, 20
FIELD = (1 << 20) - 1
FILTER = 4096
TOO_MANY = -1


class Words(Record):
    """See the module. A *kind* is a word with its head; what tokens of one kind lead to is the same."""

    letters: Ptr[u32]
    """[128]: the atom + 1 of every ASCII character, or 0."""
    high: Ptr[u32]
    """The partition of the others, as `spell` takes it,"""
    high_atoms: Ptr[u32]
    """and the atoms of its atoms."""
    counts: Ptr[i64]
    """[5]: nodes; slots of their hash table - 1; kinds; slots of theirs - 1; tokens that have a tail."""
    parent: Ptr[u32]
    """The trie of the words. Node 0 is its root; others come after their parents."""
    atom: Ptr[u32]
    node_slots: Ptr[u32]
    word: Ptr[u32]
    """Of every kind its last node,"""
    head: Ptr[u32]
    """and the node of the diagram where it ends, from 1, or 0."""
    kind_slots: Ptr[u32]
    kind_of: Ptr[u32]
    """[tokens]: a token's kind + 1; 0 if it is dead everywhere or has a tail."""
    tails: Ptr[u32]
    """[tokens with a tail, TAIL]: the token, the bytes of its tail, the kind of what follows."""


class Reversed(Record):
    """The words backwards, as a trie that begins at their ends: node 0 for those without a head, node h for head h."""

    counts: Ptr[i64]
    """[3]: nodes, slots of their hash table - 1, atoms of the longest word."""
    parent: Ptr[u32]
    atom: Ptr[u32]
    child: Ptr[u32]
    """A child, or 0,"""
    sibling: Ptr[u32]
    """and the next child of the same parent."""
    begins: Ptr[u8]
    """Whether a token without a tail begins here."""
    node_slots: Ptr[u32]


@kernel
def under(high: Ptr[u32], node: i64, byte: i64) -> i64:
    """The child of a node of the diagram, or of its root, 0: 0 if dead, an atom from 1, or more than these a node."""
    return high[131 + node * high[2] + high[3 + byte - 0x80]]


@kernel
def child_of(
    parent: Ptr[u32], atom: Ptr[u32], slots: Ptr[u32], counts: Ptr[i64], roots: i64, at: i64, label: i64
) -> i64:
    """The child of a node of a trie with so many roots. `counts`: nodes, slots - 1."""
    slot = i64(mix(u64(at), u64(label)) >> 1) & counts[1]
    while slots[slot] != 0:
        found = i64(slots[slot])
        if parent[found] == at and atom[found] == label:
            return found
        slot = (slot + 1) & counts[1]
    found = counts[0]
    counts[0] = found + 1
    parent[found] = u32(at)
    atom[found] = u32(label)
    slots[slot] = u32(found)
    if 2 * (found + 1) > counts[1]:
        counts[1] = counts[1] * 4 + 3
        for i in range(counts[1] + 1):
            slots[i] = 0
        for n in range(roots, found + 1):
            slot = i64(mix(u64(parent[n]), u64(atom[n])) >> 1) & counts[1]
            while slots[slot] != 0:
                slot = (slot + 1) & counts[1]
            slots[slot] = u32(n)
    return found


@kernel
def kind_of(w: Words, word: i64, head: i64) -> i64:
    """The number of a kind."""
    counts = w.counts
    slot = i64(mix(u64(word), u64(head)) >> 1) & counts[KIND_SLOTS]
    while w.kind_slots[slot] != 0:
        kind = w.kind_slots[slot] - 1
        if w.word[kind] == word and w.head[kind] == head:
            return kind
        slot = (slot + 1) & counts[KIND_SLOTS]
    found = counts[KINDS]
    counts[KINDS] = found + 1
    w.word[found] = u32(word)
    w.head[found] = u32(head)
    w.kind_slots[slot] = u32(found + 1)
    if 2 * (found + 1) > counts[KIND_SLOTS]:
        counts[KIND_SLOTS] = counts[KIND_SLOTS] * 4 + 3
        for i in range(counts[KIND_SLOTS] + 1):
            w.kind_slots[i] = 0
        for k in range(found + 1):
            slot = i64(mix(u64(w.word[k]), u64(w.head[k])) >> 1) & counts[KIND_SLOTS]
            while w.kind_slots[slot] != 0:
                slot = (slot + 1) & counts[KIND_SLOTS]
            w.kind_slots[slot] = u32(k + 1)
    return found


@kernel
def read_words(w: Words, nodes: Ptr[u64], n: i64, path: Ptr[u32]) -> None:
    """Fill `Words`, which is zero, from a trie of n nodes. `path`: room for three numbers a depth and three more."""
    n_high = i64(w.high[0])
    w.counts[NODES] = 1
    w.counts[NODE_SLOTS] = FIRST_SLOTS - 1
    w.counts[KIND_SLOTS] = FIRST_SLOTS - 1
    path[0] = 0
    path[1] = 0
    path[2] = 0
    i = 0
    while i < n:
        cell = nodes[i]
        depth = i64(cell >> DEPTH_SHIFT) & DEPTH_MASK
        byte = i64(cell & BYTE_MASK)
        above = path[3 * (depth - 1) :]
        word = i64(above[0])
        head = i64(above[1])
        tail = i64(above[2])
        live = 1
        if byte >= 0x80 and byte < 0xC0 and tail == depth - 1:
            tail += 1
            live = i64(tail <= MAX_TAIL)
        elif byte < 0x80:
            live = i64(head == 0 and w.letters[byte] != 0)
            if live != 0:
                word = child_of(w.parent, w.atom, w.node_slots, w.counts, 1, word, w.letters[byte] - 1)
        else:
            below = under(w.high, head, byte)
            live = i64(below != 0)
            if below > n_high:
                head = below - n_high
            elif below != 0:
                head = 0
                word = child_of(w.parent, w.atom, w.node_slots, w.counts, 1, word, w.high_atoms[below - 1])
        if live == 0:
            i += i64(cell >> SIZE_SHIFT)
        else:
            here = path[3 * depth :]
            here[0] = u32(word)
            here[1] = u32(head)
            here[2] = u32(tail)
            token = (i64(cell >> TOKEN_SHIFT) & TOKEN_MASK) - 1
            if token >= 0 and tail == 0:
                w.kind_of[token] = u32(kind_of(w, word, head) + 1)
            elif token >= 0:
                told = w.tails[w.counts[TAILS] * TAIL :]
                told[0] = u32(token)
                told[1] = u32(tail)
                told[2] = u32(kind_of(w, word, head))
                w.counts[TAILS] = w.counts[TAILS] + 1
            i += 1


@kernel
def letters_of(w: Words) -> i64:
    """The atoms of all kinds together."""
    total = 0
    for kind in range(w.counts[KINDS]):
        node = i64(w.word[kind])
        while node != 0:
            node = i64(w.parent[node])
            total += 1
    return total


@kernel
def reverse(w: Words, r: Reversed, place: Ptr[u32], n_tokens: i64) -> None:
    """Fill `Reversed`, which is zero. `place`: for every kind, gets where it is there."""
    roots = i64(w.high[1]) + 1
    r.counts[BACK] = roots
    r.counts[BACK_SLOTS] = FIRST_SLOTS - 1
    for kind in range(w.counts[KINDS]):
        at = i64(w.head[kind])
        node = i64(w.word[kind])
        depth = 0
        while node != 0:
            before = r.counts[BACK]
            parent = at
            at = child_of(r.parent, r.atom, r.node_slots, r.counts, roots, at, w.atom[node])
            if at == before:
                r.sibling[at] = r.child[parent]
                r.child[parent] = u32(at)
            node = w.parent[node]
            depth += 1
        r.counts[DEEPEST] = max(r.counts[DEEPEST], depth)
        place[kind] = u32(at)
    for token in range(n_tokens):
        if w.kind_of[token] != 0:
            r.begins[place[w.kind_of[token] - 1]] = u8(1)


@kernel
def measure(high: Ptr[u32], lacks: Ptr[u32]) -> None:
    """Fill `lacks`, a number for each node of the diagram and the root, 0: how many bytes lead from it to the end of a
    character. (That is the same on all ways; the root's is not used.)"""
    n_high = i64(high[0])
    for node in range(1, high[1] + 1):
        for c in range(high[2]):
            below = i64(high[131 + node * high[2] + c])
            if below > n_high:
                lacks[node] = u32(lacks[below - n_high] + 1)
            elif below != 0:
                lacks[node] = 1


@kernel
def after_tail(w: Words, node: i64, bytes: Ptr[u8], n: i64) -> i64:
    """Where n bytes, at least one, lead from a node of the diagram: as `under`."""
    below = i64(w.high[0]) + node
    for i in range(n):
        if below <= w.high[0]:
            return 0
        below = under(w.high, below - w.high[0], bytes[i])
    return below


@kernel
def list_tails(
    w: Words,
    lacks: Ptr[u32],
    place: Ptr[u32],
    data: Ptr[u8],
    offsets: Ptr[i64],
    filter: Ptr[u64],
    out: Ptr[u64],
    room: i64,
) -> i64:
    """List what tokens with tails do: the place of the word, reversed, << REVERSED_SHIFT, the atom + 1 that its tail
    completes << ATOM_SHIFT, and the node of the diagram that it begins in. Of those that complete none, the node that
    they lead to << REVERSED_SHIFT and the one that they begin in. Some more than once. Returns how many, or TOO_MANY.
    `filter`: FILTER zeros."""
    n_high = i64(w.high[0])
    count = 0
    for t in range(w.counts[TAILS]):
        told = w.tails[t * TAIL :]
        text = data[offsets[told[0]] :]
        size = i64(told[1])
        whole = i64(offsets[told[0] + 1] - offsets[told[0]] == size)
        for node in range(1, w.high[1] + 1):
            if lacks[node] == size or (lacks[node] > size and whole != 0):
                below = after_tail(w, node, text, size)
                key = u64(0)
                if below > n_high:
                    key = u64((below - n_high) << REVERSED_SHIFT | node)
                elif below != 0:
                    atom = i64(w.high_atoms[below - 1]) + 1
                    key = u64(i64(place[told[2]]) << REVERSED_SHIFT | atom << ATOM_SHIFT | node)
                slot = i64(mix(key, u64(1)) >> 1) & (FILTER - 1)
                if key != 0 and filter[slot] != key:
                    if count == room:
                        return TOO_MANY
                    filter[slot] = key
                    out[count] = key
                    count += 1
    return count
