"""Automata that are built as they are used, for patterns whose whole automaton would be too large.

Goes in: a pattern. Comes out: a `LazyDfa`, which looks like a `Dfa` whose table fills up. It is not minimal, but like a
`Dfa` it has no states from which nothing is accepted. What has been built stays; when the room for it is used up, the
generation that needs more is refused with the reason. Everybody may import this module.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, lru_cache
from itertools import count

import numpy as np
import numpy.typing as npt

from . import lazy_kernels, nfa, spell_kernels, subset_kernels
from .automaton import Followed
from .determinise import SMALL, Packed, determinise
from .dfa import Dfa
from .errors import RegexLimitError
from .hash_kernels import FIRST_SLOTS
from .limits import DEFAULT_LIMITS, DfaLimits
from .memory import mapping
from .quick import compile_plain, pack_plain
from .regex import compile_words
from .regex_syntax import parse


def compile_lazily(pattern: str, limits: DfaLimits = DEFAULT_LIMITS) -> LazyDfa:
    """The automaton of the texts that match `pattern` as a whole, of which only the start is built yet.

    Raises RegexError for a wrong or unsupported pattern and for one that no text matches, RegexLimitError past a limit.
    """
    return LazyDfa(pack(pattern, limits), pattern, limits)


def pack(pattern: str, limits: DfaLimits) -> Packed:
    """The position automaton of a pattern. Raises as `compile_lazily`."""
    return pack_plain(pattern, limits) or Packed.of(nfa.build(parse(pattern, limits), limits))


EAGER = DfaLimits(states=SMALL.states, work=120_000, cells=1 << 18)
"""What is built at once: a millisecond's work or two."""


MAX_CELLS = 1 << 23
"""Table entries of an automaton that grows: some hundred thousand states."""


def compile_automaton(pattern: str, limits: DfaLimits = DEFAULT_LIMITS) -> Dfa | LazyDfa:
    """The automaton of the texts that match `pattern` as a whole: built at once if that is quick, else as it is used.

    Raises RegexError for a wrong or unsupported pattern and for one that no text matches, RegexLimitError past a limit.
    """
    small = _SMALL if limits is DEFAULT_LIMITS else _small(limits)
    try:
        if found := compile_plain(pattern, small) or compile_words(pattern, limits):
            return found
    except RegexLimitError:
        return compile_lazily(pattern, limits)
    packed = Packed.of(nfa.build(parse(pattern, limits), limits))
    try:
        return determinise(packed, pattern, small)
    except RegexLimitError:
        return LazyDfa(packed, pattern, limits)


@lru_cache(maxsize=8)
def _small(limits: DfaLimits) -> DfaLimits:
    """As far as `EAGER` goes."""
    return replace(
        limits,
        states=min(limits.states, EAGER.states),
        work=min(limits.work, EAGER.work),
        cells=min(limits.cells, EAGER.cells),
    )


_SMALL = _small(DEFAULT_LIMITS)


_SERIALS = count(1)


