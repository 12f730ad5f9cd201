"""The controller's `aici` (also `pyaici.server`): entry points, labels, `log_level`, and what a later version brings.

Its other parts are `aici_tokens` and `aici_generation`. `aici/__init__.py` holds the same names, typed and documented,
for editors; a test keeps the two equal.
"""

from __future__ import annotations

from aici import _LATER
from aici.vm.native import (
    MODULE_ALIASES,
    Context,
    Throw,
    constructor,
    method,
    module_function,
    module_value,
    native,
    type_,
)
from aici.vm.values import Object, Value

from .aici_tokens import all_so_far, detokenized, replaced_text

MODULE_ALIASES["pyaici.server"] = "aici"

module_value("aici", "log_level", 0, settable=True)


def logging(ctx: Context) -> bool:
    """Whether awaitables log what they did."""
    level = ctx.module("aici").attrs["log_level"]
    return isinstance(level, int) and level >= 1


# --- entry points ---


@module_function("aici", "start")
def _start(ctx: Context, f: Value) -> None:
    ctx.start(f, test=False)


@module_function("aici", "test")
def _test(ctx: Context, f: Value) -> None:
    ctx.start(f, test=True)


# --- labels ---

LABEL = type_("aici.Label", shown="Label")
module_value("aici", "Label", LABEL)


@constructor("aici.Label")
def _label(ctx: Context) -> Object:
    ctx.allocate(300)
    return Object(LABEL, {"#position": len(ctx.services.tokens())})


@method("aici.Label", "tokens_since")
def _tokens_since(ctx: Context, self: Object) -> list[int]:
    return all_so_far(ctx)[self.fields["#position"] :]


@method("aici.Label", "text_since")
def _text_since(ctx: Context, self: Object) -> str:
    return replaced_text(ctx, detokenized(ctx, _tokens_since(ctx, self)))


# --- what is not there yet ---


def refuse_later(ctx: Context, what: str, instead: str = "") -> Throw:
    """The error for what a later version brings."""
    hint = f"; until then, {instead}" if instead else ""
    return ctx.error("NotImplementedError", f"{what} comes with a later version{hint}")


def _register_later(name: str) -> None:
    def refuse(ctx: Context, /, *args: Value, **kwargs: Value) -> Value:
        raise refuse_later(ctx, f"aici.{name}")

    module_value("aici", name, native(name, refuse))


for _name in _LATER:
    _register_later(_name)
