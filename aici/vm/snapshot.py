"""A process to bytes and back, in another Python process or later: `snapshot` and `restore`.

    magic (4) · snapshot version (2) · bytecode version (2) · length of the state as it stands (4) · and before it was
    compressed (4) · key's mark (4) · digest of the program (16) · state · seal (32)

All numbers are little-endian. Larger states are compressed (zlib) where that makes them shorter. The seal is
HMAC-SHA256 under the host's key over everything before it; nothing of the state is looked at before the seal has been
found right. What comes before the state only decides how a refusal is worded. `state` says what the state holds. A
snapshot does not hold the program nor the request that the process waits on: the host has both.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
import zlib

from . import state
from .collector import paused
from .isa import VERSION as BYTECODE_VERSION
from .names import DIGEST_BYTES, shared
from .process import Process
from .program import Program

VERSION = 3
"""Moves with any change of what a state holds or how it is written (see `tests/vm/test_snapshot_format.py`)."""
MAGIC = b"\x7fAIS"
MIN_KEY = 16
"""Bytes that a key has at least."""
MAX_STATE = 64 << 20
"""Bytes of a state at most, before it is compressed."""

_COMPRESSED_FROM = 1024  # bytes; of less, compressing saves less than it costs
_HEAD = struct.Struct(f"<4sHHII4s{DIGEST_BYTES}s")
_SEAL = hashlib.sha256().digest_size


class SnapshotError(Exception):
    """Bytes that are no snapshot that we go on from; the message says why."""


class NotSnapshot(SnapshotError):
    """Not a snapshot at all."""


class WrongSnapshotVersion(SnapshotError):
    """A snapshot of another version of its own format or of bytecode."""


class TruncatedSnapshot(SnapshotError):
    """A snapshot that was cut, or to which something was added."""


class WrongKey(SnapshotError):
    """A snapshot made under another key."""


class TamperedSnapshot(SnapshotError):
    """A snapshot that is not as it was made: its seal does not fit."""


class ForeignProgram(SnapshotError):
    """A snapshot of another program's process."""


class CorruptSnapshot(SnapshotError):
    """Sealed under the right key, but no state: whoever holds the key has sealed something else."""


class SnapshotTooLarge(SnapshotError):
    """A process whose state takes more than `MAX_STATE` bytes or `state.MAX_OBJECTS` objects."""


def snapshot(process: Process, key: bytes) -> bytes:
    """The state of a process that waits on a request (or has not begun, or is over), sealed under `key`.

    `key`: at least 16 secret bytes, else ValueError. SnapshotTooLarge.
    """
    _check_key(key)
    tables = shared(process.program)
    body = state.write(process, tables)
    if body is None or len(body) > MAX_STATE:
        text = f"the state of the controller takes more than {MAX_STATE} bytes or {state.MAX_OBJECTS} objects"
        raise SnapshotTooLarge(text)
    size = len(body)
    if size >= _COMPRESSED_FROM:
        body = min(zlib.compress(body, 1), body, key=len)
    data = _HEAD.pack(MAGIC, VERSION, BYTECODE_VERSION, len(body), size, _mark(key), tables.digest) + body
    return data + hmac.digest(key, data, "sha256")


def restore(program: Program, data: bytes, key: bytes) -> Process:
    """The process that `snapshot` made these bytes of, under the same key and of an equal program.

    Safe for any bytes: one of the subclasses of SnapshotError says what is wrong with them.
    """
    _check_key(key)
    if data[: len(MAGIC)] != MAGIC[: len(data)] or not data:
        raise NotSnapshot("not a snapshot: it does not begin as one")
    if len(data) < _HEAD.size:
        raise TruncatedSnapshot(f"the snapshot ends within its header, after {len(data)} bytes")
    _, version, bytecode_version, length, size, mark, digest = _HEAD.unpack_from(data)
    if (version, bytecode_version) != (VERSION, BYTECODE_VERSION):
        made, ours = f"{version}.{bytecode_version}", f"{VERSION}.{BYTECODE_VERSION}"
        raise WrongSnapshotVersion(f"a snapshot of version {made}; this aicic goes on from version {ours}")
    if len(data) != _HEAD.size + length + _SEAL:
        raise TruncatedSnapshot(f"the snapshot has {len(data)} bytes, not {_HEAD.size + length + _SEAL}")
    if not hmac.compare_digest(mark, _mark(key)):
        raise WrongKey("the snapshot was made under another key")
    if not hmac.compare_digest(data[-_SEAL:], hmac.digest(key, data[:-_SEAL], "sha256")):
        raise TamperedSnapshot("the snapshot is not as it was made: its seal does not fit")
    tables = shared(program)
    if digest != tables.digest:
        raise ForeignProgram(f"the snapshot was made of another program than this {program.name}")
    body = _decompressed(data[_HEAD.size : -_SEAL], size)
    try:
        with paused():
            return state.read(program, tables, body)
    except state.Damage as damage:
        raise CorruptSnapshot(str(damage)) from None


def _check_key(key: bytes) -> None:
    if len(key) < MIN_KEY:
        raise ValueError(f"the key has {len(key)} bytes; it takes at least {MIN_KEY}")


def _decompressed(body: bytes, size: int) -> bytes:
    if size > MAX_STATE:
        raise CorruptSnapshot(f"the state takes more than {MAX_STATE} bytes")
    if size == len(body):
        return body
    try:
        made = zlib.decompressobj().decompress(body, size + 1)
    except zlib.error:
        raise CorruptSnapshot("the state does not decompress") from None
    if len(made) != size:
        raise CorruptSnapshot(f"the state does not decompress to {size} bytes")
    return made


def _mark(key: bytes) -> bytes:
    """Tells keys apart, and nothing else about them."""
    return hmac.digest(key, b"key of aicic snapshots", "sha256")[:4]
