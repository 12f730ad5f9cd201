"""The kernels that spell an automaton over atoms in bytes, and bring it into canonical form. The dialect is `jit`'s."""

from __future__ import annotations

from .hash_kernels import MIX, NO_ROOM, intern_row, mix
from .jit import Ptr, Record, i32, i64, kernel, u8, u32, u64


class Spelling(Record):
    """An automaton over atoms, minimal, its states from 0, the start; and room for the one over bytes."""

    letters: Ptr[u32]
    """[128]: the atom + 1 of every ASCII character, or 0."""
    high_atoms: Ptr[u32]
    """The atom of each atom of the partition `high`."""
    high: Ptr[u32]
    """A partition of the other characters (`utf8`): its number of atoms, nodes and columns, then the column of the
    bytes 0x80 to 0xff, the root's children, the nodes' children."""
    room: i64
    """Of `arena`."""
    hash_room: i64
    table_room: i64
    end_room: i64
    rows: Ptr[i32]
    """[states, atoms]: the next state, or -1."""
    accepting: Ptr[u8]
    hashes: Ptr[u64]
    arena: Ptr[u32]
    classes: Ptr[u8]
    """[256]: gets the class of every byte."""
    n_classes: Ptr[i64]
    """[1]: gets the number of classes."""
    table: Ptr[u32]
    """Gets the rows, that of the dead state first."""
    ends: Ptr[u8]
    """Gets the acceptance."""


@kernel
def spell(z: Spelling, n: i64, atoms: i64) -> i64:
    """The byte automaton of an automaton of n states, in canonical form: how many states, or NO_ROOM.

    A state within a character is the row of states that it leads to: equal rows are equal languages, so giving every
    distinct row one state yields the minimal automaton at once. State s is 1 + s at first, row r is 1 + n + r.
    """
    n_high = i64(z.high[0])
    nodes = i64(z.high[1])
    columns = i64(z.high[2])
    tuple_of = z.arena
    tuples = tuple_of[n:]
    used = n + n * (n_high + columns)
    slots = power_of_two(2 * n)
    if used + slots + 1024 > z.room or n + n > z.hash_room:
        return NO_ROOM
    n_tuples = group_tuples(z, n, atoms, tuple_of, tuples, z.arena[used:], slots - 1)
    leads = tuples[n_tuples * n_high :]
    used = n + n_tuples * (n_high + columns)
    n_inner = spell_inside(z, n, n_tuples, tuples, leads, used)
    if n_inner < 0:
        return NO_ROOM
    used += 1 + n_high + nodes + power_of_two(2 * n_tuples * nodes)
    inner = z.arena[used:]
    used += n_inner * columns
    total = n + 1 + n_inner
    if used + 2 * total + 512 + atoms + columns > z.room:
        return NO_ROOM
    source = z.arena[used:]
    order = source[256:]
    number = order[total:]
    found = name_classes(
        atoms, nodes, columns, z.letters, z.high[3:], z.high[131:], z.high[131 + columns :], z.classes, source, order
    )
    count = walk_states(z, n, atoms, columns, found, source, tuple_of, leads, inner, order, number, total)
    if count < 0 or count > z.end_room:
        return NO_ROOM
    z.ends[0] = 0
    for i in range(1, count):
        z.ends[i] = z.accepting[order[i] - 1] if order[i] <= n else 0
    z.n_classes[0] = merge_classes(count, found, z.table, z.classes, z.hashes)
    return count


@kernel
def power_of_two(n: i64) -> i64:
    """The least one that is not below n, nor below 16."""
    power = 16
    while power < n:
        power *= 2
    return power


@kernel
def group_tuples(
    z: Spelling, n: i64, atoms: i64, tuple_of: Ptr[u32], tuples: Ptr[u32], slots: Ptr[u32], mask: i64
) -> i64:
    """Numbers the distinct tuples of next states + 1 (0: none) over the atoms beyond ASCII: how many. What follows a
    lead byte depends on nothing else."""
    n_high = i64(z.high[0])
    for i in range(mask + 1):
        slots[i] = 0
    count = 0
    for s in range(n):
        here = tuples[count * n_high :]
        hashed = u64(1)
        for k in range(n_high):
            value = z.rows[s * atoms + z.high_atoms[k]] + 1
            here[k] = u32(value)
            hashed = mix(hashed, u64(value))
        found = intern_row(tuples, n_high, count, hashed, z.hashes, slots, mask)
        if found == count:
            count += 1
        tuple_of[s] = u32(found)
    return count


@kernel
def spell_inside(z: Spelling, n: i64, n_tuples: i64, tuples: Ptr[u32], leads: Ptr[u32], used: i64) -> i64:
    """The states within characters, for every tuple: how many rows, or NO_ROOM. `leads` gets what the lead bytes lead
    to. In the arena, what is `used` is followed by the values of a tuple's nodes, the hash table, the rows."""
    n_high = i64(z.high[0])
    nodes = i64(z.high[1])
    columns = i64(z.high[2])
    slot_count = power_of_two(2 * n_tuples * nodes)
    values = z.arena[used:]
    slots = values[1 + n_high + nodes :]
    start = used + 1 + n_high + nodes + slot_count
    if start + columns > z.room:
        return NO_ROOM
    inner = slots[slot_count:]
    for i in range(slot_count):
        slots[i] = 0
    count = 0
    values[0] = 0
    for t in range(n_tuples):
        if start + (count + nodes + 1) * columns > z.room or count + nodes > z.hash_room:
            return NO_ROOM
        if (n + count) * columns > z.table_room:
            return NO_ROOM
        for k in range(n_high):
            values[1 + k] = tuples[t * n_high + k]
        for node in range(nodes):
            hashed = write_row(z.high[131 + (1 + node) * columns :], columns, values, inner[count * columns :])
            child = 0
            if hashed != 0:
                child = intern_row(inner, columns, count, hashed, z.hashes, slots, slot_count - 1)
                count = max(count, child + 1)
                child += n + 1
            values[1 + n_high + node] = u32(child)
        for c in range(columns):
            leads[t * columns + c] = values[z.high[131 + c]]
    return count


