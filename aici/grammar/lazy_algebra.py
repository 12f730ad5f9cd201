"""Automata combined whatever their size: at once if that is quick, else built as they are used.

Goes in: automata of any kind. Comes out: what `algebra` makes of them, or a `LazyCombination`, which looks like a
`LazyDfa`: its rows are filled as texts and masks reach them. Everybody may import this module.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from . import algebra
from . import combination_kernels as kernels
from .automaton import DEAD, Followed
from .budget_kernels import NEVER
from .dfa import Dfa
from .errors import AlgebraError, AlgebraLimitError, RegexLimitError
from .jit import Kernel
from .lazy import LazyDfa, slots_for
from .limits import DEFAULT_LIMITS, DfaLimits
from .machine import no_growth
from .memory import mapping

_EAGER = replace(DEFAULT_LIMITS, work=1_000_000, cells=1 << 19)
"""What is built at once: some milliseconds' work;"""
_EAGER_SEARCHED = replace(DEFAULT_LIMITS, work=8_000_000, cells=1 << 21)
"""and where ends may be dead, which takes searches while it grows: some ten milliseconds'."""
_CELLS = 1 << 23
"""Table entries of a combination that grows."""
_KEYS = 1 << 24
"""Numbers of the states of parts that stand for the states of a concatenation, altogether."""
_SEARCHES = 100_000
"""States that are looked at, altogether, to find out whether texts can be completed,"""
_NEAR = 32
"""not counting the first ones of each search."""
_ROUNDS = 100
"""How far from an end states of a part that is built already are looked for."""
_WORK = 10_000_000
"""Entries of rows, counted once for each state of a part that they come from, that are computed altogether."""


def intersection(a: AnyAutomaton, b: AnyAutomaton) -> AnyAutomaton:
    """The texts that both accept. As all functions here, raises AlgebraError if there are none, AlgebraLimitError if
    that cannot be found out within bounds."""
    return _combined(a, b, algebra.intersection, lambda: _Rule(a, b, algebra.BOTH, 0, 0b11))


def union(a: AnyAutomaton, b: AnyAutomaton) -> AnyAutomaton:
    """The texts that at least one accepts."""
    return _combined(a, b, algebra.union, lambda: _Rule(a, b, algebra.EITHER, 0, 0))


def difference(a: AnyAutomaton, b: AnyAutomaton) -> AnyAutomaton:
    """The texts that `a` accepts and `b` does not."""
    if isinstance(b, Dfa) and not isinstance(a, Dfa):
        try:
            return intersection(a, algebra.complement(b, _EAGER_SEARCHED))  # knows where nothing is left
        except AlgebraLimitError:
            pass
    return _combined(a, b, algebra.difference, lambda: _Rule(a, b, algebra.FIRST_ONLY, 0, 0b01))


def complement(a: AnyAutomaton) -> AnyAutomaton:
    """The texts that `a` does not accept."""
    return difference(algebra.everything(), a)


def concatenation(a: AnyAutomaton, b: AnyAutomaton) -> AnyAutomaton:
    """A text of `a`, then one of `b`."""
    return _combined(a, b, algebra.concatenation, lambda: _Rule(a, b, chains=True))


def until(a: AnyAutomaton, stop: str | tuple[str, ...]) -> AnyAutomaton:
    """As `algebra.until`."""
    end = algebra.up_to(stop)

    def at_once(a: Dfa, _: Dfa, limits: DfaLimits) -> Dfa:
        return algebra.until(a, stop, limits)

    return _combined(a, end, at_once, lambda: _Rule(a, end, algebra.EITHER, algebra.SECOND, 0b11))


def _combined(
    a: AnyAutomaton, b: AnyAutomaton, at_once: Callable[[Dfa, Dfa, DfaLimits], Dfa], rule: Callable[[], _Rule]
) -> AnyAutomaton:
    made = rule()
    if isinstance(a, Dfa) and isinstance(b, Dfa):
        try:
            return at_once(a, b, _EAGER if made.always_live else _EAGER_SEARCHED)
        except AlgebraLimitError:
            pass
    return LazyCombination(made)


def used_bytes(automaton: AnyAutomaton) -> npt.NDArray[np.bool_]:
    """bool[256]: the bytes that texts may hold."""
    if isinstance(automaton, Dfa):
        used: npt.NDArray[np.bool_] = np.any(automaton.table[:, automaton.classes], axis=0)
        return used
    return automaton.used


