"""From a position automaton to the minimal byte automaton: packs it, runs the kernels, unpacks the result.

Goes in: an `Nfa`. Comes out: a `Dfa`. Only `aici.grammar` imports this module.

The kernels work in rooms of fixed size. A small one is kept for each thread and serves nearly every pattern; one that
outgrows it gets a room as large as its limits allow, which lives for that call (the system commits memory only as it
is touched).
"""

from __future__ import annotations

import struct
import threading
from array import array

import numpy as np

from . import dfa_kernels as kernels
from .dfa import Dfa
from .errors import RegexError, RegexLimitError
from .limits import DfaLimits
from .nfa import Nfa

MAX_ROWS = 16_000_000
"""States times atoms."""


def determinise(nfa: Nfa, pattern: str, limits: DfaLimits) -> Dfa:
    """Raises RegexError if no text is accepted, RegexLimitError past a limit."""
    packed = _pack(nfa)
    room = _small_room()
    result = room.run(nfa, packed, limits) if packed.words <= _Room.SMALL_WORDS else kernels.NO_ROOM
    if result == kernels.NO_ROOM:
        room = _Room.large(packed, limits)
        result = room.run(nfa, packed, limits)
    if result == 0:
        raise RegexError("no text matches this pattern", pattern, 0, len(pattern))
    if result < 0:
        raise _past_limit(room, pattern, limits)
    return room.dfa(result)


def _past_limit(room: _Room, pattern: str, limits: DfaLimits) -> RegexLimitError:
    hint = "avoid counted repetitions after something that may start anywhere, such as .*a.{30}"
    if room.n_states:
        message = f"the automaton over bytes has more than {limits.cells:,} table entries"
    else:
        message = f"the automaton has more than {room.reached[0]:,} states"
    return RegexLimitError(message, pattern, 0, len(pattern), hint)


class _Packed:
    """A position automaton as the kernels take it, in one buffer; `at` holds the offset of each part in bytes."""

    def __init__(self, words: int, atoms: int, wide: list[bytes], narrow: list[bytes]) -> None:
        self.words = words
        self.atoms = atoms
        self.at = []
        offset = 0
        for part in (*wide, *narrow):
            self.at.append(offset)
            offset += len(part)
        self.buffer = np.frombuffer(b"".join((*wide, *narrow)), np.uint8)
        self.address: int = self.buffer.__array_interface__["data"][0]


def _pack(nfa: Nfa) -> _Packed:
    words = nfa.n_positions // 64 + 1
    atoms = len(nfa.atom_positions)
    sets = b"".join([m.to_bytes(8 * words, "little") for m in (nfa.first, nfa.last, nfa.chain, *nfa.atom_positions)])
    entries: list[list[tuple[int, int]]] = [[] for _ in range(words)]
    target_start, target_word, target_mask = [0], [], []
    for rule, (last, first) in enumerate(nfa.rules):
        for i, mask in _words(last):
            entries[i].append((rule, mask))
        for i, mask in _words(first):
            target_word.append(i)
            target_mask.append(mask)
        target_start.append(len(target_word))
    entry_start = [0]
    for here in entries:
        entry_start.append(entry_start[-1] + len(here))
    letters = [0] * 128
    for characters, atom in nfa.alphabet.ascii_atoms:
        while characters:
            low = characters & -characters
            letters[low.bit_length() - 1] = atom + 1
            characters ^= low
    wide = [sets, _u64([mask for here in entries for _, mask in here]), _u64(target_mask)]
    narrow = [entry_start, [rule for here in entries for rule, _ in here], target_start, target_word, letters]
    return _Packed(words, atoms, wide, [_u32(part) for part in (*narrow, nfa.alphabet.high_atoms)])


def _words(mask: int) -> list[tuple[int, int]]:
    """(index, word) of the 64-bit words that are not zero."""
    if mask < 1 << 64:
        return [(0, mask)]
    out = []
    base = 0
    while mask:
        skip = ((mask & -mask).bit_length() - 1) // 64
        mask >>= 64 * skip
        base += skip
        out.append((base, mask & 0xFFFFFFFFFFFFFFFF))
        mask >>= 64
        base += 1
    return out


def _u64(numbers: list[int]) -> bytes:
    return struct.pack(f"={len(numbers)}Q", *numbers)


