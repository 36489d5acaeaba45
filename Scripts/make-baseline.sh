#!/usr/bin/env bash
# Writes the results that Tests/Fixtures/baseline holds, which the tests have `ioi verify` run again: of the
# embedded model, whose every figure belongs to the weights in Data/embedded. To be run where those change, or where
# what is computed does, and is meant to.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
swift build -c release --product ioi
ioi="$(swift build -c release --show-bin-path)/ioi"
baseline=Tests/Fixtures/baseline
mkdir -p "$baseline"

# NAME COMMAND…
record() {
    local name=$1
    shift
    "$ioi" "$@" --model embedded --held-out --threads 2 --quiet --out "$baseline/$name.json" >/dev/null
}

record eval eval --count 200
record patch-path patch --mode path --receiver logits --count 60
record faithfulness faithfulness --circuit default --random-sets 5 --count 60
"$ioi" verify "$baseline"/*.json
