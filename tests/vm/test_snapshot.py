"""Snapshots: a process that goes on from one does what it would have done, here or in another Python process; bytes
that are no snapshot of ours are refused, each for its own reason."""

from __future__ import annotations

import ast
import contextlib
import hmac
import importlib.util
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aici.compiler import compile_source
from aici.diagnostics import DiagnosticError, SourceFile
from aici.vm import snapshot as snapshots
from aici.vm import state
from aici.vm.encode import encode
from aici.vm.limits import Limits
from aici.vm.machine import run
from aici.vm.names import shared
from aici.vm.process import Process
from aici.vm.program import Program
from aici.vm.requests import (
    Append,
    Failed,
    Finished,
    Fork,
    Generate,
    Generated,
    GetPrompt,
    Outcome,
    Sample,
    Sampled,
    Services,
    WaitVars,
)
from aici.vm.snapshot import restore, snapshot

KEY = b"a key of the tests"

EVERYTHING = """\
import aici
import json, math, re

shared = [1, 1 << 70, -5, 1000, 1.5, -0.0, float("nan"), float("inf"), "é", b"\\x00\\xff", chr(0xd800)]
again = {"a": shared, "b": [shared], (1, ("t", 2.5)): {3, frozenset([4, (5,)])}, len: str.upper}
again[ValueError] = range(9, 0, -2)
again["self"] = again

def counter(start, *, step=1):
    n = start
    def inc():
        nonlocal n
        n += step
        return n
    return inc

def boxed(i):
    return [i]

tick = counter(10, step=2)
gen = (boxed(i) for i in range(4) if i != 1)
views = again.keys(), {1: 2}.items()
iterators = [iter(shared), zip([1, 2, 3], "abc"), enumerate("xyz", 5), map(str, [1, 2]), reversed([1, 2, 3]), gen,
             filter(None, [0, 1, 2]), iter({1: 2, 3: 4}.items()), iter([7].copy, [8]), re.finditer("a.", "abacad")]
cut = slice(1, None, 2)
bound = shared.append
pattern = re.compile("(a)(b)?")
found = pattern.search("xab")

def look():
    for it in iterators:
        print(next(it, "end"))
    bound(tick())
    print(shared[cut], views, found.groups(), math.pi, sorted([3, 1]), again["b"][0] is shared, again["self"] is again)

async def unstarted(x):
    print("started", x)
    return await aici.wait_vars("v")

async def risky(depth):
    label = aici.Label()
    try:
        if depth:
            return await risky(depth - 1)
        raise KeyError("deep", shared)
    except KeyError as e:
        try:
            await aici.FixedTokens("while handling", label)
            raise ValueError("again") from e
        finally:
            print(await aici.gen_text(regex="[a-z]+", store_var="v", max_tokens=3))

async def main():
    later = unstarted(len(await aici.GetPrompt()))
    look()
    tokens = aici.TokenSet()
    tokens[7] = True
    constraint = aici.RegexConstraint("a+")
    step = aici.ConstrainedToken(lambda: constraint)
    print(await step, step.finished, tokens)
    try:
        await risky(2)
    except ValueError as e:
        print(repr(e), repr(e.__cause__), e.__cause__.args[1] is shared, repr(e.__context__))
        look()
        await aici.Noop()
    me = await aici.fork(2)
    aici.log_level = me
    for i in [1, 2, 3]:
        for j in "ab":
            await aici.Noop()
            print(i, j, end=" ")
    print(await later, await aici.wait_vars())
    look()
    {}["no such key"]

aici.start(main())
"""


def replied(outcome: Outcome) -> object:
    """The reply to a request; None ends the run."""
    match outcome:
        case GetPrompt():
            return [1, 2, 3]
        case Append(text):
            return list(text)
        case Generate():
            return Generated([104, 105], b"hi")
        case Sample():
            return Sampled([97], False)
        case Fork(n):
            return n - 1
        case WaitVars(names):
            return [name.encode() for name in names]
    return None


Step = tuple[Outcome, int, int, int]


