"""The command line itself: its commands, and what every way to end looks like.

In: arguments. Out: an exit code. `aici.cli.main` imports it when it is called.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from .files import EXIT_CODES, INTERNAL_ERROR, INTERRUPTED, IO_ERROR, PIPE_CLOSED, CliError

_COMMANDS = {
    "compile": ("compile", "compile_"),
    "dis": ("compile", "dis"),
    "exec": ("execute", "exec_"),
    "regex": ("regex", "regex"),
    "replay": ("durable", "replay"),
    "resume": ("durable", "resume"),
    "run": ("run", "run"),
    "verify": ("compile", "verify"),
}
"""File and function of each."""


class _Commands(click.Group):
    """Loads the file of a command when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        file, function = _COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f".{file}", __package__), function)
        return command


@click.group(cls=_Commands, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="aicic", prog_name="aicic")
def cli() -> None:
    """Compile controllers for language models, and run them."""


def invoke(args: Sequence[str] | None) -> int:
    """Run the command line; the exit code. Whatever happens, the user sees no traceback of ours (but: AICIC_DEBUG)."""
    _prepare_streams()
    try:
        code = cli.main(args, prog_name="aicic", standalone_mode=False)
        sys.stdout.flush()
        return int(code or 0)
    except (CliError, click.ClickException) as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except (BrokenPipeError, SystemExit):  # SystemExit is how rich takes a closed pipe
        _drop_output()
        return PIPE_CLOSED
    except OSError as error:
        _drop_output()
        print(f"Error: {error.strerror or error}", file=sys.stderr)
        return IO_ERROR
    except Exception as error:
        if os.environ.get("AICIC_DEBUG"):
            raise
        print(
            f"aicic: internal error, please report it: {type(error).__name__}: {error} (AICIC_DEBUG=1 shows where)",
            file=sys.stderr,
        )
        return INTERNAL_ERROR


def _prepare_streams() -> None:
    """Controllers may print what the terminal cannot show, and a shell may have closed a stream (`>&-`)."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 (to the end of the process)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _drop_output() -> None:
    """Nobody takes our output: have the interpreter not fail again when it flushes at exit."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):  # standard output is no file
        return
