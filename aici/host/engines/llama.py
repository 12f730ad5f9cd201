"""The engine of local GGUF models: llama.cpp, with one KV cache that all sequences share.

In: the path of a model file and sizes. Out: an `Engine`. With `llama_api`, the only place that knows llama.cpp.

The cache is *unified*: a cell may belong to several sequences, so that a fork costs no memory and backtracking is
dropping cells. The lengths of the sequences are kept on our side and changed only when a call went through.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aici.host.engines import llama_api
from aici.host.engines.base import ContextFull, EngineError, Feed
from aici.host.gguf_file import GgufFile, read_gguf
from aici.host.tokenizers import gguf_tokenizer

MAX_SEQUENCES = 256
"""llama.cpp's own limit."""
MAX_CELLS = 1 << 24
"""Far more than any machine has memory for; llama.cpp would try."""
DEFAULT_CONTEXT = 4096
"""Tokens of one sequence, where the model was trained for as many."""
BATCH = 512
"""Tokens that go through one call of `llama_decode` at most; more are split. It takes no more at once inside either,
and between calls an interrupt is noticed."""
NO_SLOT = 1
"""Result of `llama_decode` when the cache has no room; any other but 0 is a failure."""


def default_threads() -> int:
    """All cores but one: with as many threads as cores, one busy neighbour makes all of them wait (OpenMP spins)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores - 1)


class LlamaEngine:
    """An `Engine`. Calls must not overlap; `decode` releases the GIL while the model runs."""

    def __init__(
        self,
        path: Path,
        *,
        context_length: int | None = None,
        cells: int | None = None,
        max_sequences: int = 64,
        threads: int | None = None,
    ) -> None:
        """`context_length`: tokens that one sequence may hold, by default what the model was trained for, at most
        `DEFAULT_CONTEXT`. `cells`: cached tokens of all sequences together, by default twice that. Raises
        `EngineError` for a file that is no usable model, `ValueError` for sizes out of range."""
        if not 1 <= max_sequences <= MAX_SEQUENCES:
            raise ValueError(f"max_sequences is {max_sequences}; it must be between 1 and {MAX_SEQUENCES}")
        if min(context_length or 1, cells or 1, threads or 1) < 1 or (cells or 1) > MAX_CELLS:
            raise ValueError(f"context_length, cells and threads must be positive, cells at most {MAX_CELLS}")
        file = read_gguf(path)
        self.name = file.get("general.name", str, path.stem)
        self.tokenizer = gguf_tokenizer(file)
        self.max_sequences = max_sequences
        self._lengths = [0] * max_sequences
        self._api = llama_api.load()
        self._lib = self._api.lib
        self._model: int | None = None
        self._context: int | None = None
        try:
            self._load(file)
            self.n_vocab = int(self._lib.llama_vocab_n_tokens(self._lib.llama_model_get_vocab(self._model)))
            trained = self._lib.llama_model_n_ctx_train(self._model)
            self.context_length = context_length or min(trained, DEFAULT_CONTEXT)
            if self.context_length > trained:
                raise EngineError(f"{self.name} was trained for {trained} tokens, not {self.context_length}")
            wanted = cells or 2 * self.context_length
            cells = -(-wanted // 256) * 256  # as llama.cpp would round it
            self._batch = _Batch(min(BATCH, cells))
            self._open(cells, threads or default_threads())
        except BaseException:
            self.close()
            raise
        self._memory = self._lib.llama_get_memory(self._context)
        # A row a sequence, so that results stay where they are however a pass is split.
        self._logits: NDArray[np.float32] = np.empty((max_sequences, self.n_vocab), np.float32)

    def _load(self, file: GgufFile) -> None:
        path, params = os.fsencode(file.path), self._api.model_params()
        with llama_api.interrupts_wait():
            self._model = self._lib.llama_model_load_from_file(path, params)
        if not self._model:
            raise EngineError(f"llama.cpp cannot load {file.path}: {self._api.reason()}")
        if not self._lib.llama_model_has_decoder(self._model):
            raise EngineError(f"{file.path} is no model that writes text")

    def _open(self, cells: int, threads: int) -> None:
        params = self._api.context_params()
        params.n_ctx, params.n_seq_max, params.kv_unified = cells, self.max_sequences, True
        params.n_batch, params.n_threads, params.n_threads_batch = self._batch.size, threads, threads
        with llama_api.interrupts_wait():
            self._context = self._lib.llama_init_from_model(self._model, params)
        context = self._context
        if not context:
            raise EngineError(
                f"llama.cpp cannot make a cache of {cells} tokens ({self._api.reason()}); take a shorter context"
            )
        lib, sizes = self._lib, (cells, cells, self._batch.size, self.max_sequences)
        found = (lib.llama_n_ctx(context), lib.llama_n_ctx_seq(context), lib.llama_n_batch(context))
        if (*found, lib.llama_n_seq_max(context)) != sizes:
            raise EngineError(f"llama.cpp understood other sizes than were asked for; {llama_api.REMEDY}")

    def decode(self, feeds: Sequence[Feed]) -> list[NDArray[np.float32] | None]:
        self._check(feeds)
        batch = self._batch
        try:
            for feed in feeds:
                tokens = np.asarray(feed.tokens, np.int32)
                for start in range(0, len(tokens), batch.size):
                    piece = tokens[start : start + batch.size]
                    if batch.n + len(piece) > batch.size:
                        self._run()
                    batch.add(feed.seq, self._lengths[feed.seq] + start, piece)
                if feed.logits:
                    batch.want(feed.seq)
            self._run()
        except BaseException:
            # Some of the pass may be in the cache already, after an interrupt as well.
            batch.clear()
            for feed in feeds:
                self._drop(feed.seq, self._lengths[feed.seq])
            raise
        for feed in feeds:
            self._lengths[feed.seq] += len(feed.tokens)
        return [self._logits[feed.seq] if feed.logits else None for feed in feeds]

    def _check(self, feeds: Sequence[Feed]) -> None:
        if self._context is None:
            raise EngineError("the engine is closed")
        if not feeds or len({feed.seq for feed in feeds}) < len(feeds):
            raise ValueError("a pass needs feeds, one a sequence")
        for feed in feeds:
            if not len(feed.tokens) or not 0 <= feed.seq < self.max_sequences:
                raise ValueError(f"a feed needs tokens and a sequence below {self.max_sequences}: {feed}")
            if self._lengths[feed.seq] + len(feed.tokens) > self.context_length:
                raise ContextFull(
                    f"{self._lengths[feed.seq] + len(feed.tokens)} tokens do not fit into the context of"
                    f" {self.context_length}"
                )

    def _run(self) -> None:
        """Puts the collected tokens through the model and copies the logits that are wanted."""
        batch, lib = self._batch, self._lib
        if batch.highest() >= self.n_vocab:
            raise ValueError("a feed holds ids that are no tokens")
        result = lib.llama_decode(self._context, batch.struct())
        if result == NO_SLOT:
            raise ContextFull(f"the cache is full: its {lib.llama_n_ctx(self._context)} cells are in use")
        if result:
            raise EngineError(f"llama.cpp failed with code {result}: {self._api.reason()}")
        for seq, row in batch.wanted:
            address = lib.llama_get_logits_ith(self._context, row)
            if not address:
                raise EngineError(f"llama.cpp gave no logits: {self._api.reason()}")
            ctypes.memmove(self._logits[seq].ctypes.data, address, self._logits[seq].nbytes)
        batch.clear()

    def length(self, seq: int) -> int:
        return self._lengths[seq]

    def truncate(self, seq: int, length: int) -> None:
        """Raises `EngineError` for models that keep a running state instead of a cache: they cannot go back."""
        if not 0 <= length <= self._lengths[seq]:
            raise ValueError(f"sequence {seq} has {self._lengths[seq]} tokens, not {length}")
        if length < self._lengths[seq]:
            self._drop(seq, length)
            self._lengths[seq] = length

    def _drop(self, seq: int, length: int) -> None:
        """Drops cells from a position on; what is no longer in any sequence is free."""
        if self._context is not None and not self._lib.llama_memory_seq_rm(self._memory, seq, length or -1, -1):
            raise EngineError(f"the model {self.name} cannot go back to an earlier position")

    def fork(self, source: int, target: int) -> None:
        if source == target or self._lengths[target]:
            raise ValueError(f"sequence {target} is in use")
        if self._context is not None and self._lengths[source]:
            self._lib.llama_memory_seq_cp(self._memory, source, target, -1, -1)
            self._lengths[target] = self._lengths[source]

    def free(self, seq: int) -> None:
        self.truncate(seq, 0)

    def close(self) -> None:
        """Gives the memory back; may be called twice."""
        context, self._context = self._context, None
        model, self._model = self._model, None
        if context is not None:
            self._lib.llama_free(context)
        if model is not None:
            self._lib.llama_model_free(model)


class _Batch:
    """The arrays that a `llama_batch` points to, filled in place and never moved."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.n = 0
        self.wanted: list[tuple[int, int]] = []  # (sequence, row)
        self._tokens = np.zeros(size, np.int32)
        self._positions = np.zeros(size, np.int32)
        self._counts = np.ones(size, np.int32)
        self._numbers = np.arange(MAX_SEQUENCES, dtype=np.int32)
        self._numbers_at = np.zeros(size, np.uintp)
        self._outputs = np.zeros(size, np.int8)
        self._struct = llama_api.Batch(
            0,
            self._tokens.ctypes.data,
            None,
            self._positions.ctypes.data,
            self._counts.ctypes.data,
            self._numbers_at.ctypes.data,
            self._outputs.ctypes.data,
        )

    def add(self, seq: int, position: int, tokens: NDArray[np.int32]) -> None:
        """Appends tokens of a sequence, the first at `position` of it."""
        rows = slice(self.n, self.n + len(tokens))
        self._tokens[rows] = tokens
        self._positions[rows] = np.arange(position, position + len(tokens))
        self._numbers_at[rows] = self._numbers.ctypes.data + seq * self._numbers.itemsize
        self.n += len(tokens)

    def want(self, seq: int) -> None:
        """The logits after the token appended last are wanted."""
        self._outputs[self.n - 1] = 1
        self.wanted.append((seq, self.n - 1))

    def highest(self) -> int:
        """The highest token id; a negative one counts as very high."""
        return int(self._tokens[: self.n].view(np.uint32).max())

    def struct(self) -> llama_api.Batch:
        self._struct.n_tokens = self.n
        return self._struct

    def clear(self) -> None:
        self._outputs[: self.n] = 0
        self.n = 0
        self.wanted.clear()
