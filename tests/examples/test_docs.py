"""The Python blocks of README.md and docs/host.md run as they stand, one page in one namespace."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.model
@pytest.mark.parametrize("page", ["docs/host.md", "README.md"])
def test_blocks_run(page: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"), re.S | re.M)
    blocks = [block for block in blocks if not block.startswith("import aici\n")]  # controllers: examples/ has them
    assert blocks
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, page, "exec"), names)
    assert "capital" in capsys.readouterr().out
    names["engine"].close()  # type: ignore[attr-defined]


def test_controller_of_the_readme_is_the_example() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (shown,) = (b for b in re.findall(r"^```python\n(.*?)^```", readme, re.S | re.M) if b.startswith("import aici\n"))
    example = (ROOT / "examples/forking.py").read_text(encoding="utf-8")
    assert set(shown.split("\n")) <= set(example.split("\n"))
