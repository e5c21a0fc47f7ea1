# Everything a newcomer, a developer and CI do with the project; `make help` lists it.

PYTHON ?= python3
TESTS ?= tests
# In how many processes at a time; single modules are clearer in one.
JOBS ?= $(if $(filter tests,$(TESTS)),2)

VENV := .venv
BIN := $(VENV)/bin
QUIET := --quiet --disable-pip-version-check --no-input
PIP := $(BIN)/python -m pip $(QUIET)
LINTED := jsongle_server tests fuzz benchmarks twisted docs contrib .ci
NEEDED := JSONgle-Server needs Python 3.11 or later. Name one: make PYTHON=/path/to/python3

# The locks are made on the oldest Python supported, by one release of pip-tools: others write them otherwise.
LOCK_PYTHON ?= python3.11
PIP_TOOLS := pip-tools==7.6.2
LOCK_VENV := build/lock-venv
LOCK := CUSTOM_COMPILE_COMMAND="make lock" $(LOCK_VENV)/bin/python -m piptools compile --quiet \
	--generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help:  ## list these targets
	@echo 'make TARGET, where TARGET is one of'
	@sed -n 's/^\([a-z-]*\):.*  ## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 12 | sed 's/^/  /'
	@echo 'PYTHON=python3.13 chooses the Python that a new $(VENV) is made from.'

.PHONY: run
run: $(VENV)/.runtime  ## start the server for development; ARGS="--wsPort 9000" adds options
	@exec $(BIN)/twistd --nodaemon --pidfile= jsongle --dev $(ARGS)

.PHONY: test
test: $(VENV)/.dev $(VENV)/.js  ## run all tests in two processes (JOBS=4: in more), or TESTS=tests.test_codec
	$(BIN)/python -m $(if $(MEASURED),coverage run -m )twisted.trial $(if $(JOBS),--jobs=$(JOBS)) $(TESTS)

.PHONY: coverage
coverage: $(VENV)/.dev  ## run all tests and show which lines and branches they leave out
	@$(BIN)/python -m coverage erase
	@$(MAKE) --no-print-directory test MEASURED=1
	@$(MAKE) --no-print-directory coverage-report

# On its own for CI, which goes on to the report when tests have failed.
.PHONY: coverage-report
coverage-report: $(VENV)/.dev
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

.PHONY: screenshots
screenshots: $(VENV)/.dev  ## take the pictures of the pages in docs/images anew, with Chromium; look at them then
	@mkdir -p docs/images
	SCREENSHOTS=$(CURDIR)/docs/images $(BIN)/python -m twisted.trial tests.test_browser_looks

.PHONY: soak
soak: $(VENV)/.dev  ## two minutes of a thousand clients on bad connections, two and a half in all; SECONDS=30 takes less
	$(BIN)/python -m tests.soak --seconds $(or $(SECONDS),120)

.PHONY: fuzz
fuzz: $(VENV)/.fuzz  ## five minutes of inputs that nobody has thought of; SECONDS=60 takes less
	$(BIN)/python -m fuzz --seconds $(or $(SECONDS),300)

.PHONY: bench
bench: $(VENV)/.bench  ## half an hour beside bare relays; writes the table's data and chart to build/benchmarks
	@mkdir -p build/benchmarks
	$(BIN)/python -m benchmarks --output build/benchmarks $(ARGS)

.PHONY: bench-quick
bench-quick: $(VENV)/.dev  ## less than a minute beside a bare Autobahn relay
	$(BIN)/python -m benchmarks --quick

# Anew each time, so that what is wrong with a page is said each time.
.PHONY: docs
docs: $(VENV)/.docs  ## build the documentation into build/docs; what is wrong with it fails
	$(BIN)/python -m sphinx --fresh-env --nitpicky --fail-on-warning --keep-going --quiet --builder html docs build/docs
	@echo 'build/docs/index.html is the documentation'

.PHONY: lint
lint: $(VENV)/.dev  ## check style, format and types
	$(BIN)/python -m ruff check $(LINTED)
	$(BIN)/python -m ruff format --check $(LINTED)
	$(BIN)/python -m mypy

