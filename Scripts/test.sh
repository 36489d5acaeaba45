#!/usr/bin/env bash
# Installs what is missing, checks the format, builds everything in release and runs all tests.
# Arguments go to `swift test`, for example: Scripts/test.sh --filter Tokenizer
set -euo pipefail

# One stream, so that the summary of the test run is also the last line of a log.
exec 2>&1

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=Scripts/setup.sh
. Scripts/setup.sh

swift format lint --strict -r Package.swift Plugins Sources Tests
# Release: the numeric tests are many times slower in debug.
# shellcheck disable=SC2154 # traits are of setup.sh; old versions of bash call an empty array unset.
options=(-c release ${traits[@]+"${traits[@]}"} -Xswiftc -enable-testing)
swift build "${options[@]}" --build-tests
exec swift test "${options[@]}" --skip-build --disable-xctest "$@"
