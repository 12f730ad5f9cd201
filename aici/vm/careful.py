"""Running a process that shares values with other branches of a fork: nothing that is shared is ever written to.

Goes in: the machine of such a process. Before each instruction it is seen whether it could write to what is shared. An
instruction that does not stand in `GUARDS` could, and so could a native that does not stand in `effects`. Then, or when
the process has run for so long that it pays to be fast, it gets copies of its own (`fork.unshare`), and the machine
goes on with the same instruction as ever. All this happens between two instructions, outside of all natives; it costs
no fuel, and cannot be seen by the controller. May be imported by the machine only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from . import compare
from .attributes import find_method, special_method, type_of
from .effects import ACTIVE, AWAITED, EFFECTS, Effect
from .fork import unshare
from .frame import Code, Frame
from .isa import Op
from .native import Throw
from .ops import HANDLERS
from .process import Process
from .sharing import Share, settle
from .values import (
    UNBOUND,
    BoundMethod,
    Coroutine,
    EnumerateIterator,
    ExceptionValue,
    FunctionValue,
    KeysIterator,
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
    from .machine import Machine

Guard: TypeAlias = Callable[[Share, Frame, Any, Any], bool]
"""Whether an instruction (of resolved operands) leaves what is shared as it is."""

_PLAIN = frozenset({bool, bytes, float, int, range, str, type(None), Native, TypeValue})
"""Kinds that cannot change and lead to nothing that can."""


def prepare(process: Process) -> None:
    """See to it that a process that is to go on may get its reply."""
    if process.share is not None and settle(process) and not can_reply(process.pending):
        unshare(process)


def execute(m: Machine) -> None:
    """Run instructions until no frame is left, or until the process shares nothing any more."""
    share, frames = m.process.share, m.frames
    if share is None or m.base:
        raise RuntimeError("a native has called back while values were shared")
    load_local = HANDLERS[Op.LOAD_LOCAL]
    while frames:
        frame = frames[-1]
        steps = _steps(frame.code)
        pc, left = frame.pc, share.patience
        stack, values = frame.stack, frame.locals
        try:
            while True:
                handler, a, b, guard, note = steps[pc]
                left -= 1
                if handler is load_local:
                    value = values[a]
                    if value is not UNBOUND:
                        pc += 1
                        stack.append(value)
                        continue
                elif (guard is not None and not guard(share, frame, a, b)) or left < 0:
                    frame.pc = pc
                    m.unshare()
                    return
                pc += 1
                target = handler(m, frame, a, b)
                if note is not None:
                    note(share, frame, frames)
                if target is not None:
                    if target < 0:
                        break
                    pc = target
        except Throw as thrown:
            _note(share, thrown.value)  # made just now, or `GUARDS` saw to it
            raise
        finally:
            frame.pc = pc
            share.patience = left


def _steps(code: Code) -> list[Any]:
    """The code's instructions with what is to be asked before and noted after each."""
    if code.careful is None:
        instructions = zip(code.ops, code.function.code, strict=True)
        code.careful = [(*ready, GUARDS[instr.op], _NOTES.get(instr.op)) for ready, instr in instructions]
    return code.careful


# --- what instructions write to ---


def _never(share: Share, frame: Frame, a: Any, b: Any) -> bool:
    return False


def _is_active(value: Value) -> bool:
    return type(value) in ACTIVE


def _own_top(share: Share, frame: Frame, a: Any, b: Any) -> bool:
    return share.owns(frame.stack[-1])


def _own_cell(share: Share, frame: Frame, a: int, b: Any) -> bool:
    return share.owns(frame.cells[a])


def _own_container(share: Share, value: Value) -> bool:
    """Whether items of the value may be changed, if they can be."""
    kind = type(value)
    if kind is SetValue:
        return share.owns(value) and share.owns(value.items)
    return share.owns(value) if kind is list or kind is dict else kind is not Object


def _store_item(share: Share, frame: Frame, a: Any, b: Any) -> bool:
    item, target = frame.stack[-3:-1]
    return not _is_active(item) and _own_container(share, target)


def _delete_item(share: Share, frame: Frame, a: Any, b: Any) -> bool:
    return _own_container(share, frame.stack[-2])


def _fill(share: Share, frame: Frame, a: int, b: Any) -> bool:
    """A container `a` below what is added to it."""
    return not _is_active(frame.stack[-1]) and _own_container(share, frame.stack[-2 - a])


def _append(share: Share, frame: Frame, a: int, b: Any) -> bool:
    return share.owns(frame.stack[-2 - a])


