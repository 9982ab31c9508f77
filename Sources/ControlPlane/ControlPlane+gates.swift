// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
internal import Storage
internal import Synchronization
package import TransparencyLog

/// What a gate presented last, when, and what is approved of it.
package struct GateStanding: Sendable {
    package let gate: Handle
    /// Nil where it never presented anything, or what is stored can't be believed.
    package let presented: GatePresentation?
    package let presentedAt: Timestamp?
    package let approved: GateConfiguration?
    /// The documents that the approved digests are of, where they are still there.
    package let documents: GatePresentation?
}

extension GateStanding {
    /// Whether the gate works with the configuration that is approved.
    package var isConfigurationApproved: Bool {
        guard let presented, let approved else { return false }
        return presented.configurationDigest == approved.digest
    }

    /// How a presented tool stands.
    package func standing(_ tool: GatePresentation.Tool) -> GatePresentation.Standing {
        if let approved { return approved.standing(tool.name, tool.digest) }
        return tool.isCallable ? .new : .unusable
    }

    /// Approved tools that the gate no longer presents.
    package var removed: [String] {
        guard let presented, let approved else { return [] }
        let names = Set(presented.tools.filter(\.isCallable).map(\.name))
        return approved.tools.keys.filter { !names.contains($0) }
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Whether anything of what is presented awaits an administrator.
    package var isQuarantined: Bool {
        guard let presented else { return false }
        return !isConfigurationApproved
            || presented.tools.contains { [.new, .changed].contains(standing($0)) }
    }
}

/// What approving led to.
package struct GateApproval: Sendable {
    package let standing: GateStanding
    package let policySet: Hash256
    /// What the generated types say less of than the definitions.
    package let notes: [String]
    /// Whether there was anything to approve.
    package let isNew: Bool
}

extension ControlPlane {
    /// Nothing of a gate expires; a later presentation replaces it.
    private static let forever = Timestamp(milliseconds: .max)
    /// The newest presentation of each gate, and the one that was approved last.
    private static let presentedSpace = "gate-presented"
    private static let approvedSpace = "gate-approved"
    /// How often what was prepared may turn out to be out of date before it is given up.
    private static let attempts = 3

    /// Turns a gate away that presents too often; asked before its documents are read.
    package func throttlePresentation(of gate: Handle) throws {
        guard let wait = presentations.take(gate.text, now: now) else { return }
        counters.add("exequatur_rate_limited_total")
        throw CommandError.rateLimited(retryAfterSeconds: wait)
    }

    /// A gate says how it is configured and which tools lie behind it.
    ///
    /// Replaces what it presented before, and changes nothing of what is approved.
    package func present(
        _ presentation: GatePresentation, by gate: Handle
    ) async throws -> GateStanding {
        let at = now
        let row = seal(presentation, Self.presentedSpace, gate, at: at)
        let outline = try presentation.approved()
        let isSame = try backend.read { try presentedDigest(gate, $0) } == presentation.digest
        if !isSame {
            _ = try await writer.submit(priority: .intake) { [self] _ -> LedgerPlan<Void> in
                guard governance.directory.gates.contains(gate) else { throw unknownGate(gate) }
                return LedgerPlan(
                    (), operational: [row],
                    applied: { self.outlines.withLock { $0[gate] = .some(outline) } })
            }
        }
        return GateStanding(
            gate: gate, presented: presentation, presentedAt: at,
            approved: governance.directory.configurations[gate], documents: nil)
    }

    /// What a gate presented and what is approved of it.
    package func standing(of gate: Handle) throws -> GateStanding {
        let directory = governance.directory
        guard directory.gates.contains(gate) else { throw unknownGate(gate) }
        let presented = try open(Self.presentedSpace, gate)
        let approved = directory.configurations[gate]
        let documents = try open(Self.approvedSpace, gate)
        return GateStanding(
            gate: gate, presented: presented?.presentation, presentedAt: presented?.at,
            approved: approved,
            // A row of an earlier approval is not what is approved now.
            documents: try documents?.presentation.approved() == approved
                ? documents?.presentation : nil)
    }

