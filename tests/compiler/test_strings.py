"""String literals: values as CPython's, and the way back to the source."""

import ast as cpython
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aici.compiler import ast
from aici.compiler.parse import parse
from aici.compiler.strings import string_offset_map
from aici.diagnostics import DiagnosticError, SourceFile


def constant(text: str) -> tuple[SourceFile, ast.Constant]:
    """The first constant in a text."""
    source = SourceFile("test.py", text)
    waiting: list[ast.Node] = [parse(source)]
    while not isinstance(waiting[0], ast.Constant):
        waiting[:1] = ast.children(waiting[0])
    return source, waiting[0]


@pytest.mark.parametrize(
    ("text", "offsets"),
    [
        ("'abc'", (1, 2, 3, 4)),
        ("x = 'abc'", (5, 6, 7, 8)),
        ("''", (1,)),
        (r"'a\nb'", (1, 2, 4, 5)),
        (r"r'a\nb'", (2, 3, 4, 5, 6)),
        (r"'\x41\u0041\U00000041\101\N{BULLET}b'", (1, 5, 11, 21, 25, 35, 36)),
        ("'''a\nb'''", (3, 4, 5, 6)),
        ("'a\\\nb'", (1, 4, 5)),
        ("'ab' r'cd'", (1, 2, 7, 8, 9)),
        ("('ab'  # note\n 'cd')", (2, 3, 16, 17, 18)),
        (r"b'a\x00b'", (2, 3, 7, 8)),
        (r"'\q'", (1, 2, 3)),
        ("'é€'", (1, 2, 3)),
        ("f(regex=r'[a')", (10, 11, 12)),
    ],
)
def test_offset_map(text: str, offsets: tuple[int, ...]) -> None:
    assert string_offset_map(*constant(text)) == offsets


def test_no_offset_map() -> None:
    assert string_offset_map(*constant("1")) is None
    assert string_offset_map(*constant("f'abc'")) is None
    assert string_offset_map(*constant("'a' f'bc'")) is None
    assert string_offset_map(*constant("f'\"{a}'")) is None
    assert string_offset_map(*constant("f'\"a\"{a}'")) is None


PIECES = st.sampled_from(["a", "é", "\\n", "\\x41", "\\101", "\\0", "\\q", "\\\\", "\\'", "\\\n", "{", "}", " ", "#"])
UNICODE_PIECES = st.sampled_from(["\\u00e9", "\\U0001F600", "\\N{BULLET}", "\U0001f600"])
PREFIXES = st.sampled_from(["", "r", "b", "R", "u", "bR", "rb"])
LITERALS = st.tuples(PREFIXES, st.sampled_from(["'", '"', "'''"]), st.lists(PIECES | UNICODE_PIECES, max_size=6))


@settings(deadline=None, max_examples=150)
@given(st.lists(LITERALS, min_size=1, max_size=3))
def test_values_and_places(literals: list[tuple[str, str, list[str]]]) -> None:
    """Values are CPython's, and a character that is written as itself stands where the map says."""
    text = "x = " + " ".join(f"{prefix}{quote}{''.join(body)}{quote}" for prefix, quote, body in literals)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = cpython.parse(text)
        except SyntaxError:
            with pytest.raises(DiagnosticError):
                constant(text)
            return
    source, node = constant(text)
    assert node.value == cpython.literal_eval(tree.body[0].value)  # type: ignore[attr-defined]
    assert isinstance(node.value, (str, bytes))
    offsets = string_offset_map(source, node)
    assert offsets is not None
    assert list(offsets) == sorted(offsets)
    for place, offset in enumerate(offsets[:-1]):
        item = node.value[place : place + 1]
        character = item.decode("latin-1") if isinstance(item, bytes) else item
        assert text[offset] in (character, "\\")
