#!/usr/bin/env bash
# Fetches a GPT-2 checkpoint from the Hugging Face hub. `--help` has the details.
set -euo pipefail

program=fetch-gpt2
scripts=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=Scripts/lib/fetch.sh
. "$scripts/lib/fetch.sh"

# Files whose content is known beforehand, one a line: size, revision, bytes, SHA-256, file.
# A size with no line here is checked against what the hub itself reports.
pins() {
    cat <<'END'
small 607a30d783dfa663caf39e06633721c8d4cfcd7e 665 0daed7749b4f02b8f76240d5444551d7b08712dab4d0adb8239c56ba823bb7b4 config.json
small 607a30d783dfa663caf39e06633721c8d4cfcd7e 1042301 196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783 vocab.json
small 607a30d783dfa663caf39e06633721c8d4cfcd7e 456318 1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5 merges.txt
small 607a30d783dfa663caf39e06633721c8d4cfcd7e 548105171 248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707 model.safetensors
END
}

usage() {
    cat <<'END'
Usage: Scripts/fetch-gpt2.sh [small|medium|large|xl] [--out DIR]

Fetches config.json, vocab.json, merges.txt and model.safetensors of a GPT-2 (default: small, 0.5 GB;
medium 1.5 GB, large 3.2 GB, xl 6.4 GB) from openai-community on the Hugging Face hub into
models/gpt2 (gpt2-medium, gpt2-large, gpt2-xl) of this repository, where `ioi --model gpt2` finds it.

  --out DIR   put the files into DIR itself instead
  --help      print this

Small comes from a fixed revision and is checked against SHA-256 hashes written in this script. The other
sizes come from the commit that `main` names now and are checked against the hashes that the hub reports
for it (SHA-256, or the Git blob's SHA-1 for its small files): this finds a broken download, not a hub
that serves something else. SOURCE beside the files records repository, revision and SHA-256 hashes.

A broken download is resumed by running the same command again. Files that are there already and right are
not fetched again; a file of the same name that is not the expected one is renamed to NAME.old (or NAME.old.1 ...).

Environment:
  IOI_MODELS             folder for gpt2, gpt2-medium, ... (default: models in this repository)
  HF_ENDPOINT            another hub or mirror (default: https://huggingface.co)
  HF_TOKEN               access token, sent to HF_ENDPOINT only
  IOI_FETCH_RETRIES      attempts in a row that may fail before another MB has come (default: 5)
  IOI_FETCH_RETRY_DELAY  seconds between attempts (default: 2)
  IOI_FETCH_PATIENCE     seconds that a transfer may stay below 4 KB/s (default: 30)
  IOI_FETCH_MANIFEST     file of lines "size revision bytes sha256 file" in place of the pinned ones, for
                         mirrors with other revisions and for tests

Exit codes: 0 all files in place, 1 failed, 64 wrong usage.
END
}

# curl's configuration for a URL: the token, which stays out of the process list and goes to no other host.
credentials() {
    case $1 in
        "$endpoint"/*) [ -z "${HF_TOKEN:-}" ] || printf 'header = "Authorization: Bearer %s"\n' "$HF_TOKEN" ;;
    esac
}

# Asks the hub about a file without fetching it; sets hub_commit, hub_hash and hub_bytes. The hub's own
# answer counts, never that of the store it redirects to, whose ETag is another hash.
ask_hub() { # revision, file
    local url="$endpoint/$repository/resolve/$1/$2" hop answer code status commit
    hub_commit=
    hub_hash=
    hub_bytes=
    failures=0
    for ((hop = 0; hop < 5; hop++)); do
        while :; do
            code=0
            answer=$(
                request "$url" --silent --head --write-out 'ioi-status: %{http_code}\nioi-next: %{redirect_url}\n'
            ) || code=$?
            status=$(header ioi-status)
            [ "$code" -ne 0 ] || [ "$status" -lt 400 ] || code=22
            [ "$code" -ne 0 ] || break
            retry_or_die "$code" "$status" "$url" ""
        done
        reached=true
        commit=$(header x-repo-commit)
        hub_commit=${hub_commit:-$commit}
        hub_hash=${hub_hash:-$(header x-linked-etag)}
        hub_bytes=${hub_bytes:-$(header x-linked-size)}
        if [ -n "$commit" ] && [ "$status" -lt 300 ]; then
            hub_hash=${hub_hash:-$(header etag)}
            hub_bytes=${hub_bytes:-$(header content-length)}
        fi
        if [ -n "$hub_commit" ] && [ -n "$hub_hash" ] && [ -n "$hub_bytes" ]; then break; fi
        url=$(header ioi-next)
        [ -n "$url" ] || break
    done
    # An ETag is quoted, and marked W/ where it is a weak one.
    hub_hash=${hub_hash#W/}
    hub_hash=${hub_hash//\"/}
    if ! [[ "$hub_commit $hub_bytes $hub_hash" =~ ^[0-9a-f]{40}\ [1-9][0-9]{0,12}\ ([0-9a-f]{40}|[0-9a-f]{64})$ ]]; then
        die "$2: the hub reports commit '${hub_commit:0:80}', size '${hub_bytes:0:80}', hash '${hub_hash:0:80}'; expected X-Repo-Commit, X-Linked-Size and X-Linked-Etag, or ETag"
    fi
}

header() { # name in lower case; looks in the caller's `answer`
    printf '%s\n' "$answer" | tr -d '\r' |
        awk -v name="$1:" 'index(tolower($0), name) == 1 { sub(/^[^:]*:[ \t]*/, ""); value = $0 } END { print value }'
}

