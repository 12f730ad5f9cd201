"""How long a call takes: the lesser of wall and process CPU time, less what looking at the clocks takes.

Machines are shared, so a call may wait for the processor (wall counts that) and other threads may work (CPU does).
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def _raw(action: Callable[[], Any]) -> tuple[float, Any]:
    cpu = time.process_time()
    wall = time.perf_counter()  # last: the other look enters the system, which may do then what it had put off
    value = action()
    return min(time.perf_counter() - wall, time.process_time() - cpu), value


def _overhead() -> float:
    return statistics.quantiles((_raw(lambda state=None: state)[0] for _ in range(5001)), n=10)[0]


OVERHEAD = _overhead()
"""Seconds between the two looks at the clocks around a call of nothing, when little disturbs them."""


def timed(action: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds that a call took, and its value."""
    seconds, value = _raw(action)
    return max(0.0, seconds - OVERHEAD), value


def timed_often(action: Callable[[], Any], times: int = 16) -> float:
    """Seconds of one call out of many in a row: for what is quicker than the clocks."""

    def many() -> None:
        for _ in range(times):
            action()

    return timed(many)[0] / times


class Evictor:
    """Throws everything out of the CPU's caches, by writing to more memory than they hold."""

    def __init__(self, least: int = 96 << 20, most: int = 1 << 30) -> None:
        self.bytes = min(most, max(least, _last_level_cache() * 5 // 4))
        self._memory = np.zeros(self.bytes, np.uint8)

    def __call__(self) -> None:
        self._memory[::64] += 1


def _last_level_cache() -> int:
    """Bytes of the largest cache that Linux knows of, or 0."""
    sizes = [0]
    for file in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        text = file.read_text().strip()
        sizes.append(int(text[:-1]) << {"K": 10, "M": 20}[text[-1]])
    return max(sizes)


_said = [time.monotonic()]


def tell(what: str) -> None:
    """Show what is being done, in place of what was shown before; in a log a line now and then."""
    if sys.stderr.isatty():
        print(f"\r\033[K{what}", end="", file=sys.stderr, flush=True)
    elif what and time.monotonic() - _said[0] > 20:
        print(what, file=sys.stderr, flush=True)
        _said[0] = time.monotonic()
