"""What the compiler knows of the controller API: its names, and which calls must be awaited.

Goes in: a syntax tree, resolved. Comes out: `ApiNames`, what names stand for; a name that the API does not have and a
call that lacks its `await` are diagnostics.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import aici
from aici.diagnostics import DiagnosticSink, Span

from . import ast
from .resolve import Resolution

MODULES = ("aici", "pyaici.server")
"""Names of the API's module."""
_AWAITABLES = frozenset(
    ("ConstrainedToken", "FixedTokens", "GetPrompt", "Noop", "StopToken", "fork", "gen_text", "gen_tokens", "wait_vars")
)
"""What does nothing until it is awaited."""


def check_calls(nodes: Sequence[ast.Node], known: ApiNames, sink: DiagnosticSink) -> None:
    """Calls that stand alone and lack their `await` go to the sink."""
    for node in nodes:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            _check_awaited(node.value, known, sink)


def _check_awaited(call: ast.Call, known: ApiNames, sink: DiagnosticSink) -> None:
    name = known.api_name(call.func)
    if name not in _AWAITABLES:
        name = call.func.id if isinstance(call.func, ast.Name) and call.func.id in known.coroutines else None
    if name:
        sink.error(call.span, f"missing await: {name}(…) does nothing by itself", "write `await` before it")


def check_names(nodes: Sequence[ast.Node], known: ApiNames, sink: DiagnosticSink) -> None:
    """Names that the API's module does not have go to the sink, but for what the program itself assigns to the module,
    and what it tries: in the body of a `try` with handlers, a name may be looked for."""
    assigned, tried = set[str](), set[ast.Node]()
    for node in nodes:
        if isinstance(node, ast.Try) and node.handlers and node not in tried:
            tried.update(below for statement in node.body for below in all_nodes(statement))
        elif isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.For | ast.comprehension | ast.NamedExpr):
            targets = node.targets if isinstance(node, ast.Assign) else (node.target,)
            stores = [below for target in targets for below in all_nodes(target)]
            assigned.update(below.attr for below in stores if isinstance(below, ast.Attribute))
    for node in nodes:
        if node in tried:
            continue
        if isinstance(node, ast.ImportFrom) and node.module in MODULES:
            for alias in node.names:
                _check_name(alias.name, Span(alias.span.start, alias.span.start + len(alias.name)), assigned, sink)
        elif isinstance(node, ast.Attribute) and known.is_module(node.value):
            _check_name(node.attr, Span(node.span.end - len(node.attr), node.span.end), assigned, sink)


def _check_name(name: str, span: Span, assigned: set[str], sink: DiagnosticSink) -> None:
    if name in aici.__all__ or name in aici._LATER or name in assigned or name == "*" or name.startswith("__"):
        return
    import difflib

    meant = difflib.get_close_matches(name, aici.__all__, 1, 0.7)
    hint = f"did you mean {meant[0]}?" if meant else "docs/language.md lists what there is"
    sink.error(span, f"aici has no name '{name}'", hint)


def all_nodes(root: ast.Node) -> list[ast.Node]:
    """A node and all below it, in the order of the source."""
    nodes: list[ast.Node] = []
    waiting = [root]
    while waiting:
        node = waiting.pop()
        nodes.append(node)
        waiting += reversed(ast.children(node))
    return nodes


class ApiNames:
    """What names mean that the whole module binds only once, or only by imports: these can be relied on."""

    def __init__(self, nodes: Sequence[ast.Node], resolution: Resolution) -> None:
        self.imported: dict[str, str] = {}  # dotted names that imported names stand for
        self.literals: dict[str, ast.expr] = {}
        self.coroutines: set[str] = set()
        imports = Counter[str]()
        once = {name for name, count in resolution.bindings.items() if count == 1}
        for node in nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                for name, meaning in _imported(node):
                    imports[name] += 1
                    self.imported[name] = meaning
            elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                if node.targets[0].id in once:
                    self.literals[node.targets[0].id] = node.value
            elif isinstance(node, ast.AsyncFunctionDef) and node.name in once:
                self.coroutines.add(node.name)
        for name, count in imports.items():
            if count != resolution.bindings[name]:
                del self.imported[name]

    def api_name(self, node: ast.expr) -> str | None:
        """The name within the API of what an expression stands for."""
        dotted = []
        while isinstance(node, ast.Attribute):
            dotted.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id not in self.imported:
            return None
        module, _, name = ".".join([self.imported[node.id], *reversed(dotted)]).rpartition(".")
        return name if module in MODULES else None

    def is_module(self, node: ast.expr) -> bool:
        """Whether an expression is a name that stands for the API's module."""
        return isinstance(node, ast.Name) and self.imported.get(node.id) in MODULES

    def literal(self, node: ast.expr) -> ast.expr:
        """The expression that a name stands for, if it is a name that is assigned once."""
        return self.literals.get(node.id, node) if isinstance(node, ast.Name) else node


def _imported(node: ast.Import | ast.ImportFrom) -> list[tuple[str, str]]:
    """The names that an import binds, and what they stand for."""
    if isinstance(node, ast.ImportFrom):
        return [(alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names]
    return [(alias.asname or alias.name, alias.name) for alias in node.names]
