"""One controller on the scripted engine: tokens, cache, generation, variables, limits."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from textwrap import dedent, indent
from typing import Any

import pytest

from aici.compiler import compile_source
from aici.diagnostics import SourceFile
from aici.host import Host, Result, RunLimits, RunRequest
from aici.host.engines.scripted import ScriptedEngine, ScriptedTokenizer
from aici.host.events import Backtracked, Ended, Event, Fixed, Forced, Forked, Logged, Prompted, Token, VariableSet
from aici.vm.limits import Limits
from aici.vm.program import Program


def main(body: str) -> Program:
    """A controller whose main coroutine has this body."""
    source = f"import aici\n\nasync def main():\n{indent(dedent(body), '    ')}\n\naici.start(main())\n"
    return compile_source(SourceFile("ctrl.py", source))


def run(body: str, engine: ScriptedEngine | None = None, **options: Any) -> Result:
    with Host(engine or ScriptedEngine()) as host:
        return host.run(main(body), **options)


def failure(body: str, engine: ScriptedEngine | None = None, **options: Any) -> str:
    """The one error that a run ends with, and its traceback."""
    result = run(body, engine, **options)
    assert result.error is not None, "nothing failed"
    return result.error.traceback


# --- tokens and the cache ---


def test_fixed_texts_merge_into_one_pass() -> None:
    engine = ScriptedEngine({"ab cd": "!"})
    result = run(
        "await aici.FixedTokens('ab')\nawait aici.FixedTokens(' cd')\nawait aici.gen_text(max_tokens=1)", engine
    )
    assert result.text == "ab cd!"
    assert engine.passes == 1


def test_nothing_reaches_the_engine_unless_logits_are_needed() -> None:
    engine = ScriptedEngine()
    result = run("await aici.FixedTokens('hello')", engine, prompt="p")
    assert (result.text, engine.passes) == ("hello", 0)
    assert result.usage.cost == 0


def test_text_that_was_taken_back_before_logits_costs_nothing() -> None:
    engine = ScriptedEngine({"ac": "!"})
    body = """
        await aici.FixedTokens("a")
        label = aici.Label()
        await aici.FixedTokens("b")
        await aici.FixedTokens("c", following=label)
        await aici.gen_text(max_tokens=1)
    """
    assert run(body, engine).text == "ac!"
    assert engine.fed == len(engine.tokenizer.prefix_ids) + 2


def test_backtracking_takes_generated_text_out_of_the_cache() -> None:
    engine = ScriptedEngine({"French:": "Bonjour", "German:": "Hallo"})
    body = """
        label = aici.Label()
        for language in ["French:", "German:"]:
            await aici.FixedTokens(language, following=label)
            await aici.gen_tokens(regex="[A-Z][a-z]+", max_tokens=7, store_var=language)
        aici.set_var("tokens", repr(aici.get_tokens()))
    """
    result = run(body, engine, prompt="Say hello. ")
    assert result.variables["French:"] == b"Bonjour"
    assert result.text.startswith("German:Hallo")
    assert json.loads(result.variables["tokens"]) == result.prompt_tokens + result.branches[0].tokens


def test_logits_after_a_backtrack_are_those_of_a_fresh_run() -> None:
    """The engine's logits depend on nothing but the cache, so equal random choices mean equal caches."""
    body = """
        await aici.FixedTokens("one")
        label = aici.Label()
        await aici.gen_tokens(max_tokens=5)
        await aici.FixedTokens("two", following=label)
        await aici.gen_tokens(max_tokens=8)
    """
    fresh = "await aici.FixedTokens('one')\nawait aici.FixedTokens('two')\nawait aici.gen_tokens(max_tokens=8)"
    assert run(body).branches[0].tokens == run(fresh).branches[0].tokens


def test_generating_twice_in_a_row_needs_no_text_between() -> None:
    engine = ScriptedEngine({"x": "hello world"})
    body = """
        label = aici.Label()
        a = await aici.gen_text(max_tokens=1)
        await aici.FixedTokens("", following=label)
        b = await aici.gen_text(max_tokens=1)
        aici.set_var("same", str(a == b == "hello"))
    """
    assert run(body, engine, prompt="x").variables["same"] == b"True"


def test_backtracking_past_the_end_is_an_error() -> None:
    body = """
        label = aici.Label()
        await aici.FixedTokens("abc")
        end = aici.Label()
        await aici.FixedTokens("", following=label)
        await aici.FixedTokens("x", following=end)
    """
    assert "cannot continue at position" in failure(body, prompt="prompt")


