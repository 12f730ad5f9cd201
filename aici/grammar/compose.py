"""Masks from what `fill` finds, and what is kept of them.

Goes in: a `Context` (what all masks over a vocabulary share), a `Machine`, a state. Comes out: a row of bits. `mask`
and `lazy_constraint` use these kernels.

Most masks are few tokens, or one union of bit rows and few tokens. So what is kept of a mask is that: the number of a
*base* row, and a list of tokens. Bases are told by the terms that they unite; many states have the same. Where there
are more tokens, the whole mask becomes a base of its own. Bases are replaced one after the other, but for those used
since the last time round; lists lie in a ring, where the oldest are written over.
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
    i32,
    i64,
    kernel,
    method,
    u8,
    u32,
    u64,
)
from .lazy_kernels import BUSY, FAILED
from .machine import Machine
from .methods import ASK
from .runs import MAX_TERMS, SPILLED, TERM, TERMS, TOKENS, Scratch
from .stand_in import stand_in

UNKNOWN = -3
KEY = MAX_TERMS * TERM + 1
OWN = ALL
"""In place of the number of terms, before the owner and the state of a mask."""
NEW = 2
PATIENCE = 4_000
"""So many steps a mask may take to be made before it is asked for."""
MOST_KEPT = 512
"""Tokens in a list."""
N_PLACES, N_TOLD = 1 << 14, 1 << 10
MASK_TOLD = N_TOLD - 1
NEXT_BASE, WRITTEN = 0, 1


class Kept(Record):
    """What is known of masks that were asked for."""

    n_words: i64  # of a mask
    n_bases: i64
    room: i64  # words of `ring`, a power of two
    bases: Ptr[u32]  # [n_bases, n_words]
    keys: Ptr[u64]  # [n_bases, KEY] the number of terms, or OWN; then what tells them
    told: Ptr[i32]  # [N_TOLD] by a hash of its key: a base, + 1
    stamps: Ptr[i64]  # [n_bases] how often it was replaced
    recent: Ptr[u8]  # [n_bases] whether it was used lately
    some: Ptr[u8]  # [n_bases] whether a bit is set
    filled: Ptr[u8]  # [n_bases] whether its row is written, which is put off until it is asked for again
    ring: Ptr[u32]  # lists: base + 1, its stamp, whether some token is allowed, how many follow, those
    places: Ptr[i64]  # [N_PLACES, 3] owner, state, and the words that were written before its list, + 1
    counts: Ptr[i64]  # [2] the base to be replaced next, words written to the ring


def make_kept(n_words: int, max_bytes: int) -> Kept:
    n_bases = max(1, max_bytes * 3 // 4 // max(4, 4 * n_words))
    room = 1 << max(max_bytes // 8, 2 * MOST_KEPT).bit_length() - 1
    kept = Kept.carve(
        (n_words, n_bases, room),
        (n_bases * n_words, n_bases * KEY, N_TOLD, n_bases, n_bases, n_bases, n_bases, room, 3 * N_PLACES, 2),
    )
    for name in ("bases", "keys", "ring"):
        kept.fields[name].fill(0)  # a first touch takes longer than most masks
    return kept


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
def used_up(kept: Kept, base: i64, written: i64, part: i64) -> i64:
    """Whether more than one such part of what is kept was replaced, since `base` was the next one and so much was
    written."""
    used = (kept.counts[NEXT_BASE] - base + kept.n_bases) % kept.n_bases
    return i64(used > kept.n_bases // part or kept.counts[WRITTEN] - written > kept.room // part)


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
        base = base_of(c)
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
        base = base_of(c)
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
def place_of(kept: Kept, owner: i64, state: i64) -> i64:
    """Where in `places` a mask is told."""
    mixed = u64(u64(owner * N_PLACES + state) * 0x9E3779B97F4A7C15)
    return 3 * (i64(mixed >> 40) & (N_PLACES - 1))


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
def drop(kept: Kept, owner: i64, state: i64) -> None:
    """Forget a mask."""
    kept.places[place_of(kept, owner, state)] = 0


@kernel
def forget(kept: Kept) -> None:
    for i in range(3 * N_PLACES):
        kept.places[i] = 0
    for i in range(N_TOLD):
        kept.told[i] = 0


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


@kernel
def knows(kept: Kept, owner: i64, state: i64) -> i64:
    """Whether a mask is kept."""
    place = kept.places[place_of(kept, owner, state) :]
    before = place[2] - 1
    if place[0] != owner or place[1] != state or before < 0 or kept.counts[WRITTEN] - before > kept.room:
        return 0
    list = kept.ring[(before & (kept.room - 1)) :]
    base = list[0] - 1
    return i64(base < 0 or list[1] == kept.stamps[base] & 0xFFFFFFFF)


@kernel
def keep_list(kept: Kept, owner: i64, state: i64, base: i64, some: i64, tokens: Ptr[u32], n: i64) -> None:
    """Keep the union of a base, if not -1, and some tokens."""
    before = kept.counts[WRITTEN]
    if (before & (kept.room - 1)) + n + 4 > kept.room:
        before += kept.room - (before & (kept.room - 1))
    kept.counts[WRITTEN] = before + n + 4
    list = kept.ring[(before & (kept.room - 1)) :]
    list[0] = u32(base + 1)
    list[1] = u32(kept.stamps[max(base, 0)])
    list[2] = u32(some)
    list[3] = u32(n)
    for i in range(n):
        list[4 + i] = tokens[i]
    place = kept.places[place_of(kept, owner, state) :]
    place[0] = owner
    place[1] = state
    place[2] = before + 1


@kernel
def keep_whole(kept: Kept, owner: i64, state: i64, row: Ptr[u32], some: i64) -> None:
    """Keep a mask as a base of its own."""
    base = replaced(kept)
    key = kept.keys[base * KEY :]
    key[0] = OWN
    key[1] = u64(owner)
    key[2] = u64(state)
    kept.filled[base] = 1
    copy_words(kept.bases[base * kept.n_words :], row, kept.n_words)
    keep_list(kept, owner, state, base, some, row, 0)


@kernel
def replaced(kept: Kept) -> i64:
    """A base to write to: the next one that was not used since the last time round."""
    base = kept.counts[NEXT_BASE]
    while kept.recent[base] != 0:
        kept.recent[base] = 0
        base = base + 1 if base + 1 < kept.n_bases else 0
    kept.counts[NEXT_BASE] = base + 1 if base + 1 < kept.n_bases else 0
    kept.stamps[base] = kept.stamps[base] + 1
    kept.recent[base] = 1
    return base


@kernel
def base_of(c: Context) -> i64:
    """The base that unites the terms, maybe a NEW one."""
    kept = c.kept
    n = c.scratch.counts[TERMS]
    mixed: u64 = 0
    for i in range(n * TERM):
        mixed = u64((mixed ^ c.scratch.terms[i]) * 0x9E3779B97F4A7C15)
        mixed = mixed ^ mixed >> 32
    place = i64(mixed & MASK_TOLD)
    base = i64(kept.told[place]) - 1
    if base >= 0:
        key = kept.keys[base * KEY :]
        if key[0] == u64(n) and tells(key, c.scratch.terms, n) != 0:
            kept.recent[base] = 1
            return base
    base = replaced(kept)
    kept.told[place] = i32(base + 1)
    key = kept.keys[base * KEY :]
    key[0] = u64(n)
    for i in range(n * TERM):
        key[1 + i] = c.scratch.terms[i]
    kept.filled[base] = NEW
    return base


@kernel
def tells(key: Ptr[u64], terms: Ptr[u64], n: i64) -> i64:
    """Whether a key is that of `n` terms."""
    for i in range(n * TERM):
        if key[1 + i] != terms[i]:
            return 0
    return 1
