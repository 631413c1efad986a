# The commands of this repository. `make run`, `make run-agent` and `make test` need nothing but a Rust toolchain.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# Warnings are errors where a build is judged.
export CARGO_TERM_COLOR ?= auto

.PHONY: help setup setup-lab run run-agent test check bench

help: ## Show the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Fetch nats-server and what the build needs
	@scripts/setup

setup-lab: ## Build the tree that tests boot as throw-away hosts (Debian, root; about a minute, once)
	@scripts/lab-setup

run: setup ## Build and start a fleet of one on this machine, run a query, stay in the foreground
	@scripts/run

run-agent: setup ## Build and start the single-host agent with its own certificates, show two requests
	@scripts/run-agent

check: setup ## Formatting, lints, documentation: warnings are errors
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings

test: setup ## Run the checks and every test
	@scripts/test

bench: setup ## Run the benchmarks; each prints its floor beside its figure
	cargo bench --workspace --benches
