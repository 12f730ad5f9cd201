"""How much a pattern may cost. Everybody may import this module; it imports nothing of the project."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DfaLimits:
    """Bounds on the compilation of one constraint; what passes one is refused with the reason.

    A pattern is refused by the first bound that it meets, so that time and memory stay bounded whatever is asked for.
    """

    pattern_length: int = 100_000
    """Characters of a pattern."""
    nesting: int = 1_000
    """Groups within groups."""
    positions: int = 16_384
    """Characters and classes of the pattern once its counted repetitions are written out."""
    states: int = 65_535
    """States of an automaton over characters, before it is minimised."""
    work: int = 40_000_000
    """Machine words touched by the subset construction."""
    cells: int = 16_000_000
    """States times byte classes of the finished table."""
    option_bytes: int = 8_000_000
    """Bytes of all options together, in UTF-8."""


DEFAULT_LIMITS = DfaLimits()
