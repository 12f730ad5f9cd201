"""How many tokens each position of a pattern is away from the end, exactly. The dialect is `jit`'s.

What a set of positions accepts is what its positions accept, together. So the distance of a set, that is of a state of
an automaton that is built as it is used, is the least of its positions' distances, and these are polynomially many.
They are found a layer at a time, backwards from the end: a position is one token further away than the nearest one to
which a word leads from it (`word_kernels`). A step back over an atom is one for all positions of a layer at once, as
bits; words that share an end share its steps. Positions within a character are pairs of a node of the diagram of UTF-8
and a position. `lazy_budget` uses these kernels.
"""

from __future__ import annotations

from .jit import Ptr, Record, i64, kernel, trailing_zeros, u8, u16, u32, u64
from .lazy_kernels import Growth, expand_once
from .subset_kernels import Positions, Subsets
from .word_kernels import ATOM_SHIFT, FIELD, KINDS, NODES, REVERSED_SHIFT, TAIL, TAILS, Reversed, Words, after_tail

NEVER = 1 << 30
"""The distance of what cannot be completed, or is not known."""
LAYER, WORK, FOUND, ENDED = range(4)
MAX_LAYERS = 65_535
CUT_SHORT = -1


class Layers(Record):
    """See the module. *Places* are the ends of characters (place 0, of what may come next) and the nodes of the
    diagram; a set of positions at a place is a row of `positions.words` words."""

    positions: Positions
    reversed: Reversed
    places: i64
    tail_start: Ptr[u32]
    """For every node of `reversed`, its entries of `tails` go from here to the next one's start."""
    tails: Ptr[u64]
    """As `list_tails` has them, of those that complete a character; sorted."""
    inner: Ptr[u64]
    """Of those that do not."""
    n_inner: i64
    hit_start: Ptr[u32]
    """The rules of `positions` the other way round. Those that lead to a word of positions go from here to the next"""
    hit_rule: Ptr[u32]
    hit_mask: Ptr[u64]
    """one's start, each with which of these it leads to;"""
    from_start: Ptr[u32]
    """and the positions that a rule leads from go from here to the next rule's start:"""
    from_word: Ptr[u32]
    from_mask: Ptr[u64]
    bytes_after: Ptr[u32]
    """Bounds: bytes from after a position, at most,"""
    bytes_before: Ptr[u32]
    """and from before it;"""
    lacks: Ptr[u32]
    """bytes from a node of the diagram to the end of the character."""
    within: Ptr[u64]
    """[places, words]: the positions that can be at each place."""
    ends: Ptr[u8]
    """[places]: whether tokens end there."""
    counts: Ptr[i64]
    """[4]: layers done; work left, in words and positions; positions found in the last layer; 1 once that was none."""
    distances: Ptr[u16]
    """[places, 64 * words]: tokens to the end, 0 where that is not known (yet)."""
    settled: Ptr[u64]
    """[places, words]: which are known;"""
    fresh: Ptr[u64]
    """which were found in the last layer,"""
    coming: Ptr[u64]
    """and in this one."""
    windows: Ptr[i64]
    """[places, 4]: the words of `fresh` and `coming` that are not zero, from, to."""
    sets: Ptr[u64]
    """[longest word + 2, words]: the sets on the way back,"""
    spans: Ptr[i64]
    """[longest word + 2, 2]: and their words that are not zero."""


