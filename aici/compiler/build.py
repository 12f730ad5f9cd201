"""What the rules of `controller.lark` mean: one action for each rule or alias, which makes nodes of the syntax tree.

In: the span of what a rule matched, parentheses included, and what its parts yielded (nodes, tokens, tuples). Out: a
node. Actions are pure; what the grammar lets through and the language does not is raised as `SyntaxProblem` where the
tree would no longer show it, the rest is left to `subset`. Imported by `parse` only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

from aici.compiler import ast
from aici.compiler.lexer import Token
from aici.diagnostics import Span

ACTIONS: dict[str, Callable[..., Any]] = {}
"""Actions by the names that the grammar gives them."""


class SyntaxProblem(Exception):
    """A statement that means nothing."""

    def __init__(self, span: Span, message: str, hint: str | None = None) -> None:
        self.span = span
        self.hint = hint
        super().__init__(message)


_Action = TypeVar("_Action", bound=Callable[..., Any])


def _action(function: _Action) -> _Action:
    ACTIONS[function.__name__] = function
    return function


Block = tuple[ast.stmt, ...]


@_action
def module(span: Span, *body: ast.stmt) -> ast.Module:
    return ast.Module(body, span=span)


@_action
def block(_: Span, *body: ast.stmt) -> Block:
    return body


# Simple statements


@_action
def expression_statement(span: Span, value: ast.expr) -> ast.stmt:
    return ast.Expr(value, span=span)


@_action
def assign(span: Span, *parts: ast.expr) -> ast.stmt:
    return ast.Assign(parts[:-1], parts[-1], span=span)


@_action
def augmented(_: Span, operator: Token) -> str:
    return operator.type[:-1]


@_action
def augmented_assign(span: Span, target: ast.expr, operator: str, value: ast.expr) -> ast.stmt:
    return ast.AugAssign(target, operator, value, span=span)


@_action
def annotated_assign(span: Span, target: ast.expr, annotation: ast.expr, value: ast.expr | None = None) -> ast.stmt:
    simple = isinstance(target, ast.Name) and target.span.start == span.start
    return ast.AnnAssign(target, annotation, value, int(simple), span=span)


@_action
def return_(span: Span, value: ast.expr | None = None) -> ast.stmt:
    return ast.Return(value, span=span)


@_action
def delete(span: Span, *targets: ast.expr) -> ast.stmt:
    return ast.Delete(targets, span=span)


@_action
def raise_(span: Span, exc: ast.expr | None = None, cause: ast.expr | None = None) -> ast.stmt:
    return ast.Raise(exc, cause, span=span)


@_action
def assert_(span: Span, test: ast.expr, msg: ast.expr | None = None) -> ast.stmt:
    return ast.Assert(test, msg, span=span)


@_action
def global_(span: Span, *names: Token) -> ast.stmt:
    return ast.Global(_texts(names), span=span)


@_action
def nonlocal_(span: Span, *names: Token) -> ast.stmt:
    return ast.Nonlocal(_texts(names), span=span)


@_action
def pass_(span: Span) -> ast.stmt:
    return ast.Pass(span=span)


@_action
def break_(span: Span) -> ast.stmt:
    return ast.Break(span=span)


@_action
def continue_(span: Span) -> ast.stmt:
    return ast.Continue(span=span)


@_action
def import_(span: Span, *names: ast.alias) -> ast.stmt:
    return ast.Import(names, span=span)


@_action
def import_from(span: Span, source: str, names: tuple[ast.alias, ...]) -> ast.stmt:
    return ast.ImportFrom(source, names, 0, span=span)


@_action
def dotted_name(_: Span, *parts: Token) -> str:
    return "".join(part.type if part.type == "." else str(part.value) for part in parts)


@_action
def module_alias(span: Span, name: str, asname: Token | None = None) -> ast.alias:
    return ast.alias(name, None if asname is None else str(asname.value), span=span)


@_action
def name_alias(span: Span, name: Token, asname: Token | None = None) -> ast.alias:
    return module_alias(span, str(name.value), asname)


@_action
def star_alias(span: Span) -> ast.alias:
    return ast.alias("*", None, span=span)


@_action
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


@_action
def elif_(span: Span, test: ast.expr, body: Block) -> Elif:
    return Elif(span, test, body)


@_action
def else_(_: Span, body: Block) -> Block:
    return body


@_action
def finally_(_: Span, body: Block) -> Finally:
    return Finally(body)


@_action
def if_(span: Span, test: ast.expr, body: Block, *rest: Any) -> ast.stmt:
    orelse: Block = ()
    for clause in reversed(rest):
        if isinstance(clause, Elif):
            orelse = (ast.If(clause.test, clause.body, orelse, span=Span(clause.span.start, span.end)),)
        else:
            orelse = clause
    return ast.If(test, body, orelse, span=span)


@_action
def while_(span: Span, test: ast.expr, body: Block, orelse: Block = ()) -> ast.stmt:
    return ast.While(test, body, orelse, span=span)


@_action
def for_(span: Span, target: ast.expr, iterable: ast.expr, body: Block, orelse: Block = ()) -> ast.stmt:
    return ast.For(target, iterable, body, orelse, span=span)


@_action
def except_(span: Span, *parts: Any) -> ast.ExceptHandler:
    *caught, body = parts
    type_ = caught[0] if caught else None
    name = str(caught[1].value) if len(caught) > 1 else None
    return ast.ExceptHandler(type_, name, body, span=span)


@_action
def try_(span: Span, body: Block, *rest: Any) -> ast.stmt:
    handlers = tuple(part for part in rest if isinstance(part, ast.ExceptHandler))
    finalbody = rest[-1].body if isinstance(rest[-1], Finally) else ()
    orelse = next((part for part in rest if type(part) is tuple), ())
    return ast.Try(body, handlers, orelse, finalbody, span=span)


@_action
def function(span: Span, name: Token, args: ast.arguments, *rest: Any) -> ast.stmt:
    *returns, body = rest
    return ast.FunctionDef(str(name.value), args, body, returns[0] if returns else None, span=span)


@_action
def async_function(span: Span, name: Token, args: ast.arguments, *rest: Any) -> ast.stmt:
    *returns, body = rest
    return ast.AsyncFunctionDef(str(name.value), args, body, returns[0] if returns else None, span=span)


# Parameters


class Parameter(NamedTuple):
    """`kind` is empty, `*`, `**` or `/`; a bare `*` and a `/` have no argument."""

    span: Span
    kind: str
    arg: ast.arg | None
    default: ast.expr | None = None


@_action
def annotated(span: Span, name: Token, annotation: ast.expr | None = None) -> ast.arg:
    return ast.arg(str(name.value), annotation, span=span)


@_action
def parameter(span: Span, arg: ast.arg, default: ast.expr | None = None) -> Parameter:
    return Parameter(span, "", arg, default)


@_action
def star_parameter(span: Span, arg: ast.arg | None = None) -> Parameter:
    return Parameter(span, "*", arg)


@_action
def double_star_parameter(span: Span, arg: ast.arg) -> Parameter:
    return Parameter(span, "**", arg)


@_action
def slash(span: Span) -> Parameter:
    return Parameter(span, "/", None)


@_action
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


@_action
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


# Expressions


@_action
def conditional(span: Span, body: ast.expr, test: ast.expr, orelse: ast.expr) -> ast.expr:
    return ast.IfExp(test, body, orelse, span=span)


@_action
def lambda_(span: Span, args: ast.arguments, body: ast.expr) -> ast.expr:
    return ast.Lambda(args, body, span=span)


@_action
def walrus(span: Span, target: Token, value: ast.expr) -> ast.expr:
    return ast.NamedExpr(ast.Name(str(target.value), span=target.span), value, span=span)


@_action
def or_(span: Span, *values: ast.expr) -> ast.expr:
    return ast.BoolOp("or", values, span=span)


@_action
def and_(span: Span, *values: ast.expr) -> ast.expr:
    return ast.BoolOp("and", values, span=span)


@_action
def not_(span: Span, operand: ast.expr) -> ast.expr:
    return ast.UnaryOp("not", operand, span=span)


@_action
def compared(_: Span, *words: Token) -> str:
    return " ".join(word.type for word in words)


@_action
def compare(span: Span, left: ast.expr, *rest: Any) -> ast.expr:
    return ast.Compare(left, rest[::2], rest[1::2], span=span)


@_action
def binary(span: Span, left: ast.expr, operator: Token, right: ast.expr) -> ast.expr:
    return ast.BinOp(left, operator.type, right, span=span)


@_action
def unary(span: Span, operator: Token, operand: ast.expr) -> ast.expr:
    return ast.UnaryOp(operator.type, operand, span=span)


@_action
def await_(span: Span, value: ast.expr) -> ast.expr:
    return ast.Await(value, span=span)


@_action
def attribute(span: Span, value: ast.expr, attr: Token) -> ast.expr:
    return ast.Attribute(value, str(attr.value), span=span)


@_action
def subscript(span: Span, value: ast.expr, index: ast.expr) -> ast.expr:
    if isinstance(index, ast.Starred):
        index = ast.Tuple((index,), span=index.span)
    return ast.Subscript(value, index, span=span)


@_action
def bounds(span: Span, *parts: Any) -> ast.expr:
    found: list[ast.expr | None] = [None]
    for part in parts:
        if isinstance(part, Token):
            found.append(None)
        else:
            found[-1] = part
    lower, upper, step = (*found, None)[:3]
    return ast.Slice(lower, upper, step, span=span)


@_action
def starred(span: Span, value: ast.expr) -> ast.expr:
    return ast.Starred(value, span=span)


@_action
def double_star_argument(span: Span, value: ast.expr) -> ast.keyword:
    return ast.keyword(None, value, span=span)


@_action
def keyword_argument(span: Span, name: ast.expr, value: ast.expr) -> ast.keyword:
    if not isinstance(name, ast.Name) or name.span.start != span.start:
        hint = "to compare, write =="
        raise SyntaxProblem(span, "only a plain name can stand left of '=' in a call", hint)
    return ast.keyword(name.id, value, span=span)


@_action
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


@_action
def name(span: Span, token: Token) -> ast.expr:
    return ast.Name(str(token.value), span=span)


@_action
def number(span: Span, token: Token) -> ast.expr:
    return ast.Constant(token.value, span=span)


@_action
def none(span: Span) -> ast.expr:
    return ast.Constant(None, span=span)


@_action
def true(span: Span) -> ast.expr:
    return ast.Constant(True, span=span)


@_action
def false(span: Span) -> ast.expr:
    return ast.Constant(False, span=span)


@_action
def ellipsis(span: Span) -> ast.expr:
    return ast.Constant(..., span=span)


@_action
def group(_: Span, value: ast.expr) -> ast.expr:
    return value


@_action
def tuple_(span: Span, *elts: ast.expr) -> ast.expr:
    return ast.Tuple(elts, span=span)


@_action
def list_(span: Span, *elts: ast.expr) -> ast.expr:
    return ast.List(elts, span=span)


@_action
def set_(span: Span, *elts: ast.expr) -> ast.expr:
    return ast.Set(elts, span=span)


Item = tuple["ast.expr | None", ast.expr]


@_action
def item(_: Span, key: ast.expr, value: ast.expr) -> Item:
    return key, value


@_action
def double_star_item(_: Span, value: ast.expr) -> Item:
    return None, value


@_action
def dict_(span: Span, *items: Item) -> ast.expr:
    return ast.Dict(tuple(key for key, _ in items), tuple(value for _, value in items), span=span)


@_action
def clause(span: Span, target: ast.expr, iterable: ast.expr, *ifs: ast.expr) -> ast.comprehension:
    return ast.comprehension(target, iterable, ifs, 0, span=span)


@_action
def list_comprehension(span: Span, elt: ast.expr, *clauses: ast.comprehension) -> ast.expr:
    return ast.ListComp(elt, clauses, span=span)


@_action
def set_comprehension(span: Span, elt: ast.expr, *clauses: ast.comprehension) -> ast.expr:
    return ast.SetComp(elt, clauses, span=span)


@_action
def dict_comprehension(span: Span, key: ast.expr, value: ast.expr, *clauses: ast.comprehension) -> ast.expr:
    return ast.DictComp(key, value, clauses, span=span)


@_action
def generator(span: Span, elt: ast.expr, *clauses: ast.comprehension) -> ast.expr:
    return ast.GeneratorExp(elt, clauses, span=span)


# Strings


@_action
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


@_action
def fstring(_: Span, *parts: Any) -> list[Any]:
    return [inner for part in parts for inner in ([part] if isinstance(part, Token) else part)]


@_action
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


@_action
def spec(span: Span, *parts: Any) -> ast.JoinedStr:
    return _joined(span, fstring(span, *parts))
