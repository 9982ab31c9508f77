// SPDX-License-Identifier: Apache-2.0

internal import CLinux
package import CanonicalJSON
package import DriftCore

/// What of a file is recorded; what it is (`type`) always is.
package struct FileAttributes: OptionSet, Sendable, Hashable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    static let names = [
        "acl", "capabilities", "defaultAcl", "gid", "links", "mode", "rdev", "sha256", "size",
        "target", "uid", "xattrs",
    ]

    package static let acl = FileAttributes(rawValue: 1)
    package static let capabilities = FileAttributes(rawValue: 1 << 1)
    package static let defaultACL = FileAttributes(rawValue: 1 << 2)
    package static let group = FileAttributes(rawValue: 1 << 3)
    package static let links = FileAttributes(rawValue: 1 << 4)
    package static let mode = FileAttributes(rawValue: 1 << 5)
    package static let device = FileAttributes(rawValue: 1 << 6)
    package static let digest = FileAttributes(rawValue: 1 << 7)
    package static let size = FileAttributes(rawValue: 1 << 8)
    package static let target = FileAttributes(rawValue: 1 << 9)
    package static let owner = FileAttributes(rawValue: 1 << 10)
    package static let extended = FileAttributes(rawValue: 1 << 11)
    package static let all = FileAttributes(rawValue: (1 << 12) - 1)

    /// Whatever the system keeps as an extended attribute.
    static let kept: FileAttributes = [.acl, .capabilities, .defaultACL, .extended]

    /// - Throws: ``DriftError`` for a name that is none.
    package init(names: [String]) throws(DriftError) {
        var value: UInt16 = 0
        for name in names {
            guard let index = Self.names.firstIndex(of: name) else {
                throw DriftError(
                    "`\(name)`: not an attribute of files; there are "
                        + Self.names.joined(separator: ", "))
            }
            value |= 1 << UInt16(index)
        }
        rawValue = value
    }

    package var names: [String] {
        Self.names.indices.filter { rawValue & (1 << UInt16($0)) != 0 }.map { Self.names[$0] }
    }
}

/// Reads a structured file: bytes, and which format they are in; throws where they are not.
package typealias FieldParser = @Sendable ([UInt8], String) throws -> JSON

/// Which files are taken apart into fields.
package struct FieldRules: Sendable, Hashable {
    /// What files of each format are called; `--fields auto`.
    ///
    /// Not `env`: secrets are in such files, and whoever wants their fields has to name them.
    package static let auto: JSON = [
        "ini": ["*.ini"], "json": ["*.json"], "toml": ["*.toml"], "yaml": ["*.yaml", "*.yml"],
    ]
    package static let formats = ["env", "ini", "json", "toml", "yaml"]
    package static let none = FieldRules()

    private let rules: [Rule]

    private struct Rule: Hashable {
        let format: String
        let globs: PathGlobs
    }

    private init() { rules = [] }

    /// Reads `{"json":["/etc/app/*.json"],"yaml":[…],"toml":[…],"ini":[…],"env":[…]}`.
    package init(_ json: JSON, path: String) throws {
        var reader = try JSONReader(json, path: path)
        var rules: [Rule] = []
        for format in Self.formats {
            guard let globs = try reader.optionalStrings(format), !globs.isEmpty else { continue }
            rules.append(Rule(format: format, globs: try PathGlobs(globs)))
        }
        try reader.finish()
        self.rules = rules
    }

    package var isEmpty: Bool { rules.isEmpty }

    package func format(_ path: [UInt8]) -> String? {
        rules.first { $0.globs.matches(path) }?.format
    }

    package var json: JSON {
        .object(JSONObject(rules.map { ($0.format, .array($0.globs.texts.map(JSON.string))) }))
    }
}

