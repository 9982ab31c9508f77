// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import ControlPlane
import HTTPTypes
import ServiceTestSupport
import Testing
import TransparencyLog

@testable import Server

@Suite("Routes of actions")
struct ActionRouteTests {
    @Test("The loop over HTTP: submit, attach, approve, claim, report, receipt")
    func loop() async throws {
        try await withServer { api in
            let answer = try await api.post(
                "/v1/actions",
                [
                    "intent": ["justification": "fix", "trigger": ["id": "7", "kind": "prompt"]],
                    "operation": API.operation("review"),
                ], as: "deploy-bot", gate: true)
            #expect(answer.status == 201)
            let action = try answer.json()
            #expect(action.text("state") == "pending")
            #expect(action["gate"] == ["enforcing": true, "id": "run"])
            #expect(action["review"]?["eligible"]?[1] == ["id": "bob", "name": "bob"])
            let path = "/v1/actions/\(action.id)"
            let again = try await api.post(
                "/v1/actions", ["operation": API.operation("review")], as: "deploy-bot", gate: true)
            #expect(again.status == 200)
            #expect(try again.json().id == action.id)

            let tooEarly = try await api.post(
                "\(path)/claim", ["nonce": .string(nonce1)], as: "deploy-bot", gate: true)
            #expect(tooEarly.code == "not_cleared")
            let approved = try await api.approve(action)
            #expect(try approved.json().text("state") == "cleared")
            #expect(try approved.json()["review"]?["slots"]?[0]?["filled"] == ["bob"])
            let claimed = try await api.post(
                "\(path)/claim", ["nonce": .string(nonce1)], as: "deploy-bot", gate: true)
            #expect(claimed.status == 200)
            try expectVerifiable(try claimed.json(), api.control.verifierKey)
            let second = try await api.post(
                "\(path)/claim", ["nonce": .string(nonce2)], as: "deploy-bot", gate: true)
            #expect(second.status == 409)
            #expect(second.code == "already_claimed")

            let beat = try await api.request(
                .post, "\(path)/heartbeat", as: "deploy-bot", gate: true)
            #expect(beat.status == 204)
            let reported = try await api.post(
                "\(path)/outcome",
                ["exitCode": 0, "nonce": .string(nonce1), "status": "succeeded"],
                as: "deploy-bot", gate: true)
            #expect(try reported.json()["outcome"]?["exitCode"] == 0)
            #expect(try reported.json()["outcome"]?["claimed"] == false)
            let full = try await api.get(path).json()
            #expect(full["decisions"]?[0]?["person"] == "bob")
            #expect(full["intent"]?["justification"] == "fix")
            #expect(full["rendering"]?["complete"] == true)
            #expect(full["timeline"]?.arrayValue?.count == 5)
            #expect(try await api.get("\(path)/receipt").status == 200)
        }
    }

    /// What a gate checks before it executes.
    private func expectVerifiable(_ action: JSON, _ key: VerifierKey) throws {
        let entry = try #require(action["claim"]?["entry"])
        let leaf = Array(entry.text("leaf").utf8)
        let proof = try TLogProof(parsing: entry.text("proof"))
        #expect(Int64(proof.index) == entry["index"]?.intValue)
        _ = try proof.verify(leaf: MerkleHash.leaf(leaf), key: key)
        let salt = try #require(Hash256(hex: entry.text("coreSalt")))
        let commitment = Hash256.sha256(
            Array("exequatur/v1/core\n".utf8) + salt.bytes + Array(entry.text("core").utf8))
        #expect(try JSON(canonical: leaf).text("core") == "sha256:\(commitment.hex)")
        let core = try JSON(canonical: Array(entry.text("core").utf8))
        #expect(core.text("action") == action.id)
        #expect(core.text("digest") == action.text("digest"))
        #expect(core.text("operation") == action.text("operationDigest"))
        #expect(core.text("nonce") == nonce1)
        #expect(core.text("startBy") == action["claim"]?.text("startBy"))
    }

    @Test("An allowed action is claimed in one request; advisory without the gate's token")
    func allowed() async throws {
        try await withServer { api in
            let action = try await api.submit("allow", nonce: nonce1)
            #expect(action.text("state") == "claimed")
            #expect(action["advisory"] == false)
            try expectVerifiable(action, api.control.verifierKey)
            let advisory = try await api.post(
                "/v1/actions", ["operation": API.operation("allow")], as: "deploy-bot")
            #expect(try advisory.json()["advisory"] == true)
            #expect(try advisory.json()["gate"] == ["enforcing": false, "id": "advisory"])
        }
    }