# Whether all files are those that an earlier run recorded.
as_recorded() {
    local file bytes hash
    [ -f "$target/SOURCE" ] && grep -qx "repository $repository" "$target/SOURCE" || return 1
    for file in $files; do
        read -r bytes hash <<<"$(awk -v file="$file" '$1 == "file" && $4 == file { print $2, $3 }' "$target/SOURCE")"
        [ -n "$hash" ] && [ -f "$target/$file" ] || return 1
        compare "$target/$file" "$bytes" "$hash"
        [ -z "$mismatch" ] || return 1
    done
}

case ${HF_TOKEN:-} in
    *[!A-Za-z0-9._-]*) die "HF_TOKEN: found a character that no token has, expected letters, digits, '.', '_', '-'" ;;
esac

size=
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
        small | medium | large | xl)
            [ -z "$size" ] || wrong_usage "found sizes $size and $1, expected one"
            size=$1
            ;;
        *) wrong_usage "found '$1', expected small, medium, large, xl or --out DIR" ;;
    esac
    shift
done
size=${size:-small}
name=gpt2
[ "$size" = small ] || name=gpt2-$size
repository=openai-community/$name
# The largest comes last: what is wrong elsewhere shows before it.
files="config.json vocab.json merges.txt model.safetensors"
mirror=HF_ENDPOINT
endpoint=${HF_ENDPOINT:-https://huggingface.co}
way=resolve
access="HF_TOKEN is $([ -n "${HF_TOKEN:-}" ] && echo set || echo not set)"
model=$name
if [ -n "$target" ]; then
    model=$target
else
    target=${IOI_MODELS:-${scripts%/*}/models}/$name
fi

begin
if [ -n "$(pinned "$size")" ]; then
    provide_pinned "$size"
elif as_recorded; then
    echo "All files are already there, as recorded in SOURCE."
    checked="against SOURCE"
else
    ask_hub main config.json
    revision=$hub_commit
    echo "main is revision $revision"
    for file in $files; do
        ask_hub "$revision" "$file"
        provide "$revision" "$file" "$hub_bytes" "$hub_hash"
    done
    checked="against the hashes the hub reports, not pinned ones"
    record "$revision" "$checked"
fi

echo "Done: $target, checked $checked."
echo "Next: ioi finetune --model $model --dataset clean --epochs 1"
