"""Tracebacks in the controller's own lines, as CPython writes them."""

from __future__ import annotations

import dataclasses
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from aici.vm.machine import run
from aici.vm.process import Process
from aici.vm.requests import Failed, Outcome, Services

PROGRAMS = {
    "call": "def f(x):\n    return g(x) + 1\n\n\ndef g(x):\n    return x[3]\n\n\nf([1])",
    "whole line": "1 / 0",
    "operator": "x = 1\ny = [x + 'a', 2]",
    "in the middle": "values = {'a': 1}\nprint(values['a'], values['b'], 3)",
    "raise": "def f():\n    raise ValueError('text', 2)\n\n\nif True:\n    f()",
    "without text": "raise KeyError",
    "key": "{}['missing']",
    "lines in the text": "raise ValueError('one\\ntwo')",
    "cause": "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ValueError('bad') from e",
    "context": "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    e.nothing",
    "no context": "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ValueError('bad') from None",
    "three": "try:\n    try:\n        {}[1]\n    except KeyError:\n        [][1]\nexcept IndexError as e:\n"
    "    raise ValueError('last') from e",
    "bare raise": "def f():\n    raise ValueError\n\n\ntry:\n    f()\nexcept ValueError:\n    raise",
    "raised again": "def f():\n    raise ValueError\n\n\ntry:\n    f()\nexcept ValueError as e:\n    raise e",
    "through finally": "def f():\n    try:\n        1 / 0\n    finally:\n        x = 1\n\n\nf()",
    "through handlers": "def f():\n    try:\n        1 / 0\n    except KeyError:\n        pass\n\n\nf()",
    "kept": "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    saved = e\nraise saved",
    "native": "def f(x):\n    return 1 / x\n\n\nprint(list(map(f, [1, 0])))",
    "sort": "def f(x):\n    return x.name\n\n\nsorted([1], key=f)",
    "generator": "g = (1 / x for x in [1, 0])\nprint(sum(g))",
    "lambda": "f = lambda x: x.y\nf(1)",
    "recursion": "def f(n):\n    return f(n - 1) if n else 1 / 0\n\n\nf(50)",
    "two functions": "def f(n):\n    return g(n)\n\n\ndef g(n):\n    return f(n - 1) if n else 1 / 0\n\n\nf(3)",
    "arguments": "def f(a, b):\n    pass\n\n\nf(1)",
    "unicode": "x = {'größe': 1}\nprint('äöü', x['länge'], 'ß')",
    "assertion": "x = 1\nassert x == 2, f'x is {x}'",
    "unbound": "def f():\n    print(x)\n    x = 1\n\n\nf()",
    "multi-line": "x = [\n    1,\n    1 / 0,\n]",
    "multi-line call": "def f(a, b):\n    raise ValueError\n\n\nf(\n    1,\n    2,\n)",
    "unpack": "a, b = [1]",
    "iteration": "for i in 5:\n    pass",
    "deletion": "x = [1]\ndel x[5]",
    "attribute": "x = None\nx.append(1)",
    "inside f-string": "x = 'a'\nprint(f'{x} {x + 1}')",
}
OTHER_CARETS = {"inside f-string", "assertion", "iteration", "attribute"}


def expected(text: str) -> str:
    try:
        exec(compile(text, "test.py", "exec"), {"__name__": "__main__"})
    except Exception as error:
        lines = traceback.format_exception(type(error), error, error.__traceback__)
        return "".join(lines)
    raise AssertionError("the program must fail")


def plain(text: str, carets: bool) -> str:
    """Without the entries of this file, CPython's tildes as carets, or without carets at all."""
    text = re.sub(rf'  File "{re.escape(str(Path(__file__)))}".*\n    .*\n(    [ ^~]*\n)?', "", text)
    lines = text.rstrip("\n").split("\n")
    marks = [re.fullmatch(r" {4}[ ^~]*[\^~]", line) for line in lines]
    kept = [(line, mark) for line, mark in zip(lines, marks, strict=True) if carets or not mark]
    return "\n".join(line.replace("~", "^") if mark else line for line, mark in kept)


@pytest.mark.parametrize("name", PROGRAMS)
def test_as_cpython(
    name: str,
    execute: Callable[..., tuple[str, Outcome]],
    in_any_words: Callable[[str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if name == "multi-line call" and sys.version_info >= (3, 13):
        pytest.skip("CPython shows all lines of a call from 3.13 on")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "test.py").write_text(PROGRAMS[name], encoding="utf-8")  # where CPython finds the lines to show
    outcome = execute(PROGRAMS[name])[1]
    assert isinstance(outcome, Failed)
    carets = sys.version_info[:2] == (3, 11) and name not in OTHER_CARETS
    assert in_any_words(plain(outcome.traceback, carets)) == in_any_words(plain(expected(PROGRAMS[name]), carets))


def test_awaits(process_of: Callable[..., Process], host: Services) -> None:
    text = "import aici\nasync def f():\n    await g()\nasync def g():\n    x = await aici.Noop() + 1\naici.start(f())"
    process = process_of(text)
    run(process, host)
    outcome = run(process, host)
    assert isinstance(outcome, Failed)
    assert outcome.traceback == (
        "Traceback (most recent call last):\n"
        '  File "test.py", line 3, in f\n'
        "    await g()\n"
        '  File "test.py", line 5, in g\n'
        "    x = await aici.Noop() + 1\n"
        "        ^^^^^^^^^^^^^^^^^^^^^\n"
        'TypeError: can only concatenate list (not "int") to list'
    )


def test_without_source(process_of: Callable[..., Process], host: Services) -> None:
    process = process_of("x = 1\n1 / 0")
    stripped = Process(dataclasses.replace(process.program, source=None))
    outcome = run(stripped, host)
    assert isinstance(outcome, Failed)
    assert outcome.traceback == (
        'Traceback (most recent call last):\n  File "test.py", line 2, in <module>\nZeroDivisionError: division by zero'
    )


@pytest.mark.parametrize(
    "text",
    [
        "raise ValueError('x' * 10**6)",
        "x = 1; raise ValueError" + " " * 10_000,
        "a = [0]\na[0] = a\nfor i in range(100): a = [a, a]\nraise ValueError(a)",
        "e = ValueError()\nfor i in range(500):\n    try:\n        try:\n            raise e\n"
        "        except ValueError:\n            raise ValueError(i)\n    except ValueError as f:\n"
        "        e = f\nraise e",
        "e = ValueError()\nfor i in range(20_000):\n    try:\n        if i % 2: raise e\n        else:\n"
        "            raise e\n    except ValueError:\n        pass\nraise e",
        "def f(n):\n    try:\n        1 / 0\n    except ArithmeticError:\n        f(n + 1)\nf(0)",
        "x = '" + "\\x00" * 100 + "'; raise ValueError(x)",
    ],
)
def test_bounded(execute: Callable[..., tuple[str, Outcome]], text: str) -> None:
    outcome = execute(text)[1]
    assert isinstance(outcome, Failed)
    assert len(outcome.traceback) < 200_000
