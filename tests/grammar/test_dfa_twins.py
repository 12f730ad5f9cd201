"""The kernels of options, combinations, lazy automata and automata's bytes: native code against the same source as
Python, which checks the bounds of every access."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest

from aici.grammar import (
    algebra,
    algebra_kernels,
    dfa_bytes_kernels,
    lazy_kernels,
    options,
    options_kernels,
    targets,
)
from aici.grammar.atoms import N_ATOMS, atoms
from aici.grammar.dfa import Dfa
from aici.grammar.errors import CorruptAutomaton
from aici.grammar.jit import Kernel
from aici.grammar.lazy import compile_lazily
from aici.grammar.machine import make_growing_machine
from aici.grammar.options import compile_options
from aici.grammar.regex import compile_regex
from aici.grammar.vocabulary import Vocabulary

PAIRS = [("(ab|é)*", "[^b]{0,3}"), ("a+", "(?s).?"), ("a|b|日", "[ab]*")]
OPTIONS = [
    ["a"],
    ["", "b"],
    ["ab", "abc", "b", "éa", "éb"],
    [c + d + "z" * k for c in "abcé" for d in "xyz" for k in range(3)],
]


@pytest.fixture
def twins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every kernel that is called in the test is run by Python."""
    modules: list[ModuleType] = [algebra, options, algebra_kernels, dfa_bytes_kernels, options_kernels]
    kernels = [(module, name, k) for module in modules for name, k in vars(module).items() if isinstance(k, Kernel)]
    twins = {k: k.python for _, _, k in kernels}
    for module, name, k in kernels:
        monkeypatch.setattr(module, name, twins[k])
    yield


NATIVE = {
    "options": [compile_options(texts) for texts in OPTIONS],
    "algebra": [algebra.union(compile_regex(a), compile_regex(b)) for a, b in PAIRS],
    "chain": [algebra.concatenation(compile_regex(a), compile_regex(b)) for a, b in PAIRS],
}
BYTES = [dfa.to_bytes() for group in NATIVE.values() for dfa in group]


def test_options(twins: None) -> None:
    assert [compile_options(texts) for texts in OPTIONS] == NATIVE["options"]


def test_combinations(twins: None) -> None:
    compiled = [(compile_regex(a), compile_regex(b)) for a, b in PAIRS]
    assert [algebra.union(a, b) for a, b in compiled] == NATIVE["algebra"]
    assert [algebra.concatenation(a, b) for a, b in compiled] == NATIVE["chain"]


def test_bytes(twins: None) -> None:
    again = [Dfa.from_bytes(data) for data in BYTES]
    assert again == [dfa for group in NATIVE.values() for dfa in group]
    assert [dfa.to_bytes() for dfa in again] == BYTES


def test_damaged_bytes_never_lead_outside(twins: None) -> None:
    data = compile_regex("(a|é)b{2}").to_bytes()
    for i in range(1, len(data)):
        for damaged in (data[:i], data[:i] + bytes([data[i] ^ 0x41]) + data[i + 1 :], data[:i] + b"\xff" + data[i:]):
            try:
                dfa = Dfa.from_bytes(damaged)
            except CorruptAutomaton:
                continue
            assert dfa.table.max() < dfa.n_states


def test_lazy_automata(monkeypatch: pytest.MonkeyPatch) -> None:
    vocabulary = Vocabulary([b"a", b"\xc3", b"\xa9b", "é".encode(), b"bb", None], [5])
    masks = []
    for native in (True, False):
        lazy = compile_lazily("(é|[^a]b){1,3}\\w")
        if not native:
            for name in ("mask", "follow"):
                monkeypatch.setattr(lazy_kernels, name, getattr(lazy_kernels, name).python)
        state, seen = lazy.start, []
        for token in (b"", "é".encode(), b"\xc3", b"\xa9b", b"bb"):
            state = lazy.advance(state, token)
            out = np.zeros(vocabulary.n_words, np.uint32)
            lazy.mask(state, vocabulary.nodes, vocabulary.max_depth, out)
            seen.append((state, lazy.is_accepting(state), int(out[0])))
        masks.append(seen)
    assert masks[0] == masks[1]


@pytest.mark.parametrize("pattern", ["(é|[^a]b){1,3}\\w", ".{0,9}foo.*", "[a-z]{1,70}"])
def test_targets_of_lazy_automata(pattern: str) -> None:
    rows = []
    for find in (targets.find_targets, targets.find_targets.python):
        lazy, row = compile_lazily(pattern), np.zeros(N_ATOMS, np.int32)
        machine, visited = make_growing_machine(lazy, 8), np.zeros(targets.visited_size(), np.int64)
        found, state = [], lazy.start
        for text in (b"", b"x", b"\xc3", b"\xa9", b"b"):
            state = lazy.advance(state, text) or state
            find(machine, atoms(), visited, state, row)
            found.append(row.tolist())
        rows.append(found)
    assert rows[0] == rows[1]
