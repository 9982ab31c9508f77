// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import ServiceTestSupport
import Storage
import Testing
import TransparencyLog

@testable import ControlPlane

@Suite("Invariants 8 to 13")
struct ReviewTests {
    // MARK: 8

    @Test("invariant8: a review that nobody outside the chain can give is a denial that says so")
    func invariant8_unsatisfiable() async throws {
        let installation = try await TestInstallation()
        // Alice leads alone now, and deploy-bot is hers.
        try await installation.control.apply(
            .memberAdded(group: TestInstallation.leads, member: TestInstallation.alice),
            by: TestInstallation.admin)
        try await installation.control.apply(
            .memberRemoved(group: TestInstallation.leads, member: TestInstallation.erin),
            by: TestInstallation.admin)
        let result = try await installation.submit("lead")
        #expect(result.state.status == .denied)
        let message = result.body.texts["errors"]?[0]?["message"]?.stringValue ?? ""
        #expect(message.contains("nobody can approve this"))
        // The same request of another person's agent can be reviewed.
        let other = try await installation.submit("lead", agent: TestInstallation.otherBot)
        #expect(other.state.status == .pending)
    }

    @Test("invariant8: an erroring policy closes doors and opens none")
    func invariant8_erroringPolicy() async throws {
        let text = """
            @id("commands") permit (principal, action in Action::"command", resource);
            @id("broken") @review("reviewers") forbid (principal, action, resource)
            when { context.hour * 9223372036854775807 == context.weekday };
            """
        let installation = try await TestInstallation(
            policies: [PolicyFile(name: "a.cedar", text: text)])
        #expect(try await installation.submit().state.status == .pending)
        try await installation.publish(
            text.replacing("@review(\"reviewers\") ", with: ""))
        #expect(try await installation.submit(name: "b").state.status == .denied)
    }

    @Test("invariant8: empty groups, zero quorum and unknown annotations are not published")
    func invariant8_badPolicies() async throws {
        let installation = try await TestInstallation()
        try await installation.control.addGroup(
            Handle(constant: "empty"), by: TestInstallation.admin)
        let annotations = [
            #"@review("empty")"#, #"@review("nobody")"#, #"@review("reviewers") @quorum("0")"#,
            #"@review("reviewers") @quorum("9")"#, #"@review("reviewers") @color("red")"#,
            #"@review("")"#, #"@review("reviewers") @expires("0s")"#,
        ]
        for annotation in annotations {
            let code = await failure {
                try await installation.publish(
                    "@id(\"x\") \(annotation) forbid (principal, action, resource);")
            }
            #expect(code == "policies_invalid", "\(annotation)")
        }
        // Two groups of the same one person need two persons.
        let pair = #"@id("x") @review("leads,pair") forbid (principal, action, resource);"#
        try await installation.control.addGroup(
            Handle(constant: "pair"), by: TestInstallation.admin)
        try await installation.control.apply(
            .memberAdded(group: Handle(constant: "pair"), member: TestInstallation.erin),
            by: TestInstallation.admin)
        #expect(await failure { try await installation.publish(pair) } == "policies_invalid")
        try await installation.control.apply(
            .memberAdded(group: Handle(constant: "pair"), member: TestInstallation.dave),
            by: TestInstallation.admin)
        #expect(await failure { try await installation.publish(pair) } == "none")
    }

    // MARK: 9, 10

