"""What lowered code calls: the shared semantics under short names, and the handlers of the plain interpreter, on a
scrap of a stack, for all that is not worth text of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from types import BuiltinMethodType
from typing import TYPE_CHECKING, Any

from aici.vm import arithmetic, compare, iterate, subscript
from aici.vm.attributes import get_attribute, type_of
from aici.vm.costs import Price
from aici.vm.exceptions import set_context
from aici.vm.isa import BINARY_OPERATORS, COMPARE_OPERATORS, UNARY_OPERATORS, Op
from aici.vm.memory import DICT_ENTRY, FRAME, LEAVING, LIST_ITEM, OBJECT, SMALL, TEXT, TRACE_ENTRY, text_size
from aici.vm.native import TYPES, Raised, Throw
from aici.vm.ops import HANDLERS
from aici.vm.ops.calling import is_append
from aici.vm.ops.raising import exception_instance, set_cause
from aici.vm.values import UNBOUND, BoundMethod, Cell, ExceptionValue, TypeValue, Value

from .stepping import held, native, quick

if TYPE_CHECKING:
    from aici.vm.machine import Machine

    from .units import Unit


class Leave(BaseException):
    """A lowered function has to wait for `value`, and leaves Python's stack with all that wait for it."""

    def __init__(self, value: Value) -> None:
        self.value = value


class Scrap:
    """As much of a frame as a handler looks at."""

    __slots__ = ("cells", "code", "locals", "stack")

    def __init__(self, stack: list[Value], code: Any = None, cells: Any = (), locals_: Any = ()) -> None:
        self.stack = stack
        self.code = code
        self.cells = cells
        self.locals = locals_


def _handled(m: Machine, op: Op, stack: list[Value], a: Any, b: Any) -> list[Value]:
    scrap: Any = Scrap(stack)
    HANDLERS[op](m, scrap, a, b)
    return stack


def plain(m: Machine, unit: Unit, pc: int, stack: list[Value], cells: Any) -> list[Value]:
    """Do an instruction as the plain interpreter does it; the stack afterwards. What it has below its operands is the
    container that it works on."""
    _, a, b = unit.code.ops[pc]
    if pc in unit.on_container:
        a = 0
    scrap: Any = Scrap(stack, unit.code, cells)
    HANDLERS[unit.code.function.code[pc].op](m, scrap, a, b)
    return stack


def unbound(m: Machine, unit: Unit, slot: int) -> None:
    scrap: Any = Scrap([], unit.code, (), {slot: UNBOUND})
    HANDLERS[Op.LOAD_LOCAL](m, scrap, slot, 0)


def empty(m: Machine, unit: Unit, slot: int) -> None:
    scrap: Any = Scrap([], unit.code, {slot: Cell()})
    HANDLERS[Op.LOAD_CELL](m, scrap, slot, 0)


def built_in(m: Machine, name: str) -> Value:
    return _handled(m, Op.LOAD_GLOBAL, [], name, 0)[0]


def settle(m: Machine, name: int) -> None:
    """Fill the cell of a global that keeps its first value."""
    text = m.process.program.names[name]
    m.cells[f"p{name}"].cell_contents = m.globals[text] if text in m.globals else built_in(m, text)


def grown(m: Machine, value: Value) -> Value:
    """The sum of two numbers that is no small integer."""
    return arithmetic.checked(m, value) if type(value) is int else value


def joined(m: Machine, y: Value, made: Value) -> Value:
    """The sum of two texts or sequences, of which `y` was the second: accounted for as `arithmetic.add` does."""
    kind = type(made)
    if kind is str and made.isascii():
        m.allocate(112 + len(made))
        m.charge((112 + len(made)) >> 7)
    elif kind is str or kind is bytes:
        size = text_size(made[: len(made) - len(y)]) + text_size(y)
        m.allocate(size)
        m.charge(size >> 7)
    else:
        m.charge(len(made) >> 3)
        m.allocate(56 + LIST_ITEM * len(made))
    return made


