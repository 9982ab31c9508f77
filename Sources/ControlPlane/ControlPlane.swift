// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
package import DriftCore
package import Logging
package import Storage
internal import Synchronization
package import TransparencyLog

/// What the control plane needs to be told; everything has its place in `exequatur serve`.
package struct ControlPlaneConfiguration: Sendable {
    package var data: DataDirectory
    /// Name of the log and first line of its checkpoints; at most 255 bytes.
    package var origin: String
    /// Where people and agents reach this server.
    package var publicURL: String
    /// DESIGN §4.5: a lone operator may approve for himself, stamped on everything, while
    /// unsealed.
    package var singleOperator = false
    /// Submissions per second and agent, and how many may come at once.
    package var submissionsPerSecond = 50.0
    package var submissionBurst = 200.0
    /// Token exchanges per second and address or trust, and how many may come at once.
    ///
    /// Whoever stands behind one address shares them, such as all runners of a company.
    package var exchangesPerSecond = 5.0
    package var exchangeBurst = 100.0
    /// Also trust issuers that are reached without TLS on this machine; for tests.
    package var allowsLoopbackIssuers = false
    package var software: String
    /// What the server was started with, by digests: noted with every start.
    package var settings: JSON = [:]

    package init(data: DataDirectory, origin: String, publicURL: String, software: String) {
        self.data = data
        self.origin = origin
        self.publicURL = publicURL
        self.software = software
    }
}

/// The times and the chance that a server lives by; fakes take their place in tests.
package struct Effects: Sendable {
    package var wallClock: @Sendable () -> Timestamp
    /// Seconds on a clock that never jumps.
    package var monotonicSeconds: @Sendable () -> Double
    package var entropy: Entropy
    /// Derives facts from a frozen operation; DESIGN §3.3.
    package var facts: @Sendable (Operation) -> JSON

    package init(
        wallClock: @escaping @Sendable () -> Timestamp,
        monotonicSeconds: @escaping @Sendable () -> Double, entropy: Entropy,
        facts: @escaping @Sendable (Operation) -> JSON
    ) {
        self.wallClock = wallClock
        self.monotonicSeconds = monotonicSeconds
        self.entropy = entropy
        self.facts = facts
    }
}

