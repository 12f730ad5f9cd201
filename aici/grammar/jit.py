"""Kernels: small typed Python functions that run as native code.

    @kernel
    def count(items: Ptr[u8], n: i64, wanted: i64) -> i64:
        found = 0
        for i in range(n):
            if items[i] == wanted:
                found += 1
        return found

    count(array, len(array), 3)          # native, the GIL released
    count.python(array, len(array), 3)   # the same source as plain Python: the slow twin

Scalars are `i64` or `u64`; `Ptr[T]` points to numbers of any type and is a contiguous numpy array outside. `p[i:]` is
a pointer i items on. A value keeps what Python would give it: what may wrap says so, `u64(a * b)`, and `u64` arithmetic
has to; `i64` arithmetic must not overflow; a store must fit its item or be cut, `p[i] = u8(x)`; no negative index, no
division by zero. Statements: assignment, augmented assignment, while, for over range, if, break, continue, return.
Expressions: integers, arithmetic, comparisons, and/or/not, conditional, min, max, subscripts, `ones`,
`trailing_zeros`, calls of kernels, `copy_words`, `clear_words` (and `_on`) and `publish`. Names
of the module stand for constants (integers) and kernels. No recursion. What many kernels need together is a `Record`:
its fields are read as `record.field` and do not change while a kernel runs.

The kernels of one Python module become one piece of machine code for this machine's CPU (`lowering`), kept in the
cache by everything that decides it (`libraries`). `AICIC_CPU` names another one that this one can stand for, in LLVM's
words: `AICIC_CPU=haswell`, and `generic` for the plain architecture. Nothing here imports the compiler; what is cached
loads without it (`image`).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import cached_property
from types import FunctionType, SimpleNamespace
from typing import Any

from .kinds import IntType, KernelError, Ptr, PtrType, i8, i16, i32, i64, u8, u16, u32, u64
from .records import Kind, Record, evaluate, slot

__all__ = [
    "KernelError",
    "Ptr",
    "Record",
    "clear_words",
    "clear_words_on",
    "copy_words",
    "copy_words_on",
    "i8",
    "i16",
    "i32",
    "i64",
    "kernel",
    "method",
    "ones",
    "publish",
    "trailing_zeros",
    "u8",
    "u16",
    "u32",
    "u64",
]
"""What sources of kernels import."""


def ones(bits: int) -> int:
    """How many bits of a u64 are set."""
    return bin(bits).count("1")


def trailing_zeros(bits: int) -> int:
    """The number of the lowest bit that is set in a u64 other than 0."""
    return (bits & -bits).bit_length() - 1


def copy_words(out: Ptr[u32], row: Ptr[u32], n: int) -> None:
    """Copy `n` items as quickly as this processor can; they may not overlap."""
    for w in range(n):
        out[w] = row[w]


def clear_words(out: Ptr[u32], n: int) -> None:
    """Write `n` zeros."""
    for w in range(n):
        out[w] = 0


def copy_words_on(out: Ptr[u32], row: Ptr[u32], n: int) -> None:
    """As `copy_words`, one of many rows: what lies behind `out` is written next, and brought near meanwhile."""
    copy_words(out, row, n)


def clear_words_on(out: Ptr[u32], n: int) -> None:
    """As `clear_words`, one of many rows."""
    clear_words(out, n)


def publish() -> None:
    """What was written before is seen by every thread that finds its place in what is written from here on."""


def _twin_of(value: Any, kind: Kind) -> Any:
    """What the twin sees of an argument or a field."""
    if isinstance(kind, IntType):
        return int(value)
    if isinstance(kind, PtrType):
        return _View(value)
    return SimpleNamespace(**{name: _twin_of(value.fields[name], k) for name, k in kind.kinds().items()})


class Kernel:
    """A function of the dialect. Calling it runs native code, compiled (or loaded from the cache) on first use."""

    def __init__(self, function: FunctionType, is_method: bool = False) -> None:
        self.function = function
        self.is_method = is_method
        self.name = function.__name__
        self.module = function.__module__
        self.__doc__ = function.__doc__
        _REGISTRY.setdefault(self.module, {})[self.name] = self
        self._entry: Callable[[int], int] | None = None
        self._twin: Callable[..., Any] | None = None
        self._signature: tuple[dict[str, Kind], IntType | None] | None = None

    @property
    def parameters(self) -> dict[str, Kind]:
        return self._resolve()[0]

    @property
    def result(self) -> IntType | None:
        return self._resolve()[1]

    def _resolve(self) -> tuple[dict[str, Kind], IntType | None]:
        if self._signature is None:
            scope = self.function.__globals__
            kinds = {name: evaluate(text, scope) for name, text in self.function.__annotations__.items()}
            result = kinds.pop("return", None)
            names = self.function.__code__.co_varnames[: self.function.__code__.co_argcount]
            if list(kinds) != list(names):
                raise KernelError(f"{self.name}: every parameter needs a type")
            self._signature = kinds, result
        return self._signature

    @property
    def entry(self) -> Callable[[int], int]:
        """The native function: takes the address of one 64-bit slot for each parameter. Releases the GIL."""
        if self._entry is None:
            self._entry = _ENTRY_TYPE(self._library()[self.name])
        return self._entry

    def _library(self) -> dict[str, int]:
        from .libraries import library

        return library(self.module)

    @property
    def address(self) -> int:
        """Of the native function that `entry` calls."""
        _ = self.entry
        return self._library()[self.name]

    @property
    def method_address(self) -> int:
        """Of the native function that Python itself calls (`methods`)."""
        return self._library()[f"{self.name}.call"]

    def __call__(self, *args: Any) -> int:
        """Run natively. Arrays must be contiguous numpy arrays of the parameter's item type."""
        return self.bind(*args)()

    def quickly(self, *slots: int) -> int:
        """Run natively what has a result that is signed or small. The arguments are packed already: numbers, and the
        addresses of records."""
        packed = self._slots_type(*slots)
        return (self._entry or self.entry)(ctypes.addressof(packed))

    @cached_property
    def _slots_type(self) -> type[ctypes.Array[ctypes.c_uint64]]:
        return ctypes.c_uint64 * len(self.parameters)

    def bind(self, *args: Any) -> Bound:
        """The call with these arguments, packed once so that it can be repeated cheaply."""
        return Bound(self, args)

    @property
    def python(self) -> Callable[..., Any]:
        """The slow twin: the same source run by Python, which also checks bounds and ranges of every access."""
        if self._twin is None:
            plain = _plain(self.function)
            kinds = list(self.parameters.values())

            def twin(*args: Any) -> Any:
                return plain(*(_twin_of(a, kind) for a, kind in zip(args, kinds, strict=True)))

            self._twin = twin
        return self._twin


