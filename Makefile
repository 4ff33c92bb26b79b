# Beautyflow: what a person calls; CI calls the same. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:

PYTHON ?= $(shell command -v python3.11 || command -v python3)
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
AIRFLOW_VENV := .venv-airflow

export DAGSTER_DISABLE_TELEMETRY := 1
export RAY_USAGE_STATS_ENABLED := 0
export GX_ANALYTICS_ENABLED := false
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
# Where pip is told to find local wheels, uv is told too.
ifneq ($(strip $(PIP_FIND_LINKS)),)
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
endif

.PHONY: help setup demo test test-faults lint format bench ui docs airflow lock clean

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(VENV)/.ready ## Install everything at pinned versions into .venv

$(VENV)/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
		|| { echo "Beautyflow needs CPython 3.11; $(PYTHON) is another. Call: make setup PYTHON=/path/to/python3.11" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(UV) pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python -m assets.dbt.manifest >/dev/null
	touch $@

demo: setup ## Simulate a community and run the whole platform on it
	@$(BIN)/beautyflow demo

test: setup ## All tests but the long fault tests
	$(BIN)/pytest -m "not faults and not gpu"

test-faults: setup ## Kill whole jobs at random moments
	$(BIN)/pytest -m faults tests/faults

lint: setup ## Style, types, layers, SQL
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --strict --ignore-missing-imports --allow-subclassing-any dags
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint dbt_project

format: setup ## Put Python files into the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## Measure, each claim beside its peer and its bound; takes long
	for script in tests/benchmarks/bench_*.py; do echo "== $$script"; $(BIN)/python $$script; done

ui: setup ## Open Dagster at http://localhost:3000
	@$(BIN)/beautyflow ui

docs: setup ## Documentation of the dbt models, below dbt_project/target
	$(BIN)/python -m assets.dbt.prepare --docs

airflow: $(AIRFLOW_VENV)/.ready ## Airflow's own environment in .venv-airflow

$(AIRFLOW_VENV)/.ready: $(VENV)/.ready infra/airflow/requirements.txt infra/airflow/constraints.txt
	test -x $(AIRFLOW_VENV)/bin/python || $(PYTHON) -m venv $(AIRFLOW_VENV)
	$(UV) pip install --quiet --python $(AIRFLOW_VENV)/bin/python --constraint infra/airflow/constraints.txt --requirement infra/airflow/requirements.txt
	touch $@

lock: ## Write constraints.txt from what is installed in .venv
	$(UV) pip freeze --quiet --python $(BIN)/python --exclude-editable | sed -E 's/\+cpu$$//' | grep -vE '@ |^uv==' > constraints.txt

clean: ## Remove environments and everything computed; landed data in var/landing goes too
	rm -rf $(VENV) $(AIRFLOW_VENV) var dbt_project/target .pytest_cache .mypy_cache .ruff_cache
