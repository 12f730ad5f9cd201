"""How functions of the runtime are written and found: the registry of builtins, methods and module functions.

A native is a Python function whose first parameter is the `Context` and whose other parameters are controller values;
its Python signature is the controller's signature (defaults, keyword-only, `*args` and `**kwargs` included), bound by
`machine` so that a wrong call becomes the controller's TypeError and never Python's.

    @builtin("len")
    def _len(ctx, obj, /): ...

    @method("str", "upper")
    def _upper(ctx, self, /): ...

Natives charge for what they do *before* they do it: `ctx.charge(units)` for work in proportion to a size (one unit is
roughly a hundred bytes touched or one item handled), `ctx.allocate(bytes)` for what they make. They raise through
`ctx.error(kind, message)`. They never keep the context.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from .requests import Services
from .values import ExceptionValue, Native, TypeValue, Value


class Throw(Exception):  # noqa: N818
    """A controller's exception on its way through Python frames of the runtime."""

    def __init__(self, value: ExceptionValue) -> None:
        self.value = value
        super().__init__(value.kind.name)


class LimitExceeded(Exception):  # noqa: N818
    """A limit was met. The controller cannot catch it: it ends the process. `kind`: "FuelExhausted", "OutOfMemory"..."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)


class Context(Protocol):
    """What a native may ask of the machine."""

    @property
    def services(self) -> Services: ...

    def charge(self, units: int) -> None:
        """Take fuel; raises `LimitExceeded`."""

    def allocate(self, size: int) -> None:
        """Account for `size` bytes made; raises `LimitExceeded`."""

    def error(self, kind: str, message: str) -> Throw:
        """An exception of built-in class `kind`, to be raised by the caller: `raise ctx.error("ValueError", "...")`."""

    def call(self, function: Value, args: Sequence[Value], kwargs: dict[str, Value] | None = None) -> Value:
        """Call a controller value that cannot suspend; counts against recursion."""

    def iterate(self, value: Value) -> Iterator[Value]:
        """Items of any iterable value, charged one by one."""

    def truth(self, value: Value) -> bool: ...

    def equal(self, a: Value, b: Value) -> bool:
        """`a == b`, metered however deep."""

    def compare(self, operator: str, a: Value, b: Value) -> Value:
        """One of isa.COMPARE_OPERATORS."""

    def binary(self, operator: str, a: Value, b: Value) -> Value:
        """One of isa.BINARY_OPERATORS."""

    def key(self, value: Value) -> Value:
        """The value itself if it may be a dict key or set item, charged by its size, else TypeError."""

    def to_str(self, value: Value) -> str: ...

    def to_repr(self, value: Value) -> str: ...

    def format(self, value: Value, spec: str) -> str: ...

    def type_of(self, value: Value) -> TypeValue: ...


BUILTINS: dict[str, Value] = {}
"""Names that every controller sees: natives, types, exception classes."""

TYPES: dict[str, TypeValue] = {}
"""Built-in types by name; `methods` of each hold its natives."""

MODULES: dict[str, dict[str, Value]] = {}
"""Attributes of the importable modules, by dotted name; a process gets its own copy on import."""

_F = TypeVar("_F", bound=Callable[..., Any])
