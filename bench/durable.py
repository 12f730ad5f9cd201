"""What it costs to keep a run on file: `python bench/durable.py`.

The tokenizer and the sizes are those of the default model, its logits are random and cost nothing: so what is left is
the host's own time a sampled token, without a file, with a checkpoint and with a recording; then the time to load a
finished run and run its controller again, without the model's share; and bytes a token.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from aici.compiler import compile_source
from aici.diagnostics import SourceFile
from aici.host import Host, RunRequest, SamplingParams, durable
from aici.host.durable import CHECKPOINT, RECORDING, Live
from aici.host.engines.base import Feed
from aici.host.engines.llama import LlamaEngine
from aici.host.weights import default_model

TOKENS = 500
RUNS = 5
CONTROLLER = f"""
import aici

async def main():
    await aici.FixedTokens("x")
    await aici.gen_tokens(regex="[a-z ]+", max_tokens={TOKENS})

aici.start(main())
"""


class RandomEngine(LlamaEngine):
    """The default model without its model."""

    def decode(self, feeds: Sequence[Feed]) -> list[NDArray[np.float32] | None]:
        if not hasattr(self, "_pool"):
            draw = np.random.default_rng(1)
            self._pool = [draw.normal(0, 3, self.n_vocab).astype(np.float32) for _ in range(16)]
        for feed in feeds:
            self._lengths[feed.seq] += len(feed.tokens)
        return [self._pool[self._lengths[feed.seq] % 16] if feed.logits else None for feed in feeds]

    def _drop(self, seq: int, length: int) -> None:
        return


def main() -> None:
    engine = RandomEngine(default_model())
    live = Live(engine)
    program = compile_source(SourceFile("bench.py", CONTROLLER))
    request = RunRequest(program, sampling=SamplingParams(1.0, seed=1))
    times: dict[str, list[float]] = {"no file": [], "checkpoint": [], "recording": [], "resume": [], "replay": []}
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "run"
        sizes = {}
        for _ in range(RUNS):
            times["no file"].append(_timed(lambda: Host(live).run_one(request)))
            for name, purpose in (("checkpoint", CHECKPOINT), ("recording", RECORDING)):
                path.unlink(missing_ok=True)
                times[name].append(_timed(partial(_begin, path, purpose, request, live)))
                sizes[name] = path.stat().st_size
                if purpose == CHECKPOINT:
                    times["resume"].append(_timed(lambda: _resume(path, live)))
                else:
                    times["replay"].append(_timed(lambda: _replay(path)))
    for name, runs in times.items():
        print(f"{name:12}{1e6 * median(runs) / TOKENS:8.1f} us a token")
    for name, size in sizes.items():
        print(f"{name:12}{size / TOKENS:8.1f} bytes a token")


def _timed(run: Callable[[], object]) -> float:
    start = perf_counter()
    run()
    return perf_counter() - start


def _begin(path: Path, purpose: bytes, request: RunRequest, live: Live) -> None:
    durable.run(*durable.start(path, purpose, request, live))


def _resume(path: Path, live: Live) -> None:
    saved = durable.load(path, CHECKPOINT)
    durable.run(durable.resume(saved, live, fast=True), saved.request)


def _replay(path: Path) -> None:
    saved = durable.load(path, RECORDING)
    durable.run(durable.replay(saved), saved.request)


if __name__ == "__main__":
    main()
