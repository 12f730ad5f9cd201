"""The Python text of operators: a quick way for small integers, floats and what else Python itself does safely, and
the machine's own helper for everything else.

Each function makes lines that leave the result in `out`, and says its kinds. Python's own operators are only used where
they do what the helper would, charge and account included: so sizes are checked before anything is made that could be
large, and numbers afterwards.
"""

from __future__ import annotations

from aici.vm.memory import SHORT, SMALL

from .kinds import (
    BOOL,
    FLOAT,
    INDEX,
    INTS,
    LIST,
    NATURAL,
    NATURALS,
    NUMBERS,
    PLAIN,
    STR,
    TUPLE,
    VALUE,
    WHOLE,
    Item,
    within,
)

_IN = f"-{SMALL} < {{}} < {SMALL}"
_GROWN = f"not -{SMALL} < {{0}} < {SMALL}"


def _int(item: Item) -> str:
    return "" if within(item.kinds, WHOLE) else f"type({item.text}) is int"


def _float(item: Item) -> str:
    return "" if item.kinds == FLOAT else f"type({item.text}) is float"


def _all(*conditions: str) -> str:
    return " and ".join(condition for condition in conditions if condition)


def _small(item: Item, constant: object) -> str:
    """That an int is neither metered nor checked."""
    if within(item.kinds, INDEX | BOOL) or (type(constant) is int and -SMALL < constant < SMALL):
        return ""
    if within(item.kinds, NATURALS):
        return f"{item.text} < {SMALL}"
    return _IN.format(item.text)


def _guarded(guard: str, quick: str, out: str, slow: str) -> list[str]:
    if not guard:
        return [f"{out} = {quick}"]
    return [f"{out} = {quick} if {guard} else {slow}"]


def binary(
    symbol: str, helper: str, in_place: bool, x: Item, y: Item, xc: object, yc: object, out: str
) -> tuple[list[str], int]:
    """`xc` and `yc`: the values of constant operands, else Ellipsis."""
    slow = f"{helper}(m, {x.text}, {y.text})"
    natural = within(x.kinds | y.kinds, NATURALS)
    if symbol in ("+", "-"):
        return _sum(symbol, slow, in_place, x, y, out, natural)
    quick = f"{x.text} {symbol} {y.text}"
    ints = _all(_int(x), _int(y))
    possible = within(x.kinds, WHOLE) and within(y.kinds, WHOLE)
    kinds = (NATURAL if natural else INTS) if possible else VALUE
    if symbol == "*":
        if x.kinds == FLOAT and y.kinds == FLOAT:
            return [f"{out} = {quick}"], FLOAT
        return _guarded(_all(ints, _small(x, xc), _small(y, yc)), quick, out, slow), kinds
    if symbol in ("//", "%"):
        divisor = "" if type(yc) is int and yc else y.text
        if symbol == "%" and possible and type(yc) is int and yc > 0:
            kinds = INDEX if yc < SMALL else NATURAL
        return _guarded(_all(ints, divisor, _small(x, xc)), quick, out, slow), kinds
    if symbol == "/":
        if x.kinds == FLOAT and y.kinds == FLOAT:
            return _guarded(y.text, quick, out, slow), FLOAT
        if possible:
            return _guarded(_all(y.text, _small(x, xc), _small(y, yc)), quick, out, slow), FLOAT
        return _guarded(_all(_float(x), _float(y), y.text), quick, out, slow), VALUE
    if symbol in ("&", "|", "^"):
        return _guarded(_all(ints, _small(x, xc), _small(y, yc)), quick, out, slow), kinds
    return [f"{out} = {slow}"], VALUE


def _sum(symbol: str, slow: str, in_place: bool, x: Item, y: Item, out: str, natural: bool) -> tuple[list[str], int]:
    whole = within(x.kinds, WHOLE) and within(y.kinds, WHOLE)
    if out[0] == "l" and not (whole and x.text == out != y.text):
        # A local keeps what it has until the sum is accounted for.
        lines, kinds = _sum(symbol, slow, in_place, x, y, "g", natural)
        return [*lines, f"{out} = g"], kinds
    quick = f"{out} = {x.text} {symbol} {y.text}"
    if whole:
        check = f"{out} > {SMALL - 1}" if natural and symbol == "+" else _GROWN.format(out)
        before = f"g = {out}; {out} {'-' if symbol == '+' else '+'}= {y.text}; " if out[0] == "l" else f"g = {out}; "
        return [quick, f"if {check}: {before}{out} = grown(m, g)"], NATURAL if natural and symbol == "+" else INTS
    if x.kinds == FLOAT and y.kinds == FLOAT:
        return [quick], FLOAT
    lines = [f"try: {quick}", f"except FAILED: {out} = {slow}"]
    check = f"if {_GROWN.format(out)}: {out} = grown(m, {out})"
    if symbol == "-":
        # Of two values that Python subtracts, the result is a number.
        return [*lines, "else:", f"    {check}"], VALUE
    if not (within(x.kinds, NUMBERS) or within(y.kinds, NUMBERS)):
        tail = [
            "else:",
            f"    if type({out}) is int:",
            f"        {check}",
            f"    elif type({out}) is str:",
            f"        if len({out}) >= {SHORT}: {out} = joined(m, {y.text}, {out})",
            f"    elif type({out}) is not float: {out} = joined(m, {y.text}, {out})",
        ]
        lines += tail
    else:
        lines += ["else:", f"    {check}"]
    if in_place and x.kinds & LIST:
        lines = [f"if type({x.text}) is list: {out} = {slow}", "else:", *["    " + line for line in lines]]
    return lines, VALUE


