"""From a position automaton to the minimal byte automaton: packs it, runs the kernels, unpacks the result.

Goes in: an `Nfa`, packed. Comes out: a `Dfa`. Only `aici.grammar` imports this module.

The kernels work in rooms of fixed size. A small one is kept for each thread and serves nearly every pattern; one that
outgrows it gets a room as large as its limits allow, which lives for that call (the system commits memory only as it
is touched).
"""

from __future__ import annotations

import ctypes
import struct
import threading
from array import array
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from . import hash_kernels, pipeline_kernels, spell_kernels, subset_kernels
from .dfa import Dfa
from .errors import RegexLimitError
from .jit import Bound
from .limits import DfaLimits
from .memory import mapping
from .nfa import Counter, Nfa
from .records import address_of_bytes
from .utf8 import Partition

SMALL = DfaLimits(states=1 << 13, cells=1 << 19)
SMALL_WORDS = 64
"""What the small room serves."""

MAX_ROWS = 8_000_000
"""States times atoms."""


def determinise(packed: Packed, pattern: str, limits: DfaLimits) -> Dfa:
    """Raises RegexLimitError past a limit."""
    room = small_room()
    result = room.run(packed, limits) if packed.words <= SMALL_WORDS else hash_kernels.NO_ROOM
    fits = limits.states <= SMALL.states and limits.cells <= SMALL.cells and packed.words <= SMALL_WORDS
    if result == hash_kernels.NO_ROOM and not fits:
        room = Room.large(packed, limits)
        result = room.run(packed, limits)
    if result < 0:
        raise past_limit(result, room, pattern, limits)
    return room.dfa(result)


def past_limit(result: int, room: Room, pattern: str, limits: DfaLimits) -> RegexLimitError:
    hint = "avoid counted repetitions after something that may start anywhere, such as .*a.{30}"
    if result == subset_kernels.TOO_MUCH_WORK:
        message = f"to build the automaton takes more than {limits.work:,} steps"
    elif room.over_atoms[0]:
        message = f"the automaton over bytes has more than {limits.cells:,} table entries"
    else:
        message = f"the automaton has more than {room.counts[0]:,} states"
    return RegexLimitError(message, pattern, 0, len(pattern), hint)


