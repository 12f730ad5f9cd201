"""From what a controller asks for (`ConstraintSpec`) to the matcher that makes its token masks.

Automata that the compiler embedded come first: they cost no compilation. They are part of untrusted bytecode, so they
are checked, and shared by their own bytes, never by the pattern that they claim to be. All else is compiled here.
Matchers are shared by all branches and requests through one bounded cache.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final, cast
from weakref import WeakKeyDictionary

from aici.grammar.dfa import Dfa
from aici.grammar.errors import (
    AlgebraError,
    AlgebraLimitError,
    CorruptAutomaton,
    OptionsError,
    RegexError,
    RegexLimitError,
)
from aici.grammar.lazy import compile_automaton
from aici.grammar.lazy_algebra import AnyAutomaton, complement, concatenation, difference, intersection, union, until
from aici.grammar.lazy_constraint import AnyMatcher, LazyMatcher, matcher_for
from aici.grammar.limits import DEFAULT_LIMITS, DfaLimits
from aici.grammar.options import compile_options
from aici.grammar.substring import compile_identifiers, compile_substring
from aici.grammar.vocabulary import Vocabulary
from aici.vm.program import Program
from aici.vm.requests import ConstraintSpec, ServiceError

from .forced import ForcedText
from .tokenizer import Tokenizer

_MATCHER_BYTES: Final = 1 << 16  # of a matcher, but for its automaton
_GROWING_BYTES: Final = 1 << 17  # the same, where the automaton grows,
_STATE_BYTES: Final = 1 << 10  # and what it keeps of a state beside its row
_REFUSED: Final = 64  # constraints that cannot be had and are remembered
_SHOWN: Final = 60  # characters of a constraint in a message


class ConstraintCache:
    """The most recently used matchers over one vocabulary, together at most `max_bytes`. Those in use live on."""

    def __init__(
        self, vocabulary: Vocabulary, tokenizer: Tokenizer, max_bytes: int, limits: DfaLimits = DEFAULT_LIMITS
    ) -> None:
        self.limits = limits
        """What a pattern, a list of options or a text to quote may cost."""
        self._vocabulary = vocabulary
        self._tokenizer = tokenizer
        self._max_bytes = max_bytes
        self._matchers: OrderedDict[Hashable, AnyMatcher] = OrderedDict()
        self._bytes = 0  # of those that do not grow
        self._growing: dict[Hashable, LazyMatcher] = {}
        self.refused: dict[Hashable, str] = {}
        """Why some constraints cannot be had: finding that out may be costly."""
        self._forced: WeakKeyDictionary[AnyMatcher, ForcedText] = WeakKeyDictionary()

    def get(self, key: Hashable, make: Callable[[], AnyAutomaton]) -> AnyMatcher:
        """The matcher kept under the key, else a new one of what `make` returns."""
        known = self._matchers.get(key)
        if known is not None:
            self._matchers.move_to_end(key)
            return known
        matcher = self._matchers[key] = self.make(make())
        if isinstance(matcher, LazyMatcher):
            self._growing[key] = matcher
        else:
            self._bytes += _size(matcher)
        grown = sum(map(_size, self._growing.values()))
        while self._bytes + grown > self._max_bytes and len(self._matchers) > 1:
            oldest, dropped = self._matchers.popitem(last=False)
            if self._growing.pop(oldest, None) is None:
                self._bytes -= _size(dropped)
            else:
                grown -= _size(dropped)
        return matcher

    def known(self, key: Hashable) -> AnyAutomaton | None:
        """The automaton kept under the key."""
        matcher = self._matchers.get(key)
        return None if matcher is None else cast(AnyAutomaton, matcher.automaton)

    def make(self, automaton: AnyAutomaton) -> AnyMatcher:
        """A matcher that is not kept."""
        return matcher_for(automaton, self._vocabulary)

    def drop(self, matcher: AnyMatcher) -> None:
        """Keep a matcher no longer: what asks for it next has a new one made."""
        for key in [key for key, kept in self._matchers.items() if kept is matcher]:
            del self._matchers[key]
            if self._growing.pop(key, None) is None:
                self._bytes -= _size(matcher)

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


def _size(matcher: AnyMatcher) -> int:
    """Bytes, about: of the automaton and what the matcher derives from it."""
    automaton = matcher.automaton
    if not isinstance(matcher, LazyMatcher):
        return 3 * automaton.table.nbytes + _MATCHER_BYTES
    states, width = matcher.automaton.n_states, matcher.automaton.n_classes
    return 3 * automaton.table.itemsize * states * width + _STATE_BYTES * states + _GROWING_BYTES


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
                return self._cache.get(key, lambda: self._made(spec))
            except RegexError as error:
                reason = f"{describe(spec)}: {error.message} (at character {error.start})"
            except (OptionsError, AlgebraError, CorruptAutomaton) as error:
                reason = f"{describe(spec)}: {error}"
            self._cache.refuse(key, reason)
        raise ServiceError(reason)

    def anew(self, spec: ConstraintSpec, used_up: AnyMatcher) -> AnyMatcher:
        """A matcher of a constraint that nobody shares, in place of one whose automaton has used up its room; who asks
        for the constraint next shares a new one, too. Raises as `matcher`."""
        self._cache.drop(used_up)
        try:
            return self._cache.make(self._automaton(spec, shared=False))
        except AlgebraError as error:
            raise ServiceError(f"{describe(spec)}: {error}") from None

    def used_up(self, matcher: AnyMatcher) -> None:
        """Its automaton has no room left: who asks for the constraint next has a new one."""
        self._cache.drop(matcher)

    def forced(self, matcher: AnyMatcher) -> ForcedText:
        """What the matcher's states force."""
        return self._cache.forced(matcher)

    def _key(self, spec: ConstraintSpec) -> Hashable:
        """What the constraint is shared by: automata of the program count as themselves, within others too."""
        if spec.parts:
            return spec.kind, spec.texts, *map(self._key, spec.parts)
        return self._embedded.get(spec, spec)

    def _made(self, spec: ConstraintSpec) -> AnyAutomaton:
        """The automaton of a constraint. What others have made of its parts is used, unless that is in the way."""
        try:
            return self._automaton(spec)
        except (RegexLimitError, AlgebraLimitError):
            if not spec.parts:
                raise
            return self._automaton(spec, shared=False)

    def _part(self, spec: ConstraintSpec, shared: bool) -> AnyAutomaton:
        """The automaton of a part, as it is known where those of others will do."""
        known = self._cache.known(self._key(spec)) if shared else None
        return self._automaton(spec, shared) if known is None else known

    def _automaton(self, spec: ConstraintSpec, shared: bool = True) -> AnyAutomaton:
        data, texts, limits = self._embedded.get(spec), spec.texts, self._cache.limits
        if data is not None:
            return Dfa.from_bytes(data)
        match spec:  # no complement among all texts is needed for these
            case ConstraintSpec("and", (ConstraintSpec() as kept, ConstraintSpec("not", (ConstraintSpec() as taken,)))):
                return difference(self._part(kept, shared), self._part(taken, shared))
            case ConstraintSpec("and", (ConstraintSpec("not", (ConstraintSpec() as taken,)), ConstraintSpec() as kept)):
                return difference(self._part(kept, shared), self._part(taken, shared))
        match spec.kind, [self._part(part, shared) for part in spec.parts]:
            case "regex", []:
                return compile_automaton(texts[0], limits)
            case "options", []:
                return compile_options(texts, limits)
            case "substring", []:
                return compile_substring(texts[0], texts[1], limits)
            case "identifiers", []:
                return compile_identifiers(texts[1:], texts[0], limits)
            case "and", [one, other]:
                return intersection(one, other)
            case "or", [one, other]:
                return union(one, other)
            case "concat", [one, other]:
                return concatenation(one, other)
            case "not", [one]:
                return complement(one)
            case "until", [one]:
                return until(one, texts)
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
