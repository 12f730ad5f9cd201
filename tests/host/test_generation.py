"""Generations on the scripted engine: complete in time, forced text in one pass, constraints made of constraints."""

from __future__ import annotations

import re
from textwrap import dedent, indent
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aici.compiler import compile_source
from aici.diagnostics import SourceFile
from aici.grammar.limits import DfaLimits
from aici.grammar.vocabulary import Vocabulary
from aici.host import Host, Result, RunRequest
from aici.host.constraints import ConstraintCache, Constraints
from aici.host.engines.scripted import PADDING, ScriptedEngine, ScriptedTokenizer
from aici.host.events import Event, Forced, Token
from aici.host.generation import Generation
from aici.host.sampling import SamplingParams
from aici.vm.program import Program
from aici.vm.requests import ConstraintSpec, Generate


def main(body: str) -> Program:
    source = f"import aici\n\nasync def main():\n{indent(dedent(body), '    ')}\n\naici.start(main())\n"
    return compile_source(SourceFile("ctrl.py", source))


def run(body: str, engine: ScriptedEngine | None = None, **options: Any) -> Result:
    with Host(engine or ScriptedEngine()) as host:
        return host.run(main(body), **{"prompt": "q", **options})


def said(body: str, engine: ScriptedEngine | None = None, **options: Any) -> str:
    """What a run generated; it must not fail."""
    result = run(body, engine, **options)
    assert result.error is None, result.error
    return result.text


def failure(body: str) -> str:
    error = run(body).error
    assert error is not None
    return error.traceback


# --- complete within max_tokens ---


def test_a_quotation_is_closed_in_time() -> None:
    engine = ScriptedEngine({"q": ' "once upon a time there was'})
    assert said("""await aici.gen_text(regex=r' "[^"]+"', max_tokens=5)""", engine) == ' "on"'
    text = said("""await aici.gen_text(regex=r' "[^"]+"', max_tokens=5, complete=False)""", engine)
    assert text == ' "onc'


def test_budgets_that_cannot_do_are_refused_with_the_least_number() -> None:
    trace = failure("await aici.gen_text(regex='[0-9]{6}[xy]', max_tokens=3)")
    assert "regex '[0-9]{6}[xy]' takes at least 4 tokens, max_tokens is 3" in trace  # "00", "12" and the like
    trace = failure("await aici.gen_text(options=['abcabc', 'Paris Paris'], max_tokens=1)")
    assert "takes at least 2 tokens" in trace
    trace = failure("await aici.gen_text(regex='a', max_tokens=0)")
    assert "takes at least 1 token," in trace


def test_large_patterns_are_refused_with_the_least_number_only_if_it_is_too_large() -> None:
    trace = failure("await aici.gen_text(regex='(0|1)*1(0|1|2){30}', max_tokens=15)")
    assert "takes at least 16 tokens, max_tokens is 15" in trace  # "12", "00" and the like
    engine = ScriptedEngine({"q": "0"})
    text = said("await aici.gen_text(regex='(0|1)*1(0|1|2){30}', max_tokens=16)", engine)
    assert re.fullmatch("(0|1)*1(0|1|2){30}", text)


def test_options_that_are_too_long_are_not_begun() -> None:
    engine = ScriptedEngine({"q": "undecided"})
    assert said("await aici.gen_text(options=['undecided', 'yes'], max_tokens=3)", engine) == "yes"


REGEXES = [
    ' "[^"]+"',
    "[0-9]{1,9}é",
    "(hello| world)+!",
    r"\{\"a\": (true|false)\}",
    "你好(你好)*",
    "[^x]*xyz",
    "(a|b)*a(a|b){12}",
]


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(REGEXES),
    st.integers(0, 30),
    st.integers(0, 3),
    st.booleans(),
)
def test_hot_sampling_always_completes(regex: str, spare: int, seed: int, forward: bool) -> None:
    engine = ScriptedEngine()
    program = main(f"aici.set_var('t', await aici.gen_text(regex={regex!r}, max_tokens={15 + spare}))")
    request = RunRequest(program, "q", SamplingParams(1.5, seed=seed), fast_forward=forward)
    with Host(engine) as host:
        (result,) = host.run_many([request])
    assert result.error is None
    assert re.fullmatch(regex, result.variables["t"].decode())
    assert len(result.branches[0].tokens) <= 15 + spare


