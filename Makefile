# Needs GNU make and Python 3.11 or newer with venv; everything else goes into .venv. `make help` lists what there is.
# Another Python: make lab PYTHON=python3.12      Options for the program itself: make lab ARGS=--no-browser

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.SUFFIXES:
.PHONY: help lab test docs bench lessons kernels check check-gpu constraints venv clean FORCE

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1#\2/p' Makefile | awk -F'#' '{ printf "%-18s%s\n", $$1, $$2 }'

lab: .venv/installed-lab ## open the course in JupyterLab; the first time, install it into .venv
	@$(BIN)/minivae lab $(ARGS)

# All of them run, so that one fault does not hide another; pytest is the last, so its summary closes the output.
test: .venv/installed-dev ## style, types, tests, and every lesson run again and compared with its outputs
	@failed=; \
	for tool in "ruff check ." "ruff format --check ." "mypy"; do \
	    echo "== $$tool"; \
	    $(BIN)/python -m $$tool || failed="$$failed $${tool%% *}"; \
	done; \
	echo "== pytest"; \
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest tests lessons --nbval -n 2 --dist loadfile $(ARGS) \
	    || failed="$$failed pytest"; \
	[ -z "$$failed" ] || { echo "make test: failed:$$failed" >&2; exit 1; }

docs: .venv/installed-docs ## build the site, lessons with live quizzes, into build/docs/html; needs npm, for MathJax
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python docs/build.py $(ARGS)

bench: .venv/installed-lab ## time training steps beside what else is installed; ARGS="--out docs/benchmark.md --curves"
	@$(BIN)/minivae bench $(ARGS)

# A plain install of CuPy: constraints.txt is written where no GPU is.
check-gpu: .venv/installed-dev ## on a machine with a GPU: tests, each kernel's time, training steps; report in docs/gpu.md
	@$(INSTALL) -e ".[gpu]"
	@$(BIN)/python -m tests.gpu $(ARGS)

lessons: .venv/installed-dev ## build the notebooks from lessons/source; one of them: ARGS=04
	@$(BIN)/python -m minivae.learn.build $(ARGS)
	@$(BIN)/python -m minivae.learn.cards

kernels: .venv/installed-dev ## compile all CUDA kernels for seven generations of GPUs, and write their tables into docs/kernels.md
	@$(BIN)/python -m minivae.cuda.tables

check: .venv/installed-dev ## say whether the notebooks are those that lessons/source makes
	@$(BIN)/python -m minivae.learn.build --check $(ARGS)

# Run it with the oldest Python there is to support: newer ones draw in versions that 3.11.2 (Debian 12) cannot install.
# Without the local part of a version (+cpu): it names a build that not every index has.
constraints: .venv/made ## write constraints.txt from what is installed in .venv
	@$(BIN)/python -m pip freeze --exclude-editable > .venv/freeze
	@{ echo "# The versions this is developed and tested with; \`make constraints\` wrote them."; \
	   sed -n 's/^\([A-Za-z0-9._-]*==[^+]*\).*/\1/p' .venv/freeze | grep -v '^minivae=='; } > .venv/constraints
	@mv .venv/constraints constraints.txt

venv: .venv/made ## an empty .venv

clean: ## remove what tools leave behind; .venv stays (rm -rf .venv to begin anew)
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis ./*.egg-info
	find . -name .venv -prune -o -name __pycache__ -prune -exec rm -rf {} +

# A stamp is made last: an installation that was interrupted has none, and is done again.
.venv/installed-lab: .venv/made pyproject.toml constraints.txt
	@echo "make: installing the course and JupyterLab into .venv; once, and some minutes on a slow line"
	@$(INSTALL) -e ".[lab]"
	@touch $@

.venv/installed-dev: .venv/made pyproject.toml constraints.txt
	@echo "make: installing the course, JupyterLab and the test tools into .venv; once, and some minutes on a slow line"
	@$(INSTALL) -e ".[lab,dev]"
	@touch .venv/installed-lab $@

.venv/installed-docs: .venv/made pyproject.toml constraints.txt
	@echo "make: installing the course, JupyterLab and Sphinx into .venv; once, and some minutes on a slow line"
	@$(INSTALL) -e ".[lab,docs]"
	@touch .venv/installed-lab $@

NEWER = Install Python 3.11 or newer and name it, for example: make lab PYTHON=python3.12 \
    (Debian, Ubuntu: sudo apt install python3 python3-venv; Fedora: sudo dnf install python3; macOS: brew install python)
PACKAGE = Install them (Debian, Ubuntu: sudo apt install \
    python$$("$(PYTHON)" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv; \
    Fedora: sudo dnf install python3 python3-pip) and try again

# An environment is full of absolute paths. The stamp holds the folder it was made for; it is written only when that
# changes, so what depends on it is not installed again.
.venv/made: FORCE
	@here=$$(pwd -P); \
	if [ -e .venv ] && ! { [ "$$(cat $@ 2>/dev/null || echo "$$here")" = "$$here" ] \
	        && $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	        && $(BIN)/python -m pip --version >/dev/null 2>&1; }; then \
	    echo "make: .venv does not work here: moved, copied, cut short, or its Python is gone; making it again"; \
	    rm -rf .venv; \
	fi; \
	if [ ! -e .venv ]; then \
	    command -v "$(PYTHON)" >/dev/null || { echo "make: $(PYTHON) is not there. $(NEWER)"; exit 1; }; \
	    "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	        || { echo "make: $(PYTHON) is $$("$(PYTHON)" -V 2>&1); 3.11 or newer is needed. $(NEWER)"; exit 1; }; \
	    "$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null \
	        || { echo "make: $(PYTHON) lacks the modules venv and ensurepip. $(PACKAGE)"; exit 1; }; \
	    "$(PYTHON)" -m venv .venv || { rm -rf .venv; exit 1; }; \
	fi; \
	[ -e $@ ] || echo "$$here" > $@
