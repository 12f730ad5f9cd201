"""Forks, and processes restored from snapshots: independent, equal, with identity, aliasing and cycles as they were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aici.compiler import compile_source
from aici.diagnostics import SourceFile
from aici.vm import fork as forking
from aici.vm.fork import fork, forks
from aici.vm.frame import Code
from aici.vm.machine import run
from aici.vm.process import Process
from aici.vm.requests import Failed, Finished, Fork, Noop, Outcome, Services
from aici.vm.snapshot import restore, snapshot
from aici.vm.values import Native

Compile = Callable[..., Process]
Copy = Callable[[Process], Process]


def through_bytes(process: Process) -> Process:
    key = b"a key of the tests"
    return restore(process.program, snapshot(process, key), key)


def one_of_many(process: Process) -> Process:
    return forks(process, 3)[1]


def sharing(process: Process) -> Process:
    """A copy that shares all it can."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forking, "SHARED_FROM", 0)
        copy = fork(process)
        assert copy.share is not None
        return copy


def unshared(process: Process) -> Process:
    """A copy that has shared, and has got copies of its own."""
    copy = sharing(process)
    forking.unshare(copy)
    return copy


COPIES = [fork, one_of_many, through_bytes, unshared]
both_ways = pytest.mark.parametrize("copy_of", [*COPIES, sharing])

FORKING = """\
import aici
{before}
async def main():
    me = await aici.fork(2)
    {after}
aici.start(main)
"""


class Log:
    def __init__(self) -> None:
        self.text = ""

    def log(self, text: str) -> None:
        self.text += text


def branches(copy_of: Copy, before: str, after: str) -> list[str]:
    """What each of two branches prints; the second one is the copy, made before the first goes on."""
    process = Process(compile_source(SourceFile("test.py", FORKING.format(before=before, after=after))))
    assert run(process, Log()) == Fork(2)
    copy = copy_of(process)
    outputs = []
    for index, branch in enumerate((process, copy)):
        log = Log()
        outcome = run(branch, log, index)
        assert outcome == Finished(), outcome
        outputs.append(log.text)
    return outputs


@both_ways
def test_changes_stay_in_their_branch(copy_of: Copy) -> None:
    before = "shared = {'list': [1], 'set': {1}, 'nested': ([],)}\ncount = 0"
    after = "; ".join(
        (
            "shared['list'].append(me)",
            "shared['set'].add(me + 10)",
            "shared['nested'][0].append(me)",
            "shared['me'] = me",
            "print(shared)",
        )
    )
    assert branches(copy_of, before, after) == [
        f"{{'list': [1, {me}], 'set': {{1, {me + 10}}}, 'nested': ([{me}],), 'me': {me}}}\n" for me in (0, 1)
    ]


@both_ways
def test_identity_aliasing_and_cycles(copy_of: Copy) -> None:
    before = (
        "a = []\nb = [a, a]\na.append(b)\nt = (a, b)\nd = {'t': t}\nd['d'] = d\nf = frozenset([(1, t is t)])\n"
        "keys = {f: 1, (1, f): 2, len: 3, ValueError: 4}\nsame = {f}"
    )
    after = (
        "print(b[0] is a, b[1] is a, a[0] is b, t[0] is a, d['t'] is t, d['d'] is d, f in keys, (1, f) in keys, "
        "len in keys, ValueError in keys, f in same)"
    )
    first, second = branches(copy_of, before, after)
    assert first == second == " ".join(["True"] * 11) + "\n"


