# Needs Python 3.11 to 3.13, make and git; everything else is installed into .venv.
#   make repro   install, run the pipeline, print the comparison
#   make ui      open its runs in MLflow
#   make test    install what the tests need and run them all
#   make lint    style, types, import layers
#   make s3      install what reading the Materials Project's bucket needs
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# uv does not read pip's find-links (a folder of wheels, such as a local CPU build of torch): pass them on.
UV_FIND_LINKS ?= $(or $(PIP_FIND_LINKS),$(shell $(PYTHON) -m pip config get global.find-links 2>/dev/null))
ifneq ($(strip $(UV_FIND_LINKS)),)
export UV_FIND_LINKS
endif
UV_INSTALL = VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/uv pip install --quiet --compile-bytecode --constraints constraints.txt

.PHONY: help install install-dev s3 repro test lint format ui clean

help:
	@sed -n 's/^#   //p' $(firstword $(MAKEFILE_LIST))

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "error: $(PYTHON) is $$($(PYTHON) --version); Python 3.11 to 3.13 is needed: make PYTHON=python3.11" >&2; exit 2; }
	@echo "Installing into $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "error: $(PYTHON) cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2; exit 2; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	@$(UV_INSTALL) --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Installing what the tests need"
	@$(UV_INSTALL) --editable '.[s3]' --group dev
	@touch $@

s3: install
	@$(UV_INSTALL) --editable '.[s3]'

repro: install
	@PATH="$(abspath $(BIN)):$$PATH" dvc repro
	@$(BIN)/electrode-bench show

ui: install
	@$(BIN)/electrode-bench ui

test: install-dev
	@PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m pytest -n auto

lint: install-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@PATH="$(abspath $(BIN)):$$PATH" lint-imports

format: install-dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis
