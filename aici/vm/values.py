"""The values that controller code handles.

`None`, bool, int, float, str, bytes, tuple, list, dict, range and slice are Python's own: fast, and harmless because
nothing reaches their Python attributes; every operation on them goes through `ops` and the method tables. All other
values are the classes of this module, plain data without behaviour. Dicts and sets keep insertion order, so that no run
depends on hash seeds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from .frame import Frame
    from .native import Awaiting, Signature

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
    """A call of an async function: not yet awaited (frame in its first instruction), running, or over (no frame)."""

    __slots__ = ("begun", "frame", "name")

    def __init__(self, name: str, frame: Frame | None) -> None:
        self.name = name
        self.frame = frame
        self.begun = False

    @staticmethod
    def of(frame: Frame) -> Coroutine:
        """The coroutine of a frame of an async function."""
        frame.owner = coroutine = Coroutine(frame.code.function.name, frame)
        return coroutine


class Generator:
    """A suspended generator; no frame once it is exhausted."""

    __slots__ = ("frame", "name", "running")

    def __init__(self, name: str, frame: Frame | None) -> None:
        self.name = name
        self.frame = frame
        self.running = False


@dataclass(frozen=True, eq=False)
class Native:
    """A function of the runtime, or with `owner` a method of that type, whose first argument must be an instance."""

    name: str
    call: Callable[..., Value]
    signature: Signature
    owner: TypeValue | None


@dataclass(eq=False)
class TypeValue:
    """A built-in type as a value: callable through `constructor`, and what `type(x)` and `isinstance` speak of.

    Filled while natives are registered (see `native.py`), constant afterwards, and so shared by all processes.
    """

    name: str
    constructor: Native | None
    base: TypeValue | None = None
    methods: dict[str, Native] = field(default_factory=dict)
    statics: dict[str, Value] = field(default_factory=dict)
    getters: dict[str, Callable[..., Value]] = field(default_factory=dict)
    setters: dict[str, Callable[..., None]] = field(default_factory=dict)
    awaiting: Awaiting | None = None
    is_exception: bool = False

    def is_subtype(self, other: TypeValue) -> bool:
        kind: TypeValue | None = self
        while kind is not None:
            if kind is other:
                return True
            kind = kind.base
        return False


class Object:
    """An instance of one of the runtime's own types (`Label`, `TokenSet`, `Match`, ...).

    `fields` holds values; those whose name starts with "#" are out of the controller's reach and may also hold a
    `bytearray`, which a fork copies. Others can be read as attributes, and assigned where the type has a setter.
    """

    __slots__ = ("fields", "kind")

    def __init__(self, kind: TypeValue, fields: dict[str, Value]) -> None:
        self.kind = kind
        self.fields = fields


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


MAX_CODE = 1 << 24
"""More than a function has instructions."""


class ExceptionValue:
    """An exception. `trace` collects the `place`s that it came by, from the raising frame outwards."""

    __slots__ = ("args", "cause", "context", "kind", "suppress_context", "trace")

    def __init__(self, kind: TypeValue, args: tuple[Value, ...]) -> None:
        self.kind = kind
        self.args = args
        self.cause: ExceptionValue | None = None
        self.context: ExceptionValue | None = None
        self.suppress_context = False
        self.trace: list[int] = []


def place(function: int, instruction: int) -> int:
    """An instruction of a program, as a number."""
    return function * MAX_CODE + instruction


class IteratorValue:
    """Base of the iterators that the machine makes: plain data (so that they can be copied and serialised half-way)."""

    __slots__ = ()


class SequenceIterator(IteratorValue):
    """Over a list, tuple, str, bytes or range, by index. A loop over it has paid for the steps below `paid`."""

    __slots__ = ("index", "paid", "sequence")

    def __init__(self, sequence: Value, index: int = 0) -> None:
        self.sequence = sequence
        self.index = index
        self.paid = 0


class ItemIterator(IteratorValue):
    """Over an object of the runtime that has a length and items by number."""

    __slots__ = ("index", "owner")

    def __init__(self, owner: Object) -> None:
        self.owner = owner
        self.index = 0


class KeysIterator(IteratorValue):
    """Over the keys of a dict or set as they were; an error once its size has changed."""

    __slots__ = ("index", "keys", "owner", "size", "what")

    def __init__(self, owner: dict[Value, Value] | SetValue, what: str) -> None:
        self.owner: Value = owner
        self.keys = list(owner.items) if isinstance(owner, SetValue) else list(owner)
        self.size = len(self.keys)
        self.index = 0
        self.what = what  # "keys", "values" or "items"


class ReversedIterator(IteratorValue):
    """Over a list, tuple, str, bytes or range backwards; `index` is the next one, -1 at the end."""

    __slots__ = ("index", "sequence")

    def __init__(self, sequence: Value, index: int) -> None:
        self.sequence = sequence
        self.index = index


class ZipIterator(IteratorValue):
    """`zip`: over tuples of the items of several iterators (made by `Context.iterator`)."""

    __slots__ = ("iterators", "strict")

    def __init__(self, iterators: list[Value], strict: bool = False) -> None:
        self.iterators = iterators
        self.strict = strict


class EnumerateIterator(IteratorValue):
    """`enumerate`: over (count, item)."""

    __slots__ = ("count", "iterator")

    def __init__(self, iterator: Value, count: int) -> None:
        self.iterator = iterator
        self.count = count


class MapIterator(IteratorValue):
    """`map`: over the results of a function on the items of several iterators."""

    __slots__ = ("function", "iterators")

    def __init__(self, function: Value, iterators: list[Value]) -> None:
        self.function = function
        self.iterators = iterators


class FilterIterator(IteratorValue):
    """`filter`: over the items that the function (or, for None, their truth) keeps."""

    __slots__ = ("function", "iterator")

    def __init__(self, function: Value, iterator: Value) -> None:
        self.function = function
        self.iterator = iterator


class CallIterator(IteratorValue):
    """`iter(function, sentinel)`: over results of the function until one equals the sentinel."""

    __slots__ = ("done", "function", "sentinel")

    def __init__(self, function: Value, sentinel: Value) -> None:
        self.function = function
        self.sentinel = sentinel
        self.done = False


class DictView:
    """`d.keys()`, `d.values()` or `d.items()`: a live view. `what` is "keys", "values" or "items"."""

    __slots__ = ("owner", "what")

    def __init__(self, owner: dict[Value, Value], what: str) -> None:
        self.owner = owner
        self.what = what
