#!/usr/bin/env bash
# Fetches the sentences that the authors of the paper trained on. `--help` has the details.
set -euo pipefail

program=fetch-paper-data
scripts=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=Scripts/lib/fetch.sh
. "$scripts/lib/fetch.sh"

pins() {
    cat <<'END'
paper-data c3d098d5f583c23fff059126b80844d8950e630c 578946 0cfdf48e789c1b11d604e343d317587411c2c5bb4982838b206cd3e7d6c3e2ed IOIDatasetv2.0.txt
paper-data c3d098d5f583c23fff059126b80844d8950e630c 578534 d2c3c778bd40a3615e8e46411cb70546d20140576a626eaa7f6d9f2f16bf0029 corrIOIname.txt
paper-data c3d098d5f583c23fff059126b80844d8950e630c 578792 15e5c801e1ed198b4dd07d5f2e98147a640ad970550e5c90fe12367cda8b587b corrIOInoio.txt
paper-data c3d098d5f583c23fff059126b80844d8950e630c 578975 0f5754f1e3b7301ddcab2b34eaadb0263a7e605b88737932d5f21f42c83416fe corrIOIDupe.txt
END
}

usage() {
    cat <<'END'
Usage: Scripts/fetch-paper-data.sh [--out DIR]

Fetches the four files of sentences that the authors of arXiv 2503.01896 fine-tuned on, from their repository
osu-srml/neuro-amp-circuits on GitHub, into models/paper-data of this repository, where
`ioi --dataset published-clean` and the like find them:

  IOIDatasetv2.0.txt  published-clean                6,294 sentences, the answer is IO
  corrIOIname.txt     published-name-moving          6,360, the answer is a third name
  corrIOInoio.txt     published-subject-duplication  6,354, the answer is S
  corrIOIDupe.txt     published-duplication          6,360, S2 is a third name, the answer is IO

The files (0.6 MB each) are the authors'. Their repository states no licence, so they are fetched from there and
are no part of this one: do not pass them on.

  --out DIR   put the files into DIR itself instead; IOI_PAPER_DATA=DIR tells ioi of it
  --help      print this

The files come from a fixed commit and are checked against SHA-256 hashes written in this script. SOURCE beside
the files records repository, commit and hashes.

A broken download is resumed by running the same command again. Files that are there already and right are
not fetched again; a file of the same name that is not the expected one is renamed to NAME.old (or NAME.old.1 ...).

Environment:
  IOI_PAPER_DATA         the folder for the files (default: paper-data in IOI_MODELS)
  IOI_MODELS             folder for paper-data and models (default: models in this repository)
  IOI_PAPER_ENDPOINT     a mirror, which has the files at /osu-srml/neuro-amp-circuits/COMMIT/FILE
                         (default: https://raw.githubusercontent.com)
  IOI_FETCH_RETRIES      attempts in a row that may fail before another MB has come (default: 5)
  IOI_FETCH_RETRY_DELAY  seconds between attempts (default: 2)
  IOI_FETCH_PATIENCE     seconds that a transfer may stay below 4 KB/s (default: 30)
  IOI_FETCH_MANIFEST     file of lines "paper-data commit bytes sha256 file" in place of the pinned ones, for tests

Exit codes: 0 all files in place, 1 failed, 64 wrong usage.
END
}

target=
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help)
            usage
            exit 0
            ;;
        --out)
            if [ -z "${2:-}" ]; then wrong_usage "--out: found no folder, expected one"; fi
            target=$2
            shift
            ;;
        *) wrong_usage "found '$1', expected --out DIR" ;;
    esac
    shift
done
repository=osu-srml/neuro-amp-circuits
files="IOIDatasetv2.0.txt corrIOIname.txt corrIOInoio.txt corrIOIDupe.txt"
mirror=IOI_PAPER_ENDPOINT
endpoint=${IOI_PAPER_ENDPOINT:-https://raw.githubusercontent.com}
# Another folder than the one ioi looks in has to be named to it.
place=
[ -z "$target" ] || place="IOI_PAPER_DATA=$target "
target=${target:-${IOI_PAPER_DATA:-${IOI_MODELS:-${scripts%/*}/models}/paper-data}}

begin
provide_pinned paper-data "licence none stated in the repository"
echo "Done: $target, checked $checked."
echo "Next: ${place}ioi eval --dataset published-clean"
