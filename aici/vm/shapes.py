"""What a process's state is made of: one table of the classes whose instances can change, and of their fields.

Forks copy by it, snapshots write by it, and the memory walk follows it. A field holds any controller value, or lists,
tuples and dicts of them, or what is shared by all processes (code, types, natives). May be imported by those three.
"""

from __future__ import annotations

from typing import Any

from .frame import Code, Frame
from .values import (
    BoundMethod,
    CallIterator,
    Cell,
    Coroutine,
    DictView,
    EnumerateIterator,
    ExceptionValue,
    FilterIterator,
    FunctionValue,
    Generator,
    ItemIterator,
    KeysIterator,
    MapIterator,
    ModuleValue,
    Native,
    Object,
    ReversedIterator,
    SequenceIterator,
    SetValue,
    TypeValue,
    ZipIterator,
)

SLOTTED: tuple[type, ...] = (
    BoundMethod,
    CallIterator,
    Cell,
    Coroutine,
    DictView,
    EnumerateIterator,
    ExceptionValue,
    FilterIterator,
    Frame,
    FunctionValue,
    Generator,
    ItemIterator,
    KeysIterator,
    MapIterator,
    ModuleValue,
    Object,
    ReversedIterator,
    SequenceIterator,
    SetValue,
    ZipIterator,
)
"""Every class of our own whose instances are a process's state; all other classes are shared and never change. The
order is part of the format of snapshots."""

FIELDS: dict[type, tuple[str, ...]] = {kind: tuple(getattr(kind, "__slots__", ())) for kind in SLOTTED}
"""The fields of each, in the order in which all walks take them."""

_NOTHING = type(None)

REQUIRED: dict[type, dict[str, tuple[type, ...]]] = {
    BoundMethod: {"method": (Native,)},
    CallIterator: {"done": (bool,)},
    Coroutine: {"name": (str,), "frame": (Frame, _NOTHING), "begun": (bool,)},
    DictView: {"owner": (dict,), "what": (str,)},
    EnumerateIterator: {"count": (int,)},
    ExceptionValue: {
        "kind": (TypeValue,),
        "args": (tuple,),
        "cause": (ExceptionValue, _NOTHING),
        "context": (ExceptionValue, _NOTHING),
        "suppress_context": (bool,),
        "trace": (list,),
    },
    Frame: {
        "code": (Code,),
        "pc": (int,),
        "stack": (list,),
        "locals": (list,),
        "cells": (list,),
        "owner": (Coroutine, Generator, _NOTHING),
        "outer": (ExceptionValue, _NOTHING),
        "inner": (ExceptionValue, _NOTHING),
    },
    FunctionValue: {"index": (int,), "defaults": (tuple,), "keyword_defaults": (dict,), "cells": (tuple,)},
    Generator: {"name": (str,), "frame": (Frame, _NOTHING), "running": (bool,)},
    ItemIterator: {"owner": (Object,), "index": (int,)},
    KeysIterator: {
        "owner": (dict, SetValue, _NOTHING),
        "keys": (list,),
        "size": (int,),
        "index": (int,),
        "what": (str,),
    },
    MapIterator: {"iterators": (list,)},
    Object: {"kind": (TypeValue,), "fields": (dict,)},
    ReversedIterator: {"index": (int,)},
    SequenceIterator: {"index": (int,), "paid": (int,)},
    ZipIterator: {"iterators": (list,), "strict": (bool,)},
}
"""The types of fields that hold something definite; the others hold any value."""


def read(value: Any) -> list[Any]:
    """The fields of an instance."""
    return [getattr(value, name) for name in FIELDS[type(value)]]
