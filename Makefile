GO            ?= go
FUZZTIME      ?= 30s
FUZZ          ?= $(shell grep -ro --include='*_test.go' '^func Fuzz[A-Za-z0-9]*' . | sed 's|^\./||; s|/[^/]*_test\.go:func |/|' | sort)
# Packages with tests that count allocations and memory. They cannot do that under the race
# detector.
UNRACED       := ./wire ./rules ./internal/audit
# Releases, the scoreboard, tests of recipes, and tests and benchmarks against other programs are separate modules, so that their dependencies are not the product's.
MODULES       := . release scoreboard test/e2e test/bench test/schemas test/recipes
# The duration of make soak.
SOAK          ?= 10m
# The path at which the site of make docs is served.
DOCS_BASE     ?= /
STATICCHECK   := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

.PHONY: help build docs scoreboard dist demo test world lint shape fuzz bench bench-quick profile soak compose-test clean

help: ## say what there is to make
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 22

build: ## bin/interlock
	CGO_ENABLED=0 $(GO) build -trimpath -pgo=cmd/interlock/serve.pgo -o bin/interlock ./cmd/interlock

dist: ## dist/: archives, packages and the image of a release
	$(GO) -C release run . -out ../dist

docs: site/node_modules/.package-lock.json ## the documentation as a site, in site/build/html (needs npm)
	npm --prefix site run build -- --base $(DOCS_BASE)
	$(GO) -C scoreboard run . site -o ../site/build/html/scoreboard -rules '../rules/%s.html'

site/node_modules/.package-lock.json: site/package-lock.json
	npm ci --prefix site --no-audit --no-fund --ignore-scripts

scoreboard: ## what servers answer to the probes, as a site in scoreboard/build
	$(GO) -C scoreboard run . site

demo: ## the whole product in one command, nothing to install
	$(GO) run ./cmd/interlock demo

test: ## everything CI checks: lint, tests with the race detector, end to end
	test/e2e/install
	$(MAKE) lint
# Many tests wait, so twice as many packages as CI has processors are tested at a time.
	$(GO) test -race -timeout 40m -p 4 ./...
	$(GO) test $(UNRACED)
	scoreboard/install gorilla libwebsockets python-websockets ws
	$(GO) -C scoreboard test -race ./...
	$(GO) -C release test -count=1 -timeout 30m ./...
	$(GO) -C test/bench test ./...
	$(GO) -C test/schemas test ./...
	$(GO) -C test/recipes test -count=1 ./...
	$(GO) -C test/e2e test -tags e2e -count=1 -parallel 4 -timeout 50m ./...

world: ## tests that are too wide for each change, an hour at most (root)
	test/e2e/install world
	$(GO) -C test/e2e test -tags 'e2e world' -count=1 -timeout 1h -run World ./...
	$(GO) -C release test -tags world -count=1 -timeout 30m -run World ./...
	scoreboard/install
	$(GO) -C scoreboard test -tags world -count=1 -timeout 30m -run World ./...

lint: ## must print nothing but its commands
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "gofmt would change:"; echo "$$unformatted"; exit 1; }
	GOOS=darwin $(GO) build ./...
	GOOS=windows $(GO) build ./...
	@set -e; for m in $(MODULES); do \
		echo "lint $$m"; \
		$(GO) -C $$m mod tidy -diff; \
		$(GO) -C $$m vet -tags 'e2e world' ./...; \
		(cd $$m && $(GO) run $(STATICCHECK) -tags e2e,world ./...); \
		(cd $$m && $(GO) run $(GOLANGCI_LINT) run); \
	done

shape: ## how large the command and the types are, circles, private nouns, dependencies
	$(GO) run ./test/shape

fuzz: ## the parsers of hostile input, each for FUZZTIME
	@for f in $(FUZZ); do \
		$(GO) test -tags fuzz ./$$(dirname $$f) -run '^$$' -fuzz "^$$(basename $$f)$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x || exit 1; \
	done

bench: ## CPU time, memory and added time, beside nginx, HAProxy and others (an hour)
	$(GO) -C test/bench run .
	$(GO) -C test/bench run . document

bench-quick: ## the rows that most changes touch, in minutes; writes no figures
	$(GO) -C test/bench run . -rounds 3 -scale 0.5 -row get-32,handshake,guard-handshake,handshake-tls,echo,bulk \
		-contenders nginx,haproxy,interlock,interlock-sqlite,interlock-guard,nginx-tls,haproxy-tls,interlock-tls

profile: ## the profile that releases are compiled with, from rows of the bench
	test/bench/profile cmd/interlock/serve.pgo

soak: ## mixed traffic for SOAK (10m): memory, descriptors and goroutines stay flat, and no client waits for long
	$(GO) -C test/bench run . soak -duration $(SOAK)

compose-test: ## docker compose up, one unsafe switch through it, and down again
	test/e2e/compose-test

clean: ## remove what was built here
	rm -rf bin site/build site/node_modules dist test/e2e/node/node_modules scoreboard/build scoreboard/recipes/*/node_modules test/e2e/next/*/node_modules test/e2e/webpack/*/node_modules test/e2e/next/*/.next
