"""`aicic run --checkpoint`, `resume`, `run --record` and `replay` on the real model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aici.cli import main

CONTROLLER = """\
import aici

async def main():
    await aici.FixedTokens("<|im_start|>user\\nTell me about a fox.<|im_end|>\\n<|im_start|>assistant\\n")
    me = await aici.fork(2)
    await aici.gen_tokens(max_tokens=16, store_var=f"story{me}")
    await aici.gen_text(regex=r" [A-Z][a-z ]+\\\\.", max_tokens=12)
    print(me, "done")

aici.start(main())
"""


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AICIC_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.delenv("AICIC_KEY", raising=False)
    Path("ctrl.py").write_text(CONTROLLER)
    return tmp_path


def shell(capsys: pytest.CaptureFixture[str], *args: str, code: int = 0) -> tuple[str, str]:
    assert main(args) == code
    captured = capsys.readouterr()
    assert "internal error" not in captured.err and "Traceback" not in captured.err
    return captured.out, captured.err


RUN = ("run", "ctrl.py", "--temperature", "1", "--seed", "7")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_run_that_was_killed_ends_as_if_it_had_not_been(capsys: pytest.CaptureFixture[str]) -> None:
    expected, _ = shell(capsys, *RUN, "--no-color")
    command = [sys.executable, "-m", "aici.cli", *RUN, "--checkpoint", "x"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and not (os.path.exists("x") and os.path.getsize("x") > 1700):
            time.sleep(0.005)
        process.kill()
    assert shell(capsys, "resume", "x", "--no-color") == (expected, "")
    assert Path("config/key").stat().st_mode & 0o777 == 0o600


def test_a_recording_is_played_byte_for_byte(capsys: pytest.CaptureFixture[str]) -> None:
    expected = shell(capsys, *RUN, "--no-color", "--record", "x")
    assert shell(capsys, "replay", "x", "--no-color") == expected
    as_json, _ = shell(capsys, "replay", "x", "--json")
    assert json.loads(as_json)["usage"]["sampled_tokens"] > 30
    table, _ = shell(capsys, "replay", "x", "--explain")
    assert "regex" in table and "line" in table.splitlines()[0]
    document = json.loads(shell(capsys, "replay", "x", "--explain", "--json")[0])
    assert len(document["explained"]) == json.loads(as_json)["usage"]["sampled_tokens"]
    shown, _ = shell(capsys, "replay", "x", "--until", "20")
    assert "step 20" in shown and "gen_tokens(max_tokens=16" in shown and "allowed: 49152 of 49152" in shown
    assert json.loads(shell(capsys, "replay", "x", "--until", "20", "--json")[0])["choice"]["step"] == 20


def test_what_can_be_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    Path("text").write_text("no checkpoint")
    shell(capsys, *RUN, "--checkpoint", "x", "--record", "y", code=2)
    shell(capsys, "resume", "none", code=2)
    assert "no checkpoint and no recording" in shell(capsys, "resume", "text", code=4)[1]
    assert "no checkpoint and no recording" in shell(capsys, "replay", "text", code=4)[1]
    shell(capsys, *RUN, "--checkpoint", "text", code=4)
    assert Path("text").read_text() == "no checkpoint"
    Path("small.py").write_text(
        "import aici\n\nasync def main():\n    await aici.gen_text(max_tokens=2)\n\naici.start(main())\n"
    )
    small = ("run", "small.py", "--prompt", "Hello", "--json")
    shell(capsys, *small, "--record", "r")
    shell(capsys, *small, "--checkpoint", "c")
    assert "is a recording and no checkpoint" in shell(capsys, "resume", "r", code=4)[1]
    assert "is a checkpoint and no recording" in shell(capsys, "replay", "c", code=4)[1]
    assert "the run sampled 2 tokens" in shell(capsys, "replay", "r", "--until", "3", code=2)[1]
    shell(capsys, "replay", "r", "--until", "3", "--explain", code=2)
    Path("small.py").write_text(Path("small.py").read_text().replace("=2", "=1"))
    assert "diverges at step 1" in shell(capsys, "replay", "r", "--controller", "small.py", code=4)[1]
    Path("config/key").write_bytes(bytes(32))
    assert "the key does not fit" in shell(capsys, "resume", "c", code=4)[1]
