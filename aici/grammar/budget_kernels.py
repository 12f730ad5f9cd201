"""The kernels of `budget`: how many tokens a state is away from the end. Dialect: `jit`; trie: `kernels`."""

from __future__ import annotations

from .jit import Ptr, i64, kernel, u8, u32, u64
from .kernels import BYTE_MASK, DEPTH_MASK, DEPTH_SHIFT, SIZE_SHIFT, TOKEN_MASK, TOKEN_SHIFT
from .subset_kernels import Positions

NEVER = 1 << 30
"""The distance of what cannot be completed."""
OPEN, SETTLED, PENDING = 0, 1, 2
"""What is known of a state's distance: a bound; that it is exact; that it is being worked out."""
TOO_MUCH = -1
OPEN_RULE = NEVER + 1


@kernel
def distances_in_bytes(
    usable: Ptr[u8],
    n_states: i64,
    n_classes: i64,
    table: Ptr[u32],
    accepting: Ptr[u8],
    first: Ptr[u32],
    sources: Ptr[u32],
    queue: Ptr[u32],
    least: Ptr[u32],
) -> i64:
    """Fill `least` with the fewest bytes to an accepting state over classes that are `usable`; returns the greatest of
    all states but the dead one. `first`: zeros, one a state and one more; `sources`: room for all edges; `queue`: for
    all states."""
    for state in range(n_states):
        for c in range(n_classes):
            target = table[state * n_classes + c]
            if target != 0 and usable[c] != 0:
                first[target + 1] += 1
    for state in range(n_states):
        first[state + 1] += first[state]
        least[state] = NEVER
    for state in range(n_states):
        for c in range(n_classes):
            target = table[state * n_classes + c]
            if target != 0 and usable[c] != 0:
                sources[first[target]] = u32(state)
                first[target] += 1
    tail = 0
    for state in range(1, n_states):
        if accepting[state] != 0:
            least[state] = 0
            queue[tail] = u32(state)
            tail += 1
    head = 0
    while head < tail:
        at = i64(queue[head])
        head += 1
        for e in range(first[at - 1], first[at]):
            source = i64(sources[e])
            if source != 0 and least[source] == NEVER:
                least[source] = u32(least[at] + 1)
                queue[tail] = u32(source)
                tail += 1
    worst = 0
    for state in range(1, n_states):
        worst = max(worst, i64(least[state]))
    return worst


@kernel
def settle(
    nodes: Ptr[u64],
    n: i64,
    table: Ptr[u32],
    classes: Ptr[u8],
    n_classes: i64,
    path: Ptr[u32],
    least: Ptr[u32],
    known: Ptr[u8],
    stamps: Ptr[u32],
    members: Ptr[u32],
    first: Ptr[u32],
    edges: Ptr[u32],
    edge_room: i64,
    work: Ptr[i64],
    state: i64,
) -> i64:
    """Make the distances of a state and of what its tokens lead to exact; `least` holds bounds from above, and exact
    values where `known` is SETTLED. Returns how many states were looked at, or TOO_MUCH if that would take more than
    `work[0]` nodes of the trie or `edge_room` edges: then the bounds remain. `path`: room for one number a depth and
    one more; `stamps`, zeros, `members` and `first`: for one a state and one more."""
    members[0] = u32(state)
    known[state] = PENDING
    count = 1
    n_edges = 0
    at = 0
    while at < count and n_edges + n <= edge_room and work[0] > 0:
        first[at] = u32(n_edges)
        path[0] = members[at]
        i = 0
        steps = 0
        while i < n:
            node = nodes[i]
            depth = i64(node >> DEPTH_SHIFT) & DEPTH_MASK
            after = table[path[depth - 1] * n_classes + classes[i64(node & BYTE_MASK)]]
            steps += 1
            if after == 0:
                i += i64(node >> SIZE_SHIFT)
            else:
                path[depth] = u32(after)
                i += 1
                if (i64(node >> TOKEN_SHIFT) & TOKEN_MASK) != 0 and stamps[after] != at + 1:
                    stamps[after] = u32(at + 1)
                    edges[n_edges] = u32(after)
                    n_edges += 1
                    if known[after] == OPEN:
                        known[after] = PENDING
                        members[count] = u32(after)
                        count += 1
        work[0] -= steps
        at += 1
    first[at] = u32(n_edges)
    if at == count:
        tighten(least, members, count, first, edges)
    for m in range(count):
        known[members[m]] = SETTLED
    return count if at == count else TOO_MUCH


@kernel
def tighten(least: Ptr[u32], members: Ptr[u32], n: i64, first: Ptr[u32], edges: Ptr[u32]) -> None:
    """Lower the bounds of `n` states until each is at most one more than those of the states that its edges lead to.
    The last ones come first: they were found from the others."""
    changed = 1
    while changed != 0:
        changed = 0
        for back in range(n):
            m = n - 1 - back
            best = i64(least[members[m]])
            for e in range(first[m], first[m + 1]):
                best = min(best, i64(least[edges[e]]) + 1)
            if best < least[members[m]]:
                least[members[m]] = u32(best)
                changed = 1