class _Side:
    """A part, seen through the byte classes of the combination."""

    def __init__(self, automaton: AnyAutomaton, classes: npt.NDArray[np.uint8]) -> None:
        self.automaton = automaton
        self.classes = classes
        self._table = automaton.table

    def allow_only(self, used: npt.NDArray[np.bool_]) -> None:
        """Make states dead, of a part that is built already, whose end is reached by other bytes only. (So no search
        has to find that out, state by state.)"""
        if not isinstance(self.automaton, Dfa):
            return
        columns = self._table[:, np.unique(self.automaton.classes[used])]
        live: npt.NDArray[np.bool_] = self.automaton.accepting != 0
        for _ in range(_ROUNDS):
            before, live = live, live | np.any(live[columns], axis=1)
            if np.array_equal(before, live):
                self._table = np.where(live[self._table], self._table, DEAD)
                break

    def packed(self) -> kernels.Part:
        """As the kernels take it."""
        automaton, kind, filled, growth = self.automaton, kernels.WHOLE, np.zeros(1, np.uint8), no_growth()
        if isinstance(automaton, LazyDfa):
            kind, growth = kernels.GROWS, automaton.growth
            filled = growth.fields["lazy"].fields["filled"]
        elif isinstance(automaton, LazyCombination):
            kind, filled = kernels.ASKS, automaton.filled
        return kernels.Part(
            kind=kind,
            table=self._table,
            n_classes=self._table.shape[1],
            accepting=automaton.accepting,
            filled=filled,
            of=self.classes,
            start=automaton.start,
            growth=growth,
        )


class _Rule:
    """What the states of a combination stand for: those of both side by side, or, if `chains`, one of `a` and those
    that `b` may be in. The numbers are those of the kernel `algebra_kernels.product`."""

    def __init__(
        self, a: AnyAutomaton, b: AnyAutomaton, accepts: int = 0, ends: int = 0, needs: int = 0, chains: bool = False
    ) -> None:
        self.classes, of_a, of_b = algebra.common_classes(a.classes, b.classes)
        self.sides = _Side(a, of_a), _Side(b, of_b)
        self.n_classes = len(of_a)
        self.chains, self.accepts, self.ends, self.needs = chains, accepts, ends, needs
        self.always_live = chains or accepts == algebra.EITHER
        """Whether every state leads to one that accepts."""
        one, other = used_bytes(a), used_bytes(b)
        self.used: npt.NDArray[np.bool_] = one & other if needs == 0b11 else one if needs else one | other
        """bool[256]: the bytes that texts may hold."""
        if needs == 0b11 and not self.always_live:
            self.sides[0].allow_only(other)
            self.sides[1].allow_only(one)


