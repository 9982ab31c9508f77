// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Collectors
import DriftCore
import Foundation
import Synchronization
import TestSupport
import Testing
import TransparencyLog

/// A folder that goes with its owner.
final class Folder: Sendable {
    let path: String

    init() throws {
        var template = Array("\(NSTemporaryDirectory())/collectors-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let made = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        path = URL(fileURLWithPath: made).resolvingSymlinksInPath().path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file and returns its path.
    @discardableResult
    func write(_ name: String, _ text: String, mode: Int = 0o644) throws -> String {
        let file = "\(path)/\(name)"
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
        return file
    }

    func text(_ name: String) -> String {
        (try? String(contentsOfFile: "\(path)/\(name)", encoding: .utf8)) ?? ""
    }

    func has(_ name: String) -> Bool {
        FileManager.default.fileExists(atPath: "\(path)/\(name)")
    }
}

/// What a test needs in order to look at a source.
enum Watching {
    static let key = [UInt8](repeating: 7, count: 32)

    static func redactor(_ secrets: [String] = []) throws -> Redactor {
        try Redactor(key: key, secrets: secrets)
    }

    /// Makes the collector of a source of that kind through the factory.
    static func collector(
        _ kind: DriftSource.Kind, _ settings: JSONObject
    ) throws -> any SourceCollector {
        let factory = CollectorFactory(
            files: { _ in throw DriftError("no files here") }, postgresql: nil, exequatur: nil)
        return try factory.make(
            DriftSource(
                id: #require(Handle("watched")), kind: kind, scope: "here", every: 60,
                assetClass: .high,
                settings: settings))
    }

    /// Looks once; the clock runs a millisecond each time somebody looks at it.
    static func observe(
        _ collector: any SourceCollector, redactor: Redactor? = nil, at start: Int64? = nil
    ) async throws -> Observation {
        let clock = Clock(start ?? Int64(Date().timeIntervalSince1970 * 1_000))
        return await collector.observe(
            now: { clock.next() }, redactor: try redactor ?? Self.redactor())
    }

    /// Looks once and expects that all was seen.
    static func snapshot(_ collector: any SourceCollector) async throws -> Snapshot {
        let observation = try await observe(collector)
        #expect(observation.gaps == [])
        #expect(observation.status == .ok)
        return try #require(observation.snapshot)
    }

    /// Looks once and expects that nothing can be said; why.
    static func failure(_ collector: any SourceCollector) async throws -> CoverageGap {
        let observation = try await observe(collector)
        #expect(observation.status == .failed)
        return try #require(observation.gaps.first)
    }

    static func digest(_ path: String) throws -> JSON {
        .string(Hash256.sha256(try Corpora.bytes(at: path)).hex)
    }

    private final class Clock: Sendable {
        private let time: Mutex<Int64>
        init(_ start: Int64) { time = Mutex(start) }
        func next() -> Timestamp {
            Timestamp(
                milliseconds: time.withLock { time in
                    time += 1
                    return time
                })
        }
    }
}

extension Snapshot {
    /// The subjects, in their order.
    var subjects: [String] { leaves.map(\.subject) }

    /// The document of a subject.
    func document(_ subject: String) throws -> JSON {
        try JSON(canonical: try #require(self[subject]).document)
    }

    /// The subjects that differ from those of another.
    func changes(from other: Snapshot) -> [String] {
        Set(subjects + other.subjects).filter { self[$0] != other[$0] }.sorted()
    }
}

/// A program of somebody else that runs while a test does.
final class Counterparty: Sendable {
    /// What it prints first.
    let port: Int
    private let child: pid_t

    /// Starts a program and waits for the number that it prints.
    init(_ arguments: [String], in folder: Folder) throws {
        let out = "\(folder.path)/counterparty-\(arguments.hashValue)"
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, "\(out).err", O_WRONLY | O_CREAT, 0o600)
        let argv = arguments.map { strdup($0) } + [nil]
        defer { for pointer in argv { free(pointer) } }
        var child: pid_t = 0
        try #require(posix_spawnp(&child, arguments[0], &actions, nil, argv, environ) == 0)
        self.child = child
        for _ in 0..<600 {
            let text = (try? String(contentsOfFile: out, encoding: .utf8)) ?? ""
            if text.hasSuffix("\n"), let port = Int(text.dropLast()) {
                self.port = port
                return
            }
            usleep(50_000)
        }
        port = 0
        let said = (try? String(contentsOfFile: "\(out).err", encoding: .utf8)) ?? ""
        Issue.record("`\(arguments)` does not say its port: \(said)")
    }

    deinit {
        kill(child, SIGKILL)
        var status: Int32 = 0
        waitpid(child, &status, 0)
    }
}
