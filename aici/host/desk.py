"""Where a sequence goes with everything that concerns constraints, in terms of plain data.

In: what controllers ask (`aici.vm.requests`). Out: `Work` that is sampled for, states as numbers, masks as bytes.
Matchers, automata and budgets stay behind it, so that a desk that only remembers what another one answered can stand in
its place (`tape`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from aici.grammar.constraint import DEAD
from aici.grammar.errors import RegexLimitError
from aici.grammar.lazy_constraint import AnyMatcher, LazyMatcher
from aici.vm.requests import ConstraintSpec, Generate, Generated, Sample, Sampled, ServiceError

from .constraints import Constraints
from .generation import Generation, OneToken, to_words


class Work(Protocol):
    """What a sequence wants sampled, in progress. Methods raise `ServiceError` for what the controller is to know."""

    @property
    def reply(self) -> Generated | Sampled | None:
        """What the controller gets, once the work is over, which may be before the first token."""

    @property
    def first(self) -> bool:
        """Whether no token has been sampled yet."""

    @property
    def store_var(self) -> str | None:
        """The variable that gets the text."""

    def mask(self) -> NDArray[np.uint32] | None:
        """The tokens allowed next; None for all. May be called on another thread."""

    def has_mask(self) -> bool:
        """Whether `mask` has nothing to compute."""

    def take(self, token: int, text: bytes) -> None:
        """A sampled token that does not end the sequence, and its bytes."""

    def take_eos(self) -> None:
        """The sequence ends here."""

    def force(self) -> Sequence[int]:
        """Take, in one go, the tokens that leave no choice; these tokens, often none."""


class Desk(Protocol):
    """See the module. Every method but `one_token` raises `ServiceError` for a constraint that is wrong."""

    def generation(self, request: Generate) -> Work: ...

    def one_token(self, request: Sample) -> Work: ...

    def start(self, spec: ConstraintSpec) -> int:
        """The first state."""

    def advance(self, spec: ConstraintSpec, state: int, token: int) -> int:
        """The state after a token; None of its tokens are allowed in the state 0."""

    def mask(self, spec: ConstraintSpec, state: int) -> bytes:
        """The allowed tokens, bit i % 8 of byte i // 8, whole words of 32."""

    def ends(self, spec: ConstraintSpec, state: int) -> tuple[bool, bool]:
        """Whether the text may end, and whether it must."""


class LiveDesk:
    """The desk of a request under its constraints."""

    def __init__(self, constraints: Constraints, n_vocab: int) -> None:
        self._constraints = constraints
        self._words = -(-n_vocab // 32)
        self._growing = _Growing()

    def generation(self, request: Generate) -> Work:
        return Generation(request, self._constraints)

    def one_token(self, request: Sample) -> Work:
        if request.constraint is None:
            return OneToken(None, 0, None if request.allowed is None else to_words(request.allowed, self._words))
        return OneToken(*self._place(request.constraint, request.state))

    def start(self, spec: ConstraintSpec) -> int:
        return self._constraints.matcher(spec).start

    def advance(self, spec: ConstraintSpec, state: int, token: int) -> int:
        matcher, inner = self._place(spec, state)
        with self._within_room(matcher):
            after = matcher.advance(inner, token)
        return self._growing.name(matcher, after) if isinstance(matcher, LazyMatcher) else after

    def mask(self, spec: ConstraintSpec, state: int) -> bytes:
        matcher, inner = self._place(spec, state)
        with self._within_room(matcher):
            return matcher.mask(inner).astype("<u4", copy=False).tobytes()

    def ends(self, spec: ConstraintSpec, state: int) -> tuple[bool, bool]:
        matcher, inner = self._place(spec, state)
        with self._within_room(matcher):
            return matcher.can_end(inner), matcher.must_end(inner)

    def _place(self, spec: ConstraintSpec, state: int) -> tuple[AnyMatcher, int]:
        """The matcher that a state is of, and its own number of it."""
        return self._growing.find(state) if state >> _BITS else (self._constraints.matcher(spec), state)

    @contextmanager
    def _within_room(self, matcher: AnyMatcher) -> Iterator[None]:
        """An automaton that is built as it is used may use up its room: for the controller to know."""
        try:
            yield
        except RegexLimitError as error:
            self._constraints.used_up(matcher)
            raise ServiceError(error.message) from None


_BITS: Final = 32
"""Of a matcher's own number of a state."""
_MOST: Final = 64
"""Matchers of automata that grow, whose states a controller may hold at a time."""


class _Growing:
    """Matchers that number their states as these are met, and would number them otherwise if they were made anew: so
    a state is handed out together with a number of its matcher, which is kept here, whatever the cache drops."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, LazyMatcher] = OrderedDict()
        self._numbers: dict[LazyMatcher, int] = {}
        self._last = 0

    def name(self, matcher: LazyMatcher, state: int) -> int:
        """What stands for a state. The first and the dead one are the same in every matcher."""
        if state in (DEAD, matcher.start):
            return state
        number = self._numbers.get(matcher)
        if number is None:
            self._last += 1
            number = self._numbers[matcher] = self._last
            self._kept[number] = matcher
            if len(self._kept) > _MOST:
                _, dropped = self._kept.popitem(last=False)
                del self._numbers[dropped]
        self._kept.move_to_end(number)
        return number << _BITS | state

    def find(self, state: int) -> tuple[LazyMatcher, int]:
        """The matcher and its own state."""
        matcher = self._kept.get(state >> _BITS)
        if matcher is None:
            raise ServiceError(f"more than {_MOST} large constraints are under way at once, token by token")
        self._kept.move_to_end(state >> _BITS)
        return matcher, state & (1 << _BITS) - 1


__all__ = ["DEAD", "Desk", "LiveDesk", "Work"]
