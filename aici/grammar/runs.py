"""Runs: how far an automaton goes on with the same characters.

Goes in: an `Index`, a `Machine`, a state. Comes out, in a `Scratch`: the run from that state. Only `fill` uses this
module.

A state *runs* over a set of atoms if it loops on them, or leads to a state that does, or counts them down a chain of
states. The first state of the run is at step 0. Encoded as: the steps, + ENDLESS if the last state loops, + UNSEEN if
the run goes on after them.
"""

from __future__ import annotations

from .atoms import ALL, N_ATOMS, Atoms
from .index import MEDIUM, Index
from .jit import Ptr, Record, i32, i64, kernel, trailing_zeros, u32, u64
from .machine import Machine
from .memory import mapping
from .targets import MIXED, targets, visited_size
from .tries import Walk

MAX_RUN = MEDIUM - 1
"""Steps of a run that are looked at; longer tokens are walked."""
ROWS = MAX_RUN + 4
ENDLESS = 1 << 20
UNSEEN = 2 << 20
MAX_TOKENS, MAX_TERMS = 1 << 13, 16
TERM = 5
TERMS, TOKENS, SPILLED = range(3)


class Scratch(Record):
    """Room for one call at a time."""

    walk: Walk
    n_words: i64
    rows: Ptr[i32]  # [ROWS, N_ATOMS] targets: of the state, of the next one, of a run's states
    run: Ptr[i64]  # [MAX_RUN + 1] the states of a run
    masks: Ptr[u64]  # [1] the atoms of a run
    visited: Ptr[i64]  # for `targets`
    times: Ptr[i64]  # [256] for every class, how often it has followed,
    after: Ptr[u32]  # [256] and the state then
    # What the mask is made of.
    terms: Ptr[u64]  # [MAX_TERMS, TERM]
    tokens: Ptr[u32]  # [MAX_TOKENS]
    spilled: Ptr[u32]  # [n_words] tokens that found no room there
    counts: Ptr[i64]  # [3] how many TERMS, TOKENS, and whether some are SPILLED


def make_scratch(n_cells: int, n_words: int) -> Scratch:
    """For tries of up to `n_cells` cells."""
    walk = Walk.carve((), (n_cells, n_cells, n_cells, 4, 4, 1), mapping)
    counts = (ROWS * N_ATOMS, ROWS, 1, visited_size(), 256, 256, MAX_TERMS * TERM, MAX_TOKENS, n_words, 3)
    return Scratch.carve((walk, n_words), counts)


@kernel
def find_run(index: Index, machine: Machine, atoms: Atoms, s: Scratch, start: i64) -> i64:
    """The run from `start`: its atoms go to `s.masks[0]`, its states to `s.run`, their targets to `s.rows[2..]`."""
    kept: u64 = ALL
    first = 0  # the first atom kept
    state = start
    for i in range(MAX_RUN + 1):
        row = s.rows[(2 + i) * N_ATOMS :]
        targets(machine, atoms, s.visited, state, row)
        s.run[i] = state
        following = i64(row[first])
        alike = same(row, following)
        if i == 0 or following <= 0 or (kept & u64(~alike)) != 0:
            following = heaviest(index, row, kept)
            if following == 0:
                s.masks[0] = kept & same(row, 0)
                return i
            alike = same(row, following)
        kept = kept & alike
        s.masks[0] = kept
        if following == state:
            return i + ENDLESS
        while (kept >> first & 1) == 0:
            first += 1
        state = following
    return MAX_RUN + UNSEEN


@kernel
def heaviest(index: Index, row: Ptr[i32], kept: u64) -> i64:
    """The live target that most of the tokens' atoms lead to, of those in `kept`; 0 if there is none."""
    best = 0
    best_weight = -1
    done: u64 = u64(~kept)
    for atom in range(N_ATOMS):
        if (done >> atom & 1) == 0 and row[atom] > 0:
            group = same(row, row[atom]) & kept
            done = done | group
            weight = 0
            for a in range(N_ATOMS):
                if (group >> a & 1) != 0:
                    weight += index.weights[a]
            if weight > best_weight:
                best_weight = weight
                best = row[atom]
    return best


@kernel
def same(row: Ptr[i32], target: i64) -> u64:
    """The atoms that lead to a target."""
    group: u64 = 0
    for atom in range(N_ATOMS):
        group = group | u64(i64(row[atom] == target) << atom)
    return group


@kernel
def steps(run: i64) -> i64:
    return run & (ENDLESS - 1)


@kernel
def segment_end(s: Scratch, first: i64, last: i64) -> i64:
    """The last step of the run up to which the atoms that leave it lead where they lead at `first`."""
    leaves = u64(~s.masks[0])
    row = s.rows[(2 + first) * N_ATOMS :]
    if first < last and (same(row, MIXED) & leaves) != 0:
        return first
    end = first
    while end < last:
        if (differing(row, s.rows[(3 + end) * N_ATOMS :]) & leaves) != 0:
            return end
        end += 1
    return end


@kernel
def differing(row: Ptr[i32], other: Ptr[i32]) -> u64:
    """The atoms whose targets differ."""
    differ: u64 = 0
    for atom in range(N_ATOMS):
        differ = differ | u64(i64(row[atom] != other[atom]) << atom)
    return differ


@kernel
def exits_cost(index: Index, s: Scratch, run: i64) -> i64:
    """How many nodes the exits of a run have, or how many they are where those of one place are followed one by one;
    ENDLESS if an atom has none in the index."""
    total = 0
    first = 0
    if s.masks[0] == 0:
        return ENDLESS
    while first <= steps(run):
        last = segment_end(s, first, steps(run))
        listed = i64(first == last and (first < steps(run) or run < ENDLESS))
        left = u64(~(s.masks[0] | same(s.rows[(2 + first) * N_ATOMS :], 0)))
        while left != 0:
            atom = trailing_zeros(left)
            left = left & u64(left - 1)
            if index.exit_big[atom] != 0:
                return ENDLESS
            here = index.exits_at[atom * (MEDIUM + 1) + first + 1 :]
            total += min(here[1] - here[0], index.exit_sizes[atom]) if listed != 0 else index.exit_sizes[atom]
        first = last + 1
    return total
