"""Draws the benchmark as SVG: for each metric the distribution of every engine, and what a batch costs by its size.

Goes in: what was measured. Comes out: five panels in which a line says which share of the steps took at most how long,
and one with the time a sequence of batches; all times on a logarithmic scale. The line of compile + first mask ends
below 100 % for an engine that could not compile everything in time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from maskbench.measure import Samples
from maskbench.walk import TITLES

PANELS = ("compile", "mask", "again", "again_cold", "advance")
_BATCH = "step"
_COLOURS = ("#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b")
_WIDTH, _HEIGHT = 300, 200
_LEFT, _TOP, _RIGHT, _BOTTOM = 46, 30, 14, 30
"""Room around a panel, for its title and the numbers at its axes."""
_COLUMNS = 3
_LEAST = 0.1
"""Microseconds; what took less is drawn there: clocks tell no more."""


def draw(found: dict[str, Samples], batch: Mapping[str, Any] | None, vocabulary: str, path: Path) -> None:
    """Write the drawing to a file. `batch`: figure to engine to size to microseconds a sequence, if it was measured."""
    colours = {name: _COLOURS[number % len(_COLOURS)] for number, name in enumerate(found)}
    measured = [metric for metric in PANELS if any(samples.times[metric] for samples in found.values())]
    panels = [_distributions(found, metric, colours) for metric in measured]
    if batch and batch.get(_BATCH):
        panels.append(_batches(batch[_BATCH], colours))
    across, down = _LEFT + _WIDTH + _RIGHT, _TOP + _HEIGHT + _BOTTOM
    width, height = _COLUMNS * across, -(-len(panels) // _COLUMNS) * down + 24
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif"',
        ' font-size="11">',
        f'<rect x="0" y="0" width="{width}" height="{height}" fill="white"/>',
    ]
    for number, panel in enumerate(panels):
        x, y = number % _COLUMNS * across + _LEFT, number // _COLUMNS * down + _TOP
        lines += [f'<g transform="translate({x} {y})">', *panel, "</g>"]
    lines += [*_legend(colours, vocabulary, width, height - 10), "</svg>"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _distributions(found: dict[str, Samples], metric: str, colours: dict[str, str]) -> list[str]:
    """The share of steps by time."""
    curves = {}
    for name, samples in found.items():
        times = sorted(max(t * 1e6, _LEAST) for steps in samples.times[metric].values() for t in steps)
        failed = len(samples.failures.keys() - samples.times["compile"].keys()) if metric == "compile" else 0
        if times:
            curves[name] = _steps(times, len(times) + failed)
    low, high = _powers(x for curve in curves.values() for x, _ in curve)
    out = _frame(TITLES[metric].partition(" (")[0])
    out += _grid(((_time(power), (power - low) / (high - low)) for power in range(low, high + 1)), vertical=True)
    out += _grid(((f"{percent} %", percent / 100) for percent in (0, 25, 50, 75, 100)), vertical=False)
    for name, curve in curves.items():
        out.append(_line([((math.log10(x) - low) / (high - low), y) for x, y in curve], colours[name]))
    return out


def _steps(times: Sequence[float], count: int, most: int = 200) -> list[tuple[float, float]]:
    """A staircase over times in rising order, at most so many of them: the share of `count` that took no longer."""
    places = sorted({min(len(times) - 1, i * len(times) // most) for i in range(most + 1)})
    out, share = [], 0.0
    for place in places:
        out += [(times[place], share), (times[place], (place + 1) / count)]
        share = (place + 1) / count
    return out


def _batches(batch: Mapping[str, Mapping[int, float]], colours: dict[str, str]) -> list[str]:
    """The time a sequence by the size of the batch."""
    low, high = _powers(max(micros, _LEAST) for sizes in batch.values() for micros in sizes.values())
    sizes = sorted({int(size) for by_size in batch.values() for size in by_size})
    last = max(1.0, math.log2(sizes[-1]))
    out = _frame("a step of a batch, per sequence, by its size")
    out += _grid(((f"{size}", math.log2(size) / last) for size in sizes[::2]), vertical=True)
    out += _grid(((_time(power), (power - low) / (high - low)) for power in range(low, high + 1)), vertical=False)
    for name, by_size in batch.items():
        points = [
            (math.log2(int(size)) / last, (math.log10(max(micros, _LEAST)) - low) / (high - low))
            for size, micros in by_size.items()
        ]
        out.append(_line(points, colours[name]))
    return out


def _powers(times: Iterable[float]) -> tuple[int, int]:
    """Powers of ten around some times."""
    logs = [math.log10(time) for time in times] or [0.0]
    low = math.floor(min(logs))
    return low, max(low + 1, math.ceil(max(logs)))


def _frame(title: str) -> list[str]:
    return [
        f'<rect x="0" y="0" width="{_WIDTH}" height="{_HEIGHT}" fill="none" stroke="#999"/>',
        f'<text x="0" y="-10" font-weight="bold">{escape(title)}</text>',
    ]


def _grid(marks: Iterable[tuple[str, float]], vertical: bool) -> list[str]:
    """Lines at shares of an axis, and what they stand for."""
    out = []
    for text, share in marks:
        if vertical:
            x = share * _WIDTH
            out.append(f'<path d="M{x:.1f} 0v{_HEIGHT}" stroke="#ddd"/>')
            out.append(f'<text x="{x:.1f}" y="{_HEIGHT + 14}" text-anchor="middle">{text}</text>')
        else:
            y = _HEIGHT * (1 - share)
            out.append(f'<path d="M0 {y:.1f}h{_WIDTH}" stroke="#ddd"/>')
            out.append(f'<text x="-5" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
    return out


def _line(points: Sequence[tuple[float, float]], colour: str) -> str:
    """Through points in shares of the axes."""
    path = "M" + "L".join(f"{_WIDTH * x:.1f} {_HEIGHT * (1 - y):.1f}" for x, y in points)
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


def _legend(colours: dict[str, str], vocabulary: str, width: int, y: int) -> list[str]:
    said = f"share of steps that took at most so long; {escape(vocabulary)}"
    out, x = [f'<text x="{width - _RIGHT}" y="{y}" text-anchor="end">{said}</text>'], _LEFT
    for name, colour in colours.items():
        out.append(f'<path d="M{x} {y - 4}h20" stroke="{colour}" stroke-width="3"/>')
        out.append(f'<text x="{x + 26}" y="{y}">{escape(name)}</text>')
        x += 120
    return out


def _time(power: int) -> str:
    """10 to the power, microseconds."""
    for unit, above in (("s", 6), ("ms", 3), ("µs", 0)):
        if power >= above:
            return f"{10 ** (power - above)} {unit}"
    return f"{10 ** (power + 3)} ns"
