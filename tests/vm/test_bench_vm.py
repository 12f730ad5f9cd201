"""The VM's benchmark measures every line and judges what it found."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def bench() -> Iterator[ModuleType]:
    path = Path(__file__).parents[2] / "bench" / "vm.py"
    spec = importlib.util.spec_from_file_location("bench_vm", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    before = list(sys.path)
    spec.loader.exec_module(module)
    yield module
    sys.path[:] = before


def test_every_line_has_its_figures_and_its_verdict(bench: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    made = bench.engines(["aicic", "cpython"])
    programs = bench.measured(bench.program_lines(made, "formatting"), 1)
    assert list(programs) == ["string formatting"] and set(programs["string formatting"]) == {"aicic", "cpython"}
    assert programs["string formatting"]["aicic"]["ratio"] > 0
    parts = bench.measured(bench.part_lines({"aicic": made["aicic"]}), 1, 2)
    assert {"trivial module", "first request", "dump", "load", "1,000 lines"} <= set(parts)
    bench.report.show("parts", parts, ["aicic"])
    bench.report.judge(programs, parts, {"aicic": 1, "monty": 2})
    shown = capsys.readouterr().out
    assert "first request" in shown and "bytes of a snapshot" in shown
