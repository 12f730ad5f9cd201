"""Masks from what `fill` finds, and what is kept of them.

Goes in: a `Context` (what all masks over a vocabulary share), a `Machine`, a state. Comes out: a row of bits. `mask`
and `lazy_constraint` use these kernels. What a mask is made of is kept (`kept`).
"""

from __future__ import annotations

from .atoms import ALL, Atoms
from .families import (
    SECOND,
    THIRD,
    UNITS,
    WITHIN,
    WITHIN_THIRD,
    add_words,
    keep_words,
    remove,
    remove_later,
    write,
    write_first,
)
from .fill import FOREVER, MANY, WANTS_MERGING, add_token, find, set_tokens
from .index import Index
from .jit import (
    Ptr,
    Record,
    clear_words,
    clear_words_on,
    copy_words,
    copy_words_on,
    i64,
    kernel,
    method,
    u8,
    u32,
    u64,
)
from .kept import (
    KEY,
    MOST_KEPT,
    NEW,
    NEXT_BASE,
    WRITTEN,
    Kept,
    base_of,
    drop,
    keep_list,
    keep_whole,
    knows,
    place_of,
    used_up,
)
from .lazy_kernels import BUSY, FAILED
from .machine import Machine
from .methods import ASK
from .runs import SPILLED, TERM, TERMS, TOKENS, Scratch
from .stand_in import stand_in

UNKNOWN = -3
PATIENCE = 4_000
"""So many steps a mask may take to be made before it is asked for."""


class Context(Record):
    """What all masks over a vocabulary share. Only one thread at a time may use it, and none while `busy`."""

    index: Index
    atoms: Atoms
    scratch: Scratch
    kept: Kept
    n_words: i64
    busy: Ptr[i64]  # [1]
    row: Ptr[u32]  # [n_words]
    second: Ptr[u32]  # [n_words]


@method
def mask(c: Context, machine: Machine, state: i64, out: Ptr[u32], n_out: i64) -> i64:
    """Write the mask of a state into `out`, with the end-of-sequence tokens if it accepts or nothing else is allowed.
    Returns whether something else is; ASK if the arguments do not fit or the context is busy, and WANTS_MERGING, with
    nothing written."""
    if n_out != c.n_words or state < 0 or state >= machine.n_asked or c.busy[0] != 0:
        return ASK
    return fill(c, machine, state, out)


@method
def grown_mask(c: Context, machine: Machine, state: i64, out: Ptr[u32], n_out: i64) -> i64:
    """As `mask`, of an automaton that grows; ASK also where that is in use or its room does not suffice."""
    growth = machine.growth
    if n_out != c.n_words or state < 0 or state >= growth.lazy.counts[0] or c.busy[0] != 0:
        return ASK
    if state == 0 or growth.told[FAILED] != 0 or growth.told[BUSY] != 0:
        return ASK
    return grow(c, machine, state, out)


@kernel
def grow(c: Context, machine: Machine, state: i64, out: Ptr[u32]) -> i64:
    """As `fill`, of an automaton that grows: ASK if its room does not suffice."""
    state = stand_in(c.index, machine, state)
    found = recall(c, machine.owner, state, out)
    if found == UNKNOWN:
        found = compute(c, machine, state, out, 1)
        if machine.growth.told[FAILED] != 0:
            drop(c.kept, machine.owner, state)
            return ASK
    return found


@kernel
def fill(c: Context, machine: Machine, state: i64, out: Ptr[u32]) -> i64:
    """As `mask`, of what fits."""
    known = recall(c, machine.owner, state, out)
    if known != UNKNOWN:
        return known
    return compute(c, machine, state, out, 1)


@kernel
def batch(c: Context, machine: Machine, states: Ptr[i64], n: i64, out: Ptr[u32]) -> i64:
    """Write the masks of `n` states, one after the other, into `out`; returns how many before the first one that
    needs to be looked at. Whether the context is busy is the caller's to see."""
    prepared = 0
    for i in range(n):
        row = out[i * c.n_words :]
        state = states[i]
        if state < 0 or state >= machine.n_asked:
            return i
        if recall_row(c, machine.owner, state, row, 1) == UNKNOWN:
            if prepared == 0:
                prepare(c, machine, states[i:], n - i)
                prepared = 1
            if fill(c, machine, state, row) < 0:
                return i
    return n


