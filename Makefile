# edgeval: everything a person or a machine does with this tree. `make help` lists it.
.DEFAULT_GOAL := help
.PHONY: help build demo test test-faults fuzz format lint unit parity board test-int8-arm test-int8-vnni test-digests-arm count-int8 test-int8-memory bench-int8 bench-evaluate exact-int8 footprint footprint-here vectors vectors-int8 stamps dist deb test-boards clean
SHELL := /bin/bash

CARGO ?= cargo
EDGEVAL := target/debug/edgeval
# Not the interpreter itself, which is a link to the system's.
PARITY_READY := target/venv-parity/.ready

help: ## Show this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 20

build: packages-build ## Build the program (target/debug/edgeval; everyday builds are optimised)
	$(CARGO) build --workspace

demo: packages-build packages-demo build ## Watch one pass of the reference set through the int8 model, over a private broker
	@tests/demo.sh $(EDGEVAL)

test: packages-build packages-test packages-board format lint unit parity test-int8-arm board ## Everything: format, lints, unit, integration and system tests

format: ## Check the format
	$(CARGO) fmt --all --check

lint: packages-build ## Clippy, warnings are errors
	$(CARGO) clippy --workspace --all-targets -- --deny warnings

unit: packages-build packages-test ## Unit, integration and system tests in Rust (a real Mosquitto, ALSA's file plugin)
	$(CARGO) test --workspace

test-faults: packages-build packages-test ## The outbox under 200 kills, and faults between daemon and broker (docs/faults.md)
	EDGEVAL_TEST_KILLS=200 $(CARGO) test --workspace --test outbox --test faults -- --nocapture --test-threads=1

fuzz: packages-build packages-fuzz ## Fuzz what takes bytes from outside, an hour each; FUZZ_SECONDS=600 for ten minutes
	tests/fuzz/run.sh

parity: build $(PARITY_READY) ## Figures against scikit-learn, scipy and statsmodels, recomputed now
	tests/parity/run.sh target/venv-parity/bin/python $(EDGEVAL)

$(PARITY_READY): tests/parity/requirements.txt
	python3 -m venv --clear target/venv-parity
	target/venv-parity/bin/pip install --quiet --requirement $<
	touch $@

board: build packages-board ## The virtual board: a Debian kernel under QEMU with a camera and a sound card
	python3 -m unittest discover --start-directory tests/virtual_board
	CARGO_TARGET_DIR=target/virtual-board/player $(CARGO) test --quiet --manifest-path tests/virtual_board/player/Cargo.toml
	tests/virtual_board/run.py $(EDGEVAL)

test-int8-arm: packages-aarch64 ## Tests of integer execution on three emulated Arm processors
	cross/test-int8.sh

test-int8-vnni: packages-build packages-emulated-x86 ## The same on an emulated x86-64 processor with AVX-512 VNNI and AVX-VNNI
	cross/test-int8-vnni.sh

test-digests-arm: packages-aarch64 ## Whether corruptions have the same bits on an emulated Arm processor
	cross/test-digests.sh

count-int8: packages-build packages-aarch64 ## Instructions per inference on emulated Arm processors (models: make bench-int8)
	cross/count-instructions/int8-models target/int8-models

test-int8-memory: packages-build packages-aarch64 ## The same with every access to memory watched (AddressSanitizer and checks)
	cross/check-int8-memory.sh

dist: packages-build ## Build what is shipped and measured (LTO, stripped): target/dist/edgeval
	$(CARGO) build --profile dist --package edgeval

deb: ## Debian packages for boards, from this machine: target/deb/edgeval_*_arm64.deb and _armhf.deb
	cross/package aarch64
	cross/package armv7
	lintian --allow-root --fail-on error target/deb/*.deb

test-boards: build packages-board packages-debian-board ## Install the package on emulated 64-bit boards with systemd, and cut a board's power (make deb first)
	cross/debian-board/build-disk target/debian-board/image
	tests/debian_board/run.py target/deb/edgeval_*_arm64.deb --cpu cortex-a76
	tests/debian_board/run.py target/deb/edgeval_*_arm64.deb --cpu cortex-a72
	tests/virtual_board/power_cut.py $(EDGEVAL) --cuts 20

footprint: packages-aarch64 packages-debian-board ## Size, memory and start of the package on an emulated 64-bit board (make deb first); writes docs/footprint.md
	cross/debian-board/build-disk target/debian-board/image
	tests/debian_board/footprint.py target/deb/edgeval_*_arm64.deb --write docs/footprint.md

footprint-here: dist packages-demo ## Size, start, memory and processor of what is shipped, on this machine; writes docs/footprint.md
	tests/footprint.py target/dist/edgeval --write docs/footprint.md

bench-int8: packages-build packages-test ## int8 against ONNX Runtime, tract and rten, side by side: prints a table and writes docs/int8-benchmark.md
	CARGO=$(CARGO) tests/int8/run.sh bench.py --out docs/int8-benchmark.md

bench-evaluate: build packages-test ## `edgeval evaluate` against the same in Python: what both find, then how fast; writes docs/evaluate-benchmark.md
	tests/evaluate/run.sh bench.py --out docs/evaluate-benchmark.md

exact-int8: packages-build packages-test ## int8 against ONNX Runtime, value by value, on every model of the benchmark
	CARGO=$(CARGO) tests/int8/run.sh exactness.py

vectors-int8: packages-build packages-test ## Record again the pieces of quantized models that models/int8 is tested with
	CARGO=$(CARGO) tests/int8/run.sh record_vectors.py

stamps: ## Make the model `stamps` and its set from packages (optional, about ten minutes): target/stamps
	models/training/stamps/build.sh

vectors: ## Record the reference figures of Pillow and librosa again
	models/vectors/make.sh

clean: ## Remove everything that was built or fetched
	rm -rf target

packages-%:
	@.ci/install-packages $*
