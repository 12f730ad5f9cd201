"""The Python text of operators: a quick way for small integers, floats and what else Python itself does safely, and
the machine's own helper for everything else.

Each function makes lines that leave the result in `out`, and the item that it is. Python's own operators are only used
where they do what the helper would, charge and account included: so sizes are checked before anything is made that
could be large, and numbers afterwards. What is asked of a local is asked once (`Ask`).
"""

from __future__ import annotations

from collections.abc import Callable

from aici.vm.keys import CROWD
from aici.vm.memory import SHORT, SMALL

from .kinds import (
    BOOL,
    DICT,
    FLOAT,
    INTS,
    LIST,
    NATURAL,
    NATURALS,
    NUMBERS,
    OTHER,
    PLAIN,
    STR,
    TINIEST,
    TUPLE,
    VALUE,
    WHOLE,
    Item,
    bits_of,
    of_bits,
    within,
)

Ask = Callable[[Item, str, str], str]
"""`Block._asked`."""
_LARGE = f"({{0}} > {TINIEST} or {{0}} < -{TINIEST}) and not -{SMALL} < {{0}} < {SMALL}"
"""That a number is metered, quick to find wrong of tiny ones."""


def _all(*conditions: str) -> str:
    return " and ".join(dict.fromkeys(condition for condition in conditions if condition))


def small(item: Item, constant: object, ask: Ask) -> str:
    """That a value is an int that is neither metered nor checked."""
    if bits_of(item, constant):
        return ""
    if within(item.kinds, NATURALS):
        return f"{item.text} < {SMALL}"
    if within(item.kinds, WHOLE):
        return ask(item, "g", f"{item.text}.bit_length() < {SMALL.bit_length()}")
    return ask(item, "g", f"type({item.text}) is int and {item.text}.bit_length() < {SMALL.bit_length()}")


def number(item: Item, constant: object, ask: Ask) -> str:
    """That a value is such an int, or a float."""
    if item.kinds == FLOAT:
        return ""
    if not item.kinds & FLOAT or bits_of(item, constant):
        return small(item, constant, ask)
    text = item.text
    is_small = f"type({text}) is int and {text}.bit_length() < {SMALL.bit_length()}"
    return ask(item, "h", f"({is_small} or type({text}) is float)")


def _any_number(item: Item) -> str:
    """That a value is an int or a float of any size."""
    return "" if within(item.kinds, NUMBERS) else f"(type({item.text}) is int or type({item.text}) is float)"


def _guarded(guard: str, quick: str, out: str, slow: str) -> list[str]:
    if not guard:
        return [f"{out} = {quick}"]
    return [f"{out} = {quick} if {guard} else {slow}"]


def binary(
    symbol: str, helper: str, in_place: bool, x: Item, y: Item, xc: object, yc: object, out: str, ask: Ask
) -> tuple[list[str], Item]:
    """`xc` and `yc`: the values of constant operands, else Ellipsis."""
    slow = f"{helper}(m, {x.text}, {y.text})"
    quick = f"{x.text} {symbol} {y.text}"
    whole = within(x.kinds, WHOLE) and within(y.kinds, WHOLE)
    natural = within(x.kinds | y.kinds, NATURALS)
    bits, other = (bits_of(x, xc), bits_of(y, yc)) if whole else (0, 0)
    if symbol in ("+", "-"):
        if whole and symbol == "-" and type(yc) is int and 0 < yc <= x.low and within(x.kinds, NATURALS) and bits:
            return [f"{out} = {quick}"], _int(out, True, bits, True)
        if whole:
            return _whole_sum(symbol, x, y, max(bits, other) + 1 if bits and other else 0, out)
        return _sum(symbol, slow, in_place, x, y, out)
    if x.kinds == FLOAT and y.kinds == FLOAT and symbol in ("*", "/"):
        return _guarded(y.text if symbol == "/" else "", quick, out, slow), Item(out, FLOAT)
    if symbol == "*":
        size = bits + other if bits and other and bits + other < SMALL.bit_length() else 0
        lines = _guarded(_all(number(x, xc, ask), number(y, yc, ask)), quick, out, slow)
        return lines, _int(out, whole, size, natural)
    if symbol in ("//", "%"):
        divisor = "" if type(yc) is int and yc else y.text
        if type(yc) is int and yc > 0 and symbol == "%":
            bits, natural = bits_of(y, yc - 1), True
        elif not natural and bits:
            bits += 1
        guard = _all(number(x, xc, ask), number(y, yc, ask), divisor)
        return _guarded(guard, quick, out, slow), _int(out, whole, bits, natural)
    if symbol == "/":
        if whole:
            return _guarded(_all(y.text, small(x, xc, ask), small(y, yc, ask)), quick, out, slow), Item(out, FLOAT)
        lines = _guarded(_all(number(x, xc, ask), number(y, yc, ask), y.text), quick, out, slow)
        return lines, Item(out, FLOAT if within(x.kinds | y.kinds, NUMBERS) else VALUE)
    if symbol in ("&", "|", "^"):
        lines = _guarded(_all(small(x, xc, ask), small(y, yc, ask)), quick, out, slow)
        return lines, _int(out, whole, max(bits, other) if bits and other and natural else 0, natural)
    return [f"{out} = {slow}"], Item(out, VALUE)


