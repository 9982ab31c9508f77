// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Testing

@Suite("Races")
struct RaceTests {
    private static func nonce(_ number: Int) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 64 - digits.count) + digits
    }

    private static func approval(_ action: JSON) -> JSON {
        ["decision": "approve", "expect": action["digest"] ?? .null]
    }

    @Test("Of 50 claims with different nonces exactly one wins (invariant 4)")
    func claims() throws {
        let server = try RunningServer()
        let cast = try Cast(server)
        let action = try cast.submit("race", server)
        let id = try #require(action["id"]?.stringValue)
        let path = "/v1/actions/\(id)"
        let approved = try server.connection().request(
            "POST", path + "/decisions", token: cast.bob, json: Self.approval(action))
        #expect(approved.json?["state"]?.stringValue == "cleared", "\(approved.text)")

        let connections = try (0..<50).map { _ in try server.connection() }
        for (number, connection) in connections.enumerated() {
            let body: JSON = ["nonce": .string(Self.nonce(number))]
            try connection.send(
                "POST", path + "/claim", token: cast.agent, body: try body.canonicalBytes())
        }
        let answers = try connections.map { try $0.receive() }
        let winners = answers.indices.filter { answers[$0].status == 200 }
        #expect(winners.count == 1)
        #expect(answers.allSatisfy { $0.status == 200 || $0.code == "already_claimed" })

        // The winner may ask again; nobody else may, and the nonce in the ledger is the winner's.
        let winner = try #require(winners.first)
        let again = try server.connection().request(
            "POST", path + "/claim", token: cast.agent,
            json: ["nonce": .string(Self.nonce(winner))])
        #expect(again.status == 200)
        #expect(again.json?["claim"]?["nonce"]?.stringValue == Self.nonce(winner))
        #expect(
            again.json?["claim"]?["entry"]?["index"]
                == answers[winner].json?["claim"]?["entry"]?[
                    "index"])
    }

    @Test("Of an approval and a denial at once the first one stands (invariant 11)")
    func decisions() throws {
        let server = try RunningServer()
        let cast = try Cast(server)
        for round in 0..<10 {
            let action = try cast.submit("decisions-\(round)", server)
            let id = try #require(action["id"]?.stringValue)
            let denial: JSON = [
                "decision": "deny", "expect": action["digest"] ?? .null, "reason": "no",
            ]
            let bob = try server.connection()
            let carol = try server.connection()
            let bodies = [Self.approval(action), denial]
            let order = round.isMultiple(of: 2) ? [0, 1] : [1, 0]
            for index in order {
                try [bob, carol][index].send(
                    "POST", "/v1/actions/\(id)/decisions", token: [cast.bob, cast.carol][index],
                    body: try bodies[index].canonicalBytes())
            }
            let approved = try bob.receive()
            let denied = try carol.receive()
            let state = try server.json(["show", id], token: cast.admin)["state"]?.stringValue
            // One eligible denial ends a review; a clearance that came first cannot be denied.
            #expect([approved.status, denied.status].sorted() == [200, 409])
            #expect(state == (denied.status == 200 ? "denied" : "cleared"))
        }
    }

    @Test("The same person deciding twice at once fills one slot (invariant 6)")
    func twice() throws {
        let server = try RunningServer()
        let cast = try Cast(server)
        let action = try cast.submit("twice", server)
        let id = try #require(action["id"]?.stringValue)
        let connections = try (0..<8).map { _ in try server.connection() }
        for connection in connections {
            try connection.send(
                "POST", "/v1/actions/\(id)/decisions", token: cast.bob,
                body: try Self.approval(action).canonicalBytes())
        }
        _ = try connections.map { try $0.receive() }
        let shown = try server.json(["show", id], token: cast.admin)
        #expect(shown["decisions"]?.arrayValue?.count == 1)
    }

    @Test("Equal submissions at once attach to one action")
    func submissions() throws {
        let server = try RunningServer()
        let cast = try Cast(server)
        let body = try Cast.submission("equal").canonicalBytes()
        let connections = try (0..<16).map { _ in try server.connection() }
        for connection in connections {
            try connection.send("POST", "/v1/actions", token: cast.agent, body: body)
        }
        let answers = try connections.map { try $0.receive() }
        #expect(Set(answers.compactMap { $0.json?["id"]?.stringValue }).count == 1)
        #expect(answers.filter { $0.status == 201 }.count == 1)
        #expect(answers.filter { $0.status == 200 }.count == 15)
    }
}
