"""`aicic compile`, `aicic dis` and `aicic verify`: all that needs neither a machine nor a model."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from .files import COMPILE_ERROR, CliError, compile_file, load_bytecode, load_program, read_file


@click.command("compile")
@click.argument("source", metavar="CTRL.py")
@click.option("-o", "--output", metavar="FILE", help="Where the bytecode goes; CTRL.aic by default, - for stdout.")
@click.option(
    "--strip", is_flag=True, help="Leave the source text out: smaller, but tracebacks show line numbers only."
)
@click.option("--json", "as_json", is_flag=True, help="Say the outcome, or what is wrong, as JSON on stdout.")
def compile_(source: str, output: str | None, strip: bool, as_json: bool) -> None:
    """Compile a controller to bytecode."""
    from aici.vm.encode import encode

    text = read_file(source)
    target = output or _default_output(source)
    if target != "-" and os.path.exists(target) and source != "-" and os.path.samefile(source, target):
        raise CliError(f"{target} is the source itself; name another file with -o")
    program = compile_file(source, text, strip=strip, as_json=as_json)
    try:
        data = encode(program)
    except ValueError as error:
        raise CliError(f"{source}: {error}", COMPILE_ERROR) from None
    write_file(target, data)
    if target == "-":
        return
    if as_json:
        print(json.dumps({"ok": True, "output": target, "bytes": len(data)}))
    else:
        print(f"{target}: {len(data)} bytes")


@click.command()
@click.argument("file", metavar="CTRL.py|CTRL.aic")
def dis(file: str) -> None:
    """Show a controller's bytecode in words."""
    from aici.vm.disassemble import disassemble

    print(disassemble(load_program(file)), end="")


@click.command()
@click.argument("file", metavar="CTRL.aic")
def verify(file: str) -> None:
    """Check that a file is bytecode that this version runs."""
    from aici.vm.isa import VERSION

    program = load_bytecode(file, read_file(file))
    instructions = sum(len(function.code) for function in program.functions)
    print(
        f"{file}: valid, version {VERSION}: {len(program.functions)} functions, {instructions} instructions, "
        f"{len(program.automata)} {'automaton' if len(program.automata) == 1 else 'automata'}"
    )


def write_file(path: str, data: bytes) -> None:
    """Write all or nothing, so that a full disk leaves no broken file behind."""
    if path == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    target = Path(path)
    try:
        if target.exists() and not target.is_file():  # a device, say
            target.write_bytes(data)
        else:
            _replace(target, data)
    except OSError as error:
        raise CliError(f"cannot write {path}: {error.strerror or error}") from None


def _replace(target: Path, data: bytes) -> None:
    import tempfile

    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise


def _default_output(source: str) -> str:
    if source == "-":
        return "-"
    return str(Path(source).with_suffix(".aic"))
