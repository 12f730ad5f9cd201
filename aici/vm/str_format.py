"""`str.format` and `str.format_map`.

Goes in: a template and its arguments. Comes out: exactly CPython's text, or its error, once the fields before it are
made. The text is accounted for before it is made.
"""

from __future__ import annotations

import re
from string import Formatter

from . import meter
from .formatting import MAX_SIZE_DIGITS, by_python, convert
from .native import Context
from .values import Value


def format_template(
    ctx: Context, template: str, args: tuple[Value, ...], kwargs: Value, *, positional: bool = True
) -> str:
    """`template.format(*args, **kwargs)`; `kwargs` may be any mapping; with `positional=False`, as `format_map`."""
    return _Template(ctx, args, kwargs, positional).expand(template, 2)


_AFTER_NAME = re.compile(r"[.\[]")


def _name_end(field: str, start: int) -> int:
    """Where the name in a field ends that starts there."""
    found = _AFTER_NAME.search(field, start)
    return len(field) if found is None else found.start()


class _Template:
    """One call of `str.format`: its arguments, and how its fields are numbered so far."""

    def __init__(self, ctx: Context, args: tuple[Value, ...], kwargs: Value, positional: bool) -> None:
        self.ctx = ctx
        self.args = args
        self.kwargs = kwargs
        self.positional = positional
        self.automatic = 0  # fields numbered automatically so far; -1 once a field has had a number

    def expand(self, template: str, depth: int) -> str:
        ctx = self.ctx
        if depth < 1:
            raise ctx.error("ValueError", "Max string recursion exceeded")
        meter.text(ctx, len(template) * meter.width(template))
        parts: list[str] = []
        fields = iter(Formatter().parse(template))
        while True:
            ctx.charge(1)
            found = by_python(ctx, lambda: next(fields, None))  # an error shows once the fields before it are made
            if found is None:
                break
            literal, field, spec, conversion = found
            parts.append(literal)
            if field is None:
                continue
            value = self.field(field)
            if conversion is not None:
                value = self.converted(value, conversion)
            if spec and "{" in spec:
                spec = self.expand(spec, depth - 1)
            parts.append(ctx.format(value, spec or ""))
        meter.text(ctx, sum(len(part) * meter.width(part) for part in parts))
        return "".join(parts)

    def converted(self, value: Value, conversion: str) -> Value:
        if conversion not in ("s", "r", "a"):
            shown = conversion if " " < conversion < "\x7f" else f"\\x{ord(conversion):x}"
            raise self.ctx.error("ValueError", f"Unknown conversion specifier {shown}")
        return convert(self.ctx, value, conversion)

    def field(self, field: str) -> Value:
        ctx = self.ctx
        end = _name_end(field, 0)
        value = self.root(field[:end])
        while end < len(field):
            ctx.charge(1)
            if field[end] == ".":
                start = end + 1
                end = _name_end(field, start)
                if start == end:
                    raise ctx.error("ValueError", "Empty attribute in format string")
                value = ctx.get_attribute(value, field[start:end])
            elif field[end] == "[":
                start = end + 1
                end = field.find("]", start)
                if end < 0:
                    raise ctx.error("ValueError", "Missing ']' in format string")
                if start == end:
                    raise ctx.error("ValueError", "Empty attribute in format string")
                number = self.number(field[start:end])
                value = ctx.get_item(value, field[start:end] if number is None else number)
                end += 1
            else:
                raise ctx.error("ValueError", "Only '.' or '[' may follow ']' in format field specifier")
        return value

    def number(self, digits: str) -> int | None:
        if not digits or not digits.isdecimal():
            return None
        if len(digits) > MAX_SIZE_DIGITS or int(digits) >= 1 << 63:
            raise self.ctx.error("ValueError", "Too many decimal digits in format string")
        return int(digits)

    def root(self, name: str) -> Value:
        """The value of a field's first name: a position, or a keyword."""
        ctx = self.ctx
        index = self.number(name)
        if index is None and name:
            if type(self.kwargs) is dict and name not in self.kwargs:
                raise ctx.error("KeyError", name)
            return ctx.get_item(self.kwargs, name)
        if not self.positional:
            raise ctx.error("ValueError", "Format string contains positional fields")
        if index is None:
            if self.automatic < 0:
                raise ctx.error(
                    "ValueError", "cannot switch from manual field specification to automatic field numbering"
                )
            index = self.automatic
            self.automatic += 1
        elif self.automatic > 0:
            raise ctx.error("ValueError", "cannot switch from automatic field numbering to manual field specification")
        else:
            self.automatic = -1
        if index >= len(self.args):
            raise ctx.error("IndexError", f"Replacement index {index} out of range for positional args tuple")
        return self.args[index]