class Packed:
    """A position automaton as the kernels take it: `parts` are the arrays of `Positions` and, of `Spelling`, `letters`
    and `high_atoms`."""

    def __init__(self, parts: dict[str, bytes], words: int, atoms: int, nullable: bool, high: Partition) -> None:
        self.parts, self.words, self.atoms, self.nullable, self.high = parts, words, atoms, nullable, high
        self._buffer = bytearray(b"".join(parts.values()))
        at = address_of_bytes(self._buffer)
        self.at = {}
        """Where each part lies."""
        for name, part in parts.items():
            self.at[name] = at
            at += len(part)

    @staticmethod
    def of(nfa: Nfa) -> Packed:
        """All parts are of whole words."""
        words = nfa.n_positions // 64 + 1
        sets = (nfa.first, nfa.last, nfa.chain, *nfa.atom_positions)
        counters = [number for c in nfa.counters for number in (c.start, c.width, c.copies, c.upward)]
        parts = {
            "sets": b"".join([m.to_bytes(8 * words, "little") for m in sets]),
            **_edges(nfa.rules, words),
            "counters": _u32(counters),
            **_counters_by_word(nfa.counters, words),
            "letters": _u32(_letters(nfa)),
            "high_atoms": _u32(nfa.alphabet.high_atoms),
        }
        return Packed(parts, words, len(nfa.atom_positions), nfa.nullable, nfa.alphabet.high)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The parts one by one."""
        wide = ("sets", "entry_mask", "target_mask")
        return {
            name: np.frombuffer(part or bytes(8), np.uint64 if name in wide else np.uint32)
            for name, part in self.parts.items()
        }

    @property
    def slots(self) -> list[ctypes.c_uint64 | int]:
        """Of `Positions`."""
        return [self.words, self.atoms, self.nullable, *(self.at[name] for name in _POSITIONS)]

    def record(self) -> subset_kernels.Positions:
        """The position automaton for kernels that run more than once."""
        return subset_kernels.Positions.at(self.slots, self.arrays)


_POSITIONS = list(subset_kernels.Positions.kinds())[3:]


def _letters(nfa: Nfa) -> list[int]:
    """The atom + 1 of every ASCII character, or 0."""
    letters = [0] * 128
    for characters, atom in nfa.alphabet.ascii_atoms:
        while characters:
            low = characters & -characters
            letters[low.bit_length() - 1] = atom + 1
            characters ^= low
    return letters


def _edges(rules: list[tuple[int, int]], words: int) -> dict[str, bytes]:
    """The rules as `Positions` lists them."""
    n = len(rules)
    if words == 1:
        numbers = range(n + 1)
        return {
            "entry_mask": struct.pack(f"={n}Q", *[last for last, _ in rules]),
            "target_mask": struct.pack(f"={n}Q", *[first for _, first in rules]),
            "entry_start": _u32([0, n]),
            "entry_rule": _u32(numbers[:-1]),
            "target_start": _u32(numbers),
            "target_word": bytes(4 * n),
        }
    lasts, firsts = (
        np.frombuffer(b"".join([rule[side].to_bytes(8 * words, "little") for rule in rules]), np.uint64).reshape(
            n, words
        )
        for side in (0, 1)
    )
    entry_word, entry_rule = np.nonzero(lasts.T)
    target_rule, target_word = np.nonzero(firsts)
    return {
        "entry_mask": lasts[entry_rule, entry_word].tobytes(),
        "target_mask": firsts[target_rule, target_word].tobytes(),
        "entry_start": np.searchsorted(entry_word, np.arange(words + 1)).astype(np.uint32).tobytes(),
        "entry_rule": entry_rule.astype(np.uint32).tobytes(),
        "target_start": np.searchsorted(target_rule, np.arange(n + 1)).astype(np.uint32).tobytes(),
        "target_word": target_word.astype(np.uint32).tobytes(),
    }


def _counters_by_word(counters: list[Counter], words: int) -> dict[str, bytes]:
    """The first counter that touches each word of positions, and the one after the last."""
    first, after = [len(counters)] * words, [0] * words
    for number, counter in enumerate(counters):
        for word in range(counter.start // 64, (counter.start + counter.width * counter.copies - 1) // 64 + 1):
            first[word] = min(first[word], number)
            after[word] = number + 1
    return {"counter_first": _u32(first), "counter_after": _u32(after)}


def _u32(numbers: Iterable[int]) -> bytes:
    return array("I", numbers).tobytes()


class Room:
    """Memory for the kernels, and their calls bound to it."""

    def __init__(self, words: int, states: int, keys: int, cells: int, table: int) -> None:
        buckets = hash_kernels.FIRST_SLOTS
        while buckets < 2 * states + 2:
            buckets *= 4
        arena = 12 * (states + cells) + 2 * table
        hashes, ends = max(4 * states, table // 8), table // 2
        self.state_room, self.table_room = states, table
        self.over_atoms = np.zeros(1, np.int64)
        nothing = np.zeros(1, np.uint64)
        empty = (
            nothing if name in ("sets", "entry_mask", "target_mask") else nothing.view(np.uint32) for name in _POSITIONS
        )
        self.positions = subset_kernels.Positions(
            words=0, atoms=0, nullable=0, **dict(zip(_POSITIONS, empty, strict=True))
        )
        self.subsets = subset_kernels.Subsets.carve(
            (keys, states, cells, 0),
            (3, keys, states + 2, states + 2, hashes, buckets, states + 1, cells, words + 2),
            mapping,
        )
        fields = self.subsets.fields
        self.counts: npt.NDArray[np.int64] = fields["counts"]
        self.accepting: npt.NDArray[np.uint8] = fields["accepting"]
        u32 = nothing.view(np.uint32)
        self.spelling = spell_kernels.Spelling.carve(
            (u32, u32, u32, arena, hashes, table, ends, fields["rows"], self.accepting, fields["hashes"]),
            (arena, 256, 1, table, ends),
            mapping,
        )
        fields = self.spelling.fields
        self.arena: npt.NDArray[np.uint32] = fields["arena"]
        self.classes: npt.NDArray[np.uint8] = fields["classes"]
        self.n_classes: npt.NDArray[np.int64] = fields["n_classes"]
        self.table: npt.NDArray[np.uint32] = fields["table"]
        self.ends: npt.NDArray[np.uint8] = fields["ends"]
        self.build = self.bind(self.positions, self.spelling)

    def bind(self, positions: subset_kernels.Positions, spelling: spell_kernels.Spelling) -> Bound:
        """The call that makes the byte automaton of `positions`, in this room's memory, which `spelling` names."""
        ints = self.arena.view(np.int32)
        return pipeline_kernels.automaton.bind(
            positions, self.subsets, spelling, ints, len(self.arena), self.over_atoms
        )

    @staticmethod
    def large(packed: Packed, limits: DfaLimits) -> Room:
        """A room in which the limits are what runs out."""
        states = limits.states + packed.atoms + 2
        rows = min(states * packed.atoms, MAX_ROWS)
        return Room(packed.words, states, limits.work // 8, rows, limits.cells)

    def run(self, packed: Packed, limits: DfaLimits) -> int:
        """States of the byte automaton, which is left in `table`; negative if it failed."""
        self.positions.slots[:] = packed.slots
        slots, at = self.spelling.slots, packed.at
        slots[LETTERS], slots[HIGH_ATOMS], slots[HIGH] = at["letters"], at["high_atoms"], packed.high.packed_address
        return self.run_bound(self.build, self.spelling, packed.atoms, limits)

    def run_bound(self, call: Bound, spelling: spell_kernels.Spelling, atoms: int, limits: DfaLimits) -> int:
        """As `run`, of a call that `bind` made."""
        self.subsets.slots[_STATE_ROOM] = min(self.state_room, limits.states + atoms + 1)
        self.subsets.slots[_WORK_LIMIT] = limits.work
        spelling.slots[_TABLE_ROOM] = min(self.table_room, limits.cells)
        return call()

    def dfa(self, n: int) -> Dfa:
        """The byte automaton of n states that is left in the room."""
        n_classes = int(self.n_classes.data[0])
        table = self.table[: n * n_classes].copy().reshape(n, n_classes)
        return Dfa(n, n_classes, self.classes.copy(), table, self.ends[:n].copy())


_STATE_ROOM, _WORK_LIMIT = (list(subset_kernels.Subsets.kinds()).index(name) for name in ("state_room", "work_limit"))
LETTERS, HIGH_ATOMS, HIGH, _TABLE_ROOM = (
    list(spell_kernels.Spelling.kinds()).index(name) for name in ("letters", "high_atoms", "high", "table_room")
)
_THREAD = threading.local()


def small_room() -> Room:
    """The thread's own room."""
    room = getattr(_THREAD, "room", None)
    if not isinstance(room, Room):
        room = _THREAD.room = Room(SMALL_WORDS, SMALL.states + 256, 1 << 16, 1 << 17, SMALL.cells)
    return room