class LazyCombination(Followed):
    """A combination that grows. States are numbers that stay; 0 is dead, `start` is 1; the row of a state is dead until
    `advance` has led there or `mask` has passed. Any number of threads may use it at once.

    From no state that rows show is the end out of reach: where that takes a search, it is bounded. Raises
    RegexLimitError where a bound is met.
    """

    start = 1

    def __init__(self, rule: _Rule) -> None:
        self.lock = threading.RLock()
        """While it is held, no state is added."""
        self._parts = [side.automaton for side in rule.sides]
        grown = {part.serial: part for part in self._parts if isinstance(part, LazyDfa)}
        self._grown = [grown[serial] for serial in sorted(grown)]  # in one order, so that no two threads wait in a ring
        self.classes, self.n_classes, self.used = rule.classes, rule.n_classes, rule.used
        room = _CELLS // self.n_classes
        searched = 2 * (_SEARCHES + _NEAR + 2) * self.n_classes
        seconds = len(self._parts[1].accepting) if rule.chains else 1
        one_each = room + 1
        self._native = kernels.Combination.carve(
            (
                *(side.packed() for side in rule.sides),
                *(int(rule.chains), rule.accepts, rule.ends, rule.needs, int(rule.always_live)),
                *(self.n_classes, self.classes, room, _KEYS if rule.chains else 2 * room, _NEAR),
            ),
            (
                *(kernels.N_TOLD, room * self.n_classes, room * self.n_classes, *[one_each] * 5),
                *(_KEYS if rule.chains else 2 * room, one_each + 1, slots_for(room)),
                *(*[one_each] * 5, one_each + 1, searched, seconds),
            ),
            mapping,
        )
        fields = self._native.fields
        self._told: npt.NDArray[np.int64] = fields["told"]
        self.table: npt.NDArray[np.uint32] = fields["table"].reshape(room, self.n_classes)
        self.accepting: npt.NDArray[np.uint8] = fields["accepting"][:room]
        self.filled: npt.NDArray[np.uint8] = fields["filled"]
        self._far: npt.NDArray[np.uint32] = fields["far"]
        self._measured = 0
        self._told[kernels.WORK], self._told[kernels.SEARCHES] = _WORK, _SEARCHES
        try:
            self._run(kernels.begin)
            self._run(kernels.find_live, self.start)
        except RegexLimitError as error:
            raise AlgebraLimitError(error.message) from None
        if fields["live"][self.start] != kernels.LIVE:
            raise AlgebraError("no text satisfies the combination")

    @property
    def n_states(self) -> int:
        """States so far."""
        return int(self._told[kernels.STATES])

    def advance(self, state: int, data: bytes) -> int:
        """The state after `data`; DEAD once nothing accepted can follow."""
        return self._run(kernels.follow, state, np.frombuffer(data or b"\0", np.uint8), len(data))

    def row(self, state: int) -> npt.NDArray[np.uint32]:
        """uint32[n_classes]: where the byte classes lead from a state."""
        self._run(kernels.fill, state)
        row: npt.NDArray[np.uint32] = self.table[state]
        return row

    def distances(self) -> npt.NDArray[np.uint32]:
        """uint32[n_states]: the bytes from each state to one that accepts, at most; a great number where no way there
        is known. To be used with `lock`."""
        if self.n_states != self._measured:
            with suppress(RegexLimitError):  # what is not known stays so
                self._run(kernels.measure)
            self._measured = self.n_states
        far = self._far[: self.n_states]
        least: npt.NDArray[np.uint32] = np.where(far == 0, np.uint32(NEVER), far - np.uint32(1))
        return least

    def mask(self, state: int, nodes: npt.NDArray[np.uint64], depth: int, out: npt.NDArray[np.uint32]) -> bool:
        """Sets, in `out`, the bits of the tokens of a trie (its nodes, and its greatest depth) whose bytes are live
        from `state`; whether there are any."""
        return self._walk(state, nodes, depth, b"", out)

    def extends(self, state: int, text: bytes, nodes: npt.NDArray[np.uint64], depth: int) -> bool:
        """Whether a token of a trie (as in `mask`) begins with `text`, which is not empty, and goes on, all live from
        the state."""
        return self._walk(state, nodes, depth, text, np.zeros(len(nodes) // 32 + 1, np.uint32))

    def _walk(
        self, state: int, nodes: npt.NDArray[np.uint64], depth: int, text: bytes, out: npt.NDArray[np.uint32]
    ) -> bool:
        at = np.zeros(2, np.int64)
        data = np.frombuffer(text or b"\0", np.uint8)
        self._run(kernels.walk, nodes, len(nodes), np.full(depth + 1, state, np.uint32), at, data, len(text), out)
        return bool(at[1])

    def _run(self, kernel: Kernel, *args: object) -> int:
        """The result of a kernel, which is run again once a row is there that it wanted of a part."""
        with self.lock:
            while True:
                with ExitStack() as held:
                    for part in self._grown:
                        held.enter_context(part.alone())
                    found = kernel(self._native, *args)
                if found >= 0:
                    return found
                part, state = self._parts[self._told[kernels.PART]], int(self._told[kernels.STATE])
                if found == kernels.WANTED:
                    part.row(state)
                else:
                    raise self._past_limit(found, part)

    def _past_limit(self, found: int, part: AnyAutomaton) -> RegexLimitError:
        message = f"it is built as the text grows, and has used up its room at {self.n_states:,} states"
        if found == kernels.PART_FAILED:
            message = f"a part of it, built as the text grows, has used up its room at {part.n_states:,} states"
        if found == kernels.TOO_MANY_SEARCHES:
            message = f"it takes more than {_SEARCHES:,} steps to find out whether texts can be completed"
        return RegexLimitError(f"the combination is too large: {message}", "", 0, 0, "use smaller counts")


AnyAutomaton: TypeAlias = Dfa | LazyDfa | LazyCombination
