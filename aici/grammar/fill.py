"""What the mask of a state is made of: terms of bit rows where that is possible, and tokens, found by walking tries.

Goes in: an `Index`, a `Machine`, a state. Comes out, in a `Scratch`: terms and tokens, whose union is the mask. Only
`compose` uses these kernels.

The atoms that lead from a state to the same next state r are a *group*, whose tokens are those that begin with one of
its atoms. If r *runs* (`runs`) over a set of atoms, all tokens that go on with these alone are allowed, as far as the
run is long, and those that leave it with their last unit alone, where that is live: one term of a few bit rows. A token
that goes on after leaving is decided where it leaves: its exit is walked. If r does not run, the same is tried for the
groups of r's own next atoms, which covers " word" and '"text'. What is left, and what is small anyway, is walked in the
trie. All parts are exact, so that their union is, and may overlap.
"""

from __future__ import annotations

from .atoms import ALL, FIRST_BEYOND, N_ATOMS, Atoms
from .index import ENTRY_END_SHIFT, FIRST_SHIFT, LONG, MEDIUM, PLACE_SHIFT, SECOND_SHIFT, Index
from .jit import Ptr, clear_words, i64, kernel, trailing_zeros, u8, u32, u64
from .machine import Machine, ready
from .runs import (
    ENDLESS,
    MAX_TERMS,
    MAX_TOKENS,
    SPILLED,
    TERM,
    TERMS,
    TOKENS,
    UNSEEN,
    Scratch,
    differing,
    exits_cost,
    find_run,
    same,
    segment_end,
    steps,
)
from .targets import MIXED, targets
from .tries import CHILDREN_SHIFT, END, LAST, MAPPED, Trie, walk

FEW = 1500
"""Walking so many nodes takes about as long as a few bit rows."""
FEW_EXITS = 60
"""So many are followed one by one rather than in their trie."""
MANY = 4_000
"""So many steps in a walk, and an eighth of the table's cells, are worth a try at merging its states (`merge`)."""
WANTS_MERGING = -1
MAX_EXIT_NODES = 10_000
"""A run whose exits have more nodes may not be worth it."""
FOREVER = 1 << 40
TOKEN_BITS = (1 << PLACE_SHIFT) - 1


@kernel
def find(index: Index, machine: Machine, atoms: Atoms, s: Scratch, state: i64, few: i64, patience: i64) -> i64:
    """Find out what the mask of a state is made of, but for end-of-sequence tokens; or WANTS_MERGING, if a walk would
    take more than `patience` steps. `few`: so many nodes are better walked."""
    s.counts[TERMS] = 0
    s.counts[TOKENS] = 0
    s.counts[SPILLED] = 0
    targets(machine, atoms, s.visited, state, s.rows)
    left = u64(~same(s.rows, 0))
    walked = same(s.rows, MIXED)
    left = left & u64(~walked)
    while left != 0:
        target = s.rows[trailing_zeros(left)]
        group = same(s.rows, target)
        left = left & u64(~group)
        if nodes_of(index, group) <= few:
            walked = walked | group
        elif set_group(index, machine, atoms, s, state, target, group, few, patience) == WANTS_MERGING:
            return WANTS_MERGING
    if walked != 0:
        return walk_group(index, machine, atoms, s, state, walked, ALL, patience)
    return 0


@kernel
def nodes_of(index: Index, group: u64) -> i64:
    total = 0
    while group != 0:
        atom = trailing_zeros(group)
        group = group & u64(group - 1)
        total += index.segments[atom + 1] - index.segments[atom]
    return total


