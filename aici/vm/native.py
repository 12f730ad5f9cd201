"""How functions of the runtime are written and found: the registry of builtins, types, methods and modules.

A native is a Python function whose first parameter is the `Context` and whose other parameters are controller values;
its Python signature is the controller's signature (names, positional-only `/`, keyword-only, defaults, `*args` and
`**kwargs` included), checked by `calls` before the call, so that a wrong call becomes the controller's TypeError and
never Python's. The default `UNBOUND` says "not given".

    @builtin("len")
    def _len(ctx, obj, /): ...

    @constructor("int")                      # int(...)
    def _int(ctx, x=0, /, base=UNBOUND): ...

    @method("str", "upper")                  # "x".upper(), str.upper("x"); also "__len__", "__getitem__", ... of
    def _upper(ctx, self, /): ...            # the runtime's own types, which the operators look up

    @static("dict", "fromkeys")              # dict.fromkeys(...), the type itself is not passed
    def _fromkeys(ctx, iterable, value=None, /): ...

    @getter("range", "start")                # r.start; `setter` alike, with the value as third parameter
    def _start(ctx, self): ...

    @module_function("math", "sqrt")
    def _sqrt(ctx, x, /): ...

    module_value("math", "pi", math.pi)      # `settable=True` lets controllers assign it

    label = type_("Label")                   # a new type; its instances are `Object(label, {...})`

    awaitable("FixedTokens", request, result)   # what `await` does with instances of a type, see `Awaiting`

Natives charge for what they do *before* they do it: `ctx.charge(units)` for work in proportion to a size (one unit is
roughly a hundred bytes touched or one item handled), `ctx.allocate(bytes)` for what they make. They raise through
`ctx.error(kind, ...)`. Python's own ValueError, TypeError, LookupError, ArithmeticError and UnicodeError that leave a
native become the controller's exception of that class and text. They never keep the context, and never call Python's
`==`, `hash`, `str` or `repr` on a value that may be a container: see `Context.equal`, `key`, `to_str`, `to_repr`.

The machine in turn uses of the natives: `formatting.to_str(ctx, value)`, `formatting.to_repr(ctx, value)`,
`formatting.format_value(ctx, value, spec)` and `formatting.percent(ctx, template, args)` (the `%` of str and bytes);
importing `library` imports every file of natives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from inspect import CO_VARARGS, CO_VARKEYWORDS
from typing import Any, Protocol, TypeVar

from .requests import Request, Services
from .values import ExceptionValue, FunctionValue, ModuleValue, Native, Object, TypeValue, Value


class Raised(Enum):
    """How an exception came to be on its way: what the traceback and `__context__` depend on."""

    NEW = "raised here"
    PASSING = "out of a native call made here"
    AGAIN = "raised again where it was caught"


class Throw(Exception):
    """A controller's exception on its way through Python frames of the runtime: `Throw(value)`, for one raised here, or
    `Throw(value, how)`. Nothing is quicker to make than an exception of Python's that has its `args` only."""

    @property
    def value(self) -> ExceptionValue:
        value: ExceptionValue = self.args[0]
        return value

    @property
    def how(self) -> Raised:
        return self.args[1] if len(self.args) > 1 else Raised.NEW


