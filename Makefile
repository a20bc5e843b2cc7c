# `make` lists the verbs. Each sets up .venv by itself, from requirements-dev.lock, when that is missing or out of date.

PYTHON ?= python3
BENCH ?= full

VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help check test bench docs

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

check: $(READY) ## formatting, lint, types, layers of imports
	@$(VENV)/bin/ruff format --quiet --check . || { echo "run: $(VENV)/bin/ruff format ."; exit 1; }
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/mypy --no-error-summary
	@$(VENV)/bin/lint-imports --no-logo
	@echo "check: formatting, lint, types and layers are fine"

test: $(READY) ## every test, in parallel, with the floor under coverage
	@$(PY) -m pytest --quiet --numprocesses auto --cov --cov-report term

bench: $(READY) ## what a scan costs against floors taken in the same run (BENCH=short for a quick one)
	@$(PY) bench/run.py $(BENCH)

docs: $(READY) ## write the pages that are generated from the rules
	@$(PY) docs/generate.py

$(READY): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "setting up $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV) \
		|| { echo "$(PYTHON) cannot make a virtual environment (on Debian: apt-get install python3-venv)" >&2; exit 1; }
	@$(PY) -m pip --disable-pip-version-check install --quiet --quiet --no-deps --require-hashes --requirement requirements-dev.lock
	@$(PY) -m pip --disable-pip-version-check install --quiet --quiet --no-deps --no-build-isolation --editable .
	@touch $@
