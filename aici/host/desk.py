"""Where a sequence goes with everything that concerns constraints, in terms of plain data.

In: what controllers ask (`aici.vm.requests`). Out: `Work` that is sampled for, states as numbers, masks as bytes.
Matchers, automata and budgets stay behind it, so that a desk that only remembers what another one answered can stand in
its place (`tape`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aici.grammar.constraint import DEAD
from aici.grammar.errors import RegexLimitError
from aici.vm.requests import ConstraintSpec, Generate, Generated, Sample, Sampled, ServiceError

from .constraints import Constraints
from .generation import Generation, OneToken


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

    def generation(self, request: Generate) -> Work:
        return Generation(request, self._constraints)

    def one_token(self, request: Sample) -> Work:
        return OneToken(request, self._constraints, self._words)

    def start(self, spec: ConstraintSpec) -> int:
        return self._constraints.matcher(spec).start

    def advance(self, spec: ConstraintSpec, state: int, token: int) -> int:
        with _within_room():
            return self._constraints.matcher(spec).advance(state, token)

    def mask(self, spec: ConstraintSpec, state: int) -> bytes:
        with _within_room():
            return self._constraints.matcher(spec).mask(state).astype("<u4", copy=False).tobytes()

    def ends(self, spec: ConstraintSpec, state: int) -> tuple[bool, bool]:
        matcher = self._constraints.matcher(spec)
        with _within_room():
            return matcher.can_end(state), matcher.must_end(state)


@contextmanager
def _within_room() -> Iterator[None]:
    """An automaton that is built as it is used may use up its room: for the controller to know."""
    try:
        yield
    except RegexLimitError as error:
        raise ServiceError(error.message) from None


__all__ = ["DEAD", "Desk", "LiveDesk", "Work"]
