# `make book` and `make test` do everything on a fresh machine: they set up .venv themselves.

PYTHON ?= $(firstword $(foreach p,python3.13 python3.12 python3.11 python3,\
	$(shell $(p) -c 'import sys; sys.version_info >= (3, 11) and print("$(p)")' 2>/dev/null)))
BIN := .venv/bin
INSTALLED := .venv/.installed
BOOK := _build/html/index.html

# Nothing of the user's environment but what pip needs: another locale, another place to install
# to, other modules. Values of PIP_USER here go before those in pip's own configuration.
export PYTHONUTF8 := 1
export PIP_USER := 0
unexport PIP_TARGET PIP_PREFIX PIP_ROOT PYTHONHOME PYTHONPATH PYTHONSTARTUP PYTHONWARNINGS
unexport PLOTLY_RENDERER
# Tests start hundreds of processes; each would compile all modules anew.
unexport PYTHONDONTWRITEBYTECODE

# The notebooks with numbers in sentences, tables and fits.
NUMBERS := verdicts controls shape simple scratch copycats cost design saliency

.DEFAULT_GOAL := help
.PHONY: help book check test elsewhere notebooks bench lock clean

help:  ## say what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 8

book: $(INSTALLED)  ## build the book and print where it is
	@$(call build_book)
	@echo "The book: $(CURDIR)/$(BOOK)"

check: $(INSTALLED)  ## what is checked in under two minutes: style, types, imports, quick tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/python -m pytest -n auto --dist loadgroup -m "not book and not notebooks and not slow"

# Many tests wait for processes that they start: the book is built beside them.
test: $(INSTALLED)  ## run everything that CI runs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@$(MAKE) --no-print-directory -j 2 tests-of-code tests-of-notebooks
	$(BIN)/python -m pytest -n auto --dist loadgroup -m book $$(grep -rl mark.book tests --include=*.py)

.PHONY: tests-of-code tests-of-notebooks
tests-of-code: $(INSTALLED)
	$(BIN)/python -m pytest -n auto --dist loadgroup -m "not book"

# What it says comes whole, when it is done.
tests-of-notebooks: $(INSTALLED)
	@mkdir -p _build
	@{ $(BIN)/python -m pytest -n auto --dist loadfile --nbval notebooks --nbval-current-env && \
	$(call build_book); } > _build/notebooks.log 2>&1; failed=$$?; cat _build/notebooks.log; exit $$failed

# NumPy and OpenBLAS compute as on an old processor: averages and fits differ in their last bits.
elsewhere: $(INSTALLED)  ## do the notebooks show the same numbers by other instructions? (x86)
	NPY_DISABLE_CPU_FEATURES="$$($(BIN)/python -c \
		'from numpy._core._multiarray_umath import __cpu_dispatch__ as d; print(*d)')" \
	OPENBLAS_CORETYPE=Nehalem $(BIN)/python -W error::ImportWarning -m pytest --nbval \
		$(NUMBERS:%=notebooks/%.ipynb) -p no:xdist --nbval-current-env

notebooks: $(INSTALLED)  ## run the notebooks and store what they print
	$(BIN)/python notebooks/store_outputs.py

bench: $(INSTALLED)  ## time training, pruning, inference and commands
	$(BIN)/python benchmarks/steps.py
	$(BIN)/python benchmarks/steps.py --precision float32 --out results/benchmarks/float32.json
	ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16 $(BIN)/python benchmarks/steps.py \
		--cases wide-peak narrow-peak --out results/benchmarks/vectors.json
	$(BIN)/python benchmarks/precision.py
	$(BIN)/python benchmarks/inference.py
	$(BIN)/python benchmarks/executors.py
	$(BIN)/python benchmarks/everyday.py

# What differs from one kind of machine to another (CUDA's libraries) is left to PyTorch's own pins.
# Run it with the oldest Python: a later one may take packages that it cannot install.
lock: $(INSTALLED)  ## pin what the pinned packages need, from what is installed
	@{ echo "# \`make lock\` writes it: what the packages in requirements.txt need, as it was tested."; \
	$(BIN)/python -m pip freeze --exclude-editable | grep -viE '^(nvidia|cuda|triton|torch)| @ ' | \
	grep -viE "^($$(grep -oE '^[A-Za-z0-9_.-]+==' requirements.txt | paste -sd'|' -))"; \
	} > constraints.txt

clean:  ## remove the book and the virtual environment
	rm -rf _build .venv

# Without -W a notebook that raises would not fail the build; _build/html goes first, because
# numbers glued on pages go stale in it.
define build_book
rm -rf _build/html _build/.doctrees && \
$(BIN)/jupyter-book build . --all -W -n --keep-going && \
test -f $(BOOK)
endef

# The last lines silence a kernel's warning, once a notebook, that nobody on this machine needs.
$(INSTALLED): requirements.txt constraints.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name it: make PYTHON=..." >&2; exit 2; }
	@echo "Installing packages into .venv (some minutes, once) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt \
		-c constraints.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@mkdir -p .venv/etc/ipython
	@echo 'c.IPKernelApp.log_level = "ERROR"' > .venv/etc/ipython/ipython_kernel_config.py
	@touch $@
