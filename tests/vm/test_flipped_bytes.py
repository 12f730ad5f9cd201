"""Bytecode with flipped bytes, its compression and checksum made anew, so that nothing but the decoder and the verifier
stand in its way: it is refused by name, or it runs, and in the same way plain and lowered."""

from __future__ import annotations

import os
import time
import zlib
from pathlib import Path
from random import Random
from typing import Any

import pytest

from aici.compiler import compile_source
from aici.diagnostics import SourceFile
from aici.vm import frame, isa
from aici.vm import requests as rq
from aici.vm.disassemble import disassemble
from aici.vm.encode import MAGIC, BytecodeError, contents, encode
from aici.vm.limits import Limits
from aici.vm.machine import run
from aici.vm.process import Process
from aici.vm.program import Program
from aici.vm.verify import load

ROOT = Path(__file__).parents[2]
LIMITS = Limits(fuel=20_000, step_fuel=20_000, memory=1 << 20, recursion=50, int_bits=1 << 12, output=10_000)
FUZZ = "AICIC_FUZZ" in os.environ
SECONDS = 2.0
"""Processor time of one case, on a slow machine."""

SOURCES = {
    "controller": """
import aici
import json
async def ask(label, *words, sep=", ", **more):
    texts = [f"{w!r:>8}{sep}" for w in words if w not in more]
    try:
        await aici.FixedTokens("".join(texts), following=label)
        return json.loads(await aici.gen_text(regex=r"[0-9]{1,3}", max_tokens=3, store_var="n"))
    except (ValueError, KeyError) as e:
        print(f"{e}", sum(n for n in range(len(words))))
    finally:
        aici.set_var("done", b"yes")
async def main():
    await aici.GetPrompt()
    label = aici.Label()
    total, state = 0, {"n": [1, 2.5, 1 << 65, -1]}
    while total < 30:
        total += (await ask(label, "a", "b", c=1)) or 1
        state["n"] = state["n"][1:] + [(lambda x: x * total)(2)]
    assert await aici.fork(2) in (0, 1), state
aici.start(main())
""",
    **{path.stem: path.read_text() for path in sorted((ROOT / "examples").glob("*.py")) if FUZZ},
}

REPLIES: dict[type, Any] = {
    rq.GetPrompt: [1],
    rq.Append: [1, 2],
    rq.Generate: rq.Generated([53], b"5"),
    rq.Sample: rq.Sampled([7], False),
    rq.Fork: 0,
    rq.WaitVars: [b"1"] * 10,
    rq.Noop: None,
}


class Host:
    """Services that have an answer to everything."""

    def __getattr__(self, name: str) -> Any:
        answers: dict[str, Any] = {
            "tokens": [1, 2, 3],
            "tokenize": [1, 2],
            "detokenize": b"12",
            "token_repr": "1",
            "get_var": b"5",
            "constraint_mask": b"\xff" * 32,
            "constraint_eos": (False, False),
            "vocabulary_size": 256,
        }
        return lambda *args: answers.get(name, 1)


def packed(data: bytes) -> bytes:
    compressor = zlib.compressobj(level=1, wbits=-15)
    body = compressor.compress(data) + compressor.flush()
    return MAGIC + isa.VERSION.to_bytes(2, "little") + zlib.crc32(body).to_bytes(4, "little") + body


def flipped(data: bytes) -> list[bytes]:
    """Every byte (but for fuzzing: some of them) changed in a way, and as many times some bytes at random ones."""
    random = Random() if FUZZ else Random(1)
    made = []
    for at in range(0, len(data), 1 if FUZZ else 5):
        made.append(
            data[:at] + bytes([data[at] ^ (1 << at % 8 if at % 3 else random.randrange(1, 256))]) + data[at + 1 :]
        )
        several = bytearray(data)
        for _ in range(random.randint(2, 4)):
            several[random.randrange(len(data))] = random.randrange(256)
        made.append(bytes(several))
    return made


def driven(program: Program, lowered: bool) -> tuple[object, int, int, int]:
    """How a run ends, and what it took."""
    process, services = Process(program, LIMITS, lowered), Host()
    given: Any = services
    outcome = run(process, given)
    for _ in range(50):
        if type(outcome) not in REPLIES:
            break
        outcome = run(process, given, REPLIES[type(outcome)])
    return outcome, process.fuel, process.memory, process.output


@pytest.mark.parametrize("name", SOURCES)
def test_flipped_contents_are_refused_or_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame, "HEAT", 0)
    program = compile_source(SourceFile(f"{name}.py", SOURCES[name]))
    assert load(packed(contents(program))) == program
    refused = 0
    for data in flipped(contents(program)):
        begin = time.process_time()
        try:
            changed = load(packed(data))
        except BytecodeError as error:
            assert str(error).isprintable() and len(str(error)) < 300
            refused += 1
            continue
        disassemble(changed)
        plain = driven(changed, lowered=False)
        assert driven(changed, lowered=True) == plain
        outcome = plain[0]
        assert not (isinstance(outcome, rq.Failed) and outcome.kind == "InternalError"), outcome
        assert time.process_time() - begin < SECONDS
    assert refused


@pytest.mark.parametrize("name", SOURCES)
def test_flipped_files_are_refused(name: str) -> None:
    data = encode(compile_source(SourceFile(f"{name}.py", SOURCES[name])))
    for changed in flipped(data):
        if changed != data:
            with pytest.raises(BytecodeError):
                load(changed)
