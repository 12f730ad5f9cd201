"""Source text to tokens, block structure included: NEWLINE, INDENT and DEDENT, and f-strings taken apart.

In: a `SourceFile`. Out: the list of tokens that `controller.lark` declares or quotes, ended by `$END`, and diagnostics
in a sink. Where something has no meaning an ERROR token stands, so that `parse` does not complain again. The lexical
rules are those of CPython 3.12. Imported by `parse` only.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from dataclasses import dataclass

from aici.compiler.strings import LiteralError, closing_quote, pieces
from aici.compiler.tables import END
from aici.diagnostics import DiagnosticSink, SourceFile, Span

MAX_BRACKETS = 100
"""Brackets, f-strings and replacement fields that are open at one place."""
MAX_BLOCKS = 100
"""Levels of indentation."""
MAX_DIGITS = 4300
"""Decimal digits of an integer literal, CPython's own bound: converting takes quadratic time."""
MAX_INT_BITS = 1 << 16
"""Bits of an integer literal in another base; the machine's limit by default."""

ERROR = "ERROR"


@dataclass(slots=True)
class Token:
    """A stretch of source text; `type` is a terminal of the grammar.

    `value` is the name, number or string that it stands for, the source text of a `FIELD_DEBUG`, and empty for tokens
    that are all in their type.
    """

    type: str
    start: int
    end: int
    value: str | bytes | int | float = ""

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)


@dataclass(slots=True)
class _Open:
    """A bracket, an f-string or one of its fields that is not closed yet."""

    kind: str  # ( [ { or string, field, spec
    start: int
    quote: str = ""  # of the f-string around a string, field or spec
    raw: bool = False


_KEYWORDS = frozenset(keyword.kwlist)
_NEVER_INSIDE = _KEYWORDS - frozenset(
    "and or not in is if else for lambda await async None True False yield from".split()
)
"""Keywords that no expression contains: at the start of a line they tell that a bracket was forgotten."""
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_OPENING = {closing: opening for opening, closing in _CLOSING.items()}

_D = r"[0-9](?:_?[0-9])*"
_TOKEN = re.compile(
    rf"""
    [ \t\f]*
    (?: (?P<newline> \n)
      | (?P<skip> \\\n | \#[^\n]*)
      | (?P<string> (?:[rR][bBfF]?|[bBfF][rR]?|[uU])? (?:'''|\"\"\"|'|"))
      | (?P<name> (?:[A-Za-z_]|[^\x00-\x7f]) (?:[A-Za-z0-9_]|[^\x00-\x7f])*)
      | (?P<number> 0[xX](?:_?[0-9a-fA-F])+ | 0[oO](?:_?[0-7])+ | 0[bB](?:_?[01])+
          | (?P<float> (?:{_D}\.(?:{_D})?|\.{_D})(?:[eE][+-]?{_D})? | {_D}[eE][+-]?{_D})
          | {_D})
      | (?P<operator> \*\*= | //= | >>= | <<= | \.\.\. | -> | := | == | != | <= | >= | \*\* | // | << | >>
          | [-+*/%@&|^]= | [-+*/%@&|^~<>=(){{}}\[\],:.;])
    )""",
    re.VERBOSE,
)
_INDENTATION = re.compile(r"(?:[ \t\f]*\\\n)*[ \t\f]*")
_WORD = re.compile(r"(?:[A-Za-z0-9_]|[^\x00-\x7f])*")
_DEBUG = re.compile(r"=(?!=)[ \t\f\n]*(?=[:}]|!(?!=))")
_SPACE = re.compile(r"[ \t\f\n]*")
_CONVERSION = re.compile(r"!(?!=)[ \t\f\n]*(\w*)")
_BASES = {"x": (16, "hexadecimal"), "o": (8, "octal"), "b": (2, "binary")}


def lex(source: SourceFile, sink: DiagnosticSink) -> list[Token]:
    """All tokens of a source; DiagnosticError where going on makes no sense."""
    return _Lexer(source, sink).run()


