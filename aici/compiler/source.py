"""A file to the text that the compiler works on.

In: a path or bytes. Out: a `SourceFile` whose text has `\\n` for every line end and no byte order mark, so that lines
and columns are those that an editor shows. Imported by the command line and by `parse`.
"""

from __future__ import annotations

import re
from pathlib import Path

from aici.diagnostics import Diagnostic, DiagnosticError, DiagnosticSink, SourceFile, Span

MAX_BYTES = 1_000_000
"""Size of a source."""

_BOM = b"\xef\xbb\xbf"
_CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")


def read_source(path: Path) -> SourceFile:
    """The text of a file; DiagnosticError if it is no text, OSError if it cannot be read."""
    with path.open("rb") as file:
        return decode_source(str(path), file.read(MAX_BYTES + 1))


def decode_source(name: str, data: bytes) -> SourceFile:
    """The text that `data` is in UTF-8; DiagnosticError if it is too long, binary or in another encoding."""
    if len(data) > MAX_BYTES:
        raise _refused(name, "", 0, f"the source is longer than {MAX_BYTES:,} bytes", "split the controller")
    data = data.removeprefix(_BOM)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        before = _normal(data[: error.start].decode())
        message = f"byte 0x{data[error.start]:02x} is not UTF-8"
        hint = "is this a compiled or binary file?" if b"\0" in data else "save the file as UTF-8"
        raise _refused(name, before, len(before), message, hint) from None
    text = _normal(text)
    if "\0" in text:
        raise _refused(name, text, text.index("\0"), "source code cannot contain null bytes", "is this a binary file?")
    for line in data.splitlines()[:2]:
        coding = _CODING.match(line)
        if coding and coding[1].lower().replace(b"_", b"-") not in (b"utf-8", b"utf8", b"ascii", b"us-ascii"):
            at = text.index(coding[1].decode())
            raise _refused(name, text, at, "only UTF-8 is read", "save the file as UTF-8 and drop the declaration")
    return SourceFile(name, text)


def check_text(source: SourceFile, sink: DiagnosticSink) -> None:
    """DiagnosticError for a text that did not come from a file and that no file could hold."""
    if len(source.text) > MAX_BYTES:
        sink.error(Span(0, 0), f"the source is longer than {MAX_BYTES:,} characters", "split the controller")
    bad = re.search("[\0\ud800-\udfff]", source.text)
    if bad:
        sink.error(Span(*bad.span()), f"the source contains the character U+{ord(bad.group()):04X}")
    sink.raise_if_any()


def _normal(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _refused(name: str, text: str, at: int, message: str, hint: str) -> DiagnosticError:
    return DiagnosticError([Diagnostic(SourceFile(name, text), Span(at, at + 1), message, hint)])
