"""What a sequence wants sampled: `Generation` for `gen_tokens`, `OneToken` for a single step.

Both say under which mask the next token is to be sampled, take the token, and know when they are over. Masks are asked
for on another thread while the engine works; everything else happens on the scheduler's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aici.grammar.constraint import Matcher
from aici.vm.requests import Generate, Generated, Sample, Sampled, ServiceError

from .constraints import Constraints, describe

Mask = NDArray[np.uint32]


class Generation:
    """A `Generate` in progress. `reply` is set once it is over, which may be before the first token."""

    __slots__ = ("_left", "_matcher", "_state", "_stop_at", "_text", "_tokens", "reply", "store_var")

    def __init__(self, request: Generate, constraints: Constraints) -> None:
        """Raises `ServiceError` for a constraint that is wrong or that the vocabulary cannot spell."""
        if request.max_tokens < 0:
            raise ServiceError(f"max_tokens must not be negative, got {request.max_tokens}")
        if request.stop_at is not None and not request.stop_at:
            raise ServiceError("stop_at must not be empty")
        self._matcher: Matcher | None = None
        self._state = 0
        self._left = request.max_tokens
        self._stop_at = request.stop_at
        self._text = bytearray()
        self._tokens: list[int] = []
        self.store_var = request.store_var
        self.reply: Generated | None = None
        spec = request.constraint
        if spec is not None:
            self._matcher = constraints.matcher(spec)
            self._state = self._matcher.start
            if not self._matcher.spellable(self._state):
                raise ServiceError(f"no tokens of this model spell any text of {describe(spec)}")
        if self._left == 0 or (self._matcher is not None and self._matcher.must_end(self._state)):
            self._end()

    @property
    def first(self) -> bool:
        """Whether no token has come yet."""
        return not self._tokens

    def mask(self) -> Mask | None:
        return None if self._matcher is None else self._matcher.mask(self._state)

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
        return self._matcher is not None and self._matcher.must_end(self._state)

    def _stopped(self, new: int) -> bool:
        stop = self._stop_at
        return stop is not None and self._text.find(stop, max(0, len(self._text) - new - len(stop) + 1)) >= 0

    def _end(self) -> None:
        self.reply = Generated(self._tokens, bytes(self._text))


class OneToken:
    """A `Sample` in progress."""

    __slots__ = ("_allowed", "_matcher", "_state", "reply", "store_var")

    first = True

    def __init__(self, request: Sample, constraints: Constraints, mask_words: int) -> None:
        self._matcher = None if request.constraint is None else constraints.matcher(request.constraint)
        self._state = request.state
        self._allowed = None if request.allowed is None else _to_words(request.allowed, mask_words)
        self.store_var = None
        self.reply: Sampled | None = None
        if self._allowed is not None and not self._allowed.any():
            self.take_eos()  # where nothing is allowed, the end of the sequence is

    def mask(self) -> Mask | None:
        return self._allowed if self._matcher is None else self._matcher.mask(self._state)

    def take(self, token: int, text: bytes) -> None:
        self.reply = Sampled([token], False)

    def take_eos(self) -> None:
        self.reply = Sampled([], True)


def _to_words(bits: bytes, words: int) -> Mask:
    """A bitmask of bytes as the masks of matchers are: uint32[words], token i in bit i % 32 of word i // 32."""
    return np.frombuffer(bits[: 4 * words].ljust(4 * words, b"\0"), dtype="<u4").astype(np.uint32, copy=False)
