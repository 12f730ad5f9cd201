"""Methods of `bytes`: as `types_str`, CPython's own where those are linear and take only bytes and numbers."""

from __future__ import annotations

from collections.abc import Callable

from . import meter
from .arguments import int_argument, shown_type, size_argument
from .native import Context, builtin_value, constructor, method, static, type_
from .types_str import bounds, codec, decoded, find_right, plain_args
from .values import UNBOUND, Value

builtin_value("bytes", type_("bytes"))


@constructor("bytes")
def _bytes(ctx: Context, source: Value = UNBOUND, encoding: Value = UNBOUND, errors: Value = UNBOUND) -> bytes:
    if isinstance(source, str):
        if encoding is UNBOUND:
            raise ctx.error("TypeError", "string argument without an encoding")
        canonical, handler = codec(ctx, encoding, "strict" if errors is UNBOUND else errors, "bytes")
        meter.text(ctx, 12 * len(source))
        return source.encode(canonical, handler)
    for name, value in (("encoding", encoding), ("errors", errors)):
        if value is not UNBOUND and not isinstance(value, str):
            raise ctx.error("TypeError", f"bytes() argument '{name}' must be str, not {shown_type(ctx, value)}")
    if encoding is not UNBOUND or errors is not UNBOUND:
        raise ctx.error("TypeError", f"{'encoding' if encoding is not UNBOUND else 'errors'} without a string argument")
    if source is UNBOUND:
        return b""
    if isinstance(source, bytes):
        return source
    if isinstance(source, int):
        if source < 0:
            raise ctx.error("ValueError", "negative count")
        meter.text(ctx, source)
        return bytes(source)
    if not ctx.is_iterable(source):
        raise ctx.error("TypeError", f"cannot convert '{ctx.type_of(source).name}' object to bytes")
    return bytes(_bytes_of(ctx, source))


def _bytes_of(ctx: Context, source: Value) -> bytearray:
    made = bytearray()
    for item in ctx.iterate(source):
        number = ctx.index(item)
        if not 0 <= number < 256:
            raise ctx.error("ValueError", "bytes must be in range(0, 256)")
        ctx.allocate(1)
        made.append(number)
    return made


def _same(data: bytes, args: tuple[Value, ...]) -> int:
    return len(data)


def _search(data: bytes, args: tuple[Value, ...]) -> int:
    return len(data) + (len(args[0]) if args and isinstance(args[0], bytes) else 0)


def _padded(data: bytes, args: tuple[Value, ...]) -> int:
    return max(len(data), args[0] if args and isinstance(args[0], int) else 0)


def _prefix(data: bytes, args: tuple[Value, ...]) -> int:
    given = args[0] if args else b""
    texts = given if isinstance(given, tuple) else (given,)
    return 100 * len(texts) + sum(min(len(t), len(data)) for t in texts if isinstance(t, bytes))


_METHODS: dict[str, Callable[[bytes, tuple[Value, ...]], int]] = {
    **dict.fromkeys(
        (
            *("capitalize", "lower", "swapcase", "title", "upper", "isalnum", "isalpha", "isascii", "isdigit"),
            *("islower", "isspace", "istitle", "isupper", "removeprefix", "removesuffix"),
        ),
        _same,
    ),
    **dict.fromkeys(("count", "find", "index", "partition"), _search),
    **dict.fromkeys(("center", "ljust", "rjust", "zfill"), _padded),
    **dict.fromkeys(("startswith", "endswith"), _prefix),
}
"""Positional-only methods, each with the bytes that a call reads or makes."""


def _register(name: str, size: Callable[[bytes, tuple[Value, ...]], int]) -> None:
    own = getattr(bytes, name)

    @method("bytes", name)
    def run(ctx: Context, self: bytes, /, *args: Value) -> Value:
        meter.text(ctx, size(self, args))
        return own(self, *plain_args(ctx, args))


for _name, _size in _METHODS.items():
    _register(_name, _size)


def _rfind(ctx: Context, data: bytes, sub: Value, start: Value, end: Value) -> int:
    meter.text(ctx, 2 * len(data))
    first, last = bounds(ctx, len(data), start, end)
    if not isinstance(sub, bytes):
        return data.rfind(meter.plain(ctx, sub), first, last)  # a single byte, or CPython's TypeError
    return find_right(data, sub, first, last)


@method("bytes", "rfind")
def _bytes_rfind(ctx: Context, self: bytes, sub: Value, start: Value = None, end: Value = None, /) -> int:
    return _rfind(ctx, self, sub, start, end)


@method("bytes", "rindex")
def _bytes_rindex(ctx: Context, self: bytes, sub: Value, start: Value = None, end: Value = None, /) -> int:
    found = _rfind(ctx, self, sub, start, end)
    if found < 0:
        raise ctx.error("ValueError", "subsection not found")
    return found


@method("bytes", "rpartition")
def _bytes_rpartition(ctx: Context, self: bytes, sep: Value, /) -> tuple[bytes, bytes, bytes]:
    meter.text(ctx, 3 * len(self))
    if not isinstance(sep, bytes) or not sep:
        return self.rpartition(meter.plain(ctx, sep))  # raises
    found = find_right(self, sep, 0, len(self))
    return (b"", b"", self) if found < 0 else (self[:found], sep, self[found + len(sep) :])


