"""Runs on file: what a run that was killed at any moment ends in, and what becomes of cut or foreign files."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from textwrap import dedent, indent

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from aici.compiler import compile_source
from aici.diagnostics import SourceFile
from aici.host import Host, Result, RunLimits, RunRequest, SamplingParams, durable
from aici.host.durable import CHECKPOINT, Live
from aici.host.engines.base import Engine, EngineError, Feed
from aici.host.engines.scripted import ScriptedEngine, ScriptedTokenizer
from aici.host.events import Event
from aici.host.journal import Journal, JournalError, OtherModel, Record, read
from aici.host.key import VARIABLE
from aici.vm.program import Program

FORKS = """
    await aici.FixedTokens("Hello ")
    print("before")
    me = await aici.fork(3)
    await aici.FixedTokens(f"{me}:")
    word = await aici.gen_text(regex="[a-z]+ [0-9]{3}", max_tokens=12)
    aici.append_var("all", word)
    print(me, word)
    here = aici.Label()
    await aici.gen_tokens(max_tokens=5, store_var=f"v{me}")
    await aici.FixedTokens("again", following=here)
    if me == 0:
        await aici.wait_vars("v1", "v2")
    elif me == 1:
        word += str(await aici.fork(2))
    await aici.gen_tokens(options=["yes maybe", "no way"], max_tokens=9)
    try:
        await aici.gen_tokens(regex="(" * me)
    except ValueError as error:
        print(error)
"""


def program(body: str) -> Program:
    body = indent(dedent(body), "    ")
    return compile_source(SourceFile("ctrl.py", f"import aici\n\nasync def main():\n{body}\n\naici.start(main())\n"))


@pytest.fixture(scope="module")
def request_() -> RunRequest:
    return RunRequest(program(FORKS), "prompt ", SamplingParams(1.0, seed=3))


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "a key for tests only")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run"


def undisturbed(request: RunRequest, engine: Engine | None = None) -> tuple[Result, list[Event]]:
    events: list[Event] = []
    with Host(engine or ScriptedEngine()) as host:
        return host.run_one(request, events.append), events


def begin(path: Path, request: RunRequest, engine: Engine | None = None) -> tuple[Result, list[Event]]:
    events: list[Event] = []
    tape, request = durable.start(path, CHECKPOINT, request, Live(engine or ScriptedEngine()))
    return durable.run(tape, request, events.append), events


def go_on(path: Path, engine: Engine | None = None, fast: bool = False) -> tuple[Result, list[Event]]:
    events: list[Event] = []
    saved = durable.load(path, CHECKPOINT)
    tape = durable.resume(saved, Live(engine or ScriptedEngine()), fast=fast)
    return durable.run(tape, saved.request, events.append), events


class Killed(BaseException):
    """Stands for the end of the process: nothing more is written."""


class Mortal:
    """Kills its process at the n-th write, after some of the bytes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, write: int, share: float) -> None:
        self._left = write
        whole = Journal.write

        def dying(journal: Journal, record: Record) -> None:
            self._left -= 1
            if self._left >= 0:
                whole(journal, record)
                return
            file = journal._file
            before = os.fstat(file.fileno()).st_size
            whole(journal, record)
            written = os.fstat(file.fileno()).st_size - before
            file.truncate(before + int(share * written))
            file.close()
            raise Killed

        monkeypatch.setattr(Journal, "write", dying)


def test_a_run_on_file_is_the_run(path: Path, request_: RunRequest) -> None:
    assert begin(path, request_) == undisturbed(request_)
    assert durable.load(path, CHECKPOINT).finished


def test_a_finished_run_is_shown_again_without_any_logits(path: Path, request_: RunRequest) -> None:
    ends = begin(path, request_)
    engine = ScriptedEngine()
    assert go_on(path, engine) == ends
    assert not any(feed.logits for feeds in engine.log for feed in feeds)


@pytest.mark.parametrize("fast", [False, True])
def test_killed_at_any_write_with_forks_alive(
    path: Path, request_: RunRequest, monkeypatch: pytest.MonkeyPatch, fast: bool
) -> None:
    expected = undisturbed(request_)
    writes = 0
    while True:
        with monkeypatch.context() as patch:
            Mortal(patch, writes, share=(writes % 7) / 7)
            path.unlink(missing_ok=True)
            try:
                begin(path, request_)
                break
            except Killed:
                pass
        assert go_on(path, fast=fast) == expected
        writes += 3 if fast else 1
    assert writes > 50


