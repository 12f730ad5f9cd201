"""What code costs: the fuel and bytes that a stretch of a function pays for, known before it runs.

A jump back pays for the instructions that it goes back over, a step of a loop over an iterator for those of the loop,
and the first instruction of a function for all of them. So a run pays where control turns, and the instructions on the
way charge nothing for what they do in any case: a unit of fuel covers `STRAIGHT` of them, and `_BYTES` says how much
memory each takes at most when its result is small. What is larger is charged for when it is made. The plain interpreter
and lowered code pay the same at the same places. May be imported by the machine's own files only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import NamedTuple

from .isa import TABLE, Op, Operand
from .memory import DICT_ENTRY, LIST_ITEM, OBJECT, TEXT
from .program import Instr, Program

STRAIGHT = 32
"""Instructions without a jump back that a unit of fuel covers."""

AHEAD = 256
"""Steps of a loop that are paid for in advance at most."""
FEW = 32
"""Steps that a loop pays for at first."""
_AHEAD_FUEL = 1024
_AHEAD_BYTES = 1 << 16

_BYTES: dict[int, Callable[[int], int]] = {
    Op.BUILD_TUPLE: lambda a: 56 + LIST_ITEM * a,
    Op.BUILD_LIST: lambda a: 56 + LIST_ITEM * a,
    Op.BUILD_DICT: lambda a: 64 + DICT_ENTRY * a,
    Op.BUILD_SLICE: lambda a: OBJECT,
    Op.BUILD_STRING: lambda a: 56 + TEXT,
    Op.LIST_APPEND: lambda a: LIST_ITEM,
}


class Price(NamedTuple):
    """Of a step of a loop. `ahead`: steps that are paid for in advance at most."""

    fuel: int
    bytes: int
    ahead: int


def fuel_back(at: int, target: int) -> int:
    """Of a jump back."""
    return 1 + (at - target) // STRAIGHT


def weights(program: Program, code: Sequence[Instr]) -> list[int]:
    """Bytes of all instructions before each, and at last of all."""
    sizes = [_BYTES[op](a) if op in _BYTES else 0 for op, a, _ in code]
    if "append" in program.names:
        name = program.names.index("append")
        for pc, (op, a, b) in enumerate(code):
            if op == Op.CALL_METHOD and a == name and b == 1:
                sizes[pc] = LIST_ITEM
            elif op == Op.LOAD_ATTR and a == name:
                sizes[pc] = OBJECT
        for look_up, call in _appending(program, code):
            sizes[look_up], sizes[call] = 0, LIST_ITEM
    return [0, *accumulate(sizes)]


def appending(program: Program, code: Sequence[Instr]) -> frozenset[int]:
    """CALLs of one argument whose callee is an `x.append` that was looked up in the same straight stretch."""
    return frozenset(call for _, call in _appending(program, code))


def _appending(program: Program, code: Sequence[Instr]) -> list[tuple[int, int]]:
    """Where they look up, and where they call."""
    if "append" not in program.names:
        return []
    name = program.names.index("append")
    found = [(pc, _call_of(code, pc)) for pc, (op, a, _) in enumerate(code) if op == Op.LOAD_ATTR and a == name]
    return [(pc, call) for pc, call in found if call >= 0]


def _call_of(code: Sequence[Instr], pc: int) -> int:
    """The CALL of one argument that takes what the instruction at `pc` pushes, -1 if there is none."""
    above = 0
    for at in range(pc + 1, len(code)):
        op, a, b = code[at]
        info = TABLE[op]
        pops = info.pops.of(a, b)
        if pops > above or (info.needs_depth_a and info.needs_depth + a >= above):
            found = op == Op.CALL and a == above == 1 and code[at + 1].op != Op.AWAIT
            return at if found else -1
        if info.ends or info.operands == (Operand.TARGET,):
            return -1
        above += info.pushes.of(a, b) - pops
    return -1


def prices(code: Sequence[Instr], before: list[int]) -> dict[int, Price]:
    """Of a step at each FOR_ITER: it pays for everything up to the last jump back to it, which is then free. `before`
    are the code's `weights`."""
    loop = int(Op.FOR_ITER)
    last = {pc: pc for pc, (op, _, _) in enumerate(code) if op == loop}
    if last:
        for pc, (op, a, _) in enumerate(code):
            if a in last and pc > a and TABLE[op].operands == (Operand.TARGET,):
                last[a] = pc
    found = {}
    for pc, end in last.items():
        start = min(pc, code[pc].a)  # where the loop goes on, were it before
        found[pc] = _price(fuel_back(end, start), before[end + 1] - before[start])
    return found


def _price(fuel: int, size: int) -> Price:
    most = min(AHEAD, _AHEAD_FUEL // fuel, _AHEAD_BYTES // size if size else AHEAD)
    return Price(fuel, size, max(1, most))


def ahead(index: int, most: int) -> int:
    """Steps to pay for in advance at a loop's step number `index`: a loop that is left early has paid for three times
    the steps that it took, or a few."""
    return min(max(FEW, 2 * index), most)
