"""Methods of `str`.

Most are CPython's own, called once the work and the result are accounted for (`_METHODS` says how each grows); written
here are those that take more than texts and numbers, and those whose native form is quadratic on hostile arguments.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from . import meter
from .arguments import int_argument, shown_type, size_argument
from .formatting import to_repr, to_str
from .native import Context, builtin_value, constructor, method, static, type_
from .str_format import format_template
from .values import UNBOUND, Value

builtin_value("str", type_("str"))

ENCODINGS = {
    name: canonical
    for canonical, names in {
        "utf-8": ("utf-8", "utf8", "utf_8", "u8", "utf"),
        "ascii": ("ascii", "us-ascii", "646"),
        "latin-1": ("latin-1", "latin1", "latin_1", "iso-8859-1", "iso8859-1", "8859", "l1"),
        "utf-16": ("utf-16", "utf16", "utf_16", "u16"),
        "utf-16-le": ("utf-16-le", "utf-16le", "utf_16_le"),
        "utf-16-be": ("utf-16-be", "utf-16be", "utf_16_be"),
        "utf-32": ("utf-32", "utf32", "utf_32", "u32"),
        "utf-32-le": ("utf-32-le", "utf-32le", "utf_32_le"),
        "utf-32-be": ("utf-32-be", "utf-32be", "utf_32_be"),
    }.items()
    for name in names
}
"""The encodings that controllers may name; no others are looked up, since a look-up runs code by name."""

_HANDLERS = frozenset(
    {"strict", "ignore", "replace", "backslashreplace", "xmlcharrefreplace", "surrogateescape", "surrogatepass"}
)


def decoded(ctx: Context, data: bytes, encoding: Value, errors: Value, what: str) -> str:
    """`data.decode(encoding, errors)`. CPython looks up no codec for nothing."""
    if not data and isinstance(encoding, str) and isinstance(errors, str):
        return ""
    canonical, handler = codec(ctx, encoding, errors, what)
    meter.text(ctx, len(data) * (1 if data.isascii() else 4))
    return data.decode(canonical, handler)


def codec(ctx: Context, encoding: Value, errors: Value, what: str) -> tuple[str, str]:
    """The canonical encoding and the error handler of a call of `what`; LookupError for unknown ones."""
    for name, value in (("encoding", encoding), ("errors", errors)):
        if not isinstance(value, str):
            raise ctx.error("TypeError", f"{what}() argument '{name}' must be str, not {shown_type(ctx, value)}")
    meter.scan(ctx, len(encoding))
    canonical = ENCODINGS.get(encoding.lower().replace(" ", "-"))
    if canonical is None:
        raise ctx.error("LookupError", f"unknown encoding: {encoding[:100]}")
    if errors not in _HANDLERS:
        raise ctx.error("LookupError", f"unknown error handler name '{errors[:100]}'")
    return canonical, errors


@constructor("str")
def _str(ctx: Context, object: Value = UNBOUND, encoding: Value = UNBOUND, errors: Value = UNBOUND) -> str:
    if encoding is UNBOUND and errors is UNBOUND:
        return "" if object is UNBOUND else to_str(ctx, object)
    for name, value in (("encoding", encoding), ("errors", errors)):
        if value is not UNBOUND and not isinstance(value, str):
            raise ctx.error("TypeError", f"str() argument '{name}' must be str, not {shown_type(ctx, value)}")
    if object is UNBOUND:
        return ""
    if isinstance(object, str):
        raise ctx.error("TypeError", "decoding str is not supported")
    if not isinstance(object, bytes):
        name = ctx.type_of(object).name
        raise ctx.error("TypeError", f"decoding to str: need a bytes-like object, {name} found")
    given = "utf-8" if encoding is UNBOUND else encoding
    return decoded(ctx, object, given, "strict" if errors is UNBOUND else errors, "str")


# --- methods that are CPython's own ---


def _same(text: str, args: tuple[Value, ...]) -> int:
    return len(text) * meter.width(text)


def _thrice(text: str, args: tuple[Value, ...]) -> int:
    # Case mapping makes up to three characters of one.
    return len(text) * (1 if text.isascii() else 12)


def _search(text: str, args: tuple[Value, ...]) -> int:
    return len(text) + (len(args[0]) if args and isinstance(args[0], (str, tuple)) else 0)


def _padded(text: str, args: tuple[Value, ...]) -> int:
    size = max(len(text), args[0] if args and isinstance(args[0], int) else 0)
    return size * (1 if text.isascii() and all(not isinstance(a, str) or a.isascii() for a in args) else 4)


def _prefix(text: str, args: tuple[Value, ...]) -> int:
    """The cost of comparing with one text or a tuple of them."""
    given = args[0] if args else ""
    texts = given if isinstance(given, tuple) else (given,)
    return 100 * len(texts) + sum(min(len(t), len(text)) for t in texts if isinstance(t, str))


_METHODS: dict[str, Callable[[str, tuple[Value, ...]], int]] = {
    **dict.fromkeys(("capitalize", "casefold", "lower", "swapcase", "title", "upper"), _thrice),
    **dict.fromkeys(
        (
            *("isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "isidentifier", "islower", "isnumeric"),
            *("isprintable", "isspace", "istitle", "isupper", "removeprefix", "removesuffix"),
        ),
        _same,
    ),
    **dict.fromkeys(("count", "find", "index", "partition"), _search),
    **dict.fromkeys(("center", "ljust", "rjust", "zfill"), _padded),
    **dict.fromkeys(("startswith", "endswith"), _prefix),
}
"""Positional-only methods, each with the bytes that a call reads or makes."""


def plain_args(ctx: Context, args: tuple[Value, ...]) -> tuple[Value, ...]:
    """Arguments for one of Python's own methods, see `meter.plain`; tuples of texts are looked into."""
    return tuple(
        tuple(meter.plain(ctx, item) for item in arg) if type(arg) is tuple else meter.plain(ctx, arg) for arg in args
    )


