"""What only aicic has: the stages of compiling, and what an OS process takes to start."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from aici.compiler import compile_source
from aici.compiler.lower import lower
from aici.compiler.parse import parse
from aici.compiler.resolve import resolve
from aici.diagnostics import DiagnosticSink, SourceFile
from aici.vm.encode import decode, encode
from aici.vm.verify import load, verify

from .clock import timed
from .programs import LONG, TRIVIAL


def compiling(repeats: int) -> dict[str, float]:
    """Seconds of the stages of compiling a controller of 1,000 lines, and of loading it."""
    source = SourceFile("long.py", LONG)
    tree = parse(source)
    sink = DiagnosticSink(source)
    resolution = resolve(tree, sink)
    program = compile_source(source)
    data = encode(program)
    stages: dict[str, Callable[[], object]] = {
        "parse": lambda: parse(source),
        "resolve": lambda: resolve(tree, sink),
        "lower": lambda: lower(tree, resolution, source, sink),
        "encode": lambda: encode(program),
        "compile": lambda: encode(compile_source(source)),
        "decode": lambda: decode(data),
        "verify": lambda: verify(program),
        "load": lambda: load(data),
    }
    return {name: statistics.median(timed(stage).lesser for _ in range(repeats)) for name, stage in stages.items()}


def starting(repeats: int) -> dict[str, float]:
    """Seconds by the wall until a new OS process is over. They take turns."""
    with tempfile.TemporaryDirectory() as folder:
        controller = Path(folder) / "trivial.py"
        controller.write_text(TRIVIAL)
        compiled = controller.with_suffix(".aic")
        compiled.write_bytes(encode(compile_source(SourceFile("trivial.py", TRIVIAL))))
        commands = {
            "python": ["-c", "pass"],
            "import of the VM": ["-c", "import aici.vm.machine, aici.vm.verify"],
            "aicic --help": ["-m", "aici.cli", "--help"],
            "aicic exec of bytecode": ["-m", "aici.cli", "exec", str(compiled)],
            "aicic exec of source": ["-m", "aici.cli", "exec", str(controller)],
            "import of pydantic_monty": ["-c", "import pydantic_monty; pydantic_monty.Monty().__enter__()"],
            "import of starlark": ["-c", "import starlark"],
        }
        # As for users: modules are compiled once and not at every start.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = f"{folder}/cache"
        found: dict[str, list[float]] = {name: [] for name in commands}
        for arguments in commands.values():
            subprocess.run([sys.executable, *arguments], env=environment, check=False, capture_output=True)
        for _ in range(min(repeats, 7)):
            for name, arguments in commands.items():
                begin = time.perf_counter()
                done = subprocess.run([sys.executable, *arguments], env=environment, check=False, capture_output=True)
                if done.returncode == 0:
                    found[name].append(time.perf_counter() - begin)
        return {name: statistics.median(times) for name, times in found.items() if times}
