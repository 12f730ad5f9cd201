"""What is known of a vocabulary before any automaton comes: its tokens by atoms, as tries and as bit rows.

Goes in: the tokens' bytes. Comes out: an `Index` that the mask kernels read. Only `vocabulary` makes one; it knows no
automaton. Of a token's units (`atoms`) the first is at place 0.

- `nodes`: the trie of all tokens (`kernels`), the tokens of each first atom together: `segments`. `tokens` is the same
  for quicker walks (`tries`).
- `families`: which tokens have an atom where.
- `exits`: for an atom at place 1 or later, the rest of the token from there on, the tries of these by atom. Their items
  are entries: token, first two atoms, place, and the atoms from place 2 to there. Atoms with many (letters) have none,
  `exit_big`.
- `long`: the tokens of more than MEDIUM units, most of which end as a byte many times over.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache as once

import numpy as np
from numpy.typing import NDArray

from . import cache
from .atoms import N_ATOMS, Atoms, atoms, definition, unit
from .families import (
    FIRST,
    LATER,
    N_FAMILIES,
    N_UNITS,
    SECOND,
    THIRD,
    UNITS,
    WITHIN,
    WITHIN_THIRD,
    Families,
    make_families,
)
from .jit import Ptr, Record, i64, kernel, u8, u32, u64
from .kernels import build_trie
from .libraries import identity
from .memory import mapping
from .tries import END, Trie, make_trie

MEDIUM = 20
"""Few tokens have more units, and most of them begin alike: rules, indentation."""
LONG = 7
MAX_EXITS = 1 << 15
"""An atom with more exits has none."""


class Index(Record):
    """Only one thread at a time may use it."""

    eos: Ptr[u32]  # [n_eos] the tokens that end a sequence
    n_eos: i64
    data: Ptr[u8]
    offsets: Ptr[i64]
    families: Families
    nodes: Ptr[u64]
    segments: Ptr[i64]  # [N_ATOMS + 1]
    tokens: Trie  # a root for each first atom
    pairs: Ptr[u32]  # [N_ATOMS, N_ATOMS] how many tokens begin with these two atoms
    exits: Trie  # a root for each atom
    exit_sizes: Ptr[i64]  # [N_ATOMS] nodes of its exits' trie
    exit_big: Ptr[u8]  # [N_ATOMS]
    exit_places: Ptr[i64]  # [N_ATOMS] the last place of an exit
    weights: Ptr[i64]  # [N_ATOMS] how often an atom is at place 1 or later
    entries: Ptr[u64]  # [n, 2] the atoms at places from 2 to before the exit; and the rest, packed
    exits_at: Ptr[i64]  # [N_ATOMS, MEDIUM + 1] by atom and place: which of the following, up to the next
    by_place: Ptr[u64]  # [n, 4] an entry; where its bytes begin in `data`, and how many
    n_long: i64
    long: Ptr[u64]  # [n_long, LONG] token; first atom; second; atoms at places from 2 to before MEDIUM; the bytes from
    # MEDIUM on: where they begin in `data`, how many they are (ascending), how many the same ones at the end


PLACE_SHIFT, FIRST_SHIFT, SECOND_SHIFT, ENTRY_END_SHIFT = 24, 32, 40, 48
"""In the second word of an entry, after the token: the place (255: or later), the first atom, the second, and whether
it is the last one with this rest."""


FEW_TOKENS = 1000
"""So many are not worth a file."""


def make_index(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], eos: Sequence[int], n_words: int, content_hash: str
) -> Index:
    """The index of the tokens with the bytes `data[offsets[t] : offsets[t + 1]]`, for masks of `n_words` words. Bit
    rows are quicker made than read; the tries, which need sorting, are kept in the cache by `content_hash`."""
    n = len(offsets) - 1
    width = (n_words + 15) // 16 * 16
    leaves = np.frombuffer(mapping(4 * N_FAMILIES * N_ATOMS * width), np.uint32)
    pairs = np.zeros(N_ATOMS * N_ATOMS, np.uint32)
    exits = np.zeros(N_ATOMS, np.int64)
    first, units, later = np.zeros(n, np.uint8), np.zeros(n, np.uint8), np.zeros(n, np.uint64)
    survey(atoms(), data, offsets, n, width, leaves, pairs, exits, first, units, later)
    families = make_families(leaves.reshape(N_FAMILIES, N_ATOMS, width), n, later, first)
    room = int(exits[exits <= MAX_EXITS].sum())
    starts, ends = np.zeros(room, np.int64), np.zeros(room, np.int64)
    keys, entries = np.zeros(room, np.uint8), np.zeros((room + 1, 2), np.uint64)
    exit_places = np.zeros(N_ATOMS, np.int64)
    count = collect(atoms(), data, offsets, n, exits, starts, ends, keys, exit_places, entries)
    spelled = np.flatnonzero(offsets[1:] > offsets[:-1])
    name = f"index-{_version()}-{content_hash}"
    stored = cache.load(name) if n > FEW_TOKENS else None
    if stored is None:
        whole = _trie(data, offsets[:-1], offsets[1:], first, spelled)
        rests = _trie(data, starts, ends, keys, np.arange(count))
        parts = [whole[1], rests[1], whole[0], rests[0]]
        stored = len(whole[0]).to_bytes(8, "little") + b"".join(part.tobytes() for part in parts)
        if n > FEW_TOKENS:
            cache.store(name, stored)
    n_nodes = int.from_bytes(stored[:8], "little")
    long_tokens = np.flatnonzero(units > MEDIUM)
    long = np.zeros((len(long_tokens) + 1, LONG), np.uint64)
    list_long(atoms(), data, offsets, long_tokens, len(long_tokens), long)
    long[:-1] = long[:-1][np.argsort(long[:-1, 5], kind="stable")]
    numbers = np.frombuffer(stored, np.uint64)
    found: list[NDArray[np.uint64]] = np.split(numbers[1:], np.cumsum([N_ATOMS + 1, N_ATOMS + 1, n_nodes]))
    segments = [part.view(np.int64) for part in found[:2]]
    exit_trie = make_trie(found[3], segments[1])
    items = exit_trie.fields["items"].astype(np.uint64)
    order_keys = keys[:count].astype(np.int64) * (MEDIUM + 1) + np.minimum(
        entries[:count, 1] >> np.uint64(PLACE_SHIFT) & np.uint64(255), MEDIUM
    ).astype(np.int64)
    order = np.argsort(order_keys, kind="stable")
    where = np.stack([starts[:count], (ends - starts)[:count]], axis=1).astype(np.uint64)
    by_place = np.concatenate([entries[:count], where], axis=1)
    entries = entries[items & (END - 1)]
    entries[:, 1] |= items // END << ENTRY_END_SHIFT
    return Index(
        eos=np.array([*eos, 0], np.uint32),
        n_eos=len(eos),
        data=data,
        offsets=offsets,
        families=families,
        nodes=found[2],
        segments=segments[0],
        tokens=make_trie(found[2], segments[0]),
        pairs=pairs,
        exits=exit_trie,
        exit_sizes=np.diff(segments[1]),
        exit_big=(exits > MAX_EXITS).astype(np.uint8),
        exit_places=exit_places,
        weights=exits,
        entries=entries,
        exits_at=np.searchsorted(order_keys[order], np.arange(N_ATOMS * (MEDIUM + 1) + 1)),
        by_place=by_place[order],
        n_long=len(long_tokens),
        long=long,
    )


@once
def _version() -> str:
    """Of everything but the tokens that decides the tries: the kernels with their constants, and the atoms."""
    return f"{identity([survey, collect, build_trie])[:16]}-{definition()}"


def _trie(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    keys: NDArray[np.uint8],
    items: NDArray[np.int64],
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Nodes and segments of the tries of the items' bytes, one for each key."""
    whole = data.tobytes()
    spans = zip(items.tolist(), starts[items].tolist(), ends[items].tolist(), strict=True)
    texts = {item: whole[a:b] for item, a, b in spans}
    order = np.array(sorted(texts, key=texts.__getitem__), np.int64)
    order = order[np.argsort(keys[order], kind="stable")]
    lengths = ends[order] - starts[order]
    nodes = np.zeros(int(lengths.sum()) + 1, np.uint64)
    segments = np.zeros(N_ATOMS + 1, np.int64)
    open_nodes = np.zeros(int(lengths.max(initial=0)) + 1, np.int64)
    count = build_trie(data, starts, ends, keys, order, len(order), open_nodes, nodes, segments, N_ATOMS)
    return nodes[:count].copy(), segments


