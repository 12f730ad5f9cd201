"""Where masks differ: from the reference not at all, from each peer in tokens that are counted by category.

Goes in: the masks that were measured. Comes out: counts, and what each category means.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
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
    "partial": "tokens that are no whole UTF-8: halves of characters that differ so (wide), or that they never give",
    "forced": "other spellings of a text that is forced: they give the tokenizer's own only",
    "wide": r"characters beyond ASCII: Rust's \w has marks, joiners and connecting punctuation (M, Pc), Python's has "
    r"numbers such as ½ (No); XGrammar's is ASCII, and it reads \p{L} as plain text",
    "control": r"control characters: Python's \s holds \x1c to \x1f, Rust's does not",
    "text": "other text: of a pattern that they read differently, or whose automaton they get wrong",
}


Counts = dict[str, dict[str, int]]
"""What is counted, to case, to how often."""


def agreement(found: dict[str, Samples], cases: Sequence[Case], tokens: Tokens, ours: str) -> dict[str, Counts]:
    """For the reference and every other engine: masks compared, and tokens that only one side allows by category."""
    others = [name for name in found if name != ours]
    counts: dict[str, Counts] = {name: defaultdict(lambda: defaultdict(int)) for name in ("reference", *others)}
    for case in cases:
        reference = Reference(case.pattern, tokens)
        states = reference.states(tokens.encode(case.text))
        mine = [_bits(mask, tokens) for mask in found[ours].masks.get(case.name, [])]
        for what, often in _compare_reference(mine, states, reference).items():
            counts["reference"][what][case.name] = often
        for name in others:
            for state, bits, mask in zip(states, mine, found[name].masks.get(case.name, []), strict=False):
                counts[name]["masks compared"][case.name] += 1
                theirs = _bits(mask, tokens)
                for token in np.flatnonzero(bits != theirs).tolist():
                    counts[name][_category(token, bits, theirs, reference, state, tokens)][case.name] += 1
    return {name: {what: dict(by_case) for what, by_case in sorted(count.items())} for name, count in counts.items()}


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


def _category(token: int, ours: Any, theirs: Any, reference: Reference, state: int, tokens: Tokens) -> str:
    who = "only we allow" if ours[token] else "only they allow"
    return f"{who}: {_kind(token, bool(ours[token]), theirs, reference, state, tokens)}"


def _kind(token: int, ours: bool, theirs: Any, reference: Reference, state: int, tokens: Tokens) -> str:
    data = tokens.tokens[token]
    if token == tokens.eos:
        return "end"
    if data is None:
        return "special"
    if ours and theirs.sum() == 1 and reference.forced(state):
        return "forced"
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return "partial"
    if not text.isascii():
        return "wide"
    return "control" if any(not char.isprintable() and char not in "\t\n\r" for char in text) else "text"
