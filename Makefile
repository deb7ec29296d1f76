# Two commands: `make run` serves, `make test` checks every rule. Both make .venv on first use.
# `make test-long` adds walks over every page, kills of processes under way, and properties with many examples.

PYTHON ?= python3
PORT ?= 8000
MINUTES ?= 60
BIN := .venv/bin
LOCKED := --quiet --constraint constraints.txt

.PHONY: run test test-long attacks soak lint format frozen prices bench quality lock clean

run: .venv/installed
	@PATH="$(CURDIR)/$(BIN):$$PATH" TALLYBOOK_PORT=$(PORT) $(BIN)/tallybook serve --demo-if-empty

test: .venv/tested lint
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-long: .venv/tested .venv/clients/installed
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "long or hypothesis" --hypothesis-profile many

# Measures what each hostile body costs the next sender, and prints the table of docs/quality.md.
attacks: .venv/tested
	$(BIN)/python -m tests.attacks

# Mixed traffic, hostile senders and faults, and what becomes of the memory: make soak MINUTES=60
soak: .venv/tested
	$(BIN)/python -m tests.attacks.soak --minutes $(MINUTES)

lint: .venv/tested
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: .venv/tested
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# Writes tests/frozen anew, which pins what a user sees: for a commit of its own that says why it changed.
frozen: .venv/tested
	UPDATE_FROZEN=1 $(BIN)/python -m pytest -q tests/test_frozen.py

# Writes LiteLLM's prices that ship anew, from the locked litellm, and prints what differs, for a review:
# make prices RELEASED=2026-11-20 (the day of that release on https://pypi.org/project/litellm/#history)
prices: .venv/tested
	$(BIN)/python -m ingest.price_book.ship_litellm $(RELEASED)

bench: .venv/tested
	$(BIN)/python -m tests.benchmarks.import_speed
	$(BIN)/python -m tests.benchmarks.sync_speed
	$(BIN)/python -m tests.benchmarks.tables
	$(BIN)/python -m tests.benchmarks.questions
	$(BIN)/python -m tests.benchmarks.pricing
	$(BIN)/python -m tests.benchmarks.pages
	$(BIN)/python -m tests.benchmarks.clicking
	$(BIN)/python -m tests.benchmarks.detector

# How well the tests watch the code that keeps identity and money, for docs/quality.md: about an hour of one core.
quality: .venv/tested .venv/quality/installed
	PYTHONPATH=.venv/quality $(BIN)/python -m tests.quality coverage
	PYTHONPATH=.venv/quality $(BIN)/python -m tests.quality mutants --seed 15 --count 500

# Moves every locked release to the newest that pyproject.toml allows.
lock: .venv/uv/bin/uv
	$< pip compile --quiet --upgrade --universal --python-version 3.11 --all-extras --group build --group clients --group quality \
		--annotation-style line --custom-compile-command 'make lock' --output-file constraints.txt pyproject.toml

clean:
	rm -rf .venv .quality demo.db demo.db-* demo.db.secret demo.db.lock

.venv/python: constraints.txt
	@$(PYTHON) -c "import sys; sys.version_info >= (3, 11) or sys.exit('Tallybook needs Python 3.11 or newer; try make PYTHON=python3.12')"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install $(LOCKED) pip
	touch $@

.venv/uv/bin/uv:
	$(PYTHON) -m venv .venv/uv
	.venv/uv/bin/python -m pip install --quiet uv

.venv/installed: .venv/python pyproject.toml
	$(BIN)/python -m pip install $(LOCKED) --build-constraint constraints.txt -e '.[postgres]'
	touch $@

.venv/tested: .venv/python pyproject.toml
	$(BIN)/python -m pip install $(LOCKED) --build-constraint constraints.txt -e '.[test]'
	touch $@ .venv/installed

.venv/clients/installed: .venv/python pyproject.toml
	$(PYTHON) -m venv .venv/clients
	.venv/clients/bin/python -m pip install $(LOCKED) pip
	.venv/clients/bin/python -m pip install $(LOCKED) --group clients
	touch $@

.venv/quality/installed: .venv/python pyproject.toml
	$(BIN)/python -m pip install $(LOCKED) --upgrade --target .venv/quality --group quality
	touch $@
