"""What the global names of a program mean, as far as its code says so for certain. Used by what lowers it."""

from __future__ import annotations

from typing import NamedTuple

from aici.vm.isa import TABLE, Op, Operand
from aici.vm.native import BUILTINS
from aici.vm.program import Program

_GLOBALS = frozenset({Op.LOAD_GLOBAL, Op.STORE_GLOBAL, Op.DELETE_GLOBAL})


class Names(NamedTuple):
    """All by the numbers of names."""

    stored: frozenset[int]  # that the program assigns somewhere; all others can only be builtins
    settled: frozenset[int]  # that mean one value from when they are first bound
    known: dict[int, int]  # functions that are meant for certain
    kept: tuple[int, ...]  # that the module's body has for itself: lowered, it keeps them in locals, too
    recursive: frozenset[int]  # functions that call themselves by such a name

    @staticmethod
    def of(program: Program) -> Names:
        functions = program.functions
        stored = frozenset([op.a for function in functions for op in function.code if op.op == Op.STORE_GLOBAL])
        looping = _looping(program)
        settled = _settled(program, looping)
        known = _known(program, settled)
        calls = {
            (known.get(instr.a), index)
            for index, function in enumerate(functions)
            for instr in function.code
            if instr.op == Op.LOAD_GLOBAL
        }
        recursive = frozenset([index for callee, index in calls if callee == index])
        return Names(stored, settled, known, _kept(program, looping, settled), recursive)


def _looping(program: Program) -> list[bool]:
    """Whether each instruction of the module's body is in a loop."""
    code = program.functions[0].code
    looping = [False] * (len(code) + 1)
    for pc, (op, a, _) in enumerate(code):
        if TABLE[op].operands == (Operand.TARGET,) and a <= pc:
            looping[a : pc + 1] = [True] * (pc + 1 - a)
    return looping


def _settled(program: Program, looping: list[bool]) -> frozenset[int]:
    """Names that the module's body binds once, in no loop, and nothing else binds or deletes."""
    changes: dict[int, int] = {}
    for function in program.functions:
        for instr in function.code:
            if instr.op in (Op.STORE_GLOBAL, Op.DELETE_GLOBAL):
                changes[instr.a] = changes.get(instr.a, 0) + 1
    once = [
        instr.a
        for pc, instr in enumerate(program.functions[0].code)
        if instr.op == Op.STORE_GLOBAL and changes[instr.a] == 1 and not looping[pc]
    ]
    return frozenset([name for name in once if program.names[name] not in BUILTINS])


def _known(program: Program, settled: frozenset[int]) -> dict[int, int]:
    """Functions that are stored as they are made, and capture nothing."""
    code = program.functions[0].code
    jumped = {instr.a for instr in code if TABLE[instr.op].operands == (Operand.TARGET,)}
    jumped.update(row.target for row in program.functions[0].handlers)
    found = {}
    for pc, (op, a, _) in enumerate(code):
        made = code[pc - 1]
        if op == Op.STORE_GLOBAL and a in settled and pc not in jumped and made.op == Op.MAKE_FUNCTION:
            found[a] = made.a
    return {name: index for name, index in found.items() if not program.functions[index].captures}


def _kept(program: Program, looping: list[bool], settled: frozenset[int]) -> tuple[int, ...]:
    """Names that nothing but the module's body has to do with, in loops of it."""
    first, *others = program.functions
    touched = {instr.a for function in others for instr in function.code if instr.op in _GLOBALS}
    touched |= {instr.a for instr in first.code if instr.op == Op.DELETE_GLOBAL}
    used = {instr.a for pc, instr in enumerate(first.code) if looping[pc] and instr.op in _GLOBALS}
    stored = {instr.a for instr in first.code if instr.op == Op.STORE_GLOBAL}
    names = (used & stored) - touched - settled
    return tuple(sorted(name for name in names if program.names[name] not in BUILTINS))
