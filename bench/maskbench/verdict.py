"""The bars of the mask benchmark: what aicic is to reach against the peers of the same run, and whether it does.

Goes in: what was measured. Comes out: a line for each bar: the ratio to the peer, the ratio to reach, the verdict. Two
engines are compared over the cases of which both have figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from maskbench.agreement import unexplained
from maskbench.measure import Samples
from maskbench.patterns import Case
from maskbench.report import figures, groups

OURS = "aicic"


@dataclass(frozen=True)
class Bar:
    """`ratio` is ours to theirs, at most `target` is to be reached."""

    name: str
    ratio: float
    target: float
    against: str

    @property
    def reached(self) -> bool:
        return self.ratio <= self.target


def bars(found: dict[str, Samples], cases: Sequence[Case], data: dict[str, Any]) -> list[Bar]:
    """All bars for which the run has both sides."""
    if OURS not in found:
        return []
    peers = {name: samples for name, samples in found.items() if name != OURS}
    sets = groups(cases)
    if "everyday" in sets and "stress" in sets:
        sets["all"] = list(cases)
    out: list[Bar] = []
    for group, members in sets.items():
        if group == "stress":
            out += _stress(found, members)
            continue
        compare = _Comparison(found, peers, members, group)
        out += compare.bars("llguidance", "compile", {"p50": 1 / 3, "p99": 1.0} if group == "everyday" else {})
        out += compare.bars("glrmask", "mask", {"mean": 1.0, "p99": 1.0})
        out += compare.bars("llguidance", "mask", {"max": 0.1})
        for metric in ("again", "advance", "again_cold"):
            out += compare.worst(metric, ("mean", "p50", "p99"))
    return [*out, *_memory(data.get("memory", {})), *_batch(data.get("batch", {})), *_agreement(data)]


@dataclass
class _Comparison:
    found: dict[str, Samples]
    peers: dict[str, Samples]
    cases: Sequence[Case]
    group: str

    def ratio(self, peer: str, metric: str, statistic: str) -> float | None:
        ours, theirs = self.found[OURS], self.peers[peer]
        both = [case for case in self.cases if case.name in ours.times[metric] and _has(theirs, case, metric)]
        mine, other = figures(ours, metric, both), figures(theirs, metric, both)
        return mine[statistic] / max(other[statistic], 1e-3) if mine and other else None

    def bars(self, peer: str, metric: str, targets: dict[str, float]) -> Iterator[Bar]:
        for statistic, target in targets.items() if peer in self.peers else ():
            ratio = self.ratio(peer, metric, statistic)
            if ratio is not None:
                yield Bar(f"{_NAMES[metric]}, {statistic} ({self.group})", ratio, target, peer)

    def worst(self, metric: str, statistics: Sequence[str]) -> Iterator[Bar]:
        """No more than every peer's: the peer that is nearest, or ahead."""
        for statistic in statistics:
            ratios = {peer: self.ratio(peer, metric, statistic) for peer in self.peers}
            known = {peer: ratio for peer, ratio in ratios.items() if ratio is not None}
            if known:
                best = max(known, key=lambda peer: known[peer])
                yield Bar(f"{_NAMES[metric]}, {statistic} ({self.group})", known[best], 1.0, best)


def _has(samples: Samples, case: Case, metric: str) -> bool:
    """Whether there are figures of all steps."""
    if metric == "compile" and case.name in samples.over:
        return True
    return case.name in samples.times[metric] and (metric == "compile" or case.name not in samples.failures)


_NAMES = {
    "compile": "compile + first mask",
    "mask": "uncached mask",
    "again": "repeated mask",
    "advance": "advance",
    "again_cold": "repeated mask, caches evicted",
}


def _stress(found: dict[str, Samples], members: Sequence[Case]) -> Iterator[Bar]:
    theirs = found["llguidance"].times["compile"] if "llguidance" in found else {}
    ours = found[OURS].times["compile"]
    ratios = {
        case.name: ours[case.name][0] / theirs[case.name][0]
        for case in members
        if case.name in ours and case.name in theirs
    }
    if ratios:
        worst = max(ratios, key=lambda name: ratios[name])
        yield Bar(f"compile + first mask, worst stress pattern ({worst})", ratios[worst], 2.0, "llguidance")


def _memory(sizes: dict[str, Any]) -> Iterator[Bar]:
    ours = sizes.get(OURS, {})
    theirs = sizes.get("llguidance", {})
    if "constraint" in ours and theirs.get("constraint"):
        yield Bar("memory of a constraint", ours["constraint"] / theirs["constraint"], 1.0, "llguidance")
    if "session" in ours:
        yield Bar("memory of a further session, of 1 kB", ours["session"] / 1000, 1.0, "-")


def _batch(figures_: dict[str, Any]) -> Iterator[Bar]:
    for figure, sizes in figures_.items():
        size = 256
        theirs = {name: by_size[size] for name, by_size in sizes.items() if name != OURS and size in by_size}
        if theirs and size in sizes.get(OURS, {}):
            best = min(theirs, key=lambda name: theirs[name])
            yield Bar(f"batch of {size}, per sequence, {figure}", sizes[OURS][size] / theirs[best], 0.5, best)


def _agreement(data: dict[str, Any]) -> Iterator[Bar]:
    counts = data.get("agreement", {}).get("reference")
    if counts:
        differ = sum(counts.get("masks that differ", {}).values())
        yield Bar("masks that differ from the reference walker", differ, 0.0, "-")
        yield Bar("tokens that differ from a peer, unexplained", unexplained(data["agreement"]), 0.0, "-")


def verdict(found: list[Bar]) -> list[dict[str, Any]]:
    """Print the bars; the same as data."""
    print("\nverdict: ratio of aicic to the peer named (of the cases that both have)")
    for bar in found:
        word = "reached" if bar.reached else "MISSED"
        print(f"  {bar.name:66} {bar.against:14} {bar.ratio:8.3f}   to reach {bar.target:5.2f}   {word}")
    return [
        {"bar": b.name, "against": b.against, "ratio": b.ratio, "target": b.target, "reached": b.reached} for b in found
    ]
