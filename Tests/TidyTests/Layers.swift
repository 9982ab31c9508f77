// SPDX-License-Identifier: Apache-2.0

import Testing

/// What one target may import.
///
/// Arrows only go down: a target stands below all that names it.
struct Layer: Sendable {
    let target: String
    /// Our own targets.
    let ours: Set<String>
    /// Modules of other packages and of the toolchain.
    let others: Set<String>

    init(_ target: String, _ ours: Set<String> = [], others: Set<String> = []) {
        self.target = target
        self.ours = ours
        self.others = others
    }

    /// The language itself, and the part of Foundation without networking.
    static let everywhere: Set<String> = ["FoundationEssentials", "Synchronization"]
    private static let platform: Set<String> = ["Foundation", "Glibc", "Musl", "Darwin", "CLinux"]
    private static let nio: Set<String> = [
        "NIOCore", "NIOPosix", "NIOHTTP1", "NIOFoundationCompat", "NIOConcurrencyHelpers",
    ]

    /// The reference is the dependency lists of `Package.swift`; `LayerTests` holds them together.
    static let all: [Layer] = [
        Layer("CanonicalJSON"),
        Layer("Cedar", ["CanonicalJSON"]),
        Layer("ToolSchemas", ["CanonicalJSON", "Cedar"]),
        Layer("TransparencyLog", others: ["Crypto", "Foundation"]),
        Layer("WebAuthn", ["CanonicalJSON"], others: ["Crypto", "CryptoExtras", "Foundation"]),
        Layer(
            "ApprovalCore",
            [
                "CResources", "CanonicalJSON", "Cedar", "ToolSchemas", "TransparencyLog",
                "WebAuthn",
            ],
            others: ["Crypto", "Foundation"]),
        Layer(
            "DriftCore", ["ApprovalCore", "CanonicalJSON", "TransparencyLog"],
            others: ["Crypto"]),
        Layer(
            "Collectors",
            [
                "ApprovalCore", "CLinux", "CPostgres", "CanonicalJSON", "DriftCore",
                "TransparencyLog",
            ],
            others: platform.union(nio).union([
                "AsyncHTTPClient", "Crypto", "Yams",
            ])),
        Layer("Facts", ["ApprovalCore", "CanonicalJSON"], others: ["Foundation"]),
        Layer(
            "Console", ["ApprovalCore", "CConsoleAssets", "CanonicalJSON"],
            others: ["Foundation", "Mustache"]),
        Layer(
            "Storage", ["ApprovalCore", "CanonicalJSON", "DriftCore", "TransparencyLog"],
            others: platform.union(["Crypto", "Dispatch", "GRDB", "GRDBSQLite", "Logging"])),
        Layer(
            "ControlPlane",
            [
                "ApprovalCore", "CanonicalJSON", "Cedar", "DriftCore", "Facts", "Storage",
                "TransparencyLog", "WebAuthn",
            ],
            others: platform.union(["Crypto", "Logging", "ServiceLifecycle"])),
        Layer(
            "Identity", ["ApprovalCore", "CanonicalJSON", "TransparencyLog", "WebAuthn"],
            others: nio.union(["AsyncHTTPClient", "Foundation", "JWTKit"])),
        Layer(
            "ExequaturClient", ["CLinux", "CanonicalJSON", "TransparencyLog", "WebAuthn"],
            others: platform.union(nio).union(["AsyncHTTPClient"])),
        Layer(
            "Gates",
            [
                "ApprovalCore", "CLinux", "CanonicalJSON", "ExequaturClient", "Facts",
                "TransparencyLog", "WebAuthn",
            ],
            others: platform.union(nio).union([
                "AsyncHTTPClient", "Crypto", "HTTPTypes", "Hummingbird", "Logging",
                "ServiceLifecycle",
            ])),
        Layer(
            "Channels", ["ApprovalCore", "CanonicalJSON", "TransparencyLog"],
            others: nio.union([
                "AsyncHTTPClient", "Crypto", "Foundation", "JWTKit", "Logging", "NIOSSL",
                "NIOWebSocket", "ServiceLifecycle",
            ])),
        Layer(
            "Server",
            [
                "ApprovalCore", "CanonicalJSON", "Cedar", "Channels", "Collectors", "Console",
                "ControlPlane", "DriftCore", "Identity", "Storage", "TransparencyLog", "WebAuthn",
            ],
            others: platform.union(nio).union([
                "Crypto", "HTTPTypes", "Hummingbird", "HummingbirdCore", "Logging",
                "ServiceLifecycle",
            ])),
        Layer(
            "exequatur",
            [
                "ApprovalCore", "CLinux", "CResources", "CanonicalJSON", "Cedar", "Channels",
                "Collectors", "Console", "ControlPlane", "DriftCore", "ExequaturClient", "Facts",
                "Gates", "Server",
                "Storage", "ToolSchemas", "TransparencyLog",
            ],
            others: platform.union(nio).union([
                "ArgumentParser", "AsyncHTTPClient", "Crypto", "HTTPTypes", "Hummingbird",
                "Logging", "ServiceLifecycle", "UnixSignals",
            ])),
        Layer(
            "TestSupport",
            ["ApprovalCore", "CanonicalJSON", "Cedar", "TransparencyLog", "WebAuthn"],
            others: ["Crypto", "Foundation", "Testing"]),
        Layer(
            "ServiceTestSupport",
            [
                "ApprovalCore", "CanonicalJSON", "ControlPlane", "Storage", "TestSupport",
                "TransparencyLog", "WebAuthn",
            ], others: ["Foundation", "Logging"]),
    ]
}

extension Layer: CustomTestStringConvertible {
    var testDescription: String { target }
}
