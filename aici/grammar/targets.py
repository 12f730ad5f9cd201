"""Where the atoms of characters lead from a state of an automaton.

Goes in: an automaton as a `Machine`, a state. Comes out: for every atom the state that all its characters lead to, 0,
or MIXED where they differ. Only `fill` uses these kernels.
"""

from __future__ import annotations

from .atoms import ALL, FIRST_BEYOND, INVALID, N_ATOMS, TAIL, Atoms, atoms
from .hash_kernels import NO_ROOM
from .jit import Ptr, i32, i64, kernel, trailing_zeros, u64
from .lazy_kernels import FAILED, Growth, expand_once, lives_on, subset_state
from .machine import (
    HIGH,
    LEAD_2,
    LEAD_3,
    LEAD_4,
    LEAD_E0,
    LEAD_ED,
    LEAD_F0,
    LEAD_F4,
    LOW,
    MIDDLE,
    NEVER,
    Machine,
    ready,
)

MIXED = -1
_UNSET = -2  # not seen yet
CUT = 1 << 63
"""Among atoms: where a character is cut off, some are dead. If none is, TAIL, which is always the last unit, counts as
leading where some of the characters beyond ASCII do."""
N_KNOWN = 1 << 7
"""Rows of targets that are kept, of all machines together."""


def visited_size() -> int:
    """How many numbers `targets` needs room for: a number a distinct block and page; the rows that it keeps, each with
    its machine and state."""
    fields = atoms().fields
    return int(fields["n_blocks"] + fields["n_pages"]) + N_KNOWN * (1 + N_ATOMS)


@kernel
def targets(machine: Machine, atoms: Atoms, visited: Ptr[i64], state: i64, row: Ptr[i32]) -> None:
    """Fill `row`, one number an atom, for a state. `visited`: zeros at first, `visited_size` of them, for machines that
    are used one at a time."""
    keys = visited[atoms.n_blocks + atoms.n_pages :]
    place = i64(u64(state * 0x9E3779B97F4A7C15) >> 57)
    known = keys[N_KNOWN + place * N_ATOMS :]
    key = machine.serial << 32 | state
    if keys[place] != key:
        find_targets(machine, atoms, visited, state, row)
        for atom in range(N_ATOMS):
            known[atom] = row[atom]
        keys[place] = key
    for atom in range(N_ATOMS):
        row[atom] = i32(known[atom])


@kernel
def find_targets(machine: Machine, atoms: Atoms, visited: Ptr[i64], state: i64, row: Ptr[i32]) -> None:
    if machine.grows != 0 and machine.growth.lazy.subset[state] >= 0:
        targets_of_subset(machine, machine.growth, state, row)
        return
    ready(machine, state)
    base = state * machine.n_classes
    table = machine.table[base:]
    for atom in range(FIRST_BEYOND):
        row[atom] = i32(table[machine.atom_class[atom]])
    impure = machine.impure[0]
    for atom in range(FIRST_BEYOND):
        if (impure >> atom & 1) != 0:
            row[atom] = i32(common(machine, base, atom))
    for atom in range(FIRST_BEYOND, N_ATOMS):
        row[atom] = 0
    live = 0
    for i in range(machine.set_start[LEAD_2], machine.set_start[NEVER + 1]):
        live = live | machine.table[base + machine.set_classes[i]]
    if live == 0:
        return
    if machine.grows != 0 or machine.clean[state] == 0:
        row[INVALID] = MIXED
    whole = uniform(machine, state)
    if whole > 0:
        for atom in range(FIRST_BEYOND, TAIL + 1):
            row[atom] = i32(whole)
    else:
        by_page(machine, atoms, visited, state, row)


@kernel
def common(machine: Machine, base: i64, group: i64) -> i64:
    """Where all bytes of an ASCII atom or byte set lead from the row at `base`, or MIXED."""
    first = machine.set_start[group]
    found = machine.table[base + machine.set_classes[first]]
    for i in range(first + 1, machine.set_start[group + 1]):
        if machine.table[base + machine.set_classes[i]] != found:
            return MIXED
    return found


@kernel
def uniform(machine: Machine, state: i64) -> i64:
    """The live state that every character beyond ASCII leads to, by states that do not differ either; else 0."""
    base = state * machine.n_classes
    goal = last_byte(machine, common(machine, base, LEAD_2))
    if goal <= 0:
        return 0
    three = middle(machine, common(machine, base, LEAD_3), LOW, HIGH)
    if three != goal or middle(machine, common(machine, base, LEAD_E0), HIGH, HIGH) != goal:
        return 0
    if middle(machine, common(machine, base, LEAD_ED), LOW, MIDDLE) != goal:
        return 0
    if upper(machine, common(machine, base, LEAD_4), LOW, HIGH) != goal:
        return 0
    if upper(machine, common(machine, base, LEAD_F0), MIDDLE, HIGH) != goal:
        return 0
    return goal if upper(machine, common(machine, base, LEAD_F4), LOW, LOW) == goal else 0


