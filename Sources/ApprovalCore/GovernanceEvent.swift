// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import TransparencyLog

/// The entry by which a policy set comes into force.
package struct PolicyPublication: Sendable, Hashable {
    package static let ref = "policies"
    package static let kind = "policies.published"

    package let policySet: Hash256
    package let files: [(name: String, digest: Hash256)]
    package let by: String
    package let unsealed: Bool

    package init(_ policies: PublishedPolicies, by: String, unsealed: Bool) {
        policySet = policies.digest
        files = policies.files.map { ($0.name, .sha256(Array($0.text.utf8))) }
        self.by = by
        self.unsealed = unsealed
    }

    package init(core: JSON) throws {
        var reader = try JSONReader(core, path: "core")
        guard try reader.int("v") == 1, try reader.string("kind") == Self.kind else {
            throw CoreError("`core`: not a policy publication of a known version")
        }
        policySet = try reader.hash("policySet")
        files = try reader.array("files").map { element in
            var file = try JSONReader(element, path: "core.files")
            let result = (name: try file.string("name"), digest: try file.hash("digest"))
            try file.finish()
            return result
        }
        by = try reader.string("by")
        unsealed = try reader.bool("unsealed")
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

    package static func == (a: PolicyPublication, b: PolicyPublication) -> Bool {
        a.core == b.core
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(core) }
}

/// The entry of one change of the directory, with the digest of the directory after it.
package struct DirectoryEntry: Sendable, Hashable {
    package static let ref = "directory"
    package static let kind = "directory.changed"

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

    package init(core: JSON) throws {
        var reader = try JSONReader(core, path: "core")
        guard try reader.int("v") == 1, try reader.string("kind") == Self.kind else {
            throw CoreError("`core`: not a directory change of a known version")
        }
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
