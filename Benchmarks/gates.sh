#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Measures the MCP gateway beside no gateway, a dumb relay and fastmcp's proxy, over stdio and HTTP,
# and the hook from start to answer; all options go to Benchmarks/gates.py. Only 127.0.0.1 is used,
# everything is written below a temporary folder.
#
#   Benchmarks/gates.sh [--seconds N] [--era 2025-11-25|2026-07-28] [--hooks N] [--json]
#                       [--report FILE] [--without SUBJECT]… [--skip-build]
#
# The peer comes from `scripts/mcp-referee --install`. EXEQUATUR_BIN is the program, otherwise the
# release build; with --skip-build and no release build the debug one, and the table says so.
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
if [[ ! -x .build/mcp-modern/bin/python ]]; then scripts/mcp-referee --install; fi
if [[ -z "${EXEQUATUR_BIN-}" && -x "$scratch/release/exequatur" ]]; then
    export EXEQUATUR_BIN=$PWD/$scratch/release/exequatur
fi
exec .build/mcp-modern/bin/python Benchmarks/gates.py "${options[@]}"
