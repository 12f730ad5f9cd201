"""How byte-level BPE vocabularies cut text into words before they merge: one table by the name a GGUF file gives.

A row is the regular expressions, applied one after the other: each cuts what the ones before have left into its matches
and what is between them. They are those of the models' own tokenizers, by the grouping of llama.cpp
(`src/llama-vocab.cpp`). Imported by `tokenizers` only.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PreTokenizer:
    """`whole_words`: a word that is a token is taken as such, whatever the merges say. `bos`: the vocabulary wants its
    BOS token first unless the file says otherwise."""

    patterns: tuple[str, ...]
    whole_words: bool = False
    bos: bool = False


def _modern(digits: str, word: str = r"[^\r\n\p{L}\p{N}]?\p{L}+", symbols: str = r" ?[^\s\p{L}\p{N}]+[\r\n]*") -> str:
    """The pattern that most models since 2023 share, but for the run of digits that it takes at once."""
    contraction = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
    return rf"{contraction}|{word}|{digits}|{symbols}|\s*[\r\n]+|\s+(?!\S)|\s+"


def _cased(digits: str, suffix: str) -> str:
    """The pattern that also cuts where an upper-case letter follows a lower-case one."""
    upper, lower = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
    first = r"[^\r\n\p{L}\p{N}]?"
    words = rf"{first}{upper}*{lower}+{suffix}|{first}{upper}+{lower}*{suffix}"
    return rf"{words}|{digits}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"


_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)"
_DEEPSEEK3 = (
    r"\p{N}{1,3}",
    r"[一-龥぀-ゟ゠-ヿ]+",
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
    r"""| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+""",
)

_ROWS: tuple[tuple[str, PreTokenizer], ...] = (
    ("gpt-2 phi-2 mpt olmo jais trillion granite-docling exaone4 gigachat a.x-4.0 mellum", PreTokenizer((_GPT2,))),
    (
        "smollm starcoder refact command-r codeshell exaone minerva-7b mellum2",
        PreTokenizer((r"\p{N}", _GPT2)),
    ),
    (
        "llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2",
        PreTokenizer((_modern(r"\p{N}{1,3}"),), whole_words=True, bos=True),
    ),
    ("dbrx smaug-bpe glm4 chatglm-bpe", PreTokenizer((_modern(r"\p{N}{1,3}"),))),
    (
        "qwen2 deepseek-r1-qwen megrez stablelm2 hunyuan solar-open grok-2 kormo f2llmv2",
        PreTokenizer((_modern(r"\p{N}"),)),
    ),
    (
        "qwen35",
        PreTokenizer(
            (_modern(r"\p{N}", r"[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+", r" ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"),),
        ),
    ),
    ("minicpm5", PreTokenizer((r"\p{N}{1,3}", _modern(r"\p{N}+")), whole_words=True)),
    ("deepseek-v3 hunyuan-dense joyai-llm hy_v4", PreTokenizer(_DEEPSEEK3)),
    ("tekken", PreTokenizer((_cased(r"\p{N}", ""),), whole_words=True, bos=True)),
    (
        "gpt-4o llama4 kanana2 talkie minimax-m2",
        PreTokenizer((_cased(r"\p{N}{1,3}", "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"),)),
    ),
    ("falcon", PreTokenizer((r"[\p{P}\$\+<=>\^~\|`]+", _GPT2, r"[0-9][0-9][0-9]"))),
    ("default", PreTokenizer((r"[\p{P}\$\+<=>\^~\|]+", _GPT2, r"\p{N}+", r"[0-9][0-9][0-9]"))),
)

PRE_TOKENIZERS: dict[str, PreTokenizer] = {name: row for names, row in _ROWS for name in names.split()}
"""By `tokenizer.ggml.pre`."""
