"""The controller's `re`: patterns, matches and functions of CPython's module, on the linear matcher of `vm.regex`.

A pattern is its text and flags, a match its text and spans: plain data. What RE2 makes of a pattern lives in a bounded
cache outside of processes; every use is charged as if it had to be made again.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterator
from typing import cast

from aici.vm import meter, regex
from aici.vm.exceptions import exception_class
from aici.vm.native import Context, getter, method, module_function, module_value, type_
from aici.vm.values import UNBOUND, ExceptionValue, Object, Value

_PATTERN = type_("re.Pattern")
_MATCH = type_("re.Match")
_ERROR = exception_class("re.error", "Exception")
module_value("re", "Pattern", _PATTERN)
module_value("re", "Match", _MATCH)
module_value("re", "error", _ERROR)

FLAGS = {
    "ASCII": regex.ASCII,
    "IGNORECASE": regex.IGNORECASE,
    "MULTILINE": regex.MULTILINE,
    "DOTALL": regex.DOTALL,
    "VERBOSE": regex.VERBOSE,
    "UNICODE": regex.UNICODE,
}
for _name, _flag in FLAGS.items():
    module_value("re", _name, _flag)
    module_value("re", {"DOTALL": "S", "VERBOSE": "X"}.get(_name, _name[0]), _flag)
module_value("re", "NOFLAG", 0)

_TOLD = re.compile(r"(?s)(.*?) at position (\d+)(?: \(line (\d+), column (\d+)\))?\Z")


def _told(number: int) -> Callable[[Context, ExceptionValue], Value]:
    def read(ctx: Context, self: ExceptionValue) -> Value:
        text = self.args[0] if self.args and isinstance(self.args[0], str) else ""
        found = _TOLD.match(text)
        if number == 1:
            return found[1] if found else text
        return int(found[number]) if found and found[number] else None

    return read


for _number, _attribute in enumerate(("msg", "pos", "lineno", "colno"), 1):
    getter("re.error", _attribute)(_told(_number))

# --- patterns ---


def _regex(ctx: Context, pattern: str | bytes, flags: int) -> regex.Regex:
    """The matcher of a pattern, charged as if it were made anew."""
    ctx.charge(50 + 3 * len(pattern) + 30 * (pattern.count("[") if isinstance(pattern, str) else pattern.count(b"[")))
    try:
        made = regex.compiled(pattern, flags)
    except regex.RegexError as error:
        raise ctx.error("re.error", str(error)) from None
    ctx.charge(made.weight)
    return made


def _pattern(ctx: Context, pattern: Value, flags: Value = 0) -> Object:
    """`re.compile(pattern, flags)`, but that a wrong pattern shows where it is used."""
    number = ctx.index(flags)
    if isinstance(pattern, Object) and pattern.kind is _PATTERN:
        if number:
            raise ctx.error("ValueError", "cannot process flags argument with a compiled pattern")
        return pattern
    if not isinstance(pattern, (str, bytes)):
        raise ctx.error("TypeError", "first argument must be string or compiled pattern")
    if not 0 <= number < 1 << 16:
        raise ctx.error("ValueError", "flags out of range")
    ctx.allocate(600)
    return Object(_PATTERN, {"pattern": pattern, "#given": number})


def _ready(ctx: Context, pattern: Object) -> regex.Regex:
    return _regex(ctx, pattern.fields["pattern"], pattern.fields["#given"])


@module_function("re", "compile")
def _compile(ctx: Context, pattern: Value, flags: Value = 0) -> Object:
    made = _pattern(ctx, pattern, flags)
    _ready(ctx, made)
    return made


@getter("re.Pattern", "flags")
def _flags(ctx: Context, self: Object) -> int:
    return _ready(ctx, self).flags


@getter("re.Pattern", "groups")
def _groups(ctx: Context, self: Object) -> int:
    return _ready(ctx, self).groups


@module_function("re", "purge")
def _purge(ctx: Context) -> None:
    """Nothing to do: no cache is visible to controllers."""


@module_function("re", "escape")
def _escape(ctx: Context, pattern: Value) -> str | bytes:
    if not isinstance(pattern, (str, bytes)):
        raise ctx.error("TypeError", f"expected str or bytes, got '{ctx.type_of(pattern).name}'")
    meter.text(ctx, 2 * len(pattern) * meter.width(pattern))
    ctx.charge(len(pattern) // 10)
    escaped: str | bytes = re.escape(cast(str, pattern))  # bytes all the same
    return escaped


@getter("re.Pattern", "groupindex")
def _groupindex(ctx: Context, self: Object) -> dict[str, int]:
    index = _ready(ctx, self).group_index
    meter.table(ctx, len(index))
    return dict(index)


@method("re.Pattern", "__repr__")
def _pattern_repr(ctx: Context, self: Object, /) -> str:
    flags = _flags(ctx, self) & ~(regex.UNICODE if isinstance(self.fields["pattern"], str) else 0)
    names = [f"re.{name}" for name, flag in FLAGS.items() if flags & flag]
    shown = ctx.to_repr(self.fields["pattern"])[:200]
    return f"re.compile({shown}, {'|'.join(names)})" if names else f"re.compile({shown})"


# --- searching ---

_CHEAP = 4  # atoms; up to here RE2's automaton cannot grow beyond its cache


class _Search:
    """One text under one pattern, searched from left to right."""

    def __init__(self, ctx: Context, pattern: Object, text: Value, pos: Value = 0, endpos: Value = UNBOUND) -> None:
        self.ctx = ctx
        self.pattern = pattern
        self.regex = _ready(ctx, pattern)
        self.text: str | bytes = _checked(ctx, text, self.regex.binary)
        length = len(self.text)
        self.pos = min(max(0, ctx.index(pos)), length)
        self.end = length if endpos is UNBOUND else min(max(0, ctx.index(endpos)), length)
        self.groups = self.regex.groups
        meter.text(ctx, 5 * length)
        ctx.charge(length // (100 if self.text.isascii() else 10))
        try:
            self.prepared = self.regex.prepare(self.text if self.end == length else self.text[: self.end])
        except regex.RegexError as error:
            raise ctx.error("re.error", str(error)) from None

    def first(self, at: int, how: str = "search") -> tuple[regex.Span, ...] | None:
        """Spans of the first match from `at` on."""
        if at > self.end:
            return None
        size, weight = self.end - at, self.regex.weight
        self.ctx.charge(2 + self.groups // 4 + (size >> 9 if weight <= _CHEAP else size * weight // 80))
        found = regex.search(self.prepared, at, how)
        if found is not None and self.groups:
            # Which groups matched is found out by a second, slower pass over the match.
            self.ctx.charge((found[0][1] - found[0][0]) * weight // 20)
        return found

    def all(self) -> Iterator[tuple[regex.Span, ...]]:
        """Matches that do not overlap; an empty one may follow another match, but not an empty one at its place."""
        at, emptied = self.pos, -1
        while True:
            found = self.first(at)
            if found is not None and found[0] == (emptied, emptied):
                found = self.first(at + 1)
            if found is None:
                return
            yield found
            start, at = found[0]
            emptied = at if start == at else -1

    def match(self, spans: tuple[regex.Span, ...] | None) -> Object | None:
        """The match as a value."""
        if spans is None:
            return None
        self.ctx.allocate(400 + meter.ITEM_BYTES * 3 * len(spans))
        fields = {"re": self.pattern, "string": self.text, "pos": self.pos, "endpos": self.end, "#spans": spans}
        return Object(_MATCH, fields)

    def slice(self, span: regex.Span, default: Value = None) -> Value:
        """The text of a group; the default if it took no part."""
        if span[0] < 0:
            return default
        meter.text(self.ctx, (span[1] - span[0]) * meter.width(self.text))
        return self.text[span[0] : span[1]]


def _checked(ctx: Context, text: Value, binary: bool) -> str | bytes:
    if isinstance(text, str):
        if binary:
            raise ctx.error("TypeError", "cannot use a bytes pattern on a string-like object")
        return text
    if isinstance(text, bytes):
        if not binary:
            raise ctx.error("TypeError", "cannot use a string pattern on a bytes-like object")
        return text
    raise ctx.error("TypeError", f"expected string or bytes-like object, got '{ctx.type_of(text).name}'")


def _register_search(name: str) -> None:
    @module_function("re", name)
    def function(ctx: Context, pattern: Value, string: Value, flags: Value = 0) -> Value:
        search = _Search(ctx, _pattern(ctx, pattern, flags), string)
        return search.match(search.first(search.pos, name))

    @method("re.Pattern", name)
    def of_pattern(ctx: Context, self: Object, string: Value, pos: Value = 0, endpos: Value = UNBOUND) -> Value:
        search = _Search(ctx, self, string, pos, endpos)
        return search.match(search.first(search.pos, name))


for _name in ("search", "match", "fullmatch"):
    _register_search(_name)


def _found(search: _Search) -> list[Value]:
    """`findall`: the matches, or their group, or tuples of their groups."""
    empty = search.text[:0]
    made: list[Value] = []
    for spans in search.all():
        search.ctx.allocate(meter.ITEM_BYTES * (len(spans) + 2))
        shown = [search.slice(span, empty) for span in (spans[1:] or spans)]
        made.append(shown[0] if len(shown) == 1 else tuple(shown))
    return made


@module_function("re", "findall")
def _findall(ctx: Context, pattern: Value, string: Value, flags: Value = 0) -> list[Value]:
    return _found(_Search(ctx, _pattern(ctx, pattern, flags), string))


@method("re.Pattern", "findall")
def _pattern_findall(ctx: Context, self: Object, string: Value, pos: Value = 0, endpos: Value = UNBOUND) -> list[Value]:
    return _found(_Search(ctx, self, string, pos, endpos))


@module_function("re", "finditer")
def _finditer(ctx: Context, pattern: Value, string: Value, flags: Value = 0) -> Value:
    search = _Search(ctx, _pattern(ctx, pattern, flags), string)
    return ctx.iterator([search.match(spans) for spans in search.all()])


@method("re.Pattern", "finditer")
def _pattern_finditer(ctx: Context, self: Object, string: Value, pos: Value = 0, endpos: Value = UNBOUND) -> Value:
    search = _Search(ctx, self, string, pos, endpos)
    return ctx.iterator([search.match(spans) for spans in search.all()])


def _split_text(search: _Search, limit: int) -> list[Value]:
    made: list[Value] = []
    last = 0
    for number, spans in enumerate(search.all() if limit >= 0 else ()):
        if limit and number >= limit:
            break
        search.ctx.allocate(meter.ITEM_BYTES * (len(spans) + 1))
        made.append(search.slice((last, spans[0][0])))
        made += [search.slice(span) for span in spans[1:]]
        last = spans[0][1]
    made.append(search.slice((last, search.end)))
    return made


@module_function("re", "split")
def _split(ctx: Context, pattern: Value, string: Value, maxsplit: Value = 0, flags: Value = 0) -> list[Value]:
    return _split_text(_Search(ctx, _pattern(ctx, pattern, flags), string), ctx.index(maxsplit))


@method("re.Pattern", "split")
def _pattern_split(ctx: Context, self: Object, string: Value, maxsplit: Value = 0) -> list[Value]:
    return _split_text(_Search(ctx, self, string), ctx.index(maxsplit))


# --- replacing ---

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


def _expander(ctx: Context, search: _Search, template: str | bytes) -> Callable[[tuple[regex.Span, ...]], list[Value]]:
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


def _replace(search: _Search, repl: Value, count: Value) -> tuple[Value, int]:
    ctx, limit = search.ctx, search.ctx.index(count)
    binary = search.regex.binary
    expand: Callable[[tuple[regex.Span, ...]], list[Value]]
    if isinstance(repl, (str, bytes)):
        if isinstance(repl, bytes) != binary:
            wanted, other = ("a bytes-like object", "str") if binary else ("str", "bytes")
            raise ctx.error("TypeError", f"expected {wanted} instance, {other} found")
        expand = _expander(ctx, search, repl)
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
    return _joined(ctx, pieces, binary), made


def _joined(ctx: Context, pieces: list[Value], binary: bool) -> Value:
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
    return _replace(_Search(ctx, _pattern(ctx, pattern, flags), string), repl, count)[0]


@module_function("re", "subn")
def _subn(
    ctx: Context, pattern: Value, repl: Value, string: Value, count: Value = 0, flags: Value = 0
) -> tuple[Value, int]:
    return _replace(_Search(ctx, _pattern(ctx, pattern, flags), string), repl, count)


@method("re.Pattern", "sub")
def _pattern_sub(ctx: Context, self: Object, repl: Value, string: Value, count: Value = 0) -> Value:
    return _replace(_Search(ctx, self, string), repl, count)[0]


@method("re.Pattern", "subn")
def _pattern_subn(ctx: Context, self: Object, repl: Value, string: Value, count: Value = 0) -> tuple[Value, int]:
    return _replace(_Search(ctx, self, string), repl, count)


# --- matches ---


def _group_number(ctx: Context, match: Object, group: Value) -> int:
    spans = match.fields["#spans"]
    if isinstance(group, str):
        index = _ready(ctx, match.fields["re"]).group_index
        if group in index:
            return index[group]
    elif isinstance(group, int) and 0 <= group < len(spans):
        return int(group)
    raise ctx.error("IndexError", "no such group")


def _group(ctx: Context, match: Object, number: int, default: Value = None) -> Value:
    start, end = match.fields["#spans"][number]
    if start < 0:
        return default
    text = match.fields["string"]
    meter.text(ctx, (end - start) * meter.width(text))
    return text[start:end]


@method("re.Match", "group")
def _match_group(ctx: Context, self: Object, /, *groups: Value) -> Value:
    if not groups:
        return _group(ctx, self, 0)
    made = tuple(_group(ctx, self, _group_number(ctx, self, group)) for group in groups)
    return made[0] if len(made) == 1 else made


@method("re.Match", "__getitem__")
def _match_item(ctx: Context, self: Object, group: Value, /) -> Value:
    return _group(ctx, self, _group_number(ctx, self, group))


@method("re.Match", "groups")
def _match_groups(ctx: Context, self: Object, /, default: Value = None) -> tuple[Value, ...]:
    count = len(self.fields["#spans"])
    meter.sequence(ctx, count)
    return tuple(_group(ctx, self, number, default) for number in range(1, count))


@method("re.Match", "groupdict")
def _match_groupdict(ctx: Context, self: Object, /, default: Value = None) -> dict[str, Value]:
    index = _ready(ctx, self.fields["re"]).group_index
    meter.table(ctx, len(index))
    return {name: _group(ctx, self, number, default) for name, number in index.items()}


@method("re.Match", "span")
def _match_span(ctx: Context, self: Object, group: Value = 0, /) -> tuple[int, int]:
    span: tuple[int, int] = self.fields["#spans"][_group_number(ctx, self, group)]
    return span


@method("re.Match", "start")
def _match_start(ctx: Context, self: Object, group: Value = 0, /) -> int:
    return _match_span(ctx, self, group)[0]


@method("re.Match", "end")
def _match_end(ctx: Context, self: Object, group: Value = 0, /) -> int:
    return _match_span(ctx, self, group)[1]


@method("re.Match", "expand")
def _match_expand(ctx: Context, self: Object, template: Value) -> Value:
    search = _Search(ctx, self.fields["re"], self.fields["string"])
    pieces = _expander(ctx, search, _checked(ctx, template, search.regex.binary))(self.fields["#spans"])
    return _joined(ctx, pieces, search.regex.binary)


@getter("re.Match", "lastindex")
def _lastindex(ctx: Context, self: Object) -> int | None:
    """The group that closed last: of those that end furthest right, the one whose parenthesis closes last."""
    closed = _ready(ctx, self.fields["re"]).closed
    spans = self.fields["#spans"]
    ends = [(spans[group][1], place, group) for place, group in enumerate(closed) if spans[group][0] >= 0]
    return max(ends)[2] if ends else None


@getter("re.Match", "lastgroup")
def _lastgroup(ctx: Context, self: Object) -> str | None:
    number = _lastindex(ctx, self)
    names = _ready(ctx, self.fields["re"]).group_index
    return next((name for name, group in names.items() if group == number), None)


@method("re.Match", "__repr__")
def _match_repr(ctx: Context, self: Object, /) -> str:
    start, end = self.fields["#spans"][0]
    text = ctx.to_repr(self.fields["string"][start : min(end, start + 50)])[:50]
    return f"<re.Match object; span=({start}, {end}), match={text}>"
