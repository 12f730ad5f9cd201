"""Drawings of small automata: every state and every character is there, and nothing lies upon another."""

from __future__ import annotations

import re
import time
from itertools import combinations
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aici.cli.drawing import MOST, _arrows, draw
from aici.grammar.regex import compile_regex

SVG = "{http://www.w3.org/2000/svg}"
PATTERNS = st.lists(
    st.sampled_from(["a", "é+", "[^a]", r"\w*", "(?:ab|日)?", "[<&>]", '"', r"\n", "b{2,4}", "|"]),
    min_size=1,
    max_size=6,
).map(lambda parts: "x" + "".join(parts) + "y")


def circles(svg: str) -> list[tuple[float, float, bool]]:
    found = ElementTree.fromstring(svg).iter(f"{SVG}circle")
    return [(float(c.attrib["cx"]), float(c.attrib["cy"]), c.get("class") == "end") for c in found]


def labels(svg: str) -> list[str]:
    return [title.text or "" for title in ElementTree.fromstring(svg).iter(f"{SVG}title")]


@settings(deadline=None, max_examples=60)
@given(PATTERNS, st.lists(st.sampled_from('xyaéb日<&>"\n '), max_size=8))
def test_the_arrows_are_the_automaton_over_characters(pattern: str, text: list[str]) -> None:
    automaton = compile_regex(pattern)
    arrows = _arrows(automaton)
    assert arrows is not None
    state = automaton.start
    for char in text:
        after = automaton.advance(state, char.encode())
        labelled = {a.target for a in arrows if a.source == state and holds(a.label, char)}
        assert labelled == ({after} if after else set())
        if not after:
            break
        state = after
    svg = draw(automaton)
    assert svg is not None and len(labels(svg)) == len(arrows)
    places = circles(svg)
    assert len(places) == len({automaton.start, *(a.target for a in arrows)})
    assert all(abs(x1 - x2) > 30 or abs(y1 - y2) > 30 for (x1, y1, _), (x2, y2, _) in combinations(places, 2))


def holds(label: str, char: str) -> bool:
    """Whether a label says so; classes are written as in patterns."""
    if label == "any":
        return True
    if len(label) > 1 and label[0] == "[":
        body = label[1:-1].replace("\N{OPEN BOX}", " ")
        return bool(re.fullmatch("[" + body.replace("[", r"\[").replace("--", r"\--") + "]", char))
    return {"\\\\": "\\", "\\n": "\n", "\N{OPEN BOX}": " "}.get(label, label) == char


def test_labels() -> None:
    svg = draw(compile_regex(r'"([^"\\]|\\.)*" (?s:.)'))
    assert svg is not None
    assert sorted(labels(svg)) == sorted(['"', '[^"\\\\]', '"', "\\\\", "[^\\n]", "\N{OPEN BOX}", "any"])


def test_ends_are_marked() -> None:
    svg = draw(compile_regex("ab?"))
    assert svg is not None and sorted(end for _, _, end in circles(svg)) == [False, True, True]


@pytest.mark.parametrize("pattern", [r"\w{1,50}", "(a|b)*a(a|b){4}", "a{59}", r"[\p{Greek}\p{Han}]{30}-\w+"])
def test_what_is_readable_is_drawn_quickly(pattern: str) -> None:
    automaton = compile_regex(pattern)
    begun = time.process_time()
    svg = draw(automaton)
    assert svg is not None and len(circles(svg)) <= MOST
    assert time.process_time() - begun < 5


def test_what_is_too_large_is_not_drawn() -> None:
    assert draw(compile_regex("a{60}")) is None and draw(compile_regex("(a|b)*a(a|b){8}")) is None
