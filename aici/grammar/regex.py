"""From a pattern to its automaton: parse, position automaton, subsets, minimisation, bytes.

Goes in: a pattern. Comes out: a `Dfa`. All work is done on characters, cut into the few atoms that the pattern tells
apart; only the minimal automaton is spelled out in bytes. Everybody may import this module.
"""

from __future__ import annotations

from . import nfa
from .determinise import determinise
from .dfa import Dfa
from .limits import DEFAULT_LIMITS, DfaLimits
from .regex_syntax import parse


def compile_regex(pattern: str, limits: DfaLimits = DEFAULT_LIMITS) -> Dfa:
    """The minimal byte automaton of the texts that match `pattern` as a whole.

    Raises RegexError for a wrong or unsupported pattern and for one that no text matches, RegexLimitError past a limit.
    """
    syntax = parse(pattern, limits)
    automaton = nfa.build(syntax, limits)
    return determinise(automaton, pattern, limits)
