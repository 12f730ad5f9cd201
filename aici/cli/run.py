"""`aicic run`: a controller on a real model."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .files import CONTROLLER_FAILED, ENGINE_TROUBLE, FINE, CliError, load_program, read_file

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

    from aici.host import Handle, Result, RunRequest
    from aici.host.engines.base import Engine
    from aici.host.tape import Tape
    from aici.host.tokenizer import Tokenizer
    from aici.vm.program import Const

    from .view import View


@click.command()
@click.argument("file", metavar="CTRL.py|CTRL.aic")
@click.option("--prompt", default="", help="What the controller finds as prompt; @FILE reads it, @- from stdin.")
@click.option("--model", metavar="FILE.gguf", help="A local GGUF file; the embedded SmolLM2-135M by default.")
@click.option("--temperature", type=float, default=0.0, show_default=True, help="0 takes the likeliest token.")
@click.option("--top-p", type=float, default=1.0, show_default=True, help="Only the likeliest tokens, to this sum.")
@click.option("--top-k", type=int, default=0, help="Only this many of the likeliest tokens; 0 is all.")
@click.option("--seed", type=int, default=0, show_default=True, help="Same seed, same run.")
@click.option("--ctx", type=click.IntRange(1), help="Tokens that a sequence may hold.")
@click.option("--threads", type=click.IntRange(1, 256), help="Threads of the engine.")
@click.option("--checkpoint", metavar="FILE", help="Keep the run on file, for `aicic resume FILE` after a crash.")
@click.option("--record", metavar="FILE", help="Record the run, for `aicic replay FILE`, which needs no model.")
@click.option("--stats", is_flag=True, help="Show for every step where its time went.")
@click.option("--json", "as_json", is_flag=True, help="Print nothing but the result, as one JSON document.")
@click.option("--no-color", is_flag=True, help="Plain lines, as in a pipe.")
def run(
    file: str,
    prompt: str,
    model: str | None,
    temperature: float,
    top_p: float,
    top_k: int,
    seed: int,
    ctx: int | None,
    threads: int | None,
    checkpoint: str | None,
    record: str | None,
    stats: bool,
    as_json: bool,
    no_color: bool,
) -> int:
    """Run a controller on a language model and show what happens.

    On a terminal, fixed text is plain, generated text green, text taken back struck out; in a pipe each piece is a line
    `[branch] kind | text`. Errors go to stderr.
    """
    if checkpoint is not None and record is not None:
        raise CliError("--checkpoint and --record exclude each other")
    program = load_program(file, as_json)
    from aici.host.engines.base import EngineError
    from aici.host.request import RunRequest
    from aici.host.sampling import SamplingParams

    try:
        sampling = SamplingParams(temperature, top_p, top_k, seed)
    except ValueError as error:
        raise CliError(str(error)) from None
    request = RunRequest(program, _prompt(prompt), sampling, timings=stats)
    try:
        path = model_path(model)
        with open_engine(path, ctx, threads) as engine:
            if checkpoint is None and record is None:
                return conduct(engine, request, as_json, no_color)
            options = {"model": os.path.abspath(model) if model else "", "ctx": ctx}
            return _on_file(checkpoint, record, engine, path, options, request, as_json, no_color)
    except EngineError as error:
        raise CliError(str(error), ENGINE_TROUBLE) from None


def _on_file(
    checkpoint: str | None,
    record: str | None,
    engine: Engine,
    model: Path,
    options: Mapping[str, Const],
    request: RunRequest,
    as_json: bool,
    no_color: bool,
) -> int:
    """A run that is written down as it goes."""
    from aici.host import durable

    from .durable import file_errors

    file, purpose = (checkpoint, durable.CHECKPOINT) if checkpoint is not None else (record, durable.RECORDING)
    assert file is not None
    with file_errors(file):
        live = durable.Live(engine)
        identity = durable.fingerprint(model)
        try:
            tape, request = durable.start(Path(file), purpose, request, live, file=identity, options=options)
        except ValueError as error:
            raise CliError(f"the prompt cannot be used: {error}") from None
        return conduct(tape, request, as_json, no_color)


def conduct(world: Engine | Tape, request: RunRequest, as_json: bool, no_color: bool) -> int:
    """Run a request and show what happens; the exit code."""
    from aici.host import Host
    from aici.host.tape import Tape

    with Host(world) as host:
        try:
            handle = host.submit(request, listen=not as_json)
        except ValueError as error:
            raise CliError(f"the prompt cannot be used: {error}") from None
        with world.running() if isinstance(world, Tape) else nullcontext():
            if not as_json:
                console = _console(no_color)
                _watch(handle, _view(console, no_color, host.engine.tokenizer))
            result = handle.result()
            if isinstance(world, Tape):
                world.finish(result)
    if as_json:
        print(json.dumps({"model": host.engine.name, **result.to_json()}))
        return _exit_code(result)
    from .report import print_report, print_stats

    print_report(console, result)
    if request.timings:
        print_stats(console, result.steps)
    return _exit_code(result)


def _console(no_color: bool) -> Console:
    from rich.console import Console

    return Console(no_color=no_color or None, highlight=False, soft_wrap=True)


def _view(console: Console, plain: bool, tokenizer: Tokenizer) -> View:
    from .view import LiveView, PlainView, speller

    colors = console.is_terminal and console.color_system is not None and not console.no_color
    spell = speller(tokenizer)
    return LiveView(console, spell) if colors and not plain else PlainView(sys.stdout, spell)


def _watch(handle: Handle, view: View) -> None:
    """Run, showing events."""
    try:
        for event in handle:
            view.show(event)
    finally:
        view.close()


def _exit_code(result: Result) -> int:
    from aici.host.result import ENGINE_ERROR

    if result.error is None:
        return FINE
    return ENGINE_TROUBLE if result.error.kind == ENGINE_ERROR else CONTROLLER_FAILED


def _prompt(text: str) -> bytes:
    """The bytes of the option's text, or of the file that it names."""
    return read_file(text[1:]) if text.startswith("@") else os.fsencode(text)


def model_path(model: str | None) -> Path:
    """The model file that is named, or the default one. Raises `EngineError`."""
    if model is not None:
        return Path(model)
    from aici.host.weights import default_model

    with _Progress("preparing the default model (once)") as progress:
        return default_model(progress)


@contextmanager
def open_engine(path: Path, ctx: int | None, threads: int | None) -> Iterator[Engine]:
    """The engine of a model file, closed at the end. Raises `EngineError`."""
    from aici.host.engines.llama import LlamaEngine

    engine = LlamaEngine(path, context_length=ctx, threads=threads)
    try:
        yield engine
    finally:
        engine.close()


class _Progress:
    """A bar on standard error, from the first call on; nothing if none comes."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __call__(self, done: int, total: int) -> None:
        if self._bar is None or self._task is None:
            from rich.console import Console
            from rich.progress import Progress

            self._bar = Progress(console=Console(stderr=True))
            self._bar.start()
            self._task = self._bar.add_task(self._title, total=total)
        self._bar.update(self._task, completed=done)

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()
