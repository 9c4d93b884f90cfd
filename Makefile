# Needs Python 3.11 to 3.13, make and git; everything else is installed into .venv.
#   make install          install into .venv
#   make repro            install, run the pipeline, print the comparison
#   make ui               open its runs in MLflow
#   make install-dev      install what the tests and linters need
#   make test             the same, then run all tests
#   make lint             check style, types, import layers; with node and npm also the report's scripts, CSS and HTML
#   make format           fix style
#   make chaos            inject faults: kills, full disks, damaged files, odd input (3 minutes)
#   make chaos-long       inject many more (an hour or two)
#   make bench            measure what things cost on this machine (15 minutes), and write docs/performance.md
#   make s3               install what the Materials Project's bucket needs
#   make mp-api           install the Materials Project's client
#   make ray              install what a Ray cluster needs
#   make postgresql       install what studies in PostgreSQL need
#   make dashboard        install optuna-dashboard, which shows studies while they run
#   make auth             install what MLflow's server needs for users and passwords
#   make audit            look up known vulnerabilities of the pinned versions
#   make sbom             write what is installed, with licences, to sbom.cdx.json (CycloneDX)
#   make docs             check the documents, execute their code, and build a site of them: site/index.html
#   make reference        install the published modnet and crabnet into .venv-reference (Python 3.11, Linux x86-64)
#   make reference-test   compare ours with them
#   make pretrained       make the package's pre-trained model from this project (after `data use` and `dvc repro`)
#   make clean            remove environments and caches
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PYTHON311 ?= python3.11
WEB_LINT := tools/web-lint
AUDIT := $(VENV)-audit
REFERENCE := $(or $(ELECTRODE_BENCH_REFERENCE),.venv-reference)

# uv does not read pip's find-links (a folder of wheels, such as a local CPU build of torch): pass them on.
UV_FIND_LINKS ?= $(or $(PIP_FIND_LINKS),$(shell $(PYTHON) -m pip config get global.find-links 2>/dev/null))
ifneq ($(strip $(UV_FIND_LINKS)),)
export UV_FIND_LINKS
endif
UV_INSTALL = VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/uv pip install --quiet --compile-bytecode --constraints constraints.txt

.PHONY: help install install-dev docs bench s3 mp-api ray postgresql dashboard auth audit sbom repro test lint chaos chaos-long lint-web format ui pretrained clean reference reference-test

help:
	@sed -n 's/^#   //p' $(firstword $(MAKEFILE_LIST))

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "error: $(PYTHON) is $$($(PYTHON) --version); Python 3.11 to 3.13 is needed; name one: make PYTHON=python3.11" >&2; exit 2; }
	@echo "Installing into $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "error: $(PYTHON) cannot create a virtual environment; on Debian: apt-get install python3-venv" >&2; exit 2; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	@$(UV_INSTALL) --editable '.[excel]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Installing what the tests need"
	@$(UV_INSTALL) --editable '.[auth,dashboard,excel,mp-api,postgresql,ray,s3]' --group dev
	@touch $@

s3: install
	@$(UV_INSTALL) --editable '.[s3]'

mp-api: install
	@$(UV_INSTALL) --editable '.[mp-api]'

ray: install
	@$(UV_INSTALL) --editable '.[ray]'

postgresql: install
	@$(UV_INSTALL) --editable '.[postgresql]'

dashboard: install
	@$(UV_INSTALL) --editable '.[dashboard]'

auth: install
	@$(UV_INSTALL) --editable '.[auth]'

# Tools of their own environment: they are no part of what they describe.
$(AUDIT)/.installed: pyproject.toml constraints.txt | install
	@echo "Installing pip-audit and cyclonedx-bom into $(AUDIT) (once)"
	@$(BIN)/python -m venv $(AUDIT)
	@VIRTUAL_ENV=$(abspath $(AUDIT)) $(BIN)/uv pip install --quiet --constraints constraints.txt --group audit
	@touch $@

audit: $(AUDIT)/.installed
	@$(AUDIT)/bin/python tools/audit.py constraints.txt

sbom: install $(AUDIT)/.installed
	@$(AUDIT)/bin/cyclonedx-py environment --pyproject pyproject.toml --no-validate --output-reproducible \
	  --output-format JSON --output-file sbom.cdx.json $(BIN)/python
	@echo "sbom.cdx.json lists what is installed in $(VENV)"

