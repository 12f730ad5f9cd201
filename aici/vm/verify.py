"""Checks a `Program` before it runs, so that the machine never meets an unplanned state.

Goes in: a decoded or freshly compiled program, of which nothing is trusted but the types of its fields. Comes out:
nothing, or an `InvalidBytecode` that names function and instruction. The compiler and whoever loads bytecode may
import this module.

The code of a function is interpreted once, in order, over the depth of the stack and the kind of every item on it.
One pass is enough, and so the work is linear, because the format asks for it: every instruction is reachable from those
before it, a handler stands after what it covers, and a jump backwards finds the stack as it was there.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from .encode import BytecodeError, decode
from .isa import BINARY_OPERATORS, COMPARE_OPERATORS, CONVERSIONS, TABLE, UNARY_OPERATORS, Kind, Op, Operand, OpInfo
from .program import Const, Handler, Instr, Program

MAX_STACK = 1024
"""Items on the stack of one function."""
MAX_SLOTS = 4096
"""Locals, and cells, of one function."""
MAX_INSTRUCTIONS = 1 << 19
"""Instructions of a program."""
MAX_WORK = 1 << 26
"""Instructions of a function times the depth of its stack, over all functions: what verifying can cost."""
MAX_POSITION = 1 << 31
MAX_INT_BITS = 1 << 16
"""Bits of an integer constant."""

_Stack = tuple[Kind, ...]

_ENUMERATED = {
    Operand.BINARY: len(BINARY_OPERATORS),
    Operand.UNARY: len(UNARY_OPERATORS),
    Operand.COMPARE: len(COMPARE_OPERATORS),
    Operand.CONVERSION: len(CONVERSIONS),
    Operand.FLAG: 2,
    Operand.COUNT: MAX_STACK + 1,
}
"""Operands that have the same bound everywhere."""

_NUMBERS = {operand: number for number, operand in enumerate(Operand)}
"""Numbers for the kinds of operands, which are looked up more quickly."""

_OPERANDS = {op: tuple((at, _NUMBERS[kind]) for at, kind in enumerate(info.operands, 1)) for op, info in TABLE.items()}
"""Of each opcode, for every operand its place in an `Instr` and its kind."""

_JUMPS = frozenset(op for op, info in TABLE.items() if info.operands == (Operand.TARGET,))
_TARGET = _NUMBERS[Operand.TARGET]

_MOVES: dict[int, Callable[[_Stack], _Stack]] = {
    Op.DUP: lambda popped: popped + popped,
    Op.DUP2: lambda popped: popped + popped,
    Op.SWAP: lambda popped: (popped[1], popped[0]),
    Op.ROT3: lambda popped: (popped[2], popped[0], popped[1]),
    Op.PUSH_EXC: lambda popped: (Kind.SAVED, Kind.EXC),
    Op.MATCH_EXC: lambda popped: (Kind.EXC, Kind.ANY),
}
"""Instructions that push more than `push_kind` tells: kinds popped -> kinds pushed, the top last."""


class InvalidBytecode(BytecodeError):
    """A well-formed `.aic` file that breaks a rule of the machine."""


def load(data: bytes) -> Program:
    """A verified program of the bytes of a `.aic` file; BytecodeError (see `encode` and `InvalidBytecode`)."""
    program = decode(data)
    verify(program)
    return program


def verify(program: Program) -> None:
    """Return if the program is sound; InvalidBytecode if not."""
    if not program.functions:
        raise InvalidBytecode("there is no function")
    if sum(len(function.code) for function in program.functions) > MAX_INSTRUCTIONS:
        raise InvalidBytecode(f"more than {MAX_INSTRUCTIONS} instructions")
    if verification_work(program) > MAX_WORK:
        raise InvalidBytecode("too many instructions for the depth of the stack")
    for const in program.consts:
        _check_const(const)
    made = {0}
    for index in range(len(program.functions)):
        _FunctionVerifier(program, index, made).run()
    if len(made) < len(program.functions):
        missing = next(index for index in range(len(program.functions)) if index not in made)
        raise InvalidBytecode(f"function {missing} is never made")


def verification_work(program: Program) -> int:
    """What verifying costs at most, in stack items looked at; at most `MAX_WORK`."""
    return sum(len(function.code) * function.max_stack for function in program.functions)


def _check_const(const: Const) -> None:
    if isinstance(const, tuple):
        for item in const:
            _check_const(item)
    elif isinstance(const, int) and const.bit_length() > MAX_INT_BITS:
        raise InvalidBytecode(f"an integer constant of more than {MAX_INT_BITS} bits")


class _FunctionVerifier:
    """Verifies one function; adds the functions that it makes to `made`."""

    def __init__(self, program: Program, index: int, made: set[int]) -> None:
        self.program = program
        self.index = index
        self.function = program.functions[index]
        self.made = made
        self.at: int | None = None  # instruction, for messages
        self.n_cells = len(self.function.cells) + len(self.function.captures)
        bounds = {
            **_ENUMERATED,
            Operand.CONST: len(program.consts),
            Operand.NAMES: len(program.consts),
            Operand.NAME: len(program.names),
            Operand.LOCAL: len(self.function.locals),
            Operand.CELL: self.n_cells,
            Operand.OWN_CELL: len(self.function.cells),
            Operand.FUNCTION: len(program.functions),
            Operand.TARGET: len(self.function.code),
        }
        self.bounds = [bounds[operand] for operand in Operand]
        self.forward: dict[int, _Stack] = {}  # stacks that jumps and handlers bring to instructions still to come
        self.heads: dict[int, _Stack | None] = {}  # targets of jumps backwards, with the stack found there
        self.deepest = 0

    def require(self, condition: bool, what: str) -> None:
        if not condition:
            raise self.broken(what)

    def broken(self, what: str) -> InvalidBytecode:
        where = f"function {self.index} ({self.function.name!r})"
        if self.at is not None:
            where += f", instruction {self.at}"
        return InvalidBytecode(f"{where}: {what}")

    def run(self) -> None:
        self.check_shape()
        self.check_handlers()
        self.check_positions()
        self.check_operands()
        self.interpret()

    def check_shape(self) -> None:
        function = self.function
        require = self.require
        require(len(function.locals) <= MAX_SLOTS, f"more than {MAX_SLOTS} locals")
        require(self.n_cells <= MAX_SLOTS, f"more than {MAX_SLOTS} cells")
        require(function.n_params <= len(function.locals), "more parameters than locals")
        parameters = function.locals[: function.n_params]
        require(len(set(parameters)) == len(parameters), "two parameters have the same name")
        require(function.n_positional_only <= function.n_positional, "more positional-only parameters than positional")
        require(function.n_defaults <= function.n_positional, "more defaults than parameters")
        keyword_defaults = function.keyword_defaults
        ascending = all(a < b for a, b in pairwise(keyword_defaults))
        require(ascending, "the keyword defaults do not ascend")
        require(not keyword_defaults or keyword_defaults[-1] < function.n_keyword_only, "a default without parameter")
        require(not (function.is_async and function.is_generator), "both async and a generator")
        if self.index == 0:
            plain = not (function.n_params or function.captures or function.is_async or function.is_generator)
            require(
                plain, "the module's body takes no parameters, captures nothing, and is neither async nor generator"
            )

    def check_handlers(self) -> None:
        end = 0
        for row in self.function.handlers:
            self.require(
                end <= row.start < row.end <= row.target < len(self.function.code),
                "handler rows do not ascend, overlap, are empty, or lead backwards or out of the code",
            )
            self.require(0 <= row.depth < MAX_STACK, "a handler's depth is out of range")
            end = row.end

    def check_positions(self) -> None:
        self.require(len(self.function.positions) == len(self.function.code), "one position an instruction is needed")
        before = None
        for position in self.function.positions:
            if position is not before:
                line, column, end_column = position
                ordered = 1 <= line <= MAX_POSITION and 1 <= column <= end_column <= MAX_POSITION
                self.require(ordered, "a position is out of range")
                before = position

    def check_operands(self) -> None:
        """Every operand in its range, every number of stack items at most MAX_STACK."""
        for at, instr in enumerate(self.function.code):
            self.at = at
            for place, kind in _OPERANDS[instr.op]:
                value, bound = instr[place], self.bounds[kind]
                if not 0 <= value < bound:
                    info = TABLE[instr.op]
                    what = info.operands[place - 1].value
                    raise self.broken(f"{info.op.name}: {what} {value} is not below {bound}")
                if kind == _TARGET and value <= at:
                    self.heads[value] = None
            check = _CHECKS.get(instr.op)
            if check:
                check(self, instr)
        self.at = None

    def interpret(self) -> None:
        handlers = iter(self.function.handlers)
        handler = next(handlers, None)
        stack: _Stack | None = ()
        for at, instr in enumerate(self.function.code):
            self.at = at
            joined = self.forward.pop(self.at, None)
            if joined is not None:
                stack = joined if stack is None else self.merge(stack, joined)
            if stack is None:
                raise self.unreachable()
            if self.at in self.heads:
                self.heads[self.at] = stack
            while handler and handler.end <= self.at:
                handler = next(handlers, None)
            if handler and handler.start <= self.at:
                self.cover(handler, instr, stack, first=joined is not None or self.at == handler.start)
            stack = self.step(instr, stack)
        self.at = None
        self.require(stack is None, "the code runs off its end")
        self.require(self.deepest == self.function.max_stack, f"max_stack is not {self.deepest}")

    def unreachable(self) -> InvalidBytecode:
        return InvalidBytecode(f"function {self.index}, instruction {self.at}: cannot be reached")

    def merge(self, a: _Stack, b: _Stack) -> _Stack:
        if a == b:
            return a
        self.require(len(a) == len(b), f"the stack is {len(a)} or {len(b)} deep, as one comes here")
        return tuple([x if x is y else Kind.ANY for x, y in zip(a, b, strict=True)])

    def jump(self, target: int, stack: _Stack) -> None:
        assert self.at is not None
        if target > self.at:
            known = self.forward.get(target)
            self.forward[target] = stack if known is None else self.merge(known, stack)
        else:
            head = self.heads[target]
            assert head is not None
            self.require(self.merge(head, stack) == head, f"the stack is not as it was at instruction {target}")

    def cover(self, handler: Handler, instr: Instr, stack: _Stack, first: bool) -> None:
        """What the handler finds: no covered instruction touches the stack below its depth, so that the first of a run
        speaks for those that follow it."""
        info = TABLE[instr.op]
        touched = max(info.pops.of(instr.a, instr.b), info.jump_pops)
        self.require(len(stack) - touched >= handler.depth, "the stack is less deep than the handler needs it")
        if first:
            self.reach(handler.depth + 1)
            self.jump(handler.target, (*stack[: handler.depth], Kind.EXC))

    def reach(self, depth: int) -> None:
        if depth > self.deepest:
            self.require(depth <= MAX_STACK, f"more than {MAX_STACK} items on the stack")
            self.deepest = depth

    def step(self, instr: Instr, stack: _Stack) -> _Stack | None:
        """The stack after the instruction, None if control does not go on to the next."""
        info = TABLE[instr.op]
        pops = info.pops.of(instr.a, instr.b)
        pushes = info.pushes.of(instr.a, instr.b)
        if pops > len(stack):
            raise self.broken(f"{info.op.name} needs {pops} items on the stack, which holds {len(stack)}")
        if info.needs is not None:
            self.check_needs(info, instr, stack)
        rest = stack[: len(stack) - pops]
        if instr.op in _JUMPS:
            self.jump(instr.a, stack[: len(stack) - info.jump_pops])
        if info.ends:
            return None
        self.reach(len(rest) + pushes)
        move = _MOVES.get(instr.op)
        if move:
            return rest + move(stack[len(rest) :])
        if pushes == 0:
            return rest
        if pushes == 1:
            return (*rest, info.push_kind)
        return (*rest, *(Kind.ANY,) * (pushes - 1), info.push_kind)

    def check_needs(self, info: OpInfo, instr: Instr, stack: _Stack) -> None:
        assert info.needs
        depth = info.needs_depth + (instr.a if info.needs_depth_a else 0)
        index = len(stack) - 1 - depth
        found = stack[index] if index >= 0 else None
        self.require(found is info.needs, f"{info.op.name} needs a {info.needs.value} {depth} below the top")


def _check_await(verifier: _FunctionVerifier, instr: Instr) -> None:
    verifier.require(verifier.function.is_async, "AWAIT outside an async function")


def _check_yield(verifier: _FunctionVerifier, instr: Instr) -> None:
    verifier.require(verifier.function.is_generator, "YIELD outside a generator")


def _check_keywords(verifier: _FunctionVerifier, instr: Instr) -> None:
    names = verifier.program.consts[instr.b]
    verifier.require(isinstance(names, tuple), "CALL_KW names its arguments by a tuple")
    assert isinstance(names, tuple)
    verifier.require(all(isinstance(name, str) for name in names), "an argument's name is no text")
    verifier.require(len(set(names)) == len(names) <= instr.a, "more names than arguments, or one of them twice")


def _check_make(verifier: _FunctionVerifier, instr: Instr) -> None:
    # Functions are numbered from the outside in: so none makes itself, and each is made below the module's body.
    verifier.require(instr.a > verifier.index, "a function makes one that does not come after it")
    made = verifier.program.functions[instr.a]
    defaults = made.n_defaults + len(made.keyword_defaults)
    verifier.require(instr.b == defaults, f"function {instr.a} has {defaults} defaults, not {instr.b}")
    captured = all(cell < verifier.n_cells for cell in made.captures)
    verifier.require(captured, f"function {instr.a} captures a cell that is not there")
    verifier.made.add(instr.a)


_CHECKS: dict[int, Callable[[_FunctionVerifier, Instr], None]] = {
    Op.AWAIT: _check_await,
    Op.YIELD: _check_yield,
    Op.CALL_KW: _check_keywords,
    Op.MAKE_FUNCTION: _check_make,
}
"""What concerns single instructions, beside the ranges of their operands."""
