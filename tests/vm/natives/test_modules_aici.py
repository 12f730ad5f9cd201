"""The controller's `aici`: what its functions ask of the host, what they refuse, and its typed face for editors."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import aici
from aici import _LATER as LATER
from aici.vm import requests as rq
from aici.vm.machine import run
from aici.vm.native import MODULES
from aici.vm.process import Process
from aici.vm.requests import ConstraintSpec, Failed, Finished, Outcome, ServiceError
from aici.vm.values import Native, TypeValue

VOCABULARY = 301  # 0 to 255 are bytes, the others have none


class Host:
    """Tokens are bytes; a regex constraint allows its pattern's characters in turn."""

    def __init__(self) -> None:
        self.logged = ""
        self.sequence = list(b"prompt")
        self.variables: dict[str, bytes] = {}

    def log(self, text: str) -> None:
        self.logged += text

    def tokenize(self, text: bytes, special: bool) -> list[int]:
        return [300] if special and text == b"<|x|>" else list(text)

    def detokenize(self, tokens: list[int]) -> bytes:
        return bytes(t for t in tokens if t < 256)

    def token_repr(self, token: int) -> str:
        return repr(chr(token))

    def eos_token(self) -> int:
        return 299

    def vocabulary_size(self) -> int:
        return VOCABULARY

    def tokens(self) -> list[int]:
        return self.sequence

    def prompt_length(self) -> int:
        return 6

    def get_var(self, name: str) -> bytes | None:
        return self.variables.get(name)

    def set_var(self, name: str, value: bytes) -> None:
        self.variables[name] = value

    def append_var(self, name: str, value: bytes) -> None:
        self.variables[name] = self.variables.get(name, b"") + value

    def sequence_id(self) -> int:
        return 7

    def config(self, name: str) -> int:
        return {"fork": 1}.get(name, 0)

    def constraint_start(self, spec: ConstraintSpec) -> int:
        if "(" in spec.args[0]:
            raise ServiceError("missing )")
        return 0

    def constraint_advance(self, spec: ConstraintSpec, state: int, token: int) -> int:
        if not self.constraint_mask(spec, state)[token >> 3] >> (token & 7) & 1:
            raise ServiceError("not allowed")
        return state + 1

    def constraint_mask(self, spec: ConstraintSpec, state: int) -> bytes:
        mask = bytearray((VOCABULARY + 7) // 8)
        text = spec.args[0]
        token = ord(text[state]) if state < len(text) else self.eos_token()
        mask[token >> 3] |= 1 << (token & 7)
        return bytes(mask)

    def constraint_eos(self, spec: ConstraintSpec, state: int) -> tuple[bool, bool]:
        over = state >= len(spec.args[0])
        return over, over


class Session:
    """A controller driven by hand."""

    def __init__(self, process: Process) -> None:
        self.host = Host()
        self.process = process

    def go(self, reply: object = None) -> Outcome:
        return run(self.process, self.host, reply)  # type: ignore[arg-type]


@pytest.fixture
def session(process_of: Callable[..., Process]) -> Callable[[str], Session]:
    """`session(body)`: an async function with that body, started."""

    def make(body: str, start: str = "aici.start(main())") -> Session:
        lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
        return Session(process_of(f"import aici\nasync def main():\n{lines}\n{start}\n"))

    return make


def printed(session: Callable[..., Session], expression: str) -> str:
    """What an expression is, or `Kind: message` of its exception."""
    made = session(f"print({expression})")
    outcome = made.go()
    if isinstance(outcome, Failed):
        return f"{outcome.kind}: {outcome.message}"
    assert outcome == Finished(), outcome
    return made.host.logged.rstrip("\n")


def test_a_controller_from_request_to_request(session: Callable[..., Session]) -> None:
    made = session(
        """
prompt = await aici.GetPrompt()
label = aici.Label()
tokens = await aici.FixedTokens("hé", following=label)
text = await aici.gen_text(regex="ab", store_var="v", max_tokens=5)
ids = await aici.gen_tokens(options=["x", b"y"], stop_at="z")
branch = await aici.fork(3)
values = await aici.wait_vars("p", "q")
none = await aici.wait_vars()
noop = await aici.Noop()
print(prompt, tokens, [text], ids, branch, values, none, noop)
await aici.StopToken()
"""
    )
    assert made.go() == rq.GetPrompt()
    assert made.go([1, 2]) == rq.Append("hé".encode(), following=6, special=True)
    assert made.go([3]) == rq.Generate(ConstraintSpec("regex", ("ab",)), 5, None, "v")
    assert made.go(rq.Generated([4], b"ab\xff")) == rq.Generate(ConstraintSpec("options", ("x", "y")), 20, b"z", None)
    assert made.go(rq.Generated([5, 6], b"xy")) == rq.Fork(3)
    assert made.go(2) == rq.WaitVars(("p", "q"))
    assert made.go([b"1", b"2"]) == rq.Noop()
    assert made.go() == rq.Stop()
    assert made.host.logged == "[1, 2] [3] ['ab\ufffd'] [5, 6] 2 [b'1', b'2'] [] []\n"


def test_fixed_tokens_takes_tokens(session: Callable[..., Session]) -> None:
    made = session("await aici.FixedTokens([1, 2], special=False)")
    assert made.go() == rq.Append((1, 2), None, False)


def test_log_level_tells_what_came(session: Callable[..., Session]) -> None:
    made = session("aici.log_level = 1\nawait aici.FixedTokens('a')\nawait aici.gen_tokens(max_tokens=0)")
    made.go()
    made.go([97, 10])
    assert made.go(rq.Generated([98], b"b'")) == Finished()
    assert made.host.logged == "FIXED 'a\\n'\nGEN: \"b'\"\n"


def test_the_same_module_under_both_names(process_of: Callable[..., Process]) -> None:
    made = Session(
        process_of("import pyaici.server as a\nimport aici as b\na.log_level = 3\nprint(a is b, b.log_level)")
    )
    assert made.go() == Finished()
    assert made.host.logged == "True 3\n"


@pytest.mark.parametrize("start", ["aici.start(main)", "aici.start(main())", "aici.test(main)"])
def test_start_takes_coroutines_and_functions(session: Callable[..., Session], start: str) -> None:
    made = session("print('ran')", start)
    assert made.go() == Finished()
    assert made.host.logged == ("ran\nTEST OK\n" if "test" in start else "ran\n")


def test_constrained_tokens_advance_their_constraint(session: Callable[..., Session]) -> None:
    made = session(
        """
c = aici.RegexConstraint("ab")
t = aici.ConstrainedToken(lambda: c)
print(await t, t.finished, c.eos_allowed(), c.token_allowed(98), c.token_allowed(97))
print(await t, t.finished, c.eos_forced())
print(await t, t.finished)
ts = aici.TokenSet()
ts[5] = True
print(await aici.ConstrainedToken(lambda: ts))
print(await aici.ConstrainedToken(lambda: aici.Constraint()))
"""
    )
    spec = ConstraintSpec("regex", ("ab",))
    assert made.go() == rq.Sample(spec, 0)
    assert made.go(rq.Sampled([97], False)) == rq.Sample(spec, 1)
    assert made.go(rq.Sampled([98], False)) == rq.Sample(spec, 2)
    allowed = bytes([1 << 5]) + bytes(37)
    assert made.go(rq.Sampled([], True)) == rq.Sample(allowed=allowed)
    assert made.go(rq.Sampled([5], False)) == rq.Sample()
    assert made.go(rq.Sampled([6], False)) == Finished()
    assert made.host.logged == "[97] False False True False\n[98] False True\n[] True\n[5]\n[6]\n"


def test_token_sets(session: Callable[..., Session]) -> None:
    made = session(
        """
ts = aici.all_tokens()
print(len(ts), ts.num_set(), ts[300])
ts[300] = False
print(ts.num_set(), ts[300])
ts.set_all(False)
ts[3] = True
print(ts, ts.num_set())
aici.RegexConstraint("a").allow_tokens(ts)
print(ts)
aici.Constraint().allow_tokens(ts)
print(ts.num_set(), repr(aici.TokenSet()))
try:
    ts[301]
except IndexError as error:
    print(error)
"""
    )
    assert made.go() == Finished()
    assert made.host.logged.splitlines() == [
        f"{VOCABULARY} {VOCABULARY} True",
        f"{VOCABULARY - 1} False",
        f"<TokenSet 1 of {VOCABULARY}: 3> 1",
        f"<TokenSet 1 of {VOCABULARY}: 97>",
        f"{VOCABULARY} <TokenSet 0 of {VOCABULARY}>",
        "token outside the vocabulary",
    ]


def test_variables(session: Callable[..., Session]) -> None:
    made = session(
        """
aici.set_var("a", "é")
aici.append_var("a", b"\\xff")
aici.append_var("b", "x")
print(aici.get_var("a"), aici.get_var("c"))
aici.check_vars({"a": b"\\xc3\\xa9\\xff", "b": "x"})
aici.check_var("b", "y")
"""
    )
    outcome = made.go()
    assert isinstance(outcome, Failed) and outcome.kind == "AssertionError"
    assert outcome.message == "variable 'b' should be b'y', but it is b'x'"
    assert made.host.logged == "b'\\xc3\\xa9\\xff' None\n"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("aici.tokenize('<|x|>'), aici.tokenize('<|x|>', special=False)", "[300] [60, 124, 120, 124, 62]"),
        ("aici.detokenize([104, 300, 105])", "b'hi'"),
        ("aici.token_repr(65), aici.tokens_repr([65, 66])", "'A' ['A', 'B']"),
        ("aici.eos_token(), aici.get_prompt_len(), aici.self_seq_id()", "299 6 7"),
        ("aici.fork_supported(), aici.backtrack_supported(), aici.get_config('x')", "True False 0"),
        ("aici.get_tokens() == aici.tokenize(b'prompt')", "True"),
        ("aici.Label().tokens_since(), [aici.Label().text_since()]", "[] ['']"),
        ("aici.RegexConstraint('a+'), aici.ChooseConstraint(['a']), aici.Constraint()", ""),
        (
            "aici.gen_text(regex='a', options=['a'])",
            "ValueError: gen_text() takes one of regex, options, substring and constraint",
        ),
        ("aici.gen_text(regex=str('('))", "ValueError: missing )"),
        ("aici.gen_text(regex=5)", "TypeError: regex must be str or bytes, not int"),
        ("aici.gen_text(options=list())", "ValueError: options must not be empty"),
        ("aici.gen_text(options='ab')", "TypeError: options must be a list of texts, not str"),
        ("aici.gen_text(options=['a', 1])", "TypeError: an option must be str or bytes, not int"),
        ("aici.gen_text(stop_at='')", "ValueError: stop_at must not be empty"),
        ("aici.gen_text(stop_at=[])", "ValueError: stop_at must not be empty"),
        ("aici.gen_text(stop_at=['a', b''])", "ValueError: stop_at must not be empty"),
        ("aici.gen_text(stop_at=5)", "TypeError: stop_at must be str or bytes, not int"),
        ("aici.gen_text(stop_at=['a', 5])", "TypeError: a stop text must be str or bytes, not int"),
        ("aici.gen_text(max_tokens=-1)", "ValueError: max_tokens must be at least 0"),
        ("aici.gen_text(max_tokens=True)", "TypeError: max_tokens must be an int, not bool"),
        ("aici.gen_text(max_tokens='5')", "TypeError: max_tokens must be an int, not str"),
        ("aici.gen_text(store_var=b'x')", "TypeError: store_var must be str, not bytes"),
        ("aici.gen_text(yacc='x')", "NotImplementedError: gen_text(yacc=...) comes with a later version"),
        (
            "aici.gen_tokens(regex='x', substring='x')",
            "ValueError: gen_tokens() takes one of regex, options, substring and constraint",
        ),
        ("aici.gen_tokens(constraint='x')", "TypeError: expected a constraint, not str"),
        ("aici.SubStrConstraint('a b', '.')", "SubStrConstraint('a b', '.')"),
        ("aici.fork(0)", "ValueError: the number of branches must be at least 1"),
        ("aici.fork(True)", "TypeError: the number of branches must be an int, not bool"),
        (
            "aici.fork([1])",
            "NotImplementedError: fork([Branch(...), ...]) comes with a later version; until then, write fork(n)",
        ),
        ("aici.CfgConstraint('x')", "NotImplementedError: aici.CfgConstraint comes with a later version"),
        ("aici.wait_vars(1)", "TypeError: the name of a variable must be str, not int"),
        ("aici.FixedTokens(5)", "TypeError: text must be str or bytes, not int"),
        ("aici.FixedTokens([301])", "ValueError: token outside the vocabulary"),
        ("aici.FixedTokens([True])", "TypeError: a token is an int, not bool"),
        ("aici.FixedTokens('a', 5)", "TypeError: following must be a Label, not int"),
        ("aici.detokenize('a')", "TypeError: tokens must be a list of tokens, not str"),
        ("aici.set_var('a', 1)", "TypeError: value must be str or bytes, not int"),
        ("aici.ConstrainedToken(1)", "TypeError: ConstrainedToken takes a function that returns a constraint, not int"),
        ("aici.check_var('z', 'x')", "AssertionError: variable 'z' should be b'x', but it is not set"),
        ("aici.RegexConstraint('a').append_token(98)", "ValueError: not allowed"),
    ],
)
def test_calls(session: Callable[..., Session], expression: str, expected: str) -> None:
    expected = expected or "RegexConstraint('a+') ChooseConstraint(['a']) Constraint()"
    assert printed(session, expression) == expected


