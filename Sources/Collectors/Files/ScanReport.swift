// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
package import CanonicalJSON
package import DriftCore
internal import TransparencyLog

/// What a scan says, for programs and for people.
package enum ScanReport {
    /// The most lines of text; a program reads all of it as JSON.
    package static let maximumLines = 2000

    package static func json(_ report: FileBaseline.Report, baseline: String) -> JSON {
        [
            "baseline": [
                "digest": .string("sha256:\(report.digest.hex)"),
                "host": .string(report.header.host), "path": .string(baseline),
                "root": .string("sha256:\(report.root.hex)"),
                "time": .string(report.header.time.description),
            ],
            "counts": [
                "added": .int(report.counts.added), "changed": .int(report.counts.changed),
                "deviations": .int(report.counts.deviations),
                "excluded": .int(report.scan.excluded), "gaps": .int(report.counts.gaps),
                "notEntered": .int(report.scan.notEntered),
                "removed": .int(report.counts.removed), "scanned": .int(report.scan.leaves),
                "unchanged": .int(report.counts.unchanged),
                "unobserved": .int(report.counts.unobserved),
            ],
            "deviations": .array(report.deviations.map(json)),
            "gaps": .array(report.gaps.map(json)),
        ]
    }

    package static func json(_ gap: CoverageGap) -> JSON {
        [
            "cause": .string(gap.cause.rawValue), "detail": .string(gap.detail),
            "subject": gap.subject.map(JSON.string) ?? JSON.null,
        ]
    }

    private static func json(_ deviation: FileDeviation) -> JSON {
        [
            "after": deviation.after ?? JSON.null, "before": deviation.before ?? JSON.null,
            "operation": .string(deviation.operation.rawValue),
            "path": .string(deviation.path.description),
            "pointer": .string(deviation.pointer.description),
            "subject": .string(deviation.subject),
        ]
    }

    /// One line for each deviation, then the gaps, then a summary; not yet safe for a terminal.
    ///
    /// By subject, and what follows from another deviation is left out.
    package static func lines(_ report: FileBaseline.Report, baseline: String) -> [String] {
        var lines = grouped(report.deviations)
        let shown = report.deviations.count
        if report.counts.deviations > shown {
            lines.append("… and \(report.counts.deviations - shown) more deviations")
        }
        lines += report.gaps.map(line)
        if report.counts.gaps > report.gaps.count {
            lines.append("… and \(report.counts.gaps - report.gaps.count) more gaps")
        }
        if lines.count > maximumLines {
            let more = lines.count - maximumLines
            lines = lines.prefix(maximumLines) + ["… and \(more) more lines; --json has all"]
        }
        return lines + [summary(report)]
    }

    package static func line(_ gap: CoverageGap) -> String {
        "gap      \(path(gap.subject ?? "")): \(gap.cause.rawValue): \(gap.detail)"
    }

    private static func summary(_ report: FileBaseline.Report) -> String {
        let counts = report.counts
        var parts = [
            "\(report.scan.leaves) scanned", "\(counts.changed) changed", "\(counts.added) added",
            "\(counts.removed) removed", "\(counts.gaps) gaps",
        ]
        if counts.unobserved > 0 { parts.append("\(counts.unobserved) not seen") }
        if report.scan.excluded > 0 { parts.append("\(report.scan.excluded) excluded") }
        if report.scan.notEntered > 0 {
            parts.append("\(report.scan.notEntered) other file systems not entered")
        }
        let since = "as of \(report.header.time)"
        return
            "\(report.isClean ? "no drift" : "drift"): \(parts.joined(separator: ", ")) (\(since))"
    }

    private static func path(_ subject: String) -> String {
        subject.utf8.starts(with: FilePath.prefix.utf8)
            ? String(subject.dropFirst(FilePath.prefix.count)) : subject
    }
}

extension ScanReport {
    /// What is in an added or removed folder is counted with it.
    private static func grouped(_ deviations: [FileDeviation]) -> [String] {
        var lines: [String] = []
        var index = 0
        while index < deviations.count {
            let first = deviations[index]
            var end = index + 1
            if first.path.steps.isEmpty {
                let folder = Array(first.subject.utf8)
                while end < deviations.count, deviations[end].operation == first.operation,
                    deviations[end].path.steps.isEmpty,
                    FilePath.isInside(Array(deviations[end].subject.utf8), folder)
                {
                    end += 1
                }
                lines.append(whole(first, below: end - index - 1))
            } else {
                while end < deviations.count, !deviations[end].path.steps.isEmpty,
                    UTF8Bytes.areEqual(deviations[end].subject, first.subject)
                {
                    end += 1
                }
                lines += fields(Array(deviations[index..<end]))
            }
            index = end
        }
        return lines
    }

    private static func whole(_ deviation: FileDeviation, below: Int) -> String {
        let isNew = deviation.operation == .add
        let document = (isNew ? deviation.after : deviation.before) ?? JSON.null
        var what = document["type"]?.stringValue ?? "entry"
        if let mode = document["mode"]?.stringValue { what += " \(mode)" }
        if let owner = document["uid"]?.intValue, let group = document["gid"]?.intValue {
            what += " \(owner):\(group)"
        }
        if let size = document["size"]?.intValue { what += ", \(size) bytes" }
        if let target = document["target"]?.stringValue { what += " → \(target)" }
        if below > 0 { what += ", with \(below) below it" }
        return "\(isNew ? "added  " : "removed")  \(path(deviation.subject)): \(what)"
    }

    /// Size and digest of a structured file follow from its fields, the rest of a file that became
    /// another type of thing follows from that.
    private static func fields(_ deviations: [FileDeviation]) -> [String] {
        func names(_ deviation: FileDeviation, _ name: String) -> Bool {
            guard case .member(let first)? = deviation.path.steps.first else { return false }
            return UTF8Bytes.areEqual(first, name)
        }
        let hasFields = deviations.contains { names($0, "content") }
        let retyped = deviations.first { names($0, "type") }
        let shown: [FileDeviation] =
            if let retyped {
                [retyped]
            } else {
                deviations.filter {
                    !hasFields || !(names($0, "sha256") || names($0, "size"))
                }
            }
        return shown.map {
            let place = $0.path.description.dropFirst()
            return "changed  \(path($0.subject)): \(place): \(text($0.before)) → \(text($0.after))"
        }
    }

    private static func text(_ value: JSON?) -> String {
        guard let value else { return "nothing" }
        let text = value.stringValue ?? value.description
        return text.utf8.count <= 160 ? text : text.prefix(150) + "…"
    }
}