def test_the_end_may_come_early_and_only_where_the_text_is_complete() -> None:
    engine = ScriptedEngine({"q": "ab"})  # then the script wants the end of the sequence
    assert said("await aici.gen_text(regex='[ab]{2,9}', max_tokens=9)", engine) == "ab"
    assert len(said("await aici.gen_text(regex='[ab]{4,9}', max_tokens=9)", engine)) >= 4


# --- stop_at ---


def test_stop_at_ends_what_the_constraint_would_let_go_on() -> None:
    engine = ScriptedEngine({"q": "hello world"})
    assert said("await aici.gen_text(regex='[a-z ]+', stop_at='lo', max_tokens=9)", engine) == "hello"
    assert said("await aici.gen_text(regex='[a-z ]+', stop_at='l', max_tokens=9)", engine) == "hel"  # not "ll"


@pytest.mark.parametrize(
    ("stops", "text"),
    [
        ("['wor', 'lo']", "hello"),
        ("('o w', 'lo', 'zzz')", "hello"),
        ("['hello w', 'ello']", "hello"),
        ("{'ell': 1, 'll': 2}", "hell"),
        ("['world', 'rld', 'ld']", "hello world"),
        ("['llo', b'ell']", "hell"),
        (r"['zzz', b'\xff', 'o w']", "hello world"),  # one is no UTF-8: it ends with the token that has it
        ("[' ']", "hello "),
    ],
)
@pytest.mark.parametrize("regex", ["", "regex='[a-z ]+', "])
def test_the_first_of_several_stop_texts_ends_the_text(regex: str, stops: str, text: str) -> None:
    engine = ScriptedEngine({"q": "hello world"})
    assert said(f"await aici.gen_text({regex}stop_at={stops}, max_tokens=12)", engine) == text


@settings(deadline=None, max_examples=25)
@given(
    st.sampled_from(["[a-e]{1,9}", "(hello| world|é)+!", "[^x]*xyz", "(a|b)*a(a|b){12}", '"[^"]+"', None]),
    st.lists(st.sampled_from(["a", "ab", "ba", "o w", "é", "!", '"', "lo", "zz"]), min_size=1, max_size=3),
    st.integers(0, 5),
    st.booleans(),
)
def test_what_is_sampled_is_complete_or_ends_with_its_first_stop_text(
    regex: str | None, stops: list[str], seed: int, forward: bool
) -> None:
    body = f"aici.set_var('t', await aici.gen_text(regex={regex!r}, stop_at={stops!r}, max_tokens=18))"
    request = RunRequest(main(body), "q", SamplingParams(1.5, seed=seed), fast_forward=forward)
    with Host(ScriptedEngine()) as host:
        result = host.run_one(request)
    assert result.error is None, result.error
    text = result.variables["t"].decode(errors="replace")
    ends = [text.find(stop) + len(stop) for stop in stops if stop in text]
    if ends:
        assert min(ends) == len(text)
    elif regex is not None:
        assert re.fullmatch(regex, text)
    else:
        assert len(result.branches[0].tokens) <= 18


def test_a_stop_text_need_not_come() -> None:
    assert len(said("await aici.gen_text(stop_at='never to be seen', max_tokens=7)")) >= 7
    assert said("await aici.gen_text(regex='[0-9]{3}', stop_at='x', max_tokens=7)").isdigit()


def test_a_stop_text_with_a_constraint_too_large_to_be_cut() -> None:
    engine = ScriptedEngine({"q": "hello world"})
    regex = "(hello world|(a|b)*a(a|b){30})"
    assert said(f"await aici.gen_text(regex={regex!r}, stop_at='l', max_tokens=40)", engine).startswith("hel")


def test_what_cannot_be_compiled_is_refused_again_and_again() -> None:
    body = """
        for _ in range(3):
            try:
                aici.RegexConstraint("(" + "a")
            except ValueError as error:
                print(error)
    """
    logs = run(body).branches[0].logs.splitlines()
    assert len(logs) == 3 and len(set(logs)) == 1 and "never closed" in logs[0]


