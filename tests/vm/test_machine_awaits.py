"""Requests and replies: what suspends a process, what a reply becomes, what a refusal does."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from aici.vm.limits import Limits
from aici.vm.machine import resume_error, run
from aici.vm.process import Process
from aici.vm.requests import (
    Append,
    ConstraintSpec,
    Failed,
    Finished,
    Fork,
    Generate,
    Generated,
    GetPrompt,
    Noop,
    Outcome,
    ServiceError,
    Services,
    Stop,
    WaitVars,
)

Compile = Callable[..., Process]

REPLIES: dict[type, Callable[..., object]] = {
    GetPrompt: lambda request: [1, 2, 3],
    Append: lambda request: list(request.text),
    Generate: lambda request: Generated([104, 105], b"hi"),
    Fork: lambda request: request.n - 1,
    WaitVars: lambda request: [name.encode() for name in request.names],
    Noop: lambda request: None,
}


def drive(process: Process, host: Services) -> list[Outcome]:
    """All outcomes of a process whose requests get the replies above."""
    outcomes = [run(process, host)]
    while type(outcomes[-1]) in REPLIES:
        outcomes.append(run(process, host, REPLIES[type(outcomes[-1])](outcomes[-1])))
    return outcomes


SEED = """\
import aici

async def sample():
    prompt = await aici.GetPrompt()
    print(len(prompt))
    tokens = await aici.FixedTokens("hello")
    print(tokens)
    print(await aici.gen_text(regex="[a-z]+", max_tokens=5))
    print(await aici.fork(3), await aici.wait_vars("a", "b"))
    print(await inner(2))

async def inner(depth):
    if depth:
        return 1 + await inner(depth - 1)
    await aici.Noop()
    return 0

