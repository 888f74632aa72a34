# make train           set up .venv, then run the project's main job
# make test            set up .venv and .venv-azure for development, then lint, types and tests
# make bench-tracking  what tracking costs, as a table
# make bench-scoring   what scoring costs, as a table
# make bench-workspace what an Azure ML workspace costs, and that nothing is lost, on the emulator
# make bench-gate      what the promotion gate takes, and whether its interval covers
# make lock            resolve the requirement files and conda.yaml anew

PYTHON ?= python3
VENV := .venv
AZURE := .venv-azure
BIN := $(VENV)/bin
AZURE_BIN := $(AZURE)/bin
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
AZURE_BIN := $(AZURE)/Scripts
endif
PY := $(BIN)/python
UV := $(PY) -m uv
# The workers of the test run; GNU make's -j has no say in it.
WORKERS ?= auto

.PHONY: train test lint types tests format bench-tracking bench-scoring bench-workspace bench-gate lock clean

train: $(VENV)/run.stamp
	eval "$$($(PY) src tracking env)" && PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/mlflow run . --env-manager local --experiment-name diabetes-lassolars

test: lint types tests

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev.stamp
	$(BIN)/mypy

# Microsoft's packages slow down every import of MLflow, and most users do not have them: the tests
# that need them have an environment of their own.
tests: $(VENV)/dev.stamp $(AZURE)/dev.stamp
	$(BIN)/pytest -n $(WORKERS) --ignore=tests/emulator --ignore=tests/workspace
	$(AZURE_BIN)/pytest -n $(WORKERS) tests/workspace tests/emulator

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench-tracking: $(VENV)/dev.stamp
	$(PY) benchmarks/tracking.py

bench-workspace: $(AZURE)/dev.stamp
	$(AZURE_BIN)/python benchmarks/workspace.py

bench-gate: $(VENV)/dev.stamp
	$(PY) benchmarks/gate.py

bench-scoring: $(VENV)/dev.stamp
	$(PY) benchmarks/scoring.py

lock: $(VENV)/dev.stamp
	$(PY) scripts/lock.py

# uv installs in a tenth of pip's time. It comes from a hash-locked file like all the rest.
$(VENV)/uv.stamp: requirements/uv.txt
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

$(VENV)/run.stamp: $(VENV)/uv.stamp requirements/run.txt pyproject.toml
	$(UV) pip install --quiet --compile-bytecode --require-hashes -r requirements/run.txt
	$(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp requirements/dev.txt
	$(UV) pip install --quiet --compile-bytecode --require-hashes -r requirements/dev.txt
	@touch $@

$(AZURE)/dev.stamp: $(VENV)/uv.stamp requirements/azure.txt pyproject.toml
	$(PYTHON) -m venv --without-pip $(AZURE)
	$(UV) pip install --quiet --compile-bytecode --require-hashes --python $(AZURE_BIN)/python -r requirements/azure.txt
	$(UV) pip install --quiet --no-deps --no-build-isolation --python $(AZURE_BIN)/python --editable .
	@touch $@

clean:
	rm -rf $(VENV) $(AZURE) build dist .mypy_cache .pytest_cache .ruff_cache
