"""Syntax tree to `Program`: one function after the other, from the outside in.

Goes in: a checked tree and its scopes. Comes out: a program, not yet verified.
"""

from __future__ import annotations

from collections.abc import Iterable

from aici.diagnostics import DiagnosticSink, SourceFile, Span
from aici.vm.isa import Op
from aici.vm.program import Automaton, Function, Program
from aici.vm.verify import MAX_INSTRUCTIONS, MAX_SLOTS, MAX_STACK, MAX_WORK, verification_work

from . import ast
from .lower_stmt import MAX_LENGTH, Statements, TooLong
from .resolve import Resolution
from .scopes import FunctionNode, Storage, parameters
from .unit import Unit


def lower(
    module: ast.Module,
    resolution: Resolution,
    source: SourceFile,
    sink: DiagnosticSink,
    automata: Iterable[Automaton] = (),
) -> Program:
    """The program of a module; what cannot be expressed goes to the sink, and then the program is of no use."""
    unit = Unit(source, resolution, sink)
    unit.function(module)
    functions = []
    for node in unit.functions:  # grows on the way
        try:
            functions.append(_function(unit, node))
        except TooLong as error:
            sink.error(
                error.statement.span,
                f"the function takes more than {MAX_LENGTH} instructions",
                "divide it; every way out of a try repeats its finally",
            )
            break
    program = Program(
        name=source.name,
        source=source.text,
        consts=tuple(unit.consts),
        names=tuple(unit.names),
        functions=tuple(functions),
        automata=tuple(automata),
    )
    n_instructions = sum(len(function.code) for function in functions)
    if n_instructions > MAX_INSTRUCTIONS or verification_work(program) > MAX_WORK:
        sink.error(Span(0, 0), f"the program is too large: {n_instructions} instructions", "divide it into controllers")
    return program


_NO_PARAMETERS = ast.arguments((), (), None, (), (), None, (), span=Span(0, 0))
_ITERATOR = ast.arguments((ast.arg(".0", None, span=Span(0, 0)),), (), None, (), (), None, (), span=Span(0, 0))


def _function(unit: Unit, node: FunctionNode) -> Function:
    statements = Statements(unit, node)
    layout, code = statements.layout, statements.code
    _lower_body(statements, node)
    if isinstance(node, ast.Module):
        name, args = "<module>", _NO_PARAMETERS
    elif isinstance(node, ast.GeneratorExp):
        name, args = "<genexpr>", _ITERATOR
    else:
        name, args = "<lambda>" if isinstance(node, ast.Lambda) else node.name, node.args
    _check_size(statements, name)
    instructions, handlers, positions = code.finish()
    return Function(
        name=name,
        is_async=isinstance(node, ast.AsyncFunctionDef),
        is_generator=isinstance(node, ast.GeneratorExp),
        n_positional=len(args.posonlyargs) + len(args.args),
        n_positional_only=len(args.posonlyargs),
        n_keyword_only=len(args.kwonlyargs),
        has_varargs=args.vararg is not None,
        has_varkw=args.kwarg is not None,
        n_defaults=len(args.defaults),
        keyword_defaults=tuple(index for index, default in enumerate(args.kw_defaults) if default),
        locals=tuple(layout.locals),
        cells=tuple(layout.cells),
        captures=tuple(layout.captures),
        max_stack=code.max_depth,
        code=instructions,
        handlers=handlers,
        positions=positions,
    )


def _lower_body(statements: Statements, node: FunctionNode) -> None:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        _move_parameters(statements, node.args)
    if isinstance(node, ast.Lambda):
        statements.expr(node.body)
        statements.code.emit(Op.RETURN, span=node.body.span)
        return
    if isinstance(node, ast.GeneratorExp):
        statements.generator_body(node)
    else:
        statements.body(node.body)
    end = Span(node.span.end, node.span.end)
    statements.const(None, end)
    statements.code.emit(Op.RETURN, span=end)


def _move_parameters(statements: Statements, args: ast.arguments) -> None:
    """Parameters that inner functions share move into their cells."""
    for slot, parameter in enumerate(parameters(args)):
        variable = statements.scope.variables[parameter.arg]
        if variable.storage is Storage.CELL:
            statements.code.emit(Op.LOAD_LOCAL, slot, span=parameter.span)
            statements.code.emit(Op.STORE_CELL, variable.slot, span=parameter.span)


def _check_size(statements: Statements, name: str) -> None:
    layout = statements.layout
    slots = max(len(layout.locals), len(layout.cells) + len(layout.captures))
    for count, limit, what in (
        (slots, MAX_SLOTS, "variables"),
        (statements.code.max_depth, MAX_STACK, "values at the same time"),
    ):
        if count > limit:
            statements.unit.sink.error(
                statements.node.span, f"{name} handles {count} {what}; the limit is {limit}", "divide it"
            )
