# make run        everything: database, web server, worker (PORT=8000, HOST=127.0.0.1)
# make test       linter and tests, in ten minutes (ARGS="-k booking" goes to pytest)
# make test-slow  what takes longer: floods, real proxies, second databases, restarts
# make mutate     changes the rules on purpose and says what no test notices: an hour or more (ARGS="--room days")
# make bench      measurements (ARGS= goes to bench)
# make lint       what `make test` asks of the source text;  make format puts it right
#
# PYTHON=python3.12 chooses the Python that .venv is made with.

PYTEST = .venv/bin/python -m pytest
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PIP = .venv/bin/python -m pip install --disable-pip-version-check
export PIP_ROOT_USER_ACTION = ignore
# Images of containers often set it: then each of the many processes of a test run compiles Django again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test test-slow mutate bench lint format

run: .venv/installed .env
	@chmod 600 .env
	@.venv/bin/python manage.py run

# Three for two cores: tests of pages wait for a browser now and then. With five, races lose the overlap they are about.
test: lint
	$(PYTEST) -m "not slow" --numprocesses=3 --dist=loadgroup $(ARGS)

# What starts the whole service runs by itself: some of it says how long a page may take. Exit code 5 of pytest says that
# ARGS leave no such test.
test-slow: .venv/installed-dev
	$(PYTEST) -m "slow and not real_clock" --numprocesses=2 --dist=loadgroup $(ARGS) || [ $$? -eq 5 ]
	$(PYTEST) -m "slow and real_clock" $(ARGS) || [ $$? -eq 5 ]

mutate: .venv/installed-dev
	.venv/bin/python -m tests.mutation $(ARGS)

bench: .venv/installed-dev
	.venv/bin/python -m bench $(ARGS)

lint: .venv/installed-dev
	.venv/bin/python -m ruff check .
	.venv/bin/python -m ruff format --check .
	.venv/bin/lint-imports --no-logo
	.venv/bin/djlint templates --lint --quiet
	DEMO=on ENV_FILE=/dev/null .venv/bin/mypy

format: .venv/installed-dev
	.venv/bin/python -m ruff check --fix .
	.venv/bin/python -m ruff format .

.env:
	@umask 077 && cp .env.example .env
	@echo "There was no .env: copied .env.example, which has DEMO=on (demo data, log-ins that everyone knows)."

.venv/installed: requirements.txt constraints.txt | .venv/made
	@echo "Installing the packages of requirements.txt (a minute or two, once)"
	@$(PIP) -r requirements.txt -c constraints.txt
	@touch $@

.venv/installed-dev: requirements-dev.txt .venv/installed
	@echo "Installing the packages of requirements-dev.txt (a minute or two, once)"
	@$(PIP) -r requirements-dev.txt -c constraints.txt
	@touch $@

# The file is written last: a .venv whose making was cut short is made again.
.venv/made:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and none was found. Install it, or say where it is: make $(MAKECMDGOALS) PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $(PYTHON) is not."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "Python's venv is missing. On Debian or Ubuntu: apt install python3-venv"; exit 1; }
	@echo "Making .venv"
	@rm -rf .venv
	@$(PYTHON) -m venv .venv
	@touch $@
