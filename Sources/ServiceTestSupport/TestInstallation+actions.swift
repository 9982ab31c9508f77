// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
package import ControlPlane
internal import Storage
package import TransparencyLog

extension TestInstallation {
    /// Policies whose answer the operation asks for by an option: nothing runs at once,
    /// `review` and the others are held, `never` is denied.
    package static let policies = [PolicyFile(name: "10-test.cedar", text: policyText)]

    private static let policyText = """
        @id("commands") permit (principal is Agent, action in Action::"command", resource);

        @id("one") @review("reviewers") @grant("10m") @expires("1h") @reason("one reviewer")
        forbid (principal, action in Action::"command", resource)
        when { context.input.argv.contains("--mode=review") };

        @id("two") @review("reviewers") @quorum("2")
        forbid (principal, action in Action::"command", resource)
        when { context.input.argv.contains("--mode=two") };

        @id("high") @review("reviewers") @severity("high")
        forbid (principal, action in Action::"command", resource)
        when { context.input.argv.contains("--mode=high") };

        @id("lead") @review("leads")
        forbid (principal, action in Action::"command", resource)
        when { context.input.argv.contains("--mode=lead") };

        @id("never") @reason("never")
        forbid (principal, action in Action::"command", resource)
        when { context.input.argv.contains("--mode=never") };

        """

    /// A frozen operation; another `name` makes another digest.
    package static func operation(
        _ mode: String = "allow", name: String = "a"
    ) throws -> Operation {
        try Operation(
            action: "command.run", resourceType: "Host", resourceID: "web1",
            input: ["argv": ["deploy", .string(name), .string("--mode=\(mode)")]])
    }

    /// Submits an operation as an agent at the gate.
    package func submit(
        _ mode: String = "allow", name: String = "a", nonce: Hash256? = nil,
        agent: Handle = TestInstallation.bot, atGate: Bool = true, key: String? = nil
    ) async throws -> ActionResult {
        try await submit(
            try Self.operation(mode, name: name), nonce: nonce, agent: agent, atGate: atGate,
            key: key)
    }

    /// Submits any operation as an agent at the gate.
    package func submit(
        _ operation: Operation, nonce: Hash256? = nil, agent: Handle = TestInstallation.bot,
        atGate: Bool = true, key: String? = nil
    ) async throws -> ActionResult {
        try await control.submit(
            SubmitCommand(
                operation: operation, intent: .none, nonce: nonce, idempotencyKey: key,
                requestDigest: try operation.digest()),
            by: try submitter(agent, atGate: atGate))
    }

    /// The session of a person who has just signed in with a one-time link.
    package func signIn(_ person: Handle) async throws -> Session {
        let link = try await control.signInLink(for: person, by: Self.admin)
        guard let secret = link.split(separator: "=").last.map(String.init),
            let cookie = try await control.redeem(link: secret, audit: [:]),
            let session = try control.session(cookie: cookie)
        else { throw CommandError.noSuchAction }
        return session
    }

    /// A person's decision with his command-line token.
    package func decide(
        _ result: ActionResult, _ kind: ReviewDecision.Kind = .approve, by person: Handle,
        reason: String? = "because"
    ) async throws -> ActionResult {
        try await decide(result, kind, as: .person(person), reason: reason)
    }

    /// A decision by whatever principal, as a surface would pass it on.
    package func decide(
        _ result: ActionResult, _ kind: ReviewDecision.Kind = .approve, as principal: Principal,
        assurance: Assurance = .token, channel: Channel = .cli, expect: String? = nil,
        reason: String? = "because"
    ) async throws -> ActionResult {
        let command = DecisionCommand(
            principal: principal, kind: kind, channel: channel, assurance: assurance,
            expectedDigest: expect ?? result.state.digest.hex, hasReason: reason != nil,
            rendering: .zero, shownInFull: true)
        return try await control.decide(
            result.state.id, command, reason: reason, audit: ["address": "192.0.2.2"])
    }

    /// Claims as the agent that submitted.
    package func claim(
        _ result: ActionResult, _ nonce: Hash256 = TestInstallation.nonce(1),
        agent: Handle = TestInstallation.bot, atGate: Bool = true
    ) async throws -> ActionResult {
        try await control.claim(
            result.state.id, nonce: nonce, by: try submitter(agent, atGate: atGate))
    }

    /// Reports an outcome as the gate that claimed.
    package func report(
        _ result: ActionResult, _ outcome: OutcomeStatus,
        _ nonce: Hash256 = TestInstallation.nonce(1)
    ) async throws -> ActionResult {
        try await control.report(
            result.state.id,
            ActionEvent.Report(outcome, exitCode: outcome == .succeeded ? 0 : nil),
            detail: nil, nonce: nonce, by: try submitter())
    }

    /// A nonce that differs for each number.
    package static func nonce(_ number: UInt64) -> Hash256 {
        .sha256(Array("nonce \(number)".utf8))
    }

    /// Where an action stands, replayed from its entries.
    package func status(_ result: ActionResult) throws -> ActionStatus? {
        try control.detail(result.state.id)?.state.status
    }

    /// The kinds of an action's entries, in order.
    package func kinds(_ result: ActionResult) throws -> [String] {
        try control.detail(result.state.id)?.entries.map(\.entry.kind) ?? []
    }

    /// Every entry of the ledger, with bodies.
    package func entries() throws -> [RecordedEntry] {
        try control.backend.read { try $0.entries(from: 0, limit: .max, bodies: true) }
    }
}
