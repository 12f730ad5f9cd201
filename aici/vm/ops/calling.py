"""Opcodes of functions, calls, returns, awaits and imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aici.vm.attributes import find_method, get_attribute, type_of
from aici.vm.frame import Frame
from aici.vm.isa import Op
from aici.vm.memory import FUNCTION, LIST_ITEM
from aici.vm.values import UNBOUND, BoundMethod, Coroutine, FunctionValue, ModuleValue, TypeValue, Value

from .registry import SWITCH, handles, take

if TYPE_CHECKING:
    from aici.vm.machine import Machine


# --- functions and calls ---


@handles(Op.MAKE_FUNCTION)
def _make_function(m: Machine, frame: Frame, a: int, b: int) -> None:
    function = m.process.program.functions[a]
    defaults = take(frame, b)
    positional = function.n_defaults
    first = function.n_positional
    names = [function.locals[first + index] for index in function.keyword_defaults]
    cells = tuple([frame.cells[index] for index in function.captures])
    m.allocate(FUNCTION + LIST_ITEM * (b + len(cells)))
    keyword_defaults = dict(zip(names, defaults[positional:], strict=True))
    frame.stack.append(FunctionValue(a, tuple(defaults[:positional]), keyword_defaults, cells))


def _call_top(
    m: Machine, frame: Frame, callee: Value, args: list[Value], kwargs: dict[str, Value] | None
) -> int | None:
    """Call what is on top of the stack (or an attribute of it), and leave the result there, or a frame that will."""
    value = m.enter_call(callee, args, kwargs)
    if value is UNBOUND:
        frame.stack.pop()
        return SWITCH
    frame.stack[-1] = value
    return None


@handles(Op.CALL)
def _call(m: Machine, frame: Frame, a: int, b: int) -> int | None:
    stack = frame.stack
    callee = stack[-1 - a]
    if type(callee) is FunctionValue:
        code = m.codes[callee.index]
        if code.n_plain == a:
            m.fuel -= code.cost
            if m.fuel < 0:
                m.charge(0)
            m.push(Frame(code, take(frame, a), callee.cells))
            stack.pop()
            return SWITCH
    args = take(frame, a)
    return _call_top(m, frame, stack[-1], args, None)


def call_awaited(m: Machine, frame: Frame, a: int, b: int) -> int | None:
    """CALL with an AWAIT behind it: the frame of a small async function is not accounted for, as there are only so many
    of them."""
    stack = frame.stack
    callee = stack[-1 - a]
    if type(callee) is FunctionValue:
        code = m.codes[callee.index]
        if code.n_awaited == a:
            m.fuel -= code.cost
            if m.fuel < 0:
                m.charge(0)
            args = stack[len(stack) - a :]
            del stack[-1 - a :]
            stack.append(Coroutine.of(Frame(code, args, callee.cells)))
            return None
    target: int | None = _call(m, frame, a, b)
    return target


def is_append(callee: Value) -> bool:
    """Whether it is the method `append` of a list."""
    return type(callee) is BoundMethod and type(callee.receiver) is list and callee.method.name == "append"


def call_append(m: Machine, frame: Frame, a: int, b: int) -> int | None:
    """A CALL of what is `x.append`, of lists nearly always: the code around it has paid (see `costs`)."""
    stack = frame.stack
    callee = stack[-2]
    if not is_append(callee):
        target: int | None = _call(m, frame, a, b)
        return target
    callee.receiver.append(stack.pop())
    stack[-1] = None
    return None


@handles(Op.CALL_KW)
def _call_kw(m: Machine, frame: Frame, a: int, b: tuple[str, ...]) -> int | None:
    args = take(frame, a)
    first = a - len(b)
    kwargs = dict(zip(b, args[first:], strict=True))
    del args[first:]
    return _call_top(m, frame, frame.stack[-1], args, kwargs)


@handles(Op.CALL_EX)
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
    return _call_top(m, frame, frame.stack[-1], list(args), dict(kwargs) if kwargs else None)


@handles(Op.CALL_METHOD)
def _call_method(m: Machine, frame: Frame, a: str, b: int) -> int | None:
    args = take(frame, b)
    receiver = frame.stack[-1]
    kind = type(receiver)
    if kind is list and a == "append" and b == 1:
        receiver.append(args[0])  # paid for by the code around it
        frame.stack[-1] = None
        return None
    if kind is not ModuleValue and kind is not TypeValue:
        method = find_method(type_of(receiver), a)
        if method is not None:
            frame.stack[-1] = m.call_native(method, [receiver, *args])
            return None
    return _call_top(m, frame, get_attribute(m, receiver, a), args, None)


@handles(Op.RETURN)
def _return(m: Machine, frame: Frame, a: int, b: int) -> int:
    m.leave_frame(frame, frame.stack.pop())
    return SWITCH


@handles(Op.AWAIT)
def _await(m: Machine, frame: Frame, a: int, b: int) -> int | None:
    return SWITCH if m.wait_for(frame, frame.stack.pop()) else None


@handles(Op.YIELD)
def _yield(m: Machine, frame: Frame, a: int, b: int) -> int:
    m.suspend_generator(frame, frame.stack.pop())
    return SWITCH


# --- imports ---


@handles(Op.IMPORT)
def _import(m: Machine, frame: Frame, a: str, b: int) -> None:
    frame.stack.append(m.module(a))


@handles(Op.IMPORT_FROM)
def _import_from(m: Machine, frame: Frame, a: str, b: int) -> None:
    module = frame.stack[-1]
    if type(module) is not ModuleValue or a not in module.attrs:
        name = module.name if type(module) is ModuleValue else "?"
        raise m.error("ImportError", f"cannot import name '{a}' from '{name}'")
    frame.stack.append(module.attrs[a])
