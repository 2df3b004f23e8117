# Each goal makes its own environment in .venv; stamp files there make a second call start at once.
#   make demo    train, smooth, draw: the main job end to end
#   make test    the tests (TRACEJIT_FUZZ_EXAMPLES=50000 make test: the long fuzz)
#   make test-gpu  the tests of the GPU target with cupy; no GPU is needed
#   make lint    lint, format, types
#   make check   lint, and the tests of layering and of types as users see them
#   make docs    the documentation site in build/site; warnings are errors
#   make dist    wheel and source archive in dist, checked; the tutorial in a fresh environment of the wheel
#   make bench   side-by-side rows against NumPy and whichever peers are installed

PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --no-compile --disable-pip-version-check

.PHONY: demo test test-gpu lint check bench docs dist format clean

demo: $(VENV)/.stamp-demo
	$(PY) -m demo

test: $(VENV)/.stamp-test
	$(PY) -m pytest -n $(JOBS) --dist worksteal -q

test-gpu: $(VENV)/.stamp-gpu-test
	TRACEJIT_ALL_ON_DEVICE=1 $(PY) -m pytest -n $(JOBS) --dist worksteal -q tests/ptx

lint: $(VENV)/.stamp-dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy --strict tracejit

check: lint
	$(PY) -m pytest -q tests/test_layering.py tests/test_types.py

docs: $(VENV)/.stamp-docs
	NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict --quiet

dist: $(VENV)/.stamp-dist
	rm -rf dist
	$(PY) -m build --quiet
	$(PY) -m twine check --strict dist/*
	$(PY) -m tests.fresh dist/*.whl

bench: $(VENV)/.stamp-bench
	$(PY) -m tracejit.bench

format: $(VENV)/.stamp-dev
	$(PY) -m ruff check --fix-only .
	$(PY) -m ruff format .

clean:
	rm -rf $(VENV) demo/output build dist .mypy_cache .ruff_cache .pytest_cache

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "tracejit needs Python 3.11 or newer; '$(PYTHON)' is" \
	    "$$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12" >&2; exit 1; }
	@echo "making $(VENV) with $$($(PYTHON) --version) ..."
	@$(PYTHON) -m venv $(VENV)

# An interpreter's own date says nothing about what is installed, hence order-only.
$(VENV)/.stamp-%: pyproject.toml | $(PY)
	@echo "installing tracejit[$*] into $(VENV) ..."
	@$(PIP) -e '.[$*]'
	@touch $@
