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

/// So many distinct persons of one group.
package struct Slot: Sendable, Hashable {
    package let group: Handle
    package let quorum: Int

    package init(group: Handle, quorum: Int) {
        self.group = group
        self.quorum = quorum
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

    package init?(
        slots: [Slot], expires: Span, grant: Span, severity: Severity, assurance: Assurance
    ) {
        guard !slots.isEmpty, slots.count <= Limits.slotGroups,
            slots.allSatisfy({ $0.quorum >= 1 && $0.quorum <= Int(Limits.quorum) }),
            Set(slots.map(\.group)).count == slots.count
        else { return nil }
        self.slots = slots.sorted { $0.group < $1.group }
        self.expires = expires
        self.grant = grant
        self.severity = severity
        self.assurance = max(assurance, severity.leastAssurance)
    }

    package init(_ json: JSON, path: String = "requirement") throws {
        var reader = try JSONReader(json, path: path)
        let slots = try reader.array("slots").map { element in
            var slot = try JSONReader(element, path: "\(path).slots")
            let result = Slot(
                group: try slot.handle("group"), quorum: Int(clamping: try slot.int("quorum")))
            try slot.finish()
            return result
        }
        guard let expires = Span(seconds: try reader.int("expiresSeconds")),
            let grant = Span(seconds: try reader.int("grantSeconds"))
        else { throw CoreError("`\(path)`: a length of time is out of range") }
        let severity = try reader.choice("severity", Severity.self)
        let assurance = try reader.choice("assurance", Assurance.self)
        try reader.finish()
        guard
            let requirement = Requirement(
                slots: slots, expires: expires, grant: grant, severity: severity,
                assurance: assurance)
        else { throw CoreError("`\(path).slots`: empty, repeated or out of range") }
        self = requirement
    }

    package var json: JSON {
        [
            "assurance": .string(assurance.rawValue),
            "expiresSeconds": .integer(expires.seconds),
            "grantSeconds": .integer(grant.seconds), "severity": .string(severity.rawValue),
            "slots": .array(
                slots.map { slot in
                    [
                        "group": .string(slot.group.text),
                        "quorum": .integer(Int64(slot.quorum)),
                    ]
                }),
        ]
    }

    /// The stricter of both in every respect.
    package func merged(with other: Requirement) -> Requirement? {
        var quorums: [Handle: Int] = [:]
        for slot in slots + other.slots {
            quorums[slot.group] = max(quorums[slot.group] ?? 0, slot.quorum)
        }
        return Requirement(
            slots: quorums.map { Slot(group: $0.key, quorum: $0.value) },
            expires: min(expires, other.expires), grant: min(grant, other.grant),
            severity: max(severity, other.severity), assurance: max(assurance, other.assurance))
    }

    /// The groups of this requirement that a person is in.
    package func groups(of person: Handle, in directory: Directory) -> [Handle] {
        slots.map(\.group).filter { directory.persons(in: $0).contains(person) }
    }
}

/// Assigns distinct persons to slots so that as many as possible are filled.
package enum SlotMatching {
    /// A maximum matching of persons to slots (Kuhn's augmenting paths); deterministic: persons
    /// in order of handle, slots in order of group.
    ///
    /// - Returns: for each group the persons that fill it. The requirement is met if and only if
    ///   every group has its quorum.
    package static func match(
        _ requirement: Requirement, approvers: Set<Handle>, in directory: Directory
    ) -> [Handle: [Handle]] {
        let seats = requirement.slots.flatMap { slot in
            Array(repeating: slot.group, count: slot.quorum)
        }
        var holder: [Handle?] = Array(repeating: nil, count: seats.count)
        let members = Dictionary(
            requirement.slots.map { ($0.group, directory.persons(in: $0.group)) },
            uniquingKeysWith: { first, _ in first })

        func seat(_ person: Handle, _ visited: inout Set<Int>) -> Bool {
            for index in seats.indices
            where members[seats[index]]?.contains(person) == true
                && visited.insert(index).inserted
            {
                if let sitting = holder[index], !seat(sitting, &visited) { continue }
                holder[index] = person
                return true
            }
            return false
        }
        for person in approvers.sorted() {
            var visited: Set<Int> = []
            _ = seat(person, &visited)
        }
        var result: [Handle: [Handle]] = [:]
        for (index, group) in seats.enumerated() {
            if let person = holder[index] { result[group, default: []].append(person) }
        }
        return result.mapValues { $0.sorted() }
    }

    /// True if distinct approvers fill every slot.
    package static func isMet(
        _ requirement: Requirement, approvers: Set<Handle>, in directory: Directory
    ) -> Bool {
        let filled = match(requirement, approvers: approvers, in: directory)
        return requirement.slots.allSatisfy { (filled[$0.group]?.count ?? 0) == $0.quorum }
    }
}
