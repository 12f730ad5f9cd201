"""What a sequence wants sampled: `Generation` for `gen_tokens`, `OneToken` for a single step.

Both say under which mask the next token is to be sampled, take the token, and know when they are over. Masks that
have to be computed are asked for on another thread while the engine works; all else happens on the scheduler's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from aici.grammar.errors import RegexLimitError
from aici.grammar.lazy_constraint import AnyBudget, AnyMatcher
from aici.vm.requests import ConstraintSpec, Generate, Generated, Sampled, ServiceError

from .constraints import Constraints, describe
from .forced import ForcedText

Mask = NDArray[np.uint32]

_T = TypeVar("_T")

_ANYTHING: Final = ConstraintSpec("regex", ("(?s).*",))


@contextmanager
def _told() -> Iterator[None]:
    """An automaton that is built as it is used may use up its room: for the controller to know."""
    try:
        yield
    except RegexLimitError as error:
        raise ServiceError(error.message) from None


class _Constrained:
    """A constraint and its state, or a fixed set of tokens, or neither."""

    __slots__ = ("_allowed", "_matcher", "_state")

    def __init__(self, matcher: AnyMatcher | None, state: int = 0, allowed: Mask | None = None) -> None:
        self._matcher = matcher
        self._state = state
        self._allowed = allowed

    def mask(self) -> Mask | None:
        """The tokens allowed next; None for all. Another thread may call it too: it only fills the matcher's cache."""
        with _told():
            return self._allowed if self._matcher is None else self._matcher.mask(self._state)

    def has_mask(self) -> bool:
        """Whether `mask` has nothing to compute."""
        return self._matcher is None or self._matcher.knows(self._state)


