"""From a pattern to its automaton: parse, position automaton, subsets, minimisation, bytes.

Goes in: a pattern. Comes out: a `Dfa`. All work is done on characters, cut into the few atoms that the pattern tells
apart; only the minimal automaton is spelled out in bytes. Everybody may import this module.
"""

from __future__ import annotations

import re

from . import nfa
from .determinise import Packed, determinise
from .dfa import Dfa
from .errors import OptionsError
from .limits import DEFAULT_LIMITS, DfaLimits
from .options import compile_options
from .quick import compile_plain
from .regex_syntax import parse


def compile_regex(pattern: str, limits: DfaLimits = DEFAULT_LIMITS) -> Dfa:
    """The minimal byte automaton of the texts that match `pattern` as a whole.

    Raises RegexError for a wrong or unsupported pattern and for one that no text matches, RegexLimitError past a limit.
    """
    return (
        compile_plain(pattern, limits)
        or compile_words(pattern, limits)
        or determinise(Packed.of(nfa.build(parse(pattern, limits), limits)), pattern, limits)
    )


def compile_words(pattern: str, limits: DfaLimits) -> Dfa | None:
    """The automaton of a pattern that is nothing but plain text, or alternatives of it; None for any other."""
    words = _words(pattern) if len(pattern) <= limits.pattern_length else None
    if not words:
        return None
    try:
        return compile_options(words, limits)
    except OptionsError:
        return None  # the way of patterns says where


_WORD = r"(?:[^\\.\[{()*+?^$|]|\\[^a-zA-Z0-9])*"
_ALTERNATIVES = re.compile(rf"(?P<open>\((?:\?:)?)?(?P<words>{_WORD}(?:\|{_WORD})*)(?(open)\))")
_SPLIT = re.compile(rf"(?:^|\|)({_WORD})")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def _words(pattern: str) -> list[str] | None:
    """The alternatives (or the only one), if all are plain text, as those of long patterns often are."""
    found = _ALTERNATIVES.fullmatch(pattern)
    if found is None:
        return None
    text = found["words"]
    if "\\" not in text:
        return text.split("|")
    return [_ESCAPE.sub(r"\1", word) for word in _SPLIT.findall(text)]
