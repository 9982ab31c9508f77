#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Measures `exequatur drift scan` beside Debian's `aide --check` and a mere `find -printf`, taking
# turns: on 20,000 files of 4 KiB and on /usr. All options go to Benchmarks/drift.py. Everything is
# written below a temporary folder.
#
#   Benchmarks/drift.sh [--rounds N] [--without-usr] [--tree DIR] [--json] [--skip-build]
#
# AIDE comes with `apt-get install --no-install-recommends aide`. EXEQUATUR_BIN is the program,
# otherwise the release build.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=${EXEQUATUR_SCRATCH:-.build-release}
options=()
for option in "$@"; do
    if [[ "$option" == --skip-build ]]; then skip=1; else options+=("$option"); fi
done
if [[ -z "${skip-}" && -z "${EXEQUATUR_BIN-}" ]]; then
    swift build -c release --static-swift-stdlib --scratch-path "$scratch" --product exequatur
fi
export EXEQUATUR_BIN=${EXEQUATUR_BIN:-$PWD/$scratch/release/exequatur}
exec python3 Benchmarks/drift.py "${options[@]}"
