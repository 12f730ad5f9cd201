"""Opcodes of the operand stack, of variables, attributes and items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aici.vm import subscript
from aici.vm.attributes import get_attribute, set_attribute
from aici.vm.builtins import UNAVAILABLE
from aici.vm.frame import Frame
from aici.vm.isa import Op
from aici.vm.memory import OBJECT
from aici.vm.native import BUILTINS, TYPES, Throw
from aici.vm.values import UNBOUND, BoundMethod, Cell, Value

from .registry import handles

if TYPE_CHECKING:
    from aici.vm.machine import Machine


# --- the operand stack ---


@handles(Op.CONST)
def _const(m: Machine, frame: Frame, a: Value, b: int) -> None:
    frame.stack.append(a)


@handles(Op.POP)
def _pop(m: Machine, frame: Frame, a: int, b: int) -> None:
    frame.stack.pop()


@handles(Op.DUP)
def _dup(m: Machine, frame: Frame, a: int, b: int) -> None:
    frame.stack.append(frame.stack[-1])


@handles(Op.DUP2)
def _dup2(m: Machine, frame: Frame, a: int, b: int) -> None:
    frame.stack.extend(frame.stack[-2:])


@handles(Op.SWAP)
def _swap(m: Machine, frame: Frame, a: int, b: int) -> None:
    stack = frame.stack
    stack[-2], stack[-1] = stack[-1], stack[-2]


@handles(Op.ROT3)
def _rot3(m: Machine, frame: Frame, a: int, b: int) -> None:
    stack = frame.stack
    stack.insert(-2, stack.pop())


# --- variables ---


@handles(Op.LOAD_LOCAL)
def _load_local(m: Machine, frame: Frame, a: int, b: int) -> None:
    value = frame.locals[a]
    if value is UNBOUND:
        raise _unbound_local(m, frame, a)
    frame.stack.append(value)


@handles(Op.STORE_LOCAL)
def _store_local(m: Machine, frame: Frame, a: int, b: int) -> None:
    frame.locals[a] = frame.stack.pop()


@handles(Op.DELETE_LOCAL)
def _delete_local(m: Machine, frame: Frame, a: int, b: int) -> None:
    if frame.locals[a] is UNBOUND:
        raise _unbound_local(m, frame, a)
    frame.locals[a] = UNBOUND


def _unbound_local(m: Machine, frame: Frame, slot: int) -> Throw:
    name = frame.code.function.locals[slot]
    text = f"cannot access local variable '{name}' where it is not associated with a value"
    return m.error("UnboundLocalError", text)


@handles(Op.LOAD_CELL)
def _load_cell(m: Machine, frame: Frame, a: int, b: int) -> None:
    value = frame.cells[a].value
    if value is UNBOUND:
        raise _unbound_cell(m, frame, a)
    frame.stack.append(value)


@handles(Op.STORE_CELL)
def _store_cell(m: Machine, frame: Frame, a: int, b: int) -> None:
    frame.cells[a].value = frame.stack.pop()


@handles(Op.DELETE_CELL)
def _delete_cell(m: Machine, frame: Frame, a: int, b: int) -> None:
    if frame.cells[a].value is UNBOUND:
        raise _unbound_cell(m, frame, a)
    frame.cells[a].value = UNBOUND


@handles(Op.NEW_CELL)
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


@handles(Op.LOAD_GLOBAL)
def _load_global(m: Machine, frame: Frame, a: str, b: int) -> None:
    value = m.globals.get(a, UNBOUND)
    if value is UNBOUND:
        value = BUILTINS.get(a, UNBOUND)
        if value is UNBOUND:
            hint = f": {a} is not available to controllers" if a in UNAVAILABLE else ""
            raise m.error("NameError", f"name '{a}' is not defined{hint}")
    frame.stack.append(value)


@handles(Op.STORE_GLOBAL)
def _store_global(m: Machine, frame: Frame, a: str, b: int) -> None:
    m.globals[a] = frame.stack.pop()


@handles(Op.DELETE_GLOBAL)
def _delete_global(m: Machine, frame: Frame, a: str, b: int) -> None:
    if a not in m.globals:
        raise m.error("NameError", f"name '{a}' is not defined")
    del m.globals[a]


@handles(Op.LOAD_ATTR)
def _load_attr(m: Machine, frame: Frame, a: str, b: int) -> None:
    value = frame.stack[-1]
    if a == "append" and type(value) is list:
        frame.stack[-1] = BoundMethod(value, TYPES["list"].methods[a])  # paid for by the code around it
    else:
        frame.stack[-1] = get_attribute(m, value, a)


@handles(Op.STORE_ATTR)
def _store_attr(m: Machine, frame: Frame, a: str, b: int) -> None:
    target = frame.stack.pop()
    set_attribute(m, target, a, frame.stack.pop())


@handles(Op.LOAD_SUBSCR)
def _load_subscr(m: Machine, frame: Frame, a: int, b: int) -> None:
    stack = frame.stack
    key = stack.pop()
    stack[-1] = subscript.get_item(m, stack[-1], key)


@handles(Op.STORE_SUBSCR)
def _store_subscr(m: Machine, frame: Frame, a: int, b: int) -> None:
    stack = frame.stack
    key = stack.pop()
    target = stack.pop()
    subscript.set_item(m, target, key, stack.pop())


@handles(Op.DELETE_SUBSCR)
def _delete_subscr(m: Machine, frame: Frame, a: int, b: int) -> None:
    key = frame.stack.pop()
    subscript.delete_item(m, frame.stack.pop(), key)
