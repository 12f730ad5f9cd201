"""The tables of the mask benchmark, printed and as data.

Goes in: what was measured. Comes out: text on the standard output, and the same figures for JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from maskbench.agreement import CATEGORIES, Counts
from maskbench.batch import FIGURES
from maskbench.measure import Samples
from maskbench.patterns import EVERYDAY, STRESS, Case
from maskbench.walk import TITLES

STATISTICS = ("mean", "p50", "p99", "max")


def figures(samples: Samples, metric: str, cases: Sequence[Case]) -> dict[str, float]:
    """Statistics in microseconds over all steps of the cases. Of a compile + first mask that took too long the limit
    counts: what took longer is at least that."""
    flat = [seconds for case in cases for seconds in samples.times[metric].get(case.name, ())]
    if metric == "compile":
        flat += [samples.over[case.name] for case in cases if case.name in samples.over]
    if not flat:
        return {}
    micros = np.array(flat) * 1e6
    values = (micros.mean(), np.percentile(micros, 50), np.percentile(micros, 99), micros.max())
    return dict(zip(STATISTICS, map(float, values), strict=True))


def groups(cases: Sequence[Case]) -> dict[str, list[Case]]:
    """The cases that were measured, by set; sets of none are left out."""
    sets = {"everyday": EVERYDAY, "stress": STRESS}
    chosen = {name: [case for case in cases if case in members] for name, members in sets.items()}
    return {name: members for name, members in chosen.items() if members}


def tables(found: dict[str, Samples], cases: Sequence[Case]) -> dict[str, Any]:
    """One table for each set of patterns and metric."""
    data: dict[str, Any] = {}
    for group, members in groups(cases).items():
        print(f"\n{group}: {len(members)} patterns; microseconds, in brackets the ratio to aicic")
        for metric, title in TITLES.items():
            rows = {name: figures(samples, metric, members) for name, samples in found.items()}
            rows = {name: row for name, row in rows.items() if row}
            if metric == "embedded" and "aicic" in found:
                rows = {
                    "from bytecode": rows.get("aicic", {}),
                    "from pattern": figures(found["aicic"], "compile", members),
                }
            data[f"{group}/{metric}"] = rows
            if rows:
                print(f"  {title}")
            base = rows.get("aicic") or rows.get("from bytecode", {})
            for name, row in rows.items():
                limit = metric == "compile" and any(case.name in found[name].over for case in members)
                cells = [_cell(key, value, base.get(key), limit) for key, value in row.items()]
                print(f"    {name:14}", "  ".join(cells))
    return data


def _cell(key: str, value: float, base: float | None, at_least: bool) -> str:
    bound = "≥" if at_least and key != "p50" else " "
    return f"{key} {bound}{value:11.1f}" + (f" [{value / base:8.2f}]" if base else "")


def stress(found: dict[str, Samples], cases: Sequence[Case]) -> None:
    """Compile + first mask of the stress patterns one by one."""
    members = groups(cases).get("stress", [])
    if members:
        print("\nstress patterns: compile + first mask, microseconds, in brackets the ratio of aicic to it")
        print(f"    {'':20}", "".join(f"{name:>26}" for name in found))
    for case in members:
        print(f"    {case.name:20}", "".join(f"{_stress_cell(found, name, case):>26}" for name in found))


def _stress_cell(found: dict[str, Samples], name: str, case: Case) -> str:
    samples = found[name]
    if case.name in samples.over:
        return f"> {samples.over[case.name]:g} s"
    times = samples.times["compile"].get(case.name)
    if not times:
        return "failed"
    ours = found["aicic"].times["compile"].get(case.name) if "aicic" in found and name != "aicic" else None
    return f"{times[0] * 1e6:.0f}" + (f" [{ours[0] / times[0]:.3f}]" if ours else "")


def failures(found: dict[str, Samples]) -> dict[str, Any]:
    """Cases without all their figures, each with its reason."""
    for name, samples in found.items():
        for case, reason in samples.failures.items():
            print(f"  failed: {name} {case}: {reason}")
    return {name: samples.failures for name, samples in found.items()}


def by_case(found: dict[str, Samples], cases: Sequence[Case]) -> dict[str, Any]:
    """The worst step of each case, metric and engine, in microseconds."""
    return {
        case.name: {
            name: {
                metric: max(samples.times[metric][case.name]) * 1e6
                for metric in TITLES
                if samples.times[metric].get(case.name)
            }
            for name, samples in found.items()
        }
        for case in cases
    }


def agreements(counts: dict[str, Counts]) -> None:
    """What `agreement` counted, where most of it was, and the meaning of its categories."""
    print("\nagreement of the masks, tokens by category")
    for name, count in counts.items():
        print(f"    {name}")
        for what, by_case in count.items():
            most = sorted(by_case, key=lambda case: -by_case[case])[:3] if "mask" not in what else []
            print(f"      {what}: {sum(by_case.values()):,}", f"({', '.join(most)})" if most else "")
    shown = {key.partition(": ")[2] for count in counts.values() for key in count}
    for category, meaning in CATEGORIES.items():
        if category in shown:
            print(f"      {category}: {meaning}")


def batch_table(found: dict[str, dict[str, dict[int, float]]]) -> None:
    """Microseconds a sequence, by size."""
    for figure, title in FIGURES.items():
        print(f"\nbatch: {title}; microseconds a sequence")
        for name, sizes in found[figure].items():
            print(f"    {name:14}", "  ".join(f"{size}: {micros:.2f}" for size, micros in sizes.items()))


def memory_table(found: dict[str, dict[str, Any]]) -> None:
    """Bytes by engine."""
    print("\nmemory, bytes (resident, of the everyday patterns that every engine compiles in time)")
    for name, sizes in found.items():
        print(f"    {name:14}", "  ".join(f"{k}: {v:,}" if k != "error" else f"{k}: {v}" for k, v in sizes.items()))
