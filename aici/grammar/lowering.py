"""Kernels to machine code: Python source of the dialect (see `jit`) -> LLVM's assembly language -> object file.

Goes in: kernels and whether to compile for the plain architecture. Comes out: an image (`image.link`), or the object
file itself where images are not served. The only module that imports llvmlite; `jit` imports it when the cache has
nothing, everybody else never.

LLVM's assembly is written as text: it is small, it is documented (https://llvm.org/docs/LangRef.html), and it needs no
second object model. Every local variable is a stack slot; LLVM makes registers of them.
"""

from __future__ import annotations
import __future__

import ast
import inspect
import textwrap
from dataclasses import dataclass
from types import FunctionType

import llvmlite.binding as llvm

from . import image, methods
from .jit import (
    IntType,
    Kernel,
    KernelError,
    Kind,
    PtrType,
    bytecode,
    clear_words,
    copy_words,
    entries,
    ones,
    reachable,
    trailing_zeros,
)

_I64 = IntType(64, signed=True)
_U64 = IntType(64, signed=False)
_WORDS = PtrType(IntType(32, signed=False))


def compile_kernels(kernels: list[Kernel], generic: bool) -> bytes:
    """Machine code with an entry for each kernel: an image, or an object file where images are not served."""
    code = emit(kernels, _target_machine(generic))
    return image.link(code, entries(kernels)) if image.is_served() else code


_ATTRIBUTES = 'nounwind "no-builtins" "no-jump-tables"="true" "prefer-vector-width"="512"'
_STRING_WORDS = """
define internal void @copy_words(ptr %out, ptr %row, i64 %n) alwaysinline #0 {
  call { ptr, ptr, i64 } asm sideeffect "rep movsl",
    "={di},={si},={cx},0,1,2,~{memory},~{dirflag},~{fpsr},~{flags}"(ptr %out, ptr %row, i64 %n)
  ret void
}
define internal void @clear_words(ptr %out, i64 %n) alwaysinline #0 {
  call { ptr, i64 } asm sideeffect "rep stosl",
    "={di},={cx},{ax},0,1,~{memory},~{dirflag},~{fpsr},~{flags}"(i32 0, ptr %out, i64 %n)
  ret void
}
"""
"""Twice as quick as loops: whole cache lines are written without being read first."""
_LOOP_WORDS = """
define internal void @copy_words(ptr %out, ptr %row, i64 %n) #0 {
entry:
  %none = icmp sle i64 %n, 0
  br i1 %none, label %end, label %next
next:
  %i = phi i64 [ 0, %entry ], [ %after, %next ]
  %from = getelementptr i32, ptr %row, i64 %i
  %word = load i32, ptr %from
  %to = getelementptr i32, ptr %out, i64 %i
  store i32 %word, ptr %to
  %after = add nsw i64 %i, 1
  %more = icmp slt i64 %after, %n
  br i1 %more, label %next, label %end
end:
  ret void
}
define internal void @clear_words(ptr %out, i64 %n) #0 {
entry:
  %none = icmp sle i64 %n, 0
  br i1 %none, label %end, label %next
next:
  %i = phi i64 [ 0, %entry ], [ %after, %next ]
  %to = getelementptr i32, ptr %out, i64 %i
  store i32 0, ptr %to
  %after = add nsw i64 %i, 1
  %more = icmp slt i64 %after, %n
  br i1 %more, label %next, label %end
end:
  ret void
}
"""
_LONG = 60
"""Instructions before optimisation; kernels with more are called, not copied into their callers: compiling takes a
third of the time then, and the code is as quick."""


def emit(kernels: list[Kernel], machine: llvm.TargetMachine) -> bytes:
    """An object file for some target."""
    text = "\n".join([*(_Function(k).define() for k in reachable(kernels)), *(_entry(k) for k in kernels)])
    text += "\n".join(["", *(methods.text(k, _inner(k)) for k in kernels if k.is_method)])
    text += _STRING_WORDS if machine.triple.startswith("x86_64") else _LOOP_WORDS
    text += f"\nattributes #0 = {{ {_ATTRIBUTES} }}\nattributes #1 = {{ noinline {_ATTRIBUTES} }}\n!0 = !{{}}\n"
    module = llvm.parse_assembly(f'target triple = "{machine.triple}"\n{text}')
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = True
    options.slp_vectorization = True
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    code: bytes = machine.emit_object(module)
    return code


