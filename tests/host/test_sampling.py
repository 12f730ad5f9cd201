"""The sampler against a slow twin, its determinism, and its errors."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from aici.host.engines.base import EngineError
from aici.host.sampling import Sampler, SamplingParams

# Steps of a quarter: nearer logits have the same weight in float32, and then the twin's order means nothing.
LOGIT = st.one_of(st.integers(-80, 80).map(lambda quarters: quarters / 4), st.sampled_from([0.0, 1.0, -math.inf]))


def bits(allowed: list[bool]) -> NDArray[np.uint32]:
    """A mask as the host passes it: bit i % 32 of word i // 32."""
    padded = allowed + [True] * (-len(allowed) % 32)  # bits beyond the vocabulary mean nothing
    words = [sum(1 << i for i in range(32) if padded[w + i]) for w in range(0, len(padded), 32)]
    return np.array(words, np.uint32)


def distribution(logits: list[float], allowed: list[bool], params: SamplingParams) -> dict[int, float]:
    """The slow twin: what the settings mean, in plain Python. Probabilities of the tokens that may be drawn."""
    able = [i for i, ok in enumerate(allowed) if ok and logits[i] > -math.inf]
    peak = max(logits[i] for i in able)
    if params.temperature == 0:
        return {next(i for i in able if logits[i] == peak): 1.0}
    weight = {i: math.exp((logits[i] - peak) / params.temperature) for i in able}
    ranked = sorted(able, key=lambda i: (-weight[i], i))[: params.top_k or None]
    total, reached, nucleus = sum(weight[i] for i in ranked), 0.0, []
    for i in ranked:
        nucleus.append(i)
        reached += weight[i]
        if reached >= params.top_p * total:
            break
    total = sum(weight[i] for i in nucleus)
    return {i: weight[i] / total for i in nucleus}


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_only_tokens_of_the_twin_are_drawn(data: st.DataObject) -> None:
    logits = data.draw(st.lists(LOGIT, min_size=1, max_size=70))
    allowed = data.draw(st.lists(st.booleans(), min_size=len(logits), max_size=len(logits)))
    sure = data.draw(st.integers(0, len(logits) - 1))
    logits[sure], allowed[sure] = 0.0, True
    params = SamplingParams(
        temperature=data.draw(st.sampled_from([0.0, 0.1, 1.0, 3.0])),
        top_p=data.draw(st.sampled_from([1.0, 0.95, 0.5, 0.01])),
        top_k=data.draw(st.sampled_from([0, 1, 3, 200])),
        seed=data.draw(st.integers(0, 9)),
    )
    array = np.array(logits, np.float32)
    sampler = Sampler(params)
    able = distribution([float(x) for x in array], allowed, params)
    for _ in range(5):
        token = sampler.sample(array, bits(allowed))
        # Where equals are on the border of the nucleus, float noise decides how many of them are in.
        assert allowed[token] and (token in able or logits[token] == min(logits[i] for i in able))


def test_draws_have_the_probabilities_of_the_twin() -> None:
    logits = [0.0, 1.0, 2.0, 2.5, -1.0, 2.0]
    allowed = [True, True, True, False, True, True]
    for params in (SamplingParams(1.0), SamplingParams(0.7, top_p=0.8), SamplingParams(2.0, top_k=3, top_p=0.9)):
        want = distribution(logits, allowed, params)
        sampler = Sampler(params)
        array, mask = np.array(logits, np.float32), bits(allowed)
        seen = Counter(sampler.sample(array, mask) for _ in range(4000))
        assert set(seen) == set(want)
        for token, probability in want.items():
            assert seen[token] / 4000 == pytest.approx(probability, abs=0.04)


def test_greedy_takes_the_lowest_of_equals() -> None:
    logits = np.array([1, 3, 3, 2], np.float32)
    assert Sampler(SamplingParams()).sample(logits) == 1
    assert Sampler(SamplingParams()).sample(logits, bits([True, False, True, True])) == 2


