# One entry for people and for CI. `make` or `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# CPython 3.11 makes the environments; `make PYTHON=/path/to/python3.11 setup` chooses another one.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
UV_VERSION := 0.13.9
BIN := .venv/bin
STAMP := .venv/.installed
AIRFLOW_STAMP := .venv-airflow/.installed
LABEL_STUDIO_STAMP := .venv-label-studio/.installed
MATCHING_PEERS_STAMP := .venv-matching-peers/.installed
PYTEST := $(BIN)/python -m pytest
# Tests that run side by side, files in the order of their folders: those of `integration` and `pipeline`, which take
# minutes each, come before the many small ones of `unit`. `make WORKERS=0 test` runs one after the other.
WORKERS ?= 2

# A folder of wheels that pip is told of is told to uv, too; certificates that pip trusts are trusted by uv.
ifdef PIP_FIND_LINKS
export UV_FIND_LINKS := $(PIP_FIND_LINKS)
endif
ifdef PIP_CERT
export SSL_CERT_FILE ?= $(PIP_CERT)
endif

# Compiled modules are kept: without them each process of dbt, Ray or Dagster compiles anew what it imports, for seconds.
export PYTHONDONTWRITEBYTECODE :=
export DAGSTER_DISABLE_TELEMETRY := 1
export RAY_USAGE_STATS_ENABLED := 0
export GX_ANALYTICS_ENABLED := false
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export DO_NOT_TRACK := 1

.PHONY: help setup demo test test-faults lint format bench ui docs airflow label-studio matching-peers lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 16

setup: $(STAMP) ## install everything into .venv; nothing to do the second time

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import platform, sys; ok = sys.version_info[:2] == (3, 11) and platform.python_implementation() == "CPython"; sys.exit(0 if ok else "beautyflow needs CPython 3.11, but $(PYTHON) is " + platform.python_implementation() + " " + platform.python_version() + "; install it, or name it: make PYTHON=/path/to/python3.11 setup")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(call install,$(BIN),-c constraints.txt -e '.[dev]')
	@touch $@

demo: setup ## simulate a community, run everything on it, print who is beautiful and unseen
	$(BIN)/beautyflow demo

# Ray's workers give way to everything else, so on a busy machine the tests would wait for them for minutes.
test test-faults: export RAY_worker_niceness := 0

test: setup ## all tests but the ones that kill whole jobs, take minutes or need a GPU
	$(PYTEST) -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not alone and not faults and not long and not gpu"
	$(PYTEST) -m "alone and not faults and not long and not gpu"

test-faults: setup ## kill whole jobs at random moments, Ray included, and what takes minutes
	$(PYTEST) -m "faults or long"

lint: setup ## ruff, mypy, import-linter, sqlfluff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/sqlfluff lint dbt_project

format: setup ## let ruff order imports and lay out the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## compare speed and memory with bounds and with others, in an hour or more on idle cores; asserts nothing
	@set -e; for benchmark in tests/benchmarks/bench_*.py; do echo "== $$benchmark"; $(BIN)/python $$benchmark; done

ui: setup ## open Dagster on the community in var/
	$(BIN)/beautyflow ui

docs: setup ## dbt's documentation of the warehouse as one HTML page
	$(BIN)/python -m assets.dbt.documentation

airflow: $(AIRFLOW_STAMP) ## install Airflow into .venv-airflow, an environment of its own

$(AIRFLOW_STAMP): infra/airflow/requirements.txt infra/airflow/constraints.txt
	@test -x .venv-airflow/bin/python || $(PYTHON) -m venv .venv-airflow
	@$(call install,.venv-airflow/bin,-c infra/airflow/constraints.txt -r infra/airflow/requirements.txt)
	@touch $@

label-studio: $(LABEL_STUDIO_STAMP) ## install Label Studio into .venv-label-studio, an environment of its own

$(LABEL_STUDIO_STAMP): infra/label_studio/requirements.txt infra/label_studio/constraints.txt
	@test -x .venv-label-studio/bin/python || $(PYTHON) -m venv .venv-label-studio
	@$(call install,.venv-label-studio/bin,-c infra/label_studio/constraints.txt -r infra/label_studio/requirements.txt)
	@touch $@

matching-peers: $(MATCHING_PEERS_STAMP) ## install other packages for matching into .venv-matching-peers; only `make bench` uses them

$(MATCHING_PEERS_STAMP): infra/matching_peers/requirements.txt infra/matching_peers/constraints.txt
	@test -x .venv-matching-peers/bin/python || $(PYTHON) -m venv .venv-matching-peers
	@$(call install,.venv-matching-peers/bin,-c infra/matching_peers/constraints.txt -r infra/matching_peers/requirements.txt)
	@touch $@

# uv installs in seconds what pip installs in minutes; where uv cannot be had or fails, pip does it.
define install
($(1)/python -m pip install --quiet uv==$(UV_VERSION) && $(1)/uv pip install --python $(1)/python $(2)) \
	|| { echo "uv did not install it; trying pip"; $(1)/python -m pip install $(2); }
endef

lock: setup ## write constraints.txt from what is installed: versions only, whatever they were installed from
	$(BIN)/uv pip freeze --python $(BIN)/python --exclude-editable \
		| grep -E '^[A-Za-z0-9._-]+==' | grep -vE '^(uv|pip)==' | sed -E 's/\+cpu$$//' > constraints.txt

clean: ## remove environments, caches and the community in var/
	rm -rf .venv .venv-airflow .venv-label-studio .venv-matching-peers .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	rm -rf var dbt_project/target dbt_project/logs
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
