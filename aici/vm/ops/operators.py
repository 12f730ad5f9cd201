"""Opcodes of operators, jumps and loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aici.vm import arithmetic, compare, iterate
from aici.vm.costs import Price
from aici.vm.frame import Frame
from aici.vm.isa import Op
from aici.vm.native import Throw
from aici.vm.values import UNBOUND, Value

from .registry import handles

if TYPE_CHECKING:
    from aici.vm.machine import Machine


# --- operators ---


@handles(Op.UNARY)
def _unary(m: Machine, frame: Frame, a: Callable[..., Value], b: int) -> None:
    frame.stack[-1] = a(m, frame.stack[-1])


@handles(Op.BINARY)
@handles(Op.COMPARE)
def _binary(m: Machine, frame: Frame, a: Callable[..., Value], b: int) -> None:
    stack = frame.stack
    y = stack.pop()
    stack[-1] = a(m, stack[-1], y)


@handles(Op.INPLACE)
def _inplace(m: Machine, frame: Frame, a: Callable[..., Value], b: str) -> None:
    stack = frame.stack
    y = stack.pop()
    try:
        stack[-1] = a(m, stack[-1], y)
    except Throw as thrown:
        arithmetic.say_in_place(thrown, b)
        raise


# --- jumps and loops ---


@handles(Op.JUMP)
def _jump(m: Machine, frame: Frame, a: int, b: int) -> int:
    return a


@handles(Op.JUMP_IF_FALSE)
def _jump_if_false(m: Machine, frame: Frame, a: int, b: int) -> int | None:
    value = frame.stack.pop()
    if value is True or (value is not False and compare.truth(m, value)):
        return None
    return a


@handles(Op.JUMP_IF_TRUE)
def _jump_if_true(m: Machine, frame: Frame, a: int, b: int) -> int | None:
    value = frame.stack.pop()
    if value is True or (value is not False and compare.truth(m, value)):
        return a
    return None


@handles(Op.JUMP_IF_FALSE_KEEP)
def _jump_if_false_keep(m: Machine, frame: Frame, a: int, b: int) -> int | None:
    if compare.truth(m, frame.stack[-1]):
        frame.stack.pop()
        return None
    return a


@handles(Op.JUMP_IF_TRUE_KEEP)
def _jump_if_true_keep(m: Machine, frame: Frame, a: int, b: int) -> int | None:
    if compare.truth(m, frame.stack[-1]):
        return a
    frame.stack.pop()
    return None


@handles(Op.GET_ITER)
def _get_iter(m: Machine, frame: Frame, a: int, b: int) -> None:
    frame.stack[-1] = iterate.make_iterator(m, frame.stack[-1])


@handles(Op.FOR_ITER)
def _for_iter(m: Machine, frame: Frame, a: int, b: Price) -> int | None:
    stack = frame.stack
    item = iterate.loop(m, stack[-1], b)
    if item is UNBOUND:
        stack.pop()
        return a
    stack.append(item)
    return None
