"""`aicic regex`: what it says of patterns, tokens and texts, and of what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from tokenizers import decoders, models, pre_tokenizers

from aici.cli import main


@pytest.fixture
def tokenizer(tmp_path: Path) -> str:
    """A file: all bytes, a few words, a special token."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("a", "b"), ("1", "2"), ("12", "3"), ("Ġ", '"'), (".", '"')]
    words = [*alphabet, *("".join(pair) for pair in merges)]
    model = models.BPE({word: i for i, word in enumerate(words)}, merges)
    made = tokenizers.Tokenizer(model)
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(["</s>", "<|user|>"])
    path = tmp_path / "tokenizer.json"
    made.save(str(path))
    return str(path)


@pytest.fixture
def said(tokenizer: str, capsys: pytest.CaptureFixture[str]) -> Any:
    """Output of a command that goes well."""

    def run(*args: str) -> str:
        code = main(["regex", *args, "--tokenizer", tokenizer])
        out = capsys.readouterr()
        assert (code, out.err) == (0, "")
        return " ".join(out.out.split())

    return run


def refused(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str]:
    code = main(["regex", *args])
    out = capsys.readouterr()
    assert "Traceback" not in out.err and "internal error" not in out.err
    return code, out.err + out.out


def test_a_pattern(said: Any) -> None:
    text = said("[0-9]{3}(abc)?")
    assert "states 7, over" in text and "compiled in" in text and "mask in" in text
    assert 'next "0" to "9"' in text and "12 of" in text and "complete after 1 token at the earliest" in text
    assert "forced" not in text


def test_nothing_reaches_the_terminal_that_could_harm_it(said: Any) -> None:
    text = said("\x1b[31m]+|é", "--why", "a\x1b[31m\udcff")
    assert "\x1b" not in text and "\\x1b" in text


def test_after_some_text(said: Any) -> None:
    text = said("[0-9]{3}(abc)?", "--after", "123")
    assert 'after "123": state 4' in text and 'next "a" or the end' in text
    assert '"a" "ab"' in text and "complete after 0 tokens" in text
    assert 'forced "bc": what must follow' in said("[0-9]{3}(abc)?", "--after", "123a")


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (
            ["--why", "12x"],
            '"12x" is not allowed: after "12", in state 3, "x" (byte 3) cannot follow; allowed there: "0" to "9"',
        ),
        (["--why", "x"], '"x" is not allowed: at once, in state 1, "x" cannot follow'),
        (["--why", "12"], '"12" is allowed: it leads to state 3, where the text has to go on'),
        (["--after", "12", "--why", "3"], '"3" is allowed: it leads to state 4, where the text may end'),
        (["--why", "é"], "0xc3, the start of a character, (byte 1) cannot follow"),
        (["--token", "261"], "token 261 ends the text, which is not complete yet"),
        (["--token", "261", "--after", "123"], "token 261 ends the text, which is complete"),
        (["--token", "262"], "token 262 is special: no text holds it, so no pattern allows it"),
        (["--token", "256"], 'token 256 "ab" is not allowed: at once'),
    ],
)
def test_why(said: Any, args: list[str], expected: str) -> None:
    assert expected in said("[0-9]{3}(abc)?", *args)


def test_as_json(said: Any) -> None:
    found = json.loads(said('"[^"]+"', "--json", "--after", '"a', "--why", '"x'))
    assert found["ok"] and found["state"] and found["least"] == 1 and not found["may_end"] and not found["lazy"]
    assert 180 < found["allowed"] < 190 and len(found["allowed_tokens"]) == found["allowed"]
    assert found["why"]["byte"] == 1 and not found["why"]["allowed"]


def test_patterns_whose_automaton_is_built_as_it_is_used(said: Any) -> None:
    text = said("(a|b)*a(a|b){30}", "--why", "abc")
    assert "built as they are used" in text and '"c" (byte 3) cannot follow; allowed there: "a" to "b"' in text
    assert json.loads(said("(a|b)*a(a|b){30}", "--json"))["lazy"]