def _target_machine(generic: bool) -> llvm.TargetMachine:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()  # for the assembly within
    target = llvm.Target.from_triple(llvm.get_process_triple())
    cpu, features = ("", "") if generic else (llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())
    return target.create_target_machine(cpu=cpu, features=features, opt=3, reloc="pic", codemodel="small")


_ENGINES: list[object] = []
"""What was loaded; code stays for the life of the process."""


def load_with_engine(code: bytes, names: list[str]) -> dict[str, int]:
    """Addresses of an object file's functions, mapped by LLVM's own loader."""
    machine = _target_machine(generic=False)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _ENGINES.append(engine)
    return {name: engine.get_function_address(name) for name in names}


def _llvm(kind: Kind) -> str:
    """The type that a value of this kind has in a register."""
    return "i64" if isinstance(kind, IntType) else "ptr"


def _result(k: Kernel) -> str:
    return "void" if k.result is None else "i64"


def _entry(k: Kernel) -> str:
    """The function that is called from outside: one 64-bit slot for each parameter."""
    lines = [f"define i64 @{k.name}(ptr %slots) #0 {{"]
    passed = []
    for i, kind in enumerate(k.parameters.values()):
        lines.append(f"  %p{i} = getelementptr i64, ptr %slots, i64 {i}")
        lines.append(f"  %v{i} = load {_llvm(kind)}, ptr %p{i}")
        passed.append(f"{_llvm(kind)} %v{i}")
    call = f"call {_result(k)} @{_inner(k)}({', '.join(passed)})"
    lines.extend([f"  {call}", "  ret i64 0"] if k.result is None else [f"  %r = {call}", "  ret i64 %r"])
    return "\n".join([*lines, "}"])


def _inner(k: Kernel) -> str:
    return f'"{k.module}.{k.name}"'


@dataclass(frozen=True)
class _Value:
    """`text` is an LLVM operand; `kind` None means a truth value (i1). `literal`: the number, which takes any kind."""

    text: str
    kind: Kind | None
    literal: int | None = None


def _same(a: Kind, b: Kind | None) -> bool:
    """Whether values of these kinds are interchangeable in a register."""
    if isinstance(a, IntType):
        return isinstance(b, IntType) and a.signed == b.signed
    if isinstance(a, PtrType):
        return isinstance(b, PtrType) and a.item.name == b.item.name
    return a is b


def _named(kind: Kind) -> str:
    return kind.__name__ if isinstance(kind, type) else repr(kind)


def _is_not(node: ast.expr) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)


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


_COMPARISONS = {ast.Eq: "eq", ast.NotEq: "ne", ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge"}
_SIMPLE = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.BitAnd: "and", ast.BitOr: "or", ast.BitXor: "xor"}
_MAY_WRAP = (ast.Add, ast.Sub, ast.Mult, ast.LShift)


