PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready

.PHONY: demo test bench clean

demo: $(READY)
	$(BIN)/audioviz run music_video examples/song.ogg --out demo.mp4

test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile

bench: $(READY)
	$(BIN)/python examples/benchmarks

$(READY): pyproject.toml .ci/constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt --editable '.[test]'
	touch $(READY)

clean:
	rm -rf .venv build dist demo.mp4 demo.png demo-schedule.png demo.audioviz
