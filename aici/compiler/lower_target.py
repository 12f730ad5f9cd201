"""Targets: what assignments store into, `del` deletes and augmented assignments update.

Goes in: target expressions. Comes out: instructions that take the value from the stack. Each part of a target is
evaluated once, from left to right.
"""

from __future__ import annotations

from aici.diagnostics import Span
from aici.vm.isa import BINARY_OPERATORS, Op

from . import ast
from .lower_expr import Expressions


class Targets(Expressions):
    def target(self, node: ast.expr) -> None:
        """Store the top of the stack."""
        if isinstance(node, ast.Name):
            self.store(node.id, node.span)
        elif isinstance(node, ast.Attribute):
            self.expr(node.value)
            self.code.emit(Op.STORE_ATTR, self.unit.name(node.attr), span=node.span)
        elif isinstance(node, ast.Subscript):
            self.expr(node.value)
            self.expr(node.slice)
            self.code.emit(Op.STORE_SUBSCR, span=node.span)
        else:
            assert isinstance(node, ast.Tuple | ast.List)
            self.unpack(node.elts, node.span)
            for item in node.elts:
                self.target(item.value if isinstance(item, ast.Starred) else item)

    def unpack(self, items: tuple[ast.expr, ...], span: Span) -> None:
        starred = next((i for i, item in enumerate(items) if isinstance(item, ast.Starred)), None)
        if starred is None:
            self.code.emit(Op.UNPACK, len(items), span=span)
        else:
            self.code.emit(Op.UNPACK_EX, starred, len(items) - starred - 1, span=span)

    def delete_target(self, node: ast.expr) -> None:
        if isinstance(node, ast.Name):
            self.delete(node.id, node.span)
        elif isinstance(node, ast.Subscript):
            self.expr(node.value)
            self.expr(node.slice)
            self.code.emit(Op.DELETE_SUBSCR, span=node.span)
        elif isinstance(node, ast.Tuple | ast.List):
            for item in node.elts:
                self.delete_target(item)
        else:
            self.unit.sink.error(node.span, "attributes cannot be deleted", "set it to None instead")

    def augmented(self, node: ast.AugAssign) -> None:
        """`target op= value`."""
        target, span = node.target, node.span
        if isinstance(target, ast.Name):
            self.load(target.id, target.span)
        elif isinstance(target, ast.Attribute):
            self.expr(target.value)
            self.code.emit(Op.DUP, span=target.span)
            self.code.emit(Op.LOAD_ATTR, self.unit.name(target.attr), span=target.span)
        else:
            assert isinstance(target, ast.Subscript)
            self.expr(target.value)
            self.expr(target.slice)
            self.code.emit(Op.DUP2, span=target.span)
            self.code.emit(Op.LOAD_SUBSCR, span=target.span)
        self.expr(node.value)
        self.code.emit(Op.INPLACE, BINARY_OPERATORS.index(node.op), span=span)
        if isinstance(target, ast.Name):
            self.store(target.id, target.span)
        elif isinstance(target, ast.Attribute):
            self.code.emit(Op.SWAP, span=target.span)
            self.code.emit(Op.STORE_ATTR, self.unit.name(target.attr), span=target.span)
        else:
            self.code.emit(Op.ROT3, span=target.span)
            self.code.emit(Op.STORE_SUBSCR, span=target.span)
