# Everything a developer does, from a checkout and a Python alone.
#
#   make run      start the proxy in the foreground (ARGS="--listen tcp:8081 …")
#   make test     all tests, then the checks of the packages and of addons as packages
#   make lint     ruff, mypy, import-linter
#   make format   rewrite the code in the one layout
#   make mutants  see whether the tests notice changes in the code
#   make bench    measure
#   make memory   a gigabyte through the proxy in bounded memory (ARGS="--size 1g")
#   make conformance  the Autobahn test suite through the proxy
#   make conformance   run the Autobahn test suite through the proxy and without it (needs a Python 2.7)
#   make docs     rewrite the pages that are made from the code
#
# Set PYTHON to choose the interpreter (3.11 or newer), VENV to put the environment elsewhere.

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable

.PHONY: run test trial package-check plugin-check lint format mutants bench memory conformance docs clean

run: $(VENV)/.installed-base
	$(BIN)/mitmtw run $(ARGS)

test: trial package-check plugin-check

trial: $(VENV)/.installed-test
	$(BIN)/python -m twisted.trial tests

package-check: $(VENV)/.installed-test
	$(BIN)/python -m tests.package_check

plugin-check: $(VENV)/.installed-test
	$(BIN)/python -m tests.plugin_check

lint: $(VENV)/.installed-lint $(VENV)/.installed-test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.installed-lint
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

mutants: $(VENV)/.installed-test
	$(BIN)/python -m tests.mutants $(ARGS)

bench: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks.proxy $(ARGS)

memory: $(VENV)/.installed-test
	$(BIN)/python -m tests.interop.memory $(ARGS)

conformance: $(VENV)/.installed-test
	$(BIN)/python -m tests.conformance.autobahn $(ARGS)

docs: $(VENV)/.installed-base
	$(BIN)/mitmtw options --rst > docs/reference/options.rst
	$(BIN)/mitmtw hooks --rst docs/reference/hooks

clean:
	rm -rf $(VENV) build dist *.egg-info _trial_temp* .mypy_cache .ruff_cache .hypothesis

# The stamps are older than pyproject.toml or setup.py when what is installed may be old too.
$(VENV)/.installed-base: pyproject.toml setup.py | $(BIN)/python
	$(INSTALL) .
	@touch $@

$(VENV)/.installed-test $(VENV)/.installed-lint: $(VENV)/.installed-%: pyproject.toml setup.py | $(BIN)/python
	$(INSTALL) '.[$*]'
	@touch $@

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
