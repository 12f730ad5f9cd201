"""Misspelt names of the API are diagnostics that say what was perhaps meant."""

from __future__ import annotations

import pytest

import aici
from aici.compiler import compile_source
from aici.diagnostics import DiagnosticError, SourceFile


def diagnostics(source: str) -> list[tuple[str, str, str]]:
    """What the caret stands under, the message, the hint."""
    with pytest.raises(DiagnosticError) as caught:
        compile_source(SourceFile("t", source))
    return [(source[d.span.start : d.span.end], d.message, d.hint or "") for d in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("source", "name", "meant"),
    [
        ("import aici\nasync def f(): await aici.gen_txt()", "gen_txt", "gen_text"),
        ("import aici as a\nx = a . Labell()", "Labell", "Label"),
        ("import pyaici.server as aici\nx = aici.tokenise('a')", "tokenise", "tokenize"),
        ("from aici import Labell", "Labell", "Label"),
        ("from pyaici.server import (gen_text,\n  RegexConstrain as R)", "RegexConstrain", "RegexConstraint"),
        ("def f():\n    import aici\n    return [aici.get_tokns for _ in 'a']", "get_tokns", "get_tokens"),
        ("import aici\ntry:\n    pass\nfinally:\n    aici.sett_var('a', 'b')", "sett_var", "set_var"),
        ("import aici\ntry:\n    pass\nexcept ValueError:\n    aici.sett_var('a', 'b')", "sett_var", "set_var"),
    ],
)
def test_misspelt(source: str, name: str, meant: str) -> None:
    assert diagnostics(source) == [(name, f"aici has no name '{name}'", f"did you mean {meant}?")]


def test_nothing_like_it() -> None:
    ((part, _, hint),) = diagnostics("import aici\nx = aici.sqrt(2)")
    assert part == "sqrt" and "docs/language.md" in hint


@pytest.mark.parametrize(
    "source",
    [
        *(f"from aici import {name}\nimport aici\nx = aici.{name}" for name in (*aici.__all__, *aici._LATER)),
        "import aici\naici.log_level = 1",
        "import aici\naici.mine = 1\nx = aici.mine",  # for the machine to refuse
        "import aici\nfor aici.mine, y in []:\n    x = aici.mine",
        "import aici\ntry:\n    f = aici.gen_poem\nexcept AttributeError:\n    f = None",
        "try:\n    try:\n        from aici import gen_poem\n    finally:\n        pass\nexcept ImportError:\n    pass",
        "import aici\nx = getattr(aici, 'gen_poem', None)",
        "import aici\naici = {}\nx = aici.gen_poem",
        "import aici\ndef f(aici): return aici.gen_poem",
        "import aici\nx = aici.Label().gen_poem",
        "import aici\nx = aici.__name__",
        "import json\nx = json.gen_poem",
    ],
)
def test_not_misspelt(source: str) -> None:
    compile_source(SourceFile("t", source))
