"""Machine code: one library for each Python module that has kernels, compiled once and kept in the cache.

Goes in: a module's name. Comes out: the addresses of its kernels' native functions. The name of a cached file tells
everything that decides the code: the kernels, this Python (whose bytecode stands for the source, which need not be read
then), the processor, the compiler, our format. `jit` asks on first use of a kernel.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import platform
import sys
import threading
from collections.abc import Sequence

from . import cache, image
from .jit import Kernel, bytecode, entries, reachable, registered
from .records import Kind

FORMAT = 5
"""Version of the calling convention and of what `lowering` makes; part of every cache key."""

_LOCK = threading.Lock()
_LIBRARIES: dict[str, dict[str, int]] = {}


def library(module: str) -> dict[str, int]:
    """Addresses of the native functions of a module's kernels."""
    with _LOCK:
        if module not in _LIBRARIES:
            _LIBRARIES[module] = _load(module)
        return _LIBRARIES[module]


def _load(module: str) -> dict[str, int]:
    kernels = registered(module)
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


def _identity(k: Kernel) -> object:
    names = k.function.__code__.co_names
    constants = {n: v for n in names if isinstance(v := k.function.__globals__.get(n), int)}
    return bytecode(k.function), constants, _told(k.parameters), repr(k.result)


def _told(kinds: dict[str, Kind]) -> dict[str, object]:
    """The kinds, with the fields of records."""
    return {
        name: (kind.constant, _told(kind.kinds())) if isinstance(kind, type) else kind for name, kind in kinds.items()
    }


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
