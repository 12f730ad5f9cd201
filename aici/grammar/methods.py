"""Kernels as Python's own functions: a call costs a tenth of what it costs through ctypes.

Goes in: a kernel marked `jit.method`, which takes some records and two natural numbers (`i64`), or an `i64`, a pointer
and how many items that has. Comes out: a function of CPython that takes the two numbers, or the number and anything
with a buffer in one dimension, of bytes to be read for `Ptr[u8]`, of uint32 to be written for `Ptr[u32]`; or None,
where the interpreter is another one. It holds the GIL, so that the kernel must be short. Where the arguments are not
such, or the kernel's result is less than 0, another function is called with them, which explains or takes longer. Only
CPython's stable ABI is used (https://docs.python.org/3/c-api/stable.html), and that a `bytes` object's content comes
after 32 bytes. `lowering` takes the machine code's text from here.

What a function needs lies in one block, what every call needs first: between two calls a model has had the caches, and
each line of them costs a tenth of a microsecond then.
"""

from __future__ import annotations

import ctypes
import struct
import sys
from collections.abc import Callable
from functools import cache as once
from typing import Any

from .jit import Kernel
from .kinds import KernelError, PtrType
from .records import Record

ASK = -2
"""A kernel's result where another function is to be asked, and that of `ask`."""
Method = Callable[[int, Any], int]


def ask(state: int, what: object) -> int:
    """For a function to call that has none to ask, or in place of one that cannot be."""
    return ASK


_BYTES_HEAD = 32
_FASTCALL = 0x80
_WRITABLE, _FORMAT, _CONTIGUOUS = 0x1, 0x4, 0x38
_BUFFERS = {"u32": (4, b"I\0", _WRITABLE), "u8": (1, b"B\0", 0)}
"""Bytes of an item, its format in a buffer, whether it is written."""
_FIRST_API = "PyLong_AsLongLong", "PyLong_FromLongLong", "PyObject_GetBuffer", "PyBuffer_Release"
_LAST_API = "PyErr_Clear", "PyObject_CallFunctionObjArgs"

_HEAD = """define ptr @"{name}.call"(ptr %self, ptr %args, i64 %n) #0 {{
  %block = getelementptr i8, ptr %self, i64 {head}
{loads}
  %fits = icmp eq i64 %n, 2
  br i1 %fits, label %number, label %refuse
number:
  %first = load ptr, ptr %args
  %place = getelementptr i64, ptr %args, i64 1
  %other = load ptr, ptr %place
  %x = call i64 %PyLong_AsLongLong(ptr %first)
  %negative = icmp slt i64 %x, 0
  br i1 %negative, label %clear, label %second
"""
_BUFFER = """second:
  %buffer = alloca [10 x i64]
  %got = call i32 %PyObject_GetBuffer(ptr %other, ptr %buffer, i32 {flags})
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
  %is.kind = icmp eq i16 %kind, {format}
  %is.flat = icmp eq i32 %dimensions, 1
  %is.word = icmp eq i64 %size, {width}
  %both = and i1 %is.kind, %is.flat
  %all = and i1 %both, %is.word
  br i1 %all, label %run, label %release
run:
  %data = load ptr, ptr %buffer
  %p.length = getelementptr i8, ptr %buffer, i64 16
  %length = load i64, ptr %p.length
  %items = udiv i64 %length, {width}
  %result = call i64 @{inner}({records}, i64 %x, ptr %data, i64 %items)
  call void %PyBuffer_Release(ptr %buffer)
  br label %end
release:
  call void %PyBuffer_Release(ptr %buffer)
  br label %ask
"""
"""Offsets are those of `Py_buffer`: buf 0, len 16, itemsize 24, ndim 36, format 40."""

_NUMBER = """second:
  %y = call i64 %PyLong_AsLongLong(ptr %other)
  %below = icmp slt i64 %y, 0
  br i1 %below, label %clear, label %run
run:
  %result = call i64 @{inner}({records}, i64 %x, i64 %y)
  br label %end
"""

