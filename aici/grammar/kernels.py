"""The trie: its format, how it is built, and what can be reached over it. The dialect of kernels is `jit`'s.

A trie is an array of nodes in preorder, without the root, each one `u64`:

    bits 0-7    its byte
    bits 8-19   its depth, from 1
    bits 20-41  its token (or whatever else is spelled) + 1, or 0
    bits 42-63  nodes in its subtree, itself included: what to skip when it is dead

Of tokens with the same bytes, each has its own node: siblings with the same byte, all but the last one leaves. So
neither the walk nor the format knows of lists.

An automaton is `table[state * n_classes + classes[byte]]`, state 0 dead.
"""

from __future__ import annotations

from .jit import Ptr, Record, i32, i64, kernel, method, u8, u32, u64

DEPTH_SHIFT, TOKEN_SHIFT, SIZE_SHIFT = 8, 20, 42
BYTE_MASK, DEPTH_MASK, TOKEN_MASK = 0xFF, 0xFFF, 0x3FFFFF
SUBTREE_MASK = 0x3FFFFF
MAX_DEPTH, MAX_TOKENS, MAX_NODES = DEPTH_MASK, TOKEN_MASK, SUBTREE_MASK


INLINE = 7
"""A token of so many bytes is one word: those, the first one lowest, and how many they are in the highest byte. Of a
longer one the word holds LONG there, its length in the 12 bits below, and where it lies in `data`."""
LENGTH_SHIFT, LONG_SHIFT, LONG = 56, 44, 255
START_MASK = (1 << LONG_SHIFT) - 1


class Steps(Record):
    """An automaton to follow, and the bytes of a vocabulary's tokens."""

    constant = True
    table: Ptr[u32]  # [n_states, n_classes]
    classes: Ptr[u8]  # [256]
    n_classes: i64
    n_states: i64
    words: Ptr[u64]  # [n_tokens]
    n_tokens: i64
    data: Ptr[u8]
    dead: i64  # in place of 0: an automaton that grows may have more to say


@method
def step(a: Steps, state: i64, token: i64) -> i64:
    """The state after a token's bytes; `dead` if it is not allowed, has no bytes or is none; -1 for a wrong state."""
    if state < 0 or state >= a.n_states:
        return -1
    if token < 0 or token >= a.n_tokens:
        return a.dead
    word = a.words[token]
    length = i64(word >> LENGTH_SHIFT)
    if length == 0:
        return a.dead
    if length == LONG:
        text = a.data[i64(word & START_MASK) :]
        for i in range(i64(word >> LONG_SHIFT) & MAX_DEPTH):
            state = a.table[state * a.n_classes + a.classes[text[i]]]
    else:
        for _ in range(length):
            state = a.table[state * a.n_classes + a.classes[i64(word & BYTE_MASK)]]
            word = word >> 8
    return state if state != 0 else a.dead


@method
def step_bytes(a: Steps, state: i64, text: Ptr[u8], n: i64) -> i64:
    """The state after some bytes; as `step`."""
    if state < 0 or state >= a.n_states:
        return -1
    if n == 0 and a.dead != 0:
        return a.dead  # nothing was looked up that tells whether there is such a state
    for i in range(n):
        state = a.table[state * a.n_classes + a.classes[text[i]]]
    return state if state != 0 else a.dead


