"""The values that controller code handles.

`None`, bool, int, float, str, bytes, tuple, list, dict, range and slice are Python's own: fast, and harmless because
nothing reaches their Python attributes; every operation on them goes through `ops` and the method tables. All other
values are the classes of this module, plain data without behaviour. Dicts and sets keep insertion order, so that no run
depends on hash seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from .frame import Frame

Value: TypeAlias = Any
"""Any controller value. (A union of all of them would say no more: code on it dispatches on `type(value)`.)"""


class _Unbound:
    __slots__ = ()

    def __repr__(self) -> str:
        return "<unbound>"


UNBOUND = _Unbound()
"""Content of an unbound local or cell; never on the stack."""


class Cell:
    """A variable shared between functions."""

    __slots__ = ("value",)

    def __init__(self, value: Value = UNBOUND) -> None:
        self.value = value


class SetValue:
    """A set in insertion order (keys of `items`); `frozen` ones are hashable and never change."""

    __slots__ = ("frozen", "items")

    def __init__(self, items: dict[Value, None], frozen: bool = False) -> None:
        self.items = items
        self.frozen = frozen

    def __hash__(self) -> int:
        return hash(frozenset(self.items))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SetValue) and self.items.keys() == other.items.keys()


class FunctionValue:
    """A function of the controller: code and what it closed over."""

    __slots__ = ("cells", "defaults", "index", "keyword_defaults")

    def __init__(
        self, index: int, defaults: tuple[Value, ...], keyword_defaults: dict[str, Value], cells: tuple[Cell, ...]
    ) -> None:
        self.index = index
        self.defaults = defaults
        self.keyword_defaults = keyword_defaults
        self.cells = cells


class Coroutine:
    """A call of an async function, not yet awaited (frame in its first instruction), running, or finished (no frame)."""

    __slots__ = ("frame", "name")

    def __init__(self, name: str, frame: Frame | None) -> None:
        self.name = name
        self.frame = frame


class Generator:
    """A suspended generator; no frame once it is exhausted."""

    __slots__ = ("frame", "name", "running")

    def __init__(self, name: str, frame: Frame | None) -> None:
        self.name = name
        self.frame = frame
        self.running = False


@dataclass(frozen=True, eq=False)
class Native:
    """A function of the runtime. `call(ctx, *args)`; see `native.py` for how arguments are bound."""

    name: str
    call: Callable[..., Value]
    signature: Any


@dataclass(frozen=True, eq=False)
class TypeValue:
    """A built-in type as a value: callable through `constructor`, and what `type(x)` and `isinstance` speak of."""

    name: str
    constructor: Native | None
    base: TypeValue | None = None
    methods: dict[str, Native] = field(default_factory=dict)
    is_exception: bool = False

    def is_subtype(self, other: TypeValue) -> bool:
        kind: TypeValue | None = self
        while kind is not None:
            if kind is other:
                return True
            kind = kind.base
        return False


class BoundMethod:
    """`receiver.method` as a value."""

    __slots__ = ("method", "receiver")

    def __init__(self, receiver: Value, method: Native) -> None:
        self.receiver = receiver
        self.method = method


class ModuleValue:
    """An imported module. Each process has its own; attributes in `settable` may be assigned."""

    __slots__ = ("attrs", "name", "settable")

    def __init__(self, name: str, attrs: dict[str, Value], settable: frozenset[str] = frozenset()) -> None:
        self.name = name
        self.attrs = attrs
        self.settable = settable


class ExceptionValue:
    """An exception. `trace` collects (function index, instruction index) from the raising frame outwards."""

    __slots__ = ("args", "cause", "context", "kind", "suppress_context", "trace")

    def __init__(self, kind: TypeValue, args: tuple[Value, ...]) -> None:
        self.kind = kind
        self.args = args
        self.cause: ExceptionValue | None = None
        self.context: ExceptionValue | None = None
        self.suppress_context = False
        self.trace: list[tuple[int, int]] = []


class IteratorValue:
    """Base of the iterators that the machine makes: plain data (so that they can be copied and serialised half-way)."""

    __slots__ = ()


class SequenceIterator(IteratorValue):
    """Over a list, tuple, str, bytes or range, by index."""

    __slots__ = ("index", "sequence")

    def __init__(self, sequence: Value, index: int = 0) -> None:
        self.sequence = sequence
        self.index = index


class KeysIterator(IteratorValue):
    """Over the keys of a dict or set as they were; an error once its size has changed."""

    __slots__ = ("index", "keys", "owner", "size", "what")

    def __init__(self, owner: dict[Value, Value] | SetValue, what: str) -> None:
        self.owner = owner
        self.keys = list(owner.items) if isinstance(owner, SetValue) else list(owner)
        self.size = len(self.keys)
        self.index = 0
        self.what = what  # "keys", "values" or "items"


NativeIterator: TypeAlias = Iterator[Value]
