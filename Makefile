# Two commands for a fresh machine with Python 3.11 or later, pip and make:
#   make demo    install into .venv and run the whole experiment on the simulated bench
#   make test    install into .venv and run the test suite (the slow part of it: .venv/bin/python -m pytest -m slow)
# The plain pip lines that these stand for are in README.md.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed

.PHONY: demo test check clean

demo: $(STAMP)
	$(BIN)/labctl demo

test: $(STAMP)
	$(BIN)/python -m pytest

# everything that must hold besides the tests: style, types, import contracts, migrations
check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	rm -f $(VENV)/check.db
	LABCTL_DATABASE_URL=sqlite:///$(VENV)/check.db $(BIN)/alembic upgrade head
	LABCTL_DATABASE_URL=sqlite:///$(VENV)/check.db $(BIN)/alembic check

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "labctl needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $(STAMP)

clean:
	rm -rf $(VENV) labctl-demo
