// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON
internal import Collectors
internal import DriftCore
internal import Foundation

/// What `drift init` and `drift scan` have in common.
struct DriftFilesOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Threads that read; as many as there are cores if not given.", valueName: "n"))
    var workers: Int?

    @Option(
        help: ArgumentHelp(
            "Remember digests here, and read again only what may have changed.",
            discussion: "A damaged cache is ignored.", valueName: "file"),
        completion: .file())
    var cache: String?

    var threads: Int {
        get throws {
            let count = workers ?? ProcessInfo.processInfo.activeProcessorCount
            guard (1...256).contains(count) else {
                throw CLIError.usage("`--workers \(count)`: from 1 to 256")
            }
            return count
        }
    }

    /// The cache, or an empty one; nil where none is wanted.
    func readCache() -> DigestCache? {
        guard let cache else { return nil }
        do throws(DigestCache.Unusable) {
            return try DigestCache(path: cache, boot: DigestCache.bootID()) ?? DigestCache()
        } catch {
            Output.note("the cache `\(cache)` is not used, everything is read: \(error)")
            return DigestCache()
        }
    }

    /// What the next pass has no use for is no reason to call this one failed.
    func write(_ known: DigestCache?) {
        guard let cache, let known else { return }
        do {
            try known.write(to: cache, boot: DigestCache.bootID())
        } catch {
            Output.note("the next scan reads everything: \(error)")
        }
    }

    /// Refuses to write into what is watched: each scan would find it.
    func check(_ file: String, _ option: String, against options: FileScanOptions) throws {
        let path = LocalFile.absolute(file)
        // It is written under another name first.
        if options.covers(Array(path.utf8)) || options.covers(Array("\(path).XXXXXX".utf8)) {
            throw CLIError.usage(
                "`\(option) \(file)` is below a path that is watched: put it elsewhere, or "
                    + "`--exclude '\(path)*'`")
        }
    }
}

/// What drift commands say of a failure.
enum DriftFiles {
    static func attempt<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as CLIError {
            throw error
        } catch {
            throw CLIError("\(error)")
        }
    }

    /// Reads structured files.
    static let parse: FieldParser = { try StructuredFiles.parse($0, format: $1) }
}
