# PYTHON  the Python 3.12 or 3.13 to make the environment from (default: found)
# VENV    the folder of the environment
PYTHON ?=
VENV ?= .venv

RECIPE := egs/mini_an4/esp2_asr
CHECKED := espnet_residuals tests egs docs benchmarks setup.py
RUN := "$(VENV)/bin/python" -m

define lint
$(RUN) black --check $(CHECKED)
$(RUN) isort --check-only $(CHECKED)
$(RUN) flake8 $(CHECKED)
$(RUN) mypy $(CHECKED)
endef

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help venv demo bench test test-all lint clean distclean

help:  ## show this text
	@echo "make TARGET [PYTHON=/path/to/python3.12] [VENV=folder]"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' Makefile

venv:  ## make the environment (.venv) and install everything; reused if up to date
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh setup_venv.sh

demo: venv  ## train and decode a small ASR model with the S4 encoder
	@python="$$(cd "$(VENV)" && pwd)/bin/python" && \
	cd $(RECIPE) && PYTHON="$$python" bash demo.sh

bench: venv  ## speed and memory beside ESPnet (half an hour)
	$(RUN) benchmarks --readme README.md

test: venv  ## the quick tests and doctests, then lint
	$(RUN) pytest -m "not long"
	$(lint)

test-all: venv  ## all tests and doctests, then lint
	$(RUN) pytest
	$(lint)

lint: venv  ## black, isort, flake8 and mypy
	$(lint)

clean:  ## remove caches and build products
	rm -rf build dist *.egg-info .hypothesis .mypy_cache .pytest_cache
	find espnet_residuals tests egs docs benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean  ## the same, and the environment
	@if [ -f "$(VENV)/pyvenv.cfg" ]; then rm -rf "$(VENV)"; fi
