# Two commands do all set-up on a fresh machine: `make quickstart` and `make test`.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALL := pip --disable-pip-version-check install --quiet
PIP := $(BIN)/$(INSTALL) -c constraints.txt
PIP_OF_OTHERS := bin/$(INSTALL)
# Where it is set, each of the hundreds of processes that tests start compiles all of our modules.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: quickstart test test-system peers airflow lint format schemas site clean

# torch goes first and from the constraints: a plain `pip install torch` may bring gigabytes.
$(VENV)/.run: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) torch numpy
	$(PIP) -e '.[train]'
	touch $@

$(VENV)/.dev: $(VENV)/.run
	$(PIP) -e '.[train,api,dev]'
	touch $@

# PySpark brings Spark's jars, half a gigabyte.
$(VENV)/.spark: $(VENV)/.dev
	$(PIP) -e '.[spark]'
	touch $@

$(VENV)/.docs: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e '.[docs]'
	touch $@

# Other people's systems, for benchmarks and comparison tests.
.venv-peers/.done: benchmarks/peers.txt benchmarks/peers-nodeps.txt
	test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	.venv-peers/$(PIP_OF_OTHERS) torch==2.13.0
	.venv-peers/$(PIP_OF_OTHERS) -r benchmarks/peers.txt
	.venv-peers/$(PIP_OF_OTHERS) --no-deps \
		-r benchmarks/peers-nodeps.txt
	touch $@

.venv-pywb/.done: benchmarks/peers-pywb.txt
	test -x .venv-pywb/bin/python || $(PYTHON) -m venv .venv-pywb
	.venv-pywb/$(PIP_OF_OTHERS) -r benchmarks/peers-pywb.txt
	touch $@

peers: .venv-peers/.done .venv-pywb/.done

# Airflow has an environment of its own: its pins and Beam's need not agree.
.venv-airflow/.done: dags/requirements.txt dags/constraints.txt
	test -x .venv-airflow/bin/python || $(PYTHON) -m venv .venv-airflow
	.venv-airflow/$(PIP_OF_OTHERS) \
		-r dags/requirements.txt -c dags/constraints.txt
	touch $@

airflow: .venv-airflow/.done

quickstart: $(VENV)/.run
	$(BIN)/webtext demo .

# Three processes on two cores: one of them mostly waits for a crawl's delay or a cluster's start.
test: $(VENV)/.dev lint
	$(BIN)/pytest -m "not system" -n 3 --dist loadfile --no-loadscope-reorder

# What is slowest is worth knowing.
test-system: $(VENV)/.dev $(VENV)/.spark peers airflow
	$(BIN)/pytest -m system -n 2 --dist loadfile --no-loadscope-reorder --durations 30 --durations-min 10

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# What editors complete recipes with; a test says when these are out of date.
schemas: $(VENV)/.dev
	$(BIN)/webtext settings --schema --recipe build > pipeline/recipes/recipe.schema.json
	$(BIN)/webtext settings --schema --recipe train > trainer/recipes/run.schema.json

site: $(VENV)/.docs
	$(BIN)/sphinx-build --quiet --fail-on-warning -c docs . build/site

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf data/quickstart runs/quickstart
