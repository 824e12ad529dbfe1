# Every target makes what it needs: a bare machine has Python 3.11, pip, gcc, make and git.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/.ready

.PHONY: demo test lint bench real soak sbom clean help

help:
	@echo "make demo   phantoms, the whole flow for X-ray and skin, the audit table, report.html"
	@echo "make test   all tests"
	@echo "make lint   ruff, mypy --strict, import contracts"
	@echo "make bench  speed and quality against references in the same run, into bench.json"
	@echo "make real   the main job on the data in ../shared/data"
	@echo "make soak   minutes of load, kills, hostile input, clusters and a simulated schedule, on loopback"
	@echo "make sbom   the bill of materials, into build/sbom.json"
	@echo "make clean  removes what was built; runs and the cache stay"

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $(READY)

demo: $(READY)
	$(BIN)/knobo demo

# two files at a time, with one thread each: what two cores carry
test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python tests/benchmarks/bench.py

real: $(READY)
	$(BIN)/knobo run tests/real/xray.toml
	$(BIN)/knobo run tests/real/skin.toml
	$(BIN)/python -m pytest tests/real
	$(BIN)/python tests/benchmarks/bars.py

soak: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,ray,deploy-check]'
	$(PYTHON) -m venv build/checkov && build/checkov/bin/python -m pip install --quiet --disable-pip-version-check 'checkov>=3.2'
	PATH="$$PATH:$(CURDIR)/build/checkov/bin" $(BIN)/python -m pytest tests/soak -n 0

# what is installed, by name, version and licence
sbom: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,sbom]'
	mkdir -p build
	$(BIN)/cyclonedx-py environment $(BIN)/python --pyproject pyproject.toml --output-reproducible --of JSON -o build/sbom.json

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
