// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
internal import TransparencyLog

/// A standing permission to hand out short-lived tokens of one agent: to whoever shows a token
/// that its issuer signed, for just this audience and with just these claims.
///
/// All is matched exactly and as bytes. There are no patterns, because a pattern that is a little
/// too wide lets somebody else's workflow act as this agent.
package struct WorkloadTrust: Sendable, Hashable {
    /// `t` and fifteen hex digits; never given out twice.
    package let id: String
    package let agent: Handle
    package let issuer: IssuerURL
    /// What the token must be made for; one that is made for another service is refused.
    package let audience: String
    /// Text by name of the claim, or by its path such as `act/sub`; the names are ASCII.
    package let claims: [String: String]
    /// The tokens handed out live so long.
    package let lifetimeSeconds: Int64
    /// Whether the token is a person's, for whom the agent then acts (RFC 8693 §4.1).
    ///
    /// Its `iss` and `sub` must be an account that is linked to somebody.
    package let onBehalfOf: Bool

    package init(
        id: String, agent: Handle, issuer: IssuerURL, audience: String,
        claims: [String: String], lifetimeSeconds: Int64, onBehalfOf: Bool = false
    ) throws(CoreError) {
        guard Self.isID(id) else { throw CoreError("`trust`: not an id of a trust") }
        try Self.check("audience", audience)
        guard claims.count <= Limits.trustClaims else {
            throw CoreError("a trust has at most \(Limits.trustClaims) claims")
        }
        for (name, value) in claims {
            try Self.checkName(name)
            try Self.check("claim \(name)", value)
        }
        guard (60...Limits.workloadTokenSeconds).contains(lifetimeSeconds) else {
            throw CoreError(
                "`lifetime`: 60 to \(Limits.workloadTokenSeconds) seconds, got \(lifetimeSeconds)")
        }
        self.id = id
        self.agent = agent
        self.issuer = issuer
        self.audience = audience
        self.claims = claims
        self.lifetimeSeconds = lifetimeSeconds
        self.onBehalfOf = onBehalfOf
    }

    /// Reads the form that entries and directories have; anything unknown is refused.
    package init(_ json: JSON, path: String) throws {
        var reader = try JSONReader(json, path: path)
        let id = try reader.string("id")
        let agent = try reader.handle("agent")
        let issuer = try IssuerURL(try reader.string("issuer"))
        let audience = try reader.string("audience")
        let claims = try Self.claims(try reader.value("claims"), path: "\(path).claims")
        let lifetime = try reader.int("lifetime")
        let onBehalfOf = try reader.optionalBool("onBehalfOf") ?? false
        try reader.finish()
        try self.init(
            id: id, agent: agent, issuer: issuer, audience: audience, claims: claims,
            lifetimeSeconds: lifetime, onBehalfOf: onBehalfOf)
    }

    /// Reads texts by name; a name that is not ASCII is refused, so none is there twice.
    package static func claims(_ json: JSON, path: String) throws -> [String: String] {
        guard case .object(let object) = json else {
            throw CoreError("`\(path)`: expected an object")
        }
        var claims: [String: String] = [:]
        for (name, value) in object {
            try checkName(name)
            guard let text = value.stringValue else {
                throw CoreError("`\(path).\(name)`: expected a string; claims are matched as texts")
            }
            claims[name] = text
        }
        return claims
    }

    package var json: JSON {
        var object = JSONObject()
        for (name, value) in claims { object[name] = .string(value) }
        var json: JSONObject = [
            "agent": .string(agent.text), "audience": .string(audience),
            "claims": .object(object), "id": .string(id), "issuer": .string(issuer.text),
            "lifetime": .integer(lifetimeSeconds),
        ]
        // Only where it is so: the digests of directories that know nothing of it stay.
        if onBehalfOf { json["onBehalfOf"] = true }
        return .object(json)
    }

    package static func isID(_ text: String) -> Bool { Hex.isName(text, letter: "t") }

    // MARK: rules for what may be trusted

    /// Claims that the exchange itself looks at, or that differ in every token.
    private static let reserved = ["iss", "aud", "exp", "nbf", "iat", "jti"]

    private static func checkName(_ name: String) throws(CoreError) {
        let shown = VisibleText.escape(String(name.prefix(64)))
        let isPlain = name.utf8.allSatisfy { byte in
            (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A) || (byte >= 0x30 && byte <= 0x39)
                || [0x2D, 0x2E, 0x2F, 0x3A, 0x5F].contains(byte)
        }
        guard isPlain, !name.isEmpty, name.utf8.count <= Limits.identifierBytes else {
            throw CoreError(
                "claim `\(shown)`: a name has 1 to \(Limits.identifierBytes) letters, digits and "
                    + "`- . / : _`")
        }
        guard !reserved.contains(where: { $0.utf8.elementsEqual(name.utf8) }) else {
            throw CoreError(
                "claim `\(shown)`: issuer and audience have options of their own, and times and "
                    + "`jti` are checked anyway: leave it out")
        }
    }

    private static func check(_ what: String, _ value: String) throws(CoreError) {
        guard !value.isEmpty, value.utf8.count <= Limits.claimBytes else {
            throw CoreError("`\(what)`: 1 to \(Limits.claimBytes) bytes")
        }
        guard !VisibleText.isDeceptive(value), !value.utf8.contains(0x0A) else {
            throw CoreError("`\(what)`: has characters that cannot be seen")
        }
        guard !value.utf8.contains(where: { $0 == 0x2A || $0 == 0x3F }) else {
            throw CoreError(
                "`\(what)`: `*` and `?` stand for nothing here, values are matched exactly: add one "
                    + "trust for each value")
        }
    }

    /// Why this says too little about who is trusted, or nil.
    ///
    /// Names of repositories are handed on: whoever gets a name after a rename or deletion gets
    /// tokens with the same `repository` and, in the older form, the same `sub`. So wherever a
    /// repository is meant, its number must be matched too.
    package var bindingProblem: String? {
        guard !claims.isEmpty else {
            return "issuer and audience alone say nothing about who asks: every customer of the "
                + "issuer can have such tokens: add `--claim`"
        }
        if let problem = actorProblem { return problem }
        let subject = claims["sub"] ?? ""
        let names = ["repository", "repository_owner", "job_workflow_ref", "workflow_ref"]
        if issuer.isGitHub || subject.hasPrefix("repo:") || names.contains(where: has) {
            guard isNumber("repository_id") || Self.isImmutable(subject: subject) else {
                return "the name of a repository can pass to somebody else, who then gets tokens "
                    + "with the same names in them: add `--claim repository_id=NUMBER` "
                    + "(`gh api repos/OWNER/NAME --jq .id`)"
            }
        }
        if subject.hasPrefix("project_path:")
            || ["project_path", "namespace_path"].contains(where: has)
        {
            guard isNumber("project_id") else {
                return "the path of a project can pass to somebody else, who then gets tokens with "
                    + "the same path in them: add `--claim project_id=NUMBER`"
            }
        }
        return nil
    }

    /// Says nothing of who the actor is: RFC 8693 §4.1 names `exp`, `nbf` and `aud`; an issuer alone
    /// is everybody there.
    private static let notIdentifying = ["aud", "exp", "iat", "iss", "jti", "nbf"]

    /// What is wrong with the claims about the acting agent, or nil.
    ///
    /// Only the outermost actor is the one who asks; those inside are told for the record and must
    /// not decide (RFC 8693 §4.1).
    private var actorProblem: String? {
        let prefix = "act/"
        let named = claims.keys.filter { $0.utf8.starts(with: prefix.utf8) }
            .map { Array($0.utf8.dropFirst(prefix.utf8.count)) }
        guard !named.contains(where: { $0.starts(with: prefix.utf8) }) else {
            return "`act/act/…` is who acted before, which must not decide who may act now "
                + "(RFC 8693 §4.1): name claims of the outermost `act` only"
        }
        let binds = named.contains { name in
            !name.isEmpty && !name.contains(UInt8(ascii: "/"))
                && !Self.notIdentifying.contains { $0.utf8.elementsEqual(name) }
        }
        guard !onBehalfOf || binds else {
            return "a token that stands for a person must say which agent acts for him, otherwise "
                + "every program to which he signs in could become this agent: add "
                + "`--claim act/sub=AGENT`"
        }
        return nil
    }

    private func has(_ claim: String) -> Bool { claims[claim] != nil }

    private func isNumber(_ claim: String) -> Bool {
        claims[claim].map { Self.isNumber(Array($0.utf8)[...]) } ?? false
    }

    private static func isNumber(_ bytes: ArraySlice<UInt8>) -> Bool {
        (1...20).contains(bytes.count) && bytes.first != 0x30
            && bytes.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
    }

    /// True for GitHub's subjects with numbers in them (the default since 2026):
    /// `repo:OWNER@123/NAME@456:ref:refs/heads/main`.
    static func isImmutable(subject: String) -> Bool {
        let parts = Array(subject.utf8).split(
            separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].elementsEqual("repo".utf8), !parts[2].isEmpty else {
            return false
        }
        let names = parts[1].split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        return names.count == 2
            && names.allSatisfy { name in
                let halves = name.split(
                    separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
                return halves.count == 2 && !halves[0].isEmpty && isNumber(halves[1])
            }
    }

    // MARK: matching

    /// True if one token could match both, so that it would not be clear who it makes one.
    package func overlaps(_ other: WorkloadTrust) -> Bool {
        guard issuer == other.issuer, audience.utf8.elementsEqual(other.audience.utf8) else {
            return false
        }
        return claims.allSatisfy { name, value in
            other.claims[name].map { $0.utf8.elementsEqual(value.utf8) } ?? true
        }
    }

    /// The claims in which an identity is not the one that is trusted, in order; nil where it is
    /// another issuer's or made for another audience.
    package func differences(from identity: WorkloadIdentity) -> [String]? {
        guard issuer.text.utf8.elementsEqual(identity.issuer.utf8),
            audience.utf8.elementsEqual(identity.audience.utf8)
        else { return nil }
        return claims.filter { name, value in
            guard let found = identity.claim(name)?.stringValue else { return true }
            return !found.utf8.elementsEqual(value.utf8)
        }.keys.sorted()
    }
}

extension Hex {
    /// True for a letter and fifteen lower-case hex digits, the form of ids in the directory.
    package static func isName(_ text: String, letter: Unicode.Scalar) -> Bool {
        let bytes = Array(text.utf8)
        return bytes.count == 16 && UInt32(bytes[0]) == letter.value
            && bytes.dropFirst().allSatisfy {
                ($0 >= 0x30 && $0 <= 0x39) || ($0 >= 0x61 && $0 <= 0x66)
            }
    }
}