class LimitExceeded(Exception):
    """A limit was met: it ends the process, the controller cannot catch it. `kind`: "FuelExhausted", "OutOfMemory"."""

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

    def bits(self, count: int) -> None:
        """An integer of `count` bits is about to be made; raises `LimitExceeded`."""

    def error(self, kind: str, *args: Value) -> Throw:
        """An exception of built-in class `kind` with these `args`, to be raised by the caller:
        `raise ctx.error("ValueError", "...")`, `raise ctx.error("KeyError", key)`."""

    def call(self, function: Value, args: Sequence[Value], kwargs: dict[str, Value] | None = None) -> Value:
        """Call a controller value that cannot suspend; counts against recursion."""

    def iterate(self, value: Value) -> Iterator[Value]:
        """Items of any iterable value, charged one by one."""

    def iterator(self, value: Value) -> Value:
        """`iter(value)`: an `IteratorValue`, a generator or an object with `__next__`."""

    def next_item(self, iterator: Value) -> Value:
        """Next item of what `iterator` returned, charged; `UNBOUND` once it is exhausted. TypeError for no iterator."""

    def is_iterable(self, value: Value) -> bool:
        """Whether `iterate` takes the value."""

    def enter(self, frames: int) -> None:
        """About to nest by about so many Python frames; RecursionError when they are too many, wherever the machine
        itself runs. `leave` undoes it; natives that recurse call both."""

    def leave(self, frames: int) -> None: ...

    def truth(self, value: Value) -> bool: ...

    def equal(self, a: Value, b: Value) -> bool:
        """`a == b`, metered however deep."""

    def compare(self, operator: str, a: Value, b: Value) -> Value:
        """One of isa.COMPARE_OPERATORS."""

    def binary(self, operator: str, a: Value, b: Value) -> Value:
        """One of isa.BINARY_OPERATORS."""

    def index(self, value: Value) -> int:
        """`operator.index`: an int for an int or bool, else TypeError."""

    def length(self, value: Value) -> int:
        """`len(value)`."""

    def contains(self, container: Value, item: Value) -> bool:
        """`item in container`."""

    def get_item(self, value: Value, key: Value) -> Value:
        """`value[key]`; `set_item` and `delete_item` alike."""

    def set_item(self, value: Value, key: Value, item: Value) -> None: ...

    def delete_item(self, value: Value, key: Value) -> None: ...

    def get_attribute(self, value: Value, name: str) -> Value:
        """`value.name`; AttributeError."""

    def set_attribute(self, value: Value, name: str, item: Value) -> None: ...

    def is_callable(self, value: Value) -> bool: ...

    def key(self, value: Value, container: Value = None) -> Value:
        """The value itself if it may be a dict key or set item, charged by its size, else TypeError. To be called
        before every look-up or insertion in a dict or set (with the container, if it is at hand: numbers whose hashes
        were chosen to collide are charged by its size)."""

    def to_str(self, value: Value) -> str: ...

    def to_repr(self, value: Value) -> str: ...

    def format(self, value: Value, spec: str) -> str: ...

    def type_of(self, value: Value) -> TypeValue: ...

    def function_name(self, function: FunctionValue) -> str: ...

    def output(self, text: str) -> None:
        """Print: counted against `Limits.output`, then handed to the services."""

    def start(self, main: Value, test: bool) -> None:
        """Register what is driven after the module body: a coroutine, an async function or another awaitable; with
        `test`, "TEST OK" is printed at its end. TypeError for anything else, RuntimeError for a second registration."""

    def module(self, name: str) -> ModuleValue:
        """This process's module of that dotted name, imported if need be; ImportError if there is none."""


@dataclass(frozen=True, eq=False)
class Ready:
    """Instead of a request: the await needs no suspension and has this value."""

    value: Value


@dataclass(frozen=True, eq=False)
class Awaiting:
    """What `await` does with instances of a type.

    `request(ctx, self)` makes the request with which the process suspends (or `Ready`). When the host has replied,
    `result(ctx, self, reply)` turns the reply (of the Python type that the request's docstring names; it may be shared
    with other branches, so it is copied, never kept) into the value of the await. Both may raise and may `ctx.call`.
    All that must be remembered in between lives in the instance's fields.
    """

    request: Callable[[Context, Object], Request | Ready]
    result: Callable[[Context, Object, object], Value]


@dataclass(frozen=True)
class Signature:
    """A native's parameters after the context; the positional ones first in `names`, then the keyword-only ones."""

    names: tuple[str, ...]
    n_positional: int
    n_positional_only: int
    n_required: int  # positional parameters without a default
    required_keywords: tuple[str, ...]  # keyword-only parameters without a default
    has_varargs: bool
    has_varkw: bool

    @staticmethod
    def of(function: Callable[..., Any]) -> Signature:
        code = function.__code__
        n_positional = code.co_argcount - 1
        names = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
        defaults = function.__kwdefaults__ or {}
        return Signature(
            names,
            n_positional,
            max(0, code.co_posonlyargcount - 1),
            n_positional - len(function.__defaults__ or ()),
            tuple(name for name in names[n_positional:] if name not in defaults),
            bool(code.co_flags & CO_VARARGS),
            bool(code.co_flags & CO_VARKEYWORDS),
        )


BUILTINS: dict[str, Value] = {}
"""Names that every controller sees: natives, types, exception classes."""

TYPES: dict[str, TypeValue] = {}
"""Built-in types by name; `methods` of each hold its natives."""

MODULES: dict[str, dict[str, Value]] = {}
"""Attributes of the importable modules, by dotted name; a process gets its own copy on import."""