def test_branches_come_later(session: Callable[..., Session]) -> None:
    told = printed(session, "aici.fork([1])")
    assert told == "NotImplementedError: fork([Branch(...), ...]) comes with a later version; until then, write fork(n)"


def test_a_constraint_must_come_of_the_function(session: Callable[..., Session]) -> None:
    outcome = session("await aici.ConstrainedToken(lambda: 5)").go()
    assert isinstance(outcome, Failed)
    assert outcome.message == "the function given to ConstrainedToken must return a constraint, not int"


# --- the face for editors ---

TABLE = {name: value for name, value in MODULES["aici"].items() if name not in LATER}


def parameters(function: Any) -> list[tuple[str, Any]]:
    """Names and kinds, `self` and the context left out."""
    found = list(inspect.signature(function).parameters.values())
    return [(p.name, p.kind) for p in found if p.name not in ("self", "ctx")]


def test_same_names() -> None:
    assert sorted(aici.__all__) == sorted(TABLE)
    public = {name for name, value in vars(aici).items() if inspect.isfunction(value) and not name.startswith("_")}
    assert public <= set(aici.__all__)


@pytest.mark.parametrize("name", [name for name in aici.__all__ if name != "log_level"])
def test_same_signatures(name: str) -> None:
    ours, theirs = TABLE[name], getattr(aici, name)
    assert theirs.__doc__
    if isinstance(ours, Native):
        assert parameters(ours.call) == parameters(theirs)
        mine = [p.default for p in inspect.signature(ours.call).parameters.values()][1:]
        assert mine == [p.default for p in inspect.signature(theirs).parameters.values()]
        return
    assert isinstance(ours, TypeValue) and ours.constructor is not None
    assert parameters(ours.constructor.call) == parameters(theirs.__init__)
    methods = {name for name in vars(theirs) if inspect.isfunction(vars(theirs)[name])} - {"__init__", "__await__"}
    assert methods == {name for name in ours.methods if name != "__repr__"}
    for method in methods:
        assert parameters(ours.methods[method].call) == parameters(getattr(theirs, method))
    assert (ours.awaiting is not None) == hasattr(theirs, "__await__")


def test_functions_say_where_they_run() -> None:
    with pytest.raises(aici.NotRunning, match="aicic run"):
        aici.get_tokens()
    with pytest.raises(RuntimeError):
        aici.Label()


def test_under_plain_python(tmp_path: Path) -> None:
    file = tmp_path / "ctrl.py"
    file.write_text("import aici\nasync def main():\n    await aici.fork(2)\naici.start(main())\n")
    command = [sys.executable, "-W", "error", "ctrl.py"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr == "ctrl.py: a controller for a language model; run it with: aicic run ctrl.py\n"


def test_imports_nothing_heavy() -> None:
    code = "import sys, aici; sys.exit(bool({'numpy', 'lark', 're2', 'rich', 'click', 'aici.vm'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
