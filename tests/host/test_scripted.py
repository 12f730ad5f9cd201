"""The scripted engine does what the host's tests rely on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aici.host.engines.base import ContextFull, Engine, EngineError, Feed
from aici.host.engines.scripted import ScriptedEngine, ScriptedTokenizer
from aici.host.tokenizer import Tokenizer


def greedy(engine: ScriptedEngine, prompt: bytes, steps: int = 20, seq: int = 0) -> bytes:
    """Text that the engine writes after a prompt, up to an end token."""
    feed = engine.tokenizer.encode(prompt)
    written: list[int] = []
    for _ in range(steps):
        [logits] = engine.decode([Feed(seq, feed, True)])
        assert logits is not None
        feed = [int(np.argmax(logits))]
        if feed[0] in engine.tokenizer.eos_ids:
            break
        written += feed
    return engine.tokenizer.decode(written)


def test_it_is_an_engine_with_a_tokenizer() -> None:
    engine: Engine = ScriptedEngine()
    tokenizer: Tokenizer = engine.tokenizer
    assert engine.n_vocab > len(tokenizer.token_bytes) and len(tokenizer.eos_ids) > 1


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=60))
def test_text_round_trips(text: bytes) -> None:
    tokenizer = ScriptedTokenizer()
    assert tokenizer.decode(tokenizer.encode(text, special=False)) == text


def test_special_names_are_tokens_only_where_asked() -> None:
    tokenizer = ScriptedTokenizer()
    assert tokenizer.encode(b"<s>") == [tokenizer.special["<s>"]]
    assert tokenizer.decode(tokenizer.encode(b"<s>", special=False)) == b"<s>"


def test_a_script_is_followed_then_ends() -> None:
    engine = ScriptedEngine({"French is ": 'Bonjour"', "": "never"})
    assert greedy(engine, b"hello in French is ") == b'Bonjour"'
    assert greedy(ScriptedEngine({"": "hello world"}), b"hel") == b"lo world"


def test_a_script_likes_shorter_spellings_better_than_other_tokens() -> None:
    engine = ScriptedEngine({"": "hello"})
    logits = engine.logits([])
    wanted = {engine.tokenizer.encode(piece)[0] for piece in (b"h", b"he", b"hello")}
    twin = len(engine.tokenizer.token_bytes) - len(engine.tokenizer.special) - 1
    assert set(np.flatnonzero(logits > 1).tolist()) == wanted | {twin}


def test_logits_depend_on_all_tokens_and_nothing_else() -> None:
    one, two = ScriptedEngine(), ScriptedEngine()
    one.decode([Feed(0, [1, 2, 3], False)])
    one.truncate(0, 1)
    [late] = one.decode([Feed(0, [7, 8], True)])
    [fresh, other] = two.decode([Feed(5, [1, 7, 8], True), Feed(6, [2, 7, 8], True)])
    assert late is not None and fresh is not None and other is not None
    assert (late == fresh).all() and (late != other).any() and late.dtype == np.float32


def test_forks_share_cells_and_go_their_own_way() -> None:
    engine = ScriptedEngine(cells=12)
    engine.decode([Feed(0, range(10), False)])
    engine.fork(0, 1)
    assert engine.cells_used == 10
    engine.decode([Feed(0, [1], True), Feed(1, [2], True)])
    assert engine.tokens(1) == [*range(10), 2] and engine.cells_used == 12
    with pytest.raises(ContextFull):
        engine.decode([Feed(0, [1], True)])
    assert engine.length(0) == 11
    engine.free(1)
    engine.decode([Feed(0, [1], True)])
    assert (engine.passes, engine.fed) == (3, 13)


def test_it_fails_where_told_and_keeps_the_cache() -> None:
    engine = ScriptedEngine(failures={1: EngineError("as told")})
    engine.decode([Feed(0, [1], True)])
    with pytest.raises(EngineError, match="as told"):
        engine.decode([Feed(0, [2], True)])
    engine.decode([Feed(0, [2], True)])
    assert engine.tokens(0) == [1, 2] and engine.passes == 2


def test_misuse_is_seen() -> None:
    engine = ScriptedEngine(context_length=4)
    engine.decode([Feed(0, [1, 2], False)])
    for wrong in (
        lambda: engine.decode([]),
        lambda: engine.decode([Feed(0, [], True)]),
        lambda: engine.decode([Feed(0, [engine.n_vocab], True)]),
        lambda: engine.decode([Feed(0, [1], True), Feed(0, [2], True)]),
        lambda: engine.truncate(0, 3),
        lambda: engine.fork(0, 0),
    ):
        with pytest.raises(ValueError):
            wrong()
    with pytest.raises(ContextFull):
        engine.decode([Feed(0, [1, 2, 3], True)])
    assert engine.length(0) == 2
