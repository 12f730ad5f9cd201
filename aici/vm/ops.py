"""What each opcode does: a table of small functions over the shared semantics.

A handler is called as `handler(machine, frame, a, b)` with the operands resolved (a constant for its index, an
operator's function for its number). It returns nothing to go on with the next instruction, the index of another one to
go on there, or `SWITCH` when another frame is on top.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from . import arithmetic, compare, iterate, subscript
from .attributes import find_method, get_attribute, set_attribute, type_of
from .builtins import UNAVAILABLE
from .frame import Frame, Handler
from .isa import TABLE, Op
from .memory import DICT_ENTRY, FUNCTION, LIST_ITEM, OBJECT, SET_ENTRY, text_size
from .native import BUILTINS, Raised, Throw
from .values import (
    UNBOUND,
    Cell,
    ExceptionValue,
    FunctionValue,
    ModuleValue,
    SequenceIterator,
    SetValue,
    TypeValue,
    Value,
)

if TYPE_CHECKING:
    from .machine import Machine

SWITCH = -1

HANDLERS: dict[int, Handler] = {}


def _op(op: Op) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        HANDLERS[op] = handler
        return handler

    return register


# --- the operand stack ---


@_op(Op.CONST)
def _const(m: Machine, frame: Frame, a: Value, b: int) -> None:
    frame.stack.append(a)


@_op(Op.POP)
def _pop(m: Machine, frame: Frame, a: int, b: int) -> None:
    frame.stack.pop()


@_op(Op.DUP)
def _dup(m: Machine, frame: Frame, a: int, b: int) -> None:
    frame.stack.append(frame.stack[-1])


@_op(Op.DUP2)
def _dup2(m: Machine, frame: Frame, a: int, b: int) -> None:
    frame.stack.extend(frame.stack[-2:])


@_op(Op.SWAP)
def _swap(m: Machine, frame: Frame, a: int, b: int) -> None:
    stack = frame.stack
    stack[-2], stack[-1] = stack[-1], stack[-2]


@_op(Op.ROT3)
def _rot3(m: Machine, frame: Frame, a: int, b: int) -> None:
    stack = frame.stack
    stack.insert(-2, stack.pop())


# --- variables ---


@_op(Op.LOAD_LOCAL)
def _load_local(m: Machine, frame: Frame, a: int, b: int) -> None:
    value = frame.locals[a]
    if value is UNBOUND:
        raise _unbound_local(m, frame, a)
    frame.stack.append(value)


@_op(Op.STORE_LOCAL)
def _store_local(m: Machine, frame: Frame, a: int, b: int) -> None:
    frame.locals[a] = frame.stack.pop()


@_op(Op.DELETE_LOCAL)
def _delete_local(m: Machine, frame: Frame, a: int, b: int) -> None:
    if frame.locals[a] is UNBOUND:
        raise _unbound_local(m, frame, a)
    frame.locals[a] = UNBOUND


def _unbound_local(m: Machine, frame: Frame, slot: int) -> Throw:
    name = frame.code.function.locals[slot]
    text = f"cannot access local variable '{name}' where it is not associated with a value"
    return m.error("UnboundLocalError", text)


@_op(Op.LOAD_CELL)
def _load_cell(m: Machine, frame: Frame, a: int, b: int) -> None:
    value = frame.cells[a].value
    if value is UNBOUND:
        raise _unbound_cell(m, frame, a)
    frame.stack.append(value)


@_op(Op.STORE_CELL)
def _store_cell(m: Machine, frame: Frame, a: int, b: int) -> None:
    frame.cells[a].value = frame.stack.pop()


@_op(Op.DELETE_CELL)
def _delete_cell(m: Machine, frame: Frame, a: int, b: int) -> None:
    if frame.cells[a].value is UNBOUND:
        raise _unbound_cell(m, frame, a)
    frame.cells[a].value = UNBOUND


@_op(Op.NEW_CELL)
def _new_cell(m: Machine, frame: Frame, a: int, b: int) -> None:
    m.allocate(OBJECT)
    frame.cells[a] = Cell()


def _unbound_cell(m: Machine, frame: Frame, slot: int) -> Throw:
    """An own cell is the function's variable; a captured one is found by name in the functions around it."""
    function = frame.code.function
    if slot < len(function.cells):
        name = function.cells[slot]
        text = f"cannot access local variable '{name}' where it is not associated with a value"
        return m.error("UnboundLocalError", text)
    name = m.codes.cell_name(frame.code.index, slot)
    text = f"cannot access free variable '{name}' where it is not associated with a value in enclosing scope"
    return m.error("NameError", text)