def _fill_pair(share: Share, frame: Frame, a: int, b: Any) -> bool:
    return _own_container(share, frame.stack[-3 - a])


def _in_place(share: Share, frame: Frame, a: Any, b: Any) -> bool:
    x, y = frame.stack[-2:]
    kind = type(x)
    if kind is list or kind is SetValue:
        return not _is_active(y) and _own_container(share, x)
    if kind is dict:
        return type(y) is dict and share.owns(x)
    return True


def _compare(share: Share, frame: Frame, a: Any, b: Any) -> bool:
    return a not in _MEMBERSHIP or not _is_active(frame.stack[-1])


_MEMBERSHIP = (compare.COMPARE["in"], compare.COMPARE["not in"])


def _passive_top(share: Share, frame: Frame, a: Any, b: Any) -> bool:
    return not _is_active(frame.stack[-1])


def _make_iterator(share: Share, frame: Frame, a: Any, b: Any) -> bool:
    value = frame.stack[-1]
    share.fresh = type(value) not in ACTIVE
    return type(value) is not Object or special_method(value, "__iter__") is None


def _step(share: Share, frame: Frame, a: Any, b: Any) -> bool:
    return _can_step(share, frame.stack[-1])


def _can_step(share: Share, iterator: Value, levels: int = 20) -> bool:
    """Whether taking the next item writes to nothing but own iterators, so many levels deep at most."""
    kind = type(iterator)
    if kind is EnumerateIterator:
        return levels > 0 and share.owns(iterator) and _can_step(share, iterator.iterator, levels - 1)
    if kind is ZipIterator:
        return levels > 0 and all(_can_step(share, inner, levels - 1) for inner in iterator.iterators)
    return (kind is SequenceIterator or kind is KeysIterator or kind is ReversedIterator) and share.owns(iterator)


def _raise(share: Share, frame: Frame, a: int, b: Any) -> bool:
    value = frame.stack[-1 - a]
    return type(value) is not ExceptionValue or share.owns(value)


# --- calls ---


def _call(share: Share, frame: Frame, a: int, b: Any) -> bool:
    stack = frame.stack
    return _can_call(share, stack[-1 - a], stack[len(stack) - a :])


def _call_spread(share: Share, frame: Frame, a: int, b: Any) -> bool:
    stack = frame.stack
    callee, args = stack[-2 - a], stack[-1 - a]
    kwargs = stack[-1] if a else {}
    if type(args) not in (list, tuple) or type(kwargs) is not dict:
        return True  # a TypeError
    return _can_call(share, callee, [*args, *kwargs.values()])


def _call_method(share: Share, frame: Frame, a: str, b: int) -> bool:
    stack = frame.stack
    receiver, args = stack[-1 - b], stack[len(stack) - b :]
    kind = type(receiver)
    if kind is ModuleValue:
        return _can_call(share, receiver.attrs.get(a), args)
    if kind is TypeValue:
        return _can_call(share, _of_type(receiver, a), args)
    method = find_method(type_of(receiver), a)
    return method is not None and _can_call(share, method, [receiver, *args])


def _of_type(kind: TypeValue | None, name: str) -> Value:
    """What the attribute of a type is that may be called; None if there is none."""
    while kind is not None:
        found = kind.statics.get(name) or kind.methods.get(name)
        if found is not None:
            return found
        kind = kind.base
    return None


def _can_call(share: Share, callee: Value, args: list[Value]) -> bool:
    """Whether calling a value, with these arguments by position or name, writes to nothing that is shared."""
    share.fresh = False
    kind = type(callee)
    if kind is FunctionValue:
        share.fresh = True
        return True
    if kind is BoundMethod:
        return _can_call(share, callee.method, [callee.receiver, *args])
    if kind is TypeValue:
        share.fresh = callee.is_exception
        return callee.is_exception if callee.constructor is None else _can_call(share, callee.constructor, args)
    if kind is not Native:
        return False
    if _PLAIN.issuperset(map(type, args)):
        share.fresh = True
        return True
    return _leaves_alone(share, EFFECTS.get(callee), args)


def _leaves_alone(share: Share, effect: Effect | None, args: list[Value]) -> bool:
    if effect is None or effect is Effect.NOTHING:
        return effect is not None
    if effect is Effect.RECEIVER_IF_PASSIVE:
        return ACTIVE.isdisjoint(map(type, args[1:])) and _own_container(share, args[0])
    share.fresh = effect is Effect.MAKES_IF_PASSIVE
    return ACTIVE.isdisjoint(map(type, args))


