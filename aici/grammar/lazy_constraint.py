"""Matchers of automata that are built as they are used.

Goes in: a `LazyDfa` or a `LazyCombination`, and a vocabulary. Comes out: what `constraint` makes of a `Dfa`. A mask of
a `LazyDfa` is made by the same kernels, which fill its rows; one of a combination costs a walk over the whole trie.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .advance import DEAD, Advancing, Way
from .budget import Budget
from .combination_budget import CombinationBudget
from .compose import UNKNOWN, grow, grown_mask, recall
from .constraint import Matcher
from .dfa import Dfa
from .fill import FEW
from .kept import keep_whole, knows
from .lazy import LazyDfa
from .lazy_algebra import AnyAutomaton, LazyCombination
from .lazy_budget import LazyBudget
from .lazy_kernels import grown_step
from .machine import Machine, make_growing_machine
from .mask import OWNERS
from .methods import Method, ask, make
from .rows import KeptMasks
from .vocabulary import Vocabulary

_SPELLABLE_STATES = 500
"""States looked at to find a complete text."""


def matcher_for(automaton: AnyAutomaton, vocabulary: Vocabulary) -> AnyMatcher:
    """The matcher of any kind of automaton."""
    if isinstance(automaton, Dfa):
        return Matcher(automaton, vocabulary)
    return LazyMatcher(automaton, vocabulary)


class _GrowingWay(Way):
    """As `Way`; the automaton is asked where nobody has been yet."""

    grows = True

    def __init__(self, automaton: LazyDfa | LazyCombination, vocabulary: Vocabulary) -> None:
        super().__init__(automaton.table, automaton.classes, vocabulary)
        self.automaton = automaton

    @property
    def n_states(self) -> int:
        return self.automaton.n_states

    def by_bytes(self, state: int, text: bytes) -> int:
        self.check(state)
        return self.automaton.advance(state, memoryview(text).tobytes())


class LazyMatcher(Advancing, KeptMasks):
    """As `Matcher`. Whatever leads to new states raises RegexLimitError when the automaton's room is used up."""

    def __init__(self, automaton: LazyDfa | LazyCombination, vocabulary: Vocabulary) -> None:
        KeptMasks.__init__(self, vocabulary)
        way = _GrowingWay(automaton, vocabulary)
        Advancing.__init__(self, way)
        if isinstance(automaton, LazyDfa):
            self.advance = make(grown_step, self._steps, automaton.growth, otherwise=way.by_token) or way.by_token
        self._owner = next(OWNERS)
        self.vocabulary = vocabulary
        self.automaton = automaton
        self.start = automaton.start
        self.few = FEW
        self._quick: Method = ask
        """Fills as `fill` does in most cases, or returns less than 0."""

    @cached_property
    def budget(self) -> LazyBudget | CombinationBudget:
        """How many tokens are needed, and which leave enough, to complete a text."""
        automaton, vocabulary = self.automaton, self.vocabulary
        if isinstance(automaton, LazyDfa):
            return LazyBudget(automaton, vocabulary)
        return CombinationBudget(automaton, vocabulary)

    @cached_property
    def _machine(self) -> Machine:
        automaton = self.automaton
        assert isinstance(automaton, LazyDfa)
        return make_growing_machine(automaton, self.vocabulary.max_depth, self._owner, self.few)

    def _write(self, state: int, row: NDArray[np.uint32]) -> bool:
        self._way.check(state)
        with self.vocabulary.alone() as context:
            found = recall(context, self._owner, self._kept_as(state), row)
        if found != UNKNOWN:
            return bool(found)
        if isinstance(self.automaton, LazyDfa) and state != DEAD:
            return self._grow(self.automaton, state, row)
        found = self._find(state, row)
        with self.vocabulary.alone() as context:
            keep_whole(context.fields["kept"], self._owner, state, row, int(found))
        return bool(found)

    def fill(self, state: int, out: NDArray[np.uint32] | memoryview) -> None:
        """Write the mask of a state into `out`, uint32[n_words]. ValueError or TypeError if there is no such state or
        `out` is none."""
        if self._quick(state, out) < 0:
            super().fill(state, out)

    def fill_batch(self, states: Sequence[int], out: NDArray[np.uint32]) -> None:
        """Write the mask of `states[i]` into `out[i]`; `out` is uint32[at least len(states), n_words], C order."""
        self._check_batch(len(states), out)
        for state, row in zip(states, out, strict=False):
            if self._quick(state, row) < 0:
                self._write(state, row)

    def _grow(self, automaton: LazyDfa, state: int, row: NDArray[np.uint32]) -> bool:
        """Write a mask that is not known, and keep it unless the automaton's room does not suffice."""
        machine = self._machine
        with automaton.alone(), self.vocabulary.alone() as context:
            found = grow(context, machine, state, row)
        automaton.check(automaton.failed)
        if self._quick is ask:
            self._quick = make(grown_mask, context, machine, otherwise=ask) or ask
        return found != 0

    def knows(self, state: int) -> bool:
        """Whether the mask of a state is kept. (The host asks on every token.)"""
        with self.vocabulary.alone() as context:
            return bool(knows(context.fields["kept"], self._owner, self._kept_as(state)))

    def _kept_as(self, state: int) -> int:
        return self.automaton.masked_as(state) if isinstance(self.automaton, LazyDfa) else state

    def _find(self, state: int, out: NDArray[np.uint32]) -> bool:
        """Write a mask by a walk."""
        out[:] = 0
        found = state != DEAD and self.automaton.mask(state, self.vocabulary.nodes, self.vocabulary.max_depth, out)
        if self.can_end(state) or not found:
            for eos in self.vocabulary.eos_ids:
                out[eos >> 5] |= np.uint32(1 << (eos & 31))
        return found

    def forced_bytes(self, state: int, limit: int = 1 << 16) -> bytes:
        """The text that must follow, at most `limit` bytes of it, up to where there is a choice or the text may end. It
        may end within a character."""
        return self.automaton.forced_bytes(state, limit)

    def can_end(self, state: int) -> bool:
        """Whether the text is complete."""
        return self.automaton.is_accepting(state)

    def is_final(self, state: int) -> bool:
        """Whether nothing can follow but the end, whatever the tokens."""
        return self.automaton.is_final(state)

    def spellable(self, state: int) -> bool:
        """Whether tokens of this vocabulary lead from the state to a complete text, as far as a bounded search over the
        bytes that are tokens can tell: False only where it has seen all that can be spelled."""
        usable = np.unique(self.automaton.classes[self.vocabulary.single_bytes])
        seen, todo = {state}, [state]
        while todo and len(seen) < _SPELLABLE_STATES:
            at = todo.pop()
            if at == DEAD:
                continue
            if self.can_end(at):
                return True
            fresh = set(self.automaton.row(at)[usable].tolist()) - seen
            seen |= fresh
            todo += sorted(fresh)
        return bool(todo) or self._longer_tokens(seen)

    def _longer_tokens(self, seen: set[int]) -> bool:
        """Whether some token of several bytes is allowed where single bytes lead: then one cannot tell."""
        return any(not self.must_end(state) for state in sorted(seen) if state != DEAD)


AnyMatcher = Matcher | LazyMatcher
AnyBudget = Budget | LazyBudget | CombinationBudget
