// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import ServiceTestSupport
import Storage
import TestSupport
import TransparencyLog
import WebAuthn

@testable import ControlPlane

/// What people do about reviews.
extension Simulation {
    /// Somebody who has shown who he is, in one way or another.
    func party(_ person: Handle, strong: Bool = false) -> Authenticated {
        let method: SignInMethod =
            strong ? .passkey : pick([.passkey, .passkey, .openID, .openID, .token, .link])
        let isFresh = strong || chance(85)
        let assurance: Assurance =
            switch method {
            case .link: world.unsealed && isFresh ? .console : .token
            case .openID, .passkey: isFresh ? .console : .token
            case .token, .chat: .token
            }
        var party = Authenticated(
            principal: .person(person), credential: "simulated-\(method.rawValue)",
            assurance: assurance)
        party.method = method
        switch method {
        case .openID, .passkey:
            party.credentialSince = chance(92) ? FakeClock.start : installation.clock.now
        case .token, .link: party.shownTo = [ControlPlane.firstAdministrator]
        case .chat: break
        }
        return party
    }

    /// The same of anybody.
    func party(_ principal: Principal) -> Authenticated {
        if case .person(let person) = principal { return party(person, strong: chance(80)) }
        return Authenticated(principal: principal, credential: "simulated", assurance: .token)
    }

    /// A person, mostly one who could decide.
    func reviewer(of id: ActionID) -> Handle {
        let all = world.directory.persons.sorted()
        guard let review = history.review(id), let requirement = review.requirement, chance(80)
        else { return all.isEmpty ? TestInstallation.alice : pick(all) }
        let able = requirement.persons(in: world.directory, after: 3600)
            .subtracting(chance(85) ? review.chain(world) : []).sorted()
        return able.isEmpty ? pick(all) : pick(able)
    }

    private static let others: [Principal] = [
        .agent(TestInstallation.bot), .gate(TestInstallation.gate), TestInstallation.admin,
        .person(Handle(constant: "nobody")),
    ]

    /// The digest that a decision names: the right one, or another.
    private func expected(_ id: ActionID) -> String {
        let digest = history.submissions[id]?.action.digest.hex ?? ""
        return chance(96)
            ? digest : pick(["0000000000000000", String(digest.prefix(8)), ""])
    }

    /// What the person was shown: what is on record, or something older.
    private func shownDigest(_ id: ActionID) -> Hash256? {
        chance(90) ? history.review(id)?.rendering : chance(50) ? nil : Hash256.zero
    }

    func decision() -> SimulatedCommand? {
        let changes = known.filter {
            history.review($0)?.status == .pending && history.submissions[$0]?.isGovernance == true
        }
        // Changes of the rules are few, and most of what can go wrong with them is rare.
        guard let id = changes.isEmpty || chance(50) ? action(.pending) : pick(changes) else {
            return nil
        }
        if chance(2) { installation.clock.advance(seconds: 3601) }
        let kind: ReviewDecision.Kind = chance(84) ? .approve : .deny
        let person = reviewer(of: id)
        if history.review(id)?.requirement?.assurance == .passkey, chance(85),
            let device = devices[person]
        {
            return signed(id, kind, person, device)
        }
        if chance(8) { return chat(id, kind, person) }
        let expect = expected(id)
        let isReasoned = chance(95)
        var command: DecisionCommand
        if chance(8) {
            let principal = pick(Self.others)
            command = DecisionCommand(
                principal: principal, kind: kind, channel: .api, assurance: .token,
                expectedDigest: expect, hasReason: isReasoned)
        } else {
            command = control.command(
                by: party(person), kind, channel: pick([.cli, .console, .api]), expect: expect,
                hasReason: isReasoned, as: chance(2) ? .passkey : nil)
        }
        command.shown = shownDigest(id)
        return decision(id, command)
    }

    private func decision(
        _ id: ActionID, _ command: DecisionCommand
    ) -> SimulatedCommand {
        SimulatedCommand(
            what: "decide", about: id, principal: command.principal.description,
            attempt: command.kind.rawValue, expected: command.expectedDigest,
            // What is carried out at once goes on writing after its answer.
            canRace: history.submissions[id]?.isGovernance != true
        ) { control in
            try await control.decide(
                id, command, reason: command.hasReason ? "because" : nil,
                audit: ["address": "192.0.2.2"])
        }
    }

