"""One case on one engine: compile and first mask, then along the tokens of the text masks and advances.

Goes in: an engine bound to a vocabulary, a case, the tokens of its text. Comes out: a `Walk`, seconds by metric.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from maskbench.clock import Evictor, timed, timed_often
from maskbench.patterns import Case

TITLES = {
    "compile": "compile + first mask",
    "embedded": "embedded automaton + first mask",
    "mask": "uncached mask (of a state that the walk has not met before)",
    "along": "mask after each token (whatever the engine kept from earlier steps)",
    "again": "repeated mask",
    "advance": "advance a token",
    "mask_cold": "mask after each token, CPU caches evicted",
    "again_cold": "repeated mask, CPU caches evicted",
}
"""The metrics and what they are called."""


@dataclass
class Walk:
    """Seconds by metric, in the order of the steps; the masks; and why it broke off, if it did."""

    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    masks: list[np.ndarray[Any, Any]] = field(default_factory=list)
    failure: str | None = None


def walk(peer: Any, case: Case, ids: Sequence[int], fresh: Sequence[bool], keep_masks: bool) -> Walk:
    """Walk a new constraint along the text. `fresh[i]` says whether step i, after i tokens, is in a state that no
    earlier step was in; it is the same for every engine. An engine that refuses the text ends its walk there."""
    found = Walk()
    try:
        _walk(peer, case, ids, fresh, keep_masks, found)
    except Exception as error:
        found.failure = f"{type(error).__name__}: {str(error)[:160]}"
    return found


def _walk(peer: Any, case: Case, ids: Sequence[int], fresh: Sequence[bool], keep_masks: bool, found: Walk) -> None:
    row, times = peer.rows[0], found.times

    def first() -> Any:
        state = peer.start(peer.compile(case.pattern))
        peer.fill(state, 0)
        return state

    peer.forget()
    seconds, state = timed(first)
    times["compile"].append(seconds)
    for step, token in enumerate([*ids, None]):
        if step:
            seconds = timed(lambda state=state: peer.fill(state, 0))[0]
            times["along"].append(seconds)
            if fresh[step]:
                times["mask"].append(seconds)
        if keep_masks:
            found.masks.append(row.copy())
        times["again"].append(timed_often(lambda state=state: peer.fill(state, 0)))
        if token is not None:
            times["advance"].append(timed(lambda state=state, token=token: peer.advance(state, token))[0])
    if peer.embeds:
        times["embedded"].append(embedded(peer, case))


def embedded(peer: Any, case: Case) -> float:
    """Seconds from an automaton in bytes, as a program holds it, to the first mask; as from the pattern where it is not
    embedded, since the whole automaton is too large."""
    data = peer.embed(case.pattern)
    if data is None:
        return timed(lambda: peer.fill(peer.start(peer.compile(case.pattern)), 0))[0]
    return timed(lambda: peer.fill(peer.start(peer.load(data)), 0))[0]


def walk_cold(
    peers: Sequence[Any], case: Case, ids: Sequence[int], evict: Evictor, most: int = 6
) -> dict[str, dict[str, list[float]]]:
    """Along the text with all engines in step, at up to `most` of its steps the mask with the CPU's caches evicted, and
    again with them evicted: engine to metric to seconds. The engines take turns at coming first."""
    times: dict[str, dict[str, list[float]]] = {peer.name: defaultdict(list) for peer in peers}
    states = {}
    for peer in peers:
        peer.forget()
        states[peer.name] = peer.start(peer.compile(case.pattern))
        peer.fill(states[peer.name], 0)
    stride = -(-len(ids) // most)
    for step, token in enumerate(ids):
        for peer in peers:
            peer.advance(states[peer.name], token)
        if (step + 1) % stride:
            continue
        turn = step % len(peers)
        for metric in ("mask_cold", "again_cold"):
            evict()
            for peer in (*peers[turn:], *peers[:turn]):
                state = states[peer.name]
                times[peer.name][metric].append(timed(lambda peer=peer, state=state: peer.fill(state, 0))[0])
    return times