class LazyDfa(Followed):
    """A byte automaton that grows. States are numbers that stay; 0 is dead, `start` is 1.

    `table`, `classes` and `accepting` are those of a `Dfa`, with room for states to come. The row of a state is dead
    until it was asked for (`row`) or `mask` has passed. Any number of threads may use it at once.
    """

    start = 1

    def __init__(self, packed: Packed, pattern: str, limits: DfaLimits) -> None:
        self.pattern, self.packed = pattern, packed
        self.serial = next(_SERIALS)
        """No other one of the process has it."""
        self._lock = threading.Lock()
        self.classes = np.empty(256, np.uint8)
        self._source = source = np.empty(256, np.uint32)
        self.n_classes = _name_classes(packed, self.classes, source)
        high, atoms = packed.high, packed.atoms
        n_high = len(high.signatures)
        words = (n_high + 63) // 64
        states = min(limits.cells, MAX_CELLS) // self.n_classes
        subsets = min(limits.states, states, MAX_CELLS // (atoms + n_high + 1))
        self._positions = packed.record()
        keys, more = max(limits.work // 8, packed.words), subsets + atoms + 2
        self._subsets = subset_kernels.Subsets.carve(
            (keys, subsets, subsets * atoms, 1 << 62),
            (3, keys, more, more, more, slots_for(subsets), more, subsets * atoms, packed.words + 1),
            mapping,
        )
        self._lazy = lazy_kernels.Lazy.carve(
            (
                *(self.classes, source, high.packed, packed.arrays()["high_atoms"]),
                *(self.n_classes, states, subsets, words),
            ),
            (
                *(5, states * self.n_classes, states, states, states, states, states),
                *(more, subsets * n_high, subsets * words, subsets, subsets, slots_for(subsets), slots_for(states)),
                *(high.n_nodes * words, more, packed.words, 64 * packed.words, states),
            ),
            mapping,
        )
        fields = self._lazy.fields
        self._counts: npt.NDArray[np.int64] = fields["counts"]
        self.table: npt.NDArray[np.uint32] = fields["table"].reshape(states, self.n_classes)
        self.accepting: npt.NDArray[np.uint8] = fields["accepting"]
        self._stand_ins: npt.NDArray[np.uint32] = fields["same_mask"]
        self._states: npt.NDArray[np.int32] = fields["subset"]
        self.growth = lazy_kernels.Growth(
            positions=self._positions, subsets=self._subsets, lazy=self._lazy, told=np.zeros(2, np.int64)
        )
        """What mask kernels need to fill rows, to be used within `alone`."""
        self._told: npt.NDArray[np.int64] = self.growth.fields["told"]
        self.check(lazy_kernels.start.quickly(self._positions.address, self._subsets.address, self._lazy.address))

    @cached_property
    def used(self) -> npt.NDArray[np.bool_]:
        """bool[256]: the bytes that texts may hold."""
        used: npt.NDArray[np.bool_] = self._source[self.classes] != 0
        return used

    @property
    def n_states(self) -> int:
        """States so far."""
        return int(self._counts[0])

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else uses `growth` meanwhile, even if the GIL is released: those who hold it (`methods`) look whether
        it is busy."""
        with self._lock:
            self._told[lazy_kernels.BUSY] = 1
            try:
                yield
            finally:
                self._told[lazy_kernels.BUSY] = 0

    @property
    def failed(self) -> int:
        """Less than 0 once mask kernels have found the room used up."""
        return int(self._told[lazy_kernels.FAILED])

    def mask(self, state: int, nodes: npt.NDArray[np.uint64], depth: int, out: npt.NDArray[np.uint32]) -> bool:
        """Sets, in `out`, the bits of the tokens of a trie (its nodes, and its greatest depth) whose bytes are live
        from `state`; whether there are any. Raises RegexLimitError when the room is used up."""
        with self.alone():
            scratch = np.empty(depth + 1, np.uint32)
            parts = self._positions, self._subsets, self._lazy
            found = lazy_kernels.mask(*parts, state, nodes, len(nodes), scratch, out)
        self.check(found)
        return found > 0

    def advance(self, state: int, data: bytes) -> int:
        """The state after `data`; DEAD once nothing accepted can follow. Raises RegexLimitError."""
        with self.alone():
            text = np.frombuffer(data or b"\0", np.uint8)
            after = lazy_kernels.follow(self._positions, self._subsets, self._lazy, state, text, len(data), 0, 0)
        self.check(after)
        return after

    def row(self, state: int) -> npt.NDArray[np.uint32]:
        """uint32[n_classes]: where the byte classes lead from a state. Raises RegexLimitError."""
        with self.alone():
            failed = lazy_kernels.fill(self._positions, self._subsets, self._lazy, state)
        self.check(failed)
        row: npt.NDArray[np.uint32] = self.table[state]
        return row

    def is_final(self, state: int) -> bool:
        """Whether nothing can follow but the end. Raises RegexLimitError."""
        with self.alone():
            found = lazy_kernels.is_over(self._positions, self._subsets, self._lazy, state)
        self.check(found)
        return found > 0

    def masked_as(self, state: int) -> int:
        """The state whose mask, if it is kept, is that of `state`."""
        return int(self._stand_ins[state]) or state

    def extends(self, state: int, text: bytes, nodes: npt.NDArray[np.uint64], depth: int) -> bool:
        """Whether a token of a trie (as in `mask`) begins with `text`, which is not empty, and goes on, all live from
        the state. Raises RegexLimitError when the room is used up."""
        with self.alone():
            path, data = np.empty(depth + 1, np.uint32), np.frombuffer(text, np.uint8)
            parts = self._positions, self._subsets, self._lazy
            found = lazy_kernels.extends(*parts, state, nodes, len(nodes), path, data, len(data))
        self.check(found)
        return found > 0

    def origin(self, state: int) -> tuple[int, int]:
        """What a state is: a subset and 0, or a node of the partition, from 1, within a character of the subset."""
        subset, fields = int(self._states[state]), self._lazy.fields
        if subset >= 0:
            return subset, 0
        return int(fields["origin"][fields["tuple"][state]]), int(fields["node"][state])

    def check(self, result: int) -> None:
        """Raises RegexLimitError for a kernel's result less than 0."""
        if result < 0:
            message = (
                f"the automaton, which is built as the text grows, has used up its room at {self.n_states:,} states"
            )
            hint = "use smaller counts, or less that may start anywhere"
            raise RegexLimitError(message, self.pattern, 0, len(self.pattern), hint)


def _name_classes(packed: Packed, classes: npt.NDArray[np.uint8], source: npt.NDArray[np.uint32]) -> int:
    """Fills the byte classes and what they stand for: how many."""
    high = packed.high
    columns = high.n_columns
    root = high.packed[131:]
    spare = np.zeros(packed.atoms + columns + 1, np.uint32)
    letters = packed.arrays()["letters"]
    return spell_kernels.name_classes(
        *(packed.atoms, high.n_nodes, columns, letters, high.packed[3:], root, root[columns:]),
        *(classes, source, spare),
    )


def slots_for(n: int) -> int:
    """Of a hash table that grows fourfold from FIRST_SLOTS, at most half full with n keys."""
    slots = FIRST_SLOTS
    while slots < 2 * (n + 1):
        slots *= 4
    return slots