/// What to read of a tree of files, and how.
package struct FileScanOptions: Sendable, Hashable {
    /// A file beyond this is a gap rather than hours of reading.
    package static let defaultMaximumFileBytes: Int64 = 16 << 30
    /// All of a tree is read again within so many passes, whatever its dates say.
    package static let defaultRereadWithin = 24
    package static let maximumRoots = 256

    /// Absolute paths in order, none below another unless it is on another file system.
    package private(set) var roots: [[UInt8]]
    /// Paths that are entered though they are on another file system than what is above them.
    package private(set) var crossings: Set<[UInt8]>
    package var exclude = PathGlobs.none
    /// What is read in every pass, whatever its dates say.
    package var always = PathGlobs.none
    package var fields = FieldRules.none
    package var staysOnFileSystem = false
    package var attributes = FileAttributes.all
    package var maximumFileBytes = Self.defaultMaximumFileBytes
    package var rereadWithin = Self.defaultRereadWithin
    package var workers = 1

    /// - Throws: ``DriftError`` for a path that is not absolute, and for too many.
    package init(roots: [[UInt8]]) throws(DriftError) {
        guard (1...Self.maximumRoots).contains(roots.count) else {
            throw DriftError("\(roots.count) paths: give 1 to \(Self.maximumRoots)")
        }
        var normalised: [[UInt8]] = []
        for root in roots {
            guard let path = FilePath.normalised(root), path.count < 4096 else {
                let text = String(decoding: root.prefix(80), as: UTF8.self)
                throw DriftError("`\(text)`: give an absolute path of at most 4,095 bytes")
            }
            normalised.append(path)
        }
        crossings = Set(normalised)
        var kept: [[UInt8]] = []
        for root in normalised.sorted(by: { FilePath.precedes($0, $1) })
        where !kept.contains(where: { FilePath.isInside(root, $0) }) {
            kept.append(root)
        }
        self.roots = kept
    }

    /// Every path that was named, in order.
    package var named: [[UInt8]] { crossings.sorted { FilePath.precedes($0, $1) } }
}

extension FileScanOptions {
    /// These options for one path of those that are scanned, or below one.
    ///
    /// - Throws: ``DriftError`` where the path is none of those.
    package func only(_ path: [UInt8]) throws(DriftError) -> FileScanOptions {
        let one = try FileScanOptions(roots: [path])
        let text = String(decoding: FilePath.encoded(path), as: UTF8.self)
        guard let root = one.roots.first, roots.contains(where: { FilePath.isInside(root, $0) })
        else {
            let known = named.prefix(5).map { "`\(String(decoding: $0, as: UTF8.self))`" }
            throw DriftError(
                "`\(text)` is not in the baseline: it has \(known.joined(separator: ", "))")
        }
        for (index, byte) in root.enumerated() where byte == UInt8(ascii: "/") && index > 0 {
            guard !exclude.matches(Array(root[..<index])) else {
                throw DriftError("`\(text)` is excluded by the baseline")
            }
        }
        guard !exclude.matches(root) || crossings.contains(root) else {
            throw DriftError("`\(text)` is excluded by the baseline")
        }
        var options = self
        options.roots = [root]
        return options
    }

    /// Whether a scan would come across a path.
    package func covers(_ path: [UInt8]) -> Bool {
        guard let place = FilePath.normalised(path),
            crossings.contains(where: { FilePath.isInside(place, $0) })
        else { return false }
        let ends = place.indices.dropFirst().filter { place[$0] == UInt8(ascii: "/") }
        return !(ends + [place.count]).contains { exclude.matches(Array(place[..<$0])) }
    }

    /// The paths that cannot be found without following a link.
    package var missing: [String] {
        named.filter { path in
            guard let slash = path.lastIndex(of: UInt8(ascii: "/")), path.count > 1 else {
                return false
            }
            guard let above = try? OpenFolder(place: Array(path[..<slash])) else { return true }
            var found = clinux_entry()
            return (path[(slash + 1)...] + [0]).withUnsafeBytes {
                clinux_look_at(
                    above.descriptor, $0.assumingMemoryBound(to: CChar.self).baseAddress, &found)
            } != 0
        }.map { String(decoding: FilePath.encoded($0), as: UTF8.self) }
    }
}