    private func chat(
        _ id: ActionID, _ kind: ReviewDecision.Kind, _ person: Handle
    ) -> SimulatedCommand {
        let slack = Handle(constant: "slack")
        let account =
            chance(80) ? world.directory.account(of: person, in: slack) : nil
        let any =
            account ?? ChatAccount(channel: slack, workspace: "T1", user: "U-\(person)-2")
        var command = DecisionCommand(
            principal: .person(person), kind: kind, channel: .slack, assurance: .chat,
            expectedDigest: expected(id), hasReason: true, account: any,
            surfaceShowsAll: chance(90), method: .chat)
        command.shown = shownDigest(id)
        return decision(id, command)
    }

    /// A decision that the person's own passkey signs, now and then not quite.
    private func signed(
        _ id: ActionID, _ kind: ReviewDecision.Kind, _ person: Handle, _ device: SoftwarePasskey
    ) -> SimulatedCommand {
        let now = installation.clock.now
        let session = Session(
            id: "0000000000000000", person: person, signedInAt: now, authenticatedAt: now,
            method: .passkey, issuedBy: nil, isRecovery: false,
            credentialSince: FakeClock.start, expires: now.adding(seconds: 3600), csrf: "",
            address: nil, userAgent: nil)
        let isOther = chance(6)
        let rendering = shownDigest(id)
        let expect = expected(id)
        return SimulatedCommand(
            what: "sign", about: id, principal: "person:\(person)", attempt: kind.rawValue,
            expected: expect, canRace: false
        ) { control in
            let asked = try await control.signingOptions(
                id, isOther ? .deny : kind, for: session)
            let answer = try device.assertion(challenge: try asked.context.challenge.bytes)
            let (signature, key) = try control.signedDecision(
                answer.json, nonce: asked.context.nonce)
            guard let detail = try control.detail(id) else { throw CommandError.noSuchAction }
            let command = control.signedCommand(
                detail, kind, session, expect: expect, hasReason: true, signature: signature,
                shown: rendering)
            return try await control.decide(
                id, command, reason: "because", audit: [:], using: [key])
        }
    }

    // MARK: besides decisions

    func aside() async throws -> SimulatedCommand? {
        switch random.next() % 12 {
        case 0..<3: return withdrawal()
        case 3..<6: return comment()
        case 6: return look()
        case 7..<9: return revocation()
        case 9..<11: return settlement()
        default:
            try await batch()
            return nil
        }
    }

    private func withdrawal() -> SimulatedCommand? {
        let approved = known.filter { id in
            history.review(id).map { $0.status == .pending && !$0.approvals.isEmpty } ?? false
        }
        guard let id = approved.isEmpty ? action(.pending) : pick(approved) else { return nil }
        let approvers = (history.review(id)?.approvals ?? []).map(\.person)
        let person = approvers.isEmpty || chance(20) ? reviewer(of: id) : pick(approvers)
        let party = party(.person(person))
        return SimulatedCommand(
            what: "withdraw", about: id, principal: "person:\(person)", attempt: "withdraw"
        ) { control in
            try await control.withdraw(id, by: party, reason: "no", audit: [:])
        }
    }

    func comment(_ about: ActionID? = nil) -> SimulatedCommand? {
        guard let id = about ?? action(.pending, .cleared, .claimed) else { return nil }
        let kind = pick(CommentKind.allCases)
        let agent = history.review(id)?.submission?.requester.agent ?? TestInstallation.bot
        let by: Principal =
            kind == .answer && chance(70) ? .agent(agent) : .person(reviewer(of: id))
        let party = party(by)
        return SimulatedCommand(
            what: "comment", about: id, principal: by.description, attempt: "comment"
        ) { control in
            try await control.comment(id, kind, text: "hm", by: party, audit: [:])
        }
    }

    /// More words than one action has room for.
    func chatter() async {
        guard let id = action(.pending) else { return }
        let party = party(reviewer(of: id), strong: true)
        for _ in 0...Limits.comments {
            await deliver(
                SimulatedCommand(what: "chatter", about: id, attempt: "comment") { control in
                    try await control.comment(
                        id, .comment, text: "hm", by: party, audit: [:])
                }, "chatter sent")
        }
    }