# --- forced text ---


def test_forced_text_costs_one_pass_and_no_samples() -> None:
    engine = ScriptedEngine({"q": '{"name": "hello", "age": 12}'})
    regex = r'\{"name": "[a-z]+", "age": [0-9]{2}\}'
    result = run(f"await aici.gen_text(regex={regex!r}, max_tokens=40)", engine)
    assert result.text == '{"name": "hello", "age": 12}'
    assert result.usage.sampled_tokens <= 6 < len(result.branches[0].tokens)
    slow = ScriptedEngine({"q": result.text})
    program = main(f"await aici.gen_text(regex={regex!r}, max_tokens=40)")
    with Host(slow) as host:
        (sampled,) = host.run_many([RunRequest(program, "q", fast_forward=False)])
    assert (sampled.text, slow.passes > 2 * engine.passes) == (result.text, True)


def test_a_text_that_is_forced_as_a_whole_costs_no_pass() -> None:
    engine = ScriptedEngine()
    events: list[Event] = []
    result = run("await aici.gen_text(options=['hello world'], store_var='t')", engine, on_event=events.append)
    assert (result.variables["t"], engine.passes) == (b"hello world", 0)
    tokens = engine.tokenizer.encode(b"hello world")
    assert [e for e in events if isinstance(e, Forced)] == [Forced(0, tuple(tokens), b"hello world", True)]
    assert not [e for e in events if isinstance(e, Token)]


def test_the_last_token_is_not_forced_where_a_longer_one_may_come() -> None:
    engine = ScriptedEngine({"q": "hello"})
    result = run("await aici.gen_text(options=['hello', 'help'])", engine)  # "hel" is forced, "hello" is a token
    assert result.branches[0].tokens == engine.tokenizer.encode(b"hello")


def test_forced_tokens_count_and_leave_enough() -> None:
    """The tokenizer's spelling of "hellohello" has two tokens, which is all there is room for."""
    assert said("await aici.gen_text(regex='hellohello', max_tokens=2)") == "hellohello"
    assert said("await aici.gen_text(regex='hello world[ab]?', max_tokens=2)") == "hello world"
    assert said("await aici.gen_text(regex='hello worldxyz', max_tokens=3, complete=False)") == "hello worldx"


def test_forced_text_that_outgrows_the_context_is_an_error() -> None:
    error = run("await aici.gen_text(regex='x{200}', max_tokens=200)", ScriptedEngine(context_length=50)).error
    assert error is not None and "context" in error.message


def test_half_characters_are_not_forced() -> None:
    engine = ScriptedEngine({"q": "é"})
    assert said("await aici.gen_text(options=['é', 'è'])", engine) == "é"


FORCED = ["hello", " world", "é", "😀", "{", '": "', "x", "12"]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from([*FORCED, "(a|b)", "[0-9]+", "(é|è)"]), min_size=1, max_size=6), st.integers(0, 3))
def test_forced_text_is_what_sampling_could_only_have_given(parts: list[str], seed: int) -> None:
    """At every state: the forced tokens' bytes are what every text of the constraint goes on with."""
    tokenizer = ScriptedTokenizer()
    size = len(tokenizer.token_bytes) + PADDING
    vocabulary = Vocabulary(tokenizer.token_bytes, tokenizer.eos_ids, size)
    pattern = "".join(re.escape(part) if part in FORCED else part for part in parts)
    constraints = Constraints(ConstraintCache(vocabulary, tokenizer, 1 << 24), main("pass"))
    generation = Generation(Generate(ConstraintSpec("regex", (pattern,)), 60, None, None), constraints)
    matcher = constraints.matcher(ConstraintSpec("regex", (pattern,)))
    text = b""
    while generation.reply is None:
        state = matcher.advance_bytes(matcher.start, text)
        tokens = generation.force()
        for token in tokens:
            piece = tokenizer.token_bytes[token] or b""
            for byte in piece:
                assert not matcher.can_end(state)
                live = [b for b in range(256) if matcher.advance_bytes(state, bytes([b]))]
                assert live == [byte]
                state = matcher.advance_bytes(state, bytes([byte]))
            text += piece
        if generation.reply is None:
            mask = generation.mask()
            assert mask is not None
            allowed = [t for t, piece in enumerate(tokenizer.token_bytes) if piece and mask[t >> 5] >> (t & 31) & 1]
            if not allowed:
                break
            token = allowed[seed * 7 % len(allowed)]
            text += tokenizer.token_bytes[token] or b""
            generation.take(token, tokenizer.token_bytes[token] or b"")
    assert generation.reply is None or generation.reply.text == text
    assert re.fullmatch(pattern, text.decode())


