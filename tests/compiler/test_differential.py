"""Random programs do what CPython does: compiled, encoded, loaded and run here, they print the same and end alike.

The programs are small, end by construction, and use each construct of the language in odd places: ways out of nested
`try`s and loops, closures over variables that are rebound and deleted, comprehensions in comprehensions. Most of what
they compute is well typed, so that they get somewhere. Sets are never printed, since their order differs, and numbers
stay small, since their limits differ.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aici.diagnostics import DiagnosticError

NAMES = ("a", "b", "c", "d")
KINDS = {"a": "int", "b": "int", "c": "list", "d": "text"}
"""What the variables mostly hold."""
ERRORS = ("ValueError", "KeyError", "ZeroDivisionError", "(TypeError, ValueError)", "LookupError", "Exception")
PRELUDE = """\
def t(*values):
    print(*values)
    return values[0] if values else None
def start():
    return 1, 2, [3, 4], "xy"
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
    functions: tuple[str, ...] = ()  # defined before, so that no recursion is endless
    coroutines: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()  # comprehension variables, which `:=` may not rebind
    local: tuple[str, ...] = ()  # to the function, so that inner ones can declare them nonlocal

    def deeper(self, **changes: Any) -> Place:
        return replace(self, depth=self.depth - 1, **changes)