@kernel
def within(
    nodes: Ptr[u64],
    n: i64,
    table: Ptr[u32],
    classes: Ptr[u8],
    n_classes: i64,
    path: Ptr[u32],
    least: Ptr[u32],
    state: i64,
    left: i64,
    out: Ptr[u32],
    n_out: i64,
) -> i64:
    """Write the tokens that lead to states at most `left` tokens away from the end into the `n_out` words `out`;
    returns how far away the farthest state is that any token leads to, 0 if none does."""
    for w in range(n_out):
        out[w] = 0
    worst = 0
    path[0] = u32(state)
    i = 0
    while i < n:
        node = nodes[i]
        depth = i64(node >> DEPTH_SHIFT) & DEPTH_MASK
        after = table[path[depth - 1] * n_classes + classes[i64(node & BYTE_MASK)]]
        if after == 0:
            i += i64(node >> SIZE_SHIFT)
        else:
            path[depth] = u32(after)
            token = (i64(node >> TOKEN_SHIFT) & TOKEN_MASK) - 1
            if token >= 0:
                worst = max(worst, i64(least[after]))
                if least[after] <= left:
                    out[token >> 5] = u32(out[token >> 5] | (1 << (token & 31)))
            i += 1
    return worst


@kernel
def extends(
    nodes: Ptr[u64],
    n: i64,
    table: Ptr[u32],
    classes: Ptr[u8],
    n_classes: i64,
    path: Ptr[u32],
    state: i64,
    text: Ptr[u8],
    length: i64,
) -> i64:
    """1 if a token begins with the `length` bytes of `text`, at least one, and goes on in a way that is live from
    `state`."""
    path[0] = u32(state)
    i = 0
    while i < n:
        node = nodes[i]
        depth = i64(node >> DEPTH_SHIFT) & DEPTH_MASK
        byte = i64(node & BYTE_MASK)
        after = table[path[depth - 1] * n_classes + classes[byte]]
        if after == 0 or (depth <= length and byte != text[depth - 1]):
            i += i64(node >> SIZE_SHIFT)
        elif depth > length and (i64(node >> TOKEN_SHIFT) & TOKEN_MASK) != 0:
            return 1
        else:
            path[depth] = u32(after)
            i += 1
    return 0


# Automata that are built as they are used


@kernel
def distances_of_positions(
    p: Positions, weights: Ptr[u32], rules: Ptr[u32], n_rules: i64, after: Ptr[u32], before: Ptr[u32]
) -> None:
    """Fill `after` and `before`, NEVER at first, with the fewest bytes from after and before each position to where a
    text may end: `weights` are the bytes of an atom's characters. `rules`: room for one number a rule. Sweeps from the
    last position to the first until nothing changes, mostly twice: only loops lead back, which is never the shortest
    way."""
    words = p.words
    changed = 1
    while changed != 0:
        changed = 0
        for rule in range(n_rules):
            rules[rule] = OPEN_RULE
        for w in range(words - 1, -1, -1):
            for i in range(63, -1, -1):
                bit = u64(1 << i)
                weight = NEVER
                for atom in range(p.atoms):
                    if (p.sets[(3 + atom) * words + w] & bit) != 0:
                        weight = min(weight, i64(weights[atom]))
                best = NEVER
                if (p.sets[2 * words + w] & bit) != 0:
                    best = i64(before[w * 64 + i + 1])
                for e in range(p.entry_start[w], p.entry_start[w + 1]):
                    if (p.entry_mask[e] & bit) != 0:
                        best = min(best, distance_of_rule(p, p.entry_rule[e], rules, before))
                if (p.sets[words + w] & bit) != 0:
                    best = 0
                if best < after[w * 64 + i]:
                    after[w * 64 + i] = u32(best)
                    changed = 1
                if best + weight < before[w * 64 + i]:
                    before[w * 64 + i] = u32(best + weight)
                    changed = 1


@kernel
def distance_of_rule(p: Positions, rule: i64, rules: Ptr[u32], distances: Ptr[u32]) -> i64:
    """The least distance of a rule's targets, found out once a sweep."""
    if rules[rule] == OPEN_RULE:
        best = NEVER
        for t in range(p.target_start[rule], p.target_start[rule + 1]):
            best = min(best, nearest(distances[p.target_word[t] * 64 :], p.target_mask[t]))
        rules[rule] = u32(best)
    return rules[rule]


@kernel
def nearest(distances: Ptr[u32], positions: u64) -> i64:
    """The least distance of these positions of a word."""
    best = NEVER
    for i in range(64):
        if (positions >> i & 1) != 0:
            best = min(best, i64(distances[i]))
    return best
