x = ### "unexpected end of line"
y = 1
z = = 2 ### "unexpected '='" at "="
w = 3 4 ### "unexpected '4'" at "4" hint "comma or an operator is missing"
---
if x ### "expected ':'"
    y = 1
else:
    y = 2
z z ### "unexpected 'z'"
---
def f(x) ### "expected ':'"
    return 1 2
while True ### "expected ':'"
    pass
for x in y ### "expected ':'"
    pass
---
if x:
y = 1 ### "expected an indented block after 'if' on line 1" at "y" hint "pass"
---
def f():
    for x in y:
    z = 1 ### "expected an indented block after 'for' on line 2"
    a b ### "unexpected 'b'"
---
while True: ### "expected an indented block"
---
try:
    x = 1
y = 2 ### "expected an 'except' or 'finally' block"
---
try:
    x = 1
else: ### "expected an 'except' or 'finally' block"
    pass
a b ### "unexpected 'b'"
---
def f():
    try:
        x = 1 ### "expected an 'except' or 'finally' block"
a b ### "unexpected 'b'"
---
x = 1
    y = 2 ### "unexpected indent" at "    " hint "like the one above"
    z z z
w w ### "unexpected 'w'"
---
import os ### "no module 'os'"
    y = 2 ### "unexpected indent"
if x:
    import sys ### "no module 'sys'"
else: )  ### "unmatched"
import abc ### "no module 'abc'"
) ### "unmatched"
---
  x = 1 ### "unexpected indent"
---
if x:
        y = 1
    z = 2 ### "unindent does not match any outer indentation level"
---
if x:
	y = 1
        z = 2 ### "inconsistent use of tabs and spaces in indentation" hint "spaces only"
---
if x:
        y = 1
	z = 2 ### "inconsistent use of tabs and spaces"
---
if x:
        if y:
		z = 1 ### "inconsistent use of tabs and spaces"
---
if x:
	if y:
	    z = 1
	w = 2
---
else: ### "'else' belongs to an 'if', 'for', 'while' or 'try'"
    x = 1
---
elif y: ### "'elif' belongs to an 'if'"
    x = 1
---
except E: ### "'except' belongs to a 'try'"
    pass
---
finally: ### "'finally' belongs to a 'try'"
    pass
