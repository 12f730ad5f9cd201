"""The kernels of automata: native code against the same source as Python, and rooms of any size."""

from __future__ import annotations

import pytest

from aici.grammar import determinise, nfa, pipeline_kernels, spell_kernels, subset_kernels
from aici.grammar.hash_kernels import NO_ROOM
from aici.grammar.limits import DEFAULT_LIMITS
from aici.grammar.regex import compile_regex
from aici.grammar.regex_syntax import parse

PATTERNS = [
    "",
    "a",
    "(ab|b)*c{2,3}",
    '[^"]{0,3}"',
    "(?:ab?){2,}é",
    "x{70}|y{0,66}z",
    "[^a]|a",
    "(a|b)*a(a|b){3}",
    "a[^\\s\\S]|b",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_native_code_does_what_the_source_says(pattern: str) -> None:
    automaton = nfa.build(parse(pattern), DEFAULT_LIMITS)
    packed = determinise.Packed.of(automaton)
    rooms = [determinise.Room(4, 300, 1000, 1500, 5000) for _ in range(2)]
    results = [rooms[0].run(packed, DEFAULT_LIMITS), run_twin(rooms[1], packed)]
    assert results[0] == results[1] > 0
    assert rooms[0].dfa(results[0]) == rooms[1].dfa(results[1]) == compile_regex(pattern)


def run_twin(room: determinise.Room, packed: determinise.Packed) -> int:
    """As `Room.run`, with every kernel run by Python."""
    arrays = packed.arrays()
    positions = subset_kernels.Positions(
        **{name: arrays.get(name, value) for name, value in room.positions.fields.items()}
        | {"words": packed.words, "atoms": packed.atoms, "nullable": packed.nullable}
    )
    inputs = {"letters": arrays["letters"], "high_atoms": arrays["high_atoms"], "high": packed.high.packed}
    return pipeline_kernels.automaton.python(
        positions,
        subset_kernels.Subsets(**room.subsets.fields | {"work_limit": 10**9}),
        spell_kernels.Spelling(**room.spelling.fields | inputs),
        *room.build.keep[3:],
    )


@pytest.mark.parametrize("pattern", PATTERNS[2:6])
def test_too_small_a_room_is_told_and_nothing_is_written_beyond(pattern: str) -> None:
    """Rooms of every size below the least sufficient one, run by the twin, which checks every access."""
    automaton = nfa.build(parse(pattern), DEFAULT_LIMITS)
    packed = determinise.Packed.of(automaton)
    wanted = compile_regex(pattern)
    for size in range(1, 120, 7):
        room = determinise.Room(4, size, size * 3, size * 4, size * 12)
        result = run_twin(room, packed)
        assert result == NO_ROOM or room.dfa(result) == wanted