def _await(share: Share, frame: Frame, a: Any, b: Any) -> bool:
    value = frame.stack[-1]
    if type(value) is Coroutine:
        return share.owns(value) and (value.frame is None or share.owns(value.frame))
    return can_reply(value)


def can_reply(value: Value) -> bool:
    """Whether an awaitable is awaited, and gets its reply, without being written to."""
    return type(value) is not Object or value.kind in AWAITED


GUARDS: dict[int, Guard | None] = {
    **dict.fromkeys(Op, _never),
    **dict.fromkeys(
        (
            *(Op.CONST, Op.POP, Op.DUP, Op.DUP2, Op.SWAP, Op.ROT3, Op.LOAD_LOCAL, Op.STORE_LOCAL, Op.DELETE_LOCAL),
            *(Op.LOAD_CELL, Op.NEW_CELL, Op.LOAD_GLOBAL, Op.STORE_GLOBAL, Op.DELETE_GLOBAL, Op.LOAD_ATTR),
            *(Op.LOAD_SUBSCR, Op.UNARY, Op.BINARY, Op.JUMP, Op.JUMP_IF_FALSE, Op.JUMP_IF_TRUE),
            *(Op.JUMP_IF_FALSE_KEEP, Op.JUMP_IF_TRUE_KEEP, Op.BUILD_TUPLE, Op.BUILD_LIST, Op.BUILD_SET),
            *(Op.BUILD_DICT, Op.BUILD_SLICE, Op.BUILD_STRING, Op.FORMAT, Op.LIST_TO_TUPLE, Op.MAKE_FUNCTION),
            *(Op.RETURN, Op.RAISE_ASSERT, Op.PUSH_EXC, Op.POP_EXC, Op.MATCH_EXC, Op.IMPORT, Op.IMPORT_FROM),
        ),
        None,
    ),
    Op.STORE_CELL: _own_cell,
    Op.DELETE_CELL: _own_cell,
    Op.STORE_SUBSCR: _store_item,
    Op.DELETE_SUBSCR: _delete_item,
    Op.INPLACE: _in_place,
    Op.COMPARE: _compare,
    Op.GET_ITER: _make_iterator,
    Op.FOR_ITER: _step,
    Op.LIST_APPEND: _append,
    Op.SET_ADD: _fill,
    Op.DICT_SET: _fill_pair,
    Op.LIST_EXTEND: _fill,
    Op.SET_UPDATE: _fill,
    Op.DICT_UPDATE: _fill,
    Op.DICT_MERGE: _fill,
    Op.UNPACK: _passive_top,
    Op.UNPACK_EX: _passive_top,
    Op.CALL: _call,
    Op.CALL_KW: _call,
    Op.CALL_EX: _call_spread,
    Op.CALL_METHOD: _call_method,
    Op.AWAIT: _await,
    Op.RAISE: _raise,
    Op.THROW: _own_top,
}
"""By opcode; None for those that write to the frame and the process at most, or to what they make."""


# --- what belongs to the process ---


def _note(share: Share, value: Value) -> None:
    """Remember a value that was just made, with what it is made of."""
    own = share.own
    own.add(id(value))
    kind = type(value)
    if kind is SetValue:
        own.add(id(value.items))
    elif kind is EnumerateIterator:
        own.add(id(value.iterator))
    elif kind is ZipIterator:
        own.update(map(id, value.iterators))


def _note_top(share: Share, frame: Frame, frames: list[Frame]) -> None:
    _note(share, frame.stack[-1])


def _note_fresh(share: Share, frame: Frame, frames: list[Frame]) -> None:
    if share.fresh:
        _note(share, frame.stack[-1])


def _note_cells(share: Share, frame: Frame, frames: list[Frame]) -> None:
    share.own.update(map(id, frame.cells[: frame.code.n_cells]))


def _note_call(share: Share, frame: Frame, frames: list[Frame]) -> None:
    if frames[-1] is not frame:
        _note_cells(share, frames[-1], frames)
    elif share.fresh:
        result = frame.stack[-1]
        _note(share, result)
        if type(result) is Coroutine and result.frame is not None:
            share.own.add(id(result.frame))
            _note_cells(share, result.frame, frames)


_NOTES: dict[int, Callable[[Share, Frame, list[Frame]], None]] = {
    **dict.fromkeys((Op.BUILD_LIST, Op.BUILD_SET, Op.BUILD_DICT), _note_top),
    **dict.fromkeys((Op.CALL, Op.CALL_KW, Op.CALL_EX, Op.CALL_METHOD), _note_call),
    Op.GET_ITER: _note_fresh,
}
"""What to remember after an instruction."""