.PHONY: format
format: $(VENV)/.dev  ## put the code in the house's format
	$(BIN)/python -m ruff check --fix-only --select I $(LINTED)
	$(BIN)/python -m ruff format $(LINTED)

.PHONY: wheel
wheel: $(VENV)/.dev  ## build the wheel into dist/
	@rm -rf build/lib build/bdist.* dist
	$(BIN)/python -m build --wheel --no-isolation --outdir dist .

.PHONY: lock
lock: $(LOCK_VENV)/.made  ## lock dependencies anew; LOCKFLAGS=--upgrade takes the newest releases
	$(LOCK) $(LOCKFLAGS) --build-deps-for editable --output-file requirements.txt setup.cfg
	$(LOCK) $(LOCKFLAGS) --extra dev --constraint requirements.txt --output-file requirements-dev.txt setup.cfg
	$(LOCK) $(LOCKFLAGS) --extra bench --constraint requirements.txt --constraint requirements-dev.txt \
		--output-file requirements-bench.txt setup.cfg
	$(LOCK) $(LOCKFLAGS) --extra docs --constraint requirements.txt --constraint requirements-dev.txt \
		--output-file requirements-docs.txt setup.cfg
	$(LOCK) $(LOCKFLAGS) --extra fuzz --constraint requirements.txt --constraint requirements-dev.txt \
		--output-file requirements-fuzz.txt setup.cfg

.PHONY: clean
clean:  ## remove everything that make, the tests and the tools have written
	rm -rf $(VENV) build dist *.egg-info _trial_temp* .coverage .coverage.* .hypothesis .mypy_cache .ruff_cache
	rm -rf benchmarks/bare/node_modules tests/js/node_modules
	find jsongle_server tests fuzz benchmarks twisted contrib \( -name __pycache__ -o -name dropin.cache \) -exec rm -rf {} +

# Each stamp below stands for a finished install, so that a second run starts at once and a broken one is done again.

$(VENV)/.made:
	@command -v "$(PYTHON)" >/dev/null || { echo "There is no $(PYTHON) here. $(NEEDED)" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is $$("$(PYTHON)" -V 2>&1). $(NEEDED)" >&2; exit 1; }
	@"$(PYTHON)" -m venv $(VENV)
	@touch $@

$(LOCK_VENV)/.made: Makefile
	@$(LOCK_PYTHON) -m venv $(LOCK_VENV)
	@$(LOCK_VENV)/bin/python -m pip $(QUIET) install $(PIP_TOOLS)
	@touch $@

# Without editable_mode=compat an editable install hides twisted/plugins from twistd.
$(VENV)/.runtime: $(VENV)/.made requirements.txt setup.cfg pyproject.toml
	@echo 'Installing JSONgle-Server and what it needs into $(VENV)'
	@$(PIP) install --require-hashes --requirement requirements.txt
	@$(PIP) install --no-deps --no-build-isolation --config-settings editable_mode=compat --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.txt
	@echo 'Installing the development tools into $(VENV)'
	@$(PIP) install --require-hashes --requirement requirements-dev.txt
	@touch $@

$(VENV)/.fuzz: $(VENV)/.dev requirements-fuzz.txt
	@echo 'Installing the fuzzer into $(VENV)'
	@$(PIP) install --require-hashes --requirement requirements-fuzz.txt
	@touch $@

$(VENV)/.docs: $(VENV)/.runtime requirements-docs.txt
	@echo 'Installing what builds the documentation into $(VENV)'
	@$(PIP) install --require-hashes --requirement requirements-docs.txt
	@touch $@

# What checks the types of the browser client: installed where there is npm, looked for again each time where there is none.
$(VENV)/.js: $(VENV)/.made tests/js/package-lock.json
	@if command -v npm >/dev/null; then npm ci --silent --prefix tests/js --no-audit --no-fund && touch $@; fi

# Relays in Node are measured where there are node and npm.
$(VENV)/.bench: $(VENV)/.dev requirements-bench.txt benchmarks/bare/package-lock.json
	@echo 'Installing what is measured beside this server'
	@$(PIP) install --require-hashes --requirement requirements-bench.txt
	@if command -v npm >/dev/null; then npm ci --silent --prefix benchmarks/bare --no-audit --no-fund; fi
	@touch $@
