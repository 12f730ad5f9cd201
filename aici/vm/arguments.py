"""Checks of arguments that many natives share, with the words of CPython."""

from __future__ import annotations

from .native import Context
from .values import Value


def shown_type(ctx: Context, value: Value) -> str:
    """The name of a value's type where CPython's argument checks say it."""
    return "None" if value is None else ctx.type_of(value).name


def size_argument(ctx: Context, value: Value) -> int:
    """A count such as `maxsplit`, or a place in a list; OverflowError beyond what CPython can count."""
    number = int(ctx.index(value))
    if not -(1 << 63) <= number < 1 << 63:
        raise ctx.error("OverflowError", "Python int too large to convert to C ssize_t")
    return number


def int_argument(ctx: Context, value: Value) -> int:
    """A number that CPython takes as a C int."""
    number = int(ctx.index(value))
    if not -(1 << 31) <= number < 1 << 31:
        raise ctx.error("OverflowError", "Python int too large to convert to C int")
    return number