@_op(Op.LOAD_GLOBAL)
def _load_global(m: Machine, frame: Frame, a: str, b: int) -> None:
    value = m.globals.get(a, UNBOUND)
    if value is UNBOUND:
        value = BUILTINS.get(a, UNBOUND)
        if value is UNBOUND:
            hint = f": {a} is not available to controllers" if a in UNAVAILABLE else ""
            raise m.error("NameError", f"name '{a}' is not defined{hint}")
    frame.stack.append(value)


@_op(Op.STORE_GLOBAL)
def _store_global(m: Machine, frame: Frame, a: str, b: int) -> None:
    m.globals[a] = frame.stack.pop()


@_op(Op.DELETE_GLOBAL)
def _delete_global(m: Machine, frame: Frame, a: str, b: int) -> None:
    if a not in m.globals:
        raise m.error("NameError", f"name '{a}' is not defined")
    del m.globals[a]


@_op(Op.LOAD_ATTR)
def _load_attr(m: Machine, frame: Frame, a: str, b: int) -> None:
    frame.stack[-1] = get_attribute(m, frame.stack[-1], a)


@_op(Op.STORE_ATTR)
def _store_attr(m: Machine, frame: Frame, a: str, b: int) -> None:
    target = frame.stack.pop()
    set_attribute(m, target, a, frame.stack.pop())


@_op(Op.LOAD_SUBSCR)
def _load_subscr(m: Machine, frame: Frame, a: int, b: int) -> None:
    stack = frame.stack
    key = stack.pop()
    stack[-1] = subscript.get_item(m, stack[-1], key)


@_op(Op.STORE_SUBSCR)
def _store_subscr(m: Machine, frame: Frame, a: int, b: int) -> None:
    stack = frame.stack
    key = stack.pop()
    target = stack.pop()
    subscript.set_item(m, target, key, stack.pop())


@_op(Op.DELETE_SUBSCR)
def _delete_subscr(m: Machine, frame: Frame, a: int, b: int) -> None:
    key = frame.stack.pop()
    subscript.delete_item(m, frame.stack.pop(), key)


# --- operators ---


@_op(Op.UNARY)
def _unary(m: Machine, frame: Frame, a: Callable[..., Value], b: int) -> None:
    frame.stack[-1] = a(m, frame.stack[-1])


@_op(Op.BINARY)
@_op(Op.COMPARE)
def _binary(m: Machine, frame: Frame, a: Callable[..., Value], b: int) -> None:
    stack = frame.stack
    y = stack.pop()
    stack[-1] = a(m, stack[-1], y)


@_op(Op.INPLACE)
def _inplace(m: Machine, frame: Frame, a: Callable[..., Value], b: str) -> None:
    stack = frame.stack
    y = stack.pop()
    try:
        stack[-1] = a(m, stack[-1], y)
    except Throw as thrown:
        arithmetic.say_in_place(thrown, b)
        raise


# --- jumps and loops ---


@_op(Op.JUMP)
def _jump(m: Machine, frame: Frame, a: int, b: int) -> int:
    return a


@_op(Op.JUMP_IF_FALSE)
def _jump_if_false(m: Machine, frame: Frame, a: int, b: int) -> int | None:
    value = frame.stack.pop()
    if value is True or (value is not False and compare.truth(m, value)):
        return None
    return a


@_op(Op.JUMP_IF_TRUE)
def _jump_if_true(m: Machine, frame: Frame, a: int, b: int) -> int | None:
    value = frame.stack.pop()
    if value is True or (value is not False and compare.truth(m, value)):
        return a
    return None


@_op(Op.JUMP_IF_FALSE_KEEP)
def _jump_if_false_keep(m: Machine, frame: Frame, a: int, b: int) -> int | None:
    if compare.truth(m, frame.stack[-1]):
        frame.stack.pop()
        return None
    return a


@_op(Op.JUMP_IF_TRUE_KEEP)
def _jump_if_true_keep(m: Machine, frame: Frame, a: int, b: int) -> int | None:
    if compare.truth(m, frame.stack[-1]):
        return a
    frame.stack.pop()
    return None


@_op(Op.GET_ITER)
def _get_iter(m: Machine, frame: Frame, a: int, b: int) -> None:
    frame.stack[-1] = iterate.make_iterator(m, frame.stack[-1])


