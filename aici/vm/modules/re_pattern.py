"""The controller's `re`: patterns, flags and errors.

A pattern is its text and flags: plain data. What RE2 makes of it lives in a bounded cache outside of processes; every
use is charged as if it had to be made again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import cast

from aici.vm import meter, regex
from aici.vm.exceptions import exception_class
from aici.vm.native import Context, getter, method, module_function, module_value, type_
from aici.vm.values import ExceptionValue, Object, Value

PATTERN = type_("re.Pattern")
MATCH = type_("re.Match")
ERROR = exception_class("re.error", "Exception")
module_value("re", "Pattern", PATTERN)
module_value("re", "Match", MATCH)
module_value("re", "error", ERROR)

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


def _regex(ctx: Context, pattern: str | bytes, flags: int) -> regex.Regex:
    """The matcher of a pattern, charged as if it were made anew."""
    ctx.charge(50 + 3 * len(pattern) + 30 * (pattern.count("[") if isinstance(pattern, str) else pattern.count(b"[")))
    try:
        made = regex.compiled(pattern, flags)
    except regex.RegexError as error:
        raise ctx.error("re.error", str(error)) from None
    ctx.charge(made.weight)
    return made


def pattern_of(ctx: Context, pattern: Value, flags: Value = 0) -> Object:
    """`re.compile(pattern, flags)`, but that a wrong pattern shows where it is used."""
    number = ctx.index(flags)
    if isinstance(pattern, Object) and pattern.kind is PATTERN:
        if number:
            raise ctx.error("ValueError", "cannot process flags argument with a compiled pattern")
        return pattern
    if not isinstance(pattern, (str, bytes)):
        raise ctx.error("TypeError", "first argument must be string or compiled pattern")
    if not 0 <= number < 1 << 16:
        raise ctx.error("ValueError", "flags out of range")
    ctx.allocate(600)
    return Object(PATTERN, {"pattern": pattern, "#given": number})


def ready(ctx: Context, pattern: Object) -> regex.Regex:
    return _regex(ctx, pattern.fields["pattern"], pattern.fields["#given"])


@module_function("re", "compile")
def _compile(ctx: Context, pattern: Value, flags: Value = 0) -> Object:
    made = pattern_of(ctx, pattern, flags)
    ready(ctx, made)
    return made


@getter("re.Pattern", "flags")
def _flags(ctx: Context, self: Object) -> int:
    return ready(ctx, self).flags


@getter("re.Pattern", "groups")
def _groups(ctx: Context, self: Object) -> int:
    return ready(ctx, self).groups


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
    index = ready(ctx, self).group_index
    meter.table(ctx, len(index))
    return dict(index)


@method("re.Pattern", "__repr__")
def _pattern_repr(ctx: Context, self: Object, /) -> str:
    flags = _flags(ctx, self) & ~(regex.UNICODE if isinstance(self.fields["pattern"], str) else 0)
    names = [f"re.{name}" for name, flag in FLAGS.items() if flags & flag]
    shown = ctx.to_repr(self.fields["pattern"])[:200]
    return f"re.compile({shown}, {'|'.join(names)})" if names else f"re.compile({shown})"
