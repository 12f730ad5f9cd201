"""One adapter an engine, all with the same four verbs: compile, start, fill a mask, advance by a token.

Each adapter hides only the engine's API, and calls the quickest one that it has, single-threaded. What Python costs on
the way is counted for every engine: it is what a user pays.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from maskbench.vocabularies import Tokens

Mask = NDArray[np.uint32]


class Peer(Protocol):
    """An engine bound to a vocabulary. `State`s are opaque and change in place on `advance`."""

    name: str

    def compile(self, pattern: str) -> Any: ...

    def start(self, constraint: Any) -> Any: ...

    def fill(self, state: Any, row: int) -> None:
        """Write the mask of a state into row `row` of `self.buffer`, `uint32[rows, ceil(V / 32)]`."""

    def fill_batch(self, states: list[Any]) -> None:
        """Write the masks of many states into the first rows of the buffer."""

    def advance(self, state: Any, token: int) -> Any: ...

    def forget(self) -> None:
        """Drop whatever is cached between constraints."""

    embeds: bool
    """Whether constraints can be had in bytes: `embed` makes them (None where it cannot), `load` is their `compile`."""

    def embed(self, pattern: str) -> bytes | None: ...

    def load(self, data: bytes) -> Any: ...

    buffer: Mask


class _Base:
    embeds = False

    def __init__(self, tokens: Tokens, rows: int) -> None:
        self.tokens = tokens
        self.words = (len(tokens.tokens) + 31) // 32
        self.buffer = np.zeros((rows, self.words), np.uint32)
        self.rows = [self.buffer[i] for i in range(rows)]

    def fill_batch(self, states: list[Any]) -> None:
        for row, state in enumerate(states):
            self.fill(state, row)

    def fill(self, state: Any, row: int) -> None:
        raise NotImplementedError

    def forget(self) -> None:
        pass

    def embed(self, pattern: str) -> bytes | None:
        raise NotImplementedError

    def load(self, data: bytes) -> Any:
        raise NotImplementedError


class Aicic(_Base):
    """This project."""

    name = "aicic"
    embeds = True

    def __init__(self, tokens: Tokens, rows: int) -> None:
        super().__init__(tokens, rows)
        from aici.grammar import charset, unicode, utf8
        from aici.grammar.dfa import Dfa
        from aici.grammar.lazy import compile_automaton, compile_lazily
        from aici.grammar.lazy_constraint import matcher_for
        from aici.grammar.vocabulary import Vocabulary

        self._compile, self._matcher, self._dfa = compile_automaton, matcher_for, Dfa
        self._caches = [charset._toggle, charset._union, unicode.fold, unicode._fold_ascii]
        self._caches.append(utf8.partition)
        self._vocabulary = Vocabulary(list(tokens.tokens), [tokens.eos], len(tokens.tokens))
        self._views = [row.data for row in self.rows]
        self.fill(self.start(matcher_for(compile_lazily("a+"), self._vocabulary)), 0)  # loads the kernels of such

    def compile(self, pattern: str) -> Any:
        return self._matcher(self._compile(pattern), self._vocabulary)

    def start(self, constraint: Any) -> Any:
        return [constraint, constraint.start]

    def fill(self, state: Any, row: int) -> None:
        state[0].fill(state[1], self._views[row])

    def fill_batch(self, states: list[Any]) -> None:
        states[0][0].fill_batch([s[1] for s in states], self.buffer)

    def advance(self, state: Any, token: int) -> None:
        state[1] = state[0].advance(state[1], token)
        assert state[1]

    def forget(self) -> None:
        for cache in self._caches:  # sets of characters that patterns share
            cache.cache_clear()
        self._vocabulary.forget()  # unions of bit rows that masks share

    def embed(self, pattern: str) -> bytes | None:
        automaton = self._compile(pattern)
        return automaton.to_bytes() if isinstance(automaton, self._dfa) else None

    def load(self, data: bytes) -> Any:
        return self._matcher(self._dfa.from_bytes(data), self._vocabulary)


class LLGuidance(_Base):
    name = "llguidance"

    def __init__(self, tokens: Tokens, rows: int) -> None:
        super().__init__(tokens, rows)
        import llguidance

        class Wrapped:
            eos_token_id = tokens.eos
            bos_token_id = None
            tokens_ = tokens

            def __init__(self) -> None:
                self.tokens = [b"\xff<special %d>" % i if t is None else t for i, t in enumerate(tokens.tokens)]
                self.special_token_ids = [i for i, t in enumerate(tokens.tokens) if t is None]

            def __call__(self, text: str | bytes) -> list[int]:
                return tokens.encode(text if isinstance(text, str) else text.decode())

        self._lib = llguidance
        self._tokenizer = llguidance.LLTokenizer(llguidance.TokenizerWrapper(Wrapped()))
        self._pointers = [row.ctypes.data for row in self.rows]
        self._size = self.words * 4

    def compile(self, pattern: str) -> Any:
        matcher = self._lib.LLMatcher(self._tokenizer, self._lib.LLMatcher.grammar_from_regex(pattern))
        if matcher.is_error():
            raise ValueError(matcher.get_error())
        return matcher

    def start(self, constraint: Any) -> Any:
        return constraint.deep_copy()

    def fill(self, state: Any, row: int) -> None:
        state.unsafe_compute_mask_ptr(self._pointers[row], self._size)

    def advance(self, state: Any, token: int) -> None:
        assert state.consume_token(token)


class XGrammar(_Base):
    name = "xgrammar"

    def __init__(self, tokens: Tokens, rows: int) -> None:
        super().__init__(tokens, rows)
        import torch
        import xgrammar

        self._lib = xgrammar
        vocabulary = [b"" if t is None else t for t in tokens.tokens]
        info = xgrammar.TokenizerInfo(vocabulary, vocab_size=len(vocabulary), stop_token_ids=[tokens.eos])
        self._compiler = xgrammar.GrammarCompiler(info, max_threads=1, cache_enabled=False)
        self._bitmask = torch.from_numpy(self.buffer.view(np.int32))
        self._batch = xgrammar.BatchGrammarMatcher(max_threads=1)
        torch.set_num_threads(1)

    def compile(self, pattern: str) -> Any:
        return self._compiler.compile_regex(pattern)

    def start(self, constraint: Any) -> Any:
        return self._lib.GrammarMatcher(constraint)

    def fill(self, state: Any, row: int) -> None:
        # It says False, and writes nothing, where every token is allowed.
        if not state.fill_next_token_bitmask(self._bitmask, row):
            self.buffer[row] = 0xFFFFFFFF

    def fill_batch(self, states: list[Any]) -> None:
        self._batch.batch_fill_next_token_bitmask(states, self._bitmask)

    def advance(self, state: Any, token: int) -> None:
        assert state.accept_token(token)


class OutlinesCore(_Base):
    name = "outlines-core"

    def __init__(self, tokens: Tokens, rows: int) -> None:
        super().__init__(tokens, rows)
        import outlines_core

        ids: dict[bytes, list[int]] = {}
        for i, token in enumerate(tokens.tokens):
            if token:
                ids.setdefault(token, []).append(i)
        self._lib = outlines_core
        self._vocabulary = outlines_core.Vocabulary(tokens.eos, ids)
        self._pointers = [row.ctypes.data for row in self.rows]

    def compile(self, pattern: str) -> Any:
        return self._lib.Index(pattern, self._vocabulary)

    def start(self, constraint: Any) -> Any:
        return self._lib.Guide(constraint)

    def fill(self, state: Any, row: int) -> None:
        state.write_mask_into(self._pointers[row], self.words, 4)

    def advance(self, state: Any, token: int) -> None:
        state.advance(token, return_tokens=False)


class GlrMask(_Base):
    name = "glrmask"

    def __init__(self, tokens: Tokens, rows: int) -> None:
        super().__init__(tokens, rows)
        import glrmask

        self._lib = glrmask
        self._vocabulary = glrmask.Vocab.from_id_to_bytes({i: t for i, t in enumerate(tokens.tokens) if t})
        self._views = [row.view(np.int32) for row in self.rows]

    def compile(self, pattern: str) -> Any:
        body = pattern.replace("/", "\\/").replace("\n", "\\n")
        grammar = self._lib.Grammar.from_lark(f"start: TEXT\nTEXT: /{body}/")
        return grammar.compile(self._vocabulary, mask_strategy=self._lib.MaskStrategy.PARSER_DWA)

    def start(self, constraint: Any) -> Any:
        return constraint.start()

    def fill(self, state: Any, row: int) -> None:
        state.fill_mask(self._views[row])

    def advance(self, state: Any, token: int) -> None:
        assert state.commit_token(token)


PEERS: dict[str, type[_Base]] = {p.name: p for p in (Aicic, LLGuidance, XGrammar, OutlinesCore, GlrMask)}
