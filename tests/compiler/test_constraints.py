"""Literal constraints become automata of the program, wrong ones become diagnostics; forgotten awaits too."""

from __future__ import annotations

import subprocess
import sys

import pytest

from aici.compiler import compile_source
from aici.diagnostics import DiagnosticError, SourceFile
from aici.grammar.dfa import Dfa
from aici.vm.program import Automaton


def automata(*lines: str) -> tuple[Automaton, ...]:
    return compile_source(SourceFile("t", "\n".join(lines))).automata


def keys(*lines: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(automaton.kind, automaton.key) for automaton in automata(*lines)]


def within(*body: str) -> str:
    return "\n".join(["import aici", "async def main():", *("    " + line for line in body)])


def diagnostics(source: str) -> list[tuple[str, str, str]]:
    """What the caret stands under, the message, the hint."""
    with pytest.raises(DiagnosticError) as caught:
        compile_source(SourceFile("t", source))
    return [(source[d.span.start : d.span.end], d.message, d.hint or "") for d in caught.value.diagnostics]


def test_a_regex_is_embedded_as_its_automaton() -> None:
    (automaton,) = automata(within('await aici.gen_text(regex=r\' "[^"]+"\')'))
    dfa = Dfa.from_bytes(automaton.data)
    assert (automaton.kind, automaton.key) == ("regex", (' "[^"]+"',))
    assert dfa.matches(b' "bonjour"') and not dfa.matches(b'"')


def test_options_are_embedded_as_their_automaton() -> None:
    (automaton,) = automata(within('await aici.gen_tokens(options=["yes", "no", "yes"])'))
    dfa = Dfa.from_bytes(automaton.data)
    assert (automaton.kind, automaton.key) == ("options", ("yes", "no", "yes"))
    assert dfa.matches(b"no") and not dfa.matches(b"n")


@pytest.mark.parametrize(
    "lines",
    [
        ["import aici", "c = aici.RegexConstraint('a+')"],
        ["import aici as x", "c = lambda: x.RegexConstraint('a+')"],
        ["import pyaici.server as aici", "c = aici.RegexConstraint('a+')"],
        ["from pyaici.server import RegexConstraint as R", "c = R('a+')"],
        ["from aici import gen_text", "async def f(): await gen_text(regex='a+')"],
        ["import aici", "async def f(): await aici.gen_text(regex='a' '+')"],
        ["import aici", "async def f(): await aici.gen_text(regex=b'a+')"],
        ["import aici", "P = 'a+'", "async def f(): await aici.gen_text(regex=P, max_tokens=3)"],
    ],
)
def test_ways_to_write_a_regex(lines: list[str]) -> None:
    assert keys(*lines) == [("regex", ("a+",))]


@pytest.mark.parametrize(
    "lines",
    [
        ["import aici", "c = aici.ChooseConstraint(('a', 'b'))"],
        ["import aici", "O = ['a', 'b']", "async def f(): return await aici.gen_text(options=O)"],
        ["import aici", "A = 'a'", "async def f(): await aici.gen_tokens(options=[A, 'b'])"],
    ],
)
def test_ways_to_write_options(lines: list[str]) -> None:
    assert keys(*lines) == [("options", ("a", "b"))]


@pytest.mark.parametrize(
    "lines",
    [
        ["def gen_text(regex): pass", "gen_text(regex='(')"],
        ["import aici", "aici = 1", "def f(): aici.gen_text(regex='(')"],
        ["import aici", "def f(aici): aici.RegexConstraint('(')"],
        ["import re", "re.compile('(')"],
        ["import aici", "P = '('", "P = 'a'", "c = aici.RegexConstraint(P)"],
        ["import aici", "def f(p): return aici.RegexConstraint(p)"],
        ["import aici", "def f(p): return aici.RegexConstraint(f'{p}(')"],
        ["import aici", "def f(p): return aici.ChooseConstraint(['a', p])"],
        ["import aici", "O = []", "O.append('a')", "c = aici.ChooseConstraint(O)"],
    ],
)
def test_what_is_not_known_is_left_alone(lines: list[str]) -> None:
    assert keys(*lines) == []


def test_each_constraint_is_embedded_once() -> None:
    source = within(
        "await aici.gen_text(regex='a')", "await aici.gen_text(regex='b')", "await aici.gen_text(regex='a')"
    )
    assert keys(source) == [("regex", ("a",)), ("regex", ("b",))]


@pytest.mark.parametrize(
    ("call", "caret"),
    [
        ("await aici.gen_text(regex=r'ab(c')", "("),
        ("await aici.gen_text(regex='\\x41\\n[z-a]')", "z-a"),
        ("await aici.gen_text(regex='ab' r'c**')", "*"),
        ("await aici.gen_text(regex='''ab\n    c)''')", ")"),
        ("await aici.gen_text(regex=b'ab(c')", "b'ab(c'"),
    ],
)
def test_a_wrong_regex_is_shown_inside_its_literal(call: str, caret: str) -> None:
    ((text, message, _),) = diagnostics(within(call))
    assert text == caret
    assert message.startswith("regular expression: ")


def test_a_pattern_that_is_not_supported_gets_the_reason() -> None:
    ((text, message, hint),) = diagnostics(within("await aici.gen_text(regex=r'a(?=b)')"))
    assert "(?=" in text and message and hint


def test_no_options_are_refused() -> None:
    ((text, message, hint),) = diagnostics(within("await aici.gen_text(options=[])"))
    assert text == "[]" and message.startswith("options: ") and hint


def test_a_regex_too_large_for_an_automaton_is_left_for_the_host() -> None:
    assert keys(within("await aici.gen_text(regex='(a|b)*a(a|b){40}')")) == []


@pytest.mark.parametrize(
    "name", ["FixedTokens", "gen_text", "gen_tokens", "fork", "wait_vars", "GetPrompt", "Noop", "StopToken"]
)
def test_a_forgotten_await_is_an_error(name: str) -> None:
    source = within(f"aici.{name}()")
    ((text, message, hint),) = diagnostics(source)
    assert text == f"aici.{name}()"
    assert "missing await" in message and "await" in hint


def test_a_forgotten_await_of_an_own_function_is_an_error() -> None:
    ((text, message, _),) = diagnostics("async def f(): pass\nasync def g():\n    f()\n")
    assert text == "f()" and "missing await" in message


@pytest.mark.parametrize(
    "source",
    [
        "import aici\nc = aici.FixedTokens('later')\n",
        "import aici\ndef f(fork): fork()\n",
        "async def f(): pass\ndef g(f): f()\n",
        "def fork(): pass\nfork()\n",
    ],
)
def test_other_calls_need_no_await(source: str) -> None:
    compile_source(SourceFile("t", source))


def test_a_source_without_constraints_compiles_without_the_grammar() -> None:
    program = (
        "import sys; from aici.compiler import compile_source; from aici.diagnostics import SourceFile;"
        "compile_source(SourceFile('t', 'import aici\\nx = [1]\\n'));"
        "sys.exit(any(name in sys.modules for name in ('numpy', 'aici.grammar.regex', 'lark')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
