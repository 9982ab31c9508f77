#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds the fuzzers and runs each for a while; ends with a status other than 0 on a finding.
#
#   Fuzz/run.sh [--seconds N] [--skip-build] [FuzzPolicies|FuzzSchemas|FuzzEntities …]
#
# Inputs that reach something new are kept from run to run in the scratch folder, which
# EXEQUATUR_SCRATCH names (Fuzz/.build-fuzz unless set). Where the conformance data is
# (EXEQUATUR_CORPORA), files of it are seeds too.
set -euo pipefail
cd "$(dirname "$0")"

seconds=60
targets=()
while [[ $# -gt 0 ]]; do
    case "$1" in
    --seconds)
        seconds=${2:?"--seconds needs a number"}
        shift
        ;;
    --skip-build) skip=1 ;;
    Fuzz*) targets+=("$1") ;;
    *)
        echo "run.sh: unknown argument \`$1\`: use [--seconds N] [--skip-build] [target …]" >&2
        exit 2
        ;;
    esac
    shift
done
[[ ${#targets[@]} -gt 0 ]] || targets=(FuzzPolicies FuzzSchemas FuzzEntities)

scratch=${EXEQUATUR_SCRATCH:-.build-fuzz}
corpora=${EXEQUATUR_CORPORA:-../../shared/corpora}
archive=$corpora/cedar/corpus.tar.xz

# Other linkers cannot link libFuzzer to Swift: gold stops with an undefined main.
if ! command -v ld.lld > /dev/null; then
    echo "run.sh: no ld.lld: add the Swift toolchain's usr/bin to PATH, or install it" \
        "(Debian: apt-get install lld)" >&2
    exit 2
fi
# Optimised, for many more tries a second, but with all assertions.
if [[ -z "${skip-}" ]]; then
    swift build -c release -j "${EXEQUATUR_JOBS:-1}" --scratch-path "$scratch" \
        -Xswiftc -sanitize=fuzzer,address -Xswiftc -use-ld=lld \
        -Xswiftc -assert-config -Xswiftc Debug
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [[ -f "$archive" ]]; then
    mkdir "$work/unpacked"
    tar -xJf "$archive" -C "$work/unpacked"
fi

# Puts seeds from the conformance data into a folder, policies and data together with their
# schema. One of eight small ones is enough: larger ones the fuzzer makes itself.
add_corpus() {
    local target=$1 folder=$2 schema name
    [[ -d "$work/unpacked" ]] || return 0
    find "$work/unpacked/corpus-tests" -name '*.cedarschema' -size -4k | LC_ALL=C sort |
        awk 'NR % 8 == 0' | while read -r schema; do
        name=$(basename "$schema" .cedarschema)
        case "$target" in
        FuzzPolicies) cp "${schema%schema}" "$folder/$name" ;;
        FuzzSchemas) (cat "$schema" && echo '//----' && cat "${schema%schema}") > "$folder/$name" ;;
        FuzzEntities)
            (cat "$schema" && echo && echo '//----' &&
                cat "${schema%.cedarschema}.entities.json") > "$folder/$name.entities"
            (cat "$schema" && echo && echo '//----' &&
                cat "${schema%.cedarschema}.json") > "$folder/$name.requests"
            ;;
        esac
    done
}

status=0
for target in "${targets[@]}"; do
    seeds=$work/$target
    found=$scratch/corpus/$target
    findings=$scratch/findings/$target
    mkdir -p "$seeds" "$found" "$findings"
    cp Seeds/"$target"/* "$seeds"
    add_corpus "$target" "$seeds"
    cat Dictionaries/*.dict > "$work/all.dict"
    echo "run.sh: $target for $seconds s, $(find "$seeds" -type f | wc -l) seeds"
    # Without the first setting a crash leaves the backtracer hanging. The second: Swift keeps
    # bits in pointers, so that what is in use looks like a leak.
    if ! SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=0 "$scratch/release/$target" "$found" "$seeds" \
        -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -max_len=65536 \
        -dict="$work/all.dict" -print_final_stats=1 \
        -artifact_prefix="$findings/" > "$work/log" 2>&1; then
        status=1
        tail -n 60 "$work/log"
        echo "run.sh: $target has a finding: $(find "$findings" -type f -newer "$work/all.dict")" >&2
    else
        grep -E '^#[0-9]+.DONE|^stat::' "$work/log"
    fi
done
exit "$status"
