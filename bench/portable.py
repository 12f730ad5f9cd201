"""What native code computes, as one digest a pattern: the same on every processor.

    python bench/portable.py [--vocabulary made,deepseek,smollm2,tekken] [--only email,json,...] [--steps 12] > FILE
    AICIC_CPU=haswell python bench/portable.py ... | diff FILE -

In the digest of a pattern are its automaton and, along its text and along tokens drawn from the masks, all masks (of
the automaton as hosts compile it and of one that grows; computed, repeated, and in a batch), where the tokens lead, the
forced text and what a budget of tokens leaves. Automata combined, and the vocabulary's trie, have lines of their own.
AICIC_CPU names the processor to compile for, else it is this one. The vocabulary "made" needs no package. Compare under
the same Python: the tables of Unicode are its own.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from maskbench.patterns import EVERYDAY, STRESS, Case
from maskbench.vocabularies import VOCABULARIES, Tokens

from aici.grammar.dfa import Dfa
from aici.grammar.errors import RegexLimitError
from aici.grammar.lazy import compile_automaton, compile_lazily
from aici.grammar.lazy_algebra import AnyAutomaton, complement, concatenation, difference, intersection, union, until
from aici.grammar.lazy_constraint import matcher_for
from aici.grammar.options import compile_options
from aici.grammar.regex import compile_regex
from aici.grammar.substring import compile_substring
from aici.grammar.vocabulary import Vocabulary

BUDGETS = (1, 3, 9, 40)
CASES = {case.name: case for case in (*EVERYDAY, *STRESS)}


TEXT = """{"name": "Anna Berg", "age": 34, "tags": ["new", "sale"]} 2024-11-30T12:34:56Z anna.berg@mail.example.org
SELECT name FROM people WHERE city = 'Oslo' LIMIT 10; Größe naïve Пример 東京 今天 l'été 😀\r\n\t- item 124: some foo
123e4567-e89b-12d3-a456 https://www.example.org:8080/docs?page=2 The quick brown fox jumps. ```python\nprint(\\"x\\")
abbaabababbab abcdebcd -3.14159e-10 $1,234.56 +1 (555) 867-5309 #c0ffee <item id="7">cherries</item> max_new_tokens2"""


def made() -> Tokens:
    """Every byte, and pieces of a text, whole characters and not."""
    data = TEXT.encode()
    pieces = {data[at : at + size] for at in range(len(data) - 8) for size in (2, 3, 4, 5, 8)}
    return Tokens("made", (*(bytes([i]) for i in range(256)), *sorted(pieces), None), 256 + len(pieces))


class Walk:
    """An automaton over a vocabulary, followed for some tokens; what is found goes into `digest`."""

    def __init__(self, automaton: AnyAutomaton, vocabulary: Vocabulary, seed: str, steps: int) -> None:
        self.vocabulary, self.seed, self.steps = vocabulary, seed, steps
        self.automaton, self.matcher = automaton, matcher_for(automaton, vocabulary)
        self.rows: dict[int, bytes] = {}
        self.digest = hashlib.blake2b(digest_size=12)

    def note(self, *found: object) -> None:
        self.digest.update(repr(found).encode())

    def run(self, ids: Sequence[int], budgets: Sequence[int]) -> None:
        """Along the tokens of a text, then along drawn ones."""
        self.vocabulary.forget()
        for given in (ids, None):
            state = self.matcher.start
            for step in range(self.steps):
                row = self.look(state, budgets)
                token = self.draw(row, step) if given is None else given[step] if step < len(given) else None
                if token is None:
                    break
                before, state = state, self.matcher.advance(state, token)
                if state != self.matcher.advance_bytes(before, self.vocabulary.token_bytes[token]):
                    raise SystemExit(f"{self.seed}: token {token} leads elsewhere than its bytes")
                self.note(token, state != 0)
                if state == 0:
                    break
        self.again()

    def look(self, state: int, budgets: Sequence[int]) -> np.ndarray[Any, Any]:
        """All that is said of a state."""
        matcher = self.matcher
        row = matcher.mask(state)
        self.rows[state] = row.tobytes()
        self.digest.update(row.tobytes())
        self.note(matcher.can_end(state), matcher.forced_bytes(state, 99))
        for left in budgets:
            tight = matcher.budget.mask(state, left)
            self.digest.update(row.tobytes() if tight is None else tight.tobytes())
            self.note(matcher.budget.fits(state, left))
        return row

    def draw(self, row: np.ndarray[Any, Any], step: int) -> int | None:
        """One of the tokens that lead on, by the seed."""
        allowed = np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little"))
        allowed = allowed[~np.isin(allowed, self.vocabulary.eos_ids)]
        number = int.from_bytes(hashlib.blake2b(f"{self.seed} {step}".encode(), digest_size=8).digest(), "little")
        return int(allowed[number % len(allowed)]) if len(allowed) else None

    def again(self) -> None:
        """The masks are the same when they are asked for again, and when a new matcher makes them in one batch."""
        states = list(self.rows)
        many = np.zeros((len(states), self.vocabulary.n_words), np.uint32)
        for matcher in (self.matcher, matcher_for(self.automaton, self.vocabulary)):
            for state, row in zip(states, many, strict=True):
                matcher.fill(state, row.data)
                if row.tobytes() != self.rows[state]:
                    raise SystemExit(f"{self.seed}: state {state} has another mask when it is asked for again")
            self.vocabulary.forget()
            many[:] = 0
            matcher.fill_batch(states, many)
            if [row.tobytes() for row in many] != list(self.rows.values()):
                raise SystemExit(f"{self.seed}: a batch has other masks")


