"""The engines: each prepares a source, and gives a function that runs it once and says how long that took.

What is timed is the run of what has been compiled (by aicic: of a verified `Program` that has never run, so that
lowering of hot code is part of it), but for pydantic-monty, which compiles and runs in one call to its worker.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from aici.compiler import compile_source
from aici.diagnostics import SourceFile
from aici.vm.encode import encode
from aici.vm.limits import Limits
from aici.vm.machine import run
from aici.vm.process import Process
from aici.vm.program import Program
from aici.vm.requests import Failed
from aici.vm.snapshot import restore, snapshot
from aici.vm.verify import load

from .clock import Sample, timed
from .programs import LONG, TRIVIAL, WAITING, with_main

LIMITS = Limits(fuel=1 << 40, step_fuel=1 << 40)
KEY = bytes(range(32))

Measure = Callable[[], Sample]


class Engine(Protocol):
    """Every method prepares, and returns what measures once."""

    def program(self, source: str) -> Measure:
        """The run of a source to its end."""

    def parts(self) -> dict[str, Measure]:
        """The lines of the second table, by name."""

    def snapshot_bytes(self) -> int | None:
        """Of a process at its first request; None for engines without such a thing."""


class Log:
    """Services that only take what is printed."""

    def log(self, text: str) -> None:
        pass

    def tokens(self) -> list[int]:
        return []


class Aicic:
    """`lowered=False`: its plain interpreter alone."""

    def __init__(self, lowered: bool = True) -> None:
        self.lowered = lowered
        self.services: Any = Log()

    def load(self, source: str) -> Program:
        return load(encode(compile_source(SourceFile("line.py", source))))

    def waiting(self) -> Program:
        return self.load(f"import aici\n{WAITING.format(wait='aici.FixedTokens')}aici.start(main())\n")

    def run(self, process: Process) -> None:
        outcome = run(process, self.services)
        if isinstance(outcome, Failed):
            raise RuntimeError(outcome.traceback)

    def program(self, source: str) -> Measure:
        text = with_main(source, "import aici\naici.start(main())\n")

        def measure() -> Sample:
            process = Process(self.load(text), LIMITS, self.lowered)
            return timed(lambda: self.run(process))

        return measure

    def parts(self) -> dict[str, Measure]:
        trivial, waiting = self.load(TRIVIAL), self.waiting()
        process = Process(waiting, LIMITS, self.lowered)
        self.run(process)
        data = snapshot(process, KEY)

        def first() -> Sample:
            program = replace(waiting)
            return timed(lambda: self.run(Process(program, LIMITS, self.lowered)))

        return {
            "trivial module": lambda: timed(lambda: self.run(Process(trivial, LIMITS, self.lowered))),
            "first request": lambda: timed(lambda: self.run(Process(waiting, LIMITS, self.lowered))),
            "first request, new program": first,
            "dump": lambda: timed(lambda: snapshot(process, KEY)),
            "load": lambda: timed(lambda: restore(waiting, data, KEY)),
            "1,000 lines": lambda: timed(lambda: encode(compile_source(SourceFile("long.py", LONG)))),
        }

    def snapshot_bytes(self) -> int:
        process = Process(self.waiting(), LIMITS)
        self.run(process)
        return len(snapshot(process, KEY))


class CPython:
    """`compile` and `exec` of Python itself."""

    def program(self, source: str) -> Measure:
        code = compile(
            with_main(source, "try:\n    main().send(None)\nexcept StopIteration:\n    pass\n"), "line.py", "exec"
        )
        return lambda: timed(lambda: exec(code, {"__name__": "__main__", "print": lambda *values: None}))

    def parts(self) -> dict[str, Measure]:
        return {
            "trivial module": self.program(TRIVIAL),
            "1,000 lines": lambda: timed(lambda: compile(LONG, "l", "exec")),
        }

    def snapshot_bytes(self) -> None:
        return None


class Monty:
    """A pool of one worker, which is a process of its own: its processor time is added to ours."""

    def __init__(self) -> None:
        import pydantic_monty

        self.pool = pydantic_monty.Monty()
        self.pool.__enter__()

    def measure(self, prepare: Callable[[Any], Callable[[], object]]) -> Measure:
        """Times what is prepared in a session that has run something."""

        def measure() -> Sample:
            with self.pool.checkout() as session:
                session.feed_run("0", skip_type_check=True)
                worker = session.worker_pid
                return timed(prepare(session), worker)

        return measure

    def program(self, source: str) -> Measure:
        text = with_main(source, "await main()\n")
        return self.measure(lambda session: lambda: session.feed_run(text, skip_type_check=True))

    def parts(self) -> dict[str, Measure]:
        text = WAITING.format(wait="fixed_tokens") + "await main()\n"
        data = self.snapshot()

        def load() -> Sample:
            with self.pool.checkout() as session:
                return timed(lambda: session.load_snapshot(data), session.worker_pid)

        return {
            "trivial module": self.measure(
                lambda session: lambda: session.feed_run(TRIVIAL, print_callback=_ignore, skip_type_check=True)
            ),
            "first request": self.measure(lambda session: lambda: session.feed_start(text, skip_type_check=True)),
            "dump": self.measure(lambda session: session.feed_start(text, skip_type_check=True).dump),
            "load": load,
            "1,000 lines": self.program(LONG),
        }

    def snapshot(self) -> bytes:
        with self.pool.checkout() as session:
            data: bytes = session.feed_start(
                WAITING.format(wait="fixed_tokens") + "await main()\n", skip_type_check=True
            ).dump()
            return data

    def snapshot_bytes(self) -> int:
        return len(self.snapshot())


def _ignore(stream: str, text: str) -> None:
    pass


class Starlark:
    """starlark-rust. What it prints goes to nowhere that could be timed, so that the trivial module prints nothing."""

    def __init__(self) -> None:
        import starlark

        self.star = starlark
        self.dialect = starlark.Dialect.extended()
        self.dialect.enable_top_level_stmt = True
        self.dialect.enable_f_strings = True
        self.globals = starlark.Globals.standard()

    def program(self, source: str) -> Measure:
        def measure() -> Sample:
            module, tree = self.star.Module(), self.star.parse("line.star", source, self.dialect)
            return timed(lambda: self.star.eval(module, tree, self.globals))

        return measure

    def parts(self) -> dict[str, Measure]:
        def parse() -> Sample:
            return timed(lambda: self.star.parse("long.star", LONG, self.dialect))

        return {"trivial module": self.program("x = 1\nstr(x + 1)\n"), "1,000 lines": parse}

    def snapshot_bytes(self) -> None:
        return None


ENGINES: dict[str, Callable[[], Engine]] = {
    "aicic": Aicic,
    "plain": lambda: Aicic(lowered=False),
    "cpython": CPython,
    "monty": Monty,
    "starlark": Starlark,
}
