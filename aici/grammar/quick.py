r"""The quick way for plain patterns, which nearly all are: read, made a position automaton and compiled natively.

Goes in: a pattern. Comes out: the same `Dfa` as by `regex_syntax`, `nfa` and `determinise`, or None where those have to
say what the pattern means or why it is wrong (`reader_kernels` tells what is plain). A pattern takes them some 300 µs
if the CPU has had other things to do, and this some 60. Only `aici.grammar` imports this module.
"""

from __future__ import annotations

import re
import threading

import numpy as np
import numpy.typing as npt

from . import charset, unicode
from . import position_kernels as positions
from . import reader_kernels as reader
from .charset import CharSet
from .determinise import HIGH, SMALL, SMALL_WORDS, Packed, past_limit, small_room
from .dfa import Dfa
from .hash_kernels import NO_ROOM
from .kinds import PtrType
from .limits import DfaLimits
from .spell_kernels import Spelling
from .subset_kernels import Positions
from .utf8 import Partition, partition

LENGTH = 1 << 12
"""Characters of the longest pattern that is tried."""
_END = bytes(4)


def compile_plain(pattern: str, limits: DfaLimits) -> Dfa | None:
    """The minimal byte automaton of a pattern; None if it is not plain, or too large for the room that is kept.

    Raises RegexLimitError past a limit, if not even that room could be used up.
    """
    quick = _room(pattern, limits)
    return quick.compile(pattern, limits) if quick else None


def pack_plain(pattern: str, limits: DfaLimits) -> Packed | None:
    """The position automaton of a pattern; None if it is not plain, or too large for the room that is kept."""
    quick = _room(pattern, limits)
    return quick.pack(pattern, limits) if quick else None


def _room(pattern: str, limits: DfaLimits) -> _Quick | None:
    """The thread's own, for patterns that are worth a try."""
    if len(pattern) > LENGTH or not pattern.isascii() or len(pattern) > limits.pattern_length:
        return None
    if limits.nesting < reader.MAX_DEPTH:
        return None
    if "[:" in pattern or "&&[" in pattern or "--[" in pattern or "~~[" in pattern:
        return None  # perhaps a set of sets
    quick = getattr(_THREAD, "quick", None)
    if not isinstance(quick, _Quick):
        quick = _THREAD.quick = _Quick()
    return quick


_THREAD = threading.local()


class _Quick:
    """What a thread needs."""

    def __init__(self) -> None:
        self.room = room = small_room()
        text = np.zeros(LENGTH + len(_END), np.uint8)
        self.text = text.data
        self.reading = reading = _reading(text)
        self.building = building = _building()
        self.read = reader.read.bind(reading, 0)
        self.build = positions.build.bind(reading, building, 0, 0)
        self.sizes = building.fields["sizes"].data
        fields = building.fields
        self.arrays = {name: field.data for name, field in fields.items()}
        self.positions = Positions(
            **{name: fields.get(name, 0) for name in Positions.kinds()},
        )
        self.spelling = Spelling(
            **room.spelling.fields | {"letters": fields["letters"], "high_atoms": fields["high_atoms"]}
        )
        self.automaton = room.bind(self.positions, self.spelling)
        self.partitions: dict[int, Partition] = {}

    def positions_of(self, pattern: str, limits: DfaLimits) -> tuple[int, int, int, Partition] | None:
        """Makes the position automaton: its words and atoms, whether it holds the empty text, and the partition."""
        n = len(pattern)
        self.text[: n + len(_END)] = pattern.encode() + _END
        self.read.slots[1] = n
        n_ops = self.read()
        if n_ops < 0:
            return None
        self.build.slots[2], self.build.slots[3] = n_ops, limits.positions
        nullable = self.build()
        if nullable < 0:
            return None
        sizes = self.sizes
        return sizes[positions.WORDS], sizes[positions.ATOMS], nullable, self.partition(sizes[positions.KEY])

    def compile(self, pattern: str, limits: DfaLimits) -> Dfa | None:
        made = self.positions_of(pattern, limits)
        if made is None:
            return None
        words, atoms, nullable, high = made
        room = self.room
        self.positions.slots[:3] = [words, atoms, nullable]
        self.spelling.slots[HIGH] = high.packed_address
        result = room.run_bound(self.automaton, self.spelling, atoms, limits)
        if result > 0:
            return room.dfa(result)
        if result == NO_ROOM and (limits.states > SMALL.states or limits.cells > SMALL.cells):
            return None
        raise past_limit(result, room, pattern, limits)

    def pack(self, pattern: str, limits: DfaLimits) -> Packed | None:
        made = self.positions_of(pattern, limits)
        if made is None:
            return None
        words, atoms, nullable, high = made
        rules, entries, targets, counters = self.sizes[positions.RULES : positions.COUNTERS + 1]
        lengths = {
            "sets": (3 + atoms) * words,
            "entry_start": words + 1,
            "entry_rule": entries,
            "entry_mask": entries,
            "target_start": rules + 1,
            "target_word": targets,
            "target_mask": targets,
            "counters": 4 * counters,
            "counter_first": words,
            "counter_after": words,
            "letters": 128,
            "high_atoms": 4,
        }
        wide = ("sets", "entry_mask", "target_mask")  # first, so that they are aligned
        parts = {
            name: self.arrays[name][: lengths[name]].tobytes()
            for name in sorted(lengths, key=wide.__contains__, reverse=True)
        }
        return Packed(parts, words, atoms, bool(nullable), high)

    def partition(self, key: int) -> Partition:
        """That of the characters beyond ASCII, its atoms in the order of `key`."""
        found = self.partitions.get(key)
        if found is None:
            classes = [key >> 3 * kind & 7 for kind in range(4)]
            found = self.partitions[key] = partition(
                tuple(_beyond(classes, k).high for k in range(1, max(classes) + 1))
            )
            assert found.signatures == tuple(1 << k for k in range(max(classes)))
        return found


