#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Reference documentation of our own targets, one static site for each in .build/docs/TARGET. Uses
# only what the toolchain brings along.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/bootstrap --build
docc=$(dirname "$(readlink -f "$(command -v swift)")")/docc
if [[ ! -x "$docc" ]]; then
    echo "docs.sh: this toolchain has no \`docc\` beside \`swift\`" >&2
    exit 1
fi

swift package dump-symbol-graph --minimum-access-level public --skip-synthesized-members
graphs=$(swift build --show-bin-path | sed 's,/debug$,,')/symbolgraph
rm -rf .build/docs
count=0
for folder in Sources/*/; do
    target=$(basename "$folder")
    [[ -f "$graphs/$target.symbols.json" ]] || continue
    input=.build/symbols/$target
    rm -rf "$input"
    mkdir -p "$input" .build/docs
    cp "$graphs/$target".symbols.json "$input"
    cp "$graphs/$target"@*.symbols.json "$input" 2>/dev/null || true
    "$docc" convert --additional-symbol-graph-dir "$input" --output-dir ".build/docs/$target" \
        --fallback-display-name "$target" --fallback-bundle-identifier "exequatur.$target" \
        --transform-for-static-hosting --hosting-base-path "$target"
    count=$((count + 1))
done
if [[ $count -eq 0 ]]; then
    echo "docs.sh: no target has a symbol graph in $graphs" >&2
    exit 1
fi
echo "$count targets in .build/docs. Look at them with: python3 -m http.server -d .build/docs"
