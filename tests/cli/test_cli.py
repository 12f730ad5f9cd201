"""The command line without a model: what it prints, its exit codes, and every kind of wrong input."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import aici
from aici.cli import main

HELLO = 'print("hello", 6 * 7)\n'
CONTROLLER = """\
import aici

async def main():
    await aici.FixedTokens("x")
    await aici.gen_text(regex="[0-9]+", max_tokens=3, store_var="n")

aici.start(main())
"""


class Outcome:
    """What a command did."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


class Shell:
    """Runs commands in a directory of their own, and holds every one of them to what users may see."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory = directory
        self._capsys = capsys

    def __call__(self, *args: str | Path) -> Outcome:
        code = main([str(arg) for arg in args])
        captured = self._capsys.readouterr()
        both = captured.out + captured.err
        assert str(Path(aici.__file__).parent) not in both and "internal error" not in both, both
        assert code != 70
        return Outcome(code, captured.out, captured.err)

    def file(self, name: str, content: str | bytes) -> Path:
        path = self.directory / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path, capsys)


# --- compile, dis, verify ---


def test_compile_then_dis_verify_and_exec(shell: Shell) -> None:
    source = shell.file("ctrl.py", HELLO)
    compiled = shell("compile", source)
    target = source.with_suffix(".aic")
    assert compiled.code == 0 and target.exists()
    assert compiled.out == f"{target}: {target.stat().st_size} bytes\n"
    assert shell("verify", target).out.startswith(f"{target}: valid")
    assert shell("dis", target).out == shell("dis", source).out != ""
    assert shell("exec", target).out == shell("exec", source).out == "hello 42\n"


def test_compile_says_its_outcome_as_json(shell: Shell) -> None:
    outcome = shell("compile", shell.file("ctrl.py", HELLO), "-o", "out.aic", "--json")
    assert json.loads(outcome.out) == {"ok": True, "output": "out.aic", "bytes": Path("out.aic").stat().st_size}
    outcome = shell("compile", shell.file("bad.py", "def f(:\n"), "--json")
    document = json.loads(outcome.out)
    assert outcome.code == 3 and document["ok"] is False
    assert document["diagnostics"][0]["line"] == 1


def test_strip_leaves_the_source_out(shell: Shell) -> None:
    source = shell.file("ctrl.py", "# a comment that is nowhere else\nx = 1\n" * 20)
    shell("compile", source, "-o", "full.aic")
    shell("compile", source, "-o", "small.aic", "--strip")
    assert Path("small.aic").stat().st_size < Path("full.aic").stat().st_size
    assert shell("exec", "small.aic").code == 0


def test_compiling_into_the_source_is_refused(shell: Shell) -> None:
    source = shell.file("ctrl.py", HELLO)
    assert shell("compile", source, "-o", source).code == 2
    assert source.read_text() == HELLO


def test_a_compile_error_shows_position_and_caret(shell: Shell) -> None:
    outcome = shell("compile", shell.file("ctrl.py", "x = 1\nimport os\n"))
    assert outcome.code == 3 and "ctrl.py:2:" in outcome.err and "^" in outcome.err and outcome.out == ""
    assert not Path("ctrl.aic").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full device here")
def test_a_full_disk(shell: Shell) -> None:
    outcome = shell("compile", shell.file("ctrl.py", HELLO), "-o", "/dev/full")
    assert outcome.code == 2 and "No space left" in outcome.err


@pytest.mark.skipif(os.geteuid() == 0 and not os.path.exists("/proc/self"), reason="root may write anywhere")
def test_a_directory_that_cannot_be_written(shell: Shell) -> None:
    source = shell.file("ctrl.py", HELLO)
    target = "/proc/ctrl.aic" if os.geteuid() == 0 else "ctrl.aic"  # root may write everywhere else
    shell.directory.chmod(0o500)
    try:
        outcome = shell("compile", source, "-o", target)
    finally:
        shell.directory.chmod(0o700)
    assert outcome.code == 2 and "cannot write" in outcome.err


def test_no_directory_for_the_output(shell: Shell) -> None:
    assert shell("compile", shell.file("ctrl.py", HELLO), "-o", "none/out.aic").code == 2


# --- wrong files ---

COMMANDS = ["compile", "dis", "exec", "run"]


@pytest.mark.parametrize("command", [*COMMANDS, "verify", "resume", "replay"])
def test_a_missing_file_and_a_directory(shell: Shell, command: str) -> None:
    outcome = shell(command, "none.py")
    assert outcome.code == 2 and "there is no file none.py" in outcome.err
    outcome = shell(command, shell.directory)
    assert outcome.code == 2 and "is a directory" in outcome.err
    outcome = shell(command, "a\0b")
    assert outcome.code == 2


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("content", [b"\x00\x01\x02", b"\xff\xfe", b"x = '\xe4'\n", bytes(range(256))])
def test_a_binary_as_source(shell: Shell, command: str, content: bytes) -> None:
    outcome = shell(command, shell.file("ctrl.py", content))
    assert outcome.code == 3 and "ctrl.py" in outcome.err


def test_an_empty_file_compiles_and_does_nothing(shell: Shell) -> None:
    source = shell.file("ctrl.py", "")
    assert shell("compile", source).code == 0
    assert shell("exec", source).out == ""


@pytest.mark.model
def test_running_what_never_starts_says_so(shell: Shell) -> None:
    outcome = shell("run", shell.file("ctrl.py", ""))
    assert outcome.code == 1 and "aici.start" in outcome.err


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + HELLO.encode(),  # a byte-order mark
        b'if True:\r\n\tprint("hello", 42)\r\n',
        b'print("hello",\t42)',
        HELLO.encode() + b"# no line break",
    ],
)
def test_byte_order_mark_crlf_tabs_and_no_last_line_break(shell: Shell, content: bytes) -> None:
    assert shell("exec", shell.file("ctrl.py", content)).out == "hello 42\n"


@pytest.mark.parametrize(
    "source",
    [
        "x = (",
        "import os",
        "x = 1\n  y = 2",
        "(" * 10_000 + ")" * 10_000,
        "x = " + "[" * 10_000,
        "if True:\n" + "".join(" " * i + "if True:\n" for i in range(1, 2000)),
        "x = " + "-" * 100_000 + "1",
        "x = " + "a." * 100_000 + "b",
        "'",
        "def f(): return ]",
    ],
    ids=str.__len__,
)
def test_wrong_sources_are_diagnosed(shell: Shell, source: str) -> None:
    outcome = shell("compile", shell.file("ctrl.py", source))
    assert outcome.code == 3 and "ctrl.py:" in outcome.err and len(outcome.err) < 20_000


def test_a_source_of_five_megabytes_ends_soon(shell: Shell) -> None:
    started = time.monotonic()
    outcome = shell("compile", shell.file("ctrl.py", "x = 1\n" * ((5 << 20) // 6)))
    assert outcome.code in (0, 3)
    assert time.monotonic() - started < 60


@pytest.mark.parametrize("command", ["dis", "exec", "run", "verify"])
@pytest.mark.parametrize("content", [b"", b"text", b"\x7fAIC", b"\x7fAIC\xff\xff\x00\x00", b"\x7fELF" + bytes(100)])
def test_what_is_no_bytecode(shell: Shell, command: str, content: bytes) -> None:
    outcome = shell(command, shell.file("ctrl.aic", content))
    assert outcome.code == 4 and "ctrl.aic" in outcome.err and outcome.err.count("\n") == 1


def test_truncated_and_flipped_bytecode_is_refused(shell: Shell) -> None:
    shell("compile", shell.file("ctrl.py", HELLO))
    data = Path("ctrl.aic").read_bytes()
    for end in range(len(data)):
        assert shell("verify", shell.file("cut.aic", data[:end])).code == 4
    for at in range(len(data)):
        flipped = bytearray(data)
        flipped[at] ^= 0x10
        assert shell("exec", shell.file("flipped.aic", bytes(flipped))).code == 4


# --- exec ---


def test_exec_shows_an_uncaught_error_in_source_lines(shell: Shell) -> None:
    outcome = shell("exec", shell.file("ctrl.py", "def f(x):\n    return 1 // x\n\nprint('before')\nf(0)\n"))
    assert (outcome.code, outcome.out) == (1, "before\n")
    assert "ZeroDivisionError" in outcome.err and "return 1 // x" in outcome.err and "line 2" in outcome.err


def test_exec_runs_coroutines_with_variables_but_no_model(shell: Shell) -> None:
    body = "    aici.set_var('a', 'b')\n    print(await aici.wait_vars('a'))\n    await aici.Noop()\n"
    source = f"import aici\nasync def main():\n{body}aici.start(main())\n"
    outcome = shell("exec", shell.file("ctrl.py", source))
    assert (outcome.code, outcome.out) == (0, "[b'b']\n")


@pytest.mark.parametrize(
    "line",
    ["await aici.gen_text()", "await aici.FixedTokens('x')", "await aici.fork(2)", "aici.tokenize('x')"],
)
def test_exec_has_no_model_and_says_so(shell: Shell, line: str) -> None:
    outcome = shell("exec", shell.file("ctrl.py", f"import aici\nasync def main():\n    {line}\naici.start(main())\n"))
    assert outcome.code == 1 and "aicic run" in outcome.err and line in outcome.err


def test_exec_of_a_wait_that_nobody_can_end(shell: Shell) -> None:
    source = "import aici\nasync def main():\n    await aici.wait_vars('x')\naici.start(main())\n"
    outcome = shell("exec", shell.file("ctrl.py", source))
    assert outcome.code == 1 and "deadlock" in outcome.err and "'x'" in outcome.err


def test_exec_ends_a_controller_that_never_ends(shell: Shell) -> None:
    outcome = shell("exec", shell.file("ctrl.py", "x = [0]\nwhile True:\n    x = x + x\n"))
    assert outcome.code == 1 and "ctrl.py" in outcome.err


def test_exec_reads_standard_input() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "aici.cli", "exec", "-"], input=HELLO.encode(), capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, b"hello 42\n")


# --- run, before there is a model ---


def test_run_with_a_missing_model(shell: Shell) -> None:
    outcome = shell("run", shell.file("ctrl.py", CONTROLLER), "--model", "none.gguf")
    assert outcome.code == 5 and "none.gguf" in outcome.err


@pytest.mark.parametrize(
    "content", [b"", b"this is text\n" * 100, b"GGUF", b"GGUF" + bytes(100), b"GGUF" + b"\xff" * 99]
)
def test_run_with_a_file_that_is_no_model(shell: Shell, content: bytes) -> None:
    model = shell.file("model.gguf", content)
    outcome = shell("run", shell.file("ctrl.py", CONTROLLER), "--model", model)
    assert outcome.code == 5 and "model.gguf" in outcome.err


def test_run_with_a_directory_as_model(shell: Shell) -> None:
    outcome = shell("run", shell.file("ctrl.py", CONTROLLER), "--model", shell.directory)
    assert outcome.code == 5


@pytest.mark.parametrize(
    "options",
    [
        ["--temperature", "-1"],
        ["--temperature", "warm"],
        ["--top-p", "0"],
        ["--top-p", "nan"],
        ["--seed", "-1"],
        ["--ctx", "0"],
        ["--threads", "0"],
        ["--none"],
    ],
)
def test_run_with_wrong_options(shell: Shell, options: list[str]) -> None:
    assert shell("run", shell.file("ctrl.py", CONTROLLER), *options).code == 2


def test_run_with_a_prompt_file_that_is_missing(shell: Shell) -> None:
    outcome = shell("run", shell.file("ctrl.py", CONTROLLER), "--prompt", "@none.txt")
    assert outcome.code == 2 and "none.txt" in outcome.err


# --- the command itself ---


def test_usage(shell: Shell) -> None:
    assert shell("--help").code == 0
    assert "aicic" in shell("--version").out
    assert shell("none").code == 2
    assert shell("compile").code == 2
    for command in [*COMMANDS, "verify"]:
        outcome = shell(command, "--help")
        assert outcome.code == 0 and "Usage: aicic" in outcome.out


def test_a_fault_of_ours_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def fail(path: str) -> bytes:
        raise RuntimeError("oops")

    monkeypatch.setattr("aici.cli.compile.read_file", fail)
    assert main(["compile", "x.py"]) == 70
    assert capsys.readouterr().err.count("\n") == 1
    monkeypatch.setenv("AICIC_DEBUG", "1")
    with pytest.raises(RuntimeError):
        main(["compile", "x.py"])


def test_output_into_a_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    source = tmp_path / "ctrl.py"
    source.write_text("for i in range(20000):\n    print('a line of output', i)\n")
    with subprocess.Popen(
        [sys.executable, "-m", "aici.cli", "exec", str(source)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


@pytest.mark.parametrize("closed", ["<", ">", "2>"])
def test_a_stream_that_the_shell_closed(tmp_path: Path, closed: str) -> None:
    source = tmp_path / "ctrl.py"
    source.write_text(HELLO + "1 // 0\n")
    line = f'exec "$0" -W error -m aici.cli exec "$1" {closed}&-'
    done = subprocess.run(["sh", "-c", line, sys.executable, str(source)], capture_output=True, check=False, text=True)
    assert done.returncode == 1
    assert done.stdout == ("" if closed == ">" else "hello 42\n")
    assert ("ZeroDivisionError" in done.stderr) == (closed != "2>") and "internal" not in done.stderr


def test_help_and_compile_import_nothing_heavy(tmp_path: Path) -> None:
    source = tmp_path / "ctrl.py"
    source.write_text(HELLO)
    heavy = ("numpy", "llvmlite", "tokenizers", "rich", "ctypes")
    code = (
        "import sys\nfrom aici.cli import main\nmain(sys.argv[1:])\n"
        f"loaded = [name for name in {heavy} if name in sys.modules]\nsys.exit(repr(loaded) if loaded else 0)"
    )
    for args in (["--help"], ["compile", str(source)]):
        done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, check=False, text=True)
        assert done.returncode == 0, done.stderr


def test_an_interrupt_is_its_own_exit_code(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(path: str) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr("aici.cli.compile.read_file", interrupt)
    assert main(["compile", "x.py"]) == 130
    assert capsys.readouterr().err.strip() == "interrupted"


def test_an_interrupt_while_modules_load_is_quiet() -> None:
    """Python imports the command's modules on the first call: an interrupt at any of them shows no traceback."""
    code = (
        "import sys\nfrom aici.cli import main\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name == sys.argv[1]:\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "sys.exit(main(['--help']))"
    )
    for module in ("aici.cli.command", "click", "click.core", "aici.cli.view"):
        done = subprocess.run([sys.executable, "-c", code, module], capture_output=True, check=False, text=True)
        wanted = (0, "") if module == "aici.cli.view" else (130, "interrupted\n")  # the view is not loaded for help
        assert (done.returncode, done.stderr) == wanted, module


