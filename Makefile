# `make help` lists what a person calls. Every target works on a fresh checkout.
.DEFAULT_GOAL := help
.PHONY: help setup up lint test golden bench docs dashboards chart lock audit clean

BIN := .venv/bin
# Half of the time a test waits for a process that it started.
SIDE_BY_SIDE := -n $(shell expr 2 '*' `nproc`) --maxprocesses 16 --dist loadfile --no-loadscope-reorder

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install what is missing: Debian packages, .venv, the stand-in driver
	@tools/setup

up: setup ## Start the whole stack on loopback, with a demo fleet where no real one is; EXPORTERS=8 on a small machine
	@$(BIN)/python -m demo.up $(if $(FAULT),--fault=$(FAULT)) $(if $(EXPORTERS),--exporters=$(EXPORTERS))

lint: setup ## Check style, types, import rules, rules files and generated pages
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	promtool check config prometheus/prometheus.yml
	amtool check-config prometheus/alertmanager.yml
	$(BIN)/python -m tools.docs --check
	$(BIN)/python bench --check
	$(BIN)/python -m grafana.builders --check
	$(BIN)/python -m tools.chart --check

# Every program of ours is started hundreds of times: compiled once is enough.
test: export PYTHONDONTWRITEBYTECODE :=
test: setup ## Run every test and hold the coverage
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(SIDE_BY_SIDE)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

golden: setup ## Take over what scrapes look like now; look at the difference before a commit
	GPUSCOPE_TEST_ACCEPT=1 $(BIN)/python -m pytest tests/exporter -q -k golden
	@git diff --stat -- '*.prom'

bench: setup ## Measure all figures and write docs/performance.md
	@$(BIN)/python bench

docs: setup ## Write the generated pages of docs/
	$(BIN)/python -m tools.docs

dashboards: setup ## Write grafana/dashboards/ from its builders
	$(BIN)/python -m grafana.builders

chart: setup ## Write what deploy/ takes from rules, alerts and dashboards, and the plain manifests
	$(BIN)/python -m tools.chart

lock: setup ## Resolve the dependencies anew into locks/
	tools/lock

audit: setup ## Look the locked packages up among known vulnerabilities; 2 = could not
	@$(BIN)/python -m tools.audit $(if $(OSV_URL),--url=$(OSV_URL))

clean: ## Remove what was built
	rm -rf .venv build dist .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis
