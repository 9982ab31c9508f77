// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Cedar
import Storage
import TransparencyLog

@testable import ControlPlane

/// The ledger as the simulation reads it, and what is worked out from it a second time.
struct SimulatedMirror {
    /// Grown from the leaves that are stored.
    var frontier = MerkleFrontier()
    /// The tree that was looked at last.
    var head: LedgerHead?
    var states: [ActionID: ActionState] = [:]
    /// Sets that were compiled, by digest.
    var policies: [Hash256: PublishedPolicies] = [:]
    /// The rules that were asked last.
    var environment: PolicyEnvironment?
}

/// Reading what a step has added.
extension Simulation {
    func ingest() throws {
        let from = mirror.frontier.size
        let entries = try control.backend.read {
            try $0.entries(from: from, limit: .max, bodies: true)
        }
        var touched: [ActionID] = []
        for recorded in entries {
            guard recorded.matchesCommitments else {
                throw TamperedError("entry \(recorded.index): not what it commits to")
            }
            mirror.frontier.append(recorded.entry.leafHash)
            if let id = try take(recorded), touched.last != id { touched.append(id) }
        }
        for id in Set(touched).sorted(by: { $0.text < $1.text }) { try compareRow(id) }
        try compareHead()
        fillTips()
        if let sweptAt { try sweep(sweptAt) }
        sweptAt = nil
    }

    private func take(_ recorded: RecordedEntry) throws -> ActionID? {
        let core = try JSON(canonical: recorded.core, limits: Limits.storedJSON)
        let body = try recorded.body.map { try JSON(canonical: $0, limits: Limits.storedJSON) }
        let words = body?["reason"]?.stringValue
        let (event, id) = try read(recorded, core, body)
        var entry = SimulatedEntry(
            index: recorded.index, at: recorded.entry.at, ref: recorded.entry.ref,
            kind: recorded.entry.kind, seq: recorded.entry.seq,
            previous: recorded.entry.previous, leaf: recorded.entry.leafHash,
            unsealed: core["unsealed"]?.boolValue, event: event, world: world, next: world,
            hasReason: DecisionCommand.isReason(words))
        try follow(&entry, body)
        world = entry.next
        if let id { try ask(&entry, id, core) }
        history.append(entry)
        return id
    }

    /// What an entry is, and of which action.
    private func read(
        _ recorded: RecordedEntry, _ core: JSON, _ body: JSON?
    ) throws -> (SimulatedEntry.Event, ActionID?) {
        switch recorded.entry.ref {
        case DirectoryEntry.ref: return (.directory(try DirectoryEntry(core: core)), nil)
        case PolicyPublication.ref: return (.policies(try PolicyPublication(core: core)), nil)
        case SealEvent.ref: return (.seal(try SealEvent(core: core)), nil)
        default: break
        }
        guard let id = ActionID(recorded.entry.ref) else {
            if recorded.entry.kind == "batch.created", let batch = body?["batch"] {
                let members = (batch["members"]?.arrayValue ?? []).compactMap {
                    $0["action"]?.stringValue.flatMap(ActionID.init)
                }
                if let digest = core["manifest"]?.stringValue.flatMap(Hash256.init(hex:)) {
                    history.batches[digest] = members
                }
            }
            return (.other, nil)
        }
        let (header, event) = try ActionEvent.read(core)
        if case .submitted = event, let body {
            let stored = try SubmissionBody(body)
            history.submissions[id] = SimulatedSubmission(
                action: stored.action, rendering: stored.renderingDigest,
                isShownInFull: stored.isShownInFull)
            known.append(id)
        }
        mirror.states[id] = try ChainReplay.next(mirror.states[id], recorded)
        return (.action(id, digest: header.digest, event), id)
    }

    /// What an entry makes of the rules.
    private func follow(_ entry: inout SimulatedEntry, _ body: JSON?) throws {
        switch entry.event {
        case .directory(let change):
            try entry.next.directory.apply(change.change)
            let computed = try entry.next.directory.digest()
            entry.next.directoryDigest = computed
            history.stored.append(
                SimulatedStored(fact: .directory(change.directory, computed: computed)))
        case .policies(let publication):
            guard let stored = body?["policies"] else { return }
            let policies =
                try mirror.policies[publication.policySet] ?? PublishedPolicies(stored)
            mirror.policies[policies.digest] = policies
            entry.next.policySet = policies.digest
            entry.next.requirements = policies.requirements.map(\.requirement)
            entry.next.hardForbids = Set(
                policies.policySet.policies.map(\.id).filter {
                    policies.isForbid($0) && policies.marker($0) == nil
                })
        case .seal(let event):
            switch event {
            case .confirmed(let manifest, let person, _):
                entry.next.confirmations[manifest, default: []].append(person)
            case .sealed: entry.next.unsealed = false
            case .proposed, .recovered: break
            }
        case .other:
            if entry.ref.hasPrefix("drift") { entry.next.baselines = control.drift.baselines }
        case .action: break
        }
    }

