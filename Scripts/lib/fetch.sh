# What fetch-gpt2.sh and fetch-paper-data.sh share: files whose size and hash are known beforehand, each fetched
# into a partial file that can be resumed, checked, and only then put in place.
#
# The script that sources this defines `pins`, which prints a line "group revision bytes sha256 file" for each
# pinned file, and sets
#   program     its name, for messages
#   repository  such as openai-community/gpt2
#   files       the names of its files, in the order in which they are fetched
#   mirror      the name of the environment variable that names another server
#   endpoint    the server; its files are at $endpoint/$repository/$way/REVISION/FILE
#   way         empty where the revision follows the repository
#   access      a remark on the access token, for a server that refuses; may be empty
#   target      the folder for the files
way=
access=

# Further configuration of curl for a URL.
credentials() { :; }

die() {
    printf '%s: %s\n' "$program" "${1//[[:cntrl:]]/ }" >&2
    exit 1
}

wrong_usage() {
    printf '%s: %s (see --help)\n' "$program" "$1" >&2
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

# Below this many bytes a second for `patience` seconds, a transfer is given up and tried again.
floor=4096

request() { # URL, curl arguments
    local url=$1 protocols='=https'
    shift
    case $endpoint in http://*) protocols='=http,https' ;; esac
    # --disable comes first: no .curlrc has a say.
    curl --disable --config <(credentials "$url") --header 'Accept-Encoding: identity' --globoff \
        --proto "$protocols" --proto-redir "$protocols" --max-redirs 5 \
        --connect-timeout 20 --speed-limit "$floor" --speed-time "$patience" "$@" --url "$url"
}

# After a failed request: returns after a pause when another attempt may help, and ends the script with the
# reason when not.
reached=false
failures=0
retry_or_die() { # curl's exit code, HTTP status, URL, note for the last line
    local reason
    case $1 in
        1 | 47) die "$3: expected at most 5 redirections, from https to https alone" ;;
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
        22:401 | 22:403) die "$3: $reason, access refused${access:+; $access}" ;;
        22:408 | 22:429 | 22:5??) ;;
        22:*) die "$3: $reason, expected the file; is $mirror right?" ;;
        [67]:* | 35:* | 60:*)
            # Nothing ever came from there: more likely no network than a passing fault.
            [ "$reached" = true ] || die "$3: $reason; is there a network, and is $mirror right?"
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
        # A server that sends more than the file has meets the limit, which is in KB.
        status=$(
            ulimit -f $(($3 / 1024 + 2))
            trap '' XFSZ
            request "$1" "$quiet" --fail --location --continue-at - --output "$2" --write-out '%{http_code}'
        ) || code=$?
        [ "$code" -ne 0 ] || return 0
        after=$(size_of "$2")
        [ "$after" -le "$3" ] || { rm -f "$2" && die "$1: found more than $(amount "$3"), expected so much; removed"; }
        [ "$after" -le "$before" ] || reached=true
        # A server that sends a little each time is not waited for without end.
        [ $((after - before)) -lt 1000000 ] || failures=0
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

# Renames a file that is not ours; sets `kept` to its new name, which no other file has.
kept=
keep() { # file
    local number=1
    kept=$1.old
    while [ -e "$target/$kept" ] || [ -L "$target/$kept" ]; do
        kept=$1.old.$number
        number=$((number + 1))
    done
    mv "$target/$1" "$target/$kept"
}

# Puts a file in place, unless it is there already, and notes it for SOURCE.
provide() { # revision, file, bytes, hash
    local digest=$4
    mismatch="not there"
    if [ -e "$target/$2" ] || [ -L "$target/$2" ]; then
        compare "$target/$2" "$3" "$4"
        if [ -z "$mismatch" ]; then
            echo "$2: already there"
        else
            keep "$2"
            echo "$2: $mismatch; kept as $kept"
        fi
    fi
    [ -z "$mismatch" ] || fetch "$@"
    [ "${#digest}" -eq 64 ] || digest=$(sha 256 <"$target/$2")
    echo "file $3 $digest $2" >>"$work/files"
}

fetch() { # revision, file, bytes, hash
    local url="$endpoint/$repository/${way:+$way/}$1/$2" part="$target/.$2.partial" free missing
    # A link would lead the download into another file.
    if [ -L "$part" ] || [ "$(size_of "$part")" -gt "$3" ]; then rm -f "$part"; fi
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

record() { # revision, what the files were checked against, further line
    {
        printf 'repository %s\nrevision %s\nchecked %s\n%s' "$repository" "$1" "$2" "${3:+$3
}"
        cat "$work/files"
    } >"$work/SOURCE"
    if [ -e "$target/SOURCE" ] && ! grep -q '^repository ' "$target/SOURCE"; then keep SOURCE; fi
    mv -f "$work/SOURCE" "$target/SOURCE"
}

setting() { # variable, value where it is not set
    local value=${!1:-$2}
    case $value in
        *[!0-9]* | ?????*) die "$1: found '${value:0:80}', expected a whole number up to 9999" ;;
    esac
    echo "$((10#$value))"
}

# Checks tools and settings, and takes the folder.
begin() {
    local owner
    while [ "${endpoint%/}" != "$endpoint" ]; do endpoint=${endpoint%/}; done
    [[ $endpoint =~ ^https?://[A-Za-z0-9._-]+(:[0-9]+)?(/[A-Za-z0-9._~/-]*)?$ ]] ||
        die "$mirror: found '${endpoint:0:80}', expected https://HOST or https://HOST/PATH"
    retries=$(setting IOI_FETCH_RETRIES 5)
    delay=$(setting IOI_FETCH_RETRY_DELAY 2)
    patience=$(setting IOI_FETCH_PATIENCE 30)
    case $target in /*) ;; *) target=$PWD/$target ;; esac
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
        [ ! -L "$work" ] || die "$work: found a link, expected no such file"
        owner=$(cat "$work/process" 2>/dev/null || true)
        if [ -z "$owner" ] || kill -0 "$owner" 2>/dev/null; then
            die "$target: another fetch works there (process ${owner:-unknown}); if not so, remove $work"
        fi
    fi
    echo $$ >"$work/process"
    # An empty folder would look like a model to a person who lists the models.
    trap 'rm -f "$work"/{process,files,SOURCE}; rmdir "$work" "$target" 2>/dev/null || true' EXIT
    echo "$repository from $endpoint into $target"
}

# The pinned files of a group: revision, bytes, SHA-256 and name.
pinned() { # group
    { if [ -n "${IOI_FETCH_MANIFEST:-}" ]; then cat "$IOI_FETCH_MANIFEST"; else pins; fi; } |
        awk -v group="$1" '$1 == group { print $2, $3, $4, $5 }'
}

# Puts the pinned files of a group in place and writes SOURCE. Sets `checked` to what they were checked against.
provide_pinned() { # group, further line for SOURCE
    local all file pin revision bytes hash
    all=$(pinned "$1")
    for file in $files; do
        pin=$(printf '%s\n' "$all" | grep -E "^[0-9a-f]{40} [1-9][0-9]{0,12} [0-9a-f]{64} $file\$") ||
            die "IOI_FETCH_MANIFEST: found no line '$1 REVISION BYTES SHA256 $file', expected one for each file"
        read -r revision bytes hash file <<<"$pin"
        provide "$revision" "$file" "$bytes" "$hash"
    done
    checked="against pinned SHA-256 hashes"
    record "$revision" "$checked" "${2:-}"
}
