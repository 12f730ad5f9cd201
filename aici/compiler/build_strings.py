"""Strings and f-strings of the syntax tree, of what the rules of `controller.lark` matched (`build`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aici.compiler import ast
from aici.compiler.actions import SyntaxProblem, action
from aici.compiler.lexer import Token
from aici.diagnostics import Span


@action
def string(span: Span, *parts: Any) -> ast.expr:
    """Literals side by side; an f-string among them comes as a list of its parts."""
    kinds = {type(part.value) if isinstance(part, Token) else list for part in parts}
    if kinds == {str}:
        return ast.Constant("".join(part.value for part in parts), span=span)
    if kinds == {bytes}:
        return ast.Constant(b"".join(part.value for part in parts), span=span)
    if bytes in kinds:
        raise SyntaxProblem(span, "cannot mix bytes and nonbytes literals")
    return _joined(span, fstring(span, *parts))


def _joined(span: Span, parts: Iterable[Token | ast.Constant | ast.FormattedValue]) -> ast.JoinedStr:
    """An f-string of pieces of text and fields; texts that meet become one."""
    values: list[ast.expr] = []
    text, where = "", span
    for part in parts:
        if not isinstance(part, ast.FormattedValue):
            where = where.to(part.span) if text else part.span
            text += str(part.value)
            continue
        if text:
            values.append(ast.Constant(text, span=where))
        values.append(part)
        text = ""
    if text:
        values.append(ast.Constant(text, span=where))
    return ast.JoinedStr(tuple(values), span=span)


@action
def fstring(_: Span, *parts: Any) -> list[Any]:
    return [inner for part in parts for inner in ([part] if isinstance(part, Token) else part)]


@action
def field(span: Span, value: ast.expr, *rest: Token | ast.JoinedStr) -> list[ast.expr]:
    conversion, format_spec, debug = "", None, None
    for part in rest:
        if isinstance(part, ast.JoinedStr):
            format_spec = part
        elif part.type == "FIELD_CONVERSION":
            conversion = str(part.value)
        else:
            debug = ast.Constant(part.value, span=Span(span.start + 1, part.end))
    if debug is None:
        return [ast.FormattedValue(value, conversion, format_spec, span=span)]
    if not conversion and format_spec is None:
        conversion = "r"
    return [debug, ast.FormattedValue(value, conversion, format_spec, span=span)]


@action
def spec(span: Span, *parts: Any) -> ast.JoinedStr:
    return _joined(span, fstring(span, *parts))
