"""The controller of `test_sharing`: it holds every kind of value that can change, and does what its replies say."""

from __future__ import annotations

ACTIONS = """
data.append(n)
data[n % len(data)].append(n)
data[0] = data[n % len(data)]
data[1:2] = [[n]]
data.sort(key=len)
data.sort(key=str, reverse=True)
data.reverse()
data.insert(n, [])
data.pop() if len(data) > 3 else None
data.remove(data[0]) if len(data) > 3 else None
data += [[n]]
data *= 1
del data[n % len(data)]
local.append(n)
local += (n,)
own = [n, data]; own.append(own[0]); own[1] = local; own[1].append(n)
own = {n: [n]}; own[n].append(1); own.setdefault("d", data); own["d"].append([n])
own = [[x, data] for x in range(3)]; own[1][1].append([n]); print(len(own))
own = list(data); own[0].append(n)
own = data.copy(); own.clear(); print(own)
table[n] = [n]
table["list"].append(n)
table.update(a=n)
table.update([(n, n), iter([n, 1])])
table.setdefault("new", []).append(n)
table.pop("new", None)
table |= {n: None}
del table[n]
table.popitem() if len(table) > 5 else None
print(dict([iterators[0], (1, 2)]))
print(table.get("list") is data, table["self"] is table, [*table][:3])
chosen.add(n)
chosen.discard(n)
chosen |= {n, 2 * n}
chosen -= {n}
chosen &= set(range(100))
chosen ^= {1}
chosen.update(iterators[0])
chosen.difference_update([n])
pair[1].append(n)
pair[0]["in"] = pair
cycle[0].append(n)
tick(); print(peek())
tock(n); print(peek())
remember(n)
remember(n, into=local)
keyword(n)
print(next(iterators[n % len(iterators)], "end"))
print(list(iterators[n % len(iterators)])[:5])
print([x for x in iterators[n % len(iterators)]][:5])
print(n in iterators[n % len(iterators)])
print(next(half, "end"))
print([*half])
print(next(*[iterators[n % len(iterators)], "end"]))
a, b = iterators[6 + n % 3]; print(a, b)
print("no" in iterators[n % 4])
print(next(outer, "end"))
for x in outer: break
a, *b = outer; print(a, b)
a, b = iter(data[:2]); a.append(b)
print(sum(map(len, data)), sorted(data, key=lambda x: (changed(x, n), len(x))[1])[0])
print(max(data, key=len), min(chosen), any(data), all(table), len(views[0]), list(views[1])[:2])
print([i for i, x in enumerate(data)], [*zip(data, "ab")][:2], list(reversed(data))[:1])
print("-".join(map(str, chosen)), "%s %r" % (local, data[0]), f"{data[0]!r:>20}", str(table)[:50])
print(data == table["list"], data[0] < [n], data[:2] + [n], local * 2, [n] in data, n in chosen, n in table)
bound([n])
call = data[0].append; call(n)
list.append(data[0], n)
(lambda *args: args[0].append(n))(*data)
changed(into=data[0], n=n) if False else changed(data[0], n=n)
changed(*[data[0]], **{"n": n})
aici.log_level = n % 2
module.log_level = 0
tokens[n] = True; print(tokens[n], len(tokens), tokens.num_set())
tokens.set_all(False); print(tokens[n])
constraint.append_token(n); print(constraint, constraint.token_allowed(n), (constraint & constraint) is not None)
constraint.allow_tokens(tokens)
lexer.add("n" + str(n)); print(lexer.constraint())
print(json.dumps([local, chosen and 1]), json.loads("[[1], {}]"), re.sub("a", lambda m: changed(local, n) or "b", "xa"))
print(re.findall("a", "banana"), pattern.search("xab").groups(), math.fsum(chosen))
print(error.args, error.args[0] is local, error.__cause__, error.__context__)
error.args[0].append(n)
raise error
raise ValueError(n) from error
raise KeyError(local)
{}[n]
1 // 0
raise_and_change(n)
print(await unstarted.pop() if unstarted else 0)
print(await unstarted[-1] if unstarted else 0)
await deeper(n % 4, data)
await changing(local, n)
counted = globals_changed(n); print(counted)
functions[0](n)
functions.append(lambda: n)
functions.reverse()
label = aici.Label(); print(await aici.FixedTokens("x", following=label), label.text_since(label))
print(await step, step.finished)
[await aici.Noop() for x in data[:2]]
print([await aici.GetPrompt() and x for x in outer][:3])
generation = aici.gen_text(options=["a", *map(str, local[:2])], max_tokens=2); print(await generation)
x = {1, *chosen, n}; x.add(n); y = {**table, "n": n}; y["list"].append(n)
x = iter(data); y = iter(x); next(y); print(next(x))
x = slice(n, None); print(local[x], cut.indices(9))
x = (data, local); x[0][0].append(n)
cells[0](n); print(cells[1]())
del local[:]; local.extend(x * n for x in range(2))
local.extend(outer)
a = b = []; a.append(b); b.append(n); print(a is b)
isinstance(data, list) and getattr(data, "append")([n])
print(repr(half)[:9], callable(tick), type(data) is list, len(pair), hasattr(aici, "x"))
while n > 0: n -= 1; local.append(n) if n % 3 == 0 else None
for i in range(n): total = i + len(data)
for i, x in enumerate(data): x.append(i)
for k, v in table.items(): print(k); break
""".strip().splitlines()