def test_killed_again_and_again(path: Path, request_: RunRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = undisturbed(request_)
    deaths = 0
    with monkeypatch.context() as patch:
        Mortal(patch, 3, share=0.5)
        with pytest.raises(Killed):
            begin(path, request_)
    while True:
        with monkeypatch.context() as patch:
            Mortal(patch, 3, share=0.5)
            try:
                ends = go_on(path)
                break
            except Killed:
                deaths += 1
    assert ends == expected and deaths > 10


def test_cut_at_any_byte(path: Path, request_: RunRequest) -> None:
    tape, request = durable.start(path, CHECKPOINT, request_, Live(ScriptedEngine()))
    header = path.stat().st_size
    expected: list[Event] = []
    result = durable.run(tape, request, expected.append)
    whole = path.read_bytes()
    records = read(path).records
    for size in range(0, header, 29):
        path.write_bytes(whole[:size])
        with pytest.raises(JournalError):
            read(path)
    found = 0
    for size in range(header, len(whole)):
        path.write_bytes(whole[:size])
        contents = read(path)
        assert contents.records == records[: len(contents.records)] and contents.end <= size
        if len(contents.records) == found:  # what comes of a cut depends on nothing but the whole records before it
            found += 1
            assert go_on(path) == (result, expected)
    assert found == len(records)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_by_the_system_at_random_moments(path: Path, request_: RunRequest) -> None:
    """A process of its own, and a real SIGKILL, once its file has some length."""
    expected = undisturbed(request_)
    begin(path, request_)
    lengths = random.Random(5)
    whole, killed = path.stat().st_size, 0
    for _ in range(30):
        path.unlink(missing_ok=True)
        child = os.fork()
        if child == 0:
            try:
                begin(path, request_)
            finally:
                os._exit(0)
        length, ended = lengths.randrange(whole), False
        while not ended and (not path.exists() or path.stat().st_size < length):
            ended = os.waitpid(child, os.WNOHANG)[0] == child
        if not ended:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        if path.exists():
            killed += not durable.load(path, CHECKPOINT).finished
            assert go_on(path) == expected
    assert killed > 5


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_any_change_is_refused(path: Path, request_: RunRequest, place: float, bit: int) -> None:
    if not path.exists():
        begin(path, request_)
        path.with_suffix(".good").write_bytes(path.read_bytes())
    data = bytearray(path.with_suffix(".good").read_bytes())
    data[int(place * len(data))] ^= 1 << bit
    path.write_bytes(data)
    try:
        saved = durable.load(path, CHECKPOINT)
    except JournalError:
        return
    # What is left may be a run that was cut: a changed length can look like one.
    assert saved.contents.end < len(data)
    assert not saved.finished


def test_zeros_that_a_crashed_machine_leaves_are_dropped(path: Path, request_: RunRequest) -> None:
    expected = begin(path, request_)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + bytes(4096))
    assert go_on(path) == expected


