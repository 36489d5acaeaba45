#!/usr/bin/env bash
# Builds the program and installs it with its data, man pages and completions. `--help` has the details.
set -euo pipefail
umask 022

program=install
package=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
    cat <<'END'
Usage: Scripts/install.sh [--prefix DIR] [--destdir DIR] [--binary FILE]
       Scripts/install.sh --uninstall [--prefix DIR] [--destdir DIR]

Builds a release of ioi with Swift's standard library linked in and installs, below the prefix:

  bin/ioi                                      needs OpenBLAS and LAPACKE, and uses oneDNN where it is installed
  share/ioi                                    templates, names, circuits, plans, tasks and the embedded model
  share/man/man1                               a page for each command
  share/bash-completion/completions/ioi, share/zsh/site-functions/_ioi, share/fish/vendor_completions.d/ioi.fish

The program finds share/ioi beside its bin, so the whole may be moved.

  --prefix DIR    where to install (default: /usr/local); sudo is used where it cannot be written to
  --destdir DIR   put everything below DIR instead, as packages do; the prefix is where it will lie
                  (default: the environment variable DESTDIR)
  --binary FILE   install this program instead of building one
  --uninstall     remove what this script installed, and the folders it made
  --help          print this

share/ioi/installed lists what was installed. A newer version replaces an older one; other files are never overwritten.

Exit codes: 0 done, 1 failed, 64 wrong usage.
END
}

fail() {
    printf '%s: %s\n' "$program" "$1" >&2
    exit "${2:-1}"
}

prefix=/usr/local
destination=${DESTDIR:-}
binary=
uninstall=false
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help)
            usage
            exit 0
            ;;
        --prefix | --destdir | --binary)
            [ -n "${2:-}" ] || fail "$1: found no value, expected one" 64
            case $1 in
                --prefix) prefix=$2 ;;
                --destdir) destination=$2 ;;
                --binary) binary=$2 ;;
            esac
            shift
            ;;
        --uninstall) uninstall=true ;;
        *) fail "found '$1', expected --prefix DIR, --destdir DIR, --binary FILE or --uninstall" 64 ;;
    esac
    shift
