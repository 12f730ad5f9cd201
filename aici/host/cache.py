"""Where files that can be made again are kept: one directory of the user, moved by the variable AICIC_CACHE_DIR.

In: the name of a kind of file. Out: a directory that exists. Everybody in `aici.host` may import it.
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

VARIABLE = "AICIC_CACHE_DIR"
"""Environment variable that names the cache directory."""


def cache_directory(kind: str) -> Path:
    """The directory for files of a kind ("models"), made if need be. Raises `OSError` where that is not possible."""
    override = os.environ.get(VARIABLE)
    root = Path(override).expanduser() if override else Path(platformdirs.user_cache_dir("aicic"))
    directory = root / kind
    directory.mkdir(parents=True, exist_ok=True)
    return directory
