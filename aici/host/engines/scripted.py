"""A deterministic engine for tests: a tiny byte-level vocabulary and logits that are a pure function of the tokens.

In: feeds, as any engine takes them. Out: logits that follow a script where one applies, and pseudo-random but
reproducible ones elsewhere. It keeps the tokens of every sequence, counts passes and tokens, shares cells between forks
as a KV cache does, and fails on demand. Misuse (a gap, a fork into a used sequence) raises `ValueError`, so that the
tests of the host see it. Imported by tests and benchmarks, never by the host itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from aici.host.engines.base import ContextFull, EngineError, Feed

MERGED: tuple[bytes, ...] = (
    *(b"he", b"ll", b"hello", b"Hello", b" world", b" the", b" a", b"the", b"ing", b"er", b"00", b"12", b"abc"),
    *(b"  ", b"    ", b"\n\n", b"true", b"false", b'": ', b'", "', b"[]", b" yes", b" no", b"Bonjour", b"Paris"),
    *("é".encode(), "ü".encode(), "你好".encode(), "😀".encode()),
    *(b"\xe4\xbd", b"\xa0\xe5", b"\xf0\x9f", b"\x98\x80", b"a\xc3"),
    b"he",  # the same bytes a second time, as SentencePiece vocabularies have them
)
"""Tokens of several bytes, whole characters and halves of some."""

SPECIAL: tuple[str, ...] = ("</s>", "<|end|>", "<s>", "<|user|>", "<|assistant|>")
"""Names of the special tokens; the first two end a sequence."""

PADDING = 7
"""Logits beyond the vocabulary, as real models have them."""

Script = Mapping[str, str] | Callable[[Sequence[int]], NDArray[np.float32]]
"""`{what the text holds: how it goes on from there}`, or the logits as a function of all tokens."""


class ScriptedTokenizer:
    """Ids 0 to 255 are the bytes, then come `merged` and the special tokens. Encoding takes the longest token."""

    def __init__(self, merged: Sequence[bytes] = MERGED) -> None:
        texts = [*(bytes([b]) for b in range(256)), *merged]
        self.token_bytes: Sequence[bytes | None] = [*texts, *(None for _ in SPECIAL)]
        self.special: Mapping[str, int] = {name: len(texts) + i for i, name in enumerate(SPECIAL)}
        self.eos_ids: Sequence[int] = [self.special[name] for name in SPECIAL[:2]]
        self.prefix_ids: Sequence[int] = [self.special["<s>"]]
        # The lowest id wins where two tokens have the same bytes.
        self._ids = {text: i for i, text in reversed(list(enumerate(texts)))}
        self._names = {name.encode(): i for name, i in self.special.items()}
        self._longest = max(map(len, [*self._ids, *self._names]))

    def encode(self, text: bytes, special: bool = True) -> list[int]:
        table = self._ids | self._names if special else self._ids
        tokens, position = [], 0
        while position < len(text):
            piece = text[position : position + self._longest]
            while piece not in table:
                piece = piece[:-1]
            tokens.append(table[piece])
            position += len(piece)
        return tokens

    def decode(self, tokens: Sequence[int]) -> bytes:
        return b"".join(self.token_bytes[token] or b"" for token in tokens)


class ScriptedEngine:
    """See the module's docstring. `passes` counts calls of `decode` that went through, `fed` the tokens in them,
    `log` holds their feeds.

    `cells` bounds the distinct cached tokens of all sequences (`ContextFull` beyond it), `context_length` those of one.
    `failures` maps the number of a call of `decode`, counted from 0, to the error that it raises instead.
    """

    name = "scripted"

    def __init__(
        self,
        script: Script | None = None,
        *,
        tokenizer: ScriptedTokenizer | None = None,
        max_sequences: int = 64,
        context_length: int = 1024,
        cells: int | None = None,
        failures: Mapping[int, EngineError] | None = None,
    ) -> None:
        self.tokenizer = tokenizer or ScriptedTokenizer()
        self.n_vocab = len(self.tokenizer.token_bytes) + PADDING
        self.context_length = context_length
        self.max_sequences = max_sequences
        self.cells = context_length * max_sequences if cells is None else cells
        self.passes = 0
        self.fed = 0
        self.log: list[list[Feed]] = []
        self._script = script
        self._failures = dict(failures or {})
        self._calls = 0
        self._next_cell = 0
        self._sequences: list[list[tuple[int, int]]] = [[] for _ in range(max_sequences)]  # (cell, token)

    def tokens(self, seq: int) -> list[int]:
        """What is in the cache of a sequence."""
        return [token for _, token in self._sequences[seq]]

    @property
    def cells_used(self) -> int:
        """Distinct cached tokens: a prefix that forks share counts once."""
        return len({cell for sequence in self._sequences for cell, _ in sequence})

    def decode(self, feeds: Sequence[Feed]) -> list[NDArray[np.float32] | None]:
        call, self._calls = self._calls, self._calls + 1
        self._check(feeds)
        if call in self._failures:
            raise self._failures[call]
        if self.cells_used + sum(len(feed.tokens) for feed in feeds) > self.cells:
            raise ContextFull(f"the cache of {self.cells} tokens is full")
        for feed in feeds:
            for token in feed.tokens:
                self._sequences[feed.seq].append((self._next_cell, int(token)))
                self._next_cell += 1
        self.passes += 1
        self.fed += sum(len(feed.tokens) for feed in feeds)
        self.log.append(list(feeds))
        return [self.logits(self.tokens(feed.seq)) if feed.logits else None for feed in feeds]

    def _check(self, feeds: Sequence[Feed]) -> None:
        if not feeds or len({feed.seq for feed in feeds}) < len(feeds):
            raise ValueError("a pass needs feeds, one a sequence")
        for feed in feeds:
            if not feed.tokens or not all(0 <= token < self.n_vocab for token in feed.tokens):
                raise ValueError(f"a feed needs tokens of the vocabulary: {feed}")
            if len(self._sequences[feed.seq]) + len(feed.tokens) > self.context_length:
                raise ContextFull(f"a sequence holds at most {self.context_length} tokens")

    def logits(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """Logits after these tokens: between 0 and 1 by a hash, 10 to 20 where the script wants the token next."""
        if callable(self._script):
            return self._script(tokens)
        digest = hashlib.shake_128(repr(list(tokens)).encode()).digest(4 * self.n_vocab)
        logits = (np.frombuffer(digest, np.uint32) * 2.0**-32).astype(np.float32)
        rest = self._rest(self.tokenizer.decode(tokens))
        if rest is None:
            return logits
        if not rest:
            logits[self.tokenizer.eos_ids[0]] = 20
            return logits
        for token, text in enumerate(self.tokenizer.token_bytes):
            if text and rest.startswith(text):
                # Shorter spellings are liked too, so that a mask without the best token keeps to the script.
                logits[token] = 10 + min(len(text), 9)
        logits[self.tokenizer.encode(rest, special=False)[0]] = 20
        return logits

    def _rest(self, text: bytes) -> bytes | None:
        """What the script still wants after `text`; None where it does not apply. The rule that applies last in the
        text wins."""
        best: tuple[int, bytes] | None = None
        for key, continuation in (self._script or {}).items() if not callable(self._script) else ():
            wanted = continuation.encode()
            start = text.rfind(key.encode()) if key else 0
            while start >= 0:
                written = text[start + len(key.encode()) :]
                if wanted.startswith(written):
                    if best is None or start > best[0]:
                        best = start, wanted[len(written) :]
                    break
                start = text.rfind(key.encode(), 0, start + len(key.encode()) - 1) if key else -1
        return best and best[1]

    def length(self, seq: int) -> int:
        return len(self._sequences[seq])

    def truncate(self, seq: int, length: int) -> None:
        if not 0 <= length <= len(self._sequences[seq]):
            raise ValueError(f"sequence {seq} has {len(self._sequences[seq])} tokens, not {length}")
        del self._sequences[seq][length:]

    def fork(self, source: int, target: int) -> None:
        if source == target or self._sequences[target]:
            raise ValueError(f"sequence {target} is in use")
        self._sequences[target] = list(self._sequences[source])

    def free(self, seq: int) -> None:
        self._sequences[seq].clear()

    def close(self) -> None:
        for sequence in self._sequences:
            sequence.clear()
