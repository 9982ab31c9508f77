#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Measures drift detection: `exequatur drift scan` beside Debian's `aide --check` and a mere
# `find -printf`, on 20,000 files of 4 KiB and on /usr; differences of JSON documents beside PyPI's
# jsonpatch and deepdiff; 10,000 deviations against 100,000 approved effects; and how long a change
# takes to be a deviation at a server. Contenders take turns. Everything is written below a
# temporary folder, the peers of PyPI below .build.
#
#   Benchmarks/drift.sh [--rounds N] [--without-usr] [--tree DIR] [--skip-build] [--only PART]
#
# PART is files, json, attribution or events. AIDE comes with
# `apt-get install --no-install-recommends aide`. EXEQUATUR_BIN is the program, otherwise the
# release build. Ends with 1 if a goal was missed.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=${EXEQUATUR_SCRATCH:-.build-release}
peers=.build/drift-peers
options=()
only=
while (($# > 0)); do
    case $1 in
        --skip-build) skip=1 ;;
        --only) only=$2; shift ;;
        *) options+=("$1") ;;
    esac
    shift
done
if [[ -z "${skip-}" ]]; then
    for product in exequatur exequatur-bench; do
        swift build -c release --static-swift-stdlib --scratch-path "$scratch" --product "$product"
    done
fi
export EXEQUATUR_BIN=${EXEQUATUR_BIN:-$PWD/$scratch/release/exequatur}
bench=$scratch/release/exequatur-bench
status=0

wanted() { [[ -z "$only" || "$only" == "$1" ]]; }

if wanted files; then python3 Benchmarks/drift.py "${options[@]}" || status=1; fi
if wanted json; then
    if [[ ! -x "$peers/bin/python" ]]; then
        python3 -m venv "$peers"
        "$peers/bin/pip" install --quiet jsonpatch==1.48 deepdiff==9.1.0
    fi
    "$peers/bin/python" Benchmarks/drift-json.py --binary "$bench" || status=1
fi
if wanted attribution; then "$bench" attribution || status=1; fi
if wanted events; then python3 Benchmarks/drift-events.py || status=1; fi
exit "$status"