    private func look() -> SimulatedCommand? {
        guard let id = action(.pending) else { return nil }
        let party = party(.person(reviewer(of: id)))
        return SimulatedCommand(what: "look", about: id, attempt: "look") { control in
            try await control.look(id, by: party)
            return nil
        }
    }

    private func revocation() -> SimulatedCommand? {
        guard let id = action(.cleared) else { return nil }
        let by: Principal = chance(80) ? .person(reviewer(of: id)) : pick(Self.others)
        let party = party(by)
        return SimulatedCommand(
            what: "revoke", about: id, principal: by.description, attempt: "revoke"
        ) { control in
            try await control.revoke(id, by: party, reason: "x", audit: [:])
        }
    }

    private func settlement() -> SimulatedCommand? {
        guard let id = action(.unknown) else { return nil }
        let outcome = pick(OutcomeStatus.allCases)
        let by: Principal = chance(80) ? .person(reviewer(of: id)) : pick(Self.others)
        let party = party(by)
        return SimulatedCommand(what: "settle", about: id, attempt: "settle") { control in
            try await control.settle(id, outcome, by: party, reason: "x", audit: [:])
        }
    }

    func breakGlass() -> SimulatedCommand? {
        let able = known.filter { id in
            history.review(id).map {
                $0.status == .pending && $0.requirement?.breakGlass.isEmpty == false
            } ?? false
        }
        guard !able.isEmpty || chance(20),
            let id = able.isEmpty || chance(15) ? action(.pending) : pick(able)
        else { return nil }
        let persons = world.directory.persons.sorted()
        let groups = history.review(id)?.requirement?.breakGlass ?? []
        let members = groups.flatMap { world.directory.groups[$0] ?? [] }.sorted()
        let person = members.isEmpty || chance(10) ? pick(persons) : pick(members)
        let party = party(person, strong: chance(80))
        let isReasoned = chance(88)
        let command = BreakGlassCommand(
            principal: party.principal, channel: .console, assurance: party.assurance,
            method: party.method, expectedDigest: expected(id), hasReason: isReasoned,
            isCredentialShown: !party.shownTo.isEmpty, shown: shownDigest(id))
        return SimulatedCommand(
            what: "break glass", about: id, principal: party.principal.description,
            attempt: "breakglass", expected: command.expectedDigest
        ) { control in
            try await control.breakGlass(
                id, command, reason: isReasoned ? "it burns" : nil, audit: [:])
        }
    }

    func settleDebt() -> SimulatedCommand? {
        let owing = known.filter { history.review($0)?.isDebtOpen == true }
        guard let id = owing.isEmpty || chance(10) ? action(.cleared) : pick(owing) else {
            return nil
        }
        let by: Principal = chance(90) ? .person(reviewer(of: id)) : pick(Self.others)
        let isAccepted = chance(60)
        let reason = chance(80) ? "seen" : nil
        let party = party(by)
        return SimulatedCommand(what: "settle debt", about: id, attempt: "debt") { control in
            try await control.settleDebt(
                id, accepted: isAccepted, by: party, reason: reason, audit: [:])
        }
    }

    /// Several actions looked at together; each is decided by itself.
    private func batch() async throws {
        let pending = known.filter { history.review($0)?.status == .pending }
        guard pending.count >= 2 else { return }
        let first = Int(random.next() % UInt64(pending.count - 1))
        let ids = Array(pending[first...].prefix(Int(2 + random.next() % 3)))
        let person = reviewer(of: ids[0])
        let party = party(person, strong: true)
        let kind: ReviewDecision.Kind = chance(85) ? .approve : .deny
        await deliver(
            SimulatedCommand(what: "batch", attempt: "batch", canRace: false) { control in
                let batch = try await control.addBatch(
                    ids, title: nil, by: party, audit: [:])
                let results = try await control.decide(
                    batch: batch.digest, kind, by: party, channel: .console, reason: "ok",
                    audit: [:])
                _ = results
                return nil
            })
    }
}
