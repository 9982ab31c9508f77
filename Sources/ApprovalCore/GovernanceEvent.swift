// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import TransparencyLog

/// The core of a `policies.published` entry: which set is in force from here on.
///
/// Its body is `{"policies": PublishedPolicies.json}`, so that anybody who holds the entry can
/// compile the set again and compare the digest.
package struct PolicyPublication: Sendable, Hashable {
    package static let kind = "policies.published"
    package static let ref = "policies"

    /// One file by name and SHA-256 of its text.
    package struct File: Sendable, Hashable {
        package let name: String
        package let digest: Hash256
    }

    package let policySet: Hash256
    package let files: [File]
    package let by: String
    package let unsealed: Bool

    package init(_ policies: PublishedPolicies, by: String, unsealed: Bool) {
        policySet = policies.digest
        files = policies.files.map { file in
            File(name: file.name, digest: .sha256(Array(file.text.utf8)))
        }
        self.by = by
        self.unsealed = unsealed
    }

    /// Reads a core; an unknown version, kind or member is refused.
    package init(core: JSON) throws {
        var reader = try JSONReader(core, path: "core")
        try reader.expectHeader(kind: Self.kind)
        policySet = try reader.hash("policySet")
        by = try reader.string("by")
        unsealed = try reader.bool("unsealed")
        files = try reader.array("files").map { element in
            var file = try JSONReader(element, path: "core.files")
            let result = File(name: try file.string("name"), digest: try file.hash("digest"))
            try file.finish()
            return result
        }
        try reader.finish()
    }

    package var core: JSON {
        [
            "by": .string(by),
            "files": .array(
                files.map { ["digest": .string($0.digest.hex), "name": .string($0.name)] }),
            "kind": .string(Self.kind), "policySet": .string(policySet.hex),
            "unsealed": .bool(unsealed), "v": 1,
        ]
    }

    /// The body that belongs to it.
    package static func body(_ policies: PublishedPolicies) -> JSON {
        ["policies": policies.json]
    }

    /// Compiles the set of an entry's body; throws unless it is the one the core names.
    package func policies(body: JSON) throws -> PublishedPolicies {
        var reader = try JSONReader(body, path: "body")
        let stored = try reader.value("policies")
        try reader.finish()
        let policies = try PublishedPolicies(stored)
        guard policies.digest == policySet, policies.json == stored else {
            throw CoreError("`body.policies`: not the policy set that the core names")
        }
        guard PolicyPublication(policies, by: by, unsealed: unsealed) == self else {
            throw CoreError("`core.files`: not the files of this policy set")
        }
        return policies
    }
}

/// The core of a `directory.changed` entry: one change, and the directory's digest after it.
///
/// Its body is `{"name": …}`: what people call the person or agent that was added. Where a gate's
/// configuration was approved, it is ``ApprovedGate/body``.
package struct DirectoryEntry: Sendable, Hashable {
    package static let kind = "directory.changed"
    package static let ref = "directory"

    package let change: DirectoryChange
    package let by: String
    package let directory: Hash256
    package let unsealed: Bool

    package init(change: DirectoryChange, by: String, directory: Hash256, unsealed: Bool) {
        self.change = change
        self.by = by
        self.directory = directory
        self.unsealed = unsealed
    }

    /// Reads a core; an unknown version, kind or member is refused.
    package init(core: JSON) throws {
        var reader = try JSONReader(core, path: "core")
        try reader.expectHeader(kind: Self.kind)
        change = try DirectoryChange(try reader.value("change"), path: "core.change")
        by = try reader.string("by")
        directory = try reader.hash("directory")
        unsealed = try reader.bool("unsealed")
        try reader.finish()
    }

    package var core: JSON {
        [
            "by": .string(by), "change": change.json, "directory": .string(directory.hex),
            "kind": .string(Self.kind), "unsealed": .bool(unsealed), "v": 1,
        ]
    }
}

/// What the body of the entry that approves a gate's configuration holds: everything that was
/// looked at, and the schema that was made of it.
package struct ApprovedGate: Sendable, Hashable {
    package let presentation: GatePresentation
    package let schema: PolicyFile

    package init(presentation: GatePresentation, schema: PolicyFile) {
        self.presentation = presentation
        self.schema = schema
    }

    /// Reads a body; throws unless it is what the core's digests are of.
    package init(body: JSON, configuration: GateConfiguration) throws {
        var reader = try JSONReader(body, path: "body")
        guard try reader.value("name") == .null else {
            throw CoreError("`body.name`: a gate has none")
        }
        presentation = try GatePresentation(try reader.value("presentation"))
        var file = try reader.object("schema")
        schema = PolicyFile(name: try file.string("name"), text: try file.string("text"))
        try file.finish()
        try reader.finish()
        guard try presentation.approved() == configuration else {
            throw CoreError("`body.presentation`: not what the core approves")
        }
    }

    /// The schema in a body, without looking at what it was made of; for the start of a server.
    package static func schema(ofBody body: JSON?) -> PolicyFile? {
        guard let file = body?["schema"], let name = file["name"]?.stringValue,
            let text = file["text"]?.stringValue
        else { return nil }
        return PolicyFile(name: name, text: text)
    }

    package var body: JSON {
        get throws {
            [
                "name": .null,
                "presentation": try JSON(
                    canonical: presentation.canonical, limits: Limits.storedJSON),
                "schema": ["name": .string(schema.name), "text": .string(schema.text)],
            ]
        }
    }
}

extension JSONReader {
    fileprivate mutating func expectHeader(kind: String) throws {
        guard try int("v") == 1 else { throw CoreError("`core.v`: unknown version") }
        guard try string("kind") == kind else { throw CoreError("`core.kind`: not `\(kind)`") }
    }
}
