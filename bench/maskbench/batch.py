"""Many sequences of one constraint in a step: microseconds a sequence.

Goes in: engines and a vocabulary, and what an earlier run has left. Comes out: for each engine and size of a batch,
three figures: the masks as they are first asked for, the same again, and the masks and advances of a step as decoding
sees it.
"""

from __future__ import annotations

import statistics
import sys
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from maskbench.clock import tell, timed
from maskbench.ledger import Ledger
from maskbench.patterns import EVERYDAY
from maskbench.vocabularies import Tokens

SIZES = tuple(1 << n for n in range(11))
FIGURES = {
    "first": "masks, first time",
    "again": "masks again",
    "step": "an advance of each, then masks",
}


def batches(
    peers: Sequence[Any], tokens: Tokens, repeats: int, ledger: Ledger
) -> dict[str, dict[str, dict[int, float]]]:
    """Figure to engine to size to microseconds a sequence, medians of the repeats."""
    found: dict[str, dict[str, dict[int, float]]] = {figure: defaultdict(dict) for figure in FIGURES}
    for size in SIZES:
        tell(f"batch of {size}")
        for name, micros in ledger.get(
            f"{tokens.name} batch {size}", lambda size=size: _of_size(peers, tokens, size, repeats)
        ).items():
            for figure, value in zip(FIGURES, micros, strict=True):
                found[figure][name][size] = value
    tell("")
    return {figure: dict(names) for figure, names in found.items()}


def _of_size(peers: Sequence[Any], tokens: Tokens, size: int, repeats: int) -> dict[str, list[float]]:
    """Engine to its figures."""
    case = next(c for c in EVERYDAY if c.name == "json-nested")
    ids = tokens.encode(case.text)
    found: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    for _ in range(repeats):
        for peer in peers:
            try:
                found[peer.name].append(_measure(peer, case.pattern, ids, size))
            except Exception as error:
                print(f"batch of {size} on {peer.name}: {error}", file=sys.stderr)
    return {
        name: [statistics.median(seconds) / size * 1e6 for seconds in zip(*repeated, strict=True)]
        for name, repeated in found.items()
    }


def _measure(peer: Any, pattern: str, ids: list[int], size: int) -> tuple[float, float, float]:
    """Seconds of the whole batch, whose sequences stand at all places of the text but its end."""
    peer.forget()
    constraint = peer.compile(pattern)
    states = [peer.start(constraint) for _ in range(size)]
    places = [i % (len(ids) - 1) for i in range(size)]
    for state, place in zip(states, places, strict=True):
        for token in ids[:place]:
            peer.advance(state, token)
    first, _ = timed(lambda: peer.fill_batch(states))
    again = min(timed(lambda: peer.fill_batch(states))[0] for _ in range(5))

    def step() -> None:
        for state, place in zip(states, places, strict=True):
            peer.advance(state, ids[place])
        peer.fill_batch(states)

    return first, again, timed(step)[0]
