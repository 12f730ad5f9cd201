"""Which natives leave the values alone that they are given: one table, for `careful`.

What is not in it may do anything. Two rules need no table: a native that is given nothing that can change can change
nothing, and makes its result anew. `tests/vm/test_careful.py` calls every native and holds the table to be true.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto

from . import library
from .native import BUILTINS, MODULES, TYPES
from .values import (
    BoundMethod,
    CallIterator,
    Coroutine,
    EnumerateIterator,
    FilterIterator,
    FunctionValue,
    Generator,
    ItemIterator,
    KeysIterator,
    MapIterator,
    Native,
    ReversedIterator,
    SequenceIterator,
    TypeValue,
    ZipIterator,
)

assert library.__all__, "importing the library registers what the table speaks of"


class Effect(Enum):
    """What calling a native does to values that were there before."""

    NOTHING = auto()
    NOTHING_IF_PASSIVE = auto()  # if no argument is of the `ACTIVE` kinds
    MAKES_IF_PASSIVE = auto()  # as that; and the result, if it can change, is new
    RECEIVER_IF_PASSIVE = auto()  # writes to its first argument only, if no other is of the `ACTIVE` kinds


ITERATORS = frozenset(
    {
        *(CallIterator, EnumerateIterator, FilterIterator, ItemIterator, KeysIterator, MapIterator, ReversedIterator),
        *(SequenceIterator, ZipIterator),
    }
)
ACTIVE = frozenset({BoundMethod, Coroutine, FunctionValue, Generator, Native, TypeValue, *ITERATORS})
"""What a native may call, or step, where it is handed over."""

_TABLE: dict[Effect, dict[str, str]] = {
    Effect.NOTHING: {
        "": "ascii callable getattr hasattr isinstance issubclass len print repr",
        "bool": "()",
        "float": "()",
        "int": "()",
        "str": "() format",
        "type": "()",
    },
    Effect.NOTHING_IF_PASSIVE: {
        "": "abs all any divmod format max min pow round sum",
        "dict": "get",
        "dict_items": "isdisjoint",
        "dict_keys": "isdisjoint",
        "frozenset": "isdisjoint issubset issuperset",
        "list": "count index",
        "set": "isdisjoint issubset issuperset",
        "slice": "()",
        "str": "join",
        "tuple": "() count index",
        "aici": "detokenize tokens_repr check_vars",
        "aici.FixedTokens": "()",
        "aici.Constraint": "eos_allowed eos_forced token_allowed __repr__",
        "aici.Label": "tokens_since text_since",
        "aici.TokenSet": "num_set __repr__",
        "json": "dumps",
        "re.Match": "group __getitem__ groups groupdict span start end expand __repr__",
        "re.Pattern": "search match fullmatch findall split sub subn __repr__",
        "re": "search match fullmatch findall split sub subn",
    },
    Effect.MAKES_IF_PASSIVE: {
        "": "iter sorted",
        "dict": "copy",
        "enumerate": "()",
        "frozenset": "copy difference intersection symmetric_difference union",
        "list": "() copy",
        "reversed": "()",
        "set": "() copy difference intersection symmetric_difference union",
        "zip": "()",
    },
    Effect.RECEIVER_IF_PASSIVE: {
        "dict": "clear pop popitem setdefault",
        "list": "append clear extend insert pop remove reverse sort",
        "set": "add clear difference_update discard intersection_update pop remove symmetric_difference_update update",
    },
}
"""By where they are found: "" for builtins, or a type ("()" is its constructor), or a module."""


def _natives(place: str, names: Iterable[str]) -> Iterable[Native]:
    for name in names:
        found = None
        if name == "()":
            found = TYPES[place].constructor
        elif place in TYPES:
            found = TYPES[place].methods[name]
        else:
            found = (MODULES[place] if place else BUILTINS)[name]
        assert found is not None
        yield found


EFFECTS: dict[Native, Effect] = {
    native: effect
    for effect, places in _TABLE.items()
    for place, names in places.items()
    for native in _natives(place, names.split())
}
"""The table, by native."""

AWAITED = frozenset(
    TYPES[f"aici.{name}"] for name in "FixedTokens GetPrompt Noop StopToken fork gen_text gen_tokens wait_vars".split()
)
"""Types whose instances are awaited, and get their reply, without being written to."""
