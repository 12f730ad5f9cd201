"""What the verifier lets through and what it refuses, one rule at a time."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aici.compiler import compile_source
from aici.diagnostics import SourceFile
from aici.vm.isa import TABLE, Op
from aici.vm.program import Function, Handler, Instr, Position, Program
from aici.vm.verify import MAX_INSTRUCTIONS, MAX_SLOTS, MAX_STACK, MAX_WORK, InvalidBytecode, verify

MODULE = Function(
    name="<module>",
    is_async=False,
    is_generator=False,
    n_positional=0,
    n_positional_only=0,
    n_keyword_only=0,
    has_varargs=False,
    has_varkw=False,
    n_defaults=0,
    keyword_defaults=(),
    locals=("x", "y"),
    cells=("c",),
    captures=(),
    max_stack=1,
    code=(Instr(Op.CONST), Instr(Op.RETURN)),
    handlers=(),
    positions=(Position(1, 1, 2),) * 2,
)
CONSTS = (None, ("a", "b"), ("a", "a"), (1,), "text")
END = (Op.CONST, Op.RETURN)


def code(*instructions: Any) -> tuple[Instr, ...]:
    return tuple(Instr(*i) if isinstance(i, tuple) else Instr(i) for i in instructions)


def function(*instructions: Any, stack: int, **changes: Any) -> Function:
    instrs = code(*instructions)
    return dataclasses.replace(
        MODULE, code=instrs, max_stack=stack, positions=(Position(1, 1, 2),) * len(instrs), **changes
    )


def check(*functions: Function) -> None:
    verify(Program("t", None, CONSTS, ("name",), functions, ()))


def refused(match: str, *functions: Function) -> None:
    with pytest.raises(InvalidBytecode, match=match):
        check(*functions)


def test_the_least_program() -> None:
    check(MODULE)
    refused("no function")


@pytest.mark.parametrize(
    "instructions",
    [
        (Op.POP,),
        (Op.DUP,),
        (Op.CONST, Op.SWAP),
        ((Op.BUILD_LIST, 1),),
        (Op.CONST, (Op.BUILD_DICT, 1)),
        (Op.CONST, (Op.CALL, 1)),
        (Op.CONST, (Op.FORMAT, 0, 1)),
    ],
)
def test_stack_underflow(instructions: tuple[Any, ...]) -> None:
    refused("needs", function(*instructions, *END, stack=9))


@pytest.mark.parametrize(
    "instruction",
    [
        (Op.CONST, len(CONSTS)),
        (Op.CONST, -1),
        (Op.LOAD_LOCAL, 2),
        (Op.LOAD_CELL, 1),
        (Op.NEW_CELL, 1),
        (Op.LOAD_GLOBAL, 1),
        (Op.BINARY, 13),
        (Op.UNARY, 4),
        (Op.COMPARE, 10),
        (Op.FORMAT, 4, 0),
        (Op.FORMAT, 0, 2),
        (Op.RAISE, 2),
        (Op.JUMP, 7),
        (Op.JUMP, -1),
        (Op.MAKE_FUNCTION, 1, 0),
        (Op.BUILD_LIST, MAX_STACK + 1),
        (Op.UNPACK, 1 << 60),
    ],
)
def test_operands_out_of_range(instruction: tuple[int, ...]) -> None:
    refused("is not below", function(Op.CONST, Op.CONST, Op.CONST, instruction, *END, stack=9))


def test_max_stack_is_exact() -> None:
    refused("max_stack", function(*END, stack=2))
    refused("max_stack", function(*END, stack=0))
    check(function(Op.CONST, (Op.UNPACK, MAX_STACK), Op.RETURN, stack=MAX_STACK))
    refused("more than", function(Op.CONST, Op.CONST, (Op.UNPACK, MAX_STACK), Op.RETURN, stack=MAX_STACK + 1))


def test_code_ends_and_is_reachable() -> None:
    refused("runs off", function(Op.CONST, stack=1))
    refused("runs off", function(stack=0))
    refused("cannot be reached", function(*END, *END, stack=1))
    refused("cannot be reached", function((Op.JUMP, 2), Op.CONST, *END, stack=1))
    check(function((Op.JUMP, 0), stack=0))


def test_ways_that_meet_agree_on_the_depth() -> None:
    # 0 CONST  1 JUMP_IF_TRUE 3  2 CONST  3 CONST  4 RETURN
    refused("deep", function(Op.CONST, (Op.JUMP_IF_TRUE, 3), Op.CONST, *END, stack=2))
    check(function(Op.CONST, (Op.JUMP_IF_TRUE_KEEP, 3), Op.CONST, Op.RETURN, stack=1))


def test_a_jump_backwards_finds_the_stack_as_it_was() -> None:
    check(function(Op.CONST, (Op.JUMP_IF_TRUE, 0), *END, stack=1))
    refused("deep", function(Op.CONST, Op.CONST, (Op.JUMP_IF_TRUE, 0), *END, stack=2))
    loop = (Op.CONST, Op.GET_ITER, (Op.FOR_ITER, 5), Op.POP, (Op.JUMP, 2), *END)
    check(function(*loop, stack=2))
    replaced = (Op.CONST, Op.GET_ITER, (Op.FOR_ITER, 6), Op.SWAP, Op.POP, (Op.JUMP, 2), *END)
    refused("not as it was", function(*replaced, stack=2))


@pytest.mark.parametrize(
    ("instructions", "needed"),
    [
        ((Op.CONST, (Op.FOR_ITER, 1)), "iterator"),
        ((Op.CONST, Op.CONST, (Op.LIST_APPEND, 0)), "list"),
        (((Op.BUILD_LIST, 0), Op.CONST, (Op.SET_ADD, 0)), "set"),
        (((Op.BUILD_LIST, 0), Op.CONST, (Op.LIST_APPEND, 1)), "list"),
        (((Op.BUILD_SET, 0), Op.CONST, (Op.DICT_UPDATE, 0)), "dict"),
        ((Op.CONST, Op.LIST_TO_TUPLE), "list"),
        ((Op.CONST, Op.THROW), "exception"),
        ((Op.CONST, Op.POP_EXC), "saved exception"),
        ((Op.CONST, Op.PUSH_EXC), "exception"),
        ((Op.CONST, Op.CONST, Op.MATCH_EXC), "exception"),
    ],
)
def test_instructions_get_what_they_need(instructions: tuple[Any, ...], needed: str) -> None:
    refused(f"needs a {needed}", function(*instructions, *END, stack=9))


def test_kinds_are_lost_where_ways_disagree() -> None:
    either = (Op.CONST, (Op.JUMP_IF_TRUE, 4), (Op.BUILD_LIST, 0), (Op.JUMP, 5), (Op.BUILD_SET, 0))
    check(function(*either, Op.RETURN, stack=1))
    refused("needs a list", function(*either, Op.LIST_TO_TUPLE, Op.RETURN, stack=1))


# try: 0 CONST 1 POP 2 JUMP 6; handler: 3 PUSH_EXC 4 POP 5 POP_EXC; 6 CONST 7 RETURN
TRY = (Op.CONST, Op.POP, (Op.JUMP, 6), Op.PUSH_EXC, Op.POP, Op.POP_EXC, *END)


def test_handlers() -> None:
    check(function(*TRY, stack=2, handlers=(Handler(0, 2, 3, 0),)))
    refused("cannot be reached", function(*TRY, stack=2))


@pytest.mark.parametrize(
    "rows",
    [
        (Handler(1, 1, 3, 0),),
        (Handler(2, 1, 3, 0),),
        (Handler(0, 4, 3, 0),),
        (Handler(0, 2, 8, 0),),
        (Handler(-1, 2, 3, 0),),
        (Handler(0, 2, 3, 0), Handler(1, 3, 3, 0)),
        (Handler(1, 2, 3, 0), Handler(0, 1, 3, 0)),
    ],
)
def test_handler_rows_are_well_formed(rows: tuple[Handler, ...]) -> None:
    refused("handler rows", function(*TRY, stack=2, handlers=rows))


def test_covered_instructions_leave_alone_what_the_handler_keeps() -> None:
    refused("less deep", function(*TRY, stack=2, handlers=(Handler(0, 2, 3, 1),)))
    kept = (Op.CONST, Op.CONST, Op.SWAP, Op.POP, Op.RETURN, Op.THROW)
    refused("less deep", function(*kept, stack=2, handlers=(Handler(2, 3, 5, 1),)))


def test_a_handler_finds_the_kinds_below_its_depth() -> None:
    body = ((Op.BUILD_LIST, 0), (Op.LOAD_GLOBAL, 0), Op.POP, Op.RETURN)
    check(function(*body, Op.POP, Op.LIST_TO_TUPLE, Op.RETURN, stack=2, handlers=(Handler(1, 3, 4, 1),)))
    refused("range", function(*body, Op.POP, Op.RETURN, stack=2, handlers=(Handler(1, 3, 4, MAX_STACK),)))


def test_functions_are_made_as_they_are_declared() -> None:
    inner = dataclasses.replace(MODULE, n_positional=2, n_defaults=1, n_keyword_only=0)
    make = function(Op.CONST, (Op.MAKE_FUNCTION, 1, 1), Op.RETURN, stack=1)
    check(make, inner)
    refused("never made", MODULE, inner)
    refused("has 1 defaults", function((Op.MAKE_FUNCTION, 1, 0), Op.RETURN, stack=1), inner)
    refused("captures a cell", make, dataclasses.replace(inner, captures=(1,)))
    check(make, dataclasses.replace(inner, captures=(0, 0)))
    refused("come after", function(Op.CONST, (Op.MAKE_FUNCTION, 0, 0), Op.RETURN, stack=2))
    refused("come after", make, dataclasses.replace(inner, code=code((Op.MAKE_FUNCTION, 1, 0), Op.RETURN)))


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"n_positional": 3}, "more parameters"),
        ({"n_positional": 2, "locals": ("x", "x")}, "same name"),
        ({"n_positional_only": 1}, "positional-only"),
        ({"n_defaults": 1}, "more defaults"),
        ({"n_keyword_only": 2, "keyword_defaults": (1, 0)}, "ascend"),
        ({"n_keyword_only": 2, "keyword_defaults": (0, 0)}, "ascend"),
        ({"n_keyword_only": 1, "keyword_defaults": (1,)}, "without parameter"),
        ({"is_async": True, "is_generator": True}, "both"),
        ({"locals": ("x",) * (MAX_SLOTS + 1)}, "locals"),
        ({"cells": ("x",) * (MAX_SLOTS + 1)}, "cells"),
        ({"positions": ()}, "one position"),
        ({"positions": (Position(0, 1, 1),) * 2}, "position"),
        ({"positions": (Position(1, 2, 1),) * 2}, "position"),
        ({"positions": (Position(1 << 40, 1, 1),) * 2}, "position"),
    ],
)
def test_shapes_of_functions(changes: dict[str, Any], match: str) -> None:
    made = dataclasses.replace(MODULE, **changes)
    defaults = made.n_defaults + len(made.keyword_defaults)
    make = (*(Op.CONST,) * defaults, (Op.MAKE_FUNCTION, 1, defaults), Op.RETURN)
    refused(match, function(*make, stack=max(1, defaults)), made)


@pytest.mark.parametrize(
    "changes",
    [{"n_positional": 1}, {"has_varkw": True}, {"captures": (0,)}, {"is_async": True}, {"is_generator": True}],
)
def test_the_module_is_a_plain_function(changes: dict[str, Any]) -> None:
    refused("module's body", dataclasses.replace(MODULE, **changes))


def test_await_and_yield_stay_where_they_belong() -> None:
    refused("AWAIT", function(Op.CONST, Op.AWAIT, Op.RETURN, stack=1))
    refused("YIELD", function(Op.CONST, Op.YIELD, *END, stack=1))
    make = function((Op.MAKE_FUNCTION, 1, 0), Op.RETURN, stack=1)
    check(make, function(Op.CONST, Op.AWAIT, Op.RETURN, stack=1, is_async=True))
    check(make, function(Op.CONST, Op.YIELD, *END, stack=1, is_generator=True))


@pytest.mark.parametrize(("n_args", "names"), [(1, 1), (2, 2), (2, 3), (2, 4), (2, 0)])
def test_keyword_names(n_args: int, names: int) -> None:
    three = (Op.CONST,) * 3
    refused("name", function(*three, (Op.CALL_KW, n_args, names), Op.RETURN, stack=3))
    check(function(*three, (Op.CALL_KW, 2, 1), Op.RETURN, stack=3))


def test_sizes_are_bounded() -> None:
    with pytest.raises(InvalidBytecode, match="integer"):
        verify(Program("t", None, ((1 << 70000,),), (), (MODULE,), ()))
    refused("instructions", function(*(Op.CONST, Op.POP) * (MAX_INSTRUCTIONS // 2), *END, stack=1))
    deep = (Op.CONST, Op.POP) * (MAX_WORK // MAX_STACK // 2)
    refused("too many instructions", function(*deep, Op.CONST, (Op.UNPACK, MAX_STACK), Op.RETURN, stack=MAX_STACK))


def test_verification_takes_linear_time() -> None:
    """Deep stacks and many joins: the worst that a file can ask for takes seconds, not hours."""
    n = MAX_WORK // MAX_STACK // 2 - MAX_STACK
    joins = [(Op.CONST, 0)] * (MAX_STACK - 1)
    for _ in range(n):
        at = len(joins)
        joins += [(Op.CONST, 0), (Op.JUMP_IF_TRUE, at + 2)]
    began = time.process_time()
    check(function(*joins, Op.RETURN, stack=MAX_STACK))
    assert time.process_time() - began < 10


def test_errors_say_where() -> None:
    refused(r"function 0 \('<module>'\), instruction 1: POP needs", function(Op.NEW_CELL, Op.POP, *END, stack=1))


PROGRAM = compile_source(
    SourceFile(
        "t",
        """\
def f(a, *b, c=1):
    for i in b:
        try:
            yielded = [lambda: i + x for x in range(i) if x]
        except (ValueError, TypeError) as e:
            print(f"{e!r}", *b, **{})
            continue
        finally:
            a += 1
    return a, (i for i in b)
f(1)
""",
    )
)


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_mutated_code_is_verified_or_refused(data: st.DataObject) -> None:
    functions = list(PROGRAM.functions)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(functions) - 1))
        instructions = list(functions[at].code)
        index = data.draw(st.integers(0, len(instructions) - 1))
        op = data.draw(st.sampled_from([*Op, Op(instructions[index].op)]))
        operands = [data.draw(st.integers(0, 12)) for _ in TABLE[op].operands]
        instructions[index] = Instr(op, *operands)
        functions[at] = dataclasses.replace(functions[at], code=tuple(instructions))
    try:
        verify(dataclasses.replace(PROGRAM, functions=tuple(functions)))
    except InvalidBytecode as error:
        assert str(error)