class Maker:
    """Writes a program."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.n_functions = 0
        self.n_loops = 0

    def pick(self, *choices: str | Callable[[], str]) -> str:
        """One of the choices; those that have to be made are functions."""
        choice = self.random.choice(choices)
        return choice if isinstance(choice, str) else choice()

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def name(self, kind: str) -> str:
        return self.pick(*NAMES) if kind == "any" else self.pick(*(name for name in NAMES if KINDS[name] == kind))

    # Expressions

    def expr(self, place: Place, kind: str = "") -> str:
        """An expression, mostly of the kind."""
        kind = kind or self.pick("int", "int", "int", "list", "text", "any")
        if self.chance(4):
            kind = "any"
        if place.depth <= 0 or self.chance(15):
            return self.atom(kind)
        inside = place.deeper()
        common = [self.conditional, self.boolean, self.traced, self.call, self.walrus, self.lambda_call, self.item]
        special = {
            "int": [self.arithmetic, self.arithmetic, self.compare, self.length, self.negation],
            "list": [self.display, self.comprehension, self.comprehension, self.slice, self.sum],
            "text": [self.formatted, self.formatted, self.sum, self.slice],
            "any": [self.dict, self.tuple, self.arithmetic, self.compare],
        }[kind]
        return self.random.choice([*common, *special, *special])(inside, kind)

    def atom(self, kind: str) -> str:
        literals = {
            "int": ("0", "1", "2", "-3", "True"),
            "list": ("[]", "[1]", "[1, 2, 3]", "(4, 5)"),
            "text": ("''", "'s'", "'abc'"),
            "any": ("None", "0", "{}", "{'k': 1}", "b'x'", "1.5"),
        }[kind]
        return self.pick(*literals, *(self.name(kind) for _ in literals))

    def arithmetic(self, place: Place, kind: str) -> str:
        op = self.pick("+", "-", "+", "-", "*", "%", "//", "&", "|", "^")
        right = self.pick("2", "-3", "0") if op == "*" else self.expr(place, "int")
        return f"({self.expr(place, 'int')} {op} {right})"

    def negation(self, place: Place, kind: str) -> str:
        return f"({self.pick('-', '+', '~', 'not ')}{self.expr(place, 'int')})"

    def compare(self, place: Place, kind: str) -> str:
        parts = [self.expr(place, "int")]
        for _ in range(self.random.randint(1, 3)):
            op = self.pick("<", "<=", ">", ">=", "==", "!=", "in", "not in", "is not")
            parts += [op, self.expr(place, "list" if "in" in op else "int")]
        return f"({' '.join(parts)})"

    def boolean(self, place: Place, kind: str) -> str:
        op = self.pick(" and ", " or ")
        return f"({op.join(self.expr(place, kind) for _ in range(self.random.randint(2, 3)))})"

    def conditional(self, place: Place, kind: str) -> str:
        return f"({self.expr(place, kind)} if {self.expr(place)} else {self.expr(place, kind)})"

    def length(self, place: Place, kind: str) -> str:
        if self.chance(30):
            return f"len({{{self.expr(place, 'int')}, *{self.expr(place, 'list')}}})"
        return f"len({self.expr(place, self.pick('list', 'text'))})"

    def sum(self, place: Place, kind: str) -> str:
        return f"({self.expr(place, kind)} + {self.expr(place, kind)})"

    def item(self, place: Place, kind: str) -> str:
        return f"[{self.expr(place, kind)}, {self.atom(kind)}][{self.pick('0', '1', '-1', '2')}]"

    def slice(self, place: Place, kind: str) -> str:
        return f"{self.expr(place, kind)}[" + self.pick("1:", ":-1", "::2", "::-1", ":" + self.atom("int")) + "]"

    def display(self, place: Place, kind: str) -> str:
        parts = [self.expr(place, "int") for _ in range(self.random.randint(0, 3))]
        if self.chance(40):
            parts.insert(self.random.randint(0, len(parts)), f"*{self.expr(place, 'list')}")
        return f"[{', '.join(parts)}]"

    def tuple(self, place: Place, kind: str) -> str:
        return f"({self.expr(place)}, *{self.expr(place, 'list')}, {self.expr(place)})"

    def dict(self, place: Place, kind: str) -> str:
        return f"{{{self.expr(place, 'int')}: {self.expr(place)}, **{{'x': {self.expr(place)}}}}}"

    def comprehension(self, place: Place, kind: str) -> str:
        target = self.name("int")
        clauses = f"for {target} in {self.iterable(place)}"
        inside = replace(place, fixed=(*place.fixed, target), in_async=False)
        if self.chance(40):
            clauses += f" if {self.expr(inside)}"
        if self.chance(30):
            second = self.name("any")
            clauses += f" for {second} in {self.iterable(inside)}"
            # A `:=` before this clause may have bound the name that it makes fixed: CPython forbids that too.
            if f"({second} :=" in clauses:
                return self.atom(kind)
            inside = replace(inside, fixed=(*inside.fixed, second))
        element = f"{self.expr(inside, 'int')} {clauses}"
        return self.pick(
            f"[{element}]",
            f"[{element}]",
            f"list({element})",
            f"[len({{{element}}})]",
            f"list({{{self.atom('int')}: {element}}}.items())",
            f"[*map(lambda f: f(), [lambda: {element}])]",
        )

    def iterable(self, place: Place) -> str:
        # A copy: what is iterated over may grow by what the loop does.
        return self.pick("range(3)", lambda: f"[*{self.expr(replace(place, in_iterable=True), 'list')}]")

    def lambda_call(self, place: Place, kind: str) -> str:
        parameter = self.name("any")
        inside = replace(place, in_async=False, fixed=())
        default = f"={self.expr(place, KINDS[parameter])}" if self.chance(50) else ""
        argument = "" if default and self.chance(50) else self.expr(place, KINDS[parameter])
        return f"(lambda {parameter}{default}: {self.expr(inside, kind)})({argument})"

    def formatted(self, place: Place, kind: str) -> str:
        # Older CPythons take neither the quotes of the f-string nor backslashes inside it.
        value = self.expr(replace(place, depth=min(place.depth, 1)), "int").replace("'", '"')
        if 'f"' in value:
            return self.atom("text")
        return f"f'<{{({value}){self.pick('', '!r', '=', '!s:>4', ':{2}', '!r:<{3}')}}}>'"

    def traced(self, place: Place, kind: str) -> str:
        return f"t({self.expr(place, kind)})"

    def walrus(self, place: Place, kind: str) -> str:
        name = self.name(kind)
        if place.in_iterable or name in place.fixed:
            return name
        return f"({name} := {self.expr(place, kind)})"

    def call(self, place: Place, kind: str) -> str:
        one = self.expr(place, "int")
        if place.coroutines and place.in_async and not place.in_iterable:
            return f"(await {self.pick(*place.coroutines)}({one}))"
        if not place.functions:
            return f"t({one}, *{self.expr(place, 'list')})"
        arguments = self.pick(
            one,
            one,
            lambda: f"{one}, {self.expr(place)}",
            lambda: f"*[{one}]",
            lambda: f"{one}, k={self.expr(place)}",
            lambda: f"*({one},), **{{'k': {self.expr(place)}}}",
            "",
        )
        return f"{self.pick(*place.functions)}({arguments})"

    # Statements

    def block(self, place: Place, most: int = 3) -> str:
        return textwrap.indent(self.statements(place, self.random.randint(1, most)), "    ")

    def statements(self, place: Place, count: int) -> str:
        lines = []
        for _ in range(count):
            before = self.n_functions
            lines.append(self.statement(place))
            if self.n_functions > before and (words := lines[-1].split())[0] in ("def", "async"):
                function = words[1 if words[0] == "def" else 2].partition("(")[0]
                if words[0] == "def":
                    place = replace(place, functions=(*place.functions, function))
                else:
                    place = replace(place, coroutines=(*place.coroutines, function))
        return "\n".join(lines)

    def statement(self, place: Place) -> str:
        simple = [
            self.assign,
            self.assign,
            self.assign,
            self.augmented,
            self.print,
            self.print,
            self.leave,
            self.delete,
        ]
        compound = [self.if_, self.for_, self.while_, self.try_, self.try_, self.try_, self.def_, self.def_]
        if place.depth <= 0:
            return self.random.choice(simple)(place)
        return self.random.choice([*simple, *compound, *compound])(place.deeper())

    def shallow(self, place: Place, kind: str = "") -> str:
        return self.expr(replace(place, depth=min(2, place.depth + 1)), kind)

    def assign(self, place: Place) -> str:
        name, shallow = self.name, self.shallow
        return self.pick(
            lambda: f"{(n := name('any'))} = {shallow(place, KINDS[n])}",
            lambda: f"{(n := name('any'))} = {shallow(place, KINDS[n])}",
            lambda: f"{name('int')} = {name('int')} = {shallow(place, 'int')}",
            lambda: f"a, b = {shallow(place, 'int')}, {shallow(place, 'int')}",
            lambda: f"a, b, c = b, a, {shallow(place, 'list')}",
            lambda: f"a, *c = {shallow(place, 'list')}",
            lambda: f"c[0] = {shallow(place, 'int')}",
            lambda: f"c[{shallow(place, 'int')}:] = {shallow(place, 'list')}",
            lambda: f"(a, [b]), c = ({shallow(place, 'int')}, [2]), {shallow(place, 'list')}",
        )

    def augmented(self, place: Place) -> str:
        return self.pick(
            lambda: f"{self.name('int')} {self.pick('+', '-', '|', '%')}= {self.shallow(place, 'int')}",
            lambda: f"c += {self.shallow(place, 'list')}",
            lambda: f"t(c)[{self.atom('int')}] += {self.shallow(place, 'int')}",
            lambda: f"d += {self.shallow(place, 'text')}",
        )

    def print(self, place: Place) -> str:
        return f"print({self.shallow(place)})"

    def delete(self, place: Place) -> str:
        return f"del {self.pick(self.name('any'), 'c[0]', 'c[:1]')}" if self.chance(40) else self.print(place)

    def leave(self, place: Place) -> str:
        choices: list[str | Callable[[], str]] = [
            lambda: f"raise {self.pick(*ERRORS[:3])}({self.shallow(place)})",
            lambda: f"assert {self.shallow(place)}, 'm'",
            lambda: f"raise ValueError from {self.pick('None', 'KeyError(1)', self.atom('any'))}",
        ]
        if place.in_function:
            choices += [lambda: f"return {self.shallow(place)}"] * 3
        if place.in_loop:
            choices += ["break", "continue"] * 2
        if place.in_handler:
            choices += ["raise"]
        return self.pick(*choices)

    def orelse(self, place: Place) -> str:
        return f"\nelse:\n{self.block(place)}" if self.chance(40) else ""

    def if_(self, place: Place) -> str:
        return f"if {self.shallow(place)}:\n{self.block(place)}{self.orelse(place)}"

    def for_(self, place: Place) -> str:
        target = self.pick("a", "b", "c", "a, b")
        iterable = self.pick("range(3)", "[(1, 2), (3, 4)]", lambda: f"[*{self.shallow(place, 'list')}]")
        return f"for {target} in {iterable}:\n{self.block(replace(place, in_loop=True))}{self.orelse(place)}"

    def while_(self, place: Place) -> str:
        self.n_loops += 1
        counter = f"n{self.n_loops}"
        condition = self.pick(f"{counter} < 3", lambda: f"{counter} < 3 and {self.shallow(place)}")
        body = f"    {counter} += 1\n{self.block(replace(place, in_loop=True))}"
        return f"{counter} = 0\nwhile {condition}:\n{body}{self.orelse(place)}"

    def try_(self, place: Place) -> str:
        text = f"try:\n{self.block(place)}"
        handlers = self.random.randint(0, 2)
        for _ in range(handlers):
            name = f" as {self.name('any')}" if self.chance(30) else " as e" if self.chance(30) else ""
            show = (
                "    print(repr(type(e)), e.__cause__ is None, repr(type(e.__context__)))\n" if name == " as e" else ""
            )
            body = self.block(replace(place, in_handler=True))
            text += f"\nexcept {self.pick(*ERRORS)}{name}:\n{show}{body}"
        if handlers:
            text += self.orelse(place)
        if not handlers or self.chance(50):
            text += f"\nfinally:\n{self.block(place, 2)}"
        return text

    def def_(self, place: Place) -> str:
        self.n_functions += 1
        name = f"f{self.n_functions}"
        is_async = (place.in_async or not place.in_function) and self.chance(40)
        parameters = self.pick("a=1", "a, b=2", "a=1, *c", "a, *, k=3", "a=0, **k", "b=0, /, a=1", "c=0")
        bound = [variable for variable in (*NAMES, "k") if variable in parameters]
        body = ""
        free = [variable for variable in place.local if variable not in bound]
        others = [variable for variable in NAMES if variable not in bound]
        if free and self.chance(60):
            body += f"    nonlocal {self.random.choice(free)}\n"
        elif self.chance(30):
            body += f"    global {self.random.choice(others)}\n"
        elif self.chance(60):
            body += "    a, b, c, d = start()\n"
            bound += NAMES
        inside = place.deeper(
            in_function=True,
            in_async=is_async,
            in_loop=False,
            in_handler=False,
            fixed=(),
            coroutines=place.coroutines if is_async else (),
            local=tuple(variable for variable in NAMES if variable in bound),
        )
        text = f"{'async ' if is_async else ''}def {name}({parameters}):\n{body}{self.block(inside, 4)}"
        if self.chance(50):
            return text
        if not is_async:
            return f"{text}\nprint({name}({self.shallow(place, 'int')}))"
        return f"{text}\nprint(await {name}({self.shallow(place, 'int')}))" if place.in_async else text


def make_program(random: Random) -> str:
    maker = Maker(random)
    is_async = random.random() < 0.5
    local = NAMES if is_async else ()
    place = Place(depth=random.randint(1, 4), in_function=is_async, in_async=is_async, local=local)
    guarded = maker.block(place, 5)
    body = f"a, b, c, d = start()\ntry:\n{guarded}\nfinally:\n    print(a, b, c, d)"
    return f"{PRELUDE}async def main():\n{textwrap.indent(body, '    ')}" if is_async else PRELUDE + body


@settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_same_as_cpython(agree: Callable[[str], object], random: Random) -> None:
    try:
        agree(make_program(random))
    except DiagnosticError as error:
        assert "takes more than" in str(error)  # nested `finally`s repeat each other; the compiler has a bound
