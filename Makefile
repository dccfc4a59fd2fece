# `make help` lists what can be done. Everything runs in VENV, which is made on first use.
PYTHON ?= python3
VENV ?= .venv
STUDIES ?=
ARGS ?=
# Tests at a time, each on one core.
JOBS ?= 2
# A process of tests that dies is a failure to look into, never replaced; a failure is told when it happens.
PYTEST_FLAGS = -q --instafail --durations 20 -n $(JOBS) --max-worker-restart 0
# Another package index to find torch on too, say PyTorch's CPU builds: docs/install.md.
TORCH_INDEX_URL ?=

export TORCH_INDEX_URL
export PYTHON_IS_DEFAULT := $(if $(filter file,$(origin PYTHON)),yes)

.DEFAULT_GOAL := help
.PHONY: help demo serve test test-long test-full test-tools pacs-demo soak fuzz bench audit lint format venv venv-dev lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "Options: STUDIES=folder  PYTHON=python3.12  VENV=folder  TORCH_INDEX_URL=url  ARGS='-k name -x' (for test, pacs-demo, soak, fuzz)"

demo: venv ## segment the sample series and show what comes out
	@$(VENV)/bin/sdseg demo

serve: venv ## start the server on STUDIES (default: a copy of the sample series, in sample-studies/)
	@$(VENV)/bin/sdseg serve $(if $(STUDIES),--studies "$(STUDIES)")

test: venv-dev test-tools ## run the tests
	@OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest $(PYTEST_FLAGS) --dist loadfile --no-loadscope-reorder $(ARGS)

test-long: venv-dev test-tools ## run the long campaigns, whose short forms are among the tests
	@OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -m long $(PYTEST_FLAGS) --dist worksteal $(ARGS)

test-full: venv-dev ## run the tests of full-size weights: 8 GB of disk and of memory
	@$(VENV)/bin/python -m pytest -m full_size $(ARGS)

test-tools: ## install what the tests need beside Python: Orthanc, dcmtk, OHIF's reader of DICOM SEG, MLflow's server
	@scripts/install-system-deps.sh
	@scripts/install-js-tools.sh
	@scripts/install-mlflow.sh "$(PYTHON)"

pacs-demo: venv ## C-STORE in, the node, SEG back by C-STORE and by STOW, with a real Orthanc
	@scripts/install-system-deps.sh
	@$(VENV)/bin/python scripts/pacs_demo.py $(ARGS)

soak: venv ## 1,000 studies through a node that is killed again and again, into archives that fail
	@scripts/install-system-deps.sh
	@$(VENV)/bin/python scripts/soak.py $(ARGS)

fuzz: venv-dev ## ten minutes of schemathesis against a running server
	@$(VENV)/bin/python scripts/api_fuzz.py $(ARGS)

bench: venv-dev ## what a slice, a series and a start cost here, and whether the aims are met (BENCH=folder for the reports)
	@scripts/bench.sh "$(VENV)" "$(BENCH)"

audit: venv-dev ## known weaknesses of the installed packages
	@scripts/audit.sh "$(VENV)"

lint: venv-dev ## check style and types
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy

format: venv-dev ## put the code in the one style
	@$(VENV)/bin/ruff check --fix --quiet . || true
	@$(VENV)/bin/ruff format .

venv: ## make or refresh the environment
	@scripts/venv.sh "$(VENV)" "$(PYTHON)"

venv-dev: ## the same with the tools of test and lint
	@scripts/venv.sh "$(VENV)" "$(PYTHON)" dev

lock: ## write constraints.txt anew after a change to a requirements file
	@scripts/lock.sh "$(PYTHON)"

clean: ## remove the environment and what the tools left behind
	@if [ -e "$(VENV)/pyvenv.cfg" ]; then rm -rf "$(VENV)"; fi
	@rm -rf build .mypy_cache .pytest_cache .ruff_cache lib/*.egg-info *.egg-info
	@find lib sdseg_app tests -name __pycache__ -type d -prune -exec rm -rf {} +