def _int(out: str, certain: bool, bits: int, natural: bool) -> Item:
    """What comes of an operator on integers, if it is `certain` that there were only such."""
    bits = bits if bits < SMALL.bit_length() else 0
    return Item(out, of_bits(bits, natural), bits) if certain else Item(out, VALUE)


def _whole_sum(symbol: str, x: Item, y: Item, bits: int, out: str) -> tuple[list[str], Item]:
    quick = f"{x.text} {symbol} {y.text}"
    natural = symbol == "+" and within(x.kinds | y.kinds, NATURALS)
    if 0 < bits < SMALL.bit_length():
        return [f"{out} = {quick}"], _int(out, True, bits, natural)
    made, back = out, ""
    if out[0] == "l" or out == x.text:  # what is alive stays so until the sum is accounted for
        if x.text == out != y.text:
            back = f"; {out} {'-' if symbol == '+' else '+'}= {y.text}"
        else:
            made = "g"
    check = f"{made} > {SMALL - 1}" if natural else f"{made}.bit_length() > {SMALL.bit_length() - 1}"
    lines = [f"{made} = {quick}", f"if {check}: g = {made}{back}; {made} = grown(m, g)"]
    return [*lines, *([] if made == out else [f"{out} = g"])], Item(out, NATURAL if natural else INTS)


def _sum(symbol: str, slow: str, in_place: bool, x: Item, y: Item, out: str) -> tuple[list[str], Item]:
    if out[0] == "l" or out == x.text:
        lines, item = _sum(symbol, slow, in_place, x, y, "g")
        return [*lines, f"{out} = g"], item._replace(text=out)
    quick = f"{out} = {x.text} {symbol} {y.text}"
    if x.kinds == FLOAT and y.kinds == FLOAT:
        return [quick], Item(out, FLOAT)
    lines = [f"try: {quick}", f"except FAILED: {out} = {slow}"]
    check = f"if {_LARGE.format(out)}: {out} = grown(m, {out})"
    if symbol == "-":
        # Of two values that Python subtracts, the result is a number.
        return [*lines, "else:", f"    {check}"], Item(out, VALUE)
    joined = f"if len({out}) >= {SHORT}: {out} = joined(m, {y.text}, {out})"
    kinds = VALUE
    if within(x.kinds, NUMBERS) or within(y.kinds, NUMBERS):
        lines += ["else:", f"    {check}"]
    elif x.kinds == STR or y.kinds == STR:
        lines += ["else:", f"    {joined}"]
        kinds = STR if x.kinds == STR and within(y.kinds, PLAIN) else STR | OTHER
    else:
        lines += [
            "else:",
            f"    if type({out}) is int:",
            f"        {check}",
            f"    elif type({out}) is str:",
            f"        {joined}",
            f"    elif type({out}) is not float: {out} = joined(m, {y.text}, {out})",
        ]
    if in_place and x.kinds & LIST:
        lines = [f"if type({x.text}) is list: {out} = {slow}", "else:", *["    " + line for line in lines]]
    return lines, Item(out, kinds)


_ORDER = ("<", "<=", ">", ">=")


