"""What tests of several rooms share: the embedded real model, loaded once a process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aici.host.engines.base import Engine
from aici.host.engines.llama import LlamaEngine
from aici.host.weights import default_model


@pytest.fixture(scope="session")
def model_engine() -> Iterator[Engine]:
    """SmolLM2-135M-Instruct through llama.cpp."""
    engine = LlamaEngine(default_model(lambda done, total: None))
    yield engine
    engine.close()
