// swift-tools-version: 6.2
//
// This source file is part of the Exequatur open source project.
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

/// Every target of ours is built with these: warnings are errors, imports and existentials explicit.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .treatWarning("DeprecatedDeclaration", as: .warning),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

func product(_ name: String, _ package: String) -> Target.Dependency {
    .product(name: name, package: package)
}

let crypto = product("Crypto", "swift-crypto")
let cryptoExtras = product("CryptoExtras", "swift-crypto")
let hummingbird = product("Hummingbird", "hummingbird")
let asyncHTTPClient = product("AsyncHTTPClient", "async-http-client")
let niocore = product("NIOCore", "swift-nio")
let nioposix = product("NIOPosix", "swift-nio")
let niohttp1 = product("NIOHTTP1", "swift-nio")
let niowebsocket = product("NIOWebSocket", "swift-nio")
let niossl = product("NIOSSL", "swift-nio-ssl")
let httpTypes = product("HTTPTypes", "swift-http-types")
let logging = product("Logging", "swift-log")
let lifecycle = product("ServiceLifecycle", "swift-service-lifecycle")
let unixSignals = product("UnixSignals", "swift-service-lifecycle")

let package = Package(
    name: "exequatur",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "exequatur", targets: ["exequatur"]),
        .library(name: "CanonicalJSON", targets: ["CanonicalJSON"]),
        .library(name: "Cedar", targets: ["Cedar"]),
        .library(name: "ExequaturClient", targets: ["ExequaturClient"]),
        .library(name: "ToolSchemas", targets: ["ToolSchemas"]),
        .library(name: "TransparencyLog", targets: ["TransparencyLog"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", exact: "2.1.1"),
        .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0"),
        .package(
            url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/vapor/jwt-kit", exact: "5.7.1"),
    ],
    targets: [
        // MARK: pure targets, no I/O
        .target(name: "CanonicalJSON", swiftSettings: strict),
        .target(name: "Cedar", dependencies: ["CanonicalJSON"], swiftSettings: strict),
        .target(
            name: "ToolSchemas", dependencies: ["CanonicalJSON", "Cedar"], swiftSettings: strict),
        .target(name: "TransparencyLog", dependencies: [crypto], swiftSettings: strict),
        .target(
            name: "WebAuthn", dependencies: ["CanonicalJSON", crypto, cryptoExtras],
            swiftSettings: strict),
        .target(
            name: "ApprovalCore",
            dependencies: [
                "CResources", "CanonicalJSON", "Cedar", "ToolSchemas", "TransparencyLog",
                "WebAuthn", crypto,
            ],
            swiftSettings: strict),
        .target(
            name: "Facts", dependencies: ["ApprovalCore", "CanonicalJSON"],
            swiftSettings: strict),
        .target(
            name: "DriftCore",
            dependencies: ["ApprovalCore", "CanonicalJSON", "TransparencyLog", crypto],
            swiftSettings: strict),
        .target(
            name: "Console",
            dependencies: [
                "ApprovalCore", "CConsoleAssets", product("Mustache", "swift-mustache"),
            ],
            swiftSettings: strict),
        .target(
            name: "CConsoleAssets",
            exclude: ["assets"],
            publicHeadersPath: "include"),
        .target(name: "CLinux", publicHeadersPath: "include"),
        .target(
            name: "CPostgres", publicHeadersPath: "include",
            linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
        .target(name: "CResources", exclude: ["openapi.json"]),

        // MARK: shells
        .target(
            name: "Collectors",
            dependencies: [
                "ApprovalCore", "CLinux", "CPostgres", "CanonicalJSON", "DriftCore",
                "TransparencyLog", asyncHTTPClient, crypto, niocore, niohttp1,
                product("Yams", "Yams"),
            ],
            swiftSettings: strict),
        .target(
            name: "Identity",
            dependencies: [
                "ApprovalCore", "CanonicalJSON", "TransparencyLog", asyncHTTPClient, niocore,
                niohttp1, product("JWTKit", "jwt-kit"),
            ],
            swiftSettings: strict),
        .target(
            name: "Storage",
            dependencies: [
                "ApprovalCore", "CanonicalJSON", "DriftCore", "TransparencyLog", crypto, logging,
                product("GRDB", "GRDB.swift"), product("GRDBSQLite", "GRDB.swift"),
            ],
            swiftSettings: strict),
        .target(
            name: "ControlPlane",
            dependencies: [
                "ApprovalCore", "CanonicalJSON", "Cedar", "DriftCore", "Facts", "Storage",
                "TransparencyLog", "WebAuthn", crypto, logging, lifecycle,
            ],
            swiftSettings: strict),
        .target(
            name: "ExequaturClient",
            dependencies: [
                "CLinux", "CanonicalJSON", "TransparencyLog", "WebAuthn", asyncHTTPClient,
                niocore, niohttp1,
            ],
            swiftSettings: strict),
        .target(
            name: "Gates",
            dependencies: [
                "ApprovalCore", "CLinux", "CanonicalJSON", "ExequaturClient", "Facts",
                "TransparencyLog", asyncHTTPClient, crypto, httpTypes, hummingbird, lifecycle,
                logging, niocore, niohttp1,
            ],
            swiftSettings: strict),
        .target(
            name: "Channels",
            dependencies: [
                "ApprovalCore", "CanonicalJSON", "TransparencyLog", asyncHTTPClient, crypto,
                lifecycle, logging, niocore, niohttp1, nioposix, niossl, niowebsocket,
                product("JWTKit", "jwt-kit"),
            ],
            swiftSettings: strict),
        .target(
            name: "Server",
            dependencies: [
                "ApprovalCore", "CanonicalJSON", "Cedar", "Channels", "Collectors", "Console",
                "ControlPlane", "DriftCore", "Identity", "Storage", "TransparencyLog", "WebAuthn",
                crypto, hummingbird, httpTypes, logging, lifecycle, niocore,
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "exequatur",
            dependencies: [
                "ApprovalCore", "CLinux", "CResources", "CanonicalJSON", "Cedar", "Channels",
                "Collectors", "Console", "ControlPlane", "DriftCore", "ExequaturClient", "Facts",
                "Gates", "Server",
                "Storage",
                "ToolSchemas", "TransparencyLog",
                product("ArgumentParser", "swift-argument-parser"),
                asyncHTTPClient, hummingbird, logging, lifecycle, niocore, niohttp1, nioposix,
                unixSignals,
            ],
            swiftSettings: strict),

        // MARK: never shipped
        .target(
            name: "TestSupport",
            dependencies: [
                "ApprovalCore", "CanonicalJSON", "Cedar", "TransparencyLog", "WebAuthn", crypto,
            ],
            swiftSettings: strict),
        .target(
            name: "ServiceTestSupport",
            dependencies: [
                "ApprovalCore", "CanonicalJSON", "ControlPlane", "Storage", "TestSupport",
                "TransparencyLog", "WebAuthn", logging,
            ],
            swiftSettings: strict),
        .target(
            name: "CBench", path: "Benchmarks/Sources/CBench", publicHeadersPath: "include"),
        .executableTarget(
            name: "exequatur-bench",
            dependencies: [
                "ApprovalCore", "CBench", "CanonicalJSON", "Cedar", "ControlPlane", "DriftCore",
                "ExequaturClient", "Storage", "TransparencyLog", crypto, hummingbird, logging,
                niocore, nioposix, niohttp1,
                product("ArgumentParser", "swift-argument-parser"),
            ],
            path: "Benchmarks/Sources/exequatur-bench",
            swiftSettings: strict),
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
        .testTarget(
            name: "TransparencyLogTests",
            dependencies: ["TestSupport", "TransparencyLog", crypto],
            swiftSettings: strict),
        .testTarget(
            name: "WebAuthnTests",
            dependencies: ["CanonicalJSON", "TestSupport", "WebAuthn", crypto, cryptoExtras],
            // Read from disk, not copied beside the tests.
            exclude: ["Vectors"],
            swiftSettings: strict),
        .testTarget(
            name: "ApprovalCoreTests",
            dependencies: [
                "ApprovalCore", "CanonicalJSON", "Cedar", "TestSupport", "ToolSchemas", "WebAuthn",
                crypto,
            ],
            swiftSettings: strict),
        .testTarget(
            name: "FactsTests", dependencies: ["CanonicalJSON", "Facts", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "DriftCoreTests",
            dependencies: [
                "ApprovalCore", "CanonicalJSON", "DriftCore", "TestSupport", "TransparencyLog",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "CollectorsTests",
            dependencies: [
                "ApprovalCore", "CLinux", "CanonicalJSON", "Collectors", "DriftCore", "TestSupport",
                "TransparencyLog",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ConsoleTests", dependencies: ["Console", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "ChannelsTests",
            dependencies: [
                "ApprovalCore", "CanonicalJSON", "Channels", "TestSupport", "TransparencyLog",
                crypto, logging, niocore, product("NIOEmbedded", "swift-nio"), nioposix, niohttp1,
                product("JWTKit", "jwt-kit"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "GatesTests",
            dependencies: [
                "CanonicalJSON", "ExequaturClient", "Facts", "Gates", "TestSupport",
                "TransparencyLog",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "IdentityTests",
            dependencies: [
                "ApprovalCore", "CanonicalJSON", "Identity", "TestSupport", "TransparencyLog",
                asyncHTTPClient, niocore, niohttp1,
                product("CryptoExtras", "swift-crypto"), product("JWTKit", "jwt-kit"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "StorageTests",
            dependencies: [
                "ApprovalCore", "CanonicalJSON", "Storage", "TestSupport", "TransparencyLog",
                product("GRDB", "GRDB.swift"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ControlPlaneTests",
            dependencies: [
                "ApprovalCore", "CanonicalJSON", "Cedar", "ControlPlane", "DriftCore",
                "ExequaturClient", "ServiceTestSupport",
                "Storage", "TestSupport", "TransparencyLog", "WebAuthn", crypto,
                product("GRDB", "GRDB.swift"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ServerTests",
            dependencies: [
                "ApprovalCore", "CanonicalJSON", "Channels", "Console", "ControlPlane", "DriftCore",
                "Identity", "Server", "ServiceTestSupport", "Storage", "TestSupport",
                "TransparencyLog", product("CryptoExtras", "swift-crypto"),
                product("HummingbirdTesting", "hummingbird"), asyncHTTPClient, hummingbird,
                httpTypes, logging, niocore,
            ],
            swiftSettings: strict),
        .testTarget(
            name: "IntegrationTests",
            dependencies: ["ApprovalCore", "CanonicalJSON", "TestSupport", "TransparencyLog"],
            swiftSettings: strict),
        .testTarget(name: "TidyTests", dependencies: [], swiftSettings: strict),
    ],
    // `#embed`, with which files become part of the binary, is C23.
    cLanguageStandard: .c2x
)
