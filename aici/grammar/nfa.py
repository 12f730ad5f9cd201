"""From a pattern's syntax to its position automaton, and from its character sets to an alphabet of atoms.

The position automaton (V. Glushkov, "The abstract theory of automata", 1961) has a state per character of the pattern,
counted repetitions written out. Its edges are kept as *rules* (last, first), one per concatenation or loop: from every
position in `last` to every one in `first`; edges from a position to the next are a mask of their own, so that a step
is one shift and a few tests (as G. Navarro and M. Raffinot do, "New techniques for regular expression searching",
2005). Masks are Python integers.

Goes in: a `Syntax`. Comes out: an `Nfa`. Only `aici.grammar` imports this module.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .charset import ASCII_ALL, HIGH_NONE, CharSet
from .errors import RegexError, RegexLimitError
from .limits import DfaLimits
from .regex_syntax import INFINITE, Op, Syntax
from .utf8 import Partition, partition

MAX_WIDTH = 64
"""Positions of the widest part whose copies are a counter: as many as the kernel compares at once."""


@dataclass(frozen=True)
class Alphabet:
    """The characters, cut into atoms that no set of the pattern tells apart; characters in no set have no atom."""

    ascii_atoms: list[tuple[int, int]]
    """(mask of ASCII characters, atom)."""
    high: Partition
    high_atoms: list[int]
    """The atom of each atom of `high`, in order."""
    members: list[int]
    """For every atom the bit mask of the sets that hold it."""


@dataclass(frozen=True, slots=True)
class Counter:
    """Copies of a repeated part, at positions `start`, `start + width`, ...; what follows the last is the same for all.

    From a place in one copy one can do all that can be done from the same place of a later one, and more; `upward`,
    for an endless repetition, it is the last copy from which one can do most. So one copy per place is enough:
    otherwise a set for `.*x.{0,30}` would remember every x of the last thirty characters.
    """

    start: int
    width: int
    copies: int
    upward: bool


@dataclass(frozen=True)
class Edges:
    """How positions follow each other. Every position is on the way of some text."""

    first: int
    """Where a text may start."""
    last: int
    """Where a text may end."""
    nullable: bool
    chain: int
    """Positions with an edge to the next one."""
    rules: list[tuple[int, int]]
    """(from all of these, to all of these)."""
    counters: list[Counter]
    """Copies of one part, of which a set of positions needs only the best; inner ones before outer ones."""


@dataclass(frozen=True)
class Nfa(Edges):
    """Positions 0 .. n_positions - 1, and what each takes."""

    alphabet: Alphabet
    n_positions: int
    atom_positions: list[int]
    """For every atom the positions that take it."""


def build(syntax: Syntax, limits: DfaLimits) -> Nfa:
    """Raises RegexLimitError if the pattern written out has too many positions, RegexError if no text matches it."""
    count = count_positions(syntax)
    if count > limits.positions:
        message = (
            f"with its repetitions written out the pattern has {count:,} characters; the limit is {limits.positions:,}"
        )
        raise RegexLimitError(message, syntax.pattern, 0, len(syntax.pattern), "use smaller counts, or * and +")
    whole = _Glushkov().build(syntax)
    top = whole.stack[0]
    if not top.first and not top.nullable:
        raise RegexError("no text matches this pattern", syntax.pattern, 0, len(syntax.pattern))
    edges = Edges(top.first, top.last, top.nullable, whole.chain, whole.rules, whole.counters)
    return assemble(syntax.sets, whole.symbols, edges)


def assemble(sets: list[CharSet], symbols: list[int], edges: Edges) -> Nfa:
    """The automaton whose position i takes the characters of set `symbols[i]`."""
    alphabet = cut(sets)
    used = [0] * len(sets)
    for position, symbol in enumerate(symbols):
        used[symbol] |= 1 << position
    atom_positions = [sum(used[s] for s in _bits(members)) for members in alphabet.members]
    return Nfa(
        edges.first,
        edges.last,
        edges.nullable,
        edges.chain,
        edges.rules,
        edges.counters,
        alphabet,
        len(symbols),
        atom_positions,
    )


def count_positions(syntax: Syntax) -> int:
    """Positions of the automaton that `build` would make."""
    stack: list[int] = []
    enough = 1 << 60  # so that numbers stay small whatever is nested
    for op, a, b in syntax.ops:
        if op is Op.CHARS:
            stack.append(1)
        elif op is Op.EMPTY:
            stack.append(0)
        elif op is Op.REPEAT:
            stack[-1] = min(stack[-1] * (max(a, 1) if b == INFINITE else b), enough)
        else:
            stack[-a:] = [min(sum(stack[-a:]), enough)]
    return stack[0]


def cut(sets: list[CharSet]) -> Alphabet:
    """The coarsest partition into atoms of the characters in at least one of the sets."""
    highs = list(dict.fromkeys(s.high for s in sets if s.high != HIGH_NONE))
    high = partition(tuple(highs))
    of_high = dict.fromkeys(highs, 0)
    for i, chars in enumerate(sets):
        if chars.high:
            of_high[chars.high] |= 1 << i
    by_high = list(of_high.values())
    number: dict[int, int] = {}
    ascii_atoms = [(mask, number.setdefault(sig, len(number))) for mask, sig in _cut_ascii(sets) if sig]
    signatures = [sum(by_high[h] for h in _bits(signature)) for signature in high.signatures]
    high_atoms = [number.setdefault(signature, len(number)) for signature in signatures]
    return Alphabet(ascii_atoms, high, high_atoms, list(number))


def _cut_ascii(sets: list[CharSet]) -> list[tuple[int, int]]:
    """(characters, sets that hold them) for the partition of ASCII."""
    parts = [(ASCII_ALL, 0)]
    for i, chars in enumerate(sets):
        mask = chars.ascii
        if not mask:
            continue
        refined = []
        for part, signature in parts:
            inside = part & mask
            if inside:
                refined.append((inside, signature | 1 << i))
            if inside != part:
                refined.append((part ^ inside, signature))
        parts = refined
    return parts


def _bits(mask: int) -> list[int]:
    """The numbers of the bits set, rising."""
    out = []
    while mask:
        low = mask & -mask
        out.append(low.bit_length() - 1)
        mask ^= low
    return out


@dataclass(slots=True)
class _Part:
    """The automaton of a sub-pattern: its positions and rules start at `position` and `rule` and are the latest
    ones."""

    position: int
    rule: int
    counter: int
    nullable: bool
    first: int
    last: int


@dataclass
class _Glushkov:
    symbols: list[int] = field(default_factory=list)
    chain: int = 0
    rules: list[tuple[int, int]] = field(default_factory=list)
    counters: list[Counter] = field(default_factory=list)
    stack: list[_Part] = field(default_factory=list)

    def build(self, syntax: Syntax) -> _Glushkov:
        for op, a, b in syntax.ops:
            if op is Op.CHARS:
                # A class of no characters is void: neither nullable nor with a first position.
                self._push(False, 1 << len(self.symbols) if syntax.sets[a] else 0)
                if syntax.sets[a]:
                    self.symbols.append(a)
            elif op is Op.EMPTY:
                self._push(True, 0)
            elif op is Op.CAT:
                self._concatenate(a)
            elif op is Op.ALT:
                self._alternate(a)
            else:
                self._repeat(a, b)
        return self

    def _push(self, nullable: bool, positions: int) -> None:
        part = _Part(len(self.symbols), len(self.rules), len(self.counters), nullable, positions, positions)
        self.stack.append(part)

    def _connect(self, last: int, first: int) -> None:
        """Edges from every position of `last` to every one of `first`."""
        if last and not last & (last - 1) and first & last << 1:
            self.chain |= last
            first ^= last << 1
        if last and first:
            self.rules.append((last, first))

    def _concatenate(self, count: int) -> None:
        parts = self.stack[-count:]
        del self.stack[1 - count :]
        if any(not part.first and not part.nullable for part in parts):
            self._replace(parts[0], nullable=False)
            return
        for part in parts[1:]:
            self._append(parts[0], part)

    def _append(self, left: _Part, right: _Part) -> None:
        """Makes `left` the concatenation of both."""
        self._connect(left.last, right.first)
        if left.nullable:
            left.first |= right.first
        left.last = right.last | (left.last if right.nullable else 0)
        left.nullable &= right.nullable

    def _alternate(self, count: int) -> None:
        parts = self.stack[-count:]
        whole = parts[0]
        for part in parts[1:]:
            whole.nullable |= part.nullable
            whole.first |= part.first
            whole.last |= part.last
        del self.stack[1 - count :]

    def _repeat(self, least: int, most: int) -> None:
        part = self.stack[-1]
        if most == 0 or not part.first:
            self._replace(part, nullable=least == 0 or part.nullable)
            return
        if part.nullable:
            # Each copy may be left out anyhow: without the empty text, a chain of copies stays linear.
            least, part.nullable = 0, False
        width = len(self.symbols) - part.position
        if width == 1 and most not in (1, INFINITE) and len(self.rules) == part.rule:
            self._repeat_one(part, least, most)
            return
        unit = _Part(part.position, part.rule, part.counter, False, part.first, part.last)
        copier = self._copier(unit)
        copies = max(least, 1) if most == INFINITE else most
        exits = part.last if least <= 1 else 0
        previous = part.last
        for done in range(2, copies + 1):
            first, last = copier()
            self._connect(previous, first)
            previous = last
            if done >= least:
                exits |= last
        if most == INFINITE:
            self._connect(previous, unit.first << (copies - 1) * width)
            self._count(unit.position, width, copies, upward=True)
        else:
            self._count(unit.position + (max(least, 1) - 1) * width, width, copies - max(least, 1) + 1, upward=False)
        part.last = exits
        part.nullable = least == 0

    def _repeat_one(self, part: _Part, least: int, most: int) -> None:
        """As `_repeat`, for one position: its copies are a run."""
        self.symbols += self.symbols[-1:] * (most - 1)
        self.chain |= part.first * ((1 << (most - 1)) - 1)
        required = max(least, 1) - 1
        self._count(part.position + required, 1, most - required, upward=False)
        part.last = part.first * ((1 << most) - (1 << required))
        part.nullable = least == 0

    def _count(self, start: int, width: int, copies: int, upward: bool) -> None:
        if copies > 1 and 0 < width <= MAX_WIDTH:
            self.counters.append(Counter(start, width, copies, upward))

    def _copier(self, unit: _Part) -> Callable[[], tuple[int, int]]:
        """What adds one more copy of the latest part, behind all others, and returns its first and last positions."""
        end = len(self.symbols)
        symbols = self.symbols[unit.position :]
        rules, counters = self.rules[unit.rule :], self.counters[unit.counter :]
        chain = (self.chain >> unit.position) & ((1 << (end - unit.position)) - 1)

        def copy() -> tuple[int, int]:
            shift = len(self.symbols) - unit.position
            self.chain |= chain << len(self.symbols)
            self.symbols += symbols
            self.rules += [(last << shift, first << shift) for last, first in rules]
            self.counters += [Counter(c.start + shift, c.width, c.copies, c.upward) for c in counters]
            return unit.first << shift, unit.last << shift

        return copy

    def _replace(self, part: _Part, nullable: bool) -> None:
        """Makes the latest part the empty text, or void."""
        self.stack.pop()
        del self.symbols[part.position :], self.rules[part.rule :], self.counters[part.counter :]
        self.chain &= (1 << part.position) - 1
        self._push(nullable, 0)
