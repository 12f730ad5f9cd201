"""A drawing of a small automaton as SVG, for where Graphviz is not installed.

Goes in: an automaton. Comes out: the text of an SVG file. Arrows are characters, not bytes: states within a character
are left out. The others stand in columns by their distance from the start, so that no arrow to the right passes over a
column; within a column they are ordered by the places of their neighbours (Sugiyama, Tagawa and Toda, 1981, whose
barycentre rule this is). Arrows to the left run below all states.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from aici.grammar.charset import CharSet, from_ranges

if TYPE_CHECKING:
    from aici.grammar.dfa import Dfa

MOST: Final = 60
"""States that a drawing may have."""
_RADIUS: Final = 15
_ROW: Final = 64
_CHARACTER: Final = 6.6  # width of a character of a label
_SHOWN: Final = 22  # characters of a label; a tooltip has all of it
_SWEEPS: Final = 8
_STYLE: Final = """<style>
  circle { fill: white; stroke: #333 } circle.end { stroke-width: 4 }
  path { fill: none; stroke: #888; marker-end: url(#head) } path.back { stroke: #c66 }
  text { font: 11px sans-serif; text-anchor: middle; dominant-baseline: central }
  text.label { font-family: monospace; stroke: white; stroke-width: 3; paint-order: stroke }
</style>
<marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">
  <polygon points="0,1 8,4 0,7" fill="#555"/>
</marker>"""


@dataclass(frozen=True)
class _Arrow:
    source: int
    target: int
    label: str


@dataclass
class _Layout:
    """Where states stand: column by distance, then x and y."""

    columns: list[list[int]]
    column: dict[int, int]
    x: list[float]
    y: dict[int, float]
    bottom: float

    def place(self, state: int) -> tuple[float, float]:
        return self.x[self.column[state]], self.y[state]


def draw(automaton: Dfa) -> str | None:
    """The SVG of an automaton; None for one that is too large to be readable."""
    arrows = _arrows(automaton)
    if arrows is None:
        return None
    layout = _lay_out(automaton.start, arrows)
    body: list[str] = []
    lanes = _Lanes(layout.bottom)
    for arrow in sorted(arrows, key=lambda a: abs(layout.column[a.source] - layout.column[a.target])):
        body += _arrow(arrow, layout, lanes)
    x, y = layout.place(automaton.start)
    body.append(f'<path d="M{x - 3 * _RADIUS:.0f} {y:.0f}H{x - _RADIUS:.0f}"/>')
    for states in layout.columns:
        for state in states:
            x, y = layout.place(state)
            end = ' class="end"' if automaton.is_accepting(state) else ""
            body.append(f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{_RADIUS}"{end}/>')
            body.append(f'<text x="{x:.0f}" y="{y:.0f}">{state}</text>')
    width, height = layout.x[-1] + _SHOWN / 2 * _CHARACTER + 2 * _RADIUS, lanes.lowest + _ROW / 2
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" {size}>', _STYLE]
    return (
        "\n".join([*lines, f'<rect width="{width:.0f}" height="{height:.0f}" fill="white"/>', *body, "</svg>"]) + "\n"
    )


def _arrows(automaton: Dfa) -> list[_Arrow] | None:
    """For each two states between characters the characters that lead from the one to the other; None if there are too
    many states."""
    known: dict[tuple[int, int], list[tuple[int, int, int]]] = {}

    def after(state: int, more: int) -> list[tuple[int, int, int]]:
        """Where `more` continuation bytes lead, as runs: the first and last value of their bits, and the state."""
        if not more:
            return [(0, 0, state)]
        if (state, more) not in known:
            runs: list[tuple[int, int, int]] = []
            for value in range(64):
                target = automaton.advance(state, bytes([0x80 + value]))
                for low, high, end in after(target, more - 1) if target else ():
                    shift = value << 6 * (more - 1)
                    if runs and runs[-1][1:] == (shift + low - 1, end):
                        low, high = runs.pop()[0] - shift, high
                    runs.append((shift + low, shift + high, end))
            known[state, more] = runs
        return known[state, more]

    arrows: list[_Arrow] = []
    states = [automaton.start]
    for state in states:
        if len(states) > MOST:
            return None
        found: dict[int, list[tuple[int, int]]] = {}
        for byte in automaton.next_bytes(state):
            more = (byte >= 0xC0) + (byte >= 0xE0) + (byte >= 0xF0)
            first = (byte & 0x7F >> more + (more > 0)) << 6 * more
            for low, high, end in after(automaton.advance(state, bytes([byte])), more):
                found.setdefault(end, []).append((first + low, first + high))
        arrows += [_Arrow(state, end, _label(from_ranges(ranges))) for end, ranges in found.items()]
        states += [end for end in found if end not in states]
    return arrows


def _label(chars: CharSet) -> str:
    """A set of characters as a class, by what it lacks if that is shorter."""
    given, lacking = list(chars.ranges()), list((~chars).ranges())
    if not lacking:
        return "any"
    if len(lacking) < len(given) or (0x10FFFF in chars and len(lacking) <= 3):
        return f"[^{_class(lacking)}]"
    return _class(given) if len(given) == 1 and given[0][0] == given[0][1] else f"[{_class(given)}]"


def _class(ranges: Iterable[tuple[int, int]]) -> str:
    return "".join(_shown(low) if low == high else f"{_shown(low)}-{_shown(high)}" for low, high in ranges)


def _shown(code: int) -> str:
    char = chr(code)
    if char == " ":
        return "\N{OPEN BOX}"
    return char if char.isprintable() and code != 0x5C else repr(char)[1:-1]


def _lay_out(start: int, arrows: Sequence[_Arrow]) -> _Layout:
    columns, column = _columns(start, arrows)
    near: dict[int, list[int]] = {state: [] for state in column}
    for arrow in arrows:
        near[arrow.source].append(arrow.target)
        near[arrow.target].append(arrow.source)
    place = {state: float(i) for states in columns for i, state in enumerate(states)}
    for sweep in range(_SWEEPS):
        for states in columns if sweep % 2 == 0 else reversed(columns):
            side = -1 if sweep % 2 == 0 else 1
            wanted = {s: _mean([place[t] for t in near[s] if column[t] == column[s] + side], place[s]) for s in states}
            states.sort(key=lambda state: (wanted[state], place[state]))
            for i, state in enumerate(states):
                place[state] = i - len(states) / 2
    middle = max(map(len, columns)) / 2 + 0.9
    y = {state: (middle + at + 0.5) * _ROW for state, at in place.items()}
    return _Layout(columns, column, _widths(columns, column, arrows), y, max(y.values()))


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _columns(start: int, arrows: Sequence[_Arrow]) -> tuple[list[list[int]], dict[int, int]]:
    """States by their distance from the start."""
    after: dict[int, list[int]] = {}
    for arrow in arrows:
        after.setdefault(arrow.source, []).append(arrow.target)
    columns, column = [[start]], {start: 0}
    while columns[-1]:
        found = dict.fromkeys(t for state in columns[-1] for t in after.get(state, ()) if t not in column)
        column.update(dict.fromkeys(found, len(columns)))
        columns.append(list(found))
    return columns[:-1], column


def _widths(columns: Sequence[Sequence[int]], column: dict[int, int], arrows: Sequence[_Arrow]) -> list[float]:
    """The x of each column: between two of them is room for the labels."""
    x = [4.0 * _RADIUS]
    for number in range(1, len(columns)):
        labels = [len(_short(a.label)) for a in arrows if column[a.target] == number == column[a.source] + 1]
        loops = [
            len(_short(a.label)) for a in arrows if a.source == a.target and column[a.source] in (number - 1, number)
        ]
        room = max([max(labels, default=0) * _CHARACTER, max(loops, default=0) * _CHARACTER - 3 * _RADIUS])
        x.append(x[-1] + 4 * _RADIUS + room)
    return x


class _Lanes:
    """Where arrows to the left run, one below the other."""

    def __init__(self, bottom: float) -> None:
        self.lowest = bottom + _RADIUS

    def next(self) -> float:
        self.lowest += 20
        return self.lowest


def _arrow(arrow: _Arrow, layout: _Layout, lanes: _Lanes) -> list[str]:
    (x1, y1), (x2, y2) = layout.place(arrow.source), layout.place(arrow.target)
    r, kind = _RADIUS, ""
    if arrow.source == arrow.target:
        top = y1 - 2.4 * r
        path = _path("M", x1 - 6, y1 - r, "C", x1 - 22, top, x1 + 22, top, x1 + 6, y1 - r)
        at = x1, top
    elif x2 > x1:
        bend = (x2 - x1) / 3 + r
        path = _path("M", x1 + r, y1, "C", x1 + bend, y1, x2 - bend, y2, x2 - r, y2)
        at = (x1 + x2) / 2, (y1 + y2) / 2
    elif x1 == x2:
        side = r if y2 > y1 else -r
        out = side + (y2 - y1) / 5
        path = _path("M", x1, y1 + side, "Q", x1 + 2 * out, (y1 + y2) / 2, x2, y2 - side)
        at = x1 + out, (y1 + y2) / 2
    else:
        low, kind = lanes.next(), ' class="back"'
        left, right, near = x1 - 1.7 * r, x2 + 1.7 * r, 0.7 * r
        path = _path("M", x1 - near, y1 + near, "C", left, y1 + 2 * r, left, low, left - r, low)
        path += _path("H", right + r, "C", right, low, right, y2 + 2 * r, x2 + near, y2 + near)
        at = (x1 + x2) / 2, low
    return [
        f'<path d="{path}"{kind}/>',
        f'<text class="label" x="{at[0]:.0f}" y="{at[1]:.0f}">{escape(_short(arrow.label))}'
        f"<title>{escape(arrow.label)}</title></text>",
    ]


def _path(*parts: str | float) -> str:
    return " ".join(part if isinstance(part, str) else f"{part:.0f}" for part in parts)


def _short(label: str) -> str:
    return label if len(label) <= _SHOWN else label[: _SHOWN - 1] + "…"
