"""The rooms import downwards only: the contracts of `[tool.importlinter]` in pyproject.toml hold."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_layers_hold() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_heavy_libraries_are_imported_in_one_file_each() -> None:
    rooms = {
        "lark": "aici/compiler",
        "llvmlite": "aici/grammar",
        "xllamacpp": "aici/host/engines",
        "llama_cpp": "aici/host/engines",
        "gguf": "aici/host",
        "tokenizers": "aici/host",
        "re2": "aici/vm",
    }
    users: dict[str, list[str]] = {library: [] for library in rooms}
    for path in (ROOT / "aici").rglob("*.py"):
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        for library in rooms:
            starts = (f"import {library}", f"from {library} ", f"from {library}.")
            if any(line.startswith(starts) for line in lines):
                users[library].append(path.relative_to(ROOT).as_posix())
    for library, places in users.items():
        assert len(places) <= 1, f"{library} is imported in {places}"
        assert all(place.startswith(rooms[library]) for place in places)
