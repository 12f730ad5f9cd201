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

from dataclasses import dataclass, field
from types import EllipsisType
from typing import TYPE_CHECKING, TypeVar

from aici.diagnostics import Span

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform

    _T = TypeVar("_T")

    @dataclass_transform(eq_default=False, frozen_default=True, field_specifiers=(field,))
    def _node(cls: type[_T]) -> type[_T]: ...
else:

    def _node(cls: type) -> type:
        """A class of nodes. That nobody changes one is for mypy to see: guards at run time double the time of making a
        node, and that of importing this module."""
        return dataclass(slots=True, eq=False, repr=False)(cls)


MAX_DEPTH = 200
"""No tree that `parse` returns is deeper (the module is depth 1), counted in nodes on the way from the root, so that a
recursive visitor of up to four frames a level stays inside Python's default recursion limit."""


@_node
class Node:
    """Anything in the tree."""

    span: Span = field(kw_only=True)

    def __repr__(self) -> str:
        fields: tuple[str, ...] = type(self).__match_args__
        shown = [f"{name}={getattr(self, name)!r}" for name in fields]
        return f"{type(self).__name__}({', '.join(shown)})"


class expr(Node):
    """An expression, or a target of an assignment."""

    __slots__ = ()


class stmt(Node):
    """A statement."""

    __slots__ = ()


@_node
class Module(Node):
    body: tuple[stmt, ...]


# Parts of statements and expressions


@_node
class arg(Node):
    """A parameter."""

    arg: str
    annotation: expr | None


@_node
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


@_node
class keyword(Node):
    """`arg=value` in a call; `**value` has no `arg`."""

    arg: str | None
    value: expr


@_node
class alias(Node):
    """`name as asname` in an import."""

    name: str
    asname: str | None


@_node
class comprehension(Node):
    """`for target in iter if ...`; `is_async` is always 0 for now."""

    target: expr
    iter: expr
    ifs: tuple[expr, ...]
    is_async: int


@_node
class ExceptHandler(Node):
    type: expr | None
    name: str | None
    body: tuple[stmt, ...]


# Statements


@_node
class FunctionDef(stmt):
    name: str
    args: arguments
    body: tuple[stmt, ...]
    returns: expr | None


@_node
class AsyncFunctionDef(stmt):
    name: str
    args: arguments
    body: tuple[stmt, ...]
    returns: expr | None


@_node
class Return(stmt):
    value: expr | None


@_node
class Delete(stmt):
    targets: tuple[expr, ...]


@_node
class Assign(stmt):
    targets: tuple[expr, ...]
    value: expr


@_node
class AugAssign(stmt):
    """`op` is one of `isa.BINARY_OPERATORS`, without the `=`."""

    target: expr
    op: str
    value: expr


@_node
class AnnAssign(stmt):
    """`simple` is 1 for a name without parentheses: only then the statement makes the name local."""

    target: expr
    annotation: expr
    value: expr | None
    simple: int


@_node
class For(stmt):
    target: expr
    iter: expr
    body: tuple[stmt, ...]
    orelse: tuple[stmt, ...]


@_node
class While(stmt):
    test: expr
    body: tuple[stmt, ...]
    orelse: tuple[stmt, ...]


@_node
class If(stmt):
    """An `elif` is an `If` alone in `orelse`."""

    test: expr
    body: tuple[stmt, ...]
    orelse: tuple[stmt, ...]


@_node
class Raise(stmt):
    exc: expr | None
    cause: expr | None


@_node
class Try(stmt):
    body: tuple[stmt, ...]
    handlers: tuple[ExceptHandler, ...]
    orelse: tuple[stmt, ...]
    finalbody: tuple[stmt, ...]


@_node
class Assert(stmt):
    test: expr
    msg: expr | None


@_node
class Import(stmt):
    names: tuple[alias, ...]


@_node
class ImportFrom(stmt):
    """`level` is always 0: relative imports are refused."""

    module: str
    names: tuple[alias, ...]
    level: int


@_node
class Global(stmt):
    names: tuple[str, ...]


@_node
class Nonlocal(stmt):
    names: tuple[str, ...]


@_node
class Expr(stmt):
    """An expression for its effect."""

    value: expr


@_node
class Pass(stmt):
    pass


@_node
class Break(stmt):
    pass


@_node
class Continue(stmt):
    pass


# Expressions


@_node
class BoolOp(expr):
    """`op` is `and` or `or`; two or more values."""

    op: str
    values: tuple[expr, ...]


@_node
class NamedExpr(expr):
    target: Name
    value: expr


@_node
class BinOp(expr):
    """`op` is one of `isa.BINARY_OPERATORS`."""

    left: expr
    op: str
    right: expr


@_node
class UnaryOp(expr):
    """`op` is one of `isa.UNARY_OPERATORS`."""

    op: str
    operand: expr


@_node
class Lambda(expr):
    args: arguments
    body: expr


@_node
class IfExp(expr):
    test: expr
    body: expr
    orelse: expr


@_node
class Dict(expr):
    """A key of None stands for `**value`."""

    keys: tuple[expr | None, ...]
    values: tuple[expr, ...]


@_node
class Set(expr):
    elts: tuple[expr, ...]


@_node
class ListComp(expr):
    elt: expr
    generators: tuple[comprehension, ...]


@_node
class SetComp(expr):
    elt: expr
    generators: tuple[comprehension, ...]


@_node
class DictComp(expr):
    key: expr
    value: expr
    generators: tuple[comprehension, ...]


@_node
class GeneratorExp(expr):
    elt: expr
    generators: tuple[comprehension, ...]


@_node
class Await(expr):
    value: expr


@_node
class Compare(expr):
    """`ops` are of `isa.COMPARE_OPERATORS`, one for each of `comparators`."""

    left: expr
    ops: tuple[str, ...]
    comparators: tuple[expr, ...]


@_node
class Call(expr):
    func: expr
    args: tuple[expr, ...]
    keywords: tuple[keyword, ...]


@_node
class FormattedValue(expr):
    """A replacement field; `conversion` is one of `isa.CONVERSIONS`: `""`, `"s"`, `"r"` or `"a"`."""

    value: expr
    conversion: str
    format_spec: JoinedStr | None


@_node
class JoinedStr(expr):
    """An f-string: `FormattedValue`s and constants of type str, no two of which stand side by side."""

    values: tuple[expr, ...]


@_node
class Constant(expr):
    """A literal. `strings.string_offset_map` tells where in the source the characters of a str or bytes value stand."""

    value: str | bytes | int | float | bool | EllipsisType | None


@_node
class Attribute(expr):
    value: expr
    attr: str


@_node
class Subscript(expr):
    value: expr
    slice: expr


@_node
class Starred(expr):
    value: expr


@_node
class Name(expr):
    id: str


@_node
class List(expr):
    elts: tuple[expr, ...]


@_node
class Tuple(expr):
    elts: tuple[expr, ...]


@_node
class Slice(expr):
    """`lower:upper:step`; only inside a subscript, alone or in a tuple."""

    lower: expr | None
    upper: expr | None
    step: expr | None


def children(node: Node) -> list[Node]:
    """The nodes directly below `node`, in the order of its fields."""
    fields: tuple[str, ...] = type(node).__match_args__
    found: list[Node] = []
    for name in fields:
        value = getattr(node, name)
        if type(value) is tuple:
            found += [item for item in value if isinstance(item, Node)]
        elif isinstance(value, Node):
            found.append(value)
    return found
