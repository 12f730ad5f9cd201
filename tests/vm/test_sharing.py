"""Branches of a fork share values until one of them writes there: nobody can tell that they do.

Programs are run as trees: at requests they are forked, and the branches go on in any order. Each must do what a process
does that gets the same replies alone, to the last unit of fuel and memory, and hold the same state, byte by byte.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aici.compiler import compile_source
from aici.diagnostics import DiagnosticError, SourceFile
from aici.vm import careful, fork, frame, sharing, state
from aici.vm.fork import forks
from aici.vm.inspect import calls
from aici.vm.isa import Op
from aici.vm.limits import Limits
from aici.vm.machine import resume_error, run
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
    Noop,
    Outcome,
    Sample,
    Sampled,
    WaitVars,
)
from aici.vm.sharing import Group
from aici.vm.snapshot import snapshot
from aici.vm.values import Cell

KEY = b"a key of the tests"
HERE = Path(__file__).parent


def module(name: str, path: Path) -> ModuleType:
    """Another file of tests."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec and spec.loader
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


OTHERS = module("tests_of_snapshots", HERE / "test_snapshot.py")
MAKER = module("generator_of_programs", HERE.parent / "compiler" / "test_differential.py")


@pytest.fixture(autouse=True)
def share_small_heaps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fork, "SHARED_FROM", 0)


@pytest.fixture(params=("a few values are copied", "all values but variables are shared"))
def greedy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether values that nobody else refers to are shared, too."""
    if request.param.startswith("all"):
        monkeypatch.setattr(sharing, "_ALONE", frozenset({Cell}))
    return bool(request.param.startswith("all"))


# --- trees of branches ---


@dataclass
class Branch:
    """A process, and how it came to be where it is."""

    process: Process
    host: Any
    outcome: Outcome
    replies: list[Any] = field(default_factory=list)

    def copy(self, process: Process) -> Branch:
        host = type(self.host)(self.host.printed.copy(), self.host.variables.copy())
        return Branch(process, host, self.outcome, self.replies.copy())

    def go_on(self, reply: Any) -> None:
        self.replies.append(reply)
        self.outcome = resumed(self.process, self.host, reply)

    @property
    def waits(self) -> bool:
        return not isinstance(self.outcome, (Finished, Failed))

    def seen(self) -> Any:
        """All that can be told about it."""
        process = self.process
        return (
            *(self.outcome, self.host.output, self.host.variables),
            *(process.fuel, process.memory, process.output, process.stage),
            snapshot(process, KEY) if self.waits else b"",
        )


REFUSED = "refused"


def resumed(process: Process, host: Any, reply: Any) -> Outcome:
    if reply is REFUSED:
        return resume_error(process, host, "RuntimeError", "not today")
    return run(process, host, reply)


def reply_to(outcome: Outcome, random: Random) -> Any:
    number = random.randrange(4)
    if random.randrange(12) == 0:
        return REFUSED
    match outcome:
        case GetPrompt():
            return [1, random.randrange(len(WORLD.ACTIONS)), number]
        case Append(text):
            return list(text)
        case Generate():
            return Generated([97 + number], bytes([97 + number]))
        case Sample():
            return Sampled([97 + number], number == 3)
        case Fork():
            return number
        case WaitVars(names):
            return [name.encode() for name in names]
    return None


def fingerprint(group: Group, program: Program) -> bytes:
    """All that a group shares."""
    process = Process(program)
    process.globals = {"roots": group.roots}
    data = state.write(process, shared(program))
    assert data is not None
    return data


def grow(program: Program, host: Any, random: Random, lowered: bool, most: int, limits: Limits | None) -> list[Branch]:
    """Branches, each of which went on by itself, `most` steps in all."""
    process = Process(program, limits, lowered)
    branches = [Branch(process, host, run(process, host))]
    groups: list[tuple[Group, bytes]] = []
    for _ in range(most):
        waiting = [branch for branch in branches if branch.waits]
        if not waiting:
            break
        branch = random.choice(waiting)
        if len(branches) < 12 and random.random() < 0.4:
            twins = [branch.copy(twin) for twin in forks(branch.process, random.randint(1, 3))]
            branches += twins
            share = branch.process.share
            if share is not None:
                assert all(twin.process.share is not None for twin in twins)
                groups.append((share.group, fingerprint(share.group, program)))
            del twins, share
        branch.go_on(reply_to(branch.outcome, random))
        if len(branches) > 3 and random.random() < 0.1:
            branches.remove(branch)
        if random.random() < 0.05:
            calls(random.choice(branches).process, host)
        del branch, waiting
        groups = [(group, before) for group, before in groups if len(group.members) > 1]
        for group, before in groups:
            assert fingerprint(group, program) == before
    return branches


def alone(program: Program, host: Any, replies: list[Any], lowered: bool, limits: Limits | None) -> Branch:
    process = Process(program, limits, lowered)
    branch = Branch(process, host, run(process, host))
    for reply in replies:
        branch.go_on(reply)
    return branch


def check(source: str, host: Any, random: Random, lowered: bool = False, most: int = 30, limits: Any = None) -> None:
    """Every branch of a tree is as if it had been alone."""
    program = compile_source(SourceFile("test.py", source))
    for branch in grow(program, type(host)(), random, lowered, most, limits):
        assert branch.seen() == alone(program, type(host)(), branch.replies, lowered, limits).seen()


@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_random_programs(greedy: bool, host: Any, random: Random) -> None:
    source = OTHERS.awaiting_everywhere(MAKER.make_program(random))
    try:
        check(source, host, random, limits=Limits(step_fuel=20_000))
    except DiagnosticError:
        return


def test_everything(greedy: bool, host: Any) -> None:
    for seed in range(8):
        check(OTHERS.EVERYTHING, host, Random(seed), most=60)
        check(OTHERS.awaiting_everywhere(OTHERS.EVERYTHING), host, Random(seed), most=60)


# --- every kind of value ---

WORLD = module("world_of_values", HERE / "world.py")
PROGRAM = compile_source(SourceFile("world.py", WORLD.world(WORLD.ACTIONS)))


def answer(outcome: Outcome, action: int, random: Random) -> Any:
    """A reply that has the controller do something."""
    if isinstance(outcome, GetPrompt):
        return [0, action, random.randrange(6)]
    return reply_to(outcome, random)


def split(program: Program, host_type: type[Any], random: Random, actions: list[int], lowered: bool) -> list[Branch]:
    """A fork at a request, three branches of which do these things in turn, a fourth none."""
    process = Process(program, None, lowered)
    first = Branch(process, host_type(), Noop())
    first.outcome = run(process, first.host)
    for action in actions[: random.randrange(3) if lowered else 0]:
        first.go_on(answer(first.outcome, action, random))
    branches = [first, *(first.copy(twin) for twin in forks(process, 3))]
    for action in actions:
        for branch in random.sample(branches[:3], 3):
            if branch.waits:
                branch.go_on(answer(branch.outcome, action, random))
    return branches


@pytest.mark.parametrize("action", range(len(WORLD.ACTIONS)), ids=lambda action: WORLD.ACTIONS[action][:30])
def test_whoever_changes_a_value_changes_it_for_itself(
    action: int, greedy: bool, host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lowered = not greedy
    monkeypatch.setattr(frame, "HEAT", 2)
    random = Random(action)
    other = random.randrange(len(WORLD.ACTIONS))
    for branch in split(PROGRAM, type(host), random, [action, other, action], lowered):
        assert branch.seen() == alone(PROGRAM, type(host)(), branch.replies, lowered, None).seen()


@pytest.mark.parametrize("seed", range(1000 if "AICIC_FUZZ" in os.environ else 4))
def test_anything_in_any_order(seed: int, greedy: bool, host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame, "HEAT", 5)
    check(WORLD.world(WORLD.ACTIONS), host, Random(seed), lowered=seed % 2 == 1, most=60)


def test_every_opcode_is_run_with_care(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that may run while values are shared has run then, in a test that looks at them after each step."""
    ran = set()

    def watched(op: Op, guard: careful.Guard | None) -> careful.Guard:
        def watching(*args: Any) -> bool:
            allowed = guard is None or guard(*args)
            if allowed:
                ran.add(op)
            return allowed

        return watching

    may_run = {op for op in Op if careful.GUARDS[op] is not careful._never}
    monkeypatch.setattr(careful, "GUARDS", {op: watched(Op(op), guard) for op, guard in careful.GUARDS.items()})
    for seed in range(12):
        check(CAREFUL, host, Random(seed), most=40)
    assert ran == may_run


