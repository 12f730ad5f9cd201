"""All cases on all engines: tried once where they may be killed, then measured in turn in one process.

Goes in: engines, a vocabulary, cases. Comes out: a `Samples` for every engine.
"""

from __future__ import annotations

import gc
import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from maskbench.clock import Evictor, tell
from maskbench.patterns import Case
from maskbench.reference import Reference
from maskbench.trial import Ended, attempt
from maskbench.vocabularies import Tokens
from maskbench.walk import Walk, walk, walk_cold

_WARM = (
    Case("warm", r"[a-z]+ [0-9]+", "ab 12"),
    Case("warm-words", r"(yes|no)", "yes"),
    Case("warm-wide", r"\w{1,9}", "ab"),
)
"""Walked first, so that what an engine makes on first use is counted for no case."""

SLOW = 2.0
"""Seconds of compile + first mask above which the trial's figures stand and nothing is measured again."""


@dataclass
class Samples:
    """Times of one engine: metric to case to one figure a step, in seconds."""

    times: dict[str, dict[str, list[float]]] = field(default_factory=lambda: defaultdict(dict))
    failures: dict[str, str] = field(default_factory=dict)
    """Case to why there are no figures, or none after some step."""
    over: dict[str, float] = field(default_factory=dict)
    """Case to seconds, where all that is known of compile + first mask is that it takes longer."""
    masks: dict[str, list[np.ndarray[Any, Any]]] = field(default_factory=dict)

    def enter(self, case: Case, repeated: Sequence[Walk]) -> None:
        """The medians of walks along the same text."""
        if repeated[0].failure:
            self.failures[case.name] = repeated[0].failure
        self.masks[case.name] = repeated[0].masks
        for metric in repeated[0].times:
            self.add(metric, case, [found.times[metric] for found in repeated])

    def add(self, metric: str, case: Case, repeated: Sequence[Sequence[float]]) -> None:
        columns = zip(*repeated, strict=True)
        self.times[metric][case.name] = [statistics.median(column) for column in columns]


def measure(
    peers: Sequence[Any], tokens: Tokens, cases: Sequence[Case], repeats: int, limit: int, cold: bool
) -> dict[str, Samples]:
    """`limit`: seconds that an engine has for a case."""
    found = {peer.name: Samples() for peer in peers}
    ids = {case.name: tokens.encode(case.text) for case in cases}
    fresh = {case.name: Reference(case.pattern, tokens).fresh(ids[case.name]) for case in cases}
    able: dict[str, list[Any]] = {case.name: [] for case in cases}
    for peer in peers:
        for case in _shown(f"trying {peer.name}", cases):
            took = attempt(lambda peer=peer, case=case: _try(peer, case, ids[case.name], fresh[case.name]), limit)
            if isinstance(took, Ended):
                found[peer.name].failures[case.name] = took.reason
                if took.slow:
                    found[peer.name].over[case.name] = limit
            elif took.times["compile"] and took.times["compile"][0] > SLOW:
                found[peer.name].enter(case, [took])
            else:
                able[case.name].append(peer)
    for peer in peers:
        for case in _WARM:
            warm = tokens.encode(case.text)
            walk(peer, case, warm, [True] * (len(warm) + 1), keep_masks=False)
    for case in _shown("measuring", cases):
        runs: dict[str, list[Walk]] = defaultdict(list)
        for repeat in range(repeats):
            for peer in able[case.name]:
                with _NoCollection():
                    runs[peer.name].append(walk(peer, case, ids[case.name], fresh[case.name], repeat == 0))
        for name, repeated in runs.items():
            found[name].enter(case, repeated)
    if cold:
        _measure_cold(able, ids, cases, found)
    return found


def _try(peer: Any, case: Case, ids: list[int], fresh: list[bool]) -> Walk:
    gc.disable()
    return walk(peer, case, ids, fresh, keep_masks=True)


def _measure_cold(
    able: dict[str, list[Any]], ids: dict[str, list[int]], cases: Sequence[Case], found: dict[str, Samples]
) -> None:
    evict = Evictor()
    for case in _shown("with caches evicted", cases):
        sound = [peer for peer in able[case.name] if case.name not in found[peer.name].failures]
        with _NoCollection():
            for name, times in walk_cold(sound, case, ids[case.name], evict).items():
                for metric, seconds in times.items():
                    found[name].add(metric, case, [seconds])


class _NoCollection:
    """No cyclic garbage is collected within, all of it before."""

    def __enter__(self) -> None:
        gc.collect()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        gc.enable()


def _shown(what: str, cases: Sequence[Case]) -> Iterator[Case]:
    """The cases one by one, each told of where somebody watches."""
    for number, case in enumerate(cases, 1):
        tell(f"{what}: {number}/{len(cases)} {case.name}")
        yield case
    tell("")
