"""Builtin functions of numbers: abs, bin, divmod, hex, oct, pow, round, sum."""

from __future__ import annotations

from collections.abc import Callable

from . import meter
from .native import Context, builtin
from .values import UNBOUND, Value

_NUMBERS = frozenset({bool, int, float})


@builtin("abs")
def _abs(ctx: Context, x: Value, /) -> Value:
    if type(x) not in _NUMBERS:
        raise ctx.error("TypeError", f"bad operand type for abs(): '{ctx.type_of(x).name}'")
    if isinstance(x, int):
        meter.number(ctx, x.bit_length())
    return abs(x)


def _register_base(name: str, show: Callable[[int], str]) -> None:
    @builtin(name)
    def run(ctx: Context, number: Value, /) -> str:
        value = ctx.index(number)
        meter.text(ctx, value.bit_length())
        return show(value)


_register_base("bin", bin)
_register_base("oct", oct)
_register_base("hex", hex)


@builtin("divmod")
def _divmod(ctx: Context, x: Value, y: Value, /) -> tuple[Value, Value]:
    if type(x) not in _NUMBERS or type(y) not in _NUMBERS:
        names = f"'{ctx.type_of(x).name}' and '{ctx.type_of(y).name}'"
        raise ctx.error("TypeError", f"unsupported operand type(s) for divmod(): {names}")
    if isinstance(x, float) or isinstance(y, float):
        pair: tuple[Value, Value] = divmod(x, y)
        return pair
    return ctx.binary("//", x, y), ctx.binary("%", x, y)


@builtin("pow")
def _pow(ctx: Context, base: Value, exp: Value, mod: Value = None) -> Value:
    if mod is None:
        return ctx.binary("**", base, exp)
    if not (isinstance(base, int) and isinstance(exp, int) and isinstance(mod, int)):
        if any(type(x) is float for x in (base, exp, mod)):
            raise ctx.error("TypeError", "pow() 3rd argument not allowed unless all arguments are integers")
        names = ", ".join(f"'{ctx.type_of(x).name}'" for x in (base, exp, mod))
        raise ctx.error("TypeError", f"unsupported operand type(s) for ** or pow(): {names}")
    # A squaring and a division for every bit of the exponent; an inverse costs about as much as one such.
    bits = mod.bit_length()
    ctx.charge(1 + base.bit_length() * bits // 100_000)
    ctx.charge(1 + (exp.bit_length() + 64) * (1 + (bits // 30) ** 2 // 100) // 10)
    ctx.allocate(32 + bits // 8)
    return pow(base, exp, mod)


@builtin("round")
def _round(ctx: Context, number: Value, ndigits: Value = None) -> Value:
    if type(number) not in _NUMBERS:
        raise ctx.error("TypeError", f"type {ctx.type_of(number).name} doesn't define __round__ method")
    digits = None if ndigits is None else ctx.index(ndigits)
    if isinstance(number, float) or digits is None or digits >= 0:
        meter.number(ctx, number.bit_length() if isinstance(number, int) else 64)
        return round(number, digits)
    # Rounding an integer to tens makes 10 ** -ndigits; beyond the number's own size that leaves 0.
    if -digits > number.bit_length() // 3 + 2:
        return 0
    meter.number(ctx, -4 * digits)
    ctx.charge(number.bit_length() * -digits // 100_000)
    return round(number, digits)


_TAME = 1 << 31
"""Integers below it in magnitude can be added as often as there is room for them, and stay small."""


def _is_tame(items: list[Value]) -> bool:
    return set(map(type, items)) == {int} and min(items) > -_TAME and max(items) < _TAME


@builtin("sum")
def _sum(ctx: Context, iterable: Value, /, start: Value = 0) -> Value:
    if isinstance(start, (str, bytes)):
        ctx.iterator(iterable)  # that it is none is said first
        name, instead = ("strings", "''.join(seq)") if isinstance(start, str) else ("bytes", "b''.join(seq)")
        raise ctx.error("TypeError", f"sum() can't sum {name} [use {instead} instead]")
    if type(iterable) is list and type(start) is int and -_TAME < start < _TAME and _is_tame(iterable):
        ctx.charge(1 + len(iterable))
        return start + sum(iterable)
    total = UNBOUND
    for item in ctx.iterate(iterable):
        total = ctx.binary("+", start if total is UNBOUND else total, item)
    return start if total is UNBOUND else total
