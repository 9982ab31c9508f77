#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Measures how much slower an action is among 10,000 people, 1,000 groups and 10,000 agents.
#
#   Benchmarks/directory.sh [--skip-build] [--people N] [--groups N] [--reviewers N] [--cycles N]
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
exec "$scratch/release/exequatur-bench" directory "${options[@]}"
