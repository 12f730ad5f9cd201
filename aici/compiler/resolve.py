"""Collects which names are bound and used where, by Python's scoping rules.

Goes in: a syntax tree. Comes out: the scopes with the variables that their names mean. Only `lower` uses it.
"""
# Visitors are named after CPython's classes.
# ruff: noqa: N802, N815

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from aici.diagnostics import DiagnosticSink, Span

from . import ast
from .scopes import ComprehensionNode, FunctionNode, Layout, Scope, allocate, parameters


@dataclass(frozen=True)
class Resolution:
    """Scopes of functions and comprehensions, and the slots of functions, by node; how often each name is bound in the
    whole module."""

    scopes: dict[ast.Node, Scope]
    layouts: dict[FunctionNode, Layout]
    bindings: Counter[str]


def resolve(module: ast.Module, sink: DiagnosticSink) -> Resolution:
    """Names that are misused go to the sink; then the result is of no use."""
    collector = _Collector(module, sink)
    for statement in module.body:
        collector.visit(statement)
    return Resolution(collector.scopes, allocate(list(collector.scopes.values()), sink), collector.bindings)


class _Collector:
    def __init__(self, module: ast.Module, sink: DiagnosticSink) -> None:
        self.sink = sink
        self.scope = Scope(module, None)
        self.scopes: dict[ast.Node, Scope] = {module: self.scope}
        self.seen: defaultdict[Scope, set[str]] = defaultdict(set)  # names met so far inside a comprehension
        self.bindings = Counter[str]()
        self.iterables = 0  # how many iterables of comprehensions we are in: `:=` is not allowed there

    def visit(self, node: ast.Node) -> None:
        visit: Callable[[Any], None] | None = getattr(self, f"visit_{type(node).__name__}", None)
        if visit:
            visit(node)
        else:
            for child in ast.children(node):
                self.visit(child)

    def visit_all(self, nodes: Iterable[ast.Node | None]) -> None:
        for node in nodes:
            if node:
                self.visit(node)

    # Names

    def use(self, name: str, span: Span) -> None:
        self.scope.used.setdefault(name, span)
        scope = self.scope
        while not scope.has_code and name not in scope.bound:
            self.seen[scope].add(name)
            assert scope.parent
            scope = scope.parent

    def bind(self, name: str, span: Span) -> None:
        self.bindings[name] += 1
        self.scope.bound.setdefault(name, span)
        if name in self.seen[self.scope]:
            self.scope.read_early.add(name)

    def target(self, node: ast.expr) -> None:
        """What an assignment, a loop or `del` binds."""
        if isinstance(node, ast.Name):
            self.bind(node.id, node.span)
        elif isinstance(node, ast.Tuple | ast.List):
            for item in node.elts:
                self.target(item)
        elif isinstance(node, ast.Starred):
            self.target(node.value)
        else:
            self.visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        self.use(node.id, node.span)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        name, span = node.target.id, node.target.span
        if self.iterables:
            self.sink.error(span, "':=' cannot be used in the iterable of a comprehension", "assign it before")
        self.visit(node.value)
        inside = self.scope
        while self.scope.is_comprehension:
            self.scope.walrus.setdefault(name, span)
            assert self.scope.parent
            self.scope = self.scope.parent
        self.bind(name, span)
        self.scope = inside
        self.use(name, span)

    def visit_Global(self, node: ast.Global) -> None:
        self.declare(node, self.scope.globals, self.scope.nonlocals, "global", "nonlocal")

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        if isinstance(self.scope.node, ast.Module):
            self.sink.error(
                node.span, "nonlocal declaration not allowed at module level", "it is for functions in functions"
            )
        else:
            self.declare(node, self.scope.nonlocals, self.scope.globals, "nonlocal", "global")

    def declare(
        self, node: ast.Global | ast.Nonlocal, into: dict[str, Span], other: dict[str, Span], what: str, opposite: str
    ) -> None:
        for name in node.names:
            if name in self.parameters():
                problem = f"name '{name}' is parameter and {what}"
            elif name in other:
                problem = f"name '{name}' is {what} and {opposite}"
            elif name in self.scope.bound:
                problem = f"name '{name}' is assigned to before its {what} declaration"
            elif name in self.scope.used:
                problem = f"name '{name}' is used prior to its {what} declaration"
            else:
                into.setdefault(name, node.span)
                continue
            self.sink.error(node.span, problem, f"declare it {what} first, once, and give parameters other names")

    def parameters(self) -> set[str]:
        node = self.scope.node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            return {parameter.arg for parameter in parameters(node.args)}
        return set()

    # Scopes

    @contextmanager
    def inside(self, node: FunctionNode | ComprehensionNode) -> Iterator[Scope]:
        around, self.scope = self.scope, Scope(node, self.scope)
        self.scopes[node] = self.scope
        yield self.scope
        self.scope = around

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.bind(node.name, node.span)
        self.defaults(node.args)
        with self.inside(node):
            self.bind_parameters(node.args)
            self.visit_all(node.body)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.defaults(node.args)
        with self.inside(node):
            self.bind_parameters(node.args)
            self.visit(node.body)

    def defaults(self, args: ast.arguments) -> None:
        self.visit_all((*args.defaults, *args.kw_defaults))

    def bind_parameters(self, args: ast.arguments) -> None:
        for parameter in parameters(args):
            self.bind(parameter.arg, parameter.span)

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> None:
        self.comprehension(node, node.generators, node.elt)

    visit_SetComp = visit_ListComp
    visit_GeneratorExp = visit_ListComp

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self.comprehension(node, node.generators, node.key, node.value)

    def comprehension(
        self,
        node: ComprehensionNode | ast.GeneratorExp,
        generators: tuple[ast.comprehension, ...],
        *elements: ast.expr,
    ) -> None:
        self.iterable(generators[0].iter)
        with self.inside(node) as scope:
            for index, generator in enumerate(generators):
                if index:
                    self.iterable(generator.iter)
                self.target(generator.target)
                self.visit_all(generator.ifs)
            self.visit_all(elements)
            for name, span in scope.walrus.items():
                if name in scope.bound:
                    self.sink.error(
                        span, f"':=' cannot rebind the comprehension's variable '{name}'", "assign to another name"
                    )

    def iterable(self, node: ast.expr) -> None:
        self.iterables += 1
        self.visit(node)
        self.iterables -= 1

    # Statements that bind

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self.target(target)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.use(node.target.id, node.target.span)
        self.target(node.target)
        self.visit(node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        # Annotations are for readers and tools: they are never evaluated, so the names in them mean nothing here.
        self.visit_all((node.value,))
        if node.simple or node.value or not isinstance(node.target, ast.Name):
            self.target(node.target)

    def visit_For(self, node: ast.For) -> None:
        self.visit(node.iter)
        self.target(node.target)
        self.visit_all((*node.body, *node.orelse))

    def visit_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self.target(target)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self.visit_all((node.type,))
        if node.name:
            self.bind(node.name, node.span)
        self.visit_all(node.body)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.bind(alias.asname or alias.name, alias.span)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            self.bind(alias.asname or alias.name, alias.span)
