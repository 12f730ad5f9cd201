"""What a program derives once for all of its processes."""

from __future__ import annotations

import pickle
import threading
from typing import Any

from aici.compiler import compile_source
from aici.diagnostics import SourceFile
from aici.vm.machine import run
from aici.vm.process import Process
from aici.vm.program import Program
from aici.vm.requests import Finished

SOURCE = """
def work(n):
    total = 0
    for i in range(n):
        total += i % 7
    return total
for i in range(700):
    work(3)
print(work(2000))
"""


class _Log:
    def __init__(self) -> None:
        self.text = ""

    def log(self, text: str) -> None:
        self.text += text


def outcome(program: Program, lowered: bool = True) -> tuple[object, str, int, int]:
    services: Any = _Log()
    process = Process(program, lowered=lowered)
    return run(process, services), services.text, process.fuel, process.memory


def made() -> Program:
    return compile_source(SourceFile("work.py", SOURCE))


def test_code_is_made_ready_once() -> None:
    program = made()
    first, second, plain = Process(program), Process(program), Process(program, lowered=False)
    assert first.codes[0] is second.codes[0]
    assert plain.codes[0] is not first.codes[0]


def test_processes_after_a_hot_one_are_as_the_first() -> None:
    program = made()
    plain = outcome(program, lowered=False)
    assert plain[:2] == (Finished(), "5995\n")
    assert [outcome(program) for _ in range(3)] == [plain] * 3
    assert outcome(program, lowered=False) == plain


def test_programs_are_copied_without_what_is_derived() -> None:
    program = made()
    expected = outcome(program)
    copied = pickle.loads(pickle.dumps(program))
    assert copied == program
    assert Process(copied).codes is not Process(program).codes
    assert outcome(copied) == expected


def test_processes_of_one_program_in_several_threads() -> None:
    program, found = made(), list[Any]()
    expected = outcome(made())
    begin = threading.Barrier(4)

    def work() -> None:
        begin.wait()
        found.append(outcome(program))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4
