// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON
internal import Collectors
internal import DriftCore
internal import Foundation
internal import TransparencyLog

/// `exequatur drift init`: the state of files as they are now.
struct DriftFilesInit: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Write down what files are now, to scan against later; needs no server.",
        discussion: """
            Exit status 0: all of it was seen. 2: written, but with gaps. 1: not written. Keep the \
            digest that it prints where nobody can change it, and give it to `drift scan --expect`: \
            whoever can write a baseline can also make it look right.
            """)

    @Argument(help: "Files and folders; links are not followed.", completion: .file())
    var paths: [String]

    @Option(help: "Where to write the baseline.", completion: .file())
    var out: String

    @Option(
        help: ArgumentHelp(
            "Leave out what matches, such as `*.log` or `/var/cache/**`.",
            valueName: "glob"))
    var exclude: [String] = []

    @Option(
        help: ArgumentHelp(
            """
            Compare fields of structured files: `auto`, or FORMAT=GLOB with json, yaml, toml, ini \
            or env.
            """,
            valueName: "rule"))
    var fields: [String] = []

    @Option(
        help: ArgumentHelp(
            "Replace these values by digests under a key, which is kept in FILE.key.",
            valueName: "jsonpath"))
    var secret: [String] = []

    @Option(
        help: ArgumentHelp("Only these attributes, with commas between.", valueName: "names"))
    var attributes: String?

    @Option(
        help: ArgumentHelp("Do not read larger files; they are gaps.", valueName: "n"))
    var maxFileBytes: Int64?

    @Flag(help: "Do not enter other file systems.")
    var oneFileSystem = false

    @OptionGroup var common: DriftFilesOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let written = try DriftFiles.attempt { try write() }
        try report(written)
        if written.gapCount > 0 { throw DriftExit.drift }
    }

    private func write() throws -> FileBaseline.Written {
        let options = try scanOptions()
        try common.check(out, "--out", against: options)
        if let cache = common.cache { try common.check(cache, "--cache", against: options) }
        var header = BaselineHeader(
            host: ProcessInfo.processInfo.hostName, time: SystemClock.wall(),
            user: Int64(geteuid()), options: options, secrets: secret)
        var key: RedactionKey?
        if !secret.isEmpty {
            // Before a key is made for expressions that are none.
            _ = try Redactor(key: [], secrets: secret)
            try common.check("\(out).key", "--out", against: options)
            let made = try RedactionKey(readingOrMaking: "\(out).key")
            header.key = made.name
            key = made
        }
        let redactor = try Redactor(
            key: key?.bytes ?? [UInt8](repeating: 0, count: 32), secrets: secret)
        var cache = common.readCache()
        let written = try FileBaseline.write(
            to: out, header: header,
            fields: FieldReading(
                parse: DriftFiles.parse, redactor: redactor, hasSecrets: !secret.isEmpty),
            cache: &cache)
        common.write(cache)
        return written
    }

    private func scanOptions() throws -> FileScanOptions {
        var options = try FileScanOptions(roots: paths.map { Array(LocalFile.absolute($0).utf8) })
        for path in options.missing {
            throw CLIError(
                "`\(path)` is not there, or behind a link: links are not followed, name the place "
                    + "that `realpath` tells")
        }
        options.exclude = try PathGlobs(exclude)
        options.fields = try rules()
        options.staysOnFileSystem = oneFileSystem
        if let attributes {
            options.attributes = try FileAttributes(
                names: attributes.split(separator: ",").map(String.init))
        }
        if let maxFileBytes {
            guard maxFileBytes >= 0 else { throw CLIError.usage("`--max-file-bytes`: at least 0") }
            options.maximumFileBytes = maxFileBytes
        }
        options.workers = try common.threads
        return options
    }

    private func rules() throws -> FieldRules {
        if fields.isEmpty { return .none }
        if fields.contains(where: { $0.utf8.elementsEqual("auto".utf8) }) {
            guard fields.count == 1 else {
                throw CLIError.usage("`--fields auto` goes with no other rule")
            }
            return try FieldRules(FieldRules.auto, path: "--fields")
        }
        var globs: [String: [JSON]] = [:]
        for rule in fields {
            let parts = rule.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, FieldRules.formats.contains(parts[0]) else {
                throw CLIError.usage(
                    "`--fields \(rule)`: give `auto`, or FORMAT=GLOB with "
                        + FieldRules.formats.joined(separator: ", "))
            }
            globs[parts[0], default: []].append(.string(parts[1]))
        }
        let object = JSONObject(globs.map { ($0.key, JSON.array($0.value)) })
        return try FieldRules(.object(object), path: "--fields")
    }

    private func report(_ written: FileBaseline.Written) throws {
        let gaps = (written.gaps + written.malformed).map(ScanReport.json)
        let json: JSON = [
            "baseline": [
                "digest": .string("sha256:\(written.digest.hex)"),
                "leaves": .int(Int64(written.leaves)), "path": .string(out),
                "root": .string("sha256:\(written.root.hex)"),
            ],
            "counts": [
                "excluded": .int(written.counts.excluded), "gaps": .int(written.gapCount),
                "malformed": .int(written.malformed.count),
                "notEntered": .int(written.counts.notEntered),
            ],
            "gaps": .array(gaps),
        ]
        var lines = written.gaps.map(ScanReport.line)
        if !written.malformed.isEmpty {
            lines.append(
                "\(written.malformed.count) structured files could not be parsed and are compared "
                    + "as a whole")
        }
        var summary = "\(written.leaves) entries written to \(out)"
        if written.gapCount > 0 { summary += ", \(written.gapCount) gaps" }
        if written.counts.excluded > 0 { summary += ", \(written.counts.excluded) excluded" }
        lines += [summary, "digest sha256:\(written.digest.hex)"]
        try output.print(json, or: lines.map(TerminalText.escaped))
    }
}
