"""The types that kernels' parameters and records' fields have (`jit`), for type checkers and for the compiler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, overload

import numpy as np


class KernelError(Exception):
    """A kernel's source is outside the dialect, or a call does not fit its parameters: a mistake of the project."""


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
