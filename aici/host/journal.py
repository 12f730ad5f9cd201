"""The file of a run: its beginning, then one record after the other of what came from outside while it ran.

    magic (4) · version (2) · purpose (1) · frames, the first of which is the header
    frame: length (LEB128) · payload · tag (8)

A frame's tag is a hash of all payloads up to it, keyed: by the user's key in a checkpoint, which only who wrote it may
go on with; by a constant in a recording, which is made to be handed around. A file comes into being whole, by renaming,
and from then on only grows, a frame a `write`: a process killed at any moment leaves a file whose last frame may be
cut, and nothing worse. Readers leave a cut frame out and refuse any other damage.

In: records. Out: a file; or from a file, records. Everything read is checked and nothing in it is executed here.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import struct
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from aici.vm.program import Const
from aici.vm.wire import Damage, Reader, Writer

from .key import user_key

MAGIC: Final = b"\x7fAIJ"
VERSION: Final = 1
CHECKPOINT: Final = b"C"
RECORDING: Final = b"R"
MAX_FILE: Final = 1 << 30
"""Bytes of a file that is read."""
MAX_HEADER: Final = 64 << 20
"""Bytes of the header after decompression."""

_TAG: Final = 8
_OPEN_KEY: Final = b"anybody may write recordings"


class JournalError(Exception):
    """A file that cannot be used, or a run that is not the one in the file; the message says why."""


class OtherModel(JournalError):
    """The run was made with another model."""


@dataclass(frozen=True, slots=True)
class Why:
    """What was known when a token was sampled: how many tokens the mask allowed, how much of the model's probability
    (at temperature 1) it removed, and the likeliest allowed tokens with their probabilities, the sampled one first."""

    allowed: int
    removed: float
    likely: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A token was sampled. The other fields hold the run to its recording: the branch, the number of the request that
    it answers (`Known` tells its text), tokens of the branch, pieces printed by it, changes of the variables so far."""

    branch: int
    token: int
    request: int
    length: int
    printed: int
    version: int
    why: Why | None = None


@dataclass(frozen=True, slots=True)
class Odd:
    """What came of a call (counted from 1) that did not go as calls usually go: an error, of a class, or a value."""

    call: int
    error: str
    value: Const


@dataclass(frozen=True, slots=True)
class Known:
    """What something from outside answers, for good: a tokenizer, a constraint."""

    key: tuple[Const, ...]
    value: Const


@dataclass(frozen=True, slots=True)
class Over:
    """The run came to its end; digests of the parts of its result by name."""

    digests: tuple[tuple[str, str], ...]


Record: TypeAlias = Chosen | Odd | Known | Over
Header: TypeAlias = "dict[str, Const]"

_CHOSEN, _EXPLAINED, _ODD, _KNOWN, _PACKED, _OVER = range(6)
_LARGE: Final = 200  # bytes of an answer that are worth compressing


class Journal:
    """A file being written. `write` takes effect at once: the bytes are with the system when it returns."""

    def __init__(self, file: BinaryIO, key: bytes, tag: bytes) -> None:
        self._file = file
        self._key = key
        self._tag = tag

    @classmethod
    def create(cls, path: Path, purpose: bytes, header: Header) -> Journal:
        """A new file, in place of what is there. Raises `OSError`, `KeyTrouble`, and `JournalError` if another process
        uses it."""
        key = _key(purpose)
        start = MAGIC + VERSION.to_bytes(2, "little") + purpose
        packed = zlib.compress(_const(tuple(header.items())), 9)
        frame, tag = _frame(packed, key, start)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        file = os.fdopen(handle, "wb", buffering=0)
        try:
            _lock(file, path)
            _write_all(file, start + frame)
            os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            file.close()
            os.unlink(name)
            raise
        return cls(file, key, tag)

    def write(self, record: Record) -> None:
        """Append a record. Raises `OSError`."""
        frame, self._tag = _frame(_pack(record), self._key, self._tag)
        _write_all(self._file, frame)

    def close(self) -> None:
        """Has the file reach the disk."""
        if not self._file.closed:
            os.fsync(self._file.fileno())
            self._file.close()


