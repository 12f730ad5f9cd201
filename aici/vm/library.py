"""Imports every file of natives, for the effect of registering them: what a controller can call is complete after it."""

from __future__ import annotations

from . import (
    builtins,
    builtins_iter,
    builtins_num,
    exceptions,
    types_bytes,
    types_dict,
    types_list,
    types_num,
    types_set,
    types_str,
)

__all__ = [
    "builtins",
    "builtins_iter",
    "builtins_num",
    "exceptions",
    "types_bytes",
    "types_dict",
    "types_list",
    "types_num",
    "types_set",
    "types_str",
]
