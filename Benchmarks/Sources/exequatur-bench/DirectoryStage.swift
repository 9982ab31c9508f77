// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import ArgumentParser
internal import CanonicalJSON
internal import ControlPlane
internal import Foundation
internal import Logging
internal import Storage
internal import TransparencyLog

/// An installation with an agent, a gate and a reviewer, and what was measured of it.
final class DirectoryStage {
    private static let bob = Handle(constant: "bob")
    private static let bot = Handle(constant: "deploy-bot")
    private static let gate = Handle(constant: "run")
    private static let admin = Principal.administrator(ControlPlane.firstAdministrator)
    private static let policies = [
        PolicyFile(
            name: "10-bench.cedar",
            text: """
                @id("commands") permit (principal, action, resource);

                @id("one") @review("reviewers") @reason("one reviewer")
                forbid (principal is Agent, action in Action::"command", resource)
                when { context.input.argv.contains("--mode=review") };
                """)
    ]

    let control: ControlPlane
    private let folder: String
    private let agent: Authenticated
    private let atGate: Authenticated
    private let administrator: Authenticated
    private var times: [DirectoryBench.Step: [Int64]] = [:]

    init() async throws {
        var template = Array((NSTemporaryDirectory() + "/exequatur-bench-XXXXXX").utf8CString)
        let made = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
        }
        guard let made else { throw ValidationError("no temporary folder can be made") }
        folder = made
        let data = DataDirectory(path: folder)
        try data.prepare()
        var configuration = ControlPlaneConfiguration(
            data: data, origin: "bench.example/log", publicURL: "http://localhost:8420",
            software: "exequatur/bench")
        configuration.submissionsPerSecond = 1_000_000
        configuration.submissionBurst = 1_000_000
        control = try ControlPlane(
            configuration: configuration, backend: try SQLiteBackend(path: data.database),
            effects: Effects(
                wallClock: {
                    var time = timespec()
                    clock_gettime(CLOCK_REALTIME, &time)
                    return Timestamp(
                        milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
                },
                monotonicSeconds: {
                    var time = timespec()
                    clock_gettime(CLOCK_MONOTONIC, &time)
                    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
                }, entropy: .live, facts: { _ in ["kind": "bench"] }),
            logger: Logger(label: "bench", factory: { _ in SwiftLogNoOpLogHandler() }))
        _ = try await control.begin(starterPolicies: Self.policies)
        _ = try await control.addPerson(
            Self.bob, name: nil, groups: [.reviewers], wantsToken: false, by: Self.admin)
        let owner = Handle(constant: "alice")
        _ = try await control.addPerson(
            owner, name: nil, groups: [], wantsToken: false, by: Self.admin)
        let issued = try await control.addAgent(
            Self.bot, owner: owner, groups: [], name: nil, by: Self.admin)
        agent = try control.authenticate(bearer: issued.token ?? "")
        let opened = try await control.addGate(Self.gate, by: Self.admin)
        atGate = try control.authenticate(bearer: opened.token ?? "")
        let token = try String(contentsOfFile: data.adminToken, encoding: .utf8)
        administrator = try control.authenticate(
            bearer: token.trimmingCharacters(in: .newlines))
    }

    deinit {
        control.shutDown()
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Adds people in some groups each, agents that belong to one each, and reviewers.
    func populate(people: Int, groups: Int, each: Int, reviewers: Int) async throws {
        var changes: [NamedDirectoryChange] = []
        for group in 0..<groups {
            changes.append(NamedDirectoryChange(.groupAdded(try name("g", group))))
        }
        for person in 0..<people {
            let id = try name("p", person)
            changes.append(NamedDirectoryChange(.personAdded(id)))
            for step in 0..<min(each, groups) {
                let group = (person * each + step) % groups
                changes.append(
                    NamedDirectoryChange(.memberAdded(group: try name("g", group), member: id)))
            }
            if person < reviewers {
                changes.append(
                    NamedDirectoryChange(.memberAdded(group: .reviewers, member: id)))
            }
            changes.append(
                NamedDirectoryChange(.agentAdded(try name("a", person), owner: id)))
        }
        for start in stride(from: 0, to: changes.count, by: 500) {
            let part = Array(changes[start..<min(start + 500, changes.count)])
            _ = try await control.administer(.directory(part), by: administrator)
        }
    }

    private func name(_ prefix: String, _ number: Int) throws -> Handle {
        guard let id = Handle("\(prefix)\(number)") else {
            throw ValidationError("no such name")
        }
        return id
    }

    func cycle(_ number: Int, isMeasured: Bool) async throws {
        let nonce = Hash256.sha256(Array("nonce \(number)".utf8))
        let submitter = try control.submitter(agent: agent, gate: atGate, audit: [:])
        let allowed = try await measure(.allowed, isMeasured) {
            try await submit("allow", number, nonce: nonce, submitter)
        }
        let asked = try await measure(.submit, isMeasured) {
            try await submit("review", number, nonce: nil, submitter)
        }
        let decided = try await measure(.decide, isMeasured) {
            try await control.decide(
                asked.state.id,
                DecisionCommand(
                    principal: .person(Self.bob), kind: .approve, channel: .cli,
                    assurance: .token, expectedDigest: asked.state.digest.hex, hasReason: true,
                    rendering: .zero, shownInFull: true), reason: "because", audit: [:])
        }
        let claimed = try await measure(.claim, isMeasured) {
            try await control.claim(decided.state.id, nonce: nonce, by: submitter)
        }
        for action in [allowed, claimed] {
            _ = try await control.report(
                action.state.id, ActionEvent.Report(.succeeded, exitCode: 0), detail: nil,
                nonce: nonce, by: submitter)
        }
        guard decided.state.status == .cleared, claimed.state.status == .claimed else {
            throw ValidationError("the cycle did not get to its claim")
        }
    }

    private func submit(
        _ mode: String, _ number: Int, nonce: Hash256?, _ submitter: Submitter
    ) async throws -> ActionResult {
        let operation = try Operation(
            action: "command.run", resourceType: "Host", resourceID: "web1",
            input: ["argv": ["deploy", .string("\(number)"), .string("--mode=\(mode)")]])
        return try await control.submit(
            SubmitCommand(
                operation: operation, intent: .none, nonce: nonce, idempotencyKey: nil,
                requestDigest: try operation.digest()), by: submitter)
    }

    private func measure(
        _ step: DirectoryBench.Step, _ isMeasured: Bool, _ body: () async throws -> ActionResult
    ) async throws -> ActionResult {
        let began = ContinuousClock.now
        let result = try await body()
        let (seconds, attoseconds) = began.duration(to: .now).components
        if isMeasured {
            times[step, default: []].append(
                seconds * 1_000_000 + attoseconds / 1_000_000_000_000)
        }
        return result
    }

    func microseconds(_ step: DirectoryBench.Step) -> (p50: Int64, p99: Int64) {
        let sorted = (times[step] ?? []).sorted()
        guard !sorted.isEmpty else { return (0, 0) }
        return (sorted[sorted.count / 2], sorted[sorted.count * 99 / 100])
    }
}