@kernel
def step_back(d: Layers, atom: i64, at: Ptr[u64], low: i64, high: i64, ends: i64, depth: i64) -> i64:
    """Write the positions that an atom leads from to one of the set `at[low..high)`, or, if `ends`, to the end of a
    text, into the set of a depth: whether there are any."""
    p = d.positions
    words = p.words
    out = d.sets[depth * words :]
    span = d.spans[2 * depth :]
    for w in range(span[0], span[1]):
        out[w] = 0
    takes = p.sets[(3 + atom) * words :]
    chain = p.sets[2 * words :]
    first = words
    last = 0
    work = 4 + high - low
    for w in range(max(low - 1, 0), high):
        here: u64 = 0
        if w >= low:
            here = at[w] >> 1
        if w + 1 < high:
            here = here | u64(at[w + 1] << 63)
        here = here & chain[w] & takes[w]
        out[w] = here
        if here != 0:
            first = min(first, w)
            last = w + 1
    for w in range(low, high):
        if at[w] != 0:
            work += d.hit_start[w + 1] - d.hit_start[w]
            for e in range(d.hit_start[w], d.hit_start[w + 1]):
                if (d.hit_mask[e] & at[w]) != 0:
                    rule = d.hit_rule[e]
                    work += d.from_start[rule + 1] - d.from_start[rule]
                    for f in range(d.from_start[rule], d.from_start[rule + 1]):
                        word = d.from_word[f]
                        more = d.from_mask[f] & takes[word]
                        if more != 0:
                            out[word] = out[word] | more
                            first = min(first, word)
                            last = max(last, word + 1)
    if ends != 0:
        work += words
        for w in range(words):
            here = p.sets[words + w] & takes[w]
            if here != 0:
                out[w] = out[w] | here
                first = min(first, w)
                last = max(last, w + 1)
    d.counts[WORK] = d.counts[WORK] - work
    span[0] = min(first, last)
    span[1] = last
    return i64(last > 0)


@kernel
def collect(d: Layers, place: i64, at: Ptr[u64], low: i64, high: i64) -> None:
    """Add positions at a place to the layer, but for those that are in one already."""
    words = d.positions.words
    settled = d.settled[place * words :]
    coming = d.coming[place * words :]
    distances = d.distances[place * words * 64 :]
    window = d.windows[4 * place :]
    found = 0
    for w in range(low, high):
        new = at[w] & u64(~settled[w])
        if new != 0:
            if window[2] == window[3]:
                window[2] = w
                window[3] = w + 1
            window[2] = min(window[2], w)
            window[3] = max(window[3], w + 1)
            settled[w] = settled[w] | new
            coming[w] = coming[w] | new
            while new != 0:
                distances[64 * w + trailing_zeros(new)] = u16(d.counts[LAYER] + 1)
                new = new & u64(new - 1)
                found += 1
    d.counts[FOUND] = d.counts[FOUND] + found
    d.counts[WORK] = d.counts[WORK] - found - (high - low)


@kernel
def visit(d: Layers, node: i64, depth: i64, spare: i64, ends: i64) -> None:
    """Collect what the set of a depth tells at a node of the words reversed. `spare`: a depth that is not in use."""
    words = d.positions.words
    at = d.sets[depth * words :]
    span = d.spans[2 * depth :]
    if d.reversed.begins[node] != 0:
        collect(d, 0, at, span[0], span[1])
    before = -1
    some = 0
    for t in range(d.tail_start[node], d.tail_start[node + 1]):
        atom = i64(d.tails[t] >> ATOM_SHIFT) & FIELD
        if atom != before:
            some = step_back(d, atom - 1, at, span[0], span[1], ends, spare)
            before = atom
        if some != 0:
            other = d.spans[2 * spare :]
            collect(d, i64(d.tails[t]) & FIELD, d.sets[spare * words :], other[0], other[1])


@kernel
def walk_back(d: Layers, root: i64, ends: i64, spare: i64) -> None:
    """Go back over all words that lead to the newest positions at a place, or, if `ends`, to the end of a text."""
    words = d.positions.words
    r = d.reversed
    source = d.fresh[root * words :]
    span = d.spans
    for w in range(span[0], span[1]):
        d.sets[w] = 0
    span[0] = 0
    span[1] = 0
    if ends == 0:
        span[0] = d.windows[4 * root]
        span[1] = d.windows[4 * root + 1]
    for w in range(span[0], span[1]):
        d.sets[w] = source[w]
    depth = 0
    node = root
    visit(d, node, 0, spare, ends)
    child = i64(r.child[node])
    while (child != 0 or depth > 0) and d.counts[WORK] > 0:
        if child == 0:
            child = i64(r.sibling[node])
            node = i64(r.parent[node])
            depth -= 1
        else:
            here = d.spans[2 * depth :]
            end = i64(ends != 0 and depth == 0)
            if step_back(d, r.atom[child], d.sets[depth * words :], here[0], here[1], end, depth + 1) != 0:
                depth += 1
                node = child
                visit(d, node, depth, spare, 0)
                child = i64(r.child[node])
            else:
                child = i64(r.sibling[child])


