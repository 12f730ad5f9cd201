"""How long something takes: by the wall, and by the processors of all processes that do it."""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Callable
from typing import NamedTuple


class Sample(NamedTuple):
    """Seconds of one operation."""

    wall: float
    cpu: float

    @property
    def lesser(self) -> float:
        return min(self)


def timed(function: Callable[[], object], worker: int | None = None) -> Sample:
    """Seconds of a call. To the processor time of this process comes that of a `worker`, a process of its own that
    does the work: Linux tells it to the nanosecond, elsewhere only the wall counts then."""
    theirs = _processor_time(worker)
    wall, cpu = time.perf_counter(), time.process_time()
    function()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Sample(wall, cpu + _processor_time(worker) - theirs if theirs < math.inf else math.inf)


def _processor_time(process: int | None) -> float:
    if process is None:
        return 0.0
    if sys.platform != "linux":
        return math.inf
    return time.clock_gettime(~process << 3 | 2)  # what clock_getcpuclockid(3) makes of a process


def summary(samples: list[Sample]) -> dict[str, float]:
    """Medians by each clock, `seconds` of the lesser of both in each sample; of many samples the 99th of a hundred."""
    lesser = sorted(sample.lesser for sample in samples)
    found = {
        "seconds": statistics.median(lesser),
        "wall": statistics.median(sample.wall for sample in samples),
        "cpu": statistics.median(sample.cpu for sample in samples),
    }
    if len(lesser) >= 100:
        found["p99"] = lesser[len(lesser) * 99 // 100]
    return found
