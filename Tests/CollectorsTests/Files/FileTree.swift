// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import DriftCore
import Foundation

@testable import Collectors

/// A folder of its own, with a folder next to it, both gone at the end.
final class FileTree: Sendable {
    /// A moment long after anything in a test was changed: caches may trust it.
    static let later = Timestamp(milliseconds: 7_258_118_400_000)

    private let top: String
    let path: String
    let outside: String

    init() throws {
        var template = Array(
            (NSTemporaryDirectory() as NSString).appendingPathComponent("exq-files.XXXXXX")
                .utf8CString)
        guard mkdtemp(&template) != nil else { throw DriftError("no temporary folder") }
        top = String(
            decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        path = top + "/t"
        outside = top + "/o"
        for folder in [path, outside] {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: false)
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: top) }

    var baseline: String { outside + "/baseline" }
    static var isRoot: Bool { geteuid() == 0 }

    func write(_ name: String, _ text: String) throws {
        let place = "\(path)/\(name)"
        try FileManager.default.createDirectory(
            atPath: (place as NSString).deletingLastPathComponent,
            withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(fileURLWithPath: place))
    }

    /// Writes into the file that is there, rather than another one.
    func overwrite(_ name: String, _ text: String) throws {
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: "\(path)/\(name)"))
        try handle.truncate(atOffset: 0)
        try handle.write(contentsOf: Data(text.utf8))
        try handle.close()
    }

    func remove(_ name: String) throws {
        try FileManager.default.removeItem(atPath: "\(path)/\(name)")
    }

    func subject(_ name: String) -> String {
        name == "." ? "file:\(path)" : "file:\(path)/\(name)"
    }

    func options(
        _ change: (inout FileScanOptions) throws -> Void = { _ in }
    ) throws
        -> FileScanOptions
    {
        var options = try FileScanOptions(roots: [Array(path.utf8)])
        options.workers = 2
        try change(&options)
        return options
    }

    /// What a scan finds.
    func scan(
        _ options: FileScanOptions? = nil, fields: FieldReading? = nil,
        cache: inout DigestCache?, now: Timestamp = later
    ) throws -> Found {
        var found = Found()
        found.counts = try FileScanner(options ?? self.options(), fields: fields).scan(
            nanoseconds: now.milliseconds * 1_000_000, cache: &cache, into: &found)
        return found
    }

    func scan(_ options: FileScanOptions? = nil, fields: FieldReading? = nil) throws -> Found {
        var cache: DigestCache?
        return try scan(options, fields: fields, cache: &cache)
    }

    struct Found: FileScanSink {
        var lines: [[UInt8]] = []
        var marks: [FileMark] = []
        var counts = FileScanner.Counts()

        mutating func leaf(_ line: UnsafeRawBufferPointer) throws { lines.append(Array(line)) }
        mutating func mark(_ mark: FileMark) throws { marks.append(mark) }

        var gaps: [CoverageGap] {
            marks.compactMap {
                switch $0 {
                case .hidden(let gap), .unseen(let gap), .noted(let gap): gap
                case .excluded, .notEntered: nil
                }
            }
        }

        func leaf(_ subject: String) throws -> JSON? {
            try lines.map { try JSON(parsing: $0) }
                .first { $0["subject"] == .string(subject) }?["document"]
        }
    }

    /// Writes a baseline of the tree as it is.
    @discardableResult
    func writeBaseline(_ options: FileScanOptions? = nil) throws -> FileBaseline.Written {
        var cache: DigestCache?
        return try FileBaseline.write(
            to: baseline,
            header: BaselineHeader(
                host: "here", time: Self.later, user: 0, options: try options ?? self.options()),
            cache: &cache)
    }

    /// Holds the tree against the baseline.
    func compare() throws -> FileBaseline.Report {
        let reader = try BaselineReader(path: baseline)
        var options = reader.header.options
        options.workers = 2
        var cache: DigestCache?
        return try FileBaseline.scan(reader, options: options, cache: &cache, now: Self.later)
    }
}
