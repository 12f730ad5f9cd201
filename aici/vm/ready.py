"""Making code ready to run: each instruction becomes a handler of `ops` with its operands resolved.

Where it can be seen beforehand, a quicker handler that does the same is chosen: operators on small integers, and
jumps that go back, which cost fuel.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import arithmetic, compare
from .frame import Code, Frame, Handler, back_cost
from .isa import BINARY_OPERATORS, COMPARE_OPERATORS, CONVERSIONS, TABLE, UNARY_OPERATORS, Op, Operand
from .memory import SMALL
from .ops import HANDLERS
from .ops.registry import REENTER
from .program import Instr, Program

if TYPE_CHECKING:
    from .machine import Machine

_Ready = tuple[Handler, Any, Any]

_RESOLVE: dict[Operand, Callable[[Program, int], Any]] = {
    Operand.CONST: lambda program, index: program.consts[index],
    Operand.NAMES: lambda program, index: program.consts[index],
    Operand.NAME: lambda program, index: program.names[index],
    Operand.BINARY: lambda program, index: arithmetic.BINARY[BINARY_OPERATORS[index]],
    Operand.UNARY: lambda program, index: arithmetic.UNARY[UNARY_OPERATORS[index]],
    Operand.COMPARE: lambda program, index: compare.COMPARE[COMPARE_OPERATORS[index]],
    Operand.CONVERSION: lambda program, index: CONVERSIONS[index],
}
"""Operands that handlers want as something else than a number."""


class CodeTable(dict[int, Code]):
    """The code of a program's functions by index, each made ready when it is first called. Derived, so shared by all
    forks."""

    def __init__(self, program: Program) -> None:
        super().__init__()
        self._program = program
        self.lowerings: Any = None  # made by `lowering` when code gets hot

    def __missing__(self, index: int) -> Code:
        code = self[index] = _ready(self._program, index)
        return code

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


def _ready(program: Program, index: int) -> Code:
    function = program.functions[index]
    code = function.code
    ops = [_instruction(program, at, instr) for at, instr in enumerate(code)]
    return Code(index, function, ops)


def _instruction(program: Program, at: int, instr: Instr) -> _Ready:
    handler = HANDLERS[instr.op]
    operands: list[Any] = [instr.a, instr.b]
    kinds = TABLE[instr.op].operands
    for place, kind in enumerate(kinds):
        if kind in _RESOLVE:
            operands[place] = _RESOLVE[kind](program, operands[place])
    if instr.op == Op.INPLACE:
        symbol = BINARY_OPERATORS[instr.a]
        operands = [arithmetic.INPLACE[symbol], symbol]
        if symbol in _SMALL_OPERATORS:
            handler = _small_in_place(handler, _SMALL_OPERATORS[symbol])
    elif instr.op == Op.BINARY and BINARY_OPERATORS[instr.a] in _SMALL_OPERATORS:
        handler = _small_binary(operands[0], _SMALL_OPERATORS[BINARY_OPERATORS[instr.a]])
    elif instr.op == Op.COMPARE and COMPARE_OPERATORS[instr.a] in _SMALL_COMPARISONS:
        handler = _small_comparison(operands[0], _SMALL_COMPARISONS[COMPARE_OPERATORS[instr.a]])
    elif kinds and kinds[0] is Operand.TARGET and instr.op != Op.FOR_ITER and instr.a <= at:
        handler = _back(handler, back_cost(at, instr.a))
    return handler, operands[0], operands[1]


def _back(jump: Handler, cost: int) -> Handler:
    """A jump that goes back costs fuel where it is taken."""

    def handler(m: Machine, frame: Frame, a: int, b: int) -> int | None:
        target: int | None = jump(m, frame, a, b)
        if target is not None:
            m.fuel -= cost
            if m.fuel < 0:
                m.charge(0)
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
