// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import DriftCore
import ServiceTestSupport
import Storage
import TestSupport
import TransparencyLog
import WebAuthn

@testable import ControlPlane

/// What changes the rules: people, policies, windows, baselines, and the seal.
extension Simulation {
    static let source = Handle(constant: "app")
    private static let slack = Handle(constant: "slack")
    private static let window = Handle(constant: "window")

    /// What each installation has from the beginning, in one write.
    func equip() async throws {
        var changes: [DirectoryChange] = [
            TestInstallation.alice, TestInstallation.carol, TestInstallation.erin,
        ].map { .memberAdded(group: .administrators, member: $0) }
        for person in [
            TestInstallation.alice, TestInstallation.bob, TestInstallation.carol,
            TestInstallation.erin,
        ] {
            changes.append(.passkeyAdded(try enrolled(person)))
        }
        for person in [TestInstallation.bob, TestInstallation.carol] {
            if let account = ChatAccount(
                channel: Self.slack, workspace: "T1", user: "U-\(person)")
            {
                changes.append(.accountLinked(account, to: person))
            }
        }
        let named = changes.map { NamedDirectoryChange($0) }
        try await control.apply(.directory(named), by: TestInstallation.admin)
    }

    private func enrolled(_ person: Handle) throws -> Passkey {
        // Signs without randomness, or no two runs would be the same.
        let device = try SoftwarePasskey(person.text, algorithm: .edDSA)
        devices[person] = device
        let challenge = Hash256.sha256(Array(person.text.utf8)).bytes
        let party = control.relyingParty
        let registered = try PasskeyRegistration(
            json: device.registration(challenge: challenge)
        ).verify(
            challenge: challenge,
            relyingParty: RelyingParty(id: party.id, origins: [party.origin]))
        return Passkey(
            registered, person: person, relyingParty: party.id, origin: party.origin,
            since: FakeClock.start)
    }

    /// Two administrators, each signed in with a passkey, confirm one manifest.
    func seal() async throws {
        guard world.unsealed, control.unsealed else { return }
        let now = installation.clock.now
        let recovery = try TestInstallation.recoveryKey().verifierKey
        let by = Authenticated(
            principal: .person(TestInstallation.alice), credential: "simulated",
            assurance: .console)
        let persons =
            chance(80)
            ? [TestInstallation.alice, TestInstallation.carol]
            : [TestInstallation.alice, TestInstallation.alice]
        await deliver(
            SimulatedCommand(what: "seal", canRace: false) { control in
                let question = try await control.proposeSeal(
                    recoveryKey: recovery, by: by, audit: [:])
                for person in persons {
                    let session = Session(
                        id: "0000000000000000", person: person, signedInAt: now,
                        authenticatedAt: now, method: .passkey, issuedBy: nil, isRecovery: false,
                        credentialSince: FakeClock.start, expires: now.adding(seconds: 3600),
                        csrf: "", address: nil, userAgent: nil)
                    _ = try await control.confirmSeal(
                        expect: question.digest, by: session, audit: [:])
                }
                return nil
            }, "seal sent")
    }

    /// Somebody who administers, mostly.
    private func administrator() -> Authenticated {
        if world.unsealed, chance(70) {
            return Authenticated(
                principal: TestInstallation.admin, credential: "simulated-admin",
                assurance: .token)
        }
        let able = (world.directory.groups[.administrators] ?? []).sorted()
        if able.isEmpty || chance(5) {
            return pick([
                party(TestInstallation.dave),
                Authenticated(
                    principal: .agent(TestInstallation.bot), credential: "simulated-bot",
                    assurance: .token),
            ])
        }
        return party(pick(able), strong: true)
    }

    private func governance(
        _ what: String, _ change: GovernanceChange, canRace: Bool = true
    ) -> SimulatedCommand {
        let party = administrator()
        return SimulatedCommand(what: what, canRace: canRace) { control in
            try await control.administer(change, by: party).request
        }
    }

    private func directory(_ what: String, _ changes: DirectoryChange...) -> SimulatedCommand {
        governance(what, .directory(changes.map { NamedDirectoryChange($0) }))
    }

    func policies() -> SimulatedCommand {
        governance(
            "policies", .policies(SimulationPolicies.files(pick(SimulationPolicies.variants))))
    }

    func directory() throws -> SimulatedCommand {
        switch random.next() % 20 {
        case 0..<9: return membership()
        case 9..<11: return newcomer()
        case 11..<13: return leaver()
        case 13..<15: return rotation()
        case 15: return try onBehalf()
        case 16: return ownership()
        case 17: return passkey()
        default: return try freeze()
        }
    }

    private func membership() -> SimulatedCommand {
        let persons = world.directory.persons.sorted()
        let member = pick(
            [
                TestInstallation.alice, TestInstallation.bob, TestInstallation.carol,
                TestInstallation.dave, TestInstallation.erin, TestInstallation.otherBot,
            ] + persons)
        let group = pick([Handle.reviewers, .reviewers, TestInstallation.leads, .administrators])
        let isMember = world.directory.groups[group]?.contains(member) == true
        return directory(
            isMember ? "member removed" : "member added",
            isMember
                ? .memberRemoved(group: group, member: member)
                : .memberAdded(group: group, member: member))
    }

