// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON
internal import Collectors
internal import DriftCore
internal import Foundation
internal import TransparencyLog

/// `exequatur drift scan`: what of the files is not as it was written down.
struct DriftFilesScan: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scan",
        abstract: "Compare files with a baseline of `drift init`; needs no server.",
        discussion: """
            Exit status 0: all of it was seen, and nothing differs. 2: something differs, or could \
            not be seen. 1: the scan itself failed, or the baseline is damaged.
            """)

    /// Fewer hex digits could be hit by trying.
    private static let shortestDigest = 16

    @Option(help: "The file that `drift init` wrote.", completion: .file())
    var baseline: String

    @Option(help: "Look only at this path, and what is below it.", completion: .file())
    var only: String?

    @Option(
        help: ArgumentHelp(
            "The digest that `drift init` printed, at least 16 hex digits of it.",
            valueName: "digest"))
    var expect: String?

    @Option(
        help: ArgumentHelp("Read what matches even if the cache knows it.", valueName: "glob"))
    var always: [String] = []

    @Option(
        help: ArgumentHelp(
            "With a cache, read everything again within so many scans.", valueName: "n"))
    var rereadWithin = FileScanOptions.defaultRereadWithin

    @OptionGroup var common: DriftFilesOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let report = try DriftFiles.attempt { try scan() }
        try output.print(
            ScanReport.json(report, baseline: baseline),
            or: ScanReport.lines(report, baseline: baseline).map(TerminalText.escaped))
        if !report.isClean { throw DriftExit.drift }
    }

    private func scan() throws -> FileBaseline.Report {
        let reader = try BaselineReader(path: baseline)
        try checkDigest(reader)
        var options = reader.header.options
        options.always = try PathGlobs(always)
        guard (1...10_000).contains(rereadWithin) else {
            throw CLIError.usage("`--reread-within \(rereadWithin)`: from 1 to 10,000 scans")
        }
        options.rereadWithin = rereadWithin
        options.workers = try common.threads
        if let cache = common.cache { try common.check(cache, "--cache", against: options) }
        if reader.header.user != Int64(geteuid()) {
            Output.note(
                "the baseline was written by user \(reader.header.user), who may see other things")
        }
        let place = only.map { Array(LocalFile.absolute($0).utf8) }
        if let place { options = try options.only(place) }
        var cache = common.readCache()
        let report = try FileBaseline.scan(
            reader, options: options, fields: try fields(reader.header),
            only: place == nil ? nil : options.roots.first, cache: &cache,
            now: SystemClock.wall())
        // A part of the tree would make it forget the rest.
        if place == nil { common.write(cache) }
        return report
    }

    private func checkDigest(_ reader: BaselineReader) throws {
        guard let expect else { return }
        let digits = expect.hasPrefix("sha256:") ? String(expect.dropFirst(7)) : expect
        guard digits.utf8.count >= Self.shortestDigest else {
            throw CLIError.usage(
                "`--expect \(expect)`: give at least \(Self.shortestDigest) hex digits")
        }
        guard reader.digest.hex.utf8.starts(with: digits.utf8) else {
            throw CLIError(
                "`\(baseline)` is not the one you expect: its digest is "
                    + "`sha256:\(reader.digest.hex)`")
        }
    }

    private func fields(_ header: BaselineHeader) throws -> FieldReading {
        var bytes = [UInt8](repeating: 0, count: 32)
        if let name = header.key {
            let key = try RedactionKey(reading: "\(baseline).key")
            guard key.name == name else {
                throw CLIError("`\(baseline).key` is not the key of this baseline")
            }
            bytes = key.bytes
        }
        return FieldReading(
            parse: DriftFiles.parse,
            redactor: try Redactor(key: bytes, secrets: header.secrets),
            hasSecrets: !header.secrets.isEmpty)
    }
}
