"""All that a host has of the world outside of its requests: an engine, answers about constraints, choices of tokens.

`Live` is the real one. `tape` has one that keeps what the world answered, and answers from what was kept: the
scheduler and the sessions, which do everything else, do not see the difference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from aici.grammar.limits import DEFAULT_LIMITS, DfaLimits
from aici.grammar.vocabulary import Vocabulary, VocabularyError
from aici.host.engines.base import Engine, EngineError

from .constraints import ConstraintCache, Constraints
from .desk import Desk, LiveDesk
from .request import RunRequest

if TYPE_CHECKING:
    from .session import Session

CONSTRAINT_BYTES = 256 << 20


@runtime_checkable
class World(Protocol):
    """See the module."""

    @property
    def engine(self) -> Engine: ...

    @property
    def needs_masks(self) -> bool:
        """Whether the tokens of this step are going to be chosen under masks."""

    def desk(self, request: RunRequest) -> Desk:
        """Where a request's questions about constraints go."""

    def choose(self, session: Session, logits: NDArray[np.float32]) -> int:
        """The next token of a session that waits for one. Raises `EngineError` or `ServiceError`."""


class Live:
    """A model and its vocabulary, sampled for real."""

    needs_masks = True

    def __init__(
        self, engine: Engine, constraint_bytes: int = CONSTRAINT_BYTES, constraint_limits: DfaLimits = DEFAULT_LIMITS
    ) -> None:
        """`constraint_bytes`: how much memory compiled constraints may take while nobody uses them;
        `constraint_limits`: what one may cost. Raises `EngineError` for a model whose vocabulary is out of bounds."""
        tokenizer = engine.tokenizer
        self.engine = engine
        try:
            vocabulary = Vocabulary(tokenizer.token_bytes, tokenizer.eos_ids, engine.n_vocab)
        except VocabularyError as error:
            raise EngineError(f"the vocabulary of {engine.name} cannot be used: {error}") from None
        self.vocabulary = vocabulary
        self._cache = ConstraintCache(vocabulary, tokenizer, constraint_bytes, constraint_limits)

    def desk(self, request: RunRequest) -> Desk:
        return LiveDesk(Constraints(self._cache, request.program), self.engine.n_vocab)

    def choose(self, session: Session, logits: NDArray[np.float32]) -> int:
        mask = session.wants().mask()
        # Logits may go on past the vocabulary; masks never allow what is there.
        size = len(self.engine.tokenizer.token_bytes)
        return session.sampler.sample(logits if mask is not None else logits[:size], mask)