@dataclass(frozen=True)
class Contents:
    """A file that was read. `end`: where the last whole frame ends; `size`: where the file does."""

    path: Path
    purpose: bytes
    header: Header
    records: list[Record]
    end: int
    size: int
    tag: bytes

    @property
    def finished(self) -> bool:
        """Whether the run came to its end."""
        return any(isinstance(record, Over) for record in self.records)

    def go_on(self) -> Journal:
        """The same file, to be written on; a cut frame at its end is dropped. Raises as `Journal.create`."""
        file = open(self.path, "r+b", buffering=0)  # noqa: SIM115 - the journal keeps it
        try:
            _lock(file, self.path)
            if os.fstat(file.fileno()).st_size != self.size:
                raise JournalError(f"{self.path} has just been written by another process")
            file.truncate(self.end)
            file.seek(self.end)
        except BaseException:
            file.close()
            raise
        return Journal(file, _key(self.purpose), self.tag)


def read(path: Path, purposes: bytes = CHECKPOINT + RECORDING) -> Contents:
    """What a file holds, up to a cut frame at its end. Raises `OSError`, `KeyTrouble`, and `JournalError` for a file
    that is of none of the purposes, damaged, or written with another key."""
    data = _bytes(path)
    start = data[:7]
    if start[:4] != MAGIC[: len(start)] or not start:
        raise JournalError(f"{path} is no checkpoint and no recording")
    purpose = start[6:]
    if len(start) < 7 or purpose not in (CHECKPOINT, RECORDING):
        raise JournalError(f"{path} is damaged in its first bytes")
    version = int.from_bytes(start[4:6], "little")
    if version != VERSION:
        raise JournalError(f"{path} is of version {version}; this aicic reads version {VERSION}")
    if purpose not in purposes:
        wanted, found = ("checkpoint", "recording") if purpose == RECORDING else ("recording", "checkpoint")
        raise JournalError(f"{path} is a {found} and no {wanted}")
    key = _key(purpose)
    payloads, end, tag = _frames(path, data, key, start)
    if not payloads:
        raise JournalError(f"{path} ends within its header")
    try:
        header = _header(payloads[0])
        records = [_unpack(payload) for payload in payloads[1:]]
    except (Damage, ValueError, zlib.error) as error:
        raise JournalError(f"{path} is damaged: {error}") from None
    return Contents(path, purpose, header, records, end, len(data), tag)


def _bytes(path: Path) -> bytes:
    with open(path, "rb") as file:
        data = file.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise JournalError(f"{path} is longer than {MAX_FILE >> 20} MiB")
    return data


def _key(purpose: bytes) -> bytes:
    return user_key() if purpose == CHECKPOINT else _OPEN_KEY


def _lock(file: BinaryIO, path: Path) -> None:
    """Nobody else may write the file as long as this process has it open; the system knows when a process dies."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise JournalError(f"{path} is in use by another process") from None


def _write_all(file: BinaryIO, data: bytes) -> None:
    while data:
        data = data[file.write(data) :]


# --- frames ---


def _frame(payload: bytes, key: bytes, before: bytes) -> tuple[bytes, bytes]:
    """The bytes of a frame, and its tag; `before` is the tag of the one before."""
    writer = Writer()
    writer.bytes_(payload)
    tag = _hash(payload, key, before)
    return bytes(writer.data) + tag, tag


def _hash(payload: bytes, key: bytes, before: bytes) -> bytes:
    return hashlib.blake2b(before + payload, digest_size=_TAG, key=key).digest()


def _frames(path: Path, data: bytes, key: bytes, start: bytes) -> tuple[list[bytes], int, bytes]:
    """The payloads of all whole frames, where they end, and the last one's tag."""
    reader, tag, end = Reader(data), start, len(start)
    reader.offset = end
    payloads: list[bytes] = []
    while end < len(data):
        try:
            payload = reader.bytes_()
            found = reader.take(_TAG)
        except Damage:
            break  # cut
        wanted = _hash(payload, key, tag)
        if found != wanted:
            if len(data.rstrip(b"\0")) < reader.offset:
                break  # cut, and filled up with zeros: what a file system may leave when its machine loses power
            if not payloads and start[6:] == CHECKPOINT:
                raise JournalError(f"{path} is damaged, or was written by another user: the key does not fit")
            raise JournalError(f"{path} is damaged at byte {end}")
        payloads.append(payload)
        tag, end = found, reader.offset
    return payloads, end, tag


