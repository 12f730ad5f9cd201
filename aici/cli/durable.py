"""`aicic resume` and `aicic replay`: runs that are on file. `aicic run` writes the files."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .files import BYTECODE_REFUSED, ENGINE_TROUBLE, FINE, IO_ERROR, USAGE, CliError, load_program

if TYPE_CHECKING:
    from aici.host.durable import Saved
    from aici.host.explain import Choice, Moment
    from aici.host.tape import Step, Tape


@click.command()
@click.argument("file", metavar="FILE")
@click.option("--model", metavar="FILE.gguf", help="Where the model is now, if not where it was.")
@click.option("--threads", type=click.IntRange(1, 256), help="Threads of the engine.")
@click.option(
    "--fast", is_flag=True, help="Fill the cache in one pass; what follows may differ where last bits decide."
)
@click.option("--stats", is_flag=True, help="Show for every step where its time went.")
@click.option("--json", "as_json", is_flag=True, help="Print nothing but the result, as one JSON document.")
@click.option("--no-color", is_flag=True, help="Plain lines, as in a pipe.")
def resume(
    file: str, model: str | None, threads: int | None, fast: bool, stats: bool, as_json: bool, no_color: bool
) -> int:
    """Go on with a run that `aicic run --checkpoint FILE` began and that did not come to its end.

    All that it showed is shown again, then what follows; result and exit code are those of the undisturbed run.
    """
    from dataclasses import replace

    from aici.host import durable
    from aici.host.engines.base import EngineError

    from .run import conduct, model_path, open_engine

    with file_errors(file):
        saved = durable.load(Path(file), durable.CHECKPOINT)
        options = dict(saved.options)
        ctx = options.get("ctx")
        try:
            path = model_path(model or _text(options.get("model")))
            with open_engine(path, ctx if isinstance(ctx, int) else None, threads) as engine:
                tape = durable.resume(saved, durable.Live(engine), file=durable.fingerprint(path), fast=fast)
                return conduct(tape, replace(saved.request, timings=stats), as_json, no_color)
        except EngineError as error:
            raise CliError(str(error), ENGINE_TROUBLE) from None


@click.command()
@click.argument("file", metavar="FILE")
@click.option("--until", type=click.IntRange(1), metavar="STEP", help="Stop at this sampled token and show the state.")
@click.option("--explain", "explained", is_flag=True, help="Say for every sampled token what was in force.")
@click.option("--controller", metavar="CTRL.py|CTRL.aic", help="Play this one instead of the recorded one.")
@click.option("--json", "as_json", is_flag=True, help="Print nothing but the outcome, as one JSON document.")
@click.option("--no-color", is_flag=True, help="Plain lines, as in a pipe.")
def replay(file: str, until: int | None, explained: bool, controller: str | None, as_json: bool, no_color: bool) -> int:
    """Play a run again that `aicic run --record FILE` recorded, without a model.

    The controller runs; what came from outside is taken from the file. Where the run takes another way than the
    recorded one (another version, an edited controller), it says at which step, and what differs.
    """
    if until is not None and explained:
        raise CliError("--until and --explain exclude each other: --until explains its step")
    from dataclasses import replace

    from aici.host import durable

    from .run import conduct

    with file_errors(file):
        saved = durable.load(Path(file), durable.RECORDING)
        if controller is not None:
            saved = replace(saved, request=replace(saved.request, program=load_program(controller, as_json)))
        tape = durable.replay(saved)
        if until is not None:
            return _until(tape, saved, until, as_json)
        if explained:
            return _explain(tape, saved, as_json)
        return conduct(tape, saved.request, as_json, no_color)


@contextmanager
def file_errors(file: str) -> Iterator[None]:
    """What is wrong with a run's file, as the command line says it."""
    from aici.host.journal import JournalError, OtherModel
    from aici.host.key import KeyTrouble

    if "\0" in file:
        raise CliError(f"there is no file {file!r}")
    try:
        yield
    except OtherModel as error:
        raise CliError(str(error), ENGINE_TROUBLE) from None
    except JournalError as error:
        raise CliError(str(error), BYTECODE_REFUSED) from None
    except KeyTrouble as error:
        raise CliError(str(error), USAGE) from None
    except FileNotFoundError:
        raise CliError(f"there is no file {file}") from None
    except IsADirectoryError:
        raise CliError(f"{file} is a directory; name a file in it") from None
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CliError(f"cannot use {file}: {error.strerror or error}", IO_ERROR) from None


def _until(tape: Tape, saved: Saved, until: int, as_json: bool) -> int:
    from aici.host import Host
    from aici.host.explain import moment
    from aici.host.tape import Leave

    found: list[Moment] = []

    def watch(step: Step) -> None:
        if step.number == until:
            found.append(moment(step))
            raise Leave

    tape.watch = watch
    with Host(tape) as host, tape.running():
        host.run_one(saved.request)
    if not found:
        raise CliError(f"there is no step {until}: the run sampled {tape.steps} tokens")
    if as_json:
        print(json.dumps(found[0].to_json()))
    else:
        from .report import print_moment

        print_moment(found[0], saved.request.program.name)
    return FINE


def _explain(tape: Tape, saved: Saved, as_json: bool) -> int:
    from aici.host import durable
    from aici.host.explain import explain

    choices: list[Choice] = []
    tape.watch = lambda step: choices.append(explain(step))
    result = durable.run(tape, saved.request)
    if as_json:
        print(json.dumps({"explained": [choice.to_json() for choice in choices], **result.to_json()}))
    else:
        from .report import print_choices, print_errors

        print_choices(choices)
        print_errors(result)
    sys.stdout.flush()
    return FINE


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
