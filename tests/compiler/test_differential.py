"""Random programs do what CPython does: compiled, encoded, loaded and run here, they print the same and end alike.

The programs are small, end by construction, and use each construct of the language in odd places: ways out of nested
`try`s and loops, closures over variables that are rebound and deleted, comprehensions in comprehensions. Sets are never
printed, since their order differs, and numbers stay small, since their limits differ.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass, replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NAMES = ("a", "b", "c", "d")
ERRORS = ("ValueError", "KeyError", "ZeroDivisionError", "(TypeError, ValueError)", "LookupError", "Exception")
PRELUDE = """\
def t(*values):
    print(*values)
    return values[0] if values else None
"""


@dataclass(frozen=True)
class Place:
    """Where a statement or an expression stands."""

    depth: int
    in_function: bool = False
    in_async: bool = False
    in_loop: bool = False
    in_handler: bool = False
    in_iterable: bool = False  # of a comprehension, where `:=` is not allowed
    functions: tuple[str, ...] = ()  # callable here without endless recursion
    coroutines: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()  # comprehension variables, which `:=` may not rebind
    declared: tuple[str, ...] = ()  # of enclosing functions: can be nonlocal

    def deeper(self, **changes: object) -> Place:
        return replace(self, depth=self.depth - 1, **changes)  # type: ignore[arg-type]


class Maker:
    """Draws source text."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.n_functions = 0

    def pick(self, *choices: str | Callable[[], str]) -> str:
        """One of the choices; those that draw themselves are functions, so that only the one picked draws."""
        choice = self.draw(st.sampled_from(choices))
        return choice if isinstance(choice, str) else choice()

    def name(self) -> str:
        return self.draw(st.sampled_from(NAMES))

    def number(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    # Expressions

    def atom(self, place: Place) -> str:
        return str(
            self.pick("0", "1", "2", "-3", "True", "None", "'s'", "'ab'", "[]", "[1, 2, 3]", "(4, 5)", *NAMES * 3)
        )

    def expr(self, place: Place) -> str:
        if place.depth <= 0:
            return self.atom(place)
        choices: list[Callable[[Place], str]] = [
            self.atom,
            self.binary,
            self.compare,
            self.boolean,
            self.conditional,
            self.display,
            self.subscript,
            self.comprehension,
            self.lambda_call,
            self.text,
            self.traced,
            self.walrus,
            self.call,
        ]
        return self.draw(st.sampled_from(choices))(place.deeper())

    def binary(self, place: Place) -> str:
        op = self.pick("+", "-", "%", "//", "&", "|", "+", "-")
        return f"({self.expr(place)} {op} {self.expr(place)})"

    def compare(self, place: Place) -> str:
        parts = [self.expr(place)]
        for _ in range(self.number(1, 3)):
            parts += [self.pick("<", "<=", ">", ">=", "==", "!=", "in", "not in", "is", "is not")]
            parts += [self.expr(place)]
        return f"({' '.join(parts)})"

    def boolean(self, place: Place) -> str:
        op = self.pick(" and ", " or ")
        parts = [self.expr(place) for _ in range(self.number(2, 3))]
        return f"({self.pick('', 'not ')}({op.join(parts)}))"

    def conditional(self, place: Place) -> str:
        return f"({self.expr(place)} if {self.expr(place)} else {self.expr(place)})"

    def display(self, place: Place) -> str:
        parts = [self.expr(place) for _ in range(self.number(0, 3))]
        kind = self.pick("[]", "()", "{}", "len", "*")
        if kind == "{}":
            return "{" + ", ".join(f"{part}: {self.expr(place)}" for part in parts) + "}"
        if kind == "len" and parts:
            return "len({" + ", ".join(parts) + "})"
        if kind == "*" and parts:
            parts[-1] = f"*{parts[-1]}"
        if kind == "()":
            return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
        return f"[{', '.join(parts)}]"

    def subscript(self, place: Place) -> str:
        index = self.pick("0", "-1", "'k'", "1:", "::2", ":-1", lambda: self.expr(place))
        return f"{self.expr(place)}[{index}]"

    def comprehension(self, place: Place) -> str:
        target = self.name()
        fixed = (*place.fixed, target)
        clauses = f"for {target} in {self.iterable(place)}"
        inside = replace(place, fixed=fixed)
        if self.draw(st.booleans()):
            clauses += f" if {self.expr(inside)}"
        if self.draw(st.booleans()):
            second = self.name()
            clauses += f" for {second} in {self.iterable(inside)}"
            inside = replace(place, fixed=(*fixed, second))
        if second_fixed := [name for name in inside.fixed if name not in fixed]:
            inside = replace(inside, fixed=(*fixed, *second_fixed))
        kind = self.pick("list", "list", "dict", "sum", "set", "lambdas")
        element = self.expr(inside)
        if kind == "dict":
            return f"{{{self.name()}: {element} {clauses}}}"
        if kind == "sum":
            return f"list({element} {clauses})"
        if kind == "set":
            return f"len({{{element} {clauses}}})"
        if kind == "lambdas":
            return f"[*map(lambda f: f(), [lambda: {element} {clauses}])]"
        return f"[{element} {clauses}]"

    def iterable(self, place: Place) -> str:
        return self.pick("range(3)", lambda: self.expr(replace(place, in_iterable=True)))

    def lambda_call(self, place: Place) -> str:
        parameter = self.name()
        inside = replace(place, in_iterable=False, in_async=False, fixed=())
        default = f"={self.expr(place)}" if self.draw(st.booleans()) else ""
        arguments = "" if default and self.draw(st.booleans()) else self.expr(place)
        return f"(lambda {parameter}{default}: {self.expr(inside)})({arguments})"

    def text(self, place: Place) -> str:
        # Older CPythons take neither the quotes of the f-string nor backslashes inside it.
        value = self.expr(replace(place, depth=min(place.depth, 1))).replace("'", '"')
        spec = self.pick("", "!r", "=", ":>4", ":{2}", "!s:<{3}")
        return f"f'<{{({value}){spec}}}>'" if "f'" not in value and 'f"' not in value else "'nested'"

    def traced(self, place: Place) -> str:
        return f"t({self.expr(place)})"

    def walrus(self, place: Place) -> str:
        name = self.name()
        if place.in_iterable or name in place.fixed:
            return name
        return f"({name} := {self.expr(place)})"

    def call(self, place: Place) -> str:
        if place.coroutines and place.in_async and not place.fixed and not place.in_iterable:
            return f"(await {self.pick(*place.coroutines)}({self.expr(place)}))"
        if not place.functions:
            return f"t({self.expr(place)}, *{self.expr(place)})"
        arguments = self.pick(
            lambda: self.expr(place),
            lambda: f"{self.expr(place)}, {self.expr(place)}",
            lambda: f"*[{self.expr(place)}]",
            lambda: f"{self.expr(place)}, k={self.expr(place)}",
            lambda: f"**{{'k': {self.expr(place)}}}",
            "",
        )
        return f"{self.pick(*place.functions)}({arguments})"

    # Statements

    def block(self, place: Place, most: int = 3) -> str:
        lines = [self.statement(place) for _ in range(self.number(1, most))]
        return textwrap.indent("\n".join(lines), "    ")

    def statement(self, place: Place) -> str:
        simple: list[Callable[[Place], str]] = [
            self.assign,
            self.assign,
            self.augmented,
            self.print,
            self.leave,
            self.delete,
        ]
        compound: list[Callable[[Place], str]] = [self.if_, self.for_, self.while_, self.try_, self.try_, self.def_]
        choices = simple if place.depth <= 0 else [*simple, *compound, *compound]
        return self.draw(st.sampled_from(choices))(place.deeper())

    def shallow(self, place: Place) -> str:
        return self.expr(replace(place, depth=min(2, place.depth + 1)))

    def assign(self, place: Place) -> str:
        name = self.name
        target = self.pick(
            name,
            name,
            lambda: f"{name()} = {name()}",
            lambda: f"{name()}, {name()}",
            lambda: f"{name()}, *{name()}",
            lambda: f"{name()}[0]",
            lambda: f"{name()}[:1]",
            lambda: f"({name()}, [{name()}])",
        )
        value = self.pick(lambda: self.shallow(place), lambda: f"{self.shallow(place)}, {self.shallow(place)}")
        return f"{target} = {value}"

    def augmented(self, place: Place) -> str:
        target = self.pick(self.name, lambda: f"{self.name()}[0]", lambda: f"t({self.name()})[-1]")
        return f"{target} {self.pick('+', '-', '|', '%')}= {self.shallow(place)}"

    def print(self, place: Place) -> str:
        return f"print({self.shallow(place)})"

    def delete(self, place: Place) -> str:
        return f"del {self.name()}{self.pick('', '[0]')}"

    def leave(self, place: Place) -> str:
        choices: list[str | Callable[[], str]] = [
            lambda: f"raise {self.pick(*ERRORS[:3])}({self.shallow(place)})",
            lambda: f"assert {self.shallow(place)}, 'm'",
            lambda: f"raise ValueError from {self.shallow(place)}",
        ]
        if place.in_function:
            choices += [lambda: f"return {self.shallow(place)}"] * 3
        if place.in_loop:
            choices += ["break", "continue"] * 2
        if place.in_handler:
            choices += ["raise"]
        return self.pick(*choices)

    def if_(self, place: Place) -> str:
        text = f"if {self.shallow(place)}:\n{self.block(place)}"
        return text + (f"\nelse:\n{self.block(place)}" if self.draw(st.booleans()) else "")

    def for_(self, place: Place) -> str:
        target = self.pick(self.name, self.name, lambda: f"{self.name()}, {self.name()}")
        iterable = self.pick("range(3)", "range(3)", lambda: self.shallow(place))
        text = f"for {target} in {iterable}:\n{self.block(replace(place, in_loop=True))}"
        return text + (f"\nelse:\n{self.block(place)}" if self.draw(st.booleans()) else "")

    def while_(self, place: Place) -> str:
        counter = f"n{place.depth}"
        body = textwrap.indent(f"{counter} += 1", "    ") + "\n" + self.block(replace(place, in_loop=True))
        condition = self.pick(f"{counter} < 3", lambda: f"{counter} < 3 and {self.shallow(place)}")
        text = f"{counter} = 0\nwhile {condition}:\n{body}"
        return text + (f"\nelse:\n{self.block(place)}" if self.draw(st.booleans()) else "")

    def try_(self, place: Place) -> str:
        text = f"try:\n{self.block(place)}"
        handlers = self.number(0, 2)
        for _ in range(handlers):
            name = f" as {self.name()}" if self.draw(st.booleans()) else ""
            text += f"\nexcept {self.pick(*ERRORS)}{name}:\n{self.block(replace(place, in_handler=True))}"
        if handlers and self.draw(st.booleans()):
            text += f"\nelse:\n{self.block(place)}"
        if not handlers or self.draw(st.booleans()):
            text += f"\nfinally:\n{self.block(place, 2)}"
        return text

    def def_(self, place: Place) -> str:
        self.n_functions += 1
        name = f"f{self.n_functions}"
        is_async = bool(place.coroutines or place.in_async or not place.in_function) and self.draw(st.booleans())
        parameters = self.pick("a=1", "a, b=2", "a=1, *b", "a, *, k=3", "a=0, **c", "d=0, /, a=1")
        bound = {"a", "b", "c", "d", "k"} & set(parameters)
        free = [variable for variable in place.declared if variable not in bound]
        declaration = ""
        if free and self.draw(st.booleans()):
            declaration = f"    nonlocal {self.pick(*free)}\n"
        elif self.draw(st.booleans()) and (outside := [variable for variable in NAMES if variable not in bound]):
            declaration = f"    global {self.pick(*outside)}\n"
        inside = place.deeper(
            in_function=True,
            in_async=is_async,
            in_loop=False,
            in_handler=False,
            fixed=(),
            declared=tuple(sorted(bound - {"k"})),
        )
        body = f"{'async ' if is_async else ''}def {name}({parameters}):\n{declaration}{self.block(inside)}"
        if self.draw(st.booleans()):
            return body
        argument = self.shallow(place)
        if is_async:
            return f"{body}\n" + (f"print(await {name}({argument}))" if place.in_async else f"t({name} is None)")
        return f"{body}\nprint({name}({argument}))"


@st.composite
def programs(draw: st.DrawFn) -> str:
    maker = Maker(draw)
    is_async = draw(st.booleans())
    place = Place(depth=draw(st.integers(1, 4)), in_function=is_async, in_async=is_async)
    statements = []
    for _ in range(draw(st.integers(1, 4))):
        statement = textwrap.indent(maker.statement(place), "    ")
        statements.append(f"try:\n{statement}\nexcept Exception as e:\n    print(repr(type(e)))\n    e = None")
    body = "a, b, c, d = 1, 2, [3, 4], 'xy'\n" + "\n".join(statements) + "\nprint(a, b, c, d)"
    return f"async def main():\n{textwrap.indent(body, '    ')}" if is_async else body


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(programs())
def test_same_as_cpython(agree: Callable[..., object], program: str) -> None:
    agree(PRELUDE + program)
