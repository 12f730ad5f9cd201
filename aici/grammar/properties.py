r"""The names of `\p{...}`: general categories, scripts, and a few sets more.

Goes in: what stands between the braces, as Python's `regex`, Rust's and RE2 write it: `L`, `Lu`, `Letter`, `gc=Lu`,
`Greek`, `Grek`, `Script=Greek`, `sc=Grek`, `IsGreek`, `^Greek`; letter case, spaces, hyphens and underscores do not
count (UAX #44, UAX44-LM3). Comes out: a `CharSet`. Only `aici.grammar` imports this module.

Categories are those of the running Python's `unicodedata`; scripts come from `scripts.txt`, which
`tests/grammar/scripts_table.py` makes.
"""

from __future__ import annotations

import difflib
import re
from functools import lru_cache
from pathlib import Path

from . import charset, unicode
from .charset import CharSet

_LONG = (
    "Lu uppercaseletter,Ll lowercaseletter,Lt titlecaseletter,LC casedletter,LC l&,Lm modifierletter,Lo otherletter,"
    "L letter,Mn nonspacingmark,Mc spacingmark,Me enclosingmark,M mark,M combiningmark,Nd decimalnumber,Nd digit,"
    "Nl letternumber,No othernumber,N number,Pc connectorpunctuation,Pd dashpunctuation,Ps openpunctuation,"
    "Pe closepunctuation,Pi initialpunctuation,Pf finalpunctuation,Po otherpunctuation,P punctuation,P punct,"
    "Sm mathsymbol,Sc currencysymbol,Sk modifiersymbol,So othersymbol,S symbol,Zs spaceseparator,Zl lineseparator,"
    "Zp paragraphseparator,Z separator,Cc control,Cc cntrl,Cf format,Cs surrogate,Co privateuse,Cn unassigned,C other"
)
_CATEGORIES = {long: short for short, long in (entry.split(" ") for entry in _LONG.split(","))}
_CATEGORIES |= {short.lower(): short for short in _CATEGORIES.values()}
_KINDS = {"gc": "category", "generalcategory": "category", "sc": "script", "script": "script"}


def property_class(name: str) -> CharSet | None:
    r"""The set of `\p{name}`; None if there is none of that name."""
    inverted = name.startswith("^")
    kind, given, value = name.removeprefix("^").partition("=")
    if given:
        chars = _named(_loose(value), _KINDS.get(_loose(kind)))
    else:
        key = _loose(kind)
        chars = _named(key, "any")
        if chars is None and key.startswith("is"):
            chars = _named(key.removeprefix("is"), "any")
    return ~chars if chars is not None and inverted else chars


def _loose(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).lower() if name.isascii() else name


def _named(key: str, kind: str | None) -> CharSet | None:
    """The set of a name in loose form, of a kind or of any."""
    if kind in ("category", "any"):
        if key in _CATEGORIES:
            return unicode.category_class(_CATEGORIES[key])
        if kind == "any" and key in _SPECIAL:
            return _special(key)
    return _script(key) if kind in ("script", "any") else None


_SPECIAL = ("any", "ascii", "assigned")


def _special(key: str) -> CharSet:
    if key == "any":
        return charset.ALL
    if key == "ascii":
        return charset.from_ranges([(0, 0x7F)])
    return ~unicode.category_class("Cn")


@lru_cache(maxsize=1)
def _table() -> list[list[str]]:
    """Of each script its name, its short name and its characters, as they stand in the file."""
    lines = (Path(__file__).parent / "scripts.txt").read_text(encoding="ascii").splitlines()
    return [line.split(" ", 2) for line in lines]


@lru_cache(maxsize=1)
def _scripts() -> dict[str, str]:
    """Names in loose form, long and short, to the characters."""
    return {_loose(name): runs for long, short, runs in _table() for name in (long, short)}


@lru_cache(maxsize=64)
def _script(key: str) -> CharSet | None:
    runs = [run.partition("-") for run in _scripts().get(key, "").split()]
    return charset.from_ranges((int(low, 16), int(high or low, 16)) for low, _, high in runs) if runs else None


def similar(name: str) -> str | None:
    """The name that was perhaps meant."""
    known = {_loose(long): long for long, _, _ in _table()} | _CATEGORIES
    found = difflib.get_close_matches(_loose(name.rpartition("=")[2]), known, 1, 0.7)
    return known[found[0]] if found else None
