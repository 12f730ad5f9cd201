"""What the tests of the machine share: a host of a few lines, and programs made from source."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from aici.compiler import compile_source
from aici.diagnostics import SourceFile
from aici.vm import frame
from aici.vm.limits import Limits
from aici.vm.machine import run
from aici.vm.process import Process
from aici.vm.program import Program
from aici.vm.requests import ConstraintSpec, Failed, Finished, Outcome


@dataclass
class Host:
    """Services without a model: a token is a character, what is printed is kept, and variables live in a dict."""

    printed: list[str] = field(default_factory=list)
    variables: dict[str, bytes] = field(default_factory=dict)

    @property
    def output(self) -> str:
        return "".join(self.printed)

    def log(self, text: str) -> None:
        self.printed.append(text)

    def tokenize(self, text: bytes, special: bool) -> list[int]:
        return list(text)

    def detokenize(self, tokens: list[int]) -> bytes:
        return bytes(tokens)

    def token_repr(self, token: int) -> str:
        return repr(chr(token))

    def eos_token(self) -> int:
        return 0

    def vocabulary_size(self) -> int:
        return 256

    def tokens(self) -> list[int]:
        return []

    def prompt_length(self) -> int:
        return 0

    def get_var(self, name: str) -> bytes | None:
        return self.variables.get(name)

    def set_var(self, name: str, value: bytes) -> None:
        self.variables[name] = value

    def append_var(self, name: str, value: bytes) -> None:
        self.variables[name] = self.variables.get(name, b"") + value

    def sequence_id(self) -> int:
        return 0

    def config(self, name: str) -> int:
        return 0

    def constraint_start(self, spec: ConstraintSpec) -> int:
        return 0

    def constraint_advance(self, spec: ConstraintSpec, state: int, token: int) -> int:
        return state + 1

    def constraint_mask(self, spec: ConstraintSpec, state: int) -> bytes:
        return bytes(32)

    def constraint_eos(self, spec: ConstraintSpec, state: int) -> tuple[bool, bool]:
        return True, False


def compiled(text: str, name: str = "test.py", limits: Limits | None = None) -> Process:
    return Process(compile_source(SourceFile(name, text)), limits)


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def process_of() -> Callable[..., Process]:
    """A process of a source text: `(text, name, limits)`."""
    return compiled


@pytest.fixture
def execute(host: Host) -> Callable[..., tuple[str, Outcome]]:
    """Run a source text that makes no requests: what it prints, and what comes of it."""

    def execute(text: str, name: str = "test.py", limits: Limits | None = None) -> tuple[str, Outcome]:
        outcome = run(compiled(text, name, limits), host)
        assert isinstance(outcome, (Finished, Failed))
        return host.output, outcome

    return execute


_SAID_OTHERWISE = [
    (
        r"(?<!access )(local|free) variable '(\w+)' referenced before assignment",
        r"cannot access \1 variable '\2' where it is not associated with a value",
    ),
    (r"(integer|float) (division or )?modulo( by zero)?", r"\1 modulo"),
    (r"string indices must be integers(, not '\w+')?", "string indices must be integers"),
    (r"(min|max)\(\) (arg is an empty sequence|iterable argument is empty)", r"\1() of nothing"),
]
"""What versions of CPython word in different ways."""


@pytest.fixture(scope="session")
def in_any_words() -> Callable[[str], str]:
    """Messages of the machine, or of CPython, such that they can be compared. The machine's are those of CPython 3.11;
    there nothing is changed."""

    def in_any_words(text: str) -> str:
        for said, common in [] if sys.version_info[:2] == (3, 11) else _SAID_OTHERWISE:
            text = re.sub(said, common, text)
        return text

    return in_any_words


HEATS = (0, 3)
"""From the first call on, and after a few jumps back, so that frames are taken over half-way."""


@pytest.fixture
def outcomes(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Any]]:
    """What a program does when plain, and lowered at each heat."""

    def one(program: Program, limits: Limits, lowered: bool) -> Any:
        host = Host()
        process = Process(program, limits, lowered)
        outcome = run(process, host)
        text = outcome.traceback if isinstance(outcome, Failed) else ""
        assert "InternalError" not in text, text
        return outcome, host.output, process.fuel, process.memory, process.output

    def outcomes(source: str, limits: Limits | None = None) -> list[Any]:
        if "async def main()" in source and "aici.start" not in source:
            source += "\nimport aici\naici.start(main())\n"
        program = compile_source(SourceFile("program.py", source))
        limits = limits or Limits(step_fuel=200_000)
        found = [one(program, limits, False)]
        for heat in HEATS:
            monkeypatch.setattr(frame, "HEAT", heat)
            cold = replace(program)
            found.append(one(cold, limits, True))
        found.append(one(cold, limits, True))  # no longer: lowered from the start
        return found

    return outcomes
