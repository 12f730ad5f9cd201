"""The kernels that make a position automaton of what `reader_kernels` read: as `nfa` does with Python's integers.

V. Glushkov's construction over a stack of parts, each the latest positions so far; `nfa` explains it, and counters.
The dialect is `jit`'s; only `quick` uses this module.
"""

from __future__ import annotations

from .hash_kernels import NO_ROOM
from .jit import Ptr, Record, i64, kernel, u8, u32, u64
from .reader_kernels import ENDLESS, JOIN, MAX_DEPTH, PUSH_EMPTY, PUSH_SET, REPEAT, Reading

MAX_WORDS = 64
MAX_POSITIONS = 64 * MAX_WORDS - 1
MAX_EDGES = 1 << 14
"""Rules, and entries and targets of them."""
MAX_COUNTERS = 1 << 10
MAX_ATOMS = 132
MAX_PARTS = 3 * MAX_DEPTH + 8
MAX_WIDTH = 64
"""As in `nfa`."""

POSITIONS, RULES, ENTRIES, TARGETS, COUNTERS, WORDS, ATOMS, KEY = range(8)
_POSITION, _RULE, _COUNTER, _NULLABLE, _PART = 0, 1, 2, 3, 4


class Building(Record):
    """A position automaton as it is built. Sets of positions are `sizes[WORDS]` words; the arrays that are named as in
    `subset_kernels.Positions` are those of the result."""

    sizes: Ptr[i64]
    """[8]: numbers of positions, rules, entries, targets, counters, words, atoms; what the partition of the characters
    beyond ASCII is, as `alphabet` says."""
    parts: Ptr[i64]
    """[MAX_PARTS, 4]: the first position, rule and counter of a part; whether it holds the empty text."""
    ends: Ptr[u64]
    """[MAX_PARTS, 2, words]: where a part's texts may start and end."""
    symbols: Ptr[u8]
    """The set of every position."""
    chain: Ptr[u64]
    scratch: Ptr[u64]
    """[4, words]."""
    rule_entries: Ptr[u32]
    """Entries of a rule are those from here to the next one's:"""
    rule_word: Ptr[u32]
    """their words"""
    rule_mask: Ptr[u64]
    """and masks."""
    target_start: Ptr[u32]
    target_word: Ptr[u32]
    target_mask: Ptr[u64]
    entry_start: Ptr[u32]
    entry_rule: Ptr[u32]
    entry_mask: Ptr[u64]
    counters: Ptr[u32]
    counter_first: Ptr[u32]
    counter_after: Ptr[u32]
    sets: Ptr[u64]
    letters: Ptr[u32]
    kind_atoms: Ptr[u32]
    """[4]: the atom of every kind of character beyond ASCII + 1, or 0."""
    high_atoms: Ptr[u32]
    """[4]: the distinct ones of these."""
    atom_sets: Ptr[u64]
    """[MAX_ATOMS]: for every atom the sets that hold it."""
    used: Ptr[u64]
    """[sets, words]: the positions of every set."""


@kernel
def build(r: Reading, b: Building, n_ops: i64, most: i64) -> i64:
    """Makes the position automaton of n ops, of at most `most` positions: whether it holds the empty text, or
    NO_ROOM."""
    count = count_positions(r, b, n_ops)
    if count > most or count > MAX_POSITIONS:
        return NO_ROOM
    words = count // 64 + 1
    for i in range(8):
        b.sizes[i] = 0
    b.sizes[WORDS] = words
    for w in range(words):
        b.chain[w] = 0
    b.rule_entries[0] = 0
    b.target_start[0] = 0
    top = 0
    failed = 0
    for i in range(n_ops):
        op = r.ops[3 * i]
        if op <= PUSH_SET:  # or PUSH_EMPTY
            push_part(b, top, op, r.ops[3 * i + 1])
            top += 1
        elif op == REPEAT:
            failed = repeat(b, top - 1, r.ops[3 * i + 1], r.ops[3 * i + 2])
        else:
            top -= 1
            failed = append(b, top - 1) if op == JOIN else unite(b, top - 1)
        if failed < 0:
            return failed
    alphabet(r, b)
    index_words(b)
    for w in range(2 * words):
        b.sets[w] = b.ends[w]
    for w in range(words):
        b.sets[2 * words + w] = b.chain[w]
    return b.parts[_NULLABLE]


