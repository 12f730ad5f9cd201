"""Automata combined: both, either, one without the other, all but, one after the other, up to a stop.

Goes in: automata (of patterns, options, or combinations). Comes out: the `Dfa` of the combination, minimal and
canonical like any other. Complements are taken among the texts of valid UTF-8. Everybody may import this module.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from . import algebra_kernels as kernels
from .dfa import Dfa
from .errors import AlgebraError, AlgebraLimitError
from .hash_kernels import FIRST_SLOTS
from .limits import DEFAULT_LIMITS, DfaLimits
from .minimise_kernels import minimise
from .regex import compile_regex
from .spell_kernels import merge_classes

BOTH, EITHER, FIRST_ONLY, SECOND = 0b1000, 0b1110, 0b0100, 0b1010
"""Which of two accept, as the kernel `product` takes it."""


def intersection(a: Dfa, b: Dfa, limits: DfaLimits = DEFAULT_LIMITS) -> Dfa:
    """The texts that both accept. As all functions here, raises AlgebraError if there are none, AlgebraLimitError past
    a limit."""
    return _product(a, b, BOTH, 0, 0b11, limits)


def union(a: Dfa, b: Dfa, limits: DfaLimits = DEFAULT_LIMITS) -> Dfa:
    """The texts that at least one accepts."""
    return _product(a, b, EITHER, 0, 0, limits)


def difference(a: Dfa, b: Dfa, limits: DfaLimits = DEFAULT_LIMITS) -> Dfa:
    """The texts that `a` accepts and `b` does not."""
    return _product(a, b, FIRST_ONLY, 0, 0b01, limits)


def complement(a: Dfa, limits: DfaLimits = DEFAULT_LIMITS) -> Dfa:
    """The texts that `a` does not accept."""
    return difference(everything(), a, limits)


def concatenation(a: Dfa, b: Dfa, limits: DfaLimits = DEFAULT_LIMITS) -> Dfa:
    """A text of `a`, then one of `b`."""
    words = b.n_states // 32 + 1
    key = np.zeros(words + 1, np.uint32)
    return _build(a, b, words + 1, lambda one, two, result: kernels.chain(one, two, result, words, key), limits)


def until(a: Dfa, stop: str | tuple[str, ...], limits: DfaLimits = DEFAULT_LIMITS) -> Dfa:
    """What is generated under `a` when it ends as soon as it holds `stop`, or one of several: the texts of `a` without
    it, and the beginnings of texts of `a` that end with its first occurrence. The empty stop ends at once."""
    return _product(a, up_to(stop), EITHER, SECOND, 0b11, limits)


@lru_cache(maxsize=1)
def everything() -> Dfa:
    """All texts."""
    return compile_regex("(?s).*")


@lru_cache(maxsize=64)
def up_to(stop: str | tuple[str, ...]) -> Dfa:
    """The texts that end with `stop`, or one of several; no text leaves this automaton."""
    stops = (stop,) if isinstance(stop, str) else stop
    return compile_regex(f"(?s).*(?:{'|'.join(map(re.escape, stops))})")


def _product(a: Dfa, b: Dfa, accepts: int, ends: int, needs: int, limits: DfaLimits) -> Dfa:
    key = np.zeros(2, np.uint32)
    return _build(
        a, b, 2, lambda one, two, result: kernels.product(one, two, result, accepts, ends, needs, key), limits
    )


_Run = Callable[[kernels.Side, kernels.Side, kernels.Result], int]


def _build(a: Dfa, b: Dfa, width: int, run: _Run, limits: DfaLimits) -> Dfa:
    """The minimal automaton of what `run` builds, in a room that is enlarged where it is too small."""
    classes, *of_classes = common_classes(a.classes, b.classes)
    n_classes = len(of_classes[0])
    sides = [
        kernels.Side(table=d.table, accepting=d.accepting, n_classes=d.n_classes, classes=of_class)
        for d, of_class in zip((a, b), of_classes, strict=True)
    ]
    most = min(limits.cells, limits.work // width) // n_classes
    states = min(most, 2 * (a.n_states + b.n_states) + 300)
    while True:
        result = _room(n_classes, states, width)
        n = run(sides[0], sides[1], result)
        if n >= 0:
            return _finish(result, n, classes)
        if states >= most:
            raise AlgebraLimitError(f"the combination needs more than {most:,} states")
        states = min(8 * states, most)


def common_classes(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], ...]:
    """The class of every byte that tells apart what either tells apart, uint8[256]; and for each of these classes the
    one of `a`, and that of `b`."""
    number: dict[tuple[int, int], int] = {}
    pairs = zip(a.tolist(), b.tolist(), strict=True)
    classes = [number.setdefault(pair, len(number)) for pair in pairs]
    return tuple(np.array(part, np.uint8) for part in (classes, *zip(*number, strict=True)))


def _room(n_classes: int, states: int, width: int) -> kernels.Result:
    buckets = FIRST_SLOTS
    while buckets < 2 * states:
        buckets *= 4
    return kernels.Result(
        n_classes=n_classes,
        rows=np.empty(states * n_classes, np.int32),
        accepting=np.empty(states, np.uint8),
        state_room=states,
        keys=np.empty(states * width, np.uint32),
        hashes=np.empty(states, np.uint64),
        buckets=np.empty(buckets, np.uint32),
    )


def _finish(result: kernels.Result, n: int, classes: NDArray[np.uint8]) -> Dfa:
    """Minimal and in canonical form."""
    rows, accepting, n_classes = (result.fields[name] for name in ("rows", "accepting", "n_classes"))
    arena = np.empty(9 * (n + 2) + 10 * (n * n_classes + 2) + n * n_classes, np.int32)
    n = minimise(n, n_classes, rows, accepting, arena, len(arena))
    if n == 0:
        raise AlgebraError("no text satisfies the combination")
    table, ends = np.empty((n + 1) * n_classes, np.uint32), np.empty(n + 1, np.uint8)
    scratch = np.empty((2, n), np.uint32)
    kernels.lay_out_rows(n, n_classes, rows, accepting, scratch[0], scratch[1], table, ends)
    kept = merge_classes(n + 1, n_classes, table, classes, np.empty(256, np.uint64))
    return Dfa(n + 1, kept, classes, table[: (n + 1) * kept].reshape(n + 1, kept), ends)
