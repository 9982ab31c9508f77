// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
internal import Logging
internal import Storage
internal import TransparencyLog

extension ControlPlane {
    /// The person that a new installation begins with.
    package static let firstAdministrator = Handle(constant: "admin")

    /// Makes a new installation usable: first administrator, groups, starter policies, all as
    /// entries of one write.
    ///
    /// Does nothing to an installation that exists.
    ///
    /// Crash order: the entries are durable before `admin.token` is written. A crash between the
    /// two leaves an installation without that file; the next start finds the credential unused
    /// and the file missing, and replaces both.
    ///
    /// - Returns: a sign-in link for the first administrator, if this was the first start.
    package func begin(starterPolicies: [PolicyFile]) async throws -> String? {
        let isNew = governance.policies == nil
        if isNew {
            let policies = try PublishedPolicies(files: starterPolicies)
            let token = mint(
                .administrator, Self.firstAdministrator,
                by: .administrator(Self.firstAdministrator))
            _ = try await writer.submit { [self] view in
                var governance = self.governance
                var drafts = [try installationDraft("installation.created")]
                drafts += try plan(
                    firstChanges + [NamedChange(.credentialIssued(token.credential))],
                    by: "installation", at: view.now, &governance)
                drafts.append(
                    try publication(
                        policies, by: "installation", at: view.now, &governance))
                try governance.refresh()
                let result = governance
                return LedgerPlan((), drafts: drafts, applied: { self.update(result) })
            }
            try configuration.data.writeAdminToken(token.token.text)
        } else if unsealed, !configuration.data.hasAdminToken,
            governance.directory.isAdministrator(Self.firstAdministrator)
        {
            let issued = try await rotate(
                .administrator, Self.firstAdministrator,
                by: .administrator(Self.firstAdministrator))
            if let token = issued.token { try configuration.data.writeAdminToken(token) }
        }
        try await recordStart()
        guard isNew else { return nil }
        return try await signInLink(
            for: Self.firstAdministrator, by: .administrator(Self.firstAdministrator))
    }

    private var firstChanges: [NamedChange] {
        let admin = Self.firstAdministrator
        return [
            NamedChange(.groupAdded(.administrators)), NamedChange(.groupAdded(.reviewers)),
            NamedChange(.personAdded(admin), name: "First administrator"),
            NamedChange(.memberAdded(group: .administrators, member: admin)),
            NamedChange(.memberAdded(group: .reviewers, member: admin)),
        ]
    }

    private func installationDraft(
        _ kind: String, _ members: JSONObject = [:], body: JSON = [:]
    ) throws -> EntryDraft {
        var core = members
        core["kind"] = .string(kind)
        core["software"] = .string(configuration.software)
        core["origin"] = .string(configuration.origin)
        core["vkey"] = .string(verifierKey.vkey)
        core["singleOperator"] = .bool(configuration.singleOperator)
        core["unsealed"] = .bool(unsealed)
        core["v"] = 1
        let salts = effects.entropy.hashes(2)
        return try EntryDraft(
            kind: kind, ref: "installation", core: .object(core), body: body,
            salts: (salts[0], salts[1]))
    }

    private func recordStart() async throws {
        var drafts = [
            try installationDraft("server.started", body: ["settings": configuration.settings])
        ]
        if let reason = clock.explanation {
            drafts.append(try installationDraft("clock.stepped", ["reason": .string(reason)]))
        }
        let recorded = drafts
        _ = try await writer.submit { _ in LedgerPlan((), drafts: recorded) }
    }

    /// Notes that the server ends of its own will; without it the next start tells of a crash.
    ///
    /// A ledger that takes nothing any more is no reason not to end.
    package func recordStop() async {
        do {
            let draft = try installationDraft("server.stopped")
            _ = try await writer.submit { _ in LedgerPlan((), drafts: [draft]) }
        } catch {
            logger.error("the end is not in the ledger", metadata: ["error": "\(error)"])
        }
    }

    /// An administrator says that the clock is right now (DESIGN §6).
    package func confirmClock(by: Principal) async throws {
        guard isAdministrator(by) else {
            throw CommandError.forbidden(
                code: "administrators_only", "only administrators confirm the clock")
        }
        let draft = try installationDraft("clock.confirmed", ["by": .string(by.description)])
        _ = try await writer.submit { _ in LedgerPlan((), drafts: [draft]) }
        clock.confirm()
    }

    /// Looks at the clock and records a new step.
    func watchClock() async throws {
        guard clock.observe() else { return }
        logger.error("the clock moved", metadata: ["reason": "\(clock.explanation ?? "")"])
        let draft = try installationDraft(
            "clock.stepped", ["reason": .string(clock.explanation ?? "")])
        _ = try await writer.submit { _ in LedgerPlan((), drafts: [draft]) }
    }

    /// Looks at the clock before a command that it decides on: the scheduler's look may be a
    /// moment old.
    func requireTrustedClock() async throws {
        try await watchClock()
        if let reason = clock.explanation { throw CommandError.clockStepped(reason) }
    }

    /// Drops links, sessions and idempotency keys whose time is over.
    func forgetExpiredRows() async throws {
        _ = try await writer.submit { [self] _ in
            LedgerPlan((), forgetsRowsBefore: now)
        }
    }

    /// Attempts that nobody could be named for are counted, not recorded one by one, so that
    /// nobody can fill the ledger with them (DESIGN §4.14).
    func recordCountedAttempts() async throws {
        let failures = counters.take("exequatur_unrecorded_authentication_failures")
        let limited = counters.take("exequatur_unrecorded_rate_limited")
        let refused = counters.take(Self.uncountedRefusals)
        guard failures + limited + refused > 0 else { return }
        let draft = try installationDraft(
            "attempts.counted",
            [
                "rateLimited": .integer(Int64(clamping: limited)),
                "refused": .integer(Int64(clamping: refused)),
                "unauthenticated": .integer(Int64(clamping: failures)),
            ])
        _ = try await writer.submit { _ in LedgerPlan((), drafts: [draft]) }
    }
}
