"""Our tokenizers against llama.cpp's own, on the same GGUF file."""

from __future__ import annotations

import ctypes
import string
from collections.abc import Callable, Iterator
from pathlib import Path

import gguf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aici.host.engines import llama_api
from aici.host.gguf_file import GgufFile, read_gguf
from aici.host.pretokenizers import PRE_TOKENIZERS
from aici.host.tokenizers import BYTE, CONTROL, NORMAL, UNKNOWN, USER_DEFINED, HuggingFaceTokenizer, gguf_tokenizer
from aici.host.weights import packaged_model

Encode = Callable[[bytes, bool], list[int]]


class Reference:
    """llama.cpp with only the vocabulary of a file loaded."""

    def __init__(self, path: Path) -> None:
        self.api = llama_api.load()
        self.lib = self.api.lib
        tokenize = self.lib.llama_tokenize
        tokenize.restype = ctypes.c_int32
        tokenize.argtypes = [
            *(ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32, ctypes.c_void_p, ctypes.c_int32),
            *(ctypes.c_bool, ctypes.c_bool),
        ]
        self.lib.llama_vocab_is_eog.restype = ctypes.c_bool
        self.lib.llama_vocab_is_eog.argtypes = [ctypes.c_void_p, ctypes.c_int32]
        params = self.api.model_params()
        params.vocab_only = True
        self.model = self.lib.llama_model_load_from_file(str(path).encode(), params)
        assert self.model, self.api.reason()
        self.vocab = self.lib.llama_model_get_vocab(self.model)

    def encode(self, text: bytes, special: bool) -> list[int]:
        room = (ctypes.c_int32 * (len(text) * 4 + 16))()
        n = self.lib.llama_tokenize(self.vocab, text, len(text), room, len(room), False, special)
        assert n >= 0
        return list(room[:n])

    def ends(self) -> set[int]:
        n = self.lib.llama_vocab_n_tokens(self.vocab)
        return {i for i in range(n) if self.lib.llama_vocab_is_eog(self.vocab, i)}

    def close(self) -> None:
        self.lib.llama_model_free(self.model)


def vocabulary_file(path: Path, source: GgufFile, changes: dict[str, object]) -> Path:
    """A GGUF file with the metadata of another and no tensors."""
    writer = gguf.GGUFWriter(path, "llama")
    for key, value in {**source.metadata, **changes}.items():
        if key == "general.architecture":
            continue
        if hasattr(value, "tolist"):
            value = value.tolist()
        if isinstance(value, list):
            writer.add_array(key, value)
        elif isinstance(value, bool):
            writer.add_bool(key, value)
        elif isinstance(value, int):
            writer.add_uint32(key, value)
        elif isinstance(value, float):
            writer.add_float32(key, value)
        else:
            writer.add_string(key, str(value))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path


TRICKY = [
    "",
    " ",
    "  \n\n\t \r\n x",
    "Hello, wörld! 你好世界 😀👩‍👩‍👧 ﷽ ñ ñ",
    "don't DON'T we'll I'M it's 's 'S",
    "1 12 123 1234 12345 3.14159 ١٢٣ ½ ²³",
    "def f(x):\n    return x  # ok\n\n\n",
    "<|im_start|>user\n<|im_end|><|endoftext|> <|im_start",
    "CamelCaseHTTPServer snake_case __init__ $%^&*() [[]] ...!!!???",
    "a\u00a0b\u3000c\u200bd\ufeffe",
    "x" * 300,
    " " * 300 + "y",
]

TEXT = st.text(
    st.one_of(
        st.sampled_from(string.ascii_letters + string.digits + "   \n\t'\"!.,_-$<|>()"),
        st.sampled_from("äßéñЖж你好가あ١½²😀\u0301\u00a0\u2028"),
    ),
    max_size=40,
)


@pytest.fixture(scope="module")
def smollm() -> GgufFile:
    return read_gguf(packaged_model())


@pytest.fixture(scope="module")
def pair(smollm: GgufFile) -> Iterator[tuple[HuggingFaceTokenizer, Reference]]:
    reference = Reference(smollm.path)
    yield gguf_tokenizer(smollm), reference
    reference.close()


@pytest.mark.model
@settings(deadline=None, max_examples=100)
@given(text=TEXT, special=st.booleans())
def test_smollm_equals_llama_cpp(pair: tuple[HuggingFaceTokenizer, Reference], text: str, special: bool) -> None:
    tokenizer, reference = pair
    assert tokenizer.encode(text.encode(), special) == reference.encode(text.encode(), special)