# --- constraints made of constraints ---

ONE = "aici.RegexConstraint"


@pytest.mark.parametrize(
    ("constraint", "script", "expected"),
    [
        (f"{ONE}('[a-z]+') & ~{ONE}('.*l.*')", "hello", "^he"),
        (f"{ONE}('[a-z]{{5}}') & ~aici.ChooseConstraint(['hello'])", "hello", "hell[^o]"),
        (f"{ONE}('[a-z]+') - {ONE}('.*l.*')", "hello", "^he"),
        (f"{ONE}('[a-z]+') - {ONE}('.*l.*') + {ONE}('!')", "he!", "^he!"),
        (f"~{ONE}('.*l.*') & {ONE}('[a-z]+')", "hello", "^he"),
        (f"{ONE}(r'\\w{{1,255}}') - {ONE}('.*l.*')", "hello", "^he"),
        (f"{ONE}('[0-9]') | aici.ChooseConstraint(['true', 'false'])", "true", "true"),
        (f"aici.ChooseConstraint(['a', 'b']) + {ONE}('[0-9]') + aici.ChooseConstraint(['!'])", "b7!", "b7!"),
        (f"({ONE}('a*') + {ONE}('b')) & {ONE}('.{{3}}')", "abb", "aab"),
        (f"aici.Constraint() & {ONE}('x')", "y", "x"),
        ("aici.SubStrConstraint('the quick brown fox', '.')", "brown fox.", "brown fox\\."),
    ],
)
def test_combinations(constraint: str, script: str, expected: str) -> None:
    engine = ScriptedEngine({"q": script})
    text = said(f"await aici.gen_text(constraint={constraint}, max_tokens=10)", engine)
    assert re.match(expected, text), text


def test_a_combination_works_token_by_token_too() -> None:
    body = """
        c = aici.RegexConstraint("[a-z]+") & ~aici.RegexConstraint(".*e.*")
        text = b""
        for _ in range(4):
            text += aici.detokenize(await aici.ConstrainedToken(lambda: c))
        aici.set_var("t", text)
        aici.set_var("allowed", str(c.token_allowed(aici.tokenize("e")[0])))
    """
    result = run(body, ScriptedEngine({"q": "hello"}))
    assert result.error is None
    assert re.fullmatch(b"[a-df-z]+", result.variables["t"]) and result.variables["allowed"] == b"False"


def test_quotations() -> None:
    engine = ScriptedEngine({"q": 'over the lazy" and'})
    text = "the quick brown fox jumps over the lazy dog"
    assert said(f"await aici.gen_text(substring={text!r}, max_tokens=20)", engine) == 'over the lazy"'
    assert said(f"await aici.gen_text(substring={text!r}, substring_end='.', max_tokens=20)", engine).endswith(".")


def test_identifiers_known_so_far() -> None:
    body = """
        lexer = aici.DynamicLexer()
        for name in ["hello", "abc"]:
            lexer.add(name)
        aici.set_var("t", await aici.gen_text(constraint=lexer.constraint(), max_tokens=12))
    """
    text = run(body, ScriptedEngine({"q": "(hello + abcd"})).variables["t"].decode()
    assert set(re.findall("[A-Za-z_][A-Za-z_0-9]*", text)) <= {"hello", "abc"}


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (f"{ONE}('a') & {ONE}('b')", "no text satisfies the combination"),
        (f"{ONE}('a') & 'b'", "expected a constraint, not str"),
        ("~aici.Constraint()", "no text satisfies"),
        ("aici.DynamicLexer().constraint()", "identifiers"),
        ("aici.DynamicLexer().add('')", "an identifier must not be empty"),
        ("aici.SubStrConstraint('', '.')", "no words"),
        (f"aici.gen_text(constraint={ONE}('a'), regex='b')", "takes one of regex, options, substring and constraint"),
    ],
)
def test_what_cannot_be_combined_is_said(expression: str, message: str) -> None:
    assert message in failure(f"c = {expression}")