def test_an_empty_sequence_cannot_be_continued() -> None:
    class NoBos(ScriptedTokenizer):
        def __init__(self) -> None:
            super().__init__()
            self.prefix_ids = []

    trace = failure("await aici.gen_text()", ScriptedEngine(tokenizer=NoBos()))
    assert "nothing to continue" in trace and "ctrl.py" in trace and "gen_text()" in trace


def test_the_prompt_is_handed_over_and_not_part_of_the_text() -> None:
    body = "p = await aici.GetPrompt()\naici.set_var('p', aici.detokenize(p))\nawait aici.FixedTokens('more')"
    result = run(body, prompt="hello")
    assert (result.variables["p"], result.prompt, result.text) == (b"hello", "hello", "more")


def test_a_prompt_longer_than_the_context_is_an_error() -> None:
    error = run("await aici.gen_text()", ScriptedEngine(context_length=10), prompt="x" * 11).error
    assert error is not None and error.kind == "PromptTooLong" and "12 tokens" in error.message


def test_a_sequence_may_not_outgrow_the_context() -> None:
    trace = failure("await aici.FixedTokens('x' * 11)", ScriptedEngine(context_length=10))
    assert "context" in trace and "FixedTokens" in trace
    trace = failure(
        "await aici.gen_tokens(regex='x{500}', max_tokens=500)", ScriptedEngine(context_length=10), prompt="x"
    )
    assert "context" in trace


# --- generation ---


def test_a_generation_ends_with_its_constraint_and_without_a_further_pass() -> None:
    engine = ScriptedEngine({"n": "123456"})
    assert run("await aici.gen_text(regex='[0-9]{3}', max_tokens=10)", engine, prompt="n").text == "123"
    assert engine.passes == 2  # the vocabulary has "12" as one token


def test_options() -> None:
    engine = ScriptedEngine({"?": " yes, of course"})
    body = "aici.set_var('a', await aici.gen_text(options=[' no', ' yes', ' maybe']))"
    assert run(body, engine, prompt="?").variables["a"] == b" yes"


def test_the_end_of_the_sequence_ends_a_generation_and_is_no_part_of_it() -> None:
    engine = ScriptedEngine({"q": "abc"})
    result = run("t = await aici.gen_tokens(max_tokens=50)\naici.set_var('n', str(len(t)))", engine, prompt="q")
    assert (result.text, result.variables["n"]) == ("abc", b"1")
    assert result.usage.sampled_tokens == 2


@pytest.mark.parametrize("constraint", ["", "regex='[a-z]*', ", "options=['a', 'b'], complete=False, "])
def test_max_tokens_zero_is_empty_at_once(constraint: str) -> None:
    engine = ScriptedEngine()
    assert run(f"assert await aici.gen_text({constraint}max_tokens=0) == ''", engine, prompt="x").error is None
    assert engine.passes == 0


def test_negative_max_tokens_are_refused() -> None:
    assert "ValueError" in failure("await aici.gen_text(max_tokens=-1)", prompt="x")


@pytest.mark.parametrize("regex", ["", "()", "a{0}"])
def test_a_regex_that_matches_only_the_empty_text_is_empty_at_once(regex: str) -> None:
    engine = ScriptedEngine()
    result = run(f"assert await aici.gen_text(regex={regex!r}, max_tokens=5) == ''", engine, prompt="x")
    assert result.error is None and engine.passes == 0


def test_a_regex_that_no_token_can_spell_is_an_error_that_names_it() -> None:
    class NoDigits(ScriptedTokenizer):
        def __init__(self) -> None:
            super().__init__()
            texts = list(self.token_bytes)
            texts = [None if text and any(48 <= byte < 58 for byte in text) else text for text in texts]
            self.token_bytes = texts

    trace = failure("await aici.gen_text(regex='[0-9]+')", ScriptedEngine(tokenizer=NoDigits()), prompt="x")
    assert "'[0-9]+'" in trace and "ValueError" in trace and "gen_text" in trace


def test_a_wrong_regex_made_at_run_time_is_a_controller_error() -> None:
    trace = failure("p = '['\nawait aici.gen_text(regex=p + 'a')", prompt="x")
    assert "'[a'" in trace and "gen_text" in trace


