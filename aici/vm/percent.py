"""The `%` of str and bytes.

Goes in: a template and its arguments. Comes out: exactly CPython's text or bytes, or its error, once the pieces before
it are made. The text is accounted for before it is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from . import meter
from .formatting import MAX_SIZE_DIGITS, by_python, convert, special, to_ascii
from .native import Context, Throw
from .values import UNBOUND, Object, Value


def percent(ctx: Context, template: str | bytes, args: Value) -> str | bytes:
    """`template % args`."""
    if isinstance(template, str):
        pieces = _Percent(ctx, template, args, binary=False).run()
        texts = [piece if isinstance(piece, str) else piece.text(ctx) for piece in pieces]
        meter.text(ctx, sum(len(text) * meter.width(text) for text in texts))
        return "".join(texts)
    meter.text(ctx, len(template))
    pieces = _Percent(ctx, template.decode("latin-1"), args, binary=True).run()
    data = [piece.encode("latin-1") if isinstance(piece, str) else piece.data(ctx) for piece in pieces]
    meter.text(ctx, sum(map(len, data)))
    return b"".join(data)


@dataclass(frozen=True)
class _Conversion:
    """A conversion such as `%-5.3f` (stars resolved, key removed) with its value."""

    flags: str
    width: int | None
    precision: int | None
    letter: str
    value: Value

    def spelled(self, letter: str) -> str:
        precision = "" if self.precision is None else f".{self.precision}"
        return f"%{self.flags}{'' if self.width is None else self.width}{precision}{letter}"

    def account(self, ctx: Context) -> None:
        meter.text(ctx, 350 + (self.width or 0) + (self.precision or 0))
        if isinstance(self.value, int):
            meter.text(ctx, self.value.bit_length())

    def text(self, ctx: Context) -> str:
        self.account(ctx)
        if self.letter in "sra":
            shown = convert(ctx, self.value, self.letter)
            meter.text(ctx, len(shown) * meter.width(shown) + 4 * (self.width or 0))
            return by_python(ctx, lambda: self.spelled("s") % (shown,))
        return by_python(ctx, lambda: self.spelled(self.letter) % (meter.plain(ctx, self.value),))

    def data(self, ctx: Context) -> bytes:
        self.account(ctx)
        value, letter = self.value, self.letter
        if letter in "ra":
            value, letter = to_ascii(ctx, value).encode("ascii"), "s"
        if isinstance(value, bytes):
            meter.text(ctx, len(value))
        spelled = self.spelled(letter).encode("latin-1")
        return by_python(ctx, lambda: spelled % (meter.plain(ctx, value),))


class _Percent:
    """Reads a template from left to right, as CPython does: an error shows once the pieces before it are made."""

    def __init__(self, ctx: Context, template: str, args: Value, binary: bool) -> None:
        self.ctx = ctx
        self.template = template
        self.binary = binary
        self.letters = "diuoxXeEfFgGcrsab" if binary else "diuoxXeEfFgGcrsa"
        self.at = 0
        self.args: tuple[Value, ...] = args if isinstance(args, tuple) else (args,)
        self.used = 0
        is_mapping = isinstance(args, (dict, list, range) if binary else (dict, list, range, bytes)) or (
            isinstance(args, Object) and special(args.kind, "__getitem__") is not None
        )
        self.mapping: Value = args if is_mapping else UNBOUND

    def run(self) -> Iterator[str | _Conversion]:
        while True:
            start = self.at
            self.at = self.template.find("%", start)
            if self.at < 0:
                yield self.template[start:]
                break
            yield self.template[start : self.at]
            self.ctx.charge(1)
            self.at += 1
            yield self.conversion()
        if self.used < len(self.args) and self.mapping is UNBOUND:
            what = "bytes" if self.binary else "string"
            raise self.error(f"not all arguments converted during {what} formatting", "TypeError")

    def peek(self) -> str:
        return self.template[self.at : self.at + 1]

    def error(self, message: str, kind: str = "ValueError") -> Throw:
        return self.ctx.error(kind, message)

    def conversion(self) -> str | _Conversion:
        plain = self.peek() != "("
        if not plain:
            self.keyed()
        start = self.at
        while self.peek() and self.peek() in "-+ #0":
            self.at += 1
        flags = "".join(dict.fromkeys(self.template[start : self.at]))
        width = self.size("width")
        if width is not None and width < 0:
            flags, width = flags + "-", -width
        precision = None
        if self.peek() == ".":
            self.at += 1
            precision = max(self.size("precision") or 0, 0)
        if self.peek() and self.peek() in "hlL":
            self.at += 1
        letter = self.peek()
        if not letter:
            raise self.error("incomplete format")
        self.at += 1
        if letter == "%" and start == self.at - 1 and plain:
            return "%"
        value = self.next()
        if letter not in self.letters:
            shown = letter if self.binary or "\x1f" < letter < "\x7f" else "?"
            text = f"unsupported format character '{shown}' (0x{ord(letter):x}) at index {self.at - 1}"
            raise self.error(text)
        return _Conversion(flags, width, precision, letter, value)

    def keyed(self) -> None:
        """A key in parentheses: the value of it becomes the only argument left."""
        if self.mapping is UNBOUND:
            raise self.error("format requires a mapping", "TypeError")
        start, depth = self.at + 1, 0
        while True:
            self.ctx.charge(1)
            char = self.peek()
            if not char:
                raise self.error("incomplete format key")
            depth += (char == "(") - (char == ")")
            self.at += 1
            if not depth:
                break
        key = self.template[start : self.at - 1]
        self.args = (self.ctx.get_item(self.mapping, key.encode("latin-1") if self.binary else key),)
        self.used = 0

    def size(self, what: str) -> int | None:
        """A width or precision: digits, or a star for the next argument."""
        if self.peek() == "*":
            self.at += 1
            value = self.next()
            if not isinstance(value, int):
                raise self.error("* wants int", "TypeError")
            if not -(1 << 63) <= value < 1 << 63:
                raise self.error("Python int too large to convert to C ssize_t", "OverflowError")
            return value
        start = self.at
        while "0" <= self.peek() <= "9":
            self.at += 1
        if start == self.at:
            return None
        digits = self.template[start : self.at]
        if len(digits) > MAX_SIZE_DIGITS:
            raise self.error(f"{what} too big")
        return int(digits)

    def next(self) -> Value:
        if self.used >= len(self.args):
            raise self.error("not enough arguments for format string", "TypeError")
        self.used += 1
        return self.args[self.used - 1]
