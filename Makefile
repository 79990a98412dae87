# Every target sets up what it needs by itself; the second run needs no network.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
UV_VERSION := 0.13.9
UV := .uv/bin/uv
# By its own path: through the shim of a version manager, what that does after every `pip install` can fail for
# reasons of its own (pyenv rebuilds its shims, and gives up where their folder is locked or read-only).
PIP_UV = "$$($(PYTHON) -c 'import sys; print(sys.executable)')" -m pip install --quiet --disable-pip-version-check --no-warn-script-location \
  --root-user-action=ignore --upgrade --target .uv "uv==$(UV_VERSION)"
BIN := .venv/bin
STAMP := .venv/.perch-synced
PYTEST := $(BIN)/pytest --dist loadgroup -n 2
# Two a core of a small machine: half of its time a test waits for a socket, a process or a clock.
QUICK := $(BIN)/pytest --dist loadgroup -n 4
# Files of checksums: high entropy is their purpose.
HASHES := (^|/)(uv\.lock|go\.sum|manifest\.json)$$
# What Pulumi writes into a stack's file: the address of its key, that key as KMS encrypted it, a salt, and
# ciphertext. Each in the only shape it has, so that something else under the name is still found.
CIPHERTEXT := ^(secretsprovider: "?awskms://[\w/.:=?&-]+|encryptedkey: "?AQ[A-Za-z0-9+/]{150,}={0,2}|encryptionsalt: "?v1:[A-Za-z0-9+/=]+:v1:[A-Za-z0-9+/=:]+|secure: "?(v1:[A-Za-z0-9+/=]+:|AAAB)[A-Za-z0-9+/=]+)"?$$

# The same in .pre-commit-config.yaml.
SCAN = git ls-files -z | xargs -0 $(BIN)/detect-secrets-hook --plugin tests/support/secret_kinds.py \
  --exclude-files '$(HASHES)' --exclude-lines '$(CIPHERTEXT)'

# uv must neither download a Python nor look outside this folder for its environment.
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := .venv
unexport VIRTUAL_ENV
# Where Python may keep no bytecode (many containers say so), each of the processes that tests start compiles
# everything again that it imports: half of its time, where that is Pulumi's SDK.
unexport PYTHONDONTWRITEBYTECODE

# Behind a proxy that inspects TLS only this machine's own store has the authority. uv believes the one
# it was built with unless told otherwise (older ones by the second name), and nobody where told and
# there is no store.
STORE := $(firstword $(SSL_CERT_FILE) $(SSL_CERT_DIR) $(wildcard /etc/ssl/certs/*.crt /etc/ssl/certs/*.pem \
  /etc/ssl/*.pem /etc/pki/tls/certs/*.crt /etc/pki/tls/*.pem /usr/local/etc/openssl*/*.pem /Library/Keychains))
ifneq ($(STORE),)
export UV_SYSTEM_CERTS ?= true
export UV_NATIVE_TLS ?= $(UV_SYSTEM_CERTS)
endif

# Where uv may keep what it fetched: its usual place, else, for whoever has no home to write to, here.
$(STAMP) wheels sbom audit conformance: export UV_CACHE_DIR = $(shell \
  place="$${UV_CACHE_DIR:-$${XDG_CACHE_HOME:-$${HOME:-/dev/null}/.cache}/uv}"; \
  mkdir -p "$$place" 2>/dev/null && test -w "$$place" && echo "$$place" || echo "$(CURDIR)/.uv/cache")

.PHONY: help setup up down test check check-all slow fuzz oncall surroundings engine coverage environments format mutants wheels sbom audit bench chaos gameday drills abuse clean

help: ## Say what the targets do
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMP) ## Install everything the repository needs into .venv

up: $(STAMP) ## Start the whole product on this machine; Ctrl-C stops it
	@$(BIN)/perch up $(ARGS)

down: $(STAMP) ## Stop what `make up` started, also after a crash
	@$(BIN)/perch down $(ARGS)

test: $(STAMP) ## Run the tests but the slow ones, which `make check-all` runs; five minutes
	@$(QUICK) -m "not slow and not oncall and not surroundings and not engine" $(ARGS)

check-all: check slow ## Check, and run the slow tests

slow: $(STAMP) ## Run the slow tests: whole machines, real speech in real time, wheels
	@$(PYTEST) -m slow $(ARGS)

oncall: $(STAMP) ## Paste every runbook on a stack with the fault in it, and play an act of the game day; 15 minutes
	@$(PYTEST) -m oncall tests/runbooks tests/chaos/gameday $(ARGS)