@kernel
def count_positions(r: Reading, b: Building, n_ops: i64) -> i64:
    """How many positions there will be; any number beyond MAX_POSITIONS where there are more."""
    top = 0
    for i in range(n_ops):
        op = r.ops[3 * i]
        if op <= PUSH_SET:
            b.parts[top] = op  # PUSH_EMPTY is 0, PUSH_SET is 1
            top += 1
        elif op == REPEAT:
            copies = max(r.ops[3 * i + 1], max(r.ops[3 * i + 2], 1))
            b.parts[top - 1] = min(b.parts[top - 1] * copies, MAX_POSITIONS + 1)
        else:
            top -= 1
            b.parts[top - 1] = min(b.parts[top - 1] + b.parts[top], MAX_POSITIONS + 1)
    return b.parts[0]


@kernel
def push_part(b: Building, top: i64, op: i64, symbol: i64) -> None:
    words = b.sizes[WORDS]
    part = b.parts[_PART * top :]
    position = b.sizes[POSITIONS]
    part[_POSITION] = position
    part[_RULE] = b.sizes[RULES]
    part[_COUNTER] = b.sizes[COUNTERS]
    part[_NULLABLE] = i64(op == PUSH_EMPTY)
    ends = b.ends[2 * top * words :]
    for w in range(2 * words):
        ends[w] = 0
    if op == PUSH_SET:
        bit = u64(1 << (position & 63))
        ends[position >> 6] = bit
        ends[words + (position >> 6)] = bit
        b.symbols[position] = u8(symbol)
        b.sizes[POSITIONS] = position + 1


@kernel
def append(b: Building, top: i64) -> i64:
    """Makes the part at place `top` its concatenation with the next one; 0 or NO_ROOM."""
    words = b.sizes[WORDS]
    part = b.parts[_PART * top :]
    first = b.ends[2 * top * words :]
    last = first[words:]
    next_first = last[words:]
    next_last = next_first[words:]
    failed = connect(b, last, next_first, part[_POSITION] >> 6)
    next_nullable = part[_PART + _NULLABLE]
    for w in range(part[_POSITION] >> 6, (b.sizes[POSITIONS] >> 6) + 1):
        if part[_NULLABLE] != 0:
            first[w] = first[w] | next_first[w]
        last[w] = next_last[w] | (last[w] if next_nullable != 0 else 0)
    part[_NULLABLE] = part[_NULLABLE] & next_nullable
    return failed


@kernel
def unite(b: Building, top: i64) -> i64:
    """Makes the part at place `top` its union with the next one; 0."""
    words = b.sizes[WORDS]
    part = b.parts[_PART * top :]
    ends = b.ends[2 * top * words :]
    for w in range(2 * words):
        ends[w] = ends[w] | ends[2 * words + w]
    part[_NULLABLE] = part[_NULLABLE] | part[_PART + _NULLABLE]
    return 0


