// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

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

    /// Makes an outcome.
    public init(_ status: Status, exitCode: Int32? = nil, detail: String? = nil) {
        self.status = status
        self.exitCode = exitCode
        self.detail = detail
    }
}

extension GateClient {
    /// How long a report is tried before it is kept for the next run.
    private static let reportPatience = Duration.seconds(30)

    /// Reports an outcome; tries for 30 s, then keeps the report for the next run.
    ///
    /// Returns nil when the service has it, else why it does not.
    public func report(_ outcome: GateOutcome, of grant: Grant) async -> String? {
        await report(outcome, action: grant.action.id, nonce: grant.nonce)
    }

    func report(_ outcome: GateOutcome, action: String, nonce: String) async -> String? {
        var body: JSONObject = [
            "nonce": .string(nonce), "status": .string(outcome.status.rawValue),
        ]
        if let code = outcome.exitCode { body["exitCode"] = .int(Int64(code)) }
        if let detail = outcome.detail { body["detail"] = .string(String(detail.prefix(1_000))) }
        let giveUp = effects.now() + Self.reportPatience
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
        // Whoever finds it there only tells what happened; nothing is executed on it.
        let bytes = (try? JSON.object(body).canonicalBytes()) ?? []
        do throws(GateFailure) {
            try state.keepReport(bytes, action: action)
            return "\(cause); it is kept and sent with the next run"
        } catch {
            return "\(cause); and it cannot be kept: \(error)"
        }
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