WORLD = """\
import aici
import aici as module
import json, math, re

data = [[1], [2, "b"], [3], [4]]
table = {"list": data, "set": {1, 2}, (1, "t"): 2.5, "last": None}
table["self"] = table
chosen = table["set"]
pair = ({"in": None}, [], data[2])
cycle = [[]]
cycle[0].append(cycle)
iterators = [iter(data), iter({1: [2], 3: 4}.items()), zip(data, "abc", strict=True), enumerate(data), map(str, data),
             reversed(data), filter(None, data), (x * 2 for x in data), iter([].copy, 1), iter(chosen), iter(range(9)),
             zip(iter(data), enumerate("xyz")), re.finditer("a", "aaa"), enumerate(iter(data))]
iterators.append(zip(iterators[0], iterators[3]))
views = table.keys(), table.items(), table.values()
cut = slice(1, None, 2)
pattern = re.compile("(a)(b)?")
tokens = aici.TokenSet()
constraint = aici.RegexConstraint("a+")
lexer = aici.DynamicLexer()
bound = data.append
module_count = 0

def counter():
    count = 0
    def tick():
        nonlocal count
        count += 1
    def tock(n):
        nonlocal count
        count = [count, n]
    return tick, tock, lambda: count

tick, tock, peek = counter()
for _ in range(2):
    tick()

def changed(into, n):
    into.append(n)

def remember(n, seen=[], *, into=[]):
    seen.append(n)
    into.append(n)
    print(seen, into)

def keyword(n, *, state={"n": 0}):
    state["n"] += n
    print(state)

functions = [lambda n: data[0].append(n), remember]

def globals_changed(n):
    global module_count, gone
    module_count += n
    gone = n
    del gone
    return module_count

def stepped(i):
    data[0].append(i)
    return data[i % len(data)]

half = (stepped(i) for i in range(5) if i != 2)
next(half)

def raise_and_change(n):
    try:
        local_error = [n]
        raise LookupError(local_error, data)
    except LookupError as e:
        e.args[0].append(n)
        e.args[1][0].append(n)
        raise
    finally:
        data[0].append("finally")

async def later(n):
    data[0].append(n)
    return await changing(data[0], n)

async def changing(into, n):
    into.append(n)
    await aici.Noop()
    into.append(n)
    return n

async def command():
    for _ in [1]:
        try:
            return await aici.GetPrompt()
        finally:
            print("commanded")

async def deeper(n, values):
    kept = [n]
    if n:
        await deeper(n - 1, kept)
    for value in values:
        await aici.Noop()
        kept.append(value)
        break
    print(len(kept), kept is not values)

error = None
unstarted = [later(1), changing(data[1], 2)]

def show():
    print([data, table, cycle, pair, module_count, functions and len(functions)])
    print(data is table["list"], chosen is table["set"], pair[2] in data, cycle[0][0] is cycle)
    print(peek(), tokens.num_set())

async def main():
    global error, data, chosen, table
    local = [10]
    alias = local
    value = 0
    def add(n):
        nonlocal value
        value += n
        local.append(value)
    cells = [add, lambda: value]
    step = aici.ConstrainedToken(lambda: constraint)
    try:
        raise ValueError(local)
    except ValueError as e:
        error = e
    outer = iter([local, [2], [3], [4], [5]])
    for round in [1, 2, 3, 4, 5, 6, 7, 8, 9]:
        try:
            _, action, n = await command()
{actions}
        except KeyError as e:
            _, _, n = await aici.GetPrompt()
            print(repr(e), local is alias)
            e.args[0].append(n)
        except Exception as e:
            print(repr(e), repr(e.__context__))
            await aici.Noop()
            if round > 5:
                raise
        show()

aici.start(main())
"""


def world(actions: list[str]) -> str:
    """The controller, with these actions to choose from."""
    lines = [f"            if action == {at}:\n                {text}" for at, text in enumerate(actions)]
    return WORLD.replace("{actions}", "\n".join(lines))
