# SPDX-License-Identifier: Apache-2.0
.DEFAULT_GOAL := help
.PHONY: demo test test-full check format build release bench bench-cedar bench-channels bench-directory bench-drift bench-gates mcp-referee channels-referee passkey-referee http-fuzz attackers-day fuzz docs help

RELEASE := swift build -c release --static-swift-stdlib --scratch-path .build-release

demo: ## start a server, then watch a small agent ask for permission
	@scripts/demo.sh

test: ## check, build and run every test
	@scripts/test.sh

test-full: ## the same with what takes long: more seeds, fault injection, large inputs
	@scripts/test.sh --full

check: ## formatting and scripts, without building
	@scripts/check.sh

format: ## format all Swift code in place
	swift format --in-place --recursive --parallel Package.swift Sources Tests Benchmarks Fuzz/Package.swift $(wildcard Fuzz/Sources/Fuzz*)

build: ## debug build of everything, tests included
	@scripts/bootstrap --build
	swift build --build-tests

release: ## optimised binary that runs without Swift: .build-release/release/exequatur
	@scripts/bootstrap --build
	$(RELEASE) --product exequatur
	strip .build-release/release/exequatur
	@ls -lh .build-release/release/exequatur | awk '{print $$9, $$5}'

bench: ## measure the server, optimised, beside a bare route and the disk
	@scripts/bootstrap --build
	Benchmarks/run.sh

bench-cedar: ## measure the policy engine beside the Rust one, on the same files
	@scripts/bootstrap --bench
	Benchmarks/cedar.sh

bench-channels: ## measure how soon cards in Slack follow a decision, before an emulator
	Benchmarks/channels.sh

bench-gates: ## measure the gates beside a plain relay and another proxy; needs scripts/mcp-referee --install
	Benchmarks/gates.sh

bench-directory: ## measure an action among 10,000 people beside one among few
	@scripts/bootstrap --build
	Benchmarks/directory.sh

bench-drift: ## measure drift detection beside AIDE, find, jsonpatch and deepdiff
	@scripts/bootstrap --build
	Benchmarks/drift.sh

mcp-referee: ## drive the MCP gateway with official clients and attacks: first with --install
	scripts/mcp-referee

channels-referee: ## drive the channels with emulated vendors, proven by the vendors' SDKs: first with --install
	scripts/channels-referee

passkey-referee: ## enrol a passkey, sign in and sign a decision with a real browser: first with --install
	scripts/passkey-referee

http-fuzz: ## fuzz the HTTP interface from its own OpenAPI document: first with --install
	scripts/http-fuzz

attackers-day: ## what agents, strangers and reviewers try and cannot do: first with --install
	scripts/attackers-day

fuzz: ## run the readers of policies, schemas and entities under libFuzzer, a minute each
	@scripts/bootstrap --build
	Fuzz/run.sh

docs: ## reference documentation of the libraries: .build/docs
	@scripts/docs.sh

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile
