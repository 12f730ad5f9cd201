"""What bytecode holds, as plain immutable data.

Goes in: the compiler's output or the decoder's. Comes out: what the verifier checks and the machine runs.
Nothing here is trusted until `verify.verify` has passed it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

Const: TypeAlias = "bool | int | float | str | bytes | tuple[Const, ...] | None"


class Instr(NamedTuple):
    """An instruction; absent operands are 0."""

    op: int
    a: int = 0
    b: int = 0


class Position(NamedTuple):
    """Where an instruction comes from: lines and columns from 1, `end_column` exclusive, all on one line."""

    line: int
    column: int
    end_column: int


class Handler(NamedTuple):
    """An exception raised at an instruction in `[start, end)` cuts the stack to `depth`, pushes the exception and goes
    to `target`. The rows of a function ascend and do not overlap: a handler that stands inside another one is the only
    one that covers its part."""

    start: int
    end: int
    target: int
    depth: int


@dataclass(frozen=True)
class Function:
    """A function's code and shape.

    Parameters occupy the first local slots in this order: positional, keyword-only, `*args`, `**kwargs`. A parameter
    that inner functions share is moved into a cell by the code itself.
    """

    name: str
    is_async: bool
    is_generator: bool
    n_positional: int  # positional parameters, positional-only ones included
    n_positional_only: int
    n_keyword_only: int
    has_varargs: bool
    has_varkw: bool
    n_defaults: int  # default values of the last positional parameters
    keyword_defaults: tuple[int, ...]  # which keyword-only parameters (index among them, ascending) have a default
    locals: tuple[str, ...]  # name of every local slot, parameters first
    cells: tuple[str, ...]  # name of every cell that the function owns
    captures: tuple[int, ...]  # cells of the enclosing function that follow the own ones, by its numbering
    max_stack: int
    code: tuple[Instr, ...]
    handlers: tuple[Handler, ...]
    positions: tuple[Position, ...]  # one an instruction

    @property
    def n_params(self) -> int:
        return self.n_positional + self.n_keyword_only + self.has_varargs + self.has_varkw


@dataclass(frozen=True)
class Automaton:
    """A constraint known at compile time: its specification and the serialised automaton of it, which is opaque here
    (`aici.grammar` reads and checks it)."""

    kind: str  # "regex" or "options"
    key: tuple[str, ...]  # the pattern alone, or the options
    data: bytes


@dataclass(frozen=True)
class Program:
    """A compiled controller. `functions[0]` is the module body: no parameters, no captures, a plain function.

    The machine keeps with it, under names that begin with an underscore, what it derives from it once.
    """

    name: str  # of the source file, for messages
    source: str | None  # the source text, for messages; absent when stripped
    consts: tuple[Const, ...]
    names: tuple[str, ...]
    functions: tuple[Function, ...]
    automata: tuple[Automaton, ...]

    def __getstate__(self) -> dict[str, object]:
        """For copies and pickles: without what is derived."""
        return {name: value for name, value in vars(self).items() if name[0] != "_"}