    /// Gates of which something is presented and not approved, in order.
    package func quarantinedGates() throws -> [Handle] {
        let directory = governance.directory
        return try directory.gates.sorted().filter { gate in
            guard let outline = try outline(of: gate) else { return false }
            guard let approved = directory.configurations[gate],
                approved.digest == outline.digest
            else { return true }
            return outline.tools.contains { approved.tools[$0.key] != $0.value }
        }
    }

    /// What would be approved of a gate now; remembered, because pages ask for it.
    private func outline(of gate: Handle) throws -> GateConfiguration? {
        if let known = outlines.withLock({ $0[gate] }) { return known }
        let outline = try open(Self.presentedSpace, gate)?.presentation.approved()
        // What was presented meanwhile is newer than what was read.
        return outlines.withLock { outlines in
            if let known = outlines[gate] { return known }
            outlines[gate] = .some(outline)
            return outline
        }
    }

    private func unknownGate(_ gate: Handle) -> CommandError {
        .conflict(code: "directory_conflict", "there is no gate `\(gate)`")
    }

    /// Actions of a gate's approved tools that are denied whatever they are called with, for one
    /// agent or, with nil, for all.
    package func neverAllowed(at gate: Handle, for agent: Handle?) throws -> [String] {
        let governance = self.governance
        guard let environment = governance.environment else { throw CommandError.noPolicies }
        guard let approved = governance.directory.configurations[gate] else { return [] }
        return approved.tools.keys.map { ToolAction.name(server: approved.server, tool: $0) }
            .filter {
                environment.neverAllows(action: $0, server: approved.server, agent: agent)
            }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    // MARK: approving

    /// Approves everything that a gate presents: into the directory and, as a generated schema,
    /// into the policy set, in one write.
    ///
    /// `expect` is the beginning of the presentation's digest: what was looked at is what is
    /// approved, or nothing is.
    package func approve(
        _ gate: Handle, expect: String, by: Principal
    ) async throws -> GateApproval {
        guard mayAdminister(by) else { throw Self.administratorsOnly }
        for _ in 0..<Self.attempts {
            let basis = governance
            let standing = try self.standing(of: gate)
            let presented = try Self.expected(standing, expect)
            guard let policies = basis.policies else { throw CommandError.noPolicies }
            let (generated, set) = try await policyQueue.run {
                let generated = try ToolDeclarations.generate(presented)
                let files = try Self.generatedFiles(
                    basis, gate, presented.server, generated.file, beside: policies.givenFiles)
                // Compiled again only where something is new: a set may take a second.
                let set =
                    files == policies.generatedFiles
                    ? policies
                    : try PublishedPolicies(files: policies.givenFiles, generated: files)
                return (generated, set)
            }
            let approved = ApprovedGate(presentation: presented, schema: generated.file)
            guard let isNew = try await write(gate, approved, set, basis, by: by) else { continue }
            return GateApproval(
                standing: try self.standing(of: gate), policySet: set.digest,
                notes: generated.notes, isNew: isNew)
        }
        throw CommandError.conflict(
            code: "policies_changed", "the policies were changed meanwhile: try again")
    }

    /// The change that approves what a gate presents, for those who ask others.
    package func gateApproval(_ gate: Handle, expect: String) throws -> GovernanceChange {
        let presented = try Self.expected(try standing(of: gate), expect)
        return .gateConfiguration(gate, presentation: presented.digest)
    }

    private static func expected(
        _ standing: GateStanding, _ expect: String
    ) throws -> GatePresentation {
        try checkDigits(expect)
        guard let presented = standing.presented else {
            throw CommandError.conflict(
                code: "nothing_presented",
                "gate `\(standing.gate)` has presented nothing: start it, with its own token")
        }
        guard presented.digest.hex.utf8.starts(with: expect.utf8) else {
            throw CommandError.conflict(
                code: "presentation_changed",
                "gate `\(standing.gate)` presents something else than what you looked at: look "
                    + "again with `exequatur gate configuration \(standing.gate)`")
        }
        return presented
    }

    /// As many digits as a decision on an action wants.
    static func checkDigits(_ expect: String) throws {
        guard expect.utf8.count >= 16 else {
            throw CommandError.badRequest(
                code: "value_invalid", "`expect`: at least 16 digits of the digest")
        }
    }

    /// Whether anything was written; nil if what was prepared is out of date.
    private func write(
        _ gate: Handle, _ approved: ApprovedGate, _ set: PublishedPolicies, _ basis: Governance,
        by: Principal
    ) async throws -> Bool? {
        let configuration = try approved.presentation.approved()
        let change = NamedChange(.gateConfigured(gate, configuration), approved: approved)
        let document = seal(approved.presentation, Self.approvedSpace, gate, at: now)
        return try await writer.submit { [self] view -> LedgerPlan<Bool?> in
            guard mayAdminister(by) else { throw Self.administratorsOnly }
            var governance = self.governance
            guard governance.policies?.digest == basis.policies?.digest,
                governance.schemas == basis.schemas,
                try presentedDigest(gate, view.store) == approved.presentation.digest
            else { return LedgerPlan(nil) }
            let isPublished = governance.policies?.digest == set.digest
            if isPublished, governance.directory.configurations[gate] == configuration {
                return LedgerPlan(false)
            }
            var drafts = try plan([change], by: by.description, at: view.now, &governance)
            if !isPublished {
                drafts.append(
                    try publication(set, by: by.description, at: view.now, &governance))
            }
            try governance.refresh()
            let result = governance
            return LedgerPlan(
                true, drafts: drafts, operational: [document], applied: { self.update(result) })
        }.value
    }

    /// The files for all gates once this one is approved.
    private static func generatedFiles(
        _ governance: Governance, _ gate: Handle, _ server: String, _ file: PolicyFile,
        beside given: [PolicyFile]
    ) throws -> [PolicyFile] {
        var schemas = governance.schemas
        schemas[gate] = file
        let files = Governance.generatedFiles(schemas, beside: given)
        // Where somebody declares the tools himself, gates may differ in theirs.
        guard files.contains(where: { $0.name == file.name }) else { return files }
        for (other, schema) in schemas.sorted(by: { $0.key < $1.key })
        where schema.name == file.name && schema != file {
            throw CommandError.conflict(
                code: "server_name_taken",
                "gate `\(other)` has other tools under the name `\(server)`: give one of the two "
                    + "servers another name, declare the tools yourself, or remove gate "
                    + "`\(other)`")
        }
        return files
    }

    static let administratorsOnly = CommandError.forbidden(
        code: "administrators_only", "only administrators approve what a gate presents")

    // MARK: rows

    private func seal(
        _ presentation: GatePresentation, _ space: String, _ gate: Handle, at: Timestamp
    ) -> OperationalRow {
        rows.seal(
            space: space, key: gate.text,
            value: Array("\(at)\n".utf8) + presentation.canonical, expires: Self.forever)
    }

    /// What a row holds; one that this server did not seal holds nothing.
    private func open(
        _ space: String, _ gate: Handle
    ) throws -> (at: Timestamp, presentation: GatePresentation)? {
        guard let (at, document) = try backend.read({ try stored(space, gate, $0) }) else {
            return nil
        }
        let json = try JSON(canonical: Array(document), limits: Limits.storedJSON)
        return (at, try GatePresentation(json))
    }

    private func stored(
        _ space: String, _ gate: Handle, _ store: any LedgerReading
    ) throws -> (at: Timestamp, document: ArraySlice<UInt8>)? {
        guard let row = try store.operational(space: space, key: gate.text),
            let bytes = rows.open(row), let end = bytes.firstIndex(of: 0x0A),
            let at = Timestamp(String(decoding: bytes[..<end], as: UTF8.self))
        else { return nil }
        return (at, bytes[(end + 1)...])
    }

    private func presentedDigest(
        _ gate: Handle, _ store: any LedgerReading
    ) throws -> Hash256? {
        try stored(Self.presentedSpace, gate, store).map { .sha256(Array($0.document)) }
    }
}
