"""Expressions to instructions, in CPython's order of evaluation.

Goes in: expression nodes. Comes out: instructions that leave one value more on the stack. Only `lower_stmt` builds
on it.
"""
# Methods are named after CPython's classes.
# ruff: noqa: N802

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import EllipsisType
from typing import Any

from aici.diagnostics import Span
from aici.vm.isa import BINARY_OPERATORS, COMPARE_OPERATORS, CONVERSIONS, UNARY_OPERATORS, Op
from aici.vm.program import Const

from . import ast
from .assemble import Code, Label
from .scopes import FunctionNode, Layout, Scope, Storage
from .unit import Unit

_MANY = 32
"""From this many parts on, a display or a call is built piece by piece, so that the stack stays low."""
_FOLDED_DEPTH = 4
"""How deep a tuple of constants may be nested and still become a constant itself."""

_NO_CONSTANT = object()


class Expressions:
    """Lowers expressions of one function into `code`."""

    def __init__(self, unit: Unit, node: FunctionNode) -> None:
        self.unit = unit
        self.node = node
        self.scope: Scope = unit.resolution.scopes[node]
        self.layout: Layout = unit.resolution.layouts[node]
        self.code = Code(unit.source)

    def expr(self, node: ast.expr) -> None:
        """Push the value of an expression."""
        lower: Callable[[Any], None] = getattr(self, f"expr_{type(node).__name__}")
        lower(node)

    # Names and constants

    def name(self, name: str, span: Span, ops: tuple[Op, Op, Op]) -> None:
        """`ops` for a local, a cell and a global."""
        variable = self.scope.variables[name]
        if variable.storage is Storage.LOCAL:
            self.code.emit(ops[0], variable.slot, span=span)
        elif variable.storage is Storage.CELL:
            self.code.emit(ops[1], variable.slot, span=span)
        else:
            self.code.emit(ops[2], self.unit.name(name), span=span)

    def load(self, name: str, span: Span) -> None:
        self.name(name, span, (Op.LOAD_LOCAL, Op.LOAD_CELL, Op.LOAD_GLOBAL))

    def store(self, name: str, span: Span) -> None:
        self.name(name, span, (Op.STORE_LOCAL, Op.STORE_CELL, Op.STORE_GLOBAL))

    def delete(self, name: str, span: Span) -> None:
        self.name(name, span, (Op.DELETE_LOCAL, Op.DELETE_CELL, Op.DELETE_GLOBAL))

    def const(self, value: Const, span: Span) -> None:
        self.code.emit(Op.CONST, self.unit.const(value), span=span)

    def expr_Name(self, node: ast.Name) -> None:
        self.load(node.id, node.span)

    def expr_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.expr(node.value)
        self.code.emit(Op.DUP, span=node.span)
        self.store(node.target.id, node.target.span)

    def expr_Constant(self, node: ast.Constant) -> None:
        assert not isinstance(node.value, EllipsisType), "subset allows it as a statement only"
        self.const(node.value, node.span)

    def expr_Tuple(self, node: ast.Tuple) -> None:
        folded = constant(node)
        if folded is not _NO_CONSTANT:
            self.const(folded, node.span)
        elif len(node.elts) < _MANY and not _has_star(node.elts):
            self.exprs(node.elts)
            self.code.emit(Op.BUILD_TUPLE, len(node.elts), span=node.span)
        else:
            self.expr_List(node)
            self.code.emit(Op.LIST_TO_TUPLE, span=node.span)

    # Operators

    def expr_BinOp(self, node: ast.BinOp) -> None:
        self.expr(node.left)
        self.expr(node.right)
        self.code.emit(Op.BINARY, BINARY_OPERATORS.index(node.op), span=node.span)

    def expr_UnaryOp(self, node: ast.UnaryOp) -> None:
        folded = constant(node)
        if folded is not _NO_CONSTANT:
            self.const(folded, node.span)
            return
        self.expr(node.operand)
        self.code.emit(Op.UNARY, UNARY_OPERATORS.index(node.op), span=node.span)

    def expr_BoolOp(self, node: ast.BoolOp) -> None:
        end = Label()
        op = Op.JUMP_IF_FALSE_KEEP if node.op == "and" else Op.JUMP_IF_TRUE_KEEP
        for value in node.values[:-1]:
            self.expr(value)
            self.code.emit(op, label=end, span=value.span)
        self.expr(node.values[-1])
        self.code.place(end)

    def expr_Compare(self, node: ast.Compare) -> None:
        self.expr(node.left)
        if len(node.ops) == 1:
            self.expr(node.comparators[0])
            self.compare(node.ops[0], node.span)
            return
        decided, end = Label(), Label()
        for op, comparator in zip(node.ops[:-1], node.comparators[:-1], strict=True):
            self.expr(comparator)
            self.code.emit(Op.DUP, span=node.span)
            self.code.emit(Op.ROT3, span=node.span)
            self.compare(op, node.span)
            self.code.emit(Op.JUMP_IF_FALSE_KEEP, label=decided, span=node.span)
        self.expr(node.comparators[-1])
        self.compare(node.ops[-1], node.span)
        self.code.emit(Op.JUMP, label=end, span=node.span)
        self.code.place(decided)  # with the comparand for the next comparison below the result
        self.code.emit(Op.SWAP, span=node.span)
        self.code.emit(Op.POP, span=node.span)
        self.code.place(end)

    def compare(self, op: str, span: Span) -> None:
        self.code.emit(Op.COMPARE, COMPARE_OPERATORS.index(op), span=span)

    def expr_IfExp(self, node: ast.IfExp) -> None:
        orelse, end = Label(), Label()
        self.jump_if(node.test, orelse, False)
        self.expr(node.body)
        self.code.emit(Op.JUMP, label=end, span=node.span)
        self.code.place(orelse)
        self.expr(node.orelse)
        self.code.place(end)

    def jump_if(self, node: ast.expr, target: Label, sense: bool) -> None:
        """Jump if the truth of the expression is `sense`; nothing stays on the stack."""
        if isinstance(node, ast.UnaryOp) and node.op == "not":
            self.jump_if(node.operand, target, not sense)
        elif isinstance(node, ast.BoolOp):
            passed = Label()
            decides = node.op == "or"  # the truth of a part that decides the whole
            for value in node.values[:-1]:
                self.jump_if(value, target if decides is sense else passed, decides)
            self.jump_if(node.values[-1], target, sense)
            self.code.place(passed)
        elif isinstance(node, ast.Constant):
            if bool(node.value) is sense:
                self.code.emit(Op.JUMP, label=target, span=node.span)
        else:
            self.expr(node)
            self.code.emit(Op.JUMP_IF_TRUE if sense else Op.JUMP_IF_FALSE, label=target, span=node.span)

    # Displays

    def exprs(self, nodes: Iterable[ast.expr]) -> None:
        for node in nodes:
            self.expr(node)

    def expr_List(self, node: ast.List | ast.Tuple) -> None:
        self.sequence(node.elts, node.span, Op.BUILD_LIST, Op.LIST_APPEND, Op.LIST_EXTEND)

    def expr_Set(self, node: ast.Set) -> None:
        self.sequence(node.elts, node.span, Op.BUILD_SET, Op.SET_ADD, Op.SET_UPDATE)

    def sequence(self, elts: tuple[ast.expr, ...], span: Span, build: Op, add: Op, extend: Op) -> None:
        """Push a list or set of these; the op that builds one from the stack, and those that add one and many."""
        constants = [constant(elt) for elt in elts]
        if len(elts) >= 3 and _NO_CONSTANT not in constants:
            self.code.emit(build, 0, span=span)
            self.const(tuple(constants), span)
            self.code.emit(extend, 0, span=span)
            return
        first = next((i for i, elt in enumerate(elts) if isinstance(elt, ast.Starred)), len(elts))
        if first >= _MANY:
            first = 0
        for elt in elts[:first]:
            self.expr(elt)
        self.code.emit(build, first, span=span)
        for elt in elts[first:]:
            if isinstance(elt, ast.Starred):
                self.expr(elt.value)
                self.code.emit(extend, 0, span=elt.span)
            else:
                self.expr(elt)
                self.code.emit(add, 0, span=elt.span)

    def expr_Dict(self, node: ast.Dict) -> None:
        items = list(zip(node.keys, node.values, strict=True))
        first = next((i for i, (key, _) in enumerate(items) if key is None), len(items))
        if first >= _MANY:
            first = 0
        for key, value in items[:first]:
            assert key
            self.expr(key)
            self.expr(value)
        self.code.emit(Op.BUILD_DICT, first, span=node.span)
        for key, value in items[first:]:
            if key:
                self.expr(key)
            self.expr(value)
            self.code.emit(Op.DICT_SET if key else Op.DICT_UPDATE, 0, span=(key or value).span.to(value.span))

    # Attributes and subscripts

    def expr_Attribute(self, node: ast.Attribute) -> None:
        self.expr(node.value)
        self.code.emit(Op.LOAD_ATTR, self.unit.name(node.attr), span=node.span)

    def expr_Subscript(self, node: ast.Subscript) -> None:
        self.expr(node.value)
        self.expr(node.slice)
        self.code.emit(Op.LOAD_SUBSCR, span=node.span)

    def expr_Slice(self, node: ast.Slice) -> None:
        for bound in (node.lower, node.upper, node.step):
            if bound:
                self.expr(bound)
            else:
                self.const(None, node.span)
        self.code.emit(Op.BUILD_SLICE, span=node.span)

    # Calls

    def expr_Call(self, node: ast.Call) -> None:
        keywords = [keyword.arg for keyword in node.keywords]
        many = len(node.args) >= _MANY or len(keywords) >= _MANY
        if many or _has_star(node.args) or None in keywords:
            self.expr(node.func)
            self.call_star(node)
        elif isinstance(node.func, ast.Attribute) and not keywords and all(map(_is_simple, node.args)):
            # The attribute is looked up after the arguments: nobody can tell, they neither do nor change anything.
            self.expr(node.func.value)
            self.exprs(node.args)
            self.code.emit(Op.CALL_METHOD, self.unit.name(node.func.attr), len(node.args), span=node.span)
        else:
            self.expr(node.func)
            self.exprs(node.args)
            self.exprs(keyword.value for keyword in node.keywords)
            n_args = len(node.args) + len(keywords)
            if keywords:
                names = self.unit.const(tuple(name for name in keywords if name))
                self.code.emit(Op.CALL_KW, n_args, names, span=node.span)
            else:
                self.code.emit(Op.CALL, n_args, span=node.span)

    def call_star(self, node: ast.Call) -> None:
        """The arguments as a list and a dict, and the call."""
        self.sequence(node.args, node.span, Op.BUILD_LIST, Op.LIST_APPEND, Op.LIST_EXTEND)
        if node.keywords:
            self.code.emit(Op.BUILD_DICT, 0, span=node.span)
        for keyword in node.keywords:
            if keyword.arg is None:
                self.expr(keyword.value)
            else:
                self.const(keyword.arg, keyword.span)
                self.expr(keyword.value)
                self.code.emit(Op.BUILD_DICT, 1, span=keyword.span)
            self.code.emit(Op.DICT_MERGE, 0, span=keyword.span)
        self.code.emit(Op.CALL_EX, int(bool(node.keywords)), span=node.span)

    def expr_Await(self, node: ast.Await) -> None:
        self.expr(node.value)
        self.code.emit(Op.AWAIT, span=node.span)

    def expr_Lambda(self, node: ast.Lambda) -> None:
        self.make_function(node, node.args)

    def make_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, args: ast.arguments) -> None:
        defaults = [*args.defaults, *(default for default in args.kw_defaults if default)]
        self.exprs(defaults)
        if self.code.reachable:
            self.code.emit(Op.MAKE_FUNCTION, self.unit.function(node), len(defaults), span=node.span)

    # Formatted strings

    def expr_JoinedStr(self, node: ast.JoinedStr) -> None:
        if not node.values:
            self.const("", node.span)
            return
        pending = 0
        for value in node.values:
            self.expr(value)
            pending += 1
            if pending == _MANY:
                self.code.emit(Op.BUILD_STRING, pending, span=node.span)
                pending = 1
        if pending > 1:
            self.code.emit(Op.BUILD_STRING, pending, span=node.span)

    def expr_FormattedValue(self, node: ast.FormattedValue) -> None:
        self.expr(node.value)
        if node.format_spec:
            self.expr(node.format_spec)
        self.code.emit(Op.FORMAT, CONVERSIONS.index(node.conversion), int(node.format_spec is not None), span=node.span)


def constant(node: ast.expr, depth: int = _FOLDED_DEPTH) -> Any:
    """The value of a literal, a negative number or a small tuple of such; else `_NO_CONSTANT`."""
    value: Any = _NO_CONSTANT
    if isinstance(node, ast.Constant) and node.value is not ...:
        value = node.value
    elif isinstance(node, ast.UnaryOp) and node.op == "-" and isinstance(node.operand, ast.Constant):
        number = node.operand.value
        if isinstance(number, int | float) and not isinstance(number, bool):
            value = -number
    elif isinstance(node, ast.Tuple) and depth:
        items = [constant(item, depth - 1) for item in node.elts]
        value = _NO_CONSTANT if _NO_CONSTANT in items else tuple(items)
    return value


def _has_star(nodes: Iterable[ast.expr]) -> bool:
    return any(isinstance(node, ast.Starred) for node in nodes)


def _is_simple(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant | ast.Name)
