"""The mask of a state: whole classes of tokens by bit rows where that is possible, the rest by walking tries.

Goes in: an `Index`, a `Machine`, a state. Comes out: a row of bits. Only `mask` uses these kernels.

The atoms that lead from a state to the same next state r are a *group*, whose tokens are those that begin with one of
its atoms. If r *runs* over a set B of atoms (it loops on them, or leads to a state that does, or counts them down a
chain of states), then all tokens that go on with atoms of B alone are allowed, as far as the run is long: bit rows. A
token that leaves B is decided by where it leaves: its exit is walked from the state of the run there. If r does not
run, the same is tried for the groups of r's own next atoms, which covers " word" and '"text'. What is left, and what is
small anyway, is walked in the trie. All parts are exact, so that their union is, and may overlap.
"""

from __future__ import annotations

from .atoms import FIRST_BEYOND, N_ATOMS, Atoms
from .index import FIRST, LATER, MEDIUM, N_SHORT, SECOND, SHORT, THIRD, Index, union_row
from .jit import Ptr, Record, i32, i64, kernel, u32, u64
from .kernels import BYTE_MASK, DEPTH_MASK, DEPTH_SHIFT, SIZE_SHIFT, TOKEN_MASK, TOKEN_SHIFT
from .targets import ALL, MIXED, Machine, ready, targets, visited_size

FEW = 1500
"""Walking so many nodes takes about as long as a few bit rows."""
MANY = 20_000
"""So many steps in walks are worth a try at merging the machine's states (`merge`)."""
WANTS_MERGING = -1
MAX_EXIT_NODES = 10_000
"""A run whose exits have more nodes may not be worth it."""
MAX_RUN = MEDIUM - 1
"""Steps of a run that are looked at; longer tokens are walked."""
ROWS = MAX_RUN + 4
ENDLESS = 1 << 20
FOREVER = 1 << 40


class Scratch(Record):
    """Room for one call at a time."""

    states: Ptr[u32]  # a state a depth
    rows: Ptr[i32]  # [ROWS, N_ATOMS] targets: of the state, of the next one, of a run's states
    run: Ptr[i64]  # [MAX_RUN + 1] the states of a run
    masks: Ptr[u64]  # [1] the atoms of a run
    visited: Ptr[i64]  # for `targets`


def make_scratch(max_depth: int) -> Scratch:
    """For tokens of up to `max_depth` bytes."""
    return Scratch.carve((), (max_depth + 1, ROWS * N_ATOMS, ROWS, 1, visited_size()))


@kernel
def fill(
    index: Index,
    machine: Machine,
    atoms: Atoms,
    s: Scratch,
    state: i64,
    accepts: i64,
    few: i64,
    out: Ptr[u32],
    n_out: i64,
) -> i64:
    """Write the mask of a state into the `n_out` words `out`, with the end-of-sequence tokens if it accepts or nothing
    else is allowed. Returns whether something else is; or WANTS_MERGING, with nothing written, if the walks would be
    long and the machine is as it came. `few`: so many nodes are better walked."""
    for w in range(n_out):
        out[w] = 0
    targets(machine, atoms, s.visited, state, s.rows)
    done: u64 = 0
    for atom in range(N_ATOMS):
        target = s.rows[atom]
        if target != 0 and (done >> atom & 1) == 0:
            group: u64 = u64(1 << atom)
            if target != MIXED:
                group = same(s.rows, target)
            done = done | group
            size = nodes_of(index, group)
            if target != MIXED and size > few:
                if set_group(index, machine, atoms, s, state, target, group, few, out, n_out) == WANTS_MERGING:
                    return WANTS_MERGING
            elif walk_group(index, machine, atoms, s, state, group, ALL, steps_to_try(machine), out) == WANTS_MERGING:
                return WANTS_MERGING
    found = 0
    for w in range(n_out):
        if out[w] != 0:
            found = 1
            break
    if accepts != 0 or found == 0:
        for i in range(index.n_eos):
            eos = index.eos[i]
            out[eos >> 5] = u32(out[eos >> 5] | (1 << (eos & 31)))
    return found


@kernel
def same(row: Ptr[i32], target: i64) -> u64:
    """The atoms that lead to a target."""
    group: u64 = 0
    for atom in range(N_ATOMS):
        group = group | u64(i64(row[atom] == target) << atom)
    return group


