"""From a text to the automaton of its pieces, cut between words: for a model that has to quote.

Goes in: a text and what ends a quotation. Comes out: a `Dfa`. Everybody may import this module.
"""

from __future__ import annotations

import re

from . import charset, nfa
from .determinise import determinise
from .dfa import Dfa
from .errors import OptionsError, OptionsLimitError, RegexLimitError
from .limits import DEFAULT_LIMITS, DfaLimits

_PIECE = re.compile(r"\w+|\W")
"""What is never cut: a word, or one other character."""


def compile_substring(text: str, end: str = "", limits: DfaLimits = DEFAULT_LIMITS) -> Dfa:
    """The automaton of every run of consecutive pieces of `text`, the empty one included, each followed by `end`.

    Raises OptionsError for what is not text, OptionsLimitError past a limit.
    """
    for part in (text, end):
        if not isinstance(part, str) or any("\ud800" <= char <= "\udfff" for char in part):
            raise OptionsError("the text to quote and its end have to be text without surrogates")
    size, whole = len(text), text + end
    if len(whole) > limits.positions:
        raise OptionsLimitError(f"the text to quote has {len(whole):,} characters; the limit is {limits.positions:,}")
    starts = ends = 0
    for piece in _PIECE.finditer(text):
        starts |= 1 << piece.start()
        ends |= 1 << piece.end() - 1
    every = (1 << len(whole)) - 1
    first_of_end = 1 << size if end else 0
    characters = list(dict.fromkeys(whole))
    automaton = nfa.assemble(
        [charset.single(ord(char)) for char in characters],
        [characters.index(char) for char in whole],
        nfa.Edges(
            first=starts | first_of_end,
            last=1 << len(whole) - 1 if end else ends,
            nullable=not end,
            chain=every >> 1 & ~(1 << size - 1 if size else 0),
            rules=[(ends, first_of_end)] if ends and end else [],
            counters=[],
        ),
    )
    try:
        return determinise(automaton, text, limits)
    except RegexLimitError as error:
        raise OptionsLimitError(error.message) from None
