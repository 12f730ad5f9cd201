"""Binding of arguments to parameters, of the controller's functions and of natives, with CPython's errors.

`bind` makes the list of values for all parameters of a function; `call_native` checks a call against a native's
signature and makes it. What a call does with frames is the machine's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .attributes import type_of
from .memory import DICT_ENTRY, LIST_ITEM
from .native import Throw
from .program import Function
from .requests import ServiceError
from .values import UNBOUND, FunctionValue, Native, Value

if TYPE_CHECKING:
    from .context import Runtime

PYTHON_ERRORS = (ValueError, TypeError, LookupError, ArithmeticError)
"""What natives may leave to Python: becomes the controller's exception of the same class and text."""


def bind(
    m: Runtime, callee: FunctionValue, function: Function, args: list[Value], kwargs: dict[str, Value] | None
) -> list[Value]:
    """Values of all parameters, in slot order; takes over `args`."""
    count, wanted = len(args), function.n_positional
    if kwargs is None and count == wanted and function.n_params == wanted:
        return args
    rest: tuple[Value, ...] = ()
    if count > wanted:
        if not function.has_varargs:
            if kwargs:
                _bind_keywords(m, function, [*args[:wanted], *[UNBOUND] * function.n_keyword_only], kwargs)
            raise _too_many(m, callee, function, args, kwargs)
        rest = tuple(args[wanted:])
        m.allocate(56 + LIST_ITEM * len(rest))
        del args[wanted:]
    elif count < wanted:
        args.extend([UNBOUND] * (wanted - count))
    args.extend([UNBOUND] * function.n_keyword_only)
    others = _bind_keywords(m, function, args, kwargs) if kwargs else {}
    _fill_defaults(m, callee, function, args)
    if function.has_varargs:
        args.append(rest)
    if function.has_varkw:
        m.allocate(64 + DICT_ENTRY * len(others))
        args.append(others)
    return args


def _bind_keywords(m: Runtime, function: Function, slots: list[Value], kwargs: dict[str, Value]) -> dict[str, Value]:
    """Put keyword arguments into their slots; those without one are returned, or are an error."""
    others: dict[str, Value] = {}
    names = function.locals[function.n_positional_only : function.n_positional + function.n_keyword_only]
    m.charge(len(kwargs))
    for name, value in kwargs.items():
        if name in names:
            slot = function.n_positional_only + names.index(name)
            if slots[slot] is not UNBOUND:
                raise m.error("TypeError", f"{function.name}() got multiple values for argument '{name}'")
            slots[slot] = value
        elif function.has_varkw:
            others[name] = value
        else:
            raise _unexpected(m, function, kwargs, name)
    return others


def _unexpected(m: Runtime, function: Function, kwargs: dict[str, Value], name: str) -> Throw:
    only = [other for other in function.locals[: function.n_positional_only] if other in kwargs]
    if only:
        listed = ", ".join(only)
        text = f"{function.name}() got some positional-only arguments passed as keyword arguments: '{listed}'"
        return m.error("TypeError", text)
    return m.error("TypeError", f"{function.name}() got an unexpected keyword argument '{name}'")


def _fill_defaults(m: Runtime, callee: FunctionValue, function: Function, slots: list[Value]) -> None:
    wanted = function.n_positional
    first = wanted - len(callee.defaults)
    missing = []
    for slot in range(wanted):
        if slots[slot] is UNBOUND:
            if slot >= first:
                slots[slot] = callee.defaults[slot - first]
            else:
                missing.append(function.locals[slot])
    if missing:
        raise _missing(m, function.name, "positional", missing)
    for slot in range(wanted, wanted + function.n_keyword_only):
        if slots[slot] is UNBOUND:
            name = function.locals[slot]
            if name in callee.keyword_defaults:
                slots[slot] = callee.keyword_defaults[name]
            else:
                missing.append(name)
    if missing:
        raise _missing(m, function.name, "keyword-only", missing)


def _missing(m: Runtime, name: str, what: str, missing: list[str]) -> Throw:
    quoted = [f"'{parameter}'" for parameter in missing]
    if len(quoted) == 1:
        listed = quoted[0]
    elif len(quoted) == 2:
        listed = " and ".join(quoted)
    else:
        listed = f"{', '.join(quoted[:-1])}, and {quoted[-1]}"
    plural = "" if len(quoted) == 1 else "s"
    return m.error("TypeError", f"{name}() missing {len(quoted)} required {what} argument{plural}: {listed}")