@kernel
def nodes_of(index: Index, group: u64) -> i64:
    total = 0
    for atom in range(N_ATOMS):
        if (group >> atom & 1) != 0:
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
    out: Ptr[u32],
    n_out: i64,
) -> i64:
    """Set the live tokens that begin with an atom of `group`, all of which lead to `target`; or WANTS_MERGING. Where a
    run is short and its exits are many, a short walk is tried first: most of them begin with nothing live."""
    n = find_run(index, machine, atoms, s, target)
    exits = exits_cost(index, s, n)
    if n < ENDLESS and exits > few and walk_group(index, machine, atoms, s, state, group, ALL, few, out) == 0:
        return 0
    if exits <= max(MAX_EXIT_NODES, nodes_of(index, group) // 2):
        add_run(index, machine, s, state, 1, group, ALL, n, out, n_out)
        return 0
    targets(machine, atoms, s.visited, target, s.rows[N_ATOMS:])
    walked: u64 = 0
    done: u64 = 0
    begins = index.bits[union_row(index, FIRST, group) * index.n_words :]
    short = index.bits[(SHORT + 1) * index.n_words :]
    for w in range(n_out):
        out[w] = out[w] | (begins[w] & short[w])
    for atom in range(N_ATOMS):
        second = s.rows[N_ATOMS + atom]
        if second != 0 and (done >> atom & 1) == 0:
            part: u64 = u64(1 << atom)
            if second != MIXED:
                part = same(s.rows[N_ATOMS:], second)
            done = done | part
            count = tokens_of(index, group, part)
            if second == MIXED or 2 * count <= few:
                if count > 0:
                    walked = walked | part
            else:
                n = find_run(index, machine, atoms, s, second)
                if exits_cost(index, s, n) <= max(MAX_EXIT_NODES, count):
                    add_run(index, machine, s, state, 2, group, part, n, out, n_out)
                else:
                    walked = walked | part
    if walked != 0:
        return walk_group(index, machine, atoms, s, state, group, walked, steps_to_try(machine), out)
    return 0


@kernel
def tokens_of(index: Index, group: u64, part: u64) -> i64:
    """How many tokens begin with an atom of `group` and one of `part`."""
    total = 0
    for a in range(N_ATOMS):
        if (group >> a & 1) != 0:
            for b in range(N_ATOMS):
                if (part >> b & 1) != 0:
                    total += index.pairs[a * N_ATOMS + b]
    return total


# Runs. Encoded as: steps, + ENDLESS if the last state loops, + 2 * ENDLESS if the run goes on unseen.


@kernel
def find_run(index: Index, machine: Machine, atoms: Atoms, s: Scratch, start: i64) -> i64:
    """The run from `start`: its atoms go to `s.masks[0]`, its states to `s.run`, their targets to `s.rows[2..]`."""
    kept: u64 = ALL
    first = 0  # the first atom kept
    state = start
    for i in range(MAX_RUN + 1):
        row = s.rows[(2 + i) * N_ATOMS :]
        targets(machine, atoms, s.visited, state, row)
        s.run[i] = state
        following = i64(row[first])
        if i == 0 or following <= 0 or (kept & u64(~same(row, following))) != 0:
            following = heaviest(index, row, kept)
        if following == 0:
            s.masks[0] = kept & same(row, 0)
            return i
        kept = kept & same(row, following)
        s.masks[0] = kept
        if following == state:
            return i + ENDLESS
        while (kept >> first & 1) == 0:
            first += 1
        state = following
    return MAX_RUN + 2 * ENDLESS


@kernel
def heaviest(index: Index, row: Ptr[i32], kept: u64) -> i64:
    """The live target that most of the tokens' atoms lead to, of those in `kept`; 0 if there is none."""
    best = 0
    best_weight = -1
    done: u64 = u64(~kept)
    for atom in range(N_ATOMS):
        if (done >> atom & 1) == 0 and row[atom] > 0:
            group = same(row, row[atom]) & kept
            done = done | group
            weight = 0
            for a in range(N_ATOMS):
                if (group >> a & 1) != 0:
                    weight += index.weights[a]
            if weight > best_weight:
                best_weight = weight
                best = row[atom]
    return best


@kernel
def steps(run: i64) -> i64:
    return run & (ENDLESS - 1)


@kernel
def segment_end(s: Scratch, first: i64, last: i64) -> i64:
    """The last state of the run up to which the atoms that leave it lead where they lead at `first`."""
    leaves = u64(~s.masks[0])
    row = s.rows[(2 + first) * N_ATOMS :]
    if first < last and (same(row, MIXED) & leaves) != 0:
        return first
    end = first
    while end < last:
        following = s.rows[(3 + end) * N_ATOMS :]
        differ: u64 = 0
        for atom in range(N_ATOMS):
            differ = differ | u64(i64(row[atom] != following[atom]) << atom)
        if (differ & leaves) != 0:
            return end
        end += 1
    return end


@kernel
def exits_cost(index: Index, s: Scratch, run: i64) -> i64:
    """How many nodes the exits of a run have; ENDLESS if an atom has none in the index."""
    total = 0
    first = 0
    if s.masks[0] == 0:
        return ENDLESS
    while first <= steps(run):
        for atom in range(N_ATOMS):
            if (s.masks[0] >> atom & 1) == 0 and s.rows[(2 + first) * N_ATOMS + atom] != 0:
                if index.exit_big[atom] != 0:
                    return ENDLESS
                total += index.exit_segments[atom + 1] - index.exit_segments[atom]
        first = segment_end(s, first, steps(run)) + 1
    return total


@kernel
def add_run(
    index: Index,
    machine: Machine,
    s: Scratch,
    state: i64,
    level: i64,
    zero: u64,
    one: u64,
    run: i64,
    out: Ptr[u32],
    n_out: i64,
) -> None:
    """Set the tokens that begin with an atom of `zero` (and, at level 2, one of `one`) and then stay in the run or
    leave it to something live."""
    kept = s.masks[0]
    n = steps(run)
    ending = run < ENDLESS or run >= 2 * ENDLESS
    width = index.n_words
    begins = index.bits[union_row(index, FIRST, zero) * width :]
    leaves = index.bits[union_row(index, LATER if level == 1 else THIRD, u64(~kept)) * width :]
    goes = index.bits[(union_row(index, SECOND, one) if level == 2 else SHORT + N_SHORT - 1) * width :]
    short = index.bits[(SHORT + n + level) * width :]
    if level == 2 and ending != 0:
        for w in range(n_out):
            out[w] = out[w] | (begins[w] & goes[w] & short[w] & u32(~leaves[w]))
    elif level == 2:
        for w in range(n_out):
            out[w] = out[w] | (begins[w] & goes[w] & u32(~leaves[w]))
    elif ending != 0:
        for w in range(n_out):
            out[w] = out[w] | (begins[w] & short[w] & u32(~leaves[w]))
    else:
        for w in range(n_out):
            out[w] = out[w] | (begins[w] & u32(~leaves[w]))
    if run >= 2 * ENDLESS:
        ready(machine, state)
        s.states[0] = u32(state)
        walk(index.long_nodes, 0, index.n_long, machine, s.states, out, FOREVER)
    first = 0
    while first <= n:
        last = segment_end(s, first, n)
        low = first + level
        high = ENDLESS if last == n and run >= ENDLESS and run < 2 * ENDLESS else last + level
        for atom in range(N_ATOMS):
            if (kept >> atom & 1) == 0 and s.rows[(2 + first) * N_ATOMS + atom] != 0:
                walk_exits(index, machine, s, atom, s.run[first], level, zero, one, kept, low, high, out)
        first = last + 1


# Walks


@kernel
def steps_to_try(machine: Machine) -> i64:
    return MANY if machine.merged == 0 else FOREVER


@kernel
def walk_group(
    index: Index, machine: Machine, atoms: Atoms, s: Scratch, state: i64, zero: u64, one: u64, left: i64, out: Ptr[u32]
) -> i64:
    """Set the live tokens that begin with an atom of `zero` and then, if they go on, one of `one`; perhaps others. Or,
    if `left` steps do not suffice, some of them, and WANTS_MERGING."""
    ready(machine, state)
    s.states[0] = u32(state)
    for atom in range(N_ATOMS):
        if (zero >> atom & 1) != 0:
            if one == ALL or atom >= FIRST_BEYOND:
                left = walk(index.nodes, index.segments[atom], index.segments[atom + 1], machine, s.states, out, left)
            else:
                left = walk_from(index, machine, atoms, s.states, atom, one, out, left)
            if left < 0:
                return WANTS_MERGING
    return 0


@kernel
def walk_from(
    index: Index, machine: Machine, atoms: Atoms, states: Ptr[u32], atom: i64, one: u64, out: Ptr[u32], left: i64
) -> i64:
    """The tokens of an ASCII atom that go on with one of `one`. Arguments and result as in `walk`."""
    beyond = one >> FIRST_BEYOND != 0
    i = index.segments[atom]
    end = index.segments[atom + 1]
    while i < end and left >= 0:
        node = index.nodes[i]
        depth = i64(node >> DEPTH_SHIFT) & DEPTH_MASK
        byte = i64(node & BYTE_MASK)
        after = machine.table[states[depth - 1] * machine.n_classes + machine.classes[byte]]
        following = i + i64(node >> SIZE_SHIFT)
        if after == 0:
            i = following
        elif depth == 1:
            ready(machine, after)
            states[1] = u32(after)
            left = walk(index.nodes, i, i + 1, machine, states, out, left)
            i += 1
        else:
            ready(machine, after)
            wanted = beyond != 0 if byte >= 0x80 else (one >> atoms.ascii[byte] & 1) != 0
            if wanted != 0:
                left = walk(index.nodes, i, following, machine, states, out, left)
            i = following
    return left


@kernel
def walk(nodes: Ptr[u64], i: i64, end: i64, machine: Machine, states: Ptr[u32], out: Ptr[u32], left: i64) -> i64:
    """Set the tokens of the nodes from `i` to `end` whose bytes lead from the state `states[0]` to a live one, in at
    most `left` steps; returns how many are left, negative if they did not suffice."""
    while i < end and left >= 0:
        node = nodes[i]
        depth = i64(node >> DEPTH_SHIFT) & DEPTH_MASK
        row = states[depth - 1] * machine.n_classes
        after = machine.table[row + machine.classes[i64(node & BYTE_MASK)]]
        left -= 1
        if after == 0:
            i += i64(node >> SIZE_SHIFT)
        else:
            ready(machine, after)
            states[depth] = u32(after)
            token = (i64(node >> TOKEN_SHIFT) & TOKEN_MASK) - 1
            if token >= 0:
                out[token >> 5] = u32(out[token >> 5] | (1 << (token & 31)))
            i += 1
    return left


@kernel
def walk_exits(
    index: Index,
    machine: Machine,
    s: Scratch,
    atom: i64,
    state: i64,
    level: i64,
    zero: u64,
    one: u64,
    kept: u64,
    low: i64,
    high: i64,
    out: Ptr[u32],
) -> None:
    """Set the tokens that begin as `add_run` says, go on with atoms of `kept` and from a place between `low` and `high`
    on, where they have `atom`, lead from `state` to a live one."""
    ready(machine, state)
    s.states[0] = u32(state)
    leaves = u64(~kept)
    i = index.exit_segments[atom]
    end = index.exit_segments[atom + 1]
    while i < end:
        node = index.exit_nodes[i]
        depth = i64(node >> DEPTH_SHIFT) & DEPTH_MASK
        row = s.states[depth - 1] * machine.n_classes
        after = machine.table[row + machine.classes[i64(node & BYTE_MASK)]]
        if after == 0:
            i += i64(node >> SIZE_SHIFT)
        else:
            ready(machine, after)
            s.states[depth] = u32(after)
            entry = (i64(node >> TOKEN_SHIFT) & TOKEN_MASK) - 1
            if entry >= 0:
                place = index.entry_place[entry]
                between = index.entry_between[entry]
                second = u64(i64(place > 1) << index.entry_second[entry])
                if level == 1:
                    between = between | second
                elif (second & one) == 0:
                    between = ALL
                inside = (between & leaves) == 0 and (zero >> index.entry_first[entry] & 1) != 0
                if inside != 0 and place >= low and place <= high:
                    token = index.entry_token[entry]
                    out[token >> 5] = u32(out[token >> 5] | (1 << (token & 31)))
            i += 1
