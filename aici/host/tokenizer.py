"""Text to token ids and back, over bytes: what masks, services and engines need of a tokenizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class Tokenizer(Protocol):
    """A tokenizer as the host sees it. Token ids are 0 to `len(token_bytes) - 1`."""

    @property
    def token_bytes(self) -> Sequence[bytes | None]:
        """The bytes of every token; None for special and unused ones. Several tokens may have the same bytes."""

    @property
    def eos_ids(self) -> Sequence[int]:
        """Tokens that end a sequence, at least one; the first is *the* EOS token."""

    @property
    def special(self) -> Mapping[str, int]:
        """Special tokens by name."""

    @property
    def prefix_ids(self) -> Sequence[int]:
        """Tokens that the model wants before any text (BOS), possibly none."""

    def encode(self, text: bytes, special: bool = True) -> list[int]:
        """Tokens of a text, nothing added. `special`: names of special tokens in it stand for those tokens.
        Bytes that are no UTF-8 are spelled with byte tokens; ValueError if the vocabulary lacks one."""

    def decode(self, tokens: Sequence[int]) -> bytes:
        """Bytes of tokens; special ones give none."""
