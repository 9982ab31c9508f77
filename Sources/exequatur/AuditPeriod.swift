// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import Foundation
internal import TransparencyLog

/// `exequatur audit export --from --to`: the evidence of a period, checked here and not believed.
enum AuditPeriod {
    /// Reads an instant or a day: `2026-01-31` begins at midnight UTC.
    static func instant(_ text: String) throws -> Timestamp {
        for candidate in [text, text + "T00:00:00.000Z"] {
            if let instant = Timestamp(candidate) { return instant }
        }
        throw CLIError(
            "`\(TerminalText.escaped(text))` is neither a day such as `2026-01-31` nor an instant "
                + "such as `2026-01-31T09:30:00.000Z`")
    }

    /// Writes the entries of the period, the report and the checkpoint into a folder that is new.
    static func export(
        _ api: APIClient, from: Timestamp, to: Timestamp, key: VerifierKey, folder: String
    ) async throws -> PeriodReport {
        guard from < to else { throw CLIError("`--from` must be before `--to`") }
        guard mkdir(folder, 0o700) == 0 else {
            throw CLIError(
                "`\(folder)` can't be made: \(String(cString: strerror(errno))); name a new folder")
        }
        // The checkpoint first: entries that come meanwhile are not covered by it and not read.
        let note = String(decoding: try await api.bytes(APIPath("/log/checkpoint")), as: UTF8.self)
        let size: UInt64
        do {
            size = try Checkpoint.verified(note, key: key).size
        } catch {
            throw CLIError("the server's checkpoint is not signed by the key you trust: \(error)")
        }
        // What is taken out is noted there, too (the export is in the next period's evidence).
        _ = try await api.post(
            APIPath("/v1/audit/exports"),
            ["from": .string(from.description), "to": .string(to.description)])
        var period = EvidencePeriod(from: from, to: to)
        let path = "\(folder)/entries.jsonl"
        try LocalFile.write([], to: path)
        var next: UInt64 = 0
        while next < size {
            let page = try await AuditPages.page(
                api, from: Int64(next), limit: min(AuditPages.size, Int64(size - next)))
            guard !page.isEmpty else {
                throw CLIError("the server has no entry \(next): run `exequatur fsck`")
            }
            var lines = ""
            for json in page {
                if try period.take(try recorded(json)) {
                    lines += String(decoding: try json.canonicalBytes(), as: UTF8.self) + "\n"
                }
                next += 1
            }
            try LocalFile.append(lines, to: path)
        }
        let report = try period.finish(checkpoint: note, key: key)
        try LocalFile.write(Array(note.utf8), to: "\(folder)/checkpoint")
        try LocalFile.write(try report.json.canonicalBytes(), to: "\(folder)/report.json")
        return report
    }

    private static func recorded(_ json: JSON) throws -> RecordedEntry {
        guard let index = json["index"]?.intValue, index >= 0, let core = json["core"],
            let salt = json["coreSalt"]?.stringValue.flatMap({ Hash256(hex: $0) }),
            let leaf = json["leaf"]
        else { throw CLIError("the server's answer is no entry: is it of this version?") }
        return RecordedEntry(
            index: UInt64(index), entry: try LedgerEntry(leaf: try leaf.canonicalBytes()),
            coreSalt: salt, core: try core.canonicalBytes(), bodySalt: nil, body: nil)
    }

    static func lines(_ report: PeriodReport, _ folder: String) -> [String] {
        let entries = report.counts.values.reduce(0, +)
        var lines = [
            "\(entries) entries from \(report.from) to \(report.to), out of \(report.treeSize) that "
                + "\(report.origin) has signed",
            "actions: " + words(report.verdicts), "entries: " + words(report.counts),
            "unsealed entries: \(report.unsealed)",
        ]
        var kinds: [String: Int64] = [:]
        for exception in report.exceptions { kinds[exception.kind.rawValue, default: 0] += 1 }
        for kind in PeriodReport.Kind.allCases {
            lines.append("\(kind.rawValue): \(kinds[kind.rawValue] ?? 0)")
        }
        lines.append("written to \(TerminalText.escaped(folder))")
        return lines
    }

    private static func words(_ counts: [String: Int64]) -> String {
        counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }
}
