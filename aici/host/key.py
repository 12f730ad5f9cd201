"""The key by which this user's programs know their own files again: nobody else can have written them.

In: the environment variable AICIC_KEY, or a file in the user's configuration directory that is made on the first call.
Out: bytes for a keyed hash. Whoever writes or reads such files may import this module.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from pathlib import Path
from typing import Final

import platformdirs

VARIABLE: Final = "AICIC_KEY"
"""Environment variable that holds the key itself: any text of 16 characters or more."""
DIRECTORY: Final = "AICIC_CONFIG_DIR"
"""Environment variable that moves the directory of the key's file."""
_SIZE: Final = 32
_SHORTEST: Final = 16


class KeyTrouble(Exception):
    """There is no key to be had; the message says what to do."""


def user_key() -> bytes:
    """The user's key, 32 bytes. Raises `KeyTrouble`."""
    given = os.environ.get(VARIABLE)
    if given is not None:
        if len(given) < _SHORTEST:
            raise KeyTrouble(f"{VARIABLE} is too short: a key has at least {_SHORTEST} characters")
        return hashlib.blake2b(os.fsencode(given), digest_size=_SIZE).digest()
    override = os.environ.get(DIRECTORY)
    path = (Path(override).expanduser() if override else Path(platformdirs.user_config_dir("aicic"))) / "key"
    try:
        return _kept(path)
    except OSError as error:
        raise KeyTrouble(
            f"cannot keep a key at {path}: {error.strerror or error}; "
            f"set {VARIABLE}, or {DIRECTORY} to another directory"
        ) from None


def _kept(path: Path) -> bytes:
    """The key in a file; a new one if there is no file yet."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"key.{secrets.token_hex(4)}")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(_SIZE))
        try:
            with contextlib.suppress(FileExistsError):  # another process was first: its key counts
                os.link(fresh, path)
        finally:
            os.unlink(fresh)
    key = path.read_bytes()
    if len(key) != _SIZE:
        raise KeyTrouble(f"{path} holds {len(key)} bytes and no key; remove it, and files made with it are lost")
    return key
