"""`Program` to text for people: what `aicic dis` prints, and the opcode table of `docs/bytecode.md`.

Goes in: a verified program. Comes out: text. Whoever shows bytecode may import this module.
"""

from __future__ import annotations

from collections.abc import Iterator

from .isa import BINARY_OPERATORS, COMPARE_OPERATORS, CONVERSIONS, TABLE, UNARY_OPERATORS, Effect, Operand
from .program import Const, Function, Handler, Instr, Program

_WIDTH = 60
"""Characters of a constant that are shown."""


def disassemble(program: Program) -> str:
    """The whole program: constants and names where they are used, automata by specification and size."""
    parts = ["\n".join(map(_printable, _function_lines(program, index))) for index in range(len(program.functions))]
    parts += [
        _printable(f"{automaton.kind} {_shorten(' | '.join(map(repr, automaton.key)))}: {len(automaton.data)} bytes")
        for automaton in program.automata
    ]
    return "\n\n".join(parts) + "\n"


def signature(function: Function) -> str:
    """The parameters as source code, defaults as `…`."""
    names = iter(function.locals)
    parts: list[str] = []
    for index in range(function.n_positional):
        default = index >= function.n_positional - function.n_defaults
        parts.append(next(names) + ("=…" if default else ""))
        if index + 1 == function.n_positional_only:
            parts.append("/")
    keyword = [next(names) + ("=…" if i in function.keyword_defaults else "") for i in range(function.n_keyword_only)]
    if function.has_varargs:
        parts.append("*" + next(names))
    elif keyword:
        parts.append("*")
    parts += keyword
    if function.has_varkw:
        parts.append("**" + next(names))
    return f"{function.name}({', '.join(parts)})"


def _function_lines(program: Program, index: int) -> Iterator[str]:
    function = program.functions[index]
    kind = "async " if function.is_async else "generator " if function.is_generator else ""
    yield f"{kind}function {index}: {signature(function)}, stack {function.max_stack}"
    if len(function.locals) > function.n_params:
        yield f"  locals: {', '.join(function.locals[function.n_params :])}"
    if function.cells:
        yield f"  cells: {', '.join(function.cells)}"
    if function.captures:
        yield f"  captures: {', '.join(f'cell {cell}' for cell in function.captures)}"
    targets = {value for instr in function.code for operand, value in _operands(instr) if operand is Operand.TARGET}
    targets.update(row.target for row in function.handlers)
    line = 0
    for at, instr in enumerate(function.code):
        position = function.positions[at]
        number = str(position.line) if position.line != line else ""
        line = position.line
        yield f"{number:>6} {'>' if at in targets else ' '}{at:5} {_instruction(program, function, instr)}"
    for row in function.handlers:
        yield f"  {_handler(row)}"


def _instruction(program: Program, function: Function, instr: Instr) -> str:
    shown = ", ".join(_operand(program, function, operand, value) for operand, value in _operands(instr))
    return f"{TABLE[instr.op].op.name:<19}{shown}".rstrip()


def _operands(instr: Instr) -> Iterator[tuple[Operand, int]]:
    return zip(TABLE[instr.op].operands, instr[1:], strict=False)


def _operand(program: Program, function: Function, operand: Operand, value: int) -> str:
    if operand in (Operand.CONST, Operand.NAMES):
        return _constant(program.consts[value])
    if operand in (Operand.CELL, Operand.OWN_CELL):
        return f"{function.cells[value]}" if value < len(function.cells) else f"capture {value - len(function.cells)}"
    tables: dict[Operand, tuple[str, ...]] = {
        Operand.NAME: program.names,
        Operand.LOCAL: function.locals,
        Operand.BINARY: BINARY_OPERATORS,
        Operand.UNARY: UNARY_OPERATORS,
        Operand.COMPARE: COMPARE_OPERATORS,
        Operand.CONVERSION: tuple(f"!{c}" if c else "-" for c in CONVERSIONS),
    }
    if operand in tables:
        return tables[operand][value]
    if operand is Operand.FUNCTION:
        return f"function {value}: {program.functions[value].name}"
    return f"to {value}" if operand is Operand.TARGET else str(value)


def _handler(row: Handler) -> str:
    return f"errors in {row.start} to {row.end - 1} go to {row.target}, stack {row.depth}"


def _constant(value: Const) -> str:
    # A long integer is not spelled: Python limits the digits, and they take quadratic time.
    if isinstance(value, int) and value.bit_length() > 4 * _WIDTH:
        return f"integer of {value.bit_length()} bits"
    if isinstance(value, tuple):
        return _shorten(f"({', '.join(map(_constant, value[:_WIDTH]))}{',' if len(value) == 1 else ''})")
    return _shorten(repr(value[: _WIDTH + 1] if isinstance(value, str | bytes) else value))


def _printable(line: str) -> str:
    """Names of a hostile file may hold anything; nothing of it reaches a terminal."""
    return line if line.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)


def _shorten(text: str) -> str:
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


def opcode_table() -> str:
    """The instruction set in Markdown."""
    lines = ["| number | name | operands | pops | pushes | meaning |", "|---:|---|---|---|---|---|"]
    for number, info in sorted(TABLE.items()):
        operands = ", ".join(f"{name}: {operand.value}" for name, operand in zip("ab", info.operands, strict=False))
        meaning = info.meaning.replace("|", "\\|")
        lines.append(
            f"| {number} | `{info.op.name}` | {operands} | {_effect(info.pops)} | {_effect(info.pushes)} | {meaning} |"
        )
    return "\n".join(lines) + "\n"


def _effect(effect: Effect) -> str:
    terms = [str(effect.base)] if effect.base else []
    for name, times in (("a", effect.a_times), ("b", effect.b_times)):
        if times:
            terms.append(name if times == 1 else f"{times}{name}")
    return " + ".join(terms) or "0"


if __name__ == "__main__":
    print(opcode_table(), end="")
