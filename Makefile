# make jam        set up what playing needs, and play
# make test       set up everything, and check it all
# make test-full  the full tiers of the tests that have them: hours
# make train      train both networks of Eck & Schmidhuber 2002 again and export them

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: jam test test-full train clean
.DELETE_ON_ERROR:

jam: $(VENV)/.for-playing
	@if test -t 0 && test -t 1; then $(BIN)/improv play; else $(BIN)/improv jam --choruses 1; fi

test: $(VENV)/.for-testing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -m 'not ports and not full' --numprocesses auto --maxprocesses 4 --dist worksteal
	$(BIN)/pytest -m 'ports and not full'

test-full: $(VENV)/.for-testing
	$(BIN)/pytest -m full

train: $(VENV)/.for-testing
	$(BIN)/python -P -m training.train eck2002-chords
	$(BIN)/python -P -m training.train eck2002-blues

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "improv needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -P -m venv $(VENV)

$(VENV)/.for-playing: pyproject.toml | $(BIN)/python
	$(BIN)/python -P -m pip install --quiet --editable .
	@touch $@

$(VENV)/.for-testing: pyproject.toml | $(BIN)/python
	$(BIN)/python -P -m pip install --quiet --editable '.[train,dev]'
	@touch $@ $(VENV)/.for-playing

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
