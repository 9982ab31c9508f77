// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import TransparencyLog

/// What an issuer signed about a workload, once signature, audience and times were checked.
package struct WorkloadIdentity: Sendable, Hashable {
    package let issuer: String
    package let audience: String
    /// Every claim of the token.
    package let claims: JSONObject
    /// Names the token: one that was exchanged before is refused.
    package let tokenDigest: Hash256
    /// From then on the token is too old anyway, and need not be remembered.
    package let forgettable: Timestamp

    package init(
        issuer: String, audience: String, claims: JSONObject, tokenDigest: Hash256,
        forgettable: Timestamp
    ) {
        self.issuer = issuer
        self.audience = audience
        self.claims = claims
        self.tokenDigest = tokenDigest
        self.forgettable = forgettable
    }
}

extension WorkloadIdentity {
    /// The value of a claim by its name, or by a path with `/` into nested objects, such as
    /// `act/sub`; at most eight names deep.
    ///
    /// Some issuers have names with `/` in them, so the name as it stands counts too. Where a token
    /// has both they could differ, and neither counts. What begins with `act/` is always a path.
    package func claim(_ name: String) -> JSON? {
        let parts = name.utf8.split(
            separator: UInt8(ascii: "/"), omittingEmptySubsequences: false
        ).map { String(Substring($0)) }
        guard parts.count > 1 else { return claims[name] }
        let plain = parts[0].utf8.elementsEqual(Self.actor.utf8) ? nil : claims[name]
        guard parts.count <= 8 else { return plain }
        var nested: JSON? = .object(claims)
        for part in parts { nested = nested?[part] }
        guard nested != nil, plain != nil else { return nested ?? plain }
        return .none
    }

    private static let actor = "act"

    /// How many actors a token may name, one inside the other.
    package static let actors = 4

    /// Who acts, the outermost first (RFC 8693 §4.1); empty where the token names nobody.
    ///
    /// - Throws: `GrantRefused` where there are more than four, or one is no object.
    package func actorChain() throws(GrantRefused) -> [JSONObject] {
        var chain: [JSONObject] = []
        var next = claims[Self.actor]
        while let value = next {
            guard let object = value.objectValue else {
                throw GrantRefused("`act` is not an object")
            }
            guard chain.count < Self.actors else {
                throw GrantRefused("`act` names more than \(Self.actors) actors")
            }
            chain.append(object)
            next = object[Self.actor]
        }
        return chain
    }

    /// The account whose token this is, if it can be one.
    package var account: ExternalAccount? {
        claims["sub"]?.stringValue.flatMap { ExternalAccount(issuer: issuer, subject: $0) }
    }
}

/// A token that gets nothing in exchange.
///
/// The reason is for the operator's log. The caller is not told it: what exactly is trusted is
/// nothing for him to find out by trying.
package struct GrantRefused: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// The run of a workload behind a credential, in the words of its issuer: kept with the credential,
/// recorded with each action, and shown to reviewers.
package struct WorkloadRun: Sendable, Hashable {
    package let issuer: String
    /// The claims that tell one run from another, by name.
    package let claims: JSONObject

    /// What GitHub says of a run that a reader can use, in the order in which it is shown.
    private static let known = [
        "repository", "repository_id", "environment", "job_workflow_ref", "workflow_ref", "ref",
        "sha", "event_name", "actor", "actor_id", "run_id", "run_attempt", "sub",
    ]

    /// What tells one actor from another (RFC 8693 §4.1).
    private static let ofActors = ["client_id", "iss", "sub"]

    /// Takes the known claims that are texts, those that the trust asks for, and who acts for whom,
    /// as `act/sub`, `act/act/sub` and so on.
    package init(_ identity: WorkloadIdentity, trust: WorkloadTrust) {
        issuer = identity.issuer
        var kept = JSONObject()
        var names = Self.known + trust.claims.keys.sorted()
        var path = ""
        for _ in (try? identity.actorChain()) ?? [] {
            path += "act/"
            names += Self.ofActors.map { path + $0 }
        }
        for name in names {
            guard let text = identity.claim(name)?.stringValue,
                text.utf8.count <= Limits.claimBytes
            else { continue }
            kept[name] = .string(text)
        }
        claims = kept
    }

    /// Reads a stored form.
    package init(_ json: JSON, path: String = "workload") throws {
        var reader = try JSONReader(json, path: path)
        issuer = try reader.string("issuer")
        guard case .object(let object) = try reader.value("claims") else {
            throw CoreError("`\(path).claims`: expected an object")
        }
        claims = object
        try reader.finish()
    }

    /// The run in the audit part of a body; nil where there is none.
    package init?(audit: JSON) {
        guard let json = audit["workload"], let run = try? WorkloadRun(json) else { return nil }
        self = run
    }

    package var json: JSON { ["claims": .object(claims), "issuer": .string(issuer)] }

    /// Names and texts in the order in which a reader needs them.
    var shown: [(name: String, text: String)] {
        let first = Self.known.filter { claims[$0] != nil }
        let others = claims.keys.filter { key in
            !first.contains { $0.utf8.elementsEqual(key.utf8) }
        }
        return (first + others).compactMap { name in
            claims[name]?.stringValue.map { (name, $0) }
        }
    }

    /// What started it, such as `GitHub Actions run 4711`.
    var title: String {
        let isGitHub = (try? IssuerURL(issuer))?.isGitHub ?? false
        let number = claims["run_id"]?.stringValue
        let attempt = claims["run_attempt"]?.stringValue
        let name = isGitHub ? "GitHub Actions run" : number == nil ? "a workload" : "run"
        return [name, number, attempt.map { "attempt \($0)" }].compactMap { $0 }
            .joined(separator: " ")
    }
}
