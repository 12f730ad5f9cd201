"""A kernel's source as LLVM's assembly: `Statements(kernel).define()`. Used by `lowering`."""

from __future__ import annotations
import __future__

import ast
import inspect
import textwrap
from types import FunctionType

from .assembly import I64, U64, Value, inner, llvm_type, named, result, same
from .expressions import Expressions
from .jit import Kernel, bytecode
from .kinds import IntType, KernelError

_LONG = 60
"""Instructions before optimisation; kernels with more are called, not copied into their callers: compiling takes a
third of the time then, and the code is as quick."""

_SINGLE = 2
"""What Python calls comes one at a time, and its code from far: loops that are written out many times do not pay."""


def _source(k: Kernel) -> ast.FunctionDef:
    """The syntax tree of what is loaded. The file may have changed since then, and the cache's key is of what is
    loaded: another machine code under that key would be a lasting lie."""
    source = textwrap.dedent(inspect.getsource(k.function))
    tree = ast.parse(source).body[0]
    assert isinstance(tree, ast.FunctionDef)
    tree.decorator_list = []
    scope: dict[str, FunctionType] = {}
    future = __future__.annotations.compiler_flag
    exec(compile(ast.Module([tree], []), "<kernel>", "exec", future, dont_inherit=True), scope)
    if bytecode(scope[tree.name]) != bytecode(k.function):
        raise KernelError(f"{k.name}: its source has changed since it was loaded; start again")
    return tree


class Statements(Expressions):
    """Lowers one kernel."""

    def define(self) -> str:
        k = self.kernel
        tree = _source(k)
        taken = []
        for name, kind in k.parameters.items():
            if isinstance(kind, IntType) and kind.bits != 64:
                raise KernelError(f"{k.name}: {name} must be i64, u64 or a pointer")
            taken.append(f"{llvm_type(kind)} %arg.{name}")
            self.assign_name(name, Value(f"%arg.{name}", kind))
        self.block(tree.body)
        if self.open:
            if k.result is not None:
                raise KernelError(f"{k.name}: the end is reached without a return")
            self.emit("ret void")
        number = _SINGLE if k.is_method else int(len(self.lines) > _LONG)
        head = f"define internal {result(k)} @{inner(k)}({', '.join(taken)}) #{number} {{"
        return "\n".join([head, "entry:", *self.slots, *self.lines, "}"])

    # statements

    def block(self, body: list[ast.stmt]) -> None:
        for statement in body:
            if not self.open:
                raise self.fail(statement, "never reached")
            self.statement(statement)

    def statement(self, node: ast.stmt) -> None:
        method = getattr(self, f"do_{type(node).__name__}", None)
        if method is None:
            raise self.fail(node, "not in the dialect")
        method(node)

    def do_Pass(self, node: ast.Pass) -> None:  # noqa: N802
        pass

    def do_Expr(self, node: ast.Expr) -> None:  # noqa: N802
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return  # a docstring
        if not isinstance(node.value, ast.Call):
            raise self.fail(node, "has no effect")
        self.call(node.value)

    def do_Assign(self, node: ast.Assign) -> None:  # noqa: N802
        if len(node.targets) != 1:
            raise self.fail(node, "one target at a time")
        self.store(node.targets[0], self.expression(node.value))

    def do_AnnAssign(self, node: ast.AnnAssign) -> None:  # noqa: N802
        kind = self.scope.get(node.annotation.id) if isinstance(node.annotation, ast.Name) else None
        if not isinstance(node.target, ast.Name) or node.value is None or not isinstance(kind, IntType):
            raise self.fail(node, "only a name with an integer type and a value may be annotated")
        if kind.bits != 64:
            raise self.fail(node, "variables are i64 or u64")
        self.assign_name(node.target.id, self.convert(self.expression(node.value), kind, node))

    def do_AugAssign(self, node: ast.AugAssign) -> None:  # noqa: N802
        target = node.target
        read = ast.copy_location(
            ast.Name(target.id, ast.Load())
            if isinstance(target, ast.Name)
            else ast.Subscript(target.value, target.slice, ast.Load())
            if isinstance(target, ast.Subscript)
            else target,
            target,
        )
        self.store(target, self.binary(node, read, node.op, node.value))

    def store(self, target: ast.expr, value: Value) -> None:
        if isinstance(target, ast.Name):
            if target.id in self.loop_variables:
                raise self.fail(target, "a loop's variable cannot be assigned")
            if value.kind is None:
                value = self.integer(value)
            self.assign_name(target.id, value)
            return
        if not isinstance(target, ast.Subscript):
            raise self.fail(target, "cannot be assigned")
        place, item = self.place(target)
        number = self.integer(value)
        if item.bits < 64:
            number = self.value(f"trunc i64 {number.text} to i{item.bits}", item)
        self.emit(f"store i{item.bits} {number.text}, ptr {place}")

    def assign_name(self, name: str, value: Value) -> None:
        kind = value.kind
        assert kind is not None
        if name not in self.variables:
            if isinstance(kind, IntType):
                kind = I64 if kind.signed else U64
            self.variables[name] = self.slot(kind), kind
        slot, known = self.variables[name]
        if not same(known, kind) and not (isinstance(known, IntType) and value.literal is not None):
            raise KernelError(f"{self.kernel.name}: {name} is both {named(known)} and {named(kind)}")
        self.emit(f"store {llvm_type(known)} {value.text}, ptr {slot}")

    def do_If(self, node: ast.If) -> None:  # noqa: N802
        then, otherwise, end = self.fresh("then"), self.fresh("else"), self.fresh("fi")
        self.branch(self.condition(node.test), then, otherwise)
        self.start(then)
        self.block(node.body)
        falls = self.open
        if falls:
            self.jump(end)
        self.start(otherwise)
        self.block(node.orelse)
        if self.open or falls:
            self.start(end)

    def do_While(self, node: ast.While) -> None:  # noqa: N802
        if node.orelse:
            raise self.fail(node, "no else of a loop")
        test, body, end = self.fresh("while"), self.fresh("do"), self.fresh("done")
        self.start(test)
        self.branch(self.condition(node.test), body, end)
        self.start(body)
        self.loops.append((test, end))
        self.block(node.body)
        self.loops.pop()
        if self.open:
            self.jump(test)
        if not isinstance(node.test, ast.Constant) or f"  br label %{end}" in self.lines:
            self.start(end)
        else:
            self.lines.extend([f"{end}:", "  unreachable"])

    def do_For(self, node: ast.For) -> None:  # noqa: N802
        ranged = node.iter
        if (
            node.orelse
            or not isinstance(node.target, ast.Name)
            or not isinstance(ranged, ast.Call)
            or not isinstance(ranged.func, ast.Name)
            or ranged.func.id != "range"
            or node.target.id in self.loop_variables
        ):
            raise self.fail(node, "only `for name in range(...)`, without else")
        bounds = [self.convert(self.expression(a), I64, a) for a in ranged.args]
        first, last = (Value("0", I64), bounds[0]) if len(bounds) == 1 else bounds[:2]
        step = bounds[2].literal if len(bounds) == 3 else 1
        if not step:
            raise self.fail(node, "the step must be a number")
        name = node.target.id
        counter = self.slot(I64)
        test, body, following, end = (self.fresh(hint) for hint in ("for", "do", "next", "done"))
        self.emit(f"store i64 {first.text}, ptr {counter}")
        self.start(test)
        now = self.value(f"load i64, ptr {counter}", I64)
        comparison = "slt" if step > 0 else "sgt"
        self.branch(self.value(f"icmp {comparison} i64 {now.text}, {last.text}", None), body, end)
        self.start(body)
        self.assign_name(name, now)
        self.loop_variables.add(name)
        self.loops.append((following, end))
        self.block(node.body)
        self.loops.pop()
        self.loop_variables.remove(name)
        self.start(following)
        after = self.value(f"add nsw i64 {now.text}, {step}", I64)
        self.emit(f"store i64 {after.text}, ptr {counter}")
        self.jump(test)
        self.start(end)

    def do_Break(self, node: ast.Break) -> None:  # noqa: N802
        self.jump(self.loops[-1][1])

    def do_Continue(self, node: ast.Continue) -> None:  # noqa: N802
        self.jump(self.loops[-1][0])

    def do_Return(self, node: ast.Return) -> None:  # noqa: N802
        result = self.kernel.result
        if (node.value is None) != (result is None):
            raise self.fail(node, "the result's type does not fit")
        if node.value is None or result is None:
            self.emit("ret void")
        else:
            self.emit(f"ret i64 {self.convert(self.expression(node.value), result, node).text}")
        self.open = False