@_op(Op.FOR_ITER)
def _for_iter(m: Machine, frame: Frame, a: int, b: int) -> int | None:
    stack = frame.stack
    iterator = stack[-1]
    if type(iterator) is SequenceIterator:
        m.fuel -= 1
        if m.fuel < 0:
            m.charge(0)
        item = iterate.step_sequence(m, iterator)
    else:
        item = iterate.advance(m, iterator)
    if item is UNBOUND:
        stack.pop()
        return a
    stack.append(item)
    return None


# --- making containers and strings ---


def _take(frame: Frame, count: int) -> list[Value]:
    """Pop the top `count` items, in order."""
    stack = frame.stack
    if not count:
        return []
    taken = stack[-count:]
    del stack[-count:]
    return taken


@_op(Op.BUILD_TUPLE)
def _build_tuple(m: Machine, frame: Frame, a: int, b: int) -> None:
    m.allocate(56 + LIST_ITEM * a)
    frame.stack.append(tuple(_take(frame, a)))


@_op(Op.BUILD_LIST)
def _build_list(m: Machine, frame: Frame, a: int, b: int) -> None:
    m.allocate(56 + LIST_ITEM * a)
    frame.stack.append(_take(frame, a))


@_op(Op.BUILD_SET)
def _build_set(m: Machine, frame: Frame, a: int, b: int) -> None:
    m.allocate(64 + SET_ENTRY * a)
    table: dict[Value, None] = {}
    for item in _take(frame, a):
        table[m.key(item, table)] = None
    frame.stack.append(SetValue(table))


@_op(Op.BUILD_DICT)
def _build_dict(m: Machine, frame: Frame, a: int, b: int) -> None:
    m.allocate(64 + DICT_ENTRY * a)
    table: dict[Value, Value] = {}
    taken = _take(frame, 2 * a)
    for index in range(0, 2 * a, 2):
        table[m.key(taken[index], table)] = taken[index + 1]
    frame.stack.append(table)


@_op(Op.BUILD_SLICE)
def _build_slice(m: Machine, frame: Frame, a: int, b: int) -> None:
    m.allocate(OBJECT)
    frame.stack.append(slice(*_take(frame, 3)))


@_op(Op.BUILD_STRING)
def _build_string(m: Machine, frame: Frame, a: int, b: int) -> None:
    parts = _take(frame, a)
    size = 56
    for part in parts:
        if type(part) is not str:
            raise m.error("TypeError", f"expected str instance, {type_of(part).name} found")
        size += text_size(part) - 56
    m.allocate(size)
    m.charge(size >> 7)
    frame.stack.append("".join(parts))


@_op(Op.FORMAT)
def _format(m: Machine, frame: Frame, a: str, b: int) -> None:
    spec = frame.stack.pop() if b else ""
    if type(spec) is not str:
        raise m.error("TypeError", f"format() argument 2 must be str, not {type_of(spec).name}")
    value = frame.stack[-1]
    frame.stack[-1] = m.format(m.convert(value, a) if a else value, spec)


@_op(Op.LIST_APPEND)
def _list_append(m: Machine, frame: Frame, a: int, b: int) -> None:
    m.memory += LIST_ITEM
    if m.memory > m.memory_limit:
        m.recount(LIST_ITEM)
    item = frame.stack.pop()
    frame.stack[-1 - a].append(item)


@_op(Op.SET_ADD)
def _set_add(m: Machine, frame: Frame, a: int, b: int) -> None:
    item = frame.stack.pop()
    table = frame.stack[-1 - a].items
    m.allocate(SET_ENTRY)
    table[m.key(item, table)] = None


@_op(Op.DICT_SET)
def _dict_set(m: Machine, frame: Frame, a: int, b: int) -> None:
    value = frame.stack.pop()
    key = frame.stack.pop()
    subscript.set_item(m, frame.stack[-1 - a], key, value)


@_op(Op.LIST_EXTEND)
def _list_extend(m: Machine, frame: Frame, a: int, b: int) -> None:
    source = frame.stack.pop()
    if not m.is_iterable(source):
        raise m.error("TypeError", f"Value after * must be an iterable, not {type_of(source).name}")
    arithmetic.extend(m, frame.stack[-1 - a], source)


@_op(Op.SET_UPDATE)
def _set_update(m: Machine, frame: Frame, a: int, b: int) -> None:
    source = frame.stack.pop()
    table = frame.stack[-1 - a].items
    for item in m.iterate(source):
        m.allocate(SET_ENTRY)
        table[m.key(item, table)] = None