def test_an_embedded_automaton_that_lies_deceives_its_own_program_only() -> None:
    digits = main("await aici.gen_text(regex='[0-9]+', max_tokens=3)")
    letters = main("await aici.gen_text(regex='[a-z]+', max_tokens=3)")
    liar = replace(digits, automata=(replace(digits.automata[0], data=letters.automata[0].data),))
    damaged = replace(digits, automata=(replace(digits.automata[0], data=b"\xff" * 20),))
    requests = [RunRequest(program, "x") for program in (liar, damaged, digits)]
    with Host(ScriptedEngine()) as host:
        lied, refused, honest = host.run_many(requests)
    assert lied.text.isalpha() and honest.text.isdigit()
    assert refused.error is not None and refused.error.kind == "ValueError" and "[0-9]+" in refused.error.message


def test_constraints_beyond_the_cache_still_work() -> None:
    body = """
        for i in range(20):
            await aici.gen_text(options=[f"{i % 5}a", f"{i % 5}b"])
    """
    with Host(ScriptedEngine(), constraint_bytes=1) as host:
        text = host.run(main(body), prompt="x").text
    assert re.fullmatch("(0[ab]1[ab]2[ab]3[ab]4[ab]){4}", text)


def test_stop_at_is_kept_and_nothing_after_it_is_sampled() -> None:
    engine = ScriptedEngine({"q": "abcabc\n\nrest"})  # two line breaks are one token
    result = run("aici.set_var('t', await aici.gen_text(stop_at='\\n', max_tokens=30))", engine, prompt="q")
    assert result.variables["t"] == b"abcabc\n"
    half = "stop_at=b'\\xf0\\x9f', max_tokens=30"  # not UTF-8: ends with the token that has it
    result = run(f"aici.set_var('t', await aici.gen_text({half}))", ScriptedEngine({"q": "x😀y"}), prompt="q")
    assert result.variables["t"] == "x😀".encode()


def test_store_var_gets_the_bytes() -> None:
    engine = ScriptedEngine({"q": "你好"})
    result = run("await aici.gen_tokens(max_tokens=1, store_var='v')", engine, prompt="q")
    assert result.variables == {"v": "你好".encode()}


def test_one_token_under_a_constraint() -> None:
    engine = ScriptedEngine({"q": "12ab"})
    body = """
        t = await aici.ConstrainedToken(lambda: aici.RegexConstraint("[0-9]+"))
        aici.set_var("t", aici.detokenize(t))
    """
    assert run(body, engine, prompt="q").variables["t"] == b"12"


def test_same_seed_same_run() -> None:
    from aici.host import SamplingParams

    def text(seed: int) -> str:
        return run("await aici.gen_text(max_tokens=20)", prompt="x", sampling=SamplingParams(1.0, seed=seed)).text

    assert text(1) == text(1) != text(2)


def test_special_tokens_are_never_sampled_beyond_the_vocabulary() -> None:
    engine = ScriptedEngine(lambda tokens: _rising(engine))
    result = run("await aici.gen_tokens(max_tokens=3)", engine, prompt="x")
    assert result.error is None


def _rising(engine: ScriptedEngine) -> Any:
    import numpy as np

    return np.arange(engine.n_vocab, dtype=np.float32)


# --- variables, logs, limits ---


def test_variables_and_logs() -> None:
    body = """
        print("one", 2)
        aici.set_var("a", "1")
        aici.append_var("a", "2")
        assert aici.get_var("a") == b"12" and aici.get_var("none") is None
    """
    result = run(body)
    assert result.error is None
    assert (result.variables, result.branches[0].logs) == ({"a": b"12"}, "one 2\n")


def test_variables_are_bounded() -> None:
    body = "while True:\n    aici.append_var('a', 'x' * 1000)"
    result = run(body, limits=RunLimits(variable_bytes=10_000))
    assert result.error is not None and "10000 bytes" in result.error.message
    assert len(result.variables["a"]) == 9000


def test_a_controller_that_never_ends_runs_out_of_fuel() -> None:
    error = run("while True:\n    pass", limits=RunLimits(vm=Limits(fuel=10_000))).error
    assert error is not None and "fuel" in error.kind.lower()


def test_a_request_may_not_use_more_tokens_than_its_limit() -> None:
    trace = failure(
        "await aici.gen_tokens(regex='[xy]{500}', max_tokens=1000)", limits=RunLimits(tokens=20), prompt="x"
    )
    assert "limit of 20 tokens" in trace


def test_stop_token_and_noop() -> None:
    result = run("await aici.Noop()\nawait aici.FixedTokens('a')\nawait aici.StopToken()\nawait aici.FixedTokens('b')")
    assert (result.text, result.branches[0].finish_reason) == ("a", "stop")


