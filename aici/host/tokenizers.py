"""Tokenizers as the host wants them (`tokenizer.py`), made of Hugging Face `tokenizers` objects.

In: the metadata of a GGUF file, a `tokenizer.json`, or Mistral's `tekken.json`. Out: a `HuggingFaceTokenizer`. Two
families are known: byte-level BPE (a printable character stands for each byte) and SentencePiece (`▁` is a space,
`<0xNN>` a byte).

Encoding equals llama.cpp's own for the same file, apart from two things that would break "text in, the same text out":
no space is put before the text, and a byte that the vocabulary cannot spell is an error and not skipped.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import tokenizers as hf
from tokenizers import models, normalizers, pre_tokenizers

from aici.host.engines.base import EngineError
from aici.host.gguf_file import GgufFile
from aici.host.pretokenizers import PRE_TOKENIZERS, PreTokenizer

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
"""Types of a token in a GGUF file; 0 is undefined and taken as normal."""

END_NAMES = frozenset(
    (
        "<|eot_id|> <|im_end|> <|end|> <|return|> <|call|> <|flush|> <|calls|> <end_of_turn> <|endoftext|> </s> <eos>"
        " <|eom_id|> <EOT> _<EOT> [EOT] [EOS] <|end_of_text|> <end_of_utterance> <turn|> <｜end▁of▁sentence｜> [e~["
        # What a code model writes between files is no text either.
        " <|fim_pad|> <fim-pad> <fim_pad> <PAD> [PAD] <|fim_repo|> <|repo_name|> <fim-repo> <REPO> <reponame>"
        " <|file_sep|>"
    ).split()
)
"""Tokens that end a sequence wherever a vocabulary has them: files often name only one. llama.cpp's list."""

END_KEYS = ("eos", "eot", "eom", "fim_pad", "fim_rep", "fim_sep")
"""Metadata `tokenizer.ggml.…_token_id` of tokens that end a sequence; the first is *the* EOS token."""


class HuggingFaceTokenizer:
    """A `Tokenizer` over a `tokenizers.Tokenizer` and the bytes of its tokens. May be used from several threads."""

    def __init__(
        self,
        tokenizer: hf.Tokenizer,
        token_bytes: Sequence[bytes | None],
        eos_ids: Sequence[int],
        special: Mapping[str, int],
        prefix_ids: Sequence[int] = (),
        unknown: int | None = None,
        spells_bytes: bool = True,
    ) -> None:
        """`unknown`: the id that stands for what cannot be spelled. `spells_bytes`: text is spelled byte by byte, so
        that a byte without a token of its own cannot occur in it."""
        self.token_bytes = token_bytes
        self.eos_ids = eos_ids
        self.special = special
        self.prefix_ids = prefix_ids
        self._tokenizer = tokenizer
        self._unknown = unknown
        self._byte_ids = {text[0]: i for i, text in reversed(list(enumerate(token_bytes))) if text and len(text) == 1}
        missing = bytes(byte for byte in range(256) if byte not in self._byte_ids) if spells_bytes else b""
        self._missing = re.compile(b"[%b]" % re.escape(missing)) if missing else None
        self._lock = threading.Lock()  # whether special names count is a setting of the object, not of the call

    def encode(self, text: bytes, special: bool = True) -> list[int]:
        if self._missing and self._missing.search(text):
            rest = self._names(special).sub(b"", text)
            if found := self._missing.search(rest):
                raise ValueError(_no_token(rest, found.start()))
        tokens: list[int] = []
        for run in _INVALID.split(text.decode("utf-8", "surrogateescape")):
            if run and _INVALID.match(run):
                tokens += self._spelled(run.encode("utf-8", "surrogateescape"))
            elif run:
                tokens += self._encoded(run, special)
        return tokens

    def decode(self, tokens: Sequence[int]) -> bytes:
        return b"".join(self.token_bytes[token] or b"" for token in tokens)

    def _names(self, special: bool) -> re.Pattern[bytes]:
        """What in a text is a token by its name, and so need not be spelled."""
        added = self._tokenizer.get_added_tokens_decoder().values()
        names = [token.content.encode() for token in added if special or not token.special]
        return re.compile(b"|".join(re.escape(name) for name in sorted(names, key=len, reverse=True)))

    def _encoded(self, text: str, special: bool) -> list[int]:
        with self._lock:
            self._tokenizer.encode_special_tokens = not special
            encoding = self._tokenizer.encode(text, add_special_tokens=False)
        tokens: list[int] = encoding.ids
        if self._unknown in tokens:
            self._refuse_unknown(text, encoding, special)
        return tokens

    def _refuse_unknown(self, text: str, encoding: hf.Encoding, special: bool) -> None:
        """Raises where the unknown token stands for something else than its own name."""
        name = self._tokenizer.id_to_token(self._unknown or 0) or ""
        for token, (start, _) in zip(encoding.ids, encoding.offsets, strict=True):
            if token == self._unknown and not (special and text.startswith(name, start)):
                raise ValueError(f"no token of this vocabulary spells {text[start]!r}")

    def _spelled(self, run: bytes) -> list[int]:
        for position, byte in enumerate(run):
            if byte not in self._byte_ids:
                raise ValueError(_no_token(run, position))
        return [self._byte_ids[byte] for byte in run]


