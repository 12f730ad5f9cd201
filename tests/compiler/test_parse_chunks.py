"""Compile errors by example: `chunks/*.py`.

Chunks are divided by `---` lines. A line that is wrong ends in `### "regex"`, which must match one message for that
line, then optionally `at "text"`, what the carets are under, and `hint "regex"`. Every error must be announced, and a
chunk that announces none must be taken. Line numbers in messages count from the top of the chunk.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aici.compiler.parse import parse
from aici.diagnostics import Diagnostic, DiagnosticError, SourceFile

MARK = re.compile(r' *### "(.*?)"(?: at "(.*?)")?(?: hint "(.*?)")?$')


def chunks() -> Iterator[Any]:
    for path in sorted((Path(__file__).parent / "chunks").glob("*.py")):
        line = 1
        for chunk in path.read_text("utf-8").split("\n---\n"):
            yield pytest.param(chunk, id=f"{path.stem}:{line}")
            line += chunk.count("\n") + 2


def errors(text: str) -> list[Diagnostic]:
    try:
        parse(SourceFile("chunk.py", text))
    except DiagnosticError as error:
        return error.diagnostics
    return []


@pytest.mark.parametrize("chunk", list(chunks()))
def test_chunk(chunk: str) -> None:
    marks = {number: MARK.search(line) for number, line in enumerate(chunk.split("\n"), 1)}
    text = "\n".join(MARK.sub("", line) for line in chunk.split("\n"))
    found = {diagnostic.source.position(diagnostic.span.start)[0]: diagnostic for diagnostic in errors(text)}
    shown = "\n".join(diagnostic.render() for diagnostic in found.values())
    for number, mark in marks.items():
        diagnostic = found.pop(number, None)
        if mark is None:
            assert diagnostic is None, f"line {number} was not to fail\n{shown}"
            continue
        assert diagnostic is not None, f"line {number} was to fail with {mark[1]}\n{shown}"
        assert re.search(mark[1], diagnostic.message), diagnostic.render()
        if mark[2] is not None:
            assert text[diagnostic.span.start : diagnostic.span.end] == mark[2], diagnostic.render()
        if mark[3] is not None:
            assert re.search(mark[3], diagnostic.hint or ""), diagnostic.render()
