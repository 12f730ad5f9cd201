"""Our syntax trees against CPython's: the same trees with the same places, and no program that CPython refuses."""

import ast as cpython
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aici.compiler import ast
from aici.compiler.parse import parse
from aici.compiler.resolve import resolve
from aici.diagnostics import DiagnosticError, DiagnosticSink, SourceFile

OPERATORS = {
    "Add": "+", "Sub": "-", "Mult": "*", "Div": "/", "FloorDiv": "//", "Mod": "%", "Pow": "**", "LShift": "<<",
    "RShift": ">>", "BitAnd": "&", "BitOr": "|", "BitXor": "^", "MatMult": "@", "USub": "-", "UAdd": "+",
    "Invert": "~", "Not": "not", "Eq": "==", "NotEq": "!=", "Lt": "<", "LtE": "<=", "Gt": ">", "GtE": ">=",
    "In": "in", "NotIn": "not in", "Is": "is", "IsNot": "is not", "And": "and", "Or": "or",
}  # fmt: skip
CONVERSIONS = {-1: "", 115: "s", 114: "r", 97: "a"}
DROPPED = ("ctx", "type_comment", "kind", "type_ignores", "decorator_list", "type_params")
UNPLACED = ("Module", "arguments", "comprehension")


def ours(node: Any, placed: bool = True) -> Any:
    """A tree of ours as nested tuples: class, offsets, fields."""
    if isinstance(node, tuple):
        return tuple(ours(item, placed) for item in node)
    if not isinstance(node, ast.Node):
        return constant(node)
    name = type(node).__name__
    fields = {field: ours(getattr(node, field), placed and name != "JoinedStr") for field in type(node).__match_args__}
    span = (node.span.start, node.span.end) if placed and name not in UNPLACED else None
    return name, span, tuple(sorted(fields.items()))


def cpythons(text: str) -> Any:
    """CPython's tree of a text in the same notation; SyntaxError if it has none."""
    lines = [line + "\n" for line in text.split("\n")]
    starts = [sum(map(len, lines[:i])) for i in range(len(lines) + 1)]

    def offset(line: int, column: int) -> int:
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode())

    def convert(node: Any, placed: bool = True) -> Any:
        name = type(node).__name__
        if isinstance(node, list):
            return tuple(convert(item, placed) for item in node)
        if not isinstance(node, cpython.AST):
            return constant(node)
        if name in OPERATORS:
            return OPERATORS[name]
        if name == "JoinedStr":  # 3.12 leaves empty texts in format specs
            node.values = [part for part in node.values if getattr(part, "value", None) != ""]
        fields = {}
        for field in node._fields:
            if field not in DROPPED:
                fields[field] = convert(getattr(node, field), placed and name != "JoinedStr")
        if name == "FormattedValue":
            fields["conversion"] = CONVERSIONS[node.conversion]
        span = None
        if placed and name not in UNPLACED:
            span = offset(node.lineno, node.col_offset), offset(node.end_lineno, node.end_col_offset)
        return name, span, tuple(sorted(fields.items()))

    return convert(cpython.parse(text))


def constant(value: Any) -> Any:
    """A constant so that 1, 1.0 and True differ, and NaN equals itself."""
    return value if value is None or isinstance(value, str) else (type(value).__name__, repr(value))


def refusal(text: str) -> DiagnosticError | None:
    """Why we do not take a text, if we do not."""
    source = SourceFile("test.py", text)
    sink = DiagnosticSink(source)
    try:
        resolve(parse(source), sink)
        sink.raise_if_any()
    except DiagnosticError as error:
        return error
    return None


