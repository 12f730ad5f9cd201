"""Expressions of the syntax tree, of what the rules of `controller.lark` matched (`build`)."""

from __future__ import annotations

from typing import Any

from aici.compiler import ast
from aici.compiler.actions import SyntaxProblem, action
from aici.compiler.lexer import Token
from aici.diagnostics import Span

# Operators, subscripts, calls


@action
def conditional(span: Span, body: ast.expr, test: ast.expr, orelse: ast.expr) -> ast.expr:
    return ast.IfExp(test, body, orelse, span=span)


@action
def lambda_(span: Span, args: ast.arguments, body: ast.expr) -> ast.expr:
    return ast.Lambda(args, body, span=span)


@action
def walrus(span: Span, target: Token, value: ast.expr) -> ast.expr:
    return ast.NamedExpr(ast.Name(str(target.value), span=target.span), value, span=span)


@action
def or_(span: Span, *values: ast.expr) -> ast.expr:
    return ast.BoolOp("or", values, span=span)


@action
def and_(span: Span, *values: ast.expr) -> ast.expr:
    return ast.BoolOp("and", values, span=span)


@action
def not_(span: Span, operand: ast.expr) -> ast.expr:
    return ast.UnaryOp("not", operand, span=span)


@action
def compared(_: Span, *words: Token) -> str:
    return " ".join(word.type for word in words)


@action
def compare(span: Span, left: ast.expr, *rest: Any) -> ast.expr:
    return ast.Compare(left, rest[::2], rest[1::2], span=span)


@action
def binary(span: Span, left: ast.expr, operator: Token, right: ast.expr) -> ast.expr:
    return ast.BinOp(left, operator.type, right, span=span)


@action
def unary(span: Span, operator: Token, operand: ast.expr) -> ast.expr:
    return ast.UnaryOp(operator.type, operand, span=span)


@action
def await_(span: Span, value: ast.expr) -> ast.expr:
    return ast.Await(value, span=span)


@action
def attribute(span: Span, value: ast.expr, attr: Token) -> ast.expr:
    return ast.Attribute(value, str(attr.value), span=span)


@action
def subscript(span: Span, value: ast.expr, index: ast.expr) -> ast.expr:
    if isinstance(index, ast.Starred):
        index = ast.Tuple((index,), span=index.span)
    return ast.Subscript(value, index, span=span)


@action
def bounds(span: Span, *parts: Any) -> ast.expr:
    found: list[ast.expr | None] = [None]
    for part in parts:
        if isinstance(part, Token):
            found.append(None)
        else:
            found[-1] = part
    lower, upper, step = (*found, None)[:3]
    return ast.Slice(lower, upper, step, span=span)


@action
def starred(span: Span, value: ast.expr) -> ast.expr:
    return ast.Starred(value, span=span)


@action
def double_star_argument(span: Span, value: ast.expr) -> ast.keyword:
    return ast.keyword(None, value, span=span)


@action
def keyword_argument(span: Span, name: ast.expr, value: ast.expr) -> ast.keyword:
    if not isinstance(name, ast.Name) or name.span.start != span.start:
        hint = "to compare, write =="
        raise SyntaxProblem(span, "only a plain name can stand left of '=' in a call", hint)
    return ast.keyword(name.id, value, span=span)


@action
def call(span: Span, func: ast.expr, *given: ast.expr | ast.keyword) -> ast.expr:
    names: set[str | None] = set()
    for item in given:
        if isinstance(item, ast.keyword):
            if item.arg is not None and item.arg in names:
                raise SyntaxProblem(item.span, f"keyword argument repeated: {item.arg}")
            names.add(item.arg)
        elif isinstance(item, ast.Starred) and None in names:
            raise SyntaxProblem(item.span, "iterable argument unpacking follows keyword argument unpacking")
        elif names and not isinstance(item, ast.Starred):
            unpacking = " unpacking" if None in names else ""
            raise SyntaxProblem(item.span, f"positional argument follows keyword argument{unpacking}")
    return ast.Call(
        func,
        tuple(item for item in given if isinstance(item, ast.expr)),
        tuple(item for item in given if isinstance(item, ast.keyword)),
        span=span,
    )


# Atoms


@action
def name(span: Span, token: Token) -> ast.expr:
    return ast.Name(str(token.value), span=span)


@action
def number(span: Span, token: Token) -> ast.expr:
    return ast.Constant(token.value, span=span)


@action
def none(span: Span) -> ast.expr:
    return ast.Constant(None, span=span)


@action
def true(span: Span) -> ast.expr:
    return ast.Constant(True, span=span)


@action
def false(span: Span) -> ast.expr:
    return ast.Constant(False, span=span)


@action
def ellipsis(span: Span) -> ast.expr:
    return ast.Constant(..., span=span)


@action
def group(_: Span, value: ast.expr) -> ast.expr:
    return value


@action
def tuple_(span: Span, *elts: ast.expr) -> ast.expr:
    return ast.Tuple(elts, span=span)


@action
def list_(span: Span, *elts: ast.expr) -> ast.expr:
    return ast.List(elts, span=span)


@action
def set_(span: Span, *elts: ast.expr) -> ast.expr:
    return ast.Set(elts, span=span)


Item = tuple["ast.expr | None", ast.expr]


@action
def item(_: Span, key: ast.expr, value: ast.expr) -> Item:
    return key, value


@action
def double_star_item(_: Span, value: ast.expr) -> Item:
    return None, value


@action
def dict_(span: Span, *items: Item) -> ast.expr:
    return ast.Dict(tuple(key for key, _ in items), tuple(value for _, value in items), span=span)


@action
def clause(span: Span, target: ast.expr, iterable: ast.expr, *ifs: ast.expr) -> ast.comprehension:
    return ast.comprehension(target, iterable, ifs, 0, span=span)


@action
def list_comprehension(span: Span, elt: ast.expr, *clauses: ast.comprehension) -> ast.expr:
    return ast.ListComp(elt, clauses, span=span)


@action
def set_comprehension(span: Span, elt: ast.expr, *clauses: ast.comprehension) -> ast.expr:
    return ast.SetComp(elt, clauses, span=span)


@action
def dict_comprehension(span: Span, key: ast.expr, value: ast.expr, *clauses: ast.comprehension) -> ast.expr:
    return ast.DictComp(key, value, clauses, span=span)


@action
def generator(span: Span, elt: ast.expr, *clauses: ast.comprehension) -> ast.expr:
    return ast.GeneratorExp(elt, clauses, span=span)