surroundings: $(STAMP) ## Run every command in every odd surrounding; 10 minutes
	@$(PYTEST) -m surroundings tests/commands $(ARGS)

engine: $(STAMP) ## Run the stacks on the real Pulumi engine; builds its CLI the first time, 6 minutes
	@$(BIN)/python -m ops.offline.pulumi_cli
	@$(PYTEST) -m engine tests/engine $(ARGS)

coverage: $(STAMP) ## Show which branches no test takes, of test runs under PERCH_COVERAGE=1
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report $(ARGS)

check: $(STAMP) ## Format, lint, types, import rules, documents in step with code, secrets
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m tests.docs --check
	@$(BIN)/zizmor --offline --quiet .github/workflows
	@$(SCAN)

.PHONY: secrets
secrets: $(STAMP) ## Look for secrets in every file that git knows
	@$(SCAN)

format: $(STAMP) ## Put the code into its standard form
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

environments: $(STAMP) ## Run the tests as other people's machines would; hours. ARGS="user python3.13"
	@$(BIN)/python -m tests.environments $(ARGS)

mutants: $(STAMP) ## Break a sample of small things, and say what no test notices: ARGS="asr --count 50"
	@$(BIN)/python -m tests.mutants $(ARGS)

wheels: $(STAMP) ## Build the Python client and perch itself as wheels, in dist/
	@$(UV) build --quiet --wheel --all-packages --out-dir dist
	@ls dist/*.whl

sbom: $(STAMP) ## Write what the gateway is made of as CycloneDX, from the lock file, to dist/
	@mkdir -p dist
	@$(UV) export --quiet --locked --no-default-groups --extra traces --no-emit-project --format cyclonedx1.5 --output-file dist/perch-gateway.cdx.json
	@ls dist/perch-gateway.cdx.json

audit: $(STAMP) ## Ask OSV for known vulnerabilities of everything in the lock file; needs a network
	@$(UV) audit --locked --all-extras --all-groups $(ARGS)

bench: $(STAMP) ## Measure speeds, as ratios against a named baseline in the same run
	@$(BIN)/python -m bench $(ARGS)

chaos: $(STAMP) ## Let everything break under real speech, and count every word; 15 minutes
	@$(BIN)/python -m tests.chaos $(ARGS)

gameday: $(STAMP) ## Release well and badly on the local stack while people speak, and count every word
	@$(BIN)/python -m tests.chaos.gameday $(ARGS)

drills: $(STAMP) ## Rotate every certificate, key and token while twenty people speak; 10 minutes
	@$(BIN)/python -m tests.chaos.drills $(ARGS)

abuse: $(STAMP) ## Let one client try to take the service away, beside a neighbour; 10 minutes
	@$(BIN)/python -m tests.abuse $(ARGS)

fuzz: $(STAMP) ## Give every parser what nobody sane sends; 3 minutes, or longer by ARGS="--seconds 600"
	@nice -n 10 $(BIN)/python -m tests.fuzz $(ARGS)

conformance: $(STAMP) ## Run Autobahn's WebSocket cases; fetches them the first time
	@$(BIN)/python -m tests.conformance --uv $(UV) $(ARGS)

clean: ## Remove what the targets made here
	@rm -rf .venv .uv .tools .perch build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(STAMP): pyproject.toml uv.lock | $(UV)
	@echo "perch: installing the locked packages into .venv (about 300 MB the first time)"
	@$(UV) sync --quiet --locked --all-extras --all-groups --python "$$(command -v $(PYTHON))"
	@touch $(STAMP)

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "perch: $(PYTHON) is $$($(PYTHON) -V 2>&1 || true); install Python 3.11 or newer, or name one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@if command -v uv >/dev/null 2>&1; then mkdir -p .uv/bin && ln -sf "$$(command -v uv)" $(UV); \
	else $(PYTHON) -m pip --version >/dev/null 2>&1 \
	  || { echo "perch: neither uv nor pip found; install pip for $(PYTHON) (Debian: apt-get install python3-pip)" >&2; exit 1; }; \
	  echo "perch: fetching uv $(UV_VERSION) with pip"; \
	  $(PIP_UV) 2>/dev/null || { \
	    echo "perch: not with what pip believes by itself; trying this machine's own certificates" >&2; \
	    $(PIP_UV) --cert "$$($(PYTHON) -c \
	      'import ssl; paths = ssl.get_default_verify_paths(); print(paths.cafile or paths.capath or "")')"; }; fi
