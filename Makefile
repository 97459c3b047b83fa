# Two commands for a first visit. Each makes its own virtual environment where there is none.
#
#   make demo    segment example images and write a report
#   make test    install everything for development and run the tests
#
# PYTHON chooses the interpreter (3.11 or later): make demo PYTHON=python3.12
# TORCH_INDEX is where torch is looked for besides pip's own index: make test TORCH_INDEX=https://…

PYTHON ?= python3
VENV   ?= .venv
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif

.PHONY: demo test clean

demo: $(VENV)/installed-core
	$(BIN)/cellwright demo -o demo-results

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest $(PYTEST_OPTIONS)

$(BIN)/python:
	$(PYTHON) -c "import sys; sys.version_info >= (3, 11) or sys.exit('Cellwright needs Python 3.11 or later: make PYTHON=python3.12')"
	$(PYTHON) -m venv $(VENV)

# The stamps are older than pyproject.toml when it changes, and so pip runs again.
$(VENV)/installed-core: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	$(BIN)/python -c "open('$@', 'w').close()"

# To pip, 2.13.0+cpu is a later version than 2.13.0, so the build without CUDA wins wherever it is
# found. Only torch is asked for there, and only once: where that index cannot be reached, pip goes on
# with what its own index has.
$(VENV)/installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --no-deps torch -c constraints.txt \
	  --extra-index-url $(TORCH_INDEX) --retries 1 --timeout 30
	$(BIN)/python -m pip install --quiet --editable ".[train,dev,notebook]" -c constraints.txt
	$(BIN)/python -c "open('$@', 'w').close()"
	$(BIN)/python -c "open('$(VENV)/installed-core', 'w').close()"

clean:
	$(PYTHON) -c "import shutil; [shutil.rmtree(p, True) for p in ('$(VENV)', '.venv-interop', 'demo-results')]"