def _u32(numbers: list[int]) -> bytes:
    return array("I", numbers).tobytes()


class _Room:
    """Memory for the kernels, and their calls bound to it."""

    SMALL_WORDS = 32

    def __init__(self, words: int, atoms: int, states: int, keys: int, cells: int, table: int) -> None:
        slots = kernels.FIRST_SLOTS
        while slots < 2 * states + 2:
            slots *= 4
        arena = 12 * (states + cells) + 2 * table
        self.states, self.cells, self.table_room = states, cells, table
        self.keys = np.empty(keys, np.uint64)
        self.accepting = np.empty(states + 1, np.uint8)
        self.rows = np.empty(cells, np.int32)
        self.arena = np.empty(arena, np.uint32)
        self.hashes = np.empty(max(4 * states, table // 8), np.uint64)
        self.classes = np.empty(256, np.uint8)
        self.table = np.empty(table, np.uint32)
        self.ends = np.empty(table // 2, np.uint8)
        self.reached = np.zeros(1, np.int64)
        self.n_classes = np.zeros(1, np.int64)
        self.n_states = 0
        key_start, key_low = np.empty(states + 2, np.uint32), np.empty(states + 2, np.uint32)
        u32, u64 = np.empty(1, np.uint32), np.empty(1, np.uint64)
        self.subsets = kernels.subsets.bind(
            *(0, 0, 0, u64, u32, u32, u64, u32, u32, u64, np.zeros(words + 2, np.uint64)),
            *(self.keys, keys, key_start, key_low, self.hashes, self.accepting, states),
            *(np.empty(slots, np.uint32), self.rows, cells, 0, self.reached),
        )
        self.minimise = kernels.minimise.bind(0, 0, self.rows, self.accepting, self.arena.view(np.int32), arena)
        self.spell = kernels.spell.bind(
            *(0, 0, self.rows, self.accepting, u32, u32, u32, self.arena, arena, self.hashes, len(self.hashes)),
            *(self.classes, self.table, table, self.ends, len(self.ends), self.n_classes),
        )

    @staticmethod
    def large(packed: _Packed, limits: DfaLimits) -> _Room:
        """A room in which the limits are what runs out."""
        states = limits.states + packed.atoms + 2
        rows = min(states * packed.atoms, MAX_ROWS)
        return _Room(packed.words, packed.atoms, states, limits.work // 8, rows, limits.cells)

    def run(self, nfa: Nfa, packed: _Packed, limits: DfaLimits) -> int:
        """States of the byte automaton, which is left in `table`; 0 if nothing is accepted; negative as the kernels
        say."""
        base, at, atoms = packed.address, packed.at, packed.atoms
        self.n_states = 0
        slots = self.subsets.slots
        slots[0], slots[1], slots[2] = packed.words, atoms, int(nfa.nullable)
        slots[3], slots[6], slots[9] = base + at[0], base + at[1], base + at[2]
        slots[4], slots[5], slots[7], slots[8] = (base + offset for offset in at[3:7])
        slots[17] = min(self.states, limits.states + atoms + 1)
        slots[21] = limits.work
        n = self.subsets()
        if n < 0:
            return n
        slots = self.minimise.slots
        slots[0], slots[1] = n, atoms
        n = self.minimise()
        if n <= 0:
            return n
        self.n_states = n
        slots = self.spell.slots
        slots[0], slots[1] = n, atoms
        slots[4], slots[5], slots[6] = base + at[7], base + at[8], nfa.alphabet.high.packed_address
        slots[13] = min(self.table_room, limits.cells)
        return self.spell()

    def dfa(self, n: int) -> Dfa:
        n_classes = int(self.n_classes[0])
        table = self.table[: n * n_classes].astype(np.uint16 if n <= 0x10000 else np.uint32)
        return Dfa(n, n_classes, self.classes.copy(), table.reshape(n, n_classes), self.ends[:n].copy())


_THREAD = threading.local()


def _small_room() -> _Room:
    """The thread's own room."""
    room = getattr(_THREAD, "room", None)
    if not isinstance(room, _Room):
        room = _THREAD.room = _Room(_Room.SMALL_WORDS, 0, 1 << 10, 1 << 13, 1 << 14, 1 << 16)
    return room
