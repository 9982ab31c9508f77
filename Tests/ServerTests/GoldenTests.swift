// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import ControlPlane
import Foundation
import HTTPTypes
import ServiceTestSupport
import TestSupport
import Testing

@testable import Server

/// A few answers, whole, against the files in `Tests/Golden/api`.
///
/// Ids, digests, secrets and proofs are masked; everything else must be as it was.
/// `UPDATE_GOLDEN=1` rewrites the files, except where `CI` is set: there they only judge.
@Suite("Golden answers")
struct GoldenTests {
    @Test("Answers are as the golden files have them")
    func answers() async throws {
        try await withServer { api in
            let pending = try await api.submit("two")
            _ = try await api.approve(pending)
            try expectGolden("action", try await api.get("/v1/actions/\(pending.id)"))
            try expectGolden("actions", try await api.get("/v1/actions"))
            let claimed = try await api.post(
                "/v1/actions",
                ["claim": ["nonce": .string(nonce1)], "operation": API.operation("allow")],
                as: "deploy-bot", gate: true)
            try expectGolden("action-claimed", claimed)
            try expectGolden(
                "action-denied",
                try await api.post(
                    "/v1/actions", ["operation": API.operation("never")], as: "deploy-bot"))
            try expectGolden("problem-self-approval", try await api.approve(pending, as: "alice"))
            try expectGolden(
                "problem-malformed",
                try await api.request(
                    .post, "/v1/actions", as: "deploy-bot", bytes: Array("{".utf8)))
            try expectGolden(
                "policies-check",
                try await api.post(
                    "/v1/policies/check",
                    ["files": [["name": "x.cedar", "text": "permit (principal;"]]], as: "bob"))
            try expectGolden(
                "person-added",
                try await api.post(
                    "/v1/persons",
                    ["groups": ["reviewers"], "id": "zoe", "name": "Zoe", "token": true],
                    as: "admin"))
            try expectGolden("persons", try await api.get("/v1/persons"))
            try expectGolden("status", try await api.get("/v1/status"))
            try expectGolden("whoami", try await api.get("/v1/whoami", as: "deploy-bot"))
            try expectGolden("audit", try await api.get("/v1/audit?limit=2"))
        }
    }

    private func expectGolden(
        _ name: String, _ answer: Answer, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let text =
            "\(answer.status) \(answer.headers[.contentType] ?? "")\n"
            + Self.pretty(Self.masked(try answer.json()), "") + "\n"
        let path = "\(Corpora.packageRoot)/Tests/Golden/api/\(name).json"
        let environment = ProcessInfo.processInfo.environment
        if environment["UPDATE_GOLDEN"] == "1", environment["CI"] == nil {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        }
        let golden = try Corpora.text(at: path)
        #expect(
            text == golden, "run with UPDATE_GOLDEN=1 if the change of `\(name)` is meant",
            sourceLocation: sourceLocation)
    }

    /// Replaces what randomness decides.
    private static func masked(_ json: JSON) -> JSON {
        switch json {
        case .string(let text): return .string(masked(text))
        case .array(let elements): return .array(elements.map(masked))
        case .object(let object):
            var result = JSONObject()
            for (key, value) in object { result[key] = masked(value) }
            return .object(result)
        case .null, .bool, .number: return json
        }
    }

    private static func masked(_ text: String) -> String {
        guard !text.hasPrefix("c2sp.org/tlog-proof@v1\n") else { return "PROOF" }
        return text.replacing(/exq1_[apgm]_[0-9a-f]{32}_c[0-9a-f]{15}_[A-Za-z0-9_-]{43}/) { _ in
            "TOKEN"
        }
        .replacing(/sign-in\?token=[A-Za-z0-9_-]{43}/) { _ in "sign-in?token=SECRET" }
        .replacing(/act_[0-9a-z]{26}/) { _ in "ACTION" }
        .replacing(/[0-9a-f]{64}/) { _ in "HEX" }
        .replacing(/c[0-9a-f]{15}/) { _ in "CREDENTIAL" }
        .replacing(/\+[0-9a-f]{8}\+[A-Za-z0-9+\/=]{44}/) { _ in "+KEY" }
    }

    private static func pretty(_ json: JSON, _ indent: String) -> String {
        let inner = indent + "  "
        switch json {
        case .array(let elements) where !elements.isEmpty:
            let lines = elements.map { inner + pretty($0, inner) }
            return "[\n\(lines.joined(separator: ",\n"))\n\(indent)]"
        case .object(let object) where !object.isEmpty:
            let lines = object.map { "\(inner)\"\($0.key)\": \(pretty($0.value, inner))" }
            return "{\n\(lines.joined(separator: ",\n"))\n\(indent)}"
        default: return (try? json.canonicalString()) ?? "?"
        }
    }
}