class _Function:
    """Lowers one kernel."""

    def __init__(self, k: Kernel) -> None:
        self.kernel = k
        self.scope = k.function.__globals__
        self.lines: list[str] = []
        self.slots: list[str] = []
        self.variables: dict[str, tuple[str, Kind]] = {}
        self.loop_variables: set[str] = set()
        self.loops: list[tuple[str, str]] = []  # where continue and break go
        self.count = 0
        self.open = True  # whether the current block still lacks its end

    def define(self) -> str:
        k = self.kernel
        tree = _source(k)
        taken = []
        for name, kind in k.parameters.items():
            if isinstance(kind, IntType) and kind.bits != 64:
                raise KernelError(f"{k.name}: {name} must be i64, u64 or a pointer")
            taken.append(f"{_llvm(kind)} %arg.{name}")
            self.assign_name(name, _Value(f"%arg.{name}", kind))
        self.block(tree.body)
        if self.open:
            if k.result is not None:
                raise KernelError(f"{k.name}: the end is reached without a return")
            self.emit("ret void")
        head = f"define internal {_result(k)} @{_inner(k)}({', '.join(taken)}) #{int(len(self.lines) > _LONG)} {{"
        return "\n".join([head, "entry:", *self.slots, *self.lines, "}"])

    # writing

    def fail(self, node: ast.AST, why: str) -> KernelError:
        line = getattr(node, "lineno", 0)
        return KernelError(f"{self.kernel.name}, line {line}: {why}: {ast.unparse(node)}")

    def fresh(self, hint: str) -> str:
        self.count += 1
        return f"{hint}{self.count}"

    def emit(self, line: str) -> None:
        if self.open:
            self.lines.append(f"  {line}")

    def value(self, instruction: str, kind: Kind | None) -> _Value:
        name = f"%{self.fresh('t')}"
        self.emit(f"{name} = {instruction}")
        return _Value(name, kind)

    def jump(self, label: str) -> None:
        self.emit(f"br label %{label}")
        self.open = False

    def branch(self, condition: _Value, then: str, otherwise: str) -> None:
        self.emit(f"br i1 {condition.text}, label %{then}, label %{otherwise}")
        self.open = False

    def start(self, label: str) -> None:
        """Begin a block, falling into it from the one before."""
        if self.open:
            self.jump(label)
        self.lines.append(f"{label}:")
        self.open = True

    def slot(self, kind: Kind | None) -> str:
        name = f"%{self.fresh('s')}"
        self.slots.append(f"  {name} = alloca {_llvm(kind) if kind is not None else 'i1'}")
        return name

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

    def store(self, target: ast.expr, value: _Value) -> None:
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

    def assign_name(self, name: str, value: _Value) -> None:
        kind = value.kind
        assert kind is not None
        if name not in self.variables:
            if isinstance(kind, IntType):
                kind = _I64 if kind.signed else _U64
            self.variables[name] = self.slot(kind), kind
        slot, known = self.variables[name]
        if not _same(known, kind) and not (isinstance(known, IntType) and value.literal is not None):
            raise KernelError(f"{self.kernel.name}: {name} is both {_named(known)} and {_named(kind)}")
        self.emit(f"store {_llvm(known)} {value.text}, ptr {slot}")

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
        bounds = [self.convert(self.expression(a), _I64, a) for a in ranged.args]
        first, last = (_Value("0", _I64), bounds[0]) if len(bounds) == 1 else bounds[:2]
        step = bounds[2].literal if len(bounds) == 3 else 1
        if not step:
            raise self.fail(node, "the step must be a number")
        name = node.target.id
        counter = self.slot(_I64)
        test, body, following, end = (self.fresh(hint) for hint in ("for", "do", "next", "done"))
        self.emit(f"store i64 {first.text}, ptr {counter}")
        self.start(test)
        now = self.value(f"load i64, ptr {counter}", _I64)
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
        after = self.value(f"add nsw i64 {now.text}, {step}", _I64)
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

    # expressions

    def expression(self, node: ast.expr) -> _Value:
        method = getattr(self, f"of_{type(node).__name__}", None)
        if method is None:
            raise self.fail(node, "not in the dialect")
        value = method(node)
        assert isinstance(value, _Value)
        return value

    def integer(self, value: _Value) -> _Value:
        """A truth value as 0 or 1; an integer as it is."""
        if value.kind is None:
            return self.value(f"zext i1 {value.text} to i64", _I64)
        if not isinstance(value.kind, IntType):
            raise KernelError(f"{self.kernel.name}: {_named(value.kind)} is no number")
        return value

    def convert(self, value: _Value, kind: Kind, node: ast.AST) -> _Value:
        """The value as one of this kind, if Python would see the same number."""
        if not isinstance(kind, IntType):
            if not _same(kind, value.kind):
                raise self.fail(node, f"must be a {_named(kind)}")
            return value
        value = self.integer(value)
        assert isinstance(value.kind, IntType)
        if value.literal is None and value.kind.signed != kind.signed:
            raise self.fail(node, f"must be {kind.name}")
        return _Value(value.text, kind, value.literal)

    def condition(self, node: ast.expr) -> _Value:
        if isinstance(node, ast.BoolOp):
            return self.short_circuit(node)
        value = self.expression(node)
        if value.kind is None:
            return value
        return self.value(f"icmp ne i64 {self.integer(value).text}, 0", None)

    def of_Constant(self, node: ast.Constant) -> _Value:  # noqa: N802
        if isinstance(node.value, bool):
            return _Value(str(node.value).lower(), None)
        if not isinstance(node.value, int):
            raise self.fail(node, "not an integer")
        return self.number(node.value)

    def number(self, value: int) -> _Value:
        return _Value(str(value), _U64 if value >= 1 << 63 else _I64, value)

    def of_Name(self, node: ast.Name) -> _Value:  # noqa: N802
        if node.id in self.variables:
            slot, kind = self.variables[node.id]
            return self.value(f"load {_llvm(kind)}, ptr {slot}", kind)
        constant = self.scope.get(node.id)
        if isinstance(constant, bool) or not isinstance(constant, int):
            raise self.fail(node, "unknown name")
        return self.number(constant)

    def of_Attribute(self, node: ast.Attribute) -> _Value:  # noqa: N802
        record = self.expression(node.value)
        if not isinstance(record.kind, type) or node.attr not in record.kind.kinds():
            raise self.fail(node, "no field of a record")
        kinds = record.kind.kinds()
        kind = kinds[node.attr]
        place = f"%{self.fresh('t')}"
        self.emit(f"{place} = getelementptr inbounds i64, ptr {record.text}, i64 {list(kinds).index(node.attr)}")
        return self.value(f"load {_llvm(kind)}, ptr {place}, !invariant.load !0", kind)

    def of_Subscript(self, node: ast.Subscript) -> _Value:  # noqa: N802
        if isinstance(node.slice, ast.Slice):
            part = node.slice
            if part.lower is None or part.upper is not None or part.step is not None:
                raise self.fail(node, "only pointer[start:]")
            moved = ast.copy_location(ast.Subscript(node.value, part.lower, ast.Load()), node)
            place, item = self.place(moved)
            return _Value(place, PtrType(item))
        place, item = self.place(node)
        loaded = self.value(f"load i{item.bits}, ptr {place}", _I64)
        if item.bits == 64:
            return _Value(loaded.text, _I64 if item.signed else _U64)
        extend = "sext" if item.signed else "zext"
        return self.value(f"{extend} i{item.bits} {loaded.text} to i64", _I64)

    def place(self, node: ast.Subscript) -> tuple[str, IntType]:
        base = self.expression(node.value)
        if not isinstance(base.kind, PtrType):
            raise self.fail(node, "no pointer")
        index = self.integer(self.expression(node.slice))
        item = base.kind.item
        place = self.value(f"getelementptr inbounds i{item.bits}, ptr {base.text}, i64 {index.text}", base.kind)
        return place.text, item

    def of_UnaryOp(self, node: ast.UnaryOp) -> _Value:  # noqa: N802
        if isinstance(node.op, ast.Not):
            return self.value(f"xor i1 {self.condition(node.operand).text}, true", None)
        operand = self.integer(self.expression(node.operand))
        assert isinstance(operand.kind, IntType)
        if isinstance(node.op, ast.USub) and operand.literal is not None:
            return self.number(-operand.literal)
        if not operand.kind.signed:
            raise self.fail(node, "write u64(...) around what may wrap")
        return self.unary(node.op, operand)

    def unary(self, op: ast.unaryop, operand: _Value) -> _Value:
        if isinstance(op, ast.USub):
            return self.value(f"sub i64 0, {operand.text}", operand.kind)
        if isinstance(op, ast.Invert):
            return self.value(f"xor i64 {operand.text}, -1", operand.kind)
        return operand

    def of_BinOp(self, node: ast.BinOp) -> _Value:  # noqa: N802
        return self.binary(node, node.left, node.op, node.right)

    def binary(self, node: ast.AST, left: ast.expr, op: ast.operator, right: ast.expr, wraps: bool = False) -> _Value:
        a, b = self.integer(self.expression(left)), self.integer(self.expression(right))
        if isinstance(op, (ast.LShift, ast.RShift)):
            kind = a.kind
        else:
            a, b, kind = self.common(a, b, node)
        assert isinstance(kind, IntType)
        if not kind.signed and isinstance(op, _MAY_WRAP) and not wraps:
            raise self.fail(node, "write u64(...) around what may wrap")
        if type(op) in _SIMPLE:
            return self.value(f"{_SIMPLE[type(op)]} i64 {a.text}, {b.text}", kind)
        if isinstance(op, ast.LShift):
            return self.value(f"shl i64 {a.text}, {b.text}", kind)
        if isinstance(op, ast.RShift):
            return self.value(f"{'ashr' if kind.signed else 'lshr'} i64 {a.text}, {b.text}", kind)
        if isinstance(op, (ast.FloorDiv, ast.Mod)):
            return self.divide(a, b, kind, isinstance(op, ast.Mod))
        raise self.fail(node, "not in the dialect")

    def common(self, a: _Value, b: _Value, node: ast.AST) -> tuple[_Value, _Value, IntType]:
        """Both of one kind: a literal takes the other's."""
        if a.literal is not None and b.literal is None:
            b2, a2, kind = self.common(b, a, node)
            return a2, b2, kind
        assert isinstance(a.kind, IntType)
        if b.literal is not None and b.literal < 0 and not a.kind.signed:
            raise self.fail(node, "a negative number beside a u64")
        return a, self.convert(b, a.kind, node), a.kind

    def divide(self, a: _Value, b: _Value, kind: IntType, remainder: bool) -> _Value:
        """Towards minus infinity, as Python does."""
        if not kind.signed:
            return self.value(f"{'urem' if remainder else 'udiv'} i64 {a.text}, {b.text}", kind)
        rest = self.value(f"srem i64 {a.text}, {b.text}", kind)
        differ = self.value(f"icmp slt i64 {self.value(f'xor i64 {rest.text}, {b.text}', kind).text}, 0", None)
        some = self.value(f"icmp ne i64 {rest.text}, 0", None)
        fix = self.value(f"and i1 {differ.text}, {some.text}", None)
        if remainder:
            moved = self.value(f"add i64 {rest.text}, {b.text}", kind)
            return self.value(f"select i1 {fix.text}, i64 {moved.text}, i64 {rest.text}", kind)
        quotient = self.value(f"sdiv i64 {a.text}, {b.text}", kind)
        return self.value(f"sub i64 {quotient.text}, {self.integer(fix).text}", kind)

    def of_Compare(self, node: ast.Compare) -> _Value:  # noqa: N802
        if len(node.ops) != 1 or type(node.ops[0]) not in _COMPARISONS:
            raise self.fail(node, "one comparison at a time")
        a = self.integer(self.expression(node.left))
        b = self.integer(self.expression(node.comparators[0]))
        a, b, kind = self.common(a, b, node)
        relation = _COMPARISONS[type(node.ops[0])]
        sign = "" if relation in ("eq", "ne") else "s" if kind.signed else "u"
        return self.value(f"icmp {sign}{relation} i64 {a.text}, {b.text}", None)

    def of_BoolOp(self, node: ast.BoolOp) -> _Value:  # noqa: N802
        """As a value, only of truth values, so that the result is what Python gives."""
        for operand in node.values:
            if not isinstance(operand, (ast.Compare, ast.BoolOp)) and not _is_not(operand):
                raise self.fail(operand, "compare it to something")
        return self.short_circuit(node)

    def short_circuit(self, node: ast.BoolOp) -> _Value:
        result, end = self.slot(None), self.fresh("bool")
        for i, operand in enumerate(node.values):
            value = self.condition(operand)
            self.emit(f"store i1 {value.text}, ptr {result}")
            if i + 1 < len(node.values):
                more = self.fresh("more")
                then, otherwise = (more, end) if isinstance(node.op, ast.And) else (end, more)
                self.branch(value, then, otherwise)
                self.start(more)
        self.start(end)
        return self.value(f"load i1, ptr {result}", None)

    def of_IfExp(self, node: ast.IfExp) -> _Value:  # noqa: N802
        then, otherwise, end = self.fresh("then"), self.fresh("else"), self.fresh("fi")
        self.branch(self.condition(node.test), then, otherwise)
        self.start(then)
        a = self.expression(node.body)
        a = self.integer(a) if a.kind is None else a
        assert a.kind is not None
        slot = self.slot(a.kind)
        self.emit(f"store {_llvm(a.kind)} {a.text}, ptr {slot}")
        self.jump(end)
        self.start(otherwise)
        b = self.expression(node.orelse)
        kind = b.kind if a.literal is not None and isinstance(b.kind, IntType) else a.kind
        b = self.convert(b, kind, node)
        self.emit(f"store {_llvm(kind)} {b.text}, ptr {slot}")
        self.start(end)
        return self.value(f"load {_llvm(kind)}, ptr {slot}", kind)

    def of_Call(self, node: ast.Call) -> _Value:  # noqa: N802
        value = self.call(node)
        if value is None:
            raise self.fail(node, "has no value")
        return value

    def call(self, node: ast.Call) -> _Value | None:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if node.keywords or not name:
            raise self.fail(node, "only calls by name, with positional arguments")
        if name in ("min", "max"):
            return self.least(node, name)
        callee = self.scope.get(name)
        if isinstance(callee, IntType):
            return self.wrap(node, callee)
        if callee in (ones, trailing_zeros):
            return self.count_bits(node, callee is ones)
        if callee in (copy_words, clear_words):
            self.many_words(node, name)
            return None
        if not isinstance(callee, Kernel):
            raise self.fail(node, "not a kernel")
        kinds = list(callee.parameters.values())
        if len(kinds) != len(node.args):
            raise self.fail(node, f"{len(kinds)} arguments are wanted")
        passed = [self.convert(self.expression(a), kind, a) for a, kind in zip(node.args, kinds, strict=True)]
        listed = ", ".join(f"{_llvm(kind)} {v.text}" for v, kind in zip(passed, kinds, strict=True))
        call = f"call {_result(callee)} @{_inner(callee)}({listed})"
        if callee.result is None:
            self.emit(call)
            return None
        return self.value(call, callee.result)

    def least(self, node: ast.Call, name: str) -> _Value:
        if len(node.args) != 2:
            raise self.fail(node, "of two numbers")
        a, b = (self.integer(self.expression(argument)) for argument in node.args)
        a, b, kind = self.common(a, b, node)
        return self.value(f"call i64 @llvm.{'s' if kind.signed else 'u'}{name}.i64(i64 {a.text}, i64 {b.text})", kind)

    def many_words(self, node: ast.Call, name: str) -> None:
        kinds: list[Kind] = [_WORDS, _WORDS, _I64] if name == "copy_words" else [_WORDS, _I64]
        if len(node.args) != len(kinds):
            raise self.fail(node, f"{len(kinds)} arguments are wanted")
        passed = [self.convert(self.expression(a), kind, a) for a, kind in zip(node.args, kinds, strict=True)]
        listed = ", ".join(f"{_llvm(kind)} {v.text}" for v, kind in zip(passed, kinds, strict=True))
        self.emit(f"call void @{name}({listed})")

    def count_bits(self, node: ast.Call, all_of_them: bool) -> _Value:
        if len(node.args) != 1:
            raise self.fail(node, "of one number")
        bits = self.convert(self.expression(node.args[0]), _U64, node).text
        intrinsic = f"ctpop.i64(i64 {bits})" if all_of_them else f"cttz.i64(i64 {bits}, i1 true)"
        return self.value(f"call i64 @llvm.{intrinsic}", _I64)

    def wrap(self, node: ast.Call, kind: IntType) -> _Value:
        """`u64(a * b)` and its like: the arithmetic directly inside may wrap."""
        (inner,) = node.args
        if isinstance(inner, ast.BinOp):
            value = self.binary(inner, inner.left, inner.op, inner.right, wraps=True)
        elif isinstance(inner, ast.UnaryOp) and isinstance(inner.op, (ast.USub, ast.Invert)):
            value = self.unary(inner.op, self.integer(self.expression(inner.operand)))
        else:
            value = self.integer(self.expression(inner))
        if kind.bits == 64:
            return _Value(value.text, kind)
        cut = self.value(f"trunc i64 {value.text} to i{kind.bits}", kind)
        return self.value(f"{'sext' if kind.signed else 'zext'} i{kind.bits} {cut.text} to i64", _I64)
