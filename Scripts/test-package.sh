#!/usr/bin/env bash
# Installs a package in a fresh Debian of its own, runs the program there, removes the package and checks that nothing is
# left.
#
#   Scripts/test-package.sh PACKAGE.deb [DIR]
#
# DIR is where the scratch system is made and kept (default: a temporary folder, removed at the end); where it holds one
# already, that is used again. Needs root, debootstrap and this system's apt sources, whose release and mirror are taken.
# Exit codes: 0 all well, 1 something is wrong, 64 wrong usage.
set -euo pipefail

fail() {
    printf 'test-package: %s\n' "$1" >&2
    exit "${2:-1}"
}

case $#:${1:-} in
    1:*.deb | 2:*.deb) ;;
    *)
        sed -n '5p' "$0" | sed 's/^# *//' >&2
        exit 64
        ;;
esac
deb=$(realpath "$1")
[ -f "$deb" ] || fail "$1: found nothing, expected a package"
[ "$(id -u)" -eq 0 ] || fail "found no root, which debootstrap and chroot need"
command -v debootstrap >/dev/null 2>&1 || fail "debootstrap not found: apt-get install debootstrap"

# The release and mirror of the system.
# shellcheck source=/dev/null
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
# shellcheck disable=SC2016
mirror=$(apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
    awk -v release="$release" '$1 == release && $2 == "main" { print $3; exit }')
[ -n "$mirror" ] || fail "apt has no source of $release main"

if [ $# -eq 2 ]; then
    mkdir -p "$2"
    root=$(realpath "$2")
    kept=true
else
    root=$(mktemp -d)
    chmod 755 "$root"
    kept=false
fi
unmount() { ! mountpoint -q "$root/proc" || umount "$root/proc"; }
finish() {
    unmount
    $kept || rm -rf "$root"
}
trap finish EXIT

if [ ! -x "$root/usr/bin/apt-get" ]; then
    echo "Making a $release in $root"
    debootstrap --variant=minbase "$release" "$root" "$mirror" >"$root.log" 2>&1 ||
        fail "debootstrap failed: $(tail -1 "$root.log")"
    rm "$root.log"
fi
# The sources and proxies of this system, and no start of services.
rm -rf "$root/etc/apt/sources.list" "$root/etc/apt/sources.list.d"
cp -R /etc/apt/sources.list.d "$root/etc/apt/"
[ ! -f /etc/apt/sources.list ] || cp /etc/apt/sources.list "$root/etc/apt/"
cp /etc/resolv.conf "$root/etc/resolv.conf"
# Minimal systems, as images for containers, leave out pages; this one is to have them.
rm -f "$root"/etc/dpkg/dpkg.cfg.d/*
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"

# Which kernels OpenBLAS is to use on this processor holds there too.
mapfile -t kernels < <(env | grep '^OPENBLAS_')
inside() {
    chroot "$root" /usr/bin/env -i "${kernels[@]}" PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
        IOI_CACHE=/tmp/cache DEBIAN_FRONTEND=noninteractive "$@" </dev/null
}
# All files but what dpkg, apt and the system's logs and caches keep for themselves.
listing() {
    (cd "$root" && find . \( -path ./proc -o -path ./var/lib/dpkg -o -path ./var/lib/apt -o -path ./var/cache -o -path ./var/log \
        -o -path ./tmp \) -prune -o -print | LC_ALL=C sort)
}

inside apt-get update -qq
# What it depends on comes first, so that only the package makes the difference. Its recommendations are left to the user.
inside apt-get install -y -qq --no-install-recommends man-db >"$root/tmp/log" 2>&1 || fail "$(tail -1 "$root/tmp/log")"
depends=$(dpkg-deb --field "$deb" Depends)
before=$(listing)
cp "$deb" "$root/tmp/"
package=/tmp/$(basename "$deb")
inside apt-get install -y -qq --no-install-recommends "$package" >"$root/tmp/log" 2>&1 || fail "$(tail -1 "$root/tmp/log")"
echo "Installed $(basename "$deb"), which depends on $depends"

echo '$ ioi --version'
inside ioi --version
echo '$ ioi eval --model embedded --count 20'
inside ioi eval --model embedded --count 20
echo '$ ioi model list'
inside ioi model list

pages=0
while read -r page; do
    [ -f "$root$page" ] || fail "$page: missing"
    warnings=$(inside man --warnings -l "$page" 2>&1 >/dev/null)
    [ -z "$warnings" ] || fail "$page: $warnings"
    pages=$((pages + 1))
done < <(dpkg-deb --contents "$deb" | awk '/\/man1\/.*\.gz$/ { print substr($6, 2) }')
[ "$pages" -gt 20 ] || fail "found $pages man pages, expected one for each command"
[ -n "$(inside man -w ioi-eval)" ] || fail "man does not find ioi-eval"
echo "$pages man pages without warnings"
inside bash -n /usr/share/bash-completion/completions/ioi
[ -f "$root/usr/share/zsh/vendor-completions/_ioi" ] || fail "no completion for zsh"
[ -f "$root/usr/share/fish/vendor_completions.d/ioi.fish" ] || fail "no completion for fish"
echo "Completions are there, and bash reads its own"

inside apt-get purge -y -qq ioi >"$root/tmp/log" 2>&1 || fail "$(tail -1 "$root/tmp/log")"
inside apt-get purge -y -qq --autoremove >"$root/tmp/log" 2>&1 || fail "$(tail -1 "$root/tmp/log")"
left=$(comm -13 <(echo "$before") <(listing))
[ -z "$left" ] || fail "left behind: $(echo "$left" | head -5 | paste -sd' ')"
echo "Purged; nothing is left"
