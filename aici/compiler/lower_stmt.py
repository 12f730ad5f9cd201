"""Statements to instructions.

Goes in: statement nodes. Comes out: instructions that leave the stack as deep as it was. Only `lower` uses it.

Whatever leaves a block early (return, break, continue) must first undo what the blocks around it have done: drop a
loop's iterator, restore the exception being handled, run a `finally`. `blocks` holds what there is to undo.
"""
# Methods are named after CPython's classes.
# ruff: noqa: N802, N815

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeAlias

from aici.diagnostics import Span
from aici.vm.isa import Op

from . import ast
from .assemble import Label, Region
from .comprehensions import Comprehensions
from .scopes import FunctionNode
from .unit import Unit

MAX_LENGTH = 1 << 16
"""Instructions of one function."""


_FOR_READERS = ("typing", "__future__")
"""Modules of which nothing is left at run time: `subset` allows their names in annotations only."""


class TooLong(Exception):
    """A function needs more than MAX_LENGTH instructions; `statement` is where that became clear."""

    def __init__(self, statement: ast.stmt) -> None:
        self.statement = statement
        super().__init__()


@dataclass(frozen=True, eq=False)
class Loop:
    """A loop; `continue` goes to `head`, `break` to `end`. A `for` loop's iterator is on the stack."""

    span: Span
    head: Label
    end: Label
    has_iterator: bool


@dataclass(frozen=True, eq=False)
class Protected:
    """A `try`, with the region around it, and what it runs on every way out."""

    span: Span
    region: Region | None
    finalbody: tuple[ast.stmt, ...] = ()


@dataclass(frozen=True, eq=False)
class Handling:
    """A handler, with the region around its `try`. The exception handled before is on the stack, `extra` items above
    it. The name of the exception, if it has one, ends with the handler."""

    span: Span
    region: Region | None
    extra: int = 0
    name: str | None = None


@dataclass(frozen=True, eq=False)
class Pending:
    """The value that a `return` takes along is on the stack while a `finally` runs."""

    span: Span


Block: TypeAlias = Loop | Protected | Handling | Pending