@kernel
def connect(b: Building, last: Ptr[u64], first: Ptr[u64], low: i64) -> i64:
    """Edges from every position of `last` to every one of `first`, none of which lie below word `low`; 0 or NO_ROOM."""
    words = (b.sizes[POSITIONS] >> 6) + 1  # that are in use
    place = -1
    several = 0
    for w in range(low, words):
        if last[w] != 0:
            several |= i64(place >= 0 or (last[w] & u64(last[w] - 1)) != 0)
            place = w
    if place < 0:
        return 0
    chained = -1  # where `first` has the position next to the only one of `last`,
    bit: u64 = 0  # which is this one
    if several == 0:
        bit = u64(last[place] << 1)
        chained = place
        if bit == 0:
            bit = 1
            chained = place + 1
        if chained < words and (first[chained] & bit) != 0:
            b.chain[place] = b.chain[place] | last[place]
        else:
            chained = -1
    targets = b.sizes[TARGETS]
    entries = b.sizes[ENTRIES]
    rule = b.sizes[RULES]
    if max(targets, max(entries, rule)) + words >= MAX_EDGES:
        return NO_ROOM
    for w in range(low, words):
        mask = first[w] ^ (bit if w == chained else 0)
        if mask != 0:
            b.target_word[targets] = u32(w)
            b.target_mask[targets] = mask
            targets += 1
    if targets == b.sizes[TARGETS]:
        return 0
    for w in range(low, words):
        if last[w] != 0:
            b.rule_word[entries] = u32(w)
            b.rule_mask[entries] = last[w]
            entries += 1
    end_rule(b, rule + 1, entries, targets)
    return 0


@kernel
def end_rule(b: Building, rules: i64, entries: i64, targets: i64) -> None:
    b.rule_entries[rules] = u32(entries)
    b.target_start[rules] = u32(targets)
    b.sizes[RULES] = rules
    b.sizes[ENTRIES] = entries
    b.sizes[TARGETS] = targets


# Repetition


@kernel
def repeat(b: Building, top: i64, least: i64, most: i64) -> i64:
    """Repeats the part at place `top`, the latest one; 0 or NO_ROOM."""
    words = b.sizes[WORDS]
    part = b.parts[_PART * top :]
    position = part[_POSITION]
    width = b.sizes[POSITIONS] - position
    if width == 0:
        return 0
    if part[_NULLABLE] != 0:
        least = 0
    part[_NULLABLE] = i64(least == 0)
    if width == 1 and most != 1 and most != ENDLESS and b.sizes[RULES] == part[_RULE]:
        return repeat_one(b, top, least, most)
    low = position >> 6
    first = b.ends[2 * top * words :]
    last = first[words:]
    previous = b.scratch
    exits = b.scratch[words:]
    chain = b.scratch[2 * words :]
    for w in range(low, words):
        previous[w] = last[w]
        exits[w] = last[w] if least <= 1 else 0
        chain[w] = b.chain[w]
    cut_below(chain, position, low)
    rules = b.sizes[RULES]
    counters = b.sizes[COUNTERS]
    needed = max(least, 1)
    copies = needed if most == ENDLESS else most
    for done in range(2, copies + 1):
        if copy_part(b, part, (done - 1) * width, width, rules, counters, first, last) < 0:
            return NO_ROOM
        for w in range(low, words):
            if done >= least:
                exits[w] = exits[w] | previous[w]
    if most == ENDLESS:
        moved = b.scratch[3 * words :]
        clear(moved, low, words)
        add_moved(moved, first, low, words, (copies - 1) * width)
        if connect(b, previous, moved, low) < 0:
            return NO_ROOM
        if add_counter(b, position, width, copies, 1) < 0:
            return NO_ROOM
    elif add_counter(b, position + (needed - 1) * width, width, copies - needed + 1, 0) < 0:
        return NO_ROOM
    for w in range(low, words):
        last[w] = exits[w]
    return 0


@kernel
def repeat_one(b: Building, top: i64, least: i64, most: i64) -> i64:
    """As `repeat`, for one position: its copies are a run."""
    words = b.sizes[WORDS]
    position = b.parts[_PART * top + _POSITION]
    needed = max(least, 1) - 1
    last = b.ends[(2 * top + 1) * words :]
    last[position >> 6] = 0
    for p in range(position, position + most):
        bit = u64(1 << (p & 63))
        b.symbols[p] = b.symbols[position]
        if p + 1 < position + most:
            b.chain[p >> 6] = b.chain[p >> 6] | bit
        if p >= position + needed:
            last[p >> 6] = last[p >> 6] | bit
    b.sizes[POSITIONS] = position + most
    return add_counter(b, position + needed, 1, most - needed, 0)


