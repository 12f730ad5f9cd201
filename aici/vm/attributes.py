"""Types of values and their attributes: the only way from a value to anything else is through the tables of its type.

Functions of `(machine, value, name)`. Nothing here ever touches a Python attribute by a controller's name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .memory import OBJECT
from .native import TYPES, Context, getter
from .values import (
    BoundMethod,
    CallIterator,
    Coroutine,
    DictView,
    EnumerateIterator,
    ExceptionValue,
    FilterIterator,
    FunctionValue,
    Generator,
    KeysIterator,
    MapIterator,
    ModuleValue,
    Native,
    Object,
    ReversedIterator,
    SequenceIterator,
    SetValue,
    TypeValue,
    Value,
    ZipIterator,
)

if TYPE_CHECKING:
    from .context import Runtime

_TYPES: dict[type, TypeValue] = {
    type(None): TYPES["NoneType"],
    bool: TYPES["bool"],
    int: TYPES["int"],
    float: TYPES["float"],
    str: TYPES["str"],
    bytes: TYPES["bytes"],
    tuple: TYPES["tuple"],
    list: TYPES["list"],
    dict: TYPES["dict"],
    range: TYPES["range"],
    slice: TYPES["slice"],
    FunctionValue: TYPES["function"],
    Native: TYPES["builtin_function_or_method"],
    BoundMethod: TYPES["builtin_function_or_method"],
    TypeValue: TYPES["type"],
    ModuleValue: TYPES["module"],
    Coroutine: TYPES["coroutine"],
    Generator: TYPES["generator"],
    ReversedIterator: TYPES["reversed"],
    ZipIterator: TYPES["zip"],
    EnumerateIterator: TYPES["enumerate"],
    MapIterator: TYPES["map"],
    FilterIterator: TYPES["filter"],
    CallIterator: TYPES["callable_iterator"],
}
_VIEWS = {what: TYPES[f"dict_{what}"] for what in ("keys", "values", "items")}
_KEYS_ITERATORS = {what: TYPES[f"dict_{what[:-1]}iterator"] for what in ("keys", "values", "items")}


def type_of(value: Value) -> TypeValue:
    """`type(value)`."""
    kind = _TYPES.get(type(value))
    if kind is not None:
        return kind
    if isinstance(value, (Object, ExceptionValue)):
        return value.kind
    if isinstance(value, SetValue):
        return TYPES["frozenset" if value.frozen else "set"]
    if isinstance(value, DictView):
        return _VIEWS[value.what]
    if isinstance(value, SequenceIterator):
        return TYPES.get(f"{type_of(value.sequence).name}_iterator", TYPES["object"])
    if isinstance(value, KeysIterator):
        return TYPES["set_iterator"] if isinstance(value.owner, SetValue) else _KEYS_ITERATORS[value.what]
    return TYPES["object"]


def find_method(kind: TypeValue | None, name: str) -> Native | None:
    """The method of that name of a type or of its bases."""
    while kind is not None:
        found = kind.methods.get(name)
        if found is not None:
            return found
        kind = kind.base
    return None


def special_method(value: Object, name: str) -> Native | None:
    """A method such as `__add__` that an operator looks for."""
    return find_method(value.kind, name)


def get_attribute(m: Runtime, value: Value, name: str) -> Value:
    """`value.name`."""
    kind = type(value)
    if kind is ModuleValue:
        if name in value.attrs:
            return value.attrs[name]
        raise m.error("AttributeError", f"module '{value.name}' has no attribute '{name}'")
    if kind is Object and name in value.fields and not name.startswith("#"):
        return value.fields[name]
    if kind is TypeValue:
        return _type_attribute(m, value, name)
    owner: TypeValue | None = type_of(value)
    while owner is not None:
        if name in owner.getters:
            return owner.getters[name](m, value)
        if name in owner.methods:
            m.allocate(OBJECT)
            return BoundMethod(value, owner.methods[name])
        if name in owner.statics:
            return owner.statics[name]
        owner = owner.base
    raise no_attribute(m, value, name)


def _type_attribute(m: Runtime, value: TypeValue, name: str) -> Value:
    owner: TypeValue | None = value
    while owner is not None:
        if name in owner.statics:
            return owner.statics[name]
        if name in owner.methods:
            return owner.methods[name]
        owner = owner.base
    if name in TYPES["type"].getters:
        return TYPES["type"].getters[name](m, value)
    raise no_attribute(m, value, name)


def no_attribute(m: Runtime, value: Value, name: str) -> Exception:
    if type(value) is TypeValue:
        return m.error("AttributeError", f"type object '{value.name}' has no attribute '{name}'")
    return m.error("AttributeError", f"'{type_of(value).name}' object has no attribute '{name}'")


def set_attribute(m: Runtime, value: Value, name: str, item: Value) -> None:
    """`value.name = item`, where the type or module allows it."""
    if type(value) is ModuleValue:
        if name not in value.settable:
            raise m.error("AttributeError", f"attribute '{name}' of module '{value.name}' cannot be assigned")
        value.attrs[name] = item
        return
    if type(value) is TypeValue:
        raise m.error("TypeError", f"cannot set '{name}' attribute of immutable type '{value.name}'")
    owner: TypeValue | None = type_of(value)
    while owner is not None:
        if name in owner.setters:
            owner.setters[name](m, value, item)
            return
        if name in owner.getters or name in owner.methods:
            raise m.error("AttributeError", f"'{type_of(value).name}' object attribute '{name}' is read-only")
        owner = owner.base
    raise no_attribute(m, value, name)


@getter("type", "__name__")
def _type_name(ctx: Context, self: TypeValue) -> str:
    return self.name.rpartition(".")[2]


@getter("object", "__class__")
def _class(ctx: Context, self: Value) -> TypeValue:
    return type_of(self)


@getter("builtin_function_or_method", "__name__")
def _native_name(ctx: Context, self: Value) -> str:
    name: str = self.method.name if isinstance(self, BoundMethod) else self.name
    return name


@getter("function", "__name__")
def _function_name(ctx: Context, self: FunctionValue) -> str:
    return ctx.function_name(self)
