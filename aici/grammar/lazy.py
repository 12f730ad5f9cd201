"""Automata that are built as they are used, for patterns whose whole automaton would be too large.

Goes in: a pattern. Comes out: a `LazyDfa`, which looks like a `Dfa` whose table fills up. It is not minimal, but like a
`Dfa` it has no states from which nothing is accepted. What has been built stays; when the room for it is used up, the
generation that needs more is refused with the reason. Everybody may import this module.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from . import lazy_kernels, nfa, spell_kernels, subset_kernels
from .determinise import SMALL, Packed, determinise
from .dfa import DEAD, Dfa
from .errors import RegexLimitError
from .limits import DEFAULT_LIMITS, DfaLimits
from .nfa import Nfa
from .quick import compile_plain
from .regex import compile_words
from .regex_syntax import parse


def compile_lazily(pattern: str, limits: DfaLimits = DEFAULT_LIMITS) -> LazyDfa:
    """The automaton of the texts that match `pattern` as a whole, of which only the start is built yet.

    Raises RegexError for a wrong or unsupported pattern and for one that no text matches, RegexLimitError past a limit.
    """
    automaton = nfa.build(parse(pattern, limits), limits)
    return LazyDfa(automaton, Packed(automaton), pattern, limits)


EAGER = DfaLimits(states=SMALL.states, work=2_000_000, cells=SMALL.cells)
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
    automaton = nfa.build(parse(pattern, limits), limits)
    packed = Packed(automaton)
    try:
        return determinise(automaton, pattern, small, packed)
    except RegexLimitError:
        return LazyDfa(automaton, packed, pattern, limits)


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


class LazyDfa:
    """A byte automaton that grows. States are numbers that stay; 0 is dead, `start` is 1.

    `table`, `classes` and `accepting` are those of a `Dfa`, with room for states to come. The row of a state is dead
    until `advance` has led there or `mask` has passed. Any number of threads may use it at once.
    """

    start = 1

    def __init__(self, automaton: Nfa, packed: Packed, pattern: str, limits: DfaLimits) -> None:
        self.pattern = pattern
        self._lock = threading.Lock()
        self._packed = packed
        arrays = packed.arrays()
        high = automaton.alphabet.high
        n_high = len(high.signatures)
        self._counts = np.array([2, 0], np.int64)
        self.classes = np.empty(256, np.uint8)
        source = np.empty(256, np.uint32)
        self.n_classes = _name_classes(packed, automaton, self.classes, source)
        self.used = source[self.classes] != 0
        """bool[256]: the bytes that texts may hold."""
        states = min(limits.cells, MAX_CELLS) // self.n_classes
        subsets = min(limits.states, states, MAX_CELLS // (packed.atoms + n_high + 1))
        words = (n_high + 63) // 64
        self.table = np.zeros((states, self.n_classes), np.uint32)
        self.accepting = np.zeros(states, np.uint8)
        self._filled = np.zeros(states, np.uint8)
        self._filled[DEAD] = 1
        below = np.zeros(max(1, high.n_nodes * words), np.uint64)
        lazy_kernels.find_atoms(high.packed, below, words)
        self._positions = packed.record(automaton)
        self._subsets = _subsets(packed, subsets, limits)
        tuple_buckets = _power_of_two(2 * subsets)
        pair_buckets = _power_of_two(2 * states)
        self._lazy = lazy_kernels.Lazy(
            counts=self._counts,
            classes=self.classes,
            source=source,
            n_classes=self.n_classes,
            table=self.table,
            filled=self._filled,
            accepting=self.accepting,
            subset=np.zeros(states, np.int32),
            node=np.empty(states, np.uint32),
            tuple=np.empty(states, np.uint32),
            state_room=states,
            state_of=np.zeros(subsets + packed.atoms + 1, np.uint32),
            tuples=np.empty(max(1, subsets * n_high), np.uint32),
            live=np.empty(max(1, subsets * words), np.uint64),
            tuple_room=subsets,
            tuple_hashes=np.empty(subsets, np.uint64),
            tuple_buckets=np.zeros(tuple_buckets, np.uint32),
            tuple_mask=tuple_buckets - 1,
            pair_buckets=np.zeros(pair_buckets, np.uint32),
            pair_mask=pair_buckets - 1,
            high=high.packed,
            high_atoms=arrays["high_atoms"] if n_high else np.zeros(1, np.uint32),
            below=below,
            words=words,
        )
        self._check(subset_kernels.start_subsets(self._positions, self._subsets))
        self._lazy.fields["state_of"][0] = 1
        self.accepting[1] = automaton.nullable

    @property
    def n_states(self) -> int:
        """States so far."""
        return int(self._counts[0])

    def mask(self, state: int, nodes: npt.NDArray[np.uint64], depth: int, out: npt.NDArray[np.uint32]) -> bool:
        """Sets, in `out`, the bits of the tokens of a trie (its nodes, and its greatest depth) whose bytes are live
        from `state`; whether there are any. Raises RegexLimitError when the room is used up."""
        with self._lock:
            scratch = np.empty(depth + 1, np.uint32)
            parts = self._positions, self._subsets, self._lazy
            found = lazy_kernels.mask(*parts, state, nodes, len(nodes), scratch, out)
        self._check(found)
        return found > 0

    def advance(self, state: int, data: bytes) -> int:
        """The state after `data`, its row filled; DEAD once nothing accepted can follow. Raises RegexLimitError."""
        with self._lock:
            source = np.frombuffer(data or b"\0", np.uint8)
            after = lazy_kernels.follow(self._positions, self._subsets, self._lazy, state, source, len(data))
        self._check(after)
        return after

    def matches(self, data: bytes) -> bool:
        """Whether `data` as a whole is accepted."""
        return bool(self.accepting[self.advance(self.start, data)])

    def is_accepting(self, state: int) -> bool:
        return bool(self.accepting[state])

    def is_live(self, state: int) -> bool:
        """Whether something accepted can still follow, be it the empty text."""
        return state != DEAD

    def _check(self, result: int) -> None:
        if result < 0:
            message = (
                f"the automaton, which is built as the text grows, has used up its room at {self.n_states:,} states"
            )
            hint = "use smaller counts, or less that may start anywhere"
            raise RegexLimitError(message, self.pattern, 0, len(self.pattern), hint)


def _name_classes(
    packed: Packed, automaton: Nfa, classes: npt.NDArray[np.uint8], source: npt.NDArray[np.uint32]
) -> int:
    """Fills the byte classes and what they stand for: how many."""
    high = automaton.alphabet.high
    columns = high.n_columns
    root = high.packed[131:]
    spare = np.zeros(packed.atoms + columns + 1, np.uint32)
    letters = packed.arrays()["letters"]
    return spell_kernels.name_classes(
        *(packed.atoms, high.n_nodes, columns, letters, high.packed[3:], root, root[columns:]),
        *(classes, source, spare),
    )


def _subsets(packed: Packed, states: int, limits: DfaLimits) -> subset_kernels.Subsets:
    """Room for the subsets of positions."""
    keys = max(limits.work // 8, packed.words)
    return subset_kernels.Subsets(
        counts=np.zeros(3, np.int64),
        keys=np.empty(keys, np.uint64),
        key_room=keys,
        key_start=np.empty(states + packed.atoms + 2, np.uint32),
        key_low=np.empty(states + packed.atoms + 2, np.uint32),
        hashes=np.empty(states + packed.atoms + 2, np.uint64),
        buckets=np.empty(4 * _power_of_two(2 * states), np.uint32),
        accepting=np.empty(states + packed.atoms + 2, np.uint8),
        rows=np.empty(states * max(1, packed.atoms), np.int32),
        state_room=states,
        row_room=states * packed.atoms,
        work_limit=1 << 62,
        scratch=np.zeros(packed.words + 1, np.uint64),
    )


def _power_of_two(n: int) -> int:
    return 1 << max(8, n.bit_length())
