"""What happens during a run, one small record after the other, for views and streams.

The scheduler makes them (only where a caller asked), `Handle` hands them out in order. `branch` is the branch's index;
texts are bytes, since a token may hold half a character.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Prompted:
    """A request has begun: this is its prompt."""

    branch: int
    tokens: tuple[int, ...]
    text: bytes


@dataclass(frozen=True, slots=True)
class Fixed:
    """The controller appended these tokens."""

    branch: int
    tokens: tuple[int, ...]
    text: bytes


@dataclass(frozen=True, slots=True)
class Token:
    """The model's next token. `first`: it begins a new generation."""

    branch: int
    token: int
    text: bytes
    first: bool


@dataclass(frozen=True, slots=True)
class Forced:
    """Generated tokens that nobody sampled: the constraint left no choice. `first`: as in `Token`."""

    branch: int
    tokens: tuple[int, ...]
    text: bytes
    first: bool


@dataclass(frozen=True, slots=True)
class Backtracked:
    """The controller dropped the last tokens."""

    branch: int
    tokens: tuple[int, ...]
    text: bytes


@dataclass(frozen=True, slots=True)
class Forked:
    """The branch split; the first of `branches` is itself, the others begin as its copies."""

    branch: int
    branches: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Logged:
    """The controller printed."""

    branch: int
    text: str


@dataclass(frozen=True, slots=True)
class VariableSet:
    """A shared variable has a new value."""

    branch: int
    name: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """The branch is over; `error` is what ended it, if anything went wrong."""

    branch: int
    finish_reason: str
    error: str | None


Event: TypeAlias = Prompted | Fixed | Token | Forced | Backtracked | Forked | Logged | VariableSet | Ended