@_op(Op.DICT_UPDATE)
def _dict_update(m: Machine, frame: Frame, a: int, b: int) -> None:
    source = frame.stack.pop()
    if type(source) is not dict:
        raise m.error("TypeError", f"'{type_of(source).name}' object is not a mapping")
    arithmetic.update(m, frame.stack[-1 - a], source)


@_op(Op.DICT_MERGE)
def _dict_merge(m: Machine, frame: Frame, a: int, b: int) -> None:
    source = frame.stack.pop()
    if type(source) is not dict:
        raise m.error("TypeError", f"argument after ** must be a mapping, not {type_of(source).name}")
    target = frame.stack[-1 - a]
    m.charge(len(source))
    for key, value in source.items():
        if type(key) is not str:
            raise m.error("TypeError", "keywords must be strings")
        if key in target:
            raise m.error("TypeError", f"got multiple values for keyword argument '{key}'")
        m.allocate(DICT_ENTRY)
        target[key] = value


@_op(Op.LIST_TO_TUPLE)
def _list_to_tuple(m: Machine, frame: Frame, a: int, b: int) -> None:
    source = frame.stack[-1]
    m.charge(len(source) >> 3)
    m.allocate(56 + LIST_ITEM * len(source))
    frame.stack[-1] = tuple(source)


@_op(Op.UNPACK)
def _unpack(m: Machine, frame: Frame, a: int, b: int) -> None:
    frame.stack[-1] = items = iterate.unpack(m, frame.stack[-1], a)
    frame.stack[-1:] = reversed(items)


@_op(Op.UNPACK_EX)
def _unpack_ex(m: Machine, frame: Frame, a: int, b: int) -> None:
    rest: list[Value] = []
    iterator = iterate.unpackable(m, frame.stack[-1])
    frame.stack[-1] = rest  # within reach while it grows
    for item in iterator:
        m.allocate(LIST_ITEM)
        rest.append(item)
    if len(rest) < a + b:
        text = f"not enough values to unpack (expected at least {a + b}, got {len(rest)})"
        raise m.error("ValueError", text)
    end = len(rest) - b
    frame.stack[-1:] = reversed([*rest[:a], rest[a:end], *rest[end:]])


# --- functions and calls ---


@_op(Op.MAKE_FUNCTION)
def _make_function(m: Machine, frame: Frame, a: int, b: int) -> None:
    function = m.process.program.functions[a]
    defaults = _take(frame, b)
    positional = function.n_defaults
    first = function.n_positional
    names = [function.locals[first + index] for index in function.keyword_defaults]
    cells = tuple([frame.cells[index] for index in function.captures])
    m.allocate(FUNCTION + LIST_ITEM * (b + len(cells)))
    keyword_defaults = dict(zip(names, defaults[positional:], strict=True))
    frame.stack.append(FunctionValue(a, tuple(defaults[:positional]), keyword_defaults, cells))


def _call_top(m: Machine, frame: Frame, args: list[Value], kwargs: dict[str, Value] | None) -> int | None:
    """Call what is on top of the stack, and leave the result there, or a frame that will."""
    value = m.enter_call(frame.stack[-1], args, kwargs)
    if value is UNBOUND:
        frame.stack.pop()
        return SWITCH
    frame.stack[-1] = value
    return None


@_op(Op.CALL)
def _call(m: Machine, frame: Frame, a: int, b: int) -> int | None:
    stack = frame.stack
    callee = stack[-1 - a]
    if type(callee) is FunctionValue:
        code = m.codes[callee.index]
        if code.n_plain == a:
            m.fuel -= 1
            if m.fuel < 0:
                m.charge(0)
            args = stack[len(stack) - a :]
            del stack[-1 - a :]
            m.push(Frame(code, args, callee.cells))
            return SWITCH
    return _call_top(m, frame, _take(frame, a), None)


@_op(Op.CALL_KW)
def _call_kw(m: Machine, frame: Frame, a: int, b: tuple[str, ...]) -> int | None:
    args = _take(frame, a)
    first = a - len(b)
    kwargs = dict(zip(b, args[first:], strict=True))
    del args[first:]
    return _call_top(m, frame, args, kwargs)