@kernel
def add_layer(d: Layers, spare: i64) -> i64:
    """Find the positions that are one token further away than those found last: how many, or CUT_SHORT if the work
    that there may be does not suffice. What has been found is exact all the same."""
    words = d.positions.words
    d.counts[FOUND] = 0
    if d.counts[LAYER] == 0:
        walk_back(d, 0, 1, spare)
    for place in range(d.places):
        if d.windows[4 * place] < d.windows[4 * place + 1]:
            walk_back(d, place, 0, spare)
    for i in range(d.n_inner):
        to = i64(d.inner[i] >> REVERSED_SHIFT)
        window = d.windows[4 * to :]
        collect(d, i64(d.inner[i]) & FIELD, d.fresh[to * words :], window[0], window[1])
    if d.counts[WORK] <= 0 or d.counts[LAYER] + 1 == MAX_LAYERS:
        return CUT_SHORT
    for place in range(d.places):
        window = d.windows[4 * place :]
        fresh = d.fresh[place * words :]
        coming = d.coming[place * words :]
        for w in range(window[0], window[1]):
            fresh[w] = 0
        for w in range(window[2], window[3]):
            fresh[w] = coming[w]
            coming[w] = 0
        window[0] = window[2]
        window[1] = window[3]
        window[2] = 0
        window[3] = 0
    d.counts[LAYER] = d.counts[LAYER] + 1
    if d.counts[FOUND] == 0:
        d.counts[ENDED] = 1
    return d.counts[FOUND]


@kernel
def distance(d: Layers, s: Subsets, subset: i64, place: i64, bounded: i64) -> i64:
    """Tokens from a subset to the end, or from within one of its characters, as far as the layers tell; otherwise
    NEVER, or bytes if `bounded`."""
    if place == 0 and s.accepting[subset] != 0:
        return 0
    best = NEVER
    bound = NEVER
    words = d.positions.words
    distances = d.distances[place * words * 64 :]
    settled = d.settled[place * words :]
    within = d.within[place * words :]
    key = s.keys[s.key_start[subset] :]
    for k in range(s.key_start[subset + 1] - s.key_start[subset]):
        w = i64(s.key_low[subset]) + k
        here = key[k] & settled[w]
        while here != 0:
            best = min(best, i64(distances[64 * w + trailing_zeros(here)]))
            here = here & u64(here - 1)
        here = key[k] & u64(~settled[w]) & within[w]
        if bounded == 0:
            here = 0
        while here != 0:
            position = 64 * w + trailing_zeros(here)
            if place == 0:
                bound = min(bound, i64(d.bytes_before[position]))
            else:
                bound = min(bound, i64(d.lacks[place]) + d.bytes_after[position])
            here = here & u64(here - 1)
    return min(best, min(bound, NEVER))


@kernel
def settle(d: Layers, s: Subsets, subset: i64, place: i64, most: i64, spare: i64) -> i64:
    """Add layers until the distance of a subset is known, or there are `most`: as `distance`, or CUT_SHORT."""
    found = distance(d, s, subset, place, 0)
    while found == NEVER and d.counts[LAYER] < most and d.counts[ENDED] == 0:
        if add_layer(d, spare) == CUT_SHORT:
            return CUT_SHORT
        found = distance(d, s, subset, place, 0)
    return found


@kernel
def settle_all(d: Layers, most: i64, spare: i64) -> i64:
    """Add layers until there are `most`, or no more: whether all positions are known then at the places that tokens
    end at; or CUT_SHORT."""
    while d.counts[LAYER] < most and d.counts[ENDED] == 0:
        if add_layer(d, spare) == CUT_SHORT:
            return CUT_SHORT
    words = d.positions.words
    for place in range(d.places):
        if d.ends[place] != 0:
            for w in range(place * words, (place + 1) * words):
                if (d.within[w] & u64(~d.settled[w])) != 0:
                    return 0
    return 1


# Masks


@kernel
def follow_words(w: Words, growth: Growth, subset: i64, after: Ptr[i64]) -> i64:
    """The subset after each node of the trie of words, or -1: 0, or negative if there is no room."""
    atoms = growth.positions.atoms
    after[0] = subset
    for node in range(1, w.counts[NODES]):
        before = after[w.parent[node]]
        after[node] = -1
        if before >= 0:
            failed = expand_once(growth.positions, growth.subsets, growth.lazy, before)
            if failed < 0:
                return failed
            after[node] = growth.subsets.rows[before * atoms + w.atom[node]]
    return 0