@kernel
def over(machine: Machine, state: i64, first: i64, last: i64) -> i64:
    """Where the continuation bytes of the sets `first` to `last` lead, or MIXED."""
    if state <= 0:
        return MIXED
    ready(machine, state)
    found = common(machine, state * machine.n_classes, first)
    for group in range(first + 1, last + 1):
        if common(machine, state * machine.n_classes, group) != found:
            return MIXED
    return found


@kernel
def last_byte(machine: Machine, state: i64) -> i64:
    return over(machine, state, LOW, HIGH)


@kernel
def middle(machine: Machine, state: i64, first: i64, last: i64) -> i64:
    return last_byte(machine, over(machine, state, first, last))


@kernel
def upper(machine: Machine, state: i64, first: i64, last: i64) -> i64:
    return middle(machine, over(machine, state, first, last), LOW, HIGH)


@kernel
def by_page(machine: Machine, atoms: Atoms, visited: Ptr[i64], state: i64, row: Ptr[i32]) -> None:
    """The characters beyond ASCII a page at a time, every page and block only once from the same state."""
    for atom in range(FIRST_BEYOND, TAIL):
        row[atom] = _UNSET
    for i in range(atoms.n_blocks + atoms.n_pages):
        visited[i] = -1
    dead: u64 = 0
    for lead in range(0xC2, 0xE0):
        if go(machine, state, lead) == 0:
            dead = dead | CUT
        page = atoms.blocks[atoms.block_of[0] * 64 + lead - 0xC0]
        dead = dead | visit_page(machine, atoms, visited, go(machine, state, lead), page, row)
    for lead in range(0xE0, 0xF0):
        bytes = ALL
        if lead == 0xE0:
            bytes = u64(ALL << 32)
        elif lead == 0xED:
            bytes = ALL >> 32
        dead = dead | visit_block(machine, atoms, visited, go(machine, state, lead), lead - 0xE0, bytes, row)
    for lead in range(0xF0, 0xF5):
        inner = go(machine, state, lead)
        goal = all_above(machine, inner, lead)
        if goal >= 0:
            left = atoms.above[lead - 0xF0]
            if goal == 0:
                dead = dead | left | CUT
            while left != 0 and goal > 0:
                enter(row, trailing_zeros(left), goal)
                left = left & u64(left - 1)
            continue
        for second in range(0x90 if lead == 0xF0 else 0x80, 0x90 if lead == 0xF4 else 0xC0):
            block = (lead - 0xF0) * 64 + second - 0x80
            dead = dead | visit_block(machine, atoms, visited, go(machine, inner, second), block, ALL, row)
    for atom in range(FIRST_BEYOND, TAIL):
        if row[atom] == _UNSET:
            row[atom] = 0
        elif (dead >> atom & 1) != 0:
            row[atom] = MIXED
    row[TAIL] = MIXED
    if (dead & CUT) == 0:
        for atom in range(FIRST_BEYOND, TAIL):
            row[TAIL] = i32(max(row[TAIL], row[atom]))


@kernel
def all_above(machine: Machine, state: i64, lead: i64) -> i64:
    """Where all the characters that begin with a byte from F0 on lead from the state after it, or MIXED."""
    if state == 0:
        return 0
    bytes = ALL
    if lead == 0xF0:
        bytes = u64(ALL << 16)
    elif lead == 0xF4:
        bytes = u64((1 << 16) - 1)
    for _ in range(3):
        look(machine, state)
        if (bytes & u64(~machine.live[state])) != 0 or machine.goal[state] - 2 <= 0:
            return MIXED
        state = machine.goal[state] - 2
        bytes = ALL
    return state


@kernel
def go(machine: Machine, state: i64, byte: i64) -> i64:
    return machine.table[state * machine.n_classes + machine.classes[byte]]


@kernel
def look(machine: Machine, state: i64) -> None:
    """Find out `live` and `goal` of a state."""
    if machine.goal[state] != 0:
        return
    ready(machine, state)
    row = machine.table[state * machine.n_classes :]
    bytes = machine.class_bytes[2:]
    n = machine.n_classes
    goal = 0
    live: u64 = 0
    for c in range(n):
        live = live | (bytes[4 * c] if row[c] != 0 else 0)
    for c in range(n):
        goal = max(goal, row[c] if bytes[4 * c] != 0 else 0)
    differ = 0
    for c in range(n):
        differ = differ | (i64(bytes[4 * c] != 0) & i64(row[c] != 0) & i64(row[c] != goal))
    if differ != 0:
        goal = MIXED
    machine.live[state] = live
    machine.goal[state] = i32(goal + 2)


