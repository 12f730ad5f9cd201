"""Where masks differ: from the reference not at all, from each peer in tokens that are counted by category.

Goes in: the masks that were measured. Comes out: counts, and what each category means.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from maskbench.measure import Samples
from maskbench.patterns import Case
from maskbench.reference import Reference
from maskbench.vocabularies import Tokens

CATEGORIES = {
    "end": "end of the sequence: whether a complete text may end is said by another call of theirs, or they let it end "
    "where the text is not complete",
    "special": "special tokens, which have no bytes",
    "forced": "other spellings of a text that is forced: they give the tokenizer's own only",
    "past": "tokens that go on from a complete text to one that is not, or that takes not the first alternative "
    "that matches: Outlines' automaton stops before",
    "newline": "tokens with a newline where the pattern says `.`, which holds it in XGrammar",
    "literal": r"of a pattern with \p{L}, which XGrammar reads as plain text",
    "word": r"characters beyond ASCII in \w: Rust's has marks, joiners and connecting punctuation, Python's has "
    "numbers such as ½; XGrammar's is ASCII",
    "space": r"rare white space: Python's \s holds \x1c to \x1f, Rust's and XGrammar's do not; XGrammar's is ASCII",
    "half": r"tokens that are no whole UTF-8: halves of characters that differ so (word, space)",
    "unexplained": "none of these",
}


Counts = dict[str, dict[str, int]]
"""What is counted, to case, to how often."""


def agreement(found: dict[str, Samples], cases: Sequence[Case], tokens: Tokens, ours: str) -> dict[str, Counts]:
    """For the reference and every other engine: masks compared, and tokens that only one side allows by category."""
    others = [name for name in found if name != ours]
    counts: dict[str, Counts] = {name: defaultdict(lambda: defaultdict(int)) for name in ("reference", *others)}
    for case in cases:
        readings = _Readings(case, tokens)
        mine = [_bits(mask, tokens) for mask in found[ours].masks.get(case.name, [])]
        for what, often in _compare_reference(mine, readings.states, readings.reference).items():
            counts["reference"][what][case.name] = often
        for name in others:
            for step, (bits, mask) in enumerate(zip(mine, found[name].masks.get(case.name, []), strict=False)):
                counts[name]["masks compared"][case.name] += 1
                for category, often in _compare(bits, _bits(mask, tokens), readings, step).items():
                    counts[name][category][case.name] += often
    return {name: {what: dict(by_case) for what, by_case in sorted(count.items())} for name, count in counts.items()}


def unexplained(counts: dict[str, Counts]) -> int:
    """Tokens that differ from a peer for no reason known."""
    return sum(sum(by.values()) for count in counts.values() for what, by in count.items() if "unexplained" in what)


def _bits(mask: np.ndarray[Any, Any], tokens: Tokens) -> np.ndarray[Any, Any]:
    return np.unpackbits(mask.view(np.uint8), bitorder="little")[: len(tokens.tokens)].astype(bool)


def _compare_reference(mine: list[Any], states: list[int], reference: Reference) -> dict[str, int]:
    if reference.whole is None:
        return {"no reference, the whole automaton is too large": len(mine)}
    known: dict[int, Any] = {}
    differ = 0
    for state, bits in zip(states, mine, strict=False):
        if state not in known:
            known[state] = reference.mask(state)
        differ += bool((known[state] != bits).any())
    return {"masks compared": len(mine), "masks that differ": differ}


class _Readings:
    """A case as we read it, and as others do; the states before each token."""

    def __init__(self, case: Case, tokens: Tokens) -> None:
        self.pattern, self.tokens = case.pattern, tokens
        self._ids = tokens.encode(case.text)
        self.reference, self.states = self._read(case.pattern)

    @cached_property
    def dot_all(self) -> tuple[Reference, list[int]]:
        return self._read(f"(?s:{self.pattern})")

    @cached_property
    def literal(self) -> tuple[Reference, list[int]]:
        return self._read(self.pattern.replace("\\p", "p"))

    def before(self, step: int) -> bytes:
        """The text before a step."""
        return b"".join(self.tokens.tokens[i] or b"" for i in self._ids[:step])

    def _read(self, pattern: str) -> tuple[Reference, list[int]]:
        reference = Reference(pattern, self.tokens)
        return reference, reference.states(self._ids)


def _compare(ours: Any, theirs: Any, readings: _Readings, step: int) -> Counter[str]:
    """Who alone allows how many tokens, by category."""
    counts: Counter[str] = Counter()
    alone = np.flatnonzero(ours & ~theirs).tolist()
    past = all(_runs_past(token, readings, step) for token in alone if readings.tokens.tokens[token])
    forced = theirs.sum() == 1 and readings.reference.forced(readings.states[step])
    for token in alone:
        kind = _plain_kind(token, readings.tokens) or ("forced" if forced else "past" if past else None)
        counts[f"only we allow: {kind or _kind(token, True, readings, step)}"] += 1
    for token in np.flatnonzero(theirs & ~ours).tolist():
        kind = _plain_kind(token, readings.tokens) or _kind(token, False, readings, step)
        counts[f"only they allow: {kind}"] += 1
    return counts


def _plain_kind(token: int, tokens: Tokens) -> str | None:
    if token == tokens.eos:
        return "end"
    return "special" if tokens.tokens[token] is None else None


def _runs_past(token: int, readings: _Readings, step: int) -> bool:
    """Whether a token goes on from a complete text, at its begin or within it, where a search that takes the first
    alternative that matches, as `re` does, would not."""
    reference, state = readings.reference, readings.states[step]
    data, met = readings.tokens.tokens[token] or b"", False
    for byte in data:
        met = met or reference.complete(state)
        state = reference.after(state, bytes([byte]))
    if not met or not reference.complete(state):
        return met
    whole = (readings.before(step) + data).decode()
    first = None if "\\p" in readings.pattern else re.match(readings.pattern, whole)
    return first is not None and first.end() < len(whole)


def _kind(token: int, ours: bool, readings: _Readings, step: int) -> str:
    """Of a token with bytes that only one side allows."""
    data, pattern = readings.tokens.tokens[token] or b"", readings.pattern
    if "\\p" in pattern and _allows(readings.literal, step, data) != ours:
        return "literal"
    if not ours and b"\n" in data and _allows(readings.dot_all, step, data):
        return "newline"
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return "half" if "\\w" in pattern or "\\s" in pattern else "unexplained"
    if "\\w" in pattern and not text.isascii():
        return "word"
    if "\\s" in pattern and any(char.isspace() and not ("\t" <= char <= "\r" or char == " ") for char in text):
        return "space"
    return "unexplained"


def _allows(reading: tuple[Reference, list[int]], step: int, data: bytes) -> bool:
    reference, states = reading
    return reference.after(states[step], data) != 0
