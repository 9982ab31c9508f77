// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import Crypto
internal import ExequaturClient
internal import Facts
internal import TransparencyLog

/// The variables that a command gets, and how they are shown.
struct CommandEnvironment: Sendable {
    /// Names and real values for the child, sorted by name.
    let variables: [(name: String, value: String)]
    /// The frozen form: values in the open, or `{"keyedDigest":"hmac-sha256:…"}`.
    let json: JSONObject
    /// Names of dangerous variables that were there and are not passed on, sorted.
    let dropped: [String]
    /// `PATH` as the child gets it: absolute directories only.
    let path: String

    /// Set for every command, whatever the caller has.
    ///
    /// A pager reads the terminal and runs what is typed there, past any review, so there is
    /// none; and `git` does not rewrite its index, which would run a hook.
    static let fixed = [
        ("AWS_PAGER", "cat"), ("GIT_OPTIONAL_LOCKS", "0"), ("GIT_PAGER", "cat"),
        ("MANPAGER", "cat"), ("PAGER", "cat"), ("SYSTEMD_PAGER", "cat"),
    ]

    private static let usualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    private static let mostBytes = 131_072

    init(
        _ environment: [String: String], asked: [String], directory: String, key: DigestKey,
        audience: CommandAudience
    ) throws(FreezeError) {
        var variables: [(name: String, value: String)] = []
        var dropped: [String] = []
        var shown = JSONObject()
        let path = Self.absolute(environment["PATH"] ?? Self.usualPath)
        for (name, value) in environment {
            let isFixed = Self.fixed.contains { $0.0 == name }
            // A token in a variable of another name is still a token.
            let isToken = GateToken.isContained(in: value)
            if name == "PATH" || name == "PWD" || isFixed || isToken { continue }
            switch EnvironmentRules.treatment(
                of: name, value: value, asked: asked.contains(name))
            {
            case .dangerous: dropped.append(name)
            case .other: continue
            case .pass:
                variables.append((name, value))
                shown[name] =
                    audience.mayRead(variable: name)
                    ? .string(value) : ["keyedDigest": .string(Self.digest(name, value, key))]
            case .secret:
                variables.append((name, value))
                shown[name] = ["keyedDigest": .string(Self.digest(name, value, key))]
            }
        }
        for (name, value) in Self.fixed + [("PATH", path), ("PWD", directory)] {
            variables.append((name, value))
            shown[name] = .string(value)
        }
        let bytes = variables.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 2 }
        guard bytes <= Self.mostBytes else {
            throw .tooLarge(what: "the environment", limit: Self.mostBytes)
        }
        self.variables = variables.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        self.json = shown
        self.dropped = dropped.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        self.path = path
    }

    /// Relative entries would make what runs depend on where, and on whoever can write there.
    private static func absolute(_ path: String) -> String {
        path.utf8.split(separator: UInt8(ascii: ":"))
            .filter { $0.first == UInt8(ascii: "/") }
            .compactMap { String($0) }
            .joined(separator: ":")
    }

    private static func digest(_ name: String, _ value: String, _ key: DigestKey) -> String {
        var code = HMAC<SHA256>(key: SymmetricKey(data: key.bytes))
        code.update(data: Array(name.utf8) + [0])
        code.update(data: Array(value.utf8))
        return "hmac-sha256:" + Hex.encode(code.finalize())
    }
}
