# PYTHON  the Python 3.12 or 3.13 to make the environment from (default: found)
# VENV    the folder of the environment
# FSDD    archive or folder of the Free Spoken Digit Dataset (default: downloaded)
# AN4     archive or folder of CMU AN4 (default: downloaded)
# FOLD    of `make an4-fold`, 1 to 7 (default: 1)
# SEED    of the training of the digits and of AN4 (default: 2026)
# LOOK_AHEAD of `make digits-streaming`: 160, 320 or 640 ms (default: none)
# MINUTES for `make evidence` and `make an4-evidence` (default: 60)
PYTHON ?=
VENV ?= .venv
MINUTES ?= 60

# With it, `cd` would print where it went.
unexport CDPATH

MINI_AN4 := egs/mini_an4/esp2_asr
DIGITS := egs/fsdd/esp2_asr
STREAMING := streaming$(LOOK_AHEAD:%=_%)
AN4_RECIPE := egs/an4/esp2_asr
CHECKED := espnet_residuals espnet_residuals_import_hook.py tests egs docs benchmarks setup.py
RUN := "$(VENV)/bin/python" -m

# timed NAME,COMMAND: runs a part of the checks, and says how long it took.
define timed
@printf '=== %s\n' "$(1)"; started=$$(date +%s); $(2) && \
printf '=== %s: %s s\n' "$(1)" "$$(($$(date +%s) - started))"
endef

# A process for each core; each takes whole files, since the tests of a file share much.
PYTEST := OMP_NUM_THREADS=1 $(RUN) pytest -n auto --maxprocesses 8 --dist loadfile

define quick_tests
$(call timed,quick tests,$(PYTEST) -m "not long")
endef

define types
$(call timed,mypy,$(RUN) mypy --exclude '^egs/.*/esp2_asr/' $(CHECKED))
$(call timed,mypy $(MINI_AN4),MYPYPATH=$(MINI_AN4) $(RUN) mypy --no-warn-unused-configs $(MINI_AN4))
$(call timed,mypy $(DIGITS),MYPYPATH=$(DIGITS) $(RUN) mypy --no-warn-unused-configs $(DIGITS))
$(call timed,mypy $(AN4_RECIPE),MYPYPATH=$(AN4_RECIPE) $(RUN) mypy --no-warn-unused-configs $(AN4_RECIPE))
endef

define lint
$(call timed,black,$(RUN) black --check $(CHECKED))
$(call timed,isort,$(RUN) isort --check-only $(CHECKED))
$(call timed,flake8,$(RUN) flake8 $(CHECKED))
$(types)
endef

# Goes to a recipe's folder with $$python, and an FSDD and AN4 that hold from there.
define in_recipe
@python="$$(cd "$(VENV)" && pwd)/bin/python" && \
case "$(FSDD)" in \
	''|/*|'~'*) ;; \
	*) FSDD="$$PWD/$(FSDD)"; export FSDD ;; \
esac && \
case "$(AN4)" in \
	''|/*|'~'*) ;; \
	*) AN4="$$PWD/$(AN4)"; export AN4 ;; \
esac && \
cd $(1) &&
endef

# Train and decode conf/NAME.yaml; the arguments are those of the scripts.
define digits
@PYTHON="$$(cd "$(VENV)" && pwd)/bin/python" sh $(DIGITS)/digits.sh $(1)
endef

define an4
@PYTHON="$$(cd "$(VENV)" && pwd)/bin/python" sh $(AN4_RECIPE)/an4.sh $(1)
endef

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help venv demo digits digits-quick digits-heldout digits-decay digits-streaming an4 an4-quick an4-fold evidence evidence-report an4-evidence an4-evidence-report bench test test-all lint types hooks clean distclean

help:  ## show this text
	@echo "make TARGET [PYTHON=/path/to/python3.12] [VENV=folder]"
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-20s %s\n", $$1, $$2 }' Makefile

venv:  ## make the environment (.venv) and install everything; reused if up to date
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh setup_venv.sh

demo: venv  ## train and decode a small model on seven recordings (2 minutes)
	@python="$$(cd "$(VENV)" && pwd)/bin/python" && \
	cd $(MINI_AN4) && PYTHON="$$python" bash demo.sh

digits: venv  ## connected digits: train, decode, print the error rates (8 minutes)
	$(call digits,training)

digits-quick: venv  ## digits in half the epochs; fails if the error rate is bad
	$(call digits,quick test=6)

digits-heldout: venv  ## digits without one speaker, who is then read
	$(call digits,heldout)

digits-decay: venv  ## digits with `residual: decay`
	$(call digits,decay)

digits-streaming: venv  ## digits with a model that streams, and how late its words come
	$(call digits,$(STREAMING))
	$(call in_recipe,$(DIGITS)) "$$python" -m src.lateness exp/$(STREAMING)

an4: venv  ## sentences of unheard speakers: train, decode, print the error rates (26 minutes)
	$(call an4,training)

an4-quick: venv  ## AN4 in fewer epochs; fails if the error rate is bad (12 minutes)
	$(call an4,quick test=50)

an4-fold: venv  ## AN4, tested on the twelve speakers of one FOLD of seven
	$(call an4,fold)

evidence: venv  ## train the small models of egs/fsdd/esp2_asr/RESULTS.md for MINUTES
	$(call in_recipe,$(DIGITS)) for name in training heldout; do \
		"$$python" run.py --stages create_dataset \
			--training_config conf/$$name.yaml || exit; \
	done && \
	"$$python" -m evidence run --minutes $(MINUTES)

evidence-report: venv  ## make the tables and figures of RESULTS.md anew
	$(call in_recipe,$(DIGITS)) "$$python" -m evidence report

an4-evidence: venv  ## train the small models of egs/an4/esp2_asr/RESULTS.md for MINUTES
	$(call in_recipe,$(AN4_RECIPE)) "$$python" run.py --stages create_dataset \
		--training_config conf/training.yaml && \
	"$$python" -m evidence run --minutes $(MINUTES)

an4-evidence-report: venv  ## make the tables and figures of RESULTS.md anew
	$(call in_recipe,$(AN4_RECIPE)) "$$python" -m evidence report

bench: venv  ## speed and memory beside ESPnet (half an hour)
	$(RUN) benchmarks

test: venv  ## the quick tests and doctests, then lint (about 5 minutes)
	@echo "This takes about 5 minutes on two cores: the tests 4, lint 1."
	$(quick_tests)
	$(lint)

test-all: venv  ## all tests and doctests, then lint (about half an hour)
	@echo "This takes about half an hour on two cores; make test is the quick part of it."
	$(quick_tests)
	$(call timed,long tests,$(PYTEST) -m long)
	$(lint)

lint: venv  ## black, isort, flake8 and mypy (a minute)
	$(lint)

types: venv  ## mypy alone, of everything
	$(types)

hooks: venv  ## lint what is committed, by pre-commit (installs it into .venv)
	$(RUN) pip install pre-commit
	$(RUN) pre_commit install

clean:  ## remove caches and build products
	rm -rf build dist *.egg-info .hypothesis .mypy_cache .pytest_cache
	find espnet_residuals tests egs docs benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean  ## the same, and the environment
	@if [ -f "$(VENV)/pyvenv.cfg" ]; then rm -rf "$(VENV)"; fi
