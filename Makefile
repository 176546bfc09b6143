PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt
WORKERS := $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
PYTEST := OMP_NUM_THREADS=1 PYTEST_XDIST_AUTO_NUM_WORKERS=$(WORKERS) $(BIN)/python -m pytest --numprocesses auto --dist worksteal
TYPES := $(BIN)/basedpyright --pythonpath $(BIN)/python --pythonplatform

.PHONY: demo test check docs coverage bench clean

demo: .venv/ready
	$(BIN)/audioviz run music_video examples/song.ogg --out demo.mp4

test: .venv/ready-test
	$(PYTEST)

check: .venv/ready-check
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	printf '%s\n' Linux Darwin Windows | xargs -n 1 -P 3 $(TYPES)

docs: .venv/ready-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

coverage: .venv/ready-test
	$(PYTEST) --cov=audioviz --cov-report=term

bench: .venv/ready
	$(BIN)/python examples/benchmarks

.venv/ready: pyproject.toml .ci/constraints.txt
	$(PYTHON) -m venv .venv
	$(INSTALL) torch
	$(INSTALL) --editable .
	touch $@

.venv/ready-%: .venv/ready  # an extra of pyproject.toml: test, check or docs
	$(INSTALL) --editable '.[$*]'
	touch $@

.venv/ready-test: .venv/ready
	$(INSTALL) --editable '.[test]'
	$(INSTALL) --no-deps spandrel  # its torchvision would bring another torch; tests do without that
	touch $@

clean:
	rm -rf .venv build dist site .coverage demo.mp4 demo.png demo-schedule.png demo.audioviz
