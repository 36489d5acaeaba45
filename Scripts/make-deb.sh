#!/usr/bin/env bash
# Makes a Debian package of the program, ioi_VERSION_ARCHITECTURE.deb in the working directory.
#
#   Scripts/make-deb.sh [--binary FILE] [--out DIR]
#
#   --binary FILE   package this program instead of building one, as Scripts/install.sh does
#   --out DIR       put the package there
#
# It is for the release of Debian or Ubuntu that it is made on, and later ones. Exit codes: 0 done, 1 failed, 64 wrong usage.
set -euo pipefail
umask 022

scripts=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

fail() {
    printf 'make-deb: %s\n' "$1" >&2
    exit "${2:-1}"
}

out=$PWD
install=("$scripts/install.sh" --prefix /usr)
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help)
            sed -n '2,9s/^#\{1,\} \{0,1\}//p' "$0"
            exit 0
            ;;
        --binary | --out)
            [ -n "${2:-}" ] || fail "$1: found no value, expected one" 64
            if [ "$1" = --out ]; then out=$2; else install+=(--binary "$2"); fi
            shift
            ;;
        *) fail "found '$1', expected --binary FILE or --out DIR" 64 ;;
    esac
    shift
done
for tool in dpkg-deb dpkg-shlibdeps; do
    command -v $tool >/dev/null 2>&1 || fail "$tool not found: apt-get install dpkg-dev"
done
[ -d "$out" ] || fail "--out: $out: found no folder, expected one"
out=$(cd "$out" && pwd)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
"${install[@]}" --destdir "$tree"
version=$("$tree/usr/bin/ioi" --version | sed -n 1p)
architecture=$(dpkg --print-architecture)

# dpkg knows what it installed, zsh looks elsewhere for packages' completions, and Debian's pages are compressed.
rm "$tree/usr/share/ioi/installed"
mkdir -p "$tree/usr/share/doc/ioi"
mv "$tree/usr/share/zsh/site-functions" "$tree/usr/share/zsh/vendor-completions"
gzip -9n "$tree"/usr/share/man/man1/*.1
gzip -9nc "$scripts/../CHANGELOG.md" >"$tree/usr/share/doc/ioi/changelog.gz"
cp "$scripts/../LICENSE" "$tree/usr/share/doc/ioi/copyright"

# The packages of the libraries that the program names; dpkg-shlibdeps reads debian/control of its working directory.
mkdir -p "$work/debian" "$tree/DEBIAN"
printf 'Source: ioi\n\nPackage: ioi\nArchitecture: any\n' >"$work/debian/control"
libraries=$(cd "$work" && dpkg-shlibdeps -O "$tree/usr/bin/ioi" | sed -n 's/^shlibs:Depends=//p')
[ -n "$libraries" ] || fail "dpkg-shlibdeps found no libraries, expected libc6, libopenblas0 and others"
# oneDNN is loaded when the program runs, by whichever version there is.
onednn=$(apt-cache pkgnames libdnnl | grep -x 'libdnnl[0-9.]*' | sort -r | paste -sd'|' | sed 's/|/ | /g')

cat >"$tree/DEBIAN/control" <<END
Package: ioi
Version: $version
Architecture: $architecture
Maintainer: $(git -C "$scripts" log -1 --format='%an <%ae>' 2>/dev/null || echo 'unknown <unknown@localhost>')
Section: science
Priority: optional
Installed-Size: $(du -sk --exclude=DEBIAN "$tree" | cut -f1)
Depends: $libraries
${onednn:+Recommends: $onednn
}Description: measure what fine-tuning changes inside a language model
 Runs the experiments of mechanistic interpretability on GPT-2 models: activation
 and path patching, knockouts, circuits and their faithfulness, on prompts of
 indirect-object identification and other tasks, before and after fine-tuning.
END
(cd "$tree" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum >DEBIAN/md5sums)
deb=$out/ioi_${version}_$architecture.deb
dpkg-deb --root-owner-group --build "$tree" "$deb" >/dev/null
echo "Made $deb: $(stat -c %s "$deb") bytes, program $(stat -c %s "$tree/usr/bin/ioi") bytes."
echo "Depends: $libraries"
