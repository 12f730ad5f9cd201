"""Sources made to break a compiler: a clear error or a tree, in bounded time and without recursion."""

import sys
import time

import pytest

from aici.compiler import ast
from aici.compiler.parse import parse
from aici.compiler.resolve import resolve
from aici.diagnostics import DiagnosticError, DiagnosticSink, SourceFile


def messages(text: str) -> list[str]:
    try:
        parse(SourceFile("test.py", text))
    except DiagnosticError as error:
        assert error.render()
        return [diagnostic.message for diagnostic in error.diagnostics]
    return []


DEEP = 10_000
TOO_DEEP = {
    "parentheses": "(" * DEEP + ")" * DEEP,
    "open brackets": "[" * DEEP,
    "mixed brackets": "{[(" * DEEP,
    "calls": "f(" * DEEP + ")" * DEEP,
    "subscripts": "a[" * DEEP + "]" * DEEP,
    "f-strings": "f'{" * DEEP,
    "format specs": "f'" + "{a:" * DEEP,
    "sum": "1" + "+1" * 100_000,
    "power": "1" + "**1" * DEEP,
    "minus": "-" * DEEP + "1",
    "not": "not " * DEEP + "1",
    "await": "async def f():\n " + "await " * DEEP + "x",
    "attributes": "a" + ".a" * DEEP,
    "call chain": "a" + "()" * DEEP,
    "conditional": "a if b else " * DEEP + "c",
    "lambda": "lambda: " * DEEP + "0",
    "elif": "if x: y\n" + "elif x: y\n" * DEEP,
    "blocks": "".join(" " * i + "if x:\n" for i in range(DEEP // 10)) + " " * (DEEP // 10) + "x",
    "defs": "".join(" " * i + "def f():\n" for i in range(DEEP // 10)) + " " * (DEEP // 10) + "x",
    "star targets": "*" * DEEP + "a = b",
}


@pytest.mark.parametrize("text", TOO_DEEP.values(), ids=TOO_DEEP)
def test_too_deep(text: str) -> None:
    (message,) = messages(text)
    assert "too many" in message or "nested too deeply" in message or message.startswith("unexpected"), message


WIDE = {
    "list": "[" + "a," * 20_000 + "]",
    "comparison": "a" + " < a" * 20_000,
    "or": "a" + " or a" * 20_000,
    "chained assignment": "a = " * 20_000 + "b",
    "arguments": "f(" + "a," * 20_000 + ")",
    "parameters": "def f(" + ",".join(f"a{i}" for i in range(5_000)) + "): pass",
    "one line": "a;" * 20_000,
    "many lines": "a\n" * 20_000,
    "long name": "a" * 100_000,
    "long string": "'" + "a" * 100_000 + "'",
    "backslashes": "'" + "\\\\" * 50_000 + "'",
    "concatenation": "'a' " * 20_000,
    "comment": "#" * 100_000,
    "blank lines": "\n" * 100_000,
    "handlers": "try: a\n" + "except b: c\n" * 5_000,
    "clauses": "[a " + "for a in b " * 5_000 + "]",
    "fields": "f'" + "{a}" * 10_000 + "'",
}


@pytest.mark.parametrize("text", WIDE.values(), ids=WIDE)
def test_wide_is_fine(text: str) -> None:
    assert messages(text) == []


BROKEN = {
    "quotes": "'" * 99_999,
    "triple quote": '"""' + "a" * 500_000,
    "unclosed strings": "'a\n" * 20_000,
    "closing brackets": ")" * 100_000,
    "bad characters": "$" * 100_000,
    "bad lines": "a b\n" * 20_000,
    "open brackets on lines": "def f(\n" * 20_000,
    "broken blocks": "if\n  a b\n" * 10_000,
    "unindents": "if a:\n    b\n  c\n" * 5_000,
    "braces in f-string": "f'" + "}" * 50_000,
    "backslashes without end": "'" + "\\" * 99_999,
    "line joins": "\\\n" * 50_000 + "a b",
    "else": "else:\n a\n" * 10_000,
    "numbers": "1_" * 100_000,
    "digits": "9" * 100_000,
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_broken_at_length(text: str) -> None:
    start = time.perf_counter()
    assert 1 <= len(messages(text)) <= 20
    assert time.perf_counter() - start < 20, "must not take quadratic time"


def test_size_limit() -> None:
    assert messages("a" * 5_000_000) == ["the source is longer than 1,000,000 characters"]


def test_characters_that_no_file_holds() -> None:
    assert messages("a = '\ud800'") == ["the source contains the character U+D800"]
    assert messages("a = 1\0") == ["the source contains the character U+0000"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("9" * 4301, "integer literal of more than 4300 digits"),
        ("0x" + "f" * 16385, "integer literal of more than 65536 bits"),
    ],
)
def test_big_integers(text: str, message: str) -> None:
    assert messages(text) == [message]
    assert messages(text[:-1]) == []


def test_deepest_trees_fit_the_recursion_limit() -> None:
    """What `parse` lets through, the recursive passes behind it can walk."""
    for text in ("-" * 197 + "1", "if x: y\n" + "elif x: y\n" * 196, "1" + "+1" * 197, "lambda: " * 197 + "1"):
        source = SourceFile("test.py", text)
        tree = parse(source)
        assert depth(tree) in (ast.MAX_DEPTH, ast.MAX_DEPTH - 1)
        resolve(tree, DiagnosticSink(source))


def depth(tree: ast.Node) -> int:
    level, count = [tree], 0
    while level:
        level = [child for node in level for child in ast.children(node)]
        count += 1
    return count


def test_last_line_without_newline() -> None:
    for ending in ("", "\n", "\n\n", "  # end", "\n  ", "\\\n"):
        assert messages("if x:\n  y" + ending) == []
    assert messages("x = 1\ny = (") == ["'(' was never closed"]
    assert messages("x = 1\nif y") == ["expected ':'"]
    assert messages("x = '") == ["unterminated string literal"]
    assert messages('x = f"') == ["unterminated f-string literal"]
    assert messages("x = f'{") == messages("x = f'{a") == messages("x = f'{a:") == ["f-string: '}' is missing"]
    assert messages("x = 1\\") == ["unexpected character after line continuation character"]
    assert messages("def f():") == ["expected an indented block after 'def' on line 1"]


def test_many_targets_before_a_star() -> None:
    assert messages("a, " * 255 + "*b = c") == []
    assert messages("a, " * 256 + "*b = c") == ["too many expressions in star-unpacking assignment"]


def test_several_errors_in_order() -> None:
    text = "a b\nclass C:\n    x y\nimport os\nif a:\n    c d\n    break\nf(1 2)\n"
    found = messages(text)
    assert [m.split("'")[1] if "'" in m else m.split()[0] for m in found] == ["b", "classes", "os", "d", "break", "2"]


def test_recursion_limit_is_left_alone() -> None:
    before = sys.getrecursionlimit()
    messages("(" * 50 + "1" + ")" * 50)
    assert sys.getrecursionlimit() == before