# --- run, on the real model ---

LONG = """\
import aici

async def main():
    print("started")
    await aici.FixedTokens("The sea")
    await aici.gen_text(regex="[a-z ]{5000}", max_tokens=3000, complete=False)

aici.start(main())
"""


@pytest.mark.model
def test_an_interrupted_run_ends_at_once_and_quietly(tmp_path: Path) -> None:
    source = tmp_path / "ctrl.py"
    source.write_text(LONG)
    command = [sys.executable, "-m", "aici.cli", "run", str(source)]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's jobs in the background ignore it
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert "started" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr.read().strip() == "interrupted"


@pytest.mark.model
def test_run_shows_what_happens_and_tells_it_as_json(shell: Shell) -> None:
    source = shell.file("ctrl.py", CONTROLLER)
    outcome = shell("run", source, "--prompt", "One, two, 3", "--stats")
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert lines[:2] == ["[0] prompt | One, two, 3", "[0] fixed  | x"]
    assert "variables:" in lines and "cost" in outcome.out and "median" in outcome.out
    shell("compile", source)
    document = json.loads(shell("run", "ctrl.aic", "--prompt", "One, two, 3", "--json").out)
    assert document["prompt"] == "One, two, 3" and document["branches"][0]["text"].startswith("x")
    assert f"  n = {document['variables']['n']}" in lines


