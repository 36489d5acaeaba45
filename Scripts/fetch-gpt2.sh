#!/usr/bin/env bash
# Fetches a GPT-2 checkpoint from the Hugging Face hub. `--help` has the details.
set -euo pipefail

# Files whose content is known beforehand, one a line: size, revision, bytes, SHA-256, file.
# A size with no line here is checked against what the hub itself reports.
pins() {
    if [ -n "${IOI_FETCH_MANIFEST:-}" ]; then
        cat "$IOI_FETCH_MANIFEST"
        return
    fi
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
not fetched again; a file of the same name that is not the expected one is renamed to NAME.old.

Environment:
  IOI_MODELS             folder for gpt2, gpt2-medium, ... (default: models in this repository)
  HF_ENDPOINT            another hub or mirror (default: https://huggingface.co)
  HF_TOKEN               access token, sent to HF_ENDPOINT only
  IOI_FETCH_RETRIES      attempts in a row without progress after a failed one (default: 5)
  IOI_FETCH_RETRY_DELAY  seconds between attempts (default: 2)
  IOI_FETCH_MANIFEST     file of lines "size revision bytes sha256 file" in place of the pinned ones, for
                         mirrors with other revisions and for tests

Exit codes: 0 all files in place, 1 failed, 64 wrong usage.
END
}

die() {
    printf 'fetch-gpt2: %s\n' "$1" >&2
    exit 1
}

wrong_usage() {
    printf 'fetch-gpt2: %s (see --help)\n' "$1" >&2
    exit 64
}

amount() {
    if [ "$1" -ge 1000000 ]; then echo "$(($1 / 1000000)) MB"; else echo "$1 bytes"; fi
}

size_of() {
    if [ -f "$1" ]; then wc -c <"$1" | tr -d ' '; else echo 0; fi
}

sha() { # algorithm (1 or 256), content on stdin
    if command -v "sha$1sum" >/dev/null 2>&1; then "sha$1sum"; else shasum -a "$1"; fi | cut -d ' ' -f 1
}

# Sets `mismatch` to what is wrong with a file, empty when nothing is. A hash of 40 digits is Git's for a
# blob: SHA-1 over a header and the content.
mismatch=
compare() { # file, bytes, hash
    local bytes digest name=SHA-256
    bytes=$(size_of "$1")
    mismatch=
    if [ "$bytes" -ne "$2" ]; then
        mismatch="found $bytes bytes, expected $2"
        return
    fi
    if [ "${#3}" -eq 40 ]; then
        name="Git blob SHA-1"
        digest=$({ printf 'blob %s\0' "$bytes" && cat "$1"; } | sha 1)
    else
        digest=$(sha 256 <"$1")
    fi
    [ "$digest" = "$3" ] || mismatch="found $name $digest, expected $3"
}

# curl's configuration for a URL: the token, which stays out of the process list and goes to no other host.
credentials() {
    case $1 in
        "$endpoint"/*) [ -z "${HF_TOKEN:-}" ] || printf 'header = "Authorization: Bearer %s"\n' "$HF_TOKEN" ;;
    esac
}

request() { # curl arguments, URL last
    curl --config <(credentials "${!#}") --header 'Accept-Encoding: identity' \
        --connect-timeout 20 --speed-limit 1 --speed-time 60 "$@"
}

# After a failed request: returns after a pause when another attempt may help, and ends the script with the
# reason when not.
reached=false
failures=0
retry_or_die() { # curl's exit code, HTTP status, URL, note for the last line
    local reason
    case $1 in
        6) reason="host not found" ;;
        7) reason="no connection" ;;
        18 | 52 | 55 | 56 | 92) reason="connection cut" ;;
        22) reason="HTTP $2" ;;
        23) die "$target: cannot write there; is the disk full?" ;;
        28) reason="timed out" ;;
        35 | 60) reason="no secure connection" ;;
        *) reason="curl failed with exit code $1" ;;
    esac
    case $1:$2 in
        22:401 | 22:403) die "$3: $reason, access refused; HF_TOKEN is $([ -n "${HF_TOKEN:-}" ] && echo set || echo not set)" ;;
        22:408 | 22:429 | 22:5??) ;;
        22:*) die "$3: $reason, expected the file; is HF_ENDPOINT right?" ;;
        [67]:* | 35:* | 60:*)
            # Nothing ever came from there: more likely no network than a passing fault.
            [ "$reached" = true ] || die "$3: $reason; is there a network, and is HF_ENDPOINT right?"
            ;;
    esac
    failures=$((failures + 1))
    [ "$failures" -le "$retries" ] || die "$3: $reason${4:+; $4}"
    printf '  %s, trying again in %s s\n' "$reason" "$delay"
    sleep "$delay"
}

# Brings a partial file to its full size, going on from what is there. Sets `resumed` when part of the file
# came from an earlier request.
resumed=false
download() { # URL, partial file, bytes
    local before after code status restarts=0 quiet=--silent
    [ ! -t 2 ] || quiet=--progress-bar
    failures=0
    resumed=false
    while :; do
        before=$(size_of "$2")
        [ "$before" -eq 0 ] || resumed=true
        [ "$before" -lt "$3" ] || return 0
        code=0
        status=$(request "$quiet" --fail --location --continue-at - --output "$2" --write-out '%{http_code}' "$1") ||
            code=$?
        [ "$code" -ne 0 ] || return 0
        after=$(size_of "$2")
        if [ "$after" -gt "$before" ]; then
            reached=true
            failures=0
        fi
        if [ "$code" -eq 33 ] || [ "$code:$status" = 22:416 ]; then
            # The server cannot resume, so the file is fetched from the start.
            restarts=$((restarts + 1))
            [ "$restarts" -le 3 ] || die "$1: connection cut again and again, and the server cannot resume"
            printf '  the server cannot resume, starting over\n'
            rm -f "$2"
        else
            retry_or_die "$code" "$status" "$1" "$(amount "$after") of $(amount "$3") kept, run again to resume"
        fi
    done
}

# Puts a file in place, unless it is there already, and notes it for SOURCE.
provide() { # revision, file, bytes, hash
    local digest=$4
    mismatch="not there"
    if [ -e "$target/$2" ]; then
        compare "$target/$2" "$3" "$4"
        if [ -z "$mismatch" ]; then
            echo "$2: already there"
        else
            mv -f "$target/$2" "$target/$2.old"
            echo "$2: $mismatch; kept as $2.old"
        fi
    fi
    [ -z "$mismatch" ] || fetch "$@"
    [ "${#digest}" -eq 64 ] || digest=$(sha 256 <"$target/$2")
    echo "file $3 $digest $2" >>"$work/files"
}

fetch() { # revision, file, bytes, hash
    local url="$endpoint/$repository/resolve/$1/$2" part="$target/.$2.partial" free missing
    if [ "$(size_of "$part")" -gt "$3" ]; then rm -f "$part"; fi
    missing=$(($3 - $(size_of "$part")))
    # The column before the one with the percentage: names of file systems may contain spaces.
    free=$(df -Pk "$target" | awk 'NR == 2 { for (i = NF; i > 1; i--) if ($i ~ /%$/) { print $(i - 1); exit } }')
    if [ -n "$free" ] && [ "$((free * 1024))" -lt "$missing" ]; then
        die "$target: $(amount $((free * 1024))) free on the disk, $2 needs $(amount "$missing")"
    fi

    echo "$2: fetching $(amount "$missing")"
    download "$url" "$part" "$3"
    compare "$part" "$3" "$4"
    if [ -n "$mismatch" ] && [ "$resumed" = true ]; then
        echo "  the resumed file is wrong ($mismatch), starting over"
        rm -f "$part"
        download "$url" "$part" "$3"
        compare "$part" "$3" "$4"
    fi
    if [ -n "$mismatch" ]; then
        rm -f "$part"
        die "$2: $mismatch; removed (from $url)"
    fi
    mv -f "$part" "$target/$2"
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
            answer=$(request --silent --head --write-out 'ioi-status: %{http_code}\nioi-next: %{redirect_url}\n' "$url") ||
                code=$?
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
    if ! printf '%s %s %s\n' "$hub_commit" "$hub_bytes" "$hub_hash" |
        grep -Eq '^[0-9a-f]{40} [0-9]+ ([0-9a-f]{40}|[0-9a-f]{64})$'; then
        die "$2: the hub reports commit '$hub_commit', size '$hub_bytes', hash '$hub_hash'; expected X-Repo-Commit, X-Linked-Size and X-Linked-Etag, or ETag"
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

record() { # revision, what the files were checked against
    {
        printf 'repository %s\nrevision %s\nchecked %s\n' "$repository" "$1" "$2"
        cat "$work/files"
    } >"$work/SOURCE"
    mv -f "$work/SOURCE" "$target/SOURCE"
}

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
endpoint=${HF_ENDPOINT:-https://huggingface.co}
while [ "${endpoint%/}" != "$endpoint" ]; do endpoint=${endpoint%/}; done
retries=${IOI_FETCH_RETRIES:-5}
delay=${IOI_FETCH_RETRY_DELAY:-2}
model=$name
if [ -n "$target" ]; then
    model=$target
else
    target=${IOI_MODELS:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/models}/$name
fi

case $retries in
    '' | *[!0-9]*) die "IOI_FETCH_RETRIES: found '$retries', expected a whole number" ;;
esac
command -v curl >/dev/null 2>&1 || die "curl not found; install it first"
command -v sha256sum >/dev/null 2>&1 || command -v shasum >/dev/null 2>&1 ||
    die "neither sha256sum nor shasum found; install one first"
[ -z "${IOI_FETCH_MANIFEST:-}" ] || [ -r "$IOI_FETCH_MANIFEST" ] ||
    die "IOI_FETCH_MANIFEST: $IOI_FETCH_MANIFEST cannot be read"
mkdir -p "$target" 2>/dev/null || die "$target: cannot make this folder"

# One fetch at a time in a folder: a second one would write into the first one's partial file.
work=$target/.fetch
if ! mkdir "$work" 2>/dev/null; then
    [ -d "$work" ] || die "$target: cannot write there"
    owner=$(cat "$work/process" 2>/dev/null || true)
    if [ -z "$owner" ] || kill -0 "$owner" 2>/dev/null; then
        die "$target: another fetch works there (process ${owner:-unknown}); if not so, remove $work"
    fi
fi
echo $$ >"$work/process"
# An empty folder would look like a model to a person who lists the models.
trap 'rm -rf "$work"; rmdir "$target" 2>/dev/null || true' EXIT

echo "$repository from $endpoint into $target"
pinned=$(pins | awk -v size="$size" '$1 == size { print $2, $3, $4, $5 }')
if [ -n "$pinned" ]; then
    for file in $files; do
        pin=$(printf '%s\n' "$pinned" | grep -E "^[0-9a-f]{40} [0-9]+ [0-9a-f]{64} $file\$") ||
            die "IOI_FETCH_MANIFEST: found no line '$size REVISION BYTES SHA256 $file', expected one for each file"
        read -r revision bytes hash file <<<"$pin"
        provide "$revision" "$file" "$bytes" "$hash"
    done
    checked="against pinned SHA-256 hashes"
    record "$revision" "$checked"
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
