# make jam        set up what playing needs, and play
# make test       set up everything, and check it all; quickly on another Python too
# make lint       format, style, types and imports alone
# make unit       the tests that need neither MIDI ports nor much time
# make docs       build the documents into site/, strictly: every link has to lead somewhere
# make goldens    write anew what tests compare with: renders, screens, the controls in the documents; look at git diff after it
# make test-full  the full tiers of the tests that have them: hours
# make train      train both networks of Eck & Schmidhuber 2002 again, export them, and put their reports into docs/models

VENV := .venv
BIN := $(VENV)/bin

# The interpreters that are looked at, the first that fits is used; or: make PYTHON=python3.12 ...
PYENV := $(or $(PYENV_ROOT),$(HOME)/.pyenv)/versions
UV := $(HOME)/.local/share/uv/python
PYTHONS := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python \
	$(wildcard $(PYENV)/*/bin/python3 $(UV)/*/bin/python3))

# It runs, has what an environment is made with, is a version for which everything has wheels, and locks itself as usual.
SUITS := import sys, sysconfig, venv, ensurepip; \
	sys.exit(not (3, 11) <= sys.version_info < (3, 15) or bool(sysconfig.get_config_var("Py_GIL_DISABLED")))
SAYS := import sys; print(f"improv uses Python {sys.version.split()[0]} ({sys.executable})")

# The newest Python that is tried beside the one in use. What needs torch leaves itself out there (tests/conftest.py), and
# what plays for long, mostly waits for processes, or looks at the source, is left to the one in use.
NEXT := 3.13
NEXT_VENV := .venv-$(NEXT)
NEXT_PYTHONS := python$(NEXT) $(wildcard $(PYENV)/$(NEXT)*/bin/python3 $(UV)/cpython-$(NEXT)*/bin/python3)
NEXT_SKIPS := tests/ports $(patsubst %,tests/%.py,test_architecture test_goldens test_processes test_readme cli/test_daemon_command cli/test_jobs \
	cli/test_directories_taken_away \
	diagnostics/test_bench diagnostics/test_soak midi/test_midi_fuzz models/test_model_bombs \
	recording/test_take_bounds runtime/test_evening runtime/test_model_swap runtime/test_requests runtime/test_supervisor \
	session/test_answers session/test_cells_in_a_session session/test_controls session/test_fallback session/test_short_turns \
	system/test_fluidsynth system/test_programs) \
	$(filter-out %_views.py %_keyboard_view.py %_piano.py %_roll.py %_letters.py %_banner.py %_sheet.py %_status.py,$(wildcard tests/tui/test_*.py))

# What builds the documents, as pyproject.toml pins it.
DOCS_VENV := .venv-docs
DOCS_NEED := import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["docs"])

# What is quick: values, and processes that are waited for only briefly.
UNIT := $(patsubst %,tests/%,music protocol session models midi config ipc) tests/test_architecture.py

# Bytecode is kept, also where the environment asks for none: each of the many processes would compile all tests again.
export PYTHONDONTWRITEBYTECODE :=

# More than there are cores: many tests wait for a process.
WORKERS := import os; print(min(4, (os.cpu_count() or 1) + 1))

.PHONY: jam help test lint unit docs goldens test-next test-full train clean
.DELETE_ON_ERROR:

jam: $(VENV)/.for-playing
	@echo "improv is $(BIN)/improv here; pipx install . puts it on your PATH"
	@if test -t 0 && test -t 1; then $(BIN)/improv play; else $(BIN)/improv jam --choruses 1; fi

help:
	@sed -n 's/^# make /make /p' Makefile

test: $(VENV)/.for-testing
	@$(BIN)/python -P -c '$(SAYS)'
	@$(MAKE) --no-print-directory test-style
	@$(MAKE) --no-print-directory --jobs 4 test-ports test-types test-rest test-next

lint: $(VENV)/.for-testing
	@$(MAKE) --no-print-directory test-style test-types

unit: $(VENV)/.for-testing
	$(BIN)/pytest -m 'not ports and not full' $(UNIT) --numprocesses auto --maxprocesses 4 --dist worksteal

.PHONY: test-style test-ports test-types test-rest
test-style:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

