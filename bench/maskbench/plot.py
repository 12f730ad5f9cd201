"""Draws the benchmark as SVG: for each metric the distribution of every engine, on a logarithmic scale.

Goes in: what was measured. Comes out: one panel a metric, in which a line says which share of the steps took at most
how long.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from maskbench.measure import Samples
from maskbench.walk import TITLES

PANELS = ("compile", "mask", "again", "advance")
_COLOURS = ("#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b")
_WIDTH, _HEIGHT, _GAP, _TOP = 300, 220, 24, 34


def draw(found: dict[str, Samples], vocabulary: str, path: Path) -> None:
    """Write the drawing to a file."""
    width, height = len(PANELS) * (_WIDTH + _GAP) + _GAP + 130, _HEIGHT + _TOP + 46
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"',
        ' font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for number, metric in enumerate(PANELS):
        curves = [sorted(t * 1e6 for steps in s.times[metric].values() for t in steps) for s in found.values()]
        lines += _panel(_GAP + number * (_WIDTH + _GAP), TITLES[metric].partition(" (")[0], curves)
    left = width - 130
    for number, name in enumerate(found):
        y = _TOP + 16 + 18 * number
        lines.append(f'<path d="M{left} {y - 4}h20" stroke="{_COLOURS[number % 6]}" stroke-width="2"/>')
        lines.append(f'<text x="{left + 26}" y="{y}">{escape(name)}</text>')
    lines.append(f'<text x="{_GAP}" y="{height - 8}">share of steps that took at most so long ({vocabulary})</text>')
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*lines, "</svg>"]) + "\n", encoding="utf-8")


def _panel(left: int, title: str, curves: Sequence[Sequence[float]]) -> list[str]:
    times = [max(t, 0.01) for curve in curves for t in curve]
    low, high = (math.floor(math.log10(min(times))), math.ceil(math.log10(max(times)))) if times else (0, 1)
    scale = _WIDTH / max(1, high - low)
    out = [
        f'<rect x="{left}" y="{_TOP}" width="{_WIDTH}" height="{_HEIGHT}" fill="none" stroke="#999"/>',
        f'<text x="{left}" y="{_TOP - 10}" font-weight="bold">{escape(title)}</text>',
    ]
    for power in range(low, high + 1):
        x = left + (power - low) * scale
        out.append(f'<path d="M{x:.1f} {_TOP}v{_HEIGHT}" stroke="#ddd"/>')
        out.append(f'<text x="{x:.1f}" y="{_TOP + _HEIGHT + 14}" text-anchor="middle">{_time(power)}</text>')
    for number, curve in enumerate(curves):
        if curve:
            line = _curve([math.log10(max(t, 0.01)) - low for t in curve], left, scale)
            out.append(f'<path d="{line}" fill="none" stroke="{_COLOURS[number % 6]}" stroke-width="1.5"/>')
    return out


def _curve(logs: Sequence[float], left: int, scale: float, points: int = 200) -> str:
    """The distribution at so many shares of the steps."""
    shares = [i / points for i in range(points + 1)]
    places = [(logs[min(len(logs) - 1, int(share * len(logs)))], share) for share in shares]
    return "M" + "L".join(f"{left + x * scale:.1f} {_TOP + _HEIGHT * (1 - share):.1f}" for x, share in places)


def _time(power: int) -> str:
    """10 to the power, microseconds."""
    for unit, above in (("s", 6), ("ms", 3), ("µs", 0)):
        if power >= above:
            return f"{10 ** (power - above)} {unit}"
    return f"{10 ** (power + 3)} ns"
