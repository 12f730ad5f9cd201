"""Constraints of the controller's `aici`: what they ask of the host, and that they stay plain data."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aici.vm import requests as rq
from aici.vm.fork import fork
from aici.vm.machine import run
from aici.vm.process import Process
from aici.vm.requests import ConstraintSpec, Failed, Finished, Outcome, ServiceError
from aici.vm.snapshot import restore, snapshot

KEY = b"a key of the tests"
A, B = ConstraintSpec("regex", ("a",)), ConstraintSpec("options", ("b", "c"))


class Host:
    """Notes what is asked; "!" is a wrong pattern."""

    def __init__(self) -> None:
        self.asked: list[ConstraintSpec] = []
        self.logged = ""

    def constraint_start(self, spec: ConstraintSpec) -> int:
        self.asked.append(spec)
        if "!" in spec.texts:
            raise ServiceError("wrong")
        return 1

    def constraint_advance(self, spec: ConstraintSpec, state: int, token: int) -> int:
        return state + 1

    def vocabulary_size(self) -> int:
        return 300

    def eos_token(self) -> int:
        return 299

    def log(self, text: str) -> None:
        self.logged += text


def go(process_of: Callable[..., Process], body: str) -> tuple[Outcome, Host, Process]:
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    process = process_of(f"import aici\nasync def main():\n{lines}\naici.start(main())\n")
    host = Host()
    return run(process, host, None), host, process  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("call", "request_"),
    [
        ("aici.gen_text(regex='a', complete=False)", rq.Generate(A, 20, None, None, False)),
        ("aici.gen_text(regex='a', stop_at='x')", rq.Generate(A, 20, b"x", None)),
        ("aici.gen_text(regex='a', stop_at=['x'])", rq.Generate(A, 20, b"x", None)),
        ("aici.gen_text(regex='a', stop_at=['x', b'y'])", rq.Generate(A, 20, (b"x", b"y"), None)),
        ("aici.gen_text(substring='a b')", rq.Generate(ConstraintSpec("substring", ("a b", '"')), 20, None, None)),
        ("aici.gen_text(constraint=aici.Constraint())", rq.Generate(None, 20, None, None)),
        (
            "aici.gen_tokens(constraint=aici.RegexConstraint('a') & ~aici.ChooseConstraint(['b', b'c']))",
            rq.Generate(ConstraintSpec("and", (A, ConstraintSpec("not", (B,)))), 20, None, None),
        ),
        (
            "aici.gen_tokens(constraint=aici.RegexConstraint('a') + aici.RegexConstraint('a') | aici.Constraint())",
            rq.Generate(
                ConstraintSpec("or", (ConstraintSpec("concat", (A, A)), ConstraintSpec("regex", ("(?s).*",)))),
                20,
                None,
                None,
            ),
        ),
    ],
)
def test_requests(process_of: Callable[..., Process], call: str, request_: rq.Request) -> None:
    outcome, _, _ = go(process_of, f"await {call}")
    assert outcome == request_


def test_forks_have_constraints_of_their_own(process_of: Callable[..., Process]) -> None:
    body = """
c = aici.RegexConstraint('a') | aici.ChooseConstraint(['b', 'c'])
lexer = aici.DynamicLexer('$')
me = await aici.fork(2)
if me == 1:
    c.append_token(5)
    lexer.add('x')
print(c, lexer)
await aici.ConstrainedToken(lambda: c)
"""
    outcome, host, process = go(process_of, body)
    assert outcome == rq.Fork(2)
    twin = fork(process)
    whole = ConstraintSpec("or", (A, B))
    assert run(process, host, 0) == rq.Sample(whole, 1)  # type: ignore[arg-type]
    assert run(twin, host, 1) == rq.Sample(whole, 2)  # type: ignore[arg-type]
    shown = "(RegexConstraint('a') | ChooseConstraint(['b', 'c']))"
    assert host.logged == f"{shown} <DynamicLexer []>\n{shown} <DynamicLexer ['x']>\n"


def test_constraints_travel_in_snapshots(process_of: Callable[..., Process]) -> None:
    body = """
c = aici.RegexConstraint('a') & ~aici.ChooseConstraint(['b', 'c'])
lexer = aici.DynamicLexer('$')
lexer.add('x')
await aici.Noop()
print(c, lexer.constraint())
await aici.gen_text(constraint=c)
"""
    outcome, host, process = go(process_of, body)
    assert outcome == rq.Noop()
    again = restore(process.program, snapshot(process, KEY), KEY)
    whole = ConstraintSpec("and", (A, ConstraintSpec("not", (B,))))
    assert run(again, host, None) == rq.Generate(whole, 20, None, None)  # type: ignore[arg-type]
    assert host.logged == "(RegexConstraint('a') & ~ChooseConstraint(['b', 'c'])) <identifiers ['x']>\n"


def test_lexers_ask_for_what_they_know(process_of: Callable[..., Process]) -> None:
    body = "l = aici.DynamicLexer('$')\nl.add('x')\nl.add('y')\nl.add('x')\nprint(l.constraint(), ~l.constraint())"
    outcome, host, _ = go(process_of, body)
    assert outcome == Finished()
    assert ConstraintSpec("identifiers", ("$", "x", "y")) in host.asked
    assert host.logged == "<identifiers ['x', 'y']> ~<identifiers ['x', 'y']>\n"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("aici.RegexConstraint('a') & 5", "TypeError: expected a constraint, not int"),
        ("5 & aici.RegexConstraint('a')", "TypeError: unsupported operand type(s) for &: 'int' and 'RegexConstraint'"),
        ("-aici.RegexConstraint('a')", "TypeError: bad operand type for unary -: 'RegexConstraint'"),
        ("aici.RegexConstraint('!') & aici.RegexConstraint('a')", "ValueError: wrong"),
        ("aici.DynamicLexer(5)", "TypeError: extra_id_chars must be str or bytes, not int"),
        ("aici.SubStrConstraint('a', None)", "TypeError: stop_at must be str or bytes, not NoneType"),
        (
            "c = aici.Constraint()\nfor _ in range(99):\n    c = c + c",
            "ValueError: a constraint is made of at most 64 others",
        ),
        (
            "c = aici.RegexConstraint('a')\nc.append_token(1)\nawait aici.gen_text(constraint=c)",
            "ValueError: the constraint is already under way: tokens have been appended to it",
        ),
    ],
)
def test_what_is_refused(process_of: Callable[..., Process], body: str, message: str) -> None:
    outcome, _, _ = go(process_of, body)
    assert isinstance(outcome, Failed)
    assert f"{outcome.kind}: {outcome.message}" == message


def test_combining_costs_fuel(process_of: Callable[..., Process]) -> None:
    outcome, host, _ = go(process_of, "c = aici.RegexConstraint('a')\nwhile True:\n    ~c")
    assert isinstance(outcome, Failed) and outcome.kind == "FuelExhausted"
    assert len(host.asked) < 1000
