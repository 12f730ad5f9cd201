"""What a process may use. Every limit has its own error, and no single operation steps around one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of one process (and of each of its forks)."""

    fuel: int = 10_000_000
    """Units of work in all: one a back edge, a step of a loop and a call of a function (more where much straight code
    follows), by size in bulk operations, and a hundred a request to the host. Loops over sequences pay for some steps
    in advance."""
    step_fuel: int = 2_000_000
    """Units of work between two requests."""
    memory: int = 64 * 1024 * 1024
    """Bytes of live values, by the machine's own deterministic estimate."""
    recursion: int = 200
    """Frames, native calls back into the machine included."""
    int_bits: int = 1 << 16
    """Bits of an integer."""
    output: int = 1 << 20
    """Characters printed."""
