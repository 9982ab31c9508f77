// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import TransparencyLog

/// Gathers the evidence of a period from all entries of a ledger, the earliest first.
///
/// Nothing is believed: each entry is hashed into the tree again, its core must be what its leaf
/// commits to, and each action is replayed. ``finish(checkpoint:key:)`` then holds the tree against
/// the signed checkpoint; so the counts are of everything that the log's key has signed, and nothing
/// was left out. What is *in* the period goes by recorded time, which never goes backwards.
package struct EvidencePeriod {
    private let from: Timestamp
    private let to: Timestamp
    private var frontier = MerkleFrontier()
    private var states: [String: ActionState] = [:]
    private var report: PeriodReport
    private var lastAt: Timestamp?

    /// Entries at or after `from` and before `to`.
    package init(from: Timestamp, to: Timestamp) {
        self.from = from
        self.to = to
        report = PeriodReport(from: from, to: to)
    }

    /// Takes the next entry; true if it is in the period.
    ///
    /// Throws a `CoreError` at the first that does not follow or is not what it commits to.
    package mutating func take(_ recorded: RecordedEntry) throws -> Bool {
        let entry = recorded.entry
        guard recorded.index == frontier.size else {
            throw CoreError("entry \(frontier.size) is missing")
        }
        guard Commitment.core(salt: recorded.coreSalt, bytes: recorded.core) == entry.core else {
            throw CoreError("entry \(recorded.index): the core is not what the leaf commits to")
        }
        if let lastAt, entry.at < lastAt {
            throw CoreError("entry \(recorded.index): recorded time goes backwards")
        }
        lastAt = entry.at
        frontier.append(entry.leafHash)
        _ = frontier.takeCompletedTiles()
        let isInside = entry.at >= from && entry.at < to
        if isInside { report.count(recorded) }
        let core = try JSON(canonical: recorded.core, limits: Limits.storedJSON)
        if isInside { report.note(core, recorded) }
        if ActionID(entry.ref) != nil, entry.at < to {
            try replay(recorded, core, isInside: isInside)
        }
        return isInside
    }

    private mutating func replay(
        _ recorded: RecordedEntry, _ core: JSON, isInside: Bool
    ) throws {
        let ref = recorded.entry.ref
        let state: ActionState
        let event: ActionEvent
        do {
            event = try ActionEvent.read(core).event
            state = try ActionReplay.next(states[ref], recorded)
        } catch {
            throw CoreError("entry \(recorded.index): \(error)")
        }
        if isInside { report.note(event, state, recorded) }
        // What ended and owes nothing has nothing more to tell.
        states[ref] = state
    }

    /// Holds everything against a checkpoint and gives the report.
    ///
    /// Throws a `CoreError` unless the key has signed just the entries that were taken.
    package mutating func finish(checkpoint note: String, key: VerifierKey) throws -> PeriodReport {
        let checkpoint: Checkpoint
        do {
            checkpoint = try Checkpoint.verified(note, key: key)
        } catch {
            throw CoreError("the checkpoint is not signed by this log's key: \(error)")
        }
        guard checkpoint.size == frontier.size, checkpoint.root == frontier.root() else {
            throw CoreError(
                "the checkpoint covers \(checkpoint.size) entries with another root than the "
                    + "\(frontier.size) that were read")
        }
        for state in states.values.sorted(by: { $0.id.text < $1.id.text }) {
            report.close(state, at: to)
        }
        report.treeSize = checkpoint.size
        report.root = checkpoint.root
        report.origin = key.name
        return report
    }
}