@kernel
def set_group(
    index: Index,
    machine: Machine,
    atoms: Atoms,
    s: Scratch,
    state: i64,
    target: i64,
    group: u64,
    few: i64,
    patience: i64,
) -> i64:
    """Add the live tokens that begin with an atom of `group`, all of which lead to `target`; or WANTS_MERGING. Where a
    run is short and its exits are many, a short walk is tried first: most of them begin with nothing live."""
    targets(machine, atoms, s.visited, target, s.rows[N_ATOMS:])
    live = u64(~same(s.rows[N_ATOMS:], 0))
    if group >> FIRST_BEYOND == 0 and tokens_of(index, group, live) <= few // 5:
        return walk_group(index, machine, atoms, s, state, group, live, patience)
    n = find_run(index, machine, atoms, s, target)
    if n == 0 and s.masks[0] == ALL and group >> FIRST_BEYOND == 0:
        return walk_group(index, machine, atoms, s, state, group, 0, patience)
    exits = exits_cost(index, s, n)
    if n < ENDLESS and exits > few and walk_group(index, machine, atoms, s, state, group, ALL, few // 4) == 0:
        return 0
    if exits <= max(MAX_EXIT_NODES, nodes_of(index, group) // 2) and s.counts[TERMS] < MAX_TERMS:
        add_run(index, machine, s, state, 1, group, ALL, n)
        return 0
    mixed = same(s.rows[N_ATOMS:], MIXED)
    left = u64(~(same(s.rows[N_ATOMS:], 0) | mixed))
    walked = mixed if tokens_of(index, group, mixed) > 0 else 0
    while left != 0:
        second = s.rows[N_ATOMS + trailing_zeros(left)]
        part = same(s.rows[N_ATOMS:], second)
        left = left & u64(~part)
        count = tokens_of(index, group, part)
        n = 0
        ran = 0
        if 2 * count > few and s.counts[TERMS] + 1 < MAX_TERMS:
            n = find_run(index, machine, atoms, s, second)
            ran = i64(exits_cost(index, s, n) <= max(MAX_EXIT_NODES, count))
        if ran != 0:
            add_run(index, machine, s, state, 2, group, part, n)
        elif count > 0:
            walked = walked | part
    if walked != 0 or s.counts[TERMS] == MAX_TERMS or group >> FIRST_BEYOND == 0:
        return walk_group(index, machine, atoms, s, state, group, walked, patience)
    add_term(s, group, ALL, 0, 0, 1)
    return 0


@kernel
def tokens_of(index: Index, group: u64, part: u64) -> i64:
    """How many tokens begin with an atom of `group` and one of `part`."""
    total = 0
    while group != 0:
        row = index.pairs[trailing_zeros(group) * N_ATOMS :]
        group = group & u64(group - 1)
        rest = part
        while rest != 0:
            total += row[trailing_zeros(rest)]
            rest = rest & u64(rest - 1)
    return total


@kernel
def add_term(s: Scratch, zero: u64, one: u64, dead: u64, ends: u64, most: i64) -> None:
    """The tokens of at most `most` units, if it is not 0, that begin with an atom of `zero` and then have none of
    `dead`, and of `ends` at most one as the last unit. If `one` is not ALL, the second unit is one of these, and only
    what follows is bound."""
    term = s.terms[s.counts[TERMS] * TERM :]
    term[0] = zero
    term[1] = one
    term[2] = dead
    term[3] = ends
    term[4] = u64(most)
    s.counts[TERMS] = s.counts[TERMS] + 1


@kernel
def add_run(index: Index, machine: Machine, s: Scratch, state: i64, level: i64, zero: u64, one: u64, run: i64) -> None:
    """Add the tokens that begin with an atom of `zero` (and, at level 2, one of `one`) and then stay in the run or
    leave it to something live."""
    kept = s.masks[0]
    n = steps(run)
    endless = i64(run >= ENDLESS and run < UNSEEN)
    ends = lasting(s, n)
    add_term(s, zero, one, u64(~(kept | ends)), ends, 0 if endless != 0 else n + level)
    if run >= UNSEEN:
        add_long(index, machine, s, level, zero, one, kept)
    first = 0
    while first <= n:
        last = segment_end(s, first, n)
        row = s.rows[(2 + first) * N_ATOMS :]
        low = first + level
        high = last + level
        if endless != 0 and last == n:
            high = ENDLESS
        left = u64(~(kept | ends | same(row, 0)))
        while left != 0:
            atom = trailing_zeros(left)
            left = left & u64(left - 1)
            at = index.exits_at[atom * (MEDIUM + 1) + min(low, MEDIUM)]
            end = index.exits_at[atom * (MEDIUM + 1) + min(low, MEDIUM) + 1]
            if low == high and low < MEDIUM and end - at <= FEW_EXITS:
                add_exits(index, machine, s, at, end, s.run[first], level, zero, one, kept)
            elif low <= index.exit_places[atom]:
                s.walk.cells[0] = index.exits.roots[atom]
                s.walk.states[0] = u32(s.run[first])
                found = walk(index.exits, machine, s.walk, 1, 0, FOREVER)
                take_exits(index, s, found, level, zero, one, kept, low, high)
        first = last + 1
    left = ends
    while left != 0:
        atom = trailing_zeros(left)
        left = left & u64(left - 1)
        if run < ENDLESS and n + level <= index.exit_places[atom]:
            s.walk.cells[0] = index.exits.roots[atom]
            s.walk.states[0] = u32(s.run[n])
            found = walk(index.exits, machine, s.walk, 1, 0, FOREVER)
            take_exits(index, s, found, level, zero, one, kept, n + level, n + level)
        found = walk_after(index, machine, s, atom, s.rows[2 * N_ATOMS + atom])
        take_exits(index, s, found, level, zero, one, kept, level, ENDLESS if endless != 0 else n + level - 1)


@kernel
def add_long(index: Index, machine: Machine, s: Scratch, level: i64, zero: u64, one: u64, kept: u64) -> None:
    """Add the tokens of more than MEDIUM units that begin as `add_run` says and stay in the run up to there. Most end
    as a byte many times over, and these are followed together."""
    start = s.run[MEDIUM - level]
    for c in range(machine.n_classes):
        s.times[c] = 0
        s.after[c] = u32(start)
    for i in range(index.n_long):
        entry = index.long[i * LONG :]
        between = entry[3]
        second = u64(1 << i64(entry[2]))
        if level == 1:
            between = between | second
        elif (second & one) == 0:
            between = ALL
        if (between & u64(~kept)) == 0 and (zero >> i64(entry[1]) & 1) != 0:
            text = index.data[i64(entry[4]) :]
            n = i64(entry[5])
            if entry[6] == entry[5]:
                c = i64(machine.classes[text[0]])
                if s.times[c] < n and s.after[c] != 0:
                    s.after[c] = u32(follow(machine, s.after[c], text, n - s.times[c]))
                    s.times[c] = n
                if s.after[c] != 0:
                    add_token(s, i64(entry[0]))
            elif follow(machine, start, text, n) != 0:
                add_token(s, i64(entry[0]))


@kernel
def follow(machine: Machine, state: i64, text: Ptr[u8], n: i64) -> i64:
    """The state after some bytes."""
    for i in range(n):
        ready(machine, state)
        state = machine.table[state * machine.n_classes + machine.classes[text[i]]]
    return state


@kernel
def lasting(s: Scratch, n: i64) -> u64:
    """The ASCII atoms that leave a run of `n` steps to the same live state everywhere."""
    row = s.rows[2 * N_ATOMS :]
    found = u64(~(s.masks[0] | same(row, 0) | same(row, MIXED))) & u64((1 << FIRST_BEYOND) - 1)
    for i in range(1, n + 1):
        found = found & u64(~differing(row, s.rows[(2 + i) * N_ATOMS :]))
    return found


# Walks


@kernel
def walk_group(
    index: Index, machine: Machine, atoms: Atoms, s: Scratch, state: i64, zero: u64, one: u64, left: i64
) -> i64:
    """Add the live tokens that begin with an atom of `zero` and then, if they go on, one of `one`; perhaps others. Or
    nothing, if more than `left` steps are needed, and WANTS_MERGING."""
    n = 0
    plain = zero if one == ALL else u64((zero >> FIRST_BEYOND) << FIRST_BEYOND)
    zero = zero & u64(~plain)
    while plain != 0:
        s.walk.cells[n] = index.tokens.roots[trailing_zeros(plain)]
        s.walk.states[n] = u32(state)
        n += 1
        plain = plain & u64(plain - 1)
    if n > 0:
        found = walk(index.tokens, machine, s.walk, n, 0, left)
        if found < 0:
            return WANTS_MERGING
        take(index.tokens, s, found)
    if zero != 0:
        list_wanted(atoms, one, s.walk.wanted)
        n = 0
        while zero != 0:
            s.walk.cells[n] = index.tokens.roots[trailing_zeros(zero)]
            s.walk.states[n] = u32(state)
            n += 1
            zero = zero & u64(zero - 1)
        found = walk(index.tokens, machine, s.walk, n, 1, left)
        if found < 0:
            return WANTS_MERGING
        take(index.tokens, s, found)
    return 0


@kernel
def list_wanted(atoms: Atoms, group: u64, wanted: Ptr[u64]) -> None:
    """The bytes with which characters of the group begin, or more."""
    low: u64 = 0
    high: u64 = 0
    beyond: u64 = 0 if group >> FIRST_BEYOND == 0 else ALL
    group = group & u64((1 << FIRST_BEYOND) - 1)
    while group != 0:
        atom = trailing_zeros(group)
        group = group & u64(group - 1)
        low = low | atoms.byte_sets[2 * atom]
        high = high | atoms.byte_sets[2 * atom + 1]
    wanted[0] = low
    wanted[1] = high
    wanted[2] = beyond
    wanted[3] = beyond


@kernel
def walk_after(index: Index, machine: Machine, s: Scratch, atom: i64, state: i64) -> i64:
    """Find the exits of an ASCII atom that go on after it, in `state`; returns how many."""
    at = i64(index.exits.roots[atom] >> CHILDREN_SHIFT)
    if at == 0:
        return 0
    if (index.exits.roots[atom] & MAPPED) != 0:
        at += 4
    n = 0
    more = 1
    while more != 0:
        cell = index.exits.cells[at]
        s.walk.cells[n] = cell
        s.walk.states[n] = u32(state)
        n += 1
        at += 1
        more = i64((cell & LAST) == 0)
    return walk(index.exits, machine, s.walk, n, 0, FOREVER)


@kernel
def take(trie: Trie, s: Scratch, found: i64) -> None:
    """Add the tokens that a walk has found."""
    for i in range(found):
        at = s.walk.found[i]
        more = 1
        while more != 0:
            item = trie.items[at]
            add_token(s, item & (END - 1))
            at += 1
            more = i64((item & END) == 0)


@kernel
def take_exits(
    index: Index, s: Scratch, found: i64, level: i64, zero: u64, one: u64, kept: u64, low: i64, high: i64
) -> None:
    """Of the exits that a walk has found, add the tokens that begin as `add_run` says, and go on with atoms of `kept`
    up to the exit at a place from `low` to `high`."""
    leaves = u64(~kept)
    for i in range(found):
        at = s.walk.found[i]
        more = 1
        while more != 0:
            between = index.entries[2 * at]
            told = index.entries[2 * at + 1]
            at += 1
            place = i64(told >> PLACE_SHIFT & 255)
            if place >= low and place <= high and fits(between, told, level, zero, one, leaves) != 0:
                add_token(s, i64(told & TOKEN_BITS))
            more = i64((told >> ENTRY_END_SHIFT) == 0)


@kernel
def add_exits(
    index: Index,
    machine: Machine,
    s: Scratch,
    at: i64,
    end: i64,
    state: i64,
    level: i64,
    zero: u64,
    one: u64,
    kept: u64,
) -> None:
    """Of the exits at one place, listed from `at` to `end`, add the tokens as `take_exits` does."""
    leaves = u64(~kept)
    for i in range(at, end):
        exit = index.by_place[4 * i :]
        if fits(exit[0], exit[1], level, zero, one, leaves) != 0:
            after = follow(machine, state, index.data[i64(exit[2]) :], i64(exit[3]))
            if after != 0:
                add_token(s, i64(exit[1] & TOKEN_BITS))


@kernel
def fits(between: u64, told: u64, level: i64, zero: u64, one: u64, leaves: u64) -> i64:
    """Whether a token begins as `add_run` says and has none of `leaves` from there to its exit."""
    second = u64(i64((told >> PLACE_SHIFT & 255) > 1) << i64(told >> SECOND_SHIFT & 63))
    if level == 1:
        between = between | second
    elif (second & one) == 0:
        return 0
    return i64((between & leaves) == 0 and (zero >> i64(told >> FIRST_SHIFT & 63) & 1) != 0)


@kernel
def add_token(s: Scratch, token: i64) -> None:
    n = s.counts[TOKENS]
    if n == MAX_TOKENS:
        spill(s)
        n = 0
    s.tokens[n] = u32(token)
    s.counts[TOKENS] = n + 1


@kernel
def spill(s: Scratch) -> None:
    """Move the tokens to where there is room for all."""
    if s.counts[SPILLED] == 0:
        clear_words(s.spilled, s.n_words)
        s.counts[SPILLED] = 1
    set_tokens(s.tokens, s.counts[TOKENS], s.spilled)
    s.counts[TOKENS] = 0


@kernel
def set_tokens(tokens: Ptr[u32], n: i64, out: Ptr[u32]) -> None:
    for i in range(n):
        token = tokens[i]
        out[token >> 5] = u32(out[token >> 5] | (1 << (token & 31)))