def takes(text: str) -> bool:
    """Whether CPython takes a text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(text, "test.py", "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            return False
    return True


def assert_agreement(text: str) -> None:
    """Both take the text, and see the same in it, or neither does."""
    error = refusal(text)
    if not takes(text):
        assert error is not None, f"CPython does not take {text!r}"
        return
    assert error is None, f"CPython takes {text!r}\n{error.render() if error else ''}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert ours(parse(SourceFile("test.py", text))) == cpythons(text), text


SNIPPETS = r"""
x
x = y = z
x, y = y, x
x, = y
x = 1,
x = ()
x = (1)
x = (1,)
x = 1, 2,
[x, [y, *z]] = (a, *b), = c
*x, y = z
x.y.z = a[b][c] = d
x: int
x: int = 3
(x): int = 3
x.y: int = 3
x[0]: a.b[c] = *d, e
x += 1; y -= 2; z *= 3; a /= 4; b //= 5; c %= 6; d @= 7; e **= 8; f <<= 9; g >>= 10; h &= 11; i ^= 12; j |= 13
x += 1, 2
a + b - c * d / e // f % g @ h
a ** b ** c
-a ** -b
(-a) ** b
~a + -b - +c
not a
not not a
not a == b
not a and not b or not c
a or b and c or d
a and b and c
a | b ^ c & d << e >> f
(a | b) & (c ^ d)
a < b <= c != d == e > f >= g
a in b not in c is d is not e
a if b else c if d else e
(a if b else c) if d else e
lambda: 0
lambda x: x
lambda x, y=1, /, z=2, *a, b, c=3, **d: (x, y)
lambda *, a: a
lambda *a: a
lambda **a: a
lambda x: lambda y: x + y
lambda x, : x
(x := 1)
[y := f(x), y ** 2]
f(x := 1)
f(a, (x := 1), b=(y := 2))
x[y := 1]
{(x := 1): 2}
{x := 1, 2}
f()
f(a)
f(a, )
f(a, *b, c, **d)
f(*a, *b, **c, **d)
f(a=1, *b, c=2)
f(x for x in y)
f(a)(b)(c)
f((x for x in y), 1)
a.b.c
a.b(c).d[e]
a[b]
a[b, c]
a[b,]
a[:]
a[b:]
a[:b]
a[b:c]
a[::]
a[::b]
a[b:c:d]
a[b:c, d:e, f]
a[b:c,]
[]
[a]
[a,]
[a, b, *c]
[*a]
{}
{a}
{a, b,}
{*a, b}
{a: b}
{a: b, c: d,}
{**a, b: c, **d}
{a: {b: c}}
(a, (b, c), ())
(*a, b)
[x for x in y]
[x for x, in y]
[x for x, y in z]
[x for (x, y), *z in a]
[x for x in y if a if b for c in d if e]
[x if a else b for x in y]
[[x for x in y] for y in z]
{x for x in y}
{x: y for x, y in z}
{x: [y for y in x] for x in z if x}
(x for x in y)
[(yy, x) for x in (z for z in a)]
[x for a.b in c]
[x for a[0] in c]
[x for x in lambda: y]
[x for x in (lambda: y, 1) if (lambda: z)]
None, True, False
0, 00, 0_0, 1_000, 0x1F, 0X_ff, 0o17, 0b1_01
1.0, 1., .5, 1e3, 1E-3, 1_0.0_1e+1_0, 0e0, 1e400
123456789012345678901234567890
0xffffffffffffffffffffffffffffffff
1 .real
1..real
1.5.real
1if x else 2
[1for x in y]
"a", 'b', '''c''', r"\d", R'\'', u"x", b"a", B'b', rb"\x", bR"\y", Rb''
"a" 'b' "c"
b"a" b'b'
"\n\t\\\'\"\a\b\f\v\r\0\x41\101\u00e9\U0001F600\N{BULLET}\q"
b"\n\x41\101\u00e9\q\377"
"\400"
f""
f"a"
f"a{b}c"
f"{a}{b}"
f"{a!r}{b!s}{c!a}"
f"{a:5}{b:>{c}}{d!r:{e}.{f}}"
f"{{}}{{{a}}}"
f"{a}" "b" f"{c}" 'd'
"a" f"b" "c"
f"" ""
f"{a['b']}"
f'{a["b"]}'
f"{a + b * c}"
f"{ a }"
f"{a, b}"
f"{(lambda x: x)}"
f"{(x := 1)}"
f"{x:=5}"
f"{x!=y}"
f"{x==y}"
f"{x:%H:%M}"
f"{ {'a': 1}['a'] }"
f"{a[b:c]}"
f"\n{a}\x41\N{BULLET}"
rf"\n{a}\{b}"
fr'\d{a}'
f"{a=}"
f"{a = }"
f"{a=!s}"
f"{a=:5}"
f"{a + b=!r:>{w}}"
f"{*a, b}"
f"{a if b else c}"
f"{a:{b}{c}}"
f"{a}}}{{{b}"
del x
del x, y
del (x, y), [z]
del x.y, x[0], x[1:2]
del (x)
del x,
pass
assert x
assert x, y
assert (x, y)
raise
raise x
raise x from y
global x, y
import re
import re as r, json, math as m
from re import a
from re import a as b, c
from re import (a, b as c,)
if x: y
while x: y; z
for x in y: z
for x, y in z: pass
for x, in z: pass
for (x, y) in z: pass
for x in a, b: pass
for x in *a, b: pass
for x.y in z: pass
for [x, *y] in z: pass
def f(): pass
def f(a, b=1, /, c=2, *d, e, f=3, **g): return
def f(a, b): return a, b
def f(a: int, b: str = "x", *c: int, d: int = 1, **e: str) -> list[int]: return *a, b
def f(a,): return (a)
def f(*, a): ...
def f(*a,): ...
async def f(): await x
async def f(): return await x.y(z)
async def f(): await x ** 2; -await x; await (await y)
async def f(a, *, b): [await x for x in await y if await z]
...
a;
a; b;
µ = ﬁ
é = 1; é.à
"""

PROGRAMS = r'''
if x:
    y
elif z:
    a
elif b:
    c
else:
    d
---
while x:
    if y: break
    continue
else:
    z
---
for x in y:
    pass
else:
    z
w
---
try:
    x
except:
    y
---
try:
    x
except A:
    y
except (B, C) as e:
    z
except D as f:
    raise
else:
    a
finally:
    b
---
try:
    x
finally:
    y
---
def f():
    """Docstring."""
    x = 1
    def g():
        nonlocal x
        x = 2
        return lambda: x
    return g
---
async def f(a):
    async def g():
        await a
    def h():
        return g
    return await g()
---
def f():
    global x
    x = 1
# comment
  # another

x
---
"""Text
over lines \
and on"""
x = f"""a
{b
}c
"""
---
x = """\
"""
y = '\
'
---
if a:
    b;
c
---
def f(
    a,
    b=[
  1,
    ],
):
    return a
---
x = (a,
     b)
---
x = [  # comment
    1,

    2  # another
]
---
if x:\
  y
---
x = \
  1
---
f(a)[
  b].c = d
'''


@pytest.mark.parametrize("text", [line for line in SNIPPETS.split("\n") if line])
def test_snippet(text: str) -> None:
    assert_agreement(text)


@pytest.mark.parametrize("text", PROGRAMS.split("---\n"))
def test_program(text: str) -> None:
    assert_agreement(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "#",
        "# comment\n\t\nx",
        "if x:\n\ty\n\tif z:\n\t    a\nb",
        "if x:\n\f  y\n  z",
        "pass\n        \\\n\npass",
        "\\\nif x:\n  y",
        "x = 1 \\\n\\\n  + 2",
        "if x:\n  y\n  \n # z\n  a",
    ],
)
def test_blank_space(text: str) -> None:
    assert_agreement(text)


@pytest.mark.parametrize("text", ["f'{a['b']}'", 'f"{f"{x}"}"', "f'{'\\n'.join(x)}'", "f'{x  # y\n}'", "f'{\nx\n}'"])
def test_f_strings_as_of_python_3_12(text: str) -> None:
    assert refusal(text) is None


NAMES = st.sampled_from(["a", "b", "c", "é", "x1", "_"])
ATOMS = st.one_of(
    NAMES,
    st.sampled_from(["0", "1.5", "0x1F", "1_000", "None", "True", "'s'", "\"t\" u'u'", "b'b'", "()", "[]", "{}"]),
    st.sampled_from(["f'{a}'", "f'{a!r:>{b}}c'", "f'{a=}'", '"""x\ny"""']),
)
OPERATORS_SPELLED = [*"+ - * / // % @ ** << >> & | ^ and or < <= > >= == != in is".split(), "not in", "is not"]


def compound_expressions(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def form(template: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.tuples(*parts).map(lambda values: template.format(*values))

    item = st.one_of(inner, form("*{}", inner))
    items = st.lists(item, min_size=1, max_size=3).map(", ".join)
    pairs = st.lists(st.one_of(form("{}: {}", inner, inner), form("**{}", inner)), min_size=1, max_size=2)
    named = st.one_of(form("{}={}", NAMES, inner), form("{}:={}", NAMES, inner), form("**{}", inner))
    arguments = st.lists(st.one_of(item, named), max_size=3).map(", ".join)
    clause = st.one_of(form("for {} in {}", NAMES, inner), form("for {}, *{} in {} if {}", NAMES, NAMES, inner, inner))
    return st.one_of(
        form("({})", inner),
        form("{} {} {}", inner, st.sampled_from(OPERATORS_SPELLED), inner),
        form("{}{}", st.sampled_from(["-", "~", "not ", "+ "]), inner),
        form("{} if {} else {}", inner, inner, inner),
        form("lambda {}: {}", st.sampled_from(["", "p", "p, *q", "p=1, /, *, r, **s"]), inner),
        form("({} := {})", NAMES, inner),
        form("{}.{}", inner, NAMES),
        form("{}[{}]", inner, inner),
        form("{}[{}:{}, ::{}]", inner, inner, inner, inner),
        form("{}({})", inner, arguments),
        form("{}({} {})", inner, inner, clause),
        form("({},)", items),
        form("[{}]", items),
        form("{{{}}}", items),
        form("{{{}}}", pairs.map(", ".join)),
        form("[{} {} {}]", inner, clause, clause),
        form("{{{}: {} {}}}", inner, inner, clause),
    )


EXPRESSIONS = st.recursive(ATOMS, compound_expressions, max_leaves=12)
SHORT_EXPRESSIONS = st.recursive(ATOMS, compound_expressions, max_leaves=4)
SIMPLE = ["{0}", "{0} = {1}", "a, *b = {0} = {1}", "a += {0}", "a: int = {0}", "return {0}", "del a, {0}", "break"]
SIMPLE += ["raise {0} from {1}", "assert {0}, {1}", "pass; {0}", "global c", "nonlocal a", "await {0}"]
COMPOUND = [
    ("if {0}:", "elif {1}:"),
    ("if {0}:", "else:"),
    ("while {0}:", "else:"),
    ("for a, b in {0}:", "else:"),
    ("for c in {0}:", ""),
    ("try:", "finally:"),
    ("try:", "except {0} as a:"),
    ("try:", "except:"),
    ("def f(a, b={0}, *, c: int):", ""),
    ("async def f(*a, **b) -> c:", ""),
]


@st.composite
def blocks(draw: st.DrawFn, depth: int = 0) -> list[str]:
    """Lines of a block."""
    expression = ATOMS if depth else SHORT_EXPRESSIONS
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        parts = draw(expression), draw(expression)
        if depth == 3 or draw(st.booleans()):
            lines.append(draw(st.sampled_from(SIMPLE)).format(*parts))
            continue
        for head in draw(st.sampled_from(COMPOUND)):
            if head:
                indentation = draw(st.sampled_from(["  ", "\t", " \t"]))
                lines += [head.format(*parts), *(indentation + line for line in draw(blocks(depth + 1)))]
    return lines


@settings(deadline=None, max_examples=80)
@given(EXPRESSIONS)
def test_expressions(text: str) -> None:
    assert_agreement(text)


@settings(deadline=None, max_examples=60)
@given(blocks())
def test_programs(lines: list[str]) -> None:
    assert_agreement("\n".join(lines))


WORDS = [*OPERATORS_SPELLED, *"a b 1 's' ( ) [ ] { } , : = := . -> ; if else for lambda not await def return".split()]
WORDS += ["\n", "\n ", "import re", "as", "pass", "del", "try", "None", "+=", "0", "assert", "raise", "from", "while"]


@settings(deadline=None, max_examples=250)
@given(st.lists(st.sampled_from(WORDS), max_size=8).filter(lambda words: words[:2] != ["from", "."]))
def test_any_tokens(words: list[str]) -> None:
    assert_agreement(" ".join(words))


SOURCES = [
    path.read_text("utf-8")
    for folder in ("examples", "tests/compiler/programs")
    for path in sorted((Path(__file__).parents[2] / folder).glob("*.py"))
]
EDITS = st.tuples(st.floats(0, 1), st.integers(0, 12), st.text(max_size=3))


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(SOURCES), st.lists(EDITS, max_size=4))
def test_damaged_sources(text: str, edits: list[tuple[float, int, str]]) -> None:
    """Whatever is wrong with a source, there is a diagnostic with a place, and never another error."""
    for place, length, new in edits:
        at = int(place * len(text))
        text = text[:at] + new + text[at + length :]
    error = refusal(text)
    if error is not None:
        assert error.render()
        assert all(0 <= d.span.start <= d.span.end <= len(text) for d in error.diagnostics)
        assert len(error.diagnostics) <= 20