@kernel
def judge(
    d: Layers, w: Words, growth: Growth, subset: i64, left: i64, bounded: i64, after: Ptr[i64], fits: Ptr[u8]
) -> i64:
    """Find out which kinds of tokens lead from a subset to where at most `left` tokens are needed, `fits[kind + 1]`:
    how many are needed at worst, 0 if nothing is live, or negative if there is no room. `after`: room for a number a
    node of the words."""
    failed = follow_words(w, growth, subset, after)
    if failed < 0:
        return failed
    worst = 0
    for kind in range(w.counts[KINDS]):
        fits[kind + 1] = 0
        to = after[w.word[kind]]
        if to >= 0:
            head = i64(w.head[kind])
            if head == 0 or goes_on(d, growth.subsets, to, head) != 0:
                found = distance(d, growth.subsets, to, head, bounded)
                worst = max(worst, found)
                fits[kind + 1] = u8(found <= left)
    return worst


@kernel
def goes_on(d: Layers, s: Subsets, subset: i64, place: i64) -> i64:
    """Whether a subset has positions at a place."""
    within = d.within[place * d.positions.words + s.key_low[subset] :]
    key = s.keys[s.key_start[subset] :]
    for k in range(s.key_start[subset + 1] - s.key_start[subset]):
        if (key[k] & within[k]) != 0:
            return 1
    return 0


@kernel
def take_kinds(w: Words, fits: Ptr[u8], n_tokens: i64, out: Ptr[u32], n_out: i64) -> None:
    """Write the tokens of the kinds that fit; `fits[0]` is 0."""
    for i in range(n_out):
        bits = 0
        first = 32 * i
        kinds = w.kind_of[min(first, n_tokens) :]
        for j in range(min(32, max(n_tokens - first, 0))):
            bits = bits | (i64(fits[kinds[j]]) << j)
        out[i] = u32(bits)


@kernel
def take_tails(
    d: Layers,
    w: Words,
    growth: Growth,
    subset: i64,
    place: i64,
    left: i64,
    bounded: i64,
    data: Ptr[u8],
    offsets: Ptr[i64],
    path: Ptr[u32],
    out: Ptr[u32],
    n_out: i64,
) -> i64:
    """As `judge` and `take_kinds`, from within a character of a subset, at a node of the diagram. `path`: room for an
    atom for each of the longest word."""
    s = growth.subsets
    n_high = i64(w.high[0])
    for i in range(n_out):
        out[i] = 0
    failed = expand_once(growth.positions, s, growth.lazy, subset)
    if failed < 0:
        return failed
    worst = 0
    for t in range(w.counts[TAILS]):
        told = w.tails[t * TAIL :]
        token = i64(told[0])
        size = i64(told[1])
        below = after_tail(w, place, data[offsets[token] :], size)
        found = -1
        if below > n_high and offsets[token + 1] - offsets[token] == size:
            if goes_on(d, s, subset, below - n_high) != 0:
                found = distance(d, s, subset, below - n_high, bounded)
        elif below != 0 and below <= n_high:
            to = i64(s.rows[subset * growth.positions.atoms + w.high_atoms[below - 1]])
            to = follow_word(w, growth, to, w.word[told[2]], path)
            if to < -1:
                return to + 1
            head = i64(w.head[told[2]])
            if to >= 0 and (head == 0 or goes_on(d, growth.subsets, to, head) != 0):
                found = distance(d, s, to, head, bounded)
        if found >= 0:
            worst = max(worst, found)
            if found <= left:
                out[token >> 5] = u32(out[token >> 5] | (1 << (token & 31)))
    return worst


@kernel
def follow_word(w: Words, growth: Growth, subset: i64, word: i64, path: Ptr[u32]) -> i64:
    """The subset after a word, or -1; less if there is no room, by 1."""
    n = 0
    while word != 0:
        path[n] = w.atom[word]
        n += 1
        word = i64(w.parent[word])
    while n > 0 and subset >= 0:
        failed = expand_once(growth.positions, growth.subsets, growth.lazy, subset)
        if failed < 0:
            return failed - 1
        n -= 1
        subset = growth.subsets.rows[subset * growth.positions.atoms + path[n]]
    return subset
