"""All cases on all engines: tried once where they may be killed, then measured in turn in one process.

Goes in: engines, a vocabulary, cases, and what an earlier run has left (`ledger`). Comes out: a `Samples` for every
engine.
"""

from __future__ import annotations

import gc
import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from maskbench.clock import Evictor, tell
from maskbench.ledger import Ledger, all_from_plain, from_plain, to_plain
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
    peers: Sequence[Any], tokens: Tokens, cases: Sequence[Case], repeats: int, limit: int, ledger: Ledger
) -> dict[str, Samples]:
    """`limit`: seconds that an engine has for a case."""
    found = {peer.name: Samples() for peer in peers}
    texts = _Texts(tokens, cases)
    able = _try_all(peers, tokens, texts, limit, ledger, found)
    if any(not ledger.has(_name("measured", tokens, case)) for case in cases):
        _warm(peers, tokens)
    for case in _shown("measuring", cases):
        runs = ledger.get(
            _name("measured", tokens, case), lambda case=case: _measure(able[case.name], case, texts, repeats)
        )
        for name, repeated in runs.items():
            found[name].enter(case, all_from_plain(repeated))
    return found


def measure_cold(
    peers: Sequence[Any], tokens: Tokens, cases: Sequence[Case], ledger: Ledger, found: dict[str, Samples]
) -> None:
    """Adds the times with the CPU's caches evicted, of the engines that came to the text's end in time."""
    texts, evict = _Texts(tokens, cases), Evictor()
    for case in _shown("with caches evicted", cases):
        sound = [p for p in peers if _in_time(found[p.name], case)]
        cold = ledger.get(
            _name("cold", tokens, case), lambda case=case, sound=sound: _cold(sound, case, texts.ids[case.name], evict)
        )
        for name, times in cold.items():
            for metric, seconds in times.items():
                found[name].add(metric, case, [seconds])


class _Texts:
    """The tokens of the cases' texts, and which steps come to a state for the first time."""

    def __init__(self, tokens: Tokens, cases: Sequence[Case]) -> None:
        self.cases = cases
        self.ids = {case.name: tokens.encode(case.text) for case in cases}
        self._tokens = tokens

    @cached_property
    def fresh(self) -> dict[str, list[bool]]:
        return {case.name: Reference(case.pattern, self._tokens).fresh(self.ids[case.name]) for case in self.cases}


def _name(what: str, tokens: Tokens, case: Case) -> str:
    return f"{tokens.name} {what} {case.name}"


def _try_all(
    peers: Sequence[Any], tokens: Tokens, texts: _Texts, limit: int, ledger: Ledger, found: dict[str, Samples]
) -> dict[str, list[Any]]:
    """Tries every case on every engine: by case, the engines that may be measured. Enters what became of the others."""
    able: dict[str, list[Any]] = {case.name: [] for case in texts.cases}
    for peer in peers:
        for case in _shown(f"trying {peer.name}", texts.cases):
            name = _name(f"trial {peer.name}", tokens, case)
            took = ledger.get(name, lambda peer=peer, case=case: _trial(peer, case, texts, limit))
            if "ended" in took:
                found[peer.name].failures[case.name] = took["ended"]
                if took["slow"]:
                    found[peer.name].over[case.name] = limit
            elif took["walk"] is not None:
                found[peer.name].enter(case, [from_plain(took["walk"])])
            else:
                able[case.name].append(peer)
    return able


def _trial(peer: Any, case: Case, texts: _Texts, limit: int) -> dict[str, Any]:
    """How a trial ended; or the walk, if it is slow and so not to be repeated."""
    ids, fresh = texts.ids[case.name], texts.fresh[case.name]
    took = attempt(lambda: _try(peer, case, ids, fresh), limit)
    if isinstance(took, Ended):
        return {"ended": took.reason, "slow": took.slow}
    slow = bool(took.times["compile"]) and took.times["compile"][0] > SLOW
    return {"walk": to_plain(took, with_masks=True) if slow else None}


def _try(peer: Any, case: Case, ids: list[int], fresh: list[bool]) -> Walk:
    gc.disable()
    return walk(peer, case, ids, fresh, keep_masks=True)


def _warm(peers: Sequence[Any], tokens: Tokens) -> None:
    for peer in peers:
        for case in _WARM:
            warm = tokens.encode(case.text)
            walk(peer, case, warm, [True] * (len(warm) + 1), keep_masks=False)


def _measure(peers: Sequence[Any], case: Case, texts: _Texts, repeats: int) -> dict[str, list[dict[str, Any]]]:
    """The walks of every engine, in turn; masks are kept of the first."""
    runs: dict[str, list[Walk]] = defaultdict(list)
    for repeat in range(repeats):
        for peer in peers:
            with _NoCollection():
                runs[peer.name].append(walk(peer, case, texts.ids[case.name], texts.fresh[case.name], repeat == 0))
    return {name: [to_plain(found, with_masks=True) for found in walks] for name, walks in runs.items()}


def _in_time(samples: Samples, case: Case) -> bool:
    """Whether an engine came to the text's end, and was quick enough to be measured again."""
    compiled = samples.times["compile"].get(case.name)
    return bool(compiled) and compiled[0] <= SLOW and case.name not in samples.failures


def _cold(peers: Sequence[Any], case: Case, ids: list[int], evict: Evictor) -> dict[str, dict[str, list[float]]]:
    with _NoCollection():
        return {name: dict(times) for name, times in walk_cold(peers, case, ids, evict).items()}


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
