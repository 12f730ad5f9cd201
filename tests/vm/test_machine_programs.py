"""Every program in `programs/` prints under the machine what it prints under CPython."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from aici.vm.requests import Finished, Outcome

PROGRAMS = sorted((Path(__file__).parent / "programs").glob("*.py"))


def expected_output(path: Path) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # CPython's, of programs that are wrong on purpose
        exec(compile(path.read_text(), path.name, "exec"), {"__name__": "__main__"})
    return out.getvalue()


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_same_as_cpython(
    path: Path, execute: Callable[..., tuple[str, Outcome]], in_any_words: Callable[[str], str]
) -> None:
    output, outcome = execute(path.read_text(), path.name)
    assert outcome == Finished()
    assert in_any_words(output).splitlines() == in_any_words(expected_output(path)).splitlines()
