# shellcheck shell=bash
# What building and testing need. Sourced by the other scripts: installs the Debian or Ubuntu packages that
# are missing, and only those; says what to do where it cannot install them itself.

setup_fail() {
    printf '%s: %s\n' "$(basename "$0")" "$1" >&2
    exit 1
}

setup_installed() {
    [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

setup_apt() {
    local missing=() as_root=() package

    for package in libopenblas-dev liblapacke-dev ca-certificates; do
        setup_installed "$package" || missing+=("$package")
    done
    # oneDNN is optional: matrix products are about twice as fast with it on processors with AVX-512.
    if grep -qs avx512f /proc/cpuinfo && ! setup_installed libdnnl-dev && apt-cache show libdnnl-dev >/dev/null 2>&1; then
        missing+=(libdnnl-dev)
    fi
    # Tests open pages and pictures in a browser where there is one, so there is one in continuous integration.
    if [ "${CI:-}" = true ]; then
        command -v rsvg-convert >/dev/null 2>&1 || missing+=(librsvg2-bin)
        # Ubuntu has chromium as a snap only, which containers cannot run.
        if ! command -v chromium >/dev/null 2>&1 && ! command -v google-chrome >/dev/null 2>&1 &&
            apt-cache show chromium >/dev/null 2>&1; then
            missing+=(chromium)
        fi
        # So that several processes are tested there.
        setup_installed libopenmpi-dev || missing+=(libopenmpi-dev)
        command -v mpirun >/dev/null 2>&1 || missing+=(openmpi-bin)
    fi
    # These may well come from somewhere other than a package.
    for package in pkg-config python3 curl git; do
        command -v "$package" >/dev/null 2>&1 || missing+=("$package")
    done
    [ "${#missing[@]}" -gt 0 ] || return 0

    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null 2>&1 ||
            setup_fail "missing packages and no sudo to install them; run as root: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    echo "Installing ${missing[*]}"
    # `env` carries the variable through sudo, which drops the caller's environment.
    ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get update -qq ||
        setup_fail "apt-get update failed; packages still missing: ${missing[*]}"
    ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
        setup_fail "apt-get could not install: ${missing[*]}"
}

setup_libraries() {
    if command -v apt-get >/dev/null 2>&1; then
        setup_apt
    elif ! command -v pkg-config >/dev/null 2>&1 || ! pkg-config --exists openblas; then
        case $(uname -s) in
            # Homebrew keeps openblas and lapack out of the default search paths.
            Darwin) setup_fail "OpenBLAS not found: brew install openblas lapack pkg-config, then export PKG_CONFIG_PATH=\"\$(brew --prefix openblas)/lib/pkgconfig\" LIBRARY_PATH=\"\$(brew --prefix lapack)/lib\"" ;;
            *) setup_fail "OpenBLAS not found by pkg-config: install the development packages of openblas and lapacke" ;;
        esac
    fi
}

# Sets `traits`, the options of `swift build`: with MPI where it is installed, as Debian calls the chosen implementation, or
# as Open MPI and MPICH call themselves.
# shellcheck disable=SC2034 # For the scripts that source this one.
setup_traits() {
    local package

    traits=()
    for package in ${IOI_MPI_PACKAGE:-mpi-c ompi-c mpich}; do
        if pkg-config --exists "$package"; then
            export IOI_MPI_PACKAGE=$package
            traits=(--traits MPI)
            return
        fi
    done
}

setup_swift() {
    local how='get 6.1 or newer from https://www.swift.org/install, with swiftly, or use the swift:6.1 Docker image'
    local version major minor

    command -v swift >/dev/null 2>&1 || setup_fail "Swift not found: $how"
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9]*\.[0-9][0-9]*\).*/\1/p')
    major=${version%%.*}
    minor=${version#*.}
    if [ -z "$version" ] || [ "$major" -lt 6 ] || { [ "$major" -eq 6 ] && [ "$minor" -lt 1 ]; }; then
        setup_fail "Swift ${version:-of unknown version} is too old: $how"
    fi
}

setup_libraries
setup_traits
setup_swift