@pytest.mark.model
def test_run_of_a_failing_controller(shell: Shell) -> None:
    source = shell.file("ctrl.py", CONTROLLER.replace('"x"', "str(1 // 0)"))
    outcome = shell("run", source)
    assert outcome.code == 1
    assert "ZeroDivisionError" in outcome.err and "str(1 // 0)" in outcome.err
    assert json.loads(shell("run", source, "--json").out)["branches"][0]["error"]["kind"] == "ZeroDivisionError"


@pytest.mark.model
def test_run_with_a_prompt_longer_than_the_context(shell: Shell) -> None:
    shell.file("prompt.txt", "sea " * 100)
    outcome = shell("run", shell.file("ctrl.py", CONTROLLER), "--prompt", "@prompt.txt", "--ctx", "50")
    assert outcome.code == 1 and "PromptTooLong" in outcome.err


@pytest.mark.model
def test_run_with_a_cache_directory_that_cannot_be(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AICIC_CACHE_DIR", str(shell.file("file", "") / "below"))
    outcome = shell("run", shell.file("ctrl.py", CONTROLLER))
    assert outcome.code == 5 and "AICIC_CACHE_DIR" in outcome.err


@pytest.mark.model
def test_run_with_a_prompt_that_the_tokenizer_cannot_spell(shell: Shell) -> None:
    shell.file("prompt.bin", b"\xff\xfe")
    outcome = shell("run", shell.file("ctrl.py", CONTROLLER), "--prompt", "@prompt.bin")
    assert outcome.code == 2 and "prompt" in outcome.err and "0xff" in outcome.err
