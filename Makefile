# make train           set up .venv, then run the project's main job
# make test            set up .venv for development, then lint, types and tests
# make bench-tracking  what tracking costs, as a table
# make bench-scoring   what scoring costs, as a table
# make bench-engines   what scoring on Dask and on Spark costs, and how it grows, as a table
# make bench-serving   what serving a model over HTTP costs, as a table
# make bench-workspace what an Azure ML workspace costs, and that nothing is lost, on the emulator
# make bench-jobs      what submitting a job costs beside the service's answers, on the emulator
# make bench-mlflow-tests SOURCE=DIR   how many of MLflow's own tests, in a source tree of it, hold on azureml3
# make bench-gate      what the promotion gate takes, and whether its interval covers
# make bench-report    what plots and the report of a run take
# make bench-auto      what training without a recipe is worth, on real data
# make nightly         the tests that take long, and bench-auto
# make docs            build the pages of docs/ as a site, into site/
# make reference       write docs/reference from the options, recipe keys and exit codes
# make screenshots     take the pictures of the pages anew, with Chromium
# make wheel           build a wheel into dist, to install elsewhere
# make lock            resolve the requirement files and conda.yaml anew
# make mlproject-file  write MLproject from the options of the commands

PYTHON ?= python3
VENV := .venv
# Microsoft's client of version 2, which tests of the emulator run unmodified; its packages do not
# belong among ours.
JUDGE := .venv-azure-ai-ml
# What makes the site of docs/: it and azureml-core cannot be in one environment.
SITE := .venv-docs
# What looks at reports with Chromium, in the tests that take long.
BROWSER := .venv-browser
BIN := $(VENV)/bin
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
endif
PY := $(BIN)/python
UV := $(PY) -m uv
# The workers of the test run, one more than there are cores as tests wait now and then; GNU make's
# -j has no say in it.
WORKERS ?= $(shell $(PYTHON) -c "import os; print(os.cpu_count() + 1)")

.PHONY: train test lint types tests format bench-tracking bench-scoring bench-engines bench-serving bench-workspace bench-jobs bench-mlflow-tests bench-gate bench-report bench-auto nightly wheel lock mlproject-file docs reference screenshots clean

train: $(VENV)/run.stamp
	eval "$$($(PY) src tracking env)" && PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/mlflow run . --env-manager local --experiment-name diabetes-lassolars

test: lint types tests

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/dev.stamp
	$(BIN)/mypy

tests: $(VENV)/dev.stamp $(SITE)/made.stamp
	$(BIN)/pytest -n $(WORKERS)

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench-tracking: $(VENV)/dev.stamp
	$(PY) benchmarks/tracking.py

bench-workspace: $(VENV)/dev.stamp
	$(PY) benchmarks/workspace.py

bench-jobs: $(VENV)/dev.stamp
	$(PY) benchmarks/jobs.py

bench-mlflow-tests: $(VENV)/dev.stamp
	$(PY) benchmarks/mlflow_tests.py $(SOURCE)

bench-gate: $(VENV)/dev.stamp
	$(PY) benchmarks/gate.py

bench-report: $(VENV)/dev.stamp
	$(PY) benchmarks/report.py

bench-auto: $(VENV)/dev.stamp
	$(PY) benchmarks/auto.py

# What is assumed of Azure ML, assumed otherwise.
OTHER_READING := --no-write-call --writable-contentinfo --any-audience --documented-limits

nightly: $(VENV)/dev.stamp $(JUDGE)/made.stamp $(BROWSER)/made.stamp
	$(BIN)/pytest -n $(WORKERS) -m nightly
	MLPROJECT_EMULATOR_OPTIONS="$(OTHER_READING)" $(BIN)/pytest -n $(WORKERS) tests/workspace
	$(PY) benchmarks/auto.py

bench-scoring: $(VENV)/dev.stamp
	$(PY) benchmarks/scoring.py

bench-engines: $(VENV)/dev.stamp
	$(PY) benchmarks/engines.py

bench-serving: $(VENV)/dev.stamp
	$(PY) benchmarks/serving.py

wheel: $(VENV)/run.stamp
	$(PY) -m hatchling build --target wheel

lock: $(VENV)/dev.stamp
	$(PY) scripts/lock.py

mlproject-file: $(VENV)/dev.stamp
	$(PY) scripts/mlproject_file.py

docs: $(SITE)/made.stamp
	$(SITE)/bin/zensical build --strict --clean

reference: $(VENV)/dev.stamp
	$(PY) scripts/reference.py

screenshots: $(VENV)/dev.stamp
	$(PY) scripts/screenshots.py

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

$(JUDGE)/made.stamp: $(VENV)/dev.stamp
	$(UV) venv --quiet --clear $(JUDGE)
	$(UV) pip install --quiet --python $(JUDGE) azure-ai-ml==1.35.2 azure-identity
	@touch $@

$(SITE)/made.stamp: $(VENV)/dev.stamp
	$(UV) venv --quiet --clear $(SITE)
	$(UV) pip install --quiet --python $(SITE) zensical==0.0.73 mkdocstrings==1.0.8 mkdocstrings-python==2.0.11
	@touch $@

$(BROWSER)/made.stamp: $(VENV)/dev.stamp
	$(UV) venv --quiet --clear $(BROWSER)
	$(UV) pip install --quiet --python $(BROWSER) playwright==1.65.2 axe-playwright-python==0.1.8
	@touch $@

clean:
	rm -rf $(VENV) $(JUDGE) $(SITE) $(BROWSER) build dist .import_linter_cache .mypy_cache .pytest_cache .ruff_cache site
