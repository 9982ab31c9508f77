// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import TransparencyLog

/// What happens while a gate waits, for whoever shows it.
public enum GateProgress: Sendable {
    /// The action is there; a person has to decide.
    case waiting(SubmittedAction, remaining: Duration)
    /// The service is silent; the gate tries again.
    case reconnecting(String)
    /// The claim was verified; execution follows.
    case cleared(SubmittedAction)
}

/// Leave to execute one operation once, verified and recorded.
public struct Grant: Sendable {
    /// The action as it was when it was claimed.
    public let action: SubmittedAction
    /// The nonce that is used up.
    public let nonce: String
    /// The verified claim.
    public let claim: VerifiedClaim
    /// When the claim was sent, by ``GateEffects/now``.
    public let sent: Duration

    /// Tells whether execution may still start.
    public func mayStart(now: Duration) -> Bool { now - sent < claim.window }
}

/// A gate's way from a frozen operation to leave to execute it, and the report afterwards.
///
/// Everything in doubt ends in a ``GateFailure`` and nothing being executed: an answer that is
/// not understood, a claim that does not verify, a log that contradicts itself, a disk that
/// does not take the nonce.
public struct GateClient: Sendable {
    let transport: any GateTransport
    package let effects: GateEffects
    package let state: GateState
    let fingerprint: String
    let floor: (any GateFloor)?

    /// Makes a client that trusts the log whose key has the fingerprint of the tokens.
    public init(
        transport: any GateTransport, effects: GateEffects, state: GateState, fingerprint: String,
        floor: (any GateFloor)? = nil
    ) {
        self.transport = transport
        self.effects = effects
        self.state = state
        self.fingerprint = fingerprint
        self.floor = floor
    }

    /// How long a first answer is waited for before the service counts as unavailable.
    private static let patience = Duration.seconds(5)
    /// How long one claim is tried: any longer and its window would be over anyway.
    private static let claimPatience = Duration.seconds(20)

    // MARK: from operation to grant

    /// Submits an operation, waits for the decision, claims and verifies.
    ///
    /// Being killed while waiting loses nothing: the same operation finds its action again.
    /// - Parameters:
    ///   - operation: what is to be executed.
    ///   - reason: the requester's own words, shown as a claim.
    ///   - wait: how long to wait for a decision.
    ///   - abandonment: ends the wait early; what is claimed already is not affected, so that no
    ///     claim is left behind.
    ///   - beforeClaim: asked when the wait is over; what it answers is why nothing is claimed.
    ///   - progress: told whenever something changes.
    /// - Returns: leave to execute it, within the claim's window.
    /// - Throws: ``GateFailure``.
    public func obtain(
        _ operation: FrozenOperation, reason: String?, wait: Duration,
        abandonment: Abandonment? = nil,
        beforeClaim: @Sendable () async -> String? = { nil },
        progress: @Sendable (GateProgress) -> Void
    ) async throws(GateFailure) -> Grant {
        let key = try await logKey()
        let deadline = effects.now() + wait
        var attempt = try await submit(operation, reason: reason, key: key)
        // Whatever the service answers, nothing is used that the floor has not seen.
        var isAboveFloor = floor == nil
        while true {
            let action = attempt.action
            guard action.operationDigest == operation.digest else {
                throw .alarm("the service answers for another operation than was asked for")
            }
            do throws(GateFailure) {
                switch action.state {
                case .submitted, .pending:
                    progress(.waiting(action, remaining: deadline - effects.now()))
                    guard effects.now() < deadline else { throw Self.stillPending(action) }
                    attempt.action = try await next(
                        after: action, deadline: deadline, abandonment, progress)
                    attempt.nonce = nil
                case .cleared:
                    // Whoever has gone away must not use up what was approved for him.
                    if abandonment?.isAbandoned == true { throw Self.stillPending(action) }
                    if let why = await beforeClaim() { throw .refused(why) }
                    try await checkFloor(action, operation, key: key)
                    isAboveFloor = true
                    attempt = try await claim(action, key: key)
                case .claimed where isAboveFloor:
                    return try await use(attempt, operation: operation, key: key, progress)
                default:
                    throw Self.ended(action)
                }
            } catch {
                throw error.about(attempt.action)
            }
        }
    }

    /// An action, and the nonce under which this gate may have claimed it.
    struct Attempt {
        var action: SubmittedAction
        var nonce: String?
        var sent: Duration
        var consistency: JSON?
    }

