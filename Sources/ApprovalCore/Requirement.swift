// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON

/// How sure we are that the person decided himself (DESIGN §2).
package enum Assurance: String, Sendable, Hashable, Comparable, CaseIterable {
    case token
    case chat
    case console
    case passkey

    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    package static func < (a: Assurance, b: Assurance) -> Bool { a.rank < b.rank }
}

/// How bad it would be to be wrong.
package enum Severity: String, Sendable, Hashable, Comparable, CaseIterable {
    case low
    case medium
    case high
    case critical

    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    package static func < (a: Severity, b: Severity) -> Bool { a.rank < b.rank }

    /// `high` and `critical` need a person signed in at the console, whatever policy says.
    package var leastAssurance: Assurance { self >= .high ? .console : .token }
}

/// A group that may fill the slots of another one from some instant on.
package struct Escalation: Sendable, Hashable {
    /// Counted from when the action was submitted.
    package let after: Span
    package let group: Handle

    package init(after: Span, group: Handle) {
        self.after = after
        self.group = group
    }
}

/// So many distinct persons of one group.
package struct Slot: Sendable, Hashable {
    package let group: Handle
    package let quorum: Int
    /// Who else may fill it, and from when on; in order of time, each group once.
    package let escalations: [Escalation]

    package init(group: Handle, quorum: Int, escalations: [Escalation] = []) {
        self.group = group
        self.quorum = quorum
        self.escalations = escalations.sorted { ($0.after, $0.group) < ($1.after, $1.group) }
    }

    /// The groups whose members may fill it so many seconds after the submission.
    package func groups(after seconds: Int64) -> [Handle] {
        [group] + escalations.filter { $0.after.seconds <= seconds }.map(\.group)
    }

    /// Whether a person may fill it so many seconds after the submission.
    package func admits(_ person: Handle, in directory: Directory, after seconds: Int64) -> Bool {
        groups(after: seconds).contains { directory.isPerson(person, in: $0) }
    }

    /// What both demand: the larger quorum, and only escalations that both have, at the later of
    /// their instants (DESIGN §7).
    func merged(with other: Slot) -> Slot {
        let common = escalations.compactMap { mine in
            other.escalations.first { $0.group == mine.group }.map {
                Escalation(after: max(mine.after, $0.after), group: mine.group)
            }
        }
        return Slot(group: group, quorum: max(quorum, other.quorum), escalations: common)
    }
}

