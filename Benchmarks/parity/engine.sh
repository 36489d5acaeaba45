#!/bin/sh
# Compares the engine with Hugging Face's GPT-2 in float64 at the full size of GPT-2 small: writes the reference
# into a temporary folder (takes 1.6 GB of disk and 10 GB of memory) and runs the parity tests on it in release.
# PYTHON names a Python with Benchmarks/requirements.txt installed (default: python3).
set -eu

cd "$(dirname "$0")/../.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM

"${PYTHON:-python3}" Scripts/make-engine-fixtures.py "$folder" --shape small
IOI_PARITY_FIXTURES="$folder" swift test -c release -Xswiftc -enable-testing --disable-xctest --filter Parity
