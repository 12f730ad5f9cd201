r"""The kernel that reads plain patterns: as `regex_syntax` does, but only what nearly every pattern is made of.

Plain is: ASCII characters, `\d \s \w` and their opposites, escapes and classes of these, groups without a name or
flags, alternatives, repetitions. Whatever else there is, be it legal or wrong, is OTHER: `regex_syntax` says what it
means. The dialect is `jit`'s; only `quick` uses this module.
"""

from __future__ import annotations

from .jit import Ptr, Record, i64, kernel, u8, u64

OTHER = -3
"""What is returned where a pattern is not plain."""
MAX_OPS = 1 << 13
MAX_SETS = 64
"""As many as have a bit in a word."""
MAX_DEPTH = 60
MAX_NAMED = 32
"""Named sets within classes; `regex_syntax` bounds what more of them may cost."""
MAX_DIGITS = 4
"""Of a repetition's count."""

PUSH_EMPTY, PUSH_SET, JOIN, EITHER, REPEAT = range(5)
"""What an op does to a stack of languages: push the empty text, push the characters of set `a`, concatenate the top
two, unite the top two, repeat the top one `a` to `b` times."""
ENDLESS = -1
BEYOND_ALL = 15
r"""Characters beyond ASCII are told apart by `\d`, `\w` and `\s` alone: a bit for each of the four kinds."""
NAMED = -1
"""Among `escapes`: a set, not a character."""

_NOTHING, _REPEATED, _ITEM = range(3)  # the last thing of a branch, for the quantifier
_NEWLINE, _DOLLAR, _OPEN, _CLOSE, _STAR, _PLUS, _COMMA, _MINUS, _DOT = 10, 36, 40, 41, 42, 43, 44, 45, 46
_ZERO, _NINE, _COLON, _QUESTION, _OPEN_CLASS, _BACKSLASH, _CLOSE_CLASS, _CARET = 48, 57, 58, 63, 91, 92, 93, 94
_OPEN_COUNT, _BAR, _CLOSE_COUNT = 123, 124, 125
_ALL = (1 << 64) - 1


class Reading(Record):
    """A pattern, and what was read of it."""

    text: Ptr[u8]
    """ASCII, with four zeros behind it."""
    ops: Ptr[i64]
    """[MAX_OPS, 3]: op, a, b."""
    sets: Ptr[u64]
    """[MAX_SETS + 1, 3]: the distinct sets, none empty: characters below 64, from 64 to 127, kinds of those beyond.
    Behind the last one is the room for the next."""
    named: Ptr[u64]
    r"""[128, 3]: the sets of `\d`, `\s`, `\w`, `\D`, `\S` and `\W`, by letter."""
    escapes: Ptr[i64]
    """[128]: the character that stands behind a backslash for a character, NAMED or OTHER."""
    set_of: Ptr[u8]
    """[128]: the set of a single character + 1, or 0."""
    groups: Ptr[i64]
    """[MAX_DEPTH, 2]: of the groups around, the first two of `branch`."""
    branch: Ptr[i64]
    """[3]: operands of the current branch on the stack, at most two; whether there were branches before; its last
    thing."""
    counts: Ptr[i64]
    """[3]: ops, sets, named sets within classes."""
    bounds: Ptr[i64]
    """[2]: of the repetition that was read last."""


@kernel
def read(r: Reading, n: i64) -> i64:
    """Reads a pattern of n characters: how many ops, or OTHER."""
    for i in range(3):
        r.counts[i] = 0
        r.branch[i] = 0
    for c in range(128):
        r.set_of[c] = 0
    depth = 0
    at = 0
    while at < n:
        if r.counts[0] > MAX_OPS - 8 or r.counts[1] >= MAX_SETS:
            return OTHER
        c = r.text[at]
        if c == _OPEN:
            at = after_open(r, at, depth)
            depth += 1
        elif c == _CLOSE:
            at = after_close(r, at, depth)
            depth -= 1
        elif c == _BAR:
            end_branch(r)
            at += 1
        elif c == _CARET:
            at = 1 if at == 0 else OTHER
        elif c == _DOLLAR:
            at = n if at == n - 1 else OTHER
        elif is_quantifier(c) != 0:
            at = read_repetition(r, at)
        else:
            at = read_item(r, at, n)
        if at < 0:
            return OTHER
    if depth > 0:
        return OTHER
    end_branch(r)
    return r.counts[0]


@kernel
def is_quantifier(c: i64) -> i64:
    return i64(c == _QUESTION) | i64(c == _OPEN_COUNT) | i64(c == _STAR) | i64(c == _PLUS)


@kernel
def push(r: Reading, op: i64, a: i64, b: i64) -> None:
    place = 3 * r.counts[0]
    r.ops[place] = op
    r.ops[place + 1] = a
    r.ops[place + 2] = b
    r.counts[0] += 1


@kernel
def join(r: Reading) -> None:
    """Makes one operand of the current branch's two, so that the stack stays low."""
    if r.branch[0] == 2:
        push(r, JOIN, 0, 0)
        r.branch[0] = 1


@kernel
def end_branch(r: Reading) -> None:
    """Makes one operand of the current group so far, and begins another branch."""
    if r.branch[0] == 0:
        push(r, PUSH_EMPTY, 0, 0)
    join(r)
    if r.branch[1] != 0:
        push(r, EITHER, 0, 0)
    r.branch[0] = 0
    r.branch[1] = 1
    r.branch[2] = _NOTHING


@kernel
def after_open(r: Reading, at: i64, depth: i64) -> i64:
    """Opens a group: where it begins, or OTHER."""
    at += 1
    if r.text[at] == _QUESTION:
        at += 2
        if r.text[at - 1] != _COLON:
            return OTHER
    if depth >= MAX_DEPTH:
        return OTHER
    join(r)
    r.groups[2 * depth] = r.branch[0]
    r.groups[2 * depth + 1] = r.branch[1]
    for i in range(3):
        r.branch[i] = 0
    return at