test-types:
	$(BIN)/mypy
	$(BIN)/lint-imports

# What needs real ports mostly waits for the one JACK server it has, so the rest is tried beside it, and gives way to it:
# it takes the longest, and a server that is late makes it begin again. It is shown when done, and so is the next Python.
test-ports: SHOWN := $(VENV)/test-ports.txt
test-ports:
	@$(BIN)/pytest -m 'ports and not full' >$(SHOWN) 2>&1; status=$$?; cat $(SHOWN); exit $$status

test-rest:
	nice -n 3 $(BIN)/pytest -m 'not ports and not full' --numprocesses $$($(BIN)/python -P -c '$(WORKERS)') --dist worksteal

# On the next Python, where it is found and is not the one in use already.
test-next:
	@if $(BIN)/python -P -c 'import sys; sys.exit(sys.version_info[:2] != tuple(map(int, "$(NEXT)".split("."))))'; then exit 0; fi; \
	for python in $(NEXT_PYTHONS); do \
		if $$python -P -c '$(SUITS)' 2>/dev/null; then \
			exec $(MAKE) --no-print-directory test-on-next NEXT_PYTHON=$$python; \
		fi; \
	done; \
	echo "there is no Python $(NEXT) here: not tried with it"

.PHONY: test-on-next
test-on-next: SHOWN := $(NEXT_VENV)/tests.txt
test-on-next: $(NEXT_VENV)/.for-testing
	@$(NEXT_VENV)/bin/python -P -c '$(SAYS)'
	@nice -n 3 $(NEXT_VENV)/bin/pytest -m 'not ports and not full' $(NEXT_SKIPS:%=--ignore=%) \
		--numprocesses auto --maxprocesses 4 --dist worksteal >$(SHOWN) 2>&1; status=$$?; cat $(SHOWN); exit $$status

$(NEXT_VENV)/.for-testing: pyproject.toml
	test -x $(NEXT_VENV)/bin/python || $(NEXT_PYTHON) -P -m venv $(NEXT_VENV)
	$(NEXT_VENV)/bin/python -P -m pip install --quiet --editable '.[test]'
	@touch $@

test-full: $(VENV)/.for-testing
	$(BIN)/pytest -m full

docs: $(DOCS_VENV)/.for-docs
	$(DOCS_VENV)/bin/zensical build --clean --strict

goldens: $(VENV)/.for-testing
	$(BIN)/python -m tests.documents
	$(BIN)/python -m tests.goldens
	IMPROV_WRITE_GOLDENS=1 $(BIN)/pytest -q tests/tui/test_looks.py

train: $(VENV)/.for-testing
	$(BIN)/python -P -m training train eck2002-chords
	$(BIN)/python -P -m training train eck2002-blues
	mv exported_models/eck2002-*.md exported_models/eck2002-*-loss.png docs/models/

$(BIN)/python:
	@for python in $(PYTHONS); do \
		if $$python -P -c '$(SUITS)' 2>/dev/null; then \
			$$python -P -c '$(SAYS)' && exec $$python -P -m venv $(VENV); \
		fi; \
	done; \
	echo "improv needs Python 3.11 to 3.14 with venv; none of these is one: $(PYTHONS)"; \
	echo "install one (Debian, Ubuntu: sudo apt install python3 python3-venv), or name one: make PYTHON=/path/to/python3"; \
	exit 1

$(VENV)/.for-playing: pyproject.toml | $(BIN)/python
	$(BIN)/python -P -m pip install --quiet --editable .
	@touch $@

$(VENV)/.for-testing: pyproject.toml | $(BIN)/python
	$(BIN)/python -P -m pip install --quiet --editable '.[train,dev]'
	@touch $@ $(VENV)/.for-playing

# An environment of its own: the documents need nothing of improv, and are built in seconds.
$(DOCS_VENV)/.for-docs: pyproject.toml | $(BIN)/python
	$(BIN)/python -P -m venv $(DOCS_VENV)
	$(DOCS_VENV)/bin/python -P -m pip install --quiet $$($(BIN)/python -P -c '$(DOCS_NEED)')
	@touch $@

clean:
	rm -rf $(VENV) $(NEXT_VENV) $(DOCS_VENV) site .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
