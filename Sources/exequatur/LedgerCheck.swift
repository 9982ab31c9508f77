// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import ControlPlane
internal import Foundation
internal import Storage
internal import TransparencyLog

/// `exequatur fsck`: a data folder against its own signed tree.
enum LedgerCheck {
    static func fsck(data: String, key: String?) async -> EvidenceReport {
        let directory = DataDirectory(path: data)
        guard directory.databaseExists else {
            return undecided("there is no database in `\(data)`: give --data DIR")
        }
        do {
            let pinned = try key.map { try VerifierKey(vkey: $0) }
            guard let verifier = try pinned ?? directory.verifierKey() else {
                return undecided("`\(data)/log.vkey` is missing: give --key VKEY")
            }
            let backend = try SQLiteBackend(path: directory.database)
            let report = Storage.Fsck.run(backend, key: verifier)
            try backend.close()
            return words(report)
        } catch {
            return undecided("the folder can't be checked: \(error)")
        }
    }

    private static func undecided(_ reason: String) -> EvidenceReport {
        EvidenceReport(
            verdict: .indeterminate, lines: [reason],
            json: ["findings": [.string(reason)], "status": "indeterminate"])
    }

    private static func words(_ report: FsckReport) -> EvidenceReport {
        let verdict: EvidenceReport.Verdict =
            switch report.verdict {
            case nil: .valid
            case .tampered: .invalid
            case .incomplete: .incomplete
            default: .indeterminate
            }
        let counts =
            "\(report.entries) entries, \(report.actions) actions and \(report.tiles) tiles checked"
        var lines = [report.isClean ? "clean: \(counts)" : "not clean: \(counts)"]
        lines += report.findings.map(\.description)
        if report.unlisted > 0 { lines.append("and \(report.unlisted) more") }
        var json = report.json.objectValue ?? [:]
        json["status"] = .string(report.isClean ? "clean" : report.verdict?.rawValue ?? "tampered")
        return EvidenceReport(verdict: verdict, lines: lines, json: .object(json))
    }
}
