class Point: ### "classes come with a later version" at "class" hint "functions, and dicts"
    def __init__(self):
        self.x = 0
x = 1
---
class A(B): pass ### "classes come"
---
def f():
    yield 1 ### "generators come with a later version" at "yield" hint "generator expression"
    x = yield ### "generators come"
    return (yield x) ### "generators come"
---
def f():
    yield from g() ### "generators come" at "yield"
---
with open_it() as f: ### "'with' comes with a later version" at "with" hint "finally"
    f.read()
---
async def f():
    async with g() as h: ### "'async with' comes with a later version" at "with"
        pass
    async for x in h: ### "'async for' comes with a later version" at "for" hint "use 'for'"
        pass
    else:
        pass
    return [x async for x in h] ### "asynchronous comprehensions come with a later version" at "async"
---
@decorated ### "decorators come with a later version" at "@" hint "f = decorator\(f\)"
def f():
    return 1
---
match x: ### "'match' comes with a later version" at "match" hint "if and elif"
    case 1:
        pass
    case _:
        pass
y = 1
---
match (x, y): ### "'match' comes" at "match"
    case (1, 2): pass
---
match -x: ### "'match' comes" at "match"
    case 1: pass
---
match = 1
match.x
match[1]
match(1)
type = 2
type(3)
case = match
---
type Pair = tuple[int, int] ### "type aliases come with a later version" at "type" hint "annotations are ignored"
---
def first[T](items: list[T]) -> T: ### "type parameters come with a later version" at "["
    return items[0]
---
async def first[T](items): ### "type parameters come"
    return items[0]
---
try:
    pass
except* ValueError: ### "'except\*' comes with a later version" at "*" hint "use 'except'"
    pass
---
from . import helpers ### "relative imports come with a later version" at "." hint "one file"
from .helpers import f ### "relative imports"
from ... import f ### "relative imports"
---
import os ### "there is no module 'os' here" at "os" hint "can import aici, json, math, pyaici.server, re"
import re, sys ### "no module 'sys'" at "sys"
from os.path import join ### "no module 'os.path'"
import json.decoder ### "no module 'json.decoder'"
import numpy as np ### "no module 'numpy'"
---
import aici
import aici as ai, re, json, math
import pyaici.server as aici
from aici import gen_text, FixedTokens as Fixed
from pyaici.server import (fork, wait_vars,)
from math import sqrt
---
import pyaici ### "no module 'pyaici'" hint "import pyaici.server as aici"
import pyaici.server ### "needs a name" hint "import pyaici.server as aici"
from pyaici import server ### "no module 'pyaici'" hint "import pyaici.server as aici"
---
from aici import * ### "'import \*' is not supported" at "*" hint "name what you need"
---
"""A controller."""
from __future__ import annotations
from __future__ import division, generator_stop
import typing
import typing as t
from typing import List, Optional as Maybe

def f(x: List[int], y: Maybe[str] = None, *args: t.Any, **kw: typing.Any) -> typing.List[int]:
    z: List[int] = []
    w: Maybe[int]
    return z
---
from typing import List, TypeVar
T = TypeVar("T") ### "'TypeVar' comes from typing, which exists in annotations only" at "TypeVar"
x = List[int]() ### "'List' comes from typing"
---
import typing as t
t.cast(int, 1) ### "'t' comes from typing"
---
import aici
from __future__ import annotations ### "must stand at the beginning of the file"
---
from __future__ import braces ### "__future__ has no feature 'braces'" at "braces"
---
exec("x = 1") ### "there is no 'exec' here" at "exec" hint "cannot run text as code"
eval("1") ### "there is no 'eval' here" hint "json.loads"
open("file") ### "there is no 'open' here" hint "reaches no files"
input() ### "there is no 'input' here" hint "GetPrompt"
globals()["x"] ### "there is no 'globals' here"
__import__("os") ### "there is no '__import__' here" hint "import statement"
---
def open(name):
    return name
open("door")
input = 3
print(input)
---
x = 1j ### "complex numbers are not supported" at "1j"
y = 0.5J + 1e3j ### "complex numbers"
---
def f(): ...
...
x = ... ### "'\.\.\.' can stand only as a statement" at "..."
---
x = "\ud800" ### "a surrogate is no character" at "\ud800"