_INVALID = re.compile("([\udc80-\udcff]+)")
"""Bytes that are no UTF-8, as `surrogateescape` shows them."""


def _no_token(text: bytes, position: int) -> str:
    return f"no token of this vocabulary spells the byte 0x{text[position]:02x}"


def gguf_tokenizer(file: GgufFile) -> HuggingFaceTokenizer:
    """The tokenizer in a GGUF file. Raises `EngineError` for a kind that is not known, and for one that is broken."""
    texts = [text or f"[EMPTY_{i}]" for i, text in enumerate(file.get("tokenizer.ggml.tokens", list))]
    kinds = _kinds(file, texts)
    model = file.get("tokenizer.ggml.model", str)
    ends = _ends(file, texts, default=2 if model == "llama" else None)
    for token in ends:
        kinds[token] = CONTROL
    try:
        if model == "gpt2":
            row = _pre_tokenizer(file)
            tokenizer, wants_bos = _byte_level(file, texts, row), row.bos
            token_bytes = [_byte_level_bytes(text, kind) for text, kind in zip(texts, kinds, strict=True)]
        elif model == "llama":
            tokenizer, wants_bos = _sentencepiece(file, texts, kinds), True
            token_bytes = [_piece_bytes(text, kind) for text, kind in zip(texts, kinds, strict=True)]
        else:
            raise EngineError(f"{file.path} has a tokenizer of type {model!r}; only 'gpt2' and 'llama' are known")
    except EngineError:
        raise
    except Exception as error:  # the library raises bare ones, with a reason
        raise EngineError(f"{file.path} has a broken tokenizer: {error}") from None
    _add_specials(tokenizer, texts, kinds)
    bos = file.get("tokenizer.ggml.bos_token_id", int, 1 if model == "llama" else -1)
    return HuggingFaceTokenizer(
        tokenizer,
        token_bytes,
        ends,
        {text: i for i, (text, kind) in enumerate(zip(texts, kinds, strict=True)) if kind in (CONTROL, UNKNOWN)},
        [bos] if file.get("tokenizer.ggml.add_bos_token", bool, wants_bos) and 0 <= bos < len(texts) else [],
        unknown=next((i for i, kind in enumerate(kinds) if kind == UNKNOWN), None),
        spells_bytes=model == "gpt2",
    )


def _kinds(file: GgufFile, texts: Sequence[str]) -> list[int]:
    """The type of every token, all normal where the file does not say."""
    if "tokenizer.ggml.token_type" not in file.metadata:
        return [NORMAL] * len(texts)
    kinds: list[int] = file.get("tokenizer.ggml.token_type", np.ndarray).tolist()
    if len(kinds) != len(texts):
        raise EngineError(f"{file.path} has a broken tokenizer: {len(texts)} tokens but {len(kinds)} token types")
    return kinds