    @Test("invariant9: silence is a denial named expired, also after a restart")
    func invariant9_expiry() async throws {
        let installation = try await TestInstallation()
        let late = try await installation.submit("review")
        let swept = try await installation.submit("review", name: "b")
        installation.clock.advance(seconds: 3599)
        try await installation.round()
        #expect(try installation.status(late) == .pending)
        try await installation.restart()
        installation.clock.advance(seconds: 1)
        // A decision that comes too late finds the deadline, whether anybody enforced it or not.
        #expect(
            await failure {
                try await installation.decide(late, by: TestInstallation.bob)
            } == "expired")
        #expect(try installation.kinds(late).last == "action.expired")
        try await installation.round()
        #expect(try installation.status(swept) == .expired)
        #expect(await failure { try await installation.claim(swept) } == "not_cleared")
    }

    @Test("invariant9: a grant lapses when it is not claimed in time")
    func invariant9_lapse() async throws {
        let installation = try await TestInstallation()
        let first = try await installation.submit("review")
        let second = try await installation.submit("review", name: "b")
        for action in [first, second] {
            _ = try await installation.decide(action, by: TestInstallation.bob)
        }
        installation.clock.advance(seconds: 599)
        _ = try await installation.claim(first)
        installation.clock.advance(seconds: 1)
        #expect(await failure { try await installation.claim(second) } == "grant_lapsed")
        #expect(try installation.status(second) == .lapsed)
    }

    @Test("invariant9: a caller whose wait runs out changes nothing")
    func invariant9_waiting() async throws {
        let installation = try await TestInstallation()
        let action = try await installation.submit("review")
        let control = installation.control
        let size = control.writer.head.size
        async let waited: Void = control.wait(
            for: action.state.id, by: "test", after: nil, seconds: 30)
        while control.feed.waiting == 0 { await Task.yield() }
        installation.clock.advance(seconds: 30)
        try await installation.round()
        try await waited
        #expect(control.feed.waiting == 0)
        #expect(control.writer.head.size == size)
        #expect(try installation.status(action) == .pending)
    }

    @Test("invariant10: denied, expired, cancelled and invalidated are told apart")
    func invariant10_endings() async throws {
        let installation = try await TestInstallation()
        let denied = try await installation.submit("review", name: "denied")
        _ = try await installation.decide(denied, .deny, by: TestInstallation.bob)
        let cancelled = try await installation.submit("review", name: "cancelled")
        _ = try await installation.control.cancel(
            cancelled.state.id, by: .agent(TestInstallation.bot), audit: [:])
        let invalidated = try await installation.submit("review", name: "invalidated")
        let expired = try await installation.submit("review", name: "expired")
        try await installation.publish(TestInstallation.closedPolicies)
        _ = try await installation.decide(invalidated, by: TestInstallation.bob)
        installation.clock.advance(seconds: 3600)
        try await installation.round()
        let expected: [(ActionResult, ActionStatus)] = [
            (denied, .denied), (cancelled, .cancelled), (invalidated, .invalidated),
            (expired, .expired),
        ]
        for (action, status) in expected {
            #expect(try installation.status(action) == status)
        }
    }

    @Test("invariant10: a stranger's cancel or revoke is refused and recorded")
    func invariant10_strangers() async throws {
        let installation = try await TestInstallation()
        let action = try await installation.submit("review")
        let control = installation.control
        for principal in [
            Principal.agent(TestInstallation.otherBot), .person(TestInstallation.bob),
            TestInstallation.admin, .gate(TestInstallation.gate),
        ] {
            let code = await failure {
                try await control.cancel(action.state.id, by: .of(principal), audit: [:])
            }
            let isAgent = principal == .agent(TestInstallation.otherBot)
            #expect(code == (isAgent ? "no_such_action" : "not_requester"))
        }
        for principal in [
            Principal.agent(TestInstallation.bot), .person(TestInstallation.dave),
            TestInstallation.admin,
        ] {
            let code = await failure {
                try await control.revoke(
                    action.state.id, by: .of(principal), reason: "x", audit: [:])
            }
            #expect(code == "not_allowed")
        }
        #expect(try installation.refusals(action).count == 6)
        #expect(try installation.strangersAttempts().count == 1)
        #expect(try installation.status(action) == .pending)
        // The owner may cancel what his agent asked.
        let cancelled = try await control.cancel(
            action.state.id, by: .person(TestInstallation.alice), audit: [:])
        #expect(cancelled.state.status == .cancelled)
    }

    @Test("A reviewer takes back a grant that was not used")
    func revoke() async throws {
        let installation = try await TestInstallation()
        let action = try await installation.submit("review")
        _ = try await installation.decide(action, by: TestInstallation.bob)
        let revoked = try await installation.control.revoke(
            action.state.id, by: .person(TestInstallation.carol), reason: "x", audit: [:])
        #expect(revoked.state.status == .revoked)
        #expect(await failure { try await installation.claim(action) } == "not_cleared")
    }

    // MARK: 11

    @Test("invariant11: of two racing decisions one wins", arguments: [false, true])
    func invariant11_racingDecisions(_ inOneBatch: Bool) async throws {
        let installation = try await TestInstallation()
        let control = installation.control
        let storage = installation.storage
        for round in 0..<10 {
            let action = try await installation.submit("review", name: "\(round)")
            if inOneBatch { storage.hold() }
            let digest = action.state.digest.hex
            let commands = [
                (ReviewDecision.Kind.approve, TestInstallation.bob),
                (.deny, TestInstallation.carol),
            ].map { kind, person in
                DecisionCommand(
                    principal: .person(person), kind: kind, channel: .cli, assurance: .token,
                    expectedDigest: digest, hasReason: true, rendering: .zero, shownInFull: true)
            }
            async let first = failure {
                try await control.decide(action.state.id, commands[0], reason: "x", audit: [:])
            }
            async let second = failure {
                try await control.decide(action.state.id, commands[1], reason: "x", audit: [:])
            }
            if inOneBatch {
                try await Task.sleep(for: .milliseconds(10))
                storage.release()
            }
            let codes = await [first, second]
            #expect(Set(codes) == ["none", "not_pending"])
            #expect(
                try installation.status(action) == (codes[0] == "none" ? .cleared : .denied))
        }
        try installation.expectRowsFollowFromLedger()
    }

    @Test("invariant11: a decision on another digest is refused")
    func invariant11_staleDigest() async throws {
        let installation = try await TestInstallation()
        let action = try await installation.submit("review")
        let other = try await installation.submit("review", name: "b")
        let digest = action.state.digest.hex
        let bad = [
            other.state.digest.hex, String(digest.prefix(15)), "", digest + "0",
            digest.uppercased(), String(repeating: "0", count: 16),
        ]
        for expect in bad {
            let code = await failure {
                try await installation.decide(
                    action, as: .person(TestInstallation.bob), expect: expect)
            }
            #expect(code == "stale_digest", "\(expect)")
        }
        let approved = try await installation.decide(
            action, as: .person(TestInstallation.bob), expect: String(digest.prefix(16)))
        #expect(approved.state.status == .cleared)
    }

    // MARK: assurance

    @Test("High severity needs the console; a token is refused and recorded")
    func assurance() async throws {
        let installation = try await TestInstallation()
        let action = try await installation.submit("high")
        for assurance in [Assurance.token, .chat] {
            let code = await failure {
                try await installation.decide(
                    action, as: .person(TestInstallation.bob), assurance: assurance)
            }
            #expect(code == "assurance_too_low")
        }
        let approved = try await installation.decide(
            action, as: .person(TestInstallation.bob), assurance: .console, channel: .console)
        #expect(approved.state.status == .cleared)
    }

    @Test("invariant16: what can't be shown in full is not approved, whatever a surface claims")
    func invariant16_shownInFull() async throws {
        let installation = try await TestInstallation()
        let operation = try Operation(
            action: "command.run", resourceType: "Host", resourceID: "web1",
            input: [
                "argv": ["deploy", "--mode=review"],
                "script": [
                    "path": "/srv/x", "text": .string(String(repeating: "rm x; ", count: 60_000)),
                ],
            ])
        let action = try await installation.control.submit(
            SubmitCommand(
                operation: operation, intent: .none, nonce: nil, idempotencyKey: nil,
                requestDigest: .zero), by: try installation.submitter())
        #expect(action.state.status == .pending)
        #expect(
            await failure {
                try await installation.decide(
                    action, as: .person(TestInstallation.bob), assurance: .passkey)
            } == "not_shown_in_full")
        let denied = try await installation.decide(action, .deny, by: TestInstallation.bob)
        #expect(denied.state.status == .denied)
    }

    @Test("A denial needs a reason")
    func reason() async throws {
        let installation = try await TestInstallation()
        let action = try await installation.submit("review")
        #expect(
            await failure {
                try await installation.decide(
                    action, .deny, by: TestInstallation.bob, reason: nil)
            } == "reason_required")
    }
}
