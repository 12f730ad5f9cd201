"""What each opcode does: small functions over the shared semantics, one file a subject. The table is complete."""

from __future__ import annotations

from aici.vm.isa import TABLE

from . import building, calling, operators, raising, variables
from .registry import HANDLERS, SWITCH

__all__ = ["HANDLERS", "SWITCH", "building", "calling", "operators", "raising", "variables"]

assert set(HANDLERS) == set(TABLE), "the machine must cover every opcode"