repro: install
	@PATH="$(abspath $(BIN)):$$PATH" dvc repro
	@$(BIN)/electrode-bench show

ui: install
	@$(BIN)/electrode-bench ui

# One process more than there are cores: tests wait for servers and browsers a third of the time.
test: install-dev
	@PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m pytest \
	  -n "$$($(BIN)/python -c 'import os; print((os.cpu_count() or 1) + 1)')" --dist loadgroup

# SEED=7 makes other faults; docs/reliability.md says what is checked.
SEED ?= 1
chaos: install-dev
	@PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m chaos --short --seed $(SEED)

chaos-long: install-dev
	@PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m chaos --long --seed $(SEED)

# SNAPSHOT names a CSV of the Battery Explorer; without it, rows are synthetic. PARTS names parts (see --help).
SNAPSHOT ?=
PARTS ?=
bench: install-dev
	@PATH="$(abspath $(BIN)):$$PATH" ELECTRODE_BENCH_REFERENCE=$(abspath $(REFERENCE)) \
	  $(BIN)/python -m benchmarks $(PARTS) $(if $(SNAPSHOT),--snapshot $(SNAPSHOT))

lint: install-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@PATH="$(abspath $(BIN)):$$PATH" lint-imports
	@$(MAKE) --no-print-directory lint-web

# ESLint for JavaScript, CSS and HTML, as pinned in package-lock.json.
ifneq ($(and $(shell command -v node),$(shell command -v npm)),)
lint-web: $(WEB_LINT)/node_modules/.installed
	@$(WEB_LINT)/node_modules/.bin/eslint --config $(WEB_LINT)/eslint.config.js src/electrode_bench
else
lint-web:
	@echo "note: JavaScript, CSS and HTML were not checked: node or npm is missing; on Debian: apt-get install nodejs npm"
endif

$(WEB_LINT)/node_modules/.installed: $(WEB_LINT)/package.json $(WEB_LINT)/package-lock.json
	@npm ci --prefix $(WEB_LINT) --no-audit --no-fund --silent
	@touch $@

# Documents, code blocks and the notebook are checked first; then links of the site as it was built.
docs: install-dev
	@PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m pytest --quiet tests/test_documents.py tests/test_code_blocks.py
	@$(BIN)/python tools/website/notebook.py --check
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@$(BIN)/python tools/website/links.py site

format: install-dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

reference: $(REFERENCE)/.installed

# modnet and crabnet come last, without the versions that their metadata wrongly requires.
# The models look for this environment.
$(REFERENCE)/.installed: benchmarks/reference.txt
	@$(PYTHON311) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null \
	  || { echo "error: $(PYTHON311) is not Python 3.11, which modnet needs; name one: make reference PYTHON311=/path/to/python3.11" >&2; exit 2; }
	@echo "Installing modnet and crabnet into $(REFERENCE) (once)"
	@rm -rf $(REFERENCE)
	@$(PYTHON311) -m venv $(REFERENCE) \
	  || { echo "error: $(PYTHON311) cannot create a virtual environment; on Debian: apt-get install python3.11-venv" >&2; exit 2; }
	@$(REFERENCE)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	@VIRTUAL_ENV=$(abspath $(REFERENCE)) $(REFERENCE)/bin/uv pip install --quiet --compile-bytecode \
	  --requirement benchmarks/reference.txt
	@$(REFERENCE)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --ignore-requires-python \
	  ElementEmbeddings==0.8.0 modnet==0.4.5 crabnet==2.0.8
	@touch $@

reference-test: reference
	@PYTHONPATH=src:benchmarks/parity ELECTRODE_BENCH_REFERENCE=$(abspath $(REFERENCE)) $(REFERENCE)/bin/python -m pytest -o addopts=--import-mode=importlib --confcutdir=benchmarks/parity benchmarks/parity

# Boosting is as good as the ensemble within the noise, and starts without torch.
pretrained: install
	@$(BIN)/electrode-bench pretrain --model boosting --licence "CC BY 4.0"

clean:
	rm -rf site $(VENV) $(AUDIT) .venv-reference .cache .pytest_cache .mypy_cache .ruff_cache $(WEB_LINT)/node_modules .hypothesis
