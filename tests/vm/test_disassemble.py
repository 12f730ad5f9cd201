"""What people see of bytecode, and what the documentation says of it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from aici.compiler import compile_source
from aici.diagnostics import SourceFile
from aici.vm.disassemble import disassemble, opcode_table, signature
from aici.vm.isa import TABLE, Op
from aici.vm.program import Program

ROOT = Path(__file__).parents[2]


def compiled(source: str) -> Program:
    return compile_source(SourceFile("t.py", source))


def test_the_documented_instruction_set_is_the_table() -> None:
    documented = (ROOT / "docs" / "bytecode.md").read_text()
    assert documented.endswith(opcode_table())
    for info in TABLE.values():
        assert f"`{info.op.name}`" in documented


def test_operands_are_shown_by_what_they_mean() -> None:
    text = disassemble(
        compiled(
            "def f(a, b=2, /, c=3, *rest, d, e=5, **more):\n"
            "    def g():\n"
            "        return a\n"
            "    for x in rest:\n"
            "        a += f'{x!r:>5}'\n"
            "    return x is not g\n"
        )
    )
    for shown in (
        "function 1: f(a, b=…, /, c=…, *rest, d, e=…, **more), stack",
        "locals: g, x",
        "cells: a",
        "captures: cell 0",
        "CONST              '>5'",
        "FORMAT             !r, 1",
        "INPLACE            +",
        "COMPARE            is not",
        "LOAD_CELL          capture 0",
        "MAKE_FUNCTION      function 2: g, 0",
        "FOR_ITER           to ",
    ):
        assert shown in text, text


def test_handlers_and_automata_are_shown() -> None:
    source = "import aici\ntry:\n    aici.RegexConstraint('a|b')\nexcept: aici.ChooseConstraint(['x'])\n"
    text = disassemble(compiled(source))
    assert "errors in " in text
    assert "regex 'a|b': " in text and "options 'x': " in text


def test_what_is_long_or_unprintable_is_cut_and_quoted() -> None:
    text = disassemble(compiled(f"x = '{'y' * 500}'\ny = {'9' * 400}\nz = ({'1, ' * 500})\n"))
    assert max(map(len, text.splitlines())) < 120
    assert "integer of " in text
    program = compiled("x = 1")
    hostile = dataclasses.replace(program, names=("\x1b[31m\n",))
    assert "\x1b" not in disassemble(hostile)


def test_signatures() -> None:
    for parameters in ("", "a", "a, b=…", "a, /", "*, k", "*a, k=…", "a, /, b, *, c, d=…, **e"):
        program = compiled(f"def f({parameters.replace('…', '1')}): pass")
        assert signature(program.functions[1]) == f"f({parameters})"


def test_every_instruction_has_a_name() -> None:
    assert {info.op for info in TABLE.values()} == set(Op)
