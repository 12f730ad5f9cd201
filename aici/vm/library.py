"""Imports every file of natives, for the effect of registering them: then what a controller can call is complete."""

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
from .modules import aici_constraints, aici_generation, aici_module, aici_tokens, json_module, math_module, re_module

__all__ = [
    "aici_constraints",
    "aici_generation",
    "aici_module",
    "aici_tokens",
    "builtins",
    "builtins_iter",
    "builtins_num",
    "exceptions",
    "json_module",
    "math_module",
    "re_module",
    "types_bytes",
    "types_dict",
    "types_list",
    "types_num",
    "types_set",
    "types_str",
]