    @Test("A claim with a pinned checkpoint is answered with a consistency proof")
    func consistency() async throws {
        try await withServer { api in
            let key = api.control.verifierKey
            let pinned = try await api.get("/log/checkpoint", as: nil).text
            let old = try Checkpoint.verified(pinned, key: key)
            let action = try await api.submit("allow")
            let claimed = try await api.post(
                "/v1/actions/\(action.id)/claim",
                ["checkpoint": .string(pinned), "nonce": .string(nonce1)], as: "deploy-bot",
                gate: true
            ).json()
            let consistency = try #require(claimed["consistency"])
            #expect(consistency["from"]?.intValue == Int64(old.size))
            let new = try Checkpoint.verified(consistency.text("checkpoint"), key: key)
            let proof = try #require(consistency["proof"]?.arrayValue).map { hash in
                try #require(Hash256(base64: hash.stringValue ?? ""))
            }
            try MerkleProof.verifyConsistency(
                oldSize: old.size, oldRoot: old.root, newSize: new.size, newRoot: new.root,
                proof: proof)
            let foreign = try await api.post(
                "/v1/actions/\(action.id)/claim",
                ["checkpoint": "nonsense", "nonce": .string(nonce1)], as: "deploy-bot", gate: true)
            #expect(foreign.code == "checkpoint_invalid")
        }
    }

    @Test("Agents see their own actions and can't tell whether others exist")
    func visibility() async throws {
        try await withServer { api in
            let mine = try await api.submit("review")
            let theirs = try await api.submit("review", as: "other-bot")
            let list = try await api.get("/v1/actions", as: "deploy-bot").json()
            #expect(list.arrayValue?.map(\.id) == [mine.id])
            let all = try await api.get("/v1/actions").json()
            #expect(all.arrayValue?.map(\.id) == [theirs.id, mine.id])
            let hidden = try await api.get("/v1/actions/\(theirs.id)", as: "deploy-bot")
            let absent = try await api.get(
                "/v1/actions/act_00000000000000000000000000", as: "deploy-bot")
            #expect(hidden.status == 404)
            #expect(hidden.bytes == absent.bytes)
            #expect(
                try await api.get("/v1/actions/\(theirs.id)/receipt", as: "deploy-bot").bytes
                    == absent.bytes)
            #expect(try await api.get("/v1/actions/\(theirs.id)", as: "run").status == 404)
        }
    }

    @Test("Lists are filtered by state and text, and paged")
    func lists() async throws {
        try await withServer { api in
            let first = try await api.submit("review", name: "needle 100% \u{e4}")
            api.clock.advance(milliseconds: 1)
            let second = try await api.submit("never", name: "b")
            api.clock.advance(milliseconds: 1)
            let third = try await api.submit("review", name: "c")
            func ids(_ query: String) async throws -> [String] {
                try await api.get("/v1/actions?\(query)").json().arrayValue?.map(\.id) ?? []
            }
            #expect(try await ids("state=denied") == [second.id])
            #expect(try await ids("state=denied,pending").count == 3)
            #expect(try await ids("state=all").count == 3)
            #expect(try await ids("q=needle") == [first.id])
            #expect(try await ids("q=100%25") == [first.id])
            #expect(try await ids("q=%C3%A4") == [first.id])
            #expect(try await ids("q=nowhere") == [])
            #expect(try await ids("q=\(second.id)") == [second.id])
            #expect(try await ids("limit=1") == [third.id])
            #expect(try await ids("limit=1&before=\(third.id)") == [second.id])
            for bad in ["state=odd", "limit=0", "limit=201", "limit=x", "limit=-1"] {
                #expect(try await api.get("/v1/actions?\(bad)").code == "value_invalid", "\(bad)")
            }
        }
    }

    @Test("Idempotency keys over HTTP")
    func idempotency() async throws {
        try await withServer { api in
            func submit(_ name: String, key: String) async throws -> Answer {
                try await api.post(
                    "/v1/actions", ["operation": API.operation("allow", name)], as: "deploy-bot",
                    gate: true, headers: [("Idempotency-Key", key)])
            }
            let first = try await submit("a", key: "k")
            #expect(first.status == 201)
            let again = try await submit("a", key: "k")
            #expect(again.status == 200)
            #expect(try again.json().id == first.json().id)
            #expect(try await submit("b", key: "k").code == "idempotency_mismatch")
            #expect(
                try await submit("b", key: String(repeating: "x", count: 256)).code
                    == "value_invalid")
        }
    }

    @Test("Too many submissions are told when to come back")
    func rateLimit() async throws {
        try await withServer(configure: { $0.submissionBurst = 1 }) { api in
            _ = try await api.submit("allow")
            let answer = try await api.post(
                "/v1/actions", ["operation": API.operation("allow", "b")], as: "deploy-bot",
                gate: true)
            #expect(answer.status == 429)
            #expect(answer.code == "rate_limited")
            #expect(answer.headers[.retryAfter] == "1")
        }
    }

    @Test("A ledger that can't be written: 503, not ready, and nothing is cleared")
    func failClosed() async throws {
        try await withServer { api in
            api.storage.failNext(.rolledBack)
            for _ in 0..<2 {
                let answer = try await api.post(
                    "/v1/actions",
                    ["claim": ["nonce": .string(nonce1)], "operation": API.operation("allow")],
                    as: "deploy-bot", gate: true)
                #expect(answer.status == 503)
                #expect(answer.code == "ledger_unavailable")
                #expect(answer.headers[.retryAfter] == "1")
            }
            #expect(try await api.get("/readyz", as: nil).status == 503)
            #expect(try await api.get("/healthz", as: nil).status == 200)
            #expect(try await api.get("/v1/status").json()["ready"] == false)
            #expect(try await api.get("/v1/actions").json() == [])
        }
    }

    @Test("Denials, cancelling, revoking and settling")
    func endings() async throws {
        try await withServer { api in
            func path(_ action: JSON, _ verb: String) -> String {
                "/v1/actions/\(action.id)/\(verb)"
            }
            let denied = try await api.submit("review", name: "denied")
            let body: JSON = ["decision": "deny", "expect": .string(denied.text("digest"))]
            #expect(
                try await api.post(path(denied, "decisions"), body, as: "bob").code
                    == "reason_required")
            var reasoned = try #require(body.objectValue)
            reasoned["reason"] = "not today"
            let denial = try await api.post(path(denied, "decisions"), .object(reasoned), as: "bob")
            #expect(try denial.json().text("state") == "denied")
            let shown = try await api.get("/v1/actions/\(denied.id)").json()
            #expect(shown["decisions"]?[0]?["reason"] == "not today")

            let cancelled = try await api.submit("review", name: "cancelled")
            let cancel = try await api.request(.post, path(cancelled, "cancel"), as: "deploy-bot")
            #expect(try cancel.json().text("state") == "cancelled")
            #expect(try await api.approve(cancelled).code == "not_pending")

            let revoked = try await api.submit("review", name: "revoked")
            _ = try await api.approve(revoked)
            let revoke = try await api.post(path(revoked, "revoke"), ["reason": "x"], as: "carol")
            #expect(try revoke.json().text("state") == "revoked")

            let unknown = try await api.submit("allow", nonce: nonce1)
            _ = try await api.post(
                path(unknown, "outcome"), ["nonce": .string(nonce1), "status": "unknown"],
                as: "deploy-bot", gate: true)
            let settle = try await api.post(
                path(unknown, "settle"), ["reason": "seen", "status": "failed"], as: "bob")
            #expect(try settle.json().text("state") == "failed")
            #expect(try settle.json()["outcome"]?["settledBy"] == "bob")

            let expired = try await api.submit("review", name: "expired")
            api.clock.advance(seconds: 3600)
            let late = try await api.approve(expired)
            #expect(late.status == 410)
            #expect(late.code == "expired")
            let lapsed = try await api.submit("allow", name: "lapsed")
            api.clock.advance(seconds: 600)
            let claim = try await api.post(
                path(lapsed, "claim"), ["nonce": .string(nonce1)], as: "deploy-bot", gate: true)
            #expect(claim.status == 410)
            #expect(claim.code == "grant_lapsed")
        }
    }
}
