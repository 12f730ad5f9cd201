"""Sessions on the real model, checked by what must hold whatever the model says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from textwrap import dedent, indent

import numpy as np
import pytest
from numpy.typing import NDArray

from aici.compiler import compile_source
from aici.diagnostics import SourceFile
from aici.host import Host, RunLimits, RunRequest, SamplingParams
from aici.host.engines.base import Engine, Feed
from aici.host.events import Event, Fixed, Forced, Token
from aici.vm.program import Program

pytestmark = pytest.mark.model

QUESTION = "<|im_start|>user\nTell me about the sea.<|im_end|>\n<|im_start|>assistant\n"


def main(body: str) -> Program:
    source = f"import aici\n\nasync def main():\n{indent(dedent(body), '    ')}\n\naici.start(main())\n"
    return compile_source(SourceFile("ctrl.py", source))


class Recorder:
    """An engine that keeps the logits of its last pass."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.last: list[NDArray[np.float32]] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._engine, name)

    def decode(self, feeds: Sequence[Feed]) -> list[NDArray[np.float32] | None]:
        rows = self._engine.decode(feeds)
        self.last = [row.copy() for row in rows if row is not None]
        return rows


def last_logits(engine: Engine, body: str) -> NDArray[np.float32]:
    recorder = Recorder(engine)
    with Host(recorder) as host:  # type: ignore[arg-type]
        assert host.run(main(body), prompt=QUESTION).error is None
    return recorder.last[0]


def test_logits_after_a_backtrack_are_those_of_a_fresh_run(model_engine: Engine) -> None:
    wandering = """
        await aici.FixedTokens("The sea is")
        label = aici.Label()
        await aici.gen_tokens(max_tokens=6)
        await aici.FixedTokens(" nothing like it seems", following=label)
        await aici.gen_tokens(max_tokens=3)
        await aici.FixedTokens(" deep and", following=label)
        await aici.gen_tokens(max_tokens=1)
    """
    straight = (
        "await aici.FixedTokens('The sea is')\nawait aici.FixedTokens(' deep and')\nawait aici.gen_tokens(max_tokens=1)"
    )
    after, fresh = last_logits(model_engine, wandering), last_logits(model_engine, straight)
    assert np.abs(after - fresh).max() < 0.01 * np.abs(fresh).max()
    assert after.argmax() == fresh.argmax()


def test_logits_of_a_branch_are_those_of_a_run_without_the_fork(model_engine: Engine) -> None:
    forked = """
        await aici.FixedTokens("The sea is")
        if await aici.fork(2) == 0:
            await aici.wait_vars("done")
            await aici.FixedTokens(" deep and")
            await aici.gen_tokens(max_tokens=1)
        else:
            await aici.FixedTokens(" full of")
            await aici.gen_tokens(max_tokens=5, store_var="done")
    """
    straight = (
        "await aici.FixedTokens('The sea is')\nawait aici.FixedTokens(' deep and')\nawait aici.gen_tokens(max_tokens=1)"
    )
    branch, fresh = last_logits(model_engine, forked), last_logits(model_engine, straight)
    assert np.abs(branch - fresh).max() < 0.01 * np.abs(fresh).max()
    assert branch.argmax() == fresh.argmax()


REGEXES = [
    r"[A-Z][a-z]+( [a-z]+){2,5}\.",
    r"\d{1,3}(,\d{3})*",
    r'"[^"\n]{1,30}"',
    r"(yes|no)( sir)?!",
    r"[é-ü你-好😀]{2}",
]


def test_fixed_text_is_exact_and_what_a_constraint_ends_matches_it(model_engine: Engine) -> None:
    """Hot sampling, so that the model goes everywhere."""
    body = "\n".join(
        f"await aici.FixedTokens('<{i}>\\n')\nr{i} = await aici.gen_text(regex={regex!r}, max_tokens=40)\n"
        f"aici.set_var('r{i}', r{i})"
        for i, regex in enumerate(REGEXES)
    )
    events: list[Event] = []
    with Host(model_engine) as host:
        result = host.run(main(body), prompt=QUESTION, sampling=SamplingParams(1.5, seed=7), on_event=events.append)
    assert result.error is None
    fixed = b"".join(event.text for event in events if isinstance(event, Fixed))
    assert fixed == b"".join(b"<%d>\n" % i for i in range(len(REGEXES)))
    generations: list[list[Token | Forced]] = []
    for event in events:
        if isinstance(event, Token | Forced):
            if event.first:
                generations.append([])
            generations[-1].append(event)
    for i, regex in enumerate(REGEXES):
        text = result.variables[f"r{i}"]
        assert re.fullmatch(regex, text.decode())
        assert text == b"".join(event.text for event in generations[i])


def test_sixteen_requests_in_one_batch(model_engine: Engine) -> None:
    body = """
        me = await aici.fork(2)
        await aici.FixedTokens(f"Branch {me}: ")
        await aici.gen_text(regex=r"[a-z ]{3,12};", max_tokens=12, store_var=f"v{me}")
    """
    requests = [RunRequest(main(body), QUESTION, SamplingParams(1.0, seed=seed)) for seed in range(16)]
    with Host(model_engine) as host:
        results = host.run_many(requests)
    for result in results:
        assert result.error is None
        for branch in result.branches:
            start = f"Branch {branch.path[0]}: "
            assert branch.text == start + result.variables[f"v{branch.path[0]}"].decode()
            assert re.fullmatch(r"[a-z ]{3,12};", branch.text[len(start) :]) or len(branch.tokens) > 12


def test_a_prompt_longer_than_the_context_and_a_fork_of_many(model_engine: Engine) -> None:
    with Host(model_engine) as host:
        long, many = host.run_many(
            [
                RunRequest(main("await aici.gen_text()"), " sea" * (model_engine.context_length + 1)),
                RunRequest(main("await aici.fork(1000)"), "x", limits=RunLimits(branches=2000)),
            ]
        )
    assert long.error is not None and long.error.kind == "PromptTooLong"
    assert many.error is not None and str(model_engine.max_sequences) in many.error.message
