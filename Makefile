# dbtune: every target makes the environment it needs. `make` alone lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PG     ?= 18
T      ?= tests
K      ?=
PYTEST := $(BIN)/python -m pytest --pg $(PG) $(if $(K),-k "$(K)")

.DEFAULT_GOAL := help
.PHONY: help demo test test-pure check lint types layers fix golden docs build clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "dbtune needs Python 3.11 or newer; run: make PYTHON=python3.12 ..." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(READY) ## a demo application on an embedded server, analysed
	$(BIN)/dbtune demo

test: $(READY) ## the whole test suite (T=path K=pattern PG=15|17|18)
	$(PYTEST) -n auto $(T)

test-pure: $(READY) ## the tests that need no server
	$(PYTEST) -m "not server" $(T)

check: lint types layers test ## all that CI runs

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(READY)
	$(BIN)/mypy dbtune tests

layers: $(READY)
	$(BIN)/lint-imports

fix: $(READY) ## format, and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench-%: $(READY) ## measure, one table each: bench-twin, bench-advisor, ... (tests/benchmarks/)
	$(BIN)/python -m tests.benchmarks.$*

golden: $(READY) ## rewrite the golden files from what the program prints now
	$(PYTEST) --golden tests

docs: $(READY) ## rewrite the generated blocks of the README
	$(PYTEST) --docs tests/test_readme.py

build: $(READY) ## the wheel and the source archive, in dist/
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean: ## remove the environment, caches and generated reports
	rm -rf $(VENV) dist reports/out .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
