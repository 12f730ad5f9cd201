"""Recordings: played again without any model, explained, and held to what they were."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from textwrap import dedent, indent

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aici.compiler import compile_source
from aici.diagnostics import SourceFile
from aici.host import Host, Result, RunRequest, SamplingParams, durable
from aici.host.durable import RECORDING, Live
from aici.host.engines.scripted import ScriptedEngine
from aici.host.events import Event
from aici.host.explain import Choice, Moment, explain, moment
from aici.host.journal import JournalError
from aici.host.sampling import likeliest
from aici.host.tape import Cut, Diverged, Leave, Step
from aici.vm.program import Program

EVERYTHING = """
    await aici.FixedTokens("Hello <|user|>")
    me = await aici.fork(3)
    print(me, aici.tokenize("tok" * me), aici.detokenize([72, 105]), aici.token_repr(72), aici.eos_token())
    word = await aici.gen_text(regex="[a-z]+ [0-9]{3}", max_tokens=12, store_var=f"v{me}")
    await aici.gen_tokens(regex="forced text here [0-9]", max_tokens=40)
    here = aici.Label()
    await aici.gen_tokens(max_tokens=5)
    await aici.FixedTokens("again", following=here)
    if me == 0:
        await aici.wait_vars("v1", "v2")
    try:
        await aici.gen_tokens(regex="(" * me, max_tokens=2)
    except ValueError as error:
        print(error)
    try:
        await aici.gen_tokens(regex="[0-9]{40}", max_tokens=2)
    except ValueError as error:
        print(error)
