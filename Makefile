# Everything a contributor types. `make run` and `make test` set up whatever they need by themselves.

UV     := scripts/uv
VENV   := .venv/bin
PYTEST := $(VENV)/python -m pytest
# Where Python may not write its bytecode later (PYTHONDONTWRITEBYTECODE), every start would compile everything: 2.7 s, not 1.
COMPILE := $(VENV)/python -m compileall -q app waitpoint

.DEFAULT_GOAL := help
.PHONY: help setup setup-server run test check format bench e2e tools

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | awk -F '\t' '{ printf "  make %-8s %s\n", $$1, $$2 }'

setup: ## Install everything into .venv: server, SDK and the tools of this Makefile
	@$(UV) sync --frozen --all-extras --compile-bytecode --quiet
	@$(COMPILE)

setup-server: # only what a running server needs, and nothing taken away from a full .venv
	@$(UV) sync --frozen --extra server --no-default-groups --inexact --compile-bytecode --quiet
	@$(COMPILE)

run: setup-server ## Start a development server on http://127.0.0.1:8000 (PORT=… for another port)
	@exec $(VENV)/python -m scripts.run_development_server

test: setup tools ## Run all tests: both databases, the official JavaScript SDK, a real browser
	$(PYTEST) -n auto --dist worksteal tests; first=$$?; $(PYTEST) -n auto --maxprocesses 2 e2e && exit $$first

e2e: setup tools ## Run the stories in a real browser only
	$(PYTEST) e2e

check: setup ## Check format, lint and types
	$(VENV)/ruff format --check .
	$(VENV)/ruff check .
	$(VENV)/mypy
	$(VENV)/mypy docs/examples/*.py docs/examples/adapters/*.py

format: setup ## Put the code into the house format
	$(VENV)/ruff format .
	$(VENV)/ruff check --fix .

bench: setup tools ## Measure speed against an empty handler, big tables against small ones
	$(VENV)/python -m benchmarks

tools: setup
	@$(VENV)/python -m scripts.ensure_tools
