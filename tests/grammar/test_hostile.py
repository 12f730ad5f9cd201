"""Hostile patterns leave time and memory within bounds: a few of those that `bench/hostile.py` draws."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

COMMAND = Path(__file__).parents[2] / "bench" / "hostile.py"


def test_hostile_patterns_work_or_are_refused() -> None:
    fuzz = "AICIC_FUZZ" in os.environ
    count, seed = (10_000, os.getpid()) if fuzz else (400, 1)
    arguments = ["--count", str(count), "--seed", str(seed), "--vocabulary", "bytes", "--seconds", "3"]
    run = subprocess.run([sys.executable, COMMAND, *arguments], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