@_op(Op.CALL_EX)
def _call_ex(m: Machine, frame: Frame, a: int, b: int) -> int | None:
    kwargs = frame.stack.pop() if a else None
    args = frame.stack.pop()
    if type(args) not in (list, tuple) or (a and type(kwargs) is not dict):
        raise m.error("TypeError", "argument after * must be a list or tuple, after ** a dict")
    m.charge(len(args) + len(kwargs or ()))
    m.allocate(LIST_ITEM * len(args))
    for key in kwargs or ():
        if type(key) is not str:
            raise m.error("TypeError", "keywords must be strings")
    return _call_top(m, frame, list(args), dict(kwargs) if kwargs else None)


@_op(Op.CALL_METHOD)
def _call_method(m: Machine, frame: Frame, a: str, b: int) -> int | None:
    args = _take(frame, b)
    receiver = frame.stack[-1]
    kind = type(receiver)
    if kind is not ModuleValue and kind is not TypeValue:
        method = find_method(type_of(receiver), a)
        if method is not None:
            m.charge(1)
            frame.stack[-1] = m.call_native(method, [receiver, *args])
            return None
    frame.stack[-1] = get_attribute(m, receiver, a)
    return _call_top(m, frame, args, None)


@_op(Op.RETURN)
def _return(m: Machine, frame: Frame, a: int, b: int) -> int:
    m.leave_frame(frame, frame.stack.pop())
    return SWITCH


@_op(Op.AWAIT)
def _await(m: Machine, frame: Frame, a: int, b: int) -> int | None:
    return SWITCH if m.wait_for(frame, frame.stack.pop()) else None


@_op(Op.YIELD)
def _yield(m: Machine, frame: Frame, a: int, b: int) -> int:
    m.suspend_generator(frame, frame.stack.pop())
    return SWITCH


# --- exceptions ---


@_op(Op.RAISE)
def _raise(m: Machine, frame: Frame, a: int, b: int) -> None:
    cause = frame.stack.pop() if a else UNBOUND
    value = _instance(m, frame.stack.pop(), "exceptions must derive from BaseException")
    if cause is not UNBOUND:
        value.cause = None if cause is None else _instance(m, cause, "exception causes must derive from BaseException")
        value.suppress_context = True
    raise Throw(value)


def _instance(m: Machine, value: Value, message: str) -> ExceptionValue:
    if type(value) is TypeValue and value.is_exception:
        value = m.call(value, [])
    if type(value) is not ExceptionValue:
        raise m.error("TypeError", message)
    return value


@_op(Op.RERAISE)
def _reraise(m: Machine, frame: Frame, a: int, b: int) -> None:
    if m.process.handled is None:
        raise m.error("RuntimeError", "No active exception to reraise")
    raise Throw(m.process.handled, Raised.AGAIN)


@_op(Op.THROW)
def _throw(m: Machine, frame: Frame, a: int, b: int) -> None:
    raise Throw(frame.stack.pop(), Raised.AGAIN)


@_op(Op.RAISE_ASSERT)
def _raise_assert(m: Machine, frame: Frame, a: int, b: int) -> None:
    raise m.error("AssertionError", *_take(frame, a))


@_op(Op.PUSH_EXC)
def _push_exc(m: Machine, frame: Frame, a: int, b: int) -> None:
    value = frame.stack[-1]
    frame.stack[-1] = m.process.handled
    frame.stack.append(value)
    m.process.handled = value


@_op(Op.POP_EXC)
def _pop_exc(m: Machine, frame: Frame, a: int, b: int) -> None:
    m.process.handled = frame.stack.pop()


@_op(Op.MATCH_EXC)
def _match_exc(m: Machine, frame: Frame, a: int, b: int) -> None:
    wanted = frame.stack.pop()
    kinds = wanted if type(wanted) is tuple else (wanted,)
    m.charge(len(kinds))
    for kind in kinds:
        if type(kind) is not TypeValue or not kind.is_exception:
            text = "catching classes that do not inherit from BaseException is not allowed"
            raise m.error("TypeError", text)
    value = frame.stack[-1]
    frame.stack.append(any(value.kind.is_subtype(kind) for kind in kinds))


# --- imports ---


@_op(Op.IMPORT)
def _import(m: Machine, frame: Frame, a: str, b: int) -> None:
    frame.stack.append(m.module(a))


@_op(Op.IMPORT_FROM)
def _import_from(m: Machine, frame: Frame, a: str, b: int) -> None:
    module = frame.stack[-1]
    if type(module) is not ModuleValue or a not in module.attrs:
        name = module.name if type(module) is ModuleValue else "?"
        raise m.error("ImportError", f"cannot import name '{a}' from '{name}'")
    frame.stack.append(module.attrs[a])


assert set(HANDLERS) == set(TABLE), "the machine must cover every opcode"
