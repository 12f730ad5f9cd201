"""From what a controller asks for (`ConstraintSpec`) to the matcher that makes its token masks.

Automata that the compiler embedded come first: they cost no compilation. They are part of untrusted bytecode, so they
are checked, and shared by their own bytes, never by the pattern that they claim to be. All else is compiled here.
Matchers are shared by all branches and requests through one bounded cache.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from aici.grammar.constraint import Matcher
from aici.grammar.dfa import Dfa
from aici.grammar.errors import CorruptAutomaton, OptionsError, RegexError
from aici.grammar.options import compile_options
from aici.grammar.regex import compile_regex
from aici.grammar.vocabulary import Vocabulary
from aici.vm.program import Program
from aici.vm.requests import ConstraintSpec, ServiceError

_MASK_BYTES: Final = 1 << 20  # of masks that a matcher keeps
_SHOWN: Final = 60  # characters of a constraint in a message


class ConstraintCache:
    """The most recently used matchers over one vocabulary, together at most `max_bytes`. Those in use live on."""

    def __init__(self, vocabulary: Vocabulary, max_bytes: int) -> None:
        self._vocabulary = vocabulary
        self._room = max_bytes
        self._matchers: OrderedDict[object, tuple[Matcher, int]] = OrderedDict()

    def get(self, key: object, make: Callable[[], Dfa]) -> Matcher:
        """The matcher kept under the key, else a new one of what `make` returns."""
        known = self._matchers.get(key)
        if known is not None:
            self._matchers.move_to_end(key)
            return known[0]
        dfa = make()
        # The automaton, what the matcher derives from it, and its masks.
        size = 2 * dfa.table.nbytes + _MASK_BYTES
        matcher = Matcher(dfa, self._vocabulary, _MASK_BYTES)
        self._matchers[key] = matcher, size
        self._room -= size
        while self._room < 0 and len(self._matchers) > 1:
            _, (_, dropped) = self._matchers.popitem(last=False)
            self._room += dropped
        return matcher


class Constraints:
    """The constraints of one request: those of its program, and those that it makes while it runs."""

    def __init__(self, cache: ConstraintCache, program: Program) -> None:
        self._cache = cache
        self._embedded = {ConstraintSpec(a.kind, a.key): a.data for a in program.automata}

    def matcher(self, spec: ConstraintSpec) -> Matcher:
        """Raises `ServiceError` for a constraint that is wrong or too costly."""
        data = self._embedded.get(spec)
        try:
            if data is not None:
                return self._cache.get(data, lambda: Dfa.from_bytes(data))
            return self._cache.get(spec, lambda: _compile(spec))
        except RegexError as error:
            raise ServiceError(f"{describe(spec)}: {error.message} (at character {error.start})") from None
        except (OptionsError, CorruptAutomaton) as error:
            raise ServiceError(f"{describe(spec)}: {error}") from None


def describe(spec: ConstraintSpec) -> str:
    """The constraint as messages name it: `regex '[0-9]+'`."""
    text = repr(spec.args[0]) if spec.kind == "regex" else repr(list(spec.args))
    return f"{spec.kind} {text if len(text) <= _SHOWN else text[: _SHOWN - 1] + '…'}"


def _compile(spec: ConstraintSpec) -> Dfa:
    if spec.kind == "regex":
        return compile_regex(spec.args[0])
    if spec.kind == "options":
        return compile_options(spec.args)
    raise ServiceError(f"this host has no constraint of kind {spec.kind!r}", "NotImplementedError")