def steps(process: Process, host: Services, through: bytes | None = None, most: int = 200) -> list[Step]:
    """Outcome, fuel, memory and output after each stretch of a run; at every request through a snapshot if there is a
    key. Runs are cut after `most` requests."""
    taken: list[Step] = []
    reply: object = None
    while len(taken) < most:
        outcome = run(process, host, reply)
        taken.append((outcome, process.fuel, process.memory, process.output))
        if isinstance(outcome, Finished | Failed):
            break
        if through is not None:
            process = restore(process.program, snapshot(process, through), through)
        reply = replied(outcome)
    return taken


def program_of(text: str) -> Program:
    return compile_source(SourceFile("test.py", text))


@pytest.fixture
def waiting(host: Services) -> Process:
    process = Process(program_of(EVERYTHING))
    assert isinstance(run(process, host), GetPrompt)
    assert isinstance(run(process, host, [1, 2, 3]), Sample)
    return process


# --- a snapshot at any request = no snapshot ---


def check_same(program: Program, host_type: type[Any], limits: Limits | None = None) -> int:
    """Both runs go the same way; how many requests they made."""
    plain, stored = host_type(), host_type()
    expected = steps(Process(program, limits), plain)
    assert steps(Process(program, limits), stored, KEY) == expected
    assert stored.output == plain.output
    assert stored.variables == plain.variables
    return len(expected) - 1


def test_everything_goes_on_as_it_would_have(host: Services) -> None:
    assert check_same(program_of(EVERYTHING), type(host)) == 13
    process = Process(program_of(EVERYTHING))
    *_, (last, *_rest) = steps(process, host)
    assert isinstance(last, Failed)
    assert last.kind == "KeyError"
    assert "no such key" in last.traceback


def test_a_snapshot_of_what_was_restored_is_the_same(waiting: Process) -> None:
    data = snapshot(waiting, KEY)
    assert snapshot(restore(waiting.program, data, KEY), KEY) == data


def test_small_states_are_small(waiting: Process, host: Services) -> None:
    process = Process(
        program_of("import aici\nasync def main():\n    n = 'x'\n    await aici.Noop()\naici.start(main)")
    )
    run(process, host)
    assert len(snapshot(process, KEY)) < 250
    assert len(snapshot(waiting, KEY)) < 1500


def test_not_begun_and_over(host: Services) -> None:
    process = Process(program_of("print('hello')"), Limits(fuel=12345))
    begun = restore(process.program, snapshot(process, KEY), KEY)
    assert begun.limits == Limits(fuel=12345)
    assert run(begun, host) == Finished()
    over = restore(process.program, snapshot(begun, KEY), KEY)
    assert run(over, host) == Finished()


def test_deep_data(host: Services) -> None:
    lines = ["a = []", "t = ()", "for i in range(20_000):", "    a = [a]", "    t = (t, a)"]
    text = "\n".join(["import aici", *lines, "async def main():", "    await aici.Noop()", "aici.start(main)"])
    assert check_same(program_of(text), type(host)) == 1


def test_recounts_see_the_same_values(host: Services) -> None:
    """Counting what is alive costs fuel by the number of values: identity has to be kept even of numbers."""
    text = """
import aici
async def main():
    n = 1 << 40
    many = [n] * 500 + list(range(0, 500_000, 1000)) + list(map(str, range(1000))) + [float("nan")] * 3
    many += [many[-5]] * 50
    for i in range(5):
        await aici.Noop()
        waste = list(zip(many, many))
        print(many[0] is many[1], many[-1] is many[-2], len(waste))
aici.start(main)
"""
    assert check_same(program_of(text), type(host), Limits(memory=900_000)) == 5


def test_code_that_has_become_hot(host: Services) -> None:
    """What runs often is lowered to functions of CPython; where it waits, its state is in frames all the same."""
    text = """
import aici
def digits(n):
    total = 0
    while n:
        total += n % 10
        n //= 10
    return total
async def work(n):
    seen = {}
    for i in range(n):
        seen[i % 7] = seen.get(i % 7, 0) + digits(i)
        if i % 150 == 0:
            try:
                await aici.FixedTokens(str(i))
                seen[i] = 1 // (i % 300)
            except ZeroDivisionError as e:
                seen[str(e)] = [await aici.Noop() for _ in range(2)]
    return seen
async def main():
    for n in [800, 900]:
        print(await work(n))
aici.start(main)
"""
    assert check_same(program_of(text), type(host)) == 24


