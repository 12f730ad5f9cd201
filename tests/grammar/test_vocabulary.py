"""Vocabularies: what is refused, what decides the content hash, and the cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from aici.grammar.vocabulary import Vocabulary, VocabularyError


def spelled(vocabulary: Vocabulary) -> list[tuple[bytes, int]]:
    """Every token with its bytes, as the trie has them."""
    found, path = [], bytearray()
    for node in vocabulary.nodes.tolist():
        depth, token = node >> 8 & 0xFFF, node >> 20 & 0x3FFFFF
        del path[depth - 1 :]
        path.append(node & 0xFF)
        if token:
            found.append((bytes(path), token - 1))
    return found


def test_the_trie_holds_every_token() -> None:
    tokens = [b"ab", None, b"a", b"", b"ab", b"\0", b"\0\0", b"abc", b"ab", b"x" * 300]
    vocabulary = Vocabulary(tokens, [1])
    assert sorted(spelled(vocabulary)) == sorted((text, i) for i, text in enumerate(tokens) if text)


def test_nothing_to_spell() -> None:
    assert len(Vocabulary([], [0], 5).nodes) == 0
    assert len(Vocabulary([None, b""], [0]).nodes) == 0


def test_what_is_outside_is_refused() -> None:
    for tokens, eos, n_logits in [
        ([b"a"], [1], None),
        ([b"a"], [-1], None),
        ([b"a", b"b"], [0], 1),
        ([b"a" * 5000], [0], 1),
    ]:
        with pytest.raises(VocabularyError):
            Vocabulary(tokens, eos, n_logits)


def test_the_content_hash_tells_tokens_apart() -> None:
    hashes = {
        Vocabulary(t, [0]).content_hash for t in ([b"a", b"b"], [b"ab", b""], [b"b", b"a"], [b"a"], [b"a", b"b", b""])
    }
    assert len(hashes) == 5
    assert Vocabulary([b"a", None], [0]).content_hash == Vocabulary([b"a", b""], [1], 9).content_hash


def test_a_damaged_cache_is_built_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AICIC_CACHE_DIR", str(tmp_path))
    tokens = [bytes([a, b]) for a in range(40) for b in range(40)]
    good = Vocabulary(tokens, [0]).nodes.tolist()
    (file,) = tmp_path.glob("index-*")
    data = file.read_bytes()
    for bad in (b"", data[:-8], data[:-1] + b"\xff"):
        file.write_bytes(bad)
        assert Vocabulary(tokens, [0]).nodes.tolist() == good
        assert file.read_bytes() == data
