"""Stable names of what all processes share: types, natives, and the constants and names of a program.

Goes in: the registry of natives, complete once `library` has been imported, and programs. Comes out: tables both ways,
so that a snapshot can say "the method str.join" or "constant 7". May be imported by snapshots only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from . import library
from .encode import contents
from .native import BUILTINS, MODULES, TYPES
from .program import Program
from .values import Native

DIGEST_BYTES = 16

assert library.__all__, "importing the library registers what can be named"


def _natives() -> Iterator[tuple[str, Any]]:
    yield from BUILTINS.items()
    for kind_name, kind in TYPES.items():
        yield from ((f"{kind_name}.{name}", value) for name, value in kind.methods.items())
        yield from ((f"{kind_name}.{name}", value) for name, value in kind.statics.items())
    for module_name, attrs in MODULES.items():
        yield from ((f"{module_name}.{name}", value) for name, value in attrs.items())


@lru_cache(maxsize=1)
def natives() -> dict[str, Native]:
    """Every native that can be a value, by name."""
    return {name: value for name, value in _natives() if type(value) is Native}


@lru_cache(maxsize=1)
def names() -> dict[int, str]:
    """Name of each type and native, by identity (they live as long as Python does)."""
    found = {id(value): name for name, value in reversed(natives().items())}
    found.update({id(kind): name for name, kind in TYPES.items()})
    return found


class Shared:
    """What a program gives all of its processes: `objects`, its constants and names in a fixed order; `places`, the
    first place of each by identity; `digest`, which tells programs apart."""

    __slots__ = ("digest", "objects", "places")

    def __init__(self, program: Program) -> None:
        self.objects = list(_objects(program))
        self.places: dict[int, int] = {}
        for place, value in enumerate(self.objects):
            self.places.setdefault(id(value), place)
        self.digest = hashlib.blake2b(contents(program), digest_size=DIGEST_BYTES).digest()


def _objects(program: Program) -> Iterator[Any]:
    """Names first: they are the ones that states are full of."""
    for function in program.functions:
        yield function.name
        yield from function.locals
    yield from program.names
    stack: list[Any] = list(reversed(program.consts))
    while stack:
        value = stack.pop()
        yield value
        if type(value) is tuple:
            stack.extend(reversed(value))


def shared(program: Program) -> Shared:
    """The tables of a program, made once and kept with it."""
    kept = vars(program)
    if "_shared" not in kept:
        kept["_shared"] = Shared(program)
    found: Shared = kept["_shared"]
    return found
