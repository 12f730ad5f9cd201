"""Reads what stands before the weights in a GGUF file: metadata (tokenizer included) and the list of tensors.

In: a path to a file of unknown origin. Out: plain values, or an `EngineError` that says what the file is instead.
Used by the tokenizer, the weights' conversion and the engines. Written here rather than taken from the `gguf`
package because that one needs 1.7 seconds for a vocabulary of 49,000 tokens, at each start; this takes 0.05.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little-endian).
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from aici.host.engines.base import EngineError

Value = bool | int | float | str | list[str] | NDArray[np.generic]
"""A metadata value; arrays of strings are lists, arrays of numbers are numpy's."""

T = TypeVar("T")

MAGIC = b"GGUF"
STRING, ARRAY = 8, 9
SCALARS = dict(
    zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "u1 i1 <u2 <i2 <u4 <i4 <f4 ? <u8 <i8 <f8".split(), strict=True)
)
"""The numeric types of a value by their number in the file."""

MAX_VALUES, MAX_TENSORS, MAX_STRINGS, MAX_DIMENSIONS = 1 << 16, 1 << 20, 1 << 24, 8
"""What a file may claim to hold; real ones are far below."""


@dataclass(frozen=True)
class Tensor:
    """`shape` as numpy has it (the last dimension is contiguous), `type` a number of ggml, `offset` from the data's
    start."""

    name: str
    shape: tuple[int, ...]
    type: int
    offset: int


@dataclass(frozen=True)
class GgufFile:
    """`values_at`: for every key, where its entry (key, type, value) begins and ends in the file."""

    path: Path
    version: int
    metadata: dict[str, Value]
    values_at: dict[str, tuple[int, int]]
    tensors: list[Tensor]
    data_offset: int

    def get(self, key: str, kind: type[T], default: T | None = None) -> T:
        """The value of a key. Raises `EngineError` where it is of another type, or missing with no default given."""
        value = self.metadata.get(key, default)
        if isinstance(value, kind):
            return value
        problem = "lacks" if value is None else "has the wrong type for"
        raise EngineError(f"{self.path} {problem} the metadata {key!r}; this model file cannot be used")


def read_gguf(path: Path) -> GgufFile:
    """Reads everything but the weights. Raises `EngineError` where there is no whole GGUF header."""
    if path.exists() and not path.is_file():  # opening a pipe would block
        raise EngineError(f"{path} is {'a directory' if path.is_dir() else 'no regular file'}; name a GGUF model file")
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if content[:4] != MAGIC:
                raise EngineError(f"{path} is no GGUF model file: it begins with {content[:8]!r}")
            return _Reader(path, content).read()
    except OSError as error:
        raise EngineError(f"cannot read the model file {path}: {error.strerror}") from None
    except ValueError:  # mmap's for a file of no bytes
        raise EngineError(f"{path} is empty; name a GGUF model file") from None
    except _Cut:
        raise EngineError(f"{path} is cut off or damaged: its header is incomplete") from None


class _Cut(Exception):
    """The content ends before what is announced, or announces nonsense."""


class _Reader:
    """A position in the content; every read checks that the bytes are there."""

    def __init__(self, path: Path, content: mmap.mmap) -> None:
        self.path = path
        self.content = content
        self.position = len(MAGIC)

    def read(self) -> GgufFile:
        version = self.integer("<I")
        if version not in (2, 3):
            raise EngineError(f"{self.path} has GGUF version {version}; only 2 and 3 (little-endian) are known")
        n_tensors = self.count(MAX_TENSORS)
        metadata: dict[str, Value] = {}
        values_at: dict[str, tuple[int, int]] = {}
        for _ in range(self.count(MAX_VALUES)):
            start = self.position
            key = self.string()
            metadata[key] = self.value(self.integer("<I"))
            values_at[key] = start, self.position
        tensors = [self.tensor() for _ in range(n_tensors)]
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or alignment <= 0 or alignment % 8:
            raise _Cut
        data_offset = -(-self.position // alignment) * alignment
        return GgufFile(self.path, version, metadata, values_at, tensors, data_offset)

    def take(self, size: int) -> bytes:
        end = self.position + size
        if end > len(self.content):
            raise _Cut
        taken = self.content[self.position : end]
        self.position = end
        return taken

    def integer(self, form: str) -> int:
        return int(struct.unpack(form, self.take(struct.calcsize(form)))[0])

    def count(self, limit: int) -> int:
        n = self.integer("<Q")
        if n > limit:
            raise _Cut
        return n

    def string(self) -> str:
        # Bytes that are no UTF-8 come back by the same error handler: token texts need not be whole characters.
        return self.take(self.integer("<Q")).decode("utf-8", "surrogateescape")

    def value(self, kind: int) -> Value:
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            return self.array(self.integer("<I"))
        value: bool | int | float = self.numbers(kind, 1)[0].item()
        return value

    def array(self, kind: int) -> Value:
        if kind == STRING:
            return self.strings(self.count(MAX_STRINGS))
        return self.numbers(kind, self.integer("<Q"))

    def strings(self, n: int) -> list[str]:
        """`n` calls of `string`, spelled out: vocabularies have hundreds of thousands."""
        content, position, end = self.content, self.position, len(self.content)
        length_at = struct.Struct("<Q").unpack_from
        found = []
        for _ in range(n):
            if position + 8 > end:
                raise _Cut
            start = position + 8
            position = start + length_at(content, position)[0]
            if position > end:
                raise _Cut
            found.append(content[start:position].decode("utf-8", "surrogateescape"))
        self.position = position
        return found

    def numbers(self, kind: int, n: int) -> NDArray[np.generic]:
        if kind not in SCALARS:
            raise _Cut
        scalar = np.dtype(SCALARS[kind])
        return np.frombuffer(self.take(n * scalar.itemsize), scalar)

    def tensor(self) -> Tensor:
        name = self.string()
        n_dimensions = self.integer("<I")
        if n_dimensions > MAX_DIMENSIONS:
            raise _Cut
        shape = tuple(self.integer("<Q") for _ in range(n_dimensions))[::-1]
        return Tensor(name, shape, self.integer("<I"), self.integer("<Q"))
