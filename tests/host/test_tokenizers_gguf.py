"""Tokenizers made of small, hand-made GGUF files: bytes, special tokens, and files that are wrong."""

from __future__ import annotations

import contextlib
import json
import re
from base64 import b64encode
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import tokenizers as hf
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import models, normalizers, pre_tokenizers

from aici.host.engines.base import EngineError
from aici.host.gguf_file import GgufFile, Value, read_gguf
from aici.host.tokenizer import Tokenizer
from aici.host.tokenizers import (
    BYTE,
    CONTROL,
    NORMAL,
    UNKNOWN,
    UNUSED,
    USER_DEFINED,
    gguf_tokenizer,
    read_tokenizer,
)

LETTERS = [*"abcdeĠ", "Ã", "©", "ab", "Ġab"]
BPE: dict[str, Value] = {
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "gpt-2",
    "tokenizer.ggml.tokens": [*LETTERS, "<end>", "<tool>", "<free>", "é"],
    "tokenizer.ggml.token_type": np.array([NORMAL] * len(LETTERS) + [CONTROL, USER_DEFINED, UNUSED, USER_DEFINED]),
    "tokenizer.ggml.merges": ["a b", "Ġ ab"],
    "tokenizer.ggml.eos_token_id": len(LETTERS),
}
PIECES: dict[str, Value] = {
    "tokenizer.ggml.model": "llama",
    "tokenizer.ggml.tokens": ["<unk>", "<s>", "</s>", "<0x00>", "<0xE4>", "▁", "a", "▁a", "é"],
    "tokenizer.ggml.token_type": np.array([UNKNOWN, CONTROL, CONTROL, BYTE, BYTE, *[NORMAL] * 4]),
    "tokenizer.ggml.scores": np.arange(9, dtype=np.float32) * -1,
}


def file(metadata: dict[str, Value]) -> GgufFile:
    return GgufFile(Path("made.gguf"), 3, metadata, {}, [], 0)


def test_byte_level_tokens_have_their_bytes() -> None:
    tokenizer: Tokenizer = gguf_tokenizer(file(BPE))
    letters = [b"a", b"b", b"c", b"d", b"e", b" ", b"\xc3", b"\xa9", b"ab", b" ab"]
    assert tokenizer.token_bytes == [*letters, None, b"<tool>", None, "é".encode()]
    assert tokenizer.special == {"<end>": 10} and tokenizer.eos_ids == [10] and tokenizer.prefix_ids == []


def test_special_names_count_only_on_request_and_user_defined_ones_always() -> None:
    tokenizer = gguf_tokenizer(file(BPE))
    assert tokenizer.encode(b"ab ab<end>") == [8, 9, 10]
    assert tokenizer.encode(b"a<tool>b", special=False) == [0, 11, 1]
    with pytest.raises(ValueError, match="0x3c"):
        tokenizer.encode(b"<end", special=False)
    assert tokenizer.decode([8, 10, 9]) == b"ab ab"


@settings(deadline=None, max_examples=100)
@given(st.lists(st.sampled_from([b"a", b"b", b" ", b"\xc3", b"\xa9", b"ab"])))
def test_text_with_spellable_bytes_round_trips_whole_characters_or_not(parts: list[bytes]) -> None:
    tokenizer = gguf_tokenizer(file(BPE))
    text = b"".join(parts)
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_sentencepiece_spells_bytes_and_refuses_what_it_lacks() -> None:
    tokenizer: Tokenizer = gguf_tokenizer(file(PIECES))
    assert tokenizer.token_bytes == [None, None, None, b"\x00", b"\xe4", b" ", b"a", b" a", "é".encode()]
    assert (tokenizer.eos_ids, tokenizer.prefix_ids) == ([2], [1])
    assert tokenizer.encode("a aé\x00".encode() + b"\xe4") == [6, 7, 8, 3, 4]
    assert tokenizer.encode(b"<unk>a") == [0, 6]
    for text in (b"b", b"\xff", b"a<unk>b"):
        with pytest.raises(ValueError, match="spells"):
            tokenizer.encode(text)
    with pytest.raises(ValueError, match="spells"):
        tokenizer.encode(b"<unk>", special=False)


def test_the_file_decides_on_the_prefix() -> None:
    named = {"tokenizer.ggml.bos_token_id": 10, "tokenizer.ggml.add_bos_token": True}
    assert gguf_tokenizer(file({**BPE, **named})).prefix_ids == [10]
    assert gguf_tokenizer(file({**PIECES, "tokenizer.ggml.add_bos_token": False})).prefix_ids == []


