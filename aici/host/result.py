"""What a caller gets back from a run: plain data, ready for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

ENGINE_ERROR = "EngineError"
"""`BranchError.kind` when it was the engine that failed, not the controller."""


@dataclass(frozen=True)
class BranchError:
    """What ended a branch: class name, text, and the traceback in the controller's own lines."""

    kind: str
    message: str
    traceback: str

    @classmethod
    def of(cls, kind: str, message: str) -> BranchError:
        """An error that is not raised by any line of the controller."""
        return cls(kind, message, f"{kind}: {message}\n")

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}" if self.message else self.kind


@dataclass(frozen=True)
class Branch:
    """One branch. `index` counts branches in order of their making; `path` holds what each `fork` returned on the way.

    `tokens` and `content` are all that follows the prompt. `finish_reason` is "end" (the program came to its end),
    "stop" (`StopToken`), "error" or "cancelled".
    """

    index: int
    path: tuple[int, ...]
    tokens: list[int]
    content: bytes
    logs: str
    finish_reason: str
    error: BranchError | None

    @property
    def text(self) -> str:
        """`content` as text; what is not UTF-8 is replaced."""
        return self.content.decode("utf-8", "replace")

    def to_json(self) -> dict[str, Any]:
        return {
            "index": self.index,
            "path": list(self.path),
            "text": self.text,
            "tokens": self.tokens,
            "logs": self.logs,
            "finish_reason": self.finish_reason,
            "error": None if self.error is None else asdict(self.error),
        }


@dataclass(frozen=True)
class Usage:
    """What a run took. `ff_tokens` counts as AICI does: every token that the engine processed, be it of the prompt,
    fixed or generated."""

    sampled_tokens: int = 0
    ff_tokens: int = 0

    @property
    def cost(self) -> int:
        return 2 * self.sampled_tokens + self.ff_tokens

    def to_json(self) -> dict[str, int]:
        return {"sampled_tokens": self.sampled_tokens, "ff_tokens": self.ff_tokens, "cost": self.cost}


@dataclass(frozen=True, slots=True)
class StepTiming:
    """Where the seconds of one step of the whole batch went. Masks are computed while the engine works, so `mask`
    overlaps `engine`; `total` is wall time. `sequences` and `tokens`: what the engine was fed."""

    vm: float
    mask: float
    engine: float
    sampling: float
    total: float
    sequences: int
    tokens: int


@dataclass(frozen=True)
class Result:
    """A finished run."""

    prompt: str
    prompt_tokens: list[int]
    branches: list[Branch]
    variables: dict[str, bytes]
    usage: Usage
    steps: list[StepTiming]

    @property
    def error(self) -> BranchError | None:
        """The first branch's error, if any branch failed."""
        return next((branch.error for branch in self.branches if branch.error is not None), None)

    @property
    def text(self) -> str:
        """Text of the first branch; empty if the request was cancelled before it began."""
        return self.branches[0].text if self.branches else ""

    def to_json(self) -> dict[str, Any]:
        return {
            "prompt": self.prompt,
            "prompt_tokens": self.prompt_tokens,
            "branches": [branch.to_json() for branch in self.branches],
            "variables": variables_to_json(self.variables),
            "usage": self.usage.to_json(),
            "steps": [asdict(step) for step in self.steps],
        }


def variables_to_json(variables: Mapping[str, bytes]) -> dict[str, Any]:
    """Values as text where they are UTF-8, else as `{"hex": …}`."""
    return {name: _text_or_hex(value) for name, value in variables.items()}


def _text_or_hex(value: bytes) -> str | dict[str, str]:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"hex": value.hex()}
