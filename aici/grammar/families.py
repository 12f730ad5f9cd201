"""Which tokens have an atom where: lists for the atoms that few tokens have, rows of bits for the others.

Goes in: leaves of bits, a row for each family and atom (`index.survey`). Comes out: `Families`, and kernels that write
unions of them or take them out of a row. Only `index` and `compose` use this module.

Most atoms are held by some hundred tokens of 100,000, whose list is a tenth of a row; and what is read decides how long
a mask takes. Unions that patterns ask for often (`_unions`) have rows too. A group of atoms is *covered* by rows, and
by lists for what is left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .atoms import ALL, ASCII_ATOMS, FIRST_BEYOND, INVALID, N_ATOMS, TAIL
from .jit import Ptr, Record, clear_words, copy_words, i32, i64, kernel, ones, trailing_zeros, u8, u32, u64

LATER, FIRST, SECOND, THIRD, WITHIN, WITHIN_THIRD, UNITS = range(7)
N_FAMILIES = 7
"""Tokens by atoms: FIRST, those whose unit 0 has it; SECOND: whose unit 1 does; LATER: which have it at place 1 or
later; THIRD: at place 2 or later; WITHIN and WITHIN_THIRD: as these, but not only as the last unit. UNITS: in place of
an atom n, the tokens of more than n units; 0, those of none."""
N_UNITS = 32
MAX_PLAN = 2 * N_ATOMS
"""Rows that cover a group, and one more."""


class Families(Record):
    """Of a vocabulary. Nothing changes but `plan`: only one thread at a time may use it."""

    n_words: i64  # of a row
    n_tokens: i64
    few: i64  # an atom that so many tokens have, or fewer, is listed
    lists: Ptr[u32]  # tokens, for each family and listed atom, in this order
    starts: Ptr[u32]  # [N_FAMILIES, N_ATOMS + 1] where those of an atom begin, which other atoms have none of
    sets: Ptr[u64]  # for every token in the lists of LATER its atoms from place 1 on
    firsts: Ptr[u8]  # and its first atom
    held: Ptr[u64]  # [N_FAMILIES] the atoms that some token has
    many: Ptr[u64]  # [N_FAMILIES] those with a row
    bits: Ptr[u32]  # rows
    rows: Ptr[i32]  # [N_FAMILIES, N_ATOMS + n_unions] the row of an atom or union, or -1
    n_unions: i64
    unions: Ptr[u64]  # [n_unions] groups of atoms, the largest first
    listed: Ptr[u32]  # [N_FAMILIES, n_unions] how many tokens the lists of its atoms have
    plan: Ptr[u64]  # [MAX_PLAN] rows that cover a group, and before these the atoms that are left


def _unions() -> list[int]:
    """Groups of atoms that patterns ask for: usual classes, and what is outside of them."""
    of = {name: 1 << atom for name, atom in ASCII_ATOMS.items()}
    digits, lower, upper = of["0"] | of["123456789"], of["abcdef"] | of["ghijklmnopqrstuvwxyz"], 0
    upper = of["ABCDEF"] | of["GHIJKLMNOPQRSTUVWXYZ"]
    letters = lower | upper
    kept = [
        *(digits, digits | of["abcdef"], digits | of["abcdef"] | of["ABCDEF"]),
        *(lower, upper, letters, digits | lower, digits | upper, digits | letters),
        *(lower | of["_"], digits | letters | of["_"]),
    ]
    everything = (1 << INVALID + 1) - 1
    beyond = (1 << TAIL + 1) - (1 << FIRST_BEYOND)
    marks = (1 << of["_"].bit_length() - 1) - 1
    outside = [everything & ~group for group in kept]
    found = {everything, marks, beyond, *kept, *outside}
    return sorted(found, key=lambda group: (-group.bit_count(), group))


def make_families(
    leaves: NDArray[np.uint32], n_tokens: int, later: NDArray[np.uint64], firsts: NDArray[np.uint8]
) -> Families:
    """Of `leaves`, [N_FAMILIES, N_ATOMS, n_words]; `later` and `firsts`: of every token the atoms from place 1 on, and
    the first one."""
    n_words = leaves.shape[2]
    few = max(1, n_words // 8)
    counts = np.zeros(N_FAMILIES * N_ATOMS, np.int64)
    count_ones(leaves.reshape(-1), n_words, len(counts), counts)
    listed = counts <= few
    starts = np.zeros(len(counts) + 1, np.uint32)
    np.cumsum(np.where(listed, counts, 0), out=starts[1:])
    unions = np.array(_unions(), np.uint64)
    n_rows = int((~listed).sum())
    by_family = listed.reshape(N_FAMILIES, N_ATOMS)
    bit = np.uint64(1) << np.arange(N_ATOMS, dtype=np.uint64)
    held = (np.where(counts.reshape(by_family.shape) > 0, bit, np.uint64(0))).sum(axis=1, dtype=np.uint64)
    many = np.where(by_family, np.uint64(0), bit).sum(axis=1, dtype=np.uint64)
    members = (unions[:, None] & bit) != 0
    in_lists = np.where(by_family, counts.reshape(by_family.shape), 0) @ members.T
    in_rows = (~by_family).astype(np.int64) @ members.T
    united = (in_rows > 1) | (in_lists > few)
    united[UNITS] = False
    numbers = np.full((N_FAMILIES, N_ATOMS + len(unions)), -1, np.int32)
    numbers[:, :N_ATOMS][~by_family] = np.arange(n_rows)
    numbers[:, N_ATOMS:][united] = n_rows + np.arange(int(united.sum()))
    families = Families(
        n_words=n_words,
        n_tokens=n_tokens,
        few=few,
        lists=np.zeros(int(starts[-1]) + 1, np.uint32),
        starts=np.concatenate([starts[:-1].reshape(N_FAMILIES, N_ATOMS), starts[N_ATOMS::N_ATOMS, None]], axis=1)
        .astype(np.uint32)
        .reshape(-1),
        sets=np.zeros(int(starts[N_ATOMS]) + 1, np.uint64),
        firsts=np.zeros(int(starts[N_ATOMS]) + 1, np.uint8),
        held=held,
        many=many,
        bits=np.zeros(int(numbers.max(initial=0) + 1) * n_words, np.uint32),
        rows=numbers.reshape(-1),
        n_unions=len(unions),
        unions=unions,
        listed=in_lists.astype(np.uint32).reshape(-1),
        plan=np.zeros(MAX_PLAN, np.uint64),
    )
    sort_out(families, leaves.reshape(-1))
    listed_later = families.fields["lists"][: int(starts[N_ATOMS])]
    families.fields["sets"][:-1] = later[listed_later]
    families.fields["firsts"][:-1] = firsts[listed_later]
    return families


@kernel
def count_ones(leaves: Ptr[u32], n_words: i64, n: i64, counts: Ptr[i64]) -> None:
    for i in range(n):
        for w in range(n_words):
            counts[i] = counts[i] + ones(u64(leaves[i * n_words + w]))


@kernel
def sort_out(f: Families, leaves: Ptr[u32]) -> None:
    """Fill the lists and the rows."""
    n = f.n_words
    for family in range(N_FAMILIES):
        numbers = f.rows[family * (N_ATOMS + f.n_unions) :]
        for atom in range(N_ATOMS):
            leaf = leaves[(family * N_ATOMS + atom) * n :]
            if numbers[atom] >= 0:
                copy_words(f.bits[numbers[atom] * n :], leaf, n)
            elif (f.held[family] >> atom & 1) != 0:
                list_bits(leaf, n, f.lists[i64(f.starts[family * (N_ATOMS + 1) + atom]) :])
        for union in range(f.n_unions):
            if numbers[N_ATOMS + union] >= 0:
                out = f.bits[numbers[N_ATOMS + union] * n :]
                left = f.unions[union]
                while left != 0:
                    add_words(out, leaves[(family * N_ATOMS + trailing_zeros(left)) * n :], n)
                    left = left & u64(left - 1)


@kernel
def list_bits(row: Ptr[u32], n: i64, out: Ptr[u32]) -> None:
    count = 0
    for w in range(n):
        left: u64 = u64(row[w])
        while left != 0:
            out[count] = u32(32 * w + trailing_zeros(left))
            count += 1
            left = left & u64(left - 1)


# Rows of words


@kernel
def add_words(out: Ptr[u32], row: Ptr[u32], n: i64) -> None:
    for w in range(n):
        out[w] = out[w] | row[w]


@kernel
def remove_words(out: Ptr[u32], row: Ptr[u32], n: i64) -> None:
    for w in range(n):
        out[w] = out[w] & u32(~row[w])


@kernel
def keep_words(out: Ptr[u32], row: Ptr[u32], n: i64) -> None:
    for w in range(n):
        out[w] = out[w] & row[w]


@kernel
def fill_bits(out: Ptr[u32], n_bits: i64, n: i64) -> None:
    """Set the first `n_bits` bits of `n` words, and no others."""
    whole = n_bits >> 5
    for w in range(whole):
        out[w] = 0xFFFFFFFF
    if whole < n:
        clear_words(out[whole:], n - whole)
        out[whole] = u32((1 << (n_bits & 31)) - 1)


# Groups


@kernel
def cover(f: Families, family: i64, group: u64) -> i64:
    """Plan rows for a group; returns how many. Before them in `plan`: the atoms whose lists are needed besides."""
    group = group & f.held[family]
    left = group
    n = 0
    numbers = f.rows[family * (N_ATOMS + f.n_unions) :]
    many = f.many[family]
    union = 0
    while union < f.n_unions and left != 0:
        number = numbers[N_ATOMS + union]
        members = f.unions[union] & f.held[family]
        if number >= 0 and (members & u64(~group)) == 0:
            worth = ones(members & left & many)
            if (members & u64(~left)) == 0 and f.listed[family * f.n_unions + union] > f.few:
                worth += 1 + i64((members & left & many) == 0)
            if worth > 1:
                n += 1
                f.plan[n] = u64(number)
                left = left & u64(~members)
        union += 1
    rest = left & many
    left = left & u64(~many)
    while rest != 0:
        n += 1
        f.plan[n] = u64(numbers[trailing_zeros(rest)])
        rest = rest & u64(rest - 1)
    f.plan[0] = left
    return n


@kernel
def many_listed(f: Families, family: i64, group: u64) -> i64:
    """How many tokens the lists of a group have."""
    starts = f.starts[family * (N_ATOMS + 1) :]
    total = 0
    while group != 0:
        first = trailing_zeros(group)
        end = run_end(group, first)
        total += starts[end] - starts[first]
        group = group & beyond(end)
    return total


@kernel
def run_end(group: u64, first: i64) -> i64:
    """The first atom after `first` that is not in a group, or N_ATOMS."""
    others = u64(~(group >> first))
    return N_ATOMS if others == 0 else min(N_ATOMS, first + trailing_zeros(others))


@kernel
def beyond(end: i64) -> u64:
    """All atoms from `end` on."""
    return 0 if end >= N_ATOMS else u64(ALL << end)


@kernel
def cost(f: Families, family: i64, group: u64) -> i64:
    """How much is read for a group, in tokens of lists; it is planned."""
    n = cover(f, family, group)
    return n * f.few + many_listed(f, family, f.plan[0])


@kernel
def write(f: Families, family: i64, group: u64, out: Ptr[u32], n: i64) -> None:
    """Write a row: the tokens of a family's group."""
    n_rows = cover(f, family, group)
    if n_rows == 0:
        clear_words(out, n)
    for i in range(n_rows):
        row = f.bits[i64(f.plan[1 + i]) * f.n_words :]
        if i == 0:
            copy_words(out, row, n)
        else:
            add_words(out, row, n)
    left = f.plan[0]
    starts = f.starts[family * (N_ATOMS + 1) :]
    while left != 0:
        first = trailing_zeros(left)
        end = run_end(left, first)
        for i in range(starts[first], starts[end]):
            token = f.lists[i]
            out[token >> 5] = u32(out[token >> 5] | (1 << (token & 31)))
        left = left & beyond(end)


