r"""Character classes with the meaning that the running Python's `re` gives them.

`\w`, `\d` and `\s` are read off `re` itself, general categories off `unicodedata`, case off `str.lower` and
`str.upper`, so that no table can disagree with the interpreter; each once, when first asked for, so that importing
costs nothing. What takes long is kept in the user's cache, under the interpreter's version.
Goes in: the name of a class. Comes out: a `CharSet`. Only `aici.grammar` imports this module.
"""

from __future__ import annotations

import hashlib
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise

import numpy as np

from . import cache, charset
from .charset import CharSet

ASSIGNED_END = 0x40000
"""Above this no character is a letter, digit, space or cased (a test holds it); the rest is tags and private use."""
CASED_END = 0x20000
"""Above this no character has case (a test holds it)."""

ASCII_CLASSES = {
    "d": charset.from_ranges([(0x30, 0x39)]),
    "s": charset.from_ranges([(0x09, 0x0D), (0x20, 0x20)]),
    "w": charset.from_ranges([(0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)]),
}


@lru_cache(maxsize=8)
def escape_class(letter: str, ascii_only: bool) -> CharSet:
    r"""The set of `\d`, `\s`, `\w`, `\D`, `\S` or `\W` (`letter` without the backslash), by Unicode or (flag a) ASCII
    rules."""
    if letter.isupper():
        return ~escape_class(letter.lower(), ascii_only)
    if ascii_only:
        return ASCII_CLASSES[letter]
    return _kept(letter, lambda: [_scan(letter)])[0]


def _scan(letter: str) -> CharSet:
    runs = re.finditer(rf"\{letter}+", _text(ASSIGNED_END))
    return charset.from_ranges((m.start(), m.end() - 1) for m in runs)


_FORMAT = 2
"""Version of what is kept."""


def _kept(name: str, make: Callable[[], list[CharSet]]) -> list[CharSet]:
    """What `make` returns, which takes long and depends on the interpreter alone."""
    version = repr((_FORMAT, sys.version, unicodedata.unidata_version))
    file = f"unicode-{name}-{hashlib.blake2b(version.encode(), digest_size=12).hexdigest()}"
    data = cache.load(file)
    if data is not None:
        return _unpack(data)
    made = make()
    cache.store(file, b"".join(map(_pack, made)))
    return made


def _pack(chars: CharSet) -> bytes:
    """The ASCII mask, the number of edges, the edges."""
    return chars.ascii.to_bytes(16, "little") + np.array([len(chars.high), *chars.high], "<u4").tobytes()


def _unpack(data: bytes) -> list[CharSet]:
    out = []
    at = 0
    while at < len(data):
        mask = int.from_bytes(data[at : at + 16], "little")
        (count,) = np.frombuffer(data, "<u4", 1, at + 16).tolist()
        out.append(CharSet(mask, tuple(np.frombuffer(data, "<u4", count, at + 20).tolist())))
        at += 20 + 4 * count
    return out


def category_class(name: str) -> CharSet:
    """The set of a general category ("Lu"), or of a group of them ("L", "LC"); of surrogates ("Cs"), none."""
    return _categories().get(name, charset.EMPTY)


CATEGORIES = (
    *("Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No"),
    *("Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So"),
    *("Zs", "Zl", "Zp", "Cc", "Cf", "Co", "Cn"),
)
"""All general categories but Cs, surrogates, which no text holds."""


GROUPS = {
    "LC": ("Lu", "Ll", "Lt"),
    **{group: tuple(name for name in CATEGORIES if name[0] == group) for group in "LMNPSZC"},
}


@lru_cache(maxsize=1)
def _categories() -> dict[str, CharSet]:
    """The set of every general category and group."""
    return dict(zip((*CATEGORIES, *GROUPS), _kept("categories", _scan_categories), strict=True))


_UNSCANNED = {
    "Cn": [(ASSIGNED_END, 0xDFFFF), (0xE1000, 0xEFFFF), (0xFFFFE, 0xFFFFF), (0x10FFFE, 0x10FFFF)],
    "Co": [(0xF0000, 0xFFFFD), (0x100000, 0x10FFFD)],
}
"""The categories of the planes that are not looked at one by one (a test does)."""


