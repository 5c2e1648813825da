# Every target works on a fresh clone: it makes .venv with what it needs, and no more.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Not compiled ahead of use: 127 MiB less in the light core.
PIP := $(BIN)/python -m pip install -qq --no-compile --disable-pip-version-check --constraint constraints.txt

# Tests run side by side, one process a core, a file in one of them, which makes its fixtures; more threads only wait for each other.
WORKERS ?= 2
# What is imported is compiled once for all processes, also where PYTHONDONTWRITEBYTECODE is set: torch alone takes seconds.
COMPILED := PYTHONDONTWRITEBYTECODE= PYTHONPYCACHEPREFIX=$(CURDIR)/$(VENV)/compiled
PYTEST := $(COMPILED) OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow test-all check fmt bench clean

help:  ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.core  ## install the light core, analyse the embedded photo and clip, show the report's path
	@$(BIN)/mien demo

test: $(VENV)/.dev  ## the default tests
	$(PYTEST) -m "not slow"

test-slow: $(VENV)/.dev  ## the default tests and the slow ones
	$(PYTEST) -m "not long"

test-all: $(VENV)/.dev  ## all tests, with those that train every network until it knows faces
	$(PYTEST) --dist load

check: $(VENV)/.dev  ## lint, format, types, layers: what the hook and the CI run
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

fmt: $(VENV)/.dev  ## format, and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev  ## list the benchmarks; make bench RUN=startup runs one
ifdef RUN
	$(BIN)/python benchmarks/$(RUN).py $(ARGS)
else
	@for script in benchmarks/*.py; do printf '  %-12s %s\n' $$(basename $$script .py) "$$(head -1 $$script | tr -d '"')"; done
endif

clean:  ## remove the environment, caches and what the demo wrote
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache mien-demo

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 10) else "mien needs Python 3.10 or newer: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing mien's light core into $(VENV) …"
	@$(PIP) --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing mien with PyTorch and all tools into $(VENV) (some gigabytes) …"
	@$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.core
