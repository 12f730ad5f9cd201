"""Kernels as Python's own functions: a call costs a tenth of what it costs through ctypes.

Goes in: a kernel marked `jit.method`, which takes some records and two natural numbers (`i64`), or an `i64`, a
`Ptr[u32]` and how many items that has. Comes out: a function of CPython that takes the two numbers, or the number and
anything with a writable buffer of uint32 in one dimension; or None, where the interpreter is another one. It holds the
GIL, so that the kernel must be short. Only CPython's stable ABI is used
(https://docs.python.org/3/c-api/stable.html), and that a `bytes` object's content comes after 32 bytes. `lowering`
takes the machine code's text from here.
"""

from __future__ import annotations

import ctypes
import struct
import sys
from collections.abc import Callable
from functools import cache as once
from typing import Any

from .jit import Kernel, KernelError, Record

ASK = -2
"""What the function returns where the arguments are not such, or the kernel says so: ask in a way that explains."""
Method = Callable[[int, Any], int]

_BYTES_HEAD = 32
_FASTCALL = 0x80
_WRITABLE, _FORMAT, _CONTIGUOUS = 0x1, 0x4, 0x38
_API = (
    "PyLong_AsLongLong",
    "PyErr_Clear",
    "PyObject_GetBuffer",
    "PyBuffer_Release",
    "PyLong_FromLongLong",
)
_UINT32 = int.from_bytes(b"I\0", "little")

_HEAD = """define ptr @"{name}.call"(ptr %self, ptr %args, i64 %n) #0 {{
  %block = getelementptr i8, ptr %self, i64 {head}
{loads}
  %fits = icmp eq i64 %n, 2
  br i1 %fits, label %number, label %ask
number:
  %first = load ptr, ptr %args
  %x = call i64 %api0(ptr %first)
  %negative = icmp slt i64 %x, 0
  br i1 %negative, label %clear, label %second
"""
_BUFFER = """second:
  %buffer = alloca [10 x i64]
  %place = getelementptr i64, ptr %args, i64 1
  %other = load ptr, ptr %place
  %got = call i32 %api2(ptr %other, ptr %buffer, i32 {flags})
  %failed = icmp ne i32 %got, 0
  br i1 %failed, label %clear, label %look
look:
  %p.format = getelementptr i8, ptr %buffer, i64 40
  %format = load ptr, ptr %p.format
  %none = icmp eq ptr %format, null
  br i1 %none, label %release, label %check
check:
  %kind = load i16, ptr %format, align 1
  %p.dimensions = getelementptr i8, ptr %buffer, i64 36
  %dimensions = load i32, ptr %p.dimensions
  %p.size = getelementptr i8, ptr %buffer, i64 24
  %size = load i64, ptr %p.size
  %is.kind = icmp eq i16 %kind, {uint32}
  %is.flat = icmp eq i32 %dimensions, 1
  %is.word = icmp eq i64 %size, 4
  %both = and i1 %is.kind, %is.flat
  %all = and i1 %both, %is.word
  br i1 %all, label %run, label %release
run:
  %data = load ptr, ptr %buffer
  %p.length = getelementptr i8, ptr %buffer, i64 16
  %length = load i64, ptr %p.length
  %items = lshr i64 %length, 2
  %result = call i64 @{inner}({records}, i64 %x, ptr %data, i64 %items)
  call void %api3(ptr %buffer)
  br label %end
release:
  call void %api3(ptr %buffer)
  br label %ask
"""
"""Offsets are those of `Py_buffer`: buf 0, len 16, itemsize 24, ndim 36, format 40."""

_NUMBER = """second:
  %place = getelementptr i64, ptr %args, i64 1
  %other = load ptr, ptr %place
  %y = call i64 %api0(ptr %other)
  %lacks = icmp slt i64 %y, 0
  br i1 %lacks, label %clear, label %run
run:
  %result = call i64 @{inner}({records}, i64 %x, i64 %y)
  br label %end
"""

_TAIL = """clear:
  call void %api1()
  br label %ask
ask:
  br label %end
end:
  %told = phi i64 [ %result, %run ], [ {ask}, %ask ]
  %object = call ptr %api4(i64 %told)
  ret ptr %object
}}"""


def text(kernel: Kernel, inner: str) -> str:
    """LLVM's assembly of the function that Python calls."""
    n_records = _n_records(kernel)
    names = [f"%api{i}" for i in range(len(_API))] + [f"%record{i}" for i in range(n_records)]
    loads = [
        line
        for i, name in enumerate(names)
        for line in (f"  %at{i} = getelementptr i64, ptr %block, i64 {i}", f"  {name} = load ptr, ptr %at{i}")
    ]
    middle = _NUMBER if len(kernel.parameters) - n_records == 2 else _BUFFER
    return (_HEAD + middle + _TAIL).format(
        name=kernel.name,
        inner=inner,
        loads="\n".join(loads),
        head=_BYTES_HEAD,
        flags=_WRITABLE | _FORMAT | _CONTIGUOUS,
        uint32=_UINT32,
        records=", ".join(f"ptr %record{i}" for i in range(n_records)),
        ask=ASK,
    )


def _n_records(kernel: Kernel) -> int:
    """How many of the kernel's parameters are bound to the function."""
    return sum(isinstance(kind, type) and issubclass(kind, Record) for kind in kernel.parameters.values())


class _Definition(ctypes.Structure):
    """PyMethodDef."""

    _fields_ = (("name", ctypes.c_char_p), ("call", ctypes.c_void_p), ("flags", ctypes.c_int), ("doc", ctypes.c_char_p))


def make(kernel: Kernel, *records: Record) -> Method | None:
    """The function that runs the kernel with these records, which it keeps."""
    parts = _parts(kernel)
    if parts is None:
        return None
    if [type(record) for record in records] != list(kernel.parameters.values())[: _n_records(kernel)]:
        raise KernelError(f"{kernel.name} takes other records")
    new, definition, addresses = parts
    block = struct.pack(f"{len(_API) + len(records)}Q", *addresses, *(record.address for record in records))
    kept = definition, records  # by the function, as what it calls its module: it has their addresses only
    function: Method = new(ctypes.addressof(definition), block, kept)
    return function


@once
def _parts(kernel: Kernel) -> tuple[Any, _Definition, list[int]] | None:
    """What is the same for all functions of a kernel."""
    with_lock = getattr(sys, "_is_gil_enabled", lambda: True)()
    if sys.implementation.name != "cpython" or not with_lock or bytes.__basicsize__ != _BYTES_HEAD + 1:
        return None
    api = ctypes.pythonapi
    new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.py_object)(
        ("PyCFunction_NewEx", api)
    )
    addresses = [ctypes.cast(getattr(api, name), ctypes.c_void_p).value or 0 for name in _API]
    definition = _Definition(kernel.name.encode(), kernel.method_address, _FASTCALL, None)
    return new, definition, addresses