@kernel
def add_counter(b: Building, start: i64, width: i64, copies: i64, upward: i64) -> i64:
    """0 or NO_ROOM."""
    count = b.sizes[COUNTERS]
    if copies <= 1 or width > MAX_WIDTH:
        return 0
    if count >= MAX_COUNTERS:
        return NO_ROOM
    here = b.counters[4 * count :]
    here[0] = u32(start)
    here[1] = u32(width)
    here[2] = u32(copies)
    here[3] = u32(upward)
    b.sizes[COUNTERS] = count + 1
    return 0


@kernel
def copy_part(
    b: Building, part: Ptr[i64], shift: i64, width: i64, rules: i64, counters: i64, first: Ptr[u64], last: Ptr[u64]
) -> i64:
    """Adds a copy of a part behind all positions, with the first so many rules and counters, and what leads to it from
    the copy before, whose last positions `scratch` has first and gets those of this one; 0 or NO_ROOM."""
    words = b.sizes[WORDS]
    low = part[_POSITION] >> 6
    previous = b.scratch
    chain = b.scratch[2 * words :]
    moved = b.scratch[3 * words :]
    position = part[_POSITION]
    for p in range(position, position + width):
        b.symbols[p + shift] = b.symbols[p]
    b.sizes[POSITIONS] = position + width + shift
    add_moved(b.chain, chain, low, words, shift)
    for rule in range(part[_RULE], rules):
        if copy_rule(b, rule, shift) < 0:
            return NO_ROOM
    for c in range(part[_COUNTER], counters):
        of = b.counters[4 * c :]
        if add_counter(b, of[0] + shift, of[1], of[2], of[3]) < 0:
            return NO_ROOM
    clear(moved, low, words)
    add_moved(moved, first, low, words, shift)
    failed = connect(b, previous, moved, low)
    clear(previous, low, words)
    add_moved(previous, last, low, words, shift)
    return failed


@kernel
def copy_rule(b: Building, rule: i64, shift: i64) -> i64:
    """Adds the rule between positions so much further on; 0 or NO_ROOM."""
    entries = b.sizes[ENTRIES]
    targets = b.sizes[TARGETS]
    rules = b.sizes[RULES]
    begin = b.rule_entries[rule]
    end = b.rule_entries[rule + 1]
    first = b.target_start[rule]
    after = b.target_start[rule + 1]
    if max(rules, max(entries + 2 * (end - begin), targets + 2 * (after - first))) + 1 >= MAX_EDGES:
        return NO_ROOM
    entries = copy_masks(b.rule_word, b.rule_mask, begin, end, entries, shift)
    targets = copy_masks(b.target_word, b.target_mask, first, after, targets, shift)
    end_rule(b, rules + 1, entries, targets)
    return 0


@kernel
def copy_masks(word: Ptr[u32], mask: Ptr[u64], begin: i64, end: i64, to: i64, shift: i64) -> i64:
    """Writes words and masks, moved, from place `to` on: where they end."""
    bits = shift & 63
    for i in range(begin, end):
        here = mask[i]
        above = u64(here >> (64 - bits)) if bits != 0 else 0
        if u64(here << bits) != 0:
            word[to] = u32(word[i] + (shift >> 6))
            mask[to] = u64(here << bits)
            to += 1
        if above != 0:
            word[to] = u32(word[i] + (shift >> 6) + 1)
            mask[to] = above
            to += 1
    return to


@kernel
def clear(set_: Ptr[u64], low: i64, words: i64) -> None:
    for w in range(low, words):
        set_[w] = 0


@kernel
def cut_below(set_: Ptr[u64], position: i64, low: i64) -> None:
    """Leaves only the positions from `position` on, which lies in word `low`."""
    set_[low] = u64(u64(set_[low] >> (position & 63)) << (position & 63))


