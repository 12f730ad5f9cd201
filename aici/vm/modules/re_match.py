"""The controller's `re`: matches. A match is its text and spans: plain data."""

from __future__ import annotations

from aici.vm import meter
from aici.vm.modules.re_pattern import ready
from aici.vm.modules.re_replace import expander, joined
from aici.vm.modules.re_search import Search, checked
from aici.vm.native import Context, getter, method
from aici.vm.values import Object, Value


def _group_number(ctx: Context, match: Object, group: Value) -> int:
    spans = match.fields["#spans"]
    if isinstance(group, str):
        index = ready(ctx, match.fields["re"]).group_index
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
    index = ready(ctx, self.fields["re"]).group_index
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
    search = Search(ctx, self.fields["re"], self.fields["string"])
    pieces = expander(ctx, search, checked(ctx, template, search.regex.binary))(self.fields["#spans"])
    return joined(ctx, pieces, search.regex.binary)


@getter("re.Match", "lastindex")
def _lastindex(ctx: Context, self: Object) -> int | None:
    """The group that closed last: of those that end furthest right, the one whose parenthesis closes last."""
    closed = ready(ctx, self.fields["re"]).closed
    spans = self.fields["#spans"]
    ends = [(spans[group][1], place, group) for place, group in enumerate(closed) if spans[group][0] >= 0]
    return max(ends)[2] if ends else None


@getter("re.Match", "lastgroup")
def _lastgroup(ctx: Context, self: Object) -> str | None:
    number = _lastindex(ctx, self)
    names = ready(ctx, self.fields["re"]).group_index
    return next((name for name, group in names.items() if group == number), None)


@method("re.Match", "__repr__")
def _match_repr(ctx: Context, self: Object, /) -> str:
    start, end = self.fields["#spans"][0]
    text = ctx.to_repr(self.fields["string"][start : min(end, start + 50)])[:50]
    return f"<re.Match object; span=({start}, {end}), match={text}>"