@pytest.mark.model
@pytest.mark.parametrize("text", TRICKY)
@pytest.mark.parametrize("special", [True, False])
def test_smollm_equals_llama_cpp_on_tricky_text(
    pair: tuple[HuggingFaceTokenizer, Reference], text: str, special: bool
) -> None:
    tokenizer, reference = pair
    tokens = tokenizer.encode(text.encode(), special)
    assert tokens == reference.encode(text.encode(), special)
    if not special:
        assert tokenizer.decode(tokens) == text.encode()


@pytest.mark.model
def test_smollm_ends_as_llama_cpp_says(pair: tuple[HuggingFaceTokenizer, Reference]) -> None:
    tokenizer, reference = pair
    assert tokenizer.eos_ids == [2, 0, 4] and set(tokenizer.eos_ids) == reference.ends()


ROWS = sorted({row: name for name, row in PRE_TOKENIZERS.items()}.values())


@pytest.mark.model
@pytest.mark.parametrize("name", ROWS)
def test_every_pre_tokenizer_equals_llama_cpp(name: str, smollm: GgufFile, tmp_path: Path) -> None:
    path = vocabulary_file(tmp_path / "v.gguf", smollm, {"tokenizer.ggml.pre": name})
    tokenizer, reference = gguf_tokenizer(read_gguf(path)), Reference(path)

    @settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.nested_given])
    @given(TEXT)
    def check(text: str) -> None:
        assert tokenizer.encode(text.encode()) == reference.encode(text.encode(), True)

    check()
    for text in TRICKY:
        assert tokenizer.encode(text.encode()) == reference.encode(text.encode(), True), text
    reference.close()


def sentencepiece_file(path: Path, pieces: dict[str, float], more: dict[str, int]) -> Path:
    """A SentencePiece vocabulary: control tokens, 256 byte tokens, pieces with scores, then `more` by type."""
    tokens = [("<unk>", 0.0, UNKNOWN), ("<s>", 0.0, CONTROL), ("</s>", 0.0, CONTROL)]
    tokens += [(f"<0x{byte:02X}>", 0.0, BYTE) for byte in range(256)]
    tokens += [(piece, score, NORMAL) for piece, score in pieces.items()]
    tokens += [(piece, -1000.0, kind) for piece, kind in more.items()]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_string("tokenizer.ggml.model", "llama")
    writer.add_array("tokenizer.ggml.tokens", [text for text, _, _ in tokens])
    writer.add_array("tokenizer.ggml.scores", [score for _, score, _ in tokens])
    writer.add_array("tokenizer.ggml.token_type", [kind for _, _, kind in tokens])
    writer.add_uint32("tokenizer.ggml.bos_token_id", 1)
    writer.add_uint32("tokenizer.ggml.eos_token_id", 2)
    writer.add_bool("tokenizer.ggml.add_space_prefix", False)
    writer.add_uint32("llama.context_length", 64)
    for key in ("embedding_length", "block_count", "feed_forward_length", "attention.head_count"):
        writer.add_uint32(f"llama.{key}", 1)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path


PIECES = st.lists(st.text("ab▁é", min_size=1, max_size=4), unique=True, max_size=25)
PIECE_TEXT = st.text("ab é你", max_size=25)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PIECES, st.lists(PIECE_TEXT, min_size=1, max_size=8))
def test_sentencepiece_equals_llama_cpp(tmp_path: Path, pieces: list[str], texts: list[str]) -> None:
    singles = dict.fromkeys("ab▁é", -100.0)  # a character in a piece is a piece, in all real vocabularies
    scored = {piece: -float(rank) for rank, piece in enumerate(pieces)}
    path = sentencepiece_file(tmp_path / "v.gguf", singles | scored, {"<user>": USER_DEFINED, "<ctl>": CONTROL})
    tokenizer, reference = gguf_tokenizer(read_gguf(path)), Reference(path)
    for text in [*texts, "a<user> b<ctl>a</s>"]:
        for special in (True, False):
            tokens = tokenizer.encode(text.encode(), special)
            assert tokens == reference.encode(text.encode(), special), (text, special)
            assert special or tokenizer.decode(tokens) == text.encode()
    reference.close()
