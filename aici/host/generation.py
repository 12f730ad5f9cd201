"""What a sequence wants sampled: `Generation` for `gen_tokens`, `OneToken` for a single step.

Both say under which mask the next token is to be sampled, take the token, and know when they are over. Masks that
have to be computed are asked for on another thread while the engine works; all else happens on the scheduler's.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from aici.grammar.constraint import Matcher
from aici.vm.requests import Generate, Generated, Sample, Sampled, ServiceError

from .constraints import Constraints, describe

Mask = NDArray[np.uint32]


class _Constrained:
    """A constraint and its state, or a fixed set of tokens, or neither."""

    __slots__ = ("_allowed", "_matcher", "_state")

    def __init__(self, matcher: Matcher | None, state: int = 0, allowed: Mask | None = None) -> None:
        self._matcher = matcher
        self._state = state
        self._allowed = allowed

    def mask(self) -> Mask | None:
        """The tokens allowed next; None for all. Another thread may call it too: it only fills the matcher's cache."""
        return self._allowed if self._matcher is None else self._matcher.mask(self._state)

    def has_mask(self) -> bool:
        """Whether `mask` has nothing to compute."""
        return self._matcher is None or self._matcher.known(self._state) is not None


class Generation(_Constrained):
    """A `Generate` in progress. `reply` is set once it is over, which may be before the first token."""

    __slots__ = ("_left", "_stop_at", "_text", "_tokens", "reply", "store_var")

    def __init__(self, request: Generate, constraints: Constraints) -> None:
        """Raises `ServiceError` for a constraint that is wrong or that the vocabulary cannot spell."""
        if request.max_tokens < 0:
            raise ServiceError(f"max_tokens must not be negative, got {request.max_tokens}")
        if request.stop_at is not None and not request.stop_at:
            raise ServiceError("stop_at must not be empty")
        spec = request.constraint
        matcher = None if spec is None else constraints.matcher(spec)
        super().__init__(matcher, 0 if matcher is None else matcher.start)
        if matcher is not None and spec is not None and not matcher.spellable(matcher.start):
            raise ServiceError(f"no tokens of this model spell any text of {describe(spec)}")
        self._left = request.max_tokens
        self._stop_at = request.stop_at
        self._text = bytearray()
        self._tokens: list[int] = []
        self.store_var = request.store_var
        self.reply: Generated | None = None
        if self._left == 0 or self._complete():
            self._end()

    @property
    def first(self) -> bool:
        """Whether no token has come yet."""
        return not self._tokens

    def take(self, token: int, text: bytes) -> None:
        """A sampled token that does not end the sequence, and its bytes."""
        self._tokens.append(token)
        self._text += text
        self._left -= 1
        if self._matcher is not None:
            self._state = self._matcher.advance(self._state, token)
        if self._left == 0 or self._stopped(len(text)) or self._complete():
            self._end()

    def take_eos(self) -> None:
        self._end()

    def _complete(self) -> bool:
        return self._matcher is not None and self._matcher.is_final(self._state)

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


Work: TypeAlias = Generation | OneToken


def _to_words(bits: bytes, words: int) -> Mask:
    """A bitmask of bytes as the masks of matchers are: uint32[words], token i in bit i % 32 of word i // 32."""
    return np.frombuffer(bits[: 4 * words].ljust(4 * words, b"\0"), dtype="<u4").astype(np.uint32, copy=False)
