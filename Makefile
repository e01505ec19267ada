# Needs Python 3.11 or newer and make, nothing else. `make` alone lists what there is.

# The first interpreter that is new enough; PYTHON=/path/to/python3 chooses one.
INTERPRETER := $(shell for p in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	if "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then command -v "$$p"; break; fi; done)
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help run test test-fast lint format bench demo migrate clean environment environment-dev environment-train python

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

run: environment ## Everything on this machine: servers, API, pages, worker; prints addresses, a key, a curl line
	@exec $(BIN)/kulanz run --stop-with-parent

test: environment-dev ## All tests
	@$(PYTEST) -n auto

test-fast: environment-dev ## Tests without those that start servers of their own, kill them, or run a browser
	@$(PYTEST) -n auto -m "not slow"

lint: environment-dev ## ruff, format and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: environment-dev ## Let ruff put the files in order
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format .

bench: environment-train ## Measure against the budgets; writes docs/benchmarks.md
	@$(BIN)/python -m bench

demo: environment ## Decide one example question (after the first `make run`) and print the menu with its reasons
	@$(BIN)/kulanz decide examples/question.yaml

migrate: environment ## Bring the database to the newest schema
	@$(BIN)/kulanz migrate

clean: ## Remove the environment and caches; the data in .var stays
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist *.egg-info
	find gateway connectors tests bench -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

environment: python
	@"$(INTERPRETER)" .ci/environment.py

environment-dev: python
	@"$(INTERPRETER)" .ci/environment.py dev

environment-train: python
	@"$(INTERPRETER)" .ci/environment.py dev train

python:
	@test -n "$(INTERPRETER)" || { echo "Python 3.11 or newer is needed and none was found; set PYTHON=/path/to/python3" >&2; exit 1; }