---
x = (1, ### "'\(' was never closed" at "("
def f():
    return x
y y ### "unexpected 'y'"
---
print("a" ### "'\(' was never closed"
x = 1
---
f(1,
  x for x in y) ### "'for' cannot stand here"
g(a,
  b c) ### "unexpected 'c'" hint "comma"
h(a,
  b=) ### "unexpected '\)'" hint "is the '\(' on line 5 closed\?"
---
x = [1, 2 ### "'\[' was never closed"
while True:
    pass
---
x = [1, (2, 3] ### "closing '\]' does not match opening '\(' on line 1" at "]"
y = 1)  ### "unmatched '\)'" at ")"
z = {1: 2]}  ### "closing '\]' does not match opening '{'"
w w ### "unexpected 'w'"
---
x = "abc ### "unterminated string literal" at """
y = 'abc ### "unterminated string literal"
z z ### "unexpected 'z'"
---
f("abc ### "unterminated string literal"
g g ### "unexpected 'g'"
---
x = b"é" ### "bytes can only contain ASCII literal characters" at "é"
y = "\x4" ### "\\x needs 2 hexadecimal digits" at "\x"
z = "abc\u12" ### "\\u needs 4 hexadecimal digits"
w = "\N{no such character}" ### "unknown Unicode character name" at "\N{no such character}"
v = "\U00110000" ### "no Unicode character of this number"
u = "\N" ### "\\N needs a Unicode character name"
t = "a" b"b" ### "cannot mix bytes and nonbytes literals" at ""a" b"b""
---
a = 007 ### "leading zeros" at "007" hint "0o"
b = 1abc ### "invalid decimal literal" at "1abc"
c = 0xg ### "invalid hexadecimal literal" at "0xg"
d = 0b12 ### "unexpected '2'|invalid binary literal"
e = 0o8 ### "invalid octal literal"
f = 1__0 ### "invalid decimal literal"
g = 1_ ### "invalid decimal literal"
h = 1.e ### "invalid decimal literal"
i = 0_7 ### "leading zeros"
---
x = a $ b ### "invalid character '\$' \(U\+0024\)" at "$"
y = a ? b : c ### "invalid character '\?'"
z = “abc” ### "invalid character '“' \(U\+201C\)"
w = a \ b ### "unexpected character after line continuation character"
v = !a ### "invalid character '!'"
---
x = a && b ### "unexpected '&'" hint "'and'"
y = a || b ### "unexpected '\|'" hint "'or'"
x++ ### "unexpected end of line"
---
f"{}" ### "an expression is missing between the braces" hint "{{ and }}"
f"{!r}" ### "an expression is missing"
f"{:5}" ### "an expression is missing"
f"{ = }" ### "an expression is missing"
f"{x!z}" ### "after '!' must come s, r or a" at "!z"
f"{x!}" ### "after '!' must come"
f"}" ### "single '}' is not allowed" hint "}}"
f"{x" ### "'}' is missing" at "{"
f"{x:5" ### "'}' is missing"
f"{x y}" ### "unexpected 'y'"
f"{x!r=}" ### "'}' is missing" at "="
f"{x!r y}" ### "unexpected 'y'"
f"abc ### "unterminated f-string literal"
f"{lambda x: 1}" ### "unexpected|missing"
f"{*a}" ### "can't use starred expression here"
f"{a b" ### "'}' is missing|unexpected"
y y ### "unexpected 'y'"
---
if x = 1: ### "'=' cannot stand in an expression" at "=" hint "write =="
    pass
while x = 1: pass ### "'=' cannot stand in an expression"
print(a.b = 1) ### "only a plain name can stand left of '='" at "a.b = 1" hint "=="
f((a)=1) ### "only a plain name"
f(True=1) ### "only a plain name"
y = (x = 1) ### "'=' cannot stand in an expression"
---
x := 1 ### "':=' cannot stand here" hint "parentheses"
(x.y := 1) ### "':=' cannot stand here" hint "plain name"
(x[0] := 1) ### "':=' cannot stand here"
---
def class(): ### "'class' is a keyword and cannot be a name" hint "class_"
    pass
x.if = 1 ### "'if' is a keyword and cannot be a name"
import for ### "'for' is a keyword and cannot be a name"
def f(None): pass ### "'None' is a keyword"
lambda True: 1 ### "'True' is a keyword"
---
print "hello" ### "missing parentheses in call to 'print'" hint "print\(\.\.\.\)"
print x ### "missing parentheses in call to 'print'"
exec "x" ### "missing parentheses in call to 'exec'"
---
if x:
    pass
else if y: ### "expected ':'" hint "elif"
    pass
---
try:
    pass
except A, B: ### "several exception types need parentheses" hint "except \(A, B\)"
    pass
---
try:
    pass
except: ### "default 'except:' must be last" at "except"
    pass
except ValueError:
    pass
---
x = a if b ### "expected 'else'" hint "value if condition else other"
y = [a if b for c in d] ### "expected 'else'"
---
(*a) ### "starred expression cannot stand alone in parentheses" hint "comma"
*a ### "can't use starred expression here" at "*a"
x = *a ### "can't use starred expression here"
return_value = (*a,)
for x in *a: ### "can't use starred expression here"
    pass
*a = 1 ### "starred assignment target must be in a list or tuple" at "*a"
*a, b, *c = d ### "multiple starred expressions in assignment" at "*c"
[*a for a in b] ### "'for' cannot stand here" hint "cannot be its element"
f(x for x in y, 1) ### "unexpected ','"
f(1, x for x in y) ### "'for' cannot stand here" hint "needs parentheses"
---
1 = x ### "cannot assign to literal" at "1"
f() = x ### "cannot assign to function call" at "f()" hint "=="
a + b = c ### "cannot assign to expression" at "a + b"
-a = b ### "cannot assign to expression"
a < b = c ### "cannot assign to comparison"
a and b = c ### "cannot assign to expression"
None = 1 ### "cannot assign to None" at "None"
True = 1 ### "cannot assign to True"
... = 1 ### "cannot assign to ellipsis"
"a" = 1 ### "cannot assign to literal"
f"a" = 1 ### "cannot assign to f-string expression"
(a, 1) = b ### "cannot assign to literal" at "1"
[a, f()] = b ### "cannot assign to function call"
{} = 1 ### "cannot assign to dict literal"
{1} = 1 ### "cannot assign to set display"
lambda: 1 = 2 ### "cannot assign to lambda"
(a if b else c) = 1 ### "cannot assign to conditional expression"
[x for x in y] = 1 ### "cannot assign to list comprehension"
x = 1 = y ### "cannot assign to literal"
---
(x := 1) = 2 ### "cannot assign to named expression"
__debug__ = 1 ### "cannot assign to __debug__"
a.__debug__ = 1 ### "cannot assign to __debug__"
for f() in x: pass ### "cannot assign to function call"
for 1 in x: pass ### "cannot assign to literal"
[x for f() in y] ### "cannot assign to function call"
---
(a, b) += 1 ### "tuple cannot be the target of an augmented assignment" at "(a, b)"
f() += 1 ### "function call cannot be the target"
1 += 1 ### "literal cannot be the target"
a += b += c ### "unexpected '\+='"
a, b: int ### "only single target \(not tuple\) can be annotated" at "a, b"
[a]: int ### "only single target \(not list\)"
f(): int ### "function call cannot be annotated"
(a): int = 1
a.b: int
a[0]: int = 2
---
del f() ### "cannot delete function call" at "f()"
del 1 ### "cannot delete literal"
del (a, b), [c, d.e, f[0]]
del a + b ### "cannot delete expression"
del (a, *b) ### "cannot delete starred" at "*b"
del (a, (b, 1)) ### "cannot delete literal" at "1"
del *a ### "unexpected '\*'"
del ### "unexpected end of line"
---
f(a=1, b) ### "positional argument follows keyword argument" at "b"
f(**a, b) ### "positional argument follows keyword argument unpacking" at "b"
f(**a, *b) ### "iterable argument unpacking follows keyword argument unpacking" at "*b"
f(a=1, a=2) ### "keyword argument repeated: a" at "a=2"
f(a=1, *b, c=2, **d, e=3)
---
def f(a, a): pass ### "duplicate argument 'a' in function definition" at "a"
def f(a, *, a): pass ### "duplicate argument 'a'"
def f(a, *a, **b): pass ### "duplicate argument 'a'"
lambda a, a: 1 ### "duplicate argument 'a'"
def f(a=1, b): pass ### "parameter without a default follows parameter with a default" at "b" hint "default"
def f(a=1, /, b): pass ### "parameter without a default"
lambda a=1, b: 1 ### "parameter without a default"
def f(*): pass ### "named arguments must follow bare \*"
def f(*, **a): pass ### "named arguments must follow bare \*"
def f(*a, *b): pass ### "\* argument may appear only once"
def f(**a, b): pass ### "arguments cannot follow var-keyword argument"
def f(/, a): pass ### "at least one argument must precede /"
def f(a, /, b, /): pass ### "/ may appear only once"
def f(*a, /): pass ### "/ must be ahead of \*"
def f(*a=1): pass ### "this parameter cannot have a default"
def f(a, /, b=1, *c, d, e=2, **f): pass
def f(a, *, b, c=1, d): pass
lambda: 1
lambda *a, b=1, **c: 1
---
return 1 ### "'return' outside function" at "return 1"
break ### "'break' outside loop"
continue ### "'continue' not properly in loop"
await x ### "'await' outside async function" hint "async def"
if x:
    return ### "'return' outside function"
while x:
    def f():
        break ### "'break' outside loop"
    break
else:
    continue ### "'continue' not properly in loop"
for x in y:
    if x:
        continue
    try:
        break
    finally:
        continue
---
def f():
    await g() ### "'await' outside async function" hint "make the function 'async def'"
    return lambda: await g() ### "'await' outside async function" hint "instead of the lambda"
async def f():
    await g()
    x = lambda: await g() ### "'await' outside async function"
    y = [await z for z in await w if await v]
    z = (await z for z in w) ### "'await' cannot stand in a generator expression" hint "list comprehension"
    z = (z for z in await w)
    def h(x=await y):
        return 1
    return await (await g())
---
import a.b as c.d ### "unexpected '\.'"
from re import ### "unexpected end of line"
from re import a, ### "a comma at the end needs parentheses"
from re import (a b) ### "unexpected 'b'"
import ### "expected a name"
from re ### "expected 'import'|unexpected"
import a b ### "unexpected 'b'"
from re import a.b ### "unexpected '\.'"
---
global x, y
global ### "expected a name"
global x.y ### "unexpected '\.'"
raise x from ### "unexpected end of line"
assert ### "unexpected end of line"
assert x, ### "unexpected end of line"
pass x ### "unexpected 'x'"
async x ### "expected 'def'"
async ### "expected 'def'"
lambda x ### "expected ':'|unexpected"
x = yield_ = 1
---
a[] ### "unexpected '\]'"
a[1:2:3:4] ### "unexpected ':'"
a[*b, 1:2]
a[*b]
x = @y ### "unexpected '@'"
{1: 2, 3} ### "expected ':'"
{1, 2: 3} ### "unexpected ':'"
{**a, 1} ### "expected ':'"
{*a, **b} ### "unexpected '\*\*'"
(a, b ### "'\(' was never closed"
