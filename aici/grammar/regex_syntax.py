r"""Parses the dialect: Python's `re` syntax over Unicode text, without what no finite automaton can do.

Goes in: a pattern. Comes out: a `Syntax`, the pattern's tree written in postfix, with flags and escapes resolved into
character sets. Postfix keeps every later pass a loop over a list: no depth of nesting can exhaust Python's stack.
Only `aici.grammar` imports this module.

Beyond `re` there are `\p{..}` and `\P{..}` (`properties`). Anchors are accepted where they change nothing,
because the whole text has to match anyhow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import IntEnum

from . import charset, unicode
from .charset import CharSet
from .errors import RegexError, RegexLimitError
from .limits import DEFAULT_LIMITS, DfaLimits
from .regex_escapes import OCTAL
from .regex_groups import NO_BACKREF, Flags, GroupReader

INFINITE = -1
MAX_COUNT = (1 << 32) - 1
MAX_EDGES = 250_000
"""Ends of ranges beyond ASCII of all different classes together: what it costs to tell them apart."""
MAX_FOLDED = 100
"""Different classes that reach beyond ASCII in which case is ignored; single characters are not counted."""


class Op(IntEnum):
    """What an entry of `Syntax.ops` does to a stack of languages."""

    EMPTY = 0
    """Push the empty text."""
    CHARS = 1
    """Push the characters of set `a`."""
    CAT = 2
    """Replace the top `a` languages by their concatenation."""
    ALT = 3
    """Replace the top `a` languages by their union."""
    REPEAT = 4
    """Repeat the top language `a` to `b` times (`b` = INFINITE: without end)."""


@dataclass(frozen=True)
class Syntax:
    """A pattern in postfix: `ops` are (op, a, b), `sets` the character sets that CHARS names."""

    pattern: str
    ops: list[tuple[Op, int, int]]
    sets: list[CharSet]


def parse(pattern: str, limits: DfaLimits = DEFAULT_LIMITS) -> Syntax:
    """Raises RegexError for what is wrong or unsupported, RegexLimitError for a pattern too long or too deep."""
    if len(pattern) > limits.pattern_length:
        message = f"the pattern has {len(pattern):,} characters; the limit is {limits.pattern_length:,}"
        raise RegexLimitError(message, pattern, 0, 0)
    return _Parser(pattern, limits=limits).parse()


_NEWLINE = charset.single(0x0A)
_SPECIAL = frozenset(".\\[{()*+?^$|")
_BLANK = frozenset(" \t\n\r\v\f")
_DIGITS = frozenset("0123456789")

_SETS = re.compile(
    r"(?P<posix>\[:\^?(?:alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper|word|xdigit):\])"
    r"|(?:&&|--|~~)\["
)
"""Classes within classes, as other dialects have them."""


@dataclass(slots=True)
class _Group:
    """An open group, or the whole pattern: what its current branch holds so far."""

    open_at: int
    flags: Flags
    items: int = 0
    """Operands of the current branch on the stack."""
    branches: int = 0
    last: str = ""
    """Kind of the last thing of the branch, for the quantifier: "", "anchor", "repeat" or "item"."""
    last_start: int = 0
    last_anchor: tuple[int, int] | None = None
    """An anchor within the last item."""
    consumed: bool = False
    """Whether the branch has an item that takes characters."""
    end_anchor: tuple[int, int] | None = None
    """An end anchor of the current branch; nothing may follow it."""
    anchor: tuple[int, int] | None = None
    """Any anchor within the group; it may not be repeated."""
    any_end: tuple[int, int] | None = None
    """An end anchor in any branch."""
    any_consumed: bool = False


@dataclass
class _Parser(GroupReader):
    limits: DfaLimits = DEFAULT_LIMITS
    ops: list[tuple[Op, int, int]] = field(default_factory=list)
    sets: list[CharSet] = field(default_factory=list)
    set_index: dict[CharSet, int] = field(default_factory=dict)
    char_index: dict[tuple[str, bool, bool], int] = field(default_factory=dict)
    class_index: dict[object, int] = field(default_factory=dict)
    groups: list[_Group] = field(default_factory=list)
    edges: int = 0
    folded: set[CharSet] = field(default_factory=set)

    def parse(self) -> Syntax:
        self.groups.append(_Group(0, Flags()))
        text, size = self.pattern, len(self.pattern)
        while self.pos < size:
            char = text[self.pos]
            group = self.groups[-1]
            if group.flags.verbose and (char in _BLANK or char == "#"):
                self._skip_blank(char)
            elif char not in _SPECIAL:
                self.pos += 1
                self._literal(ord(char), self.pos - 1)
            else:
                self._special(char, group)
        if len(self.groups) > 1:
            at = self.groups[-1].open_at
            raise self.error("this parenthesis is never closed", at, at + 1, "add ')' or write '\\('")
        self._close_alternation(self.groups[0])
        return Syntax(self.pattern, self.ops, self.sets)

    # -- what a special character starts

    def _special(self, char: str, group: _Group) -> None:
        start = self.pos
        self.pos += 1
        if char == "\\":
            self._escape(start)
        elif char == ".":
            self._chars(charset.ALL if group.flags.dot_all else ~_NEWLINE, start)
        elif char == "[":
            self._class(start)
        elif char == "(":
            self._open(start)
        elif char == ")":
            self._close(start)
        elif char == "|":
            self._end_branch(group)
        elif char == "^":
            self._start_anchor(start)
        elif char == "$":
            self._end_anchor(start)
        else:
            self._quantifier(char, start, group)

    def _skip_blank(self, char: str) -> None:
        if char != "#":
            self.pos += 1
            return
        end = self.pattern.find("\n", self.pos)
        self.pos = len(self.pattern) if end < 0 else end + 1

    # -- operands

    def _literal(self, code: int, start: int) -> None:
        if 0xD800 <= code < 0xE000:
            raise self.error("a surrogate is not a character of any text", start, self.pos)
        flags = self.groups[-1].flags
        key = (chr(code), flags.ignore_case, flags.ascii_only)
        index = self.char_index.get(key)
        if index is None:
            index = self.char_index[key] = self._set(self._folded(charset.single(code)))
        self._item(start, (Op.CHARS, index, 0))

    def _chars(self, chars: CharSet, start: int) -> None:
        self._item(start, (Op.CHARS, self._set(chars), 0))

    def _set(self, chars: CharSet) -> int:
        index = self.set_index.get(chars)
        if index is None:
            index = self.set_index[chars] = len(self.sets)
            self.sets.append(chars)
            self._charge(len(chars.high))
        return index

    def _too_many(self, message: str) -> RegexLimitError:
        return RegexLimitError(message, self.pattern, 0, self.pos, "use fewer different classes beyond ASCII")

    def _folded(self, literals: CharSet) -> CharSet:
        flags = self.groups[-1].flags
        if not flags.ignore_case:
            return literals
        if flags.ascii_only:
            return unicode.fold_ascii_only(literals)
        if literals.high and literals.high[-1] - literals.high[0] > 1:
            self.folded.add(literals)
            if len(self.folded) > MAX_FOLDED:
                raise self._too_many(f"more than {MAX_FOLDED} classes in which case is ignored")
        return unicode.fold(literals)

    def _item(self, start: int, op: tuple[Op, int, int]) -> None:
        """One operand that takes characters."""
        group = self.groups[-1]
        if group.end_anchor:
            self._refuse_end_anchor(group.end_anchor)
        self.ops.append(op)
        group.items += 1
        group.consumed = True
        group.last = "item"
        group.last_start = start
        group.last_anchor = None

    # -- groups

    def _open(self, start: int) -> None:
        flags = self.groups[-1].flags
        if self.take("?"):
            found = self.extension(start, flags)
            if found is None:
                return
            flags, opens = found
            if not opens:
                self._flag_all(flags, start)
                return
        if len(self.groups) > self.limits.nesting:
            message = f"groups are nested more than {self.limits.nesting:,} deep"
            raise RegexLimitError(message, self.pattern, start, start + 1)
        self.groups.append(_Group(start, flags))

    def _flag_all(self, flags: Flags, start: int) -> None:
        """After `(?flags)`."""
        whole = self.groups[-1]
        if len(self.groups) > 1 or whole.branches or whole.items or whole.last:
            hint = f"move it to the start, or write {self.pattern[start : self.pos - 1]}:...) around a part"
            raise self.error("flags for the whole pattern have to stand at its start", start, self.pos, hint)
        whole.flags = flags

    def _close(self, start: int) -> None:
        if len(self.groups) == 1:
            raise self.error("this parenthesis was never opened", start, start + 1, "a literal ')' is written '\\)'")
        inner = self.groups.pop()
        self._close_alternation(inner)
        group = self.groups[-1]
        if group.end_anchor and inner.any_consumed:
            self._refuse_end_anchor(group.end_anchor)
        group.items += 1
        group.consumed |= inner.any_consumed
        group.end_anchor = group.end_anchor or inner.any_end
        group.anchor = group.anchor or inner.anchor
        group.last = "item"
        group.last_start = inner.open_at
        group.last_anchor = inner.anchor

    def _end_branch(self, group: _Group) -> None:
        self._close_branch(group)
        group.items = 0
        group.last = ""
        group.consumed = False
        group.end_anchor = None

    def _close_branch(self, group: _Group) -> None:
        if group.items == 0:
            self.ops.append((Op.EMPTY, 0, 0))
        elif group.items > 1:
            self.ops.append((Op.CAT, group.items, 0))
        group.branches += 1
        group.any_end = group.any_end or group.end_anchor
        group.any_consumed |= group.consumed

    def _close_alternation(self, group: _Group) -> None:
        self._close_branch(group)
        if group.branches > 1:
            self.ops.append((Op.ALT, group.branches, 0))

    # -- anchors

    def _start_anchor(self, start: int) -> None:
        if any(group.consumed for group in self.groups):
            raise self._refused_anchor("a start anchor inside the pattern never matches", start)
        group = self.groups[-1]
        group.last = "anchor"
        group.anchor = (start, self.pos)

    def _end_anchor(self, start: int) -> None:
        group = self.groups[-1]
        group.last = "anchor"
        group.anchor = group.end_anchor = (start, self.pos)

    def _refuse_end_anchor(self, where: tuple[int, int]) -> None:
        raise self._refused_anchor("an end anchor inside the pattern is not supported", *where)

    def _refused_anchor(self, message: str, start: int, end: int | None = None) -> RegexError:
        hint = "leave it out: the whole generated text has to match anyhow; a literal one is escaped with '\\'"
        return self.error(message, start, self.pos if end is None else end, hint)

    # -- quantifiers

    def _quantifier(self, char: str, start: int, group: _Group) -> None:
        counts = {"*": (0, INFINITE), "+": (1, INFINITE), "?": (0, 1)}.get(char) or self._counts(start)
        if counts is None:
            self._literal(ord(char), start)
            return
        if group.last in ("", "anchor"):
            raise self.error("nothing to repeat", start, self.pos, f"a literal '{char}' is written '\\{char}'")
        if group.last == "repeat":
            raise self.error("a repetition of a repetition", start, self.pos, "put the first one in (?:...)")
        if self.take("+"):
            hint = "leave out the last '+': here a match is of the whole text anyhow"
            raise self.unsupported("a possessive repetition", start, hint)
        self.take("?")  # lazy: the same language
        if group.last_anchor and counts[1] not in (0, 1):
            raise self._refused_anchor("an anchor inside a repetition is not supported", *group.last_anchor)
        self.ops.append((Op.REPEAT, *counts))
        group.last = "repeat"

    def _counts(self, start: int) -> tuple[int, int] | None:
        """After `{`: the counts, or None where the brace is a literal one, as in `re`."""
        end = self.pattern.find("}", self.pos, self.pos + 64)
        body = self.pattern[self.pos : end]
        low, comma, high = body.partition(",")
        if end < 0 or not body or not all(c in _DIGITS for c in low + high):
            return None
        lowest = int(low or 0)
        highest = int(high) if high else INFINITE if comma else lowest
        self.pos = end + 1
        if max(lowest, highest) >= MAX_COUNT:
            raise self.error("the repetition number is too large", start, self.pos)
        if 0 <= highest < lowest:
            raise self.error("the least count is greater than the greatest", start, self.pos, f"{{{high},{low}}}")
        return lowest, highest

    # -- escapes

    def _escape(self, start: int) -> None:
        """After a backslash outside a class."""
        char = self.next(start, "a backslash at the end of the pattern", "a literal backslash is written '\\\\'")
        if char == "A":
            self._start_anchor(start)
        elif char in "Zz":
            self._end_anchor(start)
        elif char in "bB":
            hint = "write the characters that may stand there; a backspace is \\x08"
            raise self.unsupported("a word boundary", start, hint)
        elif char in "123456789":
            self._octal_or_reference(start, char)
        else:
            chars = self.escaped_class(start, char, self.groups[-1].flags.ascii_only)
            if chars is not None:
                self._chars(chars, start)
            else:
                self._literal(self.escaped_char(start, char), start)

    def _octal_or_reference(self, start: int, char: str) -> None:
        digits = self.pattern[start + 1 : start + 4]
        if len(digits) == 3 and all(c in OCTAL for c in digits):
            self.pos = start + 4
            self._literal(self.octal(start, digits), start)
            return
        if digits[1:2] in _DIGITS and digits[1:2]:
            self.pos += 1
        raise self.unsupported("a back-reference", start, NO_BACKREF)

    # -- classes

    def _class(self, start: int) -> None:
        """After `[`: the class up to its bracket."""
        negated = self.take("^")
        ranges: list[tuple[int, int]] = []
        named: dict[CharSet, None] = {}
        first = True
        while first or not self.take("]"):
            first = False
            at = self.pos
            self._refuse_sets(at)
            low = self._class_member(start)
            self._refuse_sets(self.pos)
            if self.pattern.startswith("-", self.pos) and not self.pattern.startswith("-]", self.pos):
                self.pos += 1
                high = self._class_member(start)
                ranges.append(self._range(at, low, high))
            elif isinstance(low, CharSet):
                named[low] = None
            else:
                ranges.append((low, low))
        key = (negated, self.groups[-1].flags, tuple(ranges), tuple(named))
        index = self.class_index.get(key)
        if index is None:
            index = self.class_index[key] = self._set(self._class_chars(negated, ranges, list(named)))
        self._item(start, (Op.CHARS, index, 0))

    def _refuse_sets(self, at: int) -> None:
        """What other dialects read as a set within a class, and `re`, not without a warning, as its characters."""
        found = _SETS.match(self.pattern, at)
        if found and found["posix"]:
            hint = "write ranges, \\d, \\s, \\w or \\p{L}; for the characters themselves escape the '['"
            raise self.error(f"{found['posix']} is not supported", at, found.end(), hint)
        if found:
            hint = "write out what is left, or combine constraints (a & b, a - b); a literal '[' is written '\\['"
            raise self.error("sets made of other sets are not supported", at, found.end(), hint)

    def _class_chars(self, negated: bool, ranges: list[tuple[int, int]], named: list[CharSet]) -> CharSet:
        self._charge(sum(len(chars.high) for chars in named) + 2 * len(ranges))
        chars = self._folded(charset.from_ranges(ranges))
        for other in named:
            chars |= other
        return ~chars if negated else chars

    def _charge(self, edges: int) -> None:
        self.edges += edges
        if self.edges > MAX_EDGES:
            raise self._too_many(f"the classes up to here have more than {MAX_EDGES // 2:,} ranges together")

    def _class_member(self, class_start: int) -> int | CharSet:
        at = self.pos
        char = self.next(class_start, "this class is never closed", "add ']', or write '\\[' for the character")
        if char != "\\":
            return ord(char)
        char = self.next(class_start, "this class is never closed")
        chars = self.escaped_class(at, char, self.groups[-1].flags.ascii_only)
        return self.escaped_char(at, char) if chars is None else chars

    def _range(self, at: int, low: int | CharSet, high: int | CharSet) -> tuple[int, int]:
        if isinstance(low, CharSet) or isinstance(high, CharSet):
            raise self.error("a range goes from character to character", at, self.pos, "a literal '-' is written '\\-'")
        if high < low:
            raise self.error("this range is the wrong way round", at, self.pos, "a literal '-' is written '\\-'")
        return low, high
