"""What tests of the compiler share: programs run here and by CPython."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from aici.compiler import compile_source
from aici.diagnostics import SourceFile
from aici.vm.encode import encode
from aici.vm.limits import Limits
from aici.vm.machine import run
from aici.vm.process import Process
from aici.vm.requests import Failed, Finished
from aici.vm.verify import load

Outcome: TypeAlias = "tuple[str, str | None]"
"""What a program printed, and the class of the exception that ended it."""


class _Log:
    def __init__(self) -> None:
        self.text = ""

    def log(self, text: str) -> None:
        self.text += text


def _run(source: str) -> Outcome:
    if "async def main()" in source:
        source += "\nimport aici\naici.start(main())\n"
    program = load(encode(compile_source(SourceFile("program.py", source))))
    log: Any = _Log()
    outcome = run(Process(program, Limits()), log)
    assert isinstance(outcome, Finished | Failed), outcome
    return log.text, outcome.kind if isinstance(outcome, Failed) else None


def _run_cpython(source: str) -> Outcome:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code = compile(source, "program.py", "exec")
        names: dict[str, Any] = {"__name__": "__main__"}
        try:
            exec(code, names)
            if "async def main()" in source:
                names["main"]().send(None)
        except StopIteration:
            pass
        except Exception as error:
            return printed.getvalue(), type(error).__name__
    return printed.getvalue(), None


def _comparable(outcome: Outcome) -> Outcome:
    """Before 3.12, comprehensions are functions: what they read of the function around is no local of theirs."""
    printed, error = outcome
    return printed.replace("UnboundLocalError", "NameError"), error and error.replace("UnboundLocalError", "NameError")


@pytest.fixture(scope="session")
def run_program() -> Callable[[str], Outcome]:
    """Compile, encode, load and run a program; one that has an `async def main()` starts it."""
    return _run


@pytest.fixture(scope="session")
def agree() -> Callable[[str], Outcome]:
    """Run a program here and by CPython; both must print the same and end alike."""

    def check(source: str) -> Outcome:
        outcome = _run(source)
        assert _comparable(outcome) == _comparable(_run_cpython(source))
        return outcome

    return check