def test_a_token_type_array_is_optional() -> None:
    metadata = {key: value for key, value in BPE.items() if not key.endswith("token_type")}
    tokenizer = gguf_tokenizer(file(metadata))
    assert tokenizer.special == {"<end>": 10} and tokenizer.token_bytes[11] == b"<tool>"


def test_tokens_that_are_no_text_are_kept_by_their_bytes(tmp_path: Path) -> None:
    broken = b"\xe4\xbd".decode("utf-8", "surrogateescape")
    tokenizer = gguf_tokenizer(
        file({**PIECES, "tokenizer.ggml.tokens": [*PIECES["tokenizer.ggml.tokens"][:8], broken]})
    )
    assert tokenizer.token_bytes[8] == b"\xe4\xbd" and tokenizer.encode(b"a") == [6]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokenizer.ggml.model": "bert"}, "'bert'"),
        ({"tokenizer.ggml.pre": "of-tomorrow"}, "'of-tomorrow'"),
        ({"tokenizer.ggml.eos_token_id": 99}, "ends a text"),
        ({"tokenizer.ggml.merges": ["x y"]}, "broken tokenizer"),
        ({"tokenizer.ggml.merges": 3}, "wrong type"),
        ({"tokenizer.ggml.tokens": []}, "broken tokenizer"),
        ({"tokenizer.ggml.token_type": np.array([1])}, "broken tokenizer"),
        ({"tokenizer.ggml.tokens": None}, "lacks"),
        ({"tokenizer.ggml.model": "llama"}, "scores"),
    ],
)
def test_a_wrong_tokenizer_is_an_engine_error(change: dict[str, Value], message: str) -> None:
    with pytest.raises(EngineError, match=message):
        gguf_tokenizer(file({key: value for key, value in {**BPE, **change}.items() if value is not None}))