_TAIL = """end:
  %unsure = icmp slt i64 %result, 0
  br i1 %unsure, label %ask, label %tell
tell:
  %object = call ptr %PyLong_FromLongLong(i64 %result)
  ret ptr %object
clear:
{clear}
  call void %PyErr_Clear()
  br label %ask
ask:
  br label %hand
refuse:
  br label %hand
hand:
  %one = phi ptr [ %first, %ask ], [ null, %refuse ]
  %two = phi ptr [ %other, %ask ], [ null, %refuse ]
{otherwise}
{call}
  %answer = call ptr (ptr, ...) %PyObject_CallFunctionObjArgs(ptr %otherwise, ptr %one, ptr %two, ptr null)
  ret ptr %answer
}}"""


def text(kernel: Kernel, inner: str) -> str:
    """LLVM's assembly of the function that Python calls."""
    loads, place = [], 0
    records = _records(kernel)
    for name in _FIRST_API:
        loads += _loaded(name, place)
        place += 1
    for i, kind in enumerate(records):
        if kind.constant:
            loads.append(f"  %record{i} = getelementptr i64, ptr %block, i64 {place}")
            place += len(kind.kinds())
        else:
            loads += _loaded(f"record{i}", place)
            place += 1
    last = [_loaded(name, place + i) for i, name in enumerate(("otherwise", *_LAST_API))]
    second = list(kernel.parameters.values())[len(records) + 1]
    width, form, access = _BUFFERS[repr(second.item)] if isinstance(second, PtrType) else (0, b"", 0)
    return (_HEAD + (_BUFFER if width else _NUMBER) + _TAIL).format(
        name=kernel.name,
        inner=inner,
        loads="\n".join(loads),
        otherwise="\n".join(last[0]),
        clear="\n".join(last[1]),
        call="\n".join(last[2]),
        head=_BYTES_HEAD,
        width=width,
        format=int.from_bytes(form, "little"),
        flags=access | _FORMAT | _CONTIGUOUS,
        records=", ".join(f"ptr %record{i}" for i in range(len(records))),
    )


def _loaded(name: str, place: int) -> list[str]:
    return [f"  %at{place} = getelementptr i64, ptr %block, i64 {place}", f"  %{name} = load ptr, ptr %at{place}"]


def _records(kernel: Kernel) -> list[type[Record]]:
    """Those of the kernel's parameters that are bound to the function."""
    return [kind for kind in kernel.parameters.values() if isinstance(kind, type) and issubclass(kind, Record)]


class _Definition(ctypes.Structure):
    """PyMethodDef."""

    _fields_ = (("name", ctypes.c_char_p), ("call", ctypes.c_void_p), ("flags", ctypes.c_int), ("doc", ctypes.c_char_p))


def make(kernel: Kernel, *records: Record, otherwise: Method) -> Method | None:
    """The function that runs the kernel with these records, which it keeps, or calls `otherwise`."""
    parts = _parts(kernel)
    if parts is None:
        return None
    new, definition, kinds, first, last = parts
    if [type(record) for record in records] != kinds:
        raise KernelError(f"{kernel.name} takes other records")
    words = b"".join(bytes(r.slots) if r.constant else struct.pack("Q", r.address) for r in records)
    block = first + words + struct.pack("Q", id(otherwise)) + last
    kept = definition, records, otherwise  # by the function, as what it calls its module: it has their addresses only
    function: Method = new(ctypes.addressof(definition), block, kept)
    return function


@once
def _parts(kernel: Kernel) -> tuple[Any, _Definition, list[type[Record]], bytes, bytes] | None:
    """What is the same for all functions of a kernel."""
    with_lock = getattr(sys, "_is_gil_enabled", lambda: True)()
    if sys.implementation.name != "cpython" or not with_lock or bytes.__basicsize__ != _BYTES_HEAD + 1:
        return None
    api = ctypes.pythonapi
    new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.py_object)(
        ("PyCFunction_NewEx", api)
    )
    first, last = (
        b"".join(struct.pack("Q", ctypes.cast(getattr(api, name), ctypes.c_void_p).value or 0) for name in names)
        for names in (_FIRST_API, _LAST_API)
    )
    definition = _Definition(kernel.name.encode(), kernel.method_address, _FASTCALL, None)
    return new, definition, _records(kernel), first, last
