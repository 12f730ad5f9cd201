"""The host's benchmark runs and says what it promises; figures come from the real model."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from aici.host import Host
from aici.host.engines.scripted import ScriptedEngine


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    path = Path(__file__).parents[2] / "bench" / "host.py"
    spec = importlib.util.spec_from_file_location("bench_host", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_round_has_every_case(bench: ModuleType) -> None:
    with Host(ScriptedEngine(context_length=4096)) as host:
        report = bench.run(host, tokens=16, rounds=1)
    assert set(report["cases"]) == {f"{name} x{size}" for name in ("free", "regex") for size in (1, 16)}
    for case in report["cases"].values():
        assert case["steps"] > 0 and 0 < case["host_share_median"] < 1 and case["tokens_per_second"] > 0
    assert set(report["speed"]) == {"regex / free x1", "regex / free x16"}
    json.dumps(report)
    lines: list[str] = []
    bench.show(report, lines.append)
    assert len(lines) == 1 + 1 + 4 + 2
