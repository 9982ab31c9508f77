// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
package import ControlPlane
internal import Foundation
internal import Logging
internal import Storage
package import TestSupport
internal import TransparencyLog

/// A server without sockets: a control plane on a real SQLite file in a temporary folder, with a
/// clock that only the test moves, seeded randomness, and storage that fails when told to.
///
/// One administrator `admin`; persons `alice` (owns `deploy-bot`), `bob` and `carol` (both
/// `reviewers`), `dave` (in no group), `erin` (`leads`); agents `deploy-bot` of alice and
/// `other-bot` of bob; gate `run`. The folder is removed when the object goes.
package final class TestInstallation {
    package let clock: FakeClock
    package let folder: String
    package private(set) var control: ControlPlane
    package private(set) var storage: FaultyBackend
    /// Tokens by the handle of whom they belong to; `admin` is that of `admin.token`.
    package private(set) var tokens: [String: String] = [:]
    package let singleOperator: Bool
    private let entropy: Entropy
    private let configure: (inout ControlPlaneConfiguration) -> Void

    /// Makes the installation and everybody in it.
    ///
    /// `random` decides every id, key and salt; `configure` changes the configuration before
    /// each start.
    package init(
        random: SeededRandom = SeededRandom(seed: 1),
        policies: [PolicyFile] = TestInstallation.policies, singleOperator: Bool = false,
        configure: @escaping (inout ControlPlaneConfiguration) -> Void = { _ in }
    ) async throws {
        clock = FakeClock()
        entropy = .seeded(random)
        self.singleOperator = singleOperator
        self.configure = configure
        folder = try Self.temporaryFolder()
        (control, storage) = try Self.open(
            folder, clock, entropy, singleOperator, configure)
        _ = try await control.begin(starterPolicies: policies)
        try await populate()
    }

    deinit {
        storage.release()
        control.shutDown()
        try? FileManager.default.removeItem(atPath: folder)
    }

    private static func temporaryFolder() throws -> String {
        var template = Array((NSTemporaryDirectory() + "/exequatur-test-XXXXXX").utf8CString)
        let made = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
        }
        guard let made else { throw StorageError("no temporary folder can be made") }
        return made
    }

    private static func open(
        _ folder: String, _ clock: FakeClock, _ entropy: Entropy, _ singleOperator: Bool,
        _ configure: (inout ControlPlaneConfiguration) -> Void
    ) throws -> (ControlPlane, FaultyBackend) {
        let data = DataDirectory(path: folder)
        try data.prepare()
        var configuration = ControlPlaneConfiguration(
            data: data, origin: "exequatur.test/log", publicURL: "http://localhost:8420",
            software: "exequatur/test")
        configuration.singleOperator = singleOperator
        configure(&configuration)
        let storage = FaultyBackend(try SQLiteBackend(path: data.database))
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        logger.handler = SwiftLogNoOpLogHandler()
        do {
            let control = try ControlPlane(
                configuration: configuration, backend: storage,
                effects: Effects(
                    wallClock: { clock.now }, monotonicSeconds: { clock.monotonicSeconds },
                    entropy: entropy, facts: { _ in ["kind": "test"] }), logger: logger)
            return (control, storage)
        } catch {
            try storage.close()
            throw error
        }
    }

    private func populate() async throws {
        let admin = Principal.administrator(ControlPlane.firstAdministrator)
        let token = try Data(contentsOf: URL(fileURLWithPath: data.adminToken))
        tokens["admin"] = String(decoding: token, as: UTF8.self)
            .trimmingCharacters(in: .newlines)
        try await control.addGroup(Self.leads, by: admin)
        let persons: [(Handle, [Handle])] = [
            (Self.alice, []), (Self.bob, [.reviewers]), (Self.carol, [.reviewers]),
            (Self.dave, []), (Self.erin, [Self.leads]),
        ]
        for (person, groups) in persons {
            let issued = try await control.addPerson(
                person, name: nil, groups: groups, wantsToken: true, by: admin)
            tokens[person.text] = issued.token
        }
        for (agent, owner) in [(Self.bot, Self.alice), (Self.otherBot, Self.bob)] {
            let issued = try await control.addAgent(
                agent, owner: owner, groups: [], name: nil, by: admin)
            tokens[agent.text] = issued.token
        }
        tokens[Self.gate.text] = try await control.addGate(Self.gate, by: admin).token
    }

    // MARK: restarting

    /// Ends the server, loses everything in memory, and opens the same folder again.
    ///
    /// With `begin` it also does what `serve` does first, which appends an entry.
    package func restart(begin: Bool = true) async throws {
        stop()
        try start()
        if begin { _ = try await control.begin(starterPolicies: Self.policies) }
    }

    /// Ends the server and leaves it ended.
    package func stop() {
        storage.release()
        control.shutDown()
    }

    /// Opens the folder again after `stop`.
    package func start() throws {
        (control, storage) = try Self.open(
            folder, clock, entropy, singleOperator, configure)
    }

    package var data: DataDirectory { control.configuration.data }

    // MARK: who is who

    package static let alice = Handle(constant: "alice")
    package static let bob = Handle(constant: "bob")
    package static let carol = Handle(constant: "carol")
    package static let dave = Handle(constant: "dave")
    package static let erin = Handle(constant: "erin")
    package static let bot = Handle(constant: "deploy-bot")
    package static let otherBot = Handle(constant: "other-bot")
    package static let gate = Handle(constant: "run")
    package static let leads = Handle(constant: "leads")
    package static let admin = Principal.administrator(ControlPlane.firstAdministrator)

    /// The authenticated requester chain of an agent at the gate `run`, or at none.
    package func submitter(
        _ agent: Handle = TestInstallation.bot, atGate: Bool = true
    ) throws -> Submitter {
        try control.submitter(
            agent: try control.authenticate(bearer: tokens[agent.text] ?? ""),
            gate: atGate
                ? try control.authenticate(bearer: tokens[Self.gate.text] ?? "") : nil,
            audit: ["address": "192.0.2.1"])
    }
}
