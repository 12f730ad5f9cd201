"""What the language does not take, and what to write instead.

In: a syntax tree. Out: diagnostics in a sink, for what the grammar lets through and Python or this version refuses.
What the grammar does not contain is refused in `syntax_errors`, from the table here. What needs scopes (`global`,
`nonlocal`, where `:=` binds) is checked in `resolve`. Imported by the compiler only.
"""
# Visitors are named after CPython's classes.
# ruff: noqa: N802

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from aici.compiler import ast
from aici.diagnostics import DiagnosticSink, Span

REFUSED = {
    "class": ("classes come", "use functions, and dicts for data"),
    "yield": ("generators come", "build a list and return it, or use a generator expression"),
    "with": ("'with' comes", "call what you need, and clean up in a 'finally'"),
    "@": ("decorators come", "call the decorator yourself: f = decorator(f)"),
    "match": ("'match' comes", "use if and elif"),
    "type": ("type aliases come", "write the type where it is needed; annotations are ignored"),
    "def [": ("type parameters come", "leave them out; annotations are ignored"),
    "async for": ("'async for' comes", "use 'for', and 'await' inside it"),
    "async with": ("'async with' comes", "call what you need, and clean up in a 'finally'"),
    "async comprehension": ("asynchronous comprehensions come", "await inside a 'for' loop"),
    "except *": ("'except*' comes", "use 'except'"),
    "from .": ("relative imports come", "a controller is one file: put everything into it"),
}
"""Constructs of Python that are not in the grammar, by how they begin."""

MODULES = ("aici", "json", "math", "pyaici.server", "re")
"""What can be imported."""
ANNOTATION_MODULES = ("__future__", "typing")
"""What can be imported for annotations; nothing of it exists when the controller runs."""

_FUTURE = frozenset(
    "absolute_import annotations division generator_stop generators nested_scopes print_function unicode_literals"
    " with_statement".split()
)
_NO_PLACE = {
    "__import__": "write an import statement; " + ", ".join(MODULES) + " can be imported",
    "breakpoint": "print what you want to see",
    "compile": "a controller cannot run text as code; use functions",
    "eval": "a controller cannot run text as code; json.loads and int read values",
    "exec": "a controller cannot run text as code; use functions",
    "globals": "keep what you look up by name in a dict",
    "input": "a controller talks to the model only: await aici.GetPrompt()",
    "locals": "keep what you look up by name in a dict",
    "open": "a controller reaches no files; aici.set_var stores results",
    "vars": "keep what you look up by name in a dict",
}
"""Builtins that a controller has no use for, with what to do instead."""

_MAX_BEFORE_STAR = 255


def later(word: str) -> tuple[str, str]:
    """Message and hint for a construct in `REFUSED`."""
    what, instead = REFUSED[word]
    return f"{what} with a later version", instead


def check(module: ast.Module, sink: DiagnosticSink) -> None:
    """Everything in a tree that is no program goes to the sink."""
    checker = _Checker(sink, _bound_names(module))
    checker.futures(module)
    checker.visit_all(module.body)


def _bound_names(module: ast.Module) -> set[str]:
    """Every name that something in the module binds, in any scope."""
    names: set[str] = set()
    waiting: list[ast.Node] = [module]
    while waiting:
        node = waiting.pop()
        waiting.extend(ast.children(node))
        if isinstance(node, ast.Assign | ast.Delete):
            names.update(n.id for target in node.targets for n in _names(target))
        elif isinstance(node, ast.For | ast.AnnAssign | ast.AugAssign | ast.NamedExpr | ast.comprehension):
            names.update(n.id for n in _names(node.target))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name.partition(".")[0])
    return names


def _names(target: ast.expr) -> Iterator[ast.Name]:
    waiting = [target]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name):
            yield node
        elif isinstance(node, ast.Starred):
            waiting.append(node.value)
        elif isinstance(node, ast.Tuple | ast.List):
            waiting.extend(node.elts)


class _Inside(NamedTuple):
    """Where a statement or expression stands."""

    function: str = "module"  # or def, async def, lambda, generator
    loop: bool = False