@kernel
def survey(
    atoms: Atoms,
    data: Ptr[u8],
    offsets: Ptr[i64],
    n: i64,
    n_words: i64,
    leaves: Ptr[u32],
    pairs: Ptr[u32],
    exits: Ptr[i64],
    first: Ptr[u8],
    units: Ptr[u8],
    later: Ptr[u64],
) -> None:
    """Fill the `leaves` of families, `pairs`, the number of `exits` of every atom, and of each token the first atom,
    how many units it has (255: or more) and the atoms from place 1 on."""
    for token in range(n):
        at = offsets[token]
        end = offsets[token + 1]
        place = 0
        before = 0
        from_two: u64 = 0
        from_one: u64 = 0
        while at < end:
            found = unit(atoms, data[at:], end - at)
            atom = found & 255
            at += found >> 8
            if place == 0:
                first[token] = u8(atom)
                put(leaves, n_words, FIRST, atom, token)
            else:
                put(leaves, n_words, LATER, atom, token)
                from_one = from_one | u64(1 << atom)
                if at < end:
                    put(leaves, n_words, WITHIN, atom, token)
                if place == 1:
                    put(leaves, n_words, SECOND, atom, token)
                    pairs[before * N_ATOMS + atom] = u32(pairs[before * N_ATOMS + atom] + 1)
                    exits[atom] += 1
                else:
                    put(leaves, n_words, THIRD, atom, token)
                    if at < end:
                        put(leaves, n_words, WITHIN_THIRD, atom, token)
                    exits[atom] += i64((from_two >> atom & 1) == 0)
                    from_two = from_two | u64(1 << atom)
            before = atom
            place += 1
            if place > 1 and place <= N_UNITS:
                put(leaves, n_words, UNITS, place - 1, token)
        if place == 0:
            put(leaves, n_words, UNITS, 0, token)
        units[token] = u8(min(place, 255))
        later[token] = from_one