aici.start(sample())
"""


def test_requests_in_order(process_of: Compile, host: Services) -> None:
    assert drive(process_of(SEED), host) == [
        GetPrompt(),
        Append(b"hello"),
        Generate(ConstraintSpec("regex", ("[a-z]+",)), 5, None, None),
        Fork(3),
        WaitVars(("a", "b")),
        Noop(),
        Finished(),
    ]
    assert host.output == "3\n[104, 101, 108, 108, 111]\nhi\n2 [b'a', b'b']\n2\n"


@pytest.mark.parametrize("main", ["main()", "main", "aici.Noop()"])
def test_what_can_be_started(process_of: Compile, host: Services, main: str) -> None:
    process = process_of(f"import aici\nasync def main():\n    await aici.Noop()\naici.start({main})")
    assert drive(process, host) == [Noop(), Finished()]


def test_nothing_started(process_of: Compile, host: Services) -> None:
    process = process_of("async def main(): pass\nx = main()")
    assert run(process, host) == Finished()
    assert run(process, host) == Finished(), "an ended process stays ended"


def test_test_says_that_it_went_well(process_of: Compile, host: Services) -> None:
    process = process_of("import aici\nasync def main():\n    await aici.Noop()\naici.test(main())")
    assert drive(process, host) == [Noop(), Finished()]
    assert host.output == "TEST OK\n"


def test_stop(process_of: Compile, host: Services) -> None:
    process = process_of("import aici\nasync def main():\n    await aici.StopToken()\naici.start(main)")
    assert run(process, host) == Stop()


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        ("aici.start(5)", "TypeError", "a coroutine or an async function was expected, got 'int'"),
        ("aici.start(print)", "TypeError", "builtin_function_or_method"),
        ("aici.start(lambda: 0)", "TypeError", "function"),
        ("async def f(): pass\naici.start(f)\naici.start(f)", "RuntimeError", "started already"),
        ("async def f(x): pass\naici.start(f)", "TypeError", "f() missing 1 required positional argument: 'x'"),
        ("async def f():\n    await 5\naici.start(f)", "TypeError", "object int can't be used in 'await' expression"),
        ("async def f():\n    await f\naici.start(f)", "TypeError", "object function can't be used"),
        (
            "async def g(): pass\nasync def f():\n    c = g()\n    await c\n    await c\naici.start(f)",
            "RuntimeError",
            "cannot reuse already awaited coroutine",
        ),
        (
            "box = []\nasync def f():\n    await box[0]\nbox.append(f())\naici.start(box[0])",
            "RuntimeError",
            "coroutine is being awaited already",
        ),
        ("async def f():\n    raise StopIteration(1)\naici.start(f)", "RuntimeError", "coroutine raised StopIteration"),
        ("async def f():\n    f.x\naici.start(f)", "AttributeError", "'function' object has no attribute 'x'"),
    ],
)
def test_wrong_awaits(process_of: Compile, host: Services, source: str, kind: str, message: str) -> None:
    outcome = run(process_of("import aici\n" + source), host)
    assert isinstance(outcome, Failed)
    assert outcome.kind == kind
    assert message in outcome.message


def test_refused_request_is_an_exception_at_the_await(process_of: Compile, host: Services) -> None:
    process = process_of(
        "import aici\nasync def f():\n    try:\n        await aici.Noop()\n    except TimeoutError as e:\n"
        "        print(repr(e))\n    await aici.Noop()\naici.start(f)"
    )
    assert run(process, host) == Noop()
    assert resume_error(process, host, "TimeoutError", "too late") == Noop()
    assert host.output == "TimeoutError('too late')\n"
    outcome = resume_error(process, host, "RuntimeError", "again")
    assert isinstance(outcome, Failed)
    assert outcome.traceback == (
        'Traceback (most recent call last):\n  File "test.py", line 7, in f\n    await aici.Noop()\nRuntimeError: again'
    )


def test_await_inside_try_finally(process_of: Compile, host: Services) -> None:
    process = process_of(
        "import aici\nasync def f():\n    try:\n        raise ValueError(1)\n    except ValueError as e:\n"
        "        await aici.Noop()\n        try:\n            raise\n        finally:\n            await aici.Noop()\n"
        "            print('finally')\naici.start(f)"
    )
    outcomes = drive(process, host)
    assert outcomes[:2] == [Noop(), Noop()]
    assert isinstance(outcomes[2], Failed) and outcomes[2].kind == "ValueError"
    assert host.output == "finally\n"


def test_step_fuel_is_per_request_and_fuel_in_all(process_of: Compile, host: Services) -> None:
    source = (
        "import aici\nasync def f():\n    while True:\n        for i in range(2000): pass\n"
        "        await aici.Noop()\naici.start(f)"
    )
    outcomes = drive(process_of(source, limits=Limits(fuel=10_000, step_fuel=3_000)), host)
    assert 4 <= len(outcomes) <= 6
    last = outcomes[-1]
    assert isinstance(last, Failed) and last.kind == "FuelExhausted" and "10000" in last.message
    outcome = drive(process_of(source, limits=Limits(fuel=10_000, step_fuel=900)), host)[-1]
    assert isinstance(outcome, Failed) and "900 units of work between two requests" in outcome.message


def test_services_that_refuse(process_of: Compile, host: Services) -> None:
    def refuse(text: bytes, special: bool) -> Iterable[int]:
        raise ServiceError("no such token")

    host.tokenize = refuse
    outcome = run(process_of("import aici\ntry:\n    aici.tokenize('x')\nexcept ValueError as e:\n    print(e)"), host)
    assert outcome == Finished()
    assert host.output == "no such token\n"


def test_a_mistake_of_ours_is_contained(process_of: Compile, host: Services) -> None:
    def broken(text: str) -> None:
        raise AttributeError("our mistake")

    host.log = broken
    outcome = run(process_of("x = 1\nprint(x)"), host)
    assert isinstance(outcome, Failed)
    assert (outcome.kind, outcome.message) == ("InternalError", "AttributeError: our mistake")
    assert 'File "test.py", line 2, in <module>' in outcome.traceback


def test_requests_are_work_for_the_host_and_cost_fuel(process_of: Callable[..., Process], host: Services) -> None:
    text = "import aici\nasync def f():\n    while True:\n        await aici.Noop()\naici.start(f)"
    *requests, last = drive(process_of(text, "test.py", Limits(fuel=10_000)), host)
    assert isinstance(last, Failed) and last.kind == "FuelExhausted"
    assert 10 < len(requests) <= 100