    private func submit(
        _ operation: FrozenOperation, reason: String?, key: VerifierKey
    ) async throws(GateFailure) -> Attempt {
        let giveUp = effects.now() + Self.patience
        let pin = try state.pin(of: key, fingerprint: fingerprint)
        var backoff = Backoff()
        while true {
            // A nonce per attempt: an answer that was lost must not be mistaken for the next.
            let nonce = Hex.encode(effects.entropy(32))
            let sent = effects.now()
            var wanted: JSONObject = ["nonce": .string(nonce)]
            if let pin { wanted["checkpoint"] = .string(pin.note) }
            var body: JSONObject = ["operation": operation.json]
            // Where there is a floor, nothing is claimed before it was looked at.
            if floor == nil { body["claim"] = .object(wanted) }
            if let reason { body["intent"] = ["justification": .string(reason)] }
            var pause = backoff.next(effects.entropy(1))
            state.reserve(nonce: nonce)
            switch await exchange(
                GateRequest(.post, "/v1/actions", body: .object(body), timeout: .seconds(20)))
            {
            case .answer(let answer) where answer.status == 200 || answer.status == 201:
                guard let json = Self.json(answer), let action = try? SubmittedAction(json) else {
                    state.release(nonce: nonce)
                    throw Self.notOurs
                }
                if action.state != .claimed { state.release(nonce: nonce) }
                return Attempt(
                    action: action, nonce: nonce, sent: sent,
                    consistency: json["consistency"])
            case .answer(let answer):
                state.release(nonce: nonce)
                throw .refused(Self.problem(answer))
            case .notNow(let why, let asked):
                state.release(nonce: nonce)
                pause = asked ?? pause
                guard effects.now() + pause < giveUp else { throw .unavailable(why) }
                try await rest(pause)
            }
        }
    }

    /// Waits until the action changes; survives restarts and silence of the service.
    private func next(
        after action: SubmittedAction, deadline: Duration, _ abandonment: Abandonment?,
        _ progress: @Sendable (GateProgress) -> Void
    ) async throws(GateFailure) -> SubmittedAction {
        var backoff = Backoff()
        while true {
            let left = deadline - effects.now()
            guard left > .zero else { throw Self.stillPending(action) }
            let seconds = min(55, max(1, left.components.seconds))
            let path = "/v1/actions/\(action.id)?wait=\(seconds)s&after=\(action.version)"
            let request = GateRequest(.get, path, timeout: .seconds(seconds + 15))
            switch await abandonment.unlessAbandoned({ await exchange(request) }) {
            case nil: throw Self.stillPending(action)
            case .answer(let answer) where answer.status == 200:
                return try same(action, answer)
            case .answer(let answer): throw .refused(Self.problem(answer))
            case .notNow(let why, let asked):
                progress(.reconnecting(why))
                let pause = min(asked ?? backoff.next(effects.entropy(1)), max(.zero, left))
                let isRested = await abandonment.unlessAbandoned {
                    (try? await effects.sleep(pause)) != nil
                }
                guard let isRested else { throw Self.stillPending(action) }
                guard isRested else { throw Self.interrupted }
            }
        }
    }

    private func claim(
        _ action: SubmittedAction, key: VerifierKey
    ) async throws(GateFailure) -> Attempt {
        let nonce = Hex.encode(effects.entropy(32))
        let sent = effects.now()
        var body: JSONObject = ["nonce": .string(nonce)]
        if let pin = try state.pin(of: key, fingerprint: fingerprint) {
            body["checkpoint"] = .string(pin.note)
        }
        state.reserve(nonce: nonce)
        var backoff = Backoff()
        while true {
            // The same nonce returns the same claim, so trying again is safe.
            switch await exchange(
                GateRequest(.post, "/v1/actions/\(action.id)/claim", body: .object(body)))
            {
            case .answer(let answer) where answer.status == 200:
                let found = try same(action, answer)
                // Anything else than a claim now would only be asked for for ever.
                guard found.state == .claimed else { throw Self.ended(found) }
                return Attempt(
                    action: found, nonce: nonce, sent: sent,
                    consistency: Self.json(answer)?["consistency"])
            case .answer(let answer):
                state.release(nonce: nonce)
                throw .refused(Self.problem(answer))
            case .notNow(let why, let asked):
                let pause = asked ?? backoff.next(effects.entropy(1))
                do throws(GateFailure) {
                    guard effects.now() + pause - sent < Self.claimPatience else {
                        throw .unavailable(why)
                    }
                    try await rest(pause)
                } catch {
                    // The service may have recorded it all the same; nothing will run on it.
                    let outcome = GateOutcome(.notStarted, detail: "the claim was not answered")
                    try? keep(outcome, action: action.id, nonce: nonce)
                    state.release(nonce: nonce)
                    throw error
                }
            }
        }
    }

