"""Logits and a mask to a token: greedy or random, the same for the same seed.

In: float32 logits of an engine and the allowed tokens as a bitmask. Out: a token id. Nothing here knows sequences,
constraints or the VM; the session owns one `Sampler` for every sequence.

Randomness is a hash of (seed, path of forks, number of the draw). So a sampler has no hidden state: it can be
serialised as three plain values, forked without any order of calls mattering, and replayed.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aici.host.engines.base import EngineError

_BLOCK = 256
"""Weights that are summed up together before one is drawn."""


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How tokens are chosen. Raises `ValueError` that names the setting and its range."""

    temperature: float = 0.0
    """0 is greedy: the most likely token, of equals the lowest id."""
    top_p: float = 1.0
    """Only the fewest most likely tokens that together have this probability; 1 is all."""
    top_k: int = 0
    """Only this many most likely tokens; 0 is all."""
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0.0 <= self.temperature <= 100.0:
            raise ValueError(f"temperature is {self.temperature}; it must be between 0 and 100")
        if not 0.0 < self.top_p <= 1.0:
            raise ValueError(f"top_p is {self.top_p}; it must be above 0 and at most 1")
        if self.top_k < 0:
            raise ValueError(f"top_k is {self.top_k}; it must be 0 (all tokens) or more")
        if not 0 <= self.seed < 1 << 64:
            raise ValueError(f"seed is {self.seed}; it must be between 0 and 2**64 - 1")


_BIAS = np.where(np.arange(256)[:, None] >> np.arange(8) & 1, 0.0, -np.inf).astype(np.float32)
"""For every octet of a mask what to add to the logits of its eight tokens."""


