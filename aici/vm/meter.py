"""What the making of common values costs. Every native of the runtime charges through these few functions, so that one
place says what a character and an item weigh.

Each charges fuel for the work and accounts for the memory *before* anything is made. May be imported by the runtime's
own files only.
"""

from __future__ import annotations

from .memory import DICT_ENTRY, LIST_ITEM
from .native import Context
from .values import Value

ITEM_BYTES = LIST_ITEM
"""A slot in a list or tuple."""
ENTRY_BYTES = DICT_ENTRY
"""An entry of a dict or set."""


def width(text: str | bytes) -> int:
    """Bytes a character: an upper bound, and quick to know."""
    return 1 if isinstance(text, bytes) or text.isascii() else 4


def scan(ctx: Context, size: int) -> None:
    """For reading `size` characters or bytes."""
    ctx.charge(1 + size // 100)


def text(ctx: Context, size: int) -> None:
    """For making a text of `size` bytes."""
    ctx.charge(1 + size // 100)
    ctx.allocate(56 + size)


def sequence(ctx: Context, count: int) -> None:
    """For making a list or tuple of `count` items that exist already."""
    ctx.charge(1 + count // 10)
    ctx.allocate(56 + ITEM_BYTES * count)


def pieces(ctx: Context, count: int, size: int) -> None:
    """For making a list of `count` texts of `size` bytes in all."""
    ctx.charge(1 + count + size // 100)
    ctx.allocate(56 + (56 + ITEM_BYTES) * count + size)


def table(ctx: Context, count: int) -> None:
    """For making a dict or set of `count` entries."""
    ctx.charge(1 + count)
    ctx.allocate(64 + ENTRY_BYTES * count)


def shift(ctx: Context, count: int) -> None:
    """For moving `count` items of a list by a place."""
    ctx.charge(1 + count // 100)


def number(ctx: Context, bits: int) -> None:
    """For making an integer of `bits` bits by work in proportion to its size."""
    ctx.bits(bits)
    ctx.charge(1 + bits // 500)
    ctx.allocate(32 + bits // 8)


class _Shown:
    """Base of the stand-ins that `plain` makes."""


def plain(ctx: Context, value: Value) -> Value:
    """The value if it is Python's own, else an object whose type carries the same name: for arguments of Python's own
    methods, which reject such objects with a TypeError that names the type."""
    if value is None or type(value) in _PYTHON_TYPES:
        return value
    return type(ctx.type_of(value).name, (_Shown,), {})()


_PYTHON_TYPES = frozenset({bool, int, float, str, bytes, tuple, list, dict, range, slice})