@both_ways
def test_many_alike(copy_of: Copy) -> None:
    before = """
def make(n):
    def add(k):
        nonlocal n
        n += k
        return n
    return add
lists = [[i, i + 1] for i in range(20)]
nested = [[[i], {i: 0}, i] for i in range(20)] + [lists[3]] * 10
dicts = [{'a': i, i: 'b'} for i in range(20)]
tables = [{'l': lists[i], (i, 'k'): dicts[i]} for i in range(20)]
functions = [make(i) for i in range(20)]
by_function = {f: [f, (f, [f])] for f in functions}
tuples = [(f, ((f,), frozenset([f, (f, 1)]))) for f in functions] + [(1, (2, ('x',)))] * 9
pairs = list(zip(functions, tuples))
everything = [lists, nested, dicts, tables, functions, by_function, tuples, slice(1, 2), iter(lists), None, 5]
"""
    after = """
    for i in range(20):
        lists[i].append(me); nested[i][0].append(me); nested[i][1][me + 50] = 0; dicts[i]['me'] = me; functions[i](me)
    print(everything[:4], [f(1) for f in functions])
    print(all(nested[20 + i] is lists[3] and tables[i]['l'] is lists[i] for i in range(10)))
    print(all(tables[i][(i, 'k')] is dicts[i] and by_function[functions[i]][0] is functions[i] for i in range(20)))
    print(all(by_function[f][1][1][0] is f and (f, 1) in t[1][1] and t[1][0][0] is f for f, t in pairs))
    print(everything[4] is functions, tuples[20] is tuples[21], list(by_function) == functions, next(everything[8]))
"""
    first, second = branches(copy_of, before, after)
    assert [text.splitlines()[1:] for text in (first, second)] == [
        ["True"] * 3 + [f"True True True [0, 1, {me}]"] for me in (0, 1)
    ]
    assert second != first
    lists = [[i, i + 1, 1] for i in range(20)]
    nested = [[[i, 1], {i: 0, 51: 0}, i] for i in range(20)] + [lists[3]] * 10
    dicts = [{"a": i, i: "b", "me": 1} for i in range(20)]
    tables = [{"l": lists[i], (i, "k"): dicts[i]} for i in range(20)]
    assert second.splitlines()[0] == f"{[lists, nested, dicts, tables]} {[i + 2 for i in range(20)]}"


def test_what_cannot_change_is_shared(process_of: Compile) -> None:
    process = process_of(
        "import aici\ndata = [['text' * i, (i, 'x' * i), 1 << 70] for i in range(50)]\naici.start(aici.Noop())"
    )
    assert run(process, Log()) == Noop()
    own = process.globals["data"]
    for copy in forks(process, 15):
        data = copy.globals["data"]
        assert data == own
        assert all(mine is not theirs for mine, theirs in zip(own, data, strict=True))
        assert all(a is b for mine, theirs in zip(own, data, strict=True) for a, b in zip(mine, theirs, strict=True))


@both_ways
def test_functions_as_keys_and_closures(copy_of: Copy) -> None:
    before = """
def counter():
    n = 0
    def inc():
        nonlocal n
        n += 1
        return n
    def get():
        return n
    return inc, get
inc, get = counter()
table = {inc: 'inc', get: 'get'}
inc()
"""
    after = "inc(); me and inc(); print(get(), table[inc], table[get], list(table)[0] is inc)"
    assert branches(copy_of, before, after) == ["2 inc get True\n", "3 inc get True\n"]


@both_ways
def test_iterators_half_way(copy_of: Copy) -> None:
    before = """
items = [1, 2, 3]
its = [iter(items), iter({1: 2, 3: 4}.items()), zip(items, 'abc'), enumerate(items), map(str, items), reversed(items),
       filter(None, items), (x * 2 for x in items), iter([].copy, [])]
for it in its:
    next(it, None)
"""
    after = "items.append(me); print([list(it) for it in its])"
    first, second = branches(copy_of, before, after)
    assert first == (
        "[[2, 3, 0], [(3, 4)], [(2, 'b'), (3, 'c')], [(1, 2), (2, 3), (3, 0)], ['2', '3', '0'], [2, 1], [2, 3], "
        "[4, 6, 0], []]\n"
    )
    assert second == first.replace(", 0]", ", 1]", 1).replace("(3, 0)", "(3, 1)").replace("'0'", "'1'").replace(
        "[2, 3], [4, 6, 0]", "[2, 3, 1], [4, 6, 2]"
    )


@both_ways
def test_exceptions_and_frames_in_the_middle(copy_of: Copy, process_of: Compile) -> None:
    source = """
import aici
async def inner(x):
    try:
        raise ValueError(x)
    except ValueError as e:
        who = await aici.fork(2)
        e.args[0].append(who)
        for i in [1, 2, 3]:
            if i == 2:
                await aici.Noop()
        raise
async def main():
    data = []
    try:
        await inner(data)
    except ValueError as e:
        print(data, e.args[0] is data)
aici.start(main())
"""
    process = process_of(source)
    assert run(process, Log()) == Fork(2)
    copies = [process, copy_of(process), copy_of(process)]
    logs = [Log() for _ in copies]
    for index, (copy, log) in enumerate(zip(copies, logs, strict=True)):
        assert run(copy, log, index) == Noop()
    copies.append(copy_of(copies[0]))
    logs.append(Log())
    for copy, log in zip(copies, logs, strict=True):
        assert run(copy, log) == Finished()
    assert [log.text for log in logs] == [f"[{who}] True\n" for who in (0, 1, 2, 0)]


