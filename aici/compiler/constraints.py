"""What the compiler knows of the controller API: constraints that are literals, and calls that must be awaited.

Goes in: a syntax tree. Comes out: an `Automaton` for every literal regular expression and list of options, so that
loading costs no compilation of them; a wrong one is a diagnostic with its caret inside the literal. `aici.grammar` is
imported only when there is something to compile.
"""

from __future__ import annotations

from collections import Counter

from aici.diagnostics import DiagnosticSink, Span
from aici.vm.program import Automaton

from . import ast
from .resolve import Resolution
from .strings import string_offset_map

_MODULES = ("aici", "pyaici.server")
"""Names of the API's module."""
_AWAITABLES = frozenset(
    ("ConstrainedToken", "FixedTokens", "GetPrompt", "Noop", "StopToken", "fork", "gen_text", "gen_tokens", "wait_vars")
)
"""What does nothing until it is awaited."""
_GENERATE: dict[int | str | None, str] = {"regex": "regex", "options": "options"}
_CONSTRAINTS: dict[str, dict[int | str | None, str]] = {
    "gen_text": _GENERATE,
    "gen_tokens": _GENERATE,
    "RegexConstraint": {0: "regex"},
    "ChooseConstraint": {0: "options"},
}
"""Which arguments, by place or name, are constraints of which kind."""

_MAX_EMBEDDED = 1 << 20
"""Bytes of all embedded automata; further constraints are compiled when they are first used."""


def embed(module: ast.Module, resolution: Resolution, sink: DiagnosticSink) -> tuple[Automaton, ...]:
    """The automata of the literal constraints, each once, in the order of the source; wrong ones go to the sink, and so
    do calls that lack their `await`."""
    nodes = _all_nodes(module)
    known = _Names(nodes, resolution)
    embedder = _Embedder(known, sink)
    for node in nodes:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            _check_awaited(node.value, known, sink)
        elif isinstance(node, ast.Call):
            parameters = _CONSTRAINTS.get(known.api_name(node.func) or "", {})
            arguments = [*enumerate(node.args), *((keyword.arg, keyword.value) for keyword in node.keywords)]
            for place, argument in arguments:
                if place in parameters:
                    embedder.add(parameters[place], argument)
    return tuple(automaton for automaton in embedder.automata.values() if automaton)


def _all_nodes(module: ast.Module) -> list[ast.Node]:
    """In the order of the source."""
    nodes: list[ast.Node] = []
    waiting: list[ast.Node] = [module]
    while waiting:
        node = waiting.pop()
        nodes.append(node)
        waiting += reversed(ast.children(node))
    return nodes


class _Names:
    """What names mean that the whole module binds only once, or only by imports: these can be relied on."""

    def __init__(self, nodes: list[ast.Node], resolution: Resolution) -> None:
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
        return name if module in _MODULES else None

    def literal(self, node: ast.expr) -> ast.expr:
        """The expression that a name stands for, if it is a name that is assigned once."""
        return self.literals.get(node.id, node) if isinstance(node, ast.Name) else node


def _imported(node: ast.Import | ast.ImportFrom) -> list[tuple[str, str]]:
    """The names that an import binds, and what they stand for."""
    if isinstance(node, ast.ImportFrom):
        return [(alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names]
    return [(alias.asname or alias.name, alias.name) for alias in node.names]


def _check_awaited(call: ast.Call, known: _Names, sink: DiagnosticSink) -> None:
    name = known.api_name(call.func)
    if name not in _AWAITABLES:
        name = call.func.id if isinstance(call.func, ast.Name) and call.func.id in known.coroutines else None
    if name:
        sink.error(call.span, f"missing await: {name}(…) does nothing by itself", "write `await` before it")


class _Embedder:
    """Compiles literal constraints into `automata`; None stands for one that only the host can decide on."""

    def __init__(self, known: _Names, sink: DiagnosticSink) -> None:
        self.known = known
        self.sink = sink
        self.automata: dict[tuple[str, tuple[str, ...]], Automaton | None] = {}
        self.size = 0

    def add(self, kind: str, argument: ast.expr) -> None:
        literal = self.known.literal(argument)
        if kind == "regex":
            pattern = _text(literal)
            if pattern is not None:
                self.regex(pattern, literal)
        elif isinstance(literal, ast.List | ast.Tuple):
            # A list that has a name may be changed before it is used: if it is wrong, that is for the host to say.
            texts = [_text(self.known.literal(item)) for item in literal.elts]
            if None not in texts and (texts or literal is argument):
                self.options([text for text in texts if text is not None], literal)

    def regex(self, pattern: str, literal: ast.expr) -> None:
        key = ("regex", (pattern,))
        if key in self.automata or self.size > _MAX_EMBEDDED:
            return
        from aici.grammar.dfa import Dfa
        from aici.grammar.errors import RegexError, RegexLimitError
        from aici.grammar.lazy import compile_automaton

        self.automata[key] = None
        try:
            automaton = compile_automaton(pattern)
            if isinstance(automaton, Dfa):  # others are built as they are used
                self.keep(key, automaton.to_bytes())
        except RegexLimitError:
            pass
        except RegexError as error:
            span = self.span_within(literal, error.start, error.end)
            self.sink.error(span, f"regular expression: {error.message}", error.hint)

    def options(self, options: list[str], literal: ast.List | ast.Tuple) -> None:
        key = ("options", tuple(options))
        if key in self.automata or self.size > _MAX_EMBEDDED:
            return
        from aici.grammar.errors import OptionsError, OptionsLimitError
        from aici.grammar.options import compile_options

        self.automata[key] = None
        try:
            self.keep(key, compile_options(options).to_bytes())
        except OptionsLimitError:
            pass
        except OptionsError as error:
            span = literal.span if error.index is None else literal.elts[error.index].span
            self.sink.error(span, f"options: {error.message}", 'give a list of texts, such as ["yes", "no"]')

    def keep(self, key: tuple[str, tuple[str, ...]], data: bytes) -> None:
        if self.size + len(data) <= _MAX_EMBEDDED:
            self.size += len(data)
            self.automata[key] = Automaton(*key, data)

    def span_within(self, literal: ast.expr, start: int, end: int) -> Span:
        """Where in the source the characters `[start, end)` of a literal stand."""
        assert isinstance(literal, ast.Constant)
        offsets = string_offset_map(self.sink.source, literal)
        if offsets is None or isinstance(literal.value, bytes):
            return literal.span
        return Span(offsets[start], max(offsets[end], offsets[start] + 1))


def _text(node: ast.expr) -> str | None:
    """The text that a literal is; bytes are taken as UTF-8."""
    value = node.value if isinstance(node, ast.Constant) else None
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return None
    return value if isinstance(value, str) else None
