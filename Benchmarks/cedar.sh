#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Measures the policy engine beside cedarpy; all options go to Benchmarks/cedar.py.
#
#   Benchmarks/cedar.sh [--seconds N] [--largest N] [--corpus FOLDER] [--json] [--skip-build]
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=${EXEQUATUR_SCRATCH:-.build-release}
options=()
for option in "$@"; do
    if [[ "$option" == --skip-build ]]; then skip=1; else options+=("$option"); fi
done
if [[ -z "${skip-}" ]]; then
    swift build -c release --static-swift-stdlib --scratch-path "$scratch" --product exequatur-bench
fi
# The corpus, where it is there, and unpacked for this run only.
corpora=${EXEQUATUR_CORPORA:-../shared/corpora}
if [[ " ${options[*]-} " != *" --corpus "* && -f "$corpora/cedar/corpus.tar.xz" ]]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    tar -xJf "$corpora/cedar/corpus.tar.xz" -C "$work"
    options+=(--corpus "$work")
fi
PYTHONPATH="$PWD/.build/referee-python${PYTHONPATH:+:$PYTHONPATH}" \
    python3 Benchmarks/cedar.py --binary "$scratch/release/exequatur-bench" "${options[@]}"
