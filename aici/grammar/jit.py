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
cache by everything that decides it. `AICIC_CPU` names another one that this one can stand for, in LLVM's words:
`AICIC_CPU=haswell`, and `generic` for the plain architecture.
This module imports no compiler; what is cached loads without one (`image`).
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import importlib.util
import os
import platform
import sys
import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from mmap import mmap
from types import FunctionType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, overload

import numpy as np

from . import cache, image

FORMAT = 5
"""Version of the calling convention and of what `lowering` makes; part of every cache key."""


class IntType:
    """A machine integer; called, it wraps a Python integer into its range."""

    def __init__(self, bits: int, signed: bool) -> None:
        self.bits = bits
        self.signed = signed
        self.name = f"{'i' if signed else 'u'}{bits}"
        self.dtype = np.dtype(f"{'' if signed else 'u'}int{bits}")

    def __call__(self, value: int) -> int:
        value &= (1 << self.bits) - 1
        return value - (1 << self.bits) if self.signed and value >> (self.bits - 1) else value

    def __repr__(self) -> str:
        return self.name


class PtrType:
    """A pointer to numbers of type `item`."""

    def __init__(self, item: IntType) -> None:
        self.item = item

    def __repr__(self) -> str:
        return f"Ptr[{self.item}]"


if TYPE_CHECKING:
    T = TypeVar("T")
    i8: TypeAlias = int
    i16: TypeAlias = int
    i32: TypeAlias = int
    i64: TypeAlias = int
    u8: TypeAlias = int
    u16: TypeAlias = int
    u32: TypeAlias = int
    u64: TypeAlias = int

    class Ptr(Generic[T]):
        @overload
        def __getitem__(self, index: int) -> T: ...
        @overload
        def __getitem__(self, index: slice) -> Ptr[T]: ...
        def __getitem__(self, index: Any) -> Any: ...
        def __setitem__(self, index: int, value: T) -> None: ...

else:
    i8, i16, i32, i64 = (IntType(bits, signed=True) for bits in (8, 16, 32, 64))
    u8, u16, u32, u64 = (IntType(bits, signed=False) for bits in (8, 16, 32, 64))

    class Ptr:
        def __class_getitem__(cls, item: IntType) -> PtrType:
            return PtrType(item)


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


_R = TypeVar("_R", bound="Record")
_Memory: TypeAlias = bytearray | mmap


class Record:
    """Fields that are passed together, packed once. A subclass names them with their types; they are given by name.
    `slots` are the packed words, one a field, which may be written where only a number changes.

    class Text(Record):
        letters: Ptr[u8]
        n: i64
    """

    constant = False
    """Whether its words stay as they are, so that there may be copies of them."""
    _kinds: dict[str, Kind] | None = None
    slots: ctypes.Array[ctypes.c_uint64]
    address: int
    _carved: tuple[Sequence[Any], Sequence[int], list[int], _Memory]
    _arrays: Callable[[], dict[str, Any]]
    _known_shape: _Shape | None = None

    def __init__(self, **fields: Any) -> None:
        kinds = self.kinds()
        if list(fields) != list(kinds):
            raise KernelError(f"{type(self).__name__} has the fields {', '.join(kinds)}, in this order")
        self.fields = fields
        packed = [_slot(value, kind, name) for (name, kind), value in zip(kinds.items(), fields.values(), strict=True)]
        self.slots = (ctypes.c_uint64 * len(packed))(*packed)
        self.address = ctypes.addressof(self.slots)

    @classmethod
    def carve(
        cls: type[_R], given: Sequence[Any], counts: Sequence[int], allocate: Callable[[int], _Memory] = bytearray
    ) -> _R:
        """A record whose first fields are `given`; each of the others points to so many zeros, all of them in one piece
        of memory: many small arrays at the price of one."""
        self = cls.__new__(cls)
        names, kinds, widths, array = cls._shape()
        packed = [_slot(value, kinds[name], name) for name, value in zip(names, given, strict=False)]
        size, offsets = 0, []
        for width, count in zip(widths[len(given) :], counts, strict=True):
            offsets.append(size)
            size += width * count + 7 & -8
        memory = allocate(size + 8)
        base = address_of_bytes(memory)
        packed += [base + offset for offset in offsets]
        self.slots = array(*packed)
        self.address = ctypes.addressof(self.slots)
        self._carved = given, counts, offsets, memory
        return self

    @classmethod
    def at(cls: type[_R], words: Sequence[ctypes.c_uint64 | int], arrays: Callable[[], dict[str, Any]]) -> _R:
        """A record of numbers and addresses; `arrays` keeps their memory alive and tells what lies there."""
        self = cls.__new__(cls)
        self.slots = cls._shape()[3](*words)
        self.address = ctypes.addressof(self.slots)
        self._arrays = arrays
        return self

    @classmethod
    def _shape(cls) -> _Shape:
        """What `carve` needs of the fields: names, kinds, bytes of an item, the type of `slots`."""
        if cls._known_shape is None:
            kinds = cls.kinds()
            widths = [kind.item.dtype.itemsize if isinstance(kind, PtrType) else 0 for kind in kinds.values()]
            cls._known_shape = list(kinds), kinds, widths, ctypes.c_uint64 * len(kinds)
        return cls._known_shape

    @cached_property
    def fields(self) -> dict[str, Any]:
        """The fields by name; pointers are arrays."""
        if hasattr(self, "_arrays"):
            return dict(zip(self.kinds(), self.slots, strict=True)) | self._arrays()
        given, counts, offsets, memory = self._carved
        kinds = self.kinds()
        fields = dict(zip(kinds, given, strict=False))
        for name, count, offset in zip(list(kinds)[len(given) :], counts, offsets, strict=True):
            kind = kinds[name]
            assert isinstance(kind, PtrType)
            fields[name] = np.frombuffer(memory, kind.item.dtype, count, offset)
        return fields

    @classmethod
    def kinds(cls) -> dict[str, Kind]:
        """Types of the fields, in order."""
        if cls._kinds is None:
            scope = vars(sys.modules[cls.__module__])
            cls._kinds = {name: _evaluate(text, scope) for name, text in cls.__annotations__.items()}
        return cls._kinds