def _register(name: str, size: Callable[[str, tuple[Value, ...]], int]) -> None:
    own = getattr(str, name)

    @method("str", name)
    def run(ctx: Context, self: str, /, *args: Value) -> Value:
        meter.text(ctx, size(self, args))
        return own(self, *plain_args(ctx, args))


for _name, _size in _METHODS.items():
    _register(_name, _size)


# --- searching from the right ---
# CPython looks for a text from the right by plain comparison, which is quadratic; from the left it is linear.


def find_right(text: str | bytes, sub: str | bytes, start: int, end: int) -> int:
    """`text.rfind(sub, start, end)` in linear time; `start` and `end` as `slice.indices` gives them."""
    if end - start < len(sub):
        return -1
    if len(sub) < 8:
        return text.rfind(sub, start, end)  # type: ignore[arg-type]
    found = text[start:end][::-1].find(sub[::-1])  # type: ignore[arg-type]
    return -1 if found < 0 else end - found - len(sub)


def bounds(ctx: Context, length: int, start: Value, end: Value) -> tuple[int, int]:
    """Start and end of a search in something of that length, as `slice.indices`, but a start past the end stays."""
    limits = []
    for value, default in ((start, 0), (end, length)):
        if value is None:
            limits.append(default)
        elif isinstance(value, int):
            limits.append(max(0, value + length) if value < 0 else int(value))
        else:
            raise ctx.error("TypeError", "slice indices must be integers or None or have an __index__ method")
    return limits[0], min(limits[1], length)


def _rfind(ctx: Context, text: str, sub: Value, start: Value, end: Value, what: str) -> int:
    meter.text(ctx, 2 * len(text) * meter.width(text))
    first, last = bounds(ctx, len(text), start, end)
    if not isinstance(sub, str):
        getattr(text, what)(meter.plain(ctx, sub))  # raises CPython's TypeError
    return find_right(text, sub, first, last)


@method("str", "rfind")
def _str_rfind(ctx: Context, self: str, sub: Value, start: Value = None, end: Value = None, /) -> int:
    return _rfind(ctx, self, sub, start, end, "rfind")


@method("str", "rindex")
def _str_rindex(ctx: Context, self: str, sub: Value, start: Value = None, end: Value = None, /) -> int:
    found = _rfind(ctx, self, sub, start, end, "rindex")
    if found < 0:
        raise ctx.error("ValueError", "substring not found")
    return found


@method("str", "rpartition")
def _str_rpartition(ctx: Context, self: str, sep: Value, /) -> tuple[str, str, str]:
    meter.text(ctx, 3 * len(self) * meter.width(self))
    if not isinstance(sep, str) or not sep:
        return self.rpartition(meter.plain(ctx, sep))  # raises
    found = find_right(self, sep, 0, len(self))
    return ("", "", self) if found < 0 else (self[:found], sep, self[found + len(sep) :])


