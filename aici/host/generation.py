"""What a sequence wants sampled: `Generation` for `gen_tokens`, `OneToken` for a single step.

Both say under which mask the next token is to be sampled, take the token, and know when they are over. Masks that
have to be computed are asked for on another thread while the engine works; all else happens on the scheduler's.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import numpy as np
from numpy.typing import NDArray

from aici.grammar.errors import RegexLimitError
from aici.grammar.lazy_budget import AnyBudget
from aici.grammar.lazy_constraint import AnyMatcher
from aici.vm.requests import ConstraintSpec, Generate, Generated, Sample, Sampled, ServiceError

from .constraints import Constraints, describe
from .forced import ForcedText

Mask = NDArray[np.uint32]

_ANYTHING: Final = ConstraintSpec("regex", ("(?s).*",))


class _Constrained:
    """A constraint and its state, or a fixed set of tokens, or neither."""

    __slots__ = ("_allowed", "_matcher", "_state")

    def __init__(self, matcher: AnyMatcher | None, state: int = 0, allowed: Mask | None = None) -> None:
        self._matcher = matcher
        self._state = state
        self._allowed = allowed

    def mask(self) -> Mask | None:
        """The tokens allowed next; None for all. Another thread may call it too: it only fills the matcher's cache."""
        if self._matcher is None:
            return self._allowed
        try:
            return self._matcher.mask(self._state)
        except RegexLimitError as error:  # of automata that are built as they are used
            raise ServiceError(error.message) from None

    def has_mask(self) -> bool:
        """Whether `mask` has nothing to compute."""
        return self._matcher is None or self._matcher.knows(self._state)


class Generation(_Constrained):
    """A `Generate` in progress. `reply` is set once it is over, which may be before the first token."""

    __slots__ = ("_budget", "_forced", "_left", "_stop_at", "_text", "_tokens", "reply", "store_var")

    def __init__(self, request: Generate, constraints: Constraints) -> None:
        """Raises `ServiceError` for a constraint that is wrong, that the vocabulary cannot spell, or that takes more
        tokens than there may be."""
        if request.max_tokens < 0:
            raise ServiceError(f"max_tokens must not be negative, got {request.max_tokens}")
        if request.stop_at is not None and not request.stop_at:
            raise ServiceError("stop_at must not be empty")
        spec, matcher, self._stop_at = _find_matcher(request, constraints)
        super().__init__(matcher, 0 if matcher is None else matcher.start)
        self._left = request.max_tokens
        self._budget: AnyBudget | None = None
        self._forced: ForcedText | None = None
        if matcher is not None and spec is not None:
            self._check(matcher, request.constraint or spec, request.complete)
            if self._stop_at is None:
                self._forced = constraints.forced(matcher)
        self._text = bytearray()
        self._tokens: list[int] = []
        self.store_var = request.store_var
        self.reply: Generated | None = None
        self._look_for_end()

    def _check(self, matcher: AnyMatcher, spec: ConstraintSpec, complete: bool) -> None:
        try:
            if not matcher.spellable(matcher.start):
                raise ServiceError(f"no tokens of this model spell any text of {describe(spec)}")
            if complete:
                self._budget = matcher.budget
                if not self._budget.fits(matcher.start, self._left):
                    least = self._budget.least(matcher.start)
                    takes = "takes at least" if self._budget.exact else "is only known to end within"
                    raise ServiceError(
                        f"{describe(spec)} {takes} {least} token{'' if least == 1 else 's'}, "
                        f"max_tokens is {self._left} (complete=False takes the beginning of a text)"
                    )
        except RegexLimitError as error:
            raise ServiceError(f"{describe(spec)}: {error.message}") from None

    @property
    def first(self) -> bool:
        """Whether no token has come yet."""
        return not self._tokens

    def mask(self) -> Mask | None:
        budget = self._budget
        if budget is not None and not budget.loose(self._left):
            try:
                tight = budget.mask(self._state, self._left)
            except RegexLimitError as error:
                raise ServiceError(error.message) from None
            if tight is not None:
                return tight
        return super().mask()

    def has_mask(self) -> bool:
        budget = self._budget
        return super().has_mask() and (
            budget is None or budget.loose(self._left) or budget.ready(self._state, self._left)
        )

    def take(self, token: int, text: bytes) -> None:
        """A sampled token that does not end the sequence, and its bytes."""
        self._tokens.append(token)
        self._text += text
        self._left -= 1
        if self._matcher is not None:
            try:
                self._state = self._matcher.advance(self._state, token)
            except RegexLimitError as error:
                raise ServiceError(error.message) from None
        self._look_for_end(len(text))

    def force(self) -> Sequence[int]:
        """Take, in one go, the tokens that leave no choice; these tokens, often none."""
        if self._forced is None or self._matcher is None:
            return ()
        matcher, vocabulary = self._matcher, self._matcher.vocabulary
        tokens = self._forced.tokens(self._state)[: self._left]
        while tokens:
            text = b"".join(vocabulary.token_bytes[token] for token in tokens)
            state = matcher.advance_bytes(self._state, text)
            if self._budget is None or self._budget.fits(state, self._left - len(tokens)):
                self._tokens += tokens
                self._text += text
                self._left -= len(tokens)
                self._state = state
                self._look_for_end(len(text))
                break
            tokens = tokens[:-1]  # the tokenizer's spelling is not always the shortest
        return tokens

    def take_eos(self) -> None:
        self._end()

    def _look_for_end(self, new: int = 0) -> None:
        """Be over, if nothing can follow the last `new` bytes."""
        complete = self._matcher is not None and self._matcher.is_final(self._state)
        if self._left == 0 or complete or self._stopped(new):
            self._end()

    def _stopped(self, new: int) -> bool:
        stop = self._stop_at
        return stop is not None and self._text.find(stop, max(0, len(self._text) - new - len(stop) + 1)) >= 0

    def _end(self) -> None:
        self.reply = Generated(self._tokens, bytes(self._text))