def comparison(symbol: str, helper: str, x: Item, y: Item, xc: object, yc: object, ask: Ask) -> tuple[str, int]:
    """An expression instead of lines."""
    slow = f"{helper}(m, {x.text}, {y.text})"
    if symbol in ("is", "is not"):
        return f"({x.text} {symbol} {y.text})", BOOL
    quick = f"{x.text} {symbol} {y.text}"
    if symbol in _ORDER or symbol in ("==", "!="):
        if within(x.kinds, NUMBERS) and within(y.kinds, NUMBERS):
            return quick, BOOL
        guards = [_any_number(x), _any_number(y)]
        if symbol in ("==", "!=") and (_short(xc) or _short(yc)):
            other = y if _short(xc) else x
            guards = [f"type({other.text}) in SCALARS"]
        return f"({quick} if {_all(*guards)} else {slow})", VALUE
    key, any_size = _key(x, xc, ask)
    size = "" if any_size else f"len({y.text}) < {CROWD}"
    guard = _all("" if y.kinds == DICT else f"type({y.text}) is dict", key, size)
    return f"({quick} if {guard} else {slow})" if guard else quick, BOOL


def _short(constant: object) -> bool:
    """A constant that can be compared with any number, str or None at no charge."""
    return constant is None or type(constant) in (int, float, bool) or (type(constant) is str and len(constant) < 128)


def _key(item: Item, constant: object, ask: Ask) -> tuple[str, bool]:
    """That a value is a key that may be looked up at no charge, in a dict of less than `CROWD` entries; and whether the
    size of the dict does not matter."""
    text = item.text
    if type(constant) is str and len(constant) < 128:
        return "", True
    if bits_of(item, constant):
        return "", False
    if item.kinds == STR:
        return ask(item, "j", f"len({text}) < 128"), True
    if within(item.kinds, WHOLE):
        return small(item, constant, ask), False
    if not item.kinds & WHOLE:
        return ask(item, "j", f"type({text}) is str and len({text}) < 128"), True
    of_int = f"type({text}) is int and {text}.bit_length() < {SMALL.bit_length()}"
    return ask(item, "j", f"(len({text}) < 128 if type({text}) is str else {of_int})"), False


def subscript(x: Item, key: Item, constant: object, out: str, ask: Ask) -> tuple[list[str], int]:
    """`x[key]`."""
    slow = f"{out} = item_of(m, {x.text}, {key.text})"
    quick = f"{out} = {x.text}[{key.text}]"
    branches: list[str] = []
    if key.kinds & WHOLE:
        index = "" if within(key.kinds, WHOLE) else f"type({key.text}) is int"
        if within(x.kinds, LIST | TUPLE | STR):
            branches.append(index)
        elif x.kinds & LIST:
            branches.append(_all(f"type({x.text}) is list", index))
    if x.kinds & DICT:
        is_dict = "" if x.kinds == DICT else f"type({x.text}) is dict"
        condition, any_size = _key(key, constant, ask)
        branches.append(_all(is_dict, condition, "" if any_size else f"len({x.text}) < {CROWD}"))
    if not branches:
        return [slow], VALUE
    lines = ["try:"]
    if all(branches):
        for place, guard in enumerate(branches):
            lines.append(f"    {'elif' if place else 'if'} {guard}: {quick}")
        lines.append(f"    else: {slow}")
    else:
        lines.append(f"    {quick}")
    return [*lines, f"except LookupError: raise missing(m, {x.text}, {key.text})"], STR if x.kinds == STR else VALUE


def store(x: Item, key: Item, constant: object, value: Item, ask: Ask) -> list[str]:
    """`x[key] = value`."""
    slow = f"set_item(m, {x.text}, {key.text}, {value.text})"
    quick = f"{x.text}[{key.text}] = {value.text}"
    lines: list[str] = []
    word = "if"
    if x.kinds & DICT:
        is_dict = "" if x.kinds == DICT else f"type({x.text}) is dict"
        condition, any_size = _key(key, constant, ask)
        size = "" if any_size else f"len({x.text}) < {CROWD}"
        guard = _all(is_dict, condition, size, "(n := m.memory + ENTRY) <= m.memory_limit")
        lines += [f"{word} {guard}:", f"    m.memory = n; {quick}"]
        word = "elif"
    if x.kinds & LIST and key.kinds & WHOLE:
        is_list = "" if x.kinds == LIST else f"type({x.text}) is list"
        index = "" if within(key.kinds, WHOLE) else f"type({key.text}) is int"
        guard = _all(is_list, index, f"-len({x.text}) <= {key.text} < len({x.text})")
        lines += [f"{word} {guard}: {quick}"]
    return [*lines, f"else: {slow}"] if lines else [slow]


def truth(item: Item) -> str:
    """A condition."""
    if within(item.kinds, PLAIN):
        return item.text
    return f"({item.text} if type({item.text}) in NATIVE else truth(m, {item.text}))"


def negation(item: Item) -> str:
    return f"not {truth(item)}"