def ranged(m: Machine, kind: TypeValue, args: list[Value]) -> Value:
    """`range(...)`."""
    if len(args) <= 2 and set(map(type, args)) == {int}:
        m.fuel -= 1
        if m.fuel < 0:
            m.charge(0)
        m.allocate(120)
        return range(*args)
    return m.construct(kind, args)


def shown(m: Machine, value: Value) -> str:
    """`format(value, "")`."""
    if type(value) is int and -SMALL < value < SMALL:
        return repr(value)
    return m.format(value, "")


def text(m: Machine, kind: TypeValue, value: Value) -> Value:
    """`str(value)`."""
    if type(value) is str:
        return value
    if type(value) is int and -SMALL < value < SMALL:
        return repr(value)
    return m.construct(kind, [value])


def integer(m: Machine, kind: TypeValue, value: Value) -> Value:
    """`int(value)`; of a short text as the native does it, in fewer steps."""
    if type(value) is not str or len(value) > 18:
        return m.construct(kind, [value])
    m.charge(1)
    try:
        made = int(value)
    except ValueError as error:
        raise m.translate(error) from None
    bits = made.bit_length()
    m.bits(bits)
    m.charge(1)
    m.allocate(32 + (bits >> 3))
    return made


def method(m: Machine, value: Value, name: str) -> Value:
    """`value.append`."""
    return _handled(m, Op.LOAD_ATTR, [value], name, 0)[0]


def looked_at(text: str, values: Mapping[str, Any], space: Mapping[str, Any]) -> Value:
    """What lowered code has on the operand stack, as the controller's value: a list's method `append` and the text of
    what is about to be joined are only made here; `text` is the item's state (see `kinds.Item`)."""
    name = text.removeprefix("shown ").removesuffix(".append")
    value = None if name == "None" else values[name] if name in values else space[name]
    if type(value) is BuiltinMethodType:
        value, text = value.__self__, ".append"
    if text.endswith(".append"):
        return BoundMethod(value, TYPES["list"].methods["append"])
    return str(value) if text != name else value


def ended(m: Machine) -> None:
    error, m.held_back = m.held_back, None
    if error is not None:
        raise error


def thrown(m: Machine, value: Value, cause: Value) -> Throw:
    """What `raise value from cause` throws."""
    value = exception_instance(m, value, "exceptions must derive from BaseException")
    if cause is not UNBOUND:
        set_cause(m, value, cause)
    return Throw(value)


def raised(m: Machine, place: int, value: Value, cause: Value) -> ExceptionValue:
    """The same in a function that has the handler, too: the exception to go on with there."""
    value = exception_instance(m, value, "exceptions must derive from BaseException")
    if cause is not UNBOUND:
        set_cause(m, value, cause)
    if m.process.handled is not None:
        set_context(m, value, m.process.handled)
    m.charge(LEAVING)
    m.allocate(TRACE_ENTRY)
    value.trace.append(place)
    result: ExceptionValue = value
    return result


def unmade(ex: tuple[Value, ...]) -> ExceptionValue:
    """An exception that was raised and is being handled, and so far was not made."""
    value = ExceptionValue(ex[0], ex[1:])
    value.trace.append(0)
    return value


def handled(m: Machine) -> ExceptionValue:
    """What a bare `raise` raises."""
    if m.process.handled is None:
        raise m.error("RuntimeError", "No active exception to reraise")
    return m.process.handled


def formatted(m: Machine, value: Value, conversion: str, spec: Value) -> Value:
    return _handled(m, Op.FORMAT, [value, spec], conversion, 1)[0]


def long_text(m: Machine, made: str, parts: Sequence[Value]) -> Value:
    """A text that `BUILD_STRING` makes of these parts."""
    size = 56 + len(made)
    if not made.isascii() or size < 56 + TEXT:
        return text_of(m, parts)
    m.allocate(size)
    m.charge(size >> 7)
    return made


def text_of(m: Machine, parts: Sequence[Value]) -> Value:
    texts = [str(part) if type(part) in _SHOWN else part for part in parts]
    return _handled(m, Op.BUILD_STRING, texts, len(texts), 0)[0]


