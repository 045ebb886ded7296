# Two commands do all set-up on a fresh machine: `make quickstart` and `make test`.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check install --quiet -c constraints.txt

.PHONY: quickstart test test-system lint format clean

# torch goes first and from the constraints: a plain `pip install torch` may bring gigabytes.
$(VENV)/.run: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) torch numpy
	$(PIP) -e '.[train]'
	touch $@

$(VENV)/.dev: $(VENV)/.run
	$(PIP) -e '.[train,api,dev]'
	touch $@

quickstart: $(VENV)/.run
	$(BIN)/python -m pipeline.quickstart

test: $(VENV)/.dev lint
	$(BIN)/pytest -m "not system" -n 2

test-system: $(VENV)/.dev
	$(BIN)/pytest -m system

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf data/quickstart runs/quickstart