    /// Asks policy and renderer a second time about what just happened.
    private func ask(_ entry: inout SimulatedEntry, _ id: ActionID, _ core: JSON) throws {
        guard case .action(_, _, let event) = entry.event, let stored = history.submissions[id]
        else { return }
        let said: JSON?
        switch event {
        case .submitted(let submission): said = submission.verdict
        case .revised(let revision): said = revision.verdict
        case .cleared, .claimed, .invalidated: said = nil
        default: return
        }
        let at = said?["evaluatedAt"]?.stringValue.flatMap(Timestamp.init) ?? entry.at
        guard let environment = try environment(entry.world) else { return }
        let verdict = environment.evaluate(stored.action, at: at)
        entry.verdict = verdict
        guard said != nil, verdict.requirement != nil else { return }
        let deadline: Timestamp? =
            switch event {
            case .submitted(let submission): submission.deadline
            case .revised(let revision): revision.deadline
            default: nil
            }
        entry.redrawn = ShownRendering(
            ControlPlane.rendering(
                stored.action, verdict, deadline, run: nil, control.governance))
    }

    /// The rules of a moment, ready to be asked.
    func environment(_ world: SimulatedWorld) throws -> PolicyEnvironment? {
        if let last = mirror.environment, last.policies.digest == world.policySet,
            last.directoryDigest == world.directoryDigest, last.unsealed == world.unsealed
        {
            return last
        }
        guard let policies = mirror.policies[world.policySet] else { return nil }
        let environment = try PolicyEnvironment(
            policies: policies, directory: world.directory,
            singleOperator: world.singleOperator, unsealed: world.unsealed)
        mirror.environment = environment
        return environment
    }

    // MARK: what is stored

    private func compareRow(_ id: ActionID) throws {
        guard let state = mirror.states[id] else { return }
        let row = try control.backend.read { try $0.action(id) }
        history.stored.append(
            SimulatedStored(
                fact: .row(
                    id, row?.status ?? .pending, replayed: state.status,
                    isSame: row.map { $0 == ActionRow(state) } ?? false)))
    }

    private func compareHead() throws {
        let head = control.writer.head
        let checkpoint = try Checkpoint.verified(head.checkpoint, key: control.verifierKey)
        history.stored.append(
            SimulatedStored(
                fact: .head(
                    size: checkpoint.size, root: checkpoint.root, counted: mirror.frontier.size,
                    computed: mirror.frontier.root())))
        if let last = mirror.head, last.size != head.size {
            try MerkleProof.verifyConsistency(
                oldSize: last.size, oldRoot: last.frontier.root(), newSize: head.size,
                newRoot: head.frontier.root(),
                proof: try control.consistency(from: last.size, under: head))
        }
        mirror.head = head
    }

    /// What stands at the place that each answer names.
    private func fillTips() {
        for position in history.answers.indices where history.answers[position].tip == .zero {
            let answer = history.answers[position]
            let chain = history.chain(answer.action.text)
            let version = Int(answer.version)
            guard (1...max(1, chain.count)).contains(version), version <= chain.count else {
                continue
            }
            history.answers[position].tip = chain[version - 1].leaf
        }
    }

    /// After the scheduler has looked at everything: nothing may be left for it to do.
    private func sweep(_ at: Timestamp) throws {
        guard let environment = try environment(world) else { return }
        var sweep = SimulatedSweep(at: at, open: [:], denied: [])
        for (id, review) in history.open {
            sweep.open[id] = .some(review.due)
            guard let stored = history.submissions[id] else { continue }
            let verdict = environment.evaluate(stored.action, at: at)
            let isLost =
                verdict.decision == .deny || SimulationChecks.isTargetChanged(stored, world)
                || (review.status == .cleared
                    && !SimulationChecks.lets(review, verdict, pass: world, at: at))
            if isLost { sweep.denied.append(id) }
        }
        history.sweeps.append(sweep)
    }
}
