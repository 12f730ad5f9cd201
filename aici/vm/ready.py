"""Making code ready to run: each instruction becomes a handler of `ops` with its operands resolved.

Where it can be seen beforehand, a quicker handler that does the same is chosen: operators on small integers, and
jumps that go back, which cost fuel. What is made of a program is kept with it (`code_table`), so that a server pays for
it once and not for every process.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import arithmetic, compare
from .costs import appending, fuel_back, prices, weights
from .frame import Code, Frame, Handler, awaited_calls
from .isa import BINARY_OPERATORS, COMPARE_OPERATORS, CONVERSIONS, TABLE, UNARY_OPERATORS, Op, Operand
from .memory import SMALL
from .ops import HANDLERS
from .ops.calling import call_append, call_awaited
from .ops.registry import REENTER
from .program import Program

if TYPE_CHECKING:
    from .machine import Machine

_Ready = tuple[Handler, Any, Any]

_Resolver = Callable[[Program, int], Any]

_RESOLVE: dict[Operand, _Resolver] = {
    Operand.CONST: lambda program, index: program.consts[index],
    Operand.NAMES: lambda program, index: program.consts[index],
    Operand.NAME: lambda program, index: program.names[index],
    Operand.UNARY: lambda program, index: arithmetic.UNARY[UNARY_OPERATORS[index]],
    Operand.CONVERSION: lambda program, index: CONVERSIONS[index],
}
"""Operands that handlers want as something else than a number."""


class CodeTable(dict[int, Code]):
    """The code of a program's functions by index, each made ready when it is first called. Derived, so shared by all
    processes that may lower it."""

    def __init__(self, program: Program) -> None:
        super().__init__()
        self._program = program
        self.lowerings: Any = None  # made by `lowering` when code gets hot

    def __missing__(self, index: int) -> Code:
        return self.setdefault(index, _ready(self._program, index))  # the first one, if two threads make it at once

    def cell_name(self, index: int, slot: int) -> str:
        """Name of a captured cell, which a function around this one owns."""
        functions = self._program.functions
        while slot >= len(functions[index].cells):
            slot = functions[index].captures[slot - len(functions[index].cells)]
            index = self._parent(index)
        return functions[index].cells[slot]

    def _parent(self, index: int) -> int:
        """The function that makes function `index`."""
        for parent in range(index):
            code = self._program.functions[parent].code
            if any(instr.op == Op.MAKE_FUNCTION and instr.a == index for instr in code):
                return parent
        return 0


def code_table(program: Program) -> CodeTable:
    """The table of a program, made once and kept with it."""
    kept = vars(program)
    if "_codes" not in kept:
        kept.setdefault("_codes", CodeTable(program))
    found: CodeTable = kept["_codes"]
    return found


def _ready(program: Program, index: int) -> Code:
    function = program.functions[index]
    before = weights(program, function.code)
    appends = appending(program, function.code)
    steps = prices(function.code, before)
    ops: list[_Ready] = []
    for at, (op, a, b) in enumerate(function.code):
        handler, for_a, for_b, special = _PLANS[op]
        if special is not None:
            ops.append(special(at, a))
        elif at in appends:
            ops.append((call_append, a, b))
        elif at in steps:
            ops.append((handler, a, steps[at]))
        elif a <= at and op in _JUMPS:
            cost = (0, 0) if a in steps else (fuel_back(at, a), before[at + 1] - before[a])
            ops.append((_back(handler, *cost), a, 0))
        else:
            ops.append((handler, a if for_a is None else for_a(program, a), b if for_b is None else for_b(program, b)))
    if function.is_async:
        for at in awaited_calls(function):
            ops[at] = (call_awaited, *ops[at][1:])
    if before[-1]:
        ops[0] = (_first(ops[0][0], before[-1]), ops[0][1], ops[0][2])
    return Code(index, function, ops, fuel_back(len(function.code), 0))


def _in_place(at: int, number: int) -> _Ready:
    handler, symbol = HANDLERS[Op.INPLACE], BINARY_OPERATORS[number]
    if symbol in _SMALL_OPERATORS:
        handler = _small_in_place(handler, _SMALL_OPERATORS[symbol])
    return handler, arithmetic.INPLACE[symbol], symbol


def _binary(at: int, number: int) -> _Ready:
    symbol = BINARY_OPERATORS[number]
    function = arithmetic.BINARY[symbol]
    if symbol in _SMALL_OPERATORS:
        return _small_binary(function, _SMALL_OPERATORS[symbol]), function, 0
    return HANDLERS[Op.BINARY], function, 0


def _comparison(at: int, number: int) -> _Ready:
    symbol = COMPARE_OPERATORS[number]
    function = compare.COMPARE[symbol]
    if symbol in _SMALL_COMPARISONS:
        return _small_comparison(function, _SMALL_COMPARISONS[symbol]), function, 0
    return HANDLERS[Op.COMPARE], function, 0


_JUMPS = frozenset(int(op) for op, info in TABLE.items() if info.operands == (Operand.TARGET,))


def _first(first: Handler, size: int) -> Handler:
    """The first instruction of a function pays for the bytes of all of it."""

    def handler(m: Machine, frame: Frame, a: Any, b: Any) -> int | None:
        m.allocate(size)
        target: int | None = first(m, frame, a, b)
        return target

    return handler


def _back(jump: Handler, cost: int, size: int) -> Handler:
    """A jump that goes back pays where it is taken."""

    def handler(m: Machine, frame: Frame, a: int, b: int) -> int | None:
        target: int | None = jump(m, frame, a, b)
        if target is not None:
            m.charge(cost)
            m.allocate(size)
            code = frame.code
            code.heat -= 1
            if code.heat < 0 and m.heated(frame, target):
                return REENTER - target
        return target

    return handler


# --- operators on small integers ---

_SMALL_OPERATORS = {"+": operator.add, "-": operator.sub}
_SMALL_COMPARISONS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _small_binary(function: arithmetic.Operator, on_integers: Callable[[Any, Any], Any]) -> Handler:
    def handler(m: Machine, frame: Frame, a: Any, b: Any) -> None:
        stack = frame.stack
        y = stack.pop()
        x = stack[-1]
        if type(x) is int and type(y) is int:
            value = on_integers(x, y)
            if -SMALL < value < SMALL:
                stack[-1] = value
                return
        stack[-1] = function(m, x, y)

    return handler


def _small_in_place(general: Handler, on_integers: Callable[[Any, Any], Any]) -> Handler:
    def handler(m: Machine, frame: Frame, a: Any, b: Any) -> None:
        stack = frame.stack
        x, y = stack[-2], stack[-1]
        if type(x) is int and type(y) is int:
            value = on_integers(x, y)
            if -SMALL < value < SMALL:
                stack.pop()
                stack[-1] = value
                return
        general(m, frame, a, b)

    return handler


def _small_comparison(function: compare.Comparison, on_integers: Callable[[Any, Any], Any]) -> Handler:
    def handler(m: Machine, frame: Frame, a: Any, b: Any) -> None:
        stack = frame.stack
        y = stack.pop()
        x = stack[-1]
        stack[-1] = on_integers(x, y) if type(x) is int and type(y) is int else function(m, x, y)

    return handler


# --- how each opcode becomes ready ---

_Plan = tuple[Handler, "_Resolver | None", "_Resolver | None", "Callable[[int, int], _Ready] | None"]


def _plan(op: int) -> _Plan:
    """The handler of an opcode, what resolves its operands, and what makes all of it instead, where there are several
    handlers."""
    info = TABLE[op]
    special = _SPECIAL.get(op)
    resolvers = [_RESOLVE.get(operand) for operand in info.operands]
    for_a, for_b = [*resolvers, None, None][:2]
    return HANDLERS[op], for_a, for_b, special


_SPECIAL: dict[int, Callable[[int, int], _Ready]] = {
    Op.INPLACE: _in_place,
    Op.BINARY: _binary,
    Op.COMPARE: _comparison,
}

_PLANS = {op: _plan(op) for op in TABLE}