def test_drawings(said: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert said("ab", "--dot").startswith("digraph")
    monkeypatch.setenv("PATH", "/nowhere")
    code, text = refused(capsys, "[ab]{80}", "--svg", "x.svg")
    assert code == 2 and "drawn by Graphviz, which is not installed" in text and "--dot" in text
    code, text = refused(capsys, "(a|b)*a(a|b){30}", "--dot")
    assert code == 3 and "too large to draw" in text


def test_a_drawing_in_a_file(
    said: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "dot"
    program.write_text('#!/bin/sh\ncat > "$3"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert "drawn into" in said("[ab]{80}", "--svg", str(tmp_path / "x.svg"))
    assert (tmp_path / "x.svg").read_text().startswith("digraph")
    program.write_text("#!/bin/sh\necho no >&2\nexit 1\n")
    assert main(["regex", "[ab]{80}", "--svg", str(tmp_path / "x.svg")]) == 2
    capsys.readouterr()
    assert "drawn into" in said("ab", "--svg", str(tmp_path / "x.svg"))
    assert (tmp_path / "x.svg").read_text().startswith("<svg")


def test_wrong_patterns(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = refused(capsys, "a(b")
    assert code == 3 and "<pattern>:1:2: error" in text and "\n      |  ^" in text and "hint" in text
    code, text = refused(capsys, "a(b", "--json")
    assert code == 3 and json.loads(text)["diagnostics"][0]["column"] == 2
    assert refused(capsys, "\udcff")[0] == 3
    assert refused(capsys, "x{0,99999999}")[0] == 3


def test_wrong_arguments(capsys: pytest.CaptureFixture[str], tokenizer: str, tmp_path: Path) -> None:
    code, text = refused(capsys, "a", "--after", "b")
    assert code == 2 and '"b" is not allowed: at once, in state 1, "b" cannot follow; allowed there: "a"' in text
    assert refused(capsys, "a", "--tokenizer", tokenizer, "--model", "x")[0] == 2
    code, text = refused(capsys, "a", "--tokenizer", str(tmp_path / "none.json"))
    assert code == 5
    code, text = refused(capsys, "a", "--model", str(tmp_path / "none.gguf"))
    assert code == 5
    code, text = refused(capsys, "a", "--token", "999", "--tokenizer", tokenizer)
    assert code == 2 and "there is no token 999" in text
    for token in ("-1", "<none>", "²", "9" * 5000):
        code, text = refused(capsys, "a", "--token", token, "--tokenizer", tokenizer)
        assert code == 2 and ("there is no token" in text or "there is no special token" in text)


def test_what_can_be_completed_in_time(said: Any) -> None:
    word = '"[a-z]+"'
    assert "within 3 tokens: the text can be completed tokens 1 of" in said(word, "--max-tokens", "3")
    counts = [
        json.loads(said(word, "--after", '"a', "--json", *more))["allowed"] for more in ((), ("--max-tokens", "1"))
    ]
    assert counts[0] > 26 and counts[1] == 1
    text = said(word, "--max-tokens", "2")
    assert "within 2 tokens: the text cannot be completed" in text and "tokens 0 of" in text
    assert "within 1 token: the text can" in said("a+", "--max-tokens", "1")
    assert json.loads(said("[a-z]{40}", "--max-tokens", "9", "--json"))["fits"] is False


def test_special_tokens_by_name(said: Any) -> None:
    name = "</s>"
    assert "ends the text, which is not complete yet" in said("a", "--token", name)
    assert "ends the text, which is complete" in said("a*", "--token", name)
    text = said(".*", "--why", "see </s>")
    assert "'see </s>' is allowed" in text.replace('"', "'") and "is taken as text here" in text
    assert "taken as text" not in said(".*", "--why", "see </b>")


@pytest.mark.model
def test_the_embedded_models_tokens(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["regex", r"\d{4}-\d\d"]) == 0
    assert "of 49,152 allowed (SmolLM2" in capsys.readouterr().out