@both_ways
def test_deep_data_needs_no_stack(copy_of: Copy) -> None:
    before = "a = []\nt = ()\nfor i in range(20_000):\n    a = [a]\n    t = (t, a)"
    after = "\n    ".join(("n = 0", "x = t", "while x:", "    n += 1; x = x[0]", "print(n)"))
    assert branches(copy_of, before, after) == ["20000\n", "20000\n"]


@pytest.mark.parametrize("copy_of", COPIES)
def test_nothing_that_can_change_is_shared(copy_of: Copy, process_of: Compile, host: Services) -> None:
    process = process_of(
        "import aici\nasync def main():\n"
        "    x = [1, {2: ({3},)}, (lambda: x), aici.TokenSet(), iter([4]), ValueError([])]\n"
        "    await aici.Noop()\naici.start(main)"
    )
    assert run(process, host) == Noop()
    copy = copy_of(process)
    assert not mutable_objects(process) & mutable_objects(copy)


def mutable_objects(process: Process) -> set[int]:
    """Identities of everything reachable that may change, found through Python's own attributes."""
    found: dict[int, Any] = {}
    stack: list[Any] = process.roots()
    while stack:
        value = stack.pop()
        kind = type(value)
        slots = () if kind in (Native, Code) else getattr(kind, "__slots__", ())
        if id(value) in found or not (slots or kind in (list, dict, bytearray, tuple)):
            continue
        found[id(value)] = value
        if kind is dict:
            stack += [*value, *value.values()]
        elif kind in (list, tuple):
            stack += value
        else:
            stack += [getattr(value, name) for name in slots]
    return {identity for identity, value in found.items() if type(value) is not tuple}


# --- the property: fork and run both = two separate runs ---

NAMES = st.sampled_from("abcd")
VALUES = st.sampled_from(
    [
        "[]",
        "{}",
        "{1}",
        "(a,)",
        "[a, b]",
        "{'k': c}",
        "(a, [b])",
        "lambda: (a, b)",
        "iter([1, 2, 3])",
        "[x for x in 'ab']",
    ]
)
ACTIONS = st.one_of(
    st.builds("{} = {}".format, NAMES, VALUES),
    st.builds("{} = {}".format, NAMES, NAMES),
    st.builds("change({}, {})".format, NAMES, NAMES),
    st.builds("change({}, me)".format, NAMES),
)

GENERATED = """\
import aici

def change(target, value):
    if isinstance(target, list):
        target.append(value)
    elif isinstance(target, dict):
        target[len(target)] = value
    elif isinstance(target, set):
        target.add(len(target))
    elif isinstance(target, tuple):
        change(target[0], value)
    elif callable(target):
        change(target()[0], value)
    elif target is not None and not isinstance(target, int):
        next(target, None)

def show():
    print(repr([a, b, c, d])[:500])
    print([[x is y for x in (a, b, c, d)] for y in (a, b, c, d)])

async def main():
    global a, b, c, d
    a = b = c = d = None
    me = 5
{first}
    me = await aici.fork(2)
{second}
    await aici.Noop()
{third}
    show()

aici.start(main)
"""


def block(actions: list[str]) -> str:
    return "\n".join(f"    try: {action}\n    except (TypeError, RecursionError): print('no')" for action in actions)


@both_ways
@settings(deadline=None, max_examples=60)
@given(first=st.lists(ACTIONS, max_size=8), second=st.lists(ACTIONS, max_size=5), third=st.lists(ACTIONS, max_size=5))
def test_fork_and_run_both_is_two_runs(copy_of: Copy, first: list[str], second: list[str], third: list[str]) -> None:
    source = GENERATED.format(first=block(first), second=block(second), third=block(third))
    program = compile_source(SourceFile("test.py", source))

    def finish(process: Process, log: Log, me: int) -> tuple[Outcome, Outcome | None, str]:
        outcome = run(process, log, me)
        return outcome, None if isinstance(outcome, Failed) else run(process, log), log.text

    def alone(me: int) -> tuple[Outcome, Outcome | None, str]:
        process, log = Process(program), Log()
        run(process, log)
        return finish(process, log, me)

    process, log = Process(program), Log()
    run(process, log)
    copy, twin_log = copy_of(process), Log()
    twin_log.text = log.text
    assert finish(process, log, 0) == alone(0)
    assert finish(copy, twin_log, 1) == alone(1)
