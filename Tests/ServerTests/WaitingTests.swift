// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import ControlPlane
import HTTPTypes
import ServiceTestSupport
import Storage
import Testing
import TransparencyLog

@testable import Server

extension API {
    /// An approval that comes in on another way than this client.
    func approveElsewhere(_ action: JSON) async throws {
        let id = try #require(ActionID(action.id))
        _ = try await control.decide(
            id,
            DecisionCommand(
                principal: .person(TestInstallation.bob), kind: .approve, channel: .cli,
                assurance: .token, expectedDigest: action.text("digest"), hasReason: false,
                rendering: .zero, shownInFull: true), reason: nil, audit: [:])
    }

    /// A submission that comes in on another way than this client.
    func submitElsewhere(_ mode: String, _ name: String = "a") async throws -> ActionResult {
        let submitter = try control.submitter(
            agent: try control.authenticate(bearer: tokens["deploy-bot"] ?? ""), gate: nil,
            audit: [:])
        return try await control.submit(
            SubmitCommand(
                operation: try TestInstallation.operation(mode, name: name), intent: .none,
                nonce: nil, idempotencyKey: nil, requestDigest: .zero), by: submitter)
    }

    /// Waits, within reason, until something holds.
    func until(_ condition: () -> Bool) async throws {
        for _ in 0..<2000 {
            if condition() { return }
            try await Task.sleep(for: .milliseconds(5))
        }
        Issue.record("waited in vain")
    }
}

@Suite("Waiting and streams")
struct WaitingTests {
    @Test("A long poll ends with the decision", arguments: [false, true])
    func longPoll(_ live: Bool) async throws {
        try await withServer(live: live) { api in
            let action = try await api.submit("review")
            async let polled = api.get("/v1/actions/\(action.id)?wait=55s", as: "deploy-bot")
            try await api.until { api.control.feed.waiting == 1 }
            try await api.approveElsewhere(action)
            let answer = try await polled
            #expect(try answer.json().text("state") == "cleared")
            #expect(api.control.feed.waiting == 0)
            // What is decided already is answered at once.
            let again = try await api.get("/v1/actions/\(action.id)?wait=55s", as: "deploy-bot")
            #expect(try again.json().text("state") == "cleared")
        }
    }

    @Test("A long poll ends after 55 seconds with the action as it is, whatever was asked")
    func longPollRunsOut() async throws {
        try await withServer(live: true) { api in
            let action = try await api.submit("review")
            async let polled = api.get("/v1/actions/\(action.id)?wait=1h", as: "deploy-bot")
            try await api.until { api.control.feed.waiting == 1 }
            api.clock.advance(seconds: 54)
            try await Task.sleep(for: .milliseconds(500))
            #expect(api.control.feed.waiting == 1)
            api.clock.advance(seconds: 1)
            #expect(try await polled.json().text("state") == "pending")
        }
    }

    @Test("With a version, a long poll ends with the next change")
    func longPollAfterVersion() async throws {
        try await withServer { api in
            let action = try await api.submit("two")
            let path = "/v1/actions/\(action.id)"
            async let polled = api.get("\(path)?wait=55s&after=1", as: "deploy-bot")
            try await api.until { api.control.feed.waiting == 1 }
            _ = try await api.approve(action)
            #expect(try await polled.json()["version"] == 2)
            #expect(try await api.get("\(path)?wait=55s&after=1").json()["version"] == 2)
            for bad in ["wait=55", "wait=0s", "wait=-1s", "wait=31d", "wait=1s&after=x"] {
                #expect(try await api.get("\(path)?\(bad)").code == "value_invalid", "\(bad)")
            }
            let absent = "/v1/actions/act_00000000000000000000000000?wait=55s"
            #expect(try await api.get(absent).code == "no_such_action")
            let foreign = try await api.get("\(path)?wait=55s&after=9", as: "other-bot")
            #expect(foreign.code == "no_such_action")
        }
    }

    @Test("A deadline that passes ends a long poll by itself")
    func deadlineWhileWaiting() async throws {
        try await withServer(live: true) { api in
            let action = try await api.submit("review")
            api.clock.advance(seconds: 3599)
            async let polled = api.get("/v1/actions/\(action.id)?wait=55s", as: "deploy-bot")
            try await api.until { api.control.feed.waiting == 1 }
            api.clock.advance(seconds: 1)
            #expect(try await polled.json().text("state") == "expired")
        }
    }

    // MARK: events

    /// The events of a stream's text.
    private func events(_ answer: Answer) throws -> [(id: String, data: JSON)] {
        #expect(answer.headers[.contentType] == "text/event-stream")
        return try answer.text.split(separator: "\n\n").filter { !$0.hasPrefix(":") }.map { block in
            let lines = block.split(separator: "\n")
            try #require(lines.count == 3)
            #expect(lines[1] == "event: action")
            #expect(lines[0].hasPrefix("id: ") && lines[2].hasPrefix("data: "))
            return (
                String(lines[0].dropFirst(4)),
                try JSON(canonical: Array(lines[2].dropFirst(6).utf8))
            )
        }
    }

    /// Opens a stream, does something, ends the stream, and gives what came.
    private func stream(
        _ api: API, as who: String?, last: String? = nil,
        _ body: @Sendable () async throws -> Void
    ) async throws -> Answer {
        async let streamed = api.request(
            .get, "/v1/events", as: who, headers: last.map { [("Last-Event-ID", $0)] } ?? [])
        try await api.until { api.control.feed.streams == 1 }
        try await body()
        try await Task.sleep(for: .milliseconds(50))
        api.control.feed.close()
        return try await streamed
    }

