"""Automata as the kernels of masks read them.

Goes in: an automaton's table. Comes out: a `Machine`, checked, with what follows from its classes of bytes. `targets`
and what builds on it use this module; `mask` and `lazy_constraint` make machines.
"""

from __future__ import annotations

from functools import cache as once
from functools import lru_cache
from itertools import count

import numpy as np
from numpy.typing import NDArray

from .atoms import ALL, FIRST_BEYOND, N_ATOMS, SURROGATE, Atoms, atoms
from .jit import Ptr, Record, i32, i64, kernel, u8, u32, u64
from .lazy import LazyDfa
from .lazy_kernels import FAILED, Growth, Lazy
from .lazy_kernels import fill as fill_row
from .memory import mapping
from .subset_kernels import Positions, Subsets
from .utf8 import Partition

LEAD_2, LEAD_E0, LEAD_3, LEAD_ED, LEAD_F0, LEAD_4, LEAD_F4, LOW, MIDDLE, HIGH, NEVER = range(
    FIRST_BEYOND, FIRST_BEYOND + 11
)
_BYTE_SETS = [
    range(0xC2, 0xE0),
    [0xE0],
    [*range(0xE1, 0xED), 0xEE, 0xEF],
    [0xED],
    [0xF0],
    range(0xF1, 0xF4),
    [0xF4],
    range(0x80, 0x90),
    range(0x90, 0xA0),
    range(0xA0, 0xC0),
    [0xC0, 0xC1, *range(0xF5, 0x100)],
]
"""Bytes from 0x80 on, by the part that they play in UTF-8: LEAD_2 to NEVER (The Unicode Standard, table 3-7)."""
N_SETS = FIRST_BEYOND + len(_BYTE_SETS)


class Machine(Record):
    """An automaton, and what was found out about it. Only one thread at a time may use it."""

    table: Ptr[u32]  # [n_states, n_classes]
    classes: Ptr[u8]  # [256]
    n_classes: i64
    merged: i64  # 0 as it came, 1 not to be merged, 2 `merge` has seen it
    serial: i64  # no other machine of the process has it
    grows: i64  # whether rows have to be made `ready`
    growth: Growth
    longest: i64  # bytes of the longest token, of an automaton that grows
    accepting: Ptr[u8]  # [n_asked]
    n_asked: i64  # states of the automaton as it came
    owner: i64  # a number of its own for every automaton
    few: i64  # so many nodes are better walked
    merged_of: Ptr[u32]  # [n_asked] if `merged` is 2, the state for every one of the automaton as it came
    # For every ASCII atom and byte set, the distinct classes of its bytes.
    set_start: Ptr[i32]  # [N_SETS + 1]
    set_classes: Ptr[u8]
    atom_class: Ptr[u8]  # [FIRST_BEYOND] the class of an ASCII atom's first character
    impure: Ptr[u64]  # [1] the ASCII atoms that have several classes
    class_bytes: Ptr[u64]  # [n_classes, 4] its bytes, a bit each
    clean: Ptr[u8]  # [n_states] 1: at the start of a character, and nothing but UTF-8 is live from here
    goal: Ptr[
        i32
    ]  # [n_states] where its live continuation bytes lead, or MIXED; + 2, and 0 where that is not known yet
    live: Ptr[u64]  # [n_states] which these are, bit i is 0x80 + i
    # Room for `spells_utf8`.
    todo: Ptr[u32]  # [n_states]
    all_of: Ptr[u64]  # [n_classes] what the modes after the bytes of a class have in common,
    any_of: Ptr[u64]  # [n_classes] and together
    # Of an automaton that grows, the atoms of its pattern that an atom has characters of: from here to the next start.
    met_start: Ptr[u32]  # [N_ATOMS + 1]
    met: Ptr[u32]  # + 1, or 0: characters that the pattern does not have


N_BLOCKS = 0x110000 >> 12
_SERIALS = count(1)
_NONE = np.zeros(1, np.uint32)