class _Checker:
    def __init__(self, sink: DiagnosticSink, bound: set[str]) -> None:
        self.sink = sink
        self.bound = bound
        self.typing: set[str] = set()
        self.inside = _Inside()
        self.visitors: dict[type[ast.Node], Callable[[Any], None] | None] = {}

    def visit(self, node: ast.Node) -> None:
        kind = type(node)
        if kind not in self.visitors:
            self.visitors[kind] = getattr(self, f"visit_{kind.__name__}", None)
        visitor = self.visitors[kind]
        if visitor:
            visitor(node)
        else:
            for child in ast.children(node):
                self.visit(child)

    def visit_all(self, nodes: Iterable[ast.Node | None]) -> None:
        for node in nodes:
            if node is not None:
                self.visit(node)

    @contextmanager
    def within(self, inside: _Inside) -> Iterator[None]:
        outer, self.inside = self.inside, inside
        yield
        self.inside = outer

    # Imports

    def futures(self, module: ast.Module) -> None:
        early = True
        for place, statement in enumerate(module.body):
            is_future = isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
            if is_future and not early:
                message = "imports from __future__ must stand at the beginning of the file"
                self.sink.error(statement.span, message)
            docstring = place == 0 and isinstance(statement, ast.Expr) and _is_text(statement.value)
            early = early and (is_future or docstring)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name == "typing":
                self.typing.add(alias.asname or alias.name)
            elif alias.name == "pyaici.server" and alias.asname is None:
                message = "'import pyaici.server' needs a name for the module"
                self.sink.error(alias.span, message, "write: import pyaici.server as aici")
            else:
                self.module(alias.name, alias.span)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.module == "typing":
            self.typing.update(alias.asname or alias.name for alias in node.names)
        elif node.module != "__future__" and not self.module(node.module, node.span):
            return
        for alias in node.names:
            if alias.name == "*":
                self.sink.error(alias.span, "'import *' is not supported", "name what you need")
            elif node.module == "__future__" and alias.name not in _FUTURE:
                self.sink.error(alias.span, f"__future__ has no feature '{alias.name}'")

    def module(self, name: str, span: Span) -> bool:
        if name in MODULES:
            return True
        if name.startswith("pyaici"):
            hint = "write: import pyaici.server as aici"
        else:
            hint = f"a controller can import {', '.join(MODULES)}"
        self.sink.error(span, f"there is no module '{name}' here", hint)
        return False

    # Functions

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.function(node, "def")

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.function(node, "async def")

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, kind: str) -> None:
        self.name(node.name, node.span)
        self.visit(node.args)
        with self.within(_Inside(kind)):
            self.visit_all(node.body)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.visit(node.args)
        with self.within(_Inside("lambda")):
            self.visit(node.body)

    def visit_arg(self, node: ast.arg) -> None:
        self.name(node.arg, node.span)

    def visit_Return(self, node: ast.Return) -> None:
        if self.inside.function == "module":
            self.sink.error(node.span, "'return' outside function")
        self.visit_all((node.value,))

    def visit_Await(self, node: ast.Await) -> None:
        hints = {
            "module": "put it into an 'async def', and hand that to aici.start()",
            "def": "make the function 'async def', and await its call",
            "lambda": "write an 'async def' instead of the lambda",
            "generator": "use a list comprehension: [ ... ]",
        }
        if self.inside.function == "generator":
            self.sink.error(node.span, "'await' cannot stand in a generator expression", hints["generator"])
        elif self.inside.function != "async def":
            self.sink.error(node.span, "'await' outside async function", hints[self.inside.function])
        self.visit(node.value)

    # Statements

    def visit_For(self, node: ast.For) -> None:
        self.target(node.target)
        self.visit(node.iter)
        self.loop(node)

    def visit_While(self, node: ast.While) -> None:
        self.visit(node.test)
        self.loop(node)

    def loop(self, node: ast.For | ast.While) -> None:
        with self.within(self.inside._replace(loop=True)):
            self.visit_all(node.body)
        self.visit_all(node.orelse)

    def visit_Break(self, node: ast.Break) -> None:
        if not self.inside.loop:
            self.sink.error(node.span, "'break' outside loop")

    def visit_Continue(self, node: ast.Continue) -> None:
        if not self.inside.loop:
            self.sink.error(node.span, "'continue' not properly in loop")

    def visit_Try(self, node: ast.Try) -> None:
        for handler in node.handlers[:-1]:
            if handler.type is None:
                head = Span(handler.span.start, handler.span.start + len("except"))
                self.sink.error(head, "default 'except:' must be last")
        self.visit_all((*node.body, *node.handlers, *node.orelse, *node.finalbody))

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self.name(node.name, node.span)
        self.visit_all((node.type, *node.body))

    # Assignment

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self.target(target)
        self.visit(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name | ast.Attribute | ast.Subscript):
            self.target(node.target)
        else:
            what = _described(node.target)
            self.sink.error(node.target.span, f"{what} cannot be the target of an augmented assignment")
        self.visit(node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if isinstance(node.target, ast.Name | ast.Attribute | ast.Subscript):
            self.target(node.target)
        elif isinstance(node.target, ast.Tuple | ast.List):
            self.sink.error(node.target.span, f"only single target (not {_described(node.target)}) can be annotated")
        else:
            self.sink.error(node.target.span, f"{_described(node.target)} cannot be annotated")
        self.visit_all((node.value,))

    def visit_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self.deleted(target)

    def deleted(self, target: ast.expr) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            for item in target.elts:
                self.deleted(item)
        elif isinstance(target, ast.Name | ast.Attribute | ast.Subscript):
            self.target(target)
        else:
            self.sink.error(target.span, f"cannot delete {_described(target)}")

    def target(self, node: ast.expr) -> None:
        """Something that is assigned to."""
        if isinstance(node, ast.Name):
            self.name(node.id, node.span)
        elif isinstance(node, ast.Attribute | ast.Subscript):
            self.visit(node)
            if isinstance(node, ast.Attribute):
                self.name(node.attr, node.span)
        elif isinstance(node, ast.Tuple | ast.List):
            self.targets(node.elts)
        elif isinstance(node, ast.Starred):
            self.sink.error(node.span, "starred assignment target must be in a list or tuple", "put a comma behind it")
        else:
            hint = "to compare, write ==" if isinstance(node, ast.Call | ast.Compare | ast.BinOp) else None
            self.sink.error(node.span, f"cannot assign to {_described(node)}", hint)

    def targets(self, items: tuple[ast.expr, ...]) -> None:
        stars = [place for place, item in enumerate(items) if isinstance(item, ast.Starred)]
        for place in stars[1:]:
            self.sink.error(items[place].span, "multiple starred expressions in assignment")
        if stars and stars[0] > _MAX_BEFORE_STAR:
            self.sink.error(items[stars[0]].span, "too many expressions in star-unpacking assignment")
        for item in items:
            self.target(item.value if isinstance(item, ast.Starred) else item)

    def name(self, name: str, span: Span) -> None:
        """A name that is bound."""
        if name == "__debug__":
            self.sink.error(span, "cannot assign to __debug__")

    # Expressions

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.name(node.target.id, node.target.span)
        self.visit(node.value)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self.target(node.target)
        self.visit_all((node.iter, *node.ifs))

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        first, *others = node.generators
        self.visit(first.iter)
        with self.within(_Inside("generator")):
            self.target(first.target)
            self.visit_all((*first.ifs, *others, node.elt))

    def visit_Expr(self, node: ast.Expr) -> None:
        if not (isinstance(node.value, ast.Constant) and node.value.value is ...):
            self.visit(node.value)

    def visit_Constant(self, node: ast.Constant) -> None:
        if node.value is ...:
            self.sink.error(node.span, "'...' can stand only as a statement", "use None")

    def visit_Starred(self, node: ast.Starred) -> None:
        self.sink.error(node.span, "can't use starred expression here", "put it into a list, tuple, set or call")

    def visit_Tuple(self, node: ast.Tuple | ast.List | ast.Set) -> None:
        self.items(node.elts)

    visit_List = visit_Set = visit_Tuple  # noqa: N815

    def visit_Call(self, node: ast.Call) -> None:
        self.visit(node.func)
        self.items(node.args)
        for keyword in node.keywords:
            if keyword.arg is not None:
                self.name(keyword.arg, keyword.span)
            self.visit(keyword.value)

    def items(self, nodes: Iterable[ast.expr]) -> None:
        for node in nodes:
            self.visit(node.value if isinstance(node, ast.Starred) else node)

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in self.typing:
            message = f"'{node.id}' comes from typing, which exists in annotations only"
            self.sink.error(node.span, message, "leave it out; annotations are ignored")
        elif node.id in _NO_PLACE and node.id not in self.bound:
            self.sink.error(node.span, f"there is no '{node.id}' here", _NO_PLACE[node.id])


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


_DESCRIPTIONS: dict[type[ast.Node], str] = {
    ast.Await: "await expression",
    ast.BinOp: "expression",
    ast.BoolOp: "expression",
    ast.Call: "function call",
    ast.Compare: "comparison",
    ast.Constant: "literal",
    ast.Dict: "dict literal",
    ast.DictComp: "dict comprehension",
    ast.GeneratorExp: "generator expression",
    ast.IfExp: "conditional expression",
    ast.JoinedStr: "f-string expression",
    ast.Lambda: "lambda",
    ast.List: "list",
    ast.ListComp: "list comprehension",
    ast.NamedExpr: "named expression",
    ast.Set: "set display",
    ast.SetComp: "set comprehension",
    ast.Starred: "starred",
    ast.Tuple: "tuple",
    ast.UnaryOp: "expression",
}


def _described(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, bool)):
        return str(node.value)
    if isinstance(node, ast.Constant) and node.value is ...:
        return "ellipsis"
    return _DESCRIPTIONS[type(node)]
