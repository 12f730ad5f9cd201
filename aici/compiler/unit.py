"""What the functions of one compilation share: the pools of constants and names, and the numbering of functions.

Goes in: constants, names, function nodes. Comes out: their indices. Only `lower` and its parts use it.
"""

from __future__ import annotations

from aici.diagnostics import DiagnosticSink, SourceFile
from aici.vm.program import Const

from .resolve import Resolution
from .scopes import FunctionNode


class Unit:
    def __init__(self, source: SourceFile, resolution: Resolution, sink: DiagnosticSink) -> None:
        self.source = source
        self.resolution = resolution
        self.sink = sink
        self.consts: list[Const] = []
        self.names: list[str] = []
        self.functions: list[FunctionNode] = []
        self._const_index: dict[object, int] = {}
        self._name_index: dict[str, int] = {}
        self._function_index: dict[FunctionNode, int] = {}

    def const(self, value: Const) -> int:
        key = _identity(value)
        if key not in self._const_index:
            self._const_index[key] = len(self.consts)
            self.consts.append(value)
        return self._const_index[key]

    def name(self, name: str) -> int:
        if name not in self._name_index:
            self._name_index[name] = len(self.names)
            self.names.append(name)
        return self._name_index[name]

    def function(self, node: FunctionNode) -> int:
        """The number of a function; one that is new here is lowered after those before it."""
        if node not in self._function_index:
            self._function_index[node] = len(self.functions)
            self.functions.append(node)
        return self._function_index[node]


def _identity(value: Const) -> object:
    """Equal for constants that are the same, not merely equal: 1, 1.0 and True differ, and so do 0.0 and -0.0."""
    if isinstance(value, tuple):
        return tuple(map(_identity, value))
    if isinstance(value, float):
        return float, value.hex()
    return type(value), value