class Generation(_Constrained):
    """A `Generate` in progress. `reply` is set once it is over, which may be before the first token."""

    __slots__ = (
        *("_alone", "_budget", "_complete", "_constraints", "_forced", "_left", "_made_of", "_stop_at", "_text"),
        *("_tokens", "reply", "store_var"),
    )

    def __init__(self, request: Generate, constraints: Constraints) -> None:
        """Raises `ServiceError` for a constraint that is wrong, that the vocabulary cannot spell, or that takes more
        tokens than there may be."""
        if request.max_tokens < 0:
            raise ServiceError(f"max_tokens must not be negative, got {request.max_tokens}")
        if request.stop_at is not None and not (request.stops and all(request.stops)):
            raise ServiceError("stop_at must not be empty")
        self._constraints = constraints
        self._made_of, matcher, self._stop_at = _find_matcher(request, constraints)
        super().__init__(matcher, 0 if matcher is None else matcher.start)
        self._alone = False
        self._complete = request.complete
        self._left = request.max_tokens
        self._text = bytearray()
        self._tokens: list[int] = []
        self.store_var = request.store_var
        self.reply: Generated | None = None
        self._settle()
        if self._made_of is not None:
            asked = request.constraint or self._made_of
            try:
                self._within_room(lambda: self._check(asked))
            except RegexLimitError as error:
                raise ServiceError(f"{describe(asked)}: {error.message}") from None
        with _told():
            self._look_for_end()

    def _settle(self) -> None:
        """Take from the matcher what belongs to it."""
        matcher = self._matcher
        self._budget: AnyBudget | None = None if matcher is None or not self._complete else matcher.budget
        forces = matcher is not None and not self._stop_at
        self._forced: ForcedText | None = self._constraints.forced(matcher) if matcher and forces else None

    def _check(self, spec: ConstraintSpec) -> None:
        matcher, budget = self._matcher, self._budget
        assert matcher is not None
        if not matcher.spellable(matcher.start):
            raise ServiceError(f"no tokens of this model spell any text of {describe(spec)}")
        if budget is not None and not budget.fits(matcher.start, self._left):
            least = budget.least(matcher.start)
            takes = "takes at least" if budget.exact else "is only known to end within"
            raise ServiceError(
                f"{describe(spec)} {takes} {least} token{'' if least == 1 else 's'}, "
                f"max_tokens is {self._left} (complete=False takes the beginning of a text)"
            )

    def _within_room(self, action: Callable[[], _T]) -> _T:
        """What `action` returns. An automaton that grows grows for all who share it, and may have used up its room for
        others' texts: then this one goes on with an automaton of its own, and raises RegexLimitError past that."""
        try:
            return action()
        except RegexLimitError:
            if self._alone or self._matcher is None or self._made_of is None:
                raise
        self._alone = True
        matcher = self._constraints.anew(self._made_of, self._matcher)
        self._state = matcher.advance_bytes(matcher.start, bytes(self._text))
        self._matcher = matcher
        self._settle()
        return action()

    @property
    def first(self) -> bool:
        """Whether no token has come yet."""
        return not self._tokens

    def mask(self) -> Mask | None:
        with _told():
            return self._within_room(self._mask)

    def _mask(self) -> Mask | None:
        budget = self._budget
        if budget is not None and not budget.loose(self._left):
            tight = budget.mask(self._state, self._left)
            if tight is not None:
                return tight
        return self._allowed if self._matcher is None else self._matcher.mask(self._state)

    def has_mask(self) -> bool:
        budget = self._budget
        return super().has_mask() and (
            budget is None or budget.loose(self._left) or budget.ready(self._state, self._left)
        )

    def take(self, token: int, text: bytes) -> None:
        """A sampled token that does not end the sequence, and its bytes."""
        with _told():
            if self._matcher is not None:
                self._state = self._within_room(lambda: self._after(token))
            self._go_on([token], text)

    def _after(self, token: int) -> int:
        return 0 if self._matcher is None else self._matcher.advance(self._state, token)

    def _go_on(self, tokens: Sequence[int], text: bytes) -> None:
        self._tokens += tokens
        self._text += text
        self._left -= len(tokens)
        self._look_for_end(len(text))

    def force(self) -> Sequence[int]:
        """Take, in one go, the tokens that leave no choice; these tokens, often none."""
        if self._forced is None:
            return ()
        with _told():
            tokens, text, state = self._within_room(self._find_forced)
            if tokens:
                self._state = state
                self._go_on(tokens, text)
        return tokens

    def _find_forced(self) -> tuple[Sequence[int], bytes, int]:
        """The tokens that leave no choice, their text and the state behind it."""
        matcher, forced = self._matcher, self._forced
        assert matcher is not None and forced is not None
        tokens = forced.tokens(self._state)[: self._left]
        while tokens:
            text = b"".join(matcher.vocabulary.token_bytes[token] for token in tokens)
            state = matcher.advance_bytes(self._state, text)
            if self._budget is None or self._budget.fits(state, self._left - len(tokens)):
                return tokens, text, state
            tokens = tokens[:-1]  # the tokenizer's spelling is not always the shortest
        return (), b"", self._state

    def take_eos(self) -> None:
        self._end()

    def _look_for_end(self, new: int = 0) -> None:
        """Be over, if nothing can follow the last `new` bytes."""
        if self._left == 0 or self._stopped(new) or self._within_room(self._is_final):
            self._end()

    def _is_final(self) -> bool:
        return self._matcher is not None and self._matcher.is_final(self._state)

    def _stopped(self, new: int) -> bool:
        text = self._text
        return any(text.find(stop, max(0, len(text) - new - len(stop) + 1)) >= 0 for stop in self._stop_at)

    def _end(self) -> None:
        self.reply = Generated(self._tokens, bytes(self._text))


class OneToken(_Constrained):
    """A `Sample` in progress."""

    __slots__ = ("reply", "store_var")

    first = True

    def __init__(self, matcher: AnyMatcher | None, state: int = 0, allowed: Mask | None = None) -> None:
        super().__init__(matcher, state, allowed)
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
) -> tuple[ConstraintSpec | None, AnyMatcher | None, tuple[bytes, ...]]:
    """The constraint, its matcher, and the stop texts unless the constraint ends texts with them: what is no UTF-8, and
    what would make the constraint too large, is looked for after every token instead."""
    spec, stops = request.constraint, request.stops
    if stops:
        with suppress(UnicodeDecodeError, ServiceError):
            with_stop = ConstraintSpec("until", (spec or _ANYTHING, *(stop.decode() for stop in stops)))
            return with_stop, constraints.matcher(with_stop), ()
    return spec, None if spec is None else constraints.matcher(spec), stops


def to_words(bits: bytes, words: int) -> Mask:
    """A bitmask of bytes as the masks of matchers are: uint32[words], token i in bit i % 32 of word i // 32."""
    return np.frombuffer(bits[: 4 * words].ljust(4 * words, b"\0"), dtype="<u4").astype(np.uint32, copy=False)
