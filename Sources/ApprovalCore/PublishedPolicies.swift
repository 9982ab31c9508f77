// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import Cedar
package import TransparencyLog

/// One policy file as published.
package struct PolicyFile: Sendable, Hashable {
    package let name: String
    package let text: String

    package init(name: String, text: String) {
        self.name = name
        self.text = text
    }
}

/// A policy set that was published atomically, compiled and checked; named by its digest.
package struct PublishedPolicies: Sendable {
    /// In order of name.
    package let files: [PolicyFile]
    package let policySet: PolicySet
    /// SHA-256 of the canonical JSON of `files`.
    package let digest: Hash256
    private let markers: [String: ReviewMarker]
    private let forbids: Set<String>

    /// Compiles a set or reports everything that is wrong with it.
    package init(files: [PolicyFile]) throws(PolicyProblems) {
        var problems: [String] = []
        let sorted = files.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        if files.isEmpty { problems.append("a policy set needs at least one file") }
        if Set(files.map(\.name)).count != files.count {
            problems.append("two files have the same name")
        }
        for file in sorted where !Self.isFileName(file.name) {
            problems.append(
                "`\(VisibleText.escape(file.name))`: not a file name of at most "
                    + "128 letters, digits and `. _ -`")
        }
        var read: PolicySet?
        do {
            read = try PolicySet(
                parsing: sorted.map { PolicySource(name: $0.name, text: $0.text) },
                idsFromAnnotation: true)
        } catch {
            problems += error.errors.map(\.description)
        }
        if let read, read.policies.isEmpty {
            problems.append("a policy set needs at least one policy: without one, nothing runs")
        }
        var markers: [String: ReviewMarker] = [:]
        for policy in read?.policies ?? [] {
            // Ids are keys of tables and stand in entries; ASCII, so that equal means equal bytes.
            if !Self.isPolicyID(policy.id) {
                problems.append(
                    "`\(VisibleText.escape(policy.id))`: not a policy id of at most 128 printable "
                        + "ASCII characters")
            }
            do {
                markers[policy.id] = try ReviewMarker(policy)
            } catch {
                problems.append(error.description)
            }
        }
        var canonical: [UInt8] = []
        do {
            canonical = try Self.json(sorted).canonicalBytes()
            if canonical.count > Limits.actionBytes {
                problems.append(
                    "the set has \(canonical.count) bytes; the limit is "
                        + "\(Limits.actionBytes)")
            }
        } catch {
            problems.append("the texts can't be written as JSON: \(error)")
        }
        guard problems.isEmpty, let read else { throw PolicyProblems(problems: problems) }
        policySet = read
        self.files = sorted
        self.markers = markers
        forbids = Set(read.policies.filter { $0.effect == .forbid }.map(\.id))
        digest = .sha256(canonical)
    }

    /// Reads the stored form back; the digest is computed, never read.
    package init(_ json: JSON) throws {
        var reader = try JSONReader(json, path: "policies")
        guard try reader.int("v") == 1 else { throw CoreError("`policies.v`: unknown version") }
        let files = try reader.array("files").map { element in
            var file = try JSONReader(element, path: "policies.files")
            let result = PolicyFile(
                name: try file.string("name"), text: try file.string("text"))
            try file.finish()
            return result
        }
        try reader.finish()
        try self.init(files: files)
    }

    package var json: JSON { Self.json(files) }

    private static func json(_ files: [PolicyFile]) -> JSON {
        [
            "files": .array(
                files.map { ["name": .string($0.name), "text": .string($0.text)] }),
            "v": 1,
        ]
    }

    package func marker(_ policy: String) -> ReviewMarker? { markers[policy] }
    package func isForbid(_ policy: String) -> Bool { forbids.contains(policy) }

    /// Every group that some policy asks, with the persons it asks for.
    package var demandedSlots: [(policy: String, slot: Slot)] {
        markers.sorted { $0.key < $1.key }.flatMap { policy, marker in
            (marker.requirement?.slots ?? []).map { (policy, $0) }
        }
    }

    private static func isPolicyID(_ id: String) -> Bool {
        !id.isEmpty && id.utf8.count <= 128 && id.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
    }

    private static func isFileName(_ name: String) -> Bool {
        let bytes = name.utf8
        return !bytes.isEmpty && bytes.count <= 128 && bytes.first != 0x2E
            && bytes.allSatisfy { byte in
                let lower = byte | 0x20
                return (lower >= 0x61 && lower <= 0x7A) || (byte >= 0x30 && byte <= 0x39)
                    || [0x2D, 0x2E, 0x5F].contains(byte)
            }
    }
}

/// Everything that is wrong with a policy set.
package struct PolicyProblems: Error, Sendable, Hashable, CustomStringConvertible {
    package let problems: [String]
    package init(problems: [String]) { self.problems = problems }
    package var description: String { problems.joined(separator: "\n") }
}
