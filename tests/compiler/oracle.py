"""CPython's syntax trees and ours in one notation, so that tests can compare them."""

import ast as cpython
from typing import Any

from aici.compiler import ast
from aici.diagnostics import SourceFile

OPERATORS = {
    "Add": "+", "Sub": "-", "Mult": "*", "Div": "/", "FloorDiv": "//", "Mod": "%", "Pow": "**", "LShift": "<<",
    "RShift": ">>", "BitAnd": "&", "BitOr": "|", "BitXor": "^", "MatMult": "@", "USub": "-", "UAdd": "+",
    "Invert": "~", "Not": "not", "Eq": "==", "NotEq": "!=", "Lt": "<", "LtE": "<=", "Gt": ">", "GtE": ">=",
    "In": "in", "NotIn": "not in", "Is": "is", "IsNot": "is not", "And": "and", "Or": "or",
}  # fmt: skip
CONVERSIONS = {-1: "", 115: "s", 114: "r", 97: "a"}
DROPPED = ("ctx", "type_comment", "kind", "type_ignores", "decorator_list", "type_params")
UNPLACED = ("Module", "arguments", "comprehension")


def ours(node: Any, placed: bool = True) -> Any:
    """A tree of ours as nested tuples: class, offsets, fields."""
    if isinstance(node, tuple):
        return tuple(ours(item, placed) for item in node)
    if not isinstance(node, ast.Node):
        return constant(node)
    name = type(node).__name__
    fields = {field: ours(getattr(node, field), placed and name != "JoinedStr") for field in type(node).__match_args__}
    span = (node.span.start, node.span.end) if placed and name not in UNPLACED else None
    return name, span, tuple(sorted(fields.items()))


def cpythons(text: str) -> Any:
    """CPython's tree of a text in the same notation; SyntaxError if it has none."""
    lines = text.splitlines(keepends=True)
    starts = [sum(map(len, lines[:i])) for i in range(len(lines) + 1)]

    def offset(line: int, column: int) -> int:
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode())

    def convert(node: Any, placed: bool = True) -> Any:
        name = type(node).__name__
        if isinstance(node, list):
            return tuple(convert(item, placed) for item in node)
        if not isinstance(node, cpython.AST):
            return constant(node)
        if name in OPERATORS:
            return OPERATORS[name]
        fields = {}
        for field in node._fields:
            if field not in DROPPED:
                fields[field] = convert(getattr(node, field), placed and name != "JoinedStr")
        if name == "FormattedValue":
            fields["conversion"] = CONVERSIONS[node.conversion]
        span = None
        if placed and name not in UNPLACED:
            span = offset(node.lineno, node.col_offset), offset(node.end_lineno, node.end_col_offset)
        return name, span, tuple(sorted(fields.items()))

    return convert(cpython.parse(text))


def constant(value: Any) -> Any:
    """A constant so that 1, 1.0 and True differ, and NaN equals itself."""
    return value if value is None or isinstance(value, str) else (type(value).__name__, repr(value))


def source(text: str) -> SourceFile:
    return SourceFile("test.py", text)