MODULE_ALIASES: dict[str, str] = {}
"""Other names of modules: a process has one module for all names of it."""

SETTABLE: dict[str, set[str]] = {}
"""Attributes of modules that controllers may assign."""

_F = TypeVar("_F", bound=Callable[..., Any])


def native(name: str, function: Callable[..., Any]) -> Native:
    """A native as a value, registered nowhere."""
    return Native(name, function, Signature.of(function), None)


def type_(name: str, base: str = "object", shown: str = "") -> TypeValue:
    """The built-in type of that name, made if there is none; `shown` is its name in messages, if another."""
    if name not in TYPES:
        TYPES[name] = TypeValue(shown or name, None, TYPES[base] if name != "object" else None)
    return TYPES[name]


def builtin(name: str) -> Callable[[_F], _F]:
    """A function that every controller sees."""

    def register(function: _F) -> _F:
        BUILTINS[name] = native(name, function)
        return function

    return register


def builtin_value(name: str, value: Value) -> None:
    """A type or another immutable value that every controller sees."""
    BUILTINS[name] = value


def constructor(type_name: str) -> Callable[[_F], _F]:
    """What calling the type does. (Expose the type with `builtin_value` or `module_value`.)"""

    def register(function: _F) -> _F:
        TYPES[type_name].constructor = native(TYPES[type_name].name, function)
        return function

    return register


def method(type_name: str, *names: str) -> Callable[[_F], _F]:
    """A method of a built-in type; several names are synonyms."""

    def register(function: _F) -> _F:
        for name in names:
            TYPES[type_name].methods[name] = Native(name, function, Signature.of(function), TYPES[type_name])
        return function

    return register


def static(type_name: str, name: str) -> Callable[[_F], _F]:
    """A function found on the type and on its instances, which gets neither."""

    def register(function: _F) -> _F:
        TYPES[type_name].statics[name] = native(name, function)
        return function

    return register


def getter(type_name: str, name: str) -> Callable[[_F], _F]:
    """`x.name` for instances: a function of the context and x."""

    def register(function: _F) -> _F:
        TYPES[type_name].getters[name] = function
        return function

    return register


def setter(type_name: str, name: str) -> Callable[[_F], _F]:
    """`x.name = value` for instances: a function of the context, x and the value."""

    def register(function: _F) -> _F:
        TYPES[type_name].setters[name] = function
        return function

    return register


def awaitable(
    type_name: str,
    request: Callable[[Context, Object], Request | Ready],
    result: Callable[[Context, Object, object], Value],
) -> None:
    """Makes instances of a type awaitable."""
    TYPES[type_name].awaiting = Awaiting(request, result)


def module_function(module: str, name: str) -> Callable[[_F], _F]:
    """A function of an importable module."""

    def register(function: _F) -> _F:
        MODULES.setdefault(module, {})[name] = native(name, function)
        return function

    return register


def module_value(module: str, name: str, value: Value, *, settable: bool = False) -> None:
    """An immutable value of an importable module."""
    MODULES.setdefault(module, {})[name] = value
    if settable:
        SETTABLE.setdefault(module, set()).add(name)


for _name, _base in (
    ("object", ""),
    ("type", "object"),
    ("NoneType", "object"),
    ("int", "object"),
    ("bool", "int"),
    ("float", "object"),
    ("str", "object"),
    ("bytes", "object"),
    ("tuple", "object"),
    ("list", "object"),
    ("dict", "object"),
    ("dict_keys", "object"),
    ("dict_values", "object"),
    ("dict_items", "object"),
    ("set", "object"),
    ("frozenset", "object"),
    ("range", "object"),
    ("slice", "object"),
    ("function", "object"),
    ("builtin_function_or_method", "object"),
    ("method", "object"),
    ("module", "object"),
    ("coroutine", "object"),
    ("generator", "object"),
    ("list_iterator", "object"),
    ("tuple_iterator", "object"),
    ("str_iterator", "object"),
    ("bytes_iterator", "object"),
    ("range_iterator", "object"),
    ("set_iterator", "object"),
    ("dict_keyiterator", "object"),
    ("dict_valueiterator", "object"),
    ("dict_itemiterator", "object"),
    ("zip", "object"),
    ("enumerate", "object"),
    ("map", "object"),
    ("filter", "object"),
    ("reversed", "object"),
    ("callable_iterator", "object"),
):
    type_(_name, _base)