# --- splitting ---

_WORDS = re.compile(r"\S+")
_BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"


def _count_words(ctx: Context, text: str) -> int:
    meter.scan(ctx, 10 * len(text))
    return sum(1 for _ in _WORDS.finditer(text)) if len(text) > 1000 else len(text) // 2 + 1


def _split(ctx: Context, text: str, sep: Value, maxsplit: Value, right: bool) -> list[str]:
    limit = size_argument(ctx, maxsplit)
    size = len(text) * meter.width(text)
    if sep is None:
        found = _count_words(ctx, text)
        meter.pieces(ctx, found + 1 if limit < 0 else min(found, limit) + 1, size)
        return text.rsplit(None, limit) if right else text.split(None, limit)
    if not isinstance(sep, str):
        return text.split(meter.plain(ctx, sep))  # raises
    if not sep:
        raise ctx.error("ValueError", "empty separator")
    meter.scan(ctx, len(text))
    found = text.count(sep)
    meter.pieces(ctx, (found if limit < 0 else min(found, limit)) + 1, size)
    if not right or len(sep) == 1:
        return text.split(sep, limit) if not right else text.rsplit(sep, limit)
    meter.pieces(ctx, (found if limit < 0 else min(found, limit)) + 1, 2 * size)
    return [piece[::-1] for piece in reversed(text[::-1].split(sep[::-1], limit))]


@method("str", "split")
def _str_split(ctx: Context, self: str, /, sep: Value = None, maxsplit: Value = -1) -> list[str]:
    return _split(ctx, self, sep, maxsplit, right=False)


@method("str", "rsplit")
def _str_rsplit(ctx: Context, self: str, /, sep: Value = None, maxsplit: Value = -1) -> list[str]:
    return _split(ctx, self, sep, maxsplit, right=True)


@method("str", "splitlines")
def _str_splitlines(ctx: Context, self: str, /, keepends: Value = False) -> list[str]:
    keep = int_argument(ctx, keepends) != 0
    meter.scan(ctx, len(_BREAKS) * len(self))
    meter.pieces(ctx, 1 + sum(map(self.count, _BREAKS)), len(self) * meter.width(self))
    return self.splitlines(keep)


# --- stripping ---


