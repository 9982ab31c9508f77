// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import ArgumentParser
internal import CanonicalJSON
internal import TransparencyLog

struct Audit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Read the ledger.", subcommands: [Tail.self, Export.self])

    struct Tail: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "tail", abstract: "Show the latest entries.")

        @Option(name: [.short, .long], help: "How many.")
        var number: Int64 = 20

        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func validate() throws {
            guard (1...AuditPages.size).contains(number) else {
                throw ValidationError("`--number` must be between 1 and \(AuditPages.size)")
            }
        }

        func perform(_ api: APIClient) async throws {
            let size = try await AuditPages.treeSize(api)
            let page = try await AuditPages.page(
                api, from: max(0, size - number), limit: number)
            try output.print(.array(page), or: AuditText.lines(page))
        }
    }

    struct Export: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "export",
            abstract:
                "Write every entry, one JSON value on each line, or the evidence of a period.",
            discussion: """
                With --from and --to it reads the whole ledger, checks it against the signed \
                checkpoint and writes into a new folder: the period's entries, and a report with \
                counts and the exceptions that an auditor asks for first. The export is an entry.
                """)

        enum Format: String, ExpressibleByArgument, CaseIterable {
            case jsonl
        }

        @Option(help: "The format.")
        var format = Format.jsonl

        @Option(help: "A ledger index to begin at; with --to a day or an instant.")
        var from = "0"

        @Option(help: "The first day or instant after the period.")
        var to: String?

        @Option(help: "The new folder for the evidence of a period.")
        var out: String?

        @Option(help: "The log's public key, as `log.vkey` has it; otherwise the server is asked.")
        var key: String?

        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func validate() throws {
            guard (to == nil) == (out == nil) else {
                throw ValidationError("`--to` and `--out` belong together")
            }
            guard to != nil || Int64(from).map({ $0 >= 0 }) ?? false else {
                throw ValidationError("`--from`: an index that is not negative")
            }
        }

        func perform(_ api: APIClient) async throws {
            guard let to, let out else { return try await entries(api) }
            let text: String
            if let key {
                text = key
            } else {
                // Better than nothing: it shows that the server is at one with itself.
                text = String(
                    decoding: try await api.bytes(APIPath("/log/vkey")), as: UTF8.self)
                Output.note("the log's key is the server's own word: give --key to pin it")
            }
            let report = try await AuditPeriod.export(
                api, from: try AuditPeriod.instant(from), to: try AuditPeriod.instant(to),
                key: try VerifierKey(vkey: String(text.filter { !$0.isNewline })), folder: out)
            try output.print(report.json, or: AuditPeriod.lines(report, out))
        }

        /// Ends at the size the ledger had at the start, so that it ends.
        private func entries(_ api: APIClient) async throws {
            let size = try await AuditPages.treeSize(api)
            var next = Int64(from) ?? 0
            while next < size {
                let page = try await AuditPages.page(
                    api, from: next, limit: min(AuditPages.size, size - next))
                for entry in page {
                    guard entry["index"]?.intValue == next else {
                        throw CLIError("the server left out entry \(next): run `exequatur fsck`")
                    }
                    next += 1
                    try Output.json(entry)
                }
                guard !page.isEmpty else {
                    throw CLIError("the server has no entry \(next): run `exequatur fsck`")
                }
            }
        }
    }
}

/// The ledger in pages.
enum AuditPages {
    static let size: Int64 = 500

    static func treeSize(_ api: APIClient) async throws -> Int64 {
        guard let size = try await api.get(APIPath("/v1/status"))["treeSize"]?.intValue else {
            throw CLIError("the server does not tell the size of its ledger")
        }
        return size
    }

    static func page(_ api: APIClient, from: Int64, limit: Int64) async throws -> [JSON] {
        let path = APIPath("/v1/audit").query("from", "\(from)").query("limit", "\(limit)")
        return try await api.list(path)
    }
}