@kernel
def after_close(r: Reading, at: i64, depth: i64) -> i64:
    """Closes a group: what is behind it, or OTHER."""
    if depth == 0:
        return OTHER
    end_branch(r)
    r.branch[0] = r.groups[2 * depth - 2] + 1
    r.branch[1] = r.groups[2 * depth - 1]
    r.branch[2] = _ITEM
    return at + 1


@kernel
def read_item(r: Reading, at: i64, n: i64) -> i64:
    """Reads what takes one character: what is behind it, or OTHER."""
    c = r.text[at]
    at += 1
    place = r.sets[3 * r.counts[1] :]
    found = -1
    if c == _OPEN_CLASS:
        at = read_class(r, at, n, place)
    elif c == _DOT:
        place[0] = _ALL
        place[1] = _ALL
        place[2] = BEYOND_ALL
        place[0] = place[0] ^ u64(1 << _NEWLINE)
    else:
        if c == _BACKSLASH:
            c = r.escapes[r.text[at]] if r.text[at] != 0x62 else OTHER  # \b is a boundary here
            at += 1
            if c == OTHER:
                return OTHER
        if c == NAMED:
            for i in range(3):
                place[i] = r.named[3 * r.text[at - 1] + i]
        else:
            found = r.set_of[c] - 1
            if found < 0:
                for i in range(3):
                    place[i] = 0
                place[c >> 6] = u64(1 << (c & 63))
                found = intern_set(r)
                r.set_of[c] = u8(found + 1)
    if at < 0:
        return OTHER
    if found < 0:
        found = intern_set(r)
        if found < 0:
            return OTHER
    join(r)
    push(r, PUSH_SET, found, 0)
    r.branch[0] += 1
    r.branch[2] = _ITEM
    return at


@kernel
def intern_set(r: Reading) -> i64:
    """The number of the set behind the last one, under which it is added if it is new; OTHER if it is empty."""
    count = r.counts[1]
    here = r.sets[3 * count :]
    if (here[0] | here[1] | here[2]) == 0:
        return OTHER
    for k in range(count):
        if r.sets[3 * k] == here[0] and r.sets[3 * k + 1] == here[1] and r.sets[3 * k + 2] == here[2]:
            return k
    r.counts[1] = count + 1
    return count


@kernel
def read_class(r: Reading, at: i64, n: i64, place: Ptr[u64]) -> i64:
    """Reads a class from behind its bracket: what is behind it, or OTHER. Its set goes to `place`."""
    for i in range(3):
        place[i] = 0
    negated = r.text[at] == _CARET
    at += i64(negated)
    first = 1
    while first != 0 or r.text[at] != _CLOSE_CLASS:
        first = 0
        low = class_member(r, at)
        if low == OTHER or at >= n:
            return OTHER
        at += 2 if r.text[at] == _BACKSLASH else 1
        ranged = r.text[at] == _MINUS and r.text[at + 1] != _CLOSE_CLASS
        if low == NAMED:
            r.counts[2] += 1
            if ranged or r.counts[2] > MAX_NAMED:
                return OTHER
            for i in range(3):
                place[i] = place[i] | r.named[3 * r.text[at - 1] + i]
        else:
            high = low
            if ranged:
                at += 1
                high = class_member(r, at)
                if high < low or at >= n:
                    return OTHER
                at += 2 if r.text[at] == _BACKSLASH else 1
            for c in range(low, high + 1):
                place[c >> 6] = place[c >> 6] | u64(1 << (c & 63))
        if at >= n:
            return OTHER
    if negated:
        place[0] = u64(~place[0])
        place[1] = u64(~place[1])
        place[2] = place[2] ^ BEYOND_ALL
    return at + 1


@kernel
def class_member(r: Reading, at: i64) -> i64:
    """The character that stands in a class at this place, NAMED or OTHER."""
    if r.text[at] == _BACKSLASH:
        return r.escapes[r.text[at + 1]]
    return r.text[at]


@kernel
def read_repetition(r: Reading, at: i64) -> i64:
    """Reads a quantifier: what is behind it, or OTHER."""
    c = r.text[at]
    at += 1
    r.bounds[0] = i64(c == _PLUS)
    r.bounds[1] = 1 if c == _QUESTION else ENDLESS
    if c == _OPEN_COUNT:
        at = read_bounds(r, at)
        if at < 0:
            return OTHER
    if r.branch[2] != _ITEM or r.text[at] == _PLUS:
        return OTHER
    if r.text[at] == _QUESTION:  # lazy: the same language
        at += 1
    push(r, REPEAT, r.bounds[0], r.bounds[1])
    r.branch[2] = _REPEATED
    return at


@kernel
def read_bounds(r: Reading, at: i64) -> i64:
    """Reads the counts of a repetition from behind the brace: what is behind the other one, or OTHER."""
    begin = at
    low = 0
    while r.text[at] >= _ZERO and r.text[at] <= _NINE and at - begin < MAX_DIGITS:
        low = 10 * low + r.text[at] - _ZERO
        at += 1
    high = low
    if r.text[at] == _COMMA:
        at += 1
        middle = at
        high = 0
        while r.text[at] >= _ZERO and r.text[at] <= _NINE and at - middle < MAX_DIGITS:
            high = 10 * high + r.text[at] - _ZERO
            at += 1
        if at == middle:
            high = ENDLESS
    if at == begin or r.text[at] != _CLOSE_COUNT or high == 0:
        return OTHER
    if high != ENDLESS and high < low:
        return OTHER
    r.bounds[0] = low
    r.bounds[1] = high
    return at + 1