    @Test("Every committed change is an event, in order", arguments: [false, true])
    func changes(_ live: Bool) async throws {
        try await withServer(live: live) { api in
            let answer = try await stream(api, as: "bob") {
                let result = try await api.submitElsewhere("review")
                try await api.approveElsewhere([
                    "digest": .string(result.state.digest.hex), "id": .string(result.state.id.text),
                ])
            }
            let events = try events(answer)
            #expect(events.map { $0.data.text("state") } == ["pending", "cleared"])
            #expect(events.map { $0.data["version"] } == [1, 3])
            let indexes = events.compactMap { $0.data["index"]?.intValue }
            #expect(events.map(\.id) == indexes.map(String.init))
            #expect(indexes == indexes.sorted())
            #expect(answer.text.hasPrefix(": open\n\n"))
        }
    }

    @Test("An idle stream beats, so that a client which is gone gives its place back")
    func beats() async throws {
        try await withServer(live: true) { api in
            let answer = try await stream(api, as: "other-bot") {
                // Swept here as well as by the scheduler: a busy machine wakes that one late, and
                // two of our instants would become one beat.
                for _ in 0..<3 {
                    api.clock.advance(seconds: 15)
                    api.control.feed.sweep(now: api.clock.now)
                }
            }
            let beats = answer.text.split(separator: "\n\n").filter { $0 == ": beat" }
            #expect((3...4).contains(beats.count), "\(answer.text)")
        }
    }

    @Test("The scheduler is what makes an idle stream beat")
    func scheduled() async throws {
        try await withServer(live: true) { api in
            let stream = try #require(try api.control.feed.subscribe(by: "somebody"))
            api.clock.advance(seconds: 15)
            var events = stream.makeAsyncIterator()
            #expect(await events.next() == .beat)
        }
    }

    @Test("A stream and a long poll end with the credential that they were opened with")
    func revoked() async throws {
        try await withServer(live: false) { api in
            let action = try await api.submit("review")
            async let polled = api.get("/v1/actions/\(action.id)?wait=55s", as: "deploy-bot")
            async let streamed = api.request(.get, "/v1/events", as: "deploy-bot")
            try await api.until {
                api.control.feed.streams == 1 && api.control.feed.waiting == 1
            }
            _ = try await api.control.rotate(
                .agent, TestInstallation.bot, by: TestInstallation.admin)
            try await api.approveElsewhere(action)
            #expect(try await polled.status == 401)
            let events = try events(try await streamed)
            #expect(events.isEmpty)
            #expect(api.control.feed.streams == 0)
        }
    }

    @Test("One credential that goes wild does not take all places")
    func placesOfACredential() async throws {
        let feed = ChangeFeed()
        var streams: [AsyncStream<StreamEvent>?] = []
        for _ in 0..<ChangeFeed.credentialLimit + 3 {
            streams.append(try? feed.subscribe(by: "wild"))
        }
        #expect(streams.compactMap { $0 }.count == ChangeFeed.credentialLimit)
        #expect(try feed.subscribe(by: "other") != nil)
        let id = ActionID(now: Timestamp(milliseconds: 0), random: (1, 2))
        await #expect(throws: CommandError.rateLimited(retryAfterSeconds: 1)) {
            try await feed.wait(
                for: id, by: "wild", after: nil, deadline: Timestamp(milliseconds: 0)
            ) { true }
        }
        // Places come back.
        streams = []
        #expect(try feed.subscribe(by: "wild") != nil)
    }

    @Test("An agent's stream has its own actions only")
    func ownChanges() async throws {
        try await withServer { api in
            let answer = try await stream(api, as: "other-bot") {
                _ = try await api.submitElsewhere("review")
                _ = try await api.submit("review", as: "other-bot")
            }
            #expect(try events(answer).count == 1)
            #expect(try await api.get("/v1/events", as: "run").code == "persons_only")
            #expect(try await api.get("/v1/events", as: nil).code == "credentials_missing")
        }
    }

    @Test("A stream resumes after its last event without gap or repetition")
    func resume() async throws {
        try await withServer { api in
            let first = try await api.submit("review", name: "first")
            let last = api.control.writer.head.size - 1
            for number in 0..<5 { _ = try await api.submit("review", name: "missed \(number)") }
            let answer = try await stream(api, as: "bob", last: "\(last)") {
                _ = try await api.submitElsewhere("review", "live")
            }
            let events = try events(answer)
            #expect(events.count == 6)
            #expect(events.allSatisfy { $0.data.id != first.id })
            let indexes = events.compactMap { UInt64($0.id) }
            #expect(indexes == Array((last + 1)...(last + 6)))
        }
    }

    @Test("A client that missed more than one page gets all of it")
    func resumeFar() async throws {
        try await withServer(configure: { $0.submissionBurst = 5000 }) { api in
            let from = api.control.writer.head.size - 1
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<1100 {
                    group.addTask { _ = try await api.submitElsewhere("never", "\(number)") }
                }
                try await group.waitForAll()
            }
            let answer = try await stream(api, as: "bob", last: "\(from)") {}
            let indexes = try events(answer).compactMap { UInt64($0.id) }
            #expect(indexes == Array((from + 1)...(from + 1100)))
        }
    }

    @Test(
        "An event id that is not of this log is no reason to stay silent",
        arguments: ["99999999", "18446744073709551615", "-1", "x", ""])
    func foreignEventID(_ last: String) async throws {
        try await withServer { api in
            let answer = try await stream(api, as: "bob", last: last) {
                _ = try await api.submitElsewhere("review")
            }
            #expect(try events(answer).count == 1)
        }
    }
}
