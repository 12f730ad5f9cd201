"""Names, scopes and the slots that variables get.

Goes in: the scopes that `resolve` collected. Comes out: for every scope, where each of its names is kept; for every
function, its locals, cells and captures. `resolve` and `lower` use it.

List, set and dict comprehensions have a scope of their own but run inside the function around them (as in CPython
since 3.12): their variables are further slots of that function. Generator expressions are functions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TypeAlias

from aici.diagnostics import DiagnosticSink, Span

from . import ast

FunctionNode: TypeAlias = "ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.GeneratorExp"
ComprehensionNode: TypeAlias = "ast.ListComp | ast.SetComp | ast.DictComp"

COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp)


class Storage(Enum):
    LOCAL = auto()
    CELL = auto()
    GLOBAL = auto()


@dataclass(frozen=True)
class Variable:
    """Where a name is kept: in a local slot, in a cell, or (no slot) among the globals."""

    storage: Storage
    slot: int = 0


GLOBAL = Variable(Storage.GLOBAL)


@dataclass(eq=False)
class Scope:
    """The names of a function, a comprehension or the module. `variables` is what `lower` asks."""

    node: FunctionNode | ComprehensionNode
    parent: Scope | None
    bound: dict[str, Span] = field(default_factory=dict)  # in the order of binding, parameters first
    used: dict[str, Span] = field(default_factory=dict)
    globals: dict[str, Span] = field(default_factory=dict)  # declared `global`
    nonlocals: dict[str, Span] = field(default_factory=dict)  # declared `nonlocal`
    walrus: dict[str, Span] = field(default_factory=dict)  # bound by `:=` in this comprehension, for a scope around it
    read_early: set[str] = field(default_factory=set)  # of a comprehension: may be read before they are bound
    variables: dict[str, Variable] = field(default_factory=dict)

    @property
    def has_code(self) -> bool:
        return not isinstance(self.node, COMPREHENSIONS)

    @property
    def is_comprehension(self) -> bool:
        """Whether `:=` binds outside of it."""
        return isinstance(self.node, (*COMPREHENSIONS, ast.GeneratorExp))

    def function(self) -> Scope:
        """The scope whose code this one is part of."""
        scope = self
        while not scope.has_code:
            assert scope.parent
            scope = scope.parent
        return scope

    def definition(self, name: str) -> Scope | None:
        """The scope whose variable the name is here; None for a global."""
        scope: Scope | None = self
        while scope and name not in scope.globals:
            if name in scope.bound and name not in scope.nonlocals:
                return None if isinstance(scope.node, ast.Module) else scope
            scope = scope.parent
        return None


Binding: TypeAlias = tuple[Scope, str]


@dataclass(eq=False)
class Layout:
    """The slots of one function."""

    scope: Scope
    locals: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    captures: list[int] = field(default_factory=list)  # cells of the function around, by its numbering
    own: dict[Binding, int] = field(default_factory=dict)  # which of `cells`
    free: dict[Binding, int] = field(default_factory=dict)  # which of `captures`
    shared: dict[tuple[int, str], int] = field(default_factory=dict)  # local slots of comprehension variables

    def cell(self, binding: Binding) -> int:
        return self.own[binding] if binding in self.own else len(self.cells) + self.free[binding]


def parameters(args: ast.arguments) -> list[ast.arg]:
    """In the order of their slots."""
    return [*args.posonlyargs, *args.args, *args.kwonlyargs, *(arg for arg in (args.vararg, args.kwarg) if arg)]


def allocate(scopes: list[Scope], sink: DiagnosticSink) -> dict[FunctionNode, Layout]:
    """Fill `variables` of every scope. `scopes` go from the outside in."""
    layouts = {scope.node: Layout(scope) for scope in scopes if not isinstance(scope.node, COMPREHENSIONS)}
    for scope in scopes:
        _check_nonlocals(scope, sink)
    captured = _capture(scopes, layouts)
    for scope in scopes:
        _assign_slots(scope, layouts[scope.function().node], captured)  # type: ignore[index]
    for layout in layouts.values():
        if layout.free:
            assert layout.scope.parent
            around = layouts[layout.scope.parent.function().node]  # type: ignore[index]
            layout.captures = [around.cell(binding) for binding in layout.free]
    for scope in scopes:
        layout = layouts[scope.function().node]  # type: ignore[index]
        scope.variables = {name: _variable(scope, name, layout) for name in {**scope.bound, **scope.used}}
    return layouts


def _check_nonlocals(scope: Scope, sink: DiagnosticSink) -> None:
    for name, span in scope.nonlocals.items():
        if scope.parent and scope.definition(name) is None:
            sink.error(
                span,
                f"no binding for nonlocal '{name}' found",
                "only variables of an enclosing function can be nonlocal",
            )


def _capture(scopes: list[Scope], layouts: dict[FunctionNode, Layout]) -> set[Binding]:
    """Find the variables that inner functions share, and note them as free in every function on the way."""
    captured: set[Binding] = set()
    for scope in scopes:
        for name in {**scope.bound, **scope.used}:
            definition = scope.definition(name)
            if definition is None:
                continue
            home, function = definition.function(), scope.function()
            while function is not home:
                captured.add((definition, name))
                free = layouts[function.node].free  # type: ignore[index]
                free.setdefault((definition, name), len(free))
                assert function.parent
                function = function.parent.function()
    return captured


def _assign_slots(scope: Scope, layout: Layout, captured: set[Binding]) -> None:
    if isinstance(scope.node, ast.Module):
        return
    n_parameters = 0
    if isinstance(scope.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        n_parameters = len(parameters(scope.node.args))
    elif isinstance(scope.node, ast.GeneratorExp):
        layout.locals.append(".0")
    level = _level(scope)
    for index, name in enumerate(scope.bound):
        if scope.definition(name) is not scope:
            continue
        if (scope, name) in captured:
            layout.own[scope, name] = len(layout.cells)
            layout.cells.append(name)
        # Comprehensions side by side never run at the same time: they share slots, so that many need few.
        needs_slot = index < n_parameters or (scope, name) not in captured
        if needs_slot and (level, name) not in layout.shared:
            layout.shared[level, name] = len(layout.locals)
            layout.locals.append(name)


def _level(scope: Scope) -> int:
    """How many comprehensions inside its function the scope is."""
    level = 0
    while not scope.has_code:
        assert scope.parent
        scope, level = scope.parent, level + 1
    return level


def _variable(scope: Scope, name: str, layout: Layout) -> Variable:
    definition = scope.definition(name)
    if definition is None:
        return GLOBAL
    binding = (definition, name)
    if binding in layout.own or binding in layout.free:
        return Variable(Storage.CELL, layout.cell(binding))
    return Variable(Storage.LOCAL, layout.shared[_level(definition), name])
