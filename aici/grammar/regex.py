"""From a pattern to its automaton: parse, position automaton, subsets, minimisation, bytes.

Goes in: a pattern. Comes out: a `Dfa`. All work is done on characters, cut into the few atoms that the pattern tells
apart; only the minimal automaton is spelled out in bytes. Everybody may import this module.
"""

from __future__ import annotations

import numpy as np

from . import nfa
from .dfa import Dfa, canonical
from .errors import RegexError, RegexLimitError
from .limits import DEFAULT_LIMITS, DfaLimits
from .nfa import Nfa
from .regex_syntax import parse


def compile_regex(pattern: str, limits: DfaLimits = DEFAULT_LIMITS) -> Dfa:
    """The minimal byte automaton of the texts that match `pattern` as a whole.

    Raises RegexError for a wrong or unsupported pattern and for one that no text matches, RegexLimitError past a limit.
    """
    syntax = parse(pattern, limits)
    automaton = nfa.build(syntax, limits)
    rows, accepting = _subsets(automaton, pattern, limits)
    rows, accepting = _minimise(rows, accepting)
    if not rows:
        raise RegexError("no text matches this pattern", pattern, 0, len(pattern))
    return _spell(automaton.alphabet, rows, accepting, pattern, limits)


def _subsets(nfa: Nfa, pattern: str, limits: DfaLimits) -> tuple[list[list[int]], list[bool]]:
    """The subset construction. Subsets that lead to the same positions and agree on acceptance are one state."""
    chain, rules, last = nfa.chain, nfa.rules, nfa.last
    words = nfa.n_positions // 64 + 1
    cost = words * (len(rules) + 2 * len(nfa.atom_positions))
    follow_of = {0: 0}
    number = {(nfa.first, nfa.nullable): 0}
    order = list(number)
    rows: list[list[int]] = []
    for reach, _ in order:
        if (len(rows) + 1) * cost > limits.work or len(order) > limits.states:
            raise _too_many_states(pattern, len(order))
        row = []
        for positions in nfa.atom_positions:
            subset = reach & positions
            if not subset:
                row.append(-1)
                continue
            after = follow_of.get(subset)
            if after is None:
                after = (subset & chain) << 1
                for sources, targets in rules:
                    if subset & sources:
                        after |= targets
                follow_of[subset] = after
            key = (after, subset & last != 0)
            state = number.get(key)
            if state is None:
                state = number[key] = len(order)
                order.append(key)
            row.append(state)
        rows.append(row)
    return rows, [accepts for _, accepts in order]


def _too_many_states(pattern: str, count: int) -> RegexLimitError:
    hint = "avoid counted repetitions after something that may start anywhere, such as .*a.{30}"
    return RegexLimitError(f"the automaton has more than {count:,} states", pattern, 0, len(pattern), hint)


def _minimise(rows: list[list[int]], accepting: list[bool]) -> tuple[list[list[int]], list[bool]]:
    """Moore's refinement over the states that lead to acceptance; the start state stays first."""
    live = _live(rows, accepting)
    if not live[0]:
        return [], []
    states = [s for s in range(len(rows)) if live[s]]
    rows = [[t if t >= 0 and live[t] else -1 for t in row] for row in rows]
    block = [int(a) for a in accepting] + [-1]
    n_blocks = len({block[s] for s in states})
    while True:
        number: dict[tuple[int, ...], int] = {}
        refined = [-1] * len(block)
        for s in states:
            refined[s] = number.setdefault((block[s], *[block[t] for t in rows[s]]), len(number))
        block = refined
        if len(number) == n_blocks:
            break
        n_blocks = len(number)
    leaders: dict[int, int] = {}
    for s in states:
        leaders.setdefault(block[s], s)
    return [[block[t] for t in rows[s]] for s in leaders.values()], [accepting[s] for s in leaders.values()]


def _live(rows: list[list[int]], accepting: list[bool]) -> list[bool]:
    sources: list[list[int]] = [[] for _ in rows]
    for s, row in enumerate(rows):
        for t in row:
            if t >= 0:
                sources[t].append(s)
    live = list(accepting)
    work = [s for s, accepts in enumerate(accepting) if accepts]
    while work:
        for s in sources[work.pop()]:
            if not live[s]:
                live[s] = True
                work.append(s)
    return live


def _spell(
    alphabet: nfa.Alphabet, rows: list[list[int]], accepting: list[bool], pattern: str, limits: DfaLimits
) -> Dfa:
    """Spells atoms out as bytes. A state within a character is its row: distinct rows are distinct languages."""
    high = alphabet.high
    ascii_columns = [-1] * 128
    for mask, atom in alphabet.ascii_atoms:
        for code in range(128):
            if mask >> code & 1:
                ascii_columns[code] = atom
    order_of: dict[object, int] = {}
    keys: list[tuple[int, ...]] = []

    def intern(key: tuple[int, ...]) -> int:
        found = order_of.get(key)
        if found is None:
            found = order_of[key] = len(keys) + len(rows) + 1
            keys.append(key)
        return found

    spelled: dict[tuple[int, ...], list[int]] = {}

    def lead_row(row: list[int]) -> list[int]:
        targets = tuple(row[a] + 1 for a in alphabet.high_atoms)
        found = spelled.get(targets)
        if found is None:
            values = [0, *targets]
            for node in high.nodes:
                key = tuple([values[child] for child in node])
                values.append(intern(key) if any(key) else 0)
            found = spelled[targets] = [values[child] for child in high.root]
        return found

    spread = [
        [0 if a < 0 else row[a] + 1 for a in ascii_columns] + [lead_row(row)[c] for c in high.classes] for row in rows
    ]
    full = np.zeros((1 + len(rows) + len(keys), 256), np.int64)
    full[1 : 1 + len(rows)] = spread
    for i, key in enumerate(keys):
        full[1 + len(rows) + i, 128:] = [key[c] for c in high.classes]
    accept = np.zeros(len(full), np.uint8)
    accept[1 : 1 + len(rows)] = accepting
    return canonical(full, accept)