def _split(ctx: Context, data: bytes, sep: Value, maxsplit: Value, right: bool) -> list[bytes]:
    limit = size_argument(ctx, maxsplit)
    meter.scan(ctx, 2 * len(data))
    if sep is None:
        # Every piece is followed by white space, of which there are six bytes.
        found = min(sum(map(data.count, (b" ", b"\t", b"\n", b"\r", b"\v", b"\f"))), len(data) // 2)
    elif not isinstance(sep, bytes):
        return data.split(meter.plain(ctx, sep))  # raises
    elif not sep:
        raise ctx.error("ValueError", "empty separator")
    else:
        found = data.count(sep)
    meter.pieces(ctx, (found if limit < 0 else min(found, limit)) + 1, 2 * len(data))
    if not right:
        return data.split(sep, limit)
    if sep is None or len(sep) == 1:
        return data.rsplit(sep, limit)
    return [piece[::-1] for piece in reversed(data[::-1].split(sep[::-1], limit))]


@method("bytes", "split")
def _bytes_split(ctx: Context, self: bytes, /, sep: Value = None, maxsplit: Value = -1) -> list[bytes]:
    return _split(ctx, self, sep, maxsplit, right=False)


@method("bytes", "rsplit")
def _bytes_rsplit(ctx: Context, self: bytes, /, sep: Value = None, maxsplit: Value = -1) -> list[bytes]:
    return _split(ctx, self, sep, maxsplit, right=True)


@method("bytes", "splitlines")
def _bytes_splitlines(ctx: Context, self: bytes, /, keepends: Value = False) -> list[bytes]:
    keep = int_argument(ctx, keepends) != 0
    meter.scan(ctx, 2 * len(self))
    meter.pieces(ctx, 1 + self.count(b"\n") + self.count(b"\r"), len(self))
    return self.splitlines(keep)


def _register_strip(name: str) -> None:
    own = getattr(bytes, name)

    @method("bytes", name)
    def run(ctx: Context, self: bytes, chars: Value = None, /) -> bytes:
        meter.text(ctx, len(self))
        if isinstance(chars, bytes):
            # CPython looks through all of these for each byte that it drops.
            meter.scan(ctx, len(chars))
            chars = bytes(frozenset(chars))
        stripped: bytes = own(self, meter.plain(ctx, chars))
        return stripped


for _name in ("strip", "lstrip", "rstrip"):
    _register_strip(_name)


@method("bytes", "replace")
def _bytes_replace(ctx: Context, self: bytes, old: Value, new: Value, count: Value = -1, /) -> bytes:
    if not isinstance(old, bytes) or not isinstance(new, bytes):
        return self.replace(meter.plain(ctx, old), meter.plain(ctx, new))  # raises
    limit = size_argument(ctx, count)
    meter.scan(ctx, len(self) + len(old))
    found = self.count(old) if limit < 0 else min(self.count(old), limit)
    meter.text(ctx, len(self) + found * max(0, len(new) - len(old)))
    ctx.charge(found // 10)
    return self.replace(old, new, limit)


@method("bytes", "expandtabs")
def _bytes_expandtabs(ctx: Context, self: bytes, /, tabsize: Value = 8) -> bytes:
    size = int_argument(ctx, tabsize)
    meter.scan(ctx, len(self))
    meter.text(ctx, len(self) + self.count(b"\t") * max(0, size))
    return self.expandtabs(size)


@method("bytes", "join")
def _bytes_join(ctx: Context, self: bytes, iterable: Value, /) -> bytes:
    if not ctx.is_iterable(iterable):
        raise ctx.error("TypeError", "can only join an iterable")
    items: list[bytes] = []
    size = 0
    for item in ctx.iterate(iterable):
        if not isinstance(item, bytes):
            name = ctx.type_of(item).name
            raise ctx.error("TypeError", f"sequence item {len(items)}: expected a bytes-like object, {name} found")
        size += len(item) + len(self)
        ctx.allocate(meter.ITEM_BYTES)
        items.append(item)
    meter.text(ctx, size)
    return self.join(items)


@method("bytes", "decode")
def _bytes_decode(ctx: Context, self: bytes, /, encoding: Value = "utf-8", errors: Value = "strict") -> str:
    return decoded(ctx, self, encoding, errors, "decode")


@method("bytes", "hex")
def _bytes_hex(ctx: Context, self: bytes, /, sep: Value = UNBOUND, bytes_per_sep: Value = 1) -> str:
    meter.text(ctx, 3 * len(self))
    if sep is UNBOUND:
        return self.hex()
    if not isinstance(sep, (str, bytes)) or len(sep) != 1:
        raise ctx.error("ValueError", "sep must be length 1.")
    return self.hex(sep, int_argument(ctx, bytes_per_sep))


@static("bytes", "fromhex")
def _bytes_fromhex(ctx: Context, string: Value, /) -> bytes:
    if isinstance(string, str):
        meter.text(ctx, len(string))
    return bytes.fromhex(meter.plain(ctx, string))


@method("bytes", "translate")
def _bytes_translate(ctx: Context, self: bytes, table: Value, /, delete: Value = b"") -> bytes:
    meter.text(ctx, len(self))
    if isinstance(delete, bytes):
        meter.scan(ctx, len(delete))
    return self.translate(meter.plain(ctx, table), meter.plain(ctx, delete))


@static("bytes", "maketrans")
def _bytes_maketrans(ctx: Context, frm: Value, to: Value, /) -> bytes:
    meter.text(ctx, 256 + (len(frm) if isinstance(frm, bytes) else 0))
    return bytes.maketrans(meter.plain(ctx, frm), meter.plain(ctx, to))