def test_tokenizer_json(tmp_path: Path) -> None:
    tokenizer = hf.Tokenizer(models.BPE({letter: i for i, letter in enumerate(LETTERS)}, [("a", "b"), ("Ġ", "ab")]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens(["</s>", "<pad>"])
    tokenizer.add_tokens(["<think>"])
    path = tmp_path / "tokenizer.json"
    tokenizer.save(str(path))
    ours: Tokenizer = read_tokenizer(path)
    assert ours.token_bytes[8:] == [b"ab", b" ab", None, None, b"<think>"]
    assert (ours.eos_ids, ours.encode("ab é<think></s>".encode())) == ([10], [8, 5, 6, 7, 12, 10])
    assert read_tokenizer(path, ["<pad>"]).eos_ids == [11]
    with pytest.raises(EngineError, match="ends a text"):
        read_tokenizer(path, ["<other>"])
    path.write_text("{}")
    with pytest.raises(EngineError, match="cannot read"):
        read_tokenizer(path)
    hf.Tokenizer(models.BPE()).save(str(path))
    with pytest.raises(EngineError, match="byte-level"):
        read_tokenizer(path)


def test_tokenizer_json_that_falls_back_on_bytes(tmp_path: Path) -> None:
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", "a", "▁a", "é", "a"]
    vocabulary = {piece: i for i, piece in enumerate(pieces[:-1])}
    tokenizer = hf.Tokenizer(models.BPE(vocabulary, [("▁", "a")], unk_token="<unk>", byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.add_special_tokens(["<s>", "</s>"])
    path = tmp_path / "tokenizer.json"
    tokenizer.save(str(path))
    ours = read_tokenizer(path)
    assert ours.token_bytes[:4] == [None, None, None, b"\0"] and ours.token_bytes[258] == b"\xff"
    assert ours.token_bytes[259:] == [b" ", b"a", b" a", "é".encode()]
    assert ours.eos_ids == [2] and ours.special == {"<unk>": 0, "<s>": 1, "</s>": 2}
    assert ours.encode(b"a a\n</s>") == [260, 261, 3 + 10, 2]  # no space before the text
    assert ours.decode(ours.encode("a日\x00".encode() + b"\xff")) == "a日\x00".encode() + b"\xff"


def tekken(**change: Any) -> dict[str, Any]:
    pieces = [*(bytes([byte]) for byte in range(256)), b"he", b"ll", b"hell", b"hello", b" w", b"unused"]
    vocabulary = [{"rank": i, "token_bytes": b64encode(piece).decode()} for i, piece in enumerate(pieces)]
    config = {"pattern": r" ?\w+|\s+", "default_vocab_size": 4 + 261, "default_num_special_tokens": 4}
    return {"config": config, "vocab": vocabulary, **change}


def test_tekken_json(tmp_path: Path) -> None:
    path = tmp_path / "tekken.json"
    path.write_text(json.dumps(tekken()))
    ours = read_tokenizer(path)
    assert len(ours.token_bytes) == 265 and ours.token_bytes[:5] == [None] * 4 + [b"\0"]
    assert ours.eos_ids == [2] and ours.special == {"<unk>": 0, "<s>": 1, "</s>": 2, "[INST]": 3}
    assert [ours.token_bytes[i] for i in ours.encode(b"hello wold")] == [b"hello", b" w", b"o", b"l", b"d"]
    assert ours.encode(b"[INST]x</s>") == [3, 4 + ord("x"), 2]
    assert ours.decode(ours.encode(b"</s>\xe4\n", special=False)) == b"</s>\xe4\n"
    named = [{"rank": i, "token_str": name} for i, name in enumerate(["<a>", "<eos>"])]
    path.write_text(json.dumps(tekken(special_tokens=named)))
    assert read_tokenizer(path).special == {"<a>": 0, "<eos>": 1, "<SPECIAL_2>": 2, "<SPECIAL_3>": 3}


@pytest.mark.parametrize(
    "wrong",
    [
        *(b"", b"[]", b"{", b"\xce\xff", b"[" * 100_000, b'{"config": {}, "vocab": []}'),
        *(
            json.dumps(tekken(**change)).encode()
            for change in (
                {"vocab": []},
                {"vocab": [{"token_bytes": "no base 64!"}] * 300},
                {"vocab": [None] * 300},
                {"special_tokens": [{"token_str": "x"}]},
                {"config": {"pattern": "(", "default_vocab_size": 265, "default_num_special_tokens": 4}},
                {"config": {"pattern": "a", "default_vocab_size": "many", "default_num_special_tokens": 4}},
                {"config": {"pattern": "a", "default_vocab_size": 1 << 40, "default_num_special_tokens": 1 << 40}},
            )
        ),
    ],
)
def test_tokenizer_files_that_are_wrong(tmp_path: Path, wrong: bytes) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(wrong)
    with pytest.raises(EngineError, match=re.escape(str(path))):
        read_tokenizer(path)


# The file itself


@pytest.fixture
def small(tmp_path: Path) -> Path:
    writer = gguf.GGUFWriter(tmp_path / "small.gguf", "llama")
    writer.add_uint32("number", 7)
    writer.add_bool("flag", True)
    writer.add_float32("part", 0.5)
    writer.add_array("texts", ["a", "ü"])
    writer.add_array("numbers", [1, 2, 3])
    writer.add_tensor("weight", np.ones((3, 32), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return tmp_path / "small.gguf"


def test_metadata_and_tensors_are_read(small: Path) -> None:
    read = read_gguf(small)
    assert (read.get("number", int), read.get("flag", bool), read.get("part", float)) == (7, True, 0.5)
    assert read.get("texts", list) == ["a", "ü"] and read.get("numbers", np.ndarray).tolist() == [1, 2, 3]
    assert [(t.name, t.shape, t.offset) for t in read.tensors] == [("weight", (3, 32), 0)]
    assert small.stat().st_size == read.data_offset + 3 * 32 * 4
    assert read.get("other", int, 5) == 5
    for key, kind in (("other", int), ("number", str)):
        with pytest.raises(EngineError, match=key):
            read.get(key, kind)


def test_a_cut_or_a_flipped_byte_anywhere_is_an_engine_error_or_harmless(small: Path) -> None:
    content = small.read_bytes()
    header = read_gguf(small).data_offset
    for end in range(0, header - 32, 3):
        small.write_bytes(content[:end])
        with pytest.raises(EngineError):
            read_gguf(small)
    for position in range(header):
        changed = bytearray(content)
        changed[position] ^= (0x01, 0x80, 0xFF)[position % 3]
        small.write_bytes(changed)
        with contextlib.suppress(EngineError):
            read_gguf(small)


def test_what_is_no_model_is_told_by_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "text.gguf").write_text("# Read me")
    (tmp_path / "empty.gguf").touch()
    for name, message in (
        ("text.gguf", "begins with b'# Read"),
        ("empty.gguf", "is empty"),
        ("none.gguf", "No such file"),
        (".", "is a directory"),
    ):
        with pytest.raises(EngineError, match=message):
            read_gguf(tmp_path / name)
    with pytest.raises(EngineError, match="no regular file"):
        read_gguf(Path("/dev/null"))
