"""Statements of the syntax tree, of what the rules of `controller.lark` matched (`build`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from aici.compiler import ast
from aici.compiler.actions import action
from aici.compiler.lexer import Token
from aici.diagnostics import Span

Block = tuple[ast.stmt, ...]


@action
def module(span: Span, *body: ast.stmt) -> ast.Module:
    return ast.Module(body, span=span)


@action
def block(_: Span, *body: ast.stmt) -> Block:
    return body


# Simple statements


@action
def expression_statement(span: Span, value: ast.expr) -> ast.stmt:
    return ast.Expr(value, span=span)


@action
def assign(span: Span, *parts: ast.expr) -> ast.stmt:
    return ast.Assign(parts[:-1], parts[-1], span=span)


@action
def augmented(_: Span, operator: Token) -> str:
    return operator.type[:-1]


@action
def augmented_assign(span: Span, target: ast.expr, operator: str, value: ast.expr) -> ast.stmt:
    return ast.AugAssign(target, operator, value, span=span)


@action
def annotated_assign(span: Span, target: ast.expr, annotation: ast.expr, value: ast.expr | None = None) -> ast.stmt:
    simple = isinstance(target, ast.Name) and target.span.start == span.start
    return ast.AnnAssign(target, annotation, value, int(simple), span=span)


@action
def return_(span: Span, value: ast.expr | None = None) -> ast.stmt:
    return ast.Return(value, span=span)


@action
def delete(span: Span, *targets: ast.expr) -> ast.stmt:
    return ast.Delete(targets, span=span)


@action
def raise_(span: Span, exc: ast.expr | None = None, cause: ast.expr | None = None) -> ast.stmt:
    return ast.Raise(exc, cause, span=span)


@action
def assert_(span: Span, test: ast.expr, msg: ast.expr | None = None) -> ast.stmt:
    return ast.Assert(test, msg, span=span)


@action
def global_(span: Span, *names: Token) -> ast.stmt:
    return ast.Global(_texts(names), span=span)


@action
def nonlocal_(span: Span, *names: Token) -> ast.stmt:
    return ast.Nonlocal(_texts(names), span=span)


@action
def pass_(span: Span) -> ast.stmt:
    return ast.Pass(span=span)


@action
def break_(span: Span) -> ast.stmt:
    return ast.Break(span=span)


@action
def continue_(span: Span) -> ast.stmt:
    return ast.Continue(span=span)


@action
def import_(span: Span, *names: ast.alias) -> ast.stmt:
    return ast.Import(names, span=span)


@action
def import_from(span: Span, source: str, names: tuple[ast.alias, ...]) -> ast.stmt:
    return ast.ImportFrom(source, names, 0, span=span)


@action
def dotted_name(_: Span, *parts: Token) -> str:
    return "".join(part.type if part.type == "." else str(part.value) for part in parts)


@action
def module_alias(span: Span, name: str, asname: Token | None = None) -> ast.alias:
    return ast.alias(name, None if asname is None else str(asname.value), span=span)


@action
def name_alias(span: Span, name: Token, asname: Token | None = None) -> ast.alias:
    return module_alias(span, str(name.value), asname)


@action
def star_alias(span: Span) -> ast.alias:
    return ast.alias("*", None, span=span)


@action
def imported(_: Span, *names: ast.alias) -> tuple[ast.alias, ...]:
    return names


def _texts(names: Iterable[Token]) -> tuple[str, ...]:
    return tuple(str(name.value) for name in names)


# Compound statements


class Elif(NamedTuple):
    span: Span
    test: ast.expr
    body: Block


class Finally(NamedTuple):
    body: Block


@action
def elif_(span: Span, test: ast.expr, body: Block) -> Elif:
    return Elif(span, test, body)


@action
def else_(_: Span, body: Block) -> Block:
    return body


@action
def finally_(_: Span, body: Block) -> Finally:
    return Finally(body)


@action
def if_(span: Span, test: ast.expr, body: Block, *rest: Any) -> ast.stmt:
    orelse: Block = ()
    for clause in reversed(rest):
        if isinstance(clause, Elif):
            orelse = (ast.If(clause.test, clause.body, orelse, span=Span(clause.span.start, span.end)),)
        else:
            orelse = clause
    return ast.If(test, body, orelse, span=span)


@action
def while_(span: Span, test: ast.expr, body: Block, orelse: Block = ()) -> ast.stmt:
    return ast.While(test, body, orelse, span=span)


@action
def for_(span: Span, target: ast.expr, iterable: ast.expr, body: Block, orelse: Block = ()) -> ast.stmt:
    return ast.For(target, iterable, body, orelse, span=span)


@action
def except_(span: Span, *parts: Any) -> ast.ExceptHandler:
    *caught, body = parts
    type_ = caught[0] if caught else None
    name = str(caught[1].value) if len(caught) > 1 else None
    return ast.ExceptHandler(type_, name, body, span=span)


@action
def try_(span: Span, body: Block, *rest: Any) -> ast.stmt:
    handlers = tuple(part for part in rest if isinstance(part, ast.ExceptHandler))
    finalbody = rest[-1].body if isinstance(rest[-1], Finally) else ()
    orelse = next((part for part in rest if type(part) is tuple), ())
    return ast.Try(body, handlers, orelse, finalbody, span=span)


@action
def function(span: Span, name: Token, args: ast.arguments, *rest: Any) -> ast.stmt:
    *returns, body = rest
    return ast.FunctionDef(str(name.value), args, body, returns[0] if returns else None, span=span)


@action
def async_function(span: Span, name: Token, args: ast.arguments, *rest: Any) -> ast.stmt:
    *returns, body = rest
    return ast.AsyncFunctionDef(str(name.value), args, body, returns[0] if returns else None, span=span)
