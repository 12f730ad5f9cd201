"""`docs/language.md` says what is so: its program compiles, its refusals are refused, its names exist."""

import re
from pathlib import Path

import pytest

import aici.vm.library  # noqa: F401  # fills the tables
from aici.compiler import compile_source
from aici.compiler.subset import REFUSED
from aici.diagnostics import DiagnosticError, SourceFile
from aici.vm.native import BUILTINS

TEXT = (Path(__file__).parents[2] / "docs" / "language.md").read_text("utf-8")
ROWS = re.findall(r"^\| `(.*?)` \| (.*) \|$", TEXT, re.MULTILINE)


def refusal(text: str) -> DiagnosticError:
    with pytest.raises(DiagnosticError) as raised:
        compile_source(SourceFile("doc.py", text))
    return raised.value


@pytest.mark.parametrize("text", re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL))
def test_programs_compile(text: str) -> None:
    assert compile_source(SourceFile("doc.py", text))


@pytest.mark.parametrize("text", [row[0] for row in ROWS])
def test_what_there_is_not(text: str) -> None:
    if text.startswith("except*"):
        text = f"try: pass\n{text} pass"
    if text.startswith("("):
        text = f"async def f():\n  {text}"
    assert refusal(text).diagnostics[0].hint or text in ("1j", '"\\ud800"')


def test_every_refusal_is_told() -> None:
    told = "\n".join(refusal(row[0]).render() for row in ROWS if not row[0].startswith(("except*", "(")))
    later = [
        what
        for what, _ in REFUSED.values()
        if what not in ("'except*' comes", "'async for' comes", "'async with' comes")
    ]
    assert [what for what in later if what not in told] == []


def test_names() -> None:
    names = re.findall(r"`(\w+)`", TEXT.partition("Functions and types:")[2].partition(", and Python's")[0])
    assert {name for name in BUILTINS if name.islower() and not name.startswith("_")} == set(names)