class Sampler:
    """Chooses the tokens of one sequence. Not to be shared between threads: it reuses its buffers."""

    def __init__(self, params: SamplingParams, path: tuple[int, ...] = (), step: int = 0) -> None:
        """`path` and `step` are those of an earlier sampler of which this is to be the continuation."""
        self.params = params
        self.path = path
        self.step = step
        self._key = hashlib.blake2b(repr((params.seed, path)).encode(), digest_size=32).digest()
        self._buffer: NDArray[np.float32] = np.empty(0, np.float32)
        self._bias: NDArray[np.float32] = np.empty((0, 8), np.float32)

    def fork(self, index: int) -> Sampler:
        """The sampler of the branch `index` that starts here; branches draw independently of each other."""
        return Sampler(self.params, (*self.path, self.step, index))

    def sample(self, logits: NDArray[np.float32], mask: NDArray[np.uint32] | None = None) -> int:
        """A token. `logits`: float32 `[n]`. `mask`: bit `i % 32` of word `i // 32` allows token `i`, at least `n` bits.
        Raises `EngineError` if the logits hold NaN or infinity, or if nothing is allowed."""
        scores = logits if mask is None else self._masked(logits, mask)
        best = int(scores.argmax())  # the first of equals; the first NaN if there is one
        peak = float(scores[best])
        if not math.isfinite(peak):
            raise EngineError(_trouble(logits, mask))
        if self.params.temperature == 0.0:
            return best
        return self._draw(scores, peak)

    def skip(self) -> None:
        """Go on as if a token had been sampled, which was done elsewhere."""
        if self.params.temperature != 0.0:
            self.step += 1

    def _masked(self, logits: NDArray[np.float32], mask: NDArray[np.uint32]) -> NDArray[np.float32]:
        """The logits, minus infinity where not allowed. One table look-up for eight tokens and no allocation."""
        n = len(logits)
        octets = mask.view(np.uint8)
        if len(octets) * 8 < n:
            raise ValueError(f"a mask of {len(octets) * 8} bits for {n} logits")
        if len(self._buffer) != n or len(self._bias) != len(octets):
            self._buffer, self._bias = np.empty(n, np.float32), np.empty((len(octets), 8), np.float32)
        np.take(_BIAS, octets, axis=0, out=self._bias, mode="clip")
        with np.errstate(invalid="ignore"):  # infinity where not allowed gives NaN, which `sample` reports
            return np.add(logits, self._bias.reshape(-1)[:n], out=self._buffer)

    def _draw(self, scores: NDArray[np.float32], peak: float) -> int:
        """A random token of softmax(scores / temperature), cut to top-k, then to top-p."""
        weights = self._weights(scores, peak)
        tokens: NDArray[np.intp] | None = None
        if self.params.top_k or self.params.top_p < 1.0:
            tokens, weights = self._cut(weights)
        # A running sum over all is what would cost: first the block of the token, then the token in it.
        blocks = np.add.reduceat(weights, np.arange(0, len(weights), _BLOCK))
        block, rest = _reach(blocks, self._uniform() * float(blocks.sum(dtype=np.float64)))
        start = block * _BLOCK
        chosen = start + _reach(weights[start : start + _BLOCK], rest)[0]
        return chosen if tokens is None else int(tokens[chosen])

    def _weights(self, scores: NDArray[np.float32], peak: float) -> NDArray[np.float32]:
        """exp((scores - peak) / temperature), float32 `[n]`; 1 for the best, 0 for what is not allowed."""
        if len(self._buffer) != len(scores):
            self._buffer = np.empty(len(scores), np.float32)
        with np.errstate(over="ignore", under="ignore"):
            weights = self._buffer
            np.subtract(scores, np.float32(peak), out=weights)
            # Below 1e-30 a temperature is as good as greedy, and its inverse would be no float32.
            np.multiply(weights, np.float32(1.0 / max(self.params.temperature, 1e-30)), out=weights)
            np.exp(weights, out=weights)
        return weights

    def _cut(self, weights: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """The tokens of top-k and then top-p with their weights, most likely first, equals by id."""
        k, top_p = self.params.top_k or len(weights), self.params.top_p
        total = weights.sum(dtype=np.float64)
        # The sort is what costs: first drop what cannot be in. All tokens below the second bound together have less
        # than 1 - top_p.
        bound = np.partition(weights, -k)[-k] if k < len(weights) else (1.0 - top_p) * total / len(weights)
        tokens = np.flatnonzero(weights >= bound)
        tokens = tokens[np.argsort(-weights[tokens], kind="stable")[:k]]
        weights = weights[tokens]
        if top_p < 1.0:
            cumulative = weights.cumsum(dtype=np.float64)
            end = int(cumulative.searchsorted(top_p * (cumulative[-1] if self.params.top_k else total))) + 1
            tokens, weights = tokens[:end], weights[:end]
        return tokens, weights

    def _uniform(self) -> float:
        """The next draw from [0, 1)."""
        digest = hashlib.blake2b(self.step.to_bytes(8, "little"), key=self._key, digest_size=8).digest()
        self.step += 1
        return (int.from_bytes(digest, "little") >> 11) * 2.0**-53


def _reach(weights: NDArray[np.float32], point: float) -> tuple[int, float]:
    """The first index at which the running sum passes `point`, and how far into that weight the point lies."""
    sums = weights.cumsum(dtype=np.float64)
    # Strictly below the total, so that it is passed at an index that has a weight.
    point = min(point, float(np.nextafter(sums[-1], 0.0)))
    index = int(sums.searchsorted(point, side="right"))
    return index, point - (float(sums[index - 1]) if index else 0.0)


def likeliest(
    logits: NDArray[np.float32], mask: NDArray[np.uint32] | None, size: int, token: int, count: int
) -> tuple[int, float, tuple[tuple[int, float], ...]]:
    """What a mask did to a choice: how many of the `size` tokens it allowed; the probability that it removed; and, the
    chosen `token` first, the likeliest allowed tokens with their probabilities, at most `count`. Probabilities are the
    model's own, at temperature 1 and without the mask."""
    weights = np.exp(logits[:size] - logits[:size].max())
    total = float(weights.sum(dtype=np.float64))
    allowed, kept = size, total
    if mask is not None:
        bits = np.unpackbits(mask.view(np.uint8), count=size, bitorder="little").view(np.bool_)
        weights *= bits
        allowed, kept = int(np.count_nonzero(bits)), float(weights.sum(dtype=np.float64))
    likely = [(token, float(weights[token]) / total)]
    likely += [(other, float(weights[other]) / total) for other in _top(weights, count) if other != token]
    return allowed, max(0.0, 1.0 - kept / total), tuple(pair for pair in likely[:count] if pair[1] > 0)


def _top(weights: NDArray[np.float32], count: int) -> list[int]:
    """The indices of the greatest weights, greatest first: in the blocks with the greatest maxima, so that only a few
    weights are sorted."""
    starts = np.arange(0, len(weights), _BLOCK)
    blocks = np.argsort(-np.maximum.reduceat(weights, starts), kind="stable")[:count]
    places = np.concatenate([np.arange(start, min(start + _BLOCK, len(weights))) for start in starts[blocks]])
    return [int(places[i]) for i in np.argsort(-weights[places], kind="stable")[:count]]


def _trouble(logits: NDArray[np.float32], mask: NDArray[np.uint32] | None) -> str:
    """Why there is no best token."""
    wrong = np.flatnonzero(np.isnan(logits) | np.isposinf(logits))
    if len(wrong):
        return f"the model's logits are no numbers (token {wrong[0]}: {logits[wrong[0]]}); its file may be damaged"
    if mask is not None and not np.unpackbits(mask.view(np.uint8), bitorder="little")[: len(logits)].any():
        return "no token is allowed here"
    return "the model gives no allowed token any probability; its file may be damaged"