def _strip(ctx: Context, text: str, chars: Value, left: bool, right: bool, what: str) -> str:
    meter.text(ctx, len(text) * meter.width(text))
    if not isinstance(chars, str) or len(chars) <= 32:
        stripped: str = getattr(text, what)(meter.plain(ctx, chars))
        return stripped
    # CPython looks through all the characters for each that it drops.
    ctx.charge(len(chars) // 10 + len(text))
    drop = frozenset(chars)
    start, end = 0, len(text)
    while left and start < end and text[start] in drop:
        start += 1
    while right and start < end and text[end - 1] in drop:
        end -= 1
    return text[start:end]


@method("str", "strip")
def _str_strip(ctx: Context, self: str, chars: Value = None, /) -> str:
    return _strip(ctx, self, chars, True, True, "strip")


@method("str", "lstrip")
def _str_lstrip(ctx: Context, self: str, chars: Value = None, /) -> str:
    return _strip(ctx, self, chars, True, False, "lstrip")


@method("str", "rstrip")
def _str_rstrip(ctx: Context, self: str, chars: Value = None, /) -> str:
    return _strip(ctx, self, chars, False, True, "rstrip")


# --- growing ---


@method("str", "replace")
def _str_replace(ctx: Context, self: str, old: Value, new: Value, count: Value = -1, /) -> str:
    if not isinstance(old, str) or not isinstance(new, str):
        return self.replace(meter.plain(ctx, old), meter.plain(ctx, new))  # raises
    limit = size_argument(ctx, count)
    meter.scan(ctx, len(self) + len(old))
    found = self.count(old) if limit < 0 else min(self.count(old), limit)
    width = max(meter.width(self), meter.width(new))
    meter.text(ctx, (len(self) + found * max(0, len(new) - len(old))) * width)
    ctx.charge(found // 10)
    return self.replace(old, new, limit)


@method("str", "expandtabs")
def _str_expandtabs(ctx: Context, self: str, /, tabsize: Value = 8) -> str:
    size = int_argument(ctx, tabsize)
    meter.scan(ctx, len(self))
    meter.text(ctx, (len(self) + self.count("\t") * max(0, size)) * meter.width(self))
    return self.expandtabs(size)


@method("str", "join")
def _str_join(ctx: Context, self: str, iterable: Value, /) -> str:
    if not ctx.is_iterable(iterable):
        raise ctx.error("TypeError", "can only join an iterable")
    items: list[str] = []
    size, width = 0, meter.width(self)
    if type(iterable) is list and set(map(type, iterable)) <= {str}:
        ctx.charge(1 + len(iterable))
        width = width if all(map(str.isascii, iterable)) else 4
        meter.text(ctx, (sum(map(len, iterable)) + len(self) * len(iterable)) * width)
        return self.join(iterable)
    for item in ctx.iterate(iterable):
        if not isinstance(item, str):
            name = ctx.type_of(item).name
            raise ctx.error("TypeError", f"sequence item {len(items)}: expected str instance, {name} found")
        size += len(item) + len(self)
        width = max(width, meter.width(item))
        ctx.allocate(meter.ITEM_BYTES)
        items.append(item)
    meter.text(ctx, size * width)
    return self.join(items)


@method("str", "encode")
def _str_encode(ctx: Context, self: str, /, encoding: Value = "utf-8", errors: Value = "strict") -> bytes:
    canonical, handler = codec(ctx, encoding, errors, "encode")
    meter.text(ctx, len(self) * (1 if self.isascii() and len(canonical) < 6 else 12))
    return self.encode(canonical, handler)


@method("str", "format")
def _str_format(ctx: Context, self: str, /, *args: Value, **kwargs: Value) -> str:
    return format_template(ctx, self, args, kwargs)


@method("str", "format_map")
def _str_format_map(ctx: Context, self: str, mapping: Value, /) -> str:
    return format_template(ctx, self, (), mapping, positional=False)


@method("str", "translate")
def _str_translate(ctx: Context, self: str, table: Value, /) -> str:
    """Looks up every distinct character once, in order of appearance."""
    ctx.charge(1 + len(self))
    counts: dict[str, int] = {}
    for char in self:
        counts[char] = counts.get(char, 0) + 1
    mapped: dict[int, str] = {}
    size = 0
    for char, count in counts.items():
        target = _translated(ctx, table, char)
        size += count * len(target) * meter.width(target)
        mapped[ord(char)] = target
    meter.text(ctx, size)
    return self.translate(mapped)


def _translated(ctx: Context, table: Value, char: str) -> str:
    ctx.charge(1)
    code = ord(char)
    if type(table) is dict:
        target = table.get(code, code)
    elif isinstance(table, (str, bytes, list, tuple)):
        target = ctx.get_item(table, code) if code < len(table) else code
    else:
        raise ctx.error("TypeError", f"'{ctx.type_of(table).name}' object is not subscriptable")
    if target is None:
        return ""
    if isinstance(target, str):
        return target
    if not isinstance(target, int):
        raise ctx.error("TypeError", "character mapping must return integer, None or str")
    if not 0 <= target < 0x110000:
        raise ctx.error("ValueError", "character mapping must be in range(0x110000)")
    return chr(target)


@static("str", "maketrans")
def _str_maketrans(ctx: Context, x: Value, y: Value = UNBOUND, z: Value = UNBOUND, /) -> dict[int, Value]:
    if y is UNBOUND and type(x) is not dict:
        raise ctx.error("TypeError", "if you give only one argument to maketrans it must be a dict")
    given = tuple(value for value in (x, y, z) if value is not UNBOUND)
    meter.table(ctx, sum(len(value) for value in given if isinstance(value, (str, dict))))
    if y is not UNBOUND:
        return str.maketrans(*(meter.plain(ctx, value) for value in given))
    made: dict[int, Value] = {}
    for key, value in x.items():
        if isinstance(key, str):
            if len(key) != 1:
                raise ctx.error("ValueError", "string keys in translate table must be of length 1")
            made[ord(key)] = value
        elif isinstance(key, int):
            made[key] = value
        else:
            raise ctx.error("TypeError", "keys in translate table must be strings or integers")
    return made


@method("str", "__repr__")
def _str_repr(ctx: Context, self: str, /) -> str:
    return to_repr(ctx, self)
