// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON

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
            abstract: "Write every entry, one JSON value on each line.")

        enum Format: String, ExpressibleByArgument, CaseIterable {
            case jsonl
        }

        @Option(help: "The format.")
        var format = Format.jsonl

        @Option(help: "Begin at this ledger index.")
        var from: Int64 = 0

        @OptionGroup var connection: ConnectionOptions

        func validate() throws {
            guard from >= 0 else { throw ValidationError("`--from` must not be negative") }
        }

        /// Ends at the size the ledger had at the start, so that it ends.
        func perform(_ api: APIClient) async throws {
            let size = try await AuditPages.treeSize(api)
            var next = from
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
