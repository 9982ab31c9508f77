// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import ServiceTestSupport
import Storage
import Synchronization
import TestSupport
import TransparencyLog

@testable import ControlPlane

/// One message to the server, which may get lost, come twice, or come late.
struct SimulatedCommand: Sendable {
    let what: String
    /// The action that it is about, and who wants what of it.
    var about: ActionID?
    var principal = ""
    var attempt = ""
    /// The digest that a decision names.
    var expected: String?
    /// The nonce that a gate made for its claim.
    var nonce: Hash256?
    /// False for what is several writes, or waits for something else.
    var canRace = true
    let run: @Sendable (ControlPlane) async throws -> ActionResult?
}

/// What a caller heard.
private enum Heard: Sendable {
    case answer(ActionResult?)
    case refused(code: String, byMachine: Bool, text: String)
}

extension Simulation {
    /// What a caller may be told instead of an answer.
    private static let refusals: Set<String> = Set(Refusal.Code.allCases.map(\.rawValue)).union([
        "administrators_only", "agents_only", "challenge_invalid", "clock_stepped",
        "credentials_expired", "credentials_invalid", "directory_conflict", "drift_conflict",
        "exists", "idempotency_mismatch", "last_administrator", "ledger_unavailable",
        "no_passkey", "no_such_action", "not_sealable", "not_yours", "nothing_observed",
        "nothing_proposed", "owner_removed", "persons_only", "policies_invalid", "rate_limited",
        "root_changed", "seal_changed", "seal_conflict", "sign_in_again", "target_changed",
        "unknown_person", "unsatisfiable", "value_invalid",
    ])

    /// Brings a command to the server, as networks do: once, or otherwise.
    func deliver(_ command: SimulatedCommand, _ how: String? = nil) async {
        let number = random.next() % 100
        let isAlone = how != nil || !command.canRace
        switch number {
        case 0..<8 where how == nil:
            // Its answer is lost, so the caller asks again.
            _ = await perform(command)
            note("lost answer")
            await hear(command)
        case 8..<13 where !isAlone:
            note("twice at once")
            await race([command, command])
        case 13..<16 where how == nil:
            late.append(command)
            await hear(command)
        case 16..<24 where !isAlone:
            var all = [command]
            for _ in 0...(random.next() % 3) {
                if let other = makeCommand(), other.canRace { all.append(other) }
            }
            note("race")
            await race(all)
        default:
            if let how { note(how) }
            await hear(command)
        }
    }

    private func hear(_ command: SimulatedCommand) async {
        let from = control.writer.head.size
        accept(await perform(command), command, from: from)
    }

    private func perform(_ command: SimulatedCommand) async -> Heard {
        await Self.perform(command, control)
    }

    private static func perform(
        _ command: SimulatedCommand, _ control: ControlPlane
    ) async -> Heard {
        do {
            return .answer(try await command.run(control))
        } catch {
            return .refused(
                code: failureCode(error), byMachine: error is Refusal, text: "\(error)")
        }
    }

    /// Has commands meet in one batch of the writer, in this order.
    ///
    /// Each is sent when the one before it waits in the queue, so that the order is the seed's and
    /// not the scheduler's.
    private func race(_ commands: [SimulatedCommand]) async {
        let control = self.control
        guard control.writer.stopped == nil, control.notReady == nil else {
            for command in commands { await hear(command) }
            return
        }
        let storage = installation.storage
        let from = control.writer.head.size
        let writes = storage.writes
        // The first write is the one that only holds the others up.
        if let fault { storage.failNext(nil, fault) }
        storage.hold()
        let heard = await withTaskGroup(of: (Int, Heard)?.self) { group in
            // The writer takes this one and is held up in it; the others gather behind.
            group.addTask {
                _ = try? await control.writer.submit { _ in LedgerPlan(()) }
                return nil
            }
            while storage.writes == writes { await Task.yield() }
            let ended = Counter()
            for (position, command) in commands.enumerated() {
                let before = control.writer.waiting + ended.value
                group.addTask {
                    let heard = await Self.perform(command, control)
                    ended.increment()
                    return (position, heard)
                }
                while control.writer.waiting + ended.value == before { await Task.yield() }
            }
            storage.release()
            var heard: [Int: Heard] = [:]
            for await result in group {
                if let result { heard[result.0] = result.1 }
            }
            return heard
        }
        for (position, command) in commands.enumerated() {
            if let what = heard[position] { accept(what, command, from: from) }
        }
    }

    private func accept(_ heard: Heard, _ command: SimulatedCommand, from: UInt64) {
        switch heard {
        case .answer(let result):
            note(command.what)
            if let result { answered(result, command) }
        case .refused(let code, let byMachine, let text):
            guard Self.refusals.contains(code) else {
                failures.append("\(command.what): \(text)")
                return
            }
            note("\(command.what) \(code)")
            note("code \(code)")
            if code == "ledger_unavailable" { interrupted = command }
            if byMachine, let about = command.about {
                history.refusals.append(
                    SimulatedRefusal(
                        action: about, principal: command.principal, attempt: command.attempt,
                        code: code, from: from, to: control.writer.head.size))
            }
        }
    }

    // MARK: what callers are told

    /// Remembers an answer: it was given, so it must be durable by now.
    private func answered(_ result: ActionResult, _ command: SimulatedCommand) {
        let head = control.writer.head
        var answer = SimulatedAnswer(
            action: result.state.id, version: result.state.version, status: result.state.status,
            tip: .zero, durable: head.size, nonce: result.state.claim?.nonce,
            expected: command.expected)
        if [.cleared, .claimed].contains(result.state.status) {
            answer.isProven = isProven(result.state.id, head)
        }
        history.answers.append(answer)
        if let nonce = command.nonce, result.state.claim?.nonce == nonce {
            execute(result, nonce, head)
        }
    }

    /// Whether there is a grant with a proof under a signed checkpoint.
    private func isProven(_ id: ActionID, _ head: LedgerHead) -> Bool {
        do {
            let chain = try control.backend.read { try $0.chain(of: id.text) }
            guard let grant = chain.last(where: { $0.entry.kind == "action.cleared" }) else {
                return false
            }
            let proof = try control.proof(of: grant.index, under: head)
            _ = try TLogProof(parsing: proof).verify(
                leaf: grant.entry.leafHash, key: control.verifierKey)
            return true
        } catch {
            return false
        }
    }
}

/// Counts from several tasks.
private final class Counter: Sendable {
    private let count = Atomic(0)

    var value: Int { count.load(ordering: .sequentiallyConsistent) }

    func increment() { count.add(1, ordering: .sequentiallyConsistent) }
}
