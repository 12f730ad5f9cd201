"""What an engine is: a language model with a KV cache for several sequences. Nothing here knows masks or the VM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aici.host.tokenizer import Tokenizer


class EngineError(Exception):
    """The engine or its model is in trouble; the message says what to do. Exit code 5."""


class ContextFull(EngineError):
    """No room in the KV cache for what was fed; the cache is as before the call."""


@dataclass(frozen=True, slots=True)
class Feed:
    """Append `tokens` (at least one) to sequence `seq`; `logits`: those after the last token are wanted."""

    seq: int
    tokens: Sequence[int]
    logits: bool


class Engine(Protocol):
    """A model with its KV cache. Sequences are numbers below `max_sequences`; an unused one is empty."""

    @property
    def name(self) -> str: ...

    @property
    def tokenizer(self) -> Tokenizer: ...

    @property
    def n_vocab(self) -> int:
        """Length of the logits; may exceed the tokenizer's vocabulary."""

    @property
    def context_length(self) -> int:
        """Tokens that one sequence may hold."""

    @property
    def max_sequences(self) -> int: ...

    def decode(self, feeds: Sequence[Feed]) -> list[NDArray[np.float32] | None]:
        """One forward pass over all feeds (split inside where the engine must). For each feed its logits, float32
        `[n_vocab]`, valid until the next call, or None where they were not wanted. Releases the GIL.
        Raises `ContextFull` or `EngineError`."""

    def length(self, seq: int) -> int:
        """Tokens in the cache of a sequence."""

    def truncate(self, seq: int, length: int) -> None:
        """Drop the tokens of a sequence from position `length` on."""

    def fork(self, source: int, target: int) -> None:
        """Make the empty sequence `target` a copy of `source`; the cached prefix is shared."""

    def free(self, seq: int) -> None:
        """Empty a sequence."""

    def close(self) -> None: ...
