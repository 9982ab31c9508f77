#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Checks, builds and tests everything. With --full also what takes long: more seeds, fault
# injection, large inputs.
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1-}" in
    "") ;;
    --full) export EXEQUATUR_TEST_FULL=1 ;;
    *)
        echo "test.sh: unknown option \`$1\`: use --full or nothing" >&2
        exit 2
        ;;
esac

scripts/bootstrap
export PYTHONPATH="$PWD/.build/referee-python${PYTHONPATH:+:$PYTHONPATH}"
scripts/check.sh
swift build --build-tests

mkdir -p .build
# Some tests use what this installs, and skip without it.
if ! scripts/mcp-referee --install >.build/mcp-install.log 2>&1; then
    echo "The referee of the MCP gateway cannot be installed; tests that need it say so and skip:"
    tail -n 5 .build/mcp-install.log
fi
log=.build/test.log
echo "Running the tests. Every line goes to $log, what matters to the terminal."
status=0
swift test --skip-build --disable-xctest >"$log" 2>&1 || status=$?

# What the runner says besides `started` and `passed`: failures, their explanations, skipped tests.
grep -vE '^(◇|✔|\[|Building|Build complete|✘ Test run|↳ (Testing Library|Target Platform))|^$' "$log" |
    head -n 400 || true
closing=$(grep -E '^. Test run with [0-9]+ tests? ' "$log" | tail -n 1 || true)
if [[ -z "$closing" ]]; then
    echo "The runner printed no closing line, so it crashed (status $status). Its last lines:"
    tail -n 60 "$log"
    exit 1
fi
if [[ $status -ne 0 ]]; then
    echo "The tests failed (status $status)."
    echo "$closing"
    exit "$status"
fi
# A filter or a manifest that finds no tests passes as well; that must not count as a success.
if ! [[ "$closing" =~ with\ ([0-9]+)\ tests?\ .*\ passed ]] || [[ "${BASH_REMATCH[1]}" -eq 0 ]]; then
    echo "$closing"
    echo "No test ran, or the closing line is not understood: counted as a failure."
    exit 1
fi
sdk=.build/sdk-test-run.log
if ! scripts/sdk-test --install >"$sdk" 2>&1; then
    echo "The Python SDK fails against the server:"
    tail -n 60 "$sdk"
    exit 1
fi
echo "The Python SDK: $(tail -n 1 "$sdk")"
# Runs somebody else's clients and servers against us; all of it with --full. What can't be installed
# is skipped and said so, what tests nothing is a failure.
referee() {
    local what=$1 script=$2 log=.build/${2##*/}.log quick=--quick
    [[ -z "${EXEQUATUR_TEST_FULL-}" ]] || quick=
    if ! "$script" --install >"$log" 2>&1; then
        echo "The referee of $what cannot be installed and is skipped:"
        tail -n 5 "$log"
    elif ! "$script" $quick >"$log" 2>&1; then
        echo "The referee of $what finds fault:"
        grep -E '^FAIL' "$log" | head -n 60 || true
        tail -n 5 "$log"
        exit 1
    elif ! grep -qE '^[1-9][0-9]* passed, 0 failed' "$log"; then
        echo "The referee of $what tested nothing:"
        tail -n 5 "$log"
        exit 1
    else
        echo "The referee of $what: $(tail -n 1 "$log")"
    fi
}
tampered=.build/drift-referee.log
if ! command -v aide >/dev/null 2>&1; then
    echo "The referee of drift in files needs \`aide\` and is skipped."
else
    judged=0
    EXEQUATUR_BIN=$PWD/.build/debug/exequatur python3 Tests/Referees/drift/aide.py >"$tampered" 2>&1 ||
        judged=$?
    case "$judged" in
        0) echo "The referee of drift in files: $(tail -n 1 "$tampered")" ;;
        3) echo "The referee of drift in files is broken:" ;;
        *) echo "The referee of drift in files finds fault:" ;;
    esac
    if [[ $judged -ne 0 ]]; then
        tail -n 40 "$tampered"
        exit 1
    fi
fi
referee "the MCP gateway" scripts/mcp-referee
referee "the channels" scripts/channels-referee
if [[ -x "${EXEQUATUR_CHROMIUM:-/usr/bin/chromium}" ]]; then
    referee "passkeys" scripts/passkey-referee
else
    echo "The referee of passkeys needs \`chromium\` and is skipped."
fi
referee "the HTTP interface" scripts/http-fuzz
referee "an attacker's day" scripts/attackers-day
if [[ -n "${EXEQUATUR_TEST_FULL-}" ]] && ! scripts/libraries-alone.sh >.build/alone.log 2>&1; then
    echo "The libraries do not build and test by themselves:"
    tail -n 40 .build/alone.log
    exit 1
fi
# Takes each guard out and wants a test to fail.
if [[ -n "${EXEQUATUR_TEST_FULL-}" ]]; then
    if ! scripts/mutants >.build/mutants.log 2>&1; then
        echo "Nobody notices the loss of some guard:"
        grep -F SURVIVES .build/mutants.log | head -n 40 || true
        tail -n 5 .build/mutants.log
        exit 1
    fi
    echo "Guards: $(tail -n 1 .build/mutants.log)"
fi
# It sees other members of C modules than the debug build does, and may not compile where that does.
if [[ -n "${EXEQUATUR_TEST_FULL-}" ]] && ! swift build -c release --static-swift-stdlib \
    --scratch-path .build-release --product exequatur >.build/release.log 2>&1; then
    echo "The release build fails:"
    tail -n 40 .build/release.log
    exit 1
fi
demonstration=.build/demo-test.log
if ! scripts/demo-test >"$demonstration" 2>&1; then
    echo "The demonstration does not work with a scripted reviewer:"
    tail -n 40 "$demonstration"
    exit 1
fi
echo "The demonstration works with a scripted reviewer."
echo "$closing"
