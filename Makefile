# Two commands: `make demo` shows the whole platform at work, `make test` checks it. Both set everything up themselves
# and may be run again at any time. Needed beforehand: Python 3.11 or 3.12 with venv (Debian: python3-venv), and make.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
VENV ?= .venv
PORT ?= 8000
WORKERS ?= 2
# Each worker begins with its own half, so that what a session makes once is made in one of them, and helps when done.
SHARED = -n $(WORKERS) --dist worksteal
BIN := $(VENV)/bin
# For a machine without a GPU: the address or folder of the CPU-only build of torch and torchvision. Their makers publish no
# hashes for the lock, so these two alone are taken unchecked; nothing that serves a GPU is installed then.
CPU_WHEELS ?=
# The stamp carries the lock's own hash: another lock, another installation; the same lock, nothing to do.
STAMP := $(VENV)/.installed-$(shell sha256sum requirements.lock | cut -c1-16)$(if $(CPU_WHEELS),-cpu)
UV_LINES = awk '/^uv==/ {on=1} on && !/^uv==/ && !/^ / {exit} on' requirements.lock
LINES = $(if $(CPU_WHEELS),awk '/^[a-z]/ {gpu = /^(torch|torchvision|triton|nvidia-[a-z0-9-]+|cuda-[a-z]+)==/} !gpu',cat) requirements.lock
CPU_PINS = $(shell awk '/^(torch|torchvision)==/ {print $$1}' requirements.lock)

export OMP_NUM_THREADS ?= 1

.PHONY: demo test test-sqlite test-postgres lint install lock serve worker help
.DEFAULT_GOAL := help

help:
	@echo "make demo   run the founding study end to end on drawn images, then serve it on port $(PORT) (PORT=8001 for another)"
	@echo "make test   lint, missing migrations, all tests on SQLite, and on PostgreSQL when TEST_POSTGRES_URL is set"
	@echo "make serve  web server alone; make worker: background worker alone; make lint; make lock"

demo: install
	@$(BIN)/python manage.py demo --address 127.0.0.1:$(PORT) $(DEMO_ARGS)

test: lint test-sqlite test-postgres

test-sqlite: install
	$(BIN)/python manage.py makemigrations --check --dry-run
	DATABASE_URL=sqlite:///$(CURDIR)/var/test.sqlite3 $(BIN)/python -m pytest $(SHARED) -q

test-postgres: install
	@if [ -n "$$TEST_POSTGRES_URL" ]; then \
	  echo "Tests that touch the database, again on PostgreSQL"; \
	  DATABASE_URL="$$TEST_POSTGRES_URL" $(BIN)/python -m pytest $(SHARED) -q --database-only; \
	else \
	  echo "PostgreSQL not tested: set TEST_POSTGRES_URL (Debian package: postgresql) or run .ci/run."; \
	fi

lint: install
	$(BIN)/ruff check .

serve: install
	$(BIN)/python manage.py migrate --verbosity 0
	DJANGO_SETTINGS_MODULE=config.settings.dev $(BIN)/gunicorn config.wsgi --threads 8 --bind 127.0.0.1:$(PORT)

worker: install
	DJANGO_SETTINGS_MODULE=config.settings.dev $(BIN)/celery -A config worker --pool solo --loglevel INFO

lock: install
	$(BIN)/uv pip compile --generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 -q requirements-dev.txt -o requirements.lock

install: $(STAMP)

$(STAMP): requirements.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11 is missing: install it (Debian: apt-get install python3 python3-venv)." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' || { echo "Diptych needs Python 3.11 or 3.12; $(PYTHON) is $$($(PYTHON) -V). Name another one with make PYTHON=/path/to/python3.11." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv is missing: install it (Debian: apt-get install python3-venv)." >&2; exit 1; }
	@test -x $(BIN)/python || { echo "Making the virtual environment $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "Installing the pinned requirements; the first time this downloads about 3 GB"
	@$(UV_LINES) > $(VENV)/uv.lock && $(BIN)/python -m pip install --quiet --require-hashes -r $(VENV)/uv.lock || { echo "The installer could not be fetched: is the package index reachable?" >&2; exit 1; }
	@$(LINES) > $(VENV)/install.lock
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes $(if $(CPU_WHEELS),--no-deps) -r $(VENV)/install.lock || $(BIN)/python -m pip install --require-hashes $(if $(CPU_WHEELS),--no-deps) -r $(VENV)/install.lock || { echo "The pinned requirements could not be installed; the lines above say which. Run the same command again to continue." >&2; exit 1; }
	@test -z "$(CPU_WHEELS)" || $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --no-deps --default-index "$(CPU_WHEELS)" $(CPU_PINS) || { echo "The CPU-only build of $(CPU_PINS) was not found at $(CPU_WHEELS)." >&2; exit 1; }
	@$(PYTHON) -c 'import ctypes.util, sys; sys.exit(not ctypes.util.find_library("pangoft2-1.0"))' || echo "Note: PDF reports need Pango (Debian: apt-get install libpango-1.0-0 libpangoft2-1.0-0); all else works without."
	@rm -f $(VENV)/.installed-*
	@touch $@