CAREFUL = """
import aici
shared = [[1, 2], (3, [4]), {"a": 5}]
empty = None
async def helper(n):
    m = n
    def inner(k=1, *, j=2):
        nonlocal m
        m += k + j
        return m
    inner()
    await aici.Noop()
    return inner(*[1], **{"j": 3}) + inner(k=2)
def unbind(a):
    from math import pi
    import math as module
    del a
    def closed():
        nonlocal c
        del c
    c = (pi, module.e)
    closed()
    made = {*shared[0], *[9]}
    return [*shared, 1], {**shared[2], "b": 2}, made, {x for x in shared[0]}, {x: 1 for x in shared[0]}, (*shared,)
def cells():
    made = []
    for i in shared[0]:
        made.append([lambda: i + j for j in shared[0]])
    return made
def keywords(**given):
    return given
async def main():
    global gone
    for round in [1, 2, 3]:
        await aici.Noop()
        one, *rest = shared
        first, second = one
        own = [first] * 2
        own[0], own[1] = own[1], own[0]
        own += [-second, not one, first < second < 9, first or second, first and second]
        own[0] += 1
        del own[0]
        gone = own[1:]
        del gone
        print(f"{own} {round:>3}", keywords(**shared[2], **{"b": 1}), len(unbind(1)), [f() for f in cells()[0]])
        await helper(round)
        try:
            assert not shared, "said"
        except AssertionError as e:
            await aici.Noop()
            try:
                raise ValueError(shared) from e
            except KeyError:
                pass
            except (ValueError, TypeError) as other:
                print(repr(other.__cause__), other.args[0] is shared)
        try:
            try:
                print(own[99])
            finally:
                await aici.Noop()
        except IndexError:
            print("none")
        while own:
            own.pop()
            if len(own) == 2:
                break
aici.start(main())
"""
