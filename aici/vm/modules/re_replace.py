"""The controller's `re`: replacements, from a template or by a function."""

from __future__ import annotations

import string
from collections.abc import Callable

from aici.vm import meter, regex
from aici.vm.modules.re_pattern import pattern_of
from aici.vm.modules.re_search import Search
from aici.vm.native import Context, method, module_function
from aici.vm.values import Object, Value

_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
_OCTAL = frozenset("01234567")
_DIGITS = frozenset(string.digits)


class _TemplateReader:
    """Reads a replacement such as `\\1-\\g<name>` into texts and numbers of groups."""

    def __init__(self, ctx: Context, template: str | bytes, found: regex.Regex) -> None:
        self.ctx = ctx
        self.binary = isinstance(template, bytes)
        self.text = template.decode("latin-1") if isinstance(template, bytes) else template
        self.regex = found
        self.at = 0

    def read(self) -> list[str | int]:
        parts: list[str | int] = []
        while True:
            escape = self.text.find("\\", self.at)
            self.ctx.charge(1)
            if escape < 0:
                parts.append(self.text[self.at :])
                return parts
            parts.append(self.text[self.at : escape])
            self.at = escape + 2
            parts.append(self.escape(self.text[escape + 1 : escape + 2], escape))

    def fail(self, message: str, at: int) -> Exception:
        return self.ctx.error("re.error", f"{message} at position {at}")

    def escape(self, char: str, start: int) -> str | int:
        if char == "":
            raise self.fail("bad escape (end of pattern)", start)
        if char == "g":
            return self.named(start)
        if char in _DIGITS:
            return self.numbered(char, start)
        if char in _ESCAPED:
            return _ESCAPED[char]
        if char in string.ascii_letters:
            raise self.fail(f"bad escape \\{char}", start)
        return "\\" + char

    def numbered(self, char: str, start: int) -> str | int:
        """`\\0` and three octal digits are characters, else one or two digits are a group."""
        digits = char
        following = self.text[self.at : self.at + 2]
        if char == "0":
            digits += "".join(c for n, c in enumerate(following) if c in _OCTAL and (n == 0 or following[0] in _OCTAL))
            self.at += len(digits) - 1
            return chr(int(digits, 8) & 0xFF)
        if following[:1] in _DIGITS and following:
            digits += following[0]
            if char in _OCTAL and following[0] in _OCTAL and following[1:] in _OCTAL and following[1:]:
                self.at += 2
                code = int(digits + following[1], 8)
                if code > 0o377:
                    shown = f"\\{digits}{following[1]}"
                    raise self.fail(f"octal escape value {shown} outside of range 0-0o377", start)
                return chr(code)
            self.at += 1
        return self.group(int(digits), start + 1)

    def group(self, number: int, at: int) -> int:
        if number > self.regex.groups:
            raise self.fail(f"invalid group reference {number}", at)
        return number

    def named(self, start: int) -> int:
        if self.text[self.at : self.at + 1] != "<":
            raise self.fail("missing <", self.at)
        end = self.text.find(">", self.at)
        name = self.text[self.at + 1 : end if end >= 0 else None]
        if not name:
            raise self.fail("missing group name", self.at + 1)
        if end < 0:
            raise self.fail("missing >, unterminated name", self.at + 1)
        place, self.at = self.at + 1, end + 1
        if name.isascii() and name.isdecimal() and len(name) < 10:
            return self.group(int(name), place)
        if not name.isidentifier() or (self.binary and not name.isascii()):
            shown = repr(name.encode("latin-1")) if self.binary else repr(name)
            raise self.fail(f"bad character in group name {shown[:200]}", place)
        if name not in self.regex.group_index:
            raise self.ctx.error("IndexError", f"unknown group name {name!r}")
        return self.regex.group_index[name]


def expander(ctx: Context, search: Search, template: str | bytes) -> Callable[[tuple[regex.Span, ...]], list[Value]]:
    """A function from a match to the pieces of its replacement."""
    meter.scan(ctx, len(template))
    texts = _TemplateReader(ctx, template, search.regex).read()
    empty = search.text[:0]
    pieces: list[Value] = [
        part.encode("latin-1") if isinstance(part, str) and search.regex.binary else part
        for part in texts
        if part != ""
    ]

    def expand(spans: tuple[regex.Span, ...]) -> list[Value]:
        ctx.charge(1 + len(pieces))
        ctx.allocate(meter.ITEM_BYTES * len(pieces))
        return [search.slice(spans[piece], empty) if isinstance(piece, int) else piece for piece in pieces]

    return expand


def _replace(search: Search, repl: Value, count: Value) -> tuple[Value, int]:
    ctx, limit = search.ctx, search.ctx.index(count)
    binary = search.regex.binary
    expand: Callable[[tuple[regex.Span, ...]], list[Value]]
    if isinstance(repl, (str, bytes)):
        if isinstance(repl, bytes) != binary:
            wanted, other = ("a bytes-like object", "str") if binary else ("str", "bytes")
            raise ctx.error("TypeError", f"expected {wanted} instance, {other} found")
        expand = expander(ctx, search, repl)
    elif ctx.is_callable(repl):

        def expand(spans: tuple[regex.Span, ...]) -> list[Value]:
            made = ctx.call(repl, (search.match(spans),))
            return [] if made is None else [made]

    else:
        name = ctx.type_of(repl).name
        raise ctx.error("TypeError", f"expected str instance or a function, {name} found")
    pieces: list[Value] = []
    last = made = 0
    for spans in search.all() if limit >= 0 else ():
        if limit and made >= limit:
            break
        ctx.allocate(2 * meter.ITEM_BYTES)
        pieces.append(search.slice((last, spans[0][0])))
        pieces += expand(spans)
        last = spans[0][1]
        made += 1
    pieces.append(search.slice((last, search.end)))
    return joined(ctx, pieces, binary), made


def joined(ctx: Context, pieces: list[Value], binary: bool) -> Value:
    size = 0
    for number, piece in enumerate(pieces):
        if not isinstance(piece, bytes if binary else str):
            wanted = "a bytes-like object" if binary else "str instance"
            name = ctx.type_of(piece).name
            raise ctx.error("TypeError", f"sequence item {number}: expected {wanted}, {name} found")
        size += len(piece) * meter.width(piece)
    meter.text(ctx, size)
    return b"".join(pieces) if binary else "".join(pieces)


@module_function("re", "sub")
def _sub(ctx: Context, pattern: Value, repl: Value, string: Value, count: Value = 0, flags: Value = 0) -> Value:
    return _replace(Search(ctx, pattern_of(ctx, pattern, flags), string), repl, count)[0]


@module_function("re", "subn")
def _subn(
    ctx: Context, pattern: Value, repl: Value, string: Value, count: Value = 0, flags: Value = 0
) -> tuple[Value, int]:
    return _replace(Search(ctx, pattern_of(ctx, pattern, flags), string), repl, count)


@method("re.Pattern", "sub")
def _pattern_sub(ctx: Context, self: Object, repl: Value, string: Value, count: Value = 0) -> Value:
    return _replace(Search(ctx, self, string), repl, count)[0]


@method("re.Pattern", "subn")
def _pattern_subn(ctx: Context, self: Object, repl: Value, string: Value, count: Value = 0) -> tuple[Value, int]:
    return _replace(Search(ctx, self, string), repl, count)
