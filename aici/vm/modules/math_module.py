"""The controller's `math`: CPython's functions on numbers; those that make large integers are accounted for first."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from aici.vm import meter
from aici.vm.native import Context, module_function, module_value, native
from aici.vm.values import UNBOUND, Value

for _name in ("pi", "e", "tau", "inf", "nan"):
    module_value("math", _name, getattr(math, _name))

_ONE = (
    *("acos", "acosh", "asin", "asinh", "atan", "atanh", "ceil", "cos", "cosh", "degrees", "erf", "erfc", "exp"),
    *("expm1", "fabs", "floor", "frexp", "gamma", "isfinite", "isinf", "isnan", "lgamma", "log10", "log1p", "log2"),
    *("modf", "radians", "sin", "sinh", "sqrt", "tan", "tanh", "trunc", "ulp"),
)
_TWO = ("atan2", "copysign", "fmod", "ldexp", "nextafter", "pow", "remainder")


def _numbers(ctx: Context, args: Sequence[Value]) -> list[Value]:
    ctx.charge(1 + sum(x.bit_length() for x in args if isinstance(x, int)) // 1000)
    return [meter.plain(ctx, arg) for arg in args]


def _register(name: str, function: Callable[..., Value], count: int) -> None:
    def one(ctx: Context, x: Value, /) -> Value:
        return function(*_numbers(ctx, (x,)))

    def two(ctx: Context, x: Value, y: Value, /) -> Value:
        return function(*_numbers(ctx, (x, y)))

    module_value("math", name, native(name, one if count == 1 else two))


for _name in _ONE:
    _register(_name, getattr(math, _name), 1)
# New in Python 3.11; under 3.10 `cbrt` may be off by a unit in the last place.
_register("exp2", getattr(math, "exp2", lambda x: math.pow(2.0, x)), 1)
_register("cbrt", getattr(math, "cbrt", lambda x: math.copysign(math.pow(math.fabs(x), 1 / 3), x)), 1)
for _name in _TWO:
    _register(_name, getattr(math, _name), 2)


@module_function("math", "log")
def _log(ctx: Context, x: Value, base: Value = UNBOUND, /) -> float:
    return math.log(*_numbers(ctx, (x,) if base is UNBOUND else (x, base)))


@module_function("math", "isclose")
def _isclose(ctx: Context, a: Value, b: Value, *, rel_tol: Value = 1e-09, abs_tol: Value = 0.0) -> bool:
    x, y, relative, absolute = _numbers(ctx, (a, b, rel_tol, abs_tol))
    return math.isclose(x, y, rel_tol=relative, abs_tol=absolute)


@module_function("math", "hypot")
def _hypot(ctx: Context, *coordinates: Value) -> float:
    return math.hypot(*_numbers(ctx, coordinates))


@module_function("math", "dist")
def _dist(ctx: Context, p: Value, q: Value, /) -> float:
    points = [_numbers(ctx, list(ctx.iterate(point))) for point in (p, q)]
    return math.dist(*points)


@module_function("math", "fsum")
def _fsum(ctx: Context, seq: Value, /) -> float:
    items = []
    for item in ctx.iterate(seq):
        ctx.charge(1)
        ctx.allocate(meter.ITEM_BYTES)
        items.append(meter.plain(ctx, item))
    return math.fsum(items)


@module_function("math", "prod")
def _prod(ctx: Context, iterable: Value, /, *, start: Value = 1) -> Value:
    total = start
    for item in ctx.iterate(iterable):
        total = ctx.binary("*", total, item)
    return total


# --- integers ---


def _product_cost(ctx: Context, bits: int, other: int) -> None:
    """For work in proportion to the product of two sizes in bits, such as multiplication and division."""
    ctx.charge(1 + bits * other // 100_000)


@module_function("math", "gcd")
def _gcd(ctx: Context, *integers: Value) -> int:
    total = 0
    for value in integers:
        number = ctx.index(value)
        _product_cost(ctx, 2 * total.bit_length(), number.bit_length())
        total = math.gcd(total, number)
    return total


@module_function("math", "lcm")
def _lcm(ctx: Context, *integers: Value) -> int:
    total = 1
    for value in integers:
        number = ctx.index(value)
        _product_cost(ctx, 3 * total.bit_length(), number.bit_length())
        ctx.bits(max(0, total.bit_length() + number.bit_length() - 1))
        total = math.lcm(total, number)
        meter.number(ctx, total.bit_length())
    return total


@module_function("math", "isqrt")
def _isqrt(ctx: Context, n: Value, /) -> int:
    number = ctx.index(n)
    _product_cost(ctx, number.bit_length(), number.bit_length())
    return math.isqrt(number)


def _factorial_bits(count: int) -> int:
    """Bits of a factorial, rounded up."""
    return int(math.lgamma(count + 1) / math.log(2)) + 2 if count < 1 << 60 else 1 << 66


@module_function("math", "factorial")
def _factorial(ctx: Context, x: Value, /) -> int:
    number = ctx.index(x)
    if 0 <= number < 1 << 63:
        bits = _factorial_bits(number)
        meter.number(ctx, bits)
        _product_cost(ctx, bits, bits)
    return math.factorial(number)


@module_function("math", "comb")
def _comb(ctx: Context, n: Value, k: Value, /) -> int:
    total, chosen = ctx.index(n), ctx.index(k)
    if 0 <= chosen <= total:
        small = min(chosen, total - chosen)
        bits = min(total, small * (total.bit_length() - small.bit_length() + 3))
        meter.number(ctx, bits)
        _product_cost(ctx, 30 * small + total.bit_length(), bits)
    return math.comb(total, chosen)


@module_function("math", "perm")
def _perm(ctx: Context, n: Value, k: Value = None, /) -> int:
    if k is None:
        return _factorial(ctx, n)
    total, chosen = ctx.index(n), ctx.index(k)
    if 0 <= chosen <= total:
        bits = chosen * total.bit_length()
        if total < 1 << 60:
            bits = min(bits, _factorial_bits(total))
        meter.number(ctx, bits)
        _product_cost(ctx, 30 * chosen + total.bit_length(), bits)
    return math.perm(total, chosen)