class OneToken(_Constrained):
    """A `Sample` in progress."""

    __slots__ = ("reply", "store_var")

    first = True

    def __init__(self, request: Sample, constraints: Constraints, mask_words: int) -> None:
        matcher = None if request.constraint is None else constraints.matcher(request.constraint)
        allowed = None if request.allowed is None else _to_words(request.allowed, mask_words)
        super().__init__(matcher, request.state, allowed)
        self.store_var = None
        self.reply: Sampled | None = None
        if allowed is not None and not allowed.any():
            self.take_eos()  # where nothing is allowed, the end of the sequence is

    def take(self, token: int, text: bytes) -> None:
        self.reply = Sampled([token], False)

    def take_eos(self) -> None:
        self.reply = Sampled([], True)

    def force(self) -> Sequence[int]:
        return ()


def _find_matcher(
    request: Generate, constraints: Constraints
) -> tuple[ConstraintSpec | None, AnyMatcher | None, bytes | None]:
    """The constraint, its matcher, and the stop text unless the constraint ends texts with it: what is no UTF-8, and
    what would make the constraint too large, is looked for after every token instead."""
    spec, stop = request.constraint, request.stop_at
    if stop is not None:
        with suppress(UnicodeDecodeError, ServiceError):
            with_stop = ConstraintSpec("until", (spec or _ANYTHING, stop.decode()))
            return with_stop, constraints.matcher(with_stop), None
    return spec, None if spec is None else constraints.matcher(spec), stop


def _to_words(bits: bytes, words: int) -> Mask:
    """A bitmask of bytes as the masks of matchers are: uint32[words], token i in bit i % 32 of word i // 32."""
    return np.frombuffer(bits[: 4 * words].ljust(4 * words, b"\0"), dtype="<u4").astype(np.uint32, copy=False)
