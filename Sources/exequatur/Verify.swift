// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON
internal import Foundation

struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Verify a receipt, offline.",
        discussion: """
            Exit status 0: valid. 1: invalid or tampered with. 2: incomplete or indeterminate. \
            Without `--key` the answer is 2 at best, because a receipt can carry any key: pin the \
            key (DIR/log.vkey of the server) to know whose log it was.
            """)

    /// The largest receipt that is read.
    static let maximumBytes = 64 * 1_048_576

    @Argument(help: "The receipt, as `exequatur receipt` wrote it.", completion: .file())
    var file: String

    @Option(help: "The log's public key, or a file that holds it.")
    var key: String?

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let bytes = try LocalFile.read(file, limit: Self.maximumBytes)
        try output.finish(ReceiptCheck.verify(bytes: bytes, key: try pinnedKey()))
    }

    /// A verifier key is `name+hash+key` without a slash at its front; all else names a file.
    private func pinnedKey() throws -> String? {
        guard let key else { return nil }
        let isKey = key.utf8.count { $0 == UInt8(ascii: "+") } >= 2 && !key.hasPrefix("/")
        if isKey && !FileManager.default.fileExists(atPath: key) { return key }
        return try LocalFile.readText(key, limit: 4096)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

struct Fsck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fsck",
        abstract: "Check a data folder against its own ledger; the server must be stopped.",
        discussion: """
            Re-hashes every entry and body and replays the ledger. Exit status 0: clean. \
            1: tampered with. 2: incomplete or indeterminate.
            """)

    @Option(help: "The server's data folder.", completion: .directory)
    var data = "exequatur-data"

    @Option(help: "The log's public key, if not the one in the folder.")
    var key: String?

    @OptionGroup var output: OutputOptions

    func run() async throws {
        try output.finish(await LedgerCheck.fsck(data: data, key: key))
    }
}

extension OutputOptions {
    /// Prints a report and ends with the status of its verdict.
    fileprivate func finish(_ report: EvidenceReport) throws {
        try print(report.json, or: report.lines.map(TerminalText.escaped))
        if let status = report.verdict.status { throw ExitCode(status.rawValue) }
    }
}
