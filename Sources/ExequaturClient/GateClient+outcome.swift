// SPDX-License-Identifier: Apache-2.0

public import CanonicalJSON
public import TransparencyLog

/// What a gate attests happened.
public struct GateOutcome: Sendable, Hashable {
    /// The words of the API.
    public enum Status: String, Sendable {
        case succeeded, failed, notStarted = "not_started", unknown
    }

    /// What happened.
    public var status: Status
    /// The exit code, where the command ended by itself.
    public var exitCode: Int32?
    /// More words, at most 1,000 characters of them are sent.
    public var detail: String?
    /// SHA-256 of the result, where there is one.
    public var resultDigest: Hash256?
    /// What was seen of effects that were declared as `observed`:
    /// `{"number":0,"before":…,"after":…}` with the subject's document, or null where there was
    /// none.
    public var effects: [JSON]

    /// Makes an outcome.
    public init(
        _ status: Status, exitCode: Int32? = nil, detail: String? = nil,
        resultDigest: Hash256? = nil, effects: [JSON] = []
    ) {
        self.status = status
        self.exitCode = exitCode
        self.detail = detail
        self.resultDigest = resultDigest
        self.effects = effects
    }
}

extension GateClient {
    /// Reports an outcome; tries for `patience`, then keeps the report for the next run.
    ///
    /// Returns nil when the service has it, else why it does not.
    public func report(
        _ outcome: GateOutcome, of grant: Grant, patience: Duration = .seconds(30)
    ) async -> String? {
        await report(
            outcome, action: grant.action.id, nonce: grant.nonce, patience: patience)
    }

    func report(
        _ outcome: GateOutcome, action: String, nonce: String, patience: Duration = .seconds(30)
    ) async -> String? {
        let body = Self.body(outcome, nonce)
        let giveUp = effects.now() + patience
        var backoff = Backoff()
        var cause = ""
        while true {
            switch await send(.object(body), action: action) {
            case .done: return nil
            case .refused(let why): return why
            case .failed(let why): cause = why
            }
            let pause = backoff.next(effects.entropy(1))
            guard effects.now() + pause < giveUp, (try? await rest(pause)) != nil else { break }
        }
        do throws(GateFailure) {
            try keep(outcome, action: action, nonce: nonce)
            return "\(cause); it is kept and sent with the next run"
        } catch {
            return "\(cause); and it cannot be kept: \(error)"
        }
    }

    private static func body(_ outcome: GateOutcome, _ nonce: String) -> JSONObject {
        var body: JSONObject = [
            "nonce": .string(nonce), "status": .string(outcome.status.rawValue),
        ]
        if let code = outcome.exitCode { body["exitCode"] = .int(Int64(code)) }
        if let detail = outcome.detail { body["detail"] = .string(String(detail.prefix(1_000))) }
        if let digest = outcome.resultDigest { body["resultDigest"] = .string(digest.hex) }
        if !outcome.effects.isEmpty { body["effects"] = .array(outcome.effects) }
        return body
    }

    /// Keeps an outcome for the next run, which sends it.
    ///
    /// Whoever finds it there only tells what happened; nothing is executed on it.
    func keep(
        _ outcome: GateOutcome, action: String, nonce: String
    ) throws(GateFailure) {
        let bytes = (try? JSON.object(Self.body(outcome, nonce)).canonicalBytes()) ?? []
        try state.keepReport(bytes, action: action)
    }

    /// Sends reports that earlier runs had to keep; silently, and once each.
    public func sendKeptReports() async {
        for kept in state.keptReports() {
            guard let body = try? JSON(parsing: kept.bytes) else {
                state.dropReport(action: kept.action)
                continue
            }
            switch await send(body, action: kept.action) {
            case .done, .refused: state.dropReport(action: kept.action)
            case .failed: return
            }
        }
    }

    /// Takes back what nobody has decided yet.
    /// - Throws: ``GateFailure`` when it is over, or the service is silent.
    public func cancel(_ action: String) async throws(GateFailure) {
        switch await exchange(GateRequest(.post, "/v1/actions/\(action)/cancel", body: [:])) {
        case .answer(let answer) where (200..<300).contains(answer.status): return
        case .answer(let answer): throw .refused(Self.problem(answer))
        case .notNow(let why, _): throw .unavailable(why)
        }
    }

    /// Tells the service every 30 s that the command still runs, until cancelled.
    public func keepAlive(_ grant: Grant) async {
        while (try? await effects.sleep(.seconds(30))) != nil {
            // A missed one is made up for by the next; three missed ones are the service's call.
            _ = try? await transport.send(
                GateRequest(.post, "/v1/actions/\(grant.action.id)/heartbeat", body: [:]))
        }
    }

    private enum Delivery {
        case done
        case refused(String)
        case failed(String)
    }

    private func send(_ body: JSON, action: String) async -> Delivery {
        switch await exchange(
            GateRequest(.post, "/v1/actions/\(action)/outcome", body: body))
        {
        case .answer(let answer) where (200..<300).contains(answer.status): return .done
        case .answer(let answer): return .refused(Self.problem(answer))
        case .notNow(let why, _): return .failed(why)
        }
    }
}