def _scan_categories() -> list[CharSet]:
    """The sets of `CATEGORIES`, in order, then those of `GROUPS`."""
    out = {name: list(ranges) for name, ranges in _UNSCANNED.items()}
    for start, end in ((0, ASSIGNED_END), (0xE0000, 0xE1000)):
        names = "".join(map(unicodedata.category, _text(end)[start:]))
        codes = np.frombuffer(names.encode(), np.uint16)
        edges = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), end - start]
        for low, high in pairwise(edges):
            out.setdefault(names[2 * low : 2 * low + 2], []).append((start + low, start + high - 1))
    groups = [[r for name in members for r in out.get(name, ())] for members in GROUPS.values()]
    return [charset.from_ranges(ranges) for ranges in (*(out.get(name, ()) for name in CATEGORIES), *groups)]


def _text(end: int) -> str:
    """Every code point below `end` in order."""
    return np.arange(end, dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass")


@lru_cache(maxsize=256)
def fold(literals: CharSet) -> CharSet:
    """The characters that match one of `literals` under `re.IGNORECASE`.

    `re` lowers the subject's character and looks for it among the lowered literals and the other lower-case characters
    that share an upper case with one of them (the Python source: Lib/re/_compiler.py, `_optimize_charset`).
    """
    if not literals.high:
        return _fold_ascii(literals.ascii)
    lower, same_upper, lowered_from = _case_tables()
    codes: set[int] = set()
    for code in _cased_members(literals, lower, same_upper):
        low = lower.get(code, code)
        for twin in (low, *same_upper.get(low, ())):
            codes.add(twin)
            codes.update(lowered_from.get(twin, ()))
    return literals | charset.from_ranges((code, code) for code in codes)


ASCII_TWINS = {"i": (0x130, 0x131), "k": (0x212A,), "s": (0x17F,)}
"""The characters beyond ASCII that fold to an ASCII letter (Unicode keeps case foldings stable)."""


@lru_cache(maxsize=256)
def _fold_ascii(mask: int) -> CharSet:
    upper, lower = (((1 << 26) - 1) << 0x41), (((1 << 26) - 1) << 0x61)
    both = mask | (mask & upper) << 32 | (mask & lower) >> 32
    twins = [code for letter, codes in ASCII_TWINS.items() if both >> ord(letter) & 1 for code in codes]
    return charset.CharSet(both, charset.from_ranges((code, code) for code in sorted(twins)).high)


def fold_ascii_only(literals: CharSet) -> CharSet:
    """As `fold`, under the flag a: only ASCII letters have case."""
    return CharSet(_fold_ascii(literals.ascii).ascii, literals.high)


def _cased_members(chars: CharSet, lower: dict[int, int], same_upper: dict[int, tuple[int, ...]]) -> list[int]:
    """The members that have a lower case, are one, or share an upper case; walks the shorter of both lists."""
    span = sum(hi - lo + 1 for lo, hi in chars.ranges())
    cased = _cased()
    if span < len(cased):
        return [code for lo, hi in chars.ranges() for code in range(lo, hi + 1) if code in cased]
    return [code for code in sorted(cased) if code in chars]


@lru_cache(maxsize=1)
def _cased() -> frozenset[int]:
    lower, same_upper, lowered_from = _case_tables()
    return frozenset([*lower, *same_upper, *lowered_from])


@lru_cache(maxsize=1)
def _case_tables() -> tuple[dict[int, int], dict[int, tuple[int, ...]], dict[int, tuple[int, ...]]]:
    """Code → its lower case; lower-case code → others of the same upper case; lower-case code → what lowers to it.

    `str.lower` of one character is its simple lower case, save for U+0130, whose simple form is the first of two.
    """
    lower: dict[int, int] = {}
    by_upper: dict[str, list[int]] = {}
    lowered_from: dict[int, list[int]] = {}
    for code, char in _cased_blocks():
        low = ord(char.lower()[0])
        if low != code:
            lower[code] = low
            lowered_from.setdefault(low, []).append(code)
        else:
            up = char.upper()
            if up != char:
                by_upper.setdefault(up, []).append(code)
    same_upper = {c: tuple(t for t in group if t != c) for group in by_upper.values() if len(group) > 1 for c in group}
    return lower, same_upper, {code: tuple(sources) for code, sources in lowered_from.items()}


def _cased_blocks() -> Iterator[tuple[int, str]]:
    """(code, character) of every character that has case, and of some around it."""
    text = _text(CASED_END)
    for start in range(0, CASED_END, 64):
        block = text[start : start + 64]
        if block.lower() != block or block.upper() != block:
            yield from enumerate(block, start)
