"""A tokenizer's tokens as a trie, ready for masks.

Goes in: the bytes of every token. Comes out: `Vocabulary`, whose arrays `mask` and `constraint` use. It knows no
automaton.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from . import kernels
from .ahead import Ahead, make_ahead
from .atoms import N_ATOMS, atoms
from .compose import Context
from .index import Index, make_index
from .kept import forget, make_kept
from .rows import CACHE_BYTES
from .runs import make_scratch


class VocabularyError(Exception):
    """The tokens are outside what masks can serve."""


class Vocabulary:
    """Tokens 0 to `len(token_bytes) - 1`, each with its bytes.

    None or no bytes: a special token, which no text holds. Several tokens may have the same bytes. `eos_ids` end a
    sequence. `n_logits`: length of the model's logits and so of the masks, at least that of `token_bytes`; what lies
    beyond is never allowed. `cache_bytes`: of masks that are kept, by all constraints. Raises `VocabularyError`.
    """

    def __init__(
        self,
        token_bytes: Sequence[bytes | None],
        eos_ids: Sequence[int],
        n_logits: int | None = None,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self.n_tokens = len(token_bytes)
        self.n_logits = self.n_tokens if n_logits is None else n_logits
        self.n_words = (self.n_logits + 31) // 32
        self.mask_shape = (self.n_words,)
        self.eos_ids = tuple(eos_ids)
        """As given, in order."""
        self.token_bytes = [token or b"" for token in token_bytes]
        """Bytes of every token; none for special ones."""
        self._check()
        lengths = np.fromiter(map(len, self.token_bytes), np.int64, self.n_tokens)
        self.offsets: NDArray[np.int64] = np.zeros(self.n_tokens + 1, np.int64)
        """int64[n_tokens + 1]: where each token's bytes lie in `data`."""
        np.cumsum(lengths, out=self.offsets[1:])
        joined = b"".join(self.token_bytes)
        self.data: NDArray[np.uint8] = np.frombuffer(joined or b"\0", np.uint8)
        """uint8: the bytes of all tokens, one after the other."""
        self.max_depth = int(lengths.max(initial=0))
        """Bytes of the longest token."""
        if self.max_depth > kernels.MAX_DEPTH:
            raise VocabularyError(f"a token of {self.max_depth} bytes; at most {kernels.MAX_DEPTH} are supported")
        self.single_bytes: NDArray[np.uint8] = self.data[self.offsets[:-1][lengths == 1]]
        """The bytes that are a token of their own."""
        self.content_hash = hashlib.blake2b(lengths.tobytes() + joined, digest_size=20).hexdigest()
        """Of the tokens and their bytes; neither end-of-sequence tokens nor logits are in it."""
        self._cache_bytes = cache_bytes
        self._lock = threading.Lock()

    def _check(self) -> None:
        if self.n_tokens > kernels.MAX_TOKENS:
            raise VocabularyError(f"{self.n_tokens} tokens; at most {kernels.MAX_TOKENS} are supported")
        if not max(1, self.n_tokens) <= self.n_logits <= 2 * kernels.MAX_TOKENS:
            raise VocabularyError(f"{self.n_logits} logits for {self.n_tokens} tokens")
        for eos in self.eos_ids:
            if not 0 <= eos < self.n_logits:
                raise VocabularyError(f"the end-of-sequence token {eos} is no token")

    @cached_property
    def index(self) -> Index:
        """What the mask kernels read."""
        return make_index(self.data, self.offsets, self.eos_ids, self.n_words, self.content_hash)

    @cached_property
    def words(self) -> NDArray[np.uint64]:
        """uint64[n_tokens]: the bytes of every token as `kernels.step` reads them."""
        starts, lengths = self.offsets[:-1], np.diff(self.offsets).astype(np.uint64)
        padded = np.concatenate([self.data, np.zeros(8, np.uint8)])
        eight = np.ndarray((len(self.data) + 1,), np.dtype("<u8"), padded, strides=(1,))[starts]
        short = eight & ((np.uint64(1) << 8 * np.minimum(lengths, 7)) - 1) | lengths << kernels.LENGTH_SHIFT
        long = kernels.LONG << kernels.LENGTH_SHIFT | lengths << kernels.LONG_SHIFT | starts.astype(np.uint64)
        words: NDArray[np.uint64] = np.where(lengths > kernels.INLINE, long, short)
        return words

    @cached_property
    def context(self) -> Context:
        """What mask kernels need, and the masks that are kept; to be used within `alone`."""
        n_words = self.n_words
        return Context(
            index=self.index,
            atoms=atoms(),
            scratch=make_scratch(len(self.nodes) + N_ATOMS, n_words),
            kept=make_kept(n_words, self._cache_bytes),
            n_words=n_words,
            busy=np.zeros(1, np.int64),
            row=np.zeros(n_words, np.uint32),
            second=np.zeros(n_words, np.uint32),
        )

    @cached_property
    def ahead(self) -> Ahead:
        """Room for a search, to be used within `alone`."""
        return make_ahead()

    @contextmanager
    def alone(self) -> Iterator[Context]:
        """Nobody else uses the context meanwhile, even if the GIL is released: those who hold it (`methods`) look
        whether it is busy."""
        with self._lock:
            context = self.context  # here: functions of Python's own hold on to the first one that is made
            busy = context.fields["busy"]
            busy[0] = 1
            try:
                yield context
            finally:
                busy[0] = 0

    def forget(self) -> None:
        """Drop the masks that are kept."""
        with self.alone() as context:
            forget(context.fields["kept"])

    @property
    def nodes(self) -> NDArray[np.uint64]:
        """uint64: the trie (`kernels`), in preorder."""
        nodes: NDArray[np.uint64] = self.index.fields["nodes"]
        return nodes
