#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Measures how soon a card in Slack follows a decision, and how long it takes until everything is
# right after an outage; options go to Benchmarks/channels.py. An emulator on 127.0.0.1 stands in for
# Slack, so this is about us and not about Slack.
#
#   Benchmarks/channels.sh [--open N] [--decisions N] [--outage SECONDS] [--json] [--skip-build]
#
# EXEQUATUR_BIN is the program, otherwise the release build.
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
if [[ ! -x .build/channels-venv/bin/python ]]; then scripts/channels-referee --install; fi
if [[ -z "${EXEQUATUR_BIN-}" && -x "$scratch/release/exequatur" ]]; then
    export EXEQUATUR_BIN=$PWD/$scratch/release/exequatur
fi
exec .build/channels-venv/bin/python Benchmarks/channels.py "${options[@]}"