@kernel
def add_moved(to: Ptr[u64], set_: Ptr[u64], low: i64, words: i64, shift: i64) -> None:
    """Adds the positions of a set, from word `low` on, moved up by `shift`."""
    bits = shift & 63
    for w in range(low, words - (shift >> 6)):
        here = set_[w]
        if here != 0:
            place = w + (shift >> 6)
            to[place] = to[place] | u64(here << bits)
            if bits != 0 and (here >> (64 - bits)) != 0:
                to[place + 1] = to[place + 1] | (here >> (64 - bits))


# The result


@kernel
def index_words(b: Building) -> None:
    """Lists the entries and counters by the word that they touch."""
    words = b.sizes[WORDS]
    start = b.entry_start
    for w in range(words + 1):
        start[w] = 0
    for e in range(b.sizes[ENTRIES]):
        start[b.rule_word[e] + 1] += 1
    for w in range(words):
        start[w + 1] += start[w]
    for rule in range(b.sizes[RULES]):
        for e in range(b.rule_entries[rule], b.rule_entries[rule + 1]):
            place = start[b.rule_word[e]]
            b.entry_rule[place] = u32(rule)
            b.entry_mask[place] = b.rule_mask[e]
            start[b.rule_word[e]] = u32(place + 1)
    for w in range(words - 1, 0, -1):
        start[w] = start[w - 1]
    start[0] = 0
    n = b.sizes[COUNTERS]
    for w in range(words):
        b.counter_first[w] = u32(n)
        b.counter_after[w] = 0
    for c in range(n):
        counter = b.counters[4 * c :]
        for w in range(counter[0] >> 6, ((counter[0] + counter[1] * counter[2] - 1) >> 6) + 1):
            b.counter_first[w] = u32(min(b.counter_first[w], c))
            b.counter_after[w] = u32(c + 1)


@kernel
def alphabet(r: Reading, b: Building) -> None:
    """Cuts the characters into atoms that no set tells apart. KEY gets, three bits for each of the kinds of characters
    beyond ASCII, 0 for those in no set, else which different ones they are, from 1."""
    words = b.sizes[WORDS]
    n_sets = r.counts[1]
    count = 0
    for c in range(128):
        members: u64 = 0
        for s in range(n_sets):
            members = members | u64((r.sets[3 * s + (c >> 6)] >> (c & 63) & 1) << s)
        atom = find_atom(b.atom_sets, count, members)
        count = max(count, atom)
        b.letters[c] = u32(atom)
    key = 0
    classes = 0
    for kind in range(4):
        beyond: u64 = 0
        for s in range(n_sets):
            beyond = beyond | u64((r.sets[3 * s + 2] >> kind & 1) << s)
        atom = find_atom(b.atom_sets, count, beyond)
        count = max(count, atom)
        number = 0
        if atom != 0:
            for before in range(kind):
                if b.kind_atoms[before] == atom:
                    number = key >> 3 * before & 7
            if number == 0:
                b.high_atoms[classes] = u32(atom - 1)
                classes += 1
                number = classes
        b.kind_atoms[kind] = u32(atom)
        key = key | number << 3 * kind
    b.sizes[ATOMS] = count
    b.sizes[KEY] = key
    for w in range(n_sets * words):
        b.used[w] = 0
    for p in range(b.sizes[POSITIONS]):
        place = b.symbols[p] * words + (p >> 6)
        b.used[place] = b.used[place] | u64(1 << (p & 63))
    for atom in range(count):
        takes = b.sets[(3 + atom) * words :]
        clear(takes, 0, words)
        for s in range(n_sets):
            if (b.atom_sets[atom] >> s & 1) != 0:
                for w in range(words):
                    takes[w] = takes[w] | b.used[s * words + w]


@kernel
def find_atom(atom_sets: Ptr[u64], count: i64, members: u64) -> i64:
    """The atom + 1 of the characters that these sets hold, added if it is new; 0 for those in none."""
    if members == 0:
        return 0
    for atom in range(count):
        if atom_sets[atom] == members:
            return atom + 1
    atom_sets[count] = members
    return count + 1
