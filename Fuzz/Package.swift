// swift-tools-version: 6.2
//
// This source file is part of the Exequatur open source project.
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

/// The same rules as those of the main package.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

/// One fuzzer.
func fuzzer(_ name: String) -> Target {
    .executableTarget(
        name: name, dependencies: ["CanonicalJSON", "Cedar", "FuzzSupport"],
        swiftSettings: strict)
}

// The two libraries are linked to and built here once more: a dependency on the main package
// would fetch and build everything that the server needs, with the flags of the fuzzer.
let package = Package(
    name: "fuzz",
    platforms: [.macOS(.v15)],
    targets: [
        .target(name: "CanonicalJSON", swiftSettings: strict),
        .target(name: "Cedar", dependencies: ["CanonicalJSON"], swiftSettings: strict),
        .target(
            name: "FuzzSupport", dependencies: ["CanonicalJSON", "Cedar"], swiftSettings: strict),
        fuzzer("FuzzPolicies"),
        fuzzer("FuzzSchemas"),
        fuzzer("FuzzEntities"),
    ]
)
