"""Masks of states that are likely to come, made in advance.

Goes in: a `Context`, a `Machine`, a state that was just asked for. Comes out: in what the context keeps, the masks of
states near to it, the nearest in bytes first. Only `mask` uses this module.

Right after the first mask, all that masks are made of is in the processor's nearest caches, where one takes a
microsecond or two; asked for after a step of the model, it takes many times that. So with the first mask of an
automaton come those of some states that follow: most automata of usual patterns have no more.
"""

from __future__ import annotations

from .compose import Context, keep_mask
from .jit import Ptr, Record, clear_words, i64, kernel, u32
from .kept import NEXT_BASE, WRITTEN, knows, used_up
from .machine import Machine

MOST_SEEN = 512
"""States that are looked at."""
MASKS = 64
"""Masks that are made."""
STEPS = 12_000
"""Of walks for all of them together, some 50 microseconds; to look at eight classes counts as one."""
PART = 4
"""One such part of what is kept may be used up."""
N_SEEN = 1 << 14


class Ahead(Record):
    """Room for one search at a time."""

    todo: Ptr[u32]  # [MOST_SEEN]
    seen: Ptr[u32]  # [N_SEEN / 32] a bit for each state below N_SEEN; higher ones are left out


def make_ahead() -> Ahead:
    return Ahead.carve((), (MOST_SEEN, N_SEEN // 32))


@kernel
def foresee(c: Context, machine: Machine, a: Ahead, start: i64, most: i64) -> i64:
    """Keep the masks of up to `most` states that follow `start`, as far as they are not known; returns how many. None
    where states were merged: the machine's table has others then, whose masks are quick to find."""
    if machine.merged == 2 or machine.grows != 0 or start < 0 or start >= machine.n_asked:
        return 0
    clear_words(a.seen, N_SEEN // 32)
    first_base = c.kept.counts[NEXT_BASE]
    written = c.kept.counts[WRITTEN]
    a.todo[0] = u32(start)
    tail = i64(start < N_SEEN)
    head = 0
    made = 0
    left = STEPS
    while head < tail and made < most and left > 0:
        state = i64(a.todo[head])
        head += 1
        left -= machine.n_classes // 8
        row = machine.table[state * machine.n_classes :]
        before = 0
        for i in range(machine.n_classes):
            after = i64(row[i])
            if after != before and after != 0 and after < N_SEEN and tail < MOST_SEEN:
                bit = u32(1 << (after & 31))
                if (a.seen[after >> 5] & bit) == 0:
                    a.seen[after >> 5] = a.seen[after >> 5] | bit
                    a.todo[tail] = u32(after)
                    tail += 1
            before = after
        if machine.clean[state] != 0 and state != start and knows(c.kept, machine.owner, state) == 0:
            left -= keep_mask(c, machine, state, left)
            made += 1
            if used_up(c.kept, first_base, written, PART) != 0:
                break
    return made
