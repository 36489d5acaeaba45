#!/usr/bin/env bash
# Records the results in Tests/Fixtures/baseline, which the tests run again with `ioi verify`. They are of the
# embedded model, so every figure depends on the weights in Data/embedded. Run this only if those weights change, or if
# figures are meant to change.
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
