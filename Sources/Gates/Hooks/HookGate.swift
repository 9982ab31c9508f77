// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
public import ExequaturClient
internal import Synchronization
internal import TransparencyLog

/// Asks the service about one tool call and answers before the host loses patience.
///
/// It is advisory: it runs as the agent's own user, presents no credential of a gate, and what
/// happens after its answer is the host's doing.
public struct HookGate: Sendable {
    private let client: GateClient
    private let effects: GateEffects
    private let alarm: @Sendable (Duration) async throws -> Void
    private let watched: WatchedTransport
    private let calls: HookCalls

    /// Makes a gate.
    /// - Parameters:
    ///   - transport: how the service is reached, as the agent.
    ///   - effects: time and chance.
    ///   - state: what the gate keeps between calls.
    ///   - fingerprint: the log key's fingerprint, from the agent's token.
    ///   - alarm: returns after that much real time; ends whatever takes longer.
    public init(
        transport: any GateTransport, effects: GateEffects, state: GateState, fingerprint: String,
        alarm: @escaping @Sendable (Duration) async throws -> Void
    ) {
        watched = WatchedTransport(transport)
        client = GateClient(
            transport: watched, effects: effects, state: state, fingerprint: fingerprint)
        self.effects = effects
        self.alarm = alarm
        calls = HookCalls(directory: state.directory + "/hooks")
    }

    // MARK: before

