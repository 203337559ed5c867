# The commands of the README. Each is safe to run twice.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export OPENREASON_ROOT ?= $(CURDIR)/data
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo ui test verl check format benchmark screenshots clean .env

help:
	@echo "make demo        install and run recipes/starter.yaml end to end"
	@echo "make ui          open the web UI on the same data"
	@echo "make test        install what the tests need and run all of them"
	@echo "make check       formatting, lint, types and import contracts only"
	@echo "make benchmark   measure and rewrite the table in docs/performance.md"
	@echo "make screenshots take the pictures in docs/images again"
	@echo "make clean       remove the virtual environment and caches; data stays"

demo: $(VENV)/.installed .env
	@$(BIN)/openreason run recipes/starter.yaml

ui: $(VENV)/.installed .env
	@$(BIN)/openreason ui

# Tests that need verl fail here where its environment is missing; a plain pytest leaves them out. They start hundreds of
# processes, each of which would compile all it imports if no bytecode were kept.
test: verl check
	@env -u PYTHONDONTWRITEBYTECODE VERL_PYTHON=$(CURDIR)/$(VENV)/verl/bin/python $(BIN)/python -m pytest --numprocesses=3 --no-loadscope-reorder

verl: $(VENV)/.verl-installed

check: $(VENV)/.test-installed
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/.test-installed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

benchmark: $(VENV)/.test-installed
	@$(BIN)/python -m benchmarks.performance --write docs/performance.md

screenshots: $(VENV)/.test-installed .env
	@$(BIN)/openreason run recipes/starter.yaml
	@$(BIN)/python -m docs.make_screenshots

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Plain `dagster dev` reads this file, so that it shows the same data as `make ui`. Other lines in it are kept.
.env:
	@mkdir -p "$(OPENREASON_ROOT)/dagster"
	@cp dagster.yaml "$(OPENREASON_ROOT)/dagster/dagster.yaml"
	@touch .env
	@others=$$(grep -Ev '^(OPENREASON_ROOT|DAGSTER_HOME)=' .env || true); \
	  printf '%s\n' "OPENREASON_ROOT=$(OPENREASON_ROOT)" "DAGSTER_HOME=$(OPENREASON_ROOT)/dagster" $${others:+"$$others"} > .env

# The stamp is written last: an environment whose making was interrupted is made again.
$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "error: $(PYTHON) is $$($(PYTHON) --version 2>&1); Python 3.11 or newer is needed. Set PYTHON=/path/to/python3.11."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	  || { echo "error: the venv module is missing. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.created pyproject.toml constraints.txt
	@echo "Installing OpenReason and its dependencies into $(VENV) (a few minutes the first time)"
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@command -v bwrap >/dev/null || echo "note: prompts that are answered with code need bubblewrap (Debian, Ubuntu: apt-get install bubblewrap)"
	@touch $@

# What the tests need is large and imported in part only: Python compiles it when it is imported.
$(VENV)/.test-installed: $(VENV)/.installed
	@$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --editable '.[test]'
	@$(BIN)/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec  # vLLM's, which need another torch
	@tests/install_system_packages.sh
	@touch $@

$(VENV)/.verl-installed: $(VENV)/.test-installed tests/verl_requirements.txt tests/install_verl.sh
	@tests/install_verl.sh $(BIN)/python $(VENV)/verl
	@touch $@
