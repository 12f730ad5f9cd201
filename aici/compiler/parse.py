"""A source to its syntax tree, or to everything that is wrong with it.

In: a `SourceFile`. Out: an `ast.Module` of bounded depth that `subset.check` has nothing against. The tokens come from
`lexer`, the automaton from `tables`, the nodes from `build`; here is the loop that joins them, and how it goes on after
an error: the statement gives way to a `pass`, with its block and the clauses that belong to it. Nothing recurses.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from aici.compiler import ast, subset
from aici.compiler.build import ACTIONS, SyntaxProblem
from aici.compiler.lexer import ERROR, Token, lex
from aici.compiler.source import check_text
from aici.compiler.syntax_errors import explain
from aici.compiler.tables import END, Tables, tables
from aici.diagnostics import DiagnosticSink, SourceFile, Span

_BETWEEN_STATEMENTS = ("_NEWLINE", "_INDENT", "_DEDENT")
_CLAUSES = ("elif", "else", "except", "finally")
_TAKES_CLAUSES = ("if", "while", "for", "try", "async", "with", *_CLAUSES)
_STATEMENTS = "_statements"
"""The rule for the statements of a block so far."""


def parse(source: SourceFile) -> ast.Module:
    """The syntax tree of a source; DiagnosticError, with up to 20 diagnostics, if it is no controller."""
    sink = DiagnosticSink(source)
    check_text(source, sink)
    module = _Parser(tables(), lex(source, sink), sink).run()
    if _depth_is_fine(module, sink):
        subset.check(module, sink)
    sink.raise_if_any()
    return module


class _Step(NamedTuple):
    """A production, ready to reduce by."""

    origin: str
    size: int
    children: tuple[tuple[int, bool], ...]
    action: Any  # None if the children are the value
    collapse: bool
    renames: bool  # one symbol, whose value is the value


@cache
def _steps() -> tuple[_Step, ...]:
    return tuple(
        _Step(
            production.origin,
            production.size,
            production.children,
            None if production.pours else ACTIONS.get(production.action),
            production.collapse,
            production.collapse and production.size == len(production.children) == 1,
        )
        for production in tables().productions
    )


@cache
def _renamed() -> dict[tuple[int, int, str], int]:
    """What `_Parser.renamed` has found so far: at most an entry for two states of the tables and a symbol."""
    return {}


class _Parser:
    """The stacks of an LALR parser: states, and for each but the first the value and where it starts and ends."""

    def __init__(self, automaton: Tables, tokens: list[Token], sink: DiagnosticSink) -> None:
        self.rows = automaton.states
        self.end = automaton.end
        self.steps = _steps()
        self.rules = {step.origin for step in self.steps}
        self.tokens = tokens
        self.sink = sink
        self.states = [automaton.start]
        self.values: list[Any] = [None]
        self.starts = [0]
        self.ends = [0]
        self.blocks = [1]  # heights of the stacks at the start of each open block

    def run(self) -> ast.Module:
        at = 0
        while True:
            try:
                accepted = self.feed(self.tokens[at])
            except SyntaxProblem as problem:
                at = self.failed(at, problem.span, str(problem), problem.hint)
                continue
            if not accepted and self.line_is_damaged(at):
                at = self.recover(at)
            elif not accepted:
                at = self.failed(at, *explain(self.sink.source, self.tokens, at, self.awaited()))
            elif self.tokens[at].type == END:
                module = self.values[-1]
                assert isinstance(module, ast.Module)
                return module
            else:
                at += 1

    def feed(self, token: Token) -> bool:
        """Take a token, after all reductions that it calls for; False if it cannot stand here."""
        states, values, starts, ends = self.states, self.values, self.starts, self.ends
        while True:
            act = self.rows[states[-1]].get(token.type)
            if act is None:
                return False
            if act >= 0:
                break
            origin, size, _, _, _, renames = step = self.steps[~act]
            if renames:
                states[-1] = self.renamed(states[-2], states[-1], token.type)
                continue
            value = self.reduced(step, token)
            start, end = (starts[-size], ends[-1]) if size else (token.start, token.start)
            if size:
                del states[-size:], values[-size:], starts[-size:], ends[-size:]
            states.append(self.rows[states[-1]][origin])
            values.append(value)
            starts.append(start)
            ends.append(end)
            if token.type == END and states[-1] == self.end:
                return True
        states.append(act)
        values.append(token)
        starts.append(token.start)
        ends.append(token.end)
        if token.type == "_INDENT":
            self.blocks.append(len(states))
        elif token.type == "_DEDENT":
            self.blocks.pop()
        return True

    def renamed(self, below: int, state: int, symbol: str) -> int:
        """The state after all renaming reductions in a row: an expression goes through one for each level of
        precedence."""
        known = _renamed()
        key = (below, state, symbol)
        if key not in known:
            while (act := self.rows[state].get(symbol)) is not None and act < 0 and self.steps[~act].renames:
                state = self.rows[below][self.steps[~act].origin]
            known[key] = state
        return known[key]

    def reduced(self, step: _Step, token: Token) -> Any:
        """The value of a production whose right-hand side is on top of the stacks."""
        items = self.values[-step.size :] if step.size else []
        children: list[Any] = []
        for place, pour in step.children:
            if not pour:
                children.append(items[place])
            elif children:
                children += items[place]
            else:  # a list that grows at its end is not copied: nobody else looks at it again
                children = items[place]
        if step.collapse and len(children) == 1:
            return children[0]
        if step.action is None:
            return children
        span = Span(self.starts[-step.size], self.ends[-1]) if step.size else Span(token.start, token.start)
        return step.action(span, *children)

    # After an error

    def failed(self, at: int, span: Span, message: str, hint: str | None) -> int:
        """Report, and recover unless enough was reported; the place to go on."""
        self.sink.error(span, message, hint)
        if len(self.sink.found) >= self.sink.limit:
            self.sink.raise_if_any()
        return self.recover(at)

    def line_is_damaged(self, at: int) -> bool:
        """Whether the lexer has complained about the line from here on: then nothing more is to be said about it."""
        while self.tokens[at].type not in ("_NEWLINE", "_DEDENT", END):
            if self.tokens[at].type == ERROR:
                return True
            at += 1
        return False

    def awaited(self) -> frozenset[str]:
        """Types of the tokens that could stand here: fewer than the row names, because LALR merges lookaheads."""
        row = self.rows[self.states[-1]]
        return frozenset(symbol for symbol in row if symbol not in self.rules and self.would_take(symbol))

    def would_take(self, symbol: str) -> bool:
        states = self.states.copy()
        act = self.rows[states[-1]].get(symbol)
        while act is not None and act < 0:
            origin, size, *_ = self.steps[~act]
            del states[len(states) - size :]
            states.append(self.rows[states[-1]][origin])
            if states[-1] == self.end:
                return symbol == END
            act = self.rows[states[-1]].get(symbol)
        return act is not None

    def recover(self, at: int) -> int:
        """Put `pass` where the statement that contains token `at` stands; the place to go on."""
        resume = self.end_of_bad_statement(at)
        if not self.would_take("pass"):
            self.drop_statement()
        where = self.tokens[at].start
        for type_ in ("pass", "_NEWLINE"):
            self.feed(Token(type_, where, where))
        return resume

    def drop_statement(self) -> None:
        """Shorten the stacks to the innermost open block and its statements so far."""
        height = self.blocks[-1]
        listed = self.rows[self.states[height - 1]].get(_STATEMENTS)
        if len(self.states) > height and self.states[height] == listed:
            height += 1
        del self.states[height:], self.values[height:], self.starts[height:], self.ends[height:]

    def end_of_bad_statement(self, at: int) -> int:
        tokens = self.tokens
        begin = at
        while begin > 0 and tokens[begin - 1].type not in _BETWEEN_STATEMENTS:
            begin -= 1
        awaited = self.awaited()
        if begin == at and ("_INDENT" in awaited or "except" in awaited):
            takes_clauses = True  # a block or a clause is missing before this line; the line itself may be fine
        else:
            takes_clauses = tokens[begin].type in _TAKES_CLAUSES
            at = self.skip_line(at)
        while takes_clauses and tokens[at].type in _CLAUSES:
            at = self.skip_line(at)
        return at

    def skip_line(self, at: int) -> int:
        """The place behind a logical line and the block that belongs to it."""
        tokens = self.tokens
        while tokens[at].type not in ("_NEWLINE", "_INDENT", END):
            at += 1
        if tokens[at].type == "_NEWLINE":
            at += 1
        if tokens[at].type == "_INDENT":
            depth = 1
            while depth:
                at += 1
                depth += {"_INDENT": 1, "_DEDENT": -1}.get(tokens[at].type, 0)
            at += 1
        return at


def _depth_is_fine(module: ast.Module, sink: DiagnosticSink) -> bool:
    level: list[ast.Node] = [module]
    for _ in range(ast.MAX_DEPTH):
        level = [child for node in level for child in ast.children(node)]
        if not level:
            return True
    hint = "give parts of it names, or move them into functions"
    sink.error(level[0].span, f"this is nested too deeply (more than {ast.MAX_DEPTH} levels)", hint)
    return False
