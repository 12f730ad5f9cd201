"""What native code computes is the same on every processor: digests that were taken on x86-64 and, in emulation, on
arm64. `bench/portable.py` says how, and compares more patterns over real vocabularies."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"
STEPS = 8
DIGESTS = {
    "trie": "fb7aa6633893ecbf004a3b77",
    "quoted": "0d4e3917c40016e31f87a93d",
    "quoted grown": "d108e710aba75be591012643",
    "integer": "dac7202644ba1e4c83813083",
    "integer grown": "71f29d56986617b954f80383",
    "date": "617446bcbe5a24cfb16deab7",
    "date grown": "3320078a8cb2d233af535e14",
    "email": "20c6d747420780c787b810d3",
    "email grown": "98508911020805d35d902731",
    "uuid": "cda482149dd5f5999d7e2a33",
    "uuid grown": "a94561a8211da9fee20b36f1",
    "numbered-list": "48ad800f42fb701ce9d72276",
    "numbered-list grown": "4a8623dabc95c2f835fd7e1e",
    "json-flat": "96c8e54685b8e7f7bbc889d1",
    "json-flat grown": "29538b8cc8d9ab5510779b8d",
    "count-any": "3ab1386278c7797c718f3d30",
    "count-any grown": "aa1d82d4ef04e8bbec9cbb6c",
    "contains": "1f510d58d17157a979178dc9",
    "contains grown": "3686bef7f72cfea45ed6a6a0",
    "any": "e2c5bb3d3f8a6aa1d910b38d",
    "any grown": "4d3c4a4edc156fac7b096f9f",
    "nth-from-end-12": "67d27a4576183ad4d4530c57",
    "nth-from-end-12 grown": "67d27a4576183ad4d4530c57",
    "bounded-context": "4b2c7aa0b74d51f7d1192263",
    "bounded-context grown": "4b2c7aa0b74d51f7d1192263",
    "nested-count": "b99d633b64af9ff221befbcf",
    "nested-count grown": "620258b127e28fe627403815",
    "alternated-prefixes": "f38dc3edec936998d94c0138",
    "alternated-prefixes grown": "f38dc3edec936998d94c0138",
    "whole": "93bd55388a1a96bc4a3cb42b",
    "both": "cb6b74633c7f73ce005d32c7",
    "either": "703305b39a657c7af9b225b7",
    "without": "477d5d38155f7a49ed09cfd6",
    "all but": "59a00b75e26c306935dc584f",
    "after": "66c7d42f71e344f136c59c23",
    "until": "35d08b5b7f0bec3c22e3b444",
    "both, large": "74072337cfdfa05a4fb15e45",
    "options": "3b31741fea37218bffa1baa0",
    "substring": "b59e850a8a7b5f210f3839f7",
}
"""Only what no version of Unicode changes."""


def test_the_digests_are_those_of_other_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    before = set(sys.modules)
    try:
        import portable

        cases = [case for name, case in portable.CASES.items() if name in DIGESTS]
        found = dict(portable.digests(portable.made(), cases, STEPS))
    finally:
        for name in set(sys.modules) - before:
            if name == "portable" or name.startswith("maskbench"):
                del sys.modules[name]
    assert {name: found[name] for name in DIGESTS} == DIGESTS


def test_the_plain_processor_computes_the_same() -> None:
    """All kernels without AVX and the like, in a process of their own."""
    names = ",".join(name for name in DIGESTS if not name.endswith(" grown"))
    command = [sys.executable, str(BENCH / "portable.py"), "--steps", str(STEPS), "--only", names]
    done = subprocess.run(command, env=os.environ | {"AICIC_CPU": "generic"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = dict(line.split("  ", 1)[1].rsplit(maxsplit=1) for line in done.stdout.splitlines())
    assert {name: found.get(name) for name in DIGESTS} == DIGESTS
