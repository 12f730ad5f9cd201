r"""Reads a pattern character by character, and the escapes that stand for a character or a class of them.

Goes in: a pattern. Comes out: `PatternReader`, which `regex_syntax` makes its parser of.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from . import properties, unicode
from .charset import CharSet
from .errors import RegexError

OCTAL = frozenset("01234567")
_SIMPLE_ESCAPES = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92}
_HEX_LENGTH = {"x": 2, "u": 4, "U": 8}
_LONGEST_PROPERTY = 64
_HEX = frozenset("0123456789abcdefABCDEF")


@dataclass
class PatternReader:
    """A place in a pattern."""

    pattern: str
    pos: int = 0

    def take(self, char: str) -> bool:
        if self.pattern.startswith(char, self.pos):
            self.pos += 1
            return True
        return False

    def next(self, start: int, message: str = "this group is never closed", hint: str | None = None) -> str:
        """The next character, which has to be there; `start` is where the construct began."""
        if self.pos >= len(self.pattern):
            raise self.error(message, start, self.pos, hint)
        self.pos += 1
        return self.pattern[self.pos - 1]

    def error(self, message: str, start: int, end: int, hint: str | None = None) -> RegexError:
        return RegexError(message, self.pattern, start, end, hint)

    def unsupported(self, what: str, start: int, hint: str) -> RegexError:
        return self.error(f"{what} is not supported", start, self.pos, hint)

    # -- escapes

    def octal(self, start: int, digits: str) -> int:
        code = int(digits, 8)
        if code > 0o377:
            raise self.error("an octal escape is at most \\377", start, self.pos, f"write \\x.. or \\u{code:04x}")
        return code

    def escaped_class(self, start: int, char: str, ascii_only: bool) -> CharSet | None:
        """What an escape stands for that is a class, or None; `char` follows the backslash."""
        if char in "dDsSwW":
            return unicode.escape_class(char, ascii_only)
        if char not in "pP":
            return None
        chars = self._property(start)
        return ~chars if char == "P" else chars

    def _property(self, start: int) -> CharSet:
        """After `\\p`."""
        name = self.next(start, "a category is written \\p{L}")
        if name == "{":
            end = self.pattern.find("}", self.pos, self.pos + _LONGEST_PROPERTY)
            if end < 0:
                raise self.error("a category is written \\p{L}", start, self.pos)
            name = self.pattern[self.pos : end]
            self.pos = end + 1
        chars = properties.property_class(name)
        if chars is None:
            meant = properties.similar(name)
            hint = f"did you mean {meant}?" if meant else "there are categories, as L, Lu, Nd, P, and scripts, as Greek"
            raise self.error(f"unknown category or script '{name}'", start, self.pos, hint)
        return chars

    def escaped_char(self, start: int, char: str) -> int:
        """The code of an escape that stands for one character; `char` follows the backslash."""
        if char in _SIMPLE_ESCAPES:
            return _SIMPLE_ESCAPES[char]
        if char in _HEX_LENGTH:
            return self._hex(start, _HEX_LENGTH[char])
        if char == "N":
            return self._character_name(start)
        if char in OCTAL:
            end = self.pos
            while end < min(self.pos + 2, len(self.pattern)) and self.pattern[end] in OCTAL:
                end += 1
            digits = self.pattern[self.pos - 1 : end]
            self.pos = end
            return self.octal(start, digits)
        if char.isascii() and char.isalnum():
            raise self.error(f"unknown escape '\\{char}'", start, self.pos, f"the character itself is written '{char}'")
        return ord(char)

    def _hex(self, start: int, length: int) -> int:
        digits = self.pattern[self.pos : self.pos + length]
        if len(digits) < length or not all(c in _HEX for c in digits):
            hint = "a character is written \\x0a, \\u00e9 or \\U0001f600"
            raise self.error(f"this escape takes {length} hexadecimal digits", start, self.pos, hint)
        self.pos += length
        code = int(digits, 16)
        if code > 0x10FFFF:
            raise self.error("the last character is \\U0010ffff", start, self.pos)
        return code

    def _character_name(self, start: int) -> int:
        end = self.pattern.find("}", self.pos, self.pos + 256)
        if not self.take("{") or end < 0:
            raise self.error("a character's name is written \\N{EM DASH}", start, self.pos)
        name = self.pattern[self.pos : end]
        self.pos = end + 1
        try:
            return ord(unicodedata.lookup(name))
        except (KeyError, TypeError):
            raise self.error("no character of this name", start, self.pos) from None
