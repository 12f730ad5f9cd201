"""What the host costs on a real model: its share of a step, and tokens per second with and without a constraint.

    make bench-host [ARGS="--json --tokens 64 --rounds 9"]

Every round runs all four cases (1 and 16 sequences, free and under a regex) one after the other on the same engine, so
that a busy machine troubles all of them alike; what counts are the ratios. "host" is everything of a step that is not
the engine's call: controllers, waiting for masks, sampling, bookkeeping.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from aici.compiler import compile_source
from aici.diagnostics import SourceFile
from aici.host import Host, Result, RunRequest, SamplingParams, StepTiming
from aici.host.engines.llama import LlamaEngine
from aici.host.weights import default_model
from aici.vm.program import Program

PROMPT = "<|im_start|>user\nWrite a long story about the sea.<|im_end|>\n<|im_start|>assistant\n"
SIZES = (1, 16)
REGEX = r"([A-Za-z',;: ]+[.!?]\s+)*"
"""Sentences without end: a constraint that never ends the run and masks most of the vocabulary."""


def controller(constraint: str, tokens: int) -> Program:
    """Generates in pieces of eight tokens, as controllers do that look at what came."""
    source = f"""
import aici

async def main():
    for i in range({tokens // 8}):
        await aici.gen_tokens({constraint}max_tokens=8)

aici.start(main())
"""
    return compile_source(SourceFile("bench.py", source))


def measure(host: Host, program: Program, size: int) -> list[StepTiming]:
    """The steps of `size` sequences together, but for those that read the prompt or in which sequences were missing."""
    requests = [RunRequest(program, PROMPT, SamplingParams(1.0, seed=seed), timings=seed == 0) for seed in range(size)]
    results: list[Result] = host.run_many(requests)
    for result in results:
        if result.error is not None:
            raise SystemExit(result.error.traceback)
    return [step for step in results[0].steps if step.sequences == step.tokens == size]


def quantile(values: list[float], q: float) -> float:
    return sorted(values)[min(len(values) - 1, int(q * len(values)))]


def summary(steps: list[StepTiming], size: int) -> dict[str, float]:
    host = [step.total - step.engine for step in steps]
    shares = [1 - step.engine / step.total for step in steps]
    return {
        "tokens_per_second": size / step_time(steps),
        "host_share_median": median(shares),
        "host_share_p99": quantile(shares, 0.99),
        "host_us_per_token": 1e6 * median(host) / size,
        "vm_us": 1e6 * median(step.vm for step in steps),
        "mask_us": 1e6 * median(step.mask for step in steps),
        "sampling_us": 1e6 * median(step.sampling for step in steps),
        "engine_ms": 1e3 * median(step.engine for step in steps),
        "steps": len(steps),
    }


def run(host: Host, tokens: int, rounds: int) -> dict[str, Any]:
    programs = {"free": controller("", tokens), "regex": controller(f"regex={REGEX!r}, ", tokens)}
    cases = [(name, size) for size in SIZES for name in programs]
    found = [{case: measure(host, programs[case[0]], case[1]) for case in cases} for _ in range(rounds)]
    speed = {}
    for size in SIZES:
        ratios = [step_time(steps["free", size]) / step_time(steps["regex", size]) for steps in found]
        speed[f"regex / free x{size}"] = {"median": median(ratios), "least": min(ratios), "most": max(ratios)}
    return {
        "model": host.engine.name,
        "cases": {
            f"{name} x{size}": summary([step for steps in found for step in steps[name, size]], size)
            for name, size in cases
        },
        "speed": speed,
    }


def step_time(steps: list[StepTiming]) -> float:
    return median(step.total for step in steps)


def show(report: dict[str, Any], write: Callable[[str], object] = print) -> None:
    write(f"model: {report['model']}")
    write(
        f"{'case':<12}{'tok/s':>8}{'host share':>12}{'p99':>8}{'host µs/tok':>13}{'VM µs':>8}{'mask µs':>9}"
        f"{'sampling µs':>13}{'engine ms':>11}{'steps':>7}"
    )
    for name, case in report["cases"].items():
        write(
            f"{name:<12}{case['tokens_per_second']:8.1f}{case['host_share_median']:12.2%}{case['host_share_p99']:8.2%}"
            f"{case['host_us_per_token']:13.0f}{case['vm_us']:8.0f}{case['mask_us']:9.0f}{case['sampling_us']:13.0f}"
            f"{case['engine_ms']:11.2f}{case['steps']:7d}"
        )
    for name, ratio in report["speed"].items():
        write(f"speed {name}: {ratio['median']:.3f} (rounds from {ratio['least']:.3f} to {ratio['most']:.3f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a GGUF file; the default model if absent")
    parser.add_argument("--tokens", type=int, default=32, help="tokens that each sequence generates")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    engine = LlamaEngine(options.model or default_model(), threads=options.threads)
    try:
        with Host(engine) as host:
            report = run(host, options.tokens, options.rounds)
    finally:
        engine.close()
    print(json.dumps(report, indent=2)) if options.json else show(report)


if __name__ == "__main__":
    main()
