"""What can be wrong with a constraint: a bad pattern, a bad list of options, a limit passed, a damaged automaton.

Everybody may import this module; it imports nothing of the project. All errors are `ValueError`s.
"""

from __future__ import annotations


class RegexError(ValueError):
    """A pattern that cannot be used: where (characters `[start, end)` of it), why, and what to write instead."""

    def __init__(self, message: str, pattern: str, start: int, end: int, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.pattern = pattern
        self.start = start
        self.end = max(end, start)
        self.hint = hint


class RegexLimitError(RegexError):
    """A pattern that is well formed but needs more than the limits allow."""


class OptionsError(ValueError):
    """A list of options that cannot be used; `index` names the option at fault, if it is one option's fault."""

    def __init__(self, message: str, index: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.index = index


class OptionsLimitError(OptionsError):
    """A list of options that needs more than the limits allow."""


class CorruptAutomaton(ValueError):
    """Bytes that are not a well-formed automaton."""


class AlgebraError(ValueError):
    """Automata that cannot be combined: no text satisfies the combination."""


class AlgebraLimitError(AlgebraError):
    """A combination of automata that needs more than the limits allow."""