_SHOWN = frozenset({int, float, bool, type(None)})


def matches(m: Machine, value: ExceptionValue, wanted: Value) -> Value:
    return _handled(m, Op.MATCH_EXC, [value, wanted], 0, 0)[1]


def invoked(m: Machine, callee: Value, args: list[Value]) -> Value:
    return m.target(callee, args, None)[1]


def spread(m: Machine, args: Value, kwargs: Value, named: bool) -> tuple[list[Value], dict[str, Value] | None]:
    """The arguments of a call with `*` and `**`."""
    if type(args) not in (list, tuple) or (named and type(kwargs) is not dict):
        raise m.error("TypeError", "argument after * must be a list or tuple, after ** a dict")
    m.charge(len(args) + len(kwargs or ()))
    m.allocate(LIST_ITEM * len(args))
    for key in kwargs or ():
        if type(key) is not str:
            raise m.error("TypeError", "keywords must be strings")
    return list(args), dict(kwargs) if kwargs else None


def _decided(comparison: compare.Comparison) -> compare.Comparison:
    def decide(m: Any, x: Value, y: Value) -> bool:
        value = comparison(m, x, y)
        return value if type(value) is bool else compare.truth(m, value)

    return decide


def _in_place(symbol: str) -> arithmetic.Operator:
    function = arithmetic.INPLACE[symbol]

    def change(m: Any, x: Value, y: Value) -> Value:
        return _handled(m, Op.INPLACE, [x, y], function, symbol)[0]

    return change


NAMES: dict[str, Any] = {
    "AGAIN": Raised.AGAIN,
    "CAUGHT": (Throw, RecursionError),
    "Cell": Cell,
    "ENTRY": DICT_ENTRY,
    "ExceptionValue": ExceptionValue,
    "FAILED": (TypeError, OverflowError),
    "FRAME": FRAME,
    "Leave": Leave,
    "NATIVE": frozenset({type(None), bool, int, float, str, bytes, tuple, list, dict, range}),
    "OBJECT": OBJECT,
    "SCALARS": frozenset({int, float, bool, str, type(None)}),
    "SIZED": frozenset({str, bytes, tuple, list, dict}),
    "Throw": Throw,
    "U": UNBOUND,
    "BuiltinMethod": BuiltinMethodType,
    "Price": Price,
    "attribute": get_attribute,
    "built_in": built_in,
    "chained": set_context,
    "each": chain.from_iterable,
    "empty": empty,
    "ended": ended,
    "formatted": formatted,
    "grown": grown,
    "handled": handled,
    "held": held,
    "integer": integer,
    "invoked": invoked,
    "is_append": is_append,
    "item_of": subscript.get_item,
    "iterator": iterate.make_iterator,
    "joined": joined,
    "long_text": long_text,
    "loop": iterate.loop,
    "matches": matches,
    "method": method,
    "missing": subscript.missing,
    "native": native,
    "plain": plain,
    "quick": quick,
    "raised": raised,
    "ranged": ranged,
    "settle": settle,
    "set_item": subscript.set_item,
    "shown": shown,
    "spread": spread,
    "text": text,
    "text_of": text_of,
    "thrown": thrown,
    "truth": compare.truth,
    "type_of": type_of,
    "unbound": unbound,
    "unmade": unmade,
    "unpacked": iterate.unpack,
    **{f"B{at}": arithmetic.BINARY[symbol] for at, symbol in enumerate(BINARY_OPERATORS)},
    **{f"A{at}": _in_place(symbol) for at, symbol in enumerate(BINARY_OPERATORS)},
    **{f"C{at}": compare.COMPARE[symbol] for at, symbol in enumerate(COMPARE_OPERATORS)},
    **{f"D{at}": _decided(compare.COMPARE[symbol]) for at, symbol in enumerate(COMPARE_OPERATORS)},
    **{f"U{at}": arithmetic.UNARY[symbol] for at, symbol in enumerate(UNARY_OPERATORS)},
}
"""The global names of lowered code, but for a program's own constants."""
