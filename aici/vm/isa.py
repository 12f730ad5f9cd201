"""The instruction set: one table, and nothing else knows an opcode's number, operands or stack effect.

The compiler's emitter, the decoder, the verifier, the disassembler and `docs/bytecode.md` derive from it; the machine
asserts at import that it covers every row. Imports nothing, so that everybody may import it.

A function is a stack machine over *locals* (slots of values), *cells* (boxes shared with inner functions: first the
function's own, then those captured from the enclosing function) and an operand stack. Jump operands are instruction
indices in the same function. `a` and `b` name the first and second operand.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum

VERSION = 1
"""Version of the bytecode format; moves with any change of this table or of `program.py` (see `tests/vm`)."""


class Operand(Enum):
    """What an operand means, and so what it is checked against."""

    COUNT = "count"  # a number of stack items or a depth, bounded by the stack itself
    CONST = "const"  # index into Program.consts
    NAMES = "names"  # index into Program.consts of a tuple of str (keyword names)
    NAME = "name"  # index into Program.names
    LOCAL = "local"  # local slot
    CELL = "cell"  # cell slot: own cells, then captured ones
    OWN_CELL = "own cell"  # cell slot among the function's own
    FUNCTION = "function"  # index into Program.functions
    TARGET = "target"  # instruction index
    BINARY = "binary operator"  # index into BINARY_OPERATORS
    UNARY = "unary operator"  # index into UNARY_OPERATORS
    COMPARE = "comparison"  # index into COMPARE_OPERATORS
    CONVERSION = "conversion"  # index into CONVERSIONS
    FLAG = "flag"  # 0 or 1


class Kind(Enum):
    """What the verifier knows of a stack item; `ANY` when paths disagree."""

    ANY = "any"
    LIST = "list"  # a list made by BUILD_LIST
    SET = "set"
    DICT = "dict"
    ITER = "iterator"  # made by GET_ITER
    EXC = "exception"  # pushed on entry to a handler
    SAVED = "saved exception"  # pushed by PUSH_EXC, taken by POP_EXC


BINARY_OPERATORS = ("+", "-", "*", "/", "//", "%", "**", "<<", ">>", "&", "|", "^", "@")
UNARY_OPERATORS = ("-", "+", "~", "not")
COMPARE_OPERATORS = ("==", "!=", "<", "<=", ">", ">=", "in", "not in", "is", "is not")
CONVERSIONS = ("", "s", "r", "a")


@dataclass(frozen=True, slots=True)
class Effect:
    """A number of stack items, linear in the operands: `base + a_times * a + b_times * b`."""

    base: int = 0
    a_times: int = 0
    b_times: int = 0

    def of(self, a: int, b: int) -> int:
        return self.base + self.a_times * a + self.b_times * b


@dataclass(frozen=True, slots=True)
class OpInfo:
    """A row of the table."""

    op: Op
    operands: tuple[Operand, ...]
    pops: Effect
    pushes: Effect
    meaning: str
    push_kind: Kind = Kind.ANY  # of the topmost item pushed
    needs: Kind | None = None  # required of the item `needs_depth` below the top, before the pops
    needs_depth: int = 0  # constant part; operand `a` is added when `needs_depth_a`
    needs_depth_a: bool = False
    jump_pops: int = 0  # pops when the jump is taken; nothing is pushed then
    ends: bool = False  # control never falls through to the next instruction


class Op(IntEnum):
    """Opcodes. Numbers are part of the format."""

    CONST = 1
    POP = 2
    DUP = 3
    DUP2 = 4
    SWAP = 5
    ROT3 = 6

    LOAD_LOCAL = 10
    STORE_LOCAL = 11
    DELETE_LOCAL = 12
    LOAD_CELL = 13
    STORE_CELL = 14
    DELETE_CELL = 15
    NEW_CELL = 16
    LOAD_GLOBAL = 17
    STORE_GLOBAL = 18
    DELETE_GLOBAL = 19
    LOAD_ATTR = 20
    STORE_ATTR = 21
    LOAD_SUBSCR = 22
    STORE_SUBSCR = 23
    DELETE_SUBSCR = 24

    UNARY = 30
    BINARY = 31
    INPLACE = 32
    COMPARE = 33

    JUMP = 40
    JUMP_IF_FALSE = 41
    JUMP_IF_TRUE = 42
    JUMP_IF_FALSE_KEEP = 43
    JUMP_IF_TRUE_KEEP = 44
    GET_ITER = 45
    FOR_ITER = 46

    BUILD_TUPLE = 50
    BUILD_LIST = 51
    BUILD_SET = 52
    BUILD_DICT = 53
    BUILD_SLICE = 54
    BUILD_STRING = 55
    FORMAT = 56
    LIST_APPEND = 57
    SET_ADD = 58
    DICT_SET = 59
    LIST_EXTEND = 60
    SET_UPDATE = 61
    DICT_UPDATE = 62
    DICT_MERGE = 63
    LIST_TO_TUPLE = 64
    UNPACK = 65
    UNPACK_EX = 66

    MAKE_FUNCTION = 70
    CALL = 71
    CALL_KW = 72
    CALL_EX = 73
    CALL_METHOD = 74
    RETURN = 75
    AWAIT = 76
    YIELD = 77

    RAISE = 80
    RERAISE = 81
    THROW = 82
    RAISE_ASSERT = 83
    PUSH_EXC = 84
    POP_EXC = 85
    MATCH_EXC = 86

    IMPORT = 90
    IMPORT_FROM = 91


_O = Operand


def _n(base: int = 0, a: int = 0, b: int = 0) -> Effect:
    return Effect(base, a, b)


def _row(
    op: Op,
    operands: tuple[Operand, ...],
    pops: int | Effect,
    pushes: int | Effect,
    meaning: str,
    *,
    push_kind: Kind = Kind.ANY,
    needs: tuple[Kind, int, bool] | None = None,
    jump_pops: int = 0,
    ends: bool = False,
) -> OpInfo:
    kind, depth, depth_a = needs if needs else (None, 0, False)
    return OpInfo(
        op,
        operands,
        pops if isinstance(pops, Effect) else _n(pops),
        pushes if isinstance(pushes, Effect) else _n(pushes),
        meaning,
        push_kind,
        kind,
        depth,
        depth_a,
        jump_pops,
        ends,
    )


_ROWS = (
    _row(Op.CONST, (_O.CONST,), 0, 1, "push constant a"),
    _row(Op.POP, (), 1, 0, "drop the top"),
    _row(Op.DUP, (), 1, 2, "x -> x x"),
    _row(Op.DUP2, (), 2, 4, "x y -> x y x y"),
    _row(Op.SWAP, (), 2, 2, "x y -> y x"),
    _row(Op.ROT3, (), 3, 3, "x y z -> z x y"),
    _row(Op.LOAD_LOCAL, (_O.LOCAL,), 0, 1, "push local a; UnboundLocalError while it is unbound"),
    _row(Op.STORE_LOCAL, (_O.LOCAL,), 1, 0, "local a = popped"),
    _row(Op.DELETE_LOCAL, (_O.LOCAL,), 0, 0, "unbind local a; UnboundLocalError if it is not bound"),
    _row(Op.LOAD_CELL, (_O.CELL,), 0, 1, "push the content of cell a; NameError while it is empty"),
    _row(Op.STORE_CELL, (_O.CELL,), 1, 0, "content of cell a = popped"),
    _row(Op.DELETE_CELL, (_O.CELL,), 0, 0, "empty cell a; NameError if it is empty"),
    _row(
        Op.NEW_CELL,
        (_O.OWN_CELL,),
        0,
        0,
        "put a fresh empty cell into slot a (every own cell is fresh and empty at the start)",
    ),
    _row(Op.LOAD_GLOBAL, (_O.NAME,), 0, 1, "push global a, else the builtin of that name, else NameError"),
    _row(Op.STORE_GLOBAL, (_O.NAME,), 1, 0, "global a = popped"),
    _row(Op.DELETE_GLOBAL, (_O.NAME,), 0, 0, "unbind global a; NameError if it is not bound"),
    _row(Op.LOAD_ATTR, (_O.NAME,), 1, 1, "x -> x.a"),
    _row(Op.STORE_ATTR, (_O.NAME,), 2, 0, "value x -> ; x.a = value"),
    _row(Op.LOAD_SUBSCR, (), 2, 1, "x i -> x[i]"),
    _row(Op.STORE_SUBSCR, (), 3, 0, "value x i -> ; x[i] = value"),
    _row(Op.DELETE_SUBSCR, (), 2, 0, "x i -> ; del x[i]"),
    _row(Op.UNARY, (_O.UNARY,), 1, 1, "x -> operator x"),
    _row(Op.BINARY, (_O.BINARY,), 2, 1, "x y -> x operator y"),
    _row(Op.INPLACE, (_O.BINARY,), 2, 1, "x y -> result of x operator= y (lists, sets and dicts change in place)"),
    _row(Op.COMPARE, (_O.COMPARE,), 2, 1, "x y -> x operator y"),
    _row(Op.JUMP, (_O.TARGET,), 0, 0, "go to a", ends=True),
    _row(Op.JUMP_IF_FALSE, (_O.TARGET,), 1, 0, "pop; go to a if it is false", jump_pops=1),
    _row(Op.JUMP_IF_TRUE, (_O.TARGET,), 1, 0, "pop; go to a if it is true", jump_pops=1),
    _row(Op.JUMP_IF_FALSE_KEEP, (_O.TARGET,), 1, 0, "go to a and keep the top if it is false, else pop"),
    _row(Op.JUMP_IF_TRUE_KEEP, (_O.TARGET,), 1, 0, "go to a and keep the top if it is true, else pop"),
    _row(Op.GET_ITER, (), 1, 1, "x -> iterator over x", push_kind=Kind.ITER),
    _row(
        Op.FOR_ITER,
        (_O.TARGET,),
        0,
        1,
        "push the next item of the iterator at the top; when it is exhausted, pop the iterator and go to a",
        needs=(Kind.ITER, 0, False),
        jump_pops=1,
    ),
    _row(Op.BUILD_TUPLE, (_O.COUNT,), _n(0, 1), 1, "tuple of the top a items"),
    _row(Op.BUILD_LIST, (_O.COUNT,), _n(0, 1), 1, "list of the top a items", push_kind=Kind.LIST),
    _row(Op.BUILD_SET, (_O.COUNT,), _n(0, 1), 1, "set of the top a items", push_kind=Kind.SET),
    _row(Op.BUILD_DICT, (_O.COUNT,), _n(0, 2), 1, "dict of the top a key value pairs", push_kind=Kind.DICT),
    _row(Op.BUILD_SLICE, (), 3, 1, "start stop step -> slice"),
    _row(Op.BUILD_STRING, (_O.COUNT,), _n(0, 1), 1, "concatenation of the top a strings (made by FORMAT or constant)"),
    _row(
        Op.FORMAT, (_O.CONVERSION, _O.FLAG), _n(1, 0, 1), 1, "value [spec if b] -> format(conversion a of value, spec)"
    ),
    _row(
        Op.LIST_APPEND,
        (_O.COUNT,),
        1,
        0,
        "pop x; append it to the list that is then a below the top",
        needs=(Kind.LIST, 1, True),
    ),
    _row(
        Op.SET_ADD,
        (_O.COUNT,),
        1,
        0,
        "pop x; add it to the set that is then a below the top",
        needs=(Kind.SET, 1, True),
    ),
    _row(
        Op.DICT_SET,
        (_O.COUNT,),
        2,
        0,
        "key value -> ; store into the dict that is then a below the top",
        needs=(Kind.DICT, 2, True),
    ),
    _row(
        Op.LIST_EXTEND,
        (_O.COUNT,),
        1,
        0,
        "pop iterable; extend the list that is then a below the top",
        needs=(Kind.LIST, 1, True),
    ),
    _row(
        Op.SET_UPDATE,
        (_O.COUNT,),
        1,
        0,
        "pop iterable; update the set that is then a below the top",
        needs=(Kind.SET, 1, True),
    ),
    _row(
        Op.DICT_UPDATE,
        (_O.COUNT,),
        1,
        0,
        "pop mapping; update the dict that is then a below the top",
        needs=(Kind.DICT, 1, True),
    ),
    _row(
        Op.DICT_MERGE,
        (_O.COUNT,),
        1,
        0,
        "pop mapping; add it to the keyword dict that is then a below the top; TypeError for a key twice or a key that "
        "is no str",
        needs=(Kind.DICT, 1, True),
    ),
    _row(Op.LIST_TO_TUPLE, (), 1, 1, "list -> tuple", needs=(Kind.LIST, 0, False)),
    _row(Op.UNPACK, (_O.COUNT,), 1, _n(0, 1), "iterable -> its a items, the first on top"),
    _row(
        Op.UNPACK_EX,
        (_O.COUNT, _O.COUNT),
        1,
        _n(1, 1, 1),
        "iterable -> a items, a list of the rest, b items; the first on top",
    ),
    _row(
        Op.MAKE_FUNCTION,
        (_O.FUNCTION, _O.COUNT),
        _n(0, 0, 1),
        1,
        "b default values (positional, then keyword-only) -> function a, capturing the cells that it names",
    ),
    _row(Op.CALL, (_O.COUNT,), _n(1, 1), 1, "f, a arguments -> f(...)"),
    _row(Op.CALL_KW, (_O.COUNT, _O.NAMES), _n(1, 1), 1, "f, a arguments, the last named by tuple b -> f(...)"),
    _row(Op.CALL_EX, (_O.FLAG,), _n(2, 1), 1, "f, list or tuple[, dict if a] -> f(*args[, **kwargs])"),
    _row(Op.CALL_METHOD, (_O.NAME, _O.COUNT), _n(1, 0, 1), 1, "x, b arguments -> x.a(...), without a bound method"),
    _row(Op.RETURN, (), 1, 0, "pop; return it to the caller", ends=True),
    _row(Op.AWAIT, (), 1, 1, "awaitable -> its result; async functions only"),
    _row(Op.YIELD, (), 1, 0, "pop; hand it to the consumer of the generator; generators only"),
    _row(Op.RAISE, (_O.FLAG,), _n(1, 1), 0, "exception [cause if a] -> raise", ends=True),
    _row(Op.RERAISE, (), 0, 0, "raise the exception being handled again (a bare raise)", ends=True),
    _row(
        Op.THROW,
        (),
        1,
        0,
        "pop an exception; go on raising it, its context and trace as they are",
        needs=(Kind.EXC, 0, False),
        ends=True,
    ),
    _row(Op.RAISE_ASSERT, (_O.FLAG,), _n(0, 1), 0, "[message if a] -> raise AssertionError", ends=True),
    _row(
        Op.PUSH_EXC,
        (),
        1,
        2,
        "exception -> the one handled so far, exception; the new one is now being handled",
        needs=(Kind.EXC, 0, False),
        push_kind=Kind.EXC,
    ),
    _row(
        Op.POP_EXC, (), 1, 0, "pop what PUSH_EXC saved; it is the one being handled again", needs=(Kind.SAVED, 0, False)
    ),
    _row(
        Op.MATCH_EXC,
        (),
        2,
        2,
        "exception, class or tuple -> exception, whether it matches",
        needs=(Kind.EXC, 1, False),
    ),
    _row(Op.IMPORT, (_O.NAME,), 0, 1, "push the module of dotted name a; ImportError if there is none"),
    _row(Op.IMPORT_FROM, (_O.NAME,), 1, 2, "module -> module, its attribute a; ImportError if there is none"),
)

TABLE: dict[int, OpInfo] = {row.op: row for row in _ROWS}
"""Every opcode's row, by number."""

assert set(TABLE) == set(Op), "the table must cover every opcode"