    /// Submits, waits, claims and verifies; whatever is in doubt is a no.
    /// - Parameters:
    ///   - call: the tool call.
    ///   - machine: the name of this machine.
    ///   - wait: how long to wait for a decision.
    /// - Returns: what to tell the host. A clearance is claimed durably before this returns.
    public func ask(_ call: HookCall, machine: String, wait: Duration) async -> HookVerdict {
        let operation: FrozenOperation
        do {
            operation = try call.operation(machine: machine)
        } catch {
            return .doubt("the call has no exact form: \(error)")
        }
        return await withTaskGroup(of: HookVerdict?.self) { group in
            group.addTask { await ask(call, operation, wait: wait) }
            group.addTask {
                // A moment more than the waiting, so that the service's own answer comes first.
                try? await alarm(wait + .seconds(1))
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            guard let first else {
                // What was claimed all the same, too late to tell the host: it never runs.
                let late = await group.next() ?? nil
                if case .cleared = late { giveBack(call, operation) }
                return unfinished()
            }
            return first
        }
    }

    /// A claim that nothing will be executed on; the next run reports it, because the host waits.
    private func giveBack(_ call: HookCall, _ operation: FrozenOperation) {
        guard let claim = calls.take(call, operation: operation.digest.hex) else { return }
        let outcome = GateOutcome(.notStarted, detail: "cleared too late to tell the host")
        try? client.keep(outcome, ofAction: claim.action, nonce: claim.nonce)
    }

    private func ask(
        _ call: HookCall, _ operation: FrozenOperation, wait: Duration
    ) async -> HookVerdict {
        do throws(GateFailure) {
            let grant = try await client.obtain(
                operation, reason: call.reason.map(Self.short), wait: wait, progress: { _ in })
            guard grant.mayStart(now: effects.now()) else {
                return .doubt("the claim of \(grant.action.id) ran out: repeat the call")
            }
            // Without the record nobody can report what became of it; it stays `unknown` then.
            calls.keep(
                HookClaim(
                    action: grant.action.id, nonce: grant.nonce,
                    operation: operation.digest.hex), of: call)
            return .cleared(action: grant.action.id)
        } catch {
            if error.kind == .refused { await learnReasons() }
            return verdict(error)
        }
    }

    /// What reviewers wrote is told by the page of an action only.
    private func learnReasons() async {
        guard let action = watched.action, action.state.isNo, !action.decisions.isEmpty else {
            return
        }
        _ = try? await watched.send(
            GateRequest(.get, "/v1/actions/\(action.id)", timeout: .seconds(2)))
    }

    private func verdict(_ failure: GateFailure) -> HookVerdict {
        let action = watched.action
        switch failure.kind {
        case .pending: return action.map(Self.waiting) ?? .doubt(failure.description)
        case .unavailable: return .doubt(failure.description)
        case .refused:
            guard !failure.isAlarm else { return .doubt("ALARM: \(failure.description)") }
            guard let action, action.state.isNo else { return .doubt(failure.description) }
            return .denied(
                action: action.id, state: action.state.rawValue,
                quoted: action.decisions + action.reasons)
        }
    }

    private func unfinished() -> HookVerdict {
        guard let action = watched.action else {
            return .doubt("the service did not answer in time")
        }
        if action.state == .pending || action.state == .submitted { return Self.waiting(action) }
        return .doubt("the service did not finish with \(action.id) in time")
    }

    private static func waiting(_ action: SubmittedAction) -> HookVerdict {
        .waiting(
            HookWait(
                action: action.id, digest: String(action.digest.hex.prefix(16)),
                url: action.url, reasons: action.reasons))
    }

    /// What the server takes as a justification; more would have the call refused.
    private static func short(_ text: String) -> String {
        var bytes = Array(text.utf8.prefix(4_000))
        while let last = bytes.last, last & 0xC0 == 0x80 { bytes.removeLast() }
        if let last = bytes.last, last >= 0xC0 { bytes.removeLast() }
        return text.utf8.count <= 4_000 ? text : String(decoding: bytes, as: UTF8.self)
    }

    // MARK: after

    /// Reports what the host says became of a call that an earlier run of this hook cleared.
    ///
    /// A call that is not known, such as one that the host ran without asking, is left alone.
    /// - Parameters:
    ///   - call: the call, as the host tells of it afterwards.
    ///   - machine: the name of this machine.
    ///   - patience: when to keep the report for the next run instead.
    /// - Returns: why the service does not have it; nil when it has, or when there is nothing.
    public func report(
        _ call: HookCall, machine: String, patience: Duration
    ) async -> String? {
        guard case .after(let status, let detail) = call.moment else { return nil }
        let digest = (try? call.operation(machine: machine))?.digest.hex
        guard let claim = calls.take(call, operation: digest) else { return nil }
        let isSame = digest.map { claim.operation.utf8.elementsEqual($0.utf8) } ?? false
        let other = "\(call.host.rawValue) says that it ran something else than was cleared"
        let outcome =
            isSame ? GateOutcome(status, detail: detail) : GateOutcome(.failed, detail: other)
        return await withTaskGroup(of: String?.self) { group in
            group.addTask {
                await client.report(outcome, ofAction: claim.action, nonce: claim.nonce)
            }
            group.addTask {
                try? await alarm(patience)
                return "the service did not take it in time"
            }
            let first = await group.next() ?? nil
            // What is cancelled keeps its report for the next run.
            group.cancelAll()
            await group.waitForAll()
            return first
        }
    }

    /// Sends what earlier runs could not report.
    public func sendKeptReports() async { await client.sendKeptReports() }
}

extension SubmittedAction.State {
    /// Ended without having been executed, and with nothing in doubt about it.
    fileprivate var isNo: Bool {
        switch self {
        case .denied, .expired, .cancelled, .invalidated, .revoked, .lapsed: true
        default: false
        }
    }
}

/// Passes requests on and remembers the last action that an answer told of.
final class WatchedTransport: GateTransport {
    private let transport: any GateTransport
    private let last = Mutex<[UInt8]>([])

    init(_ transport: any GateTransport) { self.transport = transport }

    func send(_ request: GateRequest) async throws(TransportFailure) -> GateResponse {
        let answer = try await transport.send(request)
        if (200...201).contains(answer.status),
            request.path.utf8.starts(with: "/v1/actions".utf8)
        {
            last.withLock { $0 = answer.body }
        }
        return answer
    }

    /// The last action; nil when none came.
    var action: SubmittedAction? {
        let bytes = last.withLock { $0 }
        guard !bytes.isEmpty, let json = try? JSON(parsing: bytes) else { return nil }
        return try? SubmittedAction(json)
    }
}
