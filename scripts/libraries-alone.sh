#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds and tests the libraries that other projects may take by themselves, in a package without
# dependencies: CanonicalJSON, Cedar and ToolSchemas need nothing but the toolchain.
set -euo pipefail
cd "$(dirname "$0")/.."

root=$PWD
alone=$root/.build/alone
mkdir -p "$alone/Sources" "$alone/Tests"
for target in CanonicalJSON Cedar ToolSchemas TestSupport; do
    ln -sfn "$root/Sources/$target" "$alone/Sources/$target"
done
for target in CanonicalJSONTests CedarTests ToolSchemasTests; do
    ln -sfn "$root/Tests/$target" "$alone/Tests/$target"
done
# The settings are those of the package itself.
settings=$(sed -n '/^let strict: \[SwiftSetting\]/,/^\]/p' Package.swift)
cat >"$alone/Package.swift" <<MANIFEST
// swift-tools-version: 6.2
import PackageDescription
$settings
let package = Package(
    name: "alone", platforms: [.macOS(.v15)],
    targets: [
        .target(name: "CanonicalJSON", swiftSettings: strict),
        .target(name: "Cedar", dependencies: ["CanonicalJSON"], swiftSettings: strict),
        .target(
            name: "ToolSchemas", dependencies: ["CanonicalJSON", "Cedar"], swiftSettings: strict),
        .target(name: "TestSupport", dependencies: ["CanonicalJSON"], swiftSettings: strict),
        .testTarget(
            name: "CanonicalJSONTests", dependencies: ["CanonicalJSON", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "CedarTests", dependencies: ["CanonicalJSON", "Cedar", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "ToolSchemasTests",
            dependencies: ["CanonicalJSON", "Cedar", "TestSupport", "ToolSchemas"],
            swiftSettings: strict),
    ])
MANIFEST
export EXEQUATUR_CORPORA=${EXEQUATUR_CORPORA:-$root/../shared/corpora}
export PYTHONPATH="$root/.build/referee-python${PYTHONPATH:+:$PYTHONPATH}"
swift build --package-path "$alone" --build-tests
swift test --package-path "$alone" --skip-build --disable-xctest
