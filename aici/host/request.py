"""What a caller submits: a program, a prompt, and the bounds of the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from aici.host.sampling import SamplingParams
from aici.host.tokenizer import Tokenizer
from aici.vm.limits import Limits
from aici.vm.program import Program


@dataclass(frozen=True)
class RunLimits:
    """Bounds of one request, over all of its branches. Meeting one is an error at the controller's line that asked."""

    vm: Limits = field(default_factory=Limits)
    branches: int = 64
    """Branches alive at once."""
    forks: int = 4096
    """Branches in all."""
    tokens: int = 1_000_000
    """Tokens that the engine may process, and tokens that may be sampled."""
    variable_bytes: int = 16 * 1024 * 1024
    """Bytes of names and values of variables."""


@dataclass(frozen=True)
class RunRequest:
    """One run of a controller.

    `prompt` is text (names of special tokens in it stand for those tokens) or token ids. `timings`: note for each step
    where its time went. `fast_forward`: text that a constraint leaves no choice in is appended at once, in the
    tokenizer's own spelling, instead of being sampled.
    """

    program: Program
    prompt: str | bytes | Sequence[int] = ""
    sampling: SamplingParams = field(default_factory=SamplingParams)
    limits: RunLimits = field(default_factory=RunLimits)
    timings: bool = False
    fast_forward: bool = True


def prompt_tokens(tokenizer: Tokenizer, prompt: str | bytes | Sequence[int]) -> list[int]:
    """The token ids of a prompt. Raises `ValueError` for one that the vocabulary cannot spell or does not have."""
    if isinstance(prompt, str):
        prompt = prompt.encode()
    if isinstance(prompt, bytes):
        return [*tokenizer.prefix_ids, *tokenizer.encode(prompt)]
    size = len(tokenizer.token_bytes)
    if any(not 0 <= token < size for token in prompt):
        raise ValueError(f"the prompt has a token id outside the vocabulary (0 to {size - 1})")
    return list(prompt)