Kind = IntType | PtrType | type[Record]
_Shape: TypeAlias = tuple[list[str], dict[str, Kind], list[int], type[ctypes.Array[ctypes.c_uint64]]]


def address_of_bytes(memory: _Memory) -> int:
    """Of memory that does not move: it is not to be resized."""
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


def _evaluate(annotation: Any, scope: dict[str, Any]) -> Any:
    return eval(annotation, scope) if isinstance(annotation, str) else annotation


def _slot(value: Any, kind: Kind, name: str) -> int:
    """The 64 bits that stand for an argument or a field."""
    if isinstance(kind, PtrType):
        return address_of(value, kind.item, name)
    if isinstance(kind, IntType):
        return int(value) & _U64
    if type(value) is not kind:
        raise KernelError(f"{name} must be a {kind.__name__}")
    return int(value.address)


def _twin_of(value: Any, kind: Kind) -> Any:
    """What the twin sees of an argument or a field."""
    if isinstance(kind, IntType):
        return int(value)
    if isinstance(kind, PtrType):
        return _View(value)
    return SimpleNamespace(**{name: _twin_of(value.fields[name], k) for name, k in kind.kinds().items()})


class KernelError(Exception):
    """A kernel's source is outside the dialect, or a call does not fit its parameters: a mistake of the project."""


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
            kinds = {name: _evaluate(text, scope) for name, text in self.function.__annotations__.items()}
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
            self._entry = _ENTRY_TYPE(_library(self.module)[self.name])
        return self._entry

    @property
    def address(self) -> int:
        """Of the native function that `entry` calls."""
        _ = self.entry
        return _library(self.module)[self.name]

    @property
    def method_address(self) -> int:
        """Of the native function that Python itself calls (`methods`)."""
        return _library(self.module)[f"{self.name}.call"]

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


def entries(kernels: Sequence[Kernel]) -> list[str]:
    """Names of the native functions that are called from outside."""
    return [k.name for k in kernels] + [f"{k.name}.call" for k in kernels if k.is_method]


class Bound:
    """A packed call. `slots` may be written between calls, by one thread at a time; the arrays are kept alive."""

    def __init__(self, kernel: Kernel, args: tuple[Any, ...]) -> None:
        kinds = kernel.parameters
        if len(args) != len(kinds):
            raise KernelError(f"{kernel.name} takes {len(kinds)} arguments, {len(args)} were given")
        packed = [_slot(value, kind, name) for (name, kind), value in zip(kinds.items(), args, strict=True)]
        self.slots = (ctypes.c_uint64 * max(1, len(packed)))(*packed)
        self.keep = args
        self._entry = kernel.entry
        self.address = ctypes.addressof(self.slots)
        self._wrap = kernel.result if kernel.result is not None and not kernel.result.signed else None

    def __call__(self) -> int:
        result = self._entry(self.address)
        return result if self._wrap is None else self._wrap(result)


