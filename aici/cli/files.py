"""Files and programs as the commands take them, and how what is wrong with them is said.

Every way to fail has its own exit code; see `EXIT_CODES`, which the help shows.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from aici.vm.program import Program

FINE: Final = 0
CONTROLLER_FAILED: Final = 1
USAGE: Final = 2
COMPILE_ERROR: Final = 3
BYTECODE_REFUSED: Final = 4
ENGINE_TROUBLE: Final = 5
INTERNAL_ERROR: Final = 70
IO_ERROR: Final = 74
INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141

EXIT_CODES: Final = (
    "Exit codes: 0 fine, 1 the controller failed, 2 usage, 3 compile error, 4 bytecode refused, "
    "5 engine or model trouble, 130 interrupted."
)

MAX_FILE: Final = 64 << 20
"""Bytes of a file that is read."""


class CliError(Exception):
    """A message for the user, and the exit code."""

    def __init__(self, message: str, exit_code: int = USAGE) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code

    def show(self) -> None:
        print(f"Error: {self.message}", file=sys.stderr)


class CompileFailed(CliError):
    """Diagnostics, rendered; shown as they are, or as JSON on standard output."""

    def __init__(self, message: str, diagnostics: list[dict[str, object]], as_json: bool) -> None:
        super().__init__(message, COMPILE_ERROR)
        self._json = json.dumps({"ok": False, "diagnostics": diagnostics}) if as_json else None

    def show(self) -> None:
        if self._json is not None:
            print(self._json)
        else:
            print(self.message, file=sys.stderr)


def read_file(path: str) -> bytes:
    """The bytes of a file, of standard input for "-"; `CliError` if there are none to be had."""
    try:
        if path == "-":
            data = sys.stdin.buffer.read(MAX_FILE + 1)
        else:
            with open(path, "rb") as file:
                data = file.read(MAX_FILE + 1)
    except FileNotFoundError:
        raise CliError(f"there is no file {path}") from None
    except IsADirectoryError:
        raise CliError(f"{path} is a directory; name a file in it") from None
    except (OSError, ValueError) as error:
        raise CliError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > MAX_FILE:
        raise CliError(f"{path} is longer than {MAX_FILE >> 20} MiB")
    return data


def load_program(path: str, as_json: bool = False) -> Program:
    """A compiled controller, or one compiled from source on the spot."""
    data = read_file(path)
    if path.endswith(".aic") or data.startswith(b"\x7f"):
        return load_bytecode(path, data)
    return compile_file(path, data, as_json=as_json)


def load_bytecode(path: str, data: bytes) -> Program:
    from aici.vm.encode import BytecodeError
    from aici.vm.verify import load

    try:
        return load(data)
    except BytecodeError as error:
        raise CliError(f"{path}: {error}", BYTECODE_REFUSED) from None


def compile_file(path: str, data: bytes, *, strip: bool = False, as_json: bool = False) -> Program:
    from aici.compiler import compile_source
    from aici.compiler.source import decode_source
    from aici.diagnostics import DiagnosticError

    name = "<stdin>" if path == "-" else path
    try:
        return compile_source(decode_source(name, data), strip=strip)
    except DiagnosticError as error:
        raise CompileFailed(error.render(), [d.to_json() for d in error.diagnostics], as_json) from None