def awaiting_everywhere(source: str) -> str:
    """The program with a request after each statement of its async functions."""

    class Awaiting(ast.NodeTransformer):
        inside = False

        def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
            return self.function(node, False)

        def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
            return self.function(node, True)

        def function(self, node: ast.AST, inside: bool) -> ast.AST:
            outer, self.inside = self.inside, inside
            visited = self.generic_visit(node)
            self.inside = outer
            return visited

        def generic_visit(self, node: ast.AST) -> ast.AST:
            super().generic_visit(node)
            for name in ("body", "orelse", "finalbody"):
                block = getattr(node, name, None)
                if self.inside and isinstance(block, list):
                    setattr(node, name, [part for statement in block for part in self.around(statement)])
            return node

        def around(self, statement: ast.stmt) -> list[ast.stmt]:
            declares = isinstance(statement, ast.Global | ast.Nonlocal)
            return [statement] if declares else [ast.parse("await aici.Noop()").body[0], statement]

    tree = ast.fix_missing_locations(Awaiting().visit(ast.parse(source)))
    return f"import aici\n{ast.unparse(tree)}\naici.start(main())\n"


def random_program(random: Random) -> str:
    """What the compiler's differential test makes, with many requests."""
    path = Path(__file__).parents[1] / "compiler" / "test_differential.py"
    name = "differential_programs"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    while "async def main()" not in (source := sys.modules[name].make_program(random)):
        pass
    return awaiting_everywhere(source)


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(random=st.randoms(use_true_random=False))
def test_random_programs_go_on_as_they_would_have(host: Services, random: Random) -> None:
    try:
        program = program_of(random_program(random))
    except DiagnosticError:
        return
    check_same(program, type(host))


def test_in_another_python_process(waiting: Process, host: Services, tmp_path: Path) -> None:
    """The rest of the run, printed by a new interpreter that has only the bytecode, the snapshot and the key."""
    (tmp_path / "program.aic").write_bytes(encode(waiting.program))
    (tmp_path / "state").write_bytes(snapshot(waiting, KEY))
    script = f"""
import importlib.util, sys
for name, path in (("conftest", {str(Path(__file__).parent / "conftest.py")!r}), ("tests", {__file__!r})):
    spec = importlib.util.spec_from_file_location(name, path)
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
from aici.vm.verify import load
host = sys.modules["conftest"].Host()
program = load(open("program.aic", "rb").read())
process = module.restore(program, open("state", "rb").read(), module.KEY)
print(module.rest(process, host))
"""
    command = [sys.executable, "-X", "utf8", "-c", script]
    other = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, encoding="utf-8")
    assert other.returncode == 0, other.stderr
    fresh: Any = type(host)()
    assert other.stdout == rest(waiting, fresh) + "\n"


def rest(process: Process, host: Any) -> str:
    """All that comes after the token that `waiting` waits for."""
    run(process, host, Sampled([97], False))
    return ascii((steps(process, host), host.output))


# --- refusals ---


