// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import TransparencyLog

/// Makes the changes of a plan, and says of what it can't why.
struct PlanBuilder {
    let source: DriftSource
    let expected: Snapshot
    let live: Snapshot
    let directions: DirectionRules
    let allowsBroadening: Bool
    /// Subjects that other plans are at.
    let busy: Set<ByteKey>
    private(set) var changes: [RemediationPlan.Change] = []
    private(set) var refused: [RemediationPlan.Refusal] = []
    private(set) var isBroadening = false
    /// Whether all of it is known to take rights away.
    private(set) var isNarrowing = true

    init(
        source: DriftSource, expected: Snapshot, live: Snapshot, directions: DirectionRules,
        allowsBroadening: Bool, busy: Set<ByteKey>
    ) {
        self.source = source
        self.expected = expected
        self.live = live
        self.directions = directions
        self.allowsBroadening = allowsBroadening
        self.busy = busy
    }

    mutating func refuse(_ fingerprint: Hash256, _ reason: String) {
        refused.append(RemediationPlan.Refusal(fingerprint: fingerprint, reason: reason))
    }

    /// Adds what puts deviations of one subject back; `beside` are its others.
    mutating func add(
        _ deviations: [Deviation], of subject: String, beside: [Deviation],
        fought: (Hash256) -> Int64
    ) throws {
        var chosen: [Deviation] = []
        var left = beside
        for deviation in deviations {
            let back = directions.direction(of: deviation.reversed, kind: source.kind)
            if let reason = reason(against: deviation, back, fought(deviation.fingerprint)) {
                refuse(deviation.fingerprint, reason)
                left.append(deviation)
                continue
            }
            chosen.append(deviation)
        }
        if source.kind == .files, left.contains(where: \.isOfContent) {
            // Its bytes are put back, and with them every field.
            for deviation in chosen where deviation.isOfContent {
                refuse(
                    deviation.fingerprint,
                    "a file's content is put back as a whole: name all that differs in it")
            }
            chosen.removeAll(where: \.isOfContent)
        }
        for deviation in chosen {
            let back = directions.direction(of: deviation.reversed, kind: source.kind)
            if back == .broadening { isBroadening = true }
            // What nobody can judge is not harmless.
            if back != .narrowing { isNarrowing = false }
        }
        if chosen.isEmpty { return }
        if let whole = chosen.first(where: \.pointer.tokens.isEmpty) {
            try addWhole(whole)
        } else {
            try addFields(chosen, of: subject)
        }
    }

    private func reason(
        against deviation: Deviation, _ direction: DriftDirection, _ fought: Int64
    ) -> String? {
        if busy.contains(ByteKey(deviation.subject)) {
            return "another plan is at this subject: wait for it"
        }
        if fought >= DriftLimits.reverts {
            return "it was put back \(fought) times and came again: find who sets it"
        }
        if deviation.before?.holdsSecret == true || deviation.isOfSecret {
            return "what was there is secret and not known here: put it back by hand"
        }
        if direction == .broadening, !allowsBroadening {
            return "putting it back gives rights back: say that it may"
        }
        return nil
    }

    private mutating func addWhole(_ deviation: Deviation) throws {
        let observed: [JSONPatch.Operation] =
            deviation.after.map { [.test(JSONPointer(tokens: []), $0)] } ?? []
        let kind: RemediationPlan.Change.Kind =
            switch (deviation.before, deviation.after) {
            case (nil, _): .delete
            case (_, nil): .create
            default: .edit
            }
        var operations = observed
        if kind == .edit, let before = deviation.before {
            operations.append(.replace(JSONPointer(tokens: []), before))
        }
        let field = RemediationPlan.Field(
            fingerprint: deviation.fingerprint, pointer: deviation.pointer,
            post: deviation.before)
        changes.append(
            RemediationPlan.Change(
                subject: deviation.subject, kind: kind, patch: JSONPatch(operations).json,
                document: deviation.before, fields: [field]))
    }

    /// A list is put back as a whole, for numbers of elements shift.
    private static func place(of deviation: Deviation) -> JSONPointer {
        DocumentMerge.listAbove(deviation.path) ?? deviation.pointer
    }

    private mutating func addFields(_ deviations: [Deviation], of subject: String) throws {
        guard let old = try expected[subject]?.json(), let new = try live[subject]?.json(),
            let target = DocumentMerge.reverting(
                Set(deviations.map(\.path)), to: old, in: new, lists: source.lists)
        else {
            for deviation in deviations {
                refuse(
                    deviation.fingerprint,
                    "elements of a list can't be told apart: put the whole list back")
            }
            return
        }
        let known = deviations.filter { target[Self.place(of: $0)]?.holdsSecret != true }
        guard known.count == deviations.count else {
            for deviation in deviations where target[Self.place(of: deviation)]?.holdsSecret == true
            {
                refuse(
                    deviation.fingerprint,
                    "there are secrets beside it that are not known here: put it back by hand")
            }
            // The document that is wanted has only what is left.
            return known.isEmpty ? () : try addFields(known, of: subject)
        }
        var tests: [JSONPatch.Operation] = []
        var edits: [JSONPatch.Operation] = []
        var fields: [RemediationPlan.Field] = []
        var tested: Set<JSONPointer> = []
        var edited: Set<JSONPointer> = []
        for deviation in deviations {
            let place = Self.place(of: deviation)
            let (found, wanted) = (new[place], target[place])
            fields.append(
                RemediationPlan.Field(
                    fingerprint: deviation.fingerprint, pointer: place, post: wanted))
            // Absence can't be tested, but what it would be a member of can.
            let witness = found == nil ? place.prefix(place.tokens.count - 1) : place
            if let observed = new[witness], tested.insert(witness).inserted {
                tests.append(.test(witness, observed))
            }
            guard edited.insert(place).inserted else { continue }
            switch (found, wanted) {
            case (nil, let wanted?): edits.append(.add(place, wanted))
            case (_?, let wanted?): edits.append(.replace(place, wanted))
            case (_, nil): edits.append(.remove(place))
            }
        }
        changes.append(
            RemediationPlan.Change(
                subject: subject, kind: .edit, patch: JSONPatch(tests + edits).json,
                document: target, fields: fields))
    }
}

extension Deviation {
    /// Whether it lies in what stands for a secret: the keyed digest has another value.
    var isOfSecret: Bool {
        path.steps.last?.member == "$secret"
            && [before, after].contains { $0?.stringValue?.hasPrefix("hmac-sha256:") == true }
    }

    /// Whether it lies in the bytes of a file: their digest, their number, or a field.
    package var isOfContent: Bool {
        ["content", "sha256", "size"].contains { name in
            pointer.tokens.first?.utf8.elementsEqual(name.utf8) == true
        }
    }

    /// The same place, changed back.
    var reversed: Deviation {
        let back: Operation =
            switch operation {
            case .add: .remove
            case .remove: .add
            case .replace, .retype, .reorder: operation
            }
        return Deviation(
            source: source, scope: scope, subject: subject, path: path, pointer: pointer,
            operation: back, before: after, after: before)
    }
}

extension JSON {
    /// Whether a digest stands for a secret in it.
    var holdsSecret: Bool {
        if isRedacted { return true }
        return switch self {
        case .array(let elements): elements.contains(where: \.holdsSecret)
        case .object(let object): object.contains { $0.value.holdsSecret }
        case .null, .bool, .number, .string: false
        }
    }
}