def make_machine(
    table: NDArray[np.uint32],
    classes: NDArray[np.uint8],
    start: int,
    accepting: NDArray[np.uint8],
    owner: int = 0,
    few: int = 0,
    merged_of: NDArray[np.uint32] | None = None,
) -> Machine:
    """`table` is [n_states, n_classes], `classes` [256], `accepting` [states of the automaton], C order. `merged_of`
    [as many]: the state for each of these, if `merge` has seen them. ValueError if they are no automaton."""
    n_states, n_classes = table.shape
    parts = accepting, len(accepting), owner, few
    merged, of = (0, _NONE) if merged_of is None else (2, merged_of)
    machine = Machine.carve(
        (table, classes, n_classes, merged, next(_SERIALS), 0, no_growth(), 0, *parts, of),
        (
            *(N_SETS + 1, 256, FIRST_BEYOND, 1),
            *(4 * n_classes, n_states, n_states, n_states, n_states, n_classes, n_classes, 1, 1),
        ),
    )
    if not prepare.quickly(machine.address, _sets().address, n_states, start):
        raise ValueError("not an automaton")
    return machine


def make_growing_machine(automaton: LazyDfa, longest: int, owner: int = 0, few: int = 0) -> Machine:
    """Of an automaton whose rows are filled as they are asked for; the longest token has so many bytes."""
    packed, n_classes, n_states = automaton.packed, automaton.n_classes, len(automaton.table)
    pairs = _pairs_beyond(packed.high)
    machine = Machine.carve(
        (
            *(automaton.table, automaton.classes, n_classes, 1, next(_SERIALS), 1, automaton.growth, longest),
            *(automaton.accepting, n_states, owner, few, _NONE),
        ),
        (
            *(N_SETS + 1, 256, FIRST_BEYOND, 1, 4 * n_classes, 1, n_states, n_states, 1, 1, 1),
            *(N_ATOMS + 1, 128 + len(pairs) // 2),
        ),
        mapping,
    )
    prepare_classes.quickly(machine.address, _sets().address)
    arrays = packed.arrays()
    seen = np.zeros(packed.atoms + 1, np.uint8)
    list_met(machine, atoms(), arrays["letters"], arrays["high_atoms"], pairs, len(pairs) // 2, seen, len(seen))
    return machine


@lru_cache(maxsize=64)
def _pairs_beyond(high: Partition) -> NDArray[np.uint32]:
    """uint32[n * 2]: an atom beyond ASCII, and an atom of the partition + 1 (0: none) that it has characters of."""
    n_high = len(high.signatures)
    seen = np.zeros(N_ATOMS * (n_high + 1), np.uint8)
    pages = np.zeros(atoms().fields["n_pages"] * (n_high + 1 + high.n_nodes), np.uint8)
    pairs = np.zeros(2 * len(seen), np.uint32)
    n = meet(atoms(), high.packed, pages, seen, pairs)
    found: NDArray[np.uint32] = pairs[: 2 * n].copy()
    return found


@once
def no_growth() -> Growth:
    """In place of one."""
    return Growth(
        positions=Positions.carve((0, 0, 0), (1,) * (len(Positions.kinds()) - 3)),
        subsets=Subsets.carve((0, 0, 0, 0), (1,) * (len(Subsets.kinds()) - 4)),
        lazy=Lazy.carve(
            (np.zeros(1, np.uint8), *[np.zeros(1, np.uint32)] * 3, 0, 0, 0, 0), (1,) * (len(Lazy.kinds()) - 8)
        ),
        told=np.zeros(2, np.int64),
    )


class ByteSets(Record):
    """What is the same for all automata."""

    members: Ptr[u8]  # the bytes of every ASCII atom and byte set
    member_start: Ptr[i32]  # [N_SETS + 1]
    modes: Ptr[u64]  # [256] for every byte, `after_byte` of modes 1 to 8 in its bytes


@once
def _sets() -> ByteSets:
    fields = atoms().fields
    beyond = [byte for group in _BYTE_SETS for byte in group]
    sizes = np.cumsum([128, *map(len, _BYTE_SETS)])
    modes = np.zeros(256, np.uint64)
    list_modes(modes)
    return ByteSets(
        members=np.concatenate([fields["bytes"], np.array(beyond, np.uint8)]),
        member_start=np.concatenate([fields["byte_start"], sizes[1:]]).astype(np.int32),
        modes=modes,
    )


@kernel
def prepare(
    machine: Machine,
    sets: ByteSets,
    n_states: i64,
    start: i64,
) -> i64:
    """Check the automaton, so that following it never leads outside, and fill the machine; 0 if it is none."""
    n_classes = machine.n_classes
    highest = 0
    for i in range(256):
        highest = max(highest, machine.classes[i])
    furthest = 0
    for i in range(n_states * n_classes):
        furthest = max(furthest, machine.table[i])
    escapes = 0
    for c in range(n_classes):
        escapes = escapes | machine.table[c]
    if highest >= n_classes or furthest >= n_states or escapes != 0:
        return 0
    prepare_classes(machine, sets)
    for c in range(n_classes):
        machine.all_of[c] = ALL
    for byte in range(256):
        c = machine.classes[byte]
        machine.all_of[c] = machine.all_of[c] & sets.modes[byte]
        machine.any_of[c] = machine.any_of[c] | sets.modes[byte]
    if spells_utf8(machine, start) == 0:
        for i in range(n_states):
            machine.clean[i] = 0
    for i in range(n_states):
        machine.clean[i] = u8(machine.clean[i] == 1)
    return 1


@kernel
def prepare_classes(machine: Machine, sets: ByteSets) -> None:
    """Fill in what follows from the classes alone."""
    distinct(sets, machine)
    impure: u64 = 0
    for atom in range(FIRST_BEYOND):
        first = machine.set_start[atom]
        machine.atom_class[atom] = machine.set_classes[first]
        if machine.set_start[atom + 1] - first > 1:
            impure = impure | u64(1 << atom)
    machine.impure[0] = impure
    for byte in range(256):
        place = 4 * machine.classes[byte] + (byte >> 6)
        machine.class_bytes[place] = machine.class_bytes[place] | u64(1 << (byte & 63))


@kernel
def distinct(sets: ByteSets, machine: Machine) -> None:
    """Fill `set_start` and `set_classes`."""
    count = 0
    for group in range(N_SETS):
        first = count
        machine.set_start[group] = i32(first)
        for i in range(sets.member_start[group], sets.member_start[group + 1]):
            found = machine.classes[sets.members[i]]
            known = 0
            for j in range(first, count):
                if machine.set_classes[j] == found:
                    known = 1
                    break
            if known == 0:
                machine.set_classes[count] = u8(found)
                count += 1
    machine.set_start[N_SETS] = i32(count)


@kernel
def after_byte(mode: i64, byte: i64) -> i64:
    """The automaton of UTF-8: the mode after a byte, 0 if it is not allowed. 1: between characters; 2, 3, 4: so many
    continuation bytes + 1 to come; 5 to 8: after E0, ED, F0, F4."""
    if mode == 1:
        if byte < 0x80:
            return 1
        if byte < 0xC2 or byte > 0xF4:
            return 0
        if byte < 0xE0:
            return 2
        if byte < 0xF0:
            return 5 if byte == 0xE0 else 6 if byte == 0xED else 3
        return 7 if byte == 0xF0 else 8 if byte == 0xF4 else 4
    if byte < 0x80 or byte > 0xBF:
        return 0
    if mode < 5:
        return mode - 1
    if mode == 5:
        return 2 if byte >= 0xA0 else 0
    if mode == 6:
        return 2 if byte < 0xA0 else 0
    if mode == 7:
        return 3 if byte >= 0x90 else 0
    return 3 if byte < 0x90 else 0


@kernel
def list_modes(table: Ptr[u64]) -> None:
    for byte in range(256):
        for mode in range(1, 9):
            table[byte] = table[byte] | u64(after_byte(mode, byte) << 8 * (mode - 1))


@kernel
def spells_utf8(machine: Machine, start: i64) -> i64:
    """1 if nothing but UTF-8 is live from `start`, every state being in one mode: then `machine.clean` has that for
    every state reached."""
    modes = machine.clean
    todo = machine.todo
    n_classes = machine.n_classes
    count = 0
    if start != 0:
        modes[start] = 1
        todo[0] = u32(start)
        count = 1
    while count > 0:
        count -= 1
        state = todo[count]
        shift = 8 * (modes[state] - 1)
        for c in range(n_classes):
            target = machine.table[state * n_classes + c]
            if target != 0:
                mode = i64(machine.any_of[c] >> shift & 255)
                if mode == 0 or i64(machine.all_of[c] >> shift & 255) != mode:
                    return 0
                if modes[target] != 0 and modes[target] != mode:
                    return 0
                if modes[target] == 0:
                    modes[target] = u8(mode)
                    todo[count] = u32(target)
                    count += 1
    return 1


@kernel
def ready(machine: Machine, state: i64) -> None:
    """See to it that the row of a state is filled."""
    if machine.grows != 0 and machine.growth.lazy.filled[state] == 0:
        growth = machine.growth
        failed = fill_row(growth.positions, growth.subsets, growth.lazy, state)
        if failed < 0:
            growth.told[FAILED] = failed


# Automata that grow: which characters an atom shares with those of a pattern


@kernel
def list_met(
    machine: Machine,
    atoms: Atoms,
    letters: Ptr[u32],
    high_atoms: Ptr[u32],
    pairs: Ptr[u32],
    n_pairs: i64,
    seen: Ptr[u8],
    n_seen: i64,
) -> None:
    """Fill `met` and `met_start`. `letters`: of every ASCII character the atom + 1 in the pattern, or 0."""
    count = 0
    for atom in range(N_ATOMS):
        machine.met_start[atom] = u32(count)
        for i in range(n_seen):
            seen[i] = 0
        for c in range(128):
            if atoms.ascii[c] == atom and seen[letters[c]] == 0:
                seen[letters[c]] = 1
                machine.met[count] = letters[c]
                count += 1
        for i in range(n_pairs):
            if pairs[2 * i] == atom:
                met = 0
                if pairs[2 * i + 1] != 0:
                    met = high_atoms[pairs[2 * i + 1] - 1] + 1
                if seen[met] == 0:
                    seen[met] = 1
                    machine.met[count] = u32(met)
                    count += 1
    machine.met_start[N_ATOMS] = u32(count)


@kernel
def meet(atoms: Atoms, high: Ptr[u32], pages: Ptr[u8], seen: Ptr[u8], pairs: Ptr[u32]) -> i64:
    """List which atoms beyond ASCII have characters of which atoms of a partition: how many pairs. `pages`, `seen`:
    zeros, one for each page and child of the partition's diagram, and one for each possible pair."""
    columns = i64(high[2])
    count = 0
    for lead in range(0xC2, 0xE0):
        page = atoms.blocks[atoms.block_of[0] * 64 + lead - 0xC0]
        here = high[131 + high[3 + lead - 0x80]]
        count = meet_page(atoms, high, page, here, pages, seen, pairs, count)
    for block in range(N_BLOCKS):
        lead = 0xE0 + block if block < 16 else 0xF0 + (block >> 6)
        inner = i64(high[131 + high[3 + lead - 0x80]])
        if block >= 16:
            inner = child_of(high, columns, inner, block & 63)
        for i in range(32 if block == 0 else 0, 64):
            page = atoms.blocks[atoms.block_of[block] * 64 + i]
            count = meet_page(atoms, high, page, child_of(high, columns, inner, i), pages, seen, pairs, count)
    return count


@kernel
def child_of(high: Ptr[u32], columns: i64, child: i64, last: i64) -> i64:
    """The child of a child of the diagram, a node or 0, by the last six bits of a byte."""
    if child == 0:
        return 0
    return high[131 + columns * (child - high[0]) + high[3 + last]]


@kernel
def meet_page(
    atoms: Atoms, high: Ptr[u32], page: i64, child: i64, pages: Ptr[u8], seen: Ptr[u8], pairs: Ptr[u32], count: i64
) -> i64:
    """Add the pairs of a page and what stands for it in the diagram: how many there are now."""
    n_high = i64(high[0])
    place = page * (n_high + 1 + high[1]) + child
    if pages[place] != 0:
        return count
    pages[place] = 1
    for i in range(64):
        atom = i64(atoms.pages[page * 64 + i])
        other = child_of(high, i64(high[2]), child, i)
        if atom != SURROGATE and seen[atom * (n_high + 1) + other] == 0:
            seen[atom * (n_high + 1) + other] = 1
            pairs[2 * count] = u32(atom)
            pairs[2 * count + 1] = u32(other)
            count += 1
    return count