def digests(tokens: Tokens, cases: Sequence[Case], steps: int) -> Iterator[tuple[str, str]]:
    """A name and what stands for all that was computed, for each case and for what is not one pattern's."""
    vocabulary = Vocabulary(list(tokens.tokens), [tokens.eos], len(tokens.tokens))
    yield "trie", hashlib.blake2b(vocabulary.nodes.tobytes(), digest_size=12).hexdigest()
    for case in cases:
        ids = tokens.encode(case.text)
        yield from walked(compile_automaton(case.pattern), vocabulary, case.name, ids, steps)
        yield f"{case.name} grown", walk(compile_lazily(case.pattern), vocabulary, case.name, ids, steps, ())
    for name, automaton in combined():
        yield from walked(automaton, vocabulary, name, (), steps)


def walked(
    automaton: AnyAutomaton, vocabulary: Vocabulary, name: str, ids: Sequence[int], steps: int
) -> Iterator[tuple[str, str]]:
    """One digest; or two, since what is known of an automaton that grows, and so its budgets, may get better."""
    if isinstance(automaton, Dfa):
        yield name, walk(automaton, vocabulary, name, ids, steps, BUDGETS)
    else:
        yield name, walk(automaton, vocabulary, name, ids, steps, ())
        yield f"{name} budget", walk(automaton, vocabulary, name, ids, steps, BUDGETS)


def walk(
    automaton: AnyAutomaton,
    vocabulary: Vocabulary,
    name: str,
    ids: Sequence[int],
    steps: int,
    budgets: Sequence[int],
) -> str:
    followed = Walk(automaton, vocabulary, name, steps)
    if isinstance(automaton, Dfa):
        followed.digest.update(automaton.to_bytes())
    try:
        followed.run(ids, budgets)
    except RegexLimitError as error:
        followed.note(error.message)
    return followed.digest.hexdigest()


def combined() -> Iterator[tuple[str, AnyAutomaton]]:
    """Automata that are made in other ways than of one pattern."""
    names = ("email", "identifier", "line", "count-letters", "bounded-context", "contains-two")
    mail, word, line, letters, large, two = (compile_automaton(CASES[name].pattern) for name in names)
    words = [f"{CASES['sentence'].text[i:]} {i * i % 997}" for i in range(40) for _ in range(9)]
    yield "whole", compile_regex(CASES["nested-count"].pattern)
    yield "both", intersection(word, letters)
    yield "either", union(mail, word)
    yield "without", difference(line, mail)
    yield "all but", complement(mail)
    yield "after", concatenation(word, mail)
    yield "until", until(line, "oo\n")
    yield "both, large", intersection(large, two)
    yield "options", compile_options(words)
    yield "substring", compile_substring(CASES["paragraph"].text + CASES["accents"].text)


def main() -> None:
    vocabularies = {"made": made, **VOCABULARIES}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vocabulary", default="made", help=f"of {', '.join(vocabularies)}; several with commas")
    parser.add_argument("--only", help="patterns whose names hold one of these words")
    parser.add_argument("--steps", type=int, default=12, help="tokens of a walk")
    args = parser.parse_args()
    words = args.only.split(",") if args.only else [""]
    cases = [case for name, case in CASES.items() if any(word in name for word in words)]
    for name in args.vocabulary.split(","):
        tokens = vocabularies[name]()
        for what, digest in digests(tokens, cases, args.steps):
            print(f"{tokens.name}  {what:24} {digest}", flush=True)


if __name__ == "__main__":
    main()
