// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import Cedar
package import TransparencyLog

/// One policy or schema file as published.
package struct PolicyFile: Sendable, Hashable {
    package let name: String
    package let text: String

    package init(name: String, text: String) {
        self.name = name
        self.text = text
    }

    var isPolicy: Bool { name.hasSuffix(".cedar") }
    var isSchema: Bool { name.hasSuffix(".cedarschema") }
}

/// A policy set that was published atomically, compiled and checked; named by its digest.
///
/// It holds the schema that it was validated against, the shipped one included, so that a receipt
/// can be judged years later by what was in force, whatever software judges it.
package struct PublishedPolicies: Sendable {
    /// In order of name; schemas among them.
    package let files: [PolicyFile]
    package let policySet: PolicySet
    /// What requests must fit.
    package let schema: Schema
    /// What was odd and no reason to refuse; empty for a set that was read back.
    package let warnings: [String]
    /// Whether a policy looks at `context.behavior`, which costs a look into the ledger.
    package let asksForBehavior: Bool
    /// SHA-256 of the canonical JSON of `files`.
    package let digest: Hash256
    private let markers: [String: ReviewMarker]
    private let forbids: Set<String>

    /// Compiles and checks a set that is to be published, or reports everything wrong with it.
    ///
    /// The shipped schema becomes part of the set, and so do `generated` files; copies of them
    /// among `files` must be the same. Nil where it is not known what is approved, away from the
    /// server: copies of generated files are then taken as they are.
    package init(
        files: [PolicyFile], generated: [PolicyFile]? = nil
    ) throws(PolicyProblems) {
        var problems: [String] = []
        let shipped = ProductSchema.file
        for file in files where file.name == shipped.name && file != shipped {
            problems.append(
                "`\(shipped.name)` comes with the server: leave it out, and put what you declare "
                    + "into a file of another name")
        }
        problems += Self.reserved(files, generated)
        let own = generated ?? []
        let given = files.filter { file in
            file.name != shipped.name && !own.contains { $0.name == file.name }
        }
        if !given.contains(where: \.isPolicy) {
            problems.append("a policy set needs at least one file that ends in `.cedar`")
        }
        problems += ProductSchema.shadowing(given.filter(\.isSchema))
        guard problems.isEmpty else { throw PolicyProblems(problems: problems) }
        try self.init(stored: given + own + [shipped], checks: true)
    }

    /// Files that go by the name of a generated one and are none.
    private static func reserved(_ files: [PolicyFile], _ generated: [PolicyFile]?) -> [String] {
        files.filter { ToolDeclarations.isReserved($0.name) }.compactMap { file in
            let isRight = generated?.contains(file) ?? ToolDeclarations.isGenerated(file)
            return isRight
                ? nil
                : "`\(VisibleText.escape(file.name))`: files of such a name are made of the "
                    + "approved tools of a gate: leave it out, or put what you declare into a "
                    + "file of another name"
        }
    }

    /// Reads the stored form back; the digest is computed, never read.
    package init(_ json: JSON) throws {
        var reader = try JSONReader(json, path: "policies")
        guard try reader.int("v") == Self.version else {
            throw CoreError("`policies.v`: unknown version")
        }
        let files = try reader.array("files").map { element in
            var file = try JSONReader(element, path: "policies.files")
            let result = PolicyFile(
                name: try file.string("name"), text: try file.string("text"))
            try file.finish()
            return result
        }
        try reader.finish()
        // What was published stays in force: later software must not find it invalid.
        try self.init(stored: files, checks: false)
    }

    /// Version 1 had no schemas and was never released.
    private static let version: Int64 = 2

    private init(stored files: [PolicyFile], checks: Bool) throws(PolicyProblems) {
        let sorted = files.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        var problems = PolicyChecks.names(sorted)
        var read: PolicySet?
        do {
            read = try PolicySet(
                parsing: sorted.filter(\.isPolicy).map {
                    PolicySource(name: $0.name, text: $0.text)
                },
                idsFromAnnotation: true)
        } catch {
            problems += error.errors.map(\.description)
        }
        var schema: Schema?
        do {
            schema = try ProductSchema.schema(sorted.filter(\.isSchema))
        } catch {
            problems += error.problems
        }
        var markers: [String: ReviewMarker] = [:]
        for policy in read?.policies ?? [] {
            do {
                markers[policy.id] = try ReviewMarker(policy)
            } catch {
                problems.append(error.description)
            }
        }
        var warnings: [String] = []
        if let read {
            problems += PolicyChecks.ids(read)
            if checks, let schema {
                let found = PolicyChecks.findings(read, schema)
                problems += found.problems
                warnings = found.warnings
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
        guard problems.isEmpty, let read, let schema else {
            throw PolicyProblems(problems: problems)
        }
        policySet = read
        self.files = sorted
        self.schema = schema
        self.warnings = warnings
        asksForBehavior = read.policies.contains { $0.names("behavior") }
        self.markers = markers
        forbids = Set(read.policies.filter { $0.effect == .forbid }.map(\.id))
        digest = .sha256(canonical)
    }

    package var json: JSON { Self.json(files) }

    /// The files that were made of the approved tools of gates.
    package var generatedFiles: [PolicyFile] { files.filter(ToolDeclarations.isGenerated) }

    /// The files that somebody published.
    package var givenFiles: [PolicyFile] {
        files.filter { $0.name != ProductSchema.fileName && !ToolDeclarations.isGenerated($0) }
    }

    /// The files that are schemas, the shipped one included.
    package var schemaFiles: [PolicyFile] { files.filter(\.isSchema) }

    private static func json(_ files: [PolicyFile]) -> JSON {
        [
            "files": .array(
                files.map { ["name": .string($0.name), "text": .string($0.text)] }),
            "v": .integer(version),
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
}

extension Policy {
    /// Whether a condition asks for an attribute of that name, of whatever.
    fileprivate func names(_ attribute: String) -> Bool {
        var found = false
        walk { expression in
            switch expression.kind {
            case .attribute(_, let name): found = found || name == attribute
            case .has(_, let path): found = found || path.contains(attribute)
            default: break
            }
        }
        return found
    }
}

/// Everything that is wrong with a policy set.
package struct PolicyProblems: Error, Sendable, Hashable, CustomStringConvertible {
    package let problems: [String]
    package init(problems: [String]) { self.problems = problems }
    package var description: String { problems.joined(separator: "\n") }
}