@kernel
def put(leaves: Ptr[u32], n_words: i64, family: i64, atom: i64, token: i64) -> None:
    word = (family * N_ATOMS + atom) * n_words + (token >> 5)
    leaves[word] = u32(leaves[word] | (1 << (token & 31)))


@kernel
def collect(
    atoms: Atoms,
    data: Ptr[u8],
    offsets: Ptr[i64],
    n: i64,
    exits: Ptr[i64],
    starts: Ptr[i64],
    ends: Ptr[i64],
    keys: Ptr[u8],
    last: Ptr[i64],
    entries: Ptr[u64],
) -> i64:
    """Write the exits of the atoms that have at most MAX_EXITS: of every token and atom the first at place 1 or later,
    and if that is at place 1 the next one; and the `last` place of each atom. Returns how many."""
    count = 0
    for token in range(n):
        at = offsets[token]
        end = offsets[token + 1]
        place = 0
        zero = 0
        one = 0
        from_two: u64 = 0
        while at < end:
            found = unit(atoms, data[at:], end - at)
            atom = found & 255
            if place == 0:
                zero = atom
            elif exits[atom] <= MAX_EXITS and (from_two >> atom & 1) == 0:
                starts[count] = at
                ends[count] = end
                keys[count] = u8(atom)
                last[atom] = max(last[atom], place)
                entries[2 * count] = from_two
                entries[2 * count + 1] = u64(
                    token | min(place, 255) << PLACE_SHIFT | zero << FIRST_SHIFT | one << SECOND_SHIFT
                )
                count += 1
            if place == 1:
                one = atom
            elif place > 1:
                from_two = from_two | u64(1 << atom)
            at += found >> 8
            place += 1
    return count


@kernel
def list_long(atoms: Atoms, data: Ptr[u8], offsets: Ptr[i64], tokens: Ptr[i64], n: i64, long: Ptr[u64]) -> None:
    """Fill `long` with the tokens, each of more than MEDIUM units."""
    for i in range(n):
        entry = long[i * LONG :]
        at = offsets[tokens[i]]
        end = offsets[tokens[i] + 1]
        entry[0] = u64(tokens[i])
        for place in range(MEDIUM):
            found = unit(atoms, data[at:], end - at)
            at += found >> 8
            if place < 2:
                entry[1 + place] = u64(found & 255)
            else:
                entry[3] = entry[3] | u64(1 << (found & 255))
        entry[4] = u64(at)
        entry[5] = u64(end - at)
        alike = 1
        while alike < end - at and data[end - 1 - alike] == data[end - 1]:
            alike += 1
        entry[6] = u64(alike)