/// The service: authenticated commands in, machine, ledger, notifications out.
///
/// Every surface (HTTP, console) calls these functions and no other; what may be done is decided
/// here and in the machine below, never in a surface.
package final class ControlPlane: Sendable {
    package let configuration: ControlPlaneConfiguration
    package let effects: Effects
    package let writer: LedgerWriter
    package let backend: any LedgerBackend
    package let feed = ChangeFeed()
    package let verifierKey: VerifierKey
    /// What every token of this log carries.
    let keyFingerprint: String
    package let signingKey: SigningKey
    package let logger: Logger
    package let clock: ClockKeeper
    package let counters = Counters()
    let rows: RowAuthenticator
    let limiter: RateLimiter
    package let policyQueue = PolicyQueue()
    /// Presentations of gates are large and rare.
    let presentations = RateLimiter(perSecond: 2, burst: 60)
    /// Observations may be long, and each is compared with a baseline.
    let observations = RateLimiter(perSecond: 5, burst: 60)
    /// What would be approved of each gate that was asked for.
    let outlines = Mutex<[Handle: GateConfiguration?]>([:])
    /// Apart from the other, which whoever knocks without a token must not use up.
    let exchangeLimiter: RateLimiter
    /// Somebody who mistypes a code tries again a few times; nobody types hundreds.
    let codeLimiter = RateLimiter(perSecond: 0.1, burst: 10)
    /// Command lines ask every other second whether their code was confirmed.
    let pollLimiter = RateLimiter(perSecond: 0.5, burst: 3)
    /// Entries of sign-ins that failed: so that nobody fills the ledger with them.
    let failedSignIns = RateLimiter(perSecond: 0.2, burst: 20)
    let heartbeats: Heartbeats
    let lastUses = LastUses()
    /// Who has read the audit, and when that was noted last.
    let auditReaders = Mutex<[String: Timestamp]>([:])
    /// Approved changes of this server's own rules that are being made right now.
    let carriedOut = Mutex<Set<ActionID>>([])
    /// Whether there are channels to tell.
    let notifies = Atomic(false)
    /// Wakes the channels.
    package let news = News()
    /// Wakes whoever watches sources: which there are has changed.
    package let driftNews = News()
    let drift = DriftBook()
    let driftEffects: EffectBook
    /// Tells which way deviations move rights.
    let directions: DirectionRules
    /// What the start has not read of the ledger.
    let recheck: LedgerRecheck
    /// Who owes an explanation for a break-glass.
    let debts: DebtBook
    /// What open actions were asked about last; nil after a start.
    let reevaluated = Mutex<ReevaluationBasis?>(nil)
    private let governed: Mutex<Governance>

    /// Opens the data directory, proves the ledger, and takes up where it ended.
    package init(
        configuration: ControlPlaneConfiguration, backend: any LedgerBackend, effects: Effects,
        directions: DirectionRules = .standard, logger: Logger
    ) throws {
        self.configuration = configuration
        self.directions = directions
        self.effects = effects
        self.backend = backend
        self.logger = logger
        try configuration.data.checkNotHalted()
        let size = try backend.read { try $0.checkpoint()?.size ?? 0 }
        signingKey = try configuration.data.signingKey(
            origin: configuration.origin, entropy: effects.entropy, ledgerExists: size > 0)
        let key = signingKey.verifierKey
        verifierKey = key
        keyFingerprint = Token.fingerprint(of: key)
        try configuration.data.publish(key)
        rows = RowAuthenticator(
            key: try configuration.data.rowAuthenticationKey(entropy: effects.entropy))
        limiter = RateLimiter(
            perSecond: configuration.submissionsPerSecond, burst: configuration.submissionBurst)
        exchangeLimiter = RateLimiter(
            perSecond: configuration.exchangesPerSecond, burst: configuration.exchangeBurst)

        var governance = Governance(singleOperator: configuration.singleOperator)
        let seal = rows.snapshotSeal
        let recovered = try Self.recover(&governance, backend, key: key, seal: seal)
        try governance.finishRecovery()
        governed = Mutex(governance)
        recheck = recovered.recheck
        let clock = ClockKeeper(
            effects, lastRecorded: recovered.isEmpty ? nil : recovered.head.at)
        self.clock = clock
        heartbeats = Heartbeats(
            open: recovered.open.filter { $0.value == .claimed }.map(\.key), now: clock.now)
        writer = LedgerWriter(
            backend: backend, recovered: recovered, key: signingKey,
            wallClock: { clock.now }, seal: seal, logger: logger)
        driftEffects = try backend.read { try EffectBook($0) }
        debts = DebtBook(
            try backend.read { reader in
                try recovered.owing.compactMap { try recovered.state(of: $0, reader) }
            })
        writer.observe { [feed, heartbeats, news, driftEffects] batch in
            let changes = batch.states.map { state, index in
                ActionChange(
                    id: state.id, status: state.status, version: state.version, index: index)
            }
            heartbeats.note(changes.map { ($0.id, $0.status) }, at: batch.at)
            driftEffects.touch(changes.map(\.id))
            feed.publish(changes)
            if !batch.entries.isEmpty { news.wake() }
        }
        try recoverDrift { recovered.entries(of: DriftEntry.ref($0)) }
    }

    /// Proves the ledger and derives from it what is in force.
    private static func recover(
        _ governance: inout Governance, _ backend: any LedgerBackend, key: VerifierKey,
        seal: SnapshotSeal
    ) throws -> RecoveredLedger {
        try backend.read { reader in
            try RecoveredLedger.recover(
                reader, key: key, seal: seal,
                refs: [
                    DirectoryEntry.ref, PolicyPublication.ref, DriftConfigurationEntry.ref,
                    SealEvent.ref,
                ]
            ) { recorded in
                try governance.recover(recorded) {
                    guard let full = try reader.entry(at: recorded.index), let body = full.body
                    else { return nil }
                    guard full.matchesCommitments else {
                        throw TamperedError(
                            "entry \(recorded.index): the body is not what the "
                                + "leaf commits to")
                    }
                    return try JSON(canonical: body, limits: Limits.storedJSON)
                }
            }
        }
    }

    /// A snapshot of directory, policies and phase.
    package var governance: Governance { governed.withLock { $0 } }

    func update(_ governance: Governance) { governed.withLock { $0 = governance } }

    package var unsealed: Bool { governance.unsealed }
    /// Never behind what is recorded, so that a clock put back revives no token or session.
    package var now: Timestamp { max(clock.now, writer.recordedAt) }

    /// Why nothing can be cleared now, or nil.
    package var notReady: String? {
        if let stopped = writer.stopped { return "\(stopped)" }
        if !clock.isTrusted { return clock.explanation }
        return nil
    }

    /// Lets waiters go, commits what is queued, closes the store.
    package func shutDown() {
        feed.close()
        news.finish()
        driftNews.finish()
        writer.finish()
        do {
            try backend.close()
        } catch {
            logger.error("the store did not close", metadata: ["error": "\(error)"])
        }
    }
}