def test_tokens_outside_the_vocabulary_are_refused() -> None:
    assert "vocabulary" in failure("aici.detokenize([99999])")


def test_an_uncaught_error_has_a_traceback_in_the_controllers_lines() -> None:
    result = run("x = 1\nraise ValueError('no ' + str(x))")
    assert result.error is not None
    assert (result.error.kind, result.error.message) == ("ValueError", "no 1")
    assert "ctrl.py" in result.error.traceback and "raise ValueError" in result.error.traceback
    assert result.branches[0].finish_reason == "error"


def test_a_controller_that_never_starts_is_an_error() -> None:
    with Host(ScriptedEngine()) as host:
        result = host.run(compile_source(SourceFile("ctrl.py", "print('only this')")))
    assert result.error is not None and "aici.start" in result.error.message
    assert result.branches[0].logs == "only this\n"


# --- events and results ---


def replay(events: list[Event], branch: int) -> bytes:
    """A branch's text after the prompt, from events alone."""
    text: dict[int, bytes] = {0: b""}
    for event in events:
        match event:
            case Fixed() | Token() | Forced():
                text[event.branch] += event.text
            case Backtracked():
                assert text[event.branch].endswith(event.text)
                text[event.branch] = text[event.branch][: len(text[event.branch]) - len(event.text)]
            case Forked():
                text.update(dict.fromkeys(event.branches, text[event.branch]))
    return text[branch]


def test_events_tell_the_whole_story() -> None:
    body = """
        print("log")
        label = aici.Label()
        await aici.FixedTokens("hello")
        await aici.gen_tokens(max_tokens=3)
        await aici.FixedTokens(" world", following=label)
        me = await aici.fork(2)
        await aici.FixedTokens(str(me))
        await aici.gen_tokens(max_tokens=2, store_var="v" + str(me))
        await aici.gen_tokens(options=["the end"])
    """
    events: list[Event] = []
    result = run(body, prompt="p", on_event=events.append)
    assert [replay(events, branch.index) for branch in result.branches] == [b.content for b in result.branches]
    kinds = {type(event) for event in events}
    assert kinds == {Prompted, Logged, Fixed, Token, Forced, Backtracked, Forked, VariableSet, Ended}
    assert [event.branch for event in events if isinstance(event, Ended)] == [0, 1]


def test_a_callback_that_raises_cancels_the_run() -> None:
    class Enough(Exception):
        pass

    def stop(event: Event) -> None:
        if isinstance(event, Token):
            raise Enough

    engine = ScriptedEngine()
    with Host(engine) as host:
        with pytest.raises(Enough):
            host.run(main("await aici.gen_tokens(regex='[xy]{99}', max_tokens=99)"), prompt="x", on_event=stop)
        assert engine.cells_used == 0
        assert host.run(main("await aici.FixedTokens('ok')")).text == "ok"


def test_a_result_is_json() -> None:
    body = "await aici.FixedTokens('a')\naici.set_var('t', 'x')\naici.set_var('b', b'\\xff')\nprint('hi')"
    document = json.loads(json.dumps(run(body, prompt="p", timings=True).to_json()))
    assert document["variables"] == {"t": "x", "b": {"hex": "ff"}}
    assert document["branches"][0]["text"] == "a" and document["branches"][0]["error"] is None
    assert document["usage"] == {"sampled_tokens": 0, "ff_tokens": 0, "cost": 0}


def test_usage_counts_what_the_engine_did() -> None:
    engine = ScriptedEngine({"q": "123456789"})
    usage = run("await aici.gen_tokens(regex='[0-9]+', max_tokens=3)", engine, prompt="q").usage
    assert usage.sampled_tokens == 3
    assert usage.ff_tokens == engine.fed == len(engine.tokenizer.prefix_ids) + 1 + 2
    assert usage.cost == 2 * usage.sampled_tokens + usage.ff_tokens


def test_timings_when_asked() -> None:
    steps = run("await aici.gen_tokens(max_tokens=4)", prompt="x", timings=True).steps
    assert [step.sequences for step in steps] == [1] * len(steps) and steps
    assert all(step.total >= step.engine > 0 for step in steps)
    assert not run("await aici.gen_tokens(max_tokens=4)", prompt="x").steps


@pytest.mark.parametrize("prompt", [[-1], [10**6]])
def test_a_prompt_of_wrong_tokens_is_refused(prompt: list[int]) -> None:
    with pytest.raises(ValueError, match="token id"):
        run("pass", prompt=prompt)
