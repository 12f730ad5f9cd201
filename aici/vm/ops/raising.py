"""Opcodes of exceptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aici.vm.frame import Frame
from aici.vm.isa import Op
from aici.vm.native import Raised, Throw
from aici.vm.values import UNBOUND, ExceptionValue, TypeValue, Value

from .registry import handles, take

if TYPE_CHECKING:
    from aici.vm.machine import Machine


@handles(Op.RAISE)
def _raise(m: Machine, frame: Frame, a: int, b: int) -> None:
    cause = frame.stack.pop() if a else UNBOUND
    value = exception_instance(m, frame.stack.pop(), "exceptions must derive from BaseException")
    if cause is not UNBOUND:
        set_cause(m, value, cause)
    raise Throw(value)


def set_cause(m: Machine, value: ExceptionValue, cause: Value) -> None:
    """For `raise value from cause`."""
    text = "exception causes must derive from BaseException"
    value.cause = None if cause is None else exception_instance(m, cause, text)
    value.suppress_context = True


def exception_instance(m: Machine, value: Value, message: str) -> ExceptionValue:
    """An exception, or a new one of a class; TypeError otherwise."""
    if type(value) is TypeValue and value.is_exception:
        value = m.call(value, [])
    if type(value) is not ExceptionValue:
        raise m.error("TypeError", message)
    return value


@handles(Op.RERAISE)
def _reraise(m: Machine, frame: Frame, a: int, b: int) -> None:
    if m.process.handled is None:
        raise m.error("RuntimeError", "No active exception to reraise")
    raise Throw(m.process.handled, Raised.AGAIN)


@handles(Op.THROW)
def _throw(m: Machine, frame: Frame, a: int, b: int) -> None:
    raise Throw(frame.stack.pop(), Raised.AGAIN)


@handles(Op.RAISE_ASSERT)
def _raise_assert(m: Machine, frame: Frame, a: int, b: int) -> None:
    raise m.error("AssertionError", *take(frame, a))


@handles(Op.PUSH_EXC)
def _push_exc(m: Machine, frame: Frame, a: int, b: int) -> None:
    value = frame.stack[-1]
    frame.stack[-1] = m.process.handled
    frame.stack.append(value)
    m.process.handled = value


@handles(Op.POP_EXC)
def _pop_exc(m: Machine, frame: Frame, a: int, b: int) -> None:
    m.process.handled = frame.stack.pop()


@handles(Op.MATCH_EXC)
def _match_exc(m: Machine, frame: Frame, a: int, b: int) -> None:
    wanted = frame.stack.pop()
    kinds = wanted if type(wanted) is tuple else (wanted,)
    if kinds is wanted:
        m.charge(len(kinds))
    for kind in kinds:
        if type(kind) is not TypeValue or not kind.is_exception:
            text = "catching classes that do not inherit from BaseException is not allowed"
            raise m.error("TypeError", text)
    value = frame.stack[-1]
    frame.stack.append(any(value.kind.is_subtype(kind) for kind in kinds))
