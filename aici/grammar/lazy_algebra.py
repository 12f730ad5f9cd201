"""Automata combined whatever their size: at once if that is quick, else built as they are used.

Goes in: automata of any kind. Comes out: what `algebra` makes of them, or a `LazyCombination`, which looks like a
`LazyDfa`: its rows are filled as texts and masks reach them. Everybody may import this module.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from . import algebra
from .automaton import DEAD, Followed
from .dfa import Dfa
from .errors import AlgebraError, AlgebraLimitError, RegexLimitError
from .jit import Ptr, i64, kernel, u8, u32, u64
from .kernels import BYTE_MASK, DEPTH_MASK, DEPTH_SHIFT, SIZE_SHIFT, TOKEN_MASK, TOKEN_SHIFT
from .lazy import LazyDfa
from .limits import DEFAULT_LIMITS, DfaLimits

_EAGER = replace(DEFAULT_LIMITS, work=1_000_000, cells=1 << 19)
"""What is built at once: some milliseconds' work;"""
_EAGER_SEARCHED = replace(DEFAULT_LIMITS, work=8_000_000, cells=1 << 21)
"""and where ends may be dead, which takes searches while it grows: some ten milliseconds'."""
_CELLS = 1 << 23
"""Table entries of a combination that grows."""
_SEARCHES = 4_000
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
    return _combined(a, b, algebra.intersection, lambda: _Pairs(a, b, algebra.BOTH, 0, 0b11))


def union(a: AnyAutomaton, b: AnyAutomaton) -> AnyAutomaton:
    """The texts that at least one accepts."""
    return _combined(a, b, algebra.union, lambda: _Pairs(a, b, algebra.EITHER, 0, 0))


def difference(a: AnyAutomaton, b: AnyAutomaton) -> AnyAutomaton:
    """The texts that `a` accepts and `b` does not."""
    if isinstance(b, Dfa) and not isinstance(a, Dfa):
        try:
            return intersection(a, algebra.complement(b, _EAGER_SEARCHED))  # knows where nothing is left
        except AlgebraLimitError:
            pass
    return _combined(a, b, algebra.difference, lambda: _Pairs(a, b, algebra.FIRST_ONLY, 0, 0b01))


def complement(a: AnyAutomaton) -> AnyAutomaton:
    """The texts that `a` does not accept."""
    return difference(algebra.everything(), a)


def concatenation(a: AnyAutomaton, b: AnyAutomaton) -> AnyAutomaton:
    """A text of `a`, then one of `b`."""
    return _combined(a, b, algebra.concatenation, lambda: _Chains(a, b))


def until(a: AnyAutomaton, stop: str | tuple[str, ...]) -> AnyAutomaton:
    """As `algebra.until`."""
    end = algebra.up_to(stop)

    def at_once(a: Dfa, _: Dfa, limits: DfaLimits) -> Dfa:
        return algebra.until(a, stop, limits)

    return _combined(a, end, at_once, lambda: _Pairs(a, end, algebra.EITHER, algebra.SECOND, 0b11))


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

    def row(self, state: int) -> npt.NDArray[np.uint32]:
        """Where each class leads from a state."""
        if state != DEAD and not isinstance(self.automaton, Dfa):
            self.automaton.row(state)  # fills it
        row: npt.NDArray[np.uint32] = self._table[state][self.classes]
        return row

    def accepts(self, state: int) -> bool:
        return bool(self.automaton.accepting[state])


class _Rule(Protocol):
    """What the states of a combination stand for: a key, which is not 0; 0 stands for the dead one."""

    classes: npt.NDArray[np.uint8]
    """uint8[256]: the class of every byte."""
    n_classes: int
    used: npt.NDArray[np.bool_]
    """bool[256]: the bytes that texts may hold."""
    always_live: bool
    """Whether every key leads to one that accepts."""

    def first(self) -> Hashable: ...

    def accepts(self, key: Hashable) -> bool: ...

    def row(self, key: Hashable) -> tuple[list[Hashable], int]:
        """The key after each class, and what that cost."""


def _sides(a: AnyAutomaton, b: AnyAutomaton) -> tuple[npt.NDArray[np.uint8], _Side, _Side]:
    """The byte classes that tell apart what either part does, and the parts through them."""
    classes, of_a, of_b = algebra.common_classes(a.classes, b.classes)
    return classes, _Side(a, of_a), _Side(b, of_b)


