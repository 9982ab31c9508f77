// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import ServiceTestSupport
import Storage
import TestSupport
import TransparencyLog

@testable import ControlPlane

/// What agents and gates do.
extension Simulation {
    /// Tokens that an agent shows with a request, as the directory has them by then.
    struct Shown: Sendable {
        var agent: String
        var gate: String?

        func submitter(_ control: ControlPlane) throws -> Submitter {
            try control.submitter(
                agent: try control.authenticate(bearer: agent),
                gate: try gate.map { try control.authenticate(bearer: $0) },
                audit: ["address": "192.0.2.1"])
        }
    }

    /// A token of an agent or gate that works, mostly; sometimes one that was replaced.
    func token(of handle: Handle) -> String {
        let all = tokens[handle] ?? []
        let working = all.filter { text in
            Token(text).map { world.directory.credentials[$0.credential] != nil } ?? false
        }
        if let last = working.last, chance(95) { return chance(60) ? last : pick(working) }
        return all.isEmpty ? "" : pick(all)
    }

    /// As somebody who shows his tokens; at the gate, mostly.
    private func shown(_ agent: Handle, atGate: Bool) -> Shown {
        Shown(
            agent: token(of: agent),
            gate: atGate ? token(of: TestInstallation.gate) : nil)
    }

    /// The tokens with which an action was asked for, as far as they still work.
    private func shown(_ id: ActionID) -> Shown? {
        guard let submission = history.review(id)?.submission else { return nil }
        let requester = submission.requester
        let own = (tokens[requester.agent] ?? []).first {
            Token($0)?.credential == requester.credential
        }
        let isOther = chance(4)
        return Shown(
            agent: chance(4)
                ? token(of: TestInstallation.otherBot)
                : own ?? token(of: requester.agent),
            gate: submission.gate.enforcing != isOther ? token(of: TestInstallation.gate) : nil)
    }

    func submission() throws -> SimulatedCommand {
        let mode = pick(SimulationPolicies.modes)
        let number = random.next()
        var input: JSONObject = [
            "argv": ["deploy", .string("\(number % 12)"), .string("--mode=\(mode)")]
        ]
        if mode == "long", chance(15) {
            // More than fits: it can be denied, and not be approved.
            input["script"] = [
                "path": "/srv/x", "text": .string(String(repeating: "rm x; ", count: 60_000)),
            ]
        }
        let operation = try Operation(
            action: "command.run", resourceType: "Host", resourceID: "web1", input: input,
            target: target())
        let asked = shown(
            pick([TestInstallation.bot, TestInstallation.otherBot]), atGate: chance(85))
        let key = chance(20) ? "\(number % 100)-\(mode)-\(number % 12)" : nil
        let nonce = chance(50) ? TestInstallation.nonce(number) : nil
        let digest = try operation.digest()
        return SimulatedCommand(what: "submit", nonce: nonce) { control in
            try await control.submit(
                SubmitCommand(
                    operation: operation, intent: .none, nonce: nonce, idempotencyKey: key,
                    requestDigest: digest), by: try asked.submitter(control))
        }
    }

    /// What a tenth of all actions say that they were made against.
    private func target() -> DeclaredTarget? {
        guard chance(12), let root = world.baselines[Self.source] else { return nil }
        return DeclaredTarget(source: Self.source, root: chance(90) ? root : .zero)
    }

    func claim() -> SimulatedCommand? {
        guard let id = action(.cleared), let shown = shown(id) else { return nil }
        // Too late, before the scheduler has noticed.
        if chance(4) { installation.clock.advance(seconds: 601) }
        let nonce: Hash256
        if let own = gate.nonces[id], chance(70) {
            nonce = own
        } else {
            nonce = TestInstallation.nonce(random.next())
            gate.nonces[id] = nonce
        }
        let agent = history.review(id)?.submission?.requester.agent
        return SimulatedCommand(
            what: "claim", about: id, principal: agent.map { "agent:\($0)" } ?? "",
            attempt: "claim", nonce: nonce
        ) { control in
            try await control.claim(id, nonce: nonce, by: try shown.submitter(control))
        }
    }

    func report() -> SimulatedCommand? {
        guard let id = action(.claimed, .claimed, .unknown), let shown = shown(id) else {
            return nil
        }
        let outcome = pick(OutcomeStatus.allCases + [.succeeded, .succeeded])
        let nonce = history.review(id)?.claim?.nonce ?? .zero
        return SimulatedCommand(what: "report", about: id, attempt: "report") { control in
            try await control.report(
                id, ActionEvent.Report(outcome), detail: nil, nonce: nonce,
                by: try shown.submitter(control))
        }
    }

    func heartbeat() -> SimulatedCommand? {
        guard let id = action(.claimed), let shown = shown(id) else { return nil }
        return SimulatedCommand(what: "heartbeat", about: id, attempt: "heartbeat") { control in
            try control.heartbeat(id, by: try shown.submitter(control))
            return nil
        }
    }

    func cancel() -> SimulatedCommand? {
        guard let id = action(.pending, .cleared) else { return nil }
        let requester = history.review(id)?.submission?.requester
        let by: Principal = pick([
            .agent(requester?.agent ?? TestInstallation.bot),
            .person(requester?.owner ?? TestInstallation.alice), .person(TestInstallation.carol),
            .agent(TestInstallation.otherBot),
        ])
        let party = party(by)
        return SimulatedCommand(
            what: "cancel", about: id, principal: by.description, attempt: "cancel"
        ) { control in
            try await control.cancel(id, by: party, audit: [:])
        }
    }
}
