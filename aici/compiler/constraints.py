"""Constraints that are literals.

Goes in: the nodes of a syntax tree, and what its names mean. Comes out: an `Automaton` for every literal regular
expression and list of options, so that loading costs no compilation of them; a wrong one is a diagnostic with its caret
inside the literal. `aici.grammar` is imported only when there is something to compile.
"""

from __future__ import annotations

from collections.abc import Sequence

from aici.diagnostics import DiagnosticSink, Span
from aici.vm.program import Automaton

from . import ast
from .api import ApiNames
from .strings import string_offset_map

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


def embed(nodes: Sequence[ast.Node], known: ApiNames, sink: DiagnosticSink) -> tuple[Automaton, ...]:
    """The automata of the literal constraints, each once, in the order of the source; wrong ones go to the sink."""
    embedder = _Embedder(known, sink)
    for node in nodes:
        if isinstance(node, ast.Call):
            parameters = _CONSTRAINTS.get(known.api_name(node.func) or "", {})
            arguments = [*enumerate(node.args), *((keyword.arg, keyword.value) for keyword in node.keywords)]
            for place, argument in arguments:
                if place in parameters:
                    embedder.add(parameters[place], argument)
    return tuple(automaton for automaton in embedder.automata.values() if automaton)


class _Embedder:
    """Compiles literal constraints into `automata`; None stands for one that only the host can decide on."""

    def __init__(self, known: ApiNames, sink: DiagnosticSink) -> None:
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