    /// Verifies a claim; one of this gate's own that is not used is reported as not started.
    private func use(
        _ attempt: Attempt, operation: FrozenOperation, key: VerifierKey,
        _ progress: @Sendable (GateProgress) -> Void
    ) async throws(GateFailure) -> Grant {
        let action = attempt.action
        guard let nonce = attempt.nonce,
            let named = action.claim?["nonce"]?.stringValue, named.utf8.elementsEqual(nonce.utf8)
        else { throw Self.ended(action) }
        do throws(GateFailure) {
            let grant = try await verify(attempt, nonce: nonce, operation: operation, key: key)
            progress(.cleared(action))
            return grant
        } catch {
            _ = await report(
                GateOutcome(.notStarted, detail: error.description), action: action.id,
                nonce: nonce)
            throw error
        }
    }

    // MARK: answers

    /// What became of a request.
    enum Exchange: Sendable {
        /// An answer to act on, whatever it says.
        case answer(GateResponse)
        /// None, or one that asks to come back; with the pause it asks for, at most a minute.
        case notNow(String, pause: Duration?)
    }

    func exchange(_ request: GateRequest) async -> Exchange {
        do throws(TransportFailure) {
            let answer = try await transport.send(request)
            switch answer.status {
            case 429, 500...599:
                let pause = answer.retryAfter.map { Duration.seconds(max(0, min($0, 60))) }
                return .notNow(Self.problem(answer), pause: pause)
            default: return .answer(answer)
            }
        } catch {
            return .notNow(error.description, pause: nil)
        }
    }

    /// The answer as an action, which must still be the one that was asked about.
    private func same(
        _ expected: SubmittedAction, _ answer: GateResponse
    ) throws(GateFailure) -> SubmittedAction {
        let found = try action(answer)
        guard found.id.utf8.elementsEqual(expected.id.utf8), found.digest == expected.digest,
            found.gate.utf8.elementsEqual(expected.gate.utf8)
        else { throw .alarm("the service answers for another action") }
        return found
    }

    private func action(_ answer: GateResponse) throws(GateFailure) -> SubmittedAction {
        guard let json = Self.json(answer) else { throw Self.notOurs }
        return try SubmittedAction(json)
    }

    static let notOurs = GateFailure.unavailable(
        "the answer is not JSON: is this an Exequatur server?")

    static func json(_ answer: GateResponse) -> JSON? {
        var limits = JSONLimits.default
        limits.maximumBytes = 4_194_304
        return try? JSON(parsing: answer.body, limits: limits)
    }

    /// What a problem answer says (RFC 9457), or its status.
    static func problem(_ answer: GateResponse) -> String {
        let json = json(answer)
        guard let detail = json?["detail"]?.stringValue ?? json?["title"]?.stringValue else {
            return "the service answered with status \(answer.status)"
        }
        let code = json?["code"]?.stringValue.map { " (\($0))" } ?? ""
        return "\(detail)\(code)"
    }

    func rest(_ pause: Duration) async throws(GateFailure) {
        do {
            try await effects.sleep(pause)
        } catch {
            throw Self.interrupted
        }
    }

    private static let interrupted = GateFailure.pending(
        "interrupted; run the same command again to go on waiting")

    private static func stillPending(_ action: SubmittedAction) -> GateFailure {
        .pending(
            "\(action.id) is still pending; run the same command again to go on waiting"
                + (action.url.map { ", or decide at \($0)" } ?? ""))
    }

    private static func ended(_ action: SubmittedAction) -> GateFailure {
        let why = (action.decisions + action.reasons).joined(separator: "; ")
        let text = "\(action.id) is \(action.state.words)" + (why.isEmpty ? "" : ": \(why)")
        return .refused(text)
    }
}

extension SubmittedAction.State {
    fileprivate var words: String {
        switch self {
        case .denied: "denied"
        case .expired: "expired: nobody decided in time"
        case .cancelled: "cancelled"
        case .invalidated: "invalidated: policy no longer allows it"
        case .revoked: "revoked"
        case .lapsed: "lapsed: it was approved, but not used in time"
        case .claimed: "claimed by another run of the same command"
        case .unheard: "in a state that this gate does not know: update it"
        default: "already over"
        }
    }
}

/// Pauses between attempts: from a quarter of a second, doubled up to five, plus up to a fourth.
struct Backoff {
    private var pause = Duration.milliseconds(250)

    mutating func next(_ random: [UInt8]) -> Duration {
        let jitter = pause * Int(random.first ?? 0) / 1_020
        let result = pause + jitter
        pause = min(pause * 2, .seconds(5))
        return result
    }
}
