"""The format has a version: when the instruction table or the shape of a program changes, it must be thought of.

If the fingerprint differs, either old files still mean the same (then update the fingerprint), or they do not: then
raise `isa.VERSION`, update the fingerprint, and keep the old golden file: it must be refused as of another version.
`python tests/vm/test_format_version.py` writes the golden file of the present version.
"""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pytest

from aici.compiler import compile_source
from aici.diagnostics import SourceFile
from aici.vm import isa
from aici.vm.disassemble import disassemble
from aici.vm.encode import WrongVersion, encode
from aici.vm.program import Automaton, Function, Handler, Instr, Position, Program
from aici.vm.verify import load

GOLDEN = Path(__file__).parent / "golden"
FINGERPRINT = (1, "8415c8a99f5c824b")
SOURCE = """\
import aici

async def main(prompt="Five", *rest, limit=5, **more):
    await aici.FixedTokens(prompt)
    try:
        answer = await aici.gen_text(regex=r' "[^"]+"', max_tokens=limit)
    except (ValueError, RuntimeError) as error:
        print(f"{error!r:>20}", -1.5, b"\\xff", (1, None, True), 1 << 70, *rest)
    else:
        aici.set_var("answer", [c for c in answer if (lambda: c)() not in more])
    finally:
        limit -= 1
    return sum(n for n in range(limit))

aici.start(main())
"""


def fingerprint() -> tuple[int, str]:
    rows = [repr(isa.TABLE[number]) for number in sorted(isa.TABLE)]
    enumerations = [isa.BINARY_OPERATORS, isa.UNARY_OPERATORS, isa.COMPARE_OPERATORS, isa.CONVERSIONS]
    shapes = [
        [(field.name, field.type) for field in dataclasses.fields(kind)] for kind in (Program, Function, Automaton)
    ]
    text = repr((rows, enumerations, shapes, Instr._fields, Position._fields, Handler._fields))
    return isa.VERSION, hashlib.sha256(text.encode()).hexdigest()[:16]


def test_the_version_was_thought_of() -> None:
    assert fingerprint() == FINGERPRINT


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.aic")), ids=lambda path: path.stem)
def test_golden_files_load_or_are_of_another_version(path: Path) -> None:
    version = int(path.stem.removeprefix("v"))
    if version != isa.VERSION:
        with pytest.raises(WrongVersion):
            load(path.read_bytes())
        return
    assert disassemble(load(path.read_bytes())) == path.with_suffix(".txt").read_text()


def test_the_present_version_has_a_golden_file() -> None:
    assert (GOLDEN / f"v{isa.VERSION}.aic").exists()


if __name__ == "__main__":
    program = compile_source(SourceFile("golden.py", SOURCE))
    (GOLDEN / f"v{isa.VERSION}.aic").write_bytes(encode(program))
    (GOLDEN / f"v{isa.VERSION}.txt").write_text(disassemble(program))
    print(fingerprint())