def test_the_mask_may_be_longer_than_the_logits_but_not_shorter() -> None:
    logits = np.arange(40, dtype=np.float32)
    sampler = Sampler(SamplingParams())
    assert sampler.sample(logits, np.array([0, 0xFFFFFFFF, 0xFFFFFFFF], np.uint32)) == 39
    assert sampler.sample(logits, np.array([2, 0], np.uint32)) == 1
    with pytest.raises(ValueError, match="32 bits for 40"):
        sampler.sample(logits, np.array([1], np.uint32))


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**64 - 1), st.integers(0, 5), st.integers(0, 3))
def test_a_sampler_is_its_three_plain_values(seed: int, before: int, branch: int) -> None:
    logits = np.zeros(1000, np.float32)
    params = SamplingParams(1.0, seed=seed)
    original = Sampler(params).fork(branch)
    for _ in range(before):
        original.sample(logits)
    restored = Sampler(original.params, original.path, original.step)
    assert [original.sample(logits) for _ in range(3)] == [restored.sample(logits) for _ in range(3)]


def test_seeds_branches_and_steps_draw_differently() -> None:
    logits = np.zeros(100_000, np.float32)
    root = Sampler(SamplingParams(1.0, seed=7))
    root.sample(logits)
    samplers = [root.fork(0), root.fork(1), root, Sampler(SamplingParams(1.0, seed=8))]
    draws = [sampler.sample(logits) for sampler in samplers for _ in range(2)]
    assert len(set(draws)) == len(draws)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_logits_that_are_no_numbers_are_an_engine_error(bad: float, temperature: float) -> None:
    sampler = Sampler(SamplingParams(temperature))
    logits = np.array([0.0, bad, 1.0], np.float32)
    with pytest.raises(EngineError, match="no numbers"):
        sampler.sample(logits)
    with pytest.raises(EngineError, match="no numbers"):
        sampler.sample(logits, bits([True, False, True]))


def test_nothing_to_choose_from_is_an_engine_error() -> None:
    sampler = Sampler(SamplingParams())
    with pytest.raises(EngineError, match="no token is allowed"):
        sampler.sample(np.zeros(3, np.float32), bits([False] * 3))
    with pytest.raises(EngineError, match="any probability"):
        sampler.sample(np.full(3, -np.inf, np.float32))


@pytest.mark.parametrize(
    "setting",
    [
        *({"temperature": value} for value in (-0.1, math.nan, math.inf, 101.0)),
        *({"top_p": value} for value in (0.0, -1.0, 1.1, math.nan)),
        *({"top_k": value} for value in (-1,)),
        *({"seed": value} for value in (-1, 2**64)),
    ],
)
def test_wrong_settings_are_named(setting: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(setting))):
        SamplingParams(**setting)  # type: ignore[arg-type]


@pytest.mark.parametrize("temperature", [5e-324, 1e-30, 100.0])
def test_extreme_temperatures_do_no_harm(temperature: float) -> None:
    logits = np.array([0.0, 1.0, -3e38], np.float32)
    assert Sampler(SamplingParams(temperature)).sample(logits) in (0, 1)


def test_large_vocabularies_are_drawn_from_evenly() -> None:
    """Several blocks of weights, the last one short, with gaps and a heavy token."""
    n = 1000
    logits = np.zeros(n, np.float32)
    logits[700] = math.log(500)
    allowed = [i % 3 != 1 for i in range(n)]
    sampler = Sampler(SamplingParams(1.0))
    mask = bits(allowed)
    seen = Counter(sampler.sample(logits, mask) for _ in range(4000))
    total = sum(allowed) + 499 * allowed[700]
    assert all(allowed[token] for token in seen)
    for start in range(0, n, 100):
        want = sum(allowed[i] * (500 if i == 700 else 1) for i in range(start, min(start + 100, n))) / total
        assert sum(seen[i] for i in range(start, start + 100)) / 4000 == pytest.approx(want, abs=0.04)
