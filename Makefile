# One verb a chore, the same by hand and in CI. `make` alone lists them.

# Where Turnout keeps builds and downloads; here, so that a clone leaves nothing behind elsewhere.
TURNOUT_CACHE ?= $(CURDIR)/.cache/turnout
export TURNOUT_CACHE

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTHONS := python3 python3.13 python3.12 python3.11
RUN_UV := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras \
	--no-config --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(UPGRADE)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv demo test faults bench check lock wheel clean

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## deploy the sample to a server that lives in a temporary folder (ARGS="--keep" to stay)
	$(BIN)/turnout demo $(ARGS)

# Tests lay out whole servers; in memory that takes a quarter of the time. Not where /dev/shm is small.
SPACIOUS := $(shell [ -w /dev/shm ] && [ "$$(df -Pk /dev/shm | awk 'NR==2 {print $$4}')" -gt 6000000 ] && echo /dev/shm)

# Much of a deployment is waiting (a bake, a reload, a link), so one more worker than there are cores.
WORKERS ?= $(shell expr $$(nproc 2>/dev/null || echo 2) + 1)

test: $(READY) ## run all tests (ARGS="-m 'not integration'" for the fast ones, WORKERS=1 for a few at a time)
	TMPDIR=$${TMPDIR:-$(SPACIOUS)} $(BIN)/pytest -n $(WORKERS) --dist loadfile --durations 15 --durations-min 10 $(ARGS)

FAULTS := .cache/faults.jsonl

faults: $(READY) ## kill and fail everything everywhere, and write docs/faults.md (hours; TURNOUT_FAULTS_RUN=20 for some)
	@rm -f $(FAULTS); mkdir -p .cache
	-TMPDIR=$${TMPDIR:-$(SPACIOUS)} TURNOUT_FAULTS_RUN=$${TURNOUT_FAULTS_RUN:-all} \
		TURNOUT_FAULTS_RESULTS=$(CURDIR)/$(FAULTS) \
		$(BIN)/pytest -q -n $(WORKERS) --dist worksteal $(or $(ARGS),tests/faults)
	$(BIN)/python -m tests.faults.table $(FAULTS) docs/faults.md
	@! grep -n RED docs/faults.md

bench: $(READY) ## measure Turnout against plain scripts, and write docs/performance.md (hours; ARGS=--quick: five minutes)
	$(BIN)/python -m tests.benchmarks $(ARGS)

check: $(READY) ## lint, format, types, who imports whom, and Python 3.8 for the host program
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --python-version 3.10 src/turnout_host
	$(BIN)/lint-imports --no-logo
	$(BIN)/python .ci/host_is_stdlib_only.py
	$(BIN)/vermin --quiet --target=3.8- --violations src/turnout_host
	.ci/real_python38

venv: $(READY) ## make .venv with everything that the other verbs need

lock: $(READY) ## write the locks anew from pyproject.toml (UPGRADE="--upgrade" for newer versions)
	$(RUN_UV) --output-file requirements.lock
	$(RUN_UV) --group dev --constraint requirements.lock --output-file requirements-dev.lock
	@! grep -nE '(https?|file)://|--(extra-)?index-url|--find-links' requirements.lock requirements-dev.lock \
		|| { echo "a lock names an address: do not commit it" >&2; exit 1; }

wheel: $(READY) ## build the wheel into dist/
	rm -rf dist
	$(BIN)/hatchling build --target wheel

clean: ## remove everything that was made here
	rm -rf $(VENV) .cache build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests .ci -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# A venv that runs is kept and brought up to date; another one is made anew. The stamp is written last, so
# that an interrupted installation is taken up again.
$(READY): requirements-dev.lock pyproject.toml
	@rm -f $@; set -eu; modern='import sys; sys.exit(sys.version_info < (3, 11))'; \
	if $(BIN)/python -c "$$modern" 2>/dev/null && $(BIN)/python -c 'import pip' 2>/dev/null; then exit 0; fi; \
	python=; for name in $(PYTHONS); do \
		if $$name -c "$$modern" 2>/dev/null; then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "Turnout needs Python 3.11 or later; none of these is one here: $(PYTHONS)" >&2; exit 1; \
	fi; \
	if ! $$python -c 'import venv, ensurepip' 2>/dev/null; then \
		echo "$$python cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv" >&2; \
		exit 1; \
	fi; \
	echo "making $(VENV) with $$($$python --version)"; \
	$$python -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
