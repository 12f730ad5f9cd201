"""Exceptions in lowered code: raised, caught, raised again and passed on as the plain interpreter does it, with the
same traceback, contexts and causes, and the same accounts at every limit."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aici.vm.limits import Limits

CATCHES = """
log = []
def checked(x):
    if x % 4 == 3:
        raise IndexError(x)
    return x + 1
def again(x):
    try:
        return checked(x) + checked(x + 1)
    except IndexError:
        if x % 3 == 0:
            raise KeyError(x)
        return 7
def counted(n):
    bad = 0
    kept = []
    for i in range(n):
        try:
            if i % 3 == 0:
                raise ValueError("no", i)
            if i % 3 == 1:
                raise KeyError
            bad += checked(i)
        except (LookupError, ArithmeticError):
            kept.append([i, bad])
        except ValueError:
            bad += 4611686018427387904
    return bad, kept
def quiet(n):
    kept = []
    for i in range(n):
        try:
            if i % 2:
                raise ValueError(i)
        except ValueError:
            kept.append([i, i])
            i += 4611686018427387904
    return len(kept)
def nested(n):
    total = 0
    for i in range(n):
        try:
            for j in [3, 2, 1, 0]:
                try:
                    total += 12 // (j - i % 3)
                    if j == 2:
                        continue
                    int("x" * j)
                except ZeroDivisionError as error:
                    log.append(repr(error))
                    if i % 4 == 2:
                        raise ValueError("from", i) from error
                    break
                except ValueError:
                    if i == 3:
                        raise
                    total += 1
                else:
                    total += 2
                finally:
                    total += [5, 6][j % 3]
        except LookupError as error:
            log.append([repr(error), repr(error.__context__)])
        except Exception as error:
            log.append([repr(error), repr(error.__cause__)])
            total = again(i)
    return total
def growing(table):
    for key in table:
        try:
            for inner in table:
                if key == 2:
                    table[key + 10] = 1
        except RuntimeError as error:
            log.append(str(error))
            return len(table)
def kept(n):
    error = None
    try:
        raise KeyError(n)
    except KeyError as found:
        error = found
    try:
        raise error
    except KeyError:
        try:
            return quiet(n)
        finally:
            log.append(repr(error.__context__))
async def later(n):
    try:
        return await early(n)
    except StopIteration:
        return 0
    except RuntimeError as error:
        raise TypeError(str(error)) from None
async def early(n):
    if n % 3 == 0:
        raise StopIteration(n)
    try:
        return again(n)
    finally:
        log.append(n)
async def main():
    for n in range(7):
        try:
            log.append([counted(n), quiet(n), kept(n)])
            log.append(nested(n))
            log.append(growing({1: n, 2: n}))
            log.append(await later(n))
        except Exception as error:
            log.append([repr(error), repr(error.__context__), repr(error.__cause__)])
        if len(log) > 6:
            print(log)
            log.clear()
    again(3)
"""


@pytest.mark.parametrize("fuel", [*range(1, 800, 23), 200_000])
def test_every_fuel(fuel: int, outcomes: Callable[..., list[Any]]) -> None:
    _same(outcomes(CATCHES, Limits(step_fuel=fuel)))


@pytest.mark.parametrize("memory", range(1000, 12_000, 700))
def test_every_memory(memory: int, outcomes: Callable[..., list[Any]]) -> None:
    """Counted is also what is being handled and was never made."""
    _same(outcomes(CATCHES, Limits(memory=memory)))


@pytest.mark.parametrize("recursion", range(1, 9))
def test_every_depth(recursion: int, outcomes: Callable[..., list[Any]]) -> None:
    _same(outcomes(CATCHES, Limits(recursion=recursion)))


@pytest.mark.parametrize("depth", [12, 14, 15])
def test_deep_loops(depth: int, outcomes: Callable[..., list[Any]]) -> None:
    """CPython's compiler allows for so many blocks only."""
    lines = ["def work(items):", "    total = 0"]
    lines += ["    " * (level + 1) + f"for i{level} in range({2 if level < 3 else 1}):" for level in range(depth)]
    body = "try:\n    total += items[i0 + i1]\n    total = int('x') + total\nexcept ValueError:\n    total += 1"
    lines += ["    " * (depth + 1) + line for line in body.split("\n")]
    lines += ["    return total", "for n in range(3):", "    print(work([1, 2, 3]))"]
    _same(outcomes("\n".join(lines)))


def test_the_end_of_a_loop_is_not_an_earlier_way_out(outcomes: Callable[..., list[Any]]) -> None:
    source = """
def work(n):
    log = []
    for i in range(n):
        try:
            for j in range(i % 3):
                try:
                    if i % 2 and j:
                        raise ValueError(i)
                finally:
                    log.append(j)
                    if i == 5:
                        break
            log.append("end")
        except ValueError:
            log.append("caught")
            continue
        log.append(i)
    return log
for n in range(9):
    print(work(n))
"""
    _same(outcomes(source))


