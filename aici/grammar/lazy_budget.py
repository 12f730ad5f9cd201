"""As `budget`, for patterns whose automata are built as they are used.

Goes in: a `LazyDfa` and a vocabulary. Comes out: a `LazyBudget`. Distances belong to the positions of the pattern
(`layer_kernels`), over the words into which the pattern's atoms turn the vocabulary (`word_kernels`): no states are
built to find them. As long as there are more tokens left than bytes are needed, none of that is done either.
"""

from __future__ import annotations

import threading
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from . import budget_kernels, word_kernels
from . import layer_kernels as kernels
from .layer_kernels import CUT_SHORT, ENDED, LAYER, MAX_LAYERS, NEVER, WORK, Layers
from .lazy import LazyDfa, slots_for
from .memory import mapping
from .vocabulary import Vocabulary
from .word_kernels import BACK, DEEPEST, KINDS, NODES, Reversed, Words

MOST_WORK = 1 << 24
"""Words of positions that one constraint's distances may cost in all, about 0.2 s. Past that, bounds from bytes have to
do: texts are still completed, but some that could be are not begun."""
_CELLS = 1 << 25
"""Positions at places, of 2 bytes each, for which there is room."""
_TAILS = 1 << 18
"""What tokens do that begin within characters."""
_KNOWN = 4096
"""States of which is kept how far their tokens lead,"""
_MASKS = 64
"""and tight masks."""
_BEYOND = 4
"""Bytes of a character beyond ASCII, at most."""


