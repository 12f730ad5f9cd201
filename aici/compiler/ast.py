"""The syntax tree: what `parse` returns and `resolve` and `lower` walk.

Classes and fields are those of CPython 3.12's `ast` for the supported subset, so that its documentation describes ours
and its parser is our oracle in tests. Deliberate differences: no `ctx` and no `type_comment`; sequences are tuples;
operators and conversions are their source text, as in the tables of `aici.vm.isa`; every node has a `span`.

Nodes are compared and hashed by identity, so that a pass can keep what it learns in a dict beside the tree.
Imports nothing but `aici.diagnostics`; the whole compiler may import it.
"""
# The names are CPython's, including the lower-case ones and `Set`, `List`, `Tuple`.
# ruff: noqa: N801

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import EllipsisType

from aici.diagnostics import Span

MAX_DEPTH = 200
"""No tree that `parse` returns is deeper (the module is depth 1), counted in nodes on the way from the root, so that a
recursive visitor of up to four frames a level stays inside Python's default recursion limit."""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """Anything in the tree."""

    span: Span = field(kw_only=True)


class expr(Node):
    """An expression, or a target of an assignment."""

    __slots__ = ()


class stmt(Node):
    """A statement."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, eq=False)
class Module(Node):
    body: tuple[stmt, ...]


# Parts of statements and expressions


@dataclass(frozen=True, slots=True, eq=False)
class arg(Node):
    """A parameter."""

    arg: str
    annotation: expr | None


@dataclass(frozen=True, slots=True, eq=False)
class arguments(Node):
    """The parameters of a function; its span is empty and lies where the first would stand if there are none.

    `defaults` belong to the last of `posonlyargs + args`; `kw_defaults` has one entry for each of `kwonlyargs`, None
    where there is no default.
    """

    posonlyargs: tuple[arg, ...]
    args: tuple[arg, ...]
    vararg: arg | None
    kwonlyargs: tuple[arg, ...]
    kw_defaults: tuple[expr | None, ...]
    kwarg: arg | None
    defaults: tuple[expr, ...]


@dataclass(frozen=True, slots=True, eq=False)
class keyword(Node):
    """`arg=value` in a call; `**value` has no `arg`."""

    arg: str | None
    value: expr


@dataclass(frozen=True, slots=True, eq=False)
class alias(Node):
    """`name as asname` in an import."""

    name: str
    asname: str | None


@dataclass(frozen=True, slots=True, eq=False)
class comprehension(Node):
    """`for target in iter if ...`; `is_async` is always 0 for now."""

    target: expr
    iter: expr
    ifs: tuple[expr, ...]
    is_async: int


@dataclass(frozen=True, slots=True, eq=False)
class ExceptHandler(Node):
    type: expr | None
    name: str | None
    body: tuple[stmt, ...]


# Statements


@dataclass(frozen=True, slots=True, eq=False)
class FunctionDef(stmt):
    name: str
    args: arguments
    body: tuple[stmt, ...]
    returns: expr | None


@dataclass(frozen=True, slots=True, eq=False)
class AsyncFunctionDef(stmt):
    name: str
    args: arguments
    body: tuple[stmt, ...]
    returns: expr | None


@dataclass(frozen=True, slots=True, eq=False)
class Return(stmt):
    value: expr | None


@dataclass(frozen=True, slots=True, eq=False)
class Delete(stmt):
    targets: tuple[expr, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Assign(stmt):
    targets: tuple[expr, ...]
    value: expr


@dataclass(frozen=True, slots=True, eq=False)
class AugAssign(stmt):
    """`op` is one of `isa.BINARY_OPERATORS`, without the `=`."""

    target: expr
    op: str
    value: expr


@dataclass(frozen=True, slots=True, eq=False)
class AnnAssign(stmt):
    """`simple` is 1 for a name without parentheses: only then the statement makes the name local."""

    target: expr
    annotation: expr
    value: expr | None
    simple: int


@dataclass(frozen=True, slots=True, eq=False)
class For(stmt):
    target: expr
    iter: expr
    body: tuple[stmt, ...]
    orelse: tuple[stmt, ...]


@dataclass(frozen=True, slots=True, eq=False)
class While(stmt):
    test: expr
    body: tuple[stmt, ...]
    orelse: tuple[stmt, ...]


@dataclass(frozen=True, slots=True, eq=False)
class If(stmt):
    """An `elif` is an `If` alone in `orelse`."""

    test: expr
    body: tuple[stmt, ...]
    orelse: tuple[stmt, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Raise(stmt):
    exc: expr | None
    cause: expr | None


@dataclass(frozen=True, slots=True, eq=False)
class Try(stmt):
    body: tuple[stmt, ...]
    handlers: tuple[ExceptHandler, ...]
    orelse: tuple[stmt, ...]
    finalbody: tuple[stmt, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Assert(stmt):
    test: expr
    msg: expr | None


@dataclass(frozen=True, slots=True, eq=False)
class Import(stmt):
    names: tuple[alias, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ImportFrom(stmt):
    """`level` is always 0: relative imports are refused."""

    module: str
    names: tuple[alias, ...]
    level: int


@dataclass(frozen=True, slots=True, eq=False)
class Global(stmt):
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Nonlocal(stmt):
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Expr(stmt):
    """An expression for its effect."""

    value: expr


@dataclass(frozen=True, slots=True, eq=False)
class Pass(stmt):
    pass


@dataclass(frozen=True, slots=True, eq=False)
class Break(stmt):
    pass


@dataclass(frozen=True, slots=True, eq=False)
class Continue(stmt):
    pass


# Expressions


@dataclass(frozen=True, slots=True, eq=False)
class BoolOp(expr):
    """`op` is `and` or `or`; two or more values."""

    op: str
    values: tuple[expr, ...]


@dataclass(frozen=True, slots=True, eq=False)
class NamedExpr(expr):
    target: Name
    value: expr


@dataclass(frozen=True, slots=True, eq=False)
class BinOp(expr):
    """`op` is one of `isa.BINARY_OPERATORS`."""

    left: expr
    op: str
    right: expr


@dataclass(frozen=True, slots=True, eq=False)
class UnaryOp(expr):
    """`op` is one of `isa.UNARY_OPERATORS`."""

    op: str
    operand: expr


@dataclass(frozen=True, slots=True, eq=False)
class Lambda(expr):
    args: arguments
    body: expr


@dataclass(frozen=True, slots=True, eq=False)
class IfExp(expr):
    test: expr
    body: expr
    orelse: expr


@dataclass(frozen=True, slots=True, eq=False)
class Dict(expr):
    """A key of None stands for `**value`."""

    keys: tuple[expr | None, ...]
    values: tuple[expr, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Set(expr):
    elts: tuple[expr, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ListComp(expr):
    elt: expr
    generators: tuple[comprehension, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SetComp(expr):
    elt: expr
    generators: tuple[comprehension, ...]


@dataclass(frozen=True, slots=True, eq=False)
class DictComp(expr):
    key: expr
    value: expr
    generators: tuple[comprehension, ...]


@dataclass(frozen=True, slots=True, eq=False)
class GeneratorExp(expr):
    elt: expr
    generators: tuple[comprehension, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Await(expr):
    value: expr


@dataclass(frozen=True, slots=True, eq=False)
class Compare(expr):
    """`ops` are of `isa.COMPARE_OPERATORS`, one for each of `comparators`."""

    left: expr
    ops: tuple[str, ...]
    comparators: tuple[expr, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Call(expr):
    func: expr
    args: tuple[expr, ...]
    keywords: tuple[keyword, ...]


@dataclass(frozen=True, slots=True, eq=False)
class FormattedValue(expr):
    """A replacement field; `conversion` is one of `isa.CONVERSIONS`: `""`, `"s"`, `"r"` or `"a"`."""

    value: expr
    conversion: str
    format_spec: JoinedStr | None


@dataclass(frozen=True, slots=True, eq=False)
class JoinedStr(expr):
    """An f-string: `FormattedValue`s and constants of type str, no two of which stand side by side."""

    values: tuple[expr, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Constant(expr):
    """A literal. `strings.string_offset_map` tells where in the source the characters of a str or bytes value stand."""

    value: str | bytes | int | float | bool | EllipsisType | None


@dataclass(frozen=True, slots=True, eq=False)
class Attribute(expr):
    value: expr
    attr: str


@dataclass(frozen=True, slots=True, eq=False)
class Subscript(expr):
    value: expr
    slice: expr


@dataclass(frozen=True, slots=True, eq=False)
class Starred(expr):
    value: expr


@dataclass(frozen=True, slots=True, eq=False)
class Name(expr):
    id: str


@dataclass(frozen=True, slots=True, eq=False)
class List(expr):
    elts: tuple[expr, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Tuple(expr):
    elts: tuple[expr, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Slice(expr):
    """`lower:upper:step`; only inside a subscript, alone or in a tuple."""

    lower: expr | None
    upper: expr | None
    step: expr | None


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below `node`, in the order of its fields."""
    fields: tuple[str, ...] = type(node).__match_args__
    for name in fields:
        value = getattr(node, name)
        if isinstance(value, Node):
            yield value
        elif type(value) is tuple:
            for item in value:
                if isinstance(item, Node):
                    yield item