_REGISTRY: dict[str, dict[str, Kernel]] = {}
_ENTRY_TYPE = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)


def kernel(function: Callable[..., Any]) -> Kernel:
    """Make a function of the dialect a kernel."""
    assert isinstance(function, FunctionType)
    return Kernel(function)


def method(function: Callable[..., Any]) -> Kernel:
    """A kernel that can be had as a function of Python's own (`methods`)."""
    assert isinstance(function, FunctionType)
    return Kernel(function, is_method=True)


def registered(module: str) -> list[Kernel]:
    """The kernels that a Python module defines."""
    return list(_REGISTRY[module].values())


def entries(kernels: Sequence[Kernel]) -> list[str]:
    """Names of the native functions that are called from outside."""
    return [k.name for k in kernels] + [f"{k.name}.call" for k in kernels if k.is_method]


class Bound:
    """A packed call. `slots` may be written between calls, by one thread at a time; the arrays are kept alive."""

    def __init__(self, kernel: Kernel, args: tuple[Any, ...]) -> None:
        kinds = kernel.parameters
        if len(args) != len(kinds):
            raise KernelError(f"{kernel.name} takes {len(kinds)} arguments, {len(args)} were given")
        packed = [slot(value, kind, name) for (name, kind), value in zip(kinds.items(), args, strict=True)]
        self.slots = (ctypes.c_uint64 * max(1, len(packed)))(*packed)
        self.keep = args
        self._entry = kernel.entry
        self.address = ctypes.addressof(self.slots)
        self._wrap = kernel.result if kernel.result is not None and not kernel.result.signed else None

    def __call__(self) -> int:
        result = self._entry(self.address)
        return result if self._wrap is None else self._wrap(result)


class _View:
    """An array as the twin sees it: no negative index, no access past the end, no store that does not fit."""

    __slots__ = ("items",)

    def __init__(self, array: Any) -> None:
        self.items = memoryview(array if array.ndim == 1 else array.reshape(-1))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            if not 0 <= index.start <= len(self.items):
                raise IndexError(index.start)
            rest = object.__new__(_View)
            rest.items = self.items[index]
            return rest
        if index < 0:
            raise IndexError(index)
        return self.items[index]

    def __setitem__(self, index: int, value: int) -> None:
        if index < 0:
            raise IndexError(index)
        self.items[index] = value


def _plain(function: FunctionType) -> FunctionType:
    """The function with the kernels that it calls replaced by plain functions."""
    scope = dict(function.__globals__)
    for name in function.__code__.co_names:
        if isinstance(scope.get(name), Kernel):
            scope[name] = _plain(scope[name].function)
    return FunctionType(function.__code__, scope, function.__name__)


def reachable(kernels: Sequence[Kernel]) -> list[Kernel]:
    """The kernels and all that they call, callees first. Refuses recursion."""
    order: dict[Kernel, bool] = {}

    def visit(k: Kernel) -> None:
        if k in order:
            if not order[k]:
                raise KernelError(f"{k.name} calls itself")
            return
        order[k] = False
        for name in k.function.__code__.co_names:
            callee = k.function.__globals__.get(name)
            if isinstance(callee, Kernel):
                visit(callee)
        order[k] = True
        order[k] = order.pop(k)  # to the end: after what it calls

    for k in kernels:
        visit(k)
    return list(order)


def bytecode(function: FunctionType) -> object:
    """What decides the meaning of a function: its code and the names and numbers that it uses."""
    code = function.__code__
    literals = [c for c in code.co_consts if isinstance(c, int)]
    return code.co_code, literals, code.co_names, code.co_varnames