class Spelled:
    """The distances of a pattern's positions over a vocabulary: the arrays that the kernels work on."""

    def __init__(self, automaton: LazyDfa, vocabulary: Vocabulary, work: int, after: _U32, before: _U32) -> None:
        """`after`, `before`: bounds in bytes, one a position."""
        self.vocabulary = vocabulary
        self._arrays = arrays = automaton.packed.arrays()
        self._positions, self._high = automaton.packed.words, automaton.packed.high
        nodes, n_tokens = vocabulary.nodes, vocabulary.n_tokens
        self.words = Words.carve(
            (arrays["letters"], self._high.packed, arrays["high_atoms"]),
            (
                *(5, len(nodes) + 1, len(nodes) + 1, slots_for(len(nodes) + 1)),
                *(len(nodes) + 1, len(nodes) + 1, slots_for(len(nodes) + 1), n_tokens, word_kernels.TAIL * n_tokens),
            ),
            mapping,
        )
        word_kernels.read_words(self.words, nodes, len(nodes), np.empty(3 * vocabulary.max_depth + 3, np.uint32))
        counts = self.words.fields["counts"]
        self.n_nodes, self.n_kinds = int(counts[NODES]), int(counts[KINDS])
        self._reverse(work, after, before, automaton)

    def _reverse(self, work: int, after: _U32, before: _U32, automaton: LazyDfa) -> None:
        words, places = self._positions, self._high.n_nodes + 1
        most = self._back_nodes()
        self.reversed = Reversed.carve((), (3, most, most, most, most, most, slots_for(most)), mapping)
        place = np.empty(self.n_kinds + 1, np.uint32)
        word_kernels.reverse(self.words, self.reversed, place, self.vocabulary.n_tokens)
        counts = self.reversed.fields["counts"]
        lacks = np.zeros(places, np.uint32)
        word_kernels.measure(self._high.packed, lacks)
        tails, inner = self._tails(lacks, place)
        fits = tails is not None and inner is not None and 64 * words * places <= _CELLS
        tails, inner = (_NONE, _NONE) if tails is None or inner is None else (tails, inner)
        starts = np.searchsorted(tails >> np.uint64(word_kernels.REVERSED_SHIFT), np.arange(int(counts[BACK]) + 1))
        self.spare = int(counts[DEEPEST]) + 1
        cells = words * places
        self.layers = Layers.carve(
            (
                *(automaton.growth.fields["positions"], self.reversed, places),
                *(starts.astype(np.uint32), tails, inner, len(inner) if fits else 0, *self._turned()),
                *(after, before, lacks, *self._within(automaton, places, inner)),
            ),
            (4, 64 * cells, cells, cells, cells, 4 * places, (self.spare + 1) * words, 2 * self.spare + 2),
            mapping,
        )
        self.counts: NDArray[np.int64] = self.layers.fields["counts"]
        self.counts[WORK] = work if fits else 0

    def _back_nodes(self) -> int:
        """Nodes of the words reversed, at most."""
        return word_kernels.letters_of(self.words) + self._high.n_nodes + 2

    def _tails(self, lacks: _U32, place: _U32) -> tuple[NDArray[np.uint64], NDArray[np.uint64]] | tuple[None, None]:
        """What tokens with tails do that complete a character, and the others, sorted; None if that is too much."""
        found = np.empty(_TAILS, np.uint64)
        data, offsets, filter = self.vocabulary.data, self.vocabulary.offsets, np.zeros(word_kernels.FILTER, np.uint64)
        n = word_kernels.list_tails(self.words, lacks, place, data, offsets, filter, found, _TAILS)
        if n < 0:
            return None, None
        found = np.unique(found[:n])
        completes = found >> np.uint64(word_kernels.ATOM_SHIFT) & np.uint64(word_kernels.FIELD) != 0
        return found[completes], found[~completes]

    def _turned(self) -> tuple[NDArray[np.uint32] | NDArray[np.uint64], ...]:
        """The rules of the pattern the other way round, as `Layers` has them."""
        arrays, words = self._arrays, self._positions
        n_rules = len(arrays["target_start"]) - 1
        n_targets, n_entries = int(arrays["target_start"][n_rules]), int(arrays["entry_start"][words])
        rule = np.repeat(np.arange(n_rules, dtype=np.uint32), np.diff(arrays["target_start"]))
        order = np.argsort(arrays["target_word"][:n_targets], kind="stable")
        hits = np.searchsorted(arrays["target_word"][order], np.arange(words + 1)).astype(np.uint32)
        word = np.repeat(np.arange(words, dtype=np.uint32), np.diff(arrays["entry_start"]))
        by_rule = np.argsort(arrays["entry_rule"][:n_entries], kind="stable")
        sources = np.searchsorted(arrays["entry_rule"][by_rule], np.arange(n_rules + 1)).astype(np.uint32)
        return (
            *(hits, rule[order], arrays["target_mask"][order]),
            *(sources, word[by_rule], arrays["entry_mask"][by_rule]),
        )

    def _within(
        self, automaton: LazyDfa, places: int, inner: NDArray[np.uint64]
    ) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
        """The positions that can be at each place, and whether tokens end there, as `Layers` has them."""
        words, n_high = self._positions, len(self._high.signatures)
        takes = self._arrays["sets"].reshape(-1, words)[3:]
        found = np.zeros((places, words), np.uint64)
        found[0] = np.bitwise_or.reduce(takes, axis=0)
        below = automaton.growth.fields["lazy"].fields["below"].reshape(places - 1, (n_high + 63) // 64)
        for k in range(n_high):
            leads = below[:, k >> 6] >> np.uint64(k & 63) & np.uint64(1) != 0
            found[1:][leads] |= takes[self._arrays["high_atoms"][k]]
        ends = np.zeros(places, np.uint8)
        ends[self.words.fields["head"][: self.n_kinds]] = 1
        ends[(inner >> np.uint64(word_kernels.REVERSED_SHIFT)).astype(np.int64)] = 1
        return found, ends


class LazyBudget:
    """See the module. Any number of threads may use it."""

    def __init__(self, automaton: LazyDfa, vocabulary: Vocabulary, work: int = MOST_WORK) -> None:
        self._automaton, self._vocabulary, self._work = automaton, vocabulary, work
        self._lock = threading.Lock()
        self._worst: dict[int, int] = {}  # of a state: how far from the end its tokens lead at most
        self._masks: dict[tuple[int, int], NDArray[np.uint32]] = {}
        self._loose_from = NEVER
        self.exact = True
        """Whether all that was asked for could be worked out."""

    def least(self, state: int) -> int | None:
        """The least number of tokens from a state to one where the text may end (if not `exact`, a number of tokens
        that will do); None if no tokens lead there, or, if not `exact`, if none are known to."""
        found = self._distance(state, MAX_LAYERS)
        return found if found < NEVER else None

    def fits(self, state: int, left: int) -> bool:
        """Whether a text can be completed with at most `left` tokens. If not `exact`: not if that is not known."""
        return bool(state) and (left > self._bytes or self._distance(state, left) <= left)

    def loose(self, left: int) -> bool:
        """Whether, with `left` tokens to go, whatever token comes next leaves enough: then the plain mask will do."""
        if left > self._bytes or left > self._loose_from:
            return True
        spelled = self._spelled
        with self._lock:
            counts = spelled.counts
            if counts[LAYER] < left - 1 and not counts[ENDED] and self._loose_from == NEVER:
                all_known = kernels.settle_all(spelled.layers, left - 1, spelled.spare)
                if all_known == 1:
                    self._loose_from = int(counts[LAYER])
        return left > self._loose_from

    def ready(self, state: int, left: int) -> bool:
        """Whether `mask` has nothing to compute."""
        return self._worst.get(state, NEVER) < left or (state, left) in self._masks

    def mask(self, state: int, left: int) -> NDArray[np.uint32] | None:
        """As `Budget.mask`; also None where no token leaves enough. Raises RegexLimitError when the automaton's room is
        used up."""
        if self._worst.get(state, NEVER) < left:
            return None
        known = self._masks.get((state, left))
        if known is not None:
            return known
        out: NDArray[np.uint32] = np.zeros(self._vocabulary.n_words, np.uint32)
        spelled = self._spelled
        with self._lock:
            worst = self._find(spelled, state, left - 1, out)
            self._automaton.check(worst)
            if worst < left:
                if len(self._worst) >= _KNOWN:
                    self._worst.clear()
                self._worst[state] = worst
                return None
            if self._automaton.accepting[state]:
                for eos in self._vocabulary.eos_ids:
                    out[eos >> 5] |= np.uint32(1 << (eos & 31))
            out.setflags(write=False)
            while len(self._masks) >= _MASKS:
                del self._masks[next(iter(self._masks))]
            self._masks[state, left] = out
        return out if out.any() else None

    def extends(self, state: int, text: bytes) -> bool:
        """Whether a token begins with `text`, which is not empty, and goes on, all live from the state."""
        return self._automaton.extends(state, text, self._vocabulary.nodes, self._vocabulary.max_depth)

    def _find(self, spelled: Spelled, state: int, left: int, out: NDArray[np.uint32]) -> int:
        """Write the tokens after which `left` are enough: how many are needed at worst, or less than 0 if there is no
        room."""
        automaton, vocabulary = self._automaton, self._vocabulary
        words, layers = spelled.words, spelled.layers
        with automaton.alone():
            subset, place = automaton.origin(state)
            bounded = int(kernels.settle_all(layers, left, spelled.spare) == CUT_SHORT)
            if bounded:
                self.exact = False
            if place:
                path = np.empty(vocabulary.max_depth + 1, np.uint32)
                return kernels.take_tails(
                    *(layers, words, automaton.growth, subset, place, left, bounded),
                    *(vocabulary.data, vocabulary.offsets, path, out, len(out)),
                )
            after, fits = np.empty(spelled.n_nodes, np.int64), np.zeros(spelled.n_kinds + 1, np.uint8)
            worst = kernels.judge(layers, words, automaton.growth, subset, left, bounded, after, fits)
            if worst > left:
                kernels.take_kinds(words, fits, vocabulary.n_tokens, out, len(out))
            return worst

    def _distance(self, state: int, most: int) -> int:
        """Of a state from the end: exact if it is at most `most`, or else not less than it is."""
        if not state:
            return NEVER
        automaton, spelled = self._automaton, self._spelled
        with self._lock, automaton.alone():
            subset, place = automaton.origin(state)
            subsets = automaton.growth.fields["subsets"]
            found = kernels.settle(spelled.layers, subsets, subset, place, most, spelled.spare)
            if found == CUT_SHORT:
                self.exact = False
                found = kernels.distance(spelled.layers, subsets, subset, place, 1)
            return found

    @cached_property
    def _spelled(self) -> Spelled:
        with self._lock:
            made = self.__dict__.get("_spelled")
            return made or Spelled(self._automaton, self._vocabulary, self._work, *self._bounds)

    @cached_property
    def _bounds(self) -> tuple[_U32, _U32]:
        """uint32[positions] each: bytes from after and from before a position to where the text may end, at most."""
        packed = self._automaton.packed
        arrays = packed.arrays()
        weights = np.full(packed.atoms, NEVER, np.uint32)
        if self._any_byte:
            weights[arrays["high_atoms"][: len(packed.high.signatures)]] = _BEYOND
        letters = arrays["letters"][np.unique(self._vocabulary.single_bytes[self._vocabulary.single_bytes < 128])]
        weights[letters[letters > 0] - 1] = 1
        after, before = (np.full(64 * packed.words, NEVER, np.uint32) for _ in range(2))
        rules = np.empty(len(arrays["target_start"]), np.uint32)
        positions = self._automaton.growth.fields["positions"]
        budget_kernels.distances_of_positions(positions, weights, rules, len(rules) - 1, after, before)
        return after, before

    @cached_property
    def _any_byte(self) -> bool:
        return len(set(self._vocabulary.single_bytes.tolist())) == 256

    @cached_property
    def _bytes(self) -> int:
        """So many bytes are enough from everywhere; NEVER if single bytes are not."""
        if not self._any_byte:
            return NEVER
        after = self._bounds[0]
        return int(after[after < NEVER].max(initial=0)) + _BEYOND


_U32 = NDArray[np.uint32]
_NONE: NDArray[np.uint64] = np.zeros(0, np.uint64)
