"""The text of a kernel while it is written: LLVM's assembly, line by line. Used by `expressions` and `statements`."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from .jit import Kernel
from .kinds import IntType, KernelError, PtrType
from .records import Kind

I64 = IntType(64, signed=True)
U64 = IntType(64, signed=False)


def llvm_type(kind: Kind) -> str:
    """The type that a value of this kind has in a register."""
    return "i64" if isinstance(kind, IntType) else "ptr"


def result(k: Kernel) -> str:
    return "void" if k.result is None else "i64"


def inner(k: Kernel) -> str:
    return f'"{k.module}.{k.name}"'


@dataclass(frozen=True)
class Value:
    """`text` is an LLVM operand; `kind` None means a truth value (i1). `literal`: the number, which takes any kind."""

    text: str
    kind: Kind | None
    literal: int | None = None


def same(a: Kind, b: Kind | None) -> bool:
    """Whether values of these kinds are interchangeable in a register."""
    if isinstance(a, IntType):
        return isinstance(b, IntType) and a.signed == b.signed
    if isinstance(a, PtrType):
        return isinstance(b, PtrType) and a.item.name == b.item.name
    return a is b


def named(kind: Kind) -> str:
    return kind.__name__ if isinstance(kind, type) else repr(kind)


class Text:
    """One kernel's."""

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

    def value(self, instruction: str, kind: Kind | None) -> Value:
        name = f"%{self.fresh('t')}"
        self.emit(f"{name} = {instruction}")
        return Value(name, kind)

    def jump(self, label: str) -> None:
        self.emit(f"br label %{label}")
        self.open = False

    def branch(self, condition: Value, then: str, otherwise: str) -> None:
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
        self.slots.append(f"  {name} = alloca {llvm_type(kind) if kind is not None else 'i1'}")
        return name
