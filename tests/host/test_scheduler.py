"""Many branches and requests in one batch: isolation, forks, waiting, and failures that stay where they belong."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from textwrap import dedent, indent
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from aici.compiler import compile_source
from aici.diagnostics import SourceFile
from aici.host import Host, Result, RunLimits, RunRequest, SamplingParams
from aici.host.engines.base import EngineError, Feed
from aici.host.engines.scripted import ScriptedEngine, ScriptedTokenizer
from aici.vm.program import Program


def main(body: str) -> Program:
    """A controller whose main coroutine has this body."""
    source = f"import aici\n\nasync def main():\n{indent(dedent(body), '    ')}\n\naici.start(main())\n"
    return compile_source(SourceFile("ctrl.py", source))


def run(body: str, engine: ScriptedEngine | None = None, **options: Any) -> Result:
    with Host(engine or ScriptedEngine()) as host:
        return host.run(main(body), **options)


def texts(result: Result) -> list[str]:
    return [branch.text for branch in result.branches]


# --- forks ---


def test_branches_are_isolated_and_share_the_prefix() -> None:
    engine = ScriptedEngine({"0:": "zero", "1:": "one", "2:": "two"})
    body = """
        seen = ["before"]
        await aici.FixedTokens("a long common prefix ")
        me = await aici.fork(3)
        seen.append(me)
        await aici.FixedTokens(f"{me}:")
        await aici.gen_tokens(regex="[a-z]+", max_tokens=10)
        aici.set_var(f"seen{me}", repr(seen))
    """
    result = run(body, engine)
    assert texts(result) == [f"a long common prefix {i}:{word}" for i, word in enumerate(["zero", "one", "two"])]
    assert result.variables == {f"seen{i}": f"['before', {i}]".encode() for i in range(3)}
    assert [branch.path for branch in result.branches] == [(0,), (1,), (2,)]
    prefix = len(engine.tokenizer.encode(b"a long common prefix ")) + len(engine.tokenizer.prefix_ids)
    assert engine.fed < 2 * prefix


def test_forks_of_forks() -> None:
    body = """
        a = await aici.fork(2)
        await aici.FixedTokens(str(a))
        b = await aici.fork(2)
        await aici.FixedTokens(str(b))
        await aici.gen_tokens(max_tokens=2)
    """
    result = run(body, prompt="x")
    assert sorted(branch.path for branch in result.branches) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert sorted(text[:2] for text in texts(result)) == ["00", "01", "10", "11"]


def test_fork_of_one() -> None:
    assert texts(run("await aici.FixedTokens(str(await aici.fork(1)))")) == ["0"]


@pytest.mark.parametrize("n", [0, -1])
def test_fork_into_nothing_is_an_error(n: int) -> None:
    error = run(f"await aici.fork({n})", prompt="x").error
    assert error is not None and error.kind == "ValueError" and "fork" in error.traceback


def test_too_many_branches_are_an_error_that_names_the_limit() -> None:
    error = run("await aici.fork(1000)", prompt="x").error
    assert error is not None and "64" in error.message
    error = run("await aici.fork(9)", ScriptedEngine(max_sequences=8), prompt="x").error
    assert error is not None and "8" in error.message
    error = run("await aici.fork(4)", prompt="x", limits=RunLimits(branches=3)).error
    assert error is not None and "3" in error.message


def test_branches_in_all_are_bounded_too() -> None:
    body = """
        while True:
            if await aici.fork(2) == 1:
                return
    """
    result = run(body, prompt="x", limits=RunLimits(forks=20))
    assert len(result.branches) == 20
    assert result.error is not None and "20 branches" in result.error.message


def test_branches_draw_differently_and_repeatably() -> None:
    body = "await aici.fork(4)\nawait aici.gen_tokens(max_tokens=8)"
    first = run(body, prompt="x", sampling=SamplingParams(1.0, seed=3))
    again = run(body, prompt="x", sampling=SamplingParams(1.0, seed=3))
    assert texts(first) == texts(again)
    assert len(set(texts(first))) == 4


def test_greedy_branches_that_do_the_same_are_the_same() -> None:
    result = run("await aici.fork(3)\nawait aici.gen_tokens(max_tokens=8)", prompt="x")
    assert len(set(texts(result))) == 1


def test_a_failing_branch_ends_alone() -> None:
    body = """
        me = await aici.fork(3)
        if me == 1:
            raise KeyError("mine")
        await aici.gen_tokens(max_tokens=5)
    """
    result = run(body, prompt="x")
    assert [branch.finish_reason for branch in result.branches] == ["end", "error", "end"]
    assert len(result.branches[0].tokens) == 5


# --- waiting ---


def test_the_seeds_example_of_forking() -> None:
    engine = ScriptedEngine({" German is": ' "Hallo"', " French is": ' "Bonjour"'})
    body = """
        await aici.FixedTokens("The word 'hello' in")
        me = await aici.fork(3)
        if me == 0:
            french, german = await aici.wait_vars("french", "german")
            await aici.FixedTokens(f"{french} is the same as {german}.")
            await aici.gen_tokens(max_tokens=5)
        elif me == 1:
            await aici.FixedTokens(" German is")
            await aici.gen_tokens(regex=r' "[^"]+"', store_var="german", max_tokens=20)
        else:
            await aici.FixedTokens(" French is")
            await aici.gen_tokens(regex=r' "[^"]+"', store_var="french", max_tokens=20)
    """
    result = run(body, engine)
    assert result.error is None
    assert result.variables == {"german": b' "Hallo"', "french": b' "Bonjour"'}
    assert "is the same as" in result.text


def test_a_wait_that_nobody_can_end_is_an_error_that_names_variable_and_line() -> None:
    result = run("await aici.wait_vars('never')")
    assert result.error is not None
    assert "deadlock" in result.error.message and "'never'" in result.error.message
    assert "wait_vars('never')" in result.error.traceback


def test_branches_that_wait_for_each_other_all_fail_at_their_own_lines() -> None:
    body = """
        if await aici.fork(2) == 0:
            await aici.wait_vars("a")
            aici.set_var("b", "1")
        else:
            await aici.wait_vars("b")
            aici.set_var("a", "1")
    """
    errors = [branch.error for branch in run(body).branches]
    assert [error and error.message for error in errors] == [
        "deadlock: nobody can set 'a': all 2 branches left wait, 0 in line 6, 1 in line 9",
        "deadlock: nobody can set 'b': no other branch is left",
    ]
    assert [error is not None and error.traceback.count("wait_vars") > 0 for error in errors] == [True, True]
    assert 'wait_vars("a")' in str(errors[0] and errors[0].traceback)
    assert 'wait_vars("b")' in str(errors[1] and errors[1].traceback)


def test_a_branch_that_handles_the_deadlock_frees_the_others() -> None:
    body = """
        if await aici.fork(2) == 0:
            try:
                await aici.wait_vars("a")
            except RuntimeError:
                aici.set_var("b", "freed")
        else:
            (b,) = await aici.wait_vars("b")
            aici.set_var("got", b)
    """
    result = run(body)
    assert result.error is None and result.variables["got"] == b"freed"


def test_a_controller_that_only_retries_its_deadlock_ends_and_stops_nobody() -> None:
    body = """
        while True:
            try:
                await aici.wait_vars("a")
            except RuntimeError:
                pass
    """
    from aici.vm.limits import Limits

    bad = RunRequest(main(body), limits=RunLimits(vm=Limits(fuel=3000)))
    good = RunRequest(main("await aici.gen_tokens(max_tokens=5)"), prompt="x")
    with Host(ScriptedEngine()) as host:
        failed, fine = host.run_many([bad, good])
    assert failed.error is not None and fine.error is None


# --- requests together ---

CONTROLLERS = [
    main("await aici.gen_tokens(max_tokens=12)"),
    main("await aici.FixedTokens('n = ')\nawait aici.gen_text(regex='[0-9]{2,9}', max_tokens=6, store_var='n')"),
    main(
        """
        label = aici.Label()
        for i in range(3):
            await aici.FixedTokens(f"{i}: ", following=label)
            await aici.gen_text(options=["yes", "no", "hello world"], store_var=f"v{i}")
        """
    ),
    main(
        """
        me = await aici.fork(3)
        await aici.gen_tokens(regex="[a-z ]*", max_tokens=me + 2, store_var=f"v{me}")
        if me == 0:
            values = await aici.wait_vars("v1", "v2")
            await aici.FixedTokens(b"".join(values))
            await aici.gen_tokens(max_tokens=3)
        """
    ),
    main("raise ValueError('always')"),
    main(
        "for i in range(3):\n    await aici.Noop()\n    await aici.gen_tokens(max_tokens=2)\nawait aici.wait_vars('x')"
    ),
]

requests = st.builds(
    RunRequest,
    program=st.sampled_from(CONTROLLERS),
    prompt=st.sampled_from(["x", "hello", "a b c", "你"]),
    sampling=st.builds(SamplingParams, temperature=st.sampled_from([0.0, 1.0]), seed=st.integers(0, 5)),
)


@settings(deadline=None, max_examples=25)
@given(st.lists(requests, min_size=1, max_size=6))
def test_requests_run_together_as_each_runs_alone(batch: list[RunRequest]) -> None:
    with Host(ScriptedEngine()) as host:
        together = host.run_many(batch)
        alone = [host.run_many([request])[0] for request in batch]
    assert together == alone


def test_requests_beyond_the_engines_sequences_wait_their_turn() -> None:
    request = RunRequest(CONTROLLERS[0], "x")
    with Host(ScriptedEngine(max_sequences=2)) as host:
        results = host.run_many([request] * 7)
    assert len({result.text for result in results}) == 1


def test_forks_wait_for_sequences_that_others_hold() -> None:
    fork = RunRequest(main("await aici.fork(3)\nawait aici.gen_tokens(max_tokens=4)"), "x")
    with Host(ScriptedEngine(max_sequences=4)) as host:
        results = host.run_many([fork] * 3)
    assert [result.error for result in results] == [None] * 3
    assert [len(result.branches) for result in results] == [3] * 3


def test_forks_that_block_each_other_do_not_hang() -> None:
    body = "await aici.fork(2)\nawait aici.fork(2)\nawait aici.gen_tokens(max_tokens=3)"
    with Host(ScriptedEngine(max_sequences=4)) as host:
        results = host.run_many([RunRequest(main(body), "x")] * 2)
    assert any(result.error is None for result in results) or all("fork" in str(r.error) for r in results)


def test_a_request_may_join_while_others_run() -> None:
    with Host(ScriptedEngine()) as host:
        alone = host.run(CONTROLLERS[0], prompt="x")
        first = host.submit(RunRequest(CONTROLLERS[0], "x"), listen=True)
        events = iter(first)
        for _ in range(5):
            next(events)
        second = host.submit(RunRequest(CONTROLLERS[0], "x"))
        assert first.result() == second.result() == alone


def test_cancelling_frees_the_sequences() -> None:
    engine = ScriptedEngine(max_sequences=3)
    with Host(engine) as host:
        handle = host.submit(
            RunRequest(main("await aici.fork(3)\nawait aici.gen_tokens(max_tokens=99)"), "x"), listen=True
        )
        events = iter(handle)
        for _ in range(8):
            next(events)
        handle.cancel()
        assert {branch.finish_reason for branch in handle.result().branches} == {"cancelled"}
        assert engine.cells_used == 0
        assert host.run(main("await aici.fork(3)"), prompt="x").error is None


def test_cancelling_what_has_not_begun() -> None:
    with Host(ScriptedEngine()) as host:
        handle = host.submit(RunRequest(CONTROLLERS[0], "x"))
        handle.cancel()
        handle.cancel()
        assert (handle.result().branches, handle.result().text) == ([], "")
        assert host.run(CONTROLLERS[0], prompt="x").error is None


def test_several_threads_may_wait_at_once() -> None:
    with Host(ScriptedEngine()) as host:
        alone = host.run(CONTROLLERS[3], prompt="x")
        with ThreadPoolExecutor(4) as threads:
            together = list(threads.map(lambda _: host.run(CONTROLLERS[3], prompt="x"), range(12)))
    assert together == [alone] * 12


def test_closing_the_host_ends_what_is_in_flight() -> None:
    engine = ScriptedEngine()
    with Host(engine) as host:
        handle = host.submit(RunRequest(main("await aici.gen_tokens(max_tokens=500)"), "x"), listen=True)
        next(iter(handle))
    assert handle.result().branches[0].finish_reason == "cancelled" and engine.cells_used == 0


def test_an_interrupt_in_the_engine_ends_everything_in_flight() -> None:
    class Interrupted(ScriptedEngine):
        def decode(self, feeds: Sequence[Feed]) -> list[NDArray[np.float32] | None]:
            if self.passes == 3:
                self.passes += 1
                raise KeyboardInterrupt
            return super().decode(feeds)

    engine = Interrupted()
    with Host(engine) as host:
        with pytest.raises(KeyboardInterrupt):
            host.run_many([RunRequest(CONTROLLERS[0], "x")] * 3)
        assert engine.cells_used == 0
        assert host.run(CONTROLLERS[0], prompt="x").error is None


# --- an engine in trouble ---


def test_a_full_cache_refuses_only_who_asks_for_most() -> None:
    long = main("await aici.FixedTokens('x' * 50)\nawait aici.gen_tokens(max_tokens=5)")
    with Host(ScriptedEngine(cells=40)) as host:
        results = host.run_many(
            [RunRequest(CONTROLLERS[0], "x"), RunRequest(long, "x"), RunRequest(CONTROLLERS[1], "y")]
        )
        alone = host.run(CONTROLLERS[0], prompt="x")
    assert results[0] == alone
    assert results[1].error is not None and "context full" in results[1].error.message
    assert "gen_tokens" in results[1].error.traceback
    assert results[2].error is None


def test_a_failing_engine_fails_the_requests_in_flight_and_no_others() -> None:
    engine = ScriptedEngine(failures={2: EngineError("the card fell out")})
    with Host(engine) as host:
        results = host.run_many([RunRequest(CONTROLLERS[0], "x")] * 2)
        assert [str(result.error) for result in results] == ["EngineError: the card fell out"] * 2
        assert engine.cells_used == 0
        assert host.run(CONTROLLERS[0], prompt="x").error is None


def test_sequences_are_given_back() -> None:
    engine = ScriptedEngine()
    with Host(engine) as host:
        host.run_many([RunRequest(program, "x") for program in CONTROLLERS])
    assert engine.cells_used == 0


def test_two_forks_of_one_request_that_do_not_fit_together() -> None:
    body = """
        me = await aici.fork(3)
        try:
            await aici.fork(3)
        except RuntimeError:
            aici.append_var("refused", str(me))
        await aici.gen_tokens(max_tokens=2)
    """
    result = run(body, ScriptedEngine(max_sequences=6), prompt="x")
    assert result.error is None and result.variables["refused"] in (b"12", b"2")


@settings(deadline=None, max_examples=15)
@given(st.lists(requests, min_size=2, max_size=5), st.integers(4, 8), st.integers(40, 100))
def test_want_of_sequences_and_cache_changes_no_result(batch: list[RunRequest], sequences: int, cells: int) -> None:
    """Parked requests have tokens processed again, which usage tells; all else is as with room for everybody."""
    with Host(ScriptedEngine(max_sequences=sequences, cells=cells)) as host:
        tight = host.run_many(batch)
    with Host(ScriptedEngine()) as host:
        roomy = host.run_many(batch)
    assert [(r.branches, r.variables) for r in tight] == [(r.branches, r.variables) for r in roomy]


def test_a_vocabulary_out_of_bounds_is_an_engine_error() -> None:
    engine = ScriptedEngine(tokenizer=ScriptedTokenizer([b"x" * 100_000]))
    with pytest.raises(EngineError, match="vocabulary of scripted"):
        Host(engine)
