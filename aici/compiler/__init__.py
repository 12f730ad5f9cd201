"""Source text to `Program`: parse, check, resolve, lower, assemble. May import `aici.grammar`, the data side of
`aici.vm` (isa, program, encode, verify) and `aici.diagnostics`; never the machine, never `aici.host`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from aici.diagnostics import DiagnosticSink, SourceFile

if TYPE_CHECKING:
    from aici.vm.program import Program


def compile_source(source: SourceFile, *, strip: bool = False) -> Program:
    """The verified program of a source; DiagnosticError with everything that is wrong with it.

    `strip` leaves the source text out: the program is smaller, and errors show no source lines.
    """
    from aici.vm.verify import verify

    from .api import ApiNames, all_nodes, check_calls, check_names
    from .constraints import embed
    from .lower import lower
    from .parse import parse
    from .resolve import resolve

    module = parse(source)
    sink = DiagnosticSink(source)
    resolution = resolve(module, sink)
    nodes = all_nodes(module)
    known = ApiNames(nodes, resolution)
    check_calls(nodes, known, sink)
    check_names(nodes, known, sink)
    automata = embed(nodes, known, sink)
    sink.raise_if_any()
    program = lower(module, resolution, source, sink, automata)
    sink.raise_if_any()
    verify(program)
    return dataclasses.replace(program, source=None) if strip else program


def compile_file(path: Path, *, strip: bool = False) -> Program:
    """The verified program of a file; DiagnosticError, or OSError if the file cannot be read."""
    from .source import read_source

    return compile_source(read_source(path), strip=strip)
