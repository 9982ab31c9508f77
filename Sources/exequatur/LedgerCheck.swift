// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import ControlPlane
internal import Storage
internal import TransparencyLog

/// `exequatur fsck`: the store's own check, in words.
enum LedgerCheck {
    /// Checks the data folder with the pinned key, otherwise with the one that is kept in it.
    ///
    /// What cannot even be opened is `indeterminate`: nothing is known, so nothing is clean.
    static func fsck(data: String, key: String?) -> EvidenceReport {
        let directory = DataDirectory(path: data)
        guard directory.databaseExists else {
            return undecided("`\(data)` holds no ledger: name the server's folder with `--data`")
        }
        do {
            guard
                let verifier = try key.map({ try VerifierKey(vkey: $0) })
                    ?? directory.verifierKey()
            else {
                return undecided("`\(data)/log.vkey` is missing: give the log's key with `--key`")
            }
            let backend = try SQLiteBackend(path: directory.database)
            let report = Storage.Fsck.run(backend, key: verifier)
            try backend.close()
            return evidence(report)
        } catch {
            return undecided("cannot check `\(data)`: \(error)")
        }
    }

    private static func evidence(_ report: FsckReport) -> EvidenceReport {
        let counted = "\(report.entries) entries, \(report.actions) actions, \(report.tiles) tiles"
        guard let verdict = report.verdict else {
            return EvidenceReport(verdict: .valid, lines: ["clean: \(counted)"], json: report.json)
        }
        var lines = ["\(verdict.rawValue): \(counted)"] + report.findings.map(\.description)
        if report.unlisted > 0 { lines.append("and \(report.unlisted) more") }
        return EvidenceReport(
            verdict: Self.verdict(verdict), lines: lines, json: report.json)
    }

    private static func verdict(_ kind: FsckReport.Kind) -> EvidenceReport.Verdict {
        switch kind {
        case .tampered: .invalid
        case .incomplete: .incomplete
        case .unknownKey, .indeterminate: .indeterminate
        }
    }

    private static func undecided(_ text: String) -> EvidenceReport {
        EvidenceReport(
            verdict: .indeterminate, lines: [text],
            json: ["findings": [.string(text)], "ok": false, "verdict": "indeterminate"])
    }
}
