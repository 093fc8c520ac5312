# Thin names for the real commands. A stamp remembers what is installed, so a second call installs nothing.
PYTHON ?= python3
VENV ?= .venv
BENCH_VENV ?= .venv-bench
BENCH_PATHS ?= src examples
BENCH_OPTIONS ?=
OLDEST := $(addprefix tests/guard/test_,coverage.py modes.py attacks.py testing.py cors.py csrf.py lifecycle.py)
VERSIONS ?= 3.11 3.12 3.13

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PIN := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links

.PHONY: help demo test test-all test-oldest lint format bench pin clean
.DELETE_ON_ERROR:

help:
	@echo "make demo      scan the example services, run their guarded twins and call them"
	@echo "make test      run the tests"
	@echo "make test-oldest  the guard's tests on the oldest frameworks (part of make test)"
	@echo "make lint      ruff, mypy, import contracts"
	@echo "make bench     speed and memory; BENCH_PATHS='dir dir' for others than our own code"
	@echo "make test-all  the tests on Python $(VERSIONS)"
	@echo "make pin       new requirements/*.txt from requirements/*.in (needs uv)"

demo: $(VENV)/.demo
	$(BIN)/python examples/demo.py

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2
	@$(MAKE) --no-print-directory test-oldest

# Every kind of route, every attack and every mode, on the oldest frameworks, whose test client leaves streams unclosed.
test-oldest: $(VENV)-oldest/.oldest
	$(VENV)-oldest/bin/python -m pytest -n 2 -p no:cacheprovider -W ignore::DeprecationWarning -W ignore::PendingDeprecationWarning -W ignore::pytest.PytestUnraisableExceptionWarning $(OLDEST)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.runtime $(BENCH_VENV)/.bench $(BENCH_VENV)-guard/.bench
	$(BENCH_VENV)-guard/bin/python bench/guard.py
	$(BIN)/python bench/counters.py
	$(BIN)/python bench/startup.py
	$(BIN)/python bench/scan.py --bandit $(BENCH_VENV)/bin/bandit --semgrep $(BENCH_VENV)/bin/semgrep $(BENCH_OPTIONS) $(BENCH_PATHS)

test-all:
	@set -e; for version in $(VERSIONS); do \
	  echo "== Python $$version"; \
	  python=$$(.ci/python $$version); \
	  $(MAKE) --no-print-directory test VENV=.venv-$$version PYTHON="$$python"; \
	done

pin:
	$(PIN) requirements/runtime.in -o requirements/runtime.txt
	$(PIN) requirements/build.in -c requirements/runtime.txt -o requirements/build.txt
	$(PIN) requirements/dev.in -c requirements/runtime.txt -c requirements/build.txt -o requirements/dev.txt
	$(PIN) requirements/demo.in -c requirements/runtime.txt -c requirements/dev.txt -o requirements/demo.txt
	$(PIN) requirements/oldest.in -o requirements/oldest.txt
	$(PIN) requirements/bench.in -o requirements/bench.txt
	$(PIN) requirements/bench-guard.in -c requirements/runtime.txt -c requirements/dev.txt -o requirements/bench-guard.txt

clean:
	rm -rf .venv .venv-* build dist demo-output .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Ostiary needs Python 3.11 or newer: make PYTHON=python3.12 …" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements/build.txt requirements/runtime.txt pyproject.toml | $(VENV)/bin/python
	$(PIP) --require-hashes -r requirements/build.txt -r requirements/runtime.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.demo: requirements/demo.txt $(VENV)/.runtime
	$(PIP) --require-hashes -r requirements/demo.txt
	@touch $@

$(VENV)-oldest/.oldest: requirements/build.txt requirements/oldest.txt pyproject.toml
	test -x $(VENV)-oldest/bin/python || $(PYTHON) -m venv $(VENV)-oldest
	$(VENV)-oldest/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/oldest.txt
	$(VENV)-oldest/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt
	$(VENV)-oldest/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.runtime
	$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@

$(BENCH_VENV)/.bench: requirements/bench.txt
	$(PYTHON) -m venv $(BENCH_VENV)
	$(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
	@touch $@

$(BENCH_VENV)-guard/.bench: requirements/bench-guard.txt
	$(PYTHON) -m venv $(BENCH_VENV)-guard
	$(BENCH_VENV)-guard/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt -r requirements/bench-guard.txt
	$(BENCH_VENV)-guard/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