def test_a_constraint_under_way_cannot_be_combined() -> None:
    body = """
        c = aici.RegexConstraint("ab")
        c.append_token(aici.tokenize("a")[0])
        c & aici.RegexConstraint(".*")
    """
    assert "already under way" in failure(body)


def test_combinations_are_bounded() -> None:
    trace = failure("c = aici.RegexConstraint('a')\nfor _ in range(50):\n    c = c | c")
    assert "at most 64 others" in trace
    trace = failure("aici.RegexConstraint('(a|b)*a(a|b){30}') & aici.RegexConstraint('(a|b)*b(a|b){30}')")
    assert "ValueError" in trace and "the combination is too large" in trace


def test_many_are_combined_one_by_one() -> None:
    """As many as there may be, within the fuel of one step; each step combines only what is new."""
    body = """
        c = aici.RegexConstraint("b0")
        for i in range(1, 32):
            c = c | aici.RegexConstraint(f"b{i}")
        no = aici.RegexConstraint("[a-z0-9]+")
        for i in range(15):
            no = no - aici.RegexConstraint(f"(?s).*b{i}.*")
        lexer = aici.DynamicLexer()
        for i in range(1500):
            lexer.add(f"n{i}")
        await aici.gen_text(constraint=c, max_tokens=5)
        await aici.FixedTokens("|")
        await aici.gen_text(constraint=no, max_tokens=12)
        """
    one, other = said(body, ScriptedEngine({"|": "xb15b3", "q": "b31"})).split("|")
    assert one == "b31" and other.startswith("x") and not re.search("b([0-9]|1[0-4])", other)


def test_what_is_large_is_combined_while_the_text_grows() -> None:
    body = """
        c = aici.RegexConstraint('(a|b)*a(a|b){10}')
        for _ in range(5):
            c = c + c
        aici.set_var('t', await aici.gen_text(constraint=c, max_tokens=20, complete=False))
        """
    with Host(ScriptedEngine()) as host:
        assert re.fullmatch(b"[ab]{20}", host.run(main(body), prompt="q").variables["t"])


def test_an_embedded_automaton_that_lies_deceives_no_combination_of_others() -> None:
    from dataclasses import replace

    body = "aici.set_var('t', await aici.gen_text(regex='[0-9]+', stop_at='7', max_tokens=3))"
    digits, letters = main(body), main("await aici.gen_text(regex='[a-z]+', max_tokens=3)")
    liar = replace(digits, automata=(replace(digits.automata[0], data=letters.automata[0].data),))
    with Host(ScriptedEngine()) as host:
        lied, honest = host.run_many([RunRequest(program, "x") for program in (liar, digits)])
    assert lied.variables["t"].isalpha() and honest.variables["t"].isdigit()


# --- automata that grow are shared, and numbered as they grow ---

LARGE = "(a|b)*a(a|b){30}"


def test_token_by_token_while_the_cache_drops_automata() -> None:
    """States of an automaton that grows are numbers that only it knows: the cache may forget it meanwhile."""
    body = """
        patterns = [f"[a-z]*{c}.{{0,3000}}foo{c}.{{0,3000}}" for c in "abcde"]
        texts = [aici.tokenize(f"xx{c}hello foo{c}the end") for c in "abcde"]
        under_way = [aici.RegexConstraint(pattern) for pattern in patterns]
        for i in range(max(len(text) for text in texts)):
            for text, constraint in zip(texts, under_way):
                if i < len(text):
                    assert constraint.token_allowed(text[i])
                    constraint.append_token(text[i])
        ended = [constraint.eos_allowed() for constraint in under_way]
        taken = await aici.ConstrainedToken(lambda: under_way[0])
        print(ended, len(taken))
        """
    with Host(ScriptedEngine(), constraint_bytes=1) as host:
        result = host.run(main(body), prompt="q")
    assert result.error is None and result.branches[0].logs == f"{[True] * 5} 1\n"