class _Maker:
    """Writes functions full of `try`."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.depth = random.choice([1, 2, 2, 3])

    def name(self) -> str:
        return self.random.choice(["a", "b", "c"])

    def kind(self) -> str:
        kinds = ["ValueError", "KeyError", "IndexError", "ZeroDivisionError", "TypeError", "LookupError", "Exception"]
        return self.random.choice(kinds)

    def value(self) -> str:
        a, b = self.name(), self.name()
        texts = [a, f"{a} + 1", f"{a} // {b}", f"checked({a})", f"again({a})", f"items[{a}]", f"table[{a}]", "int('x')"]
        return self.random.choice(texts)

    def raises(self) -> str:
        kind = self.kind()
        made = self.random.choice([kind, f"{kind}('no')", f"{kind}({self.value()})", f"{kind}({self.name()}, 2)"])
        after = self.random.choice(["", "", " from error", " from None"])
        return self.random.choice([f"raise {made}{after}", f"raise {made}", "raise", "assert a > 1, b"])

    def block(self, depth: int, loop: bool) -> list[str]:
        lines = [line for _ in range(self.random.randrange(1, 3)) for line in self.statement(depth, loop)]
        return ["    " + line for line in lines]

    def statement(self, depth: int, loop: bool) -> list[str]:
        choice = self.random.randrange(11 if depth < self.depth else 6)
        if choice == 0:
            return [f"{self.name()} = {self.value()}"]
        if choice == 1:
            return [f"{self.name()} += 1"]
        if choice == 2:
            return [f"if {self.name()} % 3 == {self.random.randrange(3)}:", "    " + self.raises()]
        if choice == 3:
            return [self.random.choice([f"log.append({self.name()})", "log.append(str(error))"])]
        if choice == 4:
            ways = ["break", "continue"] if loop else []
            way = self.random.choice([*ways, f"return {self.name()}"])
            return [f"if {self.name()} > {self.random.randrange(4)}:", f"    {way}"]
        if choice == 5:
            return [self.raises()] if self.random.random() < 0.4 else ["pass"]
        return self.loop(depth) if choice == 6 else self.attempt(depth, loop)

    def loop(self, depth: int) -> list[str]:
        a = self.name()
        heads = [f"for {a} in range(3):", f"for {a} in items:", f"for {a} in (checked(x) for x in [a, 0, 2]):"]
        head = self.random.choice([*heads, f"for {a} in {{1: 2, 0: 1}}:", "while a < 4:\n    a += 1"])
        return [*head.split("\n"), *self.block(depth + 1, True)]

    def attempt(self, depth: int, loop: bool) -> list[str]:
        lines = ["try:", *self.block(depth + 1, loop)]
        n_handlers = self.random.randrange(3)
        for _ in range(n_handlers):
            wanted = self.random.choice([self.kind(), f"({self.kind()}, {self.kind()})"])
            name = self.random.choice(["", "", " as error", " as other"])
            lines += [f"except {wanted}{name}:", *self.block(depth + 1, loop)]
        if n_handlers and self.random.random() < 0.2:
            lines += ["except:", *self.block(depth + 1, loop)]
        if n_handlers and self.random.random() < 0.4:
            lines += ["else:", *self.block(depth + 1, loop)]
        if not n_handlers or self.random.random() < 0.4:
            lines += ["finally:", *self.block(depth + 1, loop)]
        return lines

    def program(self) -> str:
        is_async = self.random.random() < 0.3
        start = "c, items, table, error = 0, [1, 2, 0], {0: 1, 2: 3}, ValueError('old')"
        body = ["    " + start, *self.block(0, False), *self.block(0, False), "    return a + b + c"]
        function = "\n".join([f"{'async ' if is_async else ''}def work(a, b):", *body])
        return CATCHES[: CATCHES.index("def counted")] + function + _DRIVER.replace("?", "await " if is_async else "")


_DRIVER = """
async def main():
    for i in range(4):
        for j in range(3):
            try:
                log.append(?work(i, j))
            except Exception as found:
                log.append([repr(found), repr(found.__context__), repr(found.__cause__)])
    print(log)
    print(?work(1, 2))
"""


@settings(deadline=None, max_examples=15, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 1 << 30), st.integers(1, 600), st.integers(1000, 12_000), st.integers(1, 12))
def test_random_exceptions(
    outcomes: Callable[..., list[Any]], seed: int, fuel: int, memory: int, recursion: int
) -> None:
    source = _Maker(Random(seed)).program()
    limits = [{}, {"step_fuel": fuel}, {"memory": memory}, {"recursion": recursion}]
    for limit in limits:
        _same(outcomes(source, Limits(**{"step_fuel": 30_000, **limit})))


def _same(found: list[Any]) -> None:
    for lowered in found[1:]:
        assert lowered == found[0]
