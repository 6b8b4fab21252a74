# What a fresh machine needs: make and Python 3.11 or newer (PYTHON=… says which). Every target makes its own .venv.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
CODE := $(wildcard dispatcher routing_rules connectors schemas deploy tests benchmarks)
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run scale test check bench chaos replay-boston generate lock
.DELETE_ON_ERROR:

help: ## this list
	@grep -hE '^[a-z%-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: $(STAMP) ## page, API, clocks and metrics in one process, SQLite under ./var
	$(BIN)/liandong serve $(ARGS)

scale: $(STAMP) ## the same engine with PostgreSQL, Kafka and a worker, all on loopback
	@exec $(BIN)/python -m deploy.local.scale $(ARGS)

# Two processes, a file at a time each: much of a test is waiting (for a broker, for a server to start).
test: $(STAMP) ## all tests, real PostgreSQL and Kafka included (ARGS go to pytest)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile $(ARGS)

check: $(STAMP) ## style, types, imports, generated files
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports --cache-dir var/cache/import-linter
	$(BIN)/python -m schemas.generate --check
	$(BIN)/python -m dispatcher.cli.lifecycle_page --check

bench: $(STAMP) ## every figure beside its baseline; NAME=… for one
	$(BIN)/python -m benchmarks $(NAME)

bench-%: $(STAMP) ## one figure
	$(BIN)/python -m benchmarks $*

chaos: $(STAMP) ## long fault injection
	$(BIN)/python -m pytest -m chaos --timeout 3600 $(ARGS)

replay-boston: $(STAMP) ## half a year of real reports against the city's own answers
	$(BIN)/python -m benchmarks.replay_boston $(ARGS)

generate: $(STAMP) ## JSON Schemas, OpenAPI, AsyncAPI from the types, the life cycle's page from its table
	$(BIN)/python -m schemas.generate
	$(BIN)/python -m dispatcher.cli.lifecycle_page

# Keeps what is pinned as far as pyproject.toml allows; ARGS=--upgrade takes the newest.
lock: $(STAMP) ## requirements.lock anew from pyproject.toml
	$(PYTHON) -m venv var/lock
	var/lock/bin/python -m pip install --quiet uv
	var/lock/bin/uv pip compile pyproject.toml --group dev --extra s3 --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --quiet --output-file requirements.lock $(ARGS)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Liandong needs Python 3.11 or newer; say which with PYTHON=...")'
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "This Python cannot make environments: install python3-venv (Debian) or say PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@