@kernel
def build_trie(
    data: Ptr[u8],
    starts: Ptr[i64],
    ends: Ptr[i64],
    keys: Ptr[u8],
    order: Ptr[i64],
    n: i64,
    open_nodes: Ptr[i64],
    nodes: Ptr[u64],
    segments: Ptr[i64],
    n_segments: i64,
) -> i64:
    """Nodes of the tries of the items `order[0..n)`, which are sorted by their keys, then by their bytes: item t has
    the bytes `data[starts[t]..ends[t])`, at least one. Every key below `n_segments` has a trie of its own, from
    `segments[key]` on. `open_nodes`: room for one number a depth. Returns how many nodes."""
    count = 0
    depth = 0  # of the last node
    before = 0
    filled = 0  # segments begun
    for i in range(n):
        item = order[i]
        start = starts[item]
        length = ends[item] - start
        shared = 0
        if i > 0 and keys[item] == keys[before]:
            limit = min(ends[before] - starts[before], length - 1)  # a node of its own even if all is shared
            while shared < limit and data[starts[before] + shared] == data[start + shared]:
                shared += 1
        close(nodes, open_nodes, count, shared, depth)
        while filled <= keys[item]:
            segments[filled] = count
            filled += 1
        depth = shared
        while depth < length:
            nodes[count] = u64(data[start + depth]) | u64(u64(depth + 1) << DEPTH_SHIFT)
            depth += 1
            open_nodes[depth] = count
            count += 1
        nodes[count - 1] = nodes[count - 1] | u64(u64(item + 1) << TOKEN_SHIFT)
        before = item
    close(nodes, open_nodes, count, 0, depth)
    while filled <= n_segments:
        segments[filled] = count
        filled += 1
    return count


@kernel
def close(nodes: Ptr[u64], open_nodes: Ptr[i64], count: i64, kept: i64, depth: i64) -> None:
    """Write the subtree sizes of the open nodes deeper than `kept`."""
    for d in range(kept + 1, depth + 1):
        node = open_nodes[d]
        nodes[node] = nodes[node] | u64(u64(count - node) << SIZE_SHIFT)


@kernel
def reach_by_bytes(
    usable: Ptr[u8], n_classes: i64, table: Ptr[u32], accepting: Ptr[u8], state: i64, seen: Ptr[u8], todo: Ptr[u32]
) -> i64:
    """1 if an accepting state can be reached over classes that are `usable`. `seen`: zeros, one a state; `todo`: room
    for all states."""
    count = 1
    todo[0] = u32(state)
    seen[state] = 1
    while count > 0:
        count -= 1
        at = i64(todo[count])
        if accepting[at] != 0:
            return 1
        for c in range(n_classes):
            after = table[at * n_classes + c]
            if usable[c] != 0 and after != 0 and seen[after] == 0:
                seen[after] = 1
                todo[count] = u32(after)
                count += 1
    return 0


@kernel
def reach_by_tokens(
    nodes: Ptr[u64],
    n: i64,
    table: Ptr[u32],
    classes: Ptr[u8],
    n_classes: i64,
    states: Ptr[u32],
    accepting: Ptr[u8],
    state: i64,
    seen: Ptr[u8],
    todo: Ptr[u32],
) -> i64:
    """1 if an accepting state can be reached over whole tokens. `states`: room for one number a depth and one
    more; the others as in `reach_by_bytes`."""
    count = 1
    todo[0] = u32(state)
    seen[state] = 1
    while count > 0:
        count -= 1
        if accepting[todo[count]] != 0:
            return 1
        states[0] = todo[count]
        i = 0
        while i < n:
            node = nodes[i]
            depth = i64(node >> DEPTH_SHIFT) & DEPTH_MASK
            after = table[states[depth - 1] * n_classes + classes[i64(node & BYTE_MASK)]]
            if after == 0:
                i += i64(node >> SIZE_SHIFT)
            else:
                states[depth] = u32(after)
                if (i64(node >> TOKEN_SHIFT) & TOKEN_MASK) != 0 and seen[after] == 0:
                    seen[after] = 1
                    todo[count] = u32(after)
                    count += 1
                i += 1
    return 0


@kernel
def forced(
    table: Ptr[u32], n_classes: i64, accepting: Ptr[u8], only: Ptr[i32], state: i64, out: Ptr[u8], limit: i64
) -> i64:
    """Write the bytes that must follow `state`, at most `limit`, up to where there is a choice or an end; returns how
    many. `only`: for every class its byte, or -1 if it has several."""
    n = 0
    while n < limit and accepting[state] == 0:
        found = -1
        live = 0
        for c in range(n_classes):
            if table[state * n_classes + c] != 0:
                live += 1
                found = c
        if live != 1 or only[found] < 0:
            break
        out[n] = u8(only[found])
        n += 1
        state = table[state * n_classes + found]
    return n