class _Pairs:
    """Both side by side; a key is the state of one times 2**32 plus that of the other. The numbers are those of the
    kernel `algebra_kernels.product`."""

    def __init__(self, a: AnyAutomaton, b: AnyAutomaton, accepts: int, ends: int, needs: int) -> None:
        self.classes, self._a, self._b = _sides(a, b)
        self.n_classes = len(self._a.classes)
        self.always_live = accepts == algebra.EITHER
        self._accepts, self._ends, self._needs = accepts, ends, needs
        one, other = used_bytes(a), used_bytes(b)
        self.used = one & other if needs == 0b11 else one if needs else one | other
        if needs == 0b11 and not self.always_live:
            self._a.allow_only(other)
            self._b.allow_only(one)

    def first(self) -> int:
        return self._a.automaton.start << 32 | self._b.automaton.start

    def _both(self, key: Hashable) -> int:
        assert isinstance(key, int)
        return 2 * self._a.accepts(key >> 32) + self._b.accepts(key & 0xFFFFFFFF)

    def accepts(self, key: Hashable) -> bool:
        return bool(self._accepts >> self._both(key) & 1)

    def row(self, key: Hashable) -> tuple[list[Hashable], int]:
        assert isinstance(key, int)
        if self._ends >> self._both(key) & 1:
            return [0] * self.n_classes, self.n_classes
        one, other = self._a.row(key >> 32), self._b.row(key & 0xFFFFFFFF)
        keys = one.astype(np.uint64) << np.uint64(32) | other
        if self._needs & 1:
            keys[one == DEAD] = 0
        if self._needs & 2:
            keys[other == DEAD] = 0
        return keys.tolist(), 2 * self.n_classes


class _Chains:
    """One after the other; a key is the state of the first and the states that the second may be in, rising."""

    always_live = True

    def __init__(self, a: AnyAutomaton, b: AnyAutomaton) -> None:
        self.classes, self._a, self._b = _sides(a, b)
        self.n_classes = len(self._a.classes)
        self.used = used_bytes(a) | used_bytes(b)

    def first(self) -> Hashable:
        state = self._a.automaton.start
        return (state, *self._begun(state))

    def _begun(self, state: int) -> tuple[int, ...]:
        """The second's states where the first's text may end."""
        return (self._b.automaton.start,) if self._a.accepts(state) else ()

    def accepts(self, key: Hashable) -> bool:
        assert isinstance(key, tuple)
        return any(map(self._b.accepts, key[1:]))

    def row(self, key: Hashable) -> tuple[list[Hashable], int]:
        assert isinstance(key, tuple)
        first = self._a.row(key[0]).tolist()
        seconds = np.array([self._b.row(state) for state in key[1:]], np.uint32).reshape(-1, self.n_classes)
        keys: list[Hashable] = []
        for state, column in zip(first, seconds.T.tolist(), strict=True):
            states = sorted({*column, *self._begun(state)} - {DEAD})
            keys.append((state, *states) if state or states else 0)
        return keys, len(key) * self.n_classes


