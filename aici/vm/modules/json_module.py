"""The controller's `json`: `dumps` and `loads`, with the texts and the errors of CPython's.

Both are written here, not delegated: values hold no Python objects that the library could walk, every step is metered,
and nesting is bounded.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import NoReturn

from aici.vm import meter
from aici.vm.exceptions import exception_class
from aici.vm.formatting import MAX_DEPTH
from aici.vm.native import Context, Throw, constructor, getter, module_function, module_value
from aici.vm.sorting import sort_values
from aici.vm.types_num import parse_float, parse_int
from aici.vm.values import UNBOUND, ExceptionValue, Value

_ERROR = "JSONDecodeError"
_CLASS = exception_class(_ERROR, "ValueError")
_CLASS.name = "json.decoder.JSONDecodeError"
for _module in ("json", "json.decoder"):
    module_value(_module, _ERROR, _CLASS)

# --- errors: the text holds all that the attributes tell ---

_TOLD = re.compile(r"(?s)(.*): line (\d+) column (\d+) \(char (\d+)\)\Z")


@constructor(_ERROR)
def _make(ctx: Context, msg: Value, doc: Value, pos: Value) -> ExceptionValue:
    if not isinstance(msg, str) or not isinstance(doc, str):
        raise ctx.error("TypeError", "JSONDecodeError takes a message, a document and a position")
    meter.scan(ctx, len(doc))
    return ExceptionValue(_CLASS, (_message(msg, doc, ctx.index(pos)),))


def _message(message: str, text: str, at: int) -> str:
    line = text.count("\n", 0, at) + 1
    return f"{message}: line {line} column {at - text.rfind(chr(10), 0, at)} (char {at})"


def _told(number: int) -> Callable[[Context, ExceptionValue], Value]:
    def read(ctx: Context, self: ExceptionValue) -> Value:
        found = _TOLD.match(self.args[0]) if self.args and isinstance(self.args[0], str) else None
        if found is None:
            return None
        return found[number] if number == 1 else int(found[number])

    return read


for _number, _attribute in enumerate(("msg", "lineno", "colno", "pos"), 1):
    getter(_ERROR, _attribute)(_told(_number))


# --- dumps ---


@module_function("json", "dumps")
def _dumps(
    ctx: Context,
    obj: Value,
    *,
    skipkeys: Value = False,
    ensure_ascii: Value = True,
    check_circular: Value = True,
    allow_nan: Value = True,
    cls: Value = None,
    indent: Value = None,
    separators: Value = None,
    default: Value = None,
    sort_keys: Value = False,
) -> str:
    if cls is not None:
        raise ctx.error("TypeError", "json.dumps() takes no cls here: use default=")
    writer = _Writer(ctx, default)
    writer.skip_keys = ctx.truth(skipkeys)
    writer.quote = encode_basestring_ascii if ctx.truth(ensure_ascii) else encode_basestring
    writer.allow_nan = ctx.truth(allow_nan)
    writer.sort_keys = ctx.truth(sort_keys)
    if indent is not None:
        writer.indent = indent if isinstance(indent, str) else " " * _checked_indent(ctx, indent)
        writer.between = ","
    if separators is not None:
        pair = list(ctx.iterate(separators))
        if len(pair) != 2 or not all(isinstance(item, str) for item in pair):
            raise ctx.error("ValueError", "separators must be a pair of strings")
        writer.between, writer.colon = pair
    writer.write(obj, 0)
    meter.text(ctx, sum(len(part) * meter.width(part) for part in writer.parts))
    return "".join(writer.parts)


def _checked_indent(ctx: Context, indent: Value) -> int:
    width = ctx.index(indent)
    meter.text(ctx, max(0, width))
    return width


class _Writer:
    """One call of `dumps`: its options and what is written so far."""

    def __init__(self, ctx: Context, default: Value) -> None:
        self.ctx = ctx
        self.default = default
        self.indent: str | None = None
        self.between = ", "
        self.colon = ": "
        self.skip_keys = self.sort_keys = False
        self.allow_nan = True
        self.quote: Callable[[str], str] = encode_basestring_ascii
        self.parts: list[str] = []
        self.around: list[Value] = []

    def put(self, text: str) -> None:
        self.ctx.charge(1)
        self.ctx.allocate(meter.ITEM_BYTES)
        self.parts.append(text)

    def write(self, value: Value, depth: int) -> None:
        kind = type(value)
        if kind is str:
            self.put(self.quoted(value))
        elif value is None or kind is bool:
            self.put(_CONSTANTS[value])
        elif kind is int:
            self.put(self.ctx.to_repr(value))
        elif kind is float:
            self.put(self.number(value))
        elif kind in (list, tuple, dict):
            self.nested(value, depth, self.write_object if kind is dict else self.write_array)
        elif self.default is not None:
            self.nested(value, depth, self.write_default)
        else:
            name = self.ctx.type_of(value).name
            raise self.ctx.error("TypeError", f"Object of type {name} is not JSON serializable")

    def nested(self, value: Value, depth: int, write: Callable[[Value, int], None]) -> None:
        if any(value is container for container in self.around):
            raise self.ctx.error("ValueError", "Circular reference detected")
        if depth >= MAX_DEPTH:
            raise self.ctx.error("RecursionError", "maximum recursion depth exceeded while encoding a JSON object")
        self.around.append(value)
        self.ctx.enter(3)
        try:
            write(value, depth + 1)
        finally:
            self.ctx.leave(3)
        self.around.pop()

    def quoted(self, text: str) -> str:
        meter.text(self.ctx, 2 + len(text) * (6 if text.isascii() else 12))
        return self.quote(text)

    def number(self, value: float) -> str:
        if math.isfinite(value):
            return repr(value)
        if not self.allow_nan:
            # CPython's two encoders differ here, too.
            which = "" if self.indent is None else f": {value!r}"
            raise self.ctx.error("ValueError", f"Out of range float values are not JSON compliant{which}")
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"

    def line(self, depth: int) -> None:
        """A line break with its indentation, if the text is indented."""
        if self.indent is not None:
            meter.text(self.ctx, len(self.indent) * depth)
            self.put("\n" + self.indent * depth)

    def write_default(self, value: Value, depth: int) -> None:
        self.write(self.ctx.call(self.default, (value,)), depth)

    def write_array(self, items: list[Value] | tuple[Value, ...], depth: int) -> None:
        if not items:
            self.put("[]")
            return
        self.put("[")
        for number, item in enumerate(items):
            if number:
                self.put(self.between)
            self.line(depth)
            self.write(item, depth)
        self.line(depth - 1)
        self.put("]")

    def write_object(self, items: dict[Value, Value], depth: int) -> None:
        if not items:
            self.put("{}")
            return
        meter.sequence(self.ctx, len(items))
        pairs = list(items.items())
        if self.sort_keys:
            pairs = self.sorted(pairs)
        self.put("{")
        self.line(depth)
        first = True
        for key, item in pairs:
            name = self.key(key)
            if name is None:
                continue
            if not first:
                self.put(self.between)
                self.line(depth)
            first = False
            self.put(self.quoted(name))
            self.put(self.colon)
            self.write(item, depth)
        self.line(depth - 1)
        self.put("}")

    def sorted(self, pairs: list[tuple[Value, Value]]) -> list[tuple[Value, Value]]:
        keys = [key for key, _ in pairs]
        ordered = sort_values(self.ctx, keys)
        values = dict(pairs)
        for key in ordered:
            self.ctx.key(key, values)
        return [(key, values[key]) for key in ordered]

    def key(self, key: Value) -> str | None:
        """The key as text; None if it is to be skipped."""
        kind = type(key)
        if kind is str:
            text: str = key
            return text
        if key is None or kind is bool:
            return _CONSTANTS[key]
        if kind is int:
            return self.ctx.to_repr(key)
        if kind is float:
            return self.number(key)
        if self.skip_keys:
            return None
        name = self.ctx.type_of(key).name
        raise self.ctx.error("TypeError", f"keys must be str, int, float, bool or None, not {name}")


_CONSTANTS: dict[Value, str] = {None: "null", True: "true", False: "false"}


# --- loads ---

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]*))(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_LOOSE = re.compile(r'[^"\\]*')
_HEX = re.compile(r"[0-9A-Fa-f]{4}")
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_WORDS: dict[str, Value] = {
    "null": None,
    "true": True,
    "false": False,
    "NaN": math.nan,
    "Infinity": math.inf,
    "-Infinity": -math.inf,
}


@module_function("json", "loads")
def _loads(
    ctx: Context,
    s: Value,
    *,
    object_hook: Value = None,
    parse_float: Value = None,
    parse_int: Value = None,
    parse_constant: Value = None,
    object_pairs_hook: Value = None,
    strict: Value = True,
) -> Value:
    if isinstance(s, bytes):
        meter.text(ctx, len(s))
        s = s.decode("utf-8-sig", "surrogatepass")
    elif not isinstance(s, str):
        name = ctx.type_of(s).name
        raise ctx.error("TypeError", f"the JSON object must be str, bytes or bytearray, not {name}")
    elif s.startswith("\ufeff"):
        raise _fail(ctx, "Unexpected UTF-8 BOM (decode using utf-8-sig)", s, 0)
    reader = _Reader(ctx, s)
    reader.strict = ctx.truth(strict)
    reader.hooks = {
        "object": object_hook,
        "pairs": object_pairs_hook,
        "float": parse_float,
        "int": parse_int,
        "constant": parse_constant,
    }
    reader.space()
    value = reader.value(0)
    reader.space()
    if reader.at != len(s):
        reader.fail("Extra data", reader.at)
    return value


def _fail(ctx: Context, message: str, text: str, at: int) -> Throw:
    meter.scan(ctx, at)
    return Throw(ExceptionValue(_CLASS, (_message(message, text, at),)))


class _Reader:
    """One call of `loads`: a text and a position in it."""

    def __init__(self, ctx: Context, text: str) -> None:
        self.ctx = ctx
        self.text = text
        self.at = 0
        self.strict = True
        self.hooks: dict[str, Value] = {}

    def fail(self, message: str, at: int) -> NoReturn:
        raise _fail(self.ctx, message, self.text, at)

    def space(self) -> None:
        found = _SPACE.match(self.text, self.at)
        assert found is not None
        self.ctx.charge(1 + (found.end() - self.at) // 100)
        self.at = found.end()

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def value(self, depth: int) -> Value:
        self.ctx.charge(1)
        self.ctx.allocate(meter.ITEM_BYTES)
        char = self.peek()
        if char == '"':
            self.at += 1
            return self.string()
        if char in ("{", "["):
            if depth >= MAX_DEPTH:
                what = "object" if char == "{" else "array"
                text = f"maximum recursion depth exceeded while decoding a JSON {what} from a unicode string"
                raise self.ctx.error("RecursionError", text)
            self.at += 1
            self.ctx.enter(2)
            try:
                return self.object(depth + 1) if char == "{" else self.array(depth + 1)
            finally:
                self.ctx.leave(2)
        for word, constant in _WORDS.items():
            if char == word[0] and self.text.startswith(word, self.at):
                self.at += len(word)
                return self.hooked("constant", word, constant) if word[-1] in "Ny" else constant
        return self.number()

    def hooked(self, hook: str, argument: Value, otherwise: Value) -> Value:
        function = self.hooks.get(hook)
        return otherwise if function is None else self.ctx.call(function, (argument,))

    def number(self) -> Value:
        # The digits are all that a match can scan, and a value once seen is not scanned again.
        found = _NUMBER.match(self.text, self.at)
        if found is None:
            self.fail("Expecting value", self.at)
        self.ctx.charge((found.end() - self.at) // 100)
        self.at = found.end()
        whole, fraction, exponent = found.groups()
        if fraction or exponent:
            shown = found[0]
            return self.hooked("float", shown, UNBOUND) if self.hooks.get("float") else parse_float(self.ctx, shown)
        return self.hooked("int", whole, UNBOUND) if self.hooks.get("int") else parse_int(self.ctx, whole, 10)

    def string(self) -> str:
        begin = self.at - 1
        parts: list[str] = []
        while True:
            found = (_PLAIN if self.strict else _LOOSE).match(self.text, self.at)
            assert found is not None
            size = found.end() - self.at
            meter.text(self.ctx, size * (1 if self.text.isascii() else 4))
            parts.append(found[0])
            self.at = found.end()
            char = self.peek()
            self.at += 1
            if char == '"':
                return parts[0] if len(parts) == 1 else "".join(parts)
            if char == "":
                self.fail("Unterminated string starting at", begin)
            if char != "\\":
                self.fail("Invalid control character at", self.at - 1)
            parts.append(self.escape(begin))

    def escape(self, begin: int) -> str:
        char = self.peek()
        self.ctx.allocate(2 * meter.ITEM_BYTES)
        if char == "":
            self.fail("Unterminated string starting at", begin)
        self.at += 1
        if char != "u":
            if char not in _ESCAPES:
                self.fail("Invalid \\escape", self.at - 2)
            return _ESCAPES[char]
        code = self.code()
        if 0xD800 <= code < 0xDC00 and self.text.startswith("\\u", self.at):
            at = self.at
            self.at += 2
            low = self.code()
            if 0xDC00 <= low < 0xE000:
                return chr(0x10000 + ((code - 0xD800) << 10 | low - 0xDC00))
            self.at = at
        return chr(code)

    def code(self) -> int:
        found = _HEX.match(self.text, self.at)
        if found is None:
            self.fail("Invalid \\uXXXX escape", self.at - 1)
        self.at += 4
        return int(found[0], 16)

    def array(self, depth: int) -> list[Value]:
        made: list[Value] = []
        self.space()
        if self.peek() == "]":
            self.at += 1
            return made
        while True:
            made.append(self.value(depth))
            self.space()
            char = self.peek()
            if char == "]":
                self.at += 1
                return made
            if char != ",":
                self.fail("Expecting ',' delimiter", self.at)
            self.at += 1
            self.space()

    def object(self, depth: int) -> Value:
        pairs: list[tuple[str, Value]] = []
        self.space()
        if self.peek() == "}":
            self.at += 1
            return self.made(pairs)
        if self.peek() != '"':
            self.fail("Expecting property name enclosed in double quotes", self.at)
        while True:
            self.at += 1
            self.ctx.allocate(meter.ENTRY_BYTES)
            name = self.string()
            self.space()
            if self.peek() != ":":
                self.fail("Expecting ':' delimiter", self.at)
            self.at += 1
            self.space()
            pairs.append((name, self.value(depth)))
            self.space()
            char = self.peek()
            self.at += 1
            if char == "}":
                return self.made(pairs)
            if char != ",":
                self.fail("Expecting ',' delimiter", self.at - 1)
            self.space()
            if self.peek() != '"':
                self.fail("Expecting property name enclosed in double quotes", self.at)

    def made(self, pairs: list[tuple[str, Value]]) -> Value:
        if self.hooks.get("pairs") is not None:
            return self.ctx.call(self.hooks["pairs"], (pairs,))
        for name, _ in pairs:
            self.ctx.key(name)
        made: dict[Value, Value] = dict(pairs)
        return self.hooked("object", made, made)