@kernel
def write_first(f: Families, group: u64, out: Ptr[u32], n: i64) -> None:
    """Write a row: the tokens that begin with an atom of the group."""
    others = f.held[FIRST] & u64(~group)
    if cost(f, FIRST, others) + cost(f, UNITS, 1) < cost(f, FIRST, group):
        fill_bits(out, f.n_tokens, n)
        remove(f, UNITS, 1, out, n)
        remove(f, FIRST, others, out, n)
    else:
        write(f, FIRST, group, out, n)


@kernel
def remove(f: Families, family: i64, group: u64, out: Ptr[u32], n: i64) -> None:
    """Take the tokens of a family's group out of a row."""
    n_rows = cover(f, family, group)
    for i in range(n_rows):
        remove_words(out, f.bits[i64(f.plan[1 + i]) * f.n_words :], n)
    left = f.plan[0]
    starts = f.starts[family * (N_ATOMS + 1) :]
    while left != 0:
        first = trailing_zeros(left)
        end = run_end(left, first)
        for i in range(starts[first], starts[end]):
            token = f.lists[i]
            out[token >> 5] = out[token >> 5] & u32(~(1 << (token & 31)))
        left = left & beyond(end)


@kernel
def remove_later(f: Families, group: u64, zero: u64, out: Ptr[u32], n: i64) -> None:
    """As `remove`, of LATER, from a row of the tokens that begin with an atom of `zero`. Where a union holds the group
    and little else, all of its tokens are taken out, and those without an atom of the group put back."""
    union = nearest_union(f, group)
    if union < 0:
        remove(f, LATER, group, out, n)
        return
    row = f.rows[LATER * (N_ATOMS + f.n_unions) + N_ATOMS + union]
    remove_words(out, f.bits[row * f.n_words :], n)
    left = f.unions[union] & f.held[LATER] & u64(~group)
    while left != 0:
        first = trailing_zeros(left)
        end = run_end(left, first)
        for i in range(f.starts[first], f.starts[end]):
            if (f.sets[i] & group) == 0 and (zero >> f.firsts[i] & 1) != 0:
                token = f.lists[i]
                out[token >> 5] = u32(out[token >> 5] | (1 << (token & 31)))
        left = left & beyond(end)


@kernel
def nearest_union(f: Families, group: u64) -> i64:
    """The union with a row of LATER that holds a group, and besides only atoms with short lists; or -1 if there is none
    or to cover the group takes less."""
    best = -1
    least = cost(f, LATER, group)
    for union in range(f.n_unions):
        if (group & u64(~f.unions[union])) == 0 and f.rows[LATER * (N_ATOMS + f.n_unions) + N_ATOMS + union] >= 0:
            more = f.unions[union] & f.held[LATER] & u64(~group)
            price = f.few + 2 * many_listed(f, LATER, more)
            if (more & f.many[LATER]) == 0 and price < least:
                least = price
                best = union
    return best
