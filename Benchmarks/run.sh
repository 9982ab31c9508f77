#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Measures the whole on this machine, against its own disk and the bare server framework in the
# same minutes: absolute figures of a shared machine mean little, ratios more. Only 127.0.0.1 is
# used, everything is written below a temporary folder, and every step has a time limit.
#
#   Benchmarks/run.sh [--seconds N] [--json] [--skip-build]
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=${EXEQUATUR_SCRATCH:-.build-release}
options=()
for option in "$@"; do
    if [[ "$option" == --skip-build ]]; then skip=1; else options+=("$option"); fi
done
if [[ -z "${skip-}" ]]; then
    for product in exequatur exequatur-bench; do
        swift build -c release --static-swift-stdlib --scratch-path "$scratch" --product "$product"
    done
fi
ulimit -n "$(ulimit -Hn)"
exec python3 Benchmarks/measure.py --binaries "$scratch/release" "${options[@]}"