@kernel
def prepare(c: Context, machine: Machine, states: Ptr[i64], n: i64) -> None:
    """Keep the masks of a batch before any is written, as far as there is room: what masks are made of stays in the
    nearest caches then, which rows that are written would empty."""
    first_base = c.kept.counts[NEXT_BASE]
    written = c.kept.counts[WRITTEN]
    for i in range(n):
        state = states[i]
        if state < 0 or state >= machine.n_asked or used_up(c.kept, first_base, written, 2) != 0:
            return
        if knows(c.kept, machine.owner, state) == 0:
            keep_mask(c, machine, state, PATIENCE)


@kernel
def keep_mask(c: Context, machine: Machine, state: i64, left: i64) -> i64:
    """Keep the mask of a state, if that takes no more than `left` steps; returns how many were taken."""
    s = c.scratch
    s.walk.steps[0] = 0
    if look(c, machine, state, left) < 0:
        return left
    kept = c.kept
    base = -1
    some = 0
    if s.counts[TERMS] > 0:
        base = base_of(c.kept, s.terms, s.counts[TERMS])
        if kept.filled[base] == NEW:
            kept.some[base] = u8(unite_terms(c, s.terms, s.counts[TERMS], kept.bases[base * kept.n_words :]))
            kept.filled[base] = 1
        some = i64(kept.some[base])
    some = finish(c, machine, state, some)
    if keep_found(c, machine, state, base, some) == 0:
        if base < 0:
            clear_words(c.row, c.n_words)
        else:
            copy_base(c, base, c.row)
        add_found(c, c.row)
        keep_whole(kept, machine.owner, state, c.row, some)
    return s.walk.steps[0]


@kernel
def compute(c: Context, machine: Machine, state: i64, out: Ptr[u32], keep: i64) -> i64:
    """As `mask`, anew; kept if `keep` is not 0."""
    s = c.scratch
    patience = MANY + machine.n_asked * machine.n_classes // 8 if machine.merged == 0 else FOREVER
    if look(c, machine, state, patience) == WANTS_MERGING:
        return WANTS_MERGING
    base = -1
    some = 0
    if s.counts[TERMS] == 0:
        clear_words(out, c.n_words)
    elif keep != 0:
        base = base_of(c.kept, s.terms, s.counts[TERMS])
        if c.kept.filled[base] == NEW:
            c.kept.some[base] = u8(unite_terms(c, s.terms, s.counts[TERMS], out))
            c.kept.filled[base] = 0
        else:
            copy_base(c, base, out)
        some = i64(c.kept.some[base])
    else:
        some = unite_terms(c, s.terms, s.counts[TERMS], out)
    some = finish(c, machine, state, some)
    add_found(c, out)
    if keep != 0 and keep_found(c, machine, state, base, some) == 0:
        keep_whole(c.kept, machine.owner, state, out, some)
    return some


@kernel
def look(c: Context, machine: Machine, state: i64, patience: i64) -> i64:
    """Find out in `c.scratch` what a mask is made of; or WANTS_MERGING, if that takes more steps than `patience`."""
    merged = machine.merged_of[state] if machine.merged == 2 else state
    return find(c.index, machine, c.atoms, c.scratch, merged, machine.few, patience)


@kernel
def finish(c: Context, machine: Machine, state: i64, some: i64) -> i64:
    """Add the end-of-sequence tokens to what was found where they belong. Whether some other token is allowed, if
    `some` says so of the terms."""
    s = c.scratch
    some = some | i64(s.counts[TOKENS] > 0 or s.counts[SPILLED] != 0)
    if machine.accepting[state] != 0 or some == 0:
        for i in range(c.index.n_eos):
            add_token(s, c.index.eos[i])
    return some


