"""Files that spare work on the next start: machine code, vocabulary tables.

Goes in: a name, bytes. Comes out: the same bytes, or None. A cache file is used only if it belongs to this user, nobody
else may write it, and its checksum holds; anything else counts as absent. Nothing here ever raises: a read-only or full
disk only costs time. Everybody in the project may import this module.

The directory is `$AICIC_CACHE_DIR`, else the user's cache directory for "aicic".
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys

_MAGIC = b"AICICACH"
_HEADER = len(_MAGIC) + hashlib.blake2b().digest_size
_FOREIGN_WRITABLE = stat.S_IWGRP | stat.S_IWOTH
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""A link is not followed, and a pipe not waited for."""
LIMIT = 1 << 30
"""Bytes; a larger file is not ours."""


def directory() -> str:
    """Where cache files lie; it need not exist yet."""
    chosen = os.environ.get("AICIC_CACHE_DIR")
    if chosen:
        return chosen
    import platformdirs  # 6 ms that a set variable spares

    return platformdirs.user_cache_dir("aicic", appauthor=False)


def load(name: str) -> bytes | None:
    """What was last stored under `name` (a plain file name), or None."""
    try:
        descriptor = os.open(os.path.join(directory(), name), _READ)
    except (OSError, ValueError):
        return None
    try:
        with open(descriptor, "rb") as file:
            if not _is_ours(os.fstat(descriptor)):
                return None
            data = file.read()
    except (OSError, MemoryError):
        return None
    payload = memoryview(data)[_HEADER:]
    if data[: len(_MAGIC)] != _MAGIC or data[len(_MAGIC) : _HEADER] != _digest(name, payload):
        return None
    return payload.tobytes()


def store(name: str, payload: bytes) -> bool:
    """Keep `payload` under `name`, replacing what was there in one step. False if that was not possible."""
    folder = directory()
    target = os.path.join(folder, name)
    temporary = f"{target}.{os.getpid()}.{os.urandom(6).hex()}"
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with open(descriptor, "wb") as file:
                file.write(_MAGIC + _digest(name, payload))
                file.write(payload)
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    except (OSError, ValueError):
        return False
    return True


def _digest(name: str, payload: bytes | memoryview) -> bytes:
    """Bound to the name, so that a file under another's name counts as damaged."""
    digest = hashlib.blake2b(name.encode() + b"\0")
    digest.update(payload)
    return digest.digest()


def _is_ours(status: os.stat_result) -> bool:
    if not stat.S_ISREG(status.st_mode) or not _HEADER <= status.st_size <= LIMIT:
        return False
    if sys.platform == "win32":
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & _FOREIGN_WRITABLE
