"""Parameters of functions, of what the rules of `controller.lark` matched (`build`)."""

from __future__ import annotations

from typing import NamedTuple

from aici.compiler import ast
from aici.compiler.actions import SyntaxProblem, action
from aici.compiler.lexer import Token
from aici.diagnostics import Span


class Parameter(NamedTuple):
    """`kind` is empty, `*`, `**` or `/`; a bare `*` and a `/` have no argument."""

    span: Span
    kind: str
    arg: ast.arg | None
    default: ast.expr | None = None


@action
def annotated(span: Span, name: Token, annotation: ast.expr | None = None) -> ast.arg:
    return ast.arg(str(name.value), annotation, span=span)


@action
def parameter(span: Span, arg: ast.arg, default: ast.expr | None = None) -> Parameter:
    return Parameter(span, "", arg, default)


@action
def star_parameter(span: Span, arg: ast.arg | None = None) -> Parameter:
    return Parameter(span, "*", arg)


@action
def double_star_parameter(span: Span, arg: ast.arg) -> Parameter:
    return Parameter(span, "**", arg)


@action
def slash(span: Span) -> Parameter:
    return Parameter(span, "/", None)


@action
def parameters(span: Span, *given: Parameter) -> ast.arguments:
    _check_parameters(given)
    kinds = [item.kind for item in given]
    slash_at = kinds.index("/") if "/" in kinds else -1
    star_at = kinds.index("*") if "*" in kinds else len(given)
    before = [item for item in given[:star_at] if item.kind == ""]
    after = [item for item in given[star_at:] if item.kind == ""]
    return ast.arguments(
        tuple(item.arg for item in given[: max(slash_at, 0)] if item.arg),
        tuple(item.arg for item in given[slash_at + 1 : star_at] if item.kind == "" and item.arg),
        given[star_at].arg if star_at < len(given) else None,
        tuple(item.arg for item in after if item.arg),
        tuple(item.default for item in after),
        given[-1].arg if given and given[-1].kind == "**" else None,
        tuple(item.default for item in before if item.default),
        span=span,
    )


@action
def lambda_parameters(span: Span, *given: Parameter) -> ast.arguments:
    return parameters(span, *given)


def _check_parameters(given: tuple[Parameter, ...]) -> None:
    names: set[str] = set()
    seen = {"": 0, "*": 0, "**": 0, "/": 0}
    default_seen = False
    for place, item in enumerate(given):
        if problem := _misplaced(item, place, given, seen):
            raise SyntaxProblem(item.span, problem)
        if item.arg and item.arg.arg in names:
            raise SyntaxProblem(item.arg.span, f"duplicate argument '{item.arg.arg}' in function definition")
        if item.arg:
            names.add(item.arg.arg)
        if item.kind == "" and not seen["*"]:
            if default_seen and item.default is None:
                hint = "give it a default, or put it before those that have one"
                raise SyntaxProblem(item.span, "parameter without a default follows parameter with a default", hint)
            default_seen = item.default is not None
        seen[item.kind] += 1


def _misplaced(item: Parameter, place: int, given: tuple[Parameter, ...], seen: dict[str, int]) -> str | None:
    """What is wrong with the place of a parameter; `seen` counts the kinds before it."""
    if seen["**"]:
        return "arguments cannot follow var-keyword argument"
    if item.kind == "*" and seen["*"]:
        return "* argument may appear only once"
    if item.kind == "*" and item.arg is None and (place + 1 == len(given) or given[place + 1].kind != ""):
        return "named arguments must follow bare *"
    if item.kind == "/":
        if seen["/"]:
            return "/ may appear only once"
        if seen["*"]:
            return "/ must be ahead of *"
        if place == 0:
            return "at least one argument must precede /"
    return None
