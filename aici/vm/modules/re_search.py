"""The controller's `re`: a text searched under a pattern, and the functions that only search."""

from __future__ import annotations

from collections.abc import Iterator

from aici.vm import meter, regex
from aici.vm.modules.re_pattern import MATCH, pattern_of, ready
from aici.vm.native import Context, method, module_function
from aici.vm.values import UNBOUND, Object, Value

_CHEAP = 4  # atoms; up to here RE2's automaton cannot grow beyond its cache


class Search:
    """One text under one pattern, searched from left to right."""

    def __init__(self, ctx: Context, pattern: Object, text: Value, pos: Value = 0, endpos: Value = UNBOUND) -> None:
        self.ctx = ctx
        self.pattern = pattern
        self.regex = ready(ctx, pattern)
        self.text: str | bytes = checked(ctx, text, self.regex.binary)
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
        return Object(MATCH, fields)

    def slice(self, span: regex.Span, default: Value = None) -> Value:
        """The text of a group; the default if it took no part."""
        if span[0] < 0:
            return default
        meter.text(self.ctx, (span[1] - span[0]) * meter.width(self.text))
        return self.text[span[0] : span[1]]


def checked(ctx: Context, text: Value, binary: bool) -> str | bytes:
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
        search = Search(ctx, pattern_of(ctx, pattern, flags), string)
        return search.match(search.first(search.pos, name))

    @method("re.Pattern", name)
    def of_pattern(ctx: Context, self: Object, string: Value, pos: Value = 0, endpos: Value = UNBOUND) -> Value:
        search = Search(ctx, self, string, pos, endpos)
        return search.match(search.first(search.pos, name))


for _name in ("search", "match", "fullmatch"):
    _register_search(_name)


def _found(search: Search) -> list[Value]:
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
    return _found(Search(ctx, pattern_of(ctx, pattern, flags), string))


@method("re.Pattern", "findall")
def _pattern_findall(ctx: Context, self: Object, string: Value, pos: Value = 0, endpos: Value = UNBOUND) -> list[Value]:
    return _found(Search(ctx, self, string, pos, endpos))


@module_function("re", "finditer")
def _finditer(ctx: Context, pattern: Value, string: Value, flags: Value = 0) -> Value:
    search = Search(ctx, pattern_of(ctx, pattern, flags), string)
    return ctx.iterator([search.match(spans) for spans in search.all()])


@method("re.Pattern", "finditer")
def _pattern_finditer(ctx: Context, self: Object, string: Value, pos: Value = 0, endpos: Value = UNBOUND) -> Value:
    search = Search(ctx, self, string, pos, endpos)
    return ctx.iterator([search.match(spans) for spans in search.all()])


def _split_text(search: Search, limit: int) -> list[Value]:
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
    return _split_text(Search(ctx, pattern_of(ctx, pattern, flags), string), ctx.index(maxsplit))


@method("re.Pattern", "split")
def _pattern_split(ctx: Context, self: Object, string: Value, maxsplit: Value = 0) -> list[Value]:
    return _split_text(Search(ctx, self, string), ctx.index(maxsplit))
