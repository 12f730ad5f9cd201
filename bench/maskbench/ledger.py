"""Results as they come, on file, so that a run that is cut off goes on where it was.

Goes in: a name and what to measure. Comes out: what was measured, now or before. A file is of one run: the same
engines, sources and options; its first line says which.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from maskbench.walk import Walk

_PACKAGES = ("llguidance", "xgrammar", "outlines-core", "glrmask")
_ROOT = Path(__file__).parents[2]


class Ledger:
    """Results by name; without a path they are only in memory."""

    def __init__(self, path: Path | None, options: dict[str, Any]) -> None:
        """`options`: whatever changes results. Ends the program if the file is of another run."""
        self._known: dict[str, Any] = {}
        self._path = path
        if path is None:
            return
        run = {"sources": _sources(), "packages": _versions(), "options": options}
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        if not lines:
            path.write_text(json.dumps(run) + "\n", encoding="utf-8")
            return
        if _entry(lines[0]) != run:
            raise SystemExit(f"{path} holds results of other sources, packages or options: remove it or name another")
        whole = [entry for entry in map(_entry, lines[1:]) if entry is not None]
        self._known = dict(whole)
        # What was cut off within a line goes, so that the next line begins on its own.
        path.write_text("".join(json.dumps(entry) + "\n" for entry in [run, *whole]), encoding="utf-8")

    def get(self, name: str, make: Callable[[], Any]) -> Any:
        """What is known under a name, else what `make` returns (plain data), which is kept at once."""
        if name not in self._known:
            self._known[name] = value = make()
            if self._path is not None:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps([name, value]) + "\n")
        return self._known[name]

    def has(self, name: str) -> bool:
        return name in self._known


def _entry(line: str) -> Any:
    """What a line holds; None for one that was cut off."""
    try:
        return json.loads(line)
    except ValueError:
        return None


def _sources() -> str:
    """A hash of what is measured and of what measures."""
    digest = hashlib.blake2b(digest_size=12)
    for file in sorted([*_ROOT.glob("aici/**/*.py"), *_ROOT.glob("bench/maskbench/*.py")]):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "none"
    return found


def to_plain(walk: Walk, with_masks: bool) -> dict[str, Any]:
    """A walk as plain data."""
    masks = [_packed(mask) for mask in walk.masks] if with_masks else []
    return {"times": dict(walk.times), "masks": masks, "failure": walk.failure}


def from_plain(data: dict[str, Any]) -> Walk:
    found = Walk(masks=[_unpacked(text) for text in data["masks"]], failure=data["failure"])
    found.times.update(data["times"])
    return found


def all_from_plain(data: Sequence[dict[str, Any]]) -> list[Walk]:
    return [from_plain(walk) for walk in data]


def _packed(mask: np.ndarray[Any, Any]) -> str:
    return base64.b64encode(zlib.compress(mask.tobytes(), 1)).decode()


def _unpacked(text: str) -> np.ndarray[Any, Any]:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint32)