class LazyCombination(Followed):
    """A combination that grows. States are numbers that stay; 0 is dead, `start` is 1; the row of a state is dead until
    `advance` has led there or `mask` has passed. Any number of threads may use it at once.

    From no state that rows show is the end out of reach: where that takes a search, it is bounded. Raises
    RegexLimitError where a bound is met.
    """

    start = 1

    def __init__(self, rule: _Rule) -> None:
        self._rule = rule
        self.lock = threading.RLock()
        self.classes, self.n_classes, self.used = rule.classes, rule.n_classes, rule.used
        room = _CELLS // self.n_classes
        self.table = np.zeros((room, self.n_classes), np.uint32)
        self.accepting = np.zeros(room, np.uint8)
        self._filled = np.zeros(room, np.uint8)
        self._filled[DEAD] = 1
        self._keys: list[Hashable] = [0]
        self._numbers: dict[Hashable, int] = {0: DEAD}
        self._after: dict[int, list[int]] = {}  # of states without a row: where the classes lead, dead ends among them
        self._live: list[bool | None] = [False]
        self._work, self._searches = _WORK, _SEARCHES
        self._number(rule.first())
        try:
            if not self._is_live(self.start):
                raise AlgebraError("no text satisfies the combination")
        except RegexLimitError as error:
            raise AlgebraLimitError(error.message) from None

    @property
    def n_states(self) -> int:
        """States so far."""
        return len(self._keys)

    def advance(self, state: int, data: bytes) -> int:
        """The state after `data`, its row filled; DEAD once nothing accepted can follow."""
        with self.lock:
            self._fill(state)
            for byte in data:
                state = int(self.table[state, self.classes[byte]])
                if state == DEAD:
                    break
                self._fill(state)
        return state

    def row(self, state: int) -> npt.NDArray[np.uint32]:
        """uint32[n_classes]: where the byte classes lead from a state."""
        with self.lock:
            self._fill(state)
        row: npt.NDArray[np.uint32] = self.table[state]
        return row

    def mask(self, state: int, nodes: npt.NDArray[np.uint64], depth: int, out: npt.NDArray[np.uint32]) -> bool:
        """Sets, in `out`, the bits of the tokens of a trie (its nodes, and its greatest depth) whose bytes are live
        from `state`; whether there are any."""
        at = np.zeros(2, np.int64)
        states = np.full(depth + 1, state, np.uint32)
        with self.lock:
            self._fill(state)
            parts = self.table, self.n_classes, self.classes, self._filled
            while missing := walk_filled(*parts, nodes, len(nodes), states, at, out):
                self._fill(missing)
        return bool(at[1])

    def _number(self, key: Hashable) -> int:
        """The state of a key."""
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._keys)
            if number >= len(self.accepting):
                raise self._past_limit()
            self._keys.append(key)
            self._live.append(True if self._rule.always_live else None)
            self.accepting[number] = self._rule.accepts(key)
        return number

    def _fill(self, state: int) -> None:
        if not self._filled[state]:
            after = self._leads_to(state)
            live = {target: target if self._is_live(target) else DEAD for target in set(after)}
            self.table[state] = [live[target] for target in after]
            self._filled[state] = 1
            self._after.pop(state, None)

    def _leads_to(self, state: int) -> list[int]:
        """The states that the classes lead to, those from which there is no way to the end among them."""
        if self._filled[state]:
            row: list[int] = self.table[state].tolist()
            return row
        after = self._after.get(state)
        if after is None:
            keys, cost = self._rule.row(self._keys[state])
            self._work -= cost
            if self._work < 0:
                raise self._past_limit()
            numbers = {key: self._number(key) for key in dict.fromkeys(keys)}
            after = self._after[state] = [numbers[key] for key in keys]
        return after

    def _is_live(self, state: int) -> bool:
        """Whether a state that accepts can be reached: a search to the first one that does or is known to be live. The
        way there is live then; if there is none, all that was seen is dead."""
        if self._live[state] is None:
            came_from: dict[int, int] = {state: DEAD}
            found = self._search(state, came_from)
            if found is None:
                for at in came_from:
                    self._live[at] = False
            while found:
                self._live[found] = True
                found = came_from.get(found, DEAD)
        return bool(self._live[state])

    def _search(self, state: int, came_from: dict[int, int]) -> int | None:
        """The state found. It goes deep and wide in turn: the end may be far (counts), or near and easily missed."""
        wide, deep, done, dived = deque([state]), list[int](), set[int](), set[int]()
        while wide:
            goes_deep = bool(deep) and len(done) % 2 == 0
            at = deep.pop() if goes_deep else wide.popleft()
            if at in (dived if goes_deep else done):
                continue
            if self.accepting[at] or self._live[at]:
                return at
            if at not in done:
                done.add(at)
                self._searches -= len(done) > _NEAR
                if self._searches < 0:
                    raise self._past_limit(
                        f"it takes more than {_SEARCHES:,} steps to find out whether texts can be completed"
                    )
            after = [to for to in dict.fromkeys(self._leads_to(at)) if self._live[to] is not False]
            fresh = [to for to in after if to not in came_from]
            came_from.update(dict.fromkeys(fresh, at))
            wide.extend(fresh)
            if goes_deep or not deep:
                dived.add(at)
                deep.extend(to for to in reversed(after) if to not in dived)
        return None

    def _past_limit(self, message: str = "") -> RegexLimitError:
        message = message or f"it is built as the text grows, and has used up its room at {self.n_states:,} states"
        return RegexLimitError(f"the combination is too large: {message}", "", 0, 0, "use smaller counts")


@kernel
def walk_filled(
    table: Ptr[u32],
    n_classes: i64,
    classes: Ptr[u8],
    filled: Ptr[u8],
    nodes: Ptr[u64],
    n: i64,
    states: Ptr[u32],
    at: Ptr[i64],
    out: Ptr[u32],
) -> i64:
    """Walks a token trie of n nodes from node at[0] on, `states` being those by depth above it, and sets the bit of
    every token whose bytes are live (at[1] becomes 1): 0 at the end, else a state whose row has to be filled before
    the walk can go on."""
    i = at[0]
    while i < n:
        node = nodes[i]
        size = i64(node >> SIZE_SHIFT)
        depth = i64(node >> DEPTH_SHIFT) & DEPTH_MASK
        after = i64(table[states[depth - 1] * n_classes + classes[i64(node & BYTE_MASK)]])
        if after == 0:
            i += size
        elif size > 1 and filled[after] == 0:
            at[0] = i
            return after
        else:
            states[depth] = u32(after)
            token = i64(node >> TOKEN_SHIFT) & TOKEN_MASK
            if token != 0:
                at[1] = 1
                out[(token - 1) >> 5] = u32(out[(token - 1) >> 5] | (1 << ((token - 1) & 31)))
            i += 1
    return 0


AnyAutomaton: TypeAlias = Dfa | LazyDfa | LazyCombination
