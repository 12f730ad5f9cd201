"""Lowered programs do what CPython does: every part of `programs/*.py` (parted by lines of `# ---`) is run by both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aici.compiler import compile_file, compile_source
from aici.diagnostics import DiagnosticError, SourceFile
from aici.vm.disassemble import disassemble
from aici.vm.encode import encode
from aici.vm.program import Position

PARTS = [
    pytest.param(part, id=f"{path.stem}-{index}")
    for path in sorted((Path(__file__).parent / "programs").glob("*.py"))
    for index, part in enumerate(path.read_text().split("# ---\n"))
]
TRACE = """\
def t(name, value=None):
    print(name, end=" ")
    return name if value is None else value
"""


@pytest.mark.parametrize("part", PARTS)
def test_same_as_cpython(part: str, agree: Callable[[str], object]) -> None:
    agree(TRACE + part)


def messages(source: str) -> list[str]:
    with pytest.raises(DiagnosticError) as caught:
        compile_source(SourceFile("t.py", source))
    return [
        f"{d.source.position(d.span.start)[0]}:{d.source.position(d.span.start)[1]} {d.message}"
        for d in caught.value.diagnostics
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("nonlocal x", "1:1 nonlocal declaration not allowed at module level"),
        ("def f():\n    nonlocal x", "2:5 no binding for nonlocal 'x' found"),
        ("def f(x):\n    global x", "2:5 name 'x' is parameter and global"),
        ("def f():\n    x = 1\n    global x", "3:5 name 'x' is assigned to before its global declaration"),
        ("def f():\n    print(x)\n    global x", "3:5 name 'x' is used prior to its global declaration"),
        ("[x := 1 for x in y]", "1:2 ':=' cannot rebind the comprehension's variable 'x'"),
        ("[x for x in (y := z)]", "1:14 ':=' cannot be used in the iterable of a comprehension"),
        (
            "def f():\n    [i for i in y for j in (i := 3)]",
            "2:29 ':=' cannot be used in the iterable of a comprehension",
        ),
        ("del x.y", "1:5 attributes cannot be deleted"),
    ],
)
def test_misuse_is_refused_where_it_is(source: str, expected: str) -> None:
    assert expected in messages(source)


def test_variables_and_values_have_their_limit() -> None:
    assert "4096" in messages("def f():\n" + "".join(f"    v{i} = 0\n" for i in range(4097)))[0]
    assert "1024" in messages("(" + ", ".join(f"v{i}" for i in range(1025)) + ") = 1")[0]


def test_nested_finally_is_bounded() -> None:
    """Each `finally` stands twice in the code, and those inside it four times."""
    lines = []
    for depth in range(40):
        lines += ["    " * depth + "try:", "    " * (depth + 1) + "a()", "    " * depth + "finally:"]
    source = "\n".join([*lines, "    " * 40 + "b()"])
    assert "takes more than" in messages(source)[0]


def test_nested_finally_of_a_usual_depth_is_small(agree: Callable[[str], object]) -> None:
    lines = []
    for depth in range(5):
        pad = "    " * depth
        lines += [f"{pad}try:", f"{pad}    t({depth})", f"{pad}finally:"]
    agree(TRACE + "\n".join([*lines, "    " * 5 + "t('end')"]))


def test_deep_trees_stay_within_the_recursion_limit() -> None:
    compile_source(SourceFile("t", "x = " + "lambda: " * 150 + "0"))
    compile_source(SourceFile("t", "x = " + "f(*" * 95 + "y" + ", *a)" * 95))
    compile_source(SourceFile("t", "x = " + "-" * 150 + "y"))
    compile_source(SourceFile("t", "x = " + "not " * 150 + "y"))
    compile_source(SourceFile("t", "x = " + "{**" * 95 + "y" + "}" * 95))
    compile_source(SourceFile("t", "x = " + "[x for x in " * 95 + "y" + "]" * 95))


def test_the_same_source_gives_the_same_program() -> None:
    source = SourceFile("t", "def f(a, *b):\n    return {a, *b, 1.0, 1, True}, [x for x in b], lambda: a\n")
    assert compile_source(source) == compile_source(source)


@pytest.mark.parametrize("name", ["hello", "backtracking", "forking"])
def test_the_first_examples_are_small(name: str) -> None:
    path = Path(__file__).parents[2] / "examples" / f"{name}.py"
    assert len(encode(compile_file(path))) <= 1300
    assert len(encode(compile_file(path, strip=True))) <= 900


def test_stripped_programs_have_no_source() -> None:
    assert compile_source(SourceFile("t", "x = 1"), strip=True).source is None


def test_imports_for_readers_leave_nothing() -> None:
    source = SourceFile("t", "from __future__ import annotations\nimport typing as t\nfrom typing import Any\n")
    assert len(compile_source(source).functions[0].code) == 2


def test_constants_that_are_equal_and_not_the_same_stay_apart(agree: Callable[[str], object]) -> None:
    agree("print(1, True, 1.0, 0.0, -0.0, (1,), (True,), (1.0,), ('a', 0.0), ('a', -0.0), b'a', 'a')")


def test_positions_are_those_of_the_failing_expression() -> None:
    program = compile_source(SourceFile("t", "x = 1\ny = (x +\n     f(2, 3).z)\n"))
    positions = program.functions[0].positions
    ops = disassemble(program)
    assert Position(3, 6, 13) in positions  # the call
    assert Position(3, 6, 15) in positions  # the attribute
    assert Position(2, 6, 9) in positions  # the addition, cut at the end of its first line
    assert "CALL" in ops


SOURCE = """\
def f(a, *rest):
    x = [lambda x=x: a for x in rest if x]
    try:
        return x[a]
    finally:
        print(a)
"""
GOLDEN = """\
function 1: f(a, *rest), stack 4
  locals: x, x
  cells: a
     1      0 LOAD_LOCAL         a
            1 STORE_CELL         a
     2      2 BUILD_LIST         0
            3 LOAD_LOCAL         rest
            4 GET_ITER
       >    5 FOR_ITER           to 13
            6 STORE_LOCAL        x
            7 LOAD_LOCAL         x
            8 JUMP_IF_FALSE      to 5
            9 LOAD_LOCAL         x
           10 MAKE_FUNCTION      function 2: <lambda>, 1
           11 LIST_APPEND        1
           12 JUMP               to 5
       >   13 STORE_LOCAL        x
     4     14 LOAD_LOCAL         x
           15 LOAD_CELL          a
           16 LOAD_SUBSCR
     6     17 LOAD_GLOBAL        print
           18 LOAD_CELL          a
           19 CALL               1
           20 POP
     4     21 RETURN
     3 >   22 PUSH_EXC
     6     23 LOAD_GLOBAL        print
           24 LOAD_CELL          a
           25 CALL               1
           26 POP
     3 >   27 SWAP
           28 POP_EXC
           29 THROW
  errors in 14 to 16 go to 22, stack 0
  errors in 23 to 26 go to 27, stack 1
"""


def test_disassembly_of_a_comprehension_and_a_finally() -> None:
    text = disassemble(compile_source(SourceFile("t", SOURCE)))
    assert GOLDEN in text, text
