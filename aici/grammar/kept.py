"""What is kept of masks, to be asked for again.

Goes in: a mask's parts, `compose` says which. Comes out: `Kept`, where they lie, and kernels that enter and find them.

Most masks are few tokens, or one union of bit rows and few tokens. So what is kept of a mask is that: the number of a
*base* row, and a list of tokens. Bases are told by the terms that they unite; many states have the same. Where there
are more tokens, the whole mask becomes a base of its own. Bases are replaced one after the other, but for those used
since the last time round; lists lie in a ring, where the oldest are written over.
"""

from __future__ import annotations

from .atoms import ALL
from .jit import Ptr, Record, copy_words, i32, i64, kernel, u8, u32, u64
from .runs import MAX_TERMS, TERM

KEY = MAX_TERMS * TERM + 1
OWN = ALL
"""In place of the number of terms, before the owner and the state of a mask."""
NEW = 2
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


@kernel
def place_of(kept: Kept, owner: i64, state: i64) -> i64:
    """Where in `places` a mask is told."""
    mixed = u64(u64(owner * N_PLACES + state) * 0x9E3779B97F4A7C15)
    return 3 * (i64(mixed >> 40) & (N_PLACES - 1))


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
def base_of(kept: Kept, terms: Ptr[u64], n: i64) -> i64:
    """The base that unites the terms, maybe a NEW one."""
    mixed: u64 = 0
    for i in range(n * TERM):
        mixed = u64((mixed ^ terms[i]) * 0x9E3779B97F4A7C15)
        mixed = mixed ^ mixed >> 32
    place = i64(mixed & MASK_TOLD)
    base = i64(kept.told[place]) - 1
    if base >= 0:
        key = kept.keys[base * KEY :]
        if key[0] == u64(n) and tells(key, terms, n) != 0:
            kept.recent[base] = 1
            return base
    base = replaced(kept)
    kept.told[place] = i32(base + 1)
    key = kept.keys[base * KEY :]
    key[0] = u64(n)
    for i in range(n * TERM):
        key[1 + i] = terms[i]
    kept.filled[base] = NEW
    return base


@kernel
def tells(key: Ptr[u64], terms: Ptr[u64], n: i64) -> i64:
    """Whether a key is that of `n` terms."""
    for i in range(n * TERM):
        if key[1 + i] != terms[i]:
            return 0
    return 1


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
def used_up(kept: Kept, base: i64, written: i64, part: i64) -> i64:
    """Whether more than one such part of what is kept was replaced, since `base` was the next one and so much was
    written."""
    used = (kept.counts[NEXT_BASE] - base + kept.n_bases) % kept.n_bases
    return i64(used > kept.n_bases // part or kept.counts[WRITTEN] - written > kept.room // part)