def test_refusals(waiting: Process) -> None:
    program, data = waiting.program, snapshot(waiting, KEY)
    other = program_of(EVERYTHING + "\n")
    with pytest.raises(snapshots.WrongKey):
        restore(program, data, b"another key of the tests")
    with pytest.raises(snapshots.ForeignProgram):
        restore(other, data, KEY)
    with pytest.raises(snapshots.WrongSnapshotVersion):
        restore(program, data[:4] + b"\xff" + data[5:], KEY)
    with pytest.raises(snapshots.NotSnapshot):
        restore(program, encode(program), KEY)
    with pytest.raises(snapshots.NotSnapshot):
        restore(program, b"", KEY)
    for cut in (2, 20, len(data) // 2, len(data) - 1):
        with pytest.raises(snapshots.TruncatedSnapshot):
            restore(program, data[:cut], KEY)
    with pytest.raises(snapshots.TruncatedSnapshot):
        restore(program, data + b"\0", KEY)
    with pytest.raises(ValueError, match="at least 16"):
        snapshot(waiting, b"short")
    assert snapshot(restore(program, data, KEY), KEY) == data


@settings(max_examples=200, suppress_health_check=list(HealthCheck))
@given(place=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_no_change_goes_unseen(waiting: Process, place: int, flip: int) -> None:
    data = bytearray(snapshot(waiting, KEY))
    data[place % len(data)] ^= flip
    with pytest.raises(snapshots.SnapshotError):
        restore(waiting.program, bytes(data), KEY)


def test_what_is_too_large_is_refused(waiting: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    data = snapshot(waiting, KEY)
    monkeypatch.setattr(state, "MAX_OBJECTS", 20)
    with pytest.raises(snapshots.SnapshotTooLarge):
        snapshot(waiting, KEY)
    with pytest.raises(snapshots.CorruptSnapshot, match="more than 20"):
        restore(waiting.program, data, KEY)


@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_state_under_the_right_key(waiting: Process, host: Services, data: st.DataObject) -> None:
    """What is sealed but damaged is refused or is a process: one that runs to some outcome."""
    program = waiting.program
    body = bytearray(state.write(waiting, shared(program)) or b"")
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body) - 1))
        length = data.draw(st.sampled_from([0, 1, 1, 1, 2, 5]))
        body[at : at + length] = data.draw(st.binary(min_size=0, max_size=3))
    try:
        process = state.read(program, shared(program), bytes(body))
    except state.Damage:
        return
    limited = Limits(fuel=min(process.fuel, 10_000), step_fuel=10_000, memory=1 << 20)
    process.limits, process.fuel = limited, min(process.fuel, 10_000)
    again = restore(program, snapshot(process, KEY), KEY)
    assert snapshot(again, KEY) == snapshot(process, KEY)
    steps(process, host, most=20)


def test_compressed_states(host: Services) -> None:
    text = (
        "import aici\ndata = [str(i) for i in range(2000)]\nasync def main():\n    await aici.Noop()\naici.start(main)"
    )
    process = Process(program_of(text))
    run(process, host)
    body = state.write(process, shared(process.program))
    data = snapshot(process, KEY)
    assert body is not None
    assert len(data) < len(body)
    assert restore(process.program, data, KEY).globals["data"] == [str(i) for i in range(2000)]
    for size in (len(body) - 1, len(body) + 1, snapshots.MAX_STATE + 1, 1):
        head = bytearray(data[:-32])
        head[12:16] = size.to_bytes(4, "little")
        sealed = bytes(head) + hmac.digest(KEY, bytes(head), "sha256")
        with pytest.raises(snapshots.CorruptSnapshot):
            restore(process.program, sealed, KEY)


@given(body=st.binary(max_size=60))
def test_any_bytes_under_the_right_key(body: bytes) -> None:
    program = program_of("1")
    with contextlib.suppress(state.Damage):
        state.read(program, shared(program), body)


def test_keys_are_bounded(host: Services) -> None:
    """Python's hash of a tuple in a tuple in a tuple ... would end the interpreter."""
    process = Process(program_of("import aici\nasync def main():\n    await aici.Noop()\naici.start(main)"))
    run(process, host)
    deep: Any = ()
    for _ in range(10_000):
        deep = (deep, 0.5)
    process.globals["deep"] = deep
    process.globals["deep"] = {(): deep}
    assert type(restore(process.program, snapshot(process, KEY), KEY).globals["deep"]) is dict
    writer = state._StateWriter(shared(process.program))
    writer.uint(1)
    writer.value(deep)
    writer.value(None)
    reader = state._StateReader(process.program, shared(process.program), bytes(writer.data))
    with pytest.raises(state.Damage, match="too deep"):
        reader.dict_({})
