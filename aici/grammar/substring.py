"""Automata of texts that draw on other texts: quotations from one, and code that uses only known identifiers.

Goes in: a text and what ends a quotation, or identifiers. Comes out: a `Dfa`. Everybody may import this module.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from . import charset, nfa
from .determinise import Packed, determinise
from .dfa import Dfa
from .errors import OptionsError, OptionsLimitError, RegexLimitError
from .limits import DEFAULT_LIMITS, DfaLimits

_WORD = re.compile(r"\S+")
_LETTERS = ((0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_DIGITS = charset.from_ranges([(0x30, 0x39)])
_BETWEEN = 0  # the position of what is between identifiers


def compile_substring(text: str, end: str = "", limits: DfaLimits = DEFAULT_LIMITS) -> Dfa:
    """The automaton of every run of whole words of `text`, as it stands there, followed by `end`. White space parts
    words.

    Raises OptionsError for what is not text or has no words, OptionsLimitError past a limit.
    """
    for part in (text, end):
        if not isinstance(part, str) or any("\ud800" <= char <= "\udfff" for char in part):
            raise OptionsError("the text to quote and its end have to be text without surrogates")
    size, whole = len(text), text + end
    if len(whole) > limits.positions:
        raise OptionsLimitError(f"the text to quote has {len(whole):,} characters; the limit is {limits.positions:,}")
    starts = ends = 0
    for word in _WORD.finditer(text):
        starts |= 1 << word.start()
        ends |= 1 << word.end() - 1
    if not starts:
        raise OptionsError("the text to quote has no words")
    characters = list(dict.fromkeys(whole))
    number = {char: i for i, char in enumerate(characters)}
    automaton = nfa.assemble(
        [charset.single(ord(char)) for char in characters],
        [number[char] for char in whole],
        nfa.Edges(
            first=starts,
            last=1 << len(whole) - 1 if end else ends,
            nullable=False,
            chain=(1 << len(whole) - 1) - 1 & ~(1 << size - 1),
            rules=[(ends, 1 << size)] if end else [],
            counters=[],
        ),
    )
    try:
        return determinise(Packed.of(automaton), text, limits)
    except RegexLimitError as error:
        raise OptionsLimitError(error.message) from None


def compile_identifiers(identifiers: Iterable[str], extra: str = "", limits: DfaLimits = DEFAULT_LIMITS) -> Dfa:
    """The automaton of texts whose every identifier is one of `identifiers`, and that end with one.

    An identifier starts with an ASCII letter, `_` or a character of `extra`, and goes on with these and digits; all
    else may stand between. Raises OptionsError for no identifiers or what is not text, OptionsLimitError past a limit.
    """
    known = sorted(set(identifiers))
    if not known or not all(known):
        raise OptionsError("identifiers are texts of at least one character, and there has to be one")
    letters = "".join(known)
    if any("\ud800" <= char <= "\udfff" for char in letters + extra):
        raise OptionsError("identifiers have to be text without surrogates")
    if len(letters) + 2 > limits.positions:
        raise OptionsLimitError(
            f"the identifiers have {len(letters):,} characters; the limit is {limits.positions - 2:,}"
        )
    starts = charset.from_ranges([*_LETTERS, *((ord(char), ord(char)) for char in extra)])
    characters = list(dict.fromkeys(letters))
    number = {char: i for i, char in enumerate(characters, 2)}
    heads = ends = 0
    place = _BETWEEN + 2
    for identifier in known:
        heads |= 1 << place
        place += len(identifier)
        ends |= 1 << place - 1
    between = 1 << _BETWEEN
    behind = between << 1  # what follows an identifier at once, and so is no digit either
    automaton = nfa.assemble(
        [~starts, ~(starts | _DIGITS), *(charset.single(ord(char)) for char in characters)],
        [0, 1, *(number[char] for char in letters)],
        nfa.Edges(
            first=between | heads,
            last=ends,
            nullable=False,
            chain=(1 << place) - 1 & ~(between | behind | ends),
            rules=[(between | behind, between | heads), (ends, behind)],
            counters=[],
        ),
    )
    try:
        return determinise(Packed.of(automaton), letters, limits)
    except RegexLimitError as error:
        raise OptionsLimitError(error.message) from None
