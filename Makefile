# make demo: set up and run the default experiment. make test: set up and pass the tests.
# Needs Python >= 3.11 and make; uv is fetched where it is missing.

CORES ?= 2
TOOLS := .uv
UV := $(shell command -v uv 2>/dev/null || echo $(TOOLS)/bin/uv)
RUN := $(UV) run --frozen --no-sync

.PHONY: demo test test-all test-browser test-cluster bench lint reference setup clean

setup: .venv/.ready

# compiled once: TensorFlow's import is several times slower from plain source
.venv/.ready: uv.lock pyproject.toml
	@command -v uv >/dev/null || test -x $(TOOLS)/bin/uv || \
		{ python3 -m venv $(TOOLS) && $(TOOLS)/bin/python -m pip install --quiet uv; }
	PYTHONDONTWRITEBYTECODE= $(UV) sync --frozen --extra workflow --compile-bytecode
	@command -v uv >/dev/null || \
		echo 'uv is not installed here: before `uv run ...`, say  export PATH="$(CURDIR)/$(TOOLS)/bin:$$PATH"'
	@touch $@

demo: setup
	$(RUN) snakemake --cores $(CORES)

test: setup lint
	$(RUN) pytest -n $(CORES) -m "not slow and not browser and not cluster"

test-all: setup lint
	$(RUN) pytest -n $(CORES) -m "not browser and not cluster"

# the page in headless Chromium (Debian: apt-get install chromium; another place: CHROMIUM=...)
test-browser: setup
	$(UV) sync --frozen --inexact --extra workflow --group browser
	$(RUN) pytest -n0 -m browser

# losses on a SLURM that the tests start (Debian, as root: tests/cluster/install_slurm.sh)
test-cluster: setup
	$(UV) sync --frozen --inexact --extra workflow --extra slurm
	$(RUN) pytest -n0 -m cluster

bench: setup
	$(RUN) python benchmarks/recordings_to_hdf5.py
	$(RUN) python benchmarks/training_steps.py
	$(RUN) python benchmarks/dry_run.py
	$(RUN) python benchmarks/tables.py
	$(RUN) python benchmarks/interval_coverage.py
	$(RUN) python benchmarks/predict.py
	$(RUN) python benchmarks/embeddings.py

lint: setup
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) snakefmt --check Snakefile rules
	$(RUN) codespell Snakefile config.yaml experiments rules workflow src tests benchmarks docs *.md
	$(RUN) mypy

# docs/reference: schema and page of the settings, from their models
reference: setup
	$(RUN) python -m dawnchorus.cli.reference_files .

clean:
	rm -rf .venv $(TOOLS)