def _ends(file: GgufFile, texts: Sequence[str], default: int | None) -> list[int]:
    """Tokens that end a sequence: the named ones in the order of `END_KEYS`, then those with a telling text."""
    keys = [f"tokenizer.ggml.{name}_token_id" for name in END_KEYS]
    ids = [file.get(key, int) for key in keys if key in file.metadata] or ([] if default is None else [default])
    ids += [i for i, text in enumerate(texts) if text in END_NAMES]
    ids = [i for i in dict.fromkeys(ids) if 0 <= i < len(texts)]
    if {"<|return|>", "<|call|>"} <= set(texts):  # there <|end|> ends a message, and the sequence goes on
        ids = [i for i in ids if texts[i] != "<|end|>"]
    if not ids:
        raise EngineError(f"{file.path} names no token that ends a text; this model file cannot be used")
    return ids


def _add_specials(tokenizer: hf.Tokenizer, texts: Sequence[str], kinds: Sequence[int]) -> None:
    """Tokens that are found in text before anything else: control ones on request, user-defined ones always."""
    special = [text for text, kind in zip(texts, kinds, strict=True) if kind in (CONTROL, UNKNOWN)]
    always = [text for text, kind in zip(texts, kinds, strict=True) if kind == USER_DEFINED]
    tokenizer.add_special_tokens([hf.AddedToken(_shown(text), special=True, normalized=False) for text in special])
    tokenizer.add_tokens([hf.AddedToken(_shown(text), special=False, normalized=False) for text in always])


# Byte-level BPE


