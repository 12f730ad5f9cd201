"""What an expression of a kernel computes, as text. Part of `statements`."""

from __future__ import annotations

import ast

from .assembly import I64, U64, Text, Value, inner, llvm_type, named, result, same
from .jit import Kernel, clear_words, clear_words_on, copy_words, copy_words_on, ones, publish, trailing_zeros
from .kinds import IntType, KernelError, PtrType
from .records import Kind

_WORDS = PtrType(IntType(32, signed=False))


def _is_not(node: ast.expr) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)


_COMPARISONS = {ast.Eq: "eq", ast.NotEq: "ne", ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge"}
_SIMPLE = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.BitAnd: "and", ast.BitOr: "or", ast.BitXor: "xor"}
_MAY_WRAP = (ast.Add, ast.Sub, ast.Mult, ast.LShift)


class Expressions(Text):
    def expression(self, node: ast.expr) -> Value:
        method = getattr(self, f"of_{type(node).__name__}", None)
        if method is None:
            raise self.fail(node, "not in the dialect")
        value = method(node)
        assert isinstance(value, Value)
        return value

    def integer(self, value: Value) -> Value:
        """A truth value as 0 or 1; an integer as it is."""
        if value.kind is None:
            return self.value(f"zext i1 {value.text} to i64", I64)
        if not isinstance(value.kind, IntType):
            raise KernelError(f"{self.kernel.name}: {named(value.kind)} is no number")
        return value

    def convert(self, value: Value, kind: Kind, node: ast.AST) -> Value:
        """The value as one of this kind, if Python would see the same number."""
        if not isinstance(kind, IntType):
            if not same(kind, value.kind):
                raise self.fail(node, f"must be a {named(kind)}")
            return value
        value = self.integer(value)
        assert isinstance(value.kind, IntType)
        if value.literal is None and value.kind.signed != kind.signed:
            raise self.fail(node, f"must be {kind.name}")
        return Value(value.text, kind, value.literal)

    def condition(self, node: ast.expr) -> Value:
        if isinstance(node, ast.BoolOp):
            return self.short_circuit(node)
        value = self.expression(node)
        if value.kind is None:
            return value
        return self.value(f"icmp ne i64 {self.integer(value).text}, 0", None)

    def of_Constant(self, node: ast.Constant) -> Value:  # noqa: N802
        if isinstance(node.value, bool):
            return Value(str(node.value).lower(), None)
        if not isinstance(node.value, int):
            raise self.fail(node, "not an integer")
        return self.number(node.value)

    def number(self, value: int) -> Value:
        return Value(str(value), U64 if value >= 1 << 63 else I64, value)

    def of_Name(self, node: ast.Name) -> Value:  # noqa: N802
        if node.id in self.variables:
            slot, kind = self.variables[node.id]
            return self.value(f"load {llvm_type(kind)}, ptr {slot}", kind)
        constant = self.scope.get(node.id)
        if isinstance(constant, bool) or not isinstance(constant, int):
            raise self.fail(node, "unknown name")
        return self.number(constant)

    def of_Attribute(self, node: ast.Attribute) -> Value:  # noqa: N802
        record = self.expression(node.value)
        if not isinstance(record.kind, type) or node.attr not in record.kind.kinds():
            raise self.fail(node, "no field of a record")
        kinds = record.kind.kinds()
        kind = kinds[node.attr]
        place = f"%{self.fresh('t')}"
        self.emit(f"{place} = getelementptr inbounds i64, ptr {record.text}, i64 {list(kinds).index(node.attr)}")
        return self.value(f"load {llvm_type(kind)}, ptr {place}, !invariant.load !0", kind)

    def of_Subscript(self, node: ast.Subscript) -> Value:  # noqa: N802
        if isinstance(node.slice, ast.Slice):
            part = node.slice
            if part.lower is None or part.upper is not None or part.step is not None:
                raise self.fail(node, "only pointer[start:]")
            moved = ast.copy_location(ast.Subscript(node.value, part.lower, ast.Load()), node)
            place, item = self.place(moved)
            return Value(place, PtrType(item))
        place, item = self.place(node)
        loaded = self.value(f"load i{item.bits}, ptr {place}", I64)
        if item.bits == 64:
            return Value(loaded.text, I64 if item.signed else U64)
        extend = "sext" if item.signed else "zext"
        return self.value(f"{extend} i{item.bits} {loaded.text} to i64", I64)

    def place(self, node: ast.Subscript) -> tuple[str, IntType]:
        base = self.expression(node.value)
        if not isinstance(base.kind, PtrType):
            raise self.fail(node, "no pointer")
        index = self.integer(self.expression(node.slice))
        item = base.kind.item
        place = self.value(f"getelementptr inbounds i{item.bits}, ptr {base.text}, i64 {index.text}", base.kind)
        return place.text, item

    def of_UnaryOp(self, node: ast.UnaryOp) -> Value:  # noqa: N802
        if isinstance(node.op, ast.Not):
            return self.value(f"xor i1 {self.condition(node.operand).text}, true", None)
        operand = self.integer(self.expression(node.operand))
        assert isinstance(operand.kind, IntType)
        if isinstance(node.op, ast.USub) and operand.literal is not None:
            return self.number(-operand.literal)
        if not operand.kind.signed:
            raise self.fail(node, "write u64(...) around what may wrap")
        return self.unary(node.op, operand)

    def unary(self, op: ast.unaryop, operand: Value) -> Value:
        if isinstance(op, ast.USub):
            return self.value(f"sub i64 0, {operand.text}", operand.kind)
        if isinstance(op, ast.Invert):
            return self.value(f"xor i64 {operand.text}, -1", operand.kind)
        return operand

    def of_BinOp(self, node: ast.BinOp) -> Value:  # noqa: N802
        return self.binary(node, node.left, node.op, node.right)

    def binary(self, node: ast.AST, left: ast.expr, op: ast.operator, right: ast.expr, wraps: bool = False) -> Value:
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

    def common(self, a: Value, b: Value, node: ast.AST) -> tuple[Value, Value, IntType]:
        """Both of one kind: a literal takes the other's."""
        if a.literal is not None and b.literal is None:
            b2, a2, kind = self.common(b, a, node)
            return a2, b2, kind
        assert isinstance(a.kind, IntType)
        if b.literal is not None and b.literal < 0 and not a.kind.signed:
            raise self.fail(node, "a negative number beside a u64")
        return a, self.convert(b, a.kind, node), a.kind

    def divide(self, a: Value, b: Value, kind: IntType, remainder: bool) -> Value:
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

    def of_Compare(self, node: ast.Compare) -> Value:  # noqa: N802
        if len(node.ops) != 1 or type(node.ops[0]) not in _COMPARISONS:
            raise self.fail(node, "one comparison at a time")
        a = self.integer(self.expression(node.left))
        b = self.integer(self.expression(node.comparators[0]))
        a, b, kind = self.common(a, b, node)
        relation = _COMPARISONS[type(node.ops[0])]
        sign = "" if relation in ("eq", "ne") else "s" if kind.signed else "u"
        return self.value(f"icmp {sign}{relation} i64 {a.text}, {b.text}", None)

    def of_BoolOp(self, node: ast.BoolOp) -> Value:  # noqa: N802
        """As a value, only of truth values, so that the result is what Python gives."""
        for operand in node.values:
            if not isinstance(operand, (ast.Compare, ast.BoolOp)) and not _is_not(operand):
                raise self.fail(operand, "compare it to something")
        return self.short_circuit(node)

    def short_circuit(self, node: ast.BoolOp) -> Value:
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

    def of_IfExp(self, node: ast.IfExp) -> Value:  # noqa: N802
        then, otherwise, end = self.fresh("then"), self.fresh("else"), self.fresh("fi")
        self.branch(self.condition(node.test), then, otherwise)
        self.start(then)
        a = self.expression(node.body)
        a = self.integer(a) if a.kind is None else a
        assert a.kind is not None
        slot = self.slot(a.kind)
        self.emit(f"store {llvm_type(a.kind)} {a.text}, ptr {slot}")
        self.jump(end)
        self.start(otherwise)
        b = self.expression(node.orelse)
        kind = b.kind if a.literal is not None and isinstance(b.kind, IntType) else a.kind
        b = self.convert(b, kind, node)
        self.emit(f"store {llvm_type(kind)} {b.text}, ptr {slot}")
        self.start(end)
        return self.value(f"load {llvm_type(kind)}, ptr {slot}", kind)

    def of_Call(self, node: ast.Call) -> Value:  # noqa: N802
        value = self.call(node)
        if value is None:
            raise self.fail(node, "has no value")
        return value

    def call(self, node: ast.Call) -> Value | None:
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
        if callee in (copy_words, clear_words, copy_words_on, clear_words_on):
            self.many_words(node, name)
            return None
        if callee is publish:
            self.emit("fence release")
            return None
        if not isinstance(callee, Kernel):
            raise self.fail(node, "not a kernel")
        kinds = list(callee.parameters.values())
        if len(kinds) != len(node.args):
            raise self.fail(node, f"{len(kinds)} arguments are wanted")
        passed = [self.convert(self.expression(a), kind, a) for a, kind in zip(node.args, kinds, strict=True)]
        listed = ", ".join(f"{llvm_type(kind)} {v.text}" for v, kind in zip(passed, kinds, strict=True))
        call = f"call {result(callee)} @{inner(callee)}({listed})"
        if callee.result is None:
            self.emit(call)
            return None
        return self.value(call, callee.result)

    def least(self, node: ast.Call, name: str) -> Value:
        if len(node.args) != 2:
            raise self.fail(node, "of two numbers")
        a, b = (self.integer(self.expression(argument)) for argument in node.args)
        a, b, kind = self.common(a, b, node)
        return self.value(f"call i64 @llvm.{'s' if kind.signed else 'u'}{name}.i64(i64 {a.text}, i64 {b.text})", kind)

    def many_words(self, node: ast.Call, name: str) -> None:
        kinds: list[Kind] = [_WORDS, _WORDS, I64] if name.startswith("copy") else [_WORDS, I64]
        if len(node.args) != len(kinds):
            raise self.fail(node, f"{len(kinds)} arguments are wanted")
        passed = [self.convert(self.expression(a), kind, a) for a, kind in zip(node.args, kinds, strict=True)]
        listed = ", ".join(f"{llvm_type(kind)} {v.text}" for v, kind in zip(passed, kinds, strict=True))
        self.emit(f"call void @{name}({listed})")

    def count_bits(self, node: ast.Call, all_of_them: bool) -> Value:
        if len(node.args) != 1:
            raise self.fail(node, "of one number")
        bits = self.convert(self.expression(node.args[0]), U64, node).text
        intrinsic = f"ctpop.i64(i64 {bits})" if all_of_them else f"cttz.i64(i64 {bits}, i1 true)"
        return self.value(f"call i64 @llvm.{intrinsic}", I64)

    def wrap(self, node: ast.Call, kind: IntType) -> Value:
        """`u64(a * b)` and its like: the arithmetic directly inside may wrap."""
        (inner,) = node.args
        if isinstance(inner, ast.BinOp):
            value = self.binary(inner, inner.left, inner.op, inner.right, wraps=True)
        elif isinstance(inner, ast.UnaryOp) and isinstance(inner.op, (ast.USub, ast.Invert)):
            value = self.unary(inner.op, self.integer(self.expression(inner.operand)))
        else:
            value = self.integer(self.expression(inner))
        if kind.bits == 64:
            return Value(value.text, kind)
        cut = self.value(f"trunc i64 {value.text} to i{kind.bits}", kind)
        return self.value(f"{'sext' if kind.signed else 'zext'} i{kind.bits} {cut.text} to i64", I64)