# --- records ---


def _const(value: Const) -> bytes:
    writer = Writer()
    writer.const(value)
    return bytes(writer.data)


def _header(payload: bytes) -> Header:
    stream = zlib.decompressobj()
    items = Reader(stream.decompress(payload, MAX_HEADER)).const()
    if not isinstance(items, tuple) or not stream.eof:
        raise ValueError("the header holds no table")
    header: Header = {}
    for item in items:
        if not isinstance(item, tuple) or len(item) != 2 or not isinstance(item[0], str):
            raise ValueError("the header holds no table")
        header[item[0]] = item[1]
    return header


def _pack(record: Record) -> bytes:
    writer = Writer()
    match record:
        case Chosen():
            _pack_chosen(writer, record)
        case Odd():
            writer.uint(_ODD)
            writer.uint(record.call)
            writer.text(record.error)
            writer.const(record.value)
        case Known():
            answer = _const((record.key, record.value))
            packed = len(answer) > _LARGE
            writer.uint(_PACKED if packed else _KNOWN)
            writer.data += zlib.compress(answer, 1) if packed else answer
        case Over():
            writer.uint(_OVER)
            writer.const(record.digests)
    return bytes(writer.data)


def _pack_chosen(writer: Writer, record: Chosen) -> None:
    why = record.why
    writer.uint(_CHOSEN if why is None else _EXPLAINED)
    for value in (record.branch, record.token, record.request, record.length, record.printed, record.version):
        writer.uint(value)
    if why is not None:
        writer.uint(why.allowed)
        writer.data += struct.pack("<f", why.removed)
        writer.uint(len(why.likely))
        for token, probability in why.likely:
            writer.uint(token)
            writer.data += struct.pack("<f", probability)


def _unpack(payload: bytes) -> Record:
    reader = Reader(payload)
    kind = reader.uint()
    if kind not in _READ:
        raise reader.damage(f"{kind} is no kind of record")
    record = _READ[kind](reader)
    if reader.offset != len(payload):
        raise reader.damage("a record goes on after its end")
    return record


def _read_chosen(reader: Reader) -> Chosen:
    uint = reader.uint
    return Chosen(uint(), uint(), uint(), uint(), uint(), uint())


def _read_explained(reader: Reader) -> Chosen:
    chosen = _read_chosen(reader)
    allowed, removed = reader.uint(), _float(reader)
    likely = tuple((reader.uint(), _float(reader)) for _ in range(reader.count()))
    return replace(chosen, why=Why(allowed, removed, likely))


def _float(reader: Reader) -> float:
    return float(struct.unpack("<f", reader.take(4))[0])


def _read_odd(reader: Reader) -> Odd:
    return Odd(reader.uint(), reader.text(), reader.const())


def _read_known(reader: Reader) -> Known:
    pair = reader.const()
    if not isinstance(pair, tuple) or len(pair) != 2 or not isinstance(pair[0], tuple) or not pair[0]:
        raise reader.damage("an answer has no question")
    return Known(pair[0], pair[1])


def _read_packed(reader: Reader) -> Known:
    stream = zlib.decompressobj()
    contents = stream.decompress(reader.take(len(reader.data) - reader.offset), MAX_HEADER)
    return _read_known(Reader(contents))


def _read_over(reader: Reader) -> Over:
    digests = reader.const()
    if not isinstance(digests, tuple):
        raise reader.damage("an end holds no digests")
    pairs: list[tuple[str, str]] = []
    for pair in digests:
        match pair:
            case (str(name), str(digest)):
                pairs.append((name, digest))
            case _:
                raise reader.damage("an end holds no digests")
    return Over(tuple(pairs))


_READ: Final[dict[int, Callable[[Reader], Record]]] = {
    _CHOSEN: _read_chosen,
    _EXPLAINED: _read_explained,
    _ODD: _read_odd,
    _KNOWN: _read_known,
    _PACKED: _read_packed,
    _OVER: _read_over,
}
