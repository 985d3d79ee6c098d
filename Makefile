# One entry point. Each target calls one short script in bin/, which also runs alone.
#   make run [HTTP=127.0.0.1:7480] [CLUSTER=127.0.0.1:7481] [DATA=./data]
#   make cluster [HTTP=127.0.0.1:7480]
#   make matrix [FAULT=text]
#   make fuzz [SECONDS=60]
#   make compare [QUERIES=5000] [SEED=1] [PROMETHEUS=prometheus]
#   make sim [SEEDS=100] [SEED=n] [BUG=name]

HTTP ?= 127.0.0.1:7480
CLUSTER ?=
DATA ?= ./data
SECONDS ?= 60
SEEDS ?= 100
SEED ?=
QUERIES ?= 5000
PROMETHEUS ?= prometheus
BUG ?=
FAULT ?=

.PHONY: help setup build run cluster test trials matrix check bench sim sim-membership fuzz compare screenshots

help:
	@sed -n 's/^\([a-z-]*\):.* ## /make \1: /p' $(MAKEFILE_LIST)

setup: ## install what building, running and testing need; asks the network only for what is missing
	@bin/setup test

build: ## build .build/release/murmur
	@bin/build

run: ## build, start Murmuration and this machine's agent in the foreground, print the address
	@HTTP='$(HTTP)' CLUSTER='$(CLUSTER)' DATA='$(DATA)' bin/run

cluster: ## build, start a cluster of many processes on this machine in the foreground, print what to try
	@HTTP='$(HTTP)' bin/cluster

test: ## run the Swift, Python and browser tests
	@bin/test

trials: ## the tests with clusters of real processes that take too long for each change, some half an hour
	@bin/trials

matrix: ## put real clusters under every fault, some 35 minutes, and print what was lost: nothing
	@FAULT='$(FAULT)' bin/matrix

check: ## format, a build without warnings, tidy, types of the web application
	@bin/check

bench: ## measure remote-write ingest through the whole standalone path, beside Prometheus, and queries under load
	@bin/bench
	@bin/bench-load

sim-membership: ## print the table of docs/membership.md: memberships in simulation, beside memberlist's defaults
	@bin/sim-membership

fuzz: ## feed mutated input to the protocol, the ingest parsers and the query engine
	@SECONDS_MAX='$(SECONDS)' bin/fuzz

sim: ## run simulated clusters under faults, each from a seed; SEED=n replays one
	@SEEDS='$(SEEDS)' SEED='$(SEED)' BUG='$(BUG)' bin/sim

compare: ## ask a Prometheus and Murmuration random expressions and print what differs
	@QUERIES='$(QUERIES)' SEED='$(SEED)' PROMETHEUS='$(PROMETHEUS)' bin/compare

screenshots: ## draw the four views in Chromium into docs/images
	@bin/screenshots
