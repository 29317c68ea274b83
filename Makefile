# Every target sets itself up: a virtual environment in .venv with the pinned dependencies, made once.
# Another Python: make PYTHON=python3.12 ...    More arguments: make serve ARGS="--help"

PYTHON ?=
ARGS ?=
MINUTES ?= 2
RUN := .venv/bin/python -m

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test check bench capacity chaos services lock clean

help:
	@echo "make demo      see a webhook, a schedule and a call become finished executions"
	@echo "make serve     run a hub on http://127.0.0.1:8400"
	@echo "make test      run every test, on a PostgreSQL and a RabbitMQ that are found or started"
	@echo "make check     formatting, lint, types, import contracts, unit tests: what must pass before a commit"
	@echo "make bench     measure; writes build/bench.json"
	@echo "make capacity  measure how much one hub holds: loops, waiting executions, executions in flight"
	@echo "make chaos     kill processes and servers under load for MINUTES=2, then count everything"
	@echo "make services  keep a private PostgreSQL and RabbitMQ running until Ctrl-C"
	@echo "make lock      pin the newest versions that pyproject.toml allows (needs uv)"
	@echo "make clean     remove everything that make can make again"

setup:
	@scripts/setup $(PYTHON)

demo: setup
	@.venv/bin/patchbay demo $(ARGS)

serve: setup
	@.venv/bin/patchbay serve $(ARGS)

test: setup
	@$(RUN) pytest -q $(ARGS)

check: setup
	@$(RUN) ruff format --check --quiet .
	@$(RUN) ruff check --quiet .
	@$(RUN) mypy --no-error-summary
	@.venv/bin/lint-imports
	@$(RUN) pytest -q tests/unit tests/architecture

bench: setup
	@$(RUN) benchmarks $(ARGS)

capacity: setup
	@$(RUN) benchmarks.capacity $(ARGS)

chaos: setup
	@$(RUN) tests.chaos --minutes $(MINUTES) $(ARGS)

services: setup
	@$(RUN) tests.services

lock:
	@scripts/lock

clean:
	@rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