def test_another_key(path: Path, request_: RunRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(path, request_)
    monkeypatch.setenv(VARIABLE, "another key for tests")
    with pytest.raises(JournalError, match="key does not fit"):
        go_on(path)


def test_another_model(path: Path, request_: RunRequest) -> None:
    begin(path, request_)
    others = ScriptedTokenizer(merged=(b"other", b"words"))
    with pytest.raises(OtherModel):
        go_on(path, ScriptedEngine(tokenizer=others))
    with pytest.raises(OtherModel, match="context_length"):
        go_on(path, ScriptedEngine(context_length=77))
    saved = durable.load(path, CHECKPOINT)
    with pytest.raises(OtherModel):
        durable.resume(saved, Live(ScriptedEngine()), file="another file")


def test_an_unfinished_run_is_not_written_over(
    path: Path, request_: RunRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        Mortal(patch, 9, share=0)
        with pytest.raises(Killed):
            begin(path, request_)
    with pytest.raises(JournalError, match="aicic resume"):
        begin(path, request_)
    go_on(path)
    begin(path, request_)  # a finished one may be


def test_another_file_is_not_written_over(path: Path, request_: RunRequest) -> None:
    path.write_text("my thesis")
    with pytest.raises(JournalError):
        begin(path, request_)
    assert path.read_text() == "my thesis"


def test_only_one_process_writes(path: Path, request_: RunRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        Mortal(patch, 9, share=0)
        with pytest.raises(Killed):
            begin(path, request_)
    saved = durable.load(path, CHECKPOINT)
    tape = durable.resume(saved, Live(ScriptedEngine()))
    with pytest.raises(JournalError, match="another process"):
        durable.resume(saved, Live(ScriptedEngine()))
    durable.run(tape, saved.request)


def test_a_full_disk_ends_the_run_and_the_file_can_be_gone_on_with(
    path: Path, request_: RunRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Journal.write
    left = 20

    def write(journal: Journal, record: Record) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(28, "No space left on device")
        whole(journal, record)

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "write", write)
        with pytest.raises(OSError, match="No space"):
            begin(path, request_)
    assert go_on(path) == undisturbed(request_)


def test_the_cache_is_filled_in_one_pass_and_prefixes_are_shared(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request = RunRequest(
        program('await aici.FixedTokens("x" * 300)\nawait aici.fork(4)\nawait aici.gen_tokens(max_tokens=30)')
    )
    expected = undisturbed(request)
    with monkeypatch.context() as patch:
        Mortal(patch, 100, share=0)
        with pytest.raises(Killed):
            begin(path, request)
    engine = ScriptedEngine()
    assert go_on(path, engine, fast=True) == expected
    assert 300 < engine.fed < 300 + 4 * 31 + 10
    assert engine.passes < 12


class Shaky(ScriptedEngine):
    """Has room for few tokens, and fails for good at some pass."""

    def __init__(self, fails_at: int | None = None) -> None:
        super().__init__(cells=60)
        self._fails_at = fails_at

    def decode(self, feeds: Sequence[Feed]) -> list[NDArray[np.float32] | None]:
        if self.passes == self._fails_at:
            raise EngineError("the engine broke")
        return super().decode(feeds)


CROWDED = """
    me = await aici.fork(4)
    try:
        await aici.FixedTokens("abcdefgh" * (me + 1))
        await aici.gen_tokens(max_tokens=9)
    except RuntimeError as error:
        print(error)
    await aici.gen_tokens(max_tokens=2)
"""


def test_what_the_cache_refused_is_refused_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request = RunRequest(program(CROWDED), "x")
    expected = undisturbed(request, Shaky())
    assert any("context full" in branch.logs for branch in expected[0].branches)
    for writes in range(3, 40, 4):
        path.unlink(missing_ok=True)
        with monkeypatch.context() as patch:
            Mortal(patch, writes, share=0.3)
            with suppress(Killed):
                begin(path, request, Shaky())
        assert go_on(path, Shaky(), fast=writes % 8 == 3) == expected


def test_a_run_whose_engine_failed_can_be_gone_on_with(path: Path, request_: RunRequest) -> None:
    result, _ = begin(path, request_, Shaky(fails_at=9))
    assert result.error is not None and result.error.kind == "EngineError"
    assert go_on(path) == undisturbed(request_)


def test_limits_and_stripped_programs_are_kept(path: Path) -> None:
    limits = RunLimits(tokens=20)
    request = RunRequest(program("while True:\n    await aici.gen_tokens(max_tokens=7)"), "x", limits=limits)
    result, _ = begin(path, request)
    assert result.error is not None and "20 tokens" in result.error.message
    assert durable.load(path, CHECKPOINT).request.limits == limits
    assert go_on(path)[0] == result


def test_an_interrupt_leaves_a_run_that_can_be_gone_on_with(path: Path, request_: RunRequest) -> None:
    class Interrupting(ScriptedEngine):
        def decode(self, feeds: Sequence[Feed]) -> list[NDArray[np.float32] | None]:
            if self.passes == 7:
                raise KeyboardInterrupt
            return super().decode(feeds)

    with pytest.raises(KeyboardInterrupt):
        begin(path, request_, Interrupting())
    assert go_on(path) == undisturbed(request_)