def _byte_characters() -> dict[str, int]:
    """The byte that each character of a byte-level vocabulary stands for: printable Latin-1 stands for itself, the
    others for code points from 256 on (GPT-2, `bytes_to_unicode`)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(others)}


_BYTE_OF = _byte_characters()
_CHARACTERS = {byte: character for character, byte in _BYTE_OF.items()}
"""The character that stands for a byte."""


def _byte_level_bytes(text: str, kind: int) -> bytes | None:
    """The bytes of a token of a byte-level vocabulary; None for one that stands for no text."""
    if kind in (CONTROL, UNKNOWN, UNUSED):
        return None
    try:
        if kind != USER_DEFINED:
            return bytes([_BYTE_OF[character] for character in text])
    except KeyError:
        pass  # an added token that the file does not call so
    return text.encode("utf-8", "surrogateescape")


def _pre_tokenizer(file: GgufFile) -> PreTokenizer:
    name = file.get("tokenizer.ggml.pre", str, "default")
    if name not in PRE_TOKENIZERS:
        raise EngineError(f"{file.path} wants the pre-tokenizer {name!r}, which is not known here")
    return PRE_TOKENIZERS[name]


def _byte_level(file: GgufFile, texts: Sequence[str], row: PreTokenizer) -> hf.Tokenizer:
    merges = [tuple(merge.split(" ", 1)) for merge in file.get("tokenizer.ggml.merges", list)]
    tokenizer = hf.Tokenizer(models.BPE(_vocabulary(texts), merges, ignore_merges=row.whole_words))
    cuts = [pre_tokenizers.Split(hf.Regex(pattern), "isolated") for pattern in row.patterns]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [*cuts, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    return tokenizer


# SentencePiece


def _piece_bytes(text: str, kind: int) -> bytes | None:
    """The bytes of a SentencePiece token; None for one that stands for no text."""
    if kind in (CONTROL, UNKNOWN, UNUSED):
        return None
    if kind == BYTE and (found := re.fullmatch("<0x([0-9A-Fa-f]{2})>", text)):
        return bytes([int(found[1], 16)])
    return (text if kind == USER_DEFINED else text.replace("▁", " ")).encode("utf-8", "surrogateescape")


def _sentencepiece(file: GgufFile, texts: Sequence[str], kinds: Sequence[int]) -> hf.Tokenizer:
    scores = file.get("tokenizer.ggml.scores", np.ndarray).tolist()
    if len(scores) != len(texts):
        raise EngineError(f"{file.path} has a broken tokenizer: {len(texts)} tokens but {len(scores)} scores")
    pieces = {text: i for i, text in enumerate(texts) if kinds[i] in (0, NORMAL)}
    unknown = next((text for text, kind in zip(texts, kinds, strict=True) if kind == UNKNOWN), None)
    model = models.BPE(
        _vocabulary(texts), _merges(pieces, scores), unk_token=unknown and _shown(unknown), byte_fallback=True
    )
    tokenizer = hf.Tokenizer(model)
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    return tokenizer


def _merges(pieces: Mapping[str, int], scores: Sequence[float]) -> list[tuple[str, str]]:
    """SentencePiece merges whatever two neighbours make a piece, the best-scored piece first: as a list of merges,
    every cut of every piece, by falling score."""
    merges = []
    for piece in sorted(pieces, key=lambda piece: (-scores[pieces[piece]], pieces[piece])):
        cuts = ((piece[:i], piece[i:]) for i in range(1, len(piece)))
        merges += [(left, right) for left, right in cuts if left in pieces and right in pieces]
    return merges


def _vocabulary(texts: Iterable[str]) -> dict[str, int]:
    return {_shown(text): i for i, text in enumerate(texts)}


def _shown(text: str) -> str:
    """A text that the library takes: one that is no UTF-8 can never be met in text, so any name does for it."""
    return (
        text
        if text.isascii() or not _INVALID.search(text)
        else f"[BYTES_{text.encode('utf-8', 'surrogateescape').hex()}]"
    )


# Files of their own, beside a model

_MAX_FILE: Final = 256 << 20
_MAX_TOKENS: Final = 1 << 22
_BYTE_PIECE: Final = re.compile("<0x[0-9A-Fa-f]{2}>")
_TEKKEN_SPECIAL: Final = (
    "<unk> <s> </s> [INST] [/INST] [AVAILABLE_TOOLS] [/AVAILABLE_TOOLS] [TOOL_RESULTS] [/TOOL_RESULTS] [TOOL_CALLS]"
    " [IMG] <pad> [IMG_BREAK] [IMG_END] [PREFIX] [MIDDLE] [SUFFIX] [SYSTEM_PROMPT] [/SYSTEM_PROMPT] [TOOL_CONTENT]"
).split()
"""Of tekken files that do not name their special tokens."""


def read_tokenizer(path: Path, end_names: Iterable[str] = END_NAMES) -> HuggingFaceTokenizer:
    """The tokenizer in a file; `end_names`: which of its special tokens end a sequence. Raises `EngineError`."""
    data = _load(path)
    try:
        if isinstance(data.get("config"), dict) and isinstance(data.get("vocab"), list):
            return _tekken(path, data, end_names)
        return _hugging_face(path, end_names)
    except EngineError:
        raise
    except Exception as error:  # the library raises bare ones, with a reason; and files hold anything
        raise EngineError(f"cannot read the tokenizer {path}: {error or type(error).__name__}") from None


def _load(path: Path) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            text = file.read(_MAX_FILE + 1)
        if len(text) > _MAX_FILE:
            raise ValueError(f"it is longer than {_MAX_FILE >> 20} MiB")
        data = json.loads(text)
    except OSError as error:
        raise EngineError(f"cannot read the tokenizer {path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise EngineError(f"cannot read the tokenizer {path}: it is no JSON file") from None
    except (ValueError, RecursionError) as error:
        raise EngineError(f"cannot read the tokenizer {path}: {error}") from None
    if not isinstance(data, dict):
        raise EngineError(f"cannot read the tokenizer {path}: it holds no JSON object")
    return data


def _ends_named(path: Path, special: dict[str, int], end_names: Iterable[str]) -> list[int]:
    ends = sorted(special[name] for name in end_names if name in special)
    if not ends:
        raise EngineError(f"{path} has no special token that ends a text")
    return ends


# tokenizer.json


def _hugging_face(path: Path, end_names: Iterable[str]) -> HuggingFaceTokenizer:
    tokenizer = hf.Tokenizer.from_file(str(path))
    made = json.loads(tokenizer.to_str())
    bytewise = '"ByteLevel"' in json.dumps(made.get("pre_tokenizer"))
    if not bytewise and not made["model"].get("byte_fallback"):
        raise EngineError(f"{path} neither is a byte-level tokenizer nor falls back on bytes; only these are known")
    added, unknown = tokenizer.get_added_tokens_decoder(), made["model"].get("unk_token")
    size = max(tokenizer.get_vocab().values()) + 1
    texts = [tokenizer.id_to_token(i) or "" for i in range(size)]
    kinds = [_kind(text, added.get(i), unknown, bytewise) for i, text in enumerate(texts)]
    special = {text: i for i, text in enumerate(texts) if kinds[i] in (CONTROL, UNKNOWN)}
    spell = _byte_level_bytes if bytewise else _piece_bytes
    if not bytewise:  # a space before the text is not in the text
        tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.Replace(" ", "▁"), None
    return HuggingFaceTokenizer(
        tokenizer,
        [spell(text, kind) or None for text, kind in zip(texts, kinds, strict=True)],
        _ends_named(path, special, end_names),
        special,
        unknown=None if bytewise or unknown is None else special.get(unknown),
        spells_bytes=bytewise,
    )


def _kind(text: str, added: hf.AddedToken | None, unknown: str | None, bytewise: bool) -> int:
    if added is not None:
        return CONTROL if added.special else USER_DEFINED
    if bytewise:
        return NORMAL
    return UNKNOWN if text == unknown else BYTE if _BYTE_PIECE.fullmatch(text) else NORMAL


# tekken.json


def _tekken(path: Path, data: dict[str, Any], end_names: Iterable[str]) -> HuggingFaceTokenizer:
    """Special tokens come first, then those of the file by rank, as many as there is room for."""
    config = data["config"]
    size, n_special = int(config["default_vocab_size"]), int(config["default_num_special_tokens"])
    if not 0 < n_special <= size <= min(n_special + len(data["vocab"]), _MAX_TOKENS):
        raise EngineError(f"{path} has a broken tokenizer: {size} tokens, {n_special} of them special")
    names = [str(entry["token_str"]) for entry in data.get("special_tokens") or ()] or _TEKKEN_SPECIAL
    names = [*names, *(f"<SPECIAL_{i}>" for i in range(len(names), n_special))][:n_special]
    pieces = [base64.b64decode(entry["token_bytes"], validate=True) for entry in data["vocab"][: size - n_special]]
    special = {name: i for i, name in enumerate(names)}
    tokenizer = hf.Tokenizer(_ranked(pieces, special))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(hf.Regex(str(config["pattern"])), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.add_special_tokens([hf.AddedToken(name, special=True, normalized=False) for name in names])
    token_bytes = [*(None for _ in names), *pieces]
    return HuggingFaceTokenizer(tokenizer, token_bytes, _ends_named(path, special, end_names), special)


def _ranked(pieces: Sequence[bytes], special: dict[str, int]) -> models.BPE:
    """As tiktoken does: of neighbours that together are a token, those of the lowest rank become it; a word that is a
    token is taken as such. Of the special tokens, which have the lowest ids, it knows the names."""
    ids = {piece: len(special) + rank for rank, piece in reversed(list(enumerate(pieces))) if piece}
    names = {piece: "".join(map(_CHARACTERS.__getitem__, piece)) for piece in ids}
    merges = [
        (names[piece[:cut]], names[piece[cut:]])
        for piece in sorted(ids, key=ids.__getitem__)
        for cut in range(1, len(piece))
        if piece[:cut] in ids and piece[cut:] in ids
    ]
    vocabulary = {names[piece]: i for piece, i in ids.items()}
    return models.BPE(vocabulary | special, merges, ignore_merges=True)