"""


def program(body: str) -> Program:
    body = indent(dedent(body), "    ")
    return compile_source(SourceFile("ctrl.py", f"import aici\n\nasync def main():\n{body}\n\naici.start(main())\n"))


@pytest.fixture(scope="module")
def request_() -> RunRequest:
    return RunRequest(program(EVERYTHING), "prompt ", SamplingParams(1.0, seed=3))


def record(path: Path, request: RunRequest, listen: bool = True) -> tuple[Result, list[Event]]:
    events: list[Event] = []
    tape, request = durable.start(path, RECORDING, request, Live(ScriptedEngine()))
    return durable.run(tape, request, events.append if listen else None), events


def replay(path: Path, controller: Program | None = None) -> tuple[Result, list[Event]]:
    events: list[Event] = []
    saved = durable.load(path, RECORDING)
    request = saved.request if controller is None else replace(saved.request, program=controller)
    return durable.run(durable.replay(saved), request, events.append), events


@pytest.mark.parametrize("listen", [False, True])
def test_a_replay_is_the_run(tmp_path: Path, request_: RunRequest, listen: bool) -> None:
    with Host(ScriptedEngine()) as host:
        events: list[Event] = []
        plain = host.run_one(request_, events.append)
    assert plain.error is None, plain.error
    recorded, _ = record(tmp_path / "r", request_, listen)
    assert recorded == plain
    assert replay(tmp_path / "r") == (plain, events)


def test_errors_of_the_engine_are_played_too(tmp_path: Path) -> None:
    body = 'await aici.FixedTokens("x" * 50)\nawait aici.fork(3)\nawait aici.gen_tokens(max_tokens=30)'
    for engine in (ScriptedEngine(cells=90), ScriptedEngine(context_length=60)):
        tape, request = durable.start(tmp_path / "r", RECORDING, RunRequest(program(body)), Live(engine))
        result = durable.run(tape, request)
        assert result.error is not None
        assert replay(tmp_path / "r")[0] == result


def test_explanations(tmp_path: Path) -> None:
    body = """
        await aici.FixedTokens("x")
        await aici.gen_tokens(regex="[ab]", max_tokens=1)
        await aici.gen_tokens(max_tokens=2)
    """
    record(tmp_path / "r", RunRequest(program(body)))
    choices: list[Choice] = []
    saved = durable.load(tmp_path / "r", RECORDING)
    tape = durable.replay(saved)
    tape.watch = lambda step: choices.append(explain(step))
    durable.run(tape, saved.request)
    assert [choice.line for choice in choices] == [6, 7, 7]
    assert [choice.constraint for choice in choices] == ["regex '[ab]'", None, None]
    assert choices[0].allowed == 2 and 0.9 < choices[0].removed < 1
    assert {likely.text for likely in choices[0].likely} == {"a", "b"}
    assert choices[1].allowed == choices[1].vocabulary and choices[1].removed == 0


def test_a_moment_shows_locals_and_tokens(tmp_path: Path) -> None:
    body = """
        name = "value"
        print(1)
        aici.set_var("v", "w")
        await aici.FixedTokens("xy")
        await aici.gen_tokens(max_tokens=3)
    """
    record(tmp_path / "r", RunRequest(program(body)))
    saved = durable.load(tmp_path / "r", RECORDING)
    tape = durable.replay(saved)
    found: list[Moment] = []

    def watch(step: Step) -> None:
        if step.number == 2:
            found.append(moment(step))
            raise Leave

    tape.watch = watch
    with Host(tape) as host, tape.running():
        host.run_one(saved.request)
    (shown,) = found
    assert shown.calls[-1].function == "main" and "gen_tokens" in shown.calls[-1].text
    assert ("name", "'value'") in shown.calls[-1].variables
    assert shown.text.startswith(b"xy") and len(shown.tokens) >= 3
    assert shown.variables == {"v": b"w"} and shown.logs == "1\n"
    assert shown.to_json()["choice"]["step"] == 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"Hello ', '"Howdy ', "step 1: .*tokens of b'Howdy"),
        ("max_tokens=5", "max_tokens=6", "step .*at most 5 tokens.*at most 6 tokens"),
        ("[a-z]+ [0-9]{3}", "[a-z]+ [0-9]{4}", r"step 1: .*constraint .*\{4\}"),
        ("print(me,", "print(me + 1,", "ended differently: logs of branch 0"),
        ("print(me,", "print(); print(me,", "pieces of text printed"),
    ],
)
def test_another_controller_diverges(tmp_path: Path, request_: RunRequest, old: str, new: str, message: str) -> None:
    record(tmp_path / "r", request_)
    with pytest.raises(Diverged, match=message):
        replay(tmp_path / "r", program(EVERYTHING.replace(old, new)))


def test_comments_do_not_diverge(tmp_path: Path, request_: RunRequest) -> None:
    ends = record(tmp_path / "r", request_)
    assert replay(tmp_path / "r", program("# hello\n" + dedent(EVERYTHING))) == ends


def test_a_recording_that_was_cut_says_so(tmp_path: Path, request_: RunRequest) -> None:
    path = tmp_path / "r"
    record(path, request_)
    whole = path.read_bytes()
    saved = durable.load(path, RECORDING)
    for size in range(saved.contents.size - 1, 4000, -211):
        path.write_bytes(whole[:size])
        with pytest.raises(Cut):
            replay(path)


def test_recordings_need_no_key(tmp_path: Path, request_: RunRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AICIC_KEY", "the key of somebody else")
    ends = record(tmp_path / "r", request_)
    monkeypatch.setenv("AICIC_KEY", "the key of somebody")
    assert replay(tmp_path / "r") == ends
    with pytest.raises(JournalError, match="no checkpoint"):
        durable.load(tmp_path / "r", durable.CHECKPOINT)


@settings(max_examples=100)
@given(st.integers(2, 700), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_likeliest(size: int, share: float, seed: int) -> None:
    draw = np.random.default_rng(seed)
    logits = draw.normal(0, 4, size + 3).astype(np.float32)
    bits = draw.random(size) < share
    bits[draw.integers(size)] = True
    padded = np.zeros(-(-(size + 3) // 32) * 32, np.uint8)
    padded[:size] = bits
    mask = np.packbits(padded, bitorder="little").view(np.uint32)
    token = int(draw.choice(np.flatnonzero(bits)))
    allowed, removed, likely = likeliest(logits, mask, size, token, 4)
    exact = np.exp(logits[:size].astype(np.float64))
    exact /= exact.sum()
    best = [int(i) for i in np.argsort(-np.where(bits, exact, 0), kind="stable") if bits[i] and i != token]
    assert allowed == bits.sum() and removed == pytest.approx(exact[~bits].sum(), abs=1e-4)
    assert likely[0][0] == token and likely[0][1] == pytest.approx(exact[token], rel=1e-3)
    assert [other for other, _ in likely[1:]] == best[: len(likely) - 1]


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_changed_recording_is_refused_or_diverges(
    tmp_path: Path, request_: RunRequest, place: float, bit: int
) -> None:
    good = tmp_path / "good"
    if not good.exists():
        record(good, request_)
    data = bytearray(good.read_bytes())
    data[int(place * len(data))] ^= 1 << bit
    (tmp_path / "bad").write_bytes(data)
    with pytest.raises(JournalError):
        replay(tmp_path / "bad")