class _Lexer:
    def __init__(self, source: SourceFile, sink: DiagnosticSink) -> None:
        self.source = source
        self.text = source.text
        self.sink = sink
        self.at = 0
        self.tokens: list[Token] = []
        self.open: list[_Open] = []
        self.columns = [(0, 0)]  # of the open blocks: tabs as stops at 8, tabs as one column
        self.line_start = True

    def run(self) -> list[Token]:
        while self.at < len(self.text):
            top = self.open[-1] if self.open else None
            if top is not None and top.kind in ("string", "spec"):
                self.fstring_text(top)
            elif top is None and self.line_start:
                self.indentation()
            elif top is None or top.kind != "field" or not self.field_token(top):
                self.token()
        if self.open:
            self.never_closed()
        self.end_line()
        self.close_blocks(0)
        self.emit(END, self.last_end, self.last_end)
        return self.tokens

    # Reporting

    def error(self, start: int, end: int, message: str, hint: str | None = None) -> None:
        self.sink.error(Span(start, end), message, hint)
        self.emit(ERROR, start, end)

    def fatal(self, start: int, end: int, message: str, hint: str) -> None:
        self.error(start, end, message, hint)
        self.sink.raise_if_any()

    # Lines and blocks

    @property
    def last_end(self) -> int:
        return self.tokens[-1].end if self.tokens else 0

    def emit(self, type_: str, start: int, end: int, value: str | bytes | int | float = "") -> None:
        self.tokens.append(Token(type_, start, end, value))

    def end_line(self) -> None:
        if self.tokens and self.tokens[-1].type not in ("_NEWLINE", "_INDENT", "_DEDENT"):
            self.emit("_NEWLINE", self.last_end, self.last_end)
        self.line_start = True

    def indentation(self) -> None:
        """At the start of a line outside brackets: skip it if it is blank, else open or close blocks."""
        match = _INDENTATION.match(self.text, self.at)
        assert match is not None
        line, start = self.at, match.end()
        if self.text.startswith(("\n", "#"), start) or start == len(self.text):
            end = self.text.find("\n", start)
            self.at = len(self.text) if end < 0 else end + 1
            return
        self.at = start
        self.line_start = False
        continued = self.text[line:start].split("\\\n")
        self.indent_to(line, start, next(filter(None, continued), ""))

    def indent_to(self, line: int, start: int, indentation: str) -> None:
        wide = narrow = 0
        for character in indentation:
            wide = 0 if character == "\f" else wide + (8 - wide % 8 if character == "\t" else 1)
            narrow = 0 if character == "\f" else narrow + 1
        top_wide, top_narrow = self.columns[-1]
        if wide > top_wide:
            if narrow <= top_narrow:
                return self.mixed_tabs(line, start)
            if len(self.columns) > MAX_BLOCKS:
                self.fatal(line, start, f"too many levels of indentation (at most {MAX_BLOCKS})", "use functions")
            self.columns.append((wide, narrow))
            return self.emit("_INDENT", line, start)
        levels = len(self.columns)
        while self.columns[levels - 1][0] > wide:
            levels -= 1
        self.close_blocks(levels - 1)
        top_wide, top_narrow = self.columns[-1]
        if wide != top_wide:
            self.error(line, start, "unindent does not match any outer indentation level")
        elif narrow != top_narrow:
            self.mixed_tabs(line, start)
        return None

    def mixed_tabs(self, line: int, start: int) -> None:
        self.error(line, start, "inconsistent use of tabs and spaces in indentation", "indent with spaces only")

    def close_blocks(self, keep: int) -> None:
        while len(self.columns) > keep + 1:
            self.columns.pop()
            self.emit("_DEDENT", self.last_end, self.last_end)

    # Tokens outside f-string text

    def token(self) -> None:
        match = _TOKEN.match(self.text, self.at)
        if match is None:
            self.bad_character()
            return
        kind = match.lastgroup
        assert kind is not None
        start, self.at = match.start(kind), match.end()
        if kind == "name":
            self.name(start, match[kind])
        elif kind == "operator":
            self.operator(start, match[kind])
        elif kind == "string":
            self.string(start, match[kind])
        elif kind == "number":
            self.number(start, match[kind], match["float"] is not None)
        elif kind == "newline" and not self.open:
            self.end_line()

    def bad_character(self) -> None:
        start = self.at
        while self.text[start : start + 1] in (" ", "\t", "\f"):
            start += 1
        self.at = start + 1
        if start == len(self.text):
            return
        character = self.text[start]
        if character == "\\":
            self.error(start, self.at, "unexpected character after line continuation character")
        else:
            self.error(start, self.at, f"invalid character {_shown(character)}")

    def name(self, start: int, name: str) -> None:
        if name in _KEYWORDS:
            if self.open and name in _NEVER_INSIDE and self.first_on_line(start):
                self.forgotten_bracket(start)
            else:
                self.emit(name, start, self.at)
            return None
        if not name.isascii():
            if not name.isidentifier():
                bad = next(i for i in range(1, len(name) + 1) if not name[:i].isidentifier()) - 1
                return self.error(start + bad, start + bad + 1, f"invalid character {_shown(name[bad])}")
            name = unicodedata.normalize("NFKC", name)
        return self.emit("NAME", start, self.at, name)

    def first_on_line(self, start: int) -> bool:
        return not self.text[self.text.rfind("\n", 0, start) + 1 : start].strip(" \t\f")

    def forgotten_bracket(self, start: int) -> None:
        """Report the open bracket, and read the line again as the start of a statement."""
        self.never_closed()
        self.end_line()
        self.at = self.text.rfind("\n", 0, start) + 1

    def never_closed(self) -> None:
        top = self.open[-1]
        if top.kind == "string":
            self.error(top.start, top.start + 1, "unterminated f-string literal")
        elif top.kind in ("field", "spec"):
            self.missing_brace(top)
        else:
            self.error(top.start, top.start + 1, f"'{top.kind}' was never closed")
        self.open.clear()

    def number(self, start: int, written: str, is_float: bool) -> None:
        rest = _WORD.match(self.text, self.at)
        assert rest is not None
        base, kind = _BASES.get(written[1:2].lower(), (10, "decimal"))
        if rest.group() in ("j", "J"):
            self.at = rest.end()
            return self.error(start, self.at, "complex numbers are not supported")
        if rest.group() and rest.group() not in ("and", "else", "for", "if", "in", "is", "not", "or"):
            self.at = rest.end()
            if written == "0":
                kind = _BASES.get(rest.group()[0].lower(), (10, kind))[1]
            return self.error(start, self.at, f"invalid {kind} literal")
        if is_float:
            return self.emit("NUMBER", start, self.at, float(written))
        digits = written.replace("_", "")
        if base == 10 and len(digits) > MAX_DIGITS:
            hint = "write it in hexadecimal"
            return self.error(start, self.at, f"integer literal of more than {MAX_DIGITS} digits", hint)
        value = int(digits, 0) if base != 10 else int(digits)
        if value.bit_length() > MAX_INT_BITS:
            return self.error(start, self.at, f"integer literal of more than {MAX_INT_BITS} bits")
        if base == 10 and value and digits[0] == "0":
            message = "leading zeros in decimal integer literals are not permitted"
            return self.error(start, self.at, message, "octal literals begin with 0o")
        return self.emit("NUMBER", start, self.at, value)

    def operator(self, start: int, operator: str) -> None:
        if operator in _CLOSING:
            self.push(_Open(operator, start))
        elif operator in _OPENING:
            if not self.open or self.open[-1].kind != _OPENING[operator]:
                return self.unmatched(start, operator)
            self.open.pop()
        return self.emit(operator, start, self.at)

    def push(self, opened: _Open) -> None:
        if len(self.open) >= MAX_BRACKETS:
            message = f"too many nested brackets (at most {MAX_BRACKETS})"
            self.fatal(opened.start, opened.start + 1, message, "give parts of the expression names")
        self.open.append(opened)

    def unmatched(self, start: int, closing: str) -> None:
        depth = next((i for i in reversed(range(len(self.open))) if self.open[i].kind == _OPENING[closing]), None)
        if self.open and self.open[-1].kind in _CLOSING:
            line, _ = self.source.position(self.open[-1].start)
            message = f"closing '{closing}' does not match opening '{self.open[-1].kind}' on line {line}"
        else:
            message = f"unmatched '{closing}'"
        self.error(start, start + 1, message)
        if depth is not None and all(opened.kind in _CLOSING for opened in self.open[depth:]):
            del self.open[depth:]

    # Strings

    def string(self, start: int, opening: str) -> None:
        prefix = opening.rstrip("'\"").lower()
        quote = opening[len(prefix) :]
        if "f" in prefix:
            self.push(_Open("string", start, quote, "r" in prefix))
            return self.emit("_FSTRING_START", start, self.at)
        end = closing_quote(self.text, self.at, quote)
        if end < 0:
            return self.unterminated(start, quote, "string")
        first, self.at = self.at, end + len(quote)
        is_bytes = "b" in prefix
        value = self.value(first, end, raw="r" in prefix, is_bytes=is_bytes)
        if value is None:
            return None
        return self.emit("STRING", start, self.at, value.encode("latin-1") if is_bytes else value)

    def value(self, start: int, end: int, *, raw: bool, is_bytes: bool = False) -> str | None:
        """What a stretch of literal text stands for; None after reporting an escape without meaning."""
        try:
            return "".join(piece for piece, _ in pieces(self.text, start, end, raw=raw, is_bytes=is_bytes))
        except LiteralError as error:
            self.error(error.span.start, error.span.end, str(error))
            return None

    def unterminated(self, start: int, quote: str, kind: str) -> None:
        triple = "triple-quoted " if len(quote) == 3 else ""
        field = next((opened for opened in reversed(self.open) if opened.kind == "field"), None)
        if field is not None and kind == "string":
            self.missing_brace(field)
        else:
            self.error(start, start + 1, f"unterminated {triple}{kind} literal")
        self.give_up_line(to_the_end=bool(triple))

    def missing_brace(self, field: _Open) -> None:
        self.error(field.start, field.start + 1, "f-string: '}' is missing")

    def give_up_line(self, *, to_the_end: bool = False) -> None:
        """Go on behind the line, with nothing open."""
        end = -1 if to_the_end else self.text.find("\n", self.at)
        self.at = len(self.text) if end < 0 else end
        self.open.clear()

    # F-strings

    def fstring_text(self, top: _Open) -> None:
        """At text of an f-string or a format spec: everything up to a field, the end of the spec or the quote."""
        begin = start = self.at
        text: list[str | None] = []
        for match in _FSTRING_STOPS[top.quote, top.raw].finditer(self.text, begin):
            found, end = match.group(), match.start()
            if found[0] == "\\":
                continue
            doubled = found in ("{{", "}}") and top.kind == "string"
            text.append(self.value(start, end + 1 if doubled else end, raw=top.raw))
            start = match.end()
            if not doubled:
                if any(text):
                    self.emit("FSTRING_TEXT", begin, end, "".join(part or "" for part in text))
                return self.fstring_stop(top, end, found)
        return self.unterminated(top.start, top.quote, "f-string")

    def fstring_stop(self, top: _Open, start: int, found: str) -> None:
        """At what ends a stretch of text in an f-string."""
        self.at = start + 1
        if found == "\n":
            self.at = start
            self.unterminated(top.start, top.quote, "f-string")
        elif found == top.quote and top.kind == "string":
            self.at = start + len(found)
            self.open.pop()
            self.emit("_FSTRING_END", start, self.at)
        elif found == top.quote:
            self.missing_brace(top)
            self.give_up_line()
        elif found[0] == "{":
            self.push(_Open("field", start, top.quote, top.raw))
            self.emit("_FIELD_START", start, self.at)
        elif top.kind == "spec":
            self.open.pop()
            self.emit("_FIELD_END", start, self.at)
        else:
            self.error(start, self.at, "f-string: single '}' is not allowed", "write }} for the character")

    def field_token(self, top: _Open) -> bool:
        """At what means something of its own directly inside a replacement field; False if nothing such is here."""
        space = _SPACE.match(self.text, self.at)
        assert space is not None
        start = space.end()
        character = self.text[start : start + 1]
        if character == ":":
            self.at = start + 1
            top.kind = "spec"
            self.emit("_FIELD_SPEC", start, self.at)
        elif character == "}":
            self.at = start + 1
            self.open.pop()
            self.emit("_FIELD_END", start, self.at)
        elif match := _DEBUG.match(self.text, start):
            self.at = match.end()
            self.emit("FIELD_DEBUG", start, self.at, self.text[top.start + 1 : self.at])
        elif match := _CONVERSION.match(self.text, start):
            self.at = match.end()
            if match[1] not in ("s", "r", "a"):
                self.error(start, self.at, "f-string: after '!' must come s, r or a")
            else:
                self.emit("FIELD_CONVERSION", start, self.at, match[1])
        else:
            return False
        return True


_FSTRING_STOPS = {
    (quote, raw): re.compile(
        ("" if raw else r"\\N\{[^{}\n]*\}|") + r"\\[^{}]|\{\{|\}\}|[{}]|" + quote + ("" if len(quote) == 3 else r"|\n"),
        re.DOTALL,
    )
    for quote in ("'", '"', "'''", '"""')
    for raw in (False, True)
}
"""What may end a stretch of text in an f-string, or looks like it and does not."""


def _shown(character: str) -> str:
    code = f"U+{ord(character):04X}"
    return f"'{character}' ({code})" if character.isprintable() else code