/// What must happen before a reviewed action is cleared: the merge of all fired review policies.
package struct Requirement: Sendable, Hashable {
    /// In order of group; never empty, every quorum at least one.
    package let slots: [Slot]
    package let expires: Span
    package let grant: Span
    package let severity: Severity
    package let assurance: Assurance
    /// Groups whose members may break the glass; empty for nobody (DESIGN §8).
    package let breakGlass: [Handle]

    package init?(
        slots: [Slot], expires: Span, grant: Span, severity: Severity, assurance: Assurance,
        breakGlass: [Handle] = []
    ) {
        guard !slots.isEmpty, slots.count <= Limits.slotGroups,
            slots.allSatisfy({ $0.quorum >= 1 && $0.quorum <= Int(Limits.quorum) }),
            Set(slots.map(\.group)).count == slots.count,
            slots.allSatisfy({ Self.isOrderly($0.escalations) }),
            breakGlass.count <= Limits.slotGroups, Set(breakGlass).count == breakGlass.count
        else { return nil }
        self.slots = slots.sorted { $0.group < $1.group }
        self.expires = expires
        self.grant = grant
        self.severity = severity
        self.assurance = max(assurance, severity.leastAssurance)
        self.breakGlass = breakGlass.sorted()
    }

    private static func isOrderly(_ escalations: [Escalation]) -> Bool {
        escalations.count <= Limits.escalations
            && Set(escalations.map(\.group)).count == escalations.count
    }

    package init(_ json: JSON, path: String = "requirement") throws {
        var reader = try JSONReader(json, path: path)
        let slots = try reader.array("slots").map { element in
            var slot = try JSONReader(element, path: "\(path).slots")
            let result = Slot(
                group: try slot.handle("group"), quorum: Int(clamping: try slot.int("quorum")),
                escalations: try Self.escalations(&slot, path: path))
            try slot.finish()
            return result
        }
        guard let expires = Span(seconds: try reader.int("expiresSeconds")),
            let grant = Span(seconds: try reader.int("grantSeconds"))
        else { throw CoreError("`\(path)`: a length of time is out of range") }
        let severity = try reader.choice("severity", Severity.self)
        let assurance = try reader.choice("assurance", Assurance.self)
        let breakGlass = try reader.optionalStrings("breakGlass")?.map { text in
            guard let group = Handle(text) else {
                throw CoreError("`\(path).breakGlass`: not a group")
            }
            return group
        }
        try reader.finish()
        guard
            let requirement = Requirement(
                slots: slots, expires: expires, grant: grant, severity: severity,
                assurance: assurance, breakGlass: breakGlass ?? [])
        else { throw CoreError("`\(path).slots`: empty, repeated or out of range") }
        self = requirement
    }

    private static func escalations(
        _ slot: inout JSONReader, path: String
    ) throws -> [Escalation] {
        try (slot.optionalArray("escalations") ?? []).map { element in
            var reader = try JSONReader(element, path: "\(path).slots.escalations")
            guard let after = Span(seconds: try reader.int("afterSeconds")) else {
                throw CoreError("`\(path)`: a length of time is out of range")
            }
            let group = try reader.handle("group")
            try reader.finish()
            return Escalation(after: after, group: group)
        }
    }

    package var json: JSON {
        var object: JSONObject = [
            "assurance": .string(assurance.rawValue),
            "expiresSeconds": .integer(expires.seconds),
            "grantSeconds": .integer(grant.seconds), "severity": .string(severity.rawValue),
            "slots": .array(slots.map(\.json)),
        ]
        // Only where there is some: requirements from before keep their bytes.
        if !breakGlass.isEmpty { object["breakGlass"] = .handles(breakGlass) }
        return .object(object)
    }

    /// The stricter of both in every respect.
    package func merged(with other: Requirement) -> Requirement? {
        var merged: [Handle: Slot] = [:]
        for slot in slots + other.slots {
            merged[slot.group] = merged[slot.group]?.merged(with: slot) ?? slot
        }
        return Requirement(
            slots: Array(merged.values), expires: min(expires, other.expires),
            grant: min(grant, other.grant), severity: max(severity, other.severity),
            assurance: max(assurance, other.assurance),
            breakGlass: breakGlass.filter(other.breakGlass.contains))
    }

    /// The groups whose slots a person may fill, so many seconds after the submission.
    package func groups(
        of person: Handle, in directory: Directory, after seconds: Int64
    ) -> [Handle] {
        slots.filter { $0.admits(person, in: directory, after: seconds) }.map(\.group)
    }

    /// Everybody who may fill a slot so many seconds after the submission.
    package func persons(in directory: Directory, after seconds: Int64) -> Set<Handle> {
        askedGroups(after: seconds).reduce(into: []) { $0.formUnion(directory.persons(in: $1)) }
    }

    /// Whether distinct persons other than these could fill every slot, sooner or later.
    ///
    /// Of a large group only as many are looked at as there are seats: with so many to choose from,
    /// a slot is never what fails.
    package func isSatisfiable(in directory: Directory, without excluded: Set<Handle>) -> Bool {
        let seats = slots.reduce(0) { $0 + $1.quorum }
        var candidates: Set<Handle> = []
        for slot in slots {
            var found = 0
            for group in slot.groups(after: expires.seconds) {
                for member in directory.groups[group] ?? []
                where found < seats && !excluded.contains(member)
                    && directory.persons.contains(member)
                {
                    candidates.insert(member)
                    found += 1
                }
            }
        }
        return SlotMatching.isMet(
            self, approvers: candidates, in: directory, after: expires.seconds)
    }

    /// The instants at which others are asked as well, counted from the submission.
    package var escalationSeconds: [Int64] {
        Set(slots.flatMap(\.escalations).map(\.after.seconds)).sorted()
    }

    /// The groups that are asked from just that moment on.
    package func groups(escalatedAfter seconds: Int64) -> [Handle] {
        let all = slots.flatMap(\.escalations).filter { $0.after.seconds == seconds }
        return Set(all.map(\.group)).sorted()
    }

    /// Every group that is asked so many seconds after the submission.
    package func askedGroups(after seconds: Int64) -> [Handle] {
        let later = slots.flatMap(\.escalations).filter { $0.after.seconds <= seconds }
        return Set(slots.map(\.group) + later.map(\.group)).sorted()
    }
}

extension Slot {
    fileprivate var json: JSON {
        var object: JSONObject = [
            "group": .string(group.text), "quorum": .integer(Int64(quorum)),
        ]
        if !escalations.isEmpty {
            object["escalations"] = .array(
                escalations.map {
                    [
                        "afterSeconds": .integer($0.after.seconds),
                        "group": .string($0.group.text),
                    ]
                })
        }
        return .object(object)
    }
}
