"""Runs on file: what their headers hold, and the tapes that begin them, take them up and play them again.

    live = Live(engine)
    tape, request = start(path, CHECKPOINT, request, live)
    result = run(tape, request)

    saved = load(path, CHECKPOINT)                # another process, another day
    result = run(resume(saved, live), saved.request)

In: requests and engines, or a file. Out: tapes and requests. The command line and Python callers import it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from aici.vm.encode import BytecodeError, encode
from aici.vm.limits import Limits
from aici.vm.program import Const
from aici.vm.verify import load as load_program

from .events import Event
from .host import Host
from .journal import CHECKPOINT, RECORDING, Contents, Header, Journal, JournalError, OtherModel, read
from .request import RunLimits, RunRequest, prompt_tokens
from .result import Result
from .sampling import SamplingParams
from .tape import Tape
from .taped import ModelFacts
from .world import Live

_MOST_SEQUENCES: Final = 1 << 12
_MOST_TOKENS: Final = 1 << 24


@dataclass(frozen=True)
class Saved:
    """A run on file. `options` are those that the command line needs to open the same engine again."""

    contents: Contents
    request: RunRequest
    model: ModelFacts
    identity: str
    options: Mapping[str, Const]

    @property
    def finished(self) -> bool:
        return self.contents.finished


def start(
    path: Path,
    purpose: bytes,
    request: RunRequest,
    live: Live,
    *,
    file: str = "",
    options: Mapping[str, Const] | None = None,
) -> tuple[Tape, RunRequest]:
    """A tape for a run that begins, and the request to run on it. `file` tells model files apart (`fingerprint`).

    Raises `OSError`, `KeyTrouble`, `ValueError` for a prompt that cannot be spelled, and `JournalError` if a checkpoint
    would take the place of something else than a checkpoint of a finished run.
    """
    request = replace(request, prompt=prompt_tokens(live.engine.tokenizer, request.prompt))
    if purpose == CHECKPOINT and path.exists() and not load(path, CHECKPOINT).finished:
        raise JournalError(f"{path} holds a run that has not ended: go on with it (aicic resume), or remove it")
    model = _facts(live)
    header = _header(request, model, _identity(live, file), options or {}, purpose == RECORDING)
    journal = Journal.create(path, purpose, header)
    return Tape((), model, live, journal, complete=purpose == RECORDING), request


def load(path: Path, purpose: bytes) -> Saved:
    """A run on file. Raises `OSError`, `KeyTrouble`, and `JournalError` for any other file."""
    contents = read(path, purpose)
    try:
        return _saved(contents)
    except (KeyError, TypeError, ValueError) as error:
        raise JournalError(f"{path} has a header that makes no sense: {error}") from None
    except BytecodeError as error:
        raise JournalError(f"{path}: {error}") from None


def resume(saved: Saved, live: Live, *, file: str = "", fast: bool = False) -> Tape:
    """A tape that goes on with a checkpoint. `fast`: fill the engine's cache in one pass instead of in the steps of
    the run. Its numbers then differ in their last bits, and where those decide, so do the tokens from there on. Raises
    `OSError`, `KeyTrouble`, `JournalError`, and `OtherModel` if the run was made with another model."""
    here, there = _facts(live), saved.model
    if _identity(live, file) != saved.identity or here.n_vocab != there.n_vocab:
        raise OtherModel(
            f"{saved.contents.path} was written with the model {there.name}, and this is another one ({here.name}) or "
            "another file of it"
        )
    for name in ("context_length", "max_sequences"):
        if getattr(here, name) != getattr(there, name):
            then, now = getattr(there, name), getattr(here, name)
            raise OtherModel(f"{saved.contents.path} was written with {name} {then}; here it is {now}")
    return Tape(saved.contents.records, here, live, saved.contents.go_on(), complete=False, fast=fast)


def replay(saved: Saved) -> Tape:
    """A tape that plays a recording again, without a model."""
    return Tape(saved.contents.records, saved.model, None, None, complete=True)


def run(tape: Tape, request: RunRequest, on_event: Callable[[Event], None] | None = None) -> Result:
    """Run a request on its tape, to the end of both. Raises `JournalError` and `OSError`."""
    with Host(tape) as host, tape.running():
        result = host.run_one(request, on_event)
        tape.finish(result)
    return result


def fingerprint(path: Path) -> str:
    """Tells model files apart without reading all of them: size, beginning, and samples of the rest."""
    size = path.stat().st_size
    digest = hashlib.blake2b(str(size).encode(), digest_size=16)
    with open(path, "rb") as file:
        digest.update(file.read(1 << 20))
        for offset in range(1 << 20, size, 1 << 20):
            file.seek(offset)
            digest.update(file.read(1 << 10))
    return digest.hexdigest()


# --- headers ---


def _facts(live: Live) -> ModelFacts:
    engine, tokenizer = live.engine, live.engine.tokenizer
    return ModelFacts(
        name=engine.name,
        n_vocab=engine.n_vocab,
        n_tokens=len(tokenizer.token_bytes),
        context_length=engine.context_length,
        max_sequences=engine.max_sequences,
        eos_ids=tuple(tokenizer.eos_ids),
        prefix_ids=tuple(tokenizer.prefix_ids),
        special=tuple(tokenizer.special.items()),
    )


def _identity(live: Live, file: str) -> str:
    """Of model file and vocabulary."""
    facts = _facts(live)
    whole = repr((file, facts.name, live.vocabulary.content_hash, facts.eos_ids, sorted(facts.special)))
    return hashlib.blake2b(whole.encode("utf-8", "replace"), digest_size=16).hexdigest()


def _header(
    request: RunRequest, model: ModelFacts, identity: str, options: Mapping[str, Const], with_names: bool
) -> Header:
    known = asdict(model) if with_names else asdict(replace(model, special=()))
    return {
        "aicic": _version(),
        "program": encode(request.program),
        "prompt": tuple(request.prompt),
        "sampling": _items(asdict(request.sampling)),
        "limits": _items({**asdict(request.limits), "vm": _items(asdict(request.limits.vm))}),
        "fast_forward": request.fast_forward,
        "model": _items(known),
        "identity": identity,
        "options": _items(options),
    }


def _version() -> str:
    try:
        return version("aicic")
    except PackageNotFoundError:  # run from its source
        return "unknown"


def _items(table: Mapping[str, Const]) -> Const:
    return tuple(table.items())


def _saved(contents: Contents) -> Saved:
    header = contents.header
    limits = _table(header["limits"])
    request = RunRequest(
        program=load_program(_a(bytes, header["program"])),
        prompt=_ids(header["prompt"]),
        sampling=_made(SamplingParams, _table(header["sampling"])),
        limits=_made(RunLimits, {**limits, "vm": _made(Limits, _table(limits["vm"]))}),
        fast_forward=_a(bool, header["fast_forward"]),
    )
    model = _model(_table(header["model"]))
    if contents.purpose == RECORDING:
        _admit(request.limits)
    return Saved(contents, request, model, _a(str, header["identity"]), _table(header["options"]))


def _admit(limits: RunLimits) -> None:
    """Recordings come from anywhere: they get no more than any controller."""
    usual = RunLimits()
    pairs: list[tuple[Any, Any, str]]
    pairs = [(limits, usual, field.name) for field in fields(RunLimits) if field.name != "vm"]
    pairs += [(limits.vm, usual.vm, field.name) for field in fields(Limits)]
    for given, most, name in pairs:
        if not isinstance(getattr(given, name), int) or getattr(given, name) > getattr(most, name):
            raise ValueError(f"it asks for {name} = {getattr(given, name)}, and gets {getattr(most, name)} at most")


def _model(table: Mapping[str, Const]) -> ModelFacts:
    special = tuple((_a(str, name), _a(int, token)) for name, token in _table(table["special"]).items())
    known = {"eos_ids": _ids(table["eos_ids"]), "prefix_ids": _ids(table["prefix_ids"]), "special": special}
    model: ModelFacts = _made(ModelFacts, {**table, **known})
    sizes = (model.n_tokens, model.n_vocab, model.context_length)
    if not 0 < model.max_sequences <= _MOST_SEQUENCES or not all(0 < size <= _MOST_TOKENS for size in sizes):
        raise ValueError("the model has impossible sizes")
    if not model.eos_ids:
        raise ValueError("the model has no end of sequence")
    return model


def _table(value: Const) -> dict[str, Const]:
    if not isinstance(value, tuple):
        raise TypeError("a table is missing")
    table: dict[str, Const] = {}
    for item in value:
        if not isinstance(item, tuple) or len(item) != 2 or not isinstance(item[0], str):
            raise TypeError("a table is wrong")
        table[item[0]] = item[1]
    return table


def _ids(value: Const) -> tuple[int, ...]:
    if not isinstance(value, tuple):
        raise TypeError("a list of tokens is missing")
    return tuple(_a(int, token) for token in value)


def _a(kind: type[Any], value: Const) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{kind.__name__} is missing")
    return value


def _made(kind: type[Any], values: Mapping[str, Any]) -> Any:
    """A dataclass of plain fields; TypeError for a wrong type of one, or a wrong set of them."""
    made = kind(**values)
    for field in fields(kind):
        expected = {"int": int, "float": float, "str": str}.get(str(field.type))
        if expected is not None and type(getattr(made, field.name)) is not expected:
            raise TypeError(f"{field.name} is no {field.type}")
    return made


__all__ = ["CHECKPOINT", "RECORDING", "Live", "Saved", "fingerprint", "load", "replay", "resume", "run", "start"]