def test_large_constraints_under_way_at_once_are_bounded() -> None:
    body = """
        token = aici.tokenize("x")[0]
        under_way = [aici.RegexConstraint(f"(?:{i})?x.{{0,3000}}foo.{{0,3000}}") for i in range(70)]
        for constraint in under_way:
            constraint.append_token(token)
        print(under_way[69].token_allowed(token))
        under_way[0].token_allowed(token)
        """
    result = run(body)
    assert result.branches[0].logs == "True\n"
    assert result.error is not None and "more than 64 large constraints are under way" in result.error.message


def test_what_others_have_used_up_is_made_anew() -> None:
    """An automaton that has grown as far as it may, by others' texts, does not fail the next one's."""
    program = main(f"aici.set_var('t', await aici.gen_text(regex={LARGE!r}, max_tokens=40))")
    with Host(ScriptedEngine(), constraint_limits=DfaLimits(states=300)) as host:
        requests = [RunRequest(program, "q", SamplingParams(1.5, seed=seed)) for seed in range(24)]
        results = [*host.run_many(requests[:12]), *(host.run_one(request) for request in requests[12:])]
    assert [result.error for result in results] == [None] * 24
    texts = {result.variables["t"].decode() for result in results}
    assert len(texts) > 12 and all(re.fullmatch(LARGE, text) for text in texts)


def test_who_uses_up_an_automaton_alone_is_told() -> None:
    program = main(f"await aici.gen_text(regex={LARGE!r}, max_tokens=400)")
    long = main(f"await aici.gen_text(regex='(?:{LARGE}){{3}}', max_tokens=2000)")
    with Host(ScriptedEngine(), constraint_limits=DfaLimits(states=150)) as host:
        error = host.run(long, prompt="q", sampling=SamplingParams(1.5)).error
        assert error is not None and error.kind == "ValueError" and "has used up its room" in error.message
        for seed in range(3):
            error = host.run(program, prompt="q", sampling=SamplingParams(1.5, seed=seed)).error
            assert error is None or "has used up its room" in error.message


def test_token_by_token_past_the_room_of_an_automaton() -> None:
    body = f"""
        a, b = aici.tokenize("a")[0], aici.tokenize("b")[0]
        told, random = [], 1
        for attempt in range(4):
            constraint = aici.RegexConstraint({LARGE!r})
            try:
                for i in range(400):
                    random = (random * 1103515245 + 12345) % 2147483648
                    constraint.append_token(a if random >> 16 & 1 else b)
            except ValueError as error:
                told.append("used up its room" in str(error))
            fresh = aici.RegexConstraint({LARGE!r})
            fresh.append_token(a)
        print(told)
        """
    with Host(ScriptedEngine(), constraint_limits=DfaLimits(states=100)) as host:
        result = host.run(main(body), prompt="q")
    assert result.error is None and result.branches[0].logs == "[True, True, True, True]\n"


def test_a_part_that_is_nearly_full_is_in_the_way_of_no_combination() -> None:
    body = f"""
        one, random = aici.RegexConstraint({LARGE!r}), 1
        for i in range(40):
            random = (random * 1103515245 + 12345) % 2147483648
            one.append_token(aici.tokenize("a" if random >> 16 & 1 else "b")[0])
        both = aici.RegexConstraint({LARGE!r}) & aici.RegexConstraint("[^b]{{32,40}}")
        print(await aici.gen_text(constraint=both, max_tokens=60))
        """
    with Host(ScriptedEngine(), constraint_limits=DfaLimits(states=100)) as host:
        result = host.run(main(body), prompt="q")
    assert result.error is None and re.fullmatch("a{32,40}\n", result.branches[0].logs)


def test_constraints_are_bounded_as_the_host_says() -> None:
    limits = DfaLimits(pattern_length=40, option_bytes=40, positions=40)
    with Host(ScriptedEngine(), constraint_limits=limits) as host:
        for arguments in ("regex='x' * n", "options=['x' * n]", "substring='x' * n"):
            body = f"for n in (10, 50):\n    print(n, len(await aici.gen_text({arguments}, max_tokens=99)))"
            result = host.run(main(body), prompt="q")
            assert result.branches[0].logs.startswith("10 1") and result.error is not None
            assert "the limit is 40" in result.error.message
