"""From what a controller asks for (`ConstraintSpec`) to the matcher that makes its token masks.

Automata that the compiler embedded come first: they cost no compilation. They are part of untrusted bytecode, so they
are checked, and shared by their own bytes, never by the pattern that they claim to be. All else is compiled here.
Matchers are shared by all branches and requests through one bounded cache.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final
from weakref import WeakKeyDictionary

from aici.grammar.dfa import Dfa
from aici.grammar.errors import AlgebraError, CorruptAutomaton, OptionsError, RegexError
from aici.grammar.lazy import compile_automaton
from aici.grammar.lazy_algebra import AnyAutomaton, complement, concatenation, difference, intersection, union, until
from aici.grammar.lazy_constraint import AnyMatcher, matcher_for
from aici.grammar.options import compile_options
from aici.grammar.substring import compile_identifiers, compile_substring
from aici.grammar.vocabulary import Vocabulary
from aici.vm.program import Program
from aici.vm.requests import ConstraintSpec, ServiceError

from .forced import ForcedText
from .tokenizer import Tokenizer

_MATCHER_BYTES: Final = 1 << 16  # of a matcher, but for its automaton
_REFUSED: Final = 64  # constraints that cannot be had and are remembered
_SHOWN: Final = 60  # characters of a constraint in a message


class ConstraintCache:
    """The most recently used matchers over one vocabulary, together at most `max_bytes`. Those in use live on."""

    def __init__(self, vocabulary: Vocabulary, tokenizer: Tokenizer, max_bytes: int) -> None:
        self._vocabulary = vocabulary
        self._tokenizer = tokenizer
        self._room = max_bytes
        self._matchers: OrderedDict[Hashable, tuple[AnyMatcher, int]] = OrderedDict()
        self.refused: dict[Hashable, str] = {}
        """Why some constraints cannot be had: finding that out may be costly."""
        self._forced: WeakKeyDictionary[AnyMatcher, ForcedText] = WeakKeyDictionary()

    def get(self, key: Hashable, make: Callable[[], AnyAutomaton]) -> AnyMatcher:
        """The matcher kept under the key, else a new one of what `make` returns."""
        known = self._matchers.get(key)
        if known is not None:
            self._matchers.move_to_end(key)
            return known[0]
        dfa = make()
        size = 3 * dfa.table.nbytes + _MATCHER_BYTES  # the automaton, and what the matcher derives from it
        matcher = matcher_for(dfa, self._vocabulary)
        self._matchers[key] = matcher, size
        self._room -= size
        while self._room < 0 and len(self._matchers) > 1:
            _, (_, dropped) = self._matchers.popitem(last=False)
            self._room += dropped
        return matcher

    def refuse(self, key: Hashable, reason: str) -> None:
        """Remember why a constraint cannot be had."""
        if len(self.refused) >= _REFUSED:
            self.refused.clear()
        self.refused[key] = reason

    def forced(self, matcher: AnyMatcher) -> ForcedText:
        """What the matcher's states force."""
        known = self._forced.get(matcher)
        if known is None:
            known = self._forced[matcher] = ForcedText(matcher, self._tokenizer)
        return known


class Constraints:
    """The constraints of one request: those of its program, and those that it makes while it runs."""

    def __init__(self, cache: ConstraintCache, program: Program) -> None:
        self._cache = cache
        self._embedded = {ConstraintSpec(a.kind, a.key): a.data for a in program.automata}

    def matcher(self, spec: ConstraintSpec) -> AnyMatcher:
        """Raises `ServiceError` for a constraint that is wrong or too costly."""
        key = self._key(spec)
        reason = self._cache.refused.get(key)
        if reason is None:
            try:
                return self._cache.get(key, lambda: self._automaton(spec))
            except RegexError as error:
                reason = f"{describe(spec)}: {error.message} (at character {error.start})"
            except (OptionsError, AlgebraError, CorruptAutomaton) as error:
                reason = f"{describe(spec)}: {error}"
            self._cache.refuse(key, reason)
        raise ServiceError(reason)

    def forced(self, matcher: AnyMatcher) -> ForcedText:
        """What the matcher's states force."""
        return self._cache.forced(matcher)

    def _key(self, spec: ConstraintSpec) -> Hashable:
        """What the constraint is shared by: automata of the program count as themselves, within others too."""
        if spec.parts:
            return spec.kind, spec.texts, *map(self._key, spec.parts)
        return self._embedded.get(spec, spec)

    def _automaton(self, spec: ConstraintSpec) -> AnyAutomaton:
        data, texts = self._embedded.get(spec), spec.texts
        if data is not None:
            return Dfa.from_bytes(data)
        match spec:  # no complement among all texts is needed for these
            case ConstraintSpec("and", (ConstraintSpec() as kept, ConstraintSpec("not", (ConstraintSpec() as taken,)))):
                return difference(self._automaton(kept), self._automaton(taken))
            case ConstraintSpec("and", (ConstraintSpec("not", (ConstraintSpec() as taken,)), ConstraintSpec() as kept)):
                return difference(self._automaton(kept), self._automaton(taken))
        match spec.kind, [self._automaton(part) for part in spec.parts]:
            case "regex", []:
                return compile_automaton(texts[0])
            case "options", []:
                return compile_options(texts)
            case "substring", []:
                return compile_substring(texts[0], texts[1])
            case "identifiers", []:
                return compile_identifiers(texts[1:], texts[0])
            case "and", [one, other]:
                return intersection(one, other)
            case "or", [one, other]:
                return union(one, other)
            case "concat", [one, other]:
                return concatenation(one, other)
            case "not", [one]:
                return complement(one)
            case "until", [one]:
                return until(one, texts[0])
        raise ServiceError(f"this host has no constraint of kind {spec.kind!r}", "NotImplementedError")


def describe(spec: ConstraintSpec) -> str:
    """The constraint as messages name it: `regex '[0-9]+'`."""
    shown = [*map(describe, spec.parts), *map(repr, spec.texts[:_SHOWN])]
    text = ", ".join(shown)
    if spec.kind == "options":
        text = f"[{text}]"
    elif spec.parts:
        text = f"({text})"
    return f"{spec.kind} {text if len(text) <= _SHOWN else text[: _SHOWN - 1] + '…'}"
