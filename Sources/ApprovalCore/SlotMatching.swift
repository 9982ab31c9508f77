// SPDX-License-Identifier: Apache-2.0

/// Assigns distinct persons to slots so that as many as possible are filled.
package enum SlotMatching {
    /// A maximum matching of persons to slots (Kuhn's augmenting paths); deterministic: persons
    /// in order of handle, slots in order of group.
    ///
    /// `seconds` have passed since the submission: escalations up to then count.
    ///
    /// - Returns: for each group the persons that fill it. The requirement is met if and only if
    ///   every group has its quorum.
    package static func match(
        _ requirement: Requirement, approvers: Set<Handle>, in directory: Directory,
        after seconds: Int64
    ) -> [Handle: [Handle]] {
        let seats = requirement.slots.flatMap { slot in
            Array(repeating: slot.group, count: slot.quorum)
        }
        var holder: [Handle?] = Array(repeating: nil, count: seats.count)
        let members = Dictionary(
            requirement.slots.map { slot in
                (
                    slot.group,
                    approvers.filter { slot.admits($0, in: directory, after: seconds) }
                )
            }, uniquingKeysWith: { first, _ in first })

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
        _ requirement: Requirement, approvers: Set<Handle>, in directory: Directory,
        after seconds: Int64
    ) -> Bool {
        let filled = match(requirement, approvers: approvers, in: directory, after: seconds)
        return requirement.slots.allSatisfy { (filled[$0.group]?.count ?? 0) == $0.quorum }
    }
}
