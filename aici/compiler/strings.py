"""String literals: from what is written to what is meant, and back to where it is written.

In: source text and offsets. Out: values for the lexer, and offset maps so that a later pass can put a caret inside a
literal (a regular expression, for one). Imported by the compiler only.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from aici.compiler import ast
from aici.diagnostics import SourceFile, Span

PREFIXES = frozenset(("", "r", "b", "u", "f", "br", "rb", "fr", "rf"))
"""What may stand before the quotes, in lower case."""

_OPENING = re.compile(r"""([A-Za-z]*)('''|\"""|'|")""")
_BETWEEN = re.compile(r"(?:[ \t\f\n]|\\\n|#[^\n]*)*")
_ESCAPE = re.compile(r"\\(?:\n|[0-7]{1,3}|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|N\{[^{}\n]*\}|.)", re.DOTALL)
_BYTES_ESCAPE = re.compile(r"\\(?:\n|[0-7]{1,3}|x[0-9A-Fa-f]{2}|.)", re.DOTALL)
_SIMPLE = {
    "\n": "",
    "\\": "\\",
    "'": "'",
    '"': '"',
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
}


class LiteralError(Exception):
    """Something in a literal that has no meaning."""

    def __init__(self, span: Span, message: str) -> None:
        self.span = span
        super().__init__(message)


def pieces(text: str, start: int, end: int, *, raw: bool, is_bytes: bool) -> Iterator[tuple[str, int]]:
    """What `text[start:end]`, a literal without its quotes, stands for: stretches of characters with their offsets.

    A stretch of several characters is verbatim, one of a single character may come from an escape. Those of a bytes
    literal are below U+0100. Raises LiteralError.
    """
    if is_bytes and not text[start:end].isascii():
        for offset in range(start, end):
            if text[offset] > "\x7f":
                raise LiteralError(Span(offset, offset + 1), "bytes can only contain ASCII literal characters")
    position = start
    if not raw:
        for match in (_BYTES_ESCAPE if is_bytes else _ESCAPE).finditer(text, start, end):
            if match.start() > position:
                yield text[position : match.start()], position
            yield from _escape(match, is_bytes)
            position = match.end()
    if position < end:
        yield text[position:end], position


def _escape(match: re.Match[str], is_bytes: bool) -> Iterator[tuple[str, int]]:
    written, at = match.group(), match.start()
    kind = written[1]
    if kind in _SIMPLE:
        yield _SIMPLE[kind], at
    elif kind in "01234567":
        code = int(written[1:], 8)
        yield chr(code & 0xFF if is_bytes else code), at
    elif kind == "x" or (kind in "uU" and not is_bytes):
        yield _numbered(match), at
    elif kind == "N" and not is_bytes:
        yield _named(match), at
    else:  # unknown escapes stand for themselves
        yield written, at


def _numbered(match: re.Match[str]) -> str:
    written, span = match.group(), Span(*match.span())
    digits = {"x": 2, "u": 4, "U": 8}[written[1]]
    if len(written) != 2 + digits:
        raise LiteralError(span, f"\\{written[1]} needs {digits} hexadecimal digits")
    code = int(written[2:], 16)
    if code > 0x10FFFF:
        raise LiteralError(span, "there is no Unicode character of this number")
    if 0xD800 <= code <= 0xDFFF:
        raise LiteralError(span, "a surrogate is no character; write the character itself or \\U and its number")
    return chr(code)


def _named(match: re.Match[str]) -> str:
    written, span = match.group(), Span(*match.span())
    if len(written) < 4:
        raise LiteralError(span, "\\N needs a Unicode character name in braces")
    try:
        return unicodedata.lookup(written[3:-1])
    except KeyError:
        raise LiteralError(span, "unknown Unicode character name") from None


def string_offset_map(source: SourceFile, constant: ast.Constant) -> tuple[int, ...] | None:
    """Where in the source the characters (or bytes) of a literal stand, and at the end where the literal ends.

    The result has `len(constant.value) + 1` entries: entry `i` is the offset of the character or escape that item `i`
    comes from. Escapes, raw, triple-quoted and concatenated literals are followed. None if the constant is no string,
    or is text inside an f-string.
    """
    if not isinstance(constant.value, (str, bytes)):
        return None
    offsets: list[int] = []
    position, end = constant.span.start, constant.span.end
    while position < constant.span.end:
        opening = _OPENING.match(source.text, position)
        if opening is None or opening[1].lower() not in PREFIXES or "f" in opening[1].lower():
            return None
        prefix = opening[1].lower()
        end = closing_quote(source.text, opening.end(), opening[2])
        if end < 0:
            return None
        for stretch, at in pieces(source.text, opening.end(), end, raw="r" in prefix, is_bytes="b" in prefix):
            offsets.extend(range(at, at + len(stretch)))
        between = _BETWEEN.match(source.text, end + len(opening[2]))
        assert between is not None
        position = between.end()
    return (*offsets, end) if len(offsets) == len(constant.value) else None


def closing_quote(text: str, start: int, quote: str) -> int:
    """Offset of the quote that ends the literal whose text begins at `start`; -1 if there is none on the line, or in
    the file where three quotes are used. A backslash protects the character behind it, in raw literals too."""
    for match in _STOPS[quote].finditer(text, start):
        found = match.group()
        if found == quote:
            return match.start()
        if found == "\n":
            return -1
    return -1


_STOPS = {
    quote: re.compile(rf"\\.|{quote}" + ("" if len(quote) == 3 else r"|\n"), re.DOTALL)
    for quote in ("'", '"', "'''", '"""')
}
