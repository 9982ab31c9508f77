// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
internal import Logging
internal import Storage
package import TransparencyLog

/// What people do about a review besides deciding.
extension ControlPlane {
    /// Takes an approval back, as long as nothing is cleared.
    package func withdraw(
        _ id: ActionID, by party: Authenticated, reason: String?, audit: JSON
    ) async throws -> ActionResult {
        try throttle("end \(party.principal)")
        try await requireTrustedClock()
        return try await run(
            id, by: Party(party, attempt: "withdraw"), audit: audit, reason: reason
        ) { machine, _, surroundings in
            try machine.withdraw(by: party.principal, now: surroundings.now)
        }
    }

    /// Says something about an action; a question is the requester's to answer.
    package func comment(
        _ id: ActionID, _ kind: CommentKind, text: String, by party: Authenticated, audit: JSON
    ) async throws -> ActionResult {
        try throttle("end \(party.principal)")
        guard DecisionCommand.isReason(text), text.utf8.count <= Limits.reasonBytes else {
            throw CommandError.badRequest(
                code: "value_invalid", "`text`: 1 to \(Limits.reasonBytes) bytes that say something"
            )
        }
        return try await run(
            id, by: Party(party, attempt: "comment"), audit: audit, reason: text
        ) { machine, _, surroundings in
            try machine.comment(kind, by: party.principal, surroundings)
        }
    }

    /// Goes past a review that there is no time for, and owes an explanation for it.
    package func breakGlass(
        _ id: ActionID, _ command: BreakGlassCommand, reason: String?, audit: JSON
    ) async throws -> ActionResult {
        try throttle("decide \(command.principal)")
        try await requireTrustedClock()
        let result = try await run(
            id, by: Party(command.principal, attempt: "breakglass"), audit: audit, reason: reason
        ) { machine, body, surroundings in
            try machine.breakGlass(
                command.onRecordedRendering(body, machine.state), surroundings)
        }
        counters.add("exequatur_break_glass_total")
        logger.critical(
            "somebody broke the glass",
            metadata: ["action": "\(id)", "by": "\(command.principal)"])
        return result
    }

    /// Says what somebody else thinks of a break-glass.
    package func settleDebt(
        _ id: ActionID, accepted: Bool, by party: Authenticated, reason: String?, audit: JSON
    ) async throws -> ActionResult {
        try throttle("end \(party.principal)")
        try await requireTrustedClock()
        return try await run(
            id, by: Party(party, attempt: "settle"), audit: audit, reason: reason
        ) { machine, _, surroundings in
            try machine.settleDebt(
                accepted: accepted, by: party.principal,
                hasReason: DecisionCommand.isReason(reason), surroundings)
        }
    }

    /// Debts that nobody has settled, by action.
    package var openDebts: [(action: ActionID, person: Handle, due: Timestamp, isOverdue: Bool)] {
        debts.all.sorted { $0.key.text < $1.key.text }
            .map { ($0.key, $0.value.person, $0.value.due, $0.value.isOverdue) }
    }

    // MARK: what would be answered

    /// The command by which a session breaks the glass.
    package func breakGlassCommand(
        _ detail: ActionDetail, _ session: Session, expect: String, hasReason: Bool,
        shown: Hash256?
    ) -> BreakGlassCommand {
        let party = party(of: session)
        return BreakGlassCommand(
            principal: party.principal, channel: .console, assurance: party.assurance,
            method: session.method, expectedDigest: expect, hasReason: hasReason,
            isCredentialShown: !party.shownTo.isEmpty, shown: shown
        ).onRecordedRendering(detail.body, detail.state)
    }

    /// What the machine would answer, without doing it: pages show a form only where it would work.
    package func obstacle(breakingGlass detail: ActionDetail, _ session: Session) -> Refusal? {
        let command = breakGlassCommand(
            detail, session, expect: detail.state.digest.hex, hasReason: true, shown: nil)
        return obstacle(detail) { try $0.breakGlass(command, $1) }
    }

    package func obstacle(withdrawing detail: ActionDetail, _ session: Session) -> Refusal? {
        obstacle(detail, in: session) { try $0.withdraw(by: .person(session.person), now: $1.now) }
    }

    package func obstacle(
        saying kind: CommentKind, _ detail: ActionDetail, _ session: Session
    ) -> Refusal? {
        obstacle(detail, in: session) { try $0.comment(kind, by: .person(session.person), $1) }
    }

    package func obstacle(settlingDebt detail: ActionDetail, _ session: Session) -> Refusal? {
        obstacle(detail, in: session) {
            try $0.settleDebt(
                accepted: true, by: .person(session.person), hasReason: true, $1)
        }
    }

    // MARK: asking policy again

    /// Asks policy again about one open action.
    func reevaluate(_ id: ActionID) async throws {
        guard clock.isTrusted else { return }
        _ = try await run(
            id, by: nil, audit: ["by": "scheduler"], reason: nil
        ) { machine, _, surroundings in
            try machine.reevaluate(surroundings)
        }
    }

    // MARK: who is looking

    private static let looking = "looking"
    /// How long somebody counts as looking who has not said so again.
    package static let lookingSeconds: Int64 = 600

    /// Notes that a person is looking at a review, so that others need not; no promise and no entry.
    package func look(_ id: ActionID, by party: Authenticated) async throws {
        guard case .person(let person) = party.principal else {
            throw CommandError.forbidden(code: "persons_only", "only persons look at reviews")
        }
        try requireOwnCredential(party)
        try throttle("look \(person)")
        guard let detail = try detail(id) else { throw CommandError.noSuchAction }
        guard detail.state.status == .pending else {
            throw Refusal(.notPending, "the action is `\(detail.state.status.rawValue)`")
        }
        let row = rows.seal(
            space: Self.looking, key: "\(id) \(person)", value: [],
            expires: now.adding(seconds: Self.lookingSeconds))
        let mark = marks(detail.state)
        _ = try await writer.submit { _ in LedgerPlan((), operational: [row] + mark) }
        news.wake()
    }

    /// Persons who said that they are looking, in order.
    package func lookers(_ id: ActionID) throws -> [Handle] {
        let prefix = "\(id) "
        return try backend.read { reader in
            try reader.operational(
                space: Self.looking, prefix: prefix, after: nil, limit: 32)
        }.filter { $0.expires > now && rows.open($0) != nil }
            .compactMap { Handle(String($0.key.dropFirst(prefix.count))) }
    }
}
