"""How runs look: plain lines for pipes, a live picture for terminals."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from aici.cli.report import print_errors, print_report, print_stats
from aici.cli.view import LiveView, PlainView, printable, shown_value, speller
from aici.host import Branch, BranchError, Result, StepTiming, Usage
from aici.host.engines.scripted import ScriptedTokenizer
from aici.host.events import Backtracked, Ended, Event, Fixed, Forked, Logged, Prompted, Token, VariableSet

EVENTS: list[Event] = [
    Prompted(0, (1,), b"prompt"),
    Logged(0, "a log\nand "),
    Logged(0, "more\n"),
    Fixed(0, (2,), b"fixed\ntext"),
    Token(0, 3, b"\xe4\xbd", True),
    Token(0, 4, b"\xa0!", False),
    Backtracked(0, (3, 4), "你!".encode()),
    Forked(0, (0, 1)),
    Token(1, 5, b"one", True),
    Token(1, 6, b"two", True),
    VariableSet(1, "v", b"\xff"),
    Ended(0, "end", None),
    Ended(1, "error", "ValueError: bad"),
]


def plain(events: list[Event]) -> str:
    stream = io.StringIO()
    view = PlainView(stream)
    for event in events:
        view.show(event)
    view.close()
    return stream.getvalue()


def test_the_plain_view_has_a_line_a_piece() -> None:
    assert plain(EVENTS).splitlines() == [
        "[0] prompt | prompt",
        "[0] log    | a log",
        "           | and more",
        "[0] fixed  | fixed",
        "           | text",
        "[0] gen    | 你!",
        "[0] back   | 你!",
        "[0] fork   | [0] [1]",
        "[1] gen    | one",
        "[1] gen    | two",
        "[1] set    | v = 0xff",
        "[0] end    |",
        "[1] error  | ValueError: bad",
    ]


def test_special_tokens_are_shown_by_name() -> None:
    tokenizer = ScriptedTokenizer()
    stream = io.StringIO()
    view = PlainView(stream, speller(tokenizer))
    text = b"<|user|>hello<|end|>"
    view.show(Fixed(0, tuple(tokenizer.encode(text)), b"hello"))
    view.show(Token(0, tokenizer.special["<s>"], b"", True))
    view.close()
    assert stream.getvalue() == "[0] fixed  | <|user|>hello<|end|>\n[0] gen    | <s>\n"


def test_what_is_still_open_is_shown_at_the_end() -> None:
    assert plain([Token(0, 1, b"half", True)]) == "[0] gen    | half\n"


def terminal(**options: object) -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=60, color_system="standard", highlight=False, **options)  # type: ignore[arg-type]
    return console, stream


def test_the_live_view_ends_with_all_branches_and_styles() -> None:
    console, stream = terminal(height=20)
    view = LiveView(console)
    for event in EVENTS:
        view.show(event)
    view.close()
    picture = stream.getvalue()
    assert "log: a log" in picture and "log: and more" in picture
    last = picture[picture.rindex("prompt") :]
    assert re.search(r"\x1b\[9;31m你!", last)  # struck out
    assert re.search(r"\x1b\[1;32monetwo|\x1b\[1;32mone\x1b\[0m\x1b\[1;32mtwo", last)
    assert "[1] from [0]" in last and "ValueError: bad" in last


def test_the_live_view_follows_the_end_of_long_texts_and_ends_whole() -> None:
    console, stream = terminal(height=8)
    view = LiveView(console)
    for line in range(50):
        view.show(Fixed(0, (1,), f"line {line}\n".encode()))
    view._draw()
    shown = stream.getvalue()
    assert "line 49" in shown
    view.close()
    final = stream.getvalue()[len(shown) :]
    assert [f"line {line}\n" in final.replace("\r", "") for line in range(50)] == [True] * 50


def test_backtracking_past_the_fork_is_said() -> None:
    console, stream = terminal(height=20)
    view = LiveView(console)
    for event in [
        Fixed(0, (1,), b"before"),
        Forked(0, (0, 1)),
        Fixed(1, (1,), b"ab"),
        Backtracked(1, (1, 1), b"oreab"),
    ]:
        view.show(event)
    view.close()
    assert "3 bytes from before the fork" in stream.getvalue()


def test_no_control_character_reaches_the_terminal() -> None:
    hostile = "\x1b[2Jx\r\x07\x7f\x9b\u202e"
    assert printable(hostile) == "␛[2Jx␍␇␡\ufffd\ufffd"
    assert "\x1b[2J" not in plain(
        [Fixed(0, (1,), hostile.encode()), Logged(0, hostile), VariableSet(0, hostile, b"\x1b")]
    )
    console, stream = terminal(height=20)
    view = LiveView(console)
    for event in [Fixed(0, (1,), hostile.encode()), Logged(0, hostile + "\n")]:
        view.show(event)
    view.close()
    assert "\x1b[2J" not in stream.getvalue() and "\x07" not in stream.getvalue()


def test_values_are_shown_as_text_or_hex_and_cut() -> None:
    assert shown_value("é\n".encode()) == "é\n"
    assert shown_value(b"\xff\x00") == "0xff00"
    assert shown_value(b"x" * 5000).endswith("… (5000 bytes)")
    assert shown_value("é".encode() * 1500 + b"x").startswith("é")


def result(error: BranchError | None = None) -> Result:
    branch = Branch(0, (), [1], b"text", "", "end", error)
    return Result("", [], [branch, branch], {"name": b"value"}, Usage(3, 4), [])


def test_the_report_has_variables_usage_and_errors(capsys: pytest.CaptureFixture[str]) -> None:
    console, stream = terminal()
    print_report(console, result(BranchError("E", "m", "Traceback\nE: m\n")))
    assert "name" in stream.getvalue() and "value" in stream.getvalue() and "cost 10" in stream.getvalue()
    assert capsys.readouterr().err == "[0] Traceback\nE: m\n[0] Traceback\nE: m\n"
    print_report(Console(file=stream), result())
    assert capsys.readouterr().out == "variables:\n  name = value\n"
    print_errors(result())
    assert capsys.readouterr().err == ""


def test_stats_have_a_line_a_step_and_a_median() -> None:
    console, stream = terminal()
    print_stats(console, [StepTiming(0.001, 0.002, 0.01, 0.003, 0.02, 2, 5)] * 3)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 5 and "20.00" in lines[1] and "50.0%" in lines[-1]
    print_stats(console, [])