    private func newcomer() -> SimulatedCommand {
        made += 1
        guard let person = Handle("person-\(made)") else { return membership() }
        return directory(
            "person added", .personAdded(person),
            .memberAdded(group: pick([.reviewers, TestInstallation.leads]), member: person))
    }

    private func leaver() -> SimulatedCommand {
        let all = world.directory.persons.sorted()
        let newcomers = all.filter { $0.text.hasPrefix("person-") }
        if chance(15) {
            return directory("agent removed", .agentRemoved(TestInstallation.otherBot))
        }
        let person = newcomers.isEmpty || chance(20) ? pick(all) : pick(newcomers)
        return directory("person removed", .personRemoved(person))
    }

    private func rotation() -> SimulatedCommand {
        let (kind, handle) = pick([
            (CredentialKind.agent, TestInstallation.bot), (.agent, TestInstallation.otherBot),
            (.gate, TestInstallation.gate),
        ])
        let party = administrator()
        let (changes, issued) = control.rotation(
            of: kind, handle, lifetime: nil, by: party.principal)
        if let token = issued.token { tokens[handle, default: []].append(token) }
        return SimulatedCommand(what: "rotate") { control in
            try await control.administer(.directory(changes), by: party).request
        }
    }

    /// A token with which an agent acts for a person.
    private func onBehalf() throws -> SimulatedCommand {
        let party = administrator()
        let bot = pick([TestInstallation.bot, TestInstallation.otherBot])
        let person = pick([TestInstallation.dave, TestInstallation.bob, TestInstallation.erin])
        guard world.directory.agents[bot] != nil, world.directory.persons.contains(person),
            control.governance.directory.agents[bot] != nil,
            control.governance.directory.persons.contains(person)
        else { return membership() }
        let (changes, issued) = try control.token(
            ofAgent: bot, onBehalfOf: person, lifetime: nil, by: party.principal)
        if let token = issued.token { tokens[bot, default: []].append(token) }
        return SimulatedCommand(what: "token on behalf") { control in
            try await control.administer(.directory(changes), by: party).request
        }
    }

    private func ownership() -> SimulatedCommand {
        directory(
            "agent owned",
            .agentOwned(
                pick([TestInstallation.bot, TestInstallation.otherBot]),
                owner: pick([
                    TestInstallation.alice, TestInstallation.bob, TestInstallation.dave,
                ])))
    }

    private func passkey() -> SimulatedCommand {
        let passkeys = world.directory.passkeys.values.sorted { $0.id < $1.id }
        guard let one = passkeys.isEmpty ? nil : pick(passkeys), chance(50) else {
            let slack = ChatAccount(channel: Self.slack, workspace: "T1", user: "U-erin")
            guard let slack else { return membership() }
            return directory(
                "account",
                world.directory.accounts[slack] == nil
                    ? .accountLinked(slack, to: TestInstallation.erin) : .accountUnlinked(slack))
        }
        return directory("passkey removed", .passkeyRemoved(one.id))
    }

    /// A window of the week that opens in some minutes, or goes.
    private func freeze() throws -> SimulatedCommand {
        if world.directory.freezes[Self.window] != nil, chance(40) {
            return directory("freeze removed", .freezeRemoved(Self.window))
        }
        // The clock of tests starts on a Monday at nine.
        let minutes =
            540 + installation.clock.now.seconds(since: FakeClock.start) / 60
            + Int64(pick([0, 1, 5, 20]))
        guard
            let range = FreezeWindow.Range(
                from: minutes % 10_080, to: (minutes + Int64(pick([5, 30, 120]))) % 10_080)
        else { return membership() }
        let offset = FreezeWindow.Offset(
            from: FakeClock.start.adding(seconds: -86_400), seconds: 0)
        return directory(
            "freeze",
            .freezeSet(
                try FreezeWindow(
                    id: Self.window, zone: "UTC", ranges: [range], offsets: [offset])))
    }

    // MARK: what is watched

    /// A source of files gets a baseline, or another one.
    func baseline() async throws {
        let admin = TestInstallation.admin
        made += 1
        let now = control.now
        let snapshot = try Snapshot([
            try Leaf(
                subject: WatchedFolder.file, document: WatchedFolder.document(made))
        ])
        let isWatched = control.governance.drift.sources[Self.source] != nil
        let source = try WatchedFolder.source()
        let unsealed = world.unsealed
        let party = administrator()
        await deliver(
            SimulatedCommand(what: "baseline", canRace: false) { control in
                if !isWatched {
                    guard unsealed else {
                        return try await control.administer(.drift(.sourceSet(source)), by: party)
                            .request
                    }
                    try await control.configureDrift(.sourceSet(source), by: admin)
                } else if unsealed {
                    try await control.reproposeBaseline(Self.source, by: admin)
                }
                let report = try await control.observe(
                    Self.source, Observation(started: now, ended: now, snapshot: snapshot),
                    by: TestInstallation.gate)
                guard let root = report.proposed?.version.root else { return nil }
                guard unsealed else {
                    return try await control.administer(
                        .baseline(Self.source, root: root), by: party
                    ).request
                }
                _ = try await control.approveBaseline(Self.source, expect: root.hex, by: admin)
                return nil
            }, "baseline sent")
    }
}
