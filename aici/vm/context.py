"""The machine as natives see it (`native.Context`): every semantic operation, delegated to the file that has it.

`Machine` adds the running of frames. May be imported by the machine only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from . import arithmetic, attributes, compare, formatting, iterate, keys, subscript
from .accounts import Accounts
from .calls import PYTHON_ERRORS
from .memory import LIST_ITEM, OBJECT
from .native import BUILTINS, MODULE_ALIASES, MODULES, SETTABLE, TYPES, LimitExceeded, Throw
from .requests import Services
from .values import (
    BoundMethod,
    Coroutine,
    ExceptionValue,
    FunctionValue,
    Generator,
    ModuleValue,
    Native,
    Object,
    TypeValue,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Sized

    from .native import Awaiting
    from .process import Process

NATIVE_DEPTH = 600
"""Python frames that natives, comparisons and the like may nest (`enter`), well below Python's own limit of 1000."""


class Runtime(Accounts, ABC):
    """What natives may ask of the machine, but for calls."""

    def __init__(self, process: Process, services: Services) -> None:
        super().__init__(process)
        self.services = services
        self.globals = process.globals
        self.depth = 0

    def enter(self, frames: int) -> None:
        """About to nest by about so many Python frames; RecursionError when they are too many. `leave` undoes it."""
        self.depth += frames
        if self.depth > NATIVE_DEPTH:
            self.depth -= frames
            raise self.too_deep()

    def leave(self, frames: int) -> None:
        self.depth -= frames

    @abstractmethod
    def call(self, function: Value, args: Sequence[Value], kwargs: dict[str, Value] | None = None) -> Value:
        """Call a value from Python: a nested run of frames where it is a controller's function."""

    @abstractmethod
    def resume(self, generator: Generator) -> Value:
        """The next item of a generator, UNBOUND at its end."""

    # --- errors ---

    def error(self, kind: str, *args: Value) -> Throw:
        self.allocate(2 * OBJECT)
        return Throw(ExceptionValue(TYPES[kind], args))

    def too_deep(self) -> Throw:
        """The exception for too many frames, wherever that is found out."""
        return self.error("RecursionError", "maximum recursion depth exceeded")

    def translate(self, error: Exception) -> Throw:
        """The controller's exception for one of Python's own: of the nearest class that the controller knows."""
        for kind in type(error).__mro__:
            if kind in PYTHON_ERRORS or kind.__name__ in BUILTINS:
                return self.error(kind.__name__, str(error))
        return self.error("Exception", str(error))

    # --- iteration ---

    def iterate(self, value: Value) -> Iterator[Value]:
        return iterate.items_of(self, value)

    def list_of(self, value: Value) -> list[Value]:
        """The items of an iterable, accounted for."""
        mark, self.mark = self.mark, self.memory + self.freed
        items: list[Value] = []
        for item in self.iterate(value):
            self.allocate(LIST_ITEM)
            items.append(item)
        self.mark = mark
        return items

    def iterator(self, value: Value) -> Value:
        return iterate.make_iterator(self, value)

    def next_item(self, iterator: Value) -> Value:
        return iterate.advance(self, iterator)

    def is_iterable(self, value: Value) -> bool:
        return iterate.is_iterable(value)

    # --- operators ---

    def truth(self, value: Value) -> bool:
        return compare.truth(self, value)

    def equal(self, a: Value, b: Value) -> bool:
        return compare.equal(self, a, b)

    def compare(self, operator: str, a: Value, b: Value) -> Value:
        return compare.COMPARE[operator](self, a, b)

    def binary(self, operator: str, a: Value, b: Value) -> Value:
        return arithmetic.BINARY[operator](self, a, b)

    def contains(self, container: Value, item: Value) -> bool:
        return compare.contains(self, container, item)

    def key(self, value: Value, container: Sized | None = None) -> Value:
        return keys.key(self, value, container)

    def index(self, value: Value) -> int:
        if type(value) is int or type(value) is bool:
            return value
        name = attributes.type_of(value).name
        raise self.error("TypeError", f"'{name}' object cannot be interpreted as an integer")

    def length(self, value: Value) -> int:
        return subscript.length(self, value)

    def get_item(self, value: Value, key: Value) -> Value:
        return subscript.get_item(self, value, key)

    def set_item(self, value: Value, key: Value, item: Value) -> None:
        subscript.set_item(self, value, key, item)

    def delete_item(self, value: Value, key: Value) -> None:
        subscript.delete_item(self, value, key)

    # --- attributes and types ---

    def get_attribute(self, value: Value, name: str) -> Value:
        return attributes.get_attribute(self, value, name)

    def set_attribute(self, value: Value, name: str, item: Value) -> None:
        attributes.set_attribute(self, value, name, item)

    def type_of(self, value: Value) -> TypeValue:
        return attributes.type_of(value)

    def is_callable(self, value: Value) -> bool:
        if type(value) is Object:
            return attributes.special_method(value, "__call__") is not None
        return type(value) in (FunctionValue, Native, BoundMethod, TypeValue)

    def function_name(self, function: FunctionValue) -> str:
        return self.process.program.functions[function.index].name

    # --- text ---

    def to_str(self, value: Value) -> str:
        return formatting.to_str(self, value)

    def to_repr(self, value: Value) -> str:
        return formatting.to_repr(self, value)

    def convert(self, value: Value, conversion: str) -> Value:
        return formatting.convert(self, value, conversion)

    def format(self, value: Value, spec: str) -> str:
        return formatting.format_value(self, value, spec)

    # --- the process ---

    def output(self, text: str) -> None:
        self.charge(len(text) >> 7)
        self.process.output += len(text)
        if self.process.output > self.limits.output:
            raise LimitExceeded("OutputTooLong", f"the controller printed more than {self.limits.output} characters")
        self.services.log(text)

    def module(self, name: str) -> ModuleValue:
        name = MODULE_ALIASES.get(name, name)
        module = self.process.modules.get(name)
        if module is None:
            if name not in MODULES:
                raise self.error("ModuleNotFoundError", f"No module named '{name}'")
            module = ModuleValue(name, dict(MODULES[name]), frozenset(SETTABLE.get(name, ())))
            self.process.modules[name] = module
        return module

    def start(self, main: Value, test: bool) -> None:
        function = self.process.program.functions[main.index] if type(main) is FunctionValue else None
        is_async = function is not None and function.is_async
        if not is_async and type(main) is not Coroutine and self.awaiting(main) is None:
            name = attributes.type_of(main).name
            raise self.error("TypeError", f"a coroutine or an async function was expected, got '{name}'")
        if self.process.main is not None:
            raise self.error("RuntimeError", "the controller was started already")
        self.process.main = main
        self.process.test = test

    def awaiting(self, value: Value) -> Awaiting | None:
        """How `await` goes about an instance of a runtime's type; None for anything else."""
        kind: TypeValue | None = value.kind if type(value) is Object else None
        while kind is not None:
            if kind.awaiting is not None:
                return kind.awaiting
            kind = kind.base
        return None
