"""Comprehensions and generator expressions.

List, set and dict comprehensions are loops in the function around them, over slots of their own (see `scopes`). A
generator expression is a function that yields; its first iterable is evaluated outside and passed to it.
"""
# Methods are named after CPython's classes.
# ruff: noqa: N802

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aici.vm.isa import Op

from . import ast
from .assemble import Label
from .lower_target import Targets
from .scopes import ComprehensionNode, Storage


class Comprehensions(Targets):
    def expr_ListComp(self, node: ast.ListComp) -> None:
        self.code.emit(Op.BUILD_LIST, 0, span=node.span)
        with self.inlined(node):
            self.expr(node.elt)
            self.code.emit(Op.LIST_APPEND, len(node.generators), span=node.elt.span)

    def expr_SetComp(self, node: ast.SetComp) -> None:
        self.code.emit(Op.BUILD_SET, 0, span=node.span)
        with self.inlined(node):
            self.expr(node.elt)
            self.code.emit(Op.SET_ADD, len(node.generators), span=node.elt.span)

    def expr_DictComp(self, node: ast.DictComp) -> None:
        self.code.emit(Op.BUILD_DICT, 0, span=node.span)
        with self.inlined(node):
            self.expr(node.key)
            self.expr(node.value)
            self.code.emit(Op.DICT_SET, len(node.generators), span=node.key.span.to(node.value.span))

    def expr_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        if not self.code.reachable:
            return
        self.code.emit(Op.MAKE_FUNCTION, self.unit.function(node), 0, span=node.span)
        self.expr(node.generators[0].iter)
        self.code.emit(Op.GET_ITER, span=node.generators[0].iter.span)
        self.code.emit(Op.CALL, 1, span=node.span)

    def generator_body(self, node: ast.GeneratorExp) -> None:
        """The code of the function that a generator expression is."""
        self.code.emit(Op.LOAD_LOCAL, 0, span=node.generators[0].iter.span)
        with self.loops(node.generators):
            self.expr(node.elt)
            self.code.emit(Op.YIELD, span=node.elt.span)

    @contextmanager
    def inlined(self, node: ComprehensionNode) -> Iterator[None]:
        """The loops of a comprehension, in its own scope, around what is emitted inside."""
        self.expr(node.generators[0].iter)
        around, self.scope = self.scope, self.unit.resolution.scopes[node]
        self.forget(node)
        with self.loops(node.generators):
            yield
        self.scope = around

    def forget(self, node: ComprehensionNode) -> None:
        """Begin with fresh variables where that can be noticed: where inner functions keep them, or where one may be
        read before it is bound while its slot still holds what an earlier run left there."""
        for name in self.scope.bound:
            variable = self.scope.variables[name]
            if self.scope.definition(name) is not self.scope:
                continue
            if variable.storage is Storage.CELL:
                self.code.emit(Op.NEW_CELL, variable.slot, span=node.span)
            elif name in self.scope.read_early:
                self.const(None, node.span)
                self.store(name, node.span)
                self.delete(name, node.span)

    @contextmanager
    def loops(self, generators: tuple[ast.comprehension, ...]) -> Iterator[None]:
        """Nested loops, the first over the value on the stack, around what is emitted inside."""
        opened: list[tuple[Label, Label]] = []
        for generator in generators:
            if opened:
                self.expr(generator.iter)
            head, end = Label(), Label()
            self.code.emit(Op.GET_ITER, span=generator.iter.span)
            self.code.place(head)
            self.code.emit(Op.FOR_ITER, label=end, span=generator.iter.span)
            self.target(generator.target)
            for condition in generator.ifs:
                self.jump_if(condition, head, False)
            opened.append((head, end))
        yield
        for (head, end), generator in zip(reversed(opened), reversed(generators), strict=True):
            self.code.emit(Op.JUMP, label=head, span=generator.span)
            self.code.place(end)
