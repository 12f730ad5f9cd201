"""What tests of several rooms share: how hypothesis draws, and the embedded real model, loaded once a process.

The suite draws the same examples every time, so that it passes or fails by the code alone; `make fuzz` draws others.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from aici.host.engines.base import Engine
from aici.host.engines.llama import LlamaEngine
from aici.host.weights import default_model

settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("fuzz", derandomize=False, deadline=None, print_blob=True)
settings.load_profile("fuzz" if "AICIC_FUZZ" in os.environ else "same")


@pytest.fixture(scope="session")
def model_engine() -> Iterator[Engine]:
    """SmolLM2-135M-Instruct through llama.cpp."""
    engine = LlamaEngine(default_model(lambda done, total: None))
    yield engine
    engine.close()
