// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Testing

@Suite("Waiting for a decision")
struct WaitingTests {
    @Test("A decision releases the caller that waits for it")
    func release() throws {
        let server = try RunningServer()
        let cast = try Cast(server)
        let action = try cast.submit("wait", server)
        let id = try #require(action["id"]?.stringValue)
        let waiting = try server.connection()
        try waiting.send("GET", "/v1/actions/\(id)?wait=55s", token: cast.agent)
        usleep(200_000)
        let began = Clock.now()
        let denied = try server.cli(["deny", id, "--reason", "not today"], token: cast.bob)
        #expect(denied.status == 0, "\(denied.err)")
        let answer = try waiting.receive()
        #expect(Clock.now() - began < 10)
        #expect(answer.json?["state"]?.stringValue == "denied")
    }

    @Test("A wait that runs out changes nothing (invariant 9)")
    func runsOut() throws {
        let server = try RunningServer()
        let cast = try Cast(server)
        let action = try cast.submit("patience", server)
        let id = try #require(action["id"]?.stringValue)
        let answer = try server.connection().request(
            "GET", "/v1/actions/\(id)?wait=1s", token: cast.agent)
        #expect(answer.status == 200)
        #expect(answer.json?["state"]?.stringValue == "pending")
        #expect(answer.json?["version"] == action["version"])
    }

    @Test("A pending action survives a restart and can be approved afterwards")
    func restart() throws {
        let server = try RunningServer()
        let cast = try Cast(server)
        let action = try cast.submit("restart", server)
        let id = try #require(action["id"]?.stringValue)
        let digest = try #require(action["digest"]?.stringValue)
        try server.stop()
        try server.restart()
        let approved = try server.cli(
            ["approve", id, "--expect", String(digest.prefix(16))], token: cast.bob)
        #expect(approved.status == 0, "\(approved.err)")
        #expect(try server.json(["show", id], token: cast.admin)["state"] == "cleared")
    }

    @Test("The event stream goes on after the last event that was seen")
    func events() throws {
        let server = try RunningServer()
        let cast = try Cast(server)
        let first = try cast.submit("events-1", server)
        let seen = try server.json(["status"], token: cast.admin)["treeSize"]?.intValue ?? 0
        let second = try cast.submit("events-2", server)
        let watched = try server.cli(
            ["watch", "--json", "--count", "1", "--after", "\(seen - 1)"], token: cast.admin)
        #expect(watched.status == 0, "\(watched.err)")
        #expect(watched.out.contains(second["id"]?.stringValue ?? "?"))
        #expect(!watched.out.contains(first["id"]?.stringValue ?? "?"))
    }
}
