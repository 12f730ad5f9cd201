"""How the figures are shown: tables, the bars that are set, and the plot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

Table = dict[str, dict[str, dict[str, float]]]
"""Line -> engine -> figures: `clock.summary`, and `ratio` to CPython."""

WARM_START = 50e-6
BARS = {
    "while loop, in a function": 2.0,
    "while loop, in the module": 2.0,
    "for loop over a range": 2.0,
    "fib(24)": 2.5,
    "dict and str": 2.0,
    "list building and sorting": 2.0,
    "string formatting": 2.0,
}
"""Times over those of CPython that are allowed."""


def time_of(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.1f} us"


def show(title: str, table: Table, engines: list[str]) -> None:
    print(f"{title:30}" + "".join(f"{engine:>19}" for engine in engines))
    for line, row in table.items():
        cells = ""
        for engine in engines:
            figures = row.get(engine, {})
            cell = time_of(figures["seconds"]) if figures else "-"
            if "p99" in figures:
                cell += f" ({time_of(figures['p99'])})"
            elif "ratio" in figures:
                cell += f" {figures['ratio']:6.2f}x"
            cells += f"{cell:>19}"
        print(f"{line:30}{cells}")
    print()


def verdicts(programs: Table, parts: Table, sizes: dict[str, int]) -> Iterator[tuple[str, float, float]]:
    """What is asked, what was found, and what is allowed; a verdict is good where the second is not above the third."""
    for line, row in programs.items():
        ours = row.get("aicic")
        if ours and line in BARS and "ratio" in ours:
            yield f"{line}: times of CPython's", ours["ratio"], BARS[line]
    for line, row in {**programs, **parts}.items():
        if "aicic" in row and "monty" in row:
            yield f"{line}: times of Monty's", row["aicic"]["seconds"] / row["monty"]["seconds"], 1.0
    if "aicic" in sizes and "monty" in sizes:
        yield "bytes of a snapshot: times of Monty's", sizes["aicic"] / sizes["monty"], 1.0
    for line in ("trivial module", "first request", "first request, new program"):
        if "aicic" in parts.get(line, {}):
            yield f"{line}, us", parts[line]["aicic"]["seconds"] * 1e6, WARM_START * 1e6


def judge(programs: Table, parts: Table, sizes: dict[str, int]) -> None:
    print(f"{'bar':62}{'found':>9}{'allowed':>9}")
    for what, found, allowed in verdicts(programs, parts, sizes):
        print(f"{what:62}{found:9.2f}{allowed:9.2f}  {'met' if found <= allowed else 'MISSED'}")


def plot(table: Table, engines: list[str], path: Path) -> None:
    """Bars of times over those of CPython, a group a line."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 6))
    others = [engine for engine in engines if engine != "cpython"]
    lines = [line for line, row in table.items() if "cpython" in row]
    height = 0.8 / max(1, len(others))
    for place, engine in enumerate(others):
        at = [index for index, line in enumerate(lines) if engine in table[line]]
        ratios = [table[lines[index]][engine]["ratio"] for index in at]
        bars = axes.barh([index + place * height for index in at], ratios, height, label=engine)
        axes.bar_label(bars, fmt="%.1f", fontsize=7, padding=2)
    for index, line in enumerate(lines):
        if line in BARS:
            axes.plot([BARS[line]] * 2, [index - height / 2, index + 0.8 - height / 2], color="black", linewidth=1.2)
    axes.set_yticks([index + 0.4 - height / 2 for index in range(len(lines))], lines)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.axvline(1, color="grey", linewidth=0.8)
    axes.set_xlabel("time over that of CPython; black: what is allowed")
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=150)
