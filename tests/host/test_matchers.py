"""What the host asks of a constraint on every token, of both kinds of matchers. (Here, so that the room of grammars
cannot drop a method that only the host calls.)"""

from __future__ import annotations

import pytest

from aici.grammar.constraint import DEAD
from aici.grammar.lazy import compile_lazily
from aici.grammar.lazy_constraint import matcher_for
from aici.grammar.regex import compile_regex
from aici.grammar.vocabulary import Vocabulary

VOCABULARY = Vocabulary([b"a", b"b", b"ab", None], [3])


@pytest.mark.parametrize("compile_", [compile_regex, compile_lazily])
def test_a_matcher_serves_the_host(compile_: object) -> None:
    assert callable(compile_)
    matcher = matcher_for(compile_("a?b"), VOCABULARY)
    start = matcher.start
    assert matcher.spellable(start) and not matcher.can_end(start) and not matcher.is_final(start)
    assert not matcher.knows(start)
    assert matcher.mask(start).tolist() == [0b111]
    assert matcher.knows(start)
    end = matcher.advance(start, 2)
    assert matcher.can_end(end) and matcher.is_final(end)
    assert matcher.advance(end, 1) == DEAD