/// What happened in a period, and what an auditor asks for first.
package struct PeriodReport: Sendable {
    /// One line of the list of exceptions.
    package struct Exception: Sendable, Hashable {
        package let kind: Kind
        /// The action, or the chain where it is none.
        package let ref: String
        package let index: UInt64
        package let at: Timestamp
        package let detail: String

        var json: JSON {
            [
                "at": .string(at.description), "detail": .string(detail),
                "index": .integer(Int64(index)), "kind": .string(kind.rawValue),
                "ref": .string(ref),
            ]
        }
    }

    package enum Kind: String, Sendable, Hashable, CaseIterable {
        /// A gate says that something ran which nobody cleared; the machine refuses such an entry,
        /// so one is a fault of the server.
        case executionWithoutClearance = "execution_without_clearance"
        /// Drift that no approved action explains.
        case unauthorisedChange = "unauthorised_change"
        case selfApproved = "self_approved"
        /// Cleared before the installation was sealed, when one person could change the rules.
        case unsealed
        case breakGlass = "break_glass"
        /// A break-glass that nobody had looked at when the period ended.
        case openDebt = "open_debt"
        /// What ran at a gate that could be gone around: its outcome is only a claim.
        case advisory
        /// A gate that fell silent, or an observer that did not see everything.
        case gateGap = "gate_gap"
        /// Nobody had said a day later what became of it.
        case overdueUnknown = "overdue_unknown"
        case changeWithoutReview = "change_without_review"
        case recovery
        case clockStepped = "clock_stepped"
        case signInFailed = "sign_in_failed"
    }

    package let from: Timestamp
    package let to: Timestamp
    /// How many entries of each kind there are.
    package private(set) var counts: [String: Int64] = [:]
    /// How many actions were submitted, and how they ended.
    package private(set) var verdicts: [String: Int64] = [:]
    package private(set) var exceptions: [Exception] = []
    /// Entries made before the installation was sealed.
    package private(set) var unsealed: Int64 = 0
    package private(set) var firstIndex: UInt64?
    package private(set) var lastIndex: UInt64?
    package internal(set) var treeSize: UInt64 = 0
    package internal(set) var root = Hash256.zero
    package internal(set) var origin = ""

    /// More would not help anybody; the counts say how many there are.
    private static let mostExceptions = 100_000
    private static let overdueSeconds: Int64 = 86_400

    init(from: Timestamp, to: Timestamp) {
        self.from = from
        self.to = to
    }

    mutating func count(_ recorded: RecordedEntry) {
        counts[recorded.entry.kind, default: 0] += 1
        firstIndex = firstIndex ?? recorded.index
        lastIndex = recorded.index
    }

    private mutating func except(_ kind: Kind, _ recorded: RecordedEntry, _ detail: String) {
        guard exceptions.count < Self.mostExceptions else { return }
        exceptions.append(
            Exception(
                kind: kind, ref: recorded.entry.ref, index: recorded.index,
                at: recorded.entry.at, detail: detail))
    }

    /// What entries say that are no action's.
    mutating func note(_ core: JSON, _ recorded: RecordedEntry) {
        if core["unsealed"]?.boolValue == true { unsealed += 1 }
        let by = core["by"]?.stringValue ?? ""
        switch recorded.entry.kind {
        case "action.cleared" where core["unsealed"]?.boolValue == true:
            except(.unsealed, recorded, "cleared before the seal")
        case "directory.changed", "policies.published", "drift.configured":
            if !by.hasPrefix(Principal.actionPrefix) {
                let what = core["change"]?["op"]?.stringValue ?? recorded.entry.kind
                except(.changeWithoutReview, recorded, "\(what) by \(by)")
            }
        case "installation.recovered": except(.recovery, recorded, "the recovery key was used")
        case "clock.stepped": except(.clockStepped, recorded, core["reason"]?.stringValue ?? "")
        case "sign-in.failed":
            except(.signInFailed, recorded, core["method"]?.stringValue ?? "")
        case "drift.observed":
            let summary = core["summary"]
            let opened = summary?["opened"]?.intValue ?? 0
            if opened > 0 {
                except(.unauthorisedChange, recorded, "\(opened) deviations that nothing explains")
            }
            let gaps = summary?["gaps"]?.intValue ?? 0
            if gaps > 0 || summary?["status"]?.stringValue == "silent" {
                except(.gateGap, recorded, "the observer did not see everything")
            }
        default: break
        }
    }

    /// What an action's entries say.
    mutating func note(_ event: ActionEvent, _ state: ActionState, _ recorded: RecordedEntry) {
        switch event {
        case .submitted(let submission):
            verdicts["submitted", default: 0] += 1
            verdicts[submission.decision.rawValue, default: 0] += 1
        case .decided(let decision, _) where decision.selfApproved:
            except(.selfApproved, recorded, "by \(decision.person)")
        case .glassBroken(let broken): except(.breakGlass, recorded, "by \(broken.person)")
        case .silent: except(.gateGap, recorded, "gate \(state.submission.gate.id) fell silent")
        case .reported(let report):
            if state.claim == nil || state.clearance == nil {
                except(.executionWithoutClearance, recorded, report.status.rawValue)
            }
            if !state.submission.gate.enforcing {
                except(.advisory, recorded, "\(report.status.rawValue), says the agent")
            }
        default: break
        }
    }

    /// What is left open when the period ends.
    mutating func close(_ state: ActionState, at end: Timestamp) {
        if state.status.isFinal { verdicts["ended_\(state.status.rawValue)", default: 0] += 1 }
        func except(_ kind: Kind, _ detail: String) {
            exceptions.append(
                Exception(
                    kind: kind, ref: state.id.text, index: lastIndex ?? 0, at: state.updatedAt,
                    detail: detail))
        }
        if let debt = state.openDebt { except(.openDebt, "by \(debt.person), due \(debt.due)") }
        if state.status == .unknown, end.seconds(since: state.updatedAt) >= Self.overdueSeconds {
            except(.overdueUnknown, "nobody has said what became of it")
        }
    }

    /// The report as one JSON value.
    package var json: JSON {
        func object(_ numbers: [String: Int64]) -> JSON {
            .object(JSONObject(numbers.map { ($0.key, .integer($0.value)) }))
        }
        var kinds: [String: Int64] = [:]
        for exception in exceptions { kinds[exception.kind.rawValue, default: 0] += 1 }
        for kind in Kind.allCases where kinds[kind.rawValue] == nil { kinds[kind.rawValue] = 0 }
        return [
            "actions": object(verdicts), "entries": object(counts),
            "exceptionCounts": object(kinds),
            "exceptions": .array(exceptions.map(\.json)),
            "firstIndex": firstIndex.map { .integer(Int64($0)) } ?? .null,
            "from": .string(from.description),
            "lastIndex": lastIndex.map { .integer(Int64($0)) } ?? .null,
            "log": .string(origin), "root": .string(root.hex), "to": .string(to.description),
            "treeSize": .integer(Int64(treeSize)), "unsealedEntries": .integer(unsealed),
        ]
    }
}
