// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

// The statically linked standard library has no Testing module, and a release build compiles
// this target too.
#if canImport(Testing)
public import Testing
#endif

/// Finds the public conformance data the tests are held against.
///
/// The data is not part of this repository. It is looked for in the folder that the environment
/// variable `EXEQUATUR_CORPORA` names, else in `../shared/corpora` beside the package. Tests that
/// need it carry the trait `.corpus("…")` and are skipped, with a message, where it is absent.
public enum Corpora {
    /// The path of the folder that holds the corpora, whether it exists or not.
    public static let folder: String = {
        if let path = ProcessInfo.processInfo.environment["EXEQUATUR_CORPORA"], !path.isEmpty {
            return path
        }
        return URL(fileURLWithPath: packageRoot).deletingLastPathComponent()
            .appendingPathComponent("shared/corpora").path
    }()

    /// The path of this package's root folder, found from this file's own place in it.
    public static let packageRoot: String = {
        // Symbolic links are resolved, so that a package that links to these sources works too.
        URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .path
    }()

    /// Whether the corpus file or folder called `name` is there.
    public static func has(_ name: String) -> Bool {
        FileManager.default.fileExists(atPath: path(name))
    }

    /// The path of the corpus file or folder called `name`, such as `jcs/testdata/input`.
    public static func path(_ name: String) -> String { "\(folder)/\(name)" }

    /// The bytes of the file at `path`.
    /// - Throws: when the file cannot be read.
    public static func bytes(at path: String) throws -> [UInt8] {
        try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
    }

    /// The text of the file at `path`.
    /// - Throws: when the file cannot be read, and ``CorpusError`` when it is not UTF-8.
    public static func text(at path: String) throws -> String {
        guard let text = String(validating: try bytes(at: path), as: UTF8.self) else {
            throw CorpusError(description: "cannot read `\(path)` as text: it is not UTF-8")
        }
        return text
    }

    /// The names of the files and folders directly in the folder at `path`, sorted.
    /// - Throws: when the folder cannot be read.
    public static func names(in path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    }

    /// The path of the folder into which the archive `name` (`.tar.xz` and the like) is unpacked.
    ///
    /// Unpacked at most once for each version of the archive, into the temporary folder, and
    /// reused by later runs: a large corpus takes seconds.
    /// - Throws: ``CorpusError`` when `tar` cannot be run or fails.
    public static func unpacked(_ name: String) throws -> String {
        // Serialised, so that suites running in parallel wait for one unpacking.
        try unpacking.withLock { done in
            if let folder = done[name] { return folder }
            let folder = try unpack(name).path
            done[name] = folder
            return folder
        }
    }

    private static let unpacking = Mutex<[String: String]>([:])

    private static func unpack(_ name: String) throws -> URL {
        let files = FileManager.default
        let archive = URL(fileURLWithPath: path(name))
        let attributes = try files.attributesOfItem(atPath: archive.path)
        let size = (attributes[.size] as? Int) ?? 0
        let changed = (attributes[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
        let parent = files.temporaryDirectory
            .appendingPathComponent("exequatur-corpora-\(getuid())", isDirectory: true)
        let flat = name.replacingOccurrences(of: "/", with: "_")
        let target = parent.appendingPathComponent("\(flat)-\(size)-\(Int(changed))")
        if files.fileExists(atPath: target.path) { return target }

        // Unpacked beside the target and renamed: a target that exists is always complete, even
        // when a run is interrupted or two processes start at once.
        let partial = parent.appendingPathComponent("\(flat)-partial-\(getpid())")
        try? files.removeItem(at: partial)
        try files.createDirectory(at: partial, withIntermediateDirectories: true)
        try tar(["-xf", archive.path, "-C", partial.path])
        do {
            try files.moveItem(at: partial, to: target)
        } catch {
            try? files.removeItem(at: partial)
            guard files.fileExists(atPath: target.path) else { throw error }
        }
        return target
    }

    private static func tar(_ arguments: [String]) throws {
        let status = try Child.run(["tar"] + arguments)
        guard status == 0 else {
            throw CorpusError(
                description: "cannot unpack `\(arguments[1])`: tar ended with status "
                    + "\(status); check the archive and that xz is installed")
        }
    }
}

/// Why a corpus could not be made ready.
public struct CorpusError: Error, CustomStringConvertible {
    /// One line for the developer: what failed and what to check.
    public let description: String
}

#if canImport(Testing)
extension Trait where Self == ConditionTrait {
    /// Skips a test where the corpus file or folder `name` is absent, saying how to provide it.
    public static func corpus(_ name: String) -> Self {
        .enabled(
            if: Corpora.has(name),
            "no corpus `\(name)` in `\(Corpora.folder)`: set EXEQUATUR_CORPORA to the folder")
    }
}
#endif