@kernel
def add_found(c: Context, out: Ptr[u32]) -> None:
    """Add the tokens that were found."""
    s = c.scratch
    if s.counts[SPILLED] != 0:
        add_words(out, s.spilled, c.n_words)
    set_tokens(s.tokens, s.counts[TOKENS], out)


@kernel
def keep_found(c: Context, machine: Machine, state: i64, base: i64, some: i64) -> i64:
    """Keep the mask of what was found, whose terms are those of `base`, if it is not -1; 0 if it is too much."""
    s = c.scratch
    if s.counts[SPILLED] != 0 or s.counts[TOKENS] > MOST_KEPT:
        return 0
    keep_list(c.kept, machine.owner, state, base, some, s.tokens, s.counts[TOKENS])
    return 1


# Rows of words


@kernel
def has_some(row: Ptr[u32], n: i64) -> i64:
    for w in range(n):
        if row[w] != 0:
            return 1
    return 0


# Terms


@kernel
def unite_terms(c: Context, terms: Ptr[u64], n: i64, out: Ptr[u32]) -> i64:
    """Write the union of `n` terms; returns whether a bit is set."""
    for i in range(n):
        term = terms[i * TERM :]
        if i == 0:
            set_term(c, term, out)
        else:
            set_term(c, term, c.row)
            add_words(out, c.row, c.n_words)
    return has_some(out, c.n_words)


@kernel
def set_term(c: Context, term: Ptr[u64], out: Ptr[u32]) -> None:
    """Write the tokens of a term (`fill.add_term`)."""
    families = c.index.families
    n = c.n_words
    zero = term[0]
    write_first(families, zero, out, n)
    if term[1] == ALL:
        remove_later(families, term[2], zero, out, n)
        remove(families, WITHIN, term[3], out, n)
    else:
        write(families, SECOND, term[1], c.second, n)
        keep_words(out, c.second, n)
        remove(families, THIRD, term[2], out, n)
        remove(families, WITHIN_THIRD, term[3], out, n)
    if term[4] != 0:
        remove(families, UNITS, u64(1 << i64(term[4])), out, n)


# What is kept


@kernel
def recall(c: Context, owner: i64, state: i64, out: Ptr[u32]) -> i64:
    """Write a mask that is kept; whether some token is allowed, or UNKNOWN."""
    return recall_row(c, owner, state, out, 0)


@kernel
def recall_row(c: Context, owner: i64, state: i64, out: Ptr[u32], on: i64) -> i64:
    """As `recall`; what lies behind `out` is written next if `on` is not 0."""
    kept = c.kept
    place = kept.places[place_of(kept, owner, state) :]
    before = place[2] - 1
    if place[0] != owner or place[1] != state or before < 0 or kept.counts[WRITTEN] - before > kept.room:
        return UNKNOWN
    list = kept.ring[(before & (kept.room - 1)) :]
    n = kept.n_words
    base = list[0] - 1
    if base >= 0:
        if list[1] != kept.stamps[base] & 0xFFFFFFFF:
            return UNKNOWN
        kept.recent[base] = 1
        fill_base(c, base)
    if base < 0 and on != 0:
        clear_words_on(out, n)
    elif base < 0:
        clear_words(out, n)
    elif on != 0:
        copy_words_on(out, kept.bases[base * n :], n)
    else:
        copy_words(out, kept.bases[base * n :], n)
    set_tokens(list[4:], list[3], out)
    return list[2]


@kernel
def copy_base(c: Context, base: i64, out: Ptr[u32]) -> None:
    fill_base(c, base)
    copy_words(out, c.kept.bases[base * c.kept.n_words :], c.kept.n_words)


@kernel
def fill_base(c: Context, base: i64) -> None:
    """See to it that the row of a base is written."""
    kept = c.kept
    if kept.filled[base] == 0:
        key = kept.keys[base * KEY :]
        unite_terms(c, key[1:], i64(key[0]), kept.bases[base * kept.n_words :])
        kept.filled[base] = 1