@kernel
def write_row(children: Ptr[u32], columns: i64, values: Ptr[u32], row: Ptr[u32]) -> u64:
    """Writes the values of children; returns the hash of the row, 0 if all are 0 and only then."""
    hashed = u64(1)
    some = 0
    before = 0
    for c in range(columns):
        value = i64(values[children[c]])
        row[c] = u32(value)
        if value != before:  # a row is a few runs
            hashed = mix(hashed, u64(value << 8 | c))
            before = value
            some = 1
    return hashed | 1 if some != 0 else u64(0)


@kernel
def name_classes(
    atoms: i64,
    nodes: i64,
    columns: i64,
    letters: Ptr[u32],
    column_of: Ptr[u32],
    root: Ptr[u32],
    children: Ptr[u32],
    classes: Ptr[u8],
    source: Ptr[u32],
    spare: Ptr[u32],
) -> i64:
    """Numbers the byte classes in order of their first byte: how many. `source` of a class is its atom + 1, 0 for
    bytes that occur nowhere, or 1 + atoms + its column."""
    count = 0
    of_atom = spare
    of_column = spare[atoms + 1 :]
    for i in range(atoms + 1 + columns):
        spare[i] = 0
    for byte in range(128):
        atom = letters[byte]
        if of_atom[atom] == 0:
            source[count] = u32(atom)
            count += 1
            of_atom[atom] = u32(count)
        classes[byte] = u8(of_atom[atom] - 1)
    for byte in range(128):
        column = column_of[byte]
        if of_column[column] == 0:
            some = root[column]
            for node in range(nodes):
                some |= children[node * columns + column]
            if some == 0 and of_atom[0] != 0:
                of_column[column] = of_atom[0]
            else:
                source[count] = u32(0 if some == 0 else 1 + atoms + column)
                count += 1
                of_column[column] = u32(count)
                if some == 0:
                    of_atom[0] = u32(count)
        classes[128 + byte] = u8(of_column[column] - 1)
    return count


@kernel
def walk_states(
    z: Spelling,
    n: i64,
    atoms: i64,
    columns: i64,
    n_classes: i64,
    source: Ptr[u32],
    tuple_of: Ptr[u32],
    leads: Ptr[u32],
    inner: Ptr[u32],
    order: Ptr[u32],
    number: Ptr[u32],
    total: i64,
) -> i64:
    """Numbers the states breadth first and writes their rows: how many, or NO_ROOM."""
    table = z.table
    room = z.table_room
    for i in range(total):
        number[i] = 0
    if 2 * n_classes > room:
        return NO_ROOM
    for c in range(n_classes):
        table[c] = 0
    order[1] = 1
    number[1] = 1
    count = 2
    at = 1
    while at < count:
        if (at + 1) * n_classes > room:
            return NO_ROOM
        here = i64(order[at])
        for c in range(n_classes):
            origin = i64(source[c])
            target = 0
            if origin > atoms:
                column = origin - 1 - atoms
                if here <= n:
                    target = leads[tuple_of[here - 1] * columns + column]
                else:
                    target = inner[(here - 1 - n) * columns + column]
            elif origin > 0 and here <= n:
                target = z.rows[(here - 1) * atoms + origin - 1] + 1
            if target != 0 and number[target] == 0:
                number[target] = u32(count)
                order[count] = u32(target)
                count += 1
            table[at * n_classes + c] = number[target]
        at += 1
    return count


@kernel
def merge_classes(n: i64, n_classes: i64, table: Ptr[u32], classes: Ptr[u8], hashes: Ptr[u64]) -> i64:
    """Merges classes of equal columns, in place: how many are left."""
    for c in range(n_classes):
        hashes[c] = 1
    for s in range(n):
        for c in range(n_classes):
            hashes[c] = u64(u64(hashes[c] * MIX) + u64(table[s * n_classes + c]))
    kept = 0
    for c in range(n_classes):
        same = -1
        for d in range(kept):
            if same < 0 and hashes[d] == hashes[c]:
                same = d
                s = 0
                while same >= 0 and s < n:
                    if table[s * n_classes + d] != table[s * n_classes + c]:
                        same = -1
                    s += 1
        if same < 0:
            same = kept
            kept += 1
            if same < c:
                hashes[same] = hashes[c]
                for s in range(n):
                    table[s * n_classes + same] = table[s * n_classes + c]
        if same < c:
            for byte in range(256):
                if classes[byte] == c:
                    classes[byte] = u8(same)
    if kept < n_classes:
        for s in range(n):
            for c in range(kept):
                table[s * kept + c] = table[s * n_classes + c]
    return kept
