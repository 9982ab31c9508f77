// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
internal import DriftCore
package import TransparencyLog

/// The first line of a baseline file: of what it is, and how to look again.
package struct BaselineHeader: Sendable, Hashable {
    package static let kind = "exequatur.baseline"
    package static let version: Int64 = 1

    package var host: String
    package var time: Timestamp
    /// The effective user who looked: others see less.
    package var user: Int64
    package var options: FileScanOptions
    /// JSONPath expressions of what is secret in structured files.
    package var secrets: [String]
    /// Names the key of their digests, without telling it.
    package var key: Hash256?

    package init(
        host: String, time: Timestamp, user: Int64, options: FileScanOptions,
        secrets: [String] = [], key: Hash256? = nil
    ) {
        self.host = host
        self.time = time
        self.user = user
        self.options = options
        self.secrets = secrets
        self.key = key
    }

    package var json: JSON {
        var object: JSONObject = [
            "attributes": .array(options.attributes.names.map(JSON.string)),
            "exclude": .array(options.exclude.texts.map(JSON.string)),
            "fields": options.fields.json, "host": .string(host), "kind": .string(Self.kind),
            "maximumFileBytes": .int(options.maximumFileBytes),
            "oneFileSystem": .bool(options.staysOnFileSystem),
            "paths": .array(
                options.named.map {
                    .string(String(decoding: FilePath.encoded($0), as: UTF8.self))
                }),
            "secrets": .array(secrets.map(JSON.string)), "time": .string(time.description),
            "user": .int(user), "v": .int(Self.version),
        ]
        if let key { object["key"] = .string("sha256:\(key.hex)") }
        return .object(object)
    }

    /// Reads one; members that are not known are refused, they might change what is looked at.
    package init(_ json: JSON) throws {
        var reader = try JSONReader(json, path: "header")
        guard try reader.string("kind") == Self.kind else {
            throw reader.error("kind", "expected `\(Self.kind)`")
        }
        guard try reader.int("v") == Self.version else {
            throw reader.error("v", "only version \(Self.version) is known")
        }
        let paths = try reader.strings("paths").map { FilePath.decoded(Array($0.utf8)) }
        var options = try FileScanOptions(roots: paths)
        options.exclude = try PathGlobs(try reader.strings("exclude"))
        options.fields = try FieldRules(try reader.value("fields"), path: "header.fields")
        options.maximumFileBytes = try reader.int("maximumFileBytes")
        options.staysOnFileSystem = try reader.bool("oneFileSystem")
        options.attributes = try FileAttributes(names: try reader.strings("attributes"))
        self.options = options
        host = try reader.string("host")
        guard let time = Timestamp(try reader.string("time")) else {
            throw reader.error("time", "expected an instant such as `2026-01-01T00:00:00.000Z`")
        }
        self.time = time
        user = try reader.int("user")
        secrets = try reader.strings("secrets")
        key = try reader.optionalString("key").map {
            guard let hash = Self.hash($0) else { throw reader.error("key", "expected a digest") }
            return hash
        }
        try reader.finish()
    }

    /// Reads `sha256:` and 64 digits.
    static func hash(_ text: String) -> Hash256? {
        guard text.utf8.starts(with: "sha256:".utf8) else { return nil }
        return Hash256(hex: String(text.dropFirst(7)))
    }
}

/// The last line of a baseline file.
struct BaselineTrailer: Hashable {
    /// SHA-256 of the first line.
    let header: Hash256
    let leaves: UInt64
    let root: Hash256

    var json: JSON {
        [
            "header": .string("sha256:\(header.hex)"), "leaves": .int(Int64(leaves)),
            "root": .string("sha256:\(root.hex)"),
        ]
    }

    init(header: Hash256, leaves: UInt64, root: Hash256) {
        self.header = header
        self.leaves = leaves
        self.root = root
    }

    init(_ json: JSON) throws {
        var reader = try JSONReader(json, path: "trailer")
        let header = BaselineHeader.hash(try reader.string("header"))
        let root = BaselineHeader.hash(try reader.string("root"))
        guard let leaves = UInt64(exactly: try reader.int("leaves")), let header, let root else {
            throw reader.error("root", "expected digests and a number of leaves")
        }
        try reader.finish()
        self.init(header: header, leaves: leaves, root: root)
    }
}