@kernel
def visit_block(
    machine: Machine, atoms: Atoms, visited: Ptr[i64], state: i64, block: i64, bytes: u64, row: Ptr[i32]
) -> u64:
    """Enter into `row` the characters of a block whose second last byte is among `bytes`; returns the atoms of which
    one was dead."""
    block = atoms.block_of[block]
    if bytes == ALL:
        if visited[block] == state:
            return 0
        visited[block] = state
    look(machine, state)
    live = machine.live[state] & bytes
    dead: u64 = 0
    if live != bytes:
        dead = CUT
    elif machine.goal[state] - 2 > 0 and enter_block(machine, atoms, machine.goal[state] - 2, block, bytes, row) != 0:
        return 0
    for i in range(atoms.part_start[block], atoms.part_start[block + 1]):
        if (atoms.part_bytes[i] & bytes & u64(~live)) != 0:
            dead = dead | u64(1 << atoms.part_atom[i])
    for i in range(64):
        if (live >> i & 1) != 0:
            page = atoms.blocks[block * 64 + i]
            dead = dead | visit_page(machine, atoms, visited, go(machine, state, 0x80 + i), page, row)
    return dead


@kernel
def enter_block(machine: Machine, atoms: Atoms, state: i64, block: i64, bytes: u64, row: Ptr[i32]) -> i64:
    """Enter the characters of a block, all of whose pages lead to `state`, if that does not tell them apart."""
    look(machine, state)
    goal = machine.goal[state] - 2
    if machine.live[state] != ALL or goal == MIXED:
        return 0
    for i in range(atoms.part_start[block], atoms.part_start[block + 1]):
        if (atoms.part_bytes[i] & bytes) != 0:
            enter(row, atoms.part_atom[i], goal)
    return 1


@kernel
def visit_page(machine: Machine, atoms: Atoms, visited: Ptr[i64], state: i64, page: i64, row: Ptr[i32]) -> u64:
    """Enter the characters of a page into `row`; returns the atoms of which one was dead."""
    part = atoms.n_blocks + page
    if visited[part] == state:
        return 0
    visited[part] = state
    look(machine, state)
    live = machine.live[state]
    goal = machine.goal[state] - 2
    dead: u64 = 0
    for i in range(atoms.part_start[part], atoms.part_start[part + 1]):
        atom = atoms.part_atom[i]
        bytes = atoms.part_bytes[i]
        if (bytes & u64(~live)) != 0:
            dead = dead | u64(1 << atom)
        if (bytes & live) != 0:
            if goal == MIXED:
                for j in range(64):
                    if (bytes & live) >> j & 1 != 0:
                        enter(row, atom, go(machine, state, 0x80 + j))
            else:
                enter(row, atom, goal)
    return dead


@kernel
def enter(row: Ptr[i32], atom: i64, target: i64) -> None:
    if row[atom] == _UNSET:
        row[atom] = i32(target)
    elif row[atom] != target:
        row[atom] = MIXED


# Automata that grow: where a pattern's characters lead is known without any bytes


@kernel
def targets_of_subset(machine: Machine, growth: Growth, state: i64, row: Ptr[i32]) -> None:
    """As `find_targets`, at the start of a character. Where the longest token leads to death only by characters that
    lead there from everywhere, the state is as good as all those that its characters lead to."""
    lazy = growth.lazy
    n_atoms = growth.positions.atoms
    endures = lives_on(growth.positions, growth.subsets, lazy.subset[state], machine.longest)
    failed = 0
    if endures == 0:
        failed = expand_once(growth.positions, growth.subsets, lazy, lazy.subset[state])
    if failed == 0 and lazy.counts[0] + n_atoms >= lazy.state_room:
        failed = NO_ROOM
    for atom in range(N_ATOMS):
        row[atom] = 0
    if failed < 0:
        growth.told[FAILED] = failed
        return
    after = growth.subsets.rows[lazy.subset[state] * n_atoms :]
    some = 0
    goal = _UNSET
    for atom in range(TAIL):
        target = _UNSET
        for i in range(machine.met_start[atom], machine.met_start[atom + 1]):
            met = machine.met[i]
            to = 0
            if endures != 0:
                to = state if met != 0 else 0
            elif met != 0 and after[met - 1] >= 0:
                to = subset_state(growth.subsets, lazy, after[met - 1])
            target = same_target(target, to)
        row[atom] = i32(max(target, MIXED))
        if atom >= FIRST_BEYOND:
            some = some | target
            goal = same_target(goal, target)
    if some != 0:
        row[TAIL] = i32(goal)


@kernel
def same_target(target: i64, to: i64) -> i64:
    """What becomes of a target, maybe _UNSET, with another one."""
    if target == _UNSET:
        return to
    return target if target == to else MIXED
