"""Reading a source file: line ends, marks, encodings, and what is no source."""

from pathlib import Path

import pytest

from aici.compiler.parse import parse
from aici.compiler.source import MAX_BYTES, decode_source, read_source
from aici.diagnostics import DiagnosticError


def refusal(data: bytes) -> DiagnosticError:
    with pytest.raises(DiagnosticError) as raised:
        decode_source("ctrl.py", data)
    assert raised.value.render().startswith("ctrl.py:")
    return raised.value


@pytest.mark.parametrize("data", [b"x = 1\r\n\ty\r\n", b"x = 1\r\ty\r", b"x = 1\n\ty\n", b"\xef\xbb\xbfx = 1\r\n\ty\n"])
def test_line_ends_and_mark(data: bytes) -> None:
    assert decode_source("ctrl.py", data).text == "x = 1\n\ty\n"


def test_columns_are_those_of_the_editor() -> None:
    source = decode_source("ctrl.py", b"\xef\xbb\xbfa = 1\r\nb = \r\n")
    with pytest.raises(DiagnosticError) as raised:
        parse(source)
    assert raised.value.render().startswith("ctrl.py:2:4: error: unexpected end of line\n    2 | b = \n")


def test_not_utf_8() -> None:
    error = refusal(b"x = 1\r\ny = '\xe9'\n")
    assert error.diagnostics[0].message == "byte 0xe9 is not UTF-8"
    assert "ctrl.py:2:6:" in error.render()
    assert refusal(b"\xff\xfex\0=\0").diagnostics[0].hint == "is this a compiled or binary file?"
    assert "UTF-8" in str(refusal(b"x\xe2\x82"))


def test_null_bytes() -> None:
    assert "ctrl.py:2:3: error: source code cannot contain null bytes" in refusal(b"x\nyy\0").render()


@pytest.mark.parametrize("name", [b"utf-8", b"UTF-8", b"utf8", b"ascii", b"utf_8"])
def test_accepted_declarations(name: bytes) -> None:
    assert decode_source("ctrl.py", b"#!/x\n# -*- coding: " + name + b" -*-\n")


def test_other_encodings() -> None:
    error = refusal(b"# -*- coding: latin-1 -*-\nx = 1\n")
    assert error.diagnostics[0].message == "only UTF-8 is read"
    assert "ctrl.py:1:15" in error.render()
    assert decode_source("ctrl.py", b"x = 1\ny = 2\n# coding: latin-1\n")
    assert decode_source("ctrl.py", b"x = 'coding: latin-1'\n")


def test_size() -> None:
    assert decode_source("ctrl.py", b"#" * MAX_BYTES)
    assert "longer than 1,000,000 bytes" in str(refusal(b"#" * (MAX_BYTES + 1)))


def test_reading(tmp_path: Path) -> None:
    path = tmp_path / "ctrl.py"
    path.write_bytes(b"x = 1\r\n")
    source = read_source(path)
    assert source.name == str(path)
    assert source.text == "x = 1\n"
    path.write_bytes(b"#" * 5_000_000)
    with pytest.raises(DiagnosticError):
        read_source(path)
    with pytest.raises(IsADirectoryError):
        read_source(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_source(tmp_path / "none.py")


def test_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.py"
    path.write_bytes(b"")
    assert parse(read_source(path)).body == ()