class Statements(Comprehensions):
    """Lowers the statements of one function."""

    def __init__(self, unit: Unit, node: FunctionNode) -> None:
        super().__init__(unit, node)
        self.blocks: tuple[Block, ...] = ()

    def body(self, statements: Iterable[ast.stmt]) -> None:
        for statement in statements:
            if not self.code.reachable:
                return
            # A `finally` is lowered once for every way out of its `try`: nested ones can become very long.
            if len(self.code.lines) > MAX_LENGTH:
                raise TooLong(statement)
            lower: Callable[[Any], None] = getattr(self, f"stmt_{type(statement).__name__}")
            lower(statement)

    # Simple statements

    def stmt_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.expr(node.value)
            self.code.emit(Op.POP, span=node.span)

    def stmt_Pass(self, node: ast.Pass | ast.Global | ast.Nonlocal) -> None:
        """Nothing to do."""

    stmt_Global = stmt_Pass
    stmt_Nonlocal = stmt_Pass

    def stmt_Assign(self, node: ast.Assign) -> None:
        if len(node.targets) == 1 and self.exchange(node.targets[0], node.value):
            return
        self.expr(node.value)
        for target in node.targets[:-1]:
            self.code.emit(Op.DUP, span=node.value.span)
            self.target(target)
        self.target(node.targets[-1])

    def exchange(self, target: ast.expr, value: ast.expr) -> bool:
        """`a, b = b, a` and the like without a tuple; False if it is nothing like that."""
        if not isinstance(target, ast.Tuple) or not isinstance(value, ast.Tuple):
            return False
        if len(target.elts) != len(value.elts) or len(value.elts) not in (2, 3):
            return False
        if any(isinstance(item, ast.Starred) for item in (*target.elts, *value.elts)):
            return False
        for item in value.elts:
            self.expr(item)
        if len(value.elts) == 3:
            self.code.emit(Op.ROT3, span=value.span)
        self.code.emit(Op.SWAP, span=value.span)
        for item in target.elts:
            self.target(item)
        return True

    def stmt_AugAssign(self, node: ast.AugAssign) -> None:
        self.augmented(node)

    def stmt_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value:
            self.expr(node.value)
            self.target(node.target)
        elif isinstance(node.target, ast.Attribute | ast.Subscript):
            parts = [node.target.value]
            if isinstance(node.target, ast.Subscript):
                parts.append(node.target.slice)
            for part in parts:
                self.expr(part)
                self.code.emit(Op.POP, span=part.span)

    def stmt_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self.delete_target(target)

    def stmt_Assert(self, node: ast.Assert) -> None:
        passed = Label()
        self.jump_if(node.test, passed, True)
        if node.msg:
            self.expr(node.msg)
        self.code.emit(Op.RAISE_ASSERT, int(node.msg is not None), span=node.span)
        self.code.place(passed)

    def stmt_Raise(self, node: ast.Raise) -> None:
        if node.exc is None:
            self.code.emit(Op.RERAISE, span=node.span)
            return
        self.expr(node.exc)
        if node.cause:
            self.expr(node.cause)
        self.code.emit(Op.RAISE, int(node.cause is not None), span=node.span)

    def stmt_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.make_function(node, node.args)
        self.store(node.name, node.span)

    stmt_AsyncFunctionDef = stmt_FunctionDef

    def stmt_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name in _FOR_READERS:
                continue
            self.code.emit(Op.IMPORT, self.unit.name(alias.name), span=alias.span)
            self.store(alias.asname or alias.name, alias.span)

    def stmt_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.module in _FOR_READERS:
            return
        self.code.emit(Op.IMPORT, self.unit.name(node.module), span=node.span)
        for alias in node.names:
            self.code.emit(Op.IMPORT_FROM, self.unit.name(alias.name), span=alias.span)
            self.store(alias.asname or alias.name, alias.span)
        self.code.emit(Op.POP, span=node.span)

    # Branches and loops

    def stmt_If(self, node: ast.If) -> None:
        orelse, end = Label(), Label()
        self.jump_if(node.test, orelse, False)
        self.body(node.body)
        if node.orelse:
            self.code.emit(Op.JUMP, label=end, span=node.test.span)
        self.code.place(orelse)
        self.body(node.orelse)
        self.code.place(end)

    def stmt_While(self, node: ast.While) -> None:
        # The test stands before and after the body: one jump less in every turn.
        top, head, done, end = Label(), Label(), Label(), Label()
        self.jump_if(node.test, done, False)
        self.code.place(top)
        with self.block(Loop(node.span, head, end, has_iterator=False)):
            self.body(node.body)
        self.code.place(head)
        self.jump_if(node.test, top, True)
        self.code.place(done)
        self.body(node.orelse)
        self.code.place(end)

    def stmt_For(self, node: ast.For) -> None:
        head, done, end = Label(), Label(), Label()
        self.expr(node.iter)
        self.code.emit(Op.GET_ITER, span=node.iter.span)
        self.code.place(head)
        self.code.emit(Op.FOR_ITER, label=done, span=node.iter.span)
        self.target(node.target)
        with self.block(Loop(node.span, head, end, has_iterator=True)):
            self.body(node.body)
        self.code.emit(Op.JUMP, label=head, span=node.iter.span)
        self.code.place(done)
        self.body(node.orelse)
        self.code.place(end)

    # Ways out of blocks

    @contextmanager
    def block(self, block: Block) -> Iterator[None]:
        around, self.blocks = self.blocks, (*self.blocks, block)
        yield
        self.blocks = around

    @contextmanager
    def left(self, keep: int, value: bool = False) -> Iterator[None]:
        """Undo all blocks but the outermost `keep`, below the value on the stack if there is one; what is emitted
        inside is outside of those blocks."""
        blocks, region = self.blocks, self.code.region
        while len(self.blocks) > keep:
            block, self.blocks = self.blocks[-1], self.blocks[:-1]
            self.undo(block, value)
        yield
        self.blocks, self.code.region = blocks, region

    def undo(self, block: Block, value: bool) -> None:
        if isinstance(block, Protected):
            self.code.region = block.region
            with self.block(Pending(block.span)) if value else nullcontext():
                self.body(block.finalbody)
        elif isinstance(block, Handling):
            self.code.region = block.region
            for _ in range(block.extra):
                self.drop(Op.POP, value, block.span)
            self.drop(Op.POP_EXC, value, block.span)
            if block.name:
                self.unbind(block.name, block.span)
        elif isinstance(block, Pending) or block.has_iterator:
            self.drop(Op.POP, value, block.span)

    def drop(self, op: Op, below_value: bool, span: Span) -> None:
        if below_value:
            self.code.emit(Op.SWAP, span=span)
        self.code.emit(op, span=span)

    def stmt_Return(self, node: ast.Return) -> None:
        if node.value:
            self.expr(node.value)
        else:
            self.const(None, node.span)
        with self.left(0, value=True):
            self.code.emit(Op.RETURN, span=node.span)

    def stmt_Break(self, node: ast.Break) -> None:
        index, loop = self.innermost_loop()
        with self.left(index):
            self.code.emit(Op.JUMP, label=loop.end, span=node.span)

    def stmt_Continue(self, node: ast.Continue) -> None:
        index, loop = self.innermost_loop()
        with self.left(index + 1):
            self.code.emit(Op.JUMP, label=loop.head, span=node.span)

    def innermost_loop(self) -> tuple[int, Loop]:
        """The loop, and how many blocks there are around it."""
        return next(
            (index, block) for index, block in reversed(list(enumerate(self.blocks))) if isinstance(block, Loop)
        )

    # Exceptions

    def stmt_Try(self, node: ast.Try) -> None:
        if not node.finalbody:
            self.try_except(node)
            return
        around = self.code.region
        region, cleanup, end = Region(self.code.depth), Region(self.code.depth + 1), Label()
        with self.block(Protected(node.span, around, node.finalbody)), self.code.within(region):
            if node.handlers:
                self.try_except(node)
            else:
                self.body(node.body)
        self.body(node.finalbody)
        self.code.emit(Op.JUMP, label=end, span=node.span)
        self.code.place(region.handler)
        self.code.emit(Op.PUSH_EXC, span=node.span)
        with self.block(Handling(node.span, around, extra=1)), self.code.within(cleanup):
            self.body(node.finalbody)
        self.pass_on(cleanup, node.span)
        self.code.place(end)

    def try_except(self, node: ast.Try) -> None:
        around = self.code.region
        region, cleanup, end = Region(self.code.depth), Region(self.code.depth + 1), Label()
        with self.block(Protected(node.span, around)), self.code.within(region):
            self.body(node.body)
        self.body(node.orelse)
        self.code.emit(Op.JUMP, label=end, span=node.span)
        self.code.place(region.handler)
        self.code.emit(Op.PUSH_EXC, span=node.span)
        for handler in node.handlers:
            with self.code.within(cleanup):
                self.handler(handler, around, cleanup, end)
        self.pass_on(cleanup, node.span)
        self.code.place(end)

    def handler(self, node: ast.ExceptHandler, around: Region | None, cleanup: Region, end: Label) -> None:
        """`except type as name: body`, with the exceptions handled before and now on the stack."""
        following = Label()
        if node.type:
            self.expr(node.type)
            self.code.emit(Op.MATCH_EXC, span=node.type.span)
            self.code.emit(Op.JUMP_IF_FALSE, label=following, span=node.type.span)
        named = Region(self.code.depth - 1)
        if node.name:
            self.store(node.name, node.span)
        else:
            self.code.emit(Op.POP, span=node.span)
        with self.block(Handling(node.span, around, name=node.name)), self.code.within(named if node.name else cleanup):
            self.body(node.body)
        if node.name:
            self.unbind(node.name, node.span)
        with self.code.within(around):
            self.code.emit(Op.POP_EXC, span=node.span)
            self.code.emit(Op.JUMP, label=end, span=node.span)
        if node.name:
            self.code.place(named.handler)
            self.unbind(node.name, node.span)
            self.code.emit(Op.JUMP, label=cleanup.handler, span=node.span)
        self.code.place(following)

    def pass_on(self, cleanup: Region, span: Span) -> None:
        """With the exceptions handled before and now on the stack: restore the former and go on raising the latter. An
        exception in a handler's code ends here too, as the one that is passed on."""
        self.code.place(cleanup.handler)
        self.code.emit(Op.SWAP, span=span)
        self.code.emit(Op.POP_EXC, span=span)
        self.code.emit(Op.THROW, span=span)

    def unbind(self, name: str, span: Span) -> None:
        """Whether it is bound or not."""
        self.const(None, span)
        self.store(name, span)
        self.delete(name, span)