_ORDER = ("<", "<=", ">", ">=")


def comparison(symbol: str, helper: str, x: Item, y: Item, xc: object, yc: object) -> tuple[str, int]:
    """An expression instead of lines."""
    slow = f"{helper}(m, {x.text}, {y.text})"
    if symbol in ("is", "is not"):
        return f"({x.text} {symbol} {y.text})", BOOL
    quick = f"{x.text} {symbol} {y.text}"
    if symbol in _ORDER or symbol in ("==", "!="):
        if within(x.kinds, NUMBERS) and within(y.kinds, NUMBERS):
            return quick, BOOL
        guards = [f"type({item.text}) is int" for item in (x, y) if not within(item.kinds, NUMBERS)]
        if symbol in ("==", "!=") and (_short(xc) or _short(yc)):
            other = y if _short(xc) else x
            guards = [f"type({other.text}) in SCALARS"]
        return f"({quick} if {_all(*guards)} else {slow})", VALUE
    key = _key(x, xc)
    guard = _all("" if y.kinds == 256 else f"type({y.text}) is dict", key, f"len({y.text}) < 4096")
    return f"({quick} if {guard} else {slow})", BOOL


def _short(constant: object) -> bool:
    """A constant that can be compared with any number, str or None at no charge."""
    return constant is None or type(constant) in (int, float, bool) or (type(constant) is str and len(constant) < 128)


def _key(item: Item, constant: object) -> str:
    """That a value is a key that may be looked up at no charge, in a dict of less than 4096 entries."""
    if type(constant) is str and len(constant) < 128:
        return ""
    if type(constant) is int and -SMALL < constant < SMALL:
        return ""
    if within(item.kinds, INDEX | BOOL):
        return ""
    text = item.text
    of_int = f"-{SMALL} < {text} < {SMALL}"
    if item.kinds == STR:
        return f"len({text}) < 128"
    if within(item.kinds, INTS):
        return of_int
    return f"(len({text}) < 128 if type({text}) is str else type({text}) is int and {of_int})"


def subscript(x: Item, key: Item, constant: object, out: str) -> tuple[list[str], int]:
    """`x[key]`."""
    slow = f"{out} = item_of(m, {x.text}, {key.text})"
    quick = f"{out} = {x.text}[{key.text}]"
    branches: list[tuple[str, str]] = []
    if key.kinds & WHOLE:
        index = "" if within(key.kinds, WHOLE) else f"type({key.text}) is int"
        if within(x.kinds, LIST | TUPLE | STR):
            branches.append((index, quick))
        elif x.kinds & LIST:
            branches.append((_all(f"type({x.text}) is list", index), quick))
    if x.kinds & 256:
        is_dict = "" if x.kinds == 256 else f"type({x.text}) is dict"
        size = "" if type(constant) is str or key.kinds == STR else f"len({x.text}) < 4096"
        branches.append((_all(is_dict, _key(key, constant), size), quick))
    if not branches:
        return [slow], VALUE
    lines = ["try:"]
    for place, (guard, text) in enumerate(branches):
        lines.append(f"    {'if' if not place else 'elif'} {guard or 'True'}: {text}")
    lines += [f"    else: {slow}", f"except LookupError: {slow}"]
    return lines, STR if x.kinds == STR else VALUE


def store(x: Item, key: Item, constant: object, value: Item) -> list[str]:
    """`x[key] = value`."""
    slow = f"set_item(m, {x.text}, {key.text}, {value.text})"
    quick = f"{x.text}[{key.text}] = {value.text}"
    lines: list[str] = []
    word = "if"
    if x.kinds & 256:
        is_dict = "" if x.kinds == 256 else f"type({x.text}) is dict"
        room = "(n := m.memory + ENTRY) <= m.memory_limit"
        guard = _all(is_dict, _key(key, constant), f"len({x.text}) < 4096", room)
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
