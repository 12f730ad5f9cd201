"""The slow twin of `mask` and `constraint`: what they mean, in the plainest words.

Goes in: an automaton and a vocabulary. Comes out: sets of tokens. Only tests import it.
"""

from __future__ import annotations

from .automaton import Automaton
from .vocabulary import Vocabulary


def step(automaton: Automaton, state: int, text: bytes) -> int:
    """The state after the bytes."""
    for byte in text:
        state = int(automaton.table[state, automaton.classes[byte]])
    return state


def text_tokens(automaton: Automaton, vocabulary: Vocabulary, state: int) -> set[int]:
    """The tokens with bytes after which the text can still be completed."""
    return {t for t, text in enumerate(vocabulary.token_bytes) if text and step(automaton, state, text)}


def allowed(automaton: Automaton, vocabulary: Vocabulary, state: int) -> set[int]:
    """All tokens allowed: those, and the end of the sequence where the text may end or nothing else is left."""
    tokens = text_tokens(automaton, vocabulary, state)
    if automaton.accepting[state] or not tokens:
        tokens |= set(vocabulary.eos_ids)
    return tokens


def spellable(automaton: Automaton, vocabulary: Vocabulary, state: int) -> bool:
    """Whether tokens lead from the state to an accepting one."""
    seen, todo = {state}, [state]
    while todo:
        state = todo.pop()
        if automaton.accepting[state]:
            return True
        for token in text_tokens(automaton, vocabulary, state):
            after = step(automaton, state, vocabulary.token_bytes[token])
            if after not in seen:
                seen.add(after)
                todo.append(after)
    return False


def forced_bytes(automaton: Automaton, state: int) -> bytes:
    """What must follow, up to the first choice or possible end."""
    text = bytearray()
    while not automaton.accepting[state]:
        live = [byte for byte in range(256) if step(automaton, state, bytes([byte]))]
        if len(live) != 1:
            break
        text.append(live[0])
        state = step(automaton, state, bytes(live))
    return bytes(text)


def distances(automaton: Automaton, vocabulary: Vocabulary) -> dict[int, int]:
    """The least number of tokens from a state to an accepting one, for all states that have any."""
    states = range(1, len(automaton.accepting))
    after = {
        s: {step(automaton, s, vocabulary.token_bytes[t]) for t in text_tokens(automaton, vocabulary, s)}
        for s in states
    }
    least = {state: 0 for state in states if automaton.accepting[state]}
    while fresh := {
        s: n + 1
        for s in states
        if s not in least and (n := min((least[a] for a in after[s] if a in least), default=-1)) >= 0
    }:
        least |= fresh
    return least
