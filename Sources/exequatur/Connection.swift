// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Foundation

/// How a command reaches the server and as whom.
struct ConnectionOptions: ParsableArguments {
    @Option(
        help: "The server, otherwise EXEQUATUR_URL, otherwise \(ServerAddress.defaultText).")
    var url: String?

    @Option(
        help: "A file that holds the token, otherwise EXEQUATUR_TOKEN, otherwise that of `login`.",
        completion: .file())
    var tokenFile: String?

    @Flag(help: "Allow a token to travel unencrypted to another machine.")
    var insecure = false

    func resolved(environment: [String: String]) throws -> Connection {
        try choice.resolved(environment: environment)
    }

    /// The requester's token, whatever the server.
    func token(environment: [String: String]) throws -> String? {
        try choice.token(environment: environment)
    }

    /// What was chosen, as a plain value.
    var choice: ConnectionChoice {
        ConnectionChoice(url: url, tokenFile: tokenFile, insecure: insecure)
    }
}

/// A server and a token, as named on the command line; what is not is taken from the environment.
struct ConnectionChoice {
    var url: String?
    var tokenFile: String?
    var insecure = false

    func resolved(environment: [String: String]) throws -> Connection {
        let address = try ServerAddress(url: url, environment: environment)
        let token = try token(environment: environment)
        if token != nil { try address.checkConfidential(orInsecure: insecure) }
        return Connection(address: address, token: token)
    }

    /// The requester's token, whatever the server.
    func token(environment: [String: String]) throws -> String? {
        if let tokenFile {
            let text = try LocalFile.readText(tokenFile, limit: 4096)
            let token = text.trimmingCharacters(in: .whitespacesAndNewlines)
            guard Self.isPlausible(token) else {
                throw CLIError("`\(tokenFile)` does not hold one token on one line")
            }
            return token
        }
        guard let token = environment["EXEQUATUR_TOKEN"], !token.isEmpty else { return nil }
        guard Self.isPlausible(token) else {
            throw CLIError("EXEQUATUR_TOKEN does not hold a token: set it to the text as printed")
        }
        return token
    }

    /// Only what is safe inside a header line; the server decides the rest.
    static func isPlausible(_ token: String) -> Bool {
        !token.isEmpty && token.utf8.count <= 1024
            && token.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"), UInt8(ascii: "-"),
                    UInt8(ascii: "."):
                    true
                default:
                    false
                }
            }
    }
}

/// A checked server address and the credential for it.
struct Connection: Sendable {
    var address: ServerAddress
    var token: String?
    /// Why something is asked for, where the command says so.
    var reason: String?
}

/// The base address of a server: scheme, host, port and an optional path prefix, nothing else.
struct ServerAddress: Sendable {
    static let defaultText = "http://127.0.0.1:8420"

    let scheme: String
    let host: String
    /// The address without a trailing slash; request paths are appended to it.
    let base: String

    init(_ text: String) throws {
        guard let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            let host = parts.host, !host.isEmpty
        else {
            throw CLIError.usage(
                "`\(text)` is not a server address: write it like `\(Self.defaultText)`")
        }
        guard scheme == "http" || scheme == "https" else {
            throw CLIError.usage("`\(text)` has an unknown scheme: use http or https")
        }
        guard parts.user == nil, parts.password == nil, parts.query == nil, parts.fragment == nil
        else {
            throw CLIError.usage(
                "`\(text)` has more than scheme, host, port and path: tokens go into"
                    + " EXEQUATUR_TOKEN or `--token-file`")
        }
        self.scheme = scheme
        self.host = host
        var base = text
        while base.hasSuffix("/") { base.removeLast() }
        self.base = base
    }

    /// The address that was given, else the environment's, else the usual one.
    init(url: String?, environment: [String: String]) throws {
        try self.init(url ?? environment["EXEQUATUR_URL"] ?? Self.defaultText)
    }

    /// Refuses to send a token where others could read it.
    func checkConfidential(orInsecure isInsecure: Bool) throws {
        guard isConfidential || isInsecure else {
            throw CLIError(
                "refusing to send the token over plain http to `\(host)`: use https, or"
                    + " `--insecure` on a network you trust", status: .usage)
        }
    }

    /// Whether nobody on a network can read what is sent.
    var isConfidential: Bool {
        scheme == "https" || isLoopback
    }

    private var isLoopback: Bool {
        let name = host.lowercased()
        if name == "localhost" || name == "::1" || name == "[::1]" { return true }
        let octets = name.split(separator: ".", omittingEmptySubsequences: false)
        return octets.count == 4 && octets[0] == "127"
            && octets.allSatisfy { UInt8($0) != nil && $0.utf8.allSatisfy { $0 != 0x2B } }
    }
}
