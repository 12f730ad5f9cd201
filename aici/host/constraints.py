"""From what a controller asks for (`ConstraintSpec`) to the matcher that makes its token masks.

Automata that the compiler embedded come first: they cost no compilation. They are part of untrusted bytecode, so they
are checked, and shared by their own bytes, never by the pattern that they claim to be. All else is compiled here.
Matchers are shared by all branches and requests through one bounded cache.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Final

from aici.grammar.constraint import Matcher
from aici.grammar.dfa import Dfa, compile_options, compile_regex
from aici.grammar.errors import CorruptAutomaton, OptionsError, RegexError
from aici.grammar.vocabulary import Vocabulary
from aici.vm.program import Program
from aici.vm.requests import ConstraintSpec, ServiceError

_SHOWN: Final = 60  # characters of a constraint in a message


class ConstraintCache:
    """The most recently used matchers over one vocabulary, at most `capacity` of them. Safe to use from threads."""

    def __init__(self, vocabulary: Vocabulary, capacity: int = 256) -> None:
        self.vocabulary = vocabulary
        self._capacity = capacity
        self._matchers: OrderedDict[object, Matcher] = OrderedDict()
        self._lock = Lock()

    def get(self, key: object, make: Callable[[], Dfa]) -> Matcher:
        with self._lock:
            matcher = self._matchers.get(key)
            if matcher is None:
                matcher = Matcher(make(), self.vocabulary)
                self._matchers[key] = matcher
                if len(self._matchers) > self._capacity:
                    self._matchers.popitem(last=False)
            else:
                self._matchers.move_to_end(key)
            return matcher


class Constraints:
    """The constraints of one request. Keeps those in use alive, whatever the shared cache drops."""

    def __init__(self, cache: ConstraintCache, program: Program) -> None:
        self._cache = cache
        self._embedded = {ConstraintSpec(a.kind, a.key): a.data for a in program.automata}
        self._own: OrderedDict[ConstraintSpec, Matcher] = OrderedDict()

    def matcher(self, spec: ConstraintSpec) -> Matcher:
        """Raises `ServiceError` for a wrong or too costly constraint, and for one that no token can spell."""
        matcher = self._own.get(spec)
        if matcher is None:
            matcher = self._own[spec] = self._find(spec)
            if len(self._own) > 64:
                self._own.popitem(last=False)
        return matcher

    def _find(self, spec: ConstraintSpec) -> Matcher:
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