def _too_many(
    m: Runtime, callee: FunctionValue, function: Function, args: list[Value], kwargs: dict[str, Value] | None
) -> Throw:
    wanted, given = function.n_positional, len(args)
    least = wanted - len(callee.defaults)
    takes = f"{wanted}" if least == wanted else f"from {least} to {wanted}"
    plural = "" if wanted == 1 and least == wanted else "s"
    names = function.locals[wanted : wanted + function.n_keyword_only]
    only = sum(name in names for name in kwargs or ())
    was = "was" if given == 1 and not only else "were"
    counted = f"{given}"
    if only:
        first = "" if given == 1 else "s"
        second = "" if only == 1 else "s"
        counted = f"{given} positional argument{first} (and {only} keyword-only argument{second})"
    text = f"{function.name}() takes {takes} positional argument{plural} but {counted} {was} given"
    return m.error("TypeError", text)


# --- natives ---


def call_native(m: Runtime, native: Native, args: Sequence[Value], kwargs: dict[str, Value] | None = None) -> Value:
    """Check and make a call of a native; Python's own errors and those of services become the controller's."""
    signature = native.signature
    if kwargs or len(args) != signature.n_positional or signature.required_keywords:
        _check(m, native, args, kwargs or {})
    try:
        return native.call(m, *args, **kwargs) if kwargs else native.call(m, *args)
    except PYTHON_ERRORS as error:
        raise m.translate(error) from None
    except ServiceError as error:
        raise m.error(error.kind, str(error)) from None


def check_receiver(m: Runtime, native: Native, args: Sequence[Value]) -> None:
    """`str.upper(x)`: a method called through its type needs an instance of it."""
    owner = native.owner
    if owner is None:
        return
    if not args:
        raise m.error("TypeError", f"unbound method {owner.name}.{native.name}() needs an argument")
    kind = type_of(args[0])
    if not kind.is_subtype(owner):
        text = f"descriptor '{native.name}' for '{owner.name}' objects doesn't apply to a '{kind.name}' object"
        raise m.error("TypeError", text)


def _check(m: Runtime, native: Native, args: Sequence[Value], kwargs: dict[str, Value]) -> None:
    signature, name = native.signature, native.name
    given = len(args)
    if not kwargs and signature.n_required <= given <= signature.n_positional and not signature.required_keywords:
        return
    if given > signature.n_positional and not signature.has_varargs:
        raise _too_many_native(m, native, given)
    names = signature.names[signature.n_positional_only :]
    for key in kwargs:
        if key in names:
            if signature.names.index(key) < min(given, signature.n_positional):
                raise m.error("TypeError", f"{name}() got multiple values for argument '{key}'")
        elif not signature.has_varkw:
            if signature.n_positional == signature.n_positional_only and len(names) == 0:
                raise m.error("TypeError", f"{name}() takes no keyword arguments")
            raise m.error("TypeError", f"{name}() got an unexpected keyword argument '{key}'")
    missing = [
        parameter
        for index, parameter in enumerate(signature.names[: signature.n_required])
        if index >= given and (index < signature.n_positional_only or parameter not in kwargs)
    ]
    if missing:
        raise _too_few_native(m, native, given, missing)
    missing = [parameter for parameter in signature.required_keywords if parameter not in kwargs]
    if missing:
        raise _missing(m, name, "keyword-only", missing)


def _counted(count: int) -> str:
    return f"{count} argument{'' if count == 1 else 's'}"


def _too_many_native(m: Runtime, native: Native, given: int) -> Throw:
    """Built-in functions count their arguments without the receiver, and say so in a few set phrases."""
    receiver = native.owner is not None
    most = native.signature.n_positional - receiver
    least = native.signature.n_required - receiver
    given -= receiver
    name = f"{native.owner.name}.{native.name}" if native.owner is not None else native.name
    if most == 0:
        return m.error("TypeError", f"{name}() takes no arguments ({given} given)")
    if most == least == 1:
        return m.error("TypeError", f"{name}() takes exactly one argument ({given} given)")
    if most == least:
        return m.error("TypeError", f"{native.name} expected {_counted(most)}, got {given}")
    return m.error("TypeError", f"{native.name} expected at most {_counted(most)}, got {given}")


def _too_few_native(m: Runtime, native: Native, given: int, missing: list[str]) -> Throw:
    signature = native.signature
    if signature.n_positional_only < signature.n_required:
        text = f"{native.name}() missing required argument '{missing[0]}' (pos {signature.names.index(missing[0]) + 1})"
        return m.error("TypeError", text)
    receiver = native.owner is not None
    most, least = signature.n_positional - receiver, signature.n_required - receiver
    given -= receiver
    if most == least == 1 and not signature.has_varargs:
        name = f"{native.owner.name}.{native.name}" if native.owner is not None else native.name
        return m.error("TypeError", f"{name}() takes exactly one argument ({given} given)")
    if most == least and not signature.has_varargs:
        return m.error("TypeError", f"{native.name} expected {_counted(most)}, got {given}")
    return m.error("TypeError", f"{native.name} expected at least {_counted(least)}, got {given}")
