# `make` lists the verbs. Each installs requirements-dev.lock in .venv-dev first, if that is missing or out of date. .venv is
# the virtual environment of users (see README).

PYTHON ?= python3
BENCH ?= full
RULES ?=

VENV := .venv-dev
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
AZCLI := .venv-azcli

# Compiled code is kept, out of the way of the sources: tests start in half the time.
export PYTHONPYCACHEPREFIX := $(CURDIR)/$(VENV)/bytecode
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help check quick test coverage bench docs azcli remedies

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

check: $(READY) ## formatting, lint, types, layers of imports
	@$(VENV)/bin/ruff format --quiet --check . || { echo "run: $(VENV)/bin/ruff format ."; exit 1; }
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/mypy --no-error-summary
	@$(VENV)/bin/lint-imports --no-logo
	@echo "check: formatting, lint, types and layers are fine"

quick: $(READY) ## the tests that are not marked as slow, with few examples of each property
	@$(PY) -m pytest --quiet -m "not slow" --hypothesis-profile quick

test: $(READY) ## every test, in parallel
	@$(PY) -m pytest --quiet --numprocesses auto --dist worksteal

# These evaluate all rules for hundreds of inventories, or count calls: half of the time of all tests, and hardly a line
# that no other reaches.
EXHAUSTIVE := tests/test_mutations.py tests/test_references.py tests/test_gaps.py tests/test_growth.py

coverage: $(READY) ## the tests but for the exhaustive ones, in parallel, and the lower limit of branch coverage
	@$(PY) -m pytest --quiet --numprocesses auto --dist worksteal --cov --cov-report term $(EXHAUSTIVE:%=--ignore=%)

bench: $(READY) ## cost of a scan against lower bounds of the same run (BENCH=short for a quick one)
	@$(PY) bench/run.py $(BENCH)

docs: $(READY) ## write the pages that are generated from the rules
	@$(PY) docs/generate.py

azcli: $(READY) $(AZCLI)/.ready remedies ## run the az commands of rules, pages and messages with Azure CLI, against a fake ARM
	@$(PY) -m tests.tools.azcli.commands > $(AZCLI)/commands.json
	@$(AZCLI)/bin/python -m tests.tools.azcli.run < $(AZCLI)/commands.json

remedies: $(READY) $(AZCLI)/.ready ## the part of azcli that proves remedies (RULES="LB003 LB004" for those of some rules)
	@$(PY) -m tests.tools.azcli.remedies --rule $(RULES) > $(AZCLI)/remedies.json
	@$(AZCLI)/bin/python -m tests.tools.azcli.run_remedies < $(AZCLI)/remedies.json > $(AZCLI)/bodies.json
	@$(PY) -m tests.tools.azcli.remedies $(AZCLI)/bodies.json --rule $(RULES)

# --no-deps: the lock file is complete (.ci/run checks that), and older versions of pip refuse to resolve `coverage[toml]`,
# which it pins without the extra (pypa/pip#9644).
$(READY): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "setting up $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV) \
		|| { echo "$(PYTHON) cannot make a virtual environment (on Debian: apt-get install python3-venv)" >&2; exit 1; }
	@$(PY) -m pip --disable-pip-version-check install --quiet --quiet --no-deps --require-hashes --requirement requirements-dev.lock
	@$(PY) -m pip --disable-pip-version-check install --quiet --quiet --no-deps --no-build-isolation --check-build-dependencies --editable .
	@touch $@

$(AZCLI)/.ready: tests/tools/azcli/requirements.lock
	@echo "setting up $(AZCLI)"
	@$(PYTHON) -m venv --clear $(AZCLI)
	@$(AZCLI)/bin/python -m pip --disable-pip-version-check install --quiet --quiet --no-deps --require-hashes --requirement $<
	@touch $@
