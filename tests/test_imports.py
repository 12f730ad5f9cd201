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
    homes = {
        "lark": {"aici/compiler/parse.py"},
        "llvmlite": {"aici/grammar/jit.py"},
        "xllamacpp": {"aici/host/engines"},
        "llama_cpp": {"aici/host/engines"},
        "gguf": {"aici/host"},
        "tokenizers": {"aici/host/tokenizers.py"},
        "re2": {"aici/vm/modules"},
    }
    for path in (ROOT / "aici").rglob("*.py"):
        place = path.relative_to(ROOT).as_posix()
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        for library, allowed in homes.items():
            imports = any(line.startswith((f"import {library}", f"from {library} ", f"from {library}.")) for line in lines)
            assert not imports or any(place.startswith(home) for home in allowed), f"{place} imports {library}"
