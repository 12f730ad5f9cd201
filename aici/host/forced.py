"""Text that can only be one way: its tokens, so that they are appended in one pass instead of sampled one by one.

Goes in: a matcher and a tokenizer. Comes out: for a state, the tokens that spell what every text must go on with. They
are the tokenizer's own spelling of that text. Where the text goes on, its last tokens are left to sampling if a longer
token could stand in their place, so that the model sees the spelling that it was trained on.
"""

from __future__ import annotations

from typing import Final

from aici.grammar.lazy_constraint import AnyMatcher

from .tokenizer import Tokenizer

_LONGEST: Final = 1 << 12  # bytes at a time
_KEPT: Final = 1 << 12  # states whose tokens are kept


class ForcedText:
    """Of one matcher. The scheduler's thread alone uses it."""

    def __init__(self, matcher: AnyMatcher, tokenizer: Tokenizer) -> None:
        self._matcher = matcher
        self._tokenizer = tokenizer
        self._known: dict[int, tuple[int, ...]] = {}

    def tokens(self, state: int) -> tuple[int, ...]:
        """The tokens that may be appended in a state without a choice being taken; often none."""
        known = self._known.get(state)
        if known is None:
            known = self._find(state)
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[state] = known
        return known

    def _find(self, state: int) -> tuple[int, ...]:
        matcher = self._matcher
        text = matcher.forced_bytes(state, _LONGEST)
        if not text:
            return ()
        over = matcher.is_final(matcher.advance_bytes(state, text))
        if not over:
            text = _whole_characters(text)
        spelled = self._spell(text)
        if over or not spelled:
            return spelled
        longest = matcher.vocabulary.max_depth
        place = 0
        for i, token in enumerate(spelled):
            rest = text[place:]
            if len(rest) < longest and matcher.budget.extends(matcher.advance_bytes(state, text[:place]), rest):
                return spelled[:i]
            place += len(self._tokenizer.token_bytes[token] or b"")
        return spelled

    def _spell(self, text: bytes) -> tuple[int, ...]:
        """The tokens of a text; none if they are not exactly its bytes."""
        try:
            tokens = self._tokenizer.encode(text, special=False)
        except ValueError:
            return ()
        pieces = [self._tokenizer.token_bytes[token] or b"" for token in tokens]
        return tuple(tokens) if all(pieces) and b"".join(pieces) == text else ()


def _whole_characters(text: bytes) -> bytes:
    """Without the beginning of a character at its end."""
    for back in range(1, min(4, len(text)) + 1):
        byte = text[-back]
        if byte >= 0xC0:
            size = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return text if back == size else text[:-back]
        if byte < 0x80:
            break
    return text
