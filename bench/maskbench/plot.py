"""Draws the benchmark: for each metric the distribution of every engine, on a logarithmic scale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


def draw(found: dict[str, Any], names: list[str], vocabulary: str, path: Path) -> None:
    """One panel a metric: the share of steps that took at most so long."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    panels = {
        "compile": "compile + first mask",
        "mask": "uncached mask",
        "again": "repeated mask",
        "advance": "advance",
    }
    figure, axes = pyplot.subplots(1, len(panels), figsize=(16, 4), sharey=True, layout="constrained")
    for axis, (metric, title) in zip(axes, panels.items(), strict=True):
        for name in names:
            times = np.sort([t * 1e6 for steps in found[name].times[metric].values() for t in steps])
            if len(times):
                axis.plot(times, np.arange(1, len(times) + 1) / len(times), label=name)
        axis.set(xscale="log", title=title, xlabel="µs")
        axis.grid(alpha=0.3, which="both")
    axes[0].set_ylabel(f"share of steps ({vocabulary})")
    axes[-1].legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