done
if $uninstall && [ -n "$binary" ]; then fail "--binary: does not go with --uninstall" 64; fi
absolute() { case $1 in /*) printf '%s' "$1" ;; *) printf '%s/%s' "$PWD" "$1" ;; esac; }
prefix=$(absolute "$prefix")
prefix=${prefix%/}
if [ -n "$destination" ]; then
    destination=$(absolute "$destination")
    destination=${destination%/}
fi
if [ -n "$binary" ]; then
    binary=$(absolute "$binary")
    [ -x "$binary" ] || fail "--binary: $binary: found no program, expected one"
fi
# Where files go now, and the list of them, which names the places without the destination.
root=$destination$prefix
manifest=$root/share/ioi/installed

# Whatever exists of the way to the prefix has to be writable, or root does the work.
as_root=()
existing=$root
while [ ! -e "$existing" ]; do existing=$(dirname "$existing"); done
if [ ! -w "$existing" ] || { [ -e "$root/bin" ] && [ ! -w "$root/bin" ]; }; then
    command -v sudo >/dev/null 2>&1 || fail "$existing: cannot be written to, and there is no sudo; run as root, or give --prefix"
    as_root=(sudo)
fi
change() { ${as_root[@]+"${as_root[@]}"} "$@"; }

# Removes what a manifest lists: files first, then the folders that are empty, the innermost first.
remove_installed() { # manifest
    local kind path
    while read -r kind path; do
        [ "$kind" != file ] || change rm -f -- "$destination$path"
    done <"$1"
    while read -r kind path; do
        if [ "$kind" = folder ] && [ -d "$destination$path" ]; then
            if [ -n "$(ls -A "$destination$path")" ]; then
                echo "$destination$path: holds other files and stays" >&2
            else
                change rmdir -- "$destination$path"
            fi
        fi
    done < <(LC_ALL=C sort -r "$1")
}

if $uninstall; then
    [ -f "$manifest" ] || fail "$manifest: missing, expected the list of what was installed; is $prefix the prefix?"
    list=$(mktemp)
    trap 'rm -f "$list"' EXIT
    cat "$manifest" >"$list"
    remove_installed "$list"
    echo "Removed ioi from $root."
    exit 0
fi

if [ -z "$binary" ]; then
    cd "$package"
    # shellcheck source=Scripts/setup.sh
    . "$package/Scripts/setup.sh"
    static=()
    # There, the standard library is part of the system.
    [ "$(uname -s)" = Darwin ] || static=(--static-swift-stdlib)
    build=(swift build -c release --product ioi --scratch-path .build-install ${static[@]+"${static[@]}"})
    "${build[@]}"
    binary=$("${build[@]}" --show-bin-path)/ioi
fi
command -v python3 >/dev/null 2>&1 || fail "python3 not found, which makes the man pages"

# The whole tree is made before anything is changed.
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir -p "$stage/bin" "$stage/share/bash-completion/completions" "$stage/share/zsh/site-functions" \
    "$stage/share/fish/vendor_completions.d"
cp "$binary" "$stage/bin/ioi"
if command -v strip >/dev/null 2>&1; then
    case $(uname -s) in
        Darwin) strip -x "$stage/bin/ioi" ;;
        *) strip "$stage/bin/ioi" ;;
    esac
fi
chmod 755 "$stage/bin/ioi"
cp -R "$package/Data" "$stage/share/ioi"
ioi=$stage/bin/ioi
python3 "$package/Scripts/make-man.py" "$ioi" "$stage/share/man/man1"
"$ioi" --generate-completion-script bash >"$stage/share/bash-completion/completions/ioi"
"$ioi" --generate-completion-script zsh >"$stage/share/zsh/site-functions/_ioi"
"$ioi" --generate-completion-script fish >"$stage/share/fish/vendor_completions.d/ioi.fish"
chmod -R u=rwX,go=rX "$stage"

files=$(cd "$stage" && find . -type f | sed 's|^\./||' | LC_ALL=C sort)
# What is there and is not ours stays.
while read -r file; do
    if [ -e "$root/$file" ] && ! grep -qsxF "file $prefix/$file" "$manifest"; then
        fail "$root/$file: is there already, and this script did not install it; remove it, or give another --prefix"
    fi
done <<<"$files"
old=$(mktemp)
trap 'rm -rf "$stage" "$old"' EXIT
if [ -f "$manifest" ]; then
    cat "$manifest" >"$old"
    remove_installed "$old"
fi

# The folders that are missing from the destination on, the outermost first.
missing_folders() {
    local path=$1
    [ -z "$path" ] || [ -d "$destination$path" ] || { missing_folders "$(dirname "$path" | sed 's|^/$||')" && printf '%s\n' "$path"; }
}
folders=$(cd "$stage" && find . -mindepth 1 -type d | sed 's|^\./||')
{
    {
        while read -r folder; do missing_folders "$prefix/$folder"; done <<<"$folders"
        sed -n 's/^folder //p' "$old"
    } | LC_ALL=C sort -u | sed 's/^/folder /'
    while read -r file; do printf 'file %s\n' "$prefix/$file"; done <<<"$files"
    printf 'file %s\n' "$prefix/share/ioi/installed"
} >"$stage/share/ioi/installed"
# The list goes first, so that a broken installation can be removed.
change mkdir -p "$root/share/ioi"
change cp "$stage/share/ioi/installed" "$manifest"
while read -r folder; do change mkdir -p "$root/$folder"; done <<<"$folders"
while read -r file; do change cp "$stage/$file" "$root/$file"; done <<<"$files"

echo "Installed ioi $("$ioi" --version | sed -n 1p) in $root, $(wc -l <<<"$files") files."
case :$PATH: in
    *":$prefix/bin:"*) ;;
    *) [ -n "$destination" ] || echo "$prefix/bin is not in PATH." ;;
esac