_U64 = (1 << 64) - 1


def address_of(array: Any, item: IntType, name: str = "argument") -> int:
    """Address of a contiguous array's first item, after checking that its items are of type `item`."""
    if not isinstance(array, np.ndarray) or array.dtype != item.dtype or not array.flags.c_contiguous:
        raise KernelError(f"{name} must be a contiguous array of {item}")
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(array))  # type: ignore[arg-type]
    except (TypeError, ValueError):  # read-only, or empty
        return int(array.__array_interface__["data"][0])


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


# Machine code: one library for each Python module that has kernels

_LOCK = threading.Lock()
_LIBRARIES: dict[str, dict[str, int]] = {}


def _library(module: str) -> dict[str, int]:
    """Addresses of the native functions of a module's kernels."""
    with _LOCK:
        if module not in _LIBRARIES:
            _LIBRARIES[module] = _load(module)
        return _LIBRARIES[module]


def _load(module: str) -> dict[str, int]:
    kernels = list(_REGISTRY[module].values())
    form = "kernels" if image.is_served() else "objects"  # see `lowering.compile_kernels`
    name = f"{form}-{_key(kernels)}"
    code = cache.load(name)
    if code is None:
        from . import lowering

        code = lowering.compile_kernels(kernels, _processor())
        cache.store(name, code)
    if not image.is_served():
        from . import lowering

        return lowering.load_with_engine(code, entries(kernels))
    loaded = image.load(code)
    assert loaded is not None  # what `compile_kernels` made for this system
    return loaded


def _processor() -> str:
    """What to compile for, if not for this very processor."""
    return os.environ.get("AICIC_CPU", "")


def _key(kernels: list[Kernel]) -> str:
    """Of everything that decides the machine code: kernels, this Python (whose bytecode stands for the source, which
    need not be read then), the CPU, the compiler, our format."""
    digest = hashlib.blake2b(digest_size=20)
    digest.update(repr((FORMAT, sys.version_info[:2], sys.implementation.cache_tag, _compiler_version())).encode())
    digest.update(repr((platform.machine(), _processor() or _cpu())).encode())
    digest.update(identity(kernels).encode())
    return digest.hexdigest()


def identity(kernels: Sequence[Kernel]) -> str:
    """A hash of what the kernels and those that they call compute: part of the name of a file that holds results."""
    digest = hashlib.blake2b(digest_size=20)
    for k in reachable(kernels):
        digest.update(repr((k.name, k.is_method, _identity(k))).encode())
    return digest.hexdigest()


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


def _identity(k: Kernel) -> object:
    names = k.function.__code__.co_names
    constants = {n: v for n in names if isinstance(v := k.function.__globals__.get(n), int)}
    return bytecode(k.function), constants, _told(k.parameters), repr(k.result)


def _told(kinds: dict[str, Kind]) -> dict[str, object]:
    """The kinds, with the fields of records."""
    return {
        name: (kind.constant, _told(kind.kinds())) if isinstance(kind, type) else kind for name, kind in kinds.items()
    }


def bytecode(function: FunctionType) -> object:
    """What decides the meaning of a function: its code and the names and numbers that it uses."""
    code = function.__code__
    literals = [c for c in code.co_consts if isinstance(c, int)]
    return code.co_code, literals, code.co_names, code.co_varnames


def _compiler_version() -> str:
    """Which llvmlite is installed, without importing it."""
    spec = importlib.util.find_spec("llvmlite")
    if spec is None or spec.origin is None:
        return "none"
    try:
        with open(os.path.join(os.path.dirname(spec.origin), "_version.py"), "rb") as file:
            return hashlib.blake2b(file.read(), digest_size=8).hexdigest()
    except OSError:
        return "unknown"


def _cpu() -> str:
    """What the machine's first processor is and can do, in the system's own words; in LLVM's, where it is needed to
    load code anyway and where the system says nothing."""
    told = (b"model", b"vendor_id", b"cpu family", b"stepping", b"flags", b"CPU ", b"Features")
    if image.is_served():
        with contextlib.suppress(OSError), open("/proc/cpuinfo", "rb", buffering=0) as file:
            lines = file.read(1 << 13).split(b"\n\n")[0].splitlines()
            return b"\n".join(line for line in lines if line.startswith(told)).decode("latin-1")
    from . import lowering

    return " ".join(lowering.this_processor())
