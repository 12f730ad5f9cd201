"""`aicic exec`: a controller on the VM alone, with no model: for trying out code, and for tests of the language."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NoReturn

import click

from .files import CONTROLLER_FAILED, FINE, load_program

if TYPE_CHECKING:
    from aici.vm.program import Program
    from aici.vm.requests import ConstraintSpec, Failed, Outcome

_NO_MODEL: Final = "there is no model under 'aicic exec'; use 'aicic run'"


@click.command("exec")
@click.argument("file", metavar="CTRL.py|CTRL.aic")
def exec_(file: str) -> int:
    """Run a controller with no model and print its output.

    Variables, printing and everything else of the language work; whatever needs tokens is an error.
    """
    services = NoModel()
    failure = execute(load_program(file), services)
    if services.broken is not None:
        raise services.broken
    sys.stdout.flush()
    if failure is None:
        return FINE
    print(failure.traceback.rstrip("\n"), file=sys.stderr)
    return CONTROLLER_FAILED


def execute(program: Program, services: NoModel) -> Failed | None:
    """Run a program to its end; how it failed, if it did."""
    from aici.vm.machine import resume_error, run
    from aici.vm.process import Process
    from aici.vm.requests import Failed, Finished, Noop, Stop, WaitVars

    process = Process(program)
    outcome: Outcome = run(process, services, None)
    while True:
        if isinstance(outcome, Failed):
            return outcome
        if isinstance(outcome, (Finished, Stop)):
            return None
        if isinstance(outcome, Noop):
            outcome = run(process, services, None)
        elif isinstance(outcome, WaitVars):
            values = [services.get_var(name) for name in outcome.names]
            if None not in values:
                outcome = run(process, services, values)
            else:
                missing = ", ".join(repr(n) for n, v in zip(outcome.names, values, strict=True) if v is None)
                outcome = resume_error(process, services, "RuntimeError", f"deadlock: nobody can set {missing}")
        else:
            outcome = resume_error(process, services, "RuntimeError", f"{type(outcome).__name__}: {_NO_MODEL}")


class NoModel:
    """`aici.vm.requests.Services` with variables and output, and nothing that takes a tokenizer."""

    def __init__(self) -> None:
        self._variables: dict[str, bytes] = {}
        self.broken: OSError | None = None
        """Why nobody takes the output any more. Services must not raise such things into the machine."""

    def log(self, text: str) -> None:
        try:
            sys.stdout.write(text)
        except OSError as error:
            self.broken = error

    def get_var(self, name: str) -> bytes | None:
        return self._variables.get(name)

    def set_var(self, name: str, value: bytes) -> None:
        self._variables[name] = value

    def append_var(self, name: str, value: bytes) -> None:
        self.set_var(name, self._variables.get(name, b"") + value)

    def sequence_id(self) -> int:
        return 0

    def config(self, name: str) -> int:
        return 0

    def tokenize(self, text: bytes, special: bool) -> list[int]:
        _refuse()

    def detokenize(self, tokens: Sequence[int]) -> bytes:
        _refuse()

    def token_repr(self, token: int) -> str:
        _refuse()

    def eos_token(self) -> int:
        _refuse()

    def vocabulary_size(self) -> int:
        _refuse()

    def tokens(self) -> list[int]:
        return []

    def prompt_length(self) -> int:
        return 0

    def constraint_start(self, spec: ConstraintSpec) -> int:
        _refuse()

    def constraint_advance(self, spec: ConstraintSpec, state: int, token: int) -> int:
        _refuse()

    def constraint_mask(self, spec: ConstraintSpec, state: int) -> bytes:
        _refuse()

    def constraint_eos(self, spec: ConstraintSpec, state: int) -> tuple[bool, bool]:
        _refuse()


def _refuse() -> NoReturn:
    from aici.vm.requests import ServiceError

    raise ServiceError(_NO_MODEL, "RuntimeError")