def _beyond(classes: list[int], number: int) -> CharSet:
    """The characters beyond ASCII of the kinds that are in one class."""
    if classes == [number] * 4:
        return charset.ALL
    word, digit, space = (unicode.escape_class(letter, False) for letter in "wds")
    # In the order of their first characters, U+0080, U+0085, U+00AA and U+0660.
    kinds = [~(word | space), space, word & ~digit, digit]
    union = charset.EMPTY
    for kind, of in zip(kinds, classes, strict=True):
        if of == number:
            union |= kind
    return union


_KINDS = {"d": 0b1000, "s": 0b0010, "w": 0b1100}


def _reading(text: npt.NDArray[np.uint8]) -> reader.Reading:
    escapes = np.array([code if not chr(code).isalnum() else reader.OTHER for code in range(128)], np.int64)
    escapes[0] = reader.OTHER
    for letter, code in zip("abfnrtv", b"\a\b\f\n\r\t\v", strict=True):
        escapes[ord(letter)] = code
    named = np.zeros((128, 3), np.uint64)
    for letter, beyond in _KINDS.items():
        mask = sum(1 << code for code in range(128) if re.match(f"\\{letter}", chr(code)))
        for name, ascii_, kinds in (
            (letter, mask, beyond),
            (letter.upper(), mask ^ charset.ASCII_ALL, beyond ^ reader.BEYOND_ALL),
        ):
            escapes[ord(name)] = reader.NAMED
            named[ord(name)] = [ascii_ & (1 << 64) - 1, ascii_ >> 64, kinds]
    return reader.Reading(
        text=text,
        ops=np.zeros(3 * reader.MAX_OPS, np.int64),
        sets=np.zeros(3 * (reader.MAX_SETS + 1), np.uint64),
        named=named,
        escapes=escapes,
        set_of=np.zeros(128, np.uint8),
        groups=np.zeros(2 * reader.MAX_DEPTH, np.int64),
        branch=np.zeros(3, np.int64),
        counts=np.zeros(3, np.int64),
        bounds=np.zeros(2, np.int64),
    )


def _building() -> positions.Building:
    words, edges, counters = SMALL_WORDS, positions.MAX_EDGES, positions.MAX_COUNTERS
    sizes = {
        "sizes": 8,
        "parts": 4 * positions.MAX_PARTS,
        "ends": 2 * words * positions.MAX_PARTS,
        "symbols": 64 * words,
        "chain": words,
        "scratch": 4 * words,
        "counters": 4 * counters,
        "sets": (3 + positions.MAX_ATOMS) * words,
        "letters": 128,
        "kind_atoms": 4,
        "high_atoms": 4,
        "atom_sets": positions.MAX_ATOMS,
        "used": reader.MAX_SETS * words,
    } | dict.fromkeys(("entry_start", "counter_first", "counter_after"), words + 1)
    arrays = {
        name: np.zeros(sizes.get(name, edges + 1), kind.item.dtype)
        for name, kind in positions.Building.kinds().items()
        if isinstance(kind, PtrType)
    }
    return positions.Building(**arrays)
